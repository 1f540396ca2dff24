/* Every kind of latent with every posterior and prior, by finite differences through relaxed sampling: features, what the prior
 * is given, and all parameters. */
#include "differences.h"

#include <stdio.h>

#include "math/categorical.h"
#include "vae/stochastic.h"

enum { BATCH = 3, FEATURES = 4, GIVEN = 3 };

typedef struct setting {
    const char *latent, *posterior, *prior, *kl;
    size_t given, samples;
    const char *more; /* one further option, or NULL */
    double free_bits;
} setting;

typedef struct latent_case {
    elbow_stochastic layer;
    elbow_params params;
    elbow_arena *arena;
    elbow_pass pass;
    elbow_objective objective;
    size_t rows;
    real *features, *given, *dz; /* dz: weights of z in the loss */
    real *theta, *gradient;
} latent_case;

/* Σ dz z − weight · objective, z the soft samples. */
static double loss(void *context) {
    latent_case *c = context;
    elbow_terms terms = {0};
    elbow_stochastic_forward(&c->layer, &c->pass, c->features, NULL, BATCH, c->rows / BATCH);
    const real *z = elbow_stochastic_relax(&c->layer, &c->pass, c->objective.temperature, ELBOW_DRAW_RELAXED);
    double sum = dot(c->dz, z, c->rows * c->layer.z_width);
    elbow_stochastic_condition(&c->layer, &c->pass, c->given, true);
    elbow_stochastic_receive(&c->layer, hold_zeros(c->rows * c->layer.z_width));
    elbow_stochastic_divergence(&c->layer, &c->pass, &c->objective, &terms);
    free(held[--held_count]);
    return sum - c->objective.weight * terms.objective;
}

static void set(elbow_options *options, const char *key, const char *value) {
    char text[256];
    snprintf(text, sizeof text, "%s=%s", key, value);
    assert_int_equal(elbow_options_set(options, text), ELBOW_OK);
}

static elbow_status try_make(latent_case *c, const setting *s) {
    elbow_options *options = NULL;
    *c = (latent_case){.rows = BATCH * s->samples};
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    set(options, "model.latent", s->latent);
    set(options, "model.posterior", s->posterior);
    set(options, "model.prior", s->prior);
    set(options, "objective.kl", s->kl);
    set(options, "model.components", "4");
    if (s->more) assert_int_equal(elbow_options_set(options, s->more), ELBOW_OK);
    elbow_status status = elbow_stochastic_create(&c->layer, s->latent, 0, options);
    size_t of = c->layer.count;
    if (status == ELBOW_OK)
        status = elbow_stochastic_declare_posterior(&c->layer, of, FEATURES, options, &c->params);
    if (status == ELBOW_OK)
        status = elbow_stochastic_declare_prior(&c->layer, of, s->given, false, options, &c->params);
    elbow_options_destroy(&options);
    return status;
}

static void make(latent_case *c, const setting *s) {
    if (try_make(c, s) != ELBOW_OK) fail_msg("%s: %s", s->latent, elbow_error_message());
    assert_int_equal(elbow_arena_create(&c->arena), ELBOW_OK);
    assert_int_equal(elbow_stochastic_reserve(&c->layer, c->rows, s->samples, true, c->arena), ELBOW_OK);
    c->theta = hold_parameters(&c->params, "test.theta", 0.8);
    c->gradient = hold_zeros(c->params.size);
    c->pass = (elbow_pass){
        .parameters = c->theta, .gradients = c->gradient, .seed = 4, .shard = 2, .step = 77, .purpose = ""};
    c->objective =
        (elbow_objective){.temperature = 0.7, .beta = 1.3, .free_bits = s->free_bits, .weight = 0.3};
    c->features = hold_reals("test.features", c->rows * FEATURES, -2, 2);
    if (s->given) c->given = hold_reals("test.given", c->rows * s->given, -2, 2);
    c->dz = hold_reals("test.dz", c->rows * c->layer.z_width, -1, 1);
}

static void drop(latent_case *c) {
    elbow_stochastic_destroy(&c->layer);
    elbow_params_destroy(&c->params);
    elbow_arena_destroy(&c->arena);
    release_held();
}

