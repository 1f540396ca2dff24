/* What fuzz targets share: a folder of their own, importers run over an input, and data files read to the end. A target
 * is one program: libFuzzer's, or with replay.c one that runs over files (the corpus, as a test of every build). */
#ifndef ELBOW_FUZZ_FRAME_H
#define ELBOW_FUZZ_FRAME_H

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elbow/data/import.h"
#include "elbow/data/loader.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static char fuzz_folder[PATH_MAX - 64], fuzz_input[PATH_MAX], fuzz_output[PATH_MAX];

static inline void fuzz_demand_at(int condition, const char *what, int line) {
    if (condition) return;
    fprintf(stderr, "line %d: %s; the last message: %s\n", line, what, elbow_error_message());
    abort();
}
#define DEMAND(condition) fuzz_demand_at((condition), #condition, __LINE__)

/* A message says which file, or what was asked for, and is one line. */
#define DEMAND_MESSAGE(subject)                                                                              \
    fuzz_demand_at(strstr(elbow_error_message(), (subject)) != NULL, "a message without " #subject, __LINE__)

static inline void fuzz_remove_files(void) {
    unlink(fuzz_input);
    unlink(fuzz_output);
    rmdir(fuzz_folder);
}

/* Names fuzz_input and fuzz_output. Nothing is logged: no log was opened. */
static inline void fuzz_begin(const char *input_name) {
    const char *root = getenv("TMPDIR");
    snprintf(fuzz_folder, sizeof fuzz_folder, "%.3000s/elbow-fuzz-XXXXXX", root != NULL ? root : "/tmp");
    DEMAND(mkdtemp(fuzz_folder) != NULL);
    snprintf(fuzz_input, sizeof fuzz_input, "%s/%s", fuzz_folder, input_name);
    snprintf(fuzz_output, sizeof fuzz_output, "%s/output.h5", fuzz_folder);
    atexit(fuzz_remove_files);
}

static inline void fuzz_put(const char *path, const void *bytes, size_t count) {
    FILE *file = fopen(path, "wb");
    DEMAND(file != NULL && fwrite(bytes, 1, count, file) == count && fclose(file) == 0);
}

/* --------------------------------------------------------------------------------------- data files */

static inline void fuzz_read_part(elbow_dataset *data, elbow_split split, elbow_part part) {
    elbow_arena *arena = NULL;
    elbow_slice *slice = NULL;
    elbow_batch batch;
    size_t count = elbow_dataset_count(data, split), some = count < 64 ? count : 64;
    DEMAND(elbow_arena_create(&arena) == ELBOW_OK);
    if (elbow_slice_read(&slice, data, split, part, 0, count, arena) != ELBOW_OK) {
        DEMAND_MESSAGE(fuzz_folder);
    } else if (elbow_field_input_width(elbow_dataset_field(data, part)) <= 1 << 16) {
        DEMAND(elbow_batch_reserve(&batch, elbow_dataset_field(data, part), NULL, some, arena) == ELBOW_OK);
        elbow_slice_gather(&batch.x, slice, NULL, count - some, some, NULL);
    }
    elbow_arena_destroy(&arena);
}

/* The windows of a training loader, streamed, for an epoch. */
static inline void fuzz_stream(elbow_dataset *data) {
    const elbow_field *field = elbow_dataset_field(data, ELBOW_X);
    size_t count = elbow_dataset_count(data, ELBOW_TRAIN);
    elbow_order_spec order = {
        .examples = count, .shards = 1, .batch = count < 7 ? count : 7, .seed = 1, .window = 1};
    elbow_view view;
    elbow_loader *loader = NULL;
    elbow_arena *arena = NULL;
    elbow_batch batch;
    if (elbow_field_input_width(field) > 1 << 16 || count > 5000) return;
    DEMAND(elbow_arena_create(&arena) == ELBOW_OK);
    DEMAND(elbow_view_create(&view, data, "none", "none") == ELBOW_OK);
    view.room = 0;
    DEMAND(elbow_batch_reserve(&batch, field, NULL, order.batch, arena) == ELBOW_OK);
    if (elbow_loader_create(&loader, &view, &order, 0, 1) == ELBOW_OK) {
        elbow_loader_epoch(loader, 0);
        for (size_t t = 0; t < 20 && t < elbow_order_steps(&order); t++)
            elbow_loader_batch(loader, 0, t, t, &batch);
        if (elbow_loader_status(loader) != ELBOW_OK) DEMAND_MESSAGE(fuzz_folder);
    }
    elbow_loader_destroy(&loader);
    elbow_arena_destroy(&arena);
}

/* All that a data file holds, whatever it says; true where it is sound. */
static inline bool fuzz_read_data(const char *path, bool stream) {
    elbow_dataset *data = NULL;
    if (elbow_dataset_open(&data, path) != ELBOW_OK) {
        DEMAND_MESSAGE(path);
        return false;
    }
    bool sound = elbow_dataset_verify(data) == ELBOW_OK;
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++)
        for (elbow_part part = 0; part < ELBOW_PARTS; part++)
            if (elbow_dataset_has_part(data, split, part)) fuzz_read_part(data, split, part);
    if (stream) fuzz_stream(data);
    elbow_dataset_close(&data);
    return sound;
}

/* ---------------------------------------------------------------------------------------- importers */

/* An importer, then flags and values. */
typedef const char *const fuzz_way[12];

/* Imports fuzz_input as both splits, or to be cut. What is accepted must read back and verify, and have as many examples
 * in both splits; what is refused leaves nothing. */
static inline void fuzz_import(fuzz_way way, bool cut, bool skip_bad, const char *input) {
    elbow_import_request request;
    elbow_dataset *data = NULL;
    DEMAND(elbow_import_begin(&request, way[0]) == ELBOW_OK);
    for (size_t i = 1; i < 12 && way[i] != NULL; i += 2)
        DEMAND(elbow_import_set(&request, way[i], way[i + 1]) == ELBOW_OK);
    if (cut)
        request.input = input;
    else
        request.inputs[ELBOW_TRAIN] = request.inputs[ELBOW_TEST] = input;
    request.output = fuzz_output;
    request.overwrite = true;
    request.skip_bad = skip_bad;
    unlink(fuzz_output);
    elbow_status status = elbow_import_run(&request);
    if (status != ELBOW_OK) {
        DEMAND(access(fuzz_output, F_OK) != 0);
        DEMAND(elbow_error_message()[0] != '\0');
        return;
    }
    DEMAND(fuzz_read_data(fuzz_output, false));
    DEMAND(elbow_dataset_open(&data, fuzz_output) == ELBOW_OK);
    DEMAND(cut || elbow_dataset_count(data, ELBOW_TRAIN) == elbow_dataset_count(data, ELBOW_TEST));
    elbow_dataset_close(&data);
}

/* The first byte chooses the way, whether to cut and whether bad rows are left out; the rest is the file. */
static inline void fuzz_import_bytes(const fuzz_way *ways, size_t count_ways, const uint8_t *bytes,
                                     size_t count) {
    if (count == 0) return;
    unsigned how = (unsigned)(bytes[0] / count_ways);
    fuzz_put(fuzz_input, bytes + 1, count - 1);
    fuzz_import(ways[bytes[0] % count_ways], how & 1, how >> 1 & 1, fuzz_input);
}

#endif
