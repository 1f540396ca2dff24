/* The clocks that end a life, and what a run keeps back for them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "elbow/base/log.h"
#include "elbow/parallel/world.h"
#include "elbow/train/stop.h"
#include "train/pace.h"

enum { SLACK = 2 }; /* seconds: Slurm's clock counts whole ones */

static void slurm_ends_in(double seconds) {
    char text[64];
    snprintf(text, sizeof text, "%lld", (long long)time(NULL) + (long long)seconds);
    setenv("SLURM_JOB_END_TIME", text, 1);
}

static int forget(void **state) {
    (void)state;
    return unsetenv("SLURM_JOB_END_TIME");
}

static void no_clock_never_asks(void **state) {
    (void)state;
    elbow_stop_clock clock = elbow_stop_clock_start(elbow_now(), 0, 30);
    assert_null(clock.name);
    assert_true(isinf(elbow_stop_clock_left(&clock, 1e12)));
    assert_null(elbow_stop_reason(NULL, &clock, 1e12));
    assert_null(elbow_stop_reason(NULL, NULL, 1e12));
}

/* The limit counts from the life's beginning, and what is needed is kept back, but never more than half of it. */
static void a_limit_keeps_back_what_is_needed(void **state) {
    (void)state;
    elbow_stop_clock clock = elbow_stop_clock_start(elbow_now() - 3000, 3600, 30);
    assert_string_equal(clock.name, "checkpoint.time_limit");
    assert_true(fabs(elbow_stop_clock_left(&clock, 0) - (600 - 30)) < 1);
    assert_true(fabs(elbow_stop_clock_left(&clock, 100) - (600 - 130)) < 1);
    assert_null(elbow_stop_reason(NULL, &clock, 560));
    assert_string_equal(elbow_stop_reason(NULL, &clock, 571), "checkpoint.time_limit");

    clock = elbow_stop_clock_start(elbow_now() - 11, 20,
                                   30); /* a margin of a second, and half of it at the most */
    assert_true(clock.margin == 1);
    assert_null(elbow_stop_reason(NULL, &clock, 7));
    assert_string_equal(elbow_stop_reason(NULL, &clock, 1e9), "checkpoint.time_limit");
    clock = elbow_stop_clock_start(elbow_now() - 9, 20, 30);
    assert_null(elbow_stop_reason(NULL, &clock, 1e9));
}

static void slurms_clock_is_absolute(void **state) {
    (void)state;
    slurm_ends_in(1000);
    elbow_stop_clock clock = elbow_stop_clock_start(elbow_now() - 100, 0, 30);
    assert_string_equal(clock.name, "Slurm's clock");
    assert_true(fabs(elbow_stop_clock_left(&clock, 0) - 970) < SLACK);
    assert_true(fabs(elbow_stop_clock_left(&clock, 200) - 770) < SLACK);
    assert_true(fabs(clock.most - 550) < SLACK);
    slurm_ends_in(20); /* less than the margin: half of it is trained */
    clock = elbow_stop_clock_start(elbow_now(), 0, 30);
    assert_true(clock.margin == 30);
    assert_true(fabs(elbow_stop_clock_left(&clock, 200) - 10) < SLACK);
}

static void the_first_to_end_counts(void **state) {
    (void)state;
    slurm_ends_in(1000);
    assert_string_equal(elbow_stop_clock_start(elbow_now(), 500, 30).name, "checkpoint.time_limit");
    assert_string_equal(elbow_stop_clock_start(elbow_now(), 1500, 30).name, "Slurm's clock");
}

