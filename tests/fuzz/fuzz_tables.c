/* The importers of tables and arrays on any bytes. The first byte chooses the flags, the rest is the file, given as both
 * splits or to be cut. What is accepted must read back and verify. */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "elbow/data/import.h"

static char input[PATH_MAX], output[PATH_MAX];

static void remove_files(void) {
    unlink(input);
    unlink(output);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    const char *folder = getenv("TMPDIR");
    if (folder == NULL) folder = "/tmp";
    snprintf(input, sizeof input, "%s/elbow-fuzz-%ld.csv", folder, (long)getpid());
    snprintf(output, sizeof output, "%s/elbow-fuzz-%ld.h5", folder, (long)getpid());
    atexit(remove_files);
    return 0;
}

/* An importer, then flags and values. */
static const char *const ways[][8] = {
    {"csv"},
    {"csv", "--header", "yes", "--label", "1"},
    {"csv", "--separator", "space", "--quote", "none", "--real", "1"},
    {"csv", "--join", "2", "--header", "no"},
    {"csv", "--context", "1-2", "--categorical", "1-3"},
    {"npy"},
    {"npy", "--as-is", ""},
    {"npy", "--channels", "first"},
};

static elbow_status import(const char *const *way, bool cut, bool skip_bad) {
    elbow_import_request request;
    if (elbow_import_begin(&request, way[0]) != ELBOW_OK) abort();
    for (size_t i = 1; i < 8 && way[i] != NULL; i += 2)
        if (elbow_import_set(&request, way[i], way[i + 1]) != ELBOW_OK) abort();
    if (cut)
        request.input = input;
    else
        request.inputs[ELBOW_TRAIN] = request.inputs[ELBOW_TEST] = input;
    request.output = output;
    request.overwrite = true;
    request.skip_bad = skip_bad;
    return elbow_import_run(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    enum { WAYS = sizeof ways / sizeof *ways };
    elbow_dataset *data = NULL;
    if (count == 0) return 0;
    const char *const *way = ways[bytes[0] % WAYS];
    unsigned how = bytes[0] / WAYS;
    FILE *file = fopen(input, "wb");
    if (file == NULL || fwrite(bytes + 1, 1, count - 1, file) != count - 1 || fclose(file) != 0) abort();
    unlink(output);
    elbow_status status = import(way, how & 1, how >> 1 & 1);
    if (status != ELBOW_OK && access(output, F_OK) == 0) abort();
    if (status != ELBOW_OK) return 0;
    if (elbow_dataset_open(&data, output) != ELBOW_OK || elbow_dataset_verify(data) != ELBOW_OK) abort();
    if (!(how & 1) && elbow_dataset_count(data, ELBOW_TRAIN) != elbow_dataset_count(data, ELBOW_TEST))
        abort();
    elbow_dataset_close(&data);
    return 0;
}
