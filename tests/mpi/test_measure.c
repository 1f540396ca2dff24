/* What is measured of a model against plain computations, on any number of ranks. */
#include "mpi/check.h"

#include <math.h>

#include "elbow/train/measure.h"
#include "tools/small_data.h"

#define MEASURE(m, what, out)                                                                                \
    do {                                                                                                     \
        const elbow_measure_request request_ = what;                                                         \
        CHECK(elbow_measure(out, world, &(m)->view, (m)->vae, (m)->options, (m)->parameters, &request_) ==   \
                  ELBOW_OK,                                                                                  \
              "it measures");                                                                                \
    } while (0)

#define NEAR(a, b, by) CHECK(fabs((a) - (b)) <= (by), "%.10g is not %.10g", (double)(a), (double)(b))

static const elbow_measure_request plain = {
    .split = ELBOW_TEST, .temperature = 0.7, .samples = 3, .exact = true};

/* ---------------------------------------------------------------------------------- exact and bounds */

enum { BITS = 5, LATENTS = 2, CODES = 3, EXAMPLES = 700 };

/* log p(x) by its definition, from the likelihood's one layer and a uniform prior. */
static double plain_log_p(const small_model *m, const double *x) {
    const real *W = small_tensor(m, "likelihood.weight"), *b = small_tensor(m, "likelihood.bias");
    double sum = 0;
    for (size_t i = 0; i < CODES; i++)
        for (size_t j = 0; j < CODES; j++) {
            double p = 1.0 / (CODES * CODES);
            for (size_t d = 0; d < BITS; d++) {
                const real *w = W + d * LATENTS * CODES;
                double logit = (double)(b[d] + w[i] + w[CODES + j]);
                p *= 1 / (1 + exp(x[d] > 0 ? -logit : logit));
            }
            sum += p;
        }
    return log(sum);
}

static double plain_kl(const small_model *m, const double *x) {
    const real *W = small_tensor(m, "posterior.0.weight"), *b = small_tensor(m, "posterior.0.bias");
    double kl = 0;
    for (size_t l = 0; l < LATENTS; l++) {
        double logits[CODES], total = 0;
        for (size_t k = 0; k < CODES; k++) {
            logits[k] = (double)b[l * CODES + k];
            for (size_t d = 0; d < BITS; d++)
                logits[k] += (double)W[(l * CODES + k) * 2 * BITS + 2 * d + (x[d] > 0)];
            total += exp(logits[k]);
        }
        for (size_t k = 0; k < CODES; k++) {
            double q = exp(logits[k]) / total;
            kl += q * log(q * CODES);
        }
    }
    return kl;
}

