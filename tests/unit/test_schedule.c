/* Schedules: values by hand, their ends and order, and what nonsense is told. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "elbow/optim/schedule.h"

static elbow_schedule parse(const char *text) {
    elbow_schedule schedule = {0};
    if (elbow_schedule_parse(&schedule, text) != ELBOW_OK) fail_msg("%s: %s", text, elbow_error_message());
    return schedule;
}

static double value(const char *text, int64_t t, int64_t run_steps) {
    elbow_schedule schedule = parse(text);
    return elbow_schedule_value(&schedule, t, run_steps);
}

static void expect(const char *text, int64_t t, int64_t run_steps, double expected) {
    double found = value(text, t, run_steps);
    if (!(fabs(found - expected) <= 1e-15 * fabs(expected)))
        fail_msg("%s at %lld of %lld: %.17g, expected %.17g", text, (long long)t, (long long)run_steps, found,
                 expected);
}

static void test_values(void **state) {
    (void)state;
    expect("0.25", 0, 100, 0.25);
    expect("  constant\t-2 ", 99, 100, -2);
    expect("0.8 warmup=4", 0, 100, 0.2);
    expect("0.8 warmup=4", 2, 100, 0.6);
    expect("0.8 warmup=4", 3, 100, 0.8);
    expect("0.8 warmup=4", 50, 100, 0.8);

    expect("linear 0 1 steps=8", 0, 100, 0);
    expect("linear 0 1 steps=8", 2, 100, 0.25);
    expect("linear 0 1 steps=8", 8, 100, 1);
    expect("linear 0 1 steps=8", 1000, 100, 1);
    expect("linear 3 1", 50, 100, 2);   /* the run's length */
    expect("linear 3 1", 50, 200, 2.5); /* an extended run */
    expect("linear 0 1 steps=8 every=4", 3, 100, 0);
    expect("linear 0 1 steps=8 every=4", 7, 100, 0.5);

    expect("cosine 1 0 steps=4", 0, 100, 1);
    expect("cosine 1 0 steps=4", 1, 100, 0.85355339059327373);
    expect("cosine 1 0.5 steps=4", 2, 100, 0.75);
    expect("cosine 1 0.25 steps=4", 4, 100, 0.25);
    expect("cosine 1e-3 1e-5", 50, 100, 0.000505);

    expect("sigmoid 0 1 steps=8", 0, 100, 0);
    expect("sigmoid 0 1 steps=8", 4, 100, 0.5);
    expect("sigmoid 3 1 steps=8", 8, 100, 1);
    expect("sigmoid 0 2 steps=10", 2, 100, 0.08257131957159214);
    expect("cyclic 0 1 every=10", 0, 100, 0);
    expect("cyclic 0 1 every=10", 2, 100, 0.4);
    expect("cyclic 0 1 every=10", 5, 100, 1);
    expect("cyclic 0 1 every=10", 9, 100, 1);
    expect("cyclic 0 1 every=10", 11, 100, 0.2);
    expect("cyclic 1 3 every=10 ratio=1", 25, 100, 2);

    expect("step 0.1 0.5 every=10", 0, 100, 0.1);
    expect("step 0.1 0.5 every=10", 9, 100, 0.1);
    expect("step 0.1 0.5 every=10", 10, 100, 0.05);
    expect("step 0.1 0.5 every=10", 39, 100, 0.0125);
    expect("step 1 0.5 warmup=5 every=10", 14, 100, 1); /* its period begins behind warm-up */
    expect("step 1 0.5 warmup=5 every=10", 15, 100, 0.5);

    expect("exponential 1 0.1 rate=0.5", 2, 100, 0.36787944117144233);
    expect("exponential 1 0.1 rate=0.5", 100, 100, 0.1);
    expect("exponential 1 8 rate=0.5", 2, 100, 2.7182818284590452);
    expect("exponential 1 8 rate=0.5", 5, 100, 8);
    expect("exponential 1 1 rate=0.5", 5, 100, 1);
    expect("exponential 1 8 rate=0.5", INT64_MAX, 100, 8); /* exp overflows on the way */
    expect("exponential 1 0 rate=0.5", INT64_MAX, 100, 0);

    /* Warm-up sees t, the formula what is behind it. */
    expect("linear 4 0 warmup=2", 0, 10, 2);
    expect("linear 4 0 warmup=2", 1, 10, 4);
    expect("linear 4 0 warmup=2", 2, 10, 4);
    expect("linear 4 0 warmup=2", 6, 10, 2);
    expect("linear 4 0 warmup=2", 10, 10, 0);
    expect("linear 4 0 steps=4 warmup=3 every=5", 4, 100, 4); /* t' = 0 */
    expect("linear 4 0 steps=4 warmup=3 every=5", 9, 100, 2); /* t' = 5, u = 2 */
    expect("linear 4 0 warmup=20", 9, 10, 2);                 /* a run that is all warm-up */
}

