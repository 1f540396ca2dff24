/* Unbiased estimators of models with several layers of latents, against sums over all z of all layers that are written plainly
 * here, differentiated by central differences: handed every set of draws in turn, to the last digits; with their own draws, to
 * their noise. */
#include "small_model.h"

#include "plain_vae.h"
#include "vae/vae_inside.h"

enum { LAYERS = 3, MOST_GROUPS = 4, CONFIGURATIONS = 32, DRAWS = 3 };

/* A group: its layer, its variables, and their categories, 1 of bits. */
typedef struct shape {
    size_t layer, variables, categories;
} shape;

typedef struct layered {
    const char *settings[8];
    shape groups[MOST_GROUPS];
    size_t count, samples;
    bool standard_top; /* the top prior is uniform */
} layered;

typedef struct laid {
    model m;
    const layered *as;
    plain_vae plain;
    size_t layers, configurations;
    bool predictor;
    /* Of all configurations, after look(): z of each group; and logarithms. */
    double z[CONFIGURATIONS][MOST_GROUPS][PLAIN_WIDTH];
    double log_q[CONFIGURATIONS], log_p[CONFIGURATIONS], log_px[CONFIGURATIONS];
    elbow_posterior_ops handing[MOST_GROUPS];
    size_t drawn[DRAWS];
} laid;

static laid *current; /* whose draws are handed out */

static size_t values_of(const shape *group) { return group->categories == 1 ? 2 : group->categories; }

static void write_configuration(laid *c, size_t index) {
    size_t digits = index;
    for (size_t g = 0; g < c->as->count; ++g) {
        const shape *group = &c->as->groups[g];
        double *z = c->z[index][g];
        memset(z, 0, sizeof c->z[index][g]);
        for (size_t l = 0; l < group->variables; ++l, digits /= values_of(group))
            if (group->categories == 1)
                z[l] = (double)(digits % 2);
            else
                z[l * group->categories + digits % group->categories] = 1;
    }
}

static size_t count_configurations(const layered *as) {
    size_t count = 1;
    for (size_t g = 0; g < as->count; ++g)
        for (size_t l = 0; l < as->groups[g].variables; ++l) count *= values_of(&as->groups[g]);
    return count;
}

static void set_up(laid *c, const layered *as) {
    memset(c, 0, sizeof *c);
    c->as = as;
    for (size_t i = 0; as->settings[i]; ++i)
        c->predictor = c->predictor || strcmp(as->settings[i], "model.kind=predictor") == 0;
    make(&c->m, as->settings, c->predictor, 0);
    c->m.batch.rows = 1;
    c->plain = (plain_vae){.params = elbow_vae_params(c->m.vae), .pass = &c->m.pass, .activation = "tanh"};
    c->layers = c->m.vae->latents.count;
    c->configurations = count_configurations(as);
    assert_true(c->configurations <= CONFIGURATIONS && c->m.vae->latents.groups == as->count);
    assert_true(c->layers <= LAYERS && c->m.vae->estimator.draws == as->samples);
    for (size_t i = 0; i < c->configurations; ++i) write_configuration(c, i);
}

/* A network of so many tanh layers as there are, in place. */
static void through_net(const laid *c, const char *name, double *values) {
    char tensor[ELBOW_TENSOR_NAME];
    size_t layers = 0;
    for (;; ++layers) {
        snprintf(tensor, sizeof tensor, "%s.%zu.weight", name, layers);
        if (!elbow_params_find(c->plain.params, tensor)) break;
    }
    plain_layers(&c->plain, name, layers, values);
}

/* z of a layer's groups, side by side. */
static void join_layer(const laid *c, size_t index, size_t layer, double *values) {
    for (size_t g = 0; g < c->as->count; ++g) {
        const shape *group = &c->as->groups[g];
        if (group->layer != layer) continue;
        memcpy(values, c->z[index][g], group->variables * group->categories * sizeof *values);
        values += group->variables * group->categories;
    }
}

/* log-probability of a group's z by linear heads of features; without a weight, by the bias alone. */
static double by_heads(const laid *c, size_t index, size_t g, const char *name, const double *features) {
    const shape *group = &c->as->groups[g];
    size_t K = group->categories, width = group->variables * K;
    double heads[PLAIN_WIDTH], sum = 0;
    char tensor[ELBOW_TENSOR_NAME];
    snprintf(tensor, sizeof tensor, "%s.bias", name);
    const elbow_tensor *bias = elbow_params_find(c->plain.params, tensor);
    assert_true(bias != NULL);
    for (size_t i = 0; i < width; ++i) heads[i] = c->m.theta[bias->offset + i];
    if (features) plain_dense(&c->plain, name, "linear", heads, features);
    for (size_t l = 0; l < group->variables; ++l) {
        const double *z = c->z[index][g] + l * K;
        if (K > 1) plain_normalize(heads + l * K, K);
        for (size_t k = 0; k < K; ++k)
            sum += K > 1 ? z[k] * heads[l * K + k] : -log1p(exp(z[k] > 0 ? -heads[l] : heads[l]));
    }
    return sum;
}

