/* Examples in memory as stored, and from there to values. */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "data/dataset_inside.h"
#include "data/pack.h"
#include "math/noise.h"

struct elbow_slice {
    const elbow_field *field; /* the data set's */
    elbow_h5_type type;
    union {
        void *values;    /* (count, D) of `type`; of sequences, the tokens */
        uint8_t *bytes;  /* pixels, labels */
        uint16_t *codes; /* columns, tokens */
        float *reals;
    };
    uint64_t *offsets; /* (count + 1) of sequences, relative to the first token here */
    uint32_t *words;   /* (D) of images */
};

/* --------------------------------------------------------------------------------------- checking */

/* Where a value is, for messages. */
typedef struct position {
    const elbow_dataset *dataset;
    elbow_split split;
    elbow_part part;
    size_t first;
} position;

static elbow_status fail_value(const position *at, size_t example, const char *what, size_t which,
                               const char *problem) {
    return elbow_fail(ELBOW_FORMAT, "%s: example %zu of /%s/%s, %s %zu: %s; import the data again",
                      elbow_dataset_path(at->dataset), at->first + example, elbow_split_name(at->split),
                      elbow_part_name(at->part), what, which + 1, problem);
}

static const char *const missing_problem = "missing, where its column is said to be complete";
static const char *const code_problem = "no code of its column";

/* Codes of either type, as 32 bits; a missing byte cannot be. */
static elbow_status check_codes(const elbow_slice *slice, size_t count, const position *at) {
    size_t D = slice->field->dimensions;
    bool wide = slice->type == ELBOW_H5_U16;
    for (size_t i = 0; i < count; i++)
        for (size_t d = 0; d < D; d++) {
            const elbow_column *column = &slice->field->columns[d];
            size_t code = wide ? slice->codes[i * D + d] : slice->bytes[i * D + d];
            if (code < column->cardinality) continue;
            if (!wide || code != ELBOW_CODE_MISSING) return fail_value(at, i, "column", d, code_problem);
            if (!column->missing) return fail_value(at, i, "column", d, missing_problem);
        }
    return ELBOW_OK;
}

static elbow_status check_reals(const elbow_slice *slice, size_t count, const position *at) {
    size_t D = slice->field->dimensions;
    for (size_t i = 0; i < count; i++)
        for (size_t d = 0; d < D; d++) {
            const elbow_column *column = &slice->field->columns[d];
            float value = slice->reals[i * D + d];
            if (isnan(value)) {
                if (!column->missing) return fail_value(at, i, "column", d, missing_problem);
            } else if (column->cardinality == 0) {
                if (!isfinite(value)) return fail_value(at, i, "column", d, "not a finite number");
            } else if (!(value >= 0 && value < (float)column->cardinality && value == floorf(value))) {
                return fail_value(at, i, "column", d, code_problem);
            }
        }
    return ELBOW_OK;
}

static elbow_status check_tokens(const elbow_slice *slice, size_t count, const position *at) {
    const elbow_field *field = slice->field;
    for (size_t i = 0; i < count; i++) {
        uint64_t begin = slice->offsets[i], last = slice->offsets[i + 1] - 1;
        for (uint64_t t = begin; t <= last; t++) {
            if (slice->codes[t] >= field->vocabulary)
                return fail_value(at, i, "token", (size_t)(t - begin), "not in the vocabulary");
            if (field->terminated && (slice->codes[t] == 0) != (t == last))
                return fail_value(at, i, "token", (size_t)(t - begin),
                                  t == last ? "not the end symbol, which ends every example"
                                            : "an end symbol before the end");
        }
    }
    return ELBOW_OK;
}

/* ---------------------------------------------------------------------------------------- reading */

