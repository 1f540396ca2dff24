/* Models of every shape of latents: the gradient of the whole objective against central differences, in every
 * parameter; and sums over all z against plain ones. */
#include "differences.h"

#include <stdio.h>

#include "elbow/vae/vae.h"

enum { ROWS = 3, D = 6, CLASSES = 3 };

static const elbow_field field = {.kind = ELBOW_IMAGE,
                                  .height = 6,
                                  .width = 1,
                                  .channels = 1,
                                  .dimensions = D,
                                  .maximum = 1,
                                  .binary = true};
static elbow_column label = {.name = "label", .cardinality = CLASSES, .words = (char *[]){"a", "b", "c"}};
static const elbow_field labels = {.kind = ELBOW_TABLE, .dimensions = 1, .columns = &label};

typedef struct model {
    elbow_vae *vae;
    elbow_pass pass;
    elbow_objective objective;
    elbow_batch batch;
    real *theta, *gradient, *scratch;
    real *told;       /* the gradients at the moment when they were said to be complete */
    size_t told_from; /* those from here to the split were */
} model;

/* Ranges come from the split down, and nothing is added to them any more. */
static void be_told(void *context, size_t begin, size_t end) {
    model *m = context;
    assert_int_equal(end, m->told_from);
    assert_true(begin < end);
    for (size_t i = begin; i < end; ++i) m->told[i] = m->gradient[i];
    m->told_from = begin;
}

/* settings: "section.key=value", ending in NULL. */
static elbow_status try_make(model *m, const char *const *settings, bool given) {
    elbow_options *options = NULL;
    memset(m, 0, sizeof *m);
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    static const char *const small[] = {"model.encoder=5", "model.decoder=4", "model.activation=tanh", NULL};
    for (size_t i = 0; small[i]; ++i) assert_int_equal(elbow_options_set(options, small[i]), ELBOW_OK);
    for (size_t i = 0; settings[i]; ++i) assert_int_equal(elbow_options_set(options, settings[i]), ELBOW_OK);
    elbow_status status = elbow_vae_create(&m->vae, options, &field, given ? &labels : NULL);
    elbow_options_destroy(&options);
    return status;
}

static void make(model *m, const char *const *settings, bool given, double free_bits) {
    if (try_make(m, settings, given) != ELBOW_OK) fail_msg("%s: %s", settings[0], elbow_error_message());
    assert_int_equal(elbow_vae_reserve(m->vae, ROWS + 1, true), ELBOW_OK);
    const elbow_params *params = elbow_vae_params(m->vae);
    m->theta = hold_parameters(params, "test.theta", 1);
    m->gradient = hold_zeros(params->size);
    m->scratch = hold_zeros(params->size);
    m->told = hold_zeros(params->size);
    real *x = hold_zeros(ROWS * D), *c = hold_zeros(ROWS);
    for (size_t i = 0; i < ROWS * D; ++i) x[i] = (real)(i * 7 % 3 == 1);
    for (size_t r = 0; r < ROWS; ++r) c[r] = (real)(r * 2 % CLASSES);
    m->batch = (elbow_batch){.rows = ROWS, .x = {.field = &field, .reals = x}};
    if (given) m->batch.context = (elbow_values){.field = &labels, .reals = c};
    m->pass = (elbow_pass){
        .parameters = m->theta, .gradients = m->gradient, .seed = 7, .shard = 1, .step = 9, .purpose = ""};
    m->objective = (elbow_objective){
        .temperature = (real)0.8, .beta = (real)0.7, .free_bits = (real)free_bits, .weight = (real)0.3};
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
    m->told_from = elbow_vae_split(m->vae);
    elbow_ready ready = {be_told, m};
    elbow_vae_encode_backward(m->vae, &pass, gradients == m->gradient ? &ready : NULL);
    return terms;
}

static double loss(void *context) {
    model *m = context;
    return -(double)m->objective.weight * through(m, m->scratch).objective;
}

typedef struct setting {
    const char *settings[8];
    bool given;
    double free_bits;
} setting;

static void check(const setting *s) {
    model m;
    make(&m, s->settings, s->given, s->free_bits);
    elbow_terms terms = through(&m, m.gradient);
    assert_int_equal(m.told_from, 0);
    for (size_t i = 0; i < elbow_vae_split(m.vae); ++i) assert_true(m.told[i] == m.gradient[i]);
    assert_true(isfinite(terms.objective));
    assert_true(fabs(terms.elbo - (terms.reconstruction - terms.kl)) < 1e-10);
    char what[256];
    snprintf(what, sizeof what, "%s %s", s->settings[0], s->settings[1] ? s->settings[1] : "");
    check_gradient(what, loss, &m, m.theta, m.gradient, elbow_vae_params(m.vae)->size);
    check_gaps(elbow_vae_params(m.vae), m.gradient);
    drop(&m);
}

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
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes), cmocka_unit_test(sums_over_all),
                                       cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