static void look_at(laid *c, size_t index) {
    char name[ELBOW_TENSOR_NAME];
    double features[PLAIN_WIDTH] = {0};
    c->log_q[index] = c->log_p[index] = 0;
    for (size_t i = 0; i < c->layers; ++i) {
        if (i > 0)
            join_layer(c, index, i - 1, features);
        else if (c->predictor)
            features[(size_t)c->m.batch.context.reals[0]] = 1;
        else
            for (size_t d = 0; d < D; ++d) features[d] = c->m.batch.x.reals[d];
        snprintf(name, sizeof name, "up.%zu", i);
        through_net(c, i ? name : "encoder", features);
        for (size_t g = 0; g < c->as->count; ++g) {
            if (c->as->groups[g].layer != i) continue;
            snprintf(name, sizeof name, "posterior.%zu", g);
            c->log_q[index] += by_heads(c, index, g, name, features);
        }
    }
    for (size_t g = 0; !c->predictor && g < c->as->count; ++g) {
        const shape *group = &c->as->groups[g];
        bool top = group->layer + 1 == c->layers;
        snprintf(name, sizeof name, "down.%zu", group->layer + 1);
        if (!top) join_layer(c, index, group->layer + 1, features);
        if (!top) through_net(c, name, features);
        snprintf(name, sizeof name, "prior.%zu", g);
        if (top && c->as->standard_top)
            c->log_p[index] -= (double)group->variables * log((double)values_of(group));
        else
            c->log_p[index] += by_heads(c, index, g, name, top ? NULL : features);
    }
    join_layer(c, index, c->predictor ? c->layers - 1 : 0, features);
    c->log_px[index] = plain_log_px(&(plain_vae){.params = c->plain.params,
                                                 .pass = &c->m.pass,
                                                 .activation = "tanh",
                                                 .decoder_layers = 1,
                                                 .dimensions = D},
                                    features, c->m.batch.x.reals);
}

/* The next set of S draws, as digits; false after the last. */
static bool advance(const laid *c, size_t *draws) {
    for (size_t s = 0; s < c->as->samples; ++s) {
        if (++draws[s] < c->configurations) return true;
        draws[s] = 0;
    }
    return false;
}

static double probability(const laid *c, const size_t *draws) {
    double sum = 0;
    for (size_t s = 0; s < c->as->samples; ++s) sum += c->log_q[draws[s]];
    return exp(sum);
}

static double log_weight(const laid *c, size_t index) {
    double log_ratio = c->predictor ? 0 : c->log_p[index] - c->log_q[index];
    return c->log_px[index] + (double)c->m.objective.beta * log_ratio;
}

/* The expected objective of the example. */
static double expected(laid *c) {
    size_t draws[DRAWS] = {0};
    double sum = 0;
    for (size_t i = 0; i < c->configurations; ++i) look_at(c, i);
    if (!c->m.vae->estimator.importance) {
        for (size_t i = 0; i < c->configurations; ++i) sum += exp(c->log_q[i]) * log_weight(c, i);
        return sum;
    }
    do {
        double mean = 0;
        for (size_t s = 0; s < c->as->samples; ++s)
            mean += exp(log_weight(c, draws[s])) / (double)c->as->samples;
        sum += probability(c, draws) * log(mean);
    } while (advance(c, draws));
    return sum;
}

static double expected_loss(void *context) {
    laid *c = context;
    return -(double)c->m.objective.weight * expected(c);
}

static void hand_out(elbow_group *group, const elbow_pass *pass, size_t rows) {
    const elbow_latents *latents = &current->m.vae->latents;
    size_t number = 0;
    (void)pass;
    for (size_t i = 0; i < latents->count; ++i)
        for (size_t g = 0; g < latents->layers[i].count; ++g)
            if (group == &latents->layers[i].groups[g]) number = latents->layers[i].first + g;
    for (size_t r = 0; r < rows; ++r)
        for (size_t k = 0; k < group->z_width; ++k)
            group->z[r * group->z_width + k] = current->z[current->drawn[r]][number][k];
}