static void bounds(void) {
    static double x[EXAMPLES * BITS];
    static double scores[EXAMPLES];
    char path[512];
    elbow_column columns[BITS];
    for (size_t d = 0; d < BITS; d++) columns[d] = small_column(2, 0);
    elbow_field field = small_table(columns, BITS);
    for (size_t i = 0; i < EXAMPLES * BITS; i++) x[i] = (double)(hash_of(3, i, 0) % 3 == 0);
    small_part part = {.field = &field, .values = {x, NULL, x}, .rows = {EXAMPLES, 0, EXAMPLES}};
    small_model m;
    elbow_measures one, ten, many, without;
    const char *settings[] = {"model.encoder=", "model.decoder=", "model.latent=categorical 2x3",
                              "model.likelihood=bernoulli", NULL};
    CHECK(small_write(small_path(path, "bits.h5"), &part, NULL) == ELBOW_OK, "the data are written");
    CHECK(small_open(&m, path, settings, 1.5) == ELBOW_OK, "the model opens");
    elbow_measure_request request = plain;
    request.samples = 1;
    MEASURE(&m, request, &one);
    request.samples = 10;
    MEASURE(&m, request, &ten);
    request.samples = 200;
    MEASURE(&m, request, &many);
    request.exact = false;
    request.samples = 1;
    MEASURE(&m, request, &without);

    double log_p = 0, square = 0, kl = 0;
    for (size_t i = 0; i < EXAMPLES; i++) {
        double each = plain_log_p(&m, x + i * BITS);
        log_p += each / EXAMPLES;
        square += each * each / EXAMPLES;
        kl += plain_kl(&m, x + i * BITS) / EXAMPLES;
    }
    NEAR(many.exact.mean, log_p, 1e-5);
    NEAR(many.exact.error, sqrt((square - log_p * log_p) / (EXAMPLES - 1)), 1e-5);
    CHECK(many.configurations == 9, "%zu", many.configurations);
    CHECK(isnan(without.exact.mean), "not asked for");
    NEAR(one.bounds.kl, kl, 1e-5);
    NEAR(one.group[0].kl, kl, 1e-5);
    NEAR(one.bounds.elbo, one.bounds.reconstruction - one.bounds.kl, 1e-9);
    CHECK(kl > 0.1, "the posterior says something: %g", kl);
    /* The bounds rise to log p(x), and to it. */
    CHECK(one.bounds.elbo < ten.bounds.iwae - 0.01, "%g, %g", one.bounds.elbo, ten.bounds.iwae);
    CHECK(ten.bounds.iwae < many.bounds.iwae, "%g, %g", ten.bounds.iwae, many.bounds.iwae);
    CHECK(many.bounds.iwae < log_p + 0.005, "%g, %g", many.bounds.iwae, log_p);
    NEAR(many.bounds.iwae, log_p, 0.02);
    CHECK(many.values == EXAMPLES * BITS && many.log_scale == 0, "%zu", many.values);

    /* Scores are the examples' own: −ELBO of one draw, else the importance-weighted bound. */
    for (size_t samples = 1; samples <= 10; samples += 9) {
        double sum = 0;
        CHECK(elbow_score(world, &m.view, ELBOW_TEST, m.vae, m.parameters, (uint64_t)m.options->run.seed,
                          samples, NULL, scores) == ELBOW_OK,
              "it scores");
        for (size_t i = 0; i < EXAMPLES; i++) sum += scores[i] / EXAMPLES;
        NEAR(sum, samples == 1 ? -one.bounds.elbo : -ten.bounds.iwae, 1e-9);
    }
    NEAR(scores[EXAMPLES - 1], -plain_log_p(&m, x + (EXAMPLES - 1) * BITS), 1);
    elbow_measures_destroy(&one);
    elbow_measures_destroy(&ten);
    elbow_measures_destroy(&many);
    elbow_measures_destroy(&without);
    small_close(&m);
    unlink(path);
}

/* ------------------------------------------------------------------------------------ without latents */

static double gaussian(double x, double mean, double variance) {
    return -0.5 * ((x - mean) * (x - mean) / variance + log(variance) + log(2 * acos(-1)));
}

/* A table by hand: three codes, of which training has (2, 1, 0), and a real column with a missing value. */
static void tables(void) {
    const double train[] = {0, 2, 0, -2, 1, 4, NAN, NAN}, test[] = {0, 4, 2, NAN, NAN, 0};
    char path[512];
    elbow_column columns[2] = {small_column(3, 0), small_column(0, 2)};
    elbow_field field = small_table(columns, 2);
    small_part part = {.field = &field, .values = {train, NULL, test}, .rows = {4, 0, 3}};
    small_model m;
    elbow_measures found;
    const char *settings[] = {
        "model.encoder=",         "model.decoder=",         "model.latent=categorical 1x2",
        "model.likelihood=table", "model.variance=learned", NULL};
    CHECK(small_write(small_path(path, "table.h5"), &part, NULL) == ELBOW_OK, "the data are written");
    CHECK(small_open(&m, path, settings, 1) == ELBOW_OK, "the model opens");
    MEASURE(&m, plain, &found);
    /* Stored reals are 1, −1, 2: mean 2/3, variance 2 − 4/9. */
    double codes = log(2.5 / 4.5) + log(0.5 / 4.5), variance = 2 - 4.0 / 9;
    double reals = gaussian(2, 2.0 / 3, variance) + gaussian(0, 2.0 / 3, variance);
    CHECK(found.baselines == 1 && found.train_examples == 4, "%zu", found.train_examples);
    NEAR(found.baseline[0].log_px.mean, (codes + reals) / 3, 1e-9);
    CHECK(found.values == 4, "%zu values are present", found.values);
    NEAR(found.log_scale, 2 * log(2) / 3, 1e-12);
    elbow_measures_destroy(&found);

    /* From the first two training examples alone: codes (2, 0, 0); reals 1, −1. */
    elbow_measure_request limited = plain;
    limited.limit = 2;
    MEASURE(&m, limited, &found);
    NEAR(found.baseline[0].log_px.mean,
         (log(2.5 / 3.5) + log(0.5 / 3.5) + gaussian(2, 0, 1) + gaussian(0, 0, 1)) / 3, 1e-9);
    elbow_measures_destroy(&found);
    small_close(&m);

    /* A fixed variance is the baseline's too. */
    settings[4] = "model.variance=0.25";
    CHECK(small_open(&m, path, settings, 1) == ELBOW_OK, "the model opens");
    MEASURE(&m, plain, &found);
    reals = gaussian(2, 2.0 / 3, 0.25) + gaussian(0, 2.0 / 3, 0.25);
    NEAR(found.baseline[0].log_px.mean, (codes + reals) / 3, 1e-9);
    elbow_measures_destroy(&found);
    small_close(&m);
    unlink(path);
}

