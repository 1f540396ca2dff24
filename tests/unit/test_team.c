/* The team of threads: every element once, whatever the count, the grain and the threads; asleep when idle. */
#include "base/team.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/cores.h"

enum { MOST = 1000 };

typedef struct tally {
    unsigned char seen[MOST];
    size_t grain, count;
    _Atomic int parts, bad;
} tally;

static void note(void *context, size_t begin, size_t end) {
    tally *t = context;
    t->parts++;
    /* Only the range's end may be no multiple of the grain. */
    if (begin >= end || end > t->count || begin % t->grain || (end % t->grain && end != t->count)) t->bad++;
    for (size_t i = begin; i < end && i < MOST; i++) t->seen[i]++;
}

static void check_run(elbow_team *team, size_t count, size_t grain) {
    tally t = {.grain = grain, .count = count};
    elbow_team_run(team, count, grain, note, &t);
    size_t most = (count + grain - 1) / grain, threads = (size_t)elbow_team_threads(team);
    assert_int_equal(t.bad, 0);
    assert_int_equal(t.parts, most < threads ? most : threads);
    for (size_t i = 0; i < MOST; i++) assert_int_equal(t.seen[i], i < count);
}

static void every_element_once(void **state) {
    (void)state;
    static const size_t counts[] = {0, 1, 2, 3, 7, 64, 65, 999, 1000}, grains[] = {1, 2, 7, 64, 2000};
    for (int threads = 1; threads <= 5; threads++) {
        elbow_team *team = NULL;
        assert_int_equal(elbow_team_create(&team, threads), ELBOW_OK);
        assert_int_equal(elbow_team_threads(team), threads);
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
            for (size_t g = 0; g < sizeof grains / sizeof *grains; g++) check_run(team, counts[c], grains[g]);
        elbow_team_destroy(&team);
        assert_null(team);
    }
    assert_int_equal(elbow_team_threads(NULL), 1);
    check_run(NULL, 10, 3);
    elbow_team *team = NULL;
    elbow_team_destroy(&team);
}

typedef struct sums {
    uint64_t values[64]; /* what the last run left */
    uint64_t add;
} sums;

static void add_up(void *context, size_t begin, size_t end) {
    sums *s = context;
    for (size_t i = begin; i < end; i++) s->values[i] += s->add;
}

static void pause_for(long nanoseconds) { nanosleep(&(struct timespec){.tv_nsec = nanoseconds}, NULL); }

/* Runs one after another see each other's writes, whether helpers were watching or asleep in between. */
static void runs_follow_each_other(void **state) {
    (void)state;
    for (int threads = 2; threads <= 5; threads += 3) {
        elbow_team *team = NULL;
        sums s = {.add = 0};
        uint64_t expected = 0;
        assert_int_equal(elbow_team_create(&team, threads), ELBOW_OK);
        for (uint64_t run = 0; run < 2000; run++) {
            s.add = run;
            expected += run;
            elbow_team_run(team, 64, 1 + run % 40, add_up, &s);
            if (run % 50 == 0) pause_for(run % 100 == 0 ? 20000 : 200000);
            for (size_t i = 0; i < 64; i++)
                if (s.values[i] != expected) fail_msg("run %d of %d threads", (int)run, threads);
        }
        elbow_team_destroy(&team);
    }
}

static void sleep_a_while(void *context, size_t begin, size_t end) {
    (void)context, (void)end;
    if (begin > 0) pause_for(2000000);
}

static double processor_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Neither helpers without work nor a caller that waits for a slow helper take a core. */
static void idle_threads_sleep(void **state) {
    (void)state;
    elbow_team *team = NULL;
    assert_int_equal(elbow_team_create(&team, 4), ELBOW_OK);
    double before = processor_seconds();
    for (int i = 0; i < 20; i++) elbow_team_run(team, 4, 1, sleep_a_while, NULL);
    pause_for(100000000);
    double used = processor_seconds() - before;
    if (used > 0.04) fail_msg("%.0f ms of processor time in 140 ms of nothing to do", 1e3 * used);
    elbow_team_destroy(&team);
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* A limit of the group, of the group above it, of both, of none. */
static void quotas(void **state) {
    (void)state;
    assert_true(elbow_cores_quota("no/such/root") == 0);
    assert_true(elbow_cores_quota(NULL) >= 0);
    char root[] = "elbow_cores_XXXXXX", command[512], path[256];
    assert_non_null(mkdtemp(root));
    snprintf(command, sizeof command, "mkdir -p %s/proc/self %s/sys/fs/cgroup/job.slice/step", root, root);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    write_text(path, "1:name=systemd:/elsewhere\n0::/job.slice/step\n");
    assert_true(elbow_cores_quota(root) == 0);
    snprintf(path, sizeof path, "%s/sys/fs/cgroup/job.slice/step/cpu.max", root);
    write_text(path, "max 100000\n");
    assert_true(elbow_cores_quota(root) == 0);
    write_text(path, "350000 100000\n");
    assert_true(elbow_cores_quota(root) == 3.5);
    snprintf(path, sizeof path, "%s/sys/fs/cgroup/job.slice/cpu.max", root);
    write_text(path, "100000 50000\n");
    assert_true(elbow_cores_quota(root) == 2);
    snprintf(path, sizeof path, "%s/sys/fs/cgroup/job.slice/step/cpu.max", root);
    write_text(path, "nonsense");
    assert_true(elbow_cores_quota(root) == 2);
    snprintf(command, sizeof command, "rm -r %s", root);
    assert_int_equal(system(command), 0);
}

/* Cores 0 and 2 are one, as are 1 and 3; of 4 nothing is known. */
static void siblings(void **state) {
    (void)state;
    char root[] = "elbow_cores_XXXXXX", command[512], path[256];
    uint64_t mask[ELBOW_CORE_WORDS] = {0x1d}, whole[ELBOW_CORE_WORDS];
    assert_non_null(mkdtemp(root));
    for (int core = 0; core < 4; core++) {
        snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%d/topology", root, core);
        snprintf(command, sizeof command, "mkdir -p %s", path);
        assert_int_equal(system(command), 0);
        strcat(path, "/thread_siblings_list");
        write_text(path, core % 2 == 0 ? "0,2\n" : "1,3\n");
    }
    elbow_cores_whole(mask, whole, root); /* 0, 2, 3, 4 */
    assert_int_equal(whole[0], 0x13);
    elbow_cores_whole(mask, whole, "no/such/root");
    assert_int_equal(whole[0], 0x1d);
    snprintf(command, sizeof command, "rm -r %s", root);
    assert_int_equal(system(command), 0);
}

static void masks(void **state) {
    (void)state;
    uint64_t mask[ELBOW_CORE_WORDS];
    int cores = 0;
    elbow_cores_mask(mask);
    for (int i = 0; i < ELBOW_CORE_WORDS; i++)
        for (uint64_t m = mask[i]; m != 0; m &= m - 1) cores++;
    assert_int_equal(cores, elbow_cores_bound());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_element_once), cmocka_unit_test(runs_follow_each_other),
        cmocka_unit_test(idle_threads_sleep), cmocka_unit_test(quotas),
        cmocka_unit_test(siblings),           cmocka_unit_test(masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
