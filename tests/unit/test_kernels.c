/* Kernels against plain loops in double, their bits against addresses and tails, and extreme values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "math/bernoulli.h"
#include "math/categorical.h"
#include "math/gumbel.h"
#include "math/noise.h"
#include "math/vector.h"
#include "unit/numbers.h"

/* ---- plain references ---- */

static void plain_log_softmax(double *out, const real *x, size_t k) {
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < k; ++i) most = fmax(most, (double)x[i]);
    for (size_t i = 0; i < k; ++i) sum += exp((double)x[i] - most);
    for (size_t i = 0; i < k; ++i) out[i] = (double)x[i] - most - log(sum);
}

static void plain_softmax(double *out, const double *v, size_t k, double temperature) {
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < k; ++i) most = fmax(most, v[i]);
    for (size_t i = 0; i < k; ++i) sum += out[i] = exp((v[i] - most) / temperature);
    for (size_t i = 0; i < k; ++i) out[i] /= sum;
}

static void assert_close(double value, double expected, double relative, double absolute) {
    if (!(fabs(value - expected) <= relative * fabs(expected) + absolute))
        fail_msg("%.9g, where the plain kernel has %.9g", value, expected);
}

static const size_t lengths[] = {1, 2, 3, 7, 8, 10, 15, 16, 17, 31, 33, 64, 100, 1023, 1024, 1025, 3000};
enum { LENGTHS = sizeof lengths / sizeof *lengths };

static void categorical_matches_plain(void **state) {
    (void)state;
    for (size_t q = 0; q < LENGTHS; ++q) {
        const size_t k = lengths[q], rows = k < 100 ? 230 : 6, n = rows * k, group = 2;
        real *logits = hold_reals("test.logits", n, -6, 6), *dy = hold_reals("test.dy", n, -1, 1);
        real *log_q = hold(n * sizeof(real), 0), *y = hold(n * sizeof(real), 0),
             *z = hold(n * sizeof(real), 0);
        real *kl = hold(rows * sizeof(real), 0), *log_p = hold(rows * sizeof(real), 0);
        real *weights = hold_reals("test.weights", rows, 0, 1);
        real *d = hold_reals("test.d", n, -1, 1), *e = hold_copy(d, n * sizeof(real), 0);
        real *before = hold_copy(d, n * sizeof(real), 0);
        uint32_t *words = hold(n * sizeof *words, 0);
        double *plain = hold(k * sizeof *plain, 0), *v = hold(k * sizeof *v, 0);
        const real temperature = (real)0.7;
        elbow_stream_rows(elbow_stream_make(1, 1, "test.words"), 0, 0, 0, rows, k, words);
        elbow_log_softmax(log_q, logits, rows, k);
        elbow_gumbel_softmax(y, log_q, words, rows, k, temperature);
        elbow_gumbel_max(z, log_q, words, rows, k);
        elbow_categorical_kl_uniform(kl, log_q, rows, k);
        elbow_categorical_log_prob(log_p, z, log_q, rows, k, group);
        elbow_gumbel_softmax_backward(d, y, dy, rows, k, temperature);
        elbow_categorical_kl_uniform_backward(e, log_q, weights, rows, k, group);
        for (size_t r = 0; r < rows; ++r) {
            double sum_kl = 0, dot = 0, mean = 0;
            size_t best = 0;
            plain_log_softmax(plain, logits + r * k, k);
            for (size_t i = 0; i < k; ++i) {
                size_t at = r * k + i;
                assert_close((double)log_q[at], plain[i], 3e-7, 2e-6);
                sum_kl += exp(plain[i]) * (plain[i] + log((double)k));
                mean += exp(plain[i]) * plain[i];
                v[i] = (double)log_q[at] - log(-log((words[at] + 0.5) * 0x1p-32));
                if (v[i] > v[best]) best = i;
            }
            assert_close((double)kl[r], sum_kl, 1e-5, 1e-5);
            plain_softmax(plain, v, k, (double)temperature);
            for (size_t i = 0; i < k; ++i) {
                assert_close((double)y[r * k + i], plain[i], 1e-5, 1e-9);
                assert_true(z[r * k + i] == (i == best));
                dot += (double)y[r * k + i] * (double)dy[r * k + i];
            }
            for (size_t i = r * k; i < (r + 1) * k; ++i) {
                double q_i = exp((double)log_q[i]);
                assert_close((double)d[i] - (double)before[i],
                             (double)y[i] * ((double)dy[i] - dot) / (double)temperature, 1e-5, 1e-6);
                assert_close((double)e[i] - (double)before[i],
                             (double)weights[r / group] * q_i * ((double)log_q[i] - mean), 1e-5, 1e-6);
            }
        }
        for (size_t r = 0; r < rows / group; ++r) {
            double sum = 0;
            for (size_t i = r * group * k; i < (r + 1) * group * k; ++i)
                sum += (double)z[i] * (double)log_q[i];
            assert_close((double)log_p[r], sum, 1e-6, 1e-6);
        }
        release_held();
    }
}

