/* A stochastic layer: samples by their law, the same draws whatever surrounds them, densities that fit. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "unit/numbers.h"
#include "vae/latents.h"

enum { FEATURES = 5 };

typedef struct layer {
    elbow_latents latents;
    elbow_params params;
    elbow_arena *arena;
    real *theta;
    elbow_pass pass; /* as in evaluation: nothing for gradients */
} layer;

static elbow_status try_make(layer *l, const char *latent, size_t rows, size_t samples) {
    char text[256];
    elbow_options *options = NULL;
    *l = (layer){.pass = {.seed = 3, .shard = ELBOW_SHARD_NONE, .step = 9, .purpose = "evaluate.test."}};
    snprintf(text, sizeof text, "model.latent=%s", latent);
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    assert_int_equal(elbow_options_set(options, text), ELBOW_OK);
    elbow_status status = elbow_latents_create(&l->latents, options, FEATURES, 0, &l->params);
    if (status == ELBOW_OK) status = elbow_latents_declare_rest(&l->latents, options, &l->params);
    elbow_options_destroy(&options);
    if (status != ELBOW_OK) return status;
    assert_int_equal(elbow_arena_create(&l->arena), ELBOW_OK);
    assert_int_equal(elbow_latents_reserve(&l->latents, rows * samples, samples, false, l->arena), ELBOW_OK);
    l->theta = hold(l->params.size * sizeof(real), 0);
    elbow_params_initialize(&l->params, 1, l->theta);
    for (size_t i = 0; i < l->params.size; ++i) l->theta[i] *= 3; /* far from uniform */
    l->pass.parameters = l->theta;
    return ELBOW_OK;
}

static void make(layer *l, const char *latent, size_t rows, size_t samples) {
    assert_int_equal(try_make(l, latent, rows, samples), ELBOW_OK);
}

static void drop(layer *l) {
    elbow_latents_destroy(&l->latents);
    elbow_params_destroy(&l->params);
    elbow_arena_destroy(&l->arena);
}

static real *features_of(size_t rows) { return hold_reals("test.features", rows * FEATURES, -2, 2); }

/* Every variable of every group has one 1, or, when relaxed, sums to 1. */
static void check_simplex(const layer *l, const real *z, size_t rows, bool one_hot) {
    for (size_t r = 0; r < rows; ++r) {
        const real *at = z + r * l->latents.layers[0].z_width;
        for (size_t g = 0; g < l->latents.layers[0].count; ++g)
            for (size_t v = 0; v < l->latents.layers[0].groups[g].variables; ++v) {
                size_t K = l->latents.layers[0].groups[g].categories;
                double sum = 0;
                for (size_t k = 0; k < K; ++k, ++at) {
                    if (one_hot) assert_true(*at == 0 || *at == 1);
                    assert_true(*at >= 0 && *at <= 1);
                    sum += (double)*at;
                }
                assert_true(fabs(sum - 1) < (one_hot ? 1e-12 : 1e-5));
            }
        assert_ptr_equal(at, z + (r + 1) * l->latents.layers[0].z_width);
    }
}

/* With the same words, the hard sample, the exact one and the largest of the soft one are the same. */
static void three_ways_to_draw(void **state) {
    (void)state;
    enum { ROWS = 40, SAMPLES = 3 };
    static const char *const latents[] = {"categorical 6x5",
                                          "categorical 4x3, categorical 1x7,categorical 5x2"};
    for (int c = 0; c < 2; ++c) {
        layer l;
        make(&l, latents[c], ROWS, SAMPLES);
        const size_t width = l.latents.layers[0].z_width, bytes = ROWS * width * sizeof(real);
        elbow_latents_forward(&l.latents, &l.pass, features_of(ROWS), NULL, ROWS, SAMPLES);
        const real *z = elbow_latents_sample(&l.latents, &l.pass);
        check_simplex(&l, z, ROWS, true);
        const real *exact = hold_copy(z, bytes, 0);
        z = elbow_latents_relax(&l.latents, &l.pass, (real)0.7, ELBOW_DRAW_HARD);
        check_simplex(&l, z, SAMPLES * ROWS, true);
        assert_memory_equal(z, exact, bytes); /* its first draw */
        const real *hard = hold_copy(z, SAMPLES * bytes, 0);
        z = elbow_latents_relax(&l.latents, &l.pass, (real)0.7, ELBOW_DRAW_RELAXED);
        check_simplex(&l, z, SAMPLES * ROWS, false);
        for (size_t i = 0; i < SAMPLES * ROWS * width; ++i) /* a 1 is at least 1/K, a 0 at most 1/2 */
            assert_true(hard[i] == 1 ? z[i] > (real)0.14 : z[i] <= (real)0.5);
        z = elbow_latents_relax(&l.latents, &l.pass, (real)1e-4, ELBOW_DRAW_RELAXED); /* τ → 0 */
        size_t away = 0;
        for (size_t i = 0; i < SAMPLES * ROWS * width; ++i) away += fabs((double)(z[i] - hard[i])) > 1e-3;
        assert_true(away <= SAMPLES * ROWS * width / 100);
        assert_true(memcmp(hard, hard + ROWS * width, bytes) != 0); /* draws differ */
        drop(&l);
        release_held();
    }
}

