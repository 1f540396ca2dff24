/* Kernels of latent variables against plain formulas in double, at the edges, and by their laws. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "math/bernoulli_latent.h"
#include "math/categorical.h"
#include "math/gaussian.h"
#include "math/logistic.h"
#include "unit/numbers.h"

static void close_to(double value, double expected, double relative, double absolute) {
    if (!(fabs(value - expected) <= relative * fabs(expected) + absolute))
        fail_msg("%.9g, where the plain formula has %.9g", value, expected);
}

static double plain_softplus(double l) { return fmax(l, 0) + log1p(exp(-fabs(l))); }
static double plain_sigmoid(double l) { return 1 / (1 + exp(-l)); }

static uint32_t *hold_words(const char *purpose, size_t n) {
    uint32_t *words = hold(n * sizeof *words, 0);
    elbow_stream_rows(elbow_stream_make(5, 0, purpose), 0, 0, 0, 1, n, words);
    return words;
}

static int by_size(const void *a, const void *b) {
    real x = *(const real *)a, y = *(const real *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov's distance of sorted values from a distribution function, times √n: above 2.2 once in 10⁴. */
static double distance(const real *sorted, size_t n, double (*cdf)(double)) {
    double most = 0;
    for (size_t i = 0; i < n; ++i) {
        double p = cdf((double)sorted[i]);
        most = fmax(most, fmax(p - (double)i / (double)n, (double)(i + 1) / (double)n - p));
    }
    return most * sqrt((double)n);
}

static double normal_cdf(double x) { return 0.5 * erfc(-x / sqrt(2)); }

/* ---- categorical ---- */

static void categorical_matches_plain(void **state) {
    (void)state;
    static const size_t lengths[] = {2, 3, 10, 16, 17, 100, 1024, 1025, 3000};
    const real temperature = (real)0.6;
    for (size_t q = 0; q < sizeof lengths / sizeof *lengths; ++q) {
        const size_t k = lengths[q], rows = k < 50 ? 130 : 3, n = rows * k;
        real *log_q = hold_reals("test.q", n, -4, 4), *log_p = hold_reals("test.p", n, -4, 4);
        real *y = hold(n * sizeof *y, 0), *kl = hold(rows * sizeof *kl, 0),
             *density = hold(rows * sizeof *kl, 0);
        elbow_log_softmax(log_q, log_q, rows, k);
        elbow_log_softmax(log_p, log_p, rows, k);
        elbow_gumbel_softmax(y, log_q, hold_words("test.words", n), rows, k, temperature);
        elbow_categorical_kl(kl, log_q, log_p, rows, k);
        elbow_concrete_log_density(density, y, log_q, rows, k, temperature);
        for (size_t r = 0; r < rows; ++r) {
            double sum = 0, most = -INFINITY, all = 0, log_density = lgamma((double)k);
            log_density += (double)(k - 1) * log((double)temperature);
            for (size_t i = r * k; i < (r + 1) * k; ++i) {
                double a = (double)log_q[i], b = (double)log_p[i];
                sum += exp(a) * (a - b);
                most = fmax(most, a - (double)temperature * log(fmax((double)y[i], 1e-30)));
            }
            for (size_t i = r * k; i < (r + 1) * k; ++i)
                all += exp((double)log_q[i] - (double)temperature * log(fmax((double)y[i], 1e-30)) - most);
            for (size_t i = r * k; i < (r + 1) * k; ++i)
                log_density +=
                    (double)log_q[i] - (double)temperature * log(fmax((double)y[i], 1e-30)) - most - log(all);
            close_to((double)kl[r], sum, 1e-5, 1e-5);
            close_to((double)density[r], log_density, 3e-6, 1e-4);
        }
        release_held();
    }
}

/* exp(density of log y) / Π y_k integrates to 1 over the simplex: of two categories by Simpson's rule in logit y_1, where it
 * is smooth, of three by counting how a uniform sample of the simplex is weighted. */
