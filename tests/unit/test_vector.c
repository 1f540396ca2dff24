/* Vector passes and activations: values, order of sums, bits at any address, names. */
#include "math/vector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "elbow/base/error.h"
#include "math/activation.h"
#include "unit/numbers.h"

static const size_t lengths[] = {0, 1, 2, 5, 15, 16, 17, 31, 48, 100, 784, 16384, 16391};
enum { LENGTHS = sizeof lengths / sizeof *lengths };

/* In-order sums and single operations have one right answer, to the bit, at any address. */
static void elementwise(void **state) {
    (void)state;
    for (size_t q = 0; q < LENGTHS; ++q)
        for (size_t shift = 0; shift < 64; shift += sizeof(real) * 5) {
            const size_t n = lengths[q], bytes = n * sizeof(real);
            real *a = hold_copy(hold_reals("test.a", n, -2, 2), bytes, shift);
            real *b = hold_copy(hold_reals("test.b", n, -2, 2), bytes, shift ^ 24);
            real *y = hold_copy(b, bytes, shift ^ 40), *s = hold(bytes, shift ^ 8),
                 *c = hold_copy(a, bytes, 16);
            elbow_add(y, a, n);
            elbow_sum2(s, a, b, n);
            elbow_scale(c, (real)0.3, n);
            for (size_t i = 0; i < n; ++i) {
                assert_true(y[i] == b[i] + a[i] && s[i] == a[i] + b[i]);
                assert_true(c[i] == a[i] * (real)0.3);
            }
            elbow_sum2(s, s, b, n); /* in place */
            for (size_t i = 0; i < n; ++i) assert_true(s[i] == (a[i] + b[i]) + b[i]);
            elbow_add(y, y, n);
            for (size_t i = 0; i < n; ++i) assert_true(y[i] == 2 * (b[i] + a[i]));
            release_held();
        }
}

static void rows(void **state) {
    (void)state;
    for (size_t n = 1; n < 70; n += 3)
        for (size_t count = 0; count < 11; ++count) {
            const size_t bytes = n * count * sizeof(real);
            real *x = hold_reals("test.x", n * count, -2, 2), *a = hold_reals("test.a", count, -2, 2);
            real *y = hold_copy(x, bytes, 20), *sums = hold_reals("test.sums", n, -1, 1);
            real *before = hold_copy(sums, n * sizeof(real), 0);
            elbow_scale_rows(y, a, count, n);
            for (size_t i = 0; i < n * count; ++i) assert_true(y[i] == x[i] * a[i / n]);
            elbow_column_sums(sums, x, count, n);
            for (size_t i = 0; i < n; ++i) {
                real sum = before[i];
                for (size_t r = 0; r < count; ++r) sum += x[r * n + i];
                assert_true(sum == sums[i]);
            }
            release_held();
        }
}

static void square_sum(void **state) {
    (void)state;
    for (size_t q = 0; q < LENGTHS; ++q) {
        const size_t n = lengths[q];
        real *x = hold_reals("test.x", n, -2, 2);
        double lanes[16] = {0}, plain = 0, value = elbow_square_sum(x, n);
        for (size_t i = 0; i < n; ++i) lanes[i % 16] += (double)x[i] * (double)x[i];
        for (int j = 0; j < 16; ++j) plain += lanes[j];
        assert_true(value == plain);
        for (size_t shift = sizeof(real); shift < 64; shift += sizeof(real))
            assert_true(elbow_square_sum(hold_copy(x, n * sizeof(real), shift), n) == value);
        const real bad[] = {(real)NAN, (real)INFINITY, (real)-INFINITY};
        for (size_t place = 0; place < n; place += 1 + n / 7)
            for (int i = 0; i < 3; ++i) {
                real kept = x[place];
                x[place] = bad[i];
                assert_true(!isfinite(elbow_square_sum(x, n)));
                x[place] = kept;
            }
#ifndef ELBOW_REAL_DOUBLE
        for (size_t i = 0; i < n; ++i) x[i] = FLT_MAX;
        assert_true(isfinite(elbow_square_sum(x, n))); /* no false alarm */
#endif
        release_held();
    }
}

