/* Kernels of softmax and Gaussian log-probabilities against double, at the seams of their tiles; normal noise against the
 * distribution function. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "math/bernoulli.h"
#include "math/gaussian_density.h"
#include "math/normal.h"
#include "math/softmax_density.h"
#include "unit/numbers.h"

static const double tolerance = sizeof(real) == sizeof(float) ? 1e-6 : 1e-14;

/* Variables of k[0] … k[count − 1] categories, the pattern repeated. */
typedef struct layout {
    size_t count, *begin;
} layout;

static layout lay(size_t count, const size_t *k, size_t pattern) {
    layout l = {count, hold((count + 1) * sizeof *l.begin, 0)};
    l.begin[0] = 0;
    for (size_t j = 0; j < count; ++j) l.begin[j + 1] = l.begin[j] + k[j % pattern];
    return l;
}

static uint32_t *some_codes(const layout *l, size_t batch, bool missing) {
    uint32_t *codes = hold(batch * l->count * sizeof *codes, 0);
    const real *u = hold_reals("test.codes", batch * l->count, 0, 0.999999);
    for (size_t i = 0; i < batch * l->count; ++i) {
        size_t j = i % l->count;
        codes[i] = (uint32_t)((double)u[i] * (double)(l->begin[j + 1] - l->begin[j]));
        if (missing && i % 3 == 1) codes[i] = ELBOW_CODE_MISSING;
    }
    return codes;
}

static void check_softmax(const layout *l, size_t batch, bool missing) {
    const size_t rows = 2 * batch, width = l->begin[l->count], stride = width + 3;
    const uint32_t *codes = some_codes(l, batch, missing);
    const real *logits = hold_reals("test.logits", rows * stride, -6, 6);
    real *gradient = hold_copy(logits, rows * stride * sizeof(real), 4);
    double *log_p = hold(rows * sizeof *log_p, 0), *again = hold(rows * sizeof *again, 0);
    for (size_t r = 0; r < rows; ++r) log_p[r] = again[r] = (double)r; /* added to */
    elbow_softmax_log_prob(log_p, gradient, codes, rows, batch, l->begin, l->count, stride, 0);
    assert_memory_equal(gradient, logits, rows * stride * sizeof(real));
    elbow_softmax_log_prob(again, gradient, codes, rows, batch, l->begin, l->count, stride, 1);
    assert_memory_equal(log_p, again, rows * sizeof *log_p);
    for (size_t r = 0; r < rows; ++r) {
        double expected = 0, size = 1;
        const real *row = logits + r * stride, *slope = gradient + r * stride;
        for (size_t j = 0; j < l->count; ++j) {
            size_t k = l->begin[j + 1] - l->begin[j];
            uint32_t code = codes[r % batch * l->count + j];
            double sum = 0;
            for (size_t i = 0; i < k; ++i) sum += exp((double)row[l->begin[j] + i]);
            for (size_t i = 0; i < k; ++i) {
                double p = exp((double)row[l->begin[j] + i]) / sum;
                double wanted = code == ELBOW_CODE_MISSING ? 0 : (code == i) - p;
                assert_true(fabs((double)slope[l->begin[j] + i] - wanted) <= 4 * tolerance);
            }
            if (code == ELBOW_CODE_MISSING) continue;
            expected += (double)row[l->begin[j] + code] - log(sum);
            size += fabs((double)row[l->begin[j] + code] - log(sum));
        }
        assert_true(fabs(log_p[r] - (double)r - expected) <= 4 * tolerance * size);
        assert_memory_equal(slope + width, row + width, 3 * sizeof(real)); /* what lies beside */
    }
}

static void softmax_at_every_seam(void **state) {
    (void)state;
    static const struct {
        size_t count, k[3], pattern;
    } layouts[] = {
        {1, {1}, 1},       {5, {2}, 1},    {60, {4}, 1},    {7, {3, 1, 17}, 3},    {300, {1, 2, 5}, 3},
        {256, {4}, 1},     {257, {4}, 1},  {4, {256}, 1},   {3, {1024}, 1},        {3, {1023, 2, 1024}, 3},
        {5, {1025, 3}, 2}, {2, {3000}, 1}, {1, {70000}, 1}, {6, {700, 324, 1}, 3},
    };
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; ++i)
        for (int missing = 0; missing < 2; ++missing) {
            layout l = lay(layouts[i].count, layouts[i].k, layouts[i].pattern);
            check_softmax(&l, 2, missing);
            release_held();
        }
}

/* A variable's bits are its own, whatever shares its tile, its row and its address. */
static void softmax_stands_alone(void **state) {
    (void)state;
    static const size_t sizes[] = {5, 300, 41, 1, 900, 2};
    layout l = lay(30, sizes, 6);
    const size_t width = l.begin[l.count];
    const uint32_t *codes = some_codes(&l, 1, false);
    const real *logits = hold_reals("test.logits", width, -9, 9);
    real *all = hold_copy(logits, width * sizeof(real), 0);
    double log_p = 0, sum = 0;
    elbow_softmax_log_prob(&log_p, all, codes, 1, 1, l.begin, l.count, width, 1);
    for (size_t j = 0; j < l.count; ++j) {
        const size_t k = l.begin[j + 1] - l.begin[j], begin[] = {0, k};
        real *one = hold_copy(logits + l.begin[j], k * sizeof(real), 4 * (j % 5));
        double term = 0;
        elbow_softmax_log_prob(&term, one, codes + j, 1, 1, begin, 1, k, 1);
        assert_memory_equal(one, all + l.begin[j], k * sizeof(real));
        sum += term;
    }
    assert_true(fabs(sum - log_p) <= 4 * tolerance * fabs(sum));
    release_held();
}