/* Symbols alone, and by position: "aab." and "b." train; "ab." is tested. Token 0 is the end. */
static void sequences(void) {
    static char end[] = ".", a[] = "a", b[] = "b", *symbols[] = {end, a, b};
    const uint16_t train[] = {1, 1, 2, 0, 2, 0}, test[] = {1, 2, 0};
    const size_t train_lengths[] = {4, 2}, test_lengths[] = {3};
    char path[512];
    elbow_field field = {
        .kind = ELBOW_SEQUENCE, .vocabulary = 3, .symbols = symbols, .terminated = true, .dimensions = 4};
    small_part part = {.field = &field,
                       .tokens = {train, NULL, test},
                       .lengths = {train_lengths, NULL, test_lengths},
                       .rows = {2, 0, 1}};
    small_model m;
    elbow_measures found;
    const char *settings[] = {"model.encoder=", "model.decoder=", "model.latent=gaussian 2",
                              "model.likelihood=categorical", NULL};
    CHECK(small_write(small_path(path, "text.h5"), &part, NULL) == ELBOW_OK, "the data are written");
    CHECK(small_open(&m, path, settings, 1) == ELBOW_OK, "the model opens");
    MEASURE(&m, plain, &found);
    CHECK(found.baselines == 2 && found.values == 3, "%zu, %zu", found.baselines, found.values);
    NEAR(found.baseline[0].log_px.mean, 3 * log(2.5 / 7.5), 1e-9); /* each symbol twice of 6 */
    /* Positions: a or b once each of 2; a once and the end once; b once. */
    NEAR(found.baseline[1].log_px.mean, log(1.5 / 3.5) + log(0.5 / 3.5) + log(0.5 / 2.5), 1e-9);
    CHECK(isnan(found.bounds.soft_elbo) && isnan(found.bounds.temperature), "nothing is relaxed");
    CHECK(isnan(found.exact.mean) && found.configurations == 0, "no sum over reals");
    elbow_measures_destroy(&found);
    small_close(&m);
    unlink(path);
}

/* ----------------------------------------------------------------------------------------- the latents */

enum { ROWS = 512 };

/* One column of four codes, equally often; more examples than one block, so that ranks share them. */
static void four_codes(char path[512]) {
    static double x[ROWS];
    elbow_column column = small_column(4, 0);
    elbow_field field = small_table(&column, 1);
    for (size_t i = 0; i < ROWS; i++) x[i] = (double)(i % 4);
    small_part part = {.field = &field, .values = {x, NULL, x}, .rows = {ROWS, 0, ROWS}};
    CHECK(small_write(small_path(path, "codes.h5"), &part, NULL) == ELBOW_OK, "the data are written");
}

