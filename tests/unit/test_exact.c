/* Exact sums: the same bits in any order, the value to a unit, and what is too large or no number stays beyond. */
#include "elbow/base/exact.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 500 };

/* SplitMix64. */
static uint64_t next(uint64_t *state) {
    uint64_t v = *state += UINT64_C(0x9E3779B97F4A7C15);
    v = (v ^ v >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    v = (v ^ v >> 27) * UINT64_C(0x94D049BB133111EB);
    return v ^ v >> 31;
}

static double of(double value) {
    elbow_exact sum = {0, 0};
    elbow_exact_add(&sum, value);
    return elbow_exact_value(sum);
}

static void one_number(void **state) {
    (void)state;
    uint64_t seed = 1;
    assert_true(of(0) == 0);
    for (int exponent = -27; exponent < 48; exponent++) { /* all its digits are above a unit */
        double value = ldexp(1 + (double)(next(&seed) >> 12) * 0x1p-52, exponent);
        assert_true(of(value) == value);
        assert_true(of(ldexp(1, exponent)) == ldexp(1, exponent));
    }
    for (int exponent = -200; exponent < -27; exponent++) {
        double value = ldexp(1 + (double)(next(&seed) >> 12) * 0x1p-52, exponent), got = of(value);
        assert_true(got <= value && value - got < 0x1p-80);
    }
    assert_true(of(0x1.fffffffffffffp47) == 0x1.fffffffffffffp47);
}

static void any_order(void **state) {
    (void)state;
    double values[COUNT];
    uint64_t seed = 2;
    elbow_exact forwards = {0, 0}, halves[2] = {{0, 0}, {0, 0}}, backwards = {0, 0};
    double plain = 0;
    for (int i = 0; i < COUNT; i++) {
        uint64_t bits = next(&seed);
        values[i] = ldexp(1 + (double)(bits >> 12) * 0x1p-52, (int)(bits % 110) - 75);
        plain += values[i];
        elbow_exact_add(&forwards, values[i]);
        elbow_exact_add(&halves[i % 3 == 0], values[i]);
    }
    for (int i = COUNT; i-- > 0;) elbow_exact_add(&backwards, values[i]);
    elbow_exact_join(&halves[1], halves[0]);
    assert_memory_equal(&forwards, &backwards, sizeof forwards);
    assert_memory_equal(&forwards, &halves[1], sizeof forwards);
    assert_true(fabs(elbow_exact_value(forwards) - plain) <= 1e-12 * plain);
}

static void carries(void **state) {
    (void)state;
    elbow_exact sum = {0, UINT64_MAX};
    elbow_exact_join(&sum, (elbow_exact){0, 1});
    assert_true(sum.high == 1 && sum.low == 0);
    sum = (elbow_exact){UINT64_MAX - 1, UINT64_MAX};
    elbow_exact_join(&sum, (elbow_exact){0, 1});
    assert_true(isinf(elbow_exact_value(sum)));
}

static void beyond_stays(void **state) {
    (void)state;
    const double bad[] = {(double)NAN, (double)INFINITY, 0x1p48, 1e300, -1};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        elbow_exact sum = {0, 0}, other = {0, 0};
        elbow_exact_add(&sum, 1);
        elbow_exact_add(&sum, bad[i]);
        elbow_exact_add(&sum, 1);
        assert_true(isinf(elbow_exact_value(sum)));
        elbow_exact_add(&other, 5);
        elbow_exact_join(&other, sum);
        assert_memory_equal(&other, &sum, sizeof sum);
        elbow_exact_join(&other, sum);
        assert_memory_equal(&other, &sum, sizeof sum);
    }
    elbow_exact sum = {0, 0};
    for (int i = 0; i < 3; i++) elbow_exact_add(&sum, 0x1.8p47);
    assert_true(isinf(elbow_exact_value(sum)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_number),
        cmocka_unit_test(any_order),
        cmocka_unit_test(carries),
        cmocka_unit_test(beyond_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