static elbow_status read_offsets(elbow_slice *slice, elbow_dataset *dataset, const position *at, size_t count,
                                 elbow_arena *arena) {
    char name[ELBOW_OBJECT_BYTES];
    uint64_t all = dataset->stored[at->split][at->part].tokens;
    uint64_t *offsets = NULL;
    elbow_dataset_object(name, at->split, at->part, "offsets");
    ELBOW_TRY(elbow_arena_take(arena, count + 1, sizeof *offsets, &offsets));
    ELBOW_TRY(elbow_h5_read_rows(dataset->file, name, ELBOW_H5_U64, at->first, count + 1, offsets));
    for (size_t i = 0; i < count; i++) {
        bool possible = offsets[i] < offsets[i + 1] && offsets[i + 1] <= all &&
                        offsets[i + 1] - offsets[i] <= slice->field->dimensions;
        ELBOW_CHECK(possible, ELBOW_FORMAT,
                    "%s: %s says that example %zu is tokens %" PRIu64 " to %" PRIu64
                    ", which cannot be; import the data again",
                    dataset->path, name, at->first + i, offsets[i], offsets[i + 1]);
    }
    bool whole = (at->first > 0 || offsets[0] == 0) &&
                 (at->first + count < dataset->count[at->split] || offsets[count] == all);
    ELBOW_CHECK(whole, ELBOW_FORMAT,
                "%s: %s does not begin with the first token and end with the last; import the data again",
                dataset->path, name);
    slice->offsets = offsets;
    return ELBOW_OK;
}

static elbow_status read_sequences(elbow_slice *slice, elbow_dataset *dataset, const position *at,
                                   size_t count, elbow_arena *arena) {
    char name[ELBOW_OBJECT_BYTES];
    ELBOW_TRY(read_offsets(slice, dataset, at, count, arena));
    uint64_t begin = slice->offsets[0], tokens = slice->offsets[count] - begin;
    for (size_t i = 0; i <= count; i++) slice->offsets[i] -= begin;
    elbow_dataset_object(name, at->split, at->part, "tokens");
    ELBOW_TRY(elbow_arena_take(arena, (size_t)tokens, sizeof *slice->codes, &slice->codes));
    ELBOW_TRY(
        elbow_h5_read_rows(dataset->file, name, ELBOW_H5_U16, (size_t)begin, (size_t)tokens, slice->codes));
    return check_tokens(slice, count, at);
}

static elbow_status read_values(elbow_slice *slice, elbow_dataset *dataset, const position *at, size_t count,
                                elbow_arena *arena) {
    char name[ELBOW_OBJECT_BYTES];
    size_t D = slice->field->dimensions;
    elbow_dataset_object(name, at->split, at->part, NULL);
    ELBOW_CHECK(count <= SIZE_MAX / 16 / D, ELBOW_MEMORY, "%s: %zu examples are too many to read at once",
                dataset->path, count);
    ELBOW_TRY(elbow_arena_take(arena, count * D, elbow_h5_type_size(slice->type), &slice->values));
    ELBOW_TRY(elbow_h5_read_rows(dataset->file, name, slice->type, at->first, count, slice->values));
    if (slice->field->kind == ELBOW_IMAGE)
        return elbow_arena_take(arena, D, sizeof *slice->words, &slice->words);
    return slice->type == ELBOW_H5_F32 ? check_reals(slice, count, at) : check_codes(slice, count, at);
}

static elbow_status check_present(const elbow_dataset *dataset, elbow_split split, elbow_part part) {
    const char *name = elbow_split_name(split);
    ELBOW_CHECK(dataset->count[split] > 0, ELBOW_FORMAT, "%s: has no %s split; import one or use another",
                dataset->path, name);
    ELBOW_CHECK(part != ELBOW_Y || dataset->stored[split][part].present, ELBOW_FORMAT,
                "%s: has no labels for %s; import them too (idx: --%s-labels)", dataset->path, name, name);
    ELBOW_CHECK(dataset->stored[split][part].present, ELBOW_FORMAT,
                "%s: has no field %s for %s; import the data with it, or set data.context = none",
                dataset->path, elbow_part_name(part), name);
    return ELBOW_OK;
}