static void concrete_is_a_density(void **state) {
    (void)state;
    const real logits[] = {(real)0.7, (real)-0.4, (real)0.2};
    for (double temperature = 0.4; temperature < 3; temperature *= 2) {
        real log_q[3], out;
        double sum = 0;
        elbow_log_softmax(log_q, logits, 1, 2);
        for (int i = -4000; i <= 4000; ++i) { /* dy = y (1 − y) dx, and Π y_k is the same */
            double x = i * 0.01;
            real y[2] = {(real)plain_sigmoid(x), (real)plain_sigmoid(-x)};
            elbow_concrete_log_density(&out, y, log_q, 1, 2, (real)temperature);
            sum += exp((double)out) * 0.01;
        }
        close_to(sum, 1, 1e-4, 0);
        sum = 0;
        for (int i = -4000; i <= 4000; ++i) {
            double x = i * 0.01;
            real y = (real)plain_sigmoid(x);
            if (x > 12) break; /* 1 − y is coarse there; what is beyond is below 1e-2 */
            elbow_binary_concrete_log_density(&out, &y, logits, 1, (real)temperature);
            sum += exp((double)out) * 0.01;
        }
        close_to(sum + plain_sigmoid((double)logits[0] - temperature * 12), 1, 2e-3, 0);
    }
    enum { MANY = 400000 };
    uint32_t *words = hold_words("test.simplex", 2 * (size_t)MANY);
    real log_q[3], out;
    double sum = 0;
    elbow_log_softmax(log_q, logits, 1, 3);
    for (int i = 0; i < MANY; ++i) {
        double a = words[2 * i] * 0x1p-32, b = words[2 * i + 1] * 0x1p-32, low = fmin(a, b),
               high = fmax(a, b);
        real y[3] = {(real)low, (real)(high - low), (real)(1 - high)};
        if (y[0] <= 0 || y[1] <= 0 || y[2] <= 0) continue;
        elbow_concrete_log_density(&out, y, log_q, 1, 3, (real)1.5);
        sum += exp((double)out) / ((double)y[0] * (double)y[1] * (double)y[2]);
    }
    close_to(sum / MANY / 2, 1, 0.01, 0); /* the area of the triangle is ½ */
    release_held();
}

/* A sample in a corner: everything finite, and the gradient of log q − log p in q's logits leads back from it. */
static void concrete_in_corners(void **state) {
    (void)state;
    enum { K = 4 };
    const real one = 1, minus = -1,
               flat[K] = {(real)-1.3862944, (real)-1.3862944, (real)-1.3862944, (real)-1.3862944};
    const real logits[K] = {90, 0, -1, -2}, y[K] = {1, 0, 0, 0};
    real log_q[K], dq[K] = {0}, dy[K] = {0}, out;
    elbow_log_softmax(log_q, logits, 1, K);
    for (real temperature = (real)0.05; temperature < 4; temperature *= 3) {
        elbow_concrete_log_density(&out, y, log_q, 1, K, temperature);
        assert_true(isfinite(out));
        memset(dq, 0, sizeof dq);
        memset(dy, 0, sizeof dy);
        elbow_concrete_log_density_backward(dy, dq, &one, y, log_q, 1, K, temperature);
        elbow_concrete_log_density_backward(dy, NULL, &minus, y, flat, 1, K, temperature);
        assert_true(dq[0] == 1 && dq[1] < 0 && dq[1] == dq[2] && dq[2] == dq[3]);
        for (int k = 0; k < K; ++k) assert_true(dy[k] == 0);
    }
    const real l[] = {60, -60}, corner[] = {1, 0}, weights[] = {1, 1};
    real d[2] = {0}, dz[2] = {0}, density[2];
    elbow_binary_concrete_log_density(density, corner, l, 2, (real)0.5);
    elbow_binary_concrete_log_density_backward(dz, d, weights, corner, l, 2, (real)0.5);
    assert_true(isfinite(density[0]) && isfinite(density[1]));
    assert_true(d[0] == 1 && d[1] == -1 && dz[0] == 0 && dz[1] == 0); /* subtracted: l goes towards 0 */
}

