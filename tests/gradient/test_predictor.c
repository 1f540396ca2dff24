/* Predictors: the gradient of the whole objective against central differences; p(x|c) and its estimates against sums over all
 * z that are written plainly; and unbiased estimators against the derivative of such sums. */
#include "small_model.h"

static void shapes(void **state) {
    (void)state;
#define PREDICTOR(latent) "model.latent=" latent, "model.kind=predictor"
    static const setting all[] = {
        {{PREDICTOR("categorical 3x4")}, true, 0},
        {{PREDICTOR("categorical 3x4 / categorical 2x3"), "model.encoder=5 / 4"}, true, 0},
        {{PREDICTOR("categorical 3x4 / categorical 2x3"), "model.encoder=", "model.decoder="}, true, 0},
        {{PREDICTOR("bernoulli 4 / bernoulli 3"), "model.encoder= / 4", "estimator.samples=3"}, true, 0},
        {{PREDICTOR("bernoulli 3 / categorical 2x3, gaussian 2 / bernoulli 3"), "objective.kl=relaxed"},
         true,
         0},
        {{PREDICTOR("categorical 2x3 / bernoulli 3"), "objective.bound=iwae", "estimator.samples=3"},
         true,
         0},
        {{PREDICTOR("categorical 3x3 / categorical 2x3"), "model.posterior=autoregressive / factorised",
          "estimator.samples=2"},
         true,
         0},
        {{PREDICTOR("bernoulli 2 / bernoulli 3"), "model.posterior=autoregressive", "objective.kl=sampled"},
         true,
         0},
        {{PREDICTOR("gaussian 3 / gaussian 2"), "estimator.name=pathwise"}, true, 0},
        {{PREDICTOR("categorical 2x3"), "estimator.name=exact"}, true, 0},
        {{PREDICTOR("bernoulli 2, categorical 1x3"), "estimator.name=exact", "model.encoder="}, true, 0},
        {{PREDICTOR("bernoulli 3"), "estimator.name=exact", "model.posterior=autoregressive"}, true, 0},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) check(&all[i]);
}

/* ------------------------------------------------------------------------------------- plain sums */

enum { K = 3, BITS = 2 };

/* W x + b of the tensors NAME.weight and NAME.bias. */
static void linear(const model *m, const char *name, double *y, const double *x) {
    char tensor[64];
    const elbow_params *params = elbow_vae_params(m->vae);
    snprintf(tensor, sizeof tensor, "%s.weight", name);
    const elbow_tensor *weight = elbow_params_find(params, tensor);
    snprintf(tensor, sizeof tensor, "%s.bias", name);
    const elbow_tensor *bias = elbow_params_find(params, tensor);
    assert_true(weight && bias);
    for (size_t i = 0; i < weight->shape[0]; ++i) {
        y[i] = m->theta[bias->offset + i];
        for (size_t j = 0; j < weight->shape[1]; ++j)
            y[i] += m->theta[weight->offset + i * weight->shape[1] + j] * x[j];
    }
}

/* log p(x_r|z). */
static double plain_log_px(const model *m, size_t r, const double *z) {
    double l[D], sum = 0;
    linear(m, "likelihood", l, z);
    for (size_t d = 0; d < D; ++d) sum += m->batch.x.reals[r * D + d] * l[d] - log1p(exp(l[d]));
    return sum;
}

/* p(z = k | c_r), of `categorical 1x3` next to a label. */
static void plain_first(const model *m, size_t r, double p[K]) {
    double given[CLASSES] = {0}, sum = 0;
    given[(size_t)m->batch.context.reals[r]] = 1;
    linear(m, "posterior.0", p, given);
    for (size_t k = 0; k < K; ++k) sum += p[k] = exp(p[k]);
    for (size_t k = 0; k < K; ++k) p[k] /= sum;
}

/* Of `categorical 1x3 / bernoulli 2`: E log p(x|z), and log p(x|c), of example r. */
static void plain_two(const model *m, size_t r, double *mean, double *log_p) {
    double first[K], all = 0;
    *mean = 0;
    plain_first(m, r, first);
    for (size_t k = 0; k < K; ++k) {
        double z1[K] = {0}, logits[BITS];
        z1[k] = 1;
        linear(m, "posterior.1", logits, z1);
        for (size_t bits = 0; bits < 1 << BITS; ++bits) {
            double z2[BITS], p = first[k];
            for (size_t b = 0; b < BITS; ++b) {
                z2[b] = (double)(bits >> b & 1);
                p /= 1 + exp(z2[b] > 0 ? -logits[b] : logits[b]);
            }
            *mean += p * plain_log_px(m, r, z2);
            all += p * exp(plain_log_px(m, r, z2));
        }
    }
    *log_p = log(all);
}

