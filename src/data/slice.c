/* Examples in memory as stored. gather.c makes values of them. */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "data/slice_inside.h"

/* --------------------------------------------------------------------------------------- checking */

/* Example i of those that are being added: they begin at example `first` of the split and behind slice->count here. */
typedef struct addition {
    const elbow_slice *slice;
    size_t first, count;
} addition;

static elbow_status fail_value(const addition *new, size_t i, const char *what, size_t which,
                               const char *problem) {
    const elbow_slice *slice = new->slice;
    return elbow_fail(ELBOW_FORMAT, "%s: example %zu of /%s/%s, %s %zu: %s; import the data again",
                      elbow_dataset_path(slice->dataset), new->first + i, elbow_split_name(slice->split),
                      elbow_part_name(slice->part), what, which + 1, problem);
}

static const char *const missing_problem = "missing, where its column is said to be complete";
static const char *const code_problem = "no code of its column";

/* Codes of either type, as 32 bits; a missing byte cannot be. */
static elbow_status check_codes(const addition *new) {
    const elbow_slice *slice = new->slice;
    size_t D = slice->field->dimensions, at = slice->count * D;
    bool wide = slice->type == ELBOW_H5_U16;
    for (size_t i = 0; i < new->count; i++)
        for (size_t d = 0; d < D; d++, at++) {
            const elbow_column *column = &slice->field->columns[d];
            size_t code = wide ? slice->codes[at] : slice->bytes[at];
            if (code < column->cardinality) continue;
            if (!wide || code != ELBOW_CODE_MISSING) return fail_value(new, i, "column", d, code_problem);
            if (!column->missing) return fail_value(new, i, "column", d, missing_problem);
        }
    return ELBOW_OK;
}

static elbow_status check_reals(const addition *new) {
    const elbow_slice *slice = new->slice;
    size_t D = slice->field->dimensions, at = slice->count * D;
    for (size_t i = 0; i < new->count; i++)
        for (size_t d = 0; d < D; d++, at++) {
            const elbow_column *column = &slice->field->columns[d];
            float value = slice->reals[at];
            if (isnan(value)) {
                if (!column->missing) return fail_value(new, i, "column", d, missing_problem);
            } else if (column->cardinality == 0) {
                if (!isfinite(value)) return fail_value(new, i, "column", d, "not a finite number");
            } else if (!(value >= 0 && value < (float)column->cardinality && value == floorf(value))) {
                return fail_value(new, i, "column", d, code_problem);
            }
        }
    return ELBOW_OK;
}

static elbow_status check_tokens(const addition *new) {
    const elbow_slice *slice = new->slice;
    const elbow_field *field = slice->field;
    const uint64_t *offsets = slice->offsets + slice->count;
    for (size_t i = 0; i < new->count; i++) {
        uint64_t begin = offsets[i], last = offsets[i + 1] - 1;
        for (uint64_t t = begin; t <= last; t++) {
            if (slice->codes[t] >= field->vocabulary)
                return fail_value(new, i, "token", (size_t)(t - begin), "not in the vocabulary");
            if (field->terminated && (slice->codes[t] == 0) != (t == last))
                return fail_value(new, i, "token", (size_t)(t - begin),
                                  t == last ? "not the end symbol, which ends every example"
                                            : "an end symbol before the end");
        }
    }
    return ELBOW_OK;
}

/* ---------------------------------------------------------------------------------------- reading */

static elbow_status check_offset(const elbow_dataset *dataset, const char *name, size_t example,
                                 const uint64_t offsets[2], uint64_t all, size_t longest) {
    bool possible = offsets[0] < offsets[1] && offsets[1] <= all && offsets[1] - offsets[0] <= longest;
    ELBOW_CHECK(possible, ELBOW_FORMAT,
                "%s: %s says that example %zu is tokens %" PRIu64 " to %" PRIu64
                ", which cannot be; import the data again",
                dataset->path, name, example, offsets[0], offsets[1]);
    return ELBOW_OK;
}