static void softmax_of_any_logits(void **state) {
    (void)state;
    const size_t begin[] = {0, 3, 5};
    const uint32_t codes[] = {0, 1};
    const real most = sizeof(real) == sizeof(float) ? (real)FLT_MAX : (real)DBL_MAX;
    const struct {
        real logits[5];
        bool finite;
    } cases[] = {
        {{0, most, -most, 3, 3}, true}, {{-most, -most, -most, 0, 0}, true},
        {{0, 0, 0, most, most}, true},  {{(real)1e30, 0, 0, 0, 0}, true},
        {{NAN, 0, 0, 0, 0}, false},     {{0, 0, 0, INFINITY, 0}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        real logits[5];
        double log_p = 0;
        memcpy(logits, cases[i].logits, sizeof logits);
        elbow_softmax_log_prob(&log_p, logits, codes, 1, 1, begin, 2, 5, 1);
        bool finite = isfinite((real)log_p) && log_p <= 0; /* what is wrong shows in the loss */
        for (int j = 0; j < 5; ++j)
            if (cases[i].finite) assert_true(logits[j] >= -1 && logits[j] <= 1);
        assert_int_equal(finite, cases[i].finite);
    }
}

static void draws_at_the_ends(void **state) {
    (void)state;
    const size_t begin[] = {0, 4};
    const real logits[] = {1, -200, 2, -200}, even[] = {3, 3, 3, 3};
    const uint32_t words[] = {0, UINT32_MAX};
    uint32_t code = 9;
    elbow_softmax_draw(&code, logits, &words[0], begin, 1, 1);
    assert_int_equal(code, 0);
    elbow_softmax_draw(&code, logits, &words[1], begin, 1, 1);
    assert_int_equal(code, 2); /* never one of no probability */
    elbow_softmax_draw(&code, logits, &words[0], begin, 1, (real)1e-30);
    assert_int_equal(code, 2);
    elbow_softmax_draw(&code, even, &words[1], begin, 1, 0);
    assert_int_equal(code, 0);
    elbow_softmax_draw(&code, even, &words[1], begin, 1, 1);
    assert_int_equal(code, 3);
}

static void codes_of_values(void **state) {
    (void)state;
    const size_t begin[] = {0, 256, 258, 261, 264, 266};
    real x[] = {0, 1, 2, NAN, 1};
    uint32_t codes[5];
    elbow_codes_of_values(codes, x, NULL, begin, 5, 1);
    const uint32_t plain[] = {0, 1, 2, ELBOW_CODE_MISSING, 1};
    assert_memory_equal(codes, plain, sizeof plain);
    const real wrong[] = {-1, 2, 3, INFINITY, -INFINITY};
    elbow_codes_of_values(codes, wrong, NULL, begin, 5, 1);
    for (int j = 0; j < 5; ++j) assert_int_equal(codes[j], ELBOW_CODE_MISSING);
    for (unsigned level = 0; level < 256; ++level) { /* every grey comes back */
        x[3] = (real)level / 255;
        const size_t column[] = {3};
        elbow_codes_of_values(codes, x, column, begin, 1, 255);
        assert_int_equal(codes[0], level);
    }
}

static void gaussian_densities(void **state) {
    (void)state;
    static const size_t widths[] = {1, 7, 16, 255, 256, 257, 784};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; ++w) {
        enum { BATCH = 3, ROWS = 6 };
        const size_t n = widths[w], stride = n + 2;
        real *x = hold_reals("test.x", BATCH * n, -2, 2), *s = hold_reals("test.s", n, -3, 1);
        real *inverse = hold(n * sizeof(real), 0), *ds = hold(n * sizeof(real), 0);
        const real *mean = hold_reals("test.mean", ROWS * stride, -2, 2),
                   *weights = hold_reals("test.w", ROWS, -1, 1);
        for (size_t i = 1; i < BATCH * n; i += 4) x[i] = NAN;
        for (size_t d = 0; d < n; ++d) inverse[d] = (real)exp(-0.5 * (double)s[d]), ds[d] = 1;
        real *u = hold_copy(mean, ROWS * stride * sizeof(real), 4);
        double log_p[ROWS] = {5, 0, 0, 0, 0, 0}, again[ROWS] = {5, 0, 0, 0, 0, 0};
        elbow_gaussian_rows_log_prob(log_p, u, x, s, inverse, ROWS, BATCH, n, stride, 0);
        assert_memory_equal(u, mean, ROWS * stride * sizeof(real));
        elbow_gaussian_rows_log_prob(again, u, x, s, inverse, ROWS, BATCH, n, stride, 1);
        assert_memory_equal(log_p, again, sizeof log_p);
        elbow_gaussian_backward(u, ds, weights, inverse, ROWS, n, stride);
        double *slopes = hold(n * sizeof *slopes, 0);
        for (size_t d = 0; d < n; ++d) slopes[d] = 1;
        for (size_t r = 0; r < ROWS; ++r) {
            double expected = r == 0 ? 5 : 0;
            for (size_t d = 0; d < n; ++d) {
                double away = (double)x[r % BATCH * n + d] - (double)mean[r * stride + d];
                double variance = exp((double)s[d]), q = away * away / variance;
                bool missing = isnan(away);
                if (!missing) expected -= 0.5 * (q + log(2 * acos(-1) * variance));
                if (!missing) slopes[d] += (double)weights[r] * 0.5 * (q - 1);
                double wanted = missing ? 0 : (double)weights[r] * away / variance;
                assert_true(fabs((double)u[r * stride + d] - wanted) <= 8 * tolerance * (1 + fabs(wanted)));
            }
            assert_true(fabs(log_p[r] - expected) <= 8 * tolerance * (1 + (double)n * 10));
            assert_memory_equal(u + r * stride + n, mean + r * stride + n, 2 * sizeof(real));
        }
        for (size_t d = 0; d < n; ++d)
            assert_true(fabs((double)ds[d] - slopes[d]) <= 64 * tolerance * (10 + fabs(slopes[d])));
        release_held();
    }
}

