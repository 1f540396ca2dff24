/* What tests of files share: a folder of their own, emptied and removed at the end, and words that a
 * message must hold. Included once a test program. */
#ifndef ELBOW_TESTS_UNIT_FILES_H
#define ELBOW_TESTS_UNIT_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elbow/base/error.h"

static char test_folder[256];

static inline int make_test_folder(void **state) {
    (void)state;
    const char *root = getenv("TMPDIR");
    snprintf(test_folder, sizeof test_folder, "%s/elbow-test-XXXXXX", root != NULL ? root : "/tmp");
    return mkdtemp(test_folder) == NULL ? -1 : 0;
}

static inline void empty_folder(const char *folder) {
    DIR *entries = opendir(folder);
    if (entries == NULL) return;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        char path[4096];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        int length = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (length < 0 || (size_t)length >= sizeof path) continue;
        if (unlink(path) == 0) continue;
        empty_folder(path);
        rmdir(path);
    }
    closedir(entries);
}

static inline int remove_test_folder(void **state) {
    (void)state;
    empty_folder(test_folder);
    return rmdir(test_folder);
}

/* Between tests. */
static inline int empty_test_folder(void **state) {
    (void)state;
    empty_folder(test_folder);
    return 0;
}

static inline size_t count_files(const char *folder) {
    size_t count = 0;
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    while (readdir(entries) != NULL) count++;
    closedir(entries);
    return count - 2;
}

/* "FOLDER/NAME", one of a few buffers in turn. */
static inline const char *in_folder(const char *name) {
    static char paths[8][1024];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", test_folder, name);
    return path;
}

static inline void assert_ok_at(elbow_status status, int line) {
    if (status != ELBOW_OK) fail_msg("line %d: %s", line, elbow_error_message());
}
#define OK(call) assert_ok_at((call), __LINE__)

static inline void assert_fails_at(elbow_status status, elbow_status expected, const char *words, int line) {
    if (status == ELBOW_OK) fail_msg("line %d: succeeded", line);
    if (status != expected) fail_msg("line %d: status %d: %s", line, (int)status, elbow_error_message());
    if (strstr(elbow_error_message(), words) == NULL)
        fail_msg("line %d: no \"%s\" in \"%s\"", line, words, elbow_error_message());
}
#define FAILS(call, expected, words) assert_fails_at((call), (expected), (words), __LINE__)

/* Writes a file as it stands: without the flushes of elbow_file_replace, which take long when there are many. */
static inline void put_file(const char *path, const void *bytes, size_t count) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

/* No file may grow beyond `bytes`, as if the disk were full; RLIM_INFINITY lifts it. */
static inline void limit_files(rlim_t bytes) {
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

#endif
