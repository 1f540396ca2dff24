/* Noise: every word there is, the Gumbel law, Gumbel-max against softmax, binarised pixels.
 *
 * Finite and non-decreasing is tested over all 2^32 words (a stride of blocks in sanitizer builds). The
 * comparison with the C library goes by stride, and over every word with ELBOW_TEST_LONG in the environment. */
#include "math/noise.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "math/categorical.h"
#include "unit/numbers.h"

#if defined(__SANITIZE_ADDRESS__) || defined(ELBOW_NO_CLONES)
#define SLOW 1
#else
#define SLOW 0
#endif

enum { BLOCK = 1 << 14, THREADS = 2 };

typedef struct sweep {
    uint64_t first, last; /* blocks */
    uint64_t stride;
    uint64_t falls; /* words whose noise is below the one before, or NaN */
} sweep;

/* A block's words and the first of the next, so that the sweep has no seams. */
static void *sweep_blocks(void *argument) {
    sweep *s = argument;
    uint32_t words[BLOCK + 1];
    real g[BLOCK + 1];
    for (uint64_t block = s->first; block < s->last; block += s->stride) {
        uint64_t base = block * BLOCK;
        for (uint32_t i = 0; i <= BLOCK; ++i) {
            uint64_t w = base + i;
            words[i] = w > UINT32_MAX ? UINT32_MAX : (uint32_t)w;
        }
        elbow_gumbel(g, words, BLOCK + 1);
        uint32_t falls = 0;
        for (int i = 0; i < BLOCK; ++i) falls += g[i + 1] >= g[i] ? 0 : 1;
        s->falls += falls;
    }
    return NULL;
}

static void finite_and_monotone_everywhere(void **state) {
    (void)state;
    const uint64_t blocks = (UINT64_C(1) << 32) / BLOCK, stride = SLOW ? 61 : 1;
    sweep sweeps[THREADS];
    pthread_t threads[THREADS];
    for (uint64_t t = 0; t < THREADS; ++t) {
        sweeps[t] = (sweep){t * blocks / THREADS, (t + 1) * blocks / THREADS, stride, 0};
        assert_int_equal(pthread_create(&threads[t], NULL, sweep_blocks, &sweeps[t]), 0);
    }
    for (int t = 0; t < THREADS; ++t) {
        pthread_join(threads[t], NULL);
        assert_true(sweeps[t].falls == 0);
    }
    print_message("%s\n", stride == 1 ? "all 2^32 words" : "every 61st block of words: a slow build");

    /* Non-decreasing, with finite ends, is finite throughout. */
    const uint32_t ends[2] = {0, UINT32_MAX};
    real g[2];
    elbow_gumbel(g, ends, 2);
    assert_true(fabs((double)g[0] - -log(33 * 0.6931471805599453)) < 1e-6);
    assert_true(fabs((double)g[1] - 33 * 0.6931471805599453) < 1e-5);
}

typedef struct comparison {
    uint64_t first, last, stride;
    double worst;       /* ulp, where |g| is at least 2^-20 */
    double worst_small; /* absolute, in units of 2^-53, nearer to 0 */
} comparison;

static void *compare_words(void *argument) {
    comparison *c = argument;
    for (uint64_t w = c->first; w < c->last; w += c->stride) {
        uint32_t word = (uint32_t)w;
        real g;
        elbow_gumbel(&g, &word, 1);
        double true_g = (double)-logl(-logl((w + 0.5L) * 0x1p-32L));
        if (fabs(true_g) >= 0x1p-20)
            c->worst = fmax(c->worst, float_ulps((float)g, true_g));
        else
            c->worst_small =
                fmax(c->worst_small, fabs((double)g - true_g) * 0x1p53 - fabs(true_g) * 0x1p53 * 0x1p-24);
    }
    return NULL;
}

/* Within a few units in the last place of float. Where g passes 0 (w near 2^32/e) a double −log u is itself only good
 * to 2^-54, so there the difference is bounded absolutely. */