static void ties_and_one_hot(void **state) {
    (void)state;
    const real y[] = {1, 3, 3, 2, /**/ 5, 5, 5, 5, /**/ -1, -2, -3, -1};
    const real expected[] = {0, 1, 0, 0, /**/ 1, 0, 0, 0, /**/ 1, 0, 0, 0};
    real z[12];
    elbow_one_hot_argmax(z, y, 3, 4);
    assert_memory_equal(z, expected, sizeof z);
    const uint32_t words[] = {9, 9, 9, 9};
    const real flat[] = {-1, -1, -1, -1};
    elbow_gumbel_max(z, flat, words, 1, 4);
    assert_memory_equal(z, expected + 4, 4 * sizeof *z);
}

static void bernoulli_matches_plain(void **state) {
    (void)state;
    for (size_t q = 0; q < LENGTHS; ++q) {
        const size_t n = lengths[q], batch = 7, rows = 3 * batch;
        real *logits = hold_reals("test.l", rows * n, -20, 20), *x = hold_reals("test.x", batch * n, 0, 1);
        for (size_t i = 0; i < batch * n; i += 2) x[i] = x[i] > (real)0.5; /* grey and binary */
        real *d = hold_copy(logits, rows * n * sizeof(real), 0),
             *same = hold_copy(logits, rows * n * sizeof(real), 0);
        real *log_p = hold(rows * sizeof(real), 0), *again = hold(rows * sizeof(real), 0);
        real *mean = hold(rows * n * sizeof(real), 0);
        elbow_bernoulli_log_prob(log_p, d, x, rows, batch, n, 1);
        elbow_bernoulli_log_prob(again, same, x, rows, batch, n, 0);
        assert_memory_equal(log_p, again, rows * sizeof(real));
        assert_memory_equal(same, logits, rows * n * sizeof(real));
        elbow_sigmoid(mean, logits, rows * n);
        for (size_t r = 0; r < rows; ++r) {
            double sum = 0;
            for (size_t i = 0; i < n; ++i) {
                double l = (double)logits[r * n + i], v = (double)x[(r % batch) * n + i];
                double sigma = 1 / (1 + exp(-l));
                sum += v * l - fmax(l, 0) - log1p(exp(-fabs(l)));
                assert_close((double)mean[r * n + i], sigma, 5e-7, 0);
                double gradient = l < 0 ? v - sigma : (v - 1) + 1 / (1 + exp(l));
                assert_close((double)d[r * n + i], gradient, 5e-7, v == 0 || v == 1 ? 0 : 1e-7);
            }
            assert_close((double)log_p[r], sum, 2e-6, 1e-6);
        }
        release_held();
    }
}

/* ---- extremes ---- */

