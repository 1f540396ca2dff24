/* Products: every transposition against a plain one, cuts at BLAS's largest size, bits at any address.
 *
 * gemm.c is built into this program with a small largest size, and a BLAS that can be made to refuse, beside the
 * library's own. */
#include "math/blas.h"

static bool (*blas_product)(const elbow_blas_call *, const real *, const real *, real *) = elbow_blas_product;

#define ELBOW_GEMM_MOST    ((size_t)13)
#define elbow_gemm         cut_gemm
#define elbow_blas_product blas_product
#include "math/gemm.c"
#undef elbow_gemm
#undef elbow_blas_product

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/numbers.h"

void elbow_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, real alpha, const real *a,
                size_t lda, const real *b, size_t ldb, real beta, real *c, size_t ldc);

typedef void gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, real alpha, const real *a,
                  size_t lda, const real *b, size_t ldb, real beta, real *c, size_t ldc);

/* One product in all four transpositions, rows `gap` further apart than they are long, against sums in double. What lies
 * between the rows of c must stay. */
static void check(gemm *multiply, size_t m, size_t n, size_t k, real alpha, real beta, size_t gap) {
    for (int form = 0; form < 4; ++form) {
        const bool ta = form & 1, tb = form & 2;
        const size_t lda = (ta ? m : k) + gap, ldb = (tb ? k : n) + gap, ldc = n + gap;
        real *a = hold_reals("test.a", (ta ? k : m) * lda, -1, 1);
        real *b = hold_reals("test.b", (tb ? n : k) * ldb, -1, 1);
        real *c = hold_reals("test.c", m * ldc, -1, 1), *before = hold_copy(c, m * ldc * sizeof(real), 0);
        multiply(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        for (size_t i = 0; i < m; ++i)
            for (size_t j = 0; j < ldc; ++j) {
                double sum = 0, value = (double)c[i * ldc + j], old = (double)before[i * ldc + j];
                for (size_t l = 0; l < k && j < n; ++l)
                    sum += (double)(ta ? a[l * lda + i] : a[i * lda + l]) *
                           (double)(tb ? b[j * ldb + l] : b[l * ldb + j]);
                double expected = j < n ? (double)alpha * sum + (double)beta * old : old;
                double error = fabs(value - expected);
                if (!(error <= (j < n ? 1e-6 * (1 + sqrt((double)k) * fabs((double)alpha)) : 0)))
                    fail_msg("(%zu, %zu, %zu) form %d: c[%zu][%zu] is %g, not %g", m, n, k, form, i, j, value,
                             expected);
            }
        release_held();
    }
}

static void products(void **state) {
    (void)state;
    static const size_t sizes[][3] = {{1, 1, 1},    {1, 7, 3},      {5, 1, 9},      {4, 4, 1},
                                      {17, 10, 33}, {100, 64, 200}, {25, 200, 256}, {3, 784, 64}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i)
        for (size_t gap = 0; gap < 6; gap += 5) {
            const size_t *s = sizes[i];
            check(elbow_gemm, s[0], s[1], s[2], 1, 0, gap);
            check(elbow_gemm, s[0], s[1], s[2], (real)-0.5, 1, gap);
            check(elbow_gemm, s[0], s[1], s[2], 2, (real)0.25, gap);
        }
}

/* Largest size 13: m, n and k beyond it, alone and together, on the boundary and just past it, and rows further apart
 * than it. */
static void cut_products(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 12, 13, 14, 26, 27, 40};
    for (size_t i = 0; i < 7 * 7 * 7; ++i) {
        const size_t m = sizes[i % 7], n = sizes[i / 7 % 7], k = sizes[i / 49];
        check(cut_gemm, m, n, k, (real)0.5, (real)-1, 0);
        check(cut_gemm, m, n, k, 1, 0, i % 2 ? 0 : 3);
    }
}

static bool refuse(const elbow_blas_call *product, const real *a, const real *b, real *c) {
    (void)product, (void)a, (void)b, (void)c;
    return false;
}

static void refused_products(void **state) {
    (void)state;
    blas_product = refuse;
    check(cut_gemm, 17, 10, 33, 2, (real)0.25, 3);
    check(cut_gemm, 5, 40, 1, 1, 0, 0);
    blas_product = elbow_blas_product;
}

static void empty_products(void **state) {
    (void)state;
    real c[4] = {1, 2, (real)NAN, 4};
    elbow_gemm(false, false, 0, 2, 2, 1, NULL, 2, NULL, 2, 0, c, 2);
    elbow_gemm(false, false, 2, 0, 2, 1, NULL, 2, NULL, 1, 0, c, 2);
    assert_true(c[0] == 1 && c[1] == 2 && isnan(c[2]) && c[3] == 4);
    elbow_gemm(false, false, 1, 2, 0, 1, NULL, 1, NULL, 2, 2, c, 2);
    assert_true(c[0] == 2 && c[1] == 4 && isnan(c[2]) && c[3] == 4);
    elbow_gemm(false, false, 2, 2, 0, 1, NULL, 1, NULL, 2, 0, c, 2);
    for (int i = 0; i < 4; ++i) assert_true(c[i] == 0);
    const real a[2] = {1, 2}, b[2] = {3, 4};
    real d = (real)NAN; /* beta 0 writes, whatever was there */
    elbow_gemm(false, false, 1, 1, 2, 1, a, 2, b, 1, 0, &d, 1);
    assert_true(d == 11);
}

