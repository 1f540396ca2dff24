/* What ranks of a run that stands tell each other, what follows from it, and who is a straggler. The watchdog itself:
 * tests/fault/hang.sh and death.sh. */
#include "files.h"
#include "train/hang.h"
#include "train/pulse.h"
#include "train/stragglers.h"

enum { MOST = 12 };

static elbow_hang_rank ranks[MOST];
static elbow_hang_report reports[MOST];

static const elbow_hang_report in_exchange = {
    .state = ELBOW_HANG_WAITS, .phase = ELBOW_PHASE_EXCHANGE, .step = 1200, .seconds = 600, .alarmed = true};
static const elbow_hang_report in_estimator = {.state = ELBOW_HANG_STUCK,
                                               .phase = ELBOW_PHASE_ESTIMATOR,
                                               .step = 1200,
                                               .seconds = 600.25,
                                               .thread = 'S',
                                               .alarmed = true};

/* All wait in the exchange of step 1200; two ranks a node. */
static void set_ranks(void) {
    for (int r = 0; r < MOST; r++) {
        snprintf(ranks[r].host, sizeof ranks[r].host, "n%d", r / 2);
        ranks[r].process = 100 + r;
        ranks[r].apart = false;
        reports[r] = in_exchange;
    }
}

static void expect(elbow_hang_verdict verdict, size_t count, const char *wanted) {
    char message[ELBOW_HANG_MESSAGE];
    assert_int_equal(elbow_hang_judge(message, ranks, reports, count, 600, "runs/a"), verdict);
    if (strstr(message, wanted) == NULL) fail_msg("\"%s\" is not in \"%s\"", wanted, message);
    if (wanted[0] == 0) assert_string_equal(message, "");
}

static void stuck_rank_is_named(void **state) {
    (void)state;
    set_ranks();
    reports[3] = in_estimator;
    expect(
        ELBOW_HANG_IS_OVER, 5,
        "rank 3 on n1 (process 103) has been in the estimator of step 1200 for 600 s, asleep; ranks 0-2, 4 "
        "wait "
        "for it in the exchange of step 1200; parallel.timeout is 600 s. Look at that node, then go on with: "
        "elbow train --resume runs/a");
    reports[0].state = ELBOW_HANG_MOVES; /* it will wait soon */
    expect(ELBOW_HANG_IS_OVER, 5, "ranks 1-2, 4 wait for it");
    reports[2] =
        (elbow_hang_report){.state = ELBOW_HANG_SILENT}; /* may be held up; the stuck one is certain */
    expect(ELBOW_HANG_IS_OVER, 5, "rank 3 on n1");
    expect(ELBOW_HANG_IS_OVER, 5, "ranks 1, 4 wait for it in");
    reports[4].phase = ELBOW_PULSE_CHECKPOINT;
    expect(ELBOW_HANG_IS_OVER, 5, "ranks 1, 4 wait for it; parallel");
}

static void several_are_named(void **state) {
    (void)state;
    set_ranks();
    for (int r = 1; r < 8; r++) reports[r] = in_estimator;
    expect(ELBOW_HANG_IS_OVER, 8, "rank 1 on n0");
    expect(ELBOW_HANG_IS_OVER, 8, "; rank 4 on n2");
    expect(ELBOW_HANG_IS_OVER, 8, "; and 3 more; rank 0 waits for them in");
}

static void silent_rank_is_named(void **state) {
    (void)state;
    set_ranks();
    reports[2] = (elbow_hang_report){.state = ELBOW_HANG_SILENT};
    expect(ELBOW_HANG_IS_OVER, 3,
           "rank 2 on n1 (process 102) does not answer: its process is stopped or gone, or its node is; "
           "ranks 0-1 "
           "wait for it in the exchange of step 1200");
    reports[2].thread = 'T';
    expect(ELBOW_HANG_IS_OVER, 3, "its process is stopped, by a signal or a debugger; ");
}

static void who_moves_keeps_others_waiting(void **state) {
    (void)state;
    set_ranks();
    reports[0].state = ELBOW_HANG_MOVES;
    expect(ELBOW_HANG_GOES_ON, 4, "");
    reports[2] = (elbow_hang_report){.state = ELBOW_HANG_SILENT}; /* the alarm may not have reached it yet */
    expect(ELBOW_HANG_GOES_ON, 4, "");
}

