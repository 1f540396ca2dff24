/* Where a rollback goes back to, and how many updates weights have seen, from histories alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "elbow/store/metrics.h"
#include "train/rollback.h"

enum { SKIP = 1, ROLLBACK = 2, EVERY = 20, MOST = 1 << 20 };

static elbow_table events;

static void begin(void) {
    elbow_table_destroy(&events);
    assert_int_equal(elbow_table_create(&events, elbow_event_columns), ELBOW_OK);
}

static void add(int64_t step, int action, int64_t target) {
    const double row[ELBOW_METRICS_COLUMNS] = {(double)step, 0, action, (double)target};
    assert_int_equal(elbow_table_append(&events, row), ELBOW_OK);
}

static int64_t target(int64_t now) { return elbow_rollback_target(&events, events.rows, now, EVERY, now); }
static int64_t lag(void) { return elbow_rollback_lag(&events, events.rows); }

/* A rollback as a run makes it: to where the history says, which is `expected`. */
static void roll_back(int64_t now, int64_t expected) {
    assert_int_equal(target(now), expected);
    add(now, ROLLBACK, expected);
}

static void test_targets(void **state) {
    (void)state;
    begin();
    assert_int_equal(target(0), -1); /* nothing before it */
    assert_int_equal(target(1), 0);
    assert_int_equal(target(20), 0); /* 20 fails at once: perhaps it is to blame */
    assert_int_equal(target(21), 20);
    assert_int_equal(target(45), 40);
    assert_int_equal(elbow_rollback_target(&events, 0, 45, EVERY, 39), 20);
    assert_int_equal(elbow_rollback_target(&events, 0, 45, EVERY, -1), -1);

    roll_back(45, 40);
    roll_back(46, 40); /* batches in a row: the weights have been good */
    roll_back(47, 40);
    roll_back(61, 60); /* of a line of its own from 48 on */
    roll_back(80, 60); /* 80 fails at once … */
    roll_back(85, 60); /* … and is given up: 60 is the newest ancestor of 85 */
    roll_back(100, 60);
    roll_back(120,
              60); /* 101 … 120 come from 60; 120 has failed at once, and 80 and 100 are of other lines */
    assert_int_equal(target(130), 60);
    assert_int_equal(target(141), 140);
    assert_int_equal(elbow_rollback_target(&events, events.rows, 141, EVERY, 139), 60);
    assert_int_equal(elbow_rollback_target(&events, events.rows, 141, EVERY, 59), 40);
    assert_int_equal(elbow_rollback_target(&events, events.rows, 141, EVERY, 19), 0);
}

/* A step that was skipped counts as a failure of the weights before it, too. */
static void test_failures_at_once(void **state) {
    (void)state;
    begin();
    add(0, SKIP, 0);
    assert_int_equal(target(5), -1);
    assert_int_equal(target(25), 20);
    add(20, SKIP, 20);
    assert_int_equal(target(25), -1);
    assert_int_equal(lag(), 2);
}

/* Against playing the history: what each step's weights come from, and how many updates they have seen. */
static void test_against_play(void **state) {
    (void)state;
    enum { STEPS = 400 };
    uint32_t random = 12345;
    for (int round = 0; round < 200; round++) {
        int64_t updates[STEPS + 1] = {0}, parent[STEPS + 1] = {0};
        bool failed[STEPS + 1] = {false};
        begin();
        for (int64_t s = 0; s < STEPS; s++) {
            random = random * 1664525 + 1013904223;
            updates[s + 1] = updates[s] + 1;
            parent[s + 1] = s;
            bool bad = random >> 16 < 3000 || (s > 0 && s % EVERY == 0 && random >> 16 < 30000);
            int64_t expected = -1;
            if (!bad) continue;
            for (int64_t a = s; expected < 0 && a > 0;) { /* up the line of ancestors */
                a = parent[a];
                if (a % EVERY == 0 && !failed[a]) expected = a;
            }
            bool skips = random % 3 == 0 || expected < 0;
            failed[s] = true;
            assert_int_equal(target(s), expected);
            add(s, skips ? SKIP : ROLLBACK, skips ? s : expected);
            parent[s + 1] = skips ? s : expected;
            updates[s + 1] = updates[parent[s + 1]];
            assert_int_equal(s + 1 - lag(), updates[s + 1]);
        }
    }
}

static int tear_down(void **state) {
    (void)state;
    elbow_table_destroy(&events);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_targets),
                                       cmocka_unit_test(test_failures_at_once),
                                       cmocka_unit_test(test_against_play)};
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
