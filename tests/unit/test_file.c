/* Files that are either whole or not there. */
#include "files.h"

#include <errno.h>

#include "base/file.h"

static void assert_holds(const char *path, const char *text) {
    char *bytes = NULL;
    size_t count = 0;
    OK(elbow_file_read(path, 1 << 20, &bytes, &count));
    assert_int_equal(count, strlen(text));
    assert_string_equal(bytes, text);
    free(bytes);
}

static void test_replace(void **state) {
    (void)state;
    const char *path = in_folder("a file with spaces and ümläuts.h5");
    OK(elbow_file_replace(path, "one", 3));
    assert_holds(path, "one");
    OK(elbow_file_replace(path, "", 0));
    assert_holds(path, "");
    OK(elbow_file_replace(path, "three", 5));
    assert_holds(path, "three");
    assert_int_equal(count_files(test_folder), 1);
}

static void test_name_without_directory(void **state) {
    (void)state;
    char before[1024];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(test_folder), 0);
    OK(elbow_file_replace("plain", "x", 1));
    assert_int_equal(chdir(before), 0);
    assert_holds(in_folder("plain"), "x");
}

static void test_temporary_name(void **state) {
    (void)state;
    char temporary[64], expected[64];
    OK(elbow_file_temporary("runs/a/metrics.h5", temporary, sizeof temporary));
    snprintf(expected, sizeof expected, "runs/a/.metrics.h5.tmp-%ld", (long)getpid());
    assert_string_equal(temporary, expected);
    OK(elbow_file_temporary("m.h5", temporary, sizeof temporary));
    assert_memory_equal(temporary, ".m.h5.tmp-", 10);
    FAILS(elbow_file_temporary("runs/a/", temporary, sizeof temporary), ELBOW_IO, "directory");
    FAILS(elbow_file_temporary("runs/a/metrics.h5", temporary, 20), ELBOW_IO, "too long");
}

/* Nobody wants a file where a pipe or a device was. */
static void test_no_regular_file(void **state) {
    (void)state;
    struct stat info;
    char temporary[256];
    const char *path = in_folder("pipe");
    assert_int_equal(mkfifo(path, 0666), 0);
    FAILS(elbow_file_replace(path, "x", 1), ELBOW_IO, "is no regular file");
    FAILS(elbow_file_temporary(path, temporary, sizeof temporary), ELBOW_IO, "is no regular file");
    FAILS(elbow_file_temporary("/dev/null", temporary, sizeof temporary), ELBOW_IO, "is no regular file");
    assert_int_equal(stat(path, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    assert_int_equal(count_files(test_folder), 1);
}

/* A full disk leaves the old file as it was, and no temporary. */
static void test_full_disk(void **state) {
    (void)state;
    static char large[1 << 20];
    const char *path = in_folder("checkpoint");
    OK(elbow_file_replace(path, "old", 3));
    limit_files(1 << 16);
    elbow_status status = elbow_file_replace(path, large, sizeof large);
    limit_files(RLIM_INFINITY);
    FAILS(status, ELBOW_IO, "1.0 MB");
    FAILS(status, ELBOW_IO, path);
    assert_holds(path, "old");
    assert_int_equal(count_files(test_folder), 1);
}

static void test_reasons(void **state) {
    (void)state;
    FAILS(elbow_file_fail_write("x.h5", ENOSPC, 2500000), ELBOW_IO, "x.h5: the disk is full (2.5 MB");
    FAILS(elbow_file_fail_write("x.h5", EDQUOT, 0), ELBOW_IO, "quota is used up;");
    FAILS(elbow_file_fail_write("x.h5", EROFS, 0), ELBOW_IO, "Read-only");
    FAILS(elbow_file_replace(in_folder("none/x.h5"), "x", 1), ELBOW_IO, "directory does not exist");
    FAILS(elbow_file_replace(test_folder, "x", 1), ELBOW_IO, "is a directory");
    char *bytes;
    size_t count;
    FAILS(elbow_file_read(in_folder("none"), 10, &bytes, &count), ELBOW_IO, "no such file");
    FAILS(elbow_file_read(test_folder, 10, &bytes, &count), ELBOW_IO, "is a directory");
    assert_null(bytes);
    FAILS(elbow_file_commit(in_folder("none"), in_folder("x")), ELBOW_IO, "x");
    if (geteuid() == 0) {
        print_message("root may write everywhere: the unwritable directory is not tested\n");
        return;
    }
    assert_int_equal(mkdir(in_folder("closed"), 0500), 0);
    FAILS(elbow_file_replace(in_folder("closed/x.h5"), "x", 1), ELBOW_IO, "who owns its directory");
}

static void test_read_limits(void **state) {
    (void)state;
    static char large[300000];
    char *bytes = NULL;
    size_t count = 0;
    memset(large, 'x', sizeof large);
    OK(elbow_file_replace(in_folder("large"), large, sizeof large));
    OK(elbow_file_read(in_folder("large"), sizeof large, &bytes, &count));
    assert_int_equal(count, sizeof large);
    assert_memory_equal(bytes, large, count);
    assert_int_equal(bytes[count], 0);
    free(bytes);
    FAILS(elbow_file_read(in_folder("large"), sizeof large - 1, &bytes, &count), ELBOW_FORMAT, "longer than");
    assert_null(bytes);
}

static void test_directories(void **state) {
    (void)state;
    OK(elbow_directory_make(in_folder("a//b/c/"), true));
    assert_true(elbow_file_is_directory(in_folder("a/b/c")));
    OK(elbow_directory_make(in_folder("a"), false));
    FAILS(elbow_directory_make(in_folder("x/y"), false), ELBOW_IO, "make that first");
    OK(elbow_file_replace(in_folder("file"), "x", 1));
    FAILS(elbow_directory_make(in_folder("file"), false), ELBOW_IO, "not a directory");
    FAILS(elbow_directory_make(in_folder("file/below"), true), ELBOW_IO, "not a directory");
}

static void test_existence(void **state) {
    (void)state;
    OK(elbow_file_replace(in_folder("file"), "x", 1));
    assert_int_equal(symlink("file", in_folder("link")), 0);
    assert_int_equal(symlink("nowhere", in_folder("broken")), 0);
    assert_true(elbow_file_exists(in_folder("file")));
    assert_true(elbow_file_exists(in_folder("broken")));
    assert_false(elbow_file_exists(in_folder("none")));
    assert_true(elbow_file_same(in_folder("file"), in_folder("link")));
    assert_false(elbow_file_same(in_folder("file"), in_folder("none")));
    assert_false(elbow_file_same(in_folder("none"), in_folder("none")));
    assert_false(elbow_file_is_directory(in_folder("file")));
}

static void test_join(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "b"}};
    for (size_t i = 0; i < 4; i++) {
        char *path = NULL;
        OK(elbow_path_join(cases[i][0], cases[i][1], &path));
        assert_string_equal(path, cases[i][2]);
        free(path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_replace, empty_test_folder),
        cmocka_unit_test_teardown(test_name_without_directory, empty_test_folder),
        cmocka_unit_test_teardown(test_temporary_name, empty_test_folder),
        cmocka_unit_test_teardown(test_no_regular_file, empty_test_folder),
        cmocka_unit_test_teardown(test_full_disk, empty_test_folder),
        cmocka_unit_test_teardown(test_reasons, empty_test_folder),
        cmocka_unit_test_teardown(test_read_limits, empty_test_folder),
        cmocka_unit_test_teardown(test_directories, empty_test_folder),
        cmocka_unit_test_teardown(test_existence, empty_test_folder),
        cmocka_unit_test(test_join),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
