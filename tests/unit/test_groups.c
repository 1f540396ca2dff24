/* Groups of every kind with every posterior and prior: samples by their law, densities that sum to 1, closed divergences
 * against averages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "unit/numbers.h"
#include "vae/stochastic.h"

enum { FEATURES = 4, MOST_ROWS = 4096 };

typedef struct layer {
    elbow_stochastic s;
    elbow_params params;
    elbow_arena *arena;
    real *theta, *features;
    elbow_pass pass;
} layer;

static void set(elbow_options *options, const char *key, const char *value) {
    char text[256];
    snprintf(text, sizeof text, "%s=%s", key, value);
    assert_int_equal(elbow_options_set(options, text), ELBOW_OK);
}

/* All rows have the same features, so that rows are draws. */
static void make(layer *l, const char *latent, const char *posterior, const char *prior, const char *scale) {
    elbow_options *options = NULL;
    *l = (layer){.pass = {.seed = 3, .shard = ELBOW_SHARD_NONE, .step = 9, .purpose = "evaluate.test."}};
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    set(options, "model.latent", latent);
    set(options, "model.posterior", posterior);
    set(options, "model.prior", prior);
    set(options, "model.scale", scale);
    set(options, "model.components", "3");
    assert_int_equal(elbow_stochastic_create(&l->s, latent, 0, options), ELBOW_OK);
    assert_int_equal(elbow_stochastic_declare_posterior(&l->s, l->s.count, FEATURES, options, &l->params),
                     ELBOW_OK);
    assert_int_equal(elbow_stochastic_declare_prior(&l->s, l->s.count, 0, false, options, &l->params),
                     ELBOW_OK);
    elbow_options_destroy(&options);
    assert_int_equal(elbow_arena_create(&l->arena), ELBOW_OK);
    assert_int_equal(elbow_stochastic_reserve(&l->s, MOST_ROWS, 1, false, l->arena), ELBOW_OK);
    l->theta = hold_reals("test.theta", l->params.size, -1, 1); /* above the diagonal of chains too */
    l->pass.parameters = l->theta;
    l->features = hold(MOST_ROWS * FEATURES * sizeof(real), 0);
    for (size_t i = 0; i < MOST_ROWS * FEATURES; ++i) l->features[i] = (real)(i % FEATURES) - (real)1.5;
}

static void drop(layer *l) {
    elbow_stochastic_destroy(&l->s);
    elbow_params_destroy(&l->params);
    elbow_arena_destroy(&l->arena);
    release_held();
}

/* ---- three variables of three categories: all 27 values ---- */

enum { L = 3, K = 3, ALL = 27, W = L * K };

static void write_all(real *z) {
    memset(z, 0, ALL * W * sizeof *z);
    for (size_t c = 0; c < ALL; ++c) {
        z[c * W + c / 9] = 1;
        z[c * W + K + c / 3 % 3] = 1;
        z[c * W + 2 * K + c % 3] = 1;
    }
}

static size_t number(const real *z) {
    size_t c = 0;
    for (size_t l = 0; l < L; ++l)
        for (size_t k = 0; k < K; ++k) c += z[l * K + k] == 1 ? k * (l == 0 ? 9 : l == 1 ? 3 : 1) : 0;
    return c;
}

static void check_counts(const double *counts, const double *p, size_t count, double n) {
    double chi = 0;
    for (size_t k = 0; k < count; ++k) chi += (counts[k] - n * p[k]) * (counts[k] - n * p[k]) / (n * p[k]);
    if (!(chi < (double)(count - 1) + 6 * sqrt(2.0 * (double)(count - 1)) + 10))
        fail_msg("chi-square %g", chi);
}

/* Sequential densities sum to 1 over all z, depend on order, and are those that draws follow: of the posterior and of the
 * prior. */
