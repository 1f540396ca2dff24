/* The inline functions against the C library's in double, over their whole ranges by stride. */
#include "math/exp_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/numbers.h"

enum { STRIDE = 211 }; /* in the order of float bit patterns */

static void exp_float(void **state) {
    (void)state;
    double worst = 0;
    for (uint32_t bits = 0; bits < 0x42B17218; bits += STRIDE) /* 0 … 88.72 */
        for (int negative = 0; negative < 2; ++negative) {
            float x = elbow_float_of_bits(bits | (negative ? UINT32_C(1) << 31 : 0));
            float y = elbow_exp_float(x);
            if (x < -86.98f)
                assert_true(y <= 0x1p-125f); /* 0, or the true value on the way to it */
            else
                worst = fmax(worst, float_ulps(y, exp((double)x)));
        }
    print_message("exp: %.2f ulp\n", worst);
    assert_true(worst < 2);

    assert_true(elbow_exp_float(0) == 1 && elbow_exp_float(-0.0f) == 1);
    const float low[] = {-87.3f, -88, -104, -1e4f, -FLT_MAX, -INFINITY},
                high[] = {88.73f, 1e4f, FLT_MAX, INFINITY};
    for (int i = 0; i < 6; ++i) assert_true(elbow_exp_float(low[i]) == 0);
    for (int i = 0; i < 4; ++i) assert_true(isinf(elbow_exp_float(high[i])) && elbow_exp_float(high[i]) > 0);
    assert_true(isnan(elbow_exp_float(NAN)));
}

/* On the floats themselves exp does not decrease where the clamps and the powers of two meet. */
static void exp_float_monotone(void **state) {
    (void)state;
    for (int n = -126; n <= 128; ++n) {
        float x = (float)((n - 0.5) * 0.6931471805599453), last = 0;
        for (int i = 0; i < 40; ++i) x = nextafterf(x, -INFINITY);
        for (int i = 0; i < 80; ++i, x = nextafterf(x, INFINITY)) {
            float y = elbow_exp_float(x);
            assert_true(y >= last * (1 - 2 * FLT_EPSILON));
            last = y;
        }
    }
}

static double double_ulps(double a, long double b) {
    int exponent;
    (void)frexpl(b, &exponent);
    return (double)(fabsl((long double)a - b) / ldexpl(1, exponent - 53));
}

static void log_double(void **state) {
    (void)state;
    double worst = 0;
    elbow_stream stream = elbow_stream_make(3, 0, "test.log");
    for (uint32_t i = 0; i < 2000000; ++i) {
        uint32_t w[4];
        elbow_stream_block(stream, i, 0, 0, w);
        uint64_t mantissa = (w[0] | (uint64_t)w[1] << 32) >> 12;
        uint64_t exponent = i % 2 ? 1021 + w[2] % 4 : 1 + w[2] % 2046; /* every other one in [¼, 4) */
        double x = elbow_double_of_bits(exponent << 52 | mantissa);
        worst = fmax(worst, double_ulps(elbow_log_double(x), logl(x)));
    }
    for (int i = 1; i < 200000; ++i) { /* around 1, where a sloppy logarithm loses its relative accuracy */
        double below = 1 - i * 0x1p-53, above = 1 + i * 0x1p-52;
        worst = fmax(worst, double_ulps(elbow_log_double(below), logl(below)));
        worst = fmax(worst, double_ulps(elbow_log_double(above), logl(above)));
    }
    print_message("log: %.2f ulp of double\n", worst);
    assert_true(worst < 1.25);
    assert_true(elbow_log_double(1) == 0);
    assert_true(isfinite(elbow_log_double(DBL_MIN)) && isfinite(elbow_log_double(DBL_MAX)));
}

static void log1p_unit_float(void **state) {
    (void)state;
    double worst = 0;
    for (uint32_t bits = 0; bits <= 0x3F800000; bits += STRIDE) {
        float x = elbow_float_of_bits(bits);
        worst = fmax(worst, float_ulps(elbow_log1p_unit_float(x), log1p((double)x)));
    }
    print_message("log1p: %.2f ulp\n", worst);
    assert_true(worst < 2);
    assert_true(elbow_log1p_unit_float(0) == 0);
    assert_true(isnan(elbow_log1p_unit_float(NAN)));
}

static void log_narrow_float(void **state) {
    (void)state;
    double worst = 0;
    for (uint32_t bits = 0x00800000; bits < 0x7F800000; bits += STRIDE) {
        float x = elbow_float_of_bits(bits);
        worst = fmax(worst, float_ulps(elbow_log_narrow_float(x, x - 1), log((double)x)));
    }
    for (float t = 0x1p-33f; t < 0.25f; t *= 1.0009765625f) /* 1 − t, with digits that it lost */
        worst = fmax(worst, float_ulps(elbow_log_narrow_float(1 - t, -t), log1p(-(double)t)));
    print_message("log in float: %.2f ulp\n", worst);
    assert_true(worst < 2);
    assert_true(elbow_log_narrow_float(1, 0) == 0);
}

static void tanh_float(void **state) {
    (void)state;
    double worst = 0;
    for (uint32_t bits = 0; bits < 0x7F800000; bits += 5 * STRIDE) {
        float x = elbow_float_of_bits(bits), y = elbow_tanh_float(x);
        worst = fmax(worst, float_ulps(y, tanh((double)x)));
        assert_true(elbow_tanh_float(-x) == -y && fabsf(y) <= 1);
    }
    print_message("tanh: %.2f ulp\n", worst);
    assert_true(worst < 2);
    assert_true(elbow_tanh_float(INFINITY) == 1 && elbow_tanh_float(-INFINITY) == -1);
    assert_true(isnan(elbow_tanh_float(NAN)));
}

static void words(void **state) {
    (void)state;
    for (uint64_t w = 0; w <= UINT32_MAX; w += 65521)
        assert_true(elbow_double_of_word((uint32_t)w) == (double)w);
    assert_true(elbow_double_of_word(UINT32_MAX) == 4294967295.0);
    assert_true(isnan(elbow_log((real)NAN)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_float),
        cmocka_unit_test(exp_float_monotone),
        cmocka_unit_test(log_double),
        cmocka_unit_test(log1p_unit_float),
        cmocka_unit_test(log_narrow_float),
        cmocka_unit_test(tanh_float),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