/* Forward and back, in the order of group.h. Gradients of the inputs are copies. */
static void run(latent_case *c, elbow_draw draw, real **dfeatures, real **dgiven) {
    elbow_terms terms = {0};
    size_t rows = c->rows;
    real temperature = c->objective.temperature;
    real *dz = hold_copy(c->dz, rows * c->layer.z_width * sizeof *dz, 0);
    memset(c->gradient, 0, c->params.size * sizeof *c->gradient);
    elbow_stochastic_forward(&c->layer, &c->pass, c->features, NULL, BATCH, rows / BATCH);
    elbow_stochastic_relax(&c->layer, &c->pass, temperature, draw);
    elbow_stochastic_condition(&c->layer, &c->pass, c->given, true);
    elbow_stochastic_receive(&c->layer, dz);
    elbow_stochastic_divergence(&c->layer, &c->pass, &c->objective, &terms);
    const real *from = elbow_stochastic_prior_backward(&c->layer, &c->pass, c->given);
    *dgiven = from ? hold_copy(from, rows * c->layer.prior_features * sizeof *from, 0) : NULL;
    elbow_stochastic_relax_backward(&c->layer, &c->pass, temperature, draw);
    from = elbow_stochastic_backward(&c->layer, &c->pass, c->features);
    *dfeatures = hold_copy(from, rows * FEATURES * sizeof *from, 0);
}

static void one(const setting *s) {
    latent_case c;
    char what[256];
    real *dfeatures, *dgiven;
    make(&c, s);
    snprintf(what, sizeof what, "%s, %s, %s, %s", s->latent, s->posterior, s->prior, s->kl);
    run(&c, ELBOW_DRAW_RELAXED, &dfeatures, &dgiven);
    real *kept = hold_copy(c.gradient, c.params.size * sizeof *kept, 0);
    check_gradient(what, loss, &c, c.features, dfeatures, c.rows * FEATURES);
    if (s->given) check_gradient(what, loss, &c, c.given, dgiven, c.rows * s->given);
    check_gradient(what, loss, &c, c.theta, kept, c.params.size);
    check_gaps(&c.params, kept);
    drop(&c);
}

static void gradients(void **state) {
    (void)state;
    static const char *const kinds[] = {"categorical 3x4", "bernoulli 5", "gaussian 4"};
    static const char *const posteriors[] = {"factorised", "autoregressive"};
    static const char *const priors[] = {"standard", "learned", "autoregressive"};
    static const char *const kls[] = {"analytic", "sampled", "relaxed"};
    for (size_t k = 0; k < 3; ++k)
        for (size_t q = 0; q < 2; ++q)
            for (size_t p = 0; p < 3; ++p)
                for (size_t how = 0; how < 3; ++how)
                    one(&(setting){kinds[k], posteriors[q], priors[p], kls[how],
                                   p > 0 && how != 1 ? GIVEN : 0, 1 + how, NULL, 0});
}

static void mixtures_and_more(void **state) {
    (void)state;
    static const setting settings[] = {
        {"gaussian 3", "factorised", "mixture", "analytic", 0, 2, NULL, 0},
        {"gaussian 3", "autoregressive", "mixture", "sampled", 0, 1, "model.scale=softplus", 0},
        {"categorical 3x4", "factorised", "mixture", "analytic", 0, 1, NULL, 0},
        {"bernoulli 5", "autoregressive", "mixture", "sampled", 0, 2, NULL, 0},
        {"gaussian 4", "factorised", "standard", "analytic", 0, 1, "model.scale=softplus", 0},
        {"gaussian 4", "autoregressive", "autoregressive", "analytic", GIVEN, 2, "model.scale=softplus", 0},
        {"categorical 1x3", "autoregressive", "autoregressive", "analytic", 0, 1, NULL, 0},
        {"categorical 3x4, gaussian 2, bernoulli 3", "autoregressive", "learned", "relaxed", 0, 2, NULL, 0},
        {"categorical 2x3, gaussian 2, bernoulli 3", "factorised, autoregressive, autoregressive",
         "autoregressive, mixture, standard", "analytic", 0, 2, NULL, 0.3},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i) one(&settings[i]);
}

/* ---- hard samples that pass gradients straight through, variable after variable ---- */

enum { L = 3, K = 3, W = L * K };

typedef struct straight {
    latent_case c;
    real away[BATCH * W]; /* hard − soft where it was differentiated */
} straight;

