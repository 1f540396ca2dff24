/* The files of a run directory: which is taken, which go, which stay. */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "base/file.h"
#include "checkpoints.h"

static char run[256];

static void make_run(const char *name) {
    char checkpoints[300];
    snprintf(run, sizeof run, "%s/%s", directory, name);
    snprintf(checkpoints, sizeof checkpoints, "%s/checkpoints", run);
    assert_int_equal(elbow_directory_make(checkpoints, true), ELBOW_OK);
}

static void save_step(int64_t step) {
    elbow_checkpoint *c = make(false);
    char *file = NULL;
    c->step = step;
    assert_int_equal(elbow_checkpoint_path(run, step, &file), ELBOW_OK);
    assert_int_equal(elbow_checkpoint_write(c, file), ELBOW_OK);
    free(file);
    elbow_checkpoint_destroy(&c);
}

/* One whose moments are not finite. */
static void save_unhealthy(int64_t step) {
    elbow_checkpoint *c = make(false);
    char *file = NULL;
    c->step = step;
    c->slot_values[0][0] = (real)NAN;
    assert_int_equal(elbow_checkpoint_path(run, step, &file), ELBOW_OK);
    assert_int_equal(elbow_checkpoint_write(c, file), ELBOW_OK);
    free(file);
    elbow_checkpoint_destroy(&c);
}

static void touch(const char *name, double age_seconds) {
    char file[512];
    snprintf(file, sizeof file, "%s/%s", run, name);
    FILE *f = fopen(file, "wb");
    assert_non_null(f);
    fputs("left", f);
    fclose(f);
    time_t then = time(NULL) - (time_t)age_seconds;
    struct utimbuf times = {then, then};
    assert_int_equal(utime(file, &times), 0);
}

static bool is_there(const char *name) {
    char file[512];
    snprintf(file, sizeof file, "%s/%s", run, name);
    return access(file, F_OK) == 0;
}

static void resolves_to(const char *what, const char *suffix) {
    char *file = NULL;
    if (elbow_checkpoint_resolve(what, &file) != ELBOW_OK) fail_msg("%s", elbow_error_message());
    size_t length = strlen(file), tail = strlen(suffix);
    assert_true(length >= tail);
    assert_string_equal(file + length - tail, suffix);
    assert_int_equal(access(file, R_OK), 0);
    free(file);
}

static void takes_the_newest_good_one(void **state) {
    (void)state;
    char name[600], *file = NULL;
    make_run("newest");
    assert_int_equal(elbow_checkpoint_resolve(run, &file), ELBOW_ABSENT);
    assert_non_null(strstr(elbow_error_message(), "no checkpoint"));
    save_step(9);
    save_step(10);
    save_step(1234567890123); /* longer than the padding: numbers, not names, are compared */
    touch("checkpoints/step-99.h5", 0);
    touch("checkpoints/step-000000099.h5.bak", 0);
    touch("checkpoints/step-.h5", 0);
    resolves_to(run, "/checkpoints/step-1234567890123.h5");
    snprintf(name, sizeof name, "%s///", run);
    resolves_to(name, "checkpoints/step-1234567890123.h5");
    snprintf(name, sizeof name, "%s/checkpoints/", run);
    resolves_to(name, "checkpoints/step-1234567890123.h5");
    snprintf(name, sizeof name, "%s/link", directory);
    assert_int_equal(symlink(run, name), 0);
    resolves_to(name, "checkpoints/step-1234567890123.h5");
    snprintf(name, sizeof name, "%s/checkpoints/step-000000009.h5", run);
    resolves_to(name, "checkpoints/step-000000009.h5");

    touch("checkpoints/step-1234567890123.h5", 0); /* damaged */
    resolves_to(run, "checkpoints/step-000000010.h5");
    touch("checkpoints/step-000000010.h5", 0);
    resolves_to(run, "checkpoints/step-000000009.h5");
    touch("checkpoints/step-000000009.h5", 0);
    assert_int_equal(elbow_checkpoint_resolve(run, &file), ELBOW_FORMAT);
    assert_non_null(strstr(elbow_error_message(), "none of 3"));
    assert_null(file);
    assert_int_equal(elbow_checkpoint_resolve("/nonexistent/run", &file), ELBOW_ABSENT);
}