static void open_codes(small_model *m, const char *path, const char *latent, const char *other) {
    const char *settings[] = {
        "model.encoder=", "model.decoder=", latent, other, "model.likelihood=categorical", NULL};
    CHECK(small_open(m, path, settings, 1) == ELBOW_OK, "the model opens");
    const elbow_tensor *weight = elbow_params_find(elbow_vae_params(m->vae), "posterior.0.weight");
    const elbow_tensor *bias = elbow_params_find(elbow_vae_params(m->vae), "posterior.0.bias");
    memset(m->parameters + weight->offset, 0, weight->count * sizeof(real));
    memset(m->parameters + bias->offset, 0, bias->count * sizeof(real));
}

/* A code that is a function of x carries log K; one that ignores x carries nothing. */
static void deterministic(void) {
    char path[512];
    small_model m;
    elbow_measures found;
    four_codes(path);
    open_codes(&m, path, "model.latent=categorical 2x4", "model.posterior=factorised");
    real *weight = small_tensor(&m, "posterior.0.weight");
    for (size_t k = 0; k < 4; k++)
        weight[k * 4 + (k + 1) % 4] = 60; /* the first variable; the second ignores x */
    MEASURE(&m, plain, &found);
    const elbow_group_measures *g = &found.group[0];
    CHECK(found.groups == 1 && g->variables == 2 && g->codes == 4 && g->discrete, "%s", g->kind);
    NEAR(found.bounds.kl, log(4), 1e-6);
    NEAR(g->information.mean, log(4), 1e-6);
    NEAR(found.information.mean, log(4), 1e-6);
    NEAR(g->aggregate_kl, 0, 1e-6);
    CHECK(g->active == 1 && g->active_by_kl, "%zu", g->active);
    CHECK(g->codes_used == 4 + 1, "of an indifferent variable the first: %zu", g->codes_used);
    NEAR(g->perplexity_mean, 4, 1e-6);
    CHECK(found.subset == ROWS, "%zu", found.subset);

    /* Two of the four codes alone: an aggregate that is not the prior. */
    memset(weight, 0, 8 * 4 * sizeof *weight);
    for (size_t x = 0; x < 4; x++) weight[(x % 2) * 4 + x] = 60;
    elbow_measures_destroy(&found);
    MEASURE(&m, plain, &found);
    g = &found.group[0];
    NEAR(g->information.mean, log(2), 1e-6);
    NEAR(g->aggregate_kl, log(2), 1e-6);
    NEAR(g->perplexity_least, 2, 1e-6);
    NEAR(g->perplexity_most, 4, 1e-6);
    CHECK(g->codes_used == 2 + 1, "%zu", g->codes_used);
    elbow_measures_destroy(&found);
    small_close(&m);
    unlink(path);
}

/* The same with Bernoulli and Gaussian variables, side by side. */
static void mixed(void) {
    char path[512];
    small_model m;
    elbow_measures found;
    four_codes(path);
    open_codes(&m, path, "model.latent=bernoulli 3, gaussian 2", "model.posterior=factorised");
    real *bits = small_tensor(&m, "posterior.0.weight"), *reals = small_tensor(&m, "posterior.1.weight");
    memset(reals, 0, (size_t)4 * 4 * sizeof *reals);
    memset(small_tensor(&m, "posterior.1.bias"), 0, 4 * sizeof *reals);
    for (size_t x = 0; x < 4; x++) {
        bits[0 * 4 + x] = x % 2 ? 60 : -60;
        bits[1 * 4 + x] = x / 2 ? 60 : -60;
        /* Heads of a Gaussian variable lie side by side: mean, log variance. Means 0, 1000, 0, 1000; 0.09, −0.09, … */
        reals[0 * 4 + x] = x % 2 ? 1000 : 0;
        reals[2 * 4 + x] = x / 2 ? (real)0.09 : (real)-0.09;
    }
    MEASURE(&m, plain, &found);
    CHECK(found.groups == 2 && found.group[0].codes == 2 && found.group[1].codes == 0, "%zu", found.groups);
    NEAR(found.group[0].information.mean, log(4), 1e-6);
    NEAR(found.group[0].aggregate_kl, 0, 1e-6);
    CHECK(found.group[0].active == 2 && found.group[0].codes_used == 5, "%zu", found.group[0].active);
    /* One Gaussian says which half; the other's variance of means is 0.0081. */
    CHECK(found.group[1].active == 1, "%zu", found.group[1].active);
    CHECK(found.group[1].information.mean > log(2) - 0.02 && found.group[1].information.mean < log(2) + 0.05,
          "%g", found.group[1].information.mean);
    NEAR(found.information.mean, log(4), 1e-4); /* together no more than x has */
    NEAR(found.bounds.kl, found.group[0].kl + found.group[1].kl, 1e-2);
    NEAR(found.aggregate_kl, found.bounds.kl - found.information.mean, 1e-6);
    CHECK(!isnan(found.bounds.soft_elbo), "some is relaxed");
    CHECK(isnan(found.group[1].perplexity_mean), "no codes");
    elbow_measures_destroy(&found);
    small_close(&m);
    unlink(path);
}