/* The autoregressive posterior in plain loops, with z = soft + a constant in place of the hard sample. */
static double plain_straight(void *context) {
    straight *s = context;
    latent_case *c = &s->c;
    const elbow_group *group = &c->layer.groups[0];
    const real *w = c->theta + elbow_params_find(&c->params, "posterior.0.weight")->offset;
    const real *b = c->theta + elbow_params_find(&c->params, "posterior.0.bias")->offset;
    const real *u = c->theta + elbow_params_find(&c->params, "posterior.0.chain")->offset;
    double sum = 0;
    for (size_t r = 0; r < BATCH; ++r) {
        real z[W], head[K], log_q[K], kl;
        for (size_t l = 0; l < L; ++l) {
            for (size_t k = 0; k < K; ++k) {
                size_t i = l * K + k;
                head[k] = b[i] + dot(w + i * FEATURES, c->features + r * FEATURES, FEATURES) +
                          dot(u + i * W, z, l * K);
            }
            elbow_log_softmax(log_q, head, 1, K);
            elbow_gumbel_softmax(z + l * K, log_q, group->words + r * W + l * K, 1, K,
                                 c->objective.temperature);
            for (size_t k = 0; k < K; ++k) z[l * K + k] += s->away[r * W + l * K + k];
            elbow_categorical_kl_uniform(&kl, log_q, 1, K);
            sum += c->objective.weight * c->objective.beta * kl;
        }
        sum += dot(c->dz + r * W, z, W);
    }
    return sum;
}

static void straight_through(void **state) {
    (void)state;
    static straight s;
    real *dfeatures, *dgiven;
    make(&s.c, &(setting){"categorical 3x3", "autoregressive", "uniform", "analytic", 0, 1, NULL, 0});
    run(&s.c, true, &dfeatures, &dgiven);
    const elbow_group *group = &s.c.layer.groups[0];
    for (size_t i = 0; i < BATCH * W; ++i) {
        assert_true(group->z[i] == 0 || group->z[i] == 1);
        s.away[i] = group->z[i] - group->soft[i];
    }
    real *kept = hold_copy(s.c.gradient, s.c.params.size * sizeof *kept, 0);
    check_gradient("straight through", plain_straight, &s, s.c.features, dfeatures, BATCH * FEATURES);
    check_gradient("straight through", plain_straight, &s, s.c.theta, kept, s.c.params.size);
    drop(&s.c);
}

/* What is above the diagonal of a chain has no gradient, exactly. */
static void triangle(void **state) {
    (void)state;
    latent_case c;
    real *dfeatures, *dgiven;
    make(&c, &(setting){"gaussian 4", "autoregressive", "autoregressive", "analytic", 0, 1, NULL, 0});
    run(&c, ELBOW_DRAW_RELAXED, &dfeatures, &dgiven);
    static const char *const names[] = {"posterior.0.chain", "prior.0.chain"};
    for (int n = 0; n < 2; ++n) {
        const elbow_tensor *tensor = elbow_params_find(&c.params, names[n]);
        const real *d = c.gradient + tensor->offset;
        assert_true(tensor->shape[0] == 8 && tensor->shape[1] == 4 && tensor->bound == 0);
        for (size_t i = 0; i < 8; ++i)
            for (size_t j = 0; j < 4; ++j) assert_true((d[i * 4 + j] != 0) == (j < i / 2));
    }
    drop(&c);
}

static void refused(void **state) {
    (void)state;
    static const setting settings[] = {
        {"gaussian 2x3", "factorised", "standard", "analytic", 0, 1, NULL, 0},
        {"gaussian 0", "factorised", "standard", "analytic", 0, 1, NULL, 0},
        {"bernoulli -1", "factorised", "standard", "analytic", 0, 1, NULL, 0},
        {"bernoulli 99999999", "factorised", "standard", "analytic", 0, 1, NULL, 0},
        {"bernoulli 3", "autoregresive", "standard", "analytic", 0, 1, NULL, 0},
        {"bernoulli 3", "autoregressive", "standard", "analytic", 0, 1, "model.logits=relu", 0},
        {"bernoulli 3", "factorised", "normal", "analytic", 0, 1, NULL, 0},
        {"gaussian 3", "factorised", "uniform", "analytic", 0, 1, NULL, 0},
        {"bernoulli 3", "factorised", "mixture", "relaxed", 0, 1, NULL, 0},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i) {
        latent_case c;
        if (try_make(&c, &settings[i]) == ELBOW_OK)
            fail_msg("setting %zu (%s) is taken", i, settings[i].latent);
        elbow_stochastic_destroy(&c.layer);
        elbow_params_destroy(&c.params);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients), cmocka_unit_test(mixtures_and_more), cmocka_unit_test(straight_through),
        cmocka_unit_test(triangle),  cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