/* Taken squares: Σ y² and Σ x² of before, with the same bits for a vector as y and as x, wanted or not, at any address. */
static void take(void **state) {
    (void)state;
    for (size_t q = 0; q < LENGTHS; ++q)
        for (size_t shift = 0; shift < 64; shift += sizeof(real) * 5) {
            const size_t n = lengths[q], bytes = n * sizeof(real);
            real *a = hold_reals("test.a", n, -2, 2), *b = hold_reals("test.b", n, -2, 2);
            double of_a[3] = {0}, of_b[3] = {0};
            for (int way = 0; way < 4; ++way) {
                bool turned = way == 3;
                real *y = hold_copy(turned ? b : a, bytes, shift),
                     *x = hold_copy(turned ? a : b, bytes, shift ^ 24);
                elbow_take(y, x, n,
                           way == 1 ? NULL
                           : turned ? &of_b[1]
                                    : &of_a[way],
                           way == 2 ? NULL
                           : turned ? &of_a[1]
                                    : &of_b[way == 1 ? 2 : 0]);
                for (size_t i = 0; i < n; ++i) assert_true(y[i] == a[i] + b[i] && x[i] == 0);
            }
            assert_true(of_a[1] == of_a[0] && of_a[2] == of_a[0]);
            assert_true(of_b[1] == of_b[0] && of_b[2] == of_b[0]);
            assert_true(fabs(of_a[0] - elbow_square_sum(a, n)) <= 1e-6 * of_a[0]);
            if (n > 0) {
                a[n / 2] = (real)NAN;
                elbow_take(a, b, n, &of_a[0], NULL);
                assert_true(isnan(of_a[0]));
            }
            release_held();
        }
}

static double expected_output(const char *name, double v) {
    if (strcmp(name, "relu") == 0) return v > 0 ? v : 0;
    if (strcmp(name, "leaky_relu") == 0) return v > 0 ? v : 0.01 * v;
    if (strcmp(name, "leaky_relu_0.2") == 0) return v > 0 ? v : 0.2 * v;
    if (strcmp(name, "tanh") == 0) return tanh(v);
    return v;
}

static double expected_slope(const char *name, double y) {
    if (strcmp(name, "relu") == 0) return y > 0 ? 1 : 0;
    if (strcmp(name, "leaky_relu") == 0) return y > 0 ? 1 : 0.01;
    if (strcmp(name, "leaky_relu_0.2") == 0) return y > 0 ? 1 : 0.2;
    if (strcmp(name, "tanh") == 0) return 1 - y * y;
    return 1;
}

