/* Kernels of latent variables, in double: each gradient against a central difference of the forward, with a weight for
 * each variable, and added to what is there. */
#include "differences.h"

#include "math/bernoulli_latent.h"
#include "math/categorical.h"
#include "math/exp_log.h"
#include "math/gaussian.h"

enum { V = 7, K = 5, N = V * K }; /* variables, categories, elements */

/* A function of two heads and a value of z; what is fixed. All kinds have it, with other sizes. */
typedef struct problem {
    real heads[N], others[N], z[N]; /* as far as the kind has them */
    real weights[V];
    uint32_t words[N];
    real temperature;
    elbow_gaussian_scale scale;
} problem;

static void fill(problem *p) {
    memcpy(p->heads, hold_reals("test.heads", N, -3, 3), sizeof p->heads);
    memcpy(p->others, hold_reals("test.others", N, -3, 3), sizeof p->others);
    memcpy(p->z, hold_reals("test.z", N, 0.2, 0.8), sizeof p->z);
    memcpy(p->weights, hold_reals("test.weights", V, -2, 2), sizeof p->weights);
    elbow_stream_rows(elbow_stream_make(3, 0, "test.words"), 0, 0, 0, V, K, p->words);
    p->temperature = 0.6;
}

/* Every gradient is added: what was there stays. */
static real *hold_old(size_t n) { return hold_reals("test.old", n, -1, 1); }
static real *less(real *gradient, const real *old, size_t n) {
    for (size_t i = 0; i < n; ++i) gradient[i] -= old[i];
    return gradient;
}

static void check_added(const char *what, differentiable *f, problem *p, real *x, real *gradient, size_t n) {
    check_gradient(what, f, p, x, less(gradient, hold_old(n), n), n);
}

/* ---- categorical ---- */

static double categorical_kl(void *context) {
    problem *p = context;
    real log_q[N], log_p[N], kl[V];
    elbow_log_softmax(log_q, p->heads, V, K);
    elbow_log_softmax(log_p, p->others, V, K);
    elbow_categorical_kl(kl, log_q, log_p, V, K);
    return dot(p->weights, kl, V);
}

static double categorical_log_prob(void *context) {
    problem *p = context;
    real log_q[N], out[V];
    elbow_log_softmax(log_q, p->heads, V, K);
    elbow_categorical_log_prob(out, p->z, log_q, V, K, 1);
    return dot(p->weights, out, V);
}

static double concrete(void *context) {
    problem *p = context;
    real log_q[N], out[V];
    elbow_log_softmax(log_q, p->heads, V, K);
    elbow_concrete_log_density(out, p->z, log_q, V, K, p->temperature);
    return dot(p->weights, out, V);
}

static void categorical(void **state) {
    (void)state;
    problem p;
    fill(&p);
    real log_q[N], log_p[N];
    elbow_log_softmax(log_q, p.heads, V, K);
    elbow_log_softmax(log_p, p.others, V, K);
    real *dq = hold_old(N), *dp = hold_old(N), *again = hold_old(N);
    elbow_categorical_kl_backward(dq, dp, p.weights, log_q, log_p, V, K);
    elbow_categorical_kl_backward(again, NULL, p.weights, log_q, log_p, V, K);
    assert_memory_equal(dq, again, N * sizeof *dq);
    check_added("kl in q", categorical_kl, &p, p.heads, dq, N);
    check_added("kl in p", categorical_kl, &p, p.others, dp, N);

    real *dz = hold_old(N);
    dq = hold_old(N);
    elbow_categorical_log_prob_backward(dz, dq, p.weights, p.z, log_q, V, K);
    elbow_categorical_log_prob_backward(NULL, NULL, p.weights, p.z, log_q, V, K);
    check_added("log_prob in q", categorical_log_prob, &p, p.heads, dq, N);
    check_added("log_prob in z", categorical_log_prob, &p, p.z, dz, N);

    for (p.temperature = 0.3; p.temperature < 4; p.temperature *= 3) {
        dq = hold_old(N);
        dz = hold_old(N);
        elbow_concrete_log_density_backward(dz, dq, p.weights, p.z, log_q, V, K, p.temperature);
        check_added("concrete in q", concrete, &p, p.heads, dq, N);
        check_added("concrete in y", concrete, &p, p.z, dz, N);
    }
    release_held();
}

/* Rows longer than a tile: 1 row of 2500. */
enum { LONG = 2500 };

typedef struct long_problem {
    real *heads, *others, *y, weight, temperature;
} long_problem;

