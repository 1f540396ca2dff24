#include "elbow/data/batch.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "data/pack.h"

elbow_status elbow_values_reserve(elbow_values *values, const elbow_field *field, size_t rows,
                                  elbow_arena *arena) {
    *values = (elbow_values){.field = field};
    if (field == NULL) return ELBOW_OK;
    size_t D = field->dimensions;
    ELBOW_CHECK(D > 0 && rows <= (field->kind == ELBOW_SEQUENCE ? UINT32_MAX : SIZE_MAX) / D, ELBOW_MEMORY,
                "%zu examples of %zu values are too many for a batch; make it smaller", rows, D);
    if (field->kind != ELBOW_SEQUENCE) return elbow_arena_reals(arena, rows * D, &values->reals);
    ELBOW_TRY(elbow_arena_take(arena, rows * D, sizeof *values->tokens, &values->tokens));
    ELBOW_TRY(elbow_arena_take(arena, D + 1, sizeof *values->begin, &values->begin));
    ELBOW_TRY(elbow_arena_take(arena, rows, sizeof *values->order, &values->order));
    ELBOW_TRY(elbow_arena_take(arena, rows, sizeof *values->length, &values->length));
    return elbow_arena_take(arena, rows, sizeof *values->example_length, &values->example_length);
}

elbow_status elbow_batch_reserve(elbow_batch *batch, const elbow_field *x, const elbow_field *context,
                                 size_t rows, elbow_arena *arena) {
    assert(context == NULL || context->kind != ELBOW_SEQUENCE);
    batch->rows = 0;
    batch->y = (elbow_values){0};
    ELBOW_TRY(elbow_values_reserve(&batch->x, x, rows, arena));
    return elbow_values_reserve(&batch->context, context, rows, arena);
}

elbow_status elbow_batch_reserve_labels(elbow_batch *batch, const elbow_field *y, size_t rows,
                                        elbow_arena *arena) {
    assert(y->kind == ELBOW_TABLE && y->dimensions == 1);
    return elbow_values_reserve(&batch->y, y, rows, arena);
}

elbow_status elbow_examples_reserve(elbow_examples *examples, const elbow_field *field, size_t count,
                                    elbow_arena *arena) {
    *examples = (elbow_examples){.field = field, .count = count};
    size_t D = field->dimensions;
    ELBOW_CHECK(D > 0 && count <= SIZE_MAX / D, ELBOW_MEMORY, "%zu examples of %zu values are too many",
                count, D);
    if (field->kind != ELBOW_SEQUENCE) return elbow_arena_reals(arena, count * D, &examples->reals);
    ELBOW_TRY(elbow_arena_take(arena, count * D, sizeof *examples->tokens, &examples->tokens));
    return elbow_arena_take(arena, count, sizeof *examples->length, &examples->length);
}

/* A counting sort within `begin`:  counts of each length  →  places before each length  →  after the examples
 * are placed, begin[t + 1] is how many are longer than t, which is active(t)  →  sums of those. */
void elbow_values_arrange(elbow_values *values, size_t rows) {
    uint32_t *begin = values->begin, longest = 0, longer = 0;
    for (size_t i = 0; i < rows; i++)
        if (values->example_length[i] > longest) longest = values->example_length[i];
    memset(begin, 0, (longest + (size_t)1) * sizeof *begin);
    for (size_t i = 0; i < rows; i++) begin[values->example_length[i]]++;
    for (size_t length = longest + (size_t)1; length-- > 0;) {
        uint32_t count = begin[length];
        begin[length] = longer;
        longer += count;
    }
    for (size_t i = 0; i < rows; i++) {
        uint32_t place = begin[values->example_length[i]]++;
        values->order[place] = (uint32_t)i;
        values->length[place] = values->example_length[i];
    }
    begin[0] = 0;
    for (size_t t = 0; t < longest; t++) begin[t + 1] += begin[t];
    values->steps = longest;
}

void elbow_values_from_examples(elbow_values *values, const elbow_examples *examples, size_t first,
                                size_t rows) {
    size_t D = examples->field->dimensions;
    if (examples->field->kind != ELBOW_SEQUENCE) {
        memcpy(values->reals, examples->reals + first * D, rows * D * sizeof *values->reals);
        return;
    }
    memcpy(values->example_length, examples->length + first, rows * sizeof *values->example_length);
    elbow_values_arrange(values, rows);
    for (size_t p = 0; p < rows; p++) {
        const uint32_t *tokens = examples->tokens + (first + values->order[p]) * D;
        for (size_t t = 0; t < values->length[p]; t++) values->tokens[values->begin[t] + p] = tokens[t];
    }
}

void elbow_examples_from_values(elbow_examples *examples, size_t first, const elbow_values *values,
                                size_t rows) {
    size_t D = examples->field->dimensions;
    if (examples->field->kind != ELBOW_SEQUENCE) {
        memcpy(examples->reals + first * D, values->reals, rows * D * sizeof *values->reals);
        return;
    }
    memcpy(examples->length + first, values->example_length, rows * sizeof *values->example_length);
    for (size_t p = 0; p < rows; p++) {
        uint32_t *tokens = examples->tokens + (first + values->order[p]) * D;
        for (size_t t = 0; t < values->length[p]; t++) tokens[t] = values->tokens[values->begin[t] + p];
    }
}

static void write_row(const elbow_field *field, const real *values, real *input) {
    for (size_t d = 0; d < field->dimensions; d++) {
        const elbow_column *column = &field->columns[d];
        bool missing = values[d] != values[d];
        if (column->cardinality > 0) {
            /* A code that cannot be is written as a missing one, rather than outside of its column. */
            if (values[d] >= 0 && values[d] < (real)column->cardinality) input[(size_t)values[d]] = 1;
            input += column->cardinality;
        } else {
            *input++ = missing ? 0 : values[d];
        }
        if (column->missing) *input++ = missing ? 1 : 0;
    }
}

static void write_sequences(const elbow_values *values, real *input, size_t width, size_t rows) {
    size_t V = values->field->vocabulary;
    for (size_t p = 0; p < rows; p++) {
        real *row = input + values->order[p] * width;
        for (size_t t = 0; t < values->length[p]; t++) row[t * V + values->tokens[values->begin[t] + p]] = 1;
    }
}

void elbow_values_write_input(const elbow_values *values, real *input, size_t width, size_t at, size_t rows) {
    const elbow_field *field = values->field;
    size_t D = field->dimensions, own = elbow_field_input_width(field);
    assert(at + own <= width);
    for (size_t i = 0; i < rows; i++) {
        real *row = input + i * width + at;
        if (field->kind == ELBOW_IMAGE)
            memcpy(row, values->reals + i * D, D * sizeof *row);
        else
            memset(row, 0, own * sizeof *row);
        if (field->kind == ELBOW_TABLE) write_row(field, values->reals + i * D, row);
    }
    if (field->kind == ELBOW_SEQUENCE) write_sequences(values, input + at, width, rows);
}