elbow_status elbow_slice_read(elbow_slice **slice, elbow_dataset *dataset, elbow_split split, elbow_part part,
                              size_t first, size_t count, elbow_arena *arena) {
    const position at = {dataset, split, part, first};
    elbow_slice *made = NULL;
    *slice = NULL;
    ELBOW_TRY(check_present(dataset, split, part));
    ELBOW_CHECK(first <= dataset->count[split] && count <= dataset->count[split] - first, ELBOW_FORMAT,
                "%s: /%s/%s has %zu rows, and rows %zu to %zu were asked for", dataset->path,
                elbow_split_name(split), elbow_part_name(part), dataset->count[split], first, first + count);
    ELBOW_TRY(elbow_arena_take(arena, 1, sizeof *made, &made));
    made->field = &dataset->field[part];
    made->type = dataset->stored[split][part].type;
    if (made->field->kind == ELBOW_SEQUENCE)
        ELBOW_TRY(read_sequences(made, dataset, &at, count, arena));
    else
        ELBOW_TRY(read_values(made, dataset, &at, count, arena));
    *slice = made;
    return ELBOW_OK;
}

/* --------------------------------------------------------------------------------------- gathering */

static void gather_images(real *x, elbow_slice *slice, const uint32_t *which, size_t first, size_t rows,
                          const elbow_binarizer *binarizer) {
    size_t D = slice->field->dimensions;
    unsigned maximum = slice->field->maximum;
    for (size_t i = 0; i < rows; i++, x += D) {
        const uint8_t *values = slice->bytes + (first + (which != NULL ? which[i] : i)) * D;
        switch (binarizer != NULL ? binarizer->how : ELBOW_BINARIZE_NONE) {
        case ELBOW_BINARIZE_NONE:
            elbow_scale_values(x, values, D, maximum);
            break;
        case ELBOW_BINARIZE_THRESHOLD:
            elbow_threshold_values(x, values, D, maximum);
            break;
        case ELBOW_BINARIZE_DYNAMIC:
            elbow_stream_rows(binarizer->stream, 0, binarizer->first_example + (uint32_t)i, binarizer->step,
                              1, D, slice->words);
            elbow_binarize_dynamic_values(x, values, slice->words, D, maximum);
            break;
        }
    }
}

static void gather_tables(real *x, const elbow_slice *slice, const uint32_t *which, size_t first,
                          size_t rows) {
    size_t D = slice->field->dimensions;
    for (size_t i = 0; i < rows; i++, x += D) {
        size_t at = (first + (which != NULL ? which[i] : i)) * D;
        if (slice->type == ELBOW_H5_F32)
            for (size_t d = 0; d < D; d++) x[d] = (real)slice->reals[at + d];
        else if (slice->type == ELBOW_H5_U8)
            for (size_t d = 0; d < D; d++) x[d] = (real)slice->bytes[at + d];
        else
            for (size_t d = 0; d < D; d++)
                x[d] = slice->codes[at + d] == ELBOW_CODE_MISSING ? (real)NAN : (real)slice->codes[at + d];
    }
}

static void gather_sequences(elbow_values *values, const elbow_slice *slice, const uint32_t *which,
                             size_t first, size_t rows) {
    const uint64_t *offsets = slice->offsets + first;
    for (size_t i = 0; i < rows; i++) {
        size_t example = which != NULL ? which[i] : i;
        values->example_length[i] = (uint32_t)(offsets[example + 1] - offsets[example]);
    }
    elbow_values_arrange(values, rows);
    for (size_t p = 0; p < rows; p++) {
        size_t i = values->order[p];
        const uint16_t *tokens = slice->codes + offsets[which != NULL ? which[i] : i];
        for (size_t t = 0; t < values->length[p]; t++) values->tokens[values->begin[t] + p] = tokens[t];
    }
}

void elbow_slice_gather(elbow_values *values, elbow_slice *slice, const uint32_t *which, size_t first,
                        size_t rows, const elbow_binarizer *binarizer) {
    assert(values->field->kind == slice->field->kind);
    assert(slice->field->kind == ELBOW_SEQUENCE ? values->field->dimensions >= slice->field->dimensions
                                                : values->field->dimensions == slice->field->dimensions);
    switch (slice->field->kind) {
    case ELBOW_IMAGE:
        gather_images(values->reals, slice, which, first, rows, binarizer);
        break;
    case ELBOW_TABLE:
        gather_tables(values->reals, slice, which, first, rows);
        break;
    case ELBOW_SEQUENCE:
        gather_sequences(values, slice, which, first, rows);
        break;
    }
}