/* A draw depends on its example, not on the batch it stands in; a group's, not on the groups beside it; a sample's, not on how
 * many there are. */
static void draws_stand_alone(void **state) {
    (void)state;
    enum { ROWS = 12 };
    layer l, other;
    const real *features = features_of(ROWS);
    make(&l, "categorical 6x5", ROWS, 4);
    elbow_latents_forward(&l.latents, &l.pass, features, NULL, ROWS, 1);
    const real *z = elbow_latents_relax(&l.latents, &l.pass, 1, ELBOW_DRAW_HARD);
    const real *whole = hold_copy(z, ROWS * 30 * sizeof(real), 0);
    elbow_latents_forward(&l.latents, &l.pass, features, NULL, ROWS, 4);
    z = elbow_latents_relax(&l.latents, &l.pass, 1, ELBOW_DRAW_HARD);
    assert_memory_equal(z, whole, ROWS * 30 * sizeof(real));
    for (size_t row = 0; row < ROWS; row += 3) {
        elbow_pass pass = l.pass;
        pass.example = (uint32_t)row;
        elbow_latents_forward(&l.latents, &pass, features + row * FEATURES, NULL, 3, 1);
        z = elbow_latents_relax(&l.latents, &pass, 1, ELBOW_DRAW_HARD);
        assert_memory_equal(z, whole + row * 30, 3 * 30 * sizeof(real));
    }
    make(&other, "categorical 6x5, categorical 3x3", ROWS, 4);
    elbow_latents_forward(&other.latents, &other.pass, features, NULL, ROWS, 1);
    z = elbow_latents_relax(&other.latents, &other.pass, 1, ELBOW_DRAW_HARD);
    for (size_t r = 0; r < ROWS; ++r) assert_memory_equal(z + r * 39, whole + r * 30, 30 * sizeof(real));
    drop(&other);
    drop(&l);
    release_held();
}

/* Counts of n draws against probabilities: chi-square with K − 1 degrees of freedom, far into its tail. */
static void check_counts(const double *counts, const double *p, size_t K, double n) {
    double chi = 0;
    for (size_t k = 0; k < K; ++k) chi += (counts[k] - n * p[k]) * (counts[k] - n * p[k]) / (n * p[k]);
    assert_true(chi < (double)(K - 1) + 6 * sqrt(2.0 * (double)(K - 1)) + 10);
}

