/* The VampPrior in whole models: gradients by central differences in every parameter, of the encoder and the posterior by both of
 * their ways; and its density as a plain mean over its pseudo-inputs. */
#include "differences.h"

#include <stdio.h>

#include "elbow/vae/vae.h"

enum { ROWS = 3, D = 6, C = 4, FEATURES = 5 };

static const elbow_field field = {.kind = ELBOW_IMAGE,
                                  .height = 6,
                                  .width = 1,
                                  .channels = 1,
                                  .dimensions = D,
                                  .maximum = 1,
                                  .binary = true};
typedef struct model {
    elbow_vae *vae;
    elbow_pass pass;
    elbow_objective objective;
    elbow_batch batch;
    real *theta, *gradient, *scratch;
} model;

/* settings: "section.key=value", ending in NULL. */
static elbow_status try_make(model *m, const char *const *settings) {
    elbow_options *options = NULL;
    memset(m, 0, sizeof *m);
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    static const char *const small[] = {"model.encoder=5",       "model.decoder=4",
                                        "model.activation=tanh", "model.prior=vampprior",
                                        "model.components=4",    NULL};
    for (size_t i = 0; small[i]; ++i) assert_int_equal(elbow_options_set(options, small[i]), ELBOW_OK);
    for (size_t i = 0; settings[i]; ++i) assert_int_equal(elbow_options_set(options, settings[i]), ELBOW_OK);
    elbow_status status = elbow_vae_create(&m->vae, options, &field, NULL);
    elbow_options_destroy(&options);
    return status;
}

static void make(model *m, const char *const *settings) {
    if (try_make(m, settings) != ELBOW_OK) fail_msg("%s: %s", settings[0], elbow_error_message());
    assert_int_equal(elbow_vae_reserve(m->vae, ROWS + 1, true), ELBOW_OK);
    const elbow_params *params = elbow_vae_params(m->vae);
    m->theta = hold_parameters(params, "test.theta", 1);
    m->gradient = hold_zeros(params->size);
    m->scratch = hold_zeros(params->size);
    real *x = hold_zeros(ROWS * D);
    for (size_t i = 0; i < ROWS * D; ++i) x[i] = (real)(i * 7 % 3 == 1);
    m->batch = (elbow_batch){.rows = ROWS, .x = {.field = &field, .reals = x}};
    m->pass = (elbow_pass){
        .parameters = m->theta, .gradients = m->gradient, .seed = 7, .shard = 1, .step = 9, .purpose = ""};
    m->objective = (elbow_objective){.temperature = (real)0.8, .beta = (real)0.7, .weight = (real)0.3};
}

static void drop(model *m) {
    elbow_vae_destroy(&m->vae);
    release_held();
}

static elbow_terms through(model *m, real *gradients) {
    elbow_terms terms;
    elbow_pass pass = m->pass;
    pass.gradients = gradients;
    elbow_vae_encode(m->vae, &pass, &m->batch);
    elbow_vae_estimate(m->vae, &pass, &m->objective, &terms);
    elbow_vae_encode_backward(m->vae, &pass, NULL);
    return terms;
}

static double loss(void *context) {
    model *m = context;
    return -(double)m->objective.weight * through(m, m->scratch).objective;
}