/* Where q is sequential, information is not estimated, and the rest is. */
static void sequential(void) {
    char path[512];
    small_model m;
    elbow_measures found;
    four_codes(path);
    open_codes(&m, path, "model.latent=categorical 2x4", "model.posterior=autoregressive");
    real *weight = small_tensor(&m, "posterior.0.weight");
    for (size_t k = 0; k < 4; k++) weight[k * 4 + k] = 60;
    MEASURE(&m, plain, &found);
    CHECK(found.group[0].sequential && isnan(found.group[0].information.mean), "no information");
    CHECK(isnan(found.information.mean) && isnan(found.aggregate_kl), "nor of all");
    NEAR(found.group[0].kl, found.bounds.kl, 1e-6);
    CHECK(found.group[0].kl > log(4) - 1e-6 && found.group[0].active >= 1, "%g", found.group[0].kl);
    CHECK(found.group[0].codes_used >= 5, "%zu", found.group[0].codes_used);
    NEAR(found.exact.mean, found.exact.mean, 0);
    CHECK(found.configurations == 16 && found.exact.mean > found.bounds.elbo, "a sum over all");
    elbow_measures_destroy(&found);
    small_close(&m);
    unlink(path);
}

/* Two layers: the lower one carries all there is of x; the upper one says what it has from below. */
static void hierarchy(void) {
    char path[512];
    small_model m;
    elbow_measures found;
    four_codes(path);
    open_codes(&m, path, "model.latent=categorical 1x4 / gaussian 2", "model.prior=learned / standard");
    real *weight = small_tensor(&m, "posterior.0.weight");
    for (size_t k = 0; k < 4; k++) weight[k * 4 + k] = 60;
    MEASURE(&m, plain, &found);
    CHECK(found.groups == 2 && found.group[1].layer == 1, "%zu", found.groups);
    NEAR(found.information.mean, log(4), 1e-6);
    CHECK(found.group[1].information.mean < log(4) + 1e-3, "%g", found.group[1].information.mean);
    CHECK(isnan(found.group[0].aggregate_kl), "of all only");
    NEAR(found.aggregate_kl, found.bounds.kl - log(4), 1e-6);
    NEAR(found.bounds.kl, found.group[0].kl + found.group[1].kl, 1e-6);
    elbow_measures_destroy(&found);
    small_close(&m);
    unlink(path);
}

/* A split that is not there fails everywhere with one message. */
static void absent(void) {
    char path[512];
    small_model m;
    elbow_measures found;
    elbow_measure_request request = plain;
    four_codes(path);
    open_codes(&m, path, "model.latent=categorical 2x4", "model.posterior=factorised");
    request.split = ELBOW_VALID;
    CHECK(elbow_measure(&found, world, &m.view, m.vae, m.options, m.parameters, &request) == ELBOW_USAGE,
          "there is no valid split");
    CHECK(strstr(elbow_error_message(), "no valid split") != NULL, "it says so");
    elbow_measures_destroy(&found);
    small_close(&m);
    unlink(path);
}

int main(int argc, char **argv) {
    static const rank_test tests[] = {
        {"bounds", bounds},       {"tables", tables},
        {"sequences", sequences}, {"deterministic codes", deterministic},
        {"mixed groups", mixed},  {"sequential", sequential},
        {"hierarchy", hierarchy}, {"an absent split", absent},
    };
    return run_on_ranks(argc, argv, tests, sizeof tests / sizeof *tests);
}
