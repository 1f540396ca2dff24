/* What the doctor asks the system: places, sizes, the job's end. */
#include "train/doctor_system.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

static int enter_directory(void **state) {
    (void)state;
    strcpy(root, "elbow_doctor_XXXXXX");
    return mkdtemp(root) == NULL || chdir(root) != 0 || mkdir("runs", 0777) != 0;
}

static int leave_directory(void **state) {
    (void)state;
    unlink("file");
    return rmdir("runs") != 0 || chdir("..") != 0 || rmdir(root) != 0;
}

static void places(void **state) {
    (void)state;
    const struct {
        const char *path, *place;
    } cases[] = {{"a", "."},
                 {"a/b/c", "."},
                 {"./a", "."},
                 {"runs", "."},
                 {"runs/", "."},
                 {"runs/a", "runs"},
                 {"runs/a/b//", "runs"},
                 {"runs//a", "runs"},
                 {"/elbow-nowhere/a", "/"},
                 {"/tmp/", "/"}};
    elbow_place place;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(elbow_place_find(&place, cases[i].path), ELBOW_OK);
        if (strcmp(place.path, cases[i].place) != 0)
            fail_msg("%s is in %s, not %s", cases[i].path, cases[i].place, place.path);
        assert_true(place.free > 0 && place.system[0] != 0);
    }
    char text[5000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    assert_int_equal(elbow_place_find(&place, text), ELBOW_USAGE);
    assert_int_equal(elbow_place_find(&place, ""), ELBOW_USAGE);
    fclose(fopen("file", "w"));
    assert_int_equal(elbow_place_find(&place, "file/a"), ELBOW_IO);
}

static void trials(void **state) {
    (void)state;
    double seconds = -1;
    assert_int_equal(elbow_place_try("runs", 100000, &seconds), ELBOW_OK);
    assert_true(seconds >= 0);
    assert_int_equal(elbow_place_try("nowhere", 1000, &seconds), ELBOW_IO);
    assert_true(elbow_file_bytes("runs/trial") == 0); /* it is gone again */
}

static void jobs(void **state) {
    (void)state;
    char text[32];
    bool slurm = true;
    unsetenv("SLURM_JOB_ID");
    unsetenv("SLURM_JOB_END_TIME");
    assert_true(isnan(elbow_job_seconds_left(&slurm)));
    assert_false(slurm);
    setenv("SLURM_JOB_ID", "7", 1);
    assert_true(isnan(elbow_job_seconds_left(&slurm)));
    assert_true(slurm);
    snprintf(text, sizeof text, "%lld", (long long)time(NULL) + 600);
    setenv("SLURM_JOB_END_TIME", text, 1);
    double left = elbow_job_seconds_left(&slurm);
    assert_true(left > 500 && left <= 600);
}

static void bytes(void **state) {
    (void)state;
    const struct {
        double bytes;
        const char *text;
    } cases[] = {{0, "0 B"},       {999, "999 B"},       {1000, "1 kB"}, {1351234, "1.351 MB"},
                 {999960, "1 MB"}, {25.28e9, "25.28 GB"}};
    char text[32];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(elbow_format_bytes(text, cases[i].bytes), cases[i].text);
}

static void memory(void **state) {
    (void)state;
    size_t size = 64 << 20;
    double before = elbow_held_now().share;
    char *block = malloc(size);
    assert_non_null(block);
    memset(block, 1, size);
    elbow_held held = elbow_held_now();
    if (held.share > 0) assert_true(held.share > before + 0.9 * (double)size);
    if (held.most > 0) assert_true(held.most > 0.9 * (double)size);
    assert_true(block[size - 1] == 1);
    free(block);
    assert_true(elbow_memory_available() > 0 && elbow_shared_memory_free() >= 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(places), cmocka_unit_test(trials),
                                       cmocka_unit_test(jobs), cmocka_unit_test(bytes),
                                       cmocka_unit_test(memory)};
    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