static void gradients(void **state) {
    (void)state;
    static const char *const all[][4] = {
        {"model.latent=gaussian 3"},
        {"model.latent=gaussian 3", "model.encoder="},
        {"model.latent=gaussian 2", "model.encoder=4 5", "estimator.samples=3", "objective.bound=iwae"},
        {"model.latent=gaussian 2", "model.scale=softplus", "estimator.samples=2"},
        {"model.latent=categorical 2x3", "model.logits=relu", "estimator.samples=2"},
        {"model.latent=bernoulli 3, gaussian 2", "objective.kl=sampled"},
        {"model.latent=categorical 2x3, gaussian 2", "model.prior=learned, vampprior"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) {
        model m;
        make(&m, all[i]);
        const elbow_params *params = elbow_vae_params(m.vae);
        elbow_terms terms = through(&m, m.gradient);
        assert_true(isfinite(terms.objective));
        check_gradient(all[i][0], loss, &m, m.theta, m.gradient, params->size);
        check_gaps(params, m.gradient);
        const elbow_tensor *pseudo =
            elbow_params_find(params, strstr(all[i][0], ", ") ? "prior.1.pseudo" : "prior.0.pseudo");
        for (size_t c = 0; c < C * D; ++c) assert_true(m.gradient[pseudo->offset + c] != 0);
        drop(&m);
    }
}

static const real *tensor(const model *m, const char *name) {
    const elbow_tensor *found = elbow_params_find(elbow_vae_params(m->vae), name);
    assert_non_null(found);
    return m->theta + found->offset;
}

/* q(z|x) of one input by plain loops: means and log σ of two variables. */
static void plain_posterior(const model *m, const real *x, double *mean, double *log_sigma) {
    double h[FEATURES];
    for (size_t i = 0; i < FEATURES; ++i)
        h[i] = tanh(tensor(m, "encoder.0.bias")[i] + dot(tensor(m, "encoder.0.weight") + i * D, x, D));
    for (size_t l = 0; l < 2; ++l) {
        const real *w = tensor(m, "posterior.0.weight") + 2 * l * FEATURES,
                   *b = tensor(m, "posterior.0.bias");
        mean[l] = b[2 * l] + dot(w, h, FEATURES);
        log_sigma[l] = (b[2 * l + 1] + dot(w + FEATURES, h, FEATURES)) / 2;
    }
}

static double log_normal(double z, double mean, double log_sigma) {
    double u = (z - mean) / exp(log_sigma);
    return -0.5 * log(8 * atan(1)) - log_sigma - u * u / 2;
}

/* The mean of log q − log p over draws is the integral of q (log q − log 1/C Σ_c q(z|u_c)), on a grid. */
static void density(void **state) {
    (void)state;
    model m;
    make(&m, (const char *const[]){"model.latent=gaussian 2", NULL});
    real kl[ROWS], log_px[ROWS];
    elbow_pass pass = m.pass;
    pass.gradients = NULL;
    elbow_vae_encode(m.vae, &pass, &m.batch);
    double estimate[ROWS] = {0};
    enum { DRAWS = 20000 };
    for (uint64_t draw = 0; draw < DRAWS; ++draw) {
        pass.step = draw;
        elbow_vae_draw(m.vae, &pass, 0, log_px, kl, NULL);
        for (size_t r = 0; r < ROWS; ++r) estimate[r] += kl[r] / DRAWS;
    }
    for (size_t r = 0; r < ROWS; ++r) {
        double mean[2], log_sigma[2], centre[C][2], width[C][2], sum = 0, mass = 0;
        plain_posterior(&m, m.batch.x.reals + r * D, mean, log_sigma);
        for (size_t c = 0; c < C; ++c)
            plain_posterior(&m, tensor(&m, "prior.0.pseudo") + c * D, centre[c], width[c]);
        for (double a = -6; a < 6; a += 0.1)
            for (double b = -6; b < 6; b += 0.1) {
                double z[2] = {mean[0] + a * exp(log_sigma[0]), mean[1] + b * exp(log_sigma[1])}, p = 0;
                double weight = exp(-(a * a + b * b) / 2) * 0.01 / (8 * atan(1));
                double log_q =
                    log_normal(z[0], mean[0], log_sigma[0]) + log_normal(z[1], mean[1], log_sigma[1]);
                for (size_t c = 0; c < C; ++c)
                    p += exp(log_normal(z[0], centre[c][0], width[c][0]) +
                             log_normal(z[1], centre[c][1], width[c][1])) /
                         C;
                sum += weight * (log_q - log(p));
                mass += weight;
            }
        assert_true(fabs(mass - 1) < 1e-6);
        if (!(fabs(estimate[r] - sum) < 0.05 * (1 + sum)))
            fail_msg("row %zu: %g, by integration %g", r, estimate[r], sum);
    }
    drop(&m);
}

/* Where it cannot be, it says so. */
static void refused(void **state) {
    (void)state;
    static const char *const all[][4] = {
        {"model.latent=gaussian 3", "model.posterior=autoregressive"},
        {"model.latent=gaussian 3 / gaussian 2", "model.encoder=5 / 4", "model.decoder=4 / 3"},
        {"model.latent=gaussian 3 / gaussian 2", "model.encoder=5 / 4", "model.prior=learned / vampprior"},
        {"model.latent=bernoulli 3", "objective.kl=relaxed"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) {
        model m;
        if (try_make(&m, all[i]) == ELBOW_OK) fail_msg("%s, %s is taken", all[i][0], all[i][1]);
        assert_non_null(strstr(elbow_error_message(), "model.prior"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients), cmocka_unit_test(density),
                                       cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