/* ---- Bernoulli ---- */

static void bernoulli_matches_plain(void **state) {
    (void)state;
    enum { N = 1003 };
    real *l = hold_reals("test.l", N, -25, 25), *m = hold_reals("test.m", N, -25, 25);
    real *z = hold_reals("test.z", N, 0, 1), *kl = hold(N * sizeof *kl, 0), *half = hold(N * sizeof *kl, 0);
    real *log_q = hold(N * sizeof *kl, 0), *density = hold(N * sizeof *kl, 0),
         *one = hold_reals("test.one", N, 1, 1);
    real *dq = hold_reals("", N, 0, 0), *dp = hold_reals("", N, 0, 0), *dl = hold_reals("", N, 0, 0);
    for (size_t i = 0; i < N; i += 3) z[i] = (real)(i % 2);
    l[0] = 30, m[0] = (real)29.5; /* q − p there is 1e-14 */
    elbow_bernoulli_kl(kl, l, m, N);
    elbow_bernoulli_kl(half, l, NULL, N);
    elbow_bernoulli_kl_backward(dq, dp, one, l, m, N);
    elbow_bernoulli_latent_log_prob(log_q, z, l, N);
    elbow_bernoulli_latent_log_prob_backward(NULL, dl, one, z, l, N);
    elbow_binary_concrete_log_density(density, z, l, N, (real)0.7);
    for (size_t i = 0; i < N; ++i) {
        double a = (double)l[i], b = (double)m[i], v = (double)z[i], q = plain_sigmoid(a),
               rest = plain_sigmoid(-a);
        double p_less_q = a > 0 && b > 0 ? rest - plain_sigmoid(-b) : plain_sigmoid(b) - q;
        double first = q * (plain_softplus(-b) - plain_softplus(-a)); /* two terms of opposite sign */
        double second = rest * (plain_softplus(b) - plain_softplus(a));
        close_to((double)kl[i], first + second, 1e-5, 3e-7 * fmin(q, rest) * (1 + fabs(a) + fabs(b)));
        close_to((double)half[i], q * (log(2) - plain_softplus(-a)) + rest * (log(2) - plain_softplus(a)),
                 1e-5, 1e-7);
        close_to((double)dq[i], q * rest * (a - b), 1e-5, 0);
        close_to((double)dp[i], p_less_q, 1e-5, 3e-7 * fmin(q, rest));
        close_to((double)log_q[i], v * a - plain_softplus(a), 1e-5, 1e-6);
        close_to((double)dl[i], v == 1 ? rest : v - q, 1e-5, v == 0 ? 0 : 1e-7);
        if (v > 0 && v < 1) {
            double u = a - (double)(real)0.7 * (log(v) - log1p(-v));
            close_to((double)density[i], log((double)(real)0.7) + u - 2 * plain_softplus(u), 1e-5, 1e-4);
        }
    }
    const real far[] = {FLT_MAX, -FLT_MAX, 100, -100}, bits[] = {1, 0, 1, 0};
    elbow_bernoulli_kl(kl, far, NULL, 4);
    elbow_bernoulli_latent_log_prob(log_q, bits, far, 4);
    for (int i = 0; i < 4; ++i) {
        close_to((double)kl[i], log(2), 1e-6, 0);
        assert_true(log_q[i] == 0);
    }
    release_held();
}