/* Row A: max(0.5, exp(-3e-5 step)) looked at every 100 steps. */
static void test_row_a(void **state) {
    (void)state;
    elbow_schedule schedule = parse("exponential 1.0 0.5 rate=3e-5 every=100");
    assert_true(elbow_schedule_value(&schedule, 0, 6000) == 1);
    assert_true(elbow_schedule_value(&schedule, 99, 6000) == 1);
    for (int64_t t = 0; t < 40000; t += 7)
        assert_true(elbow_schedule_value(&schedule, t, 6000) ==
                    fmax(0.5, exp(-3e-5 * (double)(t / 100 * 100))));
    expect("exponential 1.0 0.5 rate=3e-5 every=100", 5999, 6000, 0.83777978452299384); /* exp(-0.177) */
    assert_true(elbow_schedule_value(&schedule, 23100, 6000) > 0.5);
    assert_true(elbow_schedule_value(&schedule, 23200, 6000) == 0.5); /* ln 2 / 3e-5 = 23104.9 */
}

/* From one end to the other, in order, never beyond, and held where `every` holds. */
static void test_monotone(void **state) {
    (void)state;
    static const char *const texts[] = {
        "linear 0.3 0.1",
        "linear -1 1 steps=333",
        "cosine 1 0.1",
        "cosine 0.1 1 steps=100",
        "exponential 1 0.2 rate=0.01",
        "exponential 0.01 0.7 rate=0.02",
        "step 1 0.9 every=13",
        "step 1 1.1 every=13",
        "linear 0.3 0.1 every=17",
        "cosine 1 0.1 every=1000",
        "exponential 1 0.2 rate=0.01 every=50",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        elbow_schedule schedule = parse(texts[i]);
        double first = elbow_schedule_value(&schedule, 0, 500),
               last = elbow_schedule_value(&schedule, 499, 500);
        assert_true(first == schedule.from);
        double before = first, least = 0, most = 0;
        for (int64_t t = 1; t < 500; t++) {
            double now = elbow_schedule_value(&schedule, t, 500);
            assert_true(last >= first ? now >= before - 1e-15 : now <= before + 1e-15);
            if (strstr(texts[i], "every=") && t % schedule.every != 0) assert_true(now == before);
            before = now;
        }
        elbow_schedule_range(&schedule, 500, &least, &most);
        assert_true(least == fmin(first, last) && most == fmax(first, last));
    }
}

static void test_range_with_warmup(void **state) {
    (void)state;
    static const char *const texts[] = {"1 warmup=10",
                                        "linear 2 1 warmup=7",
                                        "linear 1 2 warmup=7",
                                        "linear -1 2 warmup=499",
                                        "cosine 3 0 warmup=5000",
                                        "cyclic 0.5 0.25 every=40",
                                        "sigmoid 2 1 every=40",
                                        "linear 0 -1 warmup=1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        elbow_schedule schedule = parse(texts[i]);
        double least, most, low = INFINITY, high = -INFINITY;
        for (int64_t t = 0; t < 500; t++) {
            low = fmin(low, elbow_schedule_value(&schedule, t, 500));
            high = fmax(high, elbow_schedule_value(&schedule, t, 500));
        }
        elbow_schedule_range(&schedule, 500, &least, &most);
        assert_true(least == low && most == high);
    }
}