static void who_cannot_be_asked(void **state) {
    (void)state;
    set_ranks();
    reports[1].state = ELBOW_HANG_APART;
    expect(ELBOW_HANG_GOES_ON, 4, "rank 1 cannot be asked");
    reports[3] = in_estimator;
    expect(ELBOW_HANG_IS_OVER, 4, "rank 3 on n1");
}

static void all_wait(void **state) {
    (void)state;
    set_ranks();
    expect(ELBOW_HANG_IS_OVER, 4,
           "all ranks wait for each other, their messages do not arrive: rank 0 on n0 (process 100) has been "
           "in the "
           "exchange of step 1200 for 600 s, waiting for others; parallel.timeout is 600 s. Look at the "
           "network");
}

static void lists(void **state) {
    (void)state;
    char text[64], little[64];
    bool wanted[400] = {0};
    wanted[3] = true;
    elbow_hang_list(text, sizeof text, wanted, 9);
    assert_string_equal(text, "rank 3");
    wanted[0] = wanted[4] = wanted[8] = true;
    elbow_hang_list(text, sizeof text, wanted, 9);
    assert_string_equal(text, "ranks 0, 3-4, 8");
    for (int r = 0; r < 400; r += 2) wanted[r] = true, wanted[r + 1] = false;
    elbow_hang_list(little, sizeof little, wanted, 400);
    assert_true(strlen(little) < sizeof little - 1);
    assert_non_null(strstr(little, ", …"));
}

static bool exists(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", test_folder, name);
    return access(path, F_OK) == 0;
}

static void files(void **state) {
    (void)state;
    elbow_hang_report answer = {.state = ELBOW_HANG_MOVES, .phase = ELBOW_PULSE_PICTURES, .step = 7}, got[4];
    set_ranks();
    ranks[3].apart = true;
    assert_false(elbow_hang_asked(test_folder));
    assert_int_equal(elbow_hang_write(test_folder, 0, &in_estimator), ELBOW_OK);
    assert_true(elbow_hang_asked(test_folder));
    answer.thread = '?';
    assert_int_equal(elbow_hang_write(test_folder, 1, &answer), ELBOW_OK);
    elbow_hang_collect(test_folder, "n9", ranks, got, 4);
    assert_int_equal(got[0].state, ELBOW_HANG_STUCK);
    assert_int_equal(got[0].phase, ELBOW_PHASE_ESTIMATOR);
    assert_int_equal(got[0].step, 1200);
    assert_float_equal(got[0].seconds, 600.25, 1e-9);
    assert_int_equal(got[0].thread, 'S');
    assert_true(got[0].alarmed);
    assert_int_equal(got[1].state, ELBOW_HANG_MOVES);
    assert_false(got[1].alarmed);
    assert_int_equal(got[2].state, ELBOW_HANG_SILENT);
    assert_int_equal(got[3].state, ELBOW_HANG_APART);

    elbow_hang_withdraw(test_folder, 0);
    assert_false(elbow_hang_asked(test_folder));
    elbow_hang_forget(test_folder, 0);
    assert_true(exists("hang/rank-1"));
    elbow_hang_forget(test_folder, 1);
    assert_false(exists("hang")); /* with the last */
}

/* What is no answer is none; the verdict ends the run's state, and the next life removes it all. */
static void damaged_and_decided(void **state) {
    (void)state;
    static const char *const bad[] = {"", "9 2 3 4.0 S\n", "-1 2 3 4.0 S\n", "2 x\n", "0 0 0 0 S\n"};
    elbow_hang_report got[1];
    char path[512], line[256] = "";
    set_ranks();
    assert_int_equal(elbow_hang_write(test_folder, 0, &in_exchange), ELBOW_OK);
    snprintf(path, sizeof path, "%s/hang/rank-0", test_folder);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(bad[i], file);
        fclose(file);
        elbow_hang_collect(test_folder, "n9", ranks, got, 1);
        assert_int_equal(got[0].state, ELBOW_HANG_SILENT);
    }
    assert_false(elbow_hang_decided(test_folder));
    elbow_hang_decide(test_folder, "rank 3 hangs");
    assert_true(elbow_hang_decided(test_folder));
    snprintf(path, sizeof path, "%s/state", test_folder);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    line[fread(line, 1, sizeof line - 1, file)] = 0;
    fclose(file);
    assert_string_equal(line, "failed\nrank 3 hangs\n");
    elbow_hang_clear(test_folder);
    assert_false(exists("hang"));
    assert_string_equal(elbow_pulse_phase_name(-1), elbow_pulse_phase_name(1000)); /* of a damaged answer */
}