/* Where nothing is missing the kernel that allows it gives the other's bits. */
static void bernoulli_with_missing_values(void **state) {
    (void)state;
    enum { BATCH = 3, ROWS = 6, N = 300 };
    real *x = hold_reals("test.x", BATCH * N, 0, 1);
    const real *logits = hold_reals("test.logits", ROWS * N, -9, 9);
    real *a = hold_copy(logits, ROWS * N * sizeof(real), 0),
         *b = hold_copy(logits, ROWS * N * sizeof(real), 4);
    real p[ROWS], q[ROWS];
    elbow_bernoulli_log_prob(p, a, x, ROWS, BATCH, N, 1);
    elbow_bernoulli_log_prob_missing(q, b, x, ROWS, BATCH, N, 1);
    assert_memory_equal(p, q, sizeof p);
    assert_memory_equal(a, b, ROWS * N * sizeof(real));
    for (size_t i = 0; i < BATCH * N; i += 3) x[i] = NAN;
    real *c = hold_copy(logits, ROWS * N * sizeof(real), 0);
    elbow_bernoulli_log_prob_missing(q, c, x, ROWS, BATCH, N, 1);
    for (size_t r = 0; r < ROWS; ++r) {
        double expected = 0;
        for (size_t d = 0; d < N; ++d) {
            size_t i = r * N + d;
            double v = (double)x[r % BATCH * N + d], l = (double)logits[i];
            if (!isnan(v)) expected += v * l - log1p(exp(l));
            assert_true(isnan(v) ? c[i] == 0 : c[i] == a[i]);
        }
        assert_true(fabs((double)q[r] - expected) < 1e-5 * fabs(expected));
    }
    release_held();
}

/* Φ(x) is the word; odd; never falls. */
static void normal_noise(void **state) {
    (void)state;
    enum { N = 1 << 16 };
    uint32_t *words = hold(N * sizeof *words, 0), *mirror = hold(N * sizeof *mirror, 0);
    real *x = hold(N * sizeof *x, 0), *y = hold(N * sizeof *y, 0);
    for (uint32_t i = 0; i < N; ++i) { /* both tails densely, the rest by stride */
        words[i] = i < 1000 ? i : i >= N - 1000 ? UINT32_MAX - (N - 1 - i) : i << 16;
        mirror[i] = ~words[i];
    }
    elbow_normal(x, words, N);
    elbow_normal(y, mirror, N);
    for (size_t i = 0; i < N; ++i) {
        double tail = ((double)(words[i] >> 31 ? mirror[i] : words[i]) + 0.5) * 0x1p-32,
               v = fabs((double)x[i]);
        double density = exp(-0.5 * v * v) / sqrt(2 * acos(-1));
        assert_true(fabs(0.5 * erfc(v / sqrt(2)) - tail) <= 2 * tolerance * density * (v + 1e-6));
        assert_true(x[i] == -y[i] && (words[i] >> 31 ? x[i] > 0 : x[i] < 0));
        assert_true(i == 0 || words[i] <= words[i - 1] || x[i] >= x[i - 1]);
    }
    assert_true(fabs((double)x[0] + 6.3379577545537886) < 1e-6);
    release_held();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_at_every_seam),
        cmocka_unit_test(softmax_stands_alone),
        cmocka_unit_test(softmax_of_any_logits),
        cmocka_unit_test(draws_at_the_ends),
        cmocka_unit_test(codes_of_values),
        cmocka_unit_test(gaussian_densities),
        cmocka_unit_test(bernoulli_with_missing_values),
        cmocka_unit_test(normal_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