static void begin_handing(laid *c) {
    elbow_latents *latents = &c->m.vae->latents;
    current = c;
    for (size_t i = 0; i < latents->count; ++i)
        for (size_t g = 0; g < latents->layers[i].count; ++g) {
            elbow_group *group = &latents->layers[i].groups[g];
            elbow_posterior_ops *handing = &c->handing[latents->layers[i].first + g];
            *handing = *group->posterior;
            handing->sample = hand_out;
            group->posterior = handing;
        }
}

static void expectation(const layered *as) {
    laid *c = hold(sizeof *c, 0);
    char what[128];
    set_up(c, as);
    snprintf(what, sizeof what, "%s %s", as->settings[0], as->settings[1]);
    size_t size = elbow_vae_params(c->m.vae)->size, draws[DRAWS] = {0};
    real *mean = hold_zeros(size);
    double objective = 0, truth = expected(c);
    begin_handing(c);
    do {
        double q = probability(c, draws);
        memcpy(c->drawn, draws, sizeof draws);
        memset(c->m.gradient, 0, size * sizeof *c->m.gradient);
        elbow_terms terms = through(&c->m, c->m.gradient);
        assert_true(fabs(terms.elbo - (terms.reconstruction - terms.kl)) <= 1e-12 * (1 + fabs(terms.elbo)));
        objective += q * terms.objective;
        for (size_t p = 0; p < size; ++p) mean[p] += q * c->m.gradient[p];
    } while (advance(c, draws));
    if (!(fabs(objective - truth) <= 1e-10))
        fail_msg("%s: objective %.15g, truly %.15g", what, objective, truth);
    check_gradient(what, expected_loss, c, c->m.theta, mean, size);
    check_gaps(elbow_vae_params(c->m.vae), mean);
    drop(&c->m);
}

#define REINFORCE "estimator.name=reinforce", "estimator.samples=2"
#define REBAR     "estimator.name=rebar", "estimator.samples=64"
#define RELAX     "estimator.name=relax", "estimator.samples=64", "estimator.hidden=4"
#define VIMCO     "estimator.name=vimco", "objective.bound=iwae", "estimator.samples=2"

static void expectations(void **state) {
    (void)state;
    static const layered all[] = {
        {{REINFORCE, "model.latent=bernoulli 2 / bernoulli 2", "model.prior=learned"},
         {{0, 2, 1}, {1, 2, 1}},
         2,
         2,
         false},
        {{REINFORCE, "model.latent=categorical 1x3 / bernoulli 2", "model.prior=learned / standard",
          "model.encoder=5 / 3", "model.decoder=4 / 3"},
         {{0, 1, 3}, {1, 2, 1}},
         2,
         2,
         true},
        {{REINFORCE, "model.latent=bernoulli 2 / categorical 1x3", "model.prior=learned",
          "objective.kl=sampled", "model.encoder=5 / 3"},
         {{0, 2, 1}, {1, 1, 3}},
         2,
         2,
         false},
        {{"estimator.name=reinforce", "estimator.samples=3",
          "model.latent=bernoulli 1 / categorical 1x3 / bernoulli 1", "model.prior=learned",
          "model.encoder=5 / / 3", "model.decoder=4 / 3"},
         {{0, 1, 1}, {1, 1, 3}, {2, 1, 1}},
         3,
         3,
         false},
        {{REINFORCE, "model.latent=bernoulli 1, categorical 1x3 / bernoulli 2", "model.prior=learned"},
         {{0, 1, 1}, {0, 1, 3}, {1, 2, 1}},
         3,
         2,
         false},
        {{REINFORCE, "model.latent=categorical 1x3 / bernoulli 2", "model.kind=predictor",
          "model.encoder=5 / 3"},
         {{0, 1, 3}, {1, 2, 1}},
         2,
         2,
         false},
        {{VIMCO, "model.latent=bernoulli 2 / bernoulli 2", "model.prior=learned", "model.decoder=4 / 3"},
         {{0, 2, 1}, {1, 2, 1}},
         2,
         2,
         false},
        {{VIMCO, "model.latent=bernoulli 1 / categorical 1x3 / bernoulli 1", "model.prior=learned",
          "model.encoder=5 / 3"},
         {{0, 1, 1}, {1, 1, 3}, {2, 1, 1}},
         3,
         2,
         false},
        {{VIMCO, "model.latent=categorical 1x3 / bernoulli 2", "model.kind=predictor"},
         {{0, 1, 3}, {1, 2, 1}},
         2,
         2,
         false},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) expectation(&all[i]);
}