/* Every word and logit: the relaxed sample is on the exact sample's side of ½, whatever the temperature. */
static void one_side_of_half(void **state) {
    (void)state;
    enum { N = 20000 };
    uint32_t *words = hold_words("test.words", N);
    real *l = hold_reals("test.l", N, -3, 3), *y = hold(N * sizeof *y, 0);
    real *z = hold(N * sizeof *z, 0), *hard = hold(N * sizeof *z, 0);
    words[0] = 0, words[1] = UINT32_MAX, words[2] = UINT32_C(1) << 31, words[3] = (UINT32_C(1) << 31) - 1;
    for (size_t i = 0; i < N; ++i)
        if (i % 4 == 2)
            l[i] = -elbow_logistic_of_word(words[i]) * (1 + (real)(i % 3) * FLT_EPSILON); /* about the edge */
    l[2] = l[3] = 0;
    elbow_bernoulli_sample(z, l, words, N);
    assert_true(z[2] == 1 && z[3] == 0);
    const real temperatures[] = {(real)1e-30, (real)1e-3, (real)0.5, 1, 1000, (real)1e30};
    for (int t = 0; t < 6; ++t) {
        elbow_binary_concrete(y, l, words, N, temperatures[t]);
        elbow_bernoulli_harden(hard, y, N);
        assert_memory_equal(hard, z, N * sizeof *z);
        for (size_t i = 0; i < N; ++i) assert_true(y[i] >= 0 && y[i] <= 1);
    }
    release_held();
}

static void bernoulli_laws(void **state) {
    (void)state;
    enum { N = 1 << 17 };
    uint32_t *words = hold_words("test.law", N);
    real *z = hold(N * sizeof *z, 0), *noise = hold(N * sizeof *z, 0);
    for (double l = -6; l <= 6; l += 1.5) {
        real *logits = hold_reals("", N, l, l);
        double sum = 0, p = plain_sigmoid(l);
        elbow_bernoulli_sample(z, logits, words, N);
        for (size_t i = 0; i < N; ++i) sum += (double)z[i];
        assert_true(fabs(sum - N * p) < 4.5 * sqrt(N * p * (1 - p)) + 1);
    }
    for (size_t i = 0; i < N; ++i) noise[i] = elbow_logistic_of_word(words[i]);
    qsort(noise, N, sizeof *noise, by_size);
    assert_true(distance(noise, N, plain_sigmoid) < 2.2);
    close_to((double)elbow_logistic_of_word(0), -33 * log(2), 1e-6, 0);
    close_to((double)elbow_logistic_of_word(UINT32_MAX), 33 * log(2), 1e-6, 0);
    release_held();
}

/* ---- Gaussian ---- */

static void gaussian_matches_plain(void **state) {
    (void)state;
    enum { N = 1001 };
    real *q = hold_reals("test.q", 2 * N, -2, 2), *p = hold_reals("test.p", 2 * N, -2, 2);
    real *z = hold_reals("test.z", N, -5, 5), *kl = hold(N * sizeof *kl, 0),
         *standard = hold(N * sizeof *kl, 0);
    real *log_q = hold(N * sizeof *kl, 0);
    elbow_gaussian_kl(kl, q, p, N);
    elbow_gaussian_kl(standard, q, NULL, N);
    elbow_gaussian_log_prob(log_q, z, q, N);
    for (size_t i = 0; i < N; ++i) {
        double m = (double)q[2 * i], s = exp((double)q[2 * i + 1]), n = (double)p[2 * i],
               t = exp((double)p[2 * i + 1]);
        double u = ((double)z[i] - m) / s;
        close_to((double)kl[i], log(t / s) + (s * s + (m - n) * (m - n)) / (2 * t * t) - 0.5, 1e-5, 1e-5);
        close_to((double)standard[i], -log(s) + (s * s + m * m) / 2 - 0.5, 1e-5, 1e-5);
        close_to((double)log_q[i], -0.5 * log(8 * atan(1)) - log(s) - u * u / 2, 1e-5, 1e-5);
    }
    release_held();
}