static void near_double(void **state) {
    (void)state;
    const uint64_t all = UINT64_C(1) << 32, zero = 1580030168; /* 2^32/e */
    const bool whole = getenv("ELBOW_TEST_LONG") != NULL;
    comparison parts[THREADS + 3];
    pthread_t threads[THREADS + 3];
    for (uint64_t t = 0; t < THREADS; ++t)
        parts[t] = (comparison){t * all / THREADS, (t + 1) * all / THREADS, whole ? 1 : 9973, 0, 0};
    parts[THREADS] = (comparison){0, 100000, 1, 0, 0};
    parts[THREADS + 1] = (comparison){zero - 100000, zero + 100000, 1, 0, 0};
    parts[THREADS + 2] = (comparison){all - 100000, all, 1, 0, 0};
    double worst = 0, worst_small = 0;
    for (int t = 0; t < THREADS + 3; ++t)
        assert_int_equal(pthread_create(&threads[t], NULL, compare_words, &parts[t]), 0);
    for (int t = 0; t < THREADS + 3; ++t) {
        pthread_join(threads[t], NULL);
        worst = fmax(worst, parts[t].worst);
        worst_small = fmax(worst_small, parts[t].worst_small);
    }
    print_message("%s: %.3f ulp; near zero 2^-53 times %.2f\n", whole ? "all words" : "by stride", worst,
                  worst_small);
    assert_true(worst < 1.01);
    assert_true(worst_small < 2);
}

