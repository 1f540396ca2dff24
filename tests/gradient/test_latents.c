/* Models of every shape of latents: the gradient of the whole objective against central differences, in every
 * parameter; sums over all z against plain ones; and labels that are known. */
#include "small_model.h"

static void shapes(void **state) {
    (void)state;
    static const setting all[] = {
        {{"model.latent=categorical 3x4"}, false, 0},
        {{"model.latent=categorical 3x4", "estimator.samples=3"}, false, 0},
        {{"model.latent=categorical 3x4, categorical 2x3", "model.logits=relu"}, false, 0.4},
        {{"model.latent=categorical 3x4", "objective.kl=sampled"}, false, 0},
        {{"model.latent=categorical 3x4", "objective.kl=relaxed"}, false, 0},
        {{"model.latent=categorical 3x4", "objective.kl=relaxed", "objective.bound=iwae",
          "estimator.samples=3"},
         false,
         0},
        {{"model.latent=bernoulli 4", "objective.kl=relaxed", "objective.bound=iwae", "estimator.samples=4"},
         false,
         0},
        {{"model.latent=categorical 2x3"}, true, 0},
        {{"model.latent=categorical 2x3", "model.encoder=", "model.decoder="}, true, 0},
        {{"model.latent=categorical 2x3", "estimator.samples=2"}, true, 0},
        {{"model.latent=categorical 2x3", "estimator.name=exact"}, false, 0},
        {{"model.latent=categorical 2x3", "estimator.name=exact"}, true, 0},
        {{"model.latent=categorical 1x5, categorical 1x2", "estimator.name=exact"}, false, 0.5},
        {{"model.latent=bernoulli 4"}, false, 0},
        {{"model.latent=bernoulli 4", "model.prior=learned", "objective.kl=relaxed"}, false, 0},
        {{"model.latent=bernoulli 3", "model.prior=autoregressive", "estimator.name=exact"}, false, 0},
        {{"model.latent=gaussian 3", "estimator.name=pathwise"}, false, 0.3},
        {{"model.latent=gaussian 3", "model.scale=softplus", "objective.kl=sampled"}, false, 0},
        {{"model.latent=gaussian 3", "objective.bound=iwae", "estimator.samples=3"}, true, 0},
        {{"model.latent=gaussian 3", "model.prior=mixture", "model.components=4"}, false, 0},
        {{"model.latent=categorical 2x3, gaussian 2, bernoulli 2", "estimator.samples=2"}, false, 0.2},
        {{"model.latent=categorical 2x3, gaussian 2", "model.prior=learned, mixture", "model.components=3"},
         true,
         0},
        {{"model.latent=categorical 3x3", "model.posterior=autoregressive"}, false, 0},
        {{"model.latent=categorical 3x3", "model.posterior=autoregressive", "model.prior=autoregressive",
          "estimator.samples=2"},
         false,
         0},
        {{"model.latent=categorical 3x3", "model.posterior=autoregressive", "model.prior=autoregressive",
          "objective.kl=sampled"},
         true,
         0},
        {{"model.latent=categorical 2x3", "model.posterior=autoregressive", "model.prior=autoregressive",
          "estimator.name=exact"},
         false,
         0},
        {{"model.latent=gaussian 3", "model.posterior=autoregressive", "model.prior=autoregressive"},
         false,
         0},
        {{"model.latent=categorical 3x3", "model.prior=learned"}, true, 0},
        {{"model.latent=categorical 3x3", "model.prior=learned", "model.decoder=4 / 3"}, true, 0},
        {{"model.latent=gaussian 3 / gaussian 2", "model.prior=learned / normal", "model.encoder=5 / 4",
          "model.decoder=4 / 3"},
         false,
         0},
        {{"model.latent=categorical 2x3 / categorical 2x2", "model.prior=learned / uniform",
          "estimator.samples=2"},
         false,
         0},
        {{"model.latent=categorical 2x3, gaussian 2 / bernoulli 3 / gaussian 2",
          "model.prior=learned, learned / autoregressive / standard",
          "model.posterior=autoregressive, factorised / factorised / factorised", "model.decoder=4 / 3 / 3"},
         true,
         0},
        {{"model.latent=gaussian 3 / gaussian 2", "model.prior=learned / standard", "objective.bound=iwae",
          "estimator.samples=3"},
         false,
         0},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) check(&all[i]);
}