/* With their own draws: each mean within 5 of its standard errors of the truth, by differences. */
static void own_draws_of(const layered *as, size_t steps) {
    laid *c = hold(sizeof *c, 0);
    set_up(c, as);
    size_t size = elbow_vae_estimator(c->m.vae).begin, noisy = 0, all = elbow_vae_params(c->m.vae)->size;
    real *mean = hold_zeros(size), *square = hold_zeros(size);
    for (c->m.pass.step = 0; c->m.pass.step < steps; ++c->m.pass.step) {
        memset(c->m.gradient, 0, all * sizeof *c->m.gradient);
        through(&c->m, c->m.gradient);
        for (size_t p = 0; p < size; ++p) {
            mean[p] += c->m.gradient[p] / (double)steps;
            square[p] += c->m.gradient[p] * c->m.gradient[p] / (double)steps;
        }
    }
    for (size_t p = 0; p < size; ++p) {
        const double h = 1e-5, here = c->m.theta[p];
        c->m.theta[p] = here + h;
        double above = expected_loss(c);
        c->m.theta[p] = here - h;
        double truth = (above - expected_loss(c)) / (2 * h);
        c->m.theta[p] = here;
        double error = sqrt(fmax(square[p] - mean[p] * mean[p], 0) / (double)steps);
        noisy += error > 0;
        if (!(fabs(mean[p] - truth) <= 5 * error + 1e-8))
            fail_msg("%s, %s: element %zu is %g, truly %g: %g standard errors off", as->settings[0],
                     as->settings[2], p, mean[p], truth, fabs(mean[p] - truth) / error);
    }
    assert_true(noisy > 0);
    drop(&c->m);
}

static void own_draws(void **state) {
    (void)state;
    static const layered all[] = {
        {{REINFORCE, "model.latent=bernoulli 2 / categorical 1x3", "model.prior=learned",
          "model.encoder=5 / 3"},
         {{0, 2, 1}, {1, 1, 3}},
         2,
         2,
         false},
        {{VIMCO, "model.latent=categorical 1x3 / bernoulli 2", "model.prior=learned"},
         {{0, 1, 3}, {1, 2, 1}},
         2,
         2,
         false},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) own_draws_of(&all[i], 3000);
}

/* The control variate's parameters are anywhere. */
static void controlled(void **state) {
    (void)state;
    static const layered all[] = {
        {{REBAR, "model.latent=bernoulli 2 / bernoulli 2", "model.prior=learned", "model.encoder=5 / 3"},
         {{0, 2, 1}, {1, 2, 1}},
         2,
         64,
         false},
        {{REBAR, "model.latent=categorical 1x3 / bernoulli 2", "model.prior=learned / standard",
          "objective.kl=sampled", "model.decoder=4 / 3"},
         {{0, 1, 3}, {1, 2, 1}},
         2,
         64,
         true},
        {{REBAR, "model.latent=bernoulli 1 / categorical 1x3 / bernoulli 1", "model.prior=learned"},
         {{0, 1, 1}, {1, 1, 3}, {2, 1, 1}},
         3,
         64,
         false},
        {{RELAX, "model.latent=bernoulli 1, categorical 1x3 / bernoulli 2", "model.prior=learned"},
         {{0, 1, 1}, {0, 1, 3}, {1, 2, 1}},
         3,
         64,
         false},
        {{RELAX, "model.latent=bernoulli 2 / categorical 1x3", "model.kind=predictor"},
         {{0, 2, 1}, {1, 1, 3}},
         2,
         64,
         false},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) own_draws_of(&all[i], 100);
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *settings[6], *says;
    } bad[] = {
        {{REINFORCE, "objective.free_bits=1"}, "objective.free_bits=1: reinforce has free bits"},
        {{"estimator.name=disarm", "estimator.samples=2"}, "reinforce, vimco, rebar"},
        {{"estimator.name=muprop", "estimator.samples=2"}, "reinforce, vimco, rebar"},
        {{"estimator.name=arsm"}, "reinforce, vimco, rebar"},
        {{REINFORCE, "objective.kl=relaxed"}, "objective.kl = analytic"},
        {{REINFORCE, "objective.bound=iwae"}, "vimco"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        model m;
        const char *settings[9] = {"model.latent=bernoulli 3 / bernoulli 2", "model.prior=learned"};
        for (size_t k = 0; k < 6 && bad[i].settings[k]; ++k) settings[2 + k] = bad[i].settings[k];
        assert_int_equal(try_make(&m, settings, false), ELBOW_USAGE);
        if (!strstr(elbow_error_message(), bad[i].says)) fail_msg("%zu: %s", i, elbow_error_message());
        elbow_vae_destroy(&m.vae);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expectations),
        cmocka_unit_test(own_draws),
        cmocka_unit_test(controlled),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