/* As the file has them, behind those that are there: the first takes the place of the end so far. */
static elbow_status read_offsets(const addition *new) {
    char name[ELBOW_OBJECT_BYTES];
    const elbow_slice *slice = new->slice;
    elbow_dataset *dataset = slice->dataset;
    uint64_t all = dataset->stored[slice->split][slice->part].tokens;
    uint64_t *offsets = slice->offsets + slice->count;
    elbow_dataset_object(name, slice->split, slice->part, "offsets");
    ELBOW_TRY(elbow_h5_read_rows(dataset->file, name, ELBOW_H5_U64, new->first, new->count + 1, offsets));
    for (size_t i = 0; i < new->count; i++)
        ELBOW_TRY(check_offset(dataset, name, new->first + i, offsets + i, all, slice->field->dimensions));
    bool whole = (new->first > 0 || offsets[0] == 0) &&
                 (new->first + new->count < dataset->count[slice->split] || offsets[new->count] == all);
    ELBOW_CHECK(whole, ELBOW_FORMAT,
                "%s: %s does not begin with the first token and end with the last; import the data again",
                dataset->path, name);
    return ELBOW_OK;
}

/* `arena` is where tokens are put that no room was reserved for; NULL: there is room. */
static elbow_status append_sequences(elbow_slice *slice, const addition *new, elbow_arena *arena) {
    char name[ELBOW_OBJECT_BYTES];
    uint64_t *offsets = slice->offsets + slice->count, end = offsets[0];
    ELBOW_TRY(read_offsets(new));
    uint64_t begin = offsets[0], tokens = offsets[new->count] - begin;
    for (size_t i = 0; i <= new->count; i++) offsets[i] = offsets[i] - begin + end;
    if (arena != NULL) {
        slice->token_room = (size_t)tokens;
        ELBOW_TRY(elbow_arena_take(arena, slice->token_room, sizeof *slice->codes, &slice->codes));
    }
    elbow_dataset_object(name, slice->split, slice->part, "tokens");
    ELBOW_CHECK(tokens <= slice->token_room - end, ELBOW_FORMAT,
                "%s: %s changed while it was read; import the data again", slice->dataset->path, name);
    ELBOW_TRY(elbow_h5_read_rows(slice->dataset->file, name, ELBOW_H5_U16, (size_t)begin, (size_t)tokens,
                                 slice->codes + end));
    return check_tokens(new);
}

static elbow_status append_values(elbow_slice *slice, const addition *new) {
    char name[ELBOW_OBJECT_BYTES];
    size_t row = slice->field->dimensions * elbow_h5_type_size(slice->type);
    elbow_dataset_object(name, slice->split, slice->part, NULL);
    ELBOW_TRY(elbow_h5_read_rows(slice->dataset->file, name, slice->type, new->first, new->count,
                                 slice->bytes + slice->count * row));
    if (slice->field->kind == ELBOW_IMAGE) return ELBOW_OK;
    return slice->type == ELBOW_H5_F32 ? check_reals(new) : check_codes(new);
}

