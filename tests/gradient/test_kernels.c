/* Kernels that have a backward, in double: each derivative against a central difference of the forward. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "math/activation.h"
#include "math/bernoulli.h"
#include "math/categorical.h"
#include "math/exp_log.h"
#include "math/noise.h"
#include "unit/numbers.h"

_Static_assert(sizeof(real) == sizeof(double), "this test is for the double build");

enum { ROWS = 6, K = 10, N = ROWS * K, GROUP = 3 };

typedef double loss(const real *x); /* of N inputs */

/* (f(x + h) − f(x − h)) / 2h with h = 1e-5: its own error is about 1e-10. */
static void check(const char *name, loss *f, const real *x, const real *dx) {
    real moved[N];
    memcpy(moved, x, sizeof moved);
    for (int i = 0; i < N; ++i) {
        const double h = 1e-5;
        moved[i] = x[i] + h;
        double above = f(moved);
        moved[i] = x[i] - h;
        double below = f(moved);
        moved[i] = x[i];
        double difference = (above - below) / (2 * h);
        if (!(fabs(difference - dx[i]) <= 1e-8 * (1 + fabs(difference))))
            fail_msg("%s: derivative %d is %.12g, by difference %.12g", name, i, dx[i], difference);
    }
}

static real temperature;
static real weights[N]; /* of outputs in the loss */
static uint32_t words[N];

static void fill(void) {
    memcpy(weights, hold_reals("test.weights", N, -1, 1), sizeof weights);
    elbow_stream_rows(elbow_stream_make(3, 0, "test.words"), 0, 0, 0, ROWS, K, words);
}

static double gumbel_softmax_loss(const real *logits) {
    real log_q[N], y[N];
    double sum = 0;
    elbow_log_softmax(log_q, logits, ROWS, K);
    elbow_gumbel_softmax(y, log_q, words, ROWS, K, temperature);
    for (int i = 0; i < N; ++i) sum += weights[i] * y[i] * y[i];
    return sum;
}

static void gumbel_softmax(void **state) {
    (void)state;
    fill();
    const real *logits = hold_reals("test.logits", N, -3, 3);
    for (temperature = 0.3; temperature < 3; temperature *= 2) {
        real log_q[N], y[N], dy[N], dlogits[N] = {0};
        elbow_log_softmax(log_q, logits, ROWS, K);
        elbow_gumbel_softmax(y, log_q, words, ROWS, K, temperature);
        for (int i = 0; i < N; ++i) dy[i] = 2 * weights[i] * y[i];
        elbow_gumbel_softmax_backward(dlogits, y, dy, ROWS, K, temperature);
        check("gumbel_softmax", gumbel_softmax_loss, logits, dlogits);
        real twice[N];
        memcpy(twice, dlogits, sizeof twice);
        elbow_gumbel_softmax_backward(twice, y, dy, ROWS, K, temperature);
        for (int i = 0; i < N; ++i) assert_true(fabs(twice[i] - 2 * dlogits[i]) < 1e-14); /* it adds */
    }
    release_held();
}

static double kl_loss(const real *logits) {
    real log_q[N], kl[ROWS];
    double sum = 0;
    elbow_log_softmax(log_q, logits, ROWS, K);
    elbow_categorical_kl_uniform(kl, log_q, ROWS, K);
    for (int r = 0; r < ROWS; ++r) sum += weights[r / GROUP] * kl[r];
    return sum;
}

static void kl_uniform(void **state) {
    (void)state;
    fill();
    const real *logits = hold_reals("test.logits", N, -3, 3);
    real log_q[N], dlogits[N] = {0};
    elbow_log_softmax(log_q, logits, ROWS, K);
    elbow_categorical_kl_uniform_backward(dlogits, log_q, weights, ROWS, K, GROUP);
    check("kl_uniform", kl_loss, logits, dlogits);
    release_held();
}

static double bernoulli_loss(const real *logits) {
    real log_p[ROWS], copy[N];
    double sum = 0;
    memcpy(copy, logits, sizeof copy);
    elbow_bernoulli_log_prob(log_p, copy, weights, ROWS, ROWS / 2, K, 0);
    for (int r = 0; r < ROWS; ++r) sum += log_p[r];
    return sum;
}

static void bernoulli(void **state) {
    (void)state;
    fill();
    for (int i = 0; i < N; ++i) weights[i] = i % 3 ? fabs(weights[i]) : i % 2; /* grey and binary targets */
    const real *logits = hold_reals("test.logits", N, -4, 4);
    real gradient[N], log_p[ROWS];
    memcpy(gradient, logits, sizeof gradient);
    elbow_bernoulli_log_prob(log_p, gradient, weights, ROWS, ROWS / 2, K, 1);
    check("bernoulli", bernoulli_loss, logits, gradient);
    release_held();
}

static const elbow_activation *activation;
static real bias[K];

static double activation_loss(const real *x) {
    real y[N];
    double sum = 0;
    memcpy(y, x, sizeof y);
    activation->forward(y, bias, ROWS, K);
    for (int i = 0; i < N; ++i) sum += weights[i] * y[i];
    return sum;
}

static void activations(void **state) {
    (void)state;
    fill();
    const char *const names[] = {"linear", "relu", "leaky_relu", "leaky_relu_0.2", "tanh"};
    const real *x = hold_reals("test.x", N, -2, 2);
    memcpy(bias, hold_reals("test.bias", K, -1, 1), sizeof bias);
    for (int a = 0; a < 5; ++a) {
        real y[N], dy[N];
        assert_int_equal(elbow_activation_find(names[a], &activation), ELBOW_OK);
        memcpy(y, x, sizeof y);
        memcpy(dy, weights, sizeof dy);
        activation->forward(y, bias, ROWS, K);
        activation->backward(dy, y, N);
        check(names[a], activation_loss, x, dy);
    }
    release_held();
}

/* This build is sharp: noise and normalisation are good to double. */
static void accurate_in_double(void **state) {
    (void)state;
    fill();
    real g[N], log_q[N];
    elbow_gumbel(g, words, N);
    for (int i = 0; i < N; ++i) assert_true(fabs(g[i] + log(-log((words[i] + 0.5) * 0x1p-32))) < 1e-14);
    elbow_log_softmax(log_q, hold_reals("test.logits", N, -3, 3), ROWS, K);
    for (int r = 0; r < ROWS; ++r) {
        double sum = 0;
        for (int i = 0; i < K; ++i) sum += exp(log_q[r * K + i]);
        assert_true(fabs(sum - 1) < 1e-14);
    }
    release_held();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gumbel_softmax), cmocka_unit_test(kl_uniform),         cmocka_unit_test(bernoulli),
        cmocka_unit_test(activations),    cmocka_unit_test(accurate_in_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