static void prunes_only_what_is_its_own(void **state) {
    (void)state;
    char name[128];
    make_run("prune");
    pid_t dead = fork();
    if (dead == 0) _exit(0);
    assert_int_equal(waitpid(dead, NULL, 0), dead);
    for (int64_t step = 1; step <= 5; step++) save_step(step * 100);
    const char *kept[] = {"checkpoints/best.h5",
                          "checkpoints/step-1.h5",
                          "checkpoints/step-000000001.h5.bak",
                          "checkpoints/mine.tmp-1",
                          "config.ini",
                          ".hidden",
                          ".tmp-1",
                          ".a.tmp-",
                          ".a.tmp-1x"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) touch(kept[i], 1e7);
    snprintf(name, sizeof name, "checkpoints/.step-000000600.h5.tmp-%ld", (long)getpid());
    touch(name, 60);                                      /* being written by this very process */
    touch("checkpoints/.step-000000601.h5.tmp-1", 60);    /* by another that lives */
    touch("checkpoints/.step-000000602.h5.tmp-1", 90000); /* the number is in use, but not for a day */
    char left[2][128];
    snprintf(left[0], sizeof left[0], "checkpoints/.step-000000300.h5.tmp-%ld", (long)dead);
    snprintf(left[1], sizeof left[1], ".metrics.h5.tmp-%ld", (long)dead);
    touch(left[0], 0);
    touch(left[1], 0);

    assert_int_equal(elbow_checkpoint_prune(run, INT64_MAX, 0, NULL, 0), ELBOW_USAGE);
    assert_int_equal(elbow_checkpoint_prune(run, INT64_MAX, 2, NULL, 0), ELBOW_OK);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) assert_true(is_there(kept[i]));
    assert_true(is_there(name));
    assert_true(is_there("checkpoints/.step-000000601.h5.tmp-1"));
    assert_false(is_there("checkpoints/.step-000000602.h5.tmp-1"));
    assert_false(is_there(left[0]));
    assert_false(is_there(left[1]));
    assert_true(is_there("checkpoints/step-000000500.h5"));
    assert_true(is_there("checkpoints/step-000000400.h5"));
    assert_false(is_there("checkpoints/step-000000300.h5"));
    assert_false(is_there("checkpoints/step-000000100.h5"));
    assert_int_equal(elbow_checkpoint_prune(run, INT64_MAX, 100, NULL, 0), ELBOW_OK);
    assert_true(is_there("checkpoints/step-000000400.h5"));
    /* Later than the one just written: a past that was damaged. It stays, and does not count. */
    assert_int_equal(elbow_checkpoint_prune(run, 400, 1, NULL, 0), ELBOW_OK);
    assert_true(is_there("checkpoints/step-000000400.h5"));
    assert_true(is_there("checkpoints/step-000000500.h5"));
    assert_int_equal(elbow_checkpoint_prune("/nonexistent/run", INT64_MAX, 2, NULL, 0), ELBOW_OK);
}

/* Everything that may lie under the newest names: cut short, a bit changed, empty, a directory, a link to nowhere. */
static void passes_over_damage(void **state) {
    (void)state;
    char name[600], *bytes = NULL;
    size_t count = 0;
    make_run("damage");
    for (int64_t step = 1; step <= 6; step++) save_step(step);
    snprintf(name, sizeof name, "%s/checkpoints/step-000000006.h5", run);
    assert_int_equal(truncate(name, 5000), 0);
    resolves_to(run, "step-000000005.h5");
    snprintf(name, sizeof name, "%s/checkpoints/step-000000005.h5", run);
    assert_int_equal(elbow_file_read(name, SIZE_MAX, &bytes, &count), ELBOW_OK);
    bytes[count / 2] ^= 1;
    assert_int_equal(elbow_file_replace(name, bytes, count), ELBOW_OK);
    free(bytes);
    resolves_to(run, "step-000000004.h5");
    snprintf(name, sizeof name, "%s/checkpoints/step-000000004.h5", run);
    assert_int_equal(truncate(name, 0), 0);
    resolves_to(run, "step-000000003.h5");
    snprintf(name, sizeof name, "%s/checkpoints/step-000000003.h5", run);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(mkdir(name, 0777), 0);
    resolves_to(run, "step-000000002.h5");
    snprintf(name, sizeof name, "%s/checkpoints/step-000000002.h5", run);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(symlink("nowhere", name), 0);
    resolves_to(run, "step-000000001.h5");
}