static void extreme_logits(void **state) {
    (void)state;
    enum { K = 10, ROWS = 8 };
    real x[ROWS][K] = {{0},          {(real)1e4}, {(real)-1e4}, {80, -80}, {(real)1e4, (real)-1e4},
                       {80, 80, 80}, {0},         {0}};
    real log_q[ROWS * K], y[ROWS * K], z[ROWS * K], kl[ROWS], d[ROWS * K], one[ROWS];
    uint32_t words[ROWS * K];
    for (int i = 0; i < K; ++i) x[6][i] = (real)-1e4, x[7][i] = i % 2 ? FLT_MAX : -FLT_MAX;
    for (int i = 0; i < ROWS * K; ++i) words[i] = i % 3 == 0 ? 0 : i % 3 == 1 ? UINT32_MAX : 12345;
    for (int r = 0; r < ROWS; ++r) one[r] = 1;
    elbow_log_softmax(log_q, &x[0][0], ROWS, K);
    elbow_categorical_kl_uniform(kl, log_q, ROWS, K);
    const real temperatures[] = {(real)1e-30, (real)1e-6, (real)0.01, 1, (real)1e6, (real)1e30};
    for (int t = 0; t < 6; ++t) {
        elbow_gumbel_softmax(y, log_q, words, ROWS, K, temperatures[t]);
        for (int r = 0; r < ROWS; ++r) {
            double sum = 0, sum_q = 0;
            for (int i = r * K; i < (r + 1) * K; ++i) {
                assert_true(isfinite(log_q[i]) && log_q[i] <= 0);
                assert_true(y[i] >= 0 && y[i] <= 1);
                sum += (double)y[i];
                sum_q += exp((double)log_q[i]);
            }
            assert_close(sum, 1, 1e-6, 0);
            assert_close(sum_q, 1, 1e-5, 0);
            assert_true(kl[r] >= (real)-1e-6 && kl[r] <= (real)2.302586);
        }
    }
    elbow_gumbel_max(z, log_q, words, ROWS, K);
    memset(d, 0, sizeof d);
    elbow_categorical_kl_uniform_backward(d, log_q, one, ROWS, K, 1);
    for (int i = 0; i < ROWS * K; ++i) assert_true(isfinite(d[i]));
    for (int i = 0; i < K; ++i) assert_close((double)log_q[i], -log(10), 1e-6, 0);
    assert_close((double)kl[0], 0, 0, 1e-6);
    assert_close((double)kl[1], log(10), 1e-6, 0); /* all mass on one */

    real l[] = {0, 80, -80, (real)1e4, (real)-1e4, (real)1e30, (real)-1e30, 100, -100}, p[9];
    for (int target = 0; target <= 1; ++target)
        for (int i = 0; i < 9; ++i) {
            real g = l[i], v = (real)target;
            elbow_bernoulli_log_prob(p, &g, &v, 1, 1, 1, 1);
            assert_true(isfinite(p[0]) && p[0] <= 0);
            assert_true(isfinite(g) && (target ? g >= 0 : g <= 0) && fabs((double)g) <= 1);
        }
}

/* A diverged model must be found: NaN in, NaN out. */
static void nan_comes_through(void **state) {
    (void)state;
    for (int place = 0; place < 40; ++place) {
        real x[40], y[40], target[40] = {0}, p[1];
        for (int i = 0; i < 40; ++i) x[i] = i == place ? (real)NAN : (real)i;
        elbow_log_softmax(y, x, 1, 40);
        for (int i = 0; i < 40; ++i) assert_true(isnan(y[i]));
        elbow_sigmoid(y, x, 40);
        assert_true(isnan(y[place]));
        elbow_bernoulli_log_prob(p, x, target, 1, 1, 40, 1);
        assert_true(isnan(p[0]) && isnan(x[place]));
    }
}

/* ---- bits ---- */

