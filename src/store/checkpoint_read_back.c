/* What is on the disk against what is in memory. Two things are asked: that the bytes are the same, and that a later reader,
 * which has only the checksums, will find them right. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL /* so that the state lies on the stack */
#include <xxhash.h>

#include "store/checkpoint_layout.h"
#include "store/metrics_h5.h"

static elbow_status fail_difference(const char *what) { return elbow_fail(ELBOW_IO, "%s differs", what); }

static elbow_status check_checksum(elbow_h5 *file, const char *path, uint64_t hash) {
    char stored[32], found[32];
    ELBOW_TRY(elbow_h5_get_text(file, path, "checksum", stored, sizeof stored));
    snprintf(found, sizeof found, "%016" PRIx64, hash);
    return strcmp(stored, found) == 0 ? ELBOW_OK : fail_difference(path);
}

/* By rows, as it was written (checkpoint.c). `piece` has room for a piece, or a row where that is larger. */
static elbow_status compare_tensor(const elbow_stored *stored, const char *path, const elbow_tensor *tensor,
                                   const real *values, real *piece) {
    elbow_h5_shape shape;
    XXH64_state_t hash;
    ELBOW_TRY(elbow_stored_describe(stored, path, ELBOW_H5_REAL, &shape));
    if (shape.dims != tensor->dims || memcmp(shape.size, tensor->shape, shape.dims * sizeof *shape.size) != 0)
        return fail_difference(path);
    size_t row = tensor->count / shape.size[0], most = elbow_checkpoint_piece(row);
    XXH64_reset(&hash, 0);
    for (size_t first = 0; first < shape.size[0]; first += most) {
        size_t rows = shape.size[0] - first < most ? shape.size[0] - first : most;
        ELBOW_TRY(elbow_h5_read_rows(stored->file, path, ELBOW_H5_REAL, first, rows, piece));
        if (memcmp(piece, values + first * row, rows * row * sizeof *piece) != 0)
            return fail_difference(path);
        XXH64_update(&hash, piece, rows * row * sizeof *piece);
    }
    return check_checksum(stored->file, path, XXH64_digest(&hash));
}

static elbow_status compare_tensors(const elbow_stored *stored, const char *group, const elbow_params *layout,
                                    const real *values, real *piece) {
    for (size_t i = 0; i < layout->tensor_count; i++) {
        const elbow_tensor *t = &layout->tensors[i];
        char path[ELBOW_CHECKPOINT_PATH];
        snprintf(path, sizeof path, "%s/%s", group, t->name);
        ELBOW_TRY(compare_tensor(stored, path, t, values + t->offset, piece));
    }
    return ELBOW_OK;
}

/* Bytes of the largest piece of any tensor. */
static size_t piece_bytes(const elbow_params *layout) {
    size_t bytes = sizeof(real);
    for (size_t i = 0; i < layout->tensor_count; i++) {
        const elbow_tensor *t = &layout->tensors[i];
        size_t row = t->count / t->shape[0], most = elbow_checkpoint_piece(row);
        size_t rows = most < t->shape[0] ? most : t->shape[0];
        if (rows * row * sizeof(real) > bytes) bytes = rows * row * sizeof(real);
    }
    return bytes;
}

static elbow_status compare_state(const elbow_checkpoint *c, const elbow_stored *stored) {
    real *piece = malloc(piece_bytes(c->layout));
    ELBOW_CHECK(piece != NULL, ELBOW_MEMORY, "no memory to read a checkpoint back");
    elbow_status status = compare_tensors(stored, "/model", c->layout, c->parameters, piece);
    for (size_t s = 0; s < c->slots && status == ELBOW_OK; s++) {
        char path[ELBOW_CHECKPOINT_PATH];
        elbow_checkpoint_slot_path(path, c->optimizer, c->slot_names[s]);
        status = compare_tensors(stored, path, c->layout, c->slot_values[s], piece);
    }
    free(piece);
    return status;
}

static elbow_status compare_run(const elbow_checkpoint *c, const char *seal, const elbow_stored *stored) {
    elbow_checkpoint found = {0};
    char text[ELBOW_HASH_TEXT];
    ELBOW_TRY(elbow_checkpoint_read_run(&found, stored));
    for (size_t i = 0; i < elbow_run_attribute_count; i++) {
        const elbow_run_attribute *a = &elbow_run_attributes[i];
        const char *is = (const char *)&found + a->offset, *was = (const char *)c + a->offset;
        bool same = a->kind == ELBOW_RUN_TEXT ? strcmp(is, was) == 0 : memcmp(is, was, 8) == 0;
        if (!same) return fail_difference("an attribute of /run");
    }
    ELBOW_TRY(elbow_h5_get_text(stored->file, "/run", "seal", text, sizeof text));
    return strcmp(text, seal) == 0 ? ELBOW_OK : fail_difference("the seal of /run");
}

static elbow_status compare_text(const char *expected, const elbow_stored *stored, const char *name) {
    char *text = NULL;
    ELBOW_TRY(elbow_h5_read_text(stored->file, name, &text));
    bool same = strcmp(text, expected ? expected : "") == 0;
    free(text);
    return same ? ELBOW_OK : fail_difference(name);
}

/* The tables have checksums; what those do not say is how long they are. */
static elbow_status compare_metrics(const elbow_metrics *metrics, const elbow_stored *stored) {
    elbow_metrics found;
    ELBOW_TRY(elbow_metrics_get(&found, stored, "/metrics"));
    elbow_status status = elbow_metrics_get_partial(&found, stored, "/metrics/partial");
    if (status == ELBOW_OK &&
        (found.train.rows != metrics->train.rows || found.evaluation.rows != metrics->evaluation.rows ||
         found.events.rows != metrics->events.rows || found.test.rows != metrics->test.rows))
        status = fail_difference("/metrics");
    elbow_metrics_destroy(&found);
    return status;
}

static elbow_status compare_all(const elbow_checkpoint *c, const char *seal, const elbow_stored *stored) {
    ELBOW_TRY(compare_run(c, seal, stored));
    ELBOW_TRY(compare_state(c, stored));
    ELBOW_TRY(compare_text(c->config, stored, "/config"));
    ELBOW_TRY(compare_text(c->field, stored, "/field"));
    if (c->context) ELBOW_TRY(compare_text(c->context, stored, "/context"));
    return c->metrics ? compare_metrics(c->metrics, stored) : ELBOW_OK;
}

elbow_status elbow_checkpoint_read_back(const elbow_checkpoint *checkpoint, const char *seal,
                                        const char *file) {
    elbow_stored stored;
    ELBOW_TRY(elbow_stored_open(&stored, file, ELBOW_KIND_CHECKPOINT));
    elbow_status status = compare_all(checkpoint, seal, &stored);
    elbow_stored_close(&stored);
    return status;
}