static void passes_over_what_is_not_healthy(void **state) {
    (void)state;
    make_run("unhealthy");
    save_unhealthy(3);
    resolves_to(run, "step-000000003.h5"); /* better than nothing */
    save_step(1);
    save_step(2);
    resolves_to(run, "step-000000002.h5");
    save_unhealthy(4);
    resolves_to(run, "step-000000002.h5");
}

static void there_are(const char *steps) {
    char found[64] = "";
    for (int64_t step = 1; step <= 12; step++) {
        char name[64];
        snprintf(name, sizeof name, "checkpoints/step-%09lld.h5", (long long)step);
        if (is_there(name)) snprintf(found + strlen(found), sizeof found - strlen(found), " %d", (int)step);
    }
    assert_string_equal(found, steps);
}

/* `keep` counts the healthy ones; the last of them stays whatever comes after it. */
static void prunes_by_health(void **state) {
    (void)state;
    make_run("health");
    for (int64_t step = 1; step <= 4; step++) save_step(step);
    save_unhealthy(5);
    save_unhealthy(6);
    save_unhealthy(7);
    assert_int_equal(elbow_checkpoint_prune(run, 7, 1, NULL, 0), ELBOW_OK);
    there_are(" 4 7");
    for (int64_t step = 8; step <= 10; step++) {
        save_unhealthy(step);
        assert_int_equal(elbow_checkpoint_prune(run, step, 1, NULL, 0), ELBOW_OK);
    }
    there_are(" 4 10");
    save_step(11);
    assert_int_equal(elbow_checkpoint_prune(run, 11, 2, NULL, 0), ELBOW_OK);
    there_are(" 4 11");
    save_step(12);
    assert_int_equal(elbow_checkpoint_prune(run, 12, 2, NULL, 0), ELBOW_OK);
    there_are(" 11 12");
    touch("checkpoints/step-000000012.h5", 0); /* damaged: it counts for nothing */
    save_step(10);
    assert_int_equal(elbow_checkpoint_prune(run, 12, 2, NULL, 0), ELBOW_OK);
    there_are(" 10 11 12");
}

/* What a rollback may want stays beside the others, whatever its number. */
static void keeps_what_is_spared(void **state) {
    (void)state;
    const int64_t spared[] = {-1, 4};
    make_run("spared");
    for (int64_t step = 1; step <= 11; step++) save_step(step);
    assert_int_equal(elbow_checkpoint_prune(run, 11, 2, spared, 2), ELBOW_OK);
    there_are(" 4 10 11");
    save_step(12);
    assert_int_equal(elbow_checkpoint_prune(run, 12, 2, NULL, 0), ELBOW_OK);
    there_are(" 11 12");
}

static void cleans_without_pruning(void **state) {
    (void)state;
    char left[128];
    make_run("clean");
    pid_t dead = fork();
    if (dead == 0) _exit(0);
    assert_int_equal(waitpid(dead, NULL, 0), dead);
    for (int64_t step = 1; step <= 5; step++) save_step(step);
    snprintf(left, sizeof left, "checkpoints/.step-000000006.h5.tmp-%ld", (long)dead);
    touch(left, 0);
    assert_int_equal(elbow_checkpoint_clean(run), ELBOW_OK);
    assert_false(is_there(left));
    there_are(" 1 2 3 4 5");
    assert_int_equal(elbow_checkpoint_clean("/nonexistent/run"), ELBOW_OK);
}