/* The shapes of a step, each operand at its own address. */
static void bits_ignore_address(void **state) {
    (void)state;
    static const size_t sizes[][3] = {{100, 512, 784}, {100, 10, 64}, {25, 200, 256}, {512, 784, 25},
                                      {1, 64, 33},     {7, 13, 11},   {3, 784, 512}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i)
        for (int form = 0; form < 4; ++form) {
            const bool ta = form & 1, tb = form & 2;
            const size_t m = sizes[i][0], n = sizes[i][1], k = sizes[i][2], unit = sizeof(real);
            const size_t lda = ta ? m : k, ldb = tb ? k : n;
            const real *a = hold_reals("test.a", m * k, -1, 1), *b = hold_reals("test.b", k * n, -1, 1);
            real *before = hold_reals("test.c", m * n, -1, 1), *c = hold_copy(before, m * n * unit, 0);
            elbow_gemm(ta, tb, m, n, k, 1, a, lda, b, ldb, 1, c, n);
            size_t kept = held_count;
            for (size_t shift = unit; shift < 64; shift += unit * 2) {
                real *moved = hold_copy(before, m * n * unit, shift ^ (5 * unit));
                elbow_gemm(ta, tb, m, n, k, 1, hold_copy(a, m * k * unit, shift), lda,
                           hold_copy(b, k * n * unit, shift ^ (3 * unit)), ldb, 1, moved, n);
                if (memcmp(moved, c, m * n * unit))
                    fail_msg("(%zu, %zu, %zu) form %d: other bits at shift %zu", m, n, k, form, shift);
                while (held_count > kept) free(held[--held_count]);
            }
            release_held();
        }
}

/* The same product again after others of other shapes: nothing is left over from one call that another sees. */
static void bits_ignore_other_products(void **state) {
    (void)state;
    enum { M = 100, N = 256, K = 512 };
    const real *a = hold_reals("test.a", M * K, -1, 1), *b = hold_reals("test.b", N * K, -1, 1);
    real *first = hold_reals("test.c", M * N, 0, 0), *again = hold_copy(first, M * N * sizeof(real), 0);
    elbow_gemm(false, true, M, N, K, 1, a, K, b, K, 0, first, N);
    for (size_t m = 1; m <= M; m += 11) {
        elbow_gemm(m % 2, false, m, N, m, 1, a, m, b, N, 0, again, N);
        elbow_gemm(false, true, M, N, K, 1, a, K, b, K, 0, again, N);
        assert_memory_equal(again, first, M * N * sizeof(real));
    }
    release_held();
}

/* With two threads bits may be others, but they are the same every time. */
static void bits_with_threads_repeat(void **state) {
    (void)state;
    static const size_t sizes[][3] = {{100, 512, 784}, {512, 784, 100}, {200, 200, 1000}, {1, 512, 784}};
    if (!elbow_blas_set_threads(2)) {
        print_message("%s cannot be told its threads\n", elbow_blas_describe());
        skip();
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        const size_t m = sizes[i][0], n = sizes[i][1], k = sizes[i][2], bytes = m * n * sizeof(real);
        const real *a = hold_reals("test.a", m * k, -1, 1), *b = hold_reals("test.b", k * n, -1, 1);
        real *first = hold_reals("test.c", m * n, 0, 0), *again = hold_copy(first, bytes, 0);
        elbow_gemm(false, false, m, n, k, 1, a, k, b, n, 0, first, n);
        for (int repeat = 0; repeat < 8; ++repeat) {
            elbow_gemm(false, false, m, n, k, 1, a, k, b, n, 0, again, n);
            assert_memory_equal(again, first, bytes);
        }
        release_held();
    }
    elbow_blas_set_threads(1);
}

static void description(void **state) {
    (void)state;
    const char *text = elbow_blas_describe();
    print_message("%s\n", text);
    assert_true(strlen(text) > 0 && strlen(text) < 128);
    assert_true(strlen(elbow_blas_common_kernel()) > 0);
    if (strncmp(text, "CBLAS", 5) != 0) {
        int parts = 0;
        for (const char *p = text; *p; ++p) parts += *p == ' ';
        assert_int_equal(parts, 2); /* name, version, kernel */
        assert_true(strchr(text, ' ')[1] >= '0' && strchr(text, ' ')[1] <= '9');
    }
    assert_true(elbow_blas_describe() == text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products),
        cmocka_unit_test(cut_products),
        cmocka_unit_test(refused_products),
        cmocka_unit_test(empty_products),
        cmocka_unit_test(bits_ignore_address),
        cmocka_unit_test(bits_ignore_other_products),
        cmocka_unit_test(bits_with_threads_repeat),
        cmocka_unit_test(description),
    };
    elbow_blas_set_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