/* What is no time is warned about, on stderr, and ignored. */
static void nonsense_is_said_and_ignored(void **state) {
    static const struct {
        const char *text, *says;
    } cases[] = {{"tomorrow", "tomorrow is no time"},
                 {"12.5", "12.5 is no time"},
                 {"-3", "-3 is no time"},
                 {"0", "0 is past"},
                 {"1000000000", "1000000000 is past"},
                 {"1999999999000", "more than ten years away"},
                 {"0x7fffffff", "is no time"},
                 {"", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char said[1024] = "";
        FILE *file = tmpfile();
        assert_non_null(file);
        fflush(stderr);
        int before = dup(2);
        dup2(fileno(file), 2);
        setenv("SLURM_JOB_END_TIME", cases[i].text, 1);
        elbow_stop_clock clock = elbow_stop_clock_start(elbow_now(), 77, 30);
        fflush(stderr);
        dup2(before, 2);
        close(before);
        rewind(file);
        size_t count = fread(said, 1, sizeof said - 1, file);
        fclose(file);
        assert_string_equal(clock.name, "checkpoint.time_limit");
        if (cases[i].says == NULL)
            assert_int_equal(count, 0);
        else if (strstr(said, cases[i].says) == NULL || strstr(said, "unset it") == NULL)
            fail_msg("\"%s\" says not \"%s\"", said, cases[i].says);
    }
}

static void the_file_asks(void **state) {
    char folder[] = "/tmp/elbow-stop-XXXXXX", file[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/stop", folder);
    FILE *made = fopen(file, "w");
    assert_non_null(made);
    fclose(made);
    assert_string_equal(elbow_stop_reason(folder, NULL, 0), "the file `stop` in the run directory");
    elbow_stop_clear(folder);
    assert_int_not_equal(access(file, F_OK), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* Two steps, two checkpoints, and the evaluation only where one is due. */
static void what_is_needed_is_what_was_measured(void **state) {
    (void)state;
    elbow_pace pace = {.evaluated = true};
    elbow_pace_stepped(&pace, NULL, 3600); /* suspended, say: forgotten in time */
    for (int i = 0; i < 1000; i++) elbow_pace_stepped(&pace, NULL, 0.5);
    elbow_pace_stepped(&pace, NULL, 2);
    elbow_pace_evaluated(&pace, 10);
    elbow_pace_evaluated(&pace, 20);
    elbow_pace_saved(&pace, 3);
    assert_true(elbow_pace_needed(&pace, false) == 2 * (2 + 3));
    assert_true(elbow_pace_needed(&pace, true) == 2 * (2 + 3) + 20);
    elbow_pace_stepped(&pace, NULL, 1); /* not at once */
    assert_true(elbow_pace_needed(&pace, false) > 2 * (1.9 + 3));
    pace = (elbow_pace){.evaluation = 1e6}; /* an estimate gives way to what is measured */
    elbow_pace_evaluated(&pace, 20);
    assert_true(elbow_pace_needed(&pace, true) == 20);
}

/* Half a minute, doubling to ten; what every_steps tries in between changes nothing; success forgets it all. */
static void failures_are_retried(void **state) {
    static const double waits[] = {30, 60, 120, 240, 480, 600, 600};
    (void)state;
    elbow_pace pace = {0};
    double now = 1000;
    assert_false(elbow_pace_save_due(&pace, 1e9));
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        assert_true(elbow_pace_failed(&pace, now));
        assert_true(pace.wait == waits[i]);
        assert_false(elbow_pace_save_due(&pace, now + waits[i] - 1));
        assert_false(elbow_pace_failed(&pace, now + 1));
        assert_true(pace.retry == now + waits[i]);
        now += waits[i];
        assert_true(elbow_pace_save_due(&pace, now));
    }
    elbow_pace_saved(&pace, 3);
    assert_false(elbow_pace_save_due(&pace, 1e9));
    assert_true(elbow_pace_failed(&pace, now));
    assert_true(pace.wait == 30 && pace.failures == 1);
}

static elbow_status interval_of(const char *set, double *seconds, bool *automatic) {
    elbow_options *options = NULL;
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    assert_int_equal(elbow_options_set(options, set), ELBOW_OK);
    elbow_status status = elbow_pace_interval(options, seconds, automatic);
    elbow_options_destroy(&options);
    return status;
}

static elbow_status check_of(const char *set) {
    elbow_options *options = NULL;
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    assert_int_equal(elbow_options_set(options, set), ELBOW_OK);
    elbow_status status = elbow_pace_check(options);
    elbow_options_destroy(&options);
    return status;
}

static void what_no_clock_can_mean(void **state) {
    static const char *const good[] = {"parallel.timeout=0", "parallel.timeout=1", "checkpoint.margin=1d",
                                       "checkpoint.mtbf=1h"},
                             *const bad[] = {"parallel.timeout=0.9", "checkpoint.margin=100d",
                                             "checkpoint.mtbf=0", "checkpoint.every_minutes=often"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(check_of(good[i]), ELBOW_OK);
        assert_int_equal(check_of(bad[i]), ELBOW_USAGE);
        assert_non_null(strstr(elbow_error_message(), bad[i])); /* it is blamed */
    }
}

static void an_interval_is_minutes_or_auto(void **state) {
    static const char *const bad[] = {"often", "Auto", "-1", "1e7", "nan", "inf", "10m", "10 20", ""};
    double seconds;
    bool automatic;
    (void)state;
    assert_int_equal(interval_of("run.seed=1", &seconds, &automatic), ELBOW_OK);
    assert_true(seconds == 600 && !automatic);
    assert_int_equal(interval_of("checkpoint.every_minutes=2.5e-1", &seconds, &automatic), ELBOW_OK);
    assert_true(seconds == 15 && !automatic);
    assert_int_equal(interval_of("checkpoint.every_minutes=0", &seconds, &automatic), ELBOW_OK);
    assert_true(seconds == 0 && !automatic);
    assert_int_equal(interval_of("checkpoint.every_minutes=auto", &seconds, &automatic), ELBOW_OK);
    assert_true(seconds == 0 && automatic);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char set[64];
        snprintf(set, sizeof set, "checkpoint.every_minutes=%s", bad[i]);
        assert_int_equal(interval_of(set, &seconds, &automatic), ELBOW_USAGE);
        assert_non_null(strstr(elbow_error_message(), "neither auto nor minutes"));
    }
}

/* The total of what checkpoints cost and failures lose, of an interval: C/τ + τ/(2M) of the time. */
static double lost(double interval, double cost, double mtbf) {
    return cost / interval + interval / (2 * mtbf);
}

static void the_interval_loses_the_least(void **state) {
    (void)state;
    for (double cost = 0.1; cost < 50; cost *= 3) {
        double mtbf = 12 * 3600, best = elbow_pace_optimum(cost, mtbf, 0);
        assert_true(best > 60 && best < 3600);
        assert_true(lost(best, cost, mtbf) < lost(0.95 * best, cost, mtbf));
        assert_true(lost(best, cost, mtbf) < lost(1.05 * best, cost, mtbf));
    }
    assert_true(elbow_pace_optimum(1e-6, 3600, 0) == 60);
    assert_true(elbow_pace_optimum(0, 3600, 0) == 60);
    assert_true(elbow_pace_optimum(1e3, 1e9, 0) == 3600);
    assert_true(elbow_pace_optimum(0.01, 3600, 200) == 400); /* a slow disk */
}

/* What is measured moves it; the first, waited for whole, is soon forgotten. */
static void the_interval_follows_the_cost(void **state) {
    (void)state;
    elbow_pace pace = {.automatic = true, .mtbf = 86400, .interval = 60};
    elbow_pace_stalled(&pace, 8);
    elbow_pace_saved(&pace, 8);
    assert_true(fabs(pace.interval - sqrt(2 * 8 * 86400)) < 1e-6);
    for (int i = 0; i < 12; i++) {
        elbow_pace_stalled(&pace, 0.2);
        elbow_pace_stalled(&pace, 0.3);
        elbow_pace_saved(&pace, 8);
    }
    assert_true(fabs(pace.interval - sqrt(2 * 0.5 * 86400)) < 1);
    assert_true(elbow_pace_save_due(&pace, pace.saved + pace.interval));
    assert_false(elbow_pace_save_due(&pace, pace.saved + pace.interval - 1));
    pace = (elbow_pace){.interval = 600}; /* one that was given stays */
    elbow_pace_stalled(&pace, 8);
    elbow_pace_saved(&pace, 8);
    assert_true(pace.interval == 600);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(no_clock_never_asks, forget),
        cmocka_unit_test_teardown(a_limit_keeps_back_what_is_needed, forget),
        cmocka_unit_test_teardown(slurms_clock_is_absolute, forget),
        cmocka_unit_test_teardown(the_first_to_end_counts, forget),
        cmocka_unit_test_teardown(nonsense_is_said_and_ignored, forget),
        cmocka_unit_test(the_file_asks),
        cmocka_unit_test(what_is_needed_is_what_was_measured),
        cmocka_unit_test(failures_are_retried),
        cmocka_unit_test(what_no_clock_can_mean),
        cmocka_unit_test(an_interval_is_minutes_or_auto),
        cmocka_unit_test(the_interval_loses_the_least),
        cmocka_unit_test(the_interval_follows_the_cost),
    };
    unsetenv("SLURM_JOB_END_TIME");
    elbow_log_open(true, ELBOW_LOG_NOTICE);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