/* The largest file, as if there were no more room; RLIM_INFINITY lifts it. */
static void limit_files_to(rlim_t bytes) {
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static size_t files_below(const char *name) {
    char folder[600];
    snprintf(folder, sizeof folder, "%s/%s", run, name);
    size_t count = 0;
    DIR *list = opendir(folder);
    assert_non_null(list);
    while (readdir(list)) count++;
    closedir(list);
    return count;
}

static void probes_leave_nothing(void **state) {
    (void)state;
    size_t room = 0;
    make_run("probe");
    assert_int_equal(elbow_checkpoint_probe(run, 1000000, false, &room), ELBOW_OK);
    assert_true(room >= 1 && room <= 1000000);
    assert_int_equal(elbow_checkpoint_probe(run, (size_t)1 << 55, false, &room), ELBOW_IO);
    assert_non_null(strstr(elbow_error_message(), "probe/checkpoints: "));
    assert_int_equal(elbow_checkpoint_probe(run, 1000, true, &room), ELBOW_IO);
    assert_non_null(strstr(elbow_error_message(), "its directory does not exist"));
    limit_files_to(100000);
    assert_int_equal(elbow_checkpoint_probe(run, 50000, false, &room), ELBOW_OK);
    assert_int_equal(elbow_checkpoint_probe(run, 500000, false, &room), ELBOW_IO);
    assert_non_null(
        strstr(elbow_error_message(), "larger than a file may be here (0.5 MB were to be written)"));
    limit_files_to(1000);
    assert_int_equal(elbow_checkpoint_probe(run, 0, false, &room), ELBOW_IO);
    limit_files_to(RLIM_INFINITY);
    assert_int_equal(files_below("checkpoints"), 2);
    assert_int_equal(files_below(""), 3);
    char name[600];
    snprintf(name, sizeof name, "%s/checkpoints", run);
    assert_int_equal(chmod(name, 0555), 0);
    if (geteuid() != 0) { /* root may write anywhere */
        assert_int_equal(elbow_checkpoint_probe(run, 1000, false, &room), ELBOW_IO);
        assert_non_null(strstr(elbow_error_message(), "cannot be written"));
    }
    assert_int_equal(chmod(name, 0755), 0);
}

static void best_outlives_its_step(void **state) {
    (void)state;
    char *file = NULL, best[600];
    make_run("best");
    snprintf(best, sizeof best, "%s/checkpoints/best.h5", run);
    for (int64_t step = 1; step <= 3; step++) save_step(step);
    for (int again = 0; again < 2; again++) /* the second time it is the same file already */
        for (int64_t step = 1; step <= 2; step++) {
            assert_int_equal(elbow_checkpoint_path(run, step, &file), ELBOW_OK);
            assert_int_equal(elbow_checkpoint_mark_best(run, file), ELBOW_OK);
            assert_int_equal(elbow_checkpoint_mark_best(run, file), ELBOW_OK);
            struct stat of_best, of_file;
            assert_int_equal(stat(best, &of_best), 0);
            assert_int_equal(stat(file, &of_file), 0);
            assert_int_equal(of_best.st_ino, of_file.st_ino);
            free(file);
        }
    assert_int_equal(elbow_checkpoint_prune(run, INT64_MAX, 1, NULL, 0), ELBOW_OK);
    elbow_checkpoint *c = NULL;
    assert_int_equal(elbow_checkpoint_read(&c, best), ELBOW_OK);
    assert_int_equal(c->step, 2);
    elbow_checkpoint_destroy(&c);
    assert_int_equal(elbow_checkpoint_mark_best(run, "/nonexistent/step-000000001.h5"), ELBOW_IO);

    snprintf(best, sizeof best, "%s/checkpoints", run);
    DIR *list = opendir(best);
    assert_non_null(list);
    for (struct dirent *entry; (entry = readdir(list));) assert_null(strstr(entry->d_name, ".tmp-"));
    closedir(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_newest_good_one), cmocka_unit_test(prunes_only_what_is_its_own),
        cmocka_unit_test(passes_over_damage),        cmocka_unit_test(passes_over_what_is_not_healthy),
        cmocka_unit_test(prunes_by_health),          cmocka_unit_test(keeps_what_is_spared),
        cmocka_unit_test(cleans_without_pruning),    cmocka_unit_test(best_outlives_its_step),
        cmocka_unit_test(probes_leave_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