/* The exact objective is what the mean of a great many one-hot draws comes to; exact log p(x) is above it, and is the
 * plain sum. */
static void sums_over_all(void **state) {
    (void)state;
    enum { DRAWS = 20000 };
    static const char *const settings[] = {"model.latent=categorical 2x3", "estimator.name=exact", NULL};
    model m;
    make(&m, settings, false, 0);
    m.objective.beta = 1;
    assert_int_equal(elbow_vae_configurations(m.vae), 9);
    elbow_terms terms = through(&m, m.gradient);
    elbow_pass pass = m.pass;
    pass.gradients = NULL;
    double mean = 0, square = 0, exact = 0;
    real log_px[ROWS], kl[ROWS];
    elbow_vae_encode(m.vae, &pass, &m.batch);
    for (pass.step = 0; pass.step < DRAWS; ++pass.step) {
        double sum = 0;
        elbow_vae_draw(m.vae, &pass, 0, log_px, kl, NULL);
        for (size_t r = 0; r < ROWS; ++r) sum += log_px[r] - kl[r];
        mean += sum / DRAWS;
        square += sum * sum / DRAWS;
    }
    double error = sqrt((square - mean * mean) / DRAWS);
    if (fabs(mean - terms.elbo) > 5 * error) fail_msg("%g by draws ± %g, %g in all", mean, error, terms.elbo);
    assert_true(fabs(terms.elbo - terms.objective) < 1e-12);
    elbow_vae_exact(m.vae, &pass, &m.batch, log_px);
    for (size_t r = 0; r < ROWS; ++r) exact += log_px[r];
    assert_true(exact > terms.elbo);
    drop(&m);
}

static void known_labels(void **state) {
    (void)state;
    static const setting all[] = {
        {{"data.labels=9", "model.latent=categorical 1x3"}, false, 0},
        {{"data.labels=9", "model.latent=categorical 1x3, gaussian 2"}, false, 0},
        {{"data.labels=9", "model.latent=categorical 1x3, gaussian 2", "estimator.samples=3"}, true, 0.6},
        {{"data.labels=9", "model.latent=categorical 1x3, gaussian 2", "objective.kl=sampled"}, false, 0},
        {{"data.labels=9", "model.latent=categorical 1x3, gaussian 2", "model.prior=learned, mixture"},
         false,
         0},
        {{"data.labels=9", "model.latent=categorical 1x3, categorical 2x3", "model.posterior=autoregressive",
          "model.prior=autoregressive"},
         false,
         0},
        {{"data.labels=9", "model.latent=gaussian 2 / categorical 1x3, gaussian 2",
          "model.prior=learned / learned, normal"},
         false,
         0},
        {{"data.labels=9", "model.latent=gaussian 2 / categorical 1x3, gaussian 2",
          "model.prior=learned / learned, normal", "estimator.samples=3"},
         false,
         0},
        {{"data.labels=9", "model.latent=categorical 1x3", "estimator.name=marginal"}, false, 0},
        {{"model.latent=categorical 1x3, gaussian 2", "estimator.name=marginal"}, false, 0.6},
        {{"data.labels=9", "model.latent=categorical 1x3, gaussian 2", "estimator.name=marginal"}, false, 0},
        {{"data.labels=9", "model.latent=categorical 1x3, gaussian 2", "estimator.name=marginal",
          "model.prior=learned, mixture"},
         true,
         0},
        {{"data.labels=9", "model.latent=categorical 1x3, gaussian 2, gaussian 1", "estimator.name=marginal",
          "model.posterior=factorised, autoregressive, factorised", "model.prior=learned"},
         false,
         0.3},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) check(&all[i]);
}