static void chains_are_distributions(void **state) {
    (void)state;
    layer l;
    real z[ALL * W], log_q[ALL], log_p[ALL];
    double p[2][ALL], counts[2][ALL] = {{0}}, sum[2] = {0}, draws = 0;
    make(&l, "categorical 3x3", "autoregressive", "autoregressive", "softplus");
    elbow_group *group = &l.s.groups[0];
    write_all(z);
    elbow_stochastic_forward(&l.s, &l.pass, l.features, NULL, ALL, 1);
    elbow_stochastic_force(&l.s, &l.pass, z, true);
    elbow_stochastic_condition(&l.s, &l.pass, NULL, true);
    elbow_group_log_q(group, log_q, ALL, 0);
    elbow_group_log_p(group, &l.pass, log_p, ALL, 0);
    for (size_t c = 0; c < ALL; ++c) {
        assert_int_equal(number(z + c * W), c);
        sum[0] += p[0][c] = exp((double)log_q[c]);
        sum[1] += p[1][c] = exp((double)log_p[c]);
    }
    assert_true(fabs(sum[0] - 1) < 1e-5 && fabs(sum[1] - 1) < 1e-5);
    for (int way = 0; way < 2; ++way) { /* not a product: the second variable's odds depend on the first */
        double here = (p[way][0] + p[way][1] + p[way][2]) / (p[way][3] + p[way][4] + p[way][5]);
        double there = (p[way][9] + p[way][10] + p[way][11]) / (p[way][12] + p[way][13] + p[way][14]);
        assert_true(fabs(here / there - 1) > 0.1);
    }
    for (uint64_t step = 0; step < 8; ++step, draws += MOST_ROWS) {
        l.pass.step = step;
        elbow_stochastic_forward(&l.s, &l.pass, l.features, NULL, MOST_ROWS, 1);
        const real *drawn = elbow_stochastic_sample(&l.s, &l.pass);
        for (size_t r = 0; r < MOST_ROWS; ++r) counts[0][number(drawn + r * W)]++;
        elbow_group_log_q(group, group->kl, 8, 0); /* of the draws, as they were drawn */
        for (size_t r = 0; r < 8; ++r)
            assert_true(fabs((double)(group->kl[r] - log_q[number(drawn + r * W)])) < 2e-5);
        elbow_stochastic_condition(&l.s, &l.pass, NULL, false);
        drawn = elbow_stochastic_sample_prior(&l.s, &l.pass, MOST_ROWS);
        for (size_t r = 0; r < MOST_ROWS; ++r) counts[1][number(drawn + r * W)]++;
    }
    check_counts(counts[0], p[0], ALL, draws);
    check_counts(counts[1], p[1], ALL, draws);
    drop(&l);
}

/* ---- every kind ---- */

typedef struct combination {
    const char *latent, *posterior, *prior;
} combination;

static const combination combinations[] = {
    {"categorical 3x3", "factorised", "learned"},
    {"categorical 2x4", "autoregressive", "standard"},
    {"categorical 3x3", "autoregressive", "autoregressive"},
    {"bernoulli 4", "factorised", "standard"},
    {"bernoulli 4", "factorised", "learned"},
    {"bernoulli 4", "autoregressive", "autoregressive"},
    {"gaussian 3", "factorised", "standard"},
    {"gaussian 3", "factorised", "learned"},
    {"gaussian 3", "autoregressive", "autoregressive"},
    {"gaussian 3", "autoregressive", "learned"},
};

/* With the same words a hard sample is the exact one; so is a Gaussian's at any temperature. */
static void hard_is_exact(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof combinations / sizeof *combinations; ++i) {
        layer l;
        make(&l, combinations[i].latent, combinations[i].posterior, combinations[i].prior, "log_variance");
        elbow_stochastic_forward(&l.s, &l.pass, l.features, NULL, 500, 1);
        const real *z = elbow_stochastic_sample(&l.s, &l.pass);
        const real *exact = hold_copy(z, 500 * l.s.z_width * sizeof *z, 0);
        for (real temperature = (real)0.1; temperature < 3; temperature *= 3) {
            elbow_stochastic_forward(&l.s, &l.pass, l.features, NULL, 500, 1);
            z = elbow_stochastic_relax(&l.s, &l.pass, temperature, ELBOW_DRAW_HARD);
            assert_memory_equal(z, exact, 500 * l.s.z_width * sizeof *z);
        }
        drop(&l);
    }
}

/* E_q[log q(z) − log p(z)] over draws is the closed KL's mean over the same draws, within 5 standard errors. */
static void closed_is_the_mean(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof combinations / sizeof *combinations; ++i)
        for (int softplus = 0; softplus < 2; ++softplus) {
            layer l;
            double sum = 0, square = 0, closed = 0;
            make(&l, combinations[i].latent, combinations[i].posterior, combinations[i].prior,
                 softplus ? "softplus" : "log_variance");
            elbow_group *group = &l.s.groups[0];
            assert_int_equal(group->divergence, ELBOW_KL_CLOSED);
            elbow_stochastic_forward(&l.s, &l.pass, l.features, NULL, MOST_ROWS, 1);
            elbow_stochastic_sample(&l.s, &l.pass);
            elbow_stochastic_condition(&l.s, &l.pass, NULL, true);
            real *exact = hold(MOST_ROWS * sizeof *exact, 0);
            elbow_group_kl(group, &l.pass, ELBOW_KL_CLOSED, MOST_ROWS, 0);
            memcpy(exact, group->kl, MOST_ROWS * sizeof *exact);
            elbow_group_kl(group, &l.pass, ELBOW_KL_SAMPLED, MOST_ROWS, 0);
            for (size_t r = 0; r < MOST_ROWS; ++r) {
                double apart = (double)group->kl[r] - (double)exact[r];
                assert_true(exact[r] > 0);
                sum += apart;
                square += apart * apart;
                closed += (double)exact[r];
            }
            double error = sqrt(square) / MOST_ROWS;
            if (!(fabs(sum / MOST_ROWS) < 5 * error))
                fail_msg("%s, %s, %s: closed %g, sampled %g more, error %g", combinations[i].latent,
                         combinations[i].posterior, combinations[i].prior, closed / MOST_ROWS,
                         sum / MOST_ROWS, error);
            drop(&l);
        }
}