/* Exact samples have q's frequencies, the prior's are uniform: over many steps of one example. */
static void laws(void **state) {
    (void)state;
    enum { L = 3, K = 4, ROWS = 64, STEPS = 300 };
    layer l;
    make(&l, "categorical 3x4", ROWS, 1);
    real *features = hold(ROWS * FEATURES * sizeof *features, 0);
    for (size_t i = 0; i < ROWS * FEATURES; ++i)
        features[i] = (real)0.5 * (real)(i % FEATURES); /* all alike */
    double counts[2][L * K] = {{0}}, q[L * K];
    for (uint64_t step = 0; step < STEPS; ++step) {
        l.pass.step = step;
        elbow_latents_forward(&l.latents, &l.pass, features, NULL, ROWS, 1);
        for (size_t i = 0; i < L * K; ++i) q[i] = exp((double)l.latents.layers[0].groups[0].q[i]);
        for (int prior = 0; prior < 2; ++prior) {
            const real *z = prior ? elbow_latents_sample_prior(&l.latents, &l.pass, NULL, ROWS)
                                  : elbow_latents_sample(&l.latents, &l.pass);
            check_simplex(&l, z, ROWS, true);
            for (size_t i = 0; i < ROWS * L * K; ++i) counts[prior][i % (L * K)] += (double)z[i];
        }
    }
    const double uniform[K] = {0.25, 0.25, 0.25, 0.25};
    for (size_t v = 0; v < L; ++v) {
        assert_true(fabs(q[v * K] + q[v * K + 1] + q[v * K + 2] + q[v * K + 3] - 1) < 1e-5);
        check_counts(counts[0] + v * K, q + v * K, K, ROWS * STEPS);
        check_counts(counts[1] + v * K, uniform, K, ROWS * STEPS);
    }
    drop(&l);
    release_held();
}

static void log_probs(layer *l, real *log_q, real *log_p, size_t rows) {
    real *share = hold(rows * sizeof *share, 0);
    memset(log_q, 0, rows * sizeof *log_q);
    memset(log_p, 0, rows * sizeof *log_p);
    for (size_t g = 0; g < l->latents.layers[0].count; ++g) {
        elbow_group *group = &l->latents.layers[0].groups[g];
        elbow_group_log_q(group, share, rows, 0);
        for (size_t r = 0; r < rows; ++r) log_q[r] += share[r];
        elbow_group_log_p(group, &l->pass, share, rows, 0);
        for (size_t r = 0; r < rows; ++r) log_p[r] += share[r];
    }
}

/* log q and log p of exact samples, plainly; and KL = E_q[log q − log p], summed over every value of z. */
static void densities(void **state) {
    (void)state;
    enum { ROWS = 7 };
    layer l;
    make(&l, "categorical 3x4, categorical 2x5", ROWS, 1);
    real log_q[ROWS], log_p[ROWS], kl[ROWS];
    elbow_latents_forward(&l.latents, &l.pass, features_of(ROWS), NULL, ROWS, 1);
    const real *z = elbow_latents_sample(&l.latents, &l.pass);
    elbow_latents_kl(&l.latents, &l.pass, kl);
    log_probs(&l, log_q, log_p, ROWS);
    for (size_t r = 0; r < ROWS; ++r) {
        double plain_q = 0, plain_kl = 0;
        size_t at = 0;
        for (size_t g = 0; g < 2; ++g) {
            const elbow_group *group = &l.latents.layers[0].groups[g];
            for (size_t i = 0; i < group->q_width; ++i, ++at) {
                double log_of = (double)group->q[r * group->q_width + i];
                plain_q += (double)z[r * l.latents.layers[0].z_width + at] * log_of;
                plain_kl += exp(log_of) * (log_of + log((double)group->categories));
            }
        }
        assert_true(fabs((double)log_q[r] - plain_q) < 1e-5);
        assert_true(fabs((double)log_p[r] + 3 * log(4) + 2 * log(5)) < 1e-5);
        assert_true(fabs((double)kl[r] - plain_kl) < 1e-5 && kl[r] > 0);
    }
    drop(&l);
    release_held();
}

static void refused(void **state) {
    (void)state;
    static const char *const latents[] = {"",
                                          "categorical",
                                          "categorical 20",
                                          "categorical 20x",
                                          "categorical 0x10",
                                          "categorical 20x1",
                                          "categorical -3x4",
                                          "categorical 20x10z",
                                          "categorical 99999999x10",
                                          "gaussian 20x10",
                                          "categorical 2x3,",
                                          "categorical 2x3,,categorical 2x3",
                                          "categorical 20x10 5"};
    for (size_t i = 0; i < sizeof latents / sizeof *latents; ++i) {
        layer l;
        if (try_make(&l, latents[i], 1, 1) == ELBOW_OK) fail_msg("`%s` is taken", latents[i]);
        assert_non_null(strstr(elbow_error_message(), "model.latent"));
        drop(&l);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_ways_to_draw), cmocka_unit_test(draws_stand_alone), cmocka_unit_test(laws),
        cmocka_unit_test(densities),          cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