static elbow_status append(elbow_slice *slice, size_t first, size_t count, elbow_arena *arena) {
    const elbow_dataset *dataset = slice->dataset;
    const addition new = {slice, first, count};
    ELBOW_CHECK(first <= dataset->count[slice->split] && count <= dataset->count[slice->split] - first,
                ELBOW_FORMAT, "%s: /%s/%s has %zu rows, and rows %zu to %zu were asked for", dataset->path,
                elbow_split_name(slice->split), elbow_part_name(slice->part), dataset->count[slice->split],
                first, first + count);
    assert(count <= slice->room - slice->count);
    ELBOW_TRY(slice->field->kind == ELBOW_SEQUENCE ? append_sequences(slice, &new, arena)
                                                   : append_values(slice, &new));
    slice->count += count;
    return ELBOW_OK;
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

elbow_status elbow_slice_reserve(elbow_slice **slice, elbow_dataset *dataset, elbow_split split,
                                 elbow_part part, size_t examples, size_t tokens, elbow_arena *arena) {
    elbow_slice *made = NULL;
    *slice = NULL;
    ELBOW_TRY(check_present(dataset, split, part));
    ELBOW_CHECK(examples <= dataset->count[split], ELBOW_FORMAT,
                "%s: /%s/%s has %zu rows, and %zu were asked for", dataset->path, elbow_split_name(split),
                elbow_part_name(part), dataset->count[split], examples);
    ELBOW_TRY(elbow_arena_take(arena, 1, sizeof *made, &made));
    *made = (elbow_slice){.dataset = dataset,
                          .split = split,
                          .part = part,
                          .field = &dataset->field[part],
                          .type = dataset->stored[split][part].type,
                          .room = examples,
                          .token_room = tokens};
    size_t D = made->field->dimensions;
    if (made->field->kind == ELBOW_SEQUENCE) {
        ELBOW_TRY(elbow_arena_take(arena, examples + 1, sizeof *made->offsets, &made->offsets));
        if (tokens > 0) ELBOW_TRY(elbow_arena_take(arena, tokens, sizeof *made->codes, &made->codes));
    } else {
        ELBOW_CHECK(examples <= SIZE_MAX / 16 / D, ELBOW_MEMORY,
                    "%s: %zu examples are too many to read at once", dataset->path, examples);
        ELBOW_TRY(elbow_arena_take(arena, examples * D, elbow_h5_type_size(made->type), &made->values));
    }
    if (made->field->kind == ELBOW_IMAGE) {
        size_t blocks = elbow_stream_blocks(D);
        ELBOW_TRY(elbow_arena_take(arena, 4 * blocks, sizeof *made->words, &made->words));
        ELBOW_TRY(elbow_arena_take(arena, blocks, sizeof *made->blocks, &made->blocks));
    }
    *slice = made;
    return ELBOW_OK;
}

elbow_status elbow_slice_append(elbow_slice *slice, size_t first, size_t count) {
    return append(slice, first, count, NULL);
}

void elbow_slice_empty(elbow_slice *slice) {
    slice->count = 0;
    if (slice->offsets != NULL) slice->offsets[0] = 0;
}

elbow_status elbow_slice_read(elbow_slice **slice, elbow_dataset *dataset, elbow_split split, elbow_part part,
                              size_t first, size_t count, elbow_arena *arena) {
    elbow_slice *made = NULL;
    *slice = NULL;
    ELBOW_TRY(elbow_slice_reserve(&made, dataset, split, part, count, 0, arena));
    ELBOW_TRY(append(made, first, count, arena));
    *slice = made;
    return ELBOW_OK;
}

/* --------------------------------------------------------------------------------------------- sizes */

static int descending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* sizes: (blocks) tokens of each block; offsets: (block + 1). */
static elbow_status measure_blocks(uint64_t *sizes, uint64_t *offsets, const addition *of, size_t block) {
    char name[ELBOW_OBJECT_BYTES];
    const elbow_slice *slice = of->slice;
    uint64_t all = slice->dataset->stored[slice->split][slice->part].tokens;
    elbow_dataset_object(name, slice->split, slice->part, "offsets");
    for (size_t at = 0; at < of->count; at += block) {
        size_t rows = of->count - at < block ? of->count - at : block;
        ELBOW_TRY(
            elbow_h5_read_rows(slice->dataset->file, name, ELBOW_H5_U64, of->first + at, rows + 1, offsets));
        for (size_t i = 0; i < rows; i++)
            ELBOW_TRY(check_offset(slice->dataset, name, of->first + at + i, offsets + i, all,
                                   slice->field->dimensions));
        *sizes++ = offsets[rows] - offsets[0];
    }
    return ELBOW_OK;
}

elbow_status elbow_slice_most_tokens(size_t *tokens, elbow_dataset *dataset, elbow_split split,
                                     elbow_part part, size_t first, size_t count, size_t block,
                                     size_t blocks) {
    const elbow_slice slice = {
        .dataset = dataset, .split = split, .part = part, .field = &dataset->field[part]};
    const addition of = {&slice, first, count};
    size_t all = count / block + 1;
    *tokens = 0;
    if (slice.field->kind != ELBOW_SEQUENCE) return ELBOW_OK;
    uint64_t *sizes = calloc(all + block + 1, sizeof *sizes);
    ELBOW_CHECK(sizes != NULL, ELBOW_MEMORY, "%s: no memory to measure its sequences", dataset->path);
    elbow_status status = measure_blocks(sizes, sizes + all, &of, block);
    qsort(sizes, all, sizeof *sizes, descending);
    for (size_t b = 0; b < blocks && b < all; b++) *tokens += (size_t)sizes[b];
    free(sizes);
    return status;
}

double elbow_slice_room_bytes(const elbow_dataset *dataset, elbow_split split, elbow_part part, size_t count,
                              double tokens) {
    const elbow_stored_part *stored = &dataset->stored[split][part];
    double element = (double)elbow_h5_type_size(stored->type), examples = (double)count;
    if (!stored->present) return 0;
    if (dataset->field[part].kind == ELBOW_SEQUENCE) return examples * sizeof(uint64_t) + tokens * element;
    return examples * (double)dataset->field[part].dimensions * element;
}

double elbow_slice_bytes(const elbow_dataset *dataset, elbow_split split, elbow_part part, size_t count) {
    double tokens = (double)dataset->stored[split][part].tokens / (double)dataset->count[split];
    return elbow_slice_room_bytes(dataset, split, part, count, (double)count * tokens);
}