/* With p = q the densities of relaxed samples are the same too, and their divergence is 0; from another prior it is above the
 * discrete one (Maddison et al. 2017, by data processing), within errors. */
static void relaxed_divergence(void **state) {
    (void)state;
    static const char *const kinds[] = {"categorical 3x3", "bernoulli 4"};
    for (int i = 0; i < 2; ++i) {
        layer l;
        double closed = 0, sum = 0, square = 0;
        make(&l, kinds[i], "factorised", "learned", "softplus");
        elbow_group *group = &l.s.groups[0];
        elbow_stochastic_forward(&l.s, &l.pass, l.features, NULL, MOST_ROWS, 1);
        elbow_stochastic_relax(&l.s, &l.pass, (real)0.6, ELBOW_DRAW_RELAXED);
        elbow_stochastic_condition(&l.s, &l.pass, NULL, true);
        elbow_group_kl(group, &l.pass, ELBOW_KL_CLOSED, MOST_ROWS, 0);
        closed = (double)group->kl[0];
        elbow_group_kl(group, &l.pass, ELBOW_KL_RELAXED, MOST_ROWS, (real)0.6);
        for (size_t r = 0; r < MOST_ROWS; ++r) {
            sum += (double)group->kl[r] / MOST_ROWS;
            square += (double)group->kl[r] * (double)group->kl[r] / MOST_ROWS;
        }
        assert_true(sum > closed - 5 * sqrt(square / MOST_ROWS));
        memcpy(group->p, group->q, MOST_ROWS * group->q_width * sizeof *group->q);
        elbow_group_kl(group, &l.pass, ELBOW_KL_RELAXED, MOST_ROWS, (real)0.6);
        for (size_t r = 0; r < MOST_ROWS; ++r) assert_true(group->kl[r] == 0);
        drop(&l);
    }
}

/* ---- a mixture of Gaussians ---- */

static double plain_mixture(const layer *l, const real *z, size_t width) {
    const real *heads = l->theta + elbow_params_find(&l->params, "prior.0.components")->offset;
    const real *logits = l->theta + elbow_params_find(&l->params, "prior.0.weights")->offset;
    double total = 0, p = 0;
    for (size_t c = 0; c < 3; ++c) total += exp((double)logits[c]);
    for (size_t c = 0; c < 3; ++c) {
        double density = exp((double)logits[c]) / total;
        for (size_t i = 0; i < width; ++i) {
            double sigma = exp((double)heads[(c * width + i) * 2 + 1] / 2);
            double u = ((double)z[i] - (double)heads[(c * width + i) * 2]) / sigma;
            density *= exp(-u * u / 2) / (sigma * sqrt(8 * atan(1)));
        }
        p += density;
    }
    return p;
}

static void mixture_of_gaussians(void **state) {
    (void)state;
    enum { WIDTH = 2 };
    layer l;
    real log_p[MOST_ROWS];
    make(&l, "gaussian 2", "factorised", "mixture", "log_variance");
    elbow_group *group = &l.s.groups[0];
    assert_int_equal(group->divergence, ELBOW_KL_SAMPLED);
    real *heads = l.theta + elbow_params_find(&l.params, "prior.0.components")->offset;
    for (size_t i = 0; i < 3 * WIDTH; ++i) heads[2 * i] *= 4, heads[2 * i + 1] -= 1; /* well apart */
    elbow_stochastic_forward(&l.s, &l.pass, l.features, NULL, MOST_ROWS, 1);
    elbow_stochastic_sample(&l.s, &l.pass);
    elbow_stochastic_condition(&l.s, &l.pass, NULL, true);
    elbow_group_log_p(group, &l.pass, log_p, MOST_ROWS, 0);
    for (size_t r = 0; r < MOST_ROWS; ++r)
        assert_true(fabs((double)log_p[r] - log(plain_mixture(&l, group->z + r * WIDTH, WIDTH))) < 2e-4);

    /* Draws from it, by quarter planes: their shares against the density summed over a grid. */
    double share[4] = {0}, counts[4] = {0}, step = 0.05;
    for (double x = -12 + step / 2; x < 12; x += step)
        for (double y = -12 + step / 2; y < 12; y += step) {
            real z[2] = {(real)x, (real)y};
            share[(x > 0) * 2 + (y > 0)] += plain_mixture(&l, z, WIDTH) * step * step;
        }
    assert_true(fabs(share[0] + share[1] + share[2] + share[3] - 1) < 1e-3);
    elbow_stochastic_condition(&l.s, &l.pass, NULL, false);
    const real *z = elbow_stochastic_sample_prior(&l.s, &l.pass, MOST_ROWS);
    for (size_t r = 0; r < MOST_ROWS; ++r) counts[(z[2 * r] > 0) * 2 + (z[2 * r + 1] > 0)]++;
    check_counts(counts, share, 4, MOST_ROWS);
    drop(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_are_distributions), cmocka_unit_test(hard_is_exact),
        cmocka_unit_test(closed_is_the_mean),       cmocka_unit_test(relaxed_divergence),
        cmocka_unit_test(mixture_of_gaussians),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