static void gaussian_scales(void **state) {
    (void)state;
    for (double a = -100; a < 100; a += 0.173) {
        real heads[2] = {3, (real)a}, q[2];
        elbow_gaussian_normalize(q, heads, 1, ELBOW_SCALE_LOG_VARIANCE);
        assert_true(q[0] == 3 && q[1] == (real)0.5 * (real)a);
        elbow_gaussian_normalize(q, heads, 1, ELBOW_SCALE_SOFTPLUS);
        double v = (double)heads[1];
        close_to((double)q[1], v < -30 ? v : log(plain_softplus(v)), 1e-6, 3e-7);
        real slope[2] = {0}, z = 4, dz = 1;
        elbow_gaussian_sample_backward(slope, &z, q, &dz, 1, ELBOW_SCALE_SOFTPLUS);
        double sigma = exp((double)q[1]);
        close_to((double)slope[1], v < -30 ? 1 : -expm1(-sigma) / sigma, 1e-6, 0);
        assert_true(slope[0] == 1);
        elbow_gaussian_normalize(heads, heads, 1, ELBOW_SCALE_SOFTPLUS); /* in place */
        assert_memory_equal(heads, q, sizeof q);
    }
}

static void gaussian_law(void **state) {
    (void)state;
    enum { N = 1 << 17 };
    uint32_t *words = hold_words("test.law", N);
    real *q = hold(2 * N * sizeof *q, 0), *z = hold(N * sizeof *z, 0);
    for (size_t i = 0; i < N; ++i) q[2 * i] = (real)1.5, q[2 * i + 1] = (real)-0.7;
    elbow_gaussian_sample(z, q, words, N);
    for (size_t i = 0; i < N; ++i) z[i] = (z[i] - (real)1.5) * (real)exp(0.7);
    double moments[5] = {0};
    for (size_t i = 0; i < N; ++i)
        for (int m = 1; m < 5; ++m) moments[m] += pow((double)z[i], m) / N;
    close_to(moments[1], 0, 0, 4.5 / sqrt(N));
    close_to(moments[2], 1, 0, 4.5 * sqrt(2.0 / N));
    close_to(moments[3], 0, 0, 4.5 * sqrt(15.0 / N));
    close_to(moments[4], 3, 0, 4.5 * sqrt(96.0 / N));
    qsort(z, N, sizeof *z, by_size);
    assert_true(distance(z, N, normal_cdf) < 2.2);
    release_held();
}

/* A diverged model must be found: NaN in, NaN out. */
static void nan_comes_through(void **state) {
    (void)state;
    enum { N = 37 };
    uint32_t *words = hold_words("test.words", N);
    for (size_t place = 0; place < N; ++place) {
        real *q = hold_reals("test.q", N, -1, 1), *y = hold_reals("test.y", N, 0, 1), out[N];
        q[place] = (real)NAN;
        elbow_binary_concrete(out, q, words, N, 1);
        assert_true(isnan(out[place]));
        elbow_bernoulli_kl(out, q, NULL, N);
        assert_true(isnan(out[place]));
        elbow_bernoulli_latent_log_prob(out, y, q, N);
        assert_true(isnan(out[place]));
        elbow_binary_concrete_log_density(out, y, q, N, 1);
        assert_true(isnan(out[place]));
        elbow_gaussian_sample(out, q, words, N / 2);
        assert_true(place / 2 == N / 2 || isnan(out[place / 2]));
        elbow_gaussian_kl(out, q, NULL, N / 2);
        assert_true(place / 2 == N / 2 || isnan(out[place / 2]));
        elbow_gaussian_log_prob(out, y, q, N / 2);
        assert_true(place / 2 == N / 2 || isnan(out[place / 2]));
        elbow_categorical_kl(out, q, y, 1, N);
        assert_true(isnan(out[0]));
        elbow_concrete_log_density(out, y, q, 1, N, 1);
        assert_true(isnan(out[0]));
        release_held();
        words = hold_words("test.words", N);
    }
    release_held();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(categorical_matches_plain),
        cmocka_unit_test(concrete_is_a_density),
        cmocka_unit_test(concrete_in_corners),
        cmocka_unit_test(bernoulli_matches_plain),
        cmocka_unit_test(one_side_of_half),
        cmocka_unit_test(bernoulli_laws),
        cmocka_unit_test(gaussian_matches_plain),
        cmocka_unit_test(gaussian_scales),
        cmocka_unit_test(gaussian_law),
        cmocka_unit_test(nan_comes_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