static int ascending(const void *a, const void *b) {
    real x = *(const real *)a, y = *(const real *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov-Smirnov against exp(−e^{−g}); mean γ and variance π²/6, each within 4.5 standard errors (the kurtosis of the
 * law is 5.4, so the variance's is √(4.4/N) of it). */
static void gumbel_law(void **state) {
    (void)state;
    enum { ROWS = 1000, WORDS = 1000, N = ROWS * WORDS };
    uint32_t *words = hold(N * sizeof *words, 0);
    real *g = hold(N * sizeof *g, 0);
    elbow_stream_rows(elbow_stream_make(2024, 1, "latent.0.gumbel"), 0, 0, 77, ROWS, WORDS, words);
    elbow_gumbel(g, words, N);
    const double gamma = 0.57721566490153286, variance = 1.6449340668482264;
    double sum = 0, squares = 0, distance = 0;
    for (size_t i = 0; i < N; ++i) {
        sum += (double)g[i];
        squares += ((double)g[i] - gamma) * ((double)g[i] - gamma);
    }
    assert_true(fabs(sum / N - gamma) < 4.5 * sqrt(variance / N));
    assert_true(fabs(squares / N - variance) < 4.5 * variance * sqrt(4.4 / N));
    qsort(g, N, sizeof *g, ascending);
    for (size_t i = 0; i < N; ++i) {
        double cdf = exp(-exp(-(double)g[i]));
        distance = fmax(distance, fmax(cdf - (double)i / N, (double)(i + 1) / N - cdf));
    }
    assert_true(distance * sqrt(N) < 1.95); /* passed by chance with probability 0.999 */
    assert_true(distance * sqrt(N) > 0.2);  /* and too even to be random below this */
    release_held();
}

/* argmax(log q + g) is k with probability q_k: chi-square, 9 degrees of freedom, 27.9 at 0.001. */
static void gumbel_max_frequencies(void **state) {
    (void)state;
    enum { K = 10, N = 200000 };
    real logits[K] = {0, 1, -1, 2, (real)0.5, -3, (real)1.5, 0, -2, 1}, log_q[K];
    elbow_log_softmax(log_q, logits, 1, K);
    uint32_t *words = hold(N * K * sizeof *words, 0);
    real *rows = hold(N * K * sizeof *rows, 0), *z = hold(N * K * sizeof *z, 0);
    elbow_stream_rows(elbow_stream_make(5, 0, "latent.0.gumbel"), 0, 0, 1, N, K, words);
    for (size_t i = 0; i < N * K; ++i) rows[i] = log_q[i % K];
    elbow_gumbel_max(z, rows, words, N, K);
    double seen[K] = {0}, chi = 0;
    for (size_t i = 0; i < N * K; ++i) seen[i % K] += (double)z[i];
    for (int k = 0; k < K; ++k) {
        double expected = N * exp((double)log_q[k]);
        chi += (seen[k] - expected) * (seen[k] - expected) / expected;
    }
    assert_true(chi < 27.9);
    release_held();
}

static void values(void **state) {
    (void)state;
    uint8_t pixels[256];
    real x[256];
    for (int i = 0; i < 256; ++i) pixels[i] = (uint8_t)i;
    elbow_scale_values(x, pixels, 256, 255);
    for (int i = 0; i < 256; ++i) assert_true(x[i] == (real)i / (real)255);
    elbow_threshold_values(x, pixels, 256, 255);
    for (int i = 0; i < 256; ++i) assert_true(x[i] == (i >= 128));
    const uint8_t bits[] = {0, 1};
    elbow_threshold_values(x, bits, 2, 1);
    assert_true(x[0] == 0 && x[1] == 1);

    /* The exact boundary: w · maximum < value · 2^32. */
    for (unsigned maximum = 1; maximum <= 255; maximum += 127)
        for (uint64_t v = 0; v <= maximum; ++v) {
            uint8_t value = (uint8_t)v;
            uint64_t least_zero = (v * (UINT64_C(1) << 32) + maximum - 1) / maximum; /* words below give 1 */
            for (int64_t offset = -2; offset <= 2; ++offset) {
                int64_t w = (int64_t)least_zero + offset;
                if (w < 0 || w > (int64_t)UINT32_MAX) continue;
                uint32_t word = (uint32_t)w;
                elbow_binarize_dynamic_values(x, &value, &word, 1, maximum);
                assert_true(x[0] == (offset < 0));
            }
        }
    uint32_t last = UINT32_MAX;
    uint8_t full = 255;
    elbow_binarize_dynamic_values(x, &full, &last, 1, 255);
    assert_true(x[0] == 1); /* white is always 1 */
}

static void binarized_frequencies(void **state) {
    (void)state;
    enum { N = 100000 };
    uint8_t *pixels = hold(N, 0);
    uint32_t *words = hold(N * sizeof *words, 0);
    real *x = hold(N * sizeof *x, 0);
    elbow_stream_rows(elbow_stream_make(5, 0, "data.binarize"), 0, 0, 1, 100, N / 100, words);
    for (int value = 0; value <= 255; value += 51) {
        memset(pixels, value, N);
        elbow_binarize_dynamic_values(x, pixels, words, N, 255);
        double ones = 0, p = value / 255.0;
        for (size_t i = 0; i < N; ++i) ones += (double)x[i];
        assert_true(fabs(ones - N * p) <= 4.5 * sqrt(N * p * (1 - p)));
    }
    release_held();
}

/* Where only the blocks that are said to need words get theirs, every value is what all words give it. */
static void some_words_are_enough(void **state) {
    (void)state;
    enum { N = 1003, SLACK = 4 };
    static const unsigned maxima[] = {255, 1, 200};
    uint8_t *pixels = hold(N, 0);
    uint32_t *all = hold((N + SLACK) * sizeof *all, 0), *some = hold((N + SLACK) * sizeof *some, 0);
    uint32_t *blocks = hold((N + SLACK) / 4 * sizeof *blocks, 0);
    real *x = hold(N * sizeof *x, 0), *y = hold(N * sizeof *y, 0);
    elbow_stream stream = elbow_stream_make(5, 1, "data.binarize");
    for (size_t m = 0; m < 3; ++m)
        for (uint32_t n = N - 5, round = 0; n <= N; ++n, ++round) {
            unsigned maximum = maxima[m];
            elbow_stream_rows(stream, 0, 7, 9, 1, n, all);
            for (size_t i = 0; i < n; ++i) /* black, white and a few greys */
                pixels[i] = (uint8_t)(all[i] % 9 < 5 ? 0 : all[i] % 9 < 8 ? maximum : all[i] % (maximum + 1));
            memset(some, 0xA5, (N + SLACK) * sizeof *some);
            size_t count = elbow_binarize_blocks(blocks, pixels, n, maximum);
            assert_true(maximum == 1 ? count == 0 : count > 0 && count < n / 4);
            elbow_stream_some(stream, blocks, count, 7, 9, some);
            elbow_binarize_dynamic_values(x, pixels, all, n, maximum);
            elbow_binarize_dynamic_values(y, pixels, some, n, maximum);
            assert_memory_equal(x, y, n * sizeof *x);
            for (size_t i = 0; i < n; ++i)
                assert_true(x[i] == ((uint64_t)all[i] * maximum < (uint64_t)pixels[i] << 32));
        }
    release_held();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finite_and_monotone_everywhere),
        cmocka_unit_test(near_double),
        cmocka_unit_test(gumbel_law),
        cmocka_unit_test(gumbel_max_frequencies),
        cmocka_unit_test(values),
        cmocka_unit_test(binarized_frequencies),
        cmocka_unit_test(some_words_are_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
