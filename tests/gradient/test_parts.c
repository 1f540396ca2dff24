/* The parts of a model one by one: a likelihood under any row weights, a stochastic layer's samples and KL. */
#include "differences.h"

#include <stdio.h>

#include "vae/likelihood.h"
#include "vae/stochastic.h"

static elbow_options *options_with(const char *const *settings) {
    elbow_options *options = NULL;
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    for (; *settings; ++settings) assert_int_equal(elbow_options_set(options, *settings), ELBOW_OK);
    return options;
}

static const elbow_field field = {
    .kind = "image", .height = 2, .width = 5, .channels = 1, .dimensions = 10, .maximum = 255};

typedef struct likelihood_case {
    elbow_likelihood likelihood;
    elbow_pass pass;
    size_t rows, batch;
    real *features, *x, *log_px, *weights;
} likelihood_case;

static double likelihood_loss(void *context) {
    likelihood_case *c = context;
    c->likelihood.ops->forward(&c->likelihood, &c->pass, c->log_px, c->features, c->x, c->rows, c->batch);
    return dot(c->weights, c->log_px, c->rows);
}

/* Three draws of four examples: row r has target r mod 4, and a weight of any sign and size. */
static void likelihood(void **state) {
    (void)state;
    enum { BATCH = 4, ROWS = 3 * BATCH, FEATURES = 6 };
    elbow_params params = {0};
    elbow_arena *arena = NULL;
    elbow_options *options = options_with((const char *[]){NULL});
    likelihood_case c = {.rows = ROWS, .batch = BATCH};
    assert_int_equal(elbow_arena_create(&arena), ELBOW_OK);
    assert_int_equal(elbow_likelihood_create(&c.likelihood, options, FEATURES, &field, &params), ELBOW_OK);
    assert_int_equal(c.likelihood.ops->reserve(&c.likelihood, ROWS, true, arena), ELBOW_OK);
    real *theta = hold_parameters(&params, "test.theta", 1), *gradient = hold_zeros(params.size);
    c.pass = (elbow_pass){.parameters = theta, .gradients = gradient, .purpose = ""};
    c.features = hold_reals("test.features", ROWS * FEATURES, -2, 2);
    c.x = hold_reals("test.x", BATCH * field.dimensions, 0, 1);
    for (size_t i = 0; i < BATCH * field.dimensions; i += 3) c.x[i] = (real)(i % 2); /* grey, and bits */
    c.log_px = hold_zeros(ROWS);
    c.weights = hold_reals("test.weights", ROWS, -2, 2);
    c.weights[3] = 0;

    real *dfeatures = hold_reals("test.old", ROWS * FEATURES, 5, 9);
    likelihood_loss(&c);
    c.likelihood.ops->backward(&c.likelihood, &c.pass, dfeatures, c.weights, c.features, ROWS);
    check_gradient("features", likelihood_loss, &c, c.features, dfeatures, ROWS * FEATURES);
    check_gradient("likelihood", likelihood_loss, &c, theta, gradient, params.size);
    for (size_t i = 0; i < FEATURES; ++i) assert_true(dfeatures[3 * FEATURES + i] == 0);
    check_gaps(&params, gradient);

    /* Its value, plainly; and the same without gradients wanted. */
    const real *w = theta + elbow_params_find(&params, "likelihood.weight")->offset;
    const real *b = theta + elbow_params_find(&params, "likelihood.bias")->offset;
    for (int wanted = 0; wanted < 2; ++wanted) {
        c.pass.gradients = wanted ? gradient : NULL;
        likelihood_loss(&c);
        for (size_t r = 0; r < ROWS; ++r) {
            double log_px = 0;
            for (size_t d = 0; d < field.dimensions; ++d) {
                double l = b[d] + dot(w + d * FEATURES, c.features + r * FEATURES, FEATURES);
                log_px += c.x[r % BATCH * field.dimensions + d] * l - log1p(exp(l));
            }
            assert_true(fabs(log_px - c.log_px[r]) < 1e-12 * fabs(log_px));
        }
    }
    elbow_likelihood_destroy(&c.likelihood);
    elbow_params_destroy(&params);
    elbow_arena_destroy(&arena);
    elbow_options_destroy(&options);
    release_held();
}

enum { ROWS = 5, FEATURES = 4, SAMPLES = 3 };

typedef struct latent_case {
    elbow_stochastic layer;
    elbow_pass pass;
    elbow_objective objective;
    size_t samples;
    real *features;
    real *dz; /* weights of z in the loss */
} latent_case;