static double long_rows(void *context) {
    long_problem *p = context;
    static real log_q[LONG], log_p[LONG];
    real kl, density, log_prob;
    elbow_log_softmax(log_q, p->heads, 1, LONG);
    elbow_log_softmax(log_p, p->others, 1, LONG);
    elbow_categorical_kl(&kl, log_q, log_p, 1, LONG);
    elbow_categorical_log_prob(&log_prob, p->y, log_q, 1, LONG, 1);
    elbow_concrete_log_density(&density, p->y, log_q, 1, LONG, p->temperature);
    return p->weight * (kl + log_prob + 0.01 * density);
}

static void categorical_long(void **state) {
    (void)state;
    long_problem p = {.heads = hold_reals("test.heads", LONG, -3, 3),
                      .others = hold_reals("test.others", LONG, -3, 3),
                      .y = hold_reals("test.z", LONG, 0.01, 0.1),
                      .weight = 0.7,
                      .temperature = 0.8};
    real log_q[LONG], log_p[LONG], small = 0.01 * p.weight;
    elbow_log_softmax(log_q, p.heads, 1, LONG);
    elbow_log_softmax(log_p, p.others, 1, LONG);
    real *dq = hold_zeros(LONG), *dp = hold_zeros(LONG), *dy = hold_zeros(LONG);
    elbow_categorical_kl_backward(dq, dp, &p.weight, log_q, log_p, 1, LONG);
    elbow_categorical_log_prob_backward(dy, dq, &p.weight, p.y, log_q, 1, LONG);
    elbow_concrete_log_density_backward(dy, dq, &small, p.y, log_q, 1, LONG, p.temperature);
    for (size_t i = 0; i < LONG; i += 1023) {
        check_gradient("long q", long_rows, &p, p.heads + i, dq + i, 1);
        check_gradient("long p", long_rows, &p, p.others + i, dp + i, 1);
        check_gradient("long y", long_rows, &p, p.y + i, dy + i, 1);
    }
    release_held();
}

/* ---- Bernoulli ---- */

static double bernoulli_kl(void *context) {
    problem *p = context;
    real kl[V];
    elbow_bernoulli_kl(kl, p->heads, p->others, V);
    return dot(p->weights, kl, V);
}

static double bernoulli_kl_standard(void *context) {
    problem *p = context;
    real kl[V];
    elbow_bernoulli_kl(kl, p->heads, NULL, V);
    return dot(p->weights, kl, V);
}

static double bernoulli_log_prob(void *context) {
    problem *p = context;
    real out[V];
    elbow_bernoulli_latent_log_prob(out, p->z, p->heads, V);
    return dot(p->weights, out, V);
}

static double bernoulli_density(void *context) {
    problem *p = context;
    real out[V];
    elbow_binary_concrete_log_density(out, p->z, p->heads, V, p->temperature);
    return dot(p->weights, out, V);
}

static double bernoulli_relaxed(void *context) {
    problem *p = context;
    real y[V];
    double sum = 0;
    elbow_binary_concrete(y, p->heads, p->words, V, p->temperature);
    for (int i = 0; i < V; ++i) sum += p->weights[i] * y[i] * y[i];
    return sum;
}

static void bernoulli(void **state) {
    (void)state;
    problem p;
    fill(&p);
    p.heads[1] = 9, p.others[1] = 7, p.heads[2] = -8, p.others[2] = -9; /* both far to one side */
    real *dq = hold_old(V), *dp = hold_old(V);
    elbow_bernoulli_kl_backward(dq, dp, p.weights, p.heads, p.others, V);
    check_added("kl in q", bernoulli_kl, &p, p.heads, dq, V);
    check_added("kl in p", bernoulli_kl, &p, p.others, dp, V);
    dq = hold_old(V);
    elbow_bernoulli_kl_backward(dq, NULL, p.weights, p.heads, NULL, V);
    check_added("kl of the uniform", bernoulli_kl_standard, &p, p.heads, dq, V);

    real *dz = hold_old(V);
    dq = hold_old(V);
    elbow_bernoulli_latent_log_prob_backward(dz, dq, p.weights, p.z, p.heads, V);
    elbow_bernoulli_latent_log_prob_backward(NULL, NULL, p.weights, p.z, p.heads, V);
    check_added("log_prob in q", bernoulli_log_prob, &p, p.heads, dq, V);
    check_added("log_prob in z", bernoulli_log_prob, &p, p.z, dz, V);

    for (p.temperature = 0.3; p.temperature < 4; p.temperature *= 3) {
        real y[V], dy[V];
        dq = hold_old(V);
        dz = hold_old(V);
        elbow_binary_concrete_log_density_backward(dz, dq, p.weights, p.z, p.heads, V, p.temperature);
        check_added("density in q", bernoulli_density, &p, p.heads, dq, V);
        check_added("density in y", bernoulli_density, &p, p.z, dz, V);
        elbow_binary_concrete(y, p.heads, p.words, V, p.temperature);
        for (int i = 0; i < V; ++i) dy[i] = 2 * p.weights[i] * y[i];
        dq = hold_old(V);
        elbow_binary_concrete_backward(dq, y, dy, V, p.temperature);
        check_added("binary concrete", bernoulli_relaxed, &p, p.heads, dq, V);
    }
    release_held();
}

