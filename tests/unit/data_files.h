/* What tests of data share: IDX imports in one struct, and examples read back as they were given. */
#ifndef ELBOW_TESTS_UNIT_DATA_FILES_H
#define ELBOW_TESTS_UNIT_DATA_FILES_H

#include "files.h"

#include <math.h>

#include "elbow/base/arena.h"
#include "elbow/data/dataset.h"
#include "elbow/data/import.h"

typedef struct idx_request {
    const char *inputs[ELBOW_SPLITS], *labels[ELBOW_SPLITS], *output;
    bool overwrite;
} idx_request;

static inline elbow_status import_idx(const idx_request *idx) {
    static const char *const labels[ELBOW_SPLITS] = {"--train-labels", "--valid-labels", "--test-labels"};
    elbow_import_request request;
    OK(elbow_import_begin(&request, "idx"));
    for (size_t split = 0; split < ELBOW_SPLITS; split++) {
        request.inputs[split] = idx->inputs[split];
        if (idx->labels[split] != NULL) OK(elbow_import_set(&request, labels[split], idx->labels[split]));
    }
    request.output = idx->output;
    request.overwrite = idx->overwrite;
    return elbow_import_run(&request);
}

/* Reading alone: whether it succeeds. */
static inline elbow_status try_slice(elbow_dataset *data, elbow_split split, elbow_part part, size_t first,
                                     size_t count) {
    elbow_arena *arena = NULL;
    elbow_slice *slice = NULL;
    OK(elbow_arena_create(&arena));
    elbow_status status = elbow_slice_read(&slice, data, split, part, first, count, arena);
    assert_int_equal(slice != NULL, status == ELBOW_OK);
    elbow_arena_destroy(&arena);
    return status;
}

/* Examples of an image or a table: (count, D). */
static inline void read_reals(elbow_dataset *data, elbow_split split, elbow_part part, size_t first,
                              size_t count, real *out) {
    elbow_arena *arena = NULL;
    elbow_slice *slice = NULL;
    elbow_batch batch;
    const elbow_field *field = elbow_dataset_field(data, part);
    OK(elbow_arena_create(&arena));
    OK(elbow_slice_read(&slice, data, split, part, first, count, arena));
    OK(elbow_batch_reserve(&batch, field, NULL, count, arena));
    elbow_slice_gather(&batch.x, slice, NULL, 0, count, NULL);
    memcpy(out, batch.x.reals, count * field->dimensions * sizeof *out);
    elbow_arena_destroy(&arena);
}

/* Pixels as bytes. */
static inline void read_pixels(elbow_dataset *data, elbow_split split, size_t first, size_t count,
                               uint8_t *out) {
    const elbow_field *field = elbow_dataset_field(data, ELBOW_X);
    size_t values = count * field->dimensions;
    real *x = malloc((values + 1) * sizeof *x);
    assert_non_null(x);
    read_reals(data, split, ELBOW_X, first, count, x);
    for (size_t i = 0; i < values; i++) out[i] = (uint8_t)lround((double)x[i] * field->maximum);
    free(x);
}

static inline size_t classes_of(const elbow_dataset *data) {
    const elbow_field *labels = elbow_dataset_field(data, ELBOW_Y);
    return labels == NULL ? 0 : labels->columns[0].cardinality;
}

#endif