/* The objective of all examples and its gradient, by one estimator; `seed` is the noise's. */
static elbow_terms by(real *gradient, const char *estimator, const char *const *more, real *y,
                      uint64_t seed) {
    const char *settings[8] = {"model.latent=categorical 1x3", estimator};
    model m;
    for (size_t i = 0; more[i]; ++i) settings[i + 2] = more[i];
    make(&m, settings, false, 0);
    m.pass.seed = seed;
    if (y) m.batch.y.reals = y;
    elbow_terms terms = through(&m, m.gradient);
    memcpy(gradient, m.gradient, elbow_vae_params(m.vae)->size * sizeof *gradient);
    gradient[elbow_vae_params(m.vae)->size] = NAN;
    drop(&m);
    return terms;
}

static void expect_close(const real *a, const real *b) {
    for (; !isnan(*a); ++a, ++b)
        if (!(fabs(*a - *b) <= 1e-12 + 1e-10 * fabs(*b))) fail_msg("%.15g is not %.15g", *a, *b);
}

/* Marginal is exact where there is nothing but y; and where all labels are known every estimator that takes them is, whatever
 * the noise. */
static void agree(void **state) {
    (void)state;
    enum { MOST = 4096 };
    static real a[MOST], b[MOST];
    static const char *const none[] = {NULL}, *const some[] = {"data.labels=9", "model.prior=learned", NULL};
    static const char *const names[] = {"gumbel-softmax", "straight-through-gumbel", "straight-through",
                                        "reinmax",        "gapped-straight-through", "gumbel-rao"};
    real y[ROWS] = {2, 0, 1}, other[ROWS] = {2, 1, 1};
    elbow_terms exact = by(a, "estimator.name=exact", none, NULL, 1);
    elbow_terms sum = by(b, "estimator.name=marginal", none, NULL, 2);
    assert_true(fabs(exact.objective - sum.objective) < 1e-12 && fabs(exact.kl - sum.kl) < 1e-12);
    expect_close(a, b);
    sum = by(b, "estimator.name=marginal", some, y, 1);
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
        for (uint64_t seed = 1; seed < 3; ++seed) {
            char name[64];
            snprintf(name, sizeof name, "estimator.name=%s", names[i]);
            elbow_terms one = by(a, name, some, y, seed);
            assert_true(fabs(one.objective - sum.objective) < 1e-12 && fabs(one.elbo - sum.elbo) < 1e-12);
            expect_close(a, b);
        }
    assert_true(by(a, "estimator.name=marginal", some, other, 1).objective != sum.objective);
}

/* −log p(x, y) + log q(y|x) of labels, in plain sums: the objective of what is known. */
static void is_the_formula(void **state) {
    (void)state;
    static const char *const settings[] = {"model.latent=categorical 1x3", "data.labels=9",
                                           "model.prior=learned", NULL};
    model m;
    make(&m, settings, false, 0);
    real y[ROWS] = {2, 0, 1};
    real log_px[ROWS], kl[ROWS], weight[ROWS];
    m.batch.y.reals = y;
    double found = through(&m, m.gradient).objective, plain = 0;
    elbow_pass pass = m.pass;
    pass.gradients = NULL;
    elbow_vae_encode(m.vae, &pass, &m.batch);
    for (size_t r = 0; r < ROWS; ++r) {
        bool drawn = false; /* evaluation knows no label: draws until it is this one */
        for (pass.step = 0; !drawn; ++pass.step) {
            elbow_vae_draw(m.vae, &pass, 0, log_px, kl, weight);
            elbow_latent_view view = elbow_vae_group(m.vae, 0);
            drawn = view.z[r * 3 + (size_t)y[r]] == 1;
            double log_p = view.p[r * 3 + (size_t)y[r]], log_q = view.q[r * 3 + (size_t)y[r]];
            if (drawn)
                plain += log_px[r] + (double)m.objective.beta * log_p + (double)m.objective.classify * log_q;
            assert_true(!drawn || fabs(weight[r] - (log_px[r] + log_p - log_q)) < 1e-12);
        }
    }
    assert_true(fabs(plain - found) < 1e-10);
    drop(&m);
}