/* Of `categorical 1x3` and two draws: Σ_r E log p(x|z), or Σ_r E log ½ (p(x|z) + p(x|z')). */
static double plain_one(const model *m, bool iwae) {
    double sum = 0;
    for (size_t r = 0; r < ROWS; ++r) {
        double p[K], log_px[K];
        plain_first(m, r, p);
        for (size_t k = 0; k < K; ++k) {
            double z[K] = {0};
            z[k] = 1;
            log_px[k] = plain_log_px(m, r, z);
        }
        for (size_t j = 0; j < K; ++j)
            for (size_t k = 0; k < K; ++k)
                sum += p[j] * p[k] * (iwae ? log((exp(log_px[j]) + exp(log_px[k])) / 2) : log_px[k]);
    }
    return sum;
}

/* ------------------------------------------------------------------------------------------ draws */

static void draws(void **state) {
    (void)state;
    enum { DRAWS = 20000 };
    static const char *const settings[] = {PREDICTOR("categorical 1x3 / bernoulli 2"),
                                           "model.encoder=", "model.decoder=", NULL};
    model m;
    make(&m, settings, true, 0);
    elbow_pass pass = m.pass;
    pass.gradients = NULL;
    double mean[ROWS] = {0}, square[ROWS] = {0}, likely[ROWS] = {0}, ones[ROWS] = {0};
    real log_px[ROWS], kl[ROWS], weight[ROWS];
    assert_true(elbow_vae_kl_closed(m.vae) && elbow_vae_predicts(m.vae));
    elbow_vae_encode(m.vae, &pass, &m.batch);
    for (pass.step = 0; pass.step < DRAWS; ++pass.step) {
        elbow_vae_draw(m.vae, &pass, 0, log_px, kl, weight);
        for (size_t r = 0; r < ROWS; ++r) {
            assert_true(kl[r] == 0 && weight[r] == log_px[r]);
            mean[r] += log_px[r] / DRAWS;
            square[r] += log_px[r] * log_px[r] / DRAWS;
            likely[r] += exp(log_px[r]) / DRAWS;
        }
    }
    for (size_t r = 0; r < ROWS; ++r) {
        double expected = 0, log_p = 0, error = sqrt((square[r] - mean[r] * mean[r]) / DRAWS);
        plain_two(&m, r, &expected, &log_p);
        if (fabs(mean[r] - expected) > 5 * error || fabs(log(likely[r]) - log_p) > 0.05)
            fail_msg("example %zu: %g and %g by draws, %g and %g by the sum", r, mean[r], log(likely[r]),
                     expected, log_p);
        assert_true(log_p > expected);
    }
    /* Samples are of p(z|c), too, of what they are given now: the same z on average. */
    for (size_t r = 0; r < ROWS; ++r) m.batch.context.reals[r] = (real)((r + 1) % CLASSES);
    real *made = hold_zeros(ROWS * D);
    elbow_examples examples = {.field = &field, .count = ROWS, .reals = made};
    for (pass.step = 0; pass.step < DRAWS; ++pass.step) {
        elbow_vae_sample(m.vae, &pass, &m.batch.context, ROWS, &examples, 0, 0);
        assert_int_equal(elbow_vae_z_width(m.vae), BITS);
        for (size_t r = 0; r < ROWS; ++r) {
            double l[D];
            linear(&m, "likelihood", l, elbow_vae_z(m.vae) + r * BITS);
            assert_true(fabs(made[r * D] - 1 / (1 + exp(-l[0]))) < 1e-9);
            ones[r] += elbow_vae_z(m.vae)[r * BITS] / DRAWS;
        }
    }
    for (size_t r = 0; r < ROWS; ++r) {
        double first[K], expected = 0;
        plain_first(&m, r, first);
        for (size_t k = 0; k < K; ++k) {
            double z1[K] = {0}, logits[BITS];
            z1[k] = 1;
            linear(&m, "posterior.1", logits, z1);
            expected += first[k] / (1 + exp(-logits[0]));
        }
        assert_true(fabs(ones[r] - expected) < 5 * 0.5 / sqrt(DRAWS));
    }
    drop(&m);
}

/* The sum over all z of one layer, by the model and plainly. */
static void exact(void **state) {
    (void)state;
    static const char *const settings[] = {PREDICTOR("categorical 1x3"),
                                           "model.encoder=", "model.decoder=", "estimator.name=exact", NULL};
    model m;
    real log_px[ROWS];
    make(&m, settings, true, 0);
    elbow_terms terms = through(&m, m.gradient);
    assert_true(terms.kl == 0 && fabs(terms.elbo - plain_one(&m, false)) < 1e-10);
    assert_int_equal(elbow_vae_configurations(m.vae), K);
    elbow_pass pass = m.pass;
    pass.gradients = NULL;
    elbow_vae_exact(m.vae, &pass, &m.batch, log_px);
    for (size_t r = 0; r < ROWS; ++r) {
        double p[K], sum = 0;
        plain_first(&m, r, p);
        for (size_t k = 0; k < K; ++k) {
            double z[K] = {0};
            z[k] = 1;
            sum += p[k] * exp(plain_log_px(&m, r, z));
        }
        assert_true(fabs(log_px[r] - log(sum)) < 1e-10);
    }
    drop(&m);
}