/* −weight · (−β Σ max(KL, free bits)) + Σ dz z, z the soft samples. */
static double latent_loss(void *context) {
    latent_case *c = context;
    elbow_terms terms = {0};
    elbow_stochastic_forward(&c->layer, &c->pass, c->features, ROWS);
    const real *z = elbow_stochastic_relax(&c->layer, &c->pass, c->objective.temperature, false, c->samples);
    double sum = dot(c->dz, z, c->samples * ROWS * c->layer.z_width);
    elbow_stochastic_divergence(&c->layer, &c->pass, &c->objective, &terms);
    return sum - c->objective.weight * terms.objective;
}

typedef struct latent_setting {
    const char *latent, *logits;
    size_t samples;
    double temperature, beta, free_bits;
} latent_setting;

static void one_latent(const latent_setting *s) {
    char latent[256], logits[256];
    snprintf(latent, sizeof latent, "model.latent=%s", s->latent);
    snprintf(logits, sizeof logits, "model.logits=%s", s->logits);
    elbow_options *options = options_with((const char *[]){latent, logits, NULL});
    elbow_params params = {0};
    elbow_arena *arena = NULL;
    latent_case c = {.samples = s->samples};
    assert_int_equal(elbow_arena_create(&arena), ELBOW_OK);
    assert_int_equal(elbow_stochastic_create(&c.layer, options, FEATURES, &params), ELBOW_OK);
    assert_int_equal(elbow_stochastic_declare_prior(&c.layer, options, &params), ELBOW_OK);
    assert_int_equal(elbow_stochastic_reserve(&c.layer, ROWS, s->samples, true, arena), ELBOW_OK);
    size_t width = c.layer.z_width, count = s->samples * ROWS * width;
    real *theta = hold_parameters(&params, "test.theta", 1), *gradient = hold_zeros(params.size);
    c.pass = (elbow_pass){
        .parameters = theta, .gradients = gradient, .seed = 4, .shard = 2, .step = 77, .purpose = ""};
    c.objective = (elbow_objective){.temperature = s->temperature,
                                    .beta = s->beta,
                                    .free_bits = s->free_bits,
                                    .samples = s->samples,
                                    .weight = 0.3};
    c.features = hold_reals("test.features", ROWS * FEATURES, -2, 2);
    c.dz = hold_reals("test.dz", count, -1, 1);

    for (int hard = 0; hard < 2; ++hard) { /* a hard sample's way back is that of the soft one */
        elbow_terms terms = {0};
        memset(gradient, 0, params.size * sizeof *gradient);
        real *dz = hold_copy(c.dz, count * sizeof *dz, 0);
        elbow_stochastic_forward(&c.layer, &c.pass, c.features, ROWS);
        elbow_stochastic_relax(&c.layer, &c.pass, s->temperature, hard, s->samples);
        elbow_stochastic_receive(&c.layer, dz, s->samples);
        elbow_stochastic_divergence(&c.layer, &c.pass, &c.objective, &terms);
        elbow_stochastic_relax_backward(&c.layer, &c.pass, s->temperature, hard, s->samples);
        const real *from = elbow_stochastic_backward(&c.layer, &c.pass, c.features);
        real *dfeatures = hold_copy(from, ROWS * FEATURES * sizeof *from, 0);
        real *kept = hold_copy(gradient, params.size * sizeof *gradient, 0);
        check_gradient(s->latent, latent_loss, &c, c.features, dfeatures, ROWS * FEATURES);
        check_gradient(s->latent, latent_loss, &c, theta, kept, params.size);
        check_gaps(&params, kept);
        assert_true(fabs(terms.elbo + terms.kl) < 1e-12 && terms.reconstruction == 0);
    }
    elbow_stochastic_destroy(&c.layer);
    elbow_params_destroy(&params);
    elbow_arena_destroy(&arena);
    elbow_options_destroy(&options);
    release_held();
}

static void latents(void **state) {
    (void)state;
    static const latent_setting settings[] = {
        {"categorical 3x4", "linear", 1, 1, 1, 0},
        {"categorical 3x4", "relu", 1, 0.5, 1, 0},
        {"categorical 3x4", "linear", SAMPLES, 0.7, 0.25, 0},
        {"categorical 1x2", "linear", 1, 2, 3, 0},
        {"categorical 3x4", "linear", 1, 1, 0, 0}, /* no KL term at all */
        {"categorical 3x4, categorical 2x5", "linear", 1, 1, 1, 0},
        {"categorical 3x4, categorical 2x5, categorical 1x2", "relu", SAMPLES, 0.6, 1.5, 0.8},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i) one_latent(&settings[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(likelihood),
        cmocka_unit_test(latents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