static void refused(void **state) {
    (void)state;
    static const struct {
        const char *settings[4], *says;
    } bad[] = {
        {{"model.latent=categorical 20x10", "estimator.name=exact"}, "estimator.limit"},
        {{"model.latent=categorical 2x3", "estimator.name=pathwise"}, "gumbel-softmax"},
        {{"model.latent=categorical 2x3", "model.prior=normal"}, "uniform"},
        {{"model.latent=categorical 2x3", "model.prior=uniform, uniform"}, "2 for 1"},
        {{"model.latent=categorical 2x3 / categorical 2x3", "model.prior=uniform"}, "learned"},
        {{"model.latent=categorical 2x3", "model.encoder=5 / 5"}, "more sections"},
        {{"model.latent=categorical 2x3", "model.decoder=5 / 5"}, "more sections"},
        {{"model.latent=categorical 2x3", "objective.bound=iwae", "objective.free_bits=1"}, "free_bits"},
        {{"model.latent=gaussian 2, bernoulli 3", "objective.bound=iwae", "estimator.samples=4"},
         "--set objective.bound=iwae: bernoulli latents are drawn relaxed"},
        {{"model.latent=categorical 2x3", "objective.bound=iwae", "objective.kl=sampled"},
         "objective.kl = relaxed"},
        {{"model.latent=categorical 2x3", "estimator.name=exact", "estimator.samples=2"},
         "--set estimator.samples=2: the exact"},
        {{"model.latent=categorical 2x3", "estimator.name=exact", "objective.bound=iwae"},
         "--set objective.bound=iwae: the exact"},
        {{"model.latent=categorical 2x3", "model.prior=learned autoregressive"}, "put a comma"},
        {{"model.latent=categorical 2x3", "model.posterior=factorised factorised"}, "put a comma"},
        {{"model.latent=gaussian 2, gaussian 2 / gaussian 2", "model.prior=learned / standard, normal"},
         "other places"},
        {{"model.latent=gaussian 2, gaussian 2", "model.prior=learned / standard"}, "other places"},
        {{"data.labels=9", "model.latent=categorical 2x3"}, "is the label: one categorical"},
        {{"data.labels=9", "model.latent=gaussian 3, categorical 1x3"}, "is the label: one categorical"},
        {{"data.labels=9", "model.latent=categorical 1x3", "estimator.name=exact"}, "does not take labels"},
        {{"data.labels=9", "model.latent=categorical 1x3", "objective.kl=relaxed"},
         "--set objective.kl=relaxed"},
        {{"model.latent=categorical 2x3", "estimator.name=marginal"}, "one categorical variable"},
        {{"model.latent=categorical 1x3, bernoulli 2", "estimator.name=marginal"}, "Gaussian, not bernoulli"},
        {{"model.latent=categorical 1x3", "estimator.name=marginal", "estimator.samples=2"}, "samples 1"},
        {{"model.latent=categorical 1x3", "estimator.name=marginal", "model.prior=mixture"},
         "standard or learned"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        model m;
        assert_int_equal(try_make(&m, bad[i].settings, false), ELBOW_USAGE);
        if (!strstr(elbow_error_message(), bad[i].says))
            fail_msg("%s: %s", bad[i].settings[1], elbow_error_message());
        elbow_vae_destroy(&m.vae);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes),         cmocka_unit_test(sums_over_all),
                                       cmocka_unit_test(known_labels),   cmocka_unit_test(agree),
                                       cmocka_unit_test(is_the_formula), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