/* The same where p(z_2|c) depends on z_1: what draws come to. */
static void exact_sequential(void **state) {
    (void)state;
    enum { DRAWS = 20000 };
    static const char *const settings[] = {PREDICTOR("bernoulli 2"), "model.posterior=autoregressive",
                                           "estimator.name=exact", NULL};
    model m;
    real log_px[ROWS], all[ROWS];
    double likely[ROWS] = {0};
    make(&m, settings, true, 0);
    elbow_pass pass = m.pass;
    pass.gradients = NULL;
    elbow_vae_encode(m.vae, &pass, &m.batch);
    for (pass.step = 0; pass.step < DRAWS; ++pass.step) {
        elbow_vae_draw(m.vae, &pass, 0, log_px, NULL, NULL);
        for (size_t r = 0; r < ROWS; ++r) likely[r] += exp(log_px[r]) / DRAWS;
    }
    elbow_vae_exact(m.vae, &pass, &m.batch, all);
    for (size_t r = 0; r < ROWS; ++r)
        if (fabs(all[r] - log(likely[r])) > 0.03)
            fail_msg("%g by the sum, %g by draws", all[r], log(likely[r]));
    drop(&m);
}

/* The mean of many gradients is the derivative of the sum. */
static void check_unbiased(const char *estimator, const char *bound, bool iwae) {
    enum { STEPS = 6000 };
    const double h = 1e-5;
    const char *const settings[] = {PREDICTOR("categorical 1x3"),
                                    "model.encoder=",
                                    "model.decoder=",
                                    "estimator.samples=2",
                                    estimator,
                                    bound,
                                    NULL};
    model m;
    make(&m, settings, true, 0);
    size_t size = elbow_vae_params(m.vae)->size;
    real *mean = hold_zeros(size), *square = hold_zeros(size);
    for (m.pass.step = 0; m.pass.step < STEPS; ++m.pass.step) {
        memset(m.gradient, 0, size * sizeof *m.gradient);
        through(&m, m.gradient);
        for (size_t i = 0; i < size; ++i) {
            mean[i] += m.gradient[i] / STEPS;
            square[i] += m.gradient[i] * m.gradient[i] / STEPS;
        }
    }
    for (size_t i = 0; i < size; ++i) {
        real here = m.theta[i];
        m.theta[i] = here + h;
        double above = plain_one(&m, iwae);
        m.theta[i] = here - h;
        double below = plain_one(&m, iwae);
        m.theta[i] = here;
        double expected = -m.objective.weight * (above - below) / (2 * h),
               error = sqrt(fabs(square[i] - mean[i] * mean[i]) / STEPS);
        if (fabs(mean[i] - expected) > 5 * error + 1e-8)
            fail_msg("%s: element %zu is %g ± %g on average, and not %g", estimator, i, mean[i], error,
                     expected);
    }
    drop(&m);
}

static void unbiased(void **state) {
    (void)state;
    check_unbiased("estimator.name=reinforce", "objective.bound=elbo", false);
    check_unbiased("estimator.name=vimco", "objective.bound=iwae", true);
}

static void refused(void **state) {
    (void)state;
    static const struct {
        const char *settings[6], *says;
        bool given;
    } bad[] = {
        {{PREDICTOR("categorical 2x3")}, "--set model.kind=predictor: a predictor makes x of", false},
        {{PREDICTOR("categorical 2x3"), "model.prior=learned"},
         "--set model.prior=learned: a predictor",
         true},
        {{PREDICTOR("categorical 2x3"), "objective.free_bits=1"}, "no KL to leave free", true},
        {{PREDICTOR("categorical 2x3 / bernoulli 2"), "model.decoder=4 / 4"},
         "than the 1 there is use",
         true},
        {{PREDICTOR("categorical 2x3"), "model.encoder=4 / 4"}, "more sections", true},
        {{PREDICTOR("categorical 2x3 / bernoulli 2"), "estimator.name=muprop", "estimator.samples=2"},
         "one layer",
         true},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        model m;
        assert_int_equal(try_make(&m, bad[i].settings, bad[i].given), ELBOW_USAGE);
        if (!strstr(elbow_error_message(), bad[i].says)) fail_msg("%zu: %s", i, elbow_error_message());
        elbow_vae_destroy(&m.vae);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes),   cmocka_unit_test(draws),
                                       cmocka_unit_test(exact),    cmocka_unit_test(exact_sequential),
                                       cmocka_unit_test(unbiased), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