/* ---- Gaussian ---- */

static double gaussian_kl(void *context) {
    problem *p = context;
    real kl[V], a[2 * V], b[2 * V];
    elbow_gaussian_normalize(a, p->heads, V, p->scale);
    elbow_gaussian_normalize(b, p->others, V, p->scale);
    elbow_gaussian_kl(kl, a, b, V);
    return dot(p->weights, kl, V);
}

static double gaussian_kl_standard(void *context) {
    problem *p = context;
    real kl[V], a[2 * V];
    elbow_gaussian_normalize(a, p->heads, V, p->scale);
    elbow_gaussian_kl(kl, a, NULL, V);
    return dot(p->weights, kl, V);
}

static double gaussian_log_prob(void *context) {
    problem *p = context;
    real out[V], a[2 * V];
    elbow_gaussian_normalize(a, p->heads, V, p->scale);
    elbow_gaussian_log_prob(out, p->z, a, V);
    return dot(p->weights, out, V);
}

static double gaussian_sampled(void *context) {
    problem *p = context;
    real z[V], a[2 * V];
    double sum = 0;
    elbow_gaussian_normalize(a, p->heads, V, p->scale);
    elbow_gaussian_sample(z, a, p->words, V);
    for (int i = 0; i < V; ++i) sum += p->weights[i] * z[i] * z[i];
    return sum;
}

static void gaussian(void **state) {
    (void)state;
    problem p;
    for (int scale = 0; scale < 2; ++scale) {
        fill(&p);
        p.scale = scale ? ELBOW_SCALE_SOFTPLUS : ELBOW_SCALE_LOG_VARIANCE;
        p.heads[3] = -0.43, p.heads[5] = 5; /* a softplus near ½, and a wide one */
        real a[2 * V], b[2 * V], *dq = hold_old(2 * V), *dp = hold_old(2 * V), *dz = hold_old(V);
        elbow_gaussian_normalize(a, p.heads, V, p.scale);
        elbow_gaussian_normalize(b, p.others, V, p.scale);
        elbow_gaussian_kl_backward(dq, dp, p.weights, a, b, V, p.scale);
        check_added("kl in q", gaussian_kl, &p, p.heads, dq, 2 * V);
        check_added("kl in p", gaussian_kl, &p, p.others, dp, 2 * V);
        dq = hold_old(2 * V);
        elbow_gaussian_kl_backward(dq, NULL, p.weights, a, NULL, V, p.scale);
        check_added("kl of N(0, 1)", gaussian_kl_standard, &p, p.heads, dq, 2 * V);
        dq = hold_old(2 * V);
        elbow_gaussian_log_prob_backward(dz, dq, p.weights, p.z, a, V, p.scale);
        elbow_gaussian_log_prob_backward(NULL, NULL, p.weights, p.z, a, V, p.scale);
        check_added("log_prob in q", gaussian_log_prob, &p, p.heads, dq, 2 * V);
        check_added("log_prob in z", gaussian_log_prob, &p, p.z, dz, V);
        real z[V], weighted[V];
        elbow_gaussian_sample(z, a, p.words, V);
        for (int i = 0; i < V; ++i) weighted[i] = 2 * p.weights[i] * z[i];
        dq = hold_old(2 * V);
        elbow_gaussian_sample_backward(dq, z, a, weighted, V, p.scale);
        check_added("sample", gaussian_sampled, &p, p.heads, dq, 2 * V);
    }
    release_held();
}

/* The slope of softplus to its last digits, where 1 − e^{−σ} has none: d log σ/da = σ(a) / log(1 + e^a). */
static void softplus_far_out(void **state) {
    (void)state;
    for (double a = -60; a < 60; a += 0.37) {
        real heads[2] = {0, a}, q[2], slope[2] = {0, 0}, dz = 1, z;
        elbow_gaussian_normalize(q, heads, 1, ELBOW_SCALE_SOFTPLUS);
        double sigma = a > 0 ? a + log1p(exp(-a)) : log1p(exp(a));
        assert_true(fabs(q[1] - log(sigma)) <= 4e-15 * (1 + fabs(q[1])));
        z = 1;
        elbow_gaussian_sample_backward(slope, &z, q, &dz, 1, ELBOW_SCALE_SOFTPLUS);
        double expected = 1 / (1 + exp(-a)) / sigma;
        assert_true(fabs(slope[1] - expected) <= 1e-14 * expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(categorical), cmocka_unit_test(categorical_long), cmocka_unit_test(bernoulli),
        cmocka_unit_test(gaussian),    cmocka_unit_test(softplus_far_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