static void activations(void **state) {
    (void)state;
    static const char *const names[] = {"linear", "relu", "leaky_relu", "leaky_relu_0.2", "tanh"};
    for (int a = 0; a < 5; ++a) {
        const elbow_activation *f;
        assert_int_equal(elbow_activation_find(names[a], &f), ELBOW_OK);
        assert_string_equal(f->name, names[a]);
        for (size_t n = 1; n < 300; n += 37) {
            const size_t count = 9, bytes = n * count * sizeof(real);
            real *x = hold_reals("test.x", n * count, -3, 3), *bias = hold_reals("test.bias", n, -1, 1);
            real *dy = hold_reals("test.dy", n * count, -1, 1);
            x[0] = -bias[0]; /* exactly 0 in */
            real *y = hold_copy(x, bytes, 0), *d = hold_copy(dy, bytes, 0);
            f->forward(y, bias, count, n);
            f->backward(d, y, n * count);
            for (size_t i = 0; i < n * count; ++i) {
                double v = (double)(x[i] + bias[i % n]), out = expected_output(names[a], v);
                assert_true(fabs((double)y[i] - out) <= 3e-7 * fabs(out));
                double slope = expected_slope(names[a], (double)y[i]);
                assert_true(fabs((double)d[i] - (double)dy[i] * slope) <= 1e-6 * fabs((double)dy[i]));
            }
            for (size_t shift = sizeof(real); shift < 64; shift += sizeof(real)) {
                real *moved = hold_copy(x, bytes, shift), *back = hold_copy(dy, bytes, shift ^ 32);
                f->forward(moved, hold_copy(bias, n * sizeof(real), shift ^ 24), count, n);
                assert_memory_equal(moved, y, bytes);
                f->backward(back, moved, n * count);
                assert_memory_equal(back, d, bytes);
            }
            real *fewer = hold_copy(x + n, 3 * n * sizeof(real), 4); /* other rows around it */
            f->forward(fewer, bias, 3, n);
            assert_memory_equal(fewer, y + n, 3 * n * sizeof(real));
            release_held();
        }
        real y[3] = {(real)NAN, 1, -1}, zero[3] = {0};
        f->forward(y, zero, 1, 3);
        assert_true(isnan(y[0]) && !isnan(y[1]) && !isnan(y[2]));
    }
}

/* gelu is applied from its input, which its slope needs too; tests/unit/test_layers.c walks its accuracy. */
static void gelu(void **state) {
    (void)state;
    const elbow_activation *f;
    assert_int_equal(elbow_activation_find("gelu", &f), ELBOW_OK);
    assert_true(f->forward == NULL && f->apply != NULL);
    for (size_t n = 1; n < 300; n += 37) {
        const size_t bytes = n * sizeof(real);
        real *v = hold_reals("test.x", n, -3, 3), *dy = hold_reals("test.dy", n, -1, 1);
        v[0] = 0;
        real *y = hold(bytes, 0), *d = hold_copy(dy, bytes, 0);
        f->apply(y, v, n);
        f->backward(d, v, n);
        for (size_t i = 0; i < n; ++i) {
            double x = (double)v[i], below = erfc(-x / sqrt(2)) / 2,
                   slope = below + x * exp(-x * x / 2) / sqrt(8 * atan(1));
            assert_true(fabs((double)y[i] - x * below) <= 1e-6 * fabs(x * below));
            assert_true(fabs((double)d[i] - (double)dy[i] * slope) <= 1e-6 * fabs((double)dy[i]));
        }
        for (size_t shift = sizeof(real); shift < 64; shift += sizeof(real)) {
            real *moved = hold(bytes, shift), *back = hold_copy(dy, bytes, shift ^ 32);
            real *from = hold_copy(v, bytes, shift ^ 24);
            f->apply(moved, from, n);
            f->backward(back, from, n);
            assert_memory_equal(moved, y, bytes);
            assert_memory_equal(back, d, bytes);
        }
        release_held();
    }
}

static void unknown_activation(void **state) {
    (void)state;
    const elbow_activation *f = NULL;
    assert_int_equal(elbow_activation_find("leeky_relu", &f), ELBOW_USAGE);
    assert_non_null(strstr(elbow_error_message(), "leeky_relu"));
    assert_non_null(strstr(elbow_error_message(), "did you mean `leaky_relu`"));
    assert_int_equal(elbow_activation_find("", &f), ELBOW_USAGE);
    assert_null(f);
}

static void instruction_set(void **state) {
    (void)state;
    const char *name = elbow_kernel_instruction_set();
    print_message("kernels run on: %s\n", name);
    assert_true(!strcmp(name, "avx512") || !strcmp(name, "avx2") || !strcmp(name, "baseline"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elementwise),        cmocka_unit_test(rows),
        cmocka_unit_test(square_sum),         cmocka_unit_test(take),
        cmocka_unit_test(activations),        cmocka_unit_test(gelu),
        cmocka_unit_test(unknown_activation), cmocka_unit_test(instruction_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