/* Every kernel in one form: out and sums are initialised (some add to them), a and b are inputs. */
typedef void call(real *out, real *sums, const real *a, const real *b, const uint32_t *words, size_t rows,
                  size_t k);
#define CALL(name)                                                                                           \
    static void name(real *out, real *sums, const real *a, const real *b, const uint32_t *words,             \
                     size_t rows, size_t k)
#define UNUSED (void)out, (void)sums, (void)a, (void)b, (void)words

CALL(log_softmax) {
    UNUSED;
    elbow_log_softmax(out, a, rows, k);
}
CALL(log_softmax_in_place) {
    UNUSED;
    elbow_log_softmax(out, out, rows, k);
}
CALL(gumbel) {
    UNUSED;
    elbow_gumbel(out, words, rows * k);
}
CALL(gumbel_softmax) {
    UNUSED;
    elbow_gumbel_softmax(out, a, words, rows, k, (real)0.6);
}
CALL(gumbel_max) {
    UNUSED;
    elbow_gumbel_max(out, a, words, rows, k);
}
CALL(one_hot) {
    UNUSED;
    elbow_one_hot_argmax(out, a, rows, k);
}
CALL(gumbel_softmax_backward) {
    UNUSED;
    elbow_gumbel_softmax_backward(out, a, b, rows, k, (real)0.6);
}
CALL(kl_uniform) {
    UNUSED;
    elbow_categorical_kl_uniform(sums, a, rows, k);
}
CALL(kl_uniform_backward) {
    UNUSED;
    elbow_categorical_kl_uniform_backward(out, a, sums, rows, k, 1);
}
CALL(log_prob) {
    UNUSED;
    elbow_categorical_log_prob(sums, b, a, rows, k, 1);
}
CALL(bernoulli) {
    UNUSED;
    elbow_bernoulli_log_prob(sums, out, b, rows, rows, k, 1);
}
CALL(bernoulli_value) {
    UNUSED;
    elbow_bernoulli_log_prob(sums, out, b, rows, rows, k, 0);
}
CALL(sigmoid) {
    UNUSED;
    elbow_sigmoid(out, a, rows * k);
}
CALL(sigmoid_in_place) {
    UNUSED;
    elbow_sigmoid(out, out, rows * k);
}

static const struct {
    const char *name;
    call *run;
} kernels[] = {
    {"log_softmax", log_softmax},
    {"log_softmax in place", log_softmax_in_place},
    {"gumbel", gumbel},
    {"gumbel_softmax", gumbel_softmax},
    {"gumbel_max", gumbel_max},
    {"one_hot", one_hot},
    {"gumbel_softmax_backward", gumbel_softmax_backward},
    {"kl_uniform", kl_uniform},
    {"kl_uniform_backward", kl_uniform_backward},
    {"log_prob", log_prob},
    {"bernoulli", bernoulli},
    {"bernoulli_value", bernoulli_value},
    {"sigmoid", sigmoid},
    {"sigmoid in place", sigmoid_in_place},
};
enum { KERNELS = sizeof kernels / sizeof *kernels };

typedef struct inputs {
    real *out, *sums, *a, *b;
    uint32_t *words;
} inputs;

/* Rows [first, first + rows) of `in`, each array at its own shift, all run anew. */
static inputs run_part(call *run, const inputs *in, size_t first, size_t rows, size_t k, size_t shift) {
    size_t at = first * k, bytes = rows * k * sizeof(real), unit = sizeof(real);
    inputs part = {
        hold_copy(in->out + at, bytes, shift), hold_copy(in->sums + first, rows * unit, shift ^ (3 * unit)),
        hold_copy(in->a + at, bytes, shift ^ (5 * unit)), hold_copy(in->b + at, bytes, shift ^ (6 * unit)),
        hold_copy(in->words + at, rows * k * sizeof(uint32_t), shift ^ 36)};
    run(part.out, part.sums, part.a, part.b, part.words, rows, k);
    return part;
}

