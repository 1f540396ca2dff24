/* The IDX importer on any bytes: as images of both splits and as labels. What it accepts must read back
 * and verify. */
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
    snprintf(input, sizeof input, "%s/elbow-fuzz-%ld.idx", folder, (long)getpid());
    snprintf(output, sizeof output, "%s/elbow-fuzz-%ld.h5", folder, (long)getpid());
    atexit(remove_files);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    elbow_dataset *data = NULL;
    FILE *file = fopen(input, "wb");
    if (file == NULL || fwrite(bytes, 1, count, file) != count || fclose(file) != 0) abort();
    elbow_import_request request;
    if (elbow_import_begin(&request, "idx") != ELBOW_OK) abort();
    request.inputs[ELBOW_TRAIN] = request.inputs[ELBOW_TEST] = input;
    request.output = output;
    request.overwrite = true;
    if (elbow_import_run(&request) == ELBOW_OK) {
        if (elbow_dataset_open(&data, output) != ELBOW_OK || elbow_dataset_verify(data) != ELBOW_OK) abort();
        elbow_dataset_close(&data);
    }
    if (elbow_import_set(&request, "--train-labels", input) != ELBOW_OK) abort();
    if (elbow_import_run(&request) == ELBOW_OK) abort(); /* nothing is images and labels */
    return 0;
}
