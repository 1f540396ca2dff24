/* Watched products, their replay, and the quartiles of what is measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "math/gemm.h"
#include "math/peak.h"
#include "math/products.h"
#include "train/bench_inside.h"

static void test_spread(void **state) {
    (void)state;
    double values[] = {5, 1, 4, 2, 3}, one[] = {7}, even[] = {4, 1, 3, 2};
    elbow_spread s = elbow_spread_of(values, 5);
    assert_true(s.low == 2 && s.median == 3 && s.high == 4);
    s = elbow_spread_of(one, 1);
    assert_true(s.low == 7 && s.median == 7 && s.high == 7);
    assert_true(elbow_spread_of(even, 4).median == 2.5);
    assert_true(elbow_spread_of(even, 0).median == 0);
}

typedef struct seen {
    size_t begun, done;
    elbow_product last;
} seen;

static void note(void *context, const elbow_product *product, bool done) {
    seen *s = context;
    *(done ? &s->done : &s->begun) += 1;
    s->last = *product;
}

static void test_watch(void **state) {
    (void)state;
    seen s = {0};
    real a[6] = {1, 2, 3, 4, 5, 6}, b[3] = {1, 1, 1}, c[2];
    elbow_gemm(false, false, 2, 1, 3, 1, a, 3, b, 1, 0, c, 1);
    assert_int_equal(s.begun, 0);
    elbow_products_watch(note, &s);
    elbow_gemm(false, true, 2, 1, 3, 1, a, 3, b, 3, 0, c, 1);
    assert_true(s.begun == 1 && s.done == 1 && c[0] == 6 && c[1] == 15);
    assert_true(!s.last.transpose_a && s.last.transpose_b && s.last.m == 2 && s.last.n == 1 && s.last.k == 3);
    assert_true(s.last.a == a && s.last.b == b && s.last.c == c);
    elbow_products_watch(NULL, NULL);
    elbow_gemm(false, false, 2, 1, 3, 1, a, 3, b, 1, 0, c, 1);
    assert_true(s.begun == 1 && s.done == 1);
}

/* The step of two shards, as step.c goes through its phases. */
static void fake_step(elbow_step_report *report, const real *a, const real *w, real *c) {
    *report = (elbow_step_report){0};
    for (int shard = 0; shard < 2; shard++) {
        report->phases[ELBOW_PHASE_DATA] += 1;
        elbow_gemm(false, true, 4, 3, 2, 1, a, 2, w, 2, 0, c, 3);
        report->phases[ELBOW_PHASE_ENCODER] += 1;
        elbow_gemm(false, true, 4, 5, 2, 1, a, 2, w, 2, 0, c, 5);
        elbow_gemm(true, false, 5, 2, 4, 1, c, 5, a, 2, 0, c + 20, 2);
        report->phases[ELBOW_PHASE_ESTIMATOR] += 1;
        elbow_gemm(true, false, 3, 2, 4, 1, c, 3, a, 2, 0, c + 20, 2);
        report->phases[ELBOW_PHASE_ENCODER] += 1;
    }
}

static void test_floor(void **state) {
    (void)state;
    real a[8] = {1}, w[10] = {1}, c[40] = {0};
    double within[ELBOW_PHASES], phases[ELBOW_PHASES];
    elbow_step_report report;
    elbow_floor *floor = NULL;
    elbow_bench_product *products = NULL;
    size_t count = 0;
    assert_int_equal(elbow_floor_create(&floor), ELBOW_OK);
    for (int turn = 0; turn < 2; turn++) {
        elbow_floor_watch(floor, &report);
        fake_step(&report, a, w, c);
        assert_int_equal(elbow_floor_stop(floor, within), ELBOW_OK);
        assert_true(within[ELBOW_PHASE_ENCODER] > 0 && within[ELBOW_PHASE_ESTIMATOR] > 0);
        assert_true(within[ELBOW_PHASE_DATA] == 0 && within[ELBOW_PHASE_EXCHANGE] == 0);
        double seconds = elbow_floor_run(floor, phases);
        assert_true(seconds > 0 && phases[ELBOW_PHASE_ENCODER] > 0 && phases[ELBOW_PHASE_UPDATE] == 0);
    }
    assert_true(elbow_floor_flops(floor, ELBOW_PHASE_ENCODER) == 2 * 2 * (4 * 3 * 2 + 3 * 2 * 4));
    assert_true(elbow_floor_flops(floor, ELBOW_PHASE_ESTIMATOR) == 2 * 2 * (4 * 5 * 2 + 5 * 2 * 4));
    assert_int_equal(elbow_floor_list(floor, &products, &count), ELBOW_OK);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++) assert_true(products[i].calls == 2 && products[i].within > 0);
    assert_true(products[0].phase == ELBOW_PHASE_ENCODER && products[1].phase == ELBOW_PHASE_ESTIMATOR);
    free(products);
    elbow_floor_destroy(&floor);
    assert_null(floor);
}

static void test_peaks(void **state) {
    (void)state;
    real a[3], b[3] = {1, 2, 3}, c[3] = {2, 4, 6};
    elbow_peak_triad(a, b, c, (real)0.5, 3);
    assert_true(a[0] == 2 && a[1] == 4 && a[2] == 6);
    assert_true(elbow_peak_run(20) == 2 * elbow_peak_run(10) && elbow_peak_run(10) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_spread), cmocka_unit_test(test_watch),
                                       cmocka_unit_test(test_floor), cmocka_unit_test(test_peaks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