static void kernel_states(void **state) {
    (void)state;
    assert_int_equal(elbow_hang_kernel_state("/proc/self/stat"), 'R');
    assert_int_equal(elbow_hang_kernel_state("/proc/none/stat"), '?');
}

/* ---------------------------------------------------------------------------------------- stragglers */

static elbow_compute_time times[8];

/* 1 s of computing in 100 steps for each of `shards` shards, two ranks a node. */
static void set_times(size_t shards) {
    static const char *const hosts[] = {"n0", "n1", "n2", "n3"};
    for (size_t r = 0; r < 8; r++)
        times[r] = (elbow_compute_time){.host = hosts[r / 2], .shards = shards, .seconds = (double)shards};
}

/* Over that many times the steps, and the seconds: a life that is long enough to judge. */
enum { LIVES = 20 };

static void expect_line(size_t count, double elapsed, const char *wanted) {
    char text[1024] = "";
    elbow_compute_time life[8];
    for (size_t r = 0; r < 8; r++) {
        life[r] = times[r];
        life[r].seconds *= LIVES;
    }
    bool found = elbow_stragglers_find(text, sizeof text, life, count, LIVES * 100, LIVES * elapsed);
    assert_int_equal(found, wanted != NULL);
    if (wanted != NULL && strstr(text, wanted) == NULL) fail_msg("\"%s\" is not in \"%s\"", wanted, text);
}

static void stragglers(void **state) {
    (void)state;
    set_times(1);
    expect_line(8, 2, NULL);
    times[3].seconds = 1.05; /* less than a tenth */
    expect_line(8, 2, NULL);
    times[3].seconds = 1.5;
    expect_line(8, 2, "rank 3 on n1 computed 15 ms a shard and step, the others 10 ms, who waited 25 % ");
    expect_line(4, 2, "rank 3 on n1 ");
    expect_line(8, 20, NULL); /* who cares */
    times[2].seconds = 1.5;
    expect_line(8, 2, "node n1 (ranks 2-3) computed 15 ms");
    times[6].seconds = 1.5;
    expect_line(8, 2, "ranks 2-3, 6 computed");
    set_times(1);
    times[1].seconds = 2;
    expect_line(1, 2, NULL);
    expect_line(2, 4, "rank 1 on n0 computed 20 ms");
    set_times(2);
    times[5].seconds = 3;
    expect_line(8, 4, "rank 5 on n2 computed 15 ms a shard and step, the others 10 ms, who waited 25 % ");
}

/* What a few seconds show is chance, unless it sticks out. */
static void short_lives(void **state) {
    const struct {
        double slow, elapsed;
        bool found;
    } cases[] = {{1.5, 2, false}, {1.5, 29, false}, {2.5, 2.6, false},
                 {3.5, 4, true},  {2.9, 31, true},  {2.3, 31, false}};
    char text[1024];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set_times(1);
        times[3].seconds = cases[i].slow;
        assert_int_equal(elbow_stragglers_find(text, sizeof text, times, 8, 100, cases[i].elapsed),
                         cases[i].found);
    }
}

static void uneven_shards(void **state) {
    (void)state;
    set_times(1);
    times[0].shards = 2;
    times[0].seconds = 2;
    expect_line(4, 4,
                "3 of 4 ranks had fewer shards than the others, and waited 25 % of the steps' time: 5 shards "
                "divide evenly among 1 or 5 ranks");
    times[1] = times[0];
    expect_line(4, 4,
                "2 of 4 ranks had fewer shards than the others, and waited 25 % of the steps' time: 6 shards "
                "divide evenly among 3 or 6 ranks");
    times[3].seconds = 3; /* slow beside that */
    expect_line(4, 4, "rank 3 on n1 ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stuck_rank_is_named),
        cmocka_unit_test(several_are_named),
        cmocka_unit_test(silent_rank_is_named),
        cmocka_unit_test(who_moves_keeps_others_waiting),
        cmocka_unit_test(who_cannot_be_asked),
        cmocka_unit_test(all_wait),
        cmocka_unit_test(lists),
        cmocka_unit_test(files),
        cmocka_unit_test(damaged_and_decided),
        cmocka_unit_test(kernel_states),
        cmocka_unit_test(stragglers),
        cmocka_unit_test(short_lives),
        cmocka_unit_test(uneven_shards),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
