/* Runs a fuzz target over files, as libFuzzer would: arguments are files and folders of them. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static size_t run_file(const char *path) {
    char *bytes = NULL;
    size_t count = 0;
    if (elbow_file_read(path, SIZE_MAX, &bytes, &count) != ELBOW_OK) {
        fprintf(stderr, "%s\n", elbow_error_message());
        exit(1);
    }
    /* A copy of its own size, so that memory checkers see its end. */
    uint8_t *exact = malloc(count > 0 ? count : 1);
    if (exact == NULL) exit(1);
    memcpy(exact, bytes, count);
    free(bytes);
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(exact, count);
    free(exact);
    return 1;
}

static size_t run_path(const char *path) {
    size_t files = 0;
    if (!elbow_file_is_directory(path)) return run_file(path);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char *file = NULL;
        if (entry->d_name[0] == '.') continue;
        if (elbow_path_join(path, entry->d_name, &file) != ELBOW_OK) exit(1);
        files += run_path(file);
        free(file);
    }
    if (folder != NULL) closedir(folder);
    return files;
}

int main(int argc, char **argv) {
    size_t files = 0;
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) files += run_path(argv[i]);
    printf("%zu inputs\n", files);
    return files > 0 ? 0 : 1;
}