static void test_spans_run(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool spans;
    } cases[] = {{"1", false},
                 {"linear 0 1", true},
                 {"linear 0 1 steps=5", false},
                 {"cosine 1 0 warmup=5", true},
                 {"cosine 1 0 steps=5", false},
                 {"exponential 1 0.5 rate=1", false},
                 {"step 1 0.5 every=5", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        elbow_schedule schedule = parse(cases[i].text);
        assert_int_equal(elbow_schedule_spans_run(&schedule), cases[i].spans);
        bool differs = elbow_schedule_value(&schedule, 9, 10) != elbow_schedule_value(&schedule, 9, 1000);
        assert_int_equal(differs, cases[i].spans);
    }
}

static void test_nonsense(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "there is no schedule"},
        {"  ", "there is no schedule"},
        {"lineer 0 1",
         "`lineer` is no number and no schedule; did you mean `linear`? Its grammar is: linear FROM TO"},
        {"foo", "give a number, or one of constant, linear, exponential, cosine, step"},
        {"1e-3x", "`1e-3x` is not a number"},
        {"nan", "no number"},
        {"inf", "no number"},
        {"1e31", "out of range"},
        {"1 2", "`2` is not expected here; the grammar is: constant VALUE"},
        {"1 every=5", "`every=5` is not known here"},
        {"linear", "`linear` lacks a number; the grammar is: linear FROM TO"},
        {"linear 0", "lacks a number"},
        {"linear 0 1 2", "`2` is not expected here"},
        {"linear 0 one", "`one` is not a number"},
        {"linear 0 steps=5 1 2", "`2` is not expected here"},
        {"linear 0 1 steps", "`steps` is not expected here"},
        {"linear 0 1 steps = 5", "`steps` is not expected here"},
        {"linear 0 1 steps=", "steps: there is no value"},
        {"linear 0 1 steps=0", "steps: `0` is out of range; give 1 or more"},
        {"linear 0 1 steps=1e4", "give 10000"},
        {"linear 0 1 steps=5 steps=6", "`steps=6` comes a second time; the grammar is: linear"},
        {"linear 0 1 rate=5", "`rate=5` is not known here"},
        {"linear 0 1 =5", "`=5` is not known here"},
        {"linear 0 1 warmup=-1", "warmup: `-1` is out of range"},
        {"exponential 1 0.5", "`exponential` lacks a word; the grammar is: exponential FROM TO rate=R"},
        {"exponential 1 0.5 rate=0", "never moves"},
        {"exponential 1 0.5 rate=-1", "rate: `-1` is out of range"},
        {"exponential 0 1 rate=1", "cannot start at 0"},
        {"exponential -1 1 rate=1", "cannot start at -1"},
        {"step 1 0.5", "`step` lacks a word"},
        {"step 1 0 every=5", "give FACTOR above 0"},
        {"step 1 -1 every=5", "give FACTOR above 0"},
        {"step 1 0.5 every=0", "every: `0` is out of range"},
        {"Linear 0 1", "did you mean `linear`?"},
        {"0.00000000000000000000000000000000000000000000000000000000000000000000001", "is not a number"},
        {"linear 0 1 steps=000000000000000000000000000000000000000000000000000000000000000000000001",
         "steps: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        elbow_schedule schedule = parse("linear 1 2 steps=3"), before = schedule;
        if (elbow_schedule_parse(&schedule, cases[i].text) != ELBOW_USAGE)
            fail_msg("%s is accepted", cases[i].text);
        if (strstr(elbow_error_message(), cases[i].part) == NULL)
            fail_msg("expected \"%s\" in \"%s\"", cases[i].part, elbow_error_message());
        assert_true(schedule.ops == before.ops && schedule.to == before.to && schedule.steps == before.steps);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),    cmocka_unit_test(test_row_a),
        cmocka_unit_test(test_monotone),  cmocka_unit_test(test_range_with_warmup),
        cmocka_unit_test(test_spans_run), cmocka_unit_test(test_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