static void same_rows(const char *name, const inputs *whole, const inputs *part, size_t first, size_t rows,
                      size_t k) {
    if (memcmp(whole->out + first * k, part->out, rows * k * sizeof(real)) ||
        memcmp(whole->sums + first, part->sums, rows * sizeof(real)))
        fail_msg("%s: %zu rows from %zu of K = %zu have other bits", name, rows, first, k);
}

static void bits_ignore_address_and_neighbours(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 3, 10, 16, 17, 37, 64, 784, 1025};
    for (size_t q = 0; q < sizeof sizes / sizeof *sizes; ++q)
        for (size_t kernel = 0; kernel < KERNELS; ++kernel) {
            const size_t k = sizes[q], rows = k < 64 ? 131 : 11, n = rows * k;
            const char *name = kernels[kernel].name;
            inputs in = {hold_reals("test.out", n, -5, 5), hold_reals("test.sums", rows, -1, 1),
                         hold_reals("test.a", n, -8, 0), hold_reals("test.b", n, 0, 1), hold(n * 4, 0)};
            elbow_stream_rows(elbow_stream_make(1, 1, "test.words"), 0, 0, 0, rows, k, in.words);
            inputs whole = run_part(kernels[kernel].run, &in, 0, rows, k, 0);
            for (size_t shift = sizeof(real); shift < 64; shift += sizeof(real) * 3) {
                inputs part = run_part(kernels[kernel].run, &in, 0, rows, k, shift);
                same_rows(name, &whole, &part, 0, rows, k);
            }
            for (size_t left = 1; left < rows; left += 1 + left / 3) {
                size_t kept = held_count;
                inputs head = run_part(kernels[kernel].run, &in, 0, left, k, 4 * sizeof(real));
                inputs tail = run_part(kernels[kernel].run, &in, rows - left, left, k, 0);
                same_rows(name, &whole, &head, 0, left, k);
                same_rows(name, &whole, &tail, rows - left, left, k);
                while (held_count > kept) free(held[--held_count]);
            }
            release_held();
        }
}

/* The kernels' versions for this machine against the same formulas compiled for the baseline, one at a time. */
static void bits_ignore_instruction_set(void **state) {
    (void)state;
    enum { N = 100003 };
    real *x = hold_reals("test.x", N, -30, 30), *y = hold(N * sizeof(real), 0);
    uint32_t *words = hold(N * sizeof *words, 0);
    elbow_stream_rows(elbow_stream_make(1, 1, "test.words"), 0, 0, 0, 1, N, words);
    print_message("against %s\n", elbow_kernel_instruction_set());
    elbow_gumbel(y, words, N);
    for (size_t i = 0; i < N; ++i) assert_true(y[i] == elbow_gumbel_of_word(words[i]));
    elbow_sigmoid(y, x, N);
    for (size_t i = 0; i < N; ++i) {
        real e = elbow_exp(x[i] < 0 ? x[i] : -x[i]);
        assert_true(y[i] == (x[i] < 0 ? e : (real)1) / (1 + e));
    }
    real gradient = x[0], log_p;
    for (size_t i = 0; i < N; ++i) {
        real e = elbow_exp(x[i] < 0 ? x[i] : -x[i]), zero = 0;
        gradient = x[i];
        elbow_bernoulli_log_prob(&log_p, &gradient, &zero, 1, 1, 1, 1);
        assert_true(log_p == -(x[i] < 0 ? (real)0 : x[i]) - elbow_log1p_unit(e));
    }
    release_held();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(categorical_matches_plain),   cmocka_unit_test(ties_and_one_hot),
        cmocka_unit_test(bernoulli_matches_plain),     cmocka_unit_test(extreme_logits),
        cmocka_unit_test(nan_comes_through),           cmocka_unit_test(bits_ignore_address_and_neighbours),
        cmocka_unit_test(bits_ignore_instruction_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
