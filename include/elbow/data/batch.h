/* A batch as the model sees it: the values of B examples, for conditional models what they are given, and, where some labels
 * are known (data.labels), those.
 *
 * Pixels are reals in [0, 1]. A table's row has one real a column: a code, a standardised value, or NaN where it
 * is missing. Sequences are packed by time, longest first, so that nothing is computed for what is not there:
 *
 *     place 0   t h e   c a t .        order[i]: the example at place i; ties keep the examples' order
 *     place 1   a   c a t .            step t holds the first active(t) = begin[t+1] − begin[t] places
 *     place 2   c a t .                tokens: step 0 of all places, step 1 of those that have one, …
 *
 * Buffers are reserved once for a largest number of rows. All functions are Local. */
#ifndef ELBOW_DATA_BATCH_H
#define ELBOW_DATA_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "elbow/base/arena.h"
#include "elbow/base/real.h"
#include "elbow/data/field.h"

typedef struct elbow_values {
    const elbow_field *field; /* NULL: there is no such field */
    real *reals;              /* (B, D) of images and tables */
    uint32_t *tokens;         /* (begin[steps]) packed, of sequences */
    size_t steps;             /* tokens of the longest sequence */
    uint32_t *begin;          /* (steps + 1) */
    uint32_t *order, *length; /* (B) by place: which example, how many tokens */
    uint32_t *example_length; /* (B) by example: how many tokens */
} elbow_values;

/* Places of step t. */
static inline size_t elbow_values_active(const elbow_values *values, size_t t) {
    return values->begin[t + 1] - values->begin[t];
}

typedef struct elbow_batch {
    size_t rows; /* B */
    elbow_values x, context;
    elbow_values y; /* the label's code of each example, NaN where it is not known; no field: nobody asks */
} elbow_batch;

/* Buffers for up to `rows` examples. context may be NULL; it is an image or a table, never a sequence. The fields are
 * kept by reference. Sequences must fit: where data and model differ in D, reserve with the data's field. */
elbow_status elbow_batch_reserve(elbow_batch *batch, const elbow_field *x, const elbow_field *context,
                                 size_t rows, elbow_arena *arena);

/* Room for their labels, after that. */
elbow_status elbow_batch_reserve_labels(elbow_batch *batch, const elbow_field *y, size_t rows,
                                        elbow_arena *arena);

/* Values as a dense layer's input, elbow_field_input_width reals a row, at column `at` of rows of `width` reals. Row i
 * is example i, of sequences too: place p is row order[p]. */
void elbow_values_write_input(const elbow_values *values, real *input, size_t width, size_t at, size_t rows);

/* Examples as their file has them, and as values that a model generates: unpacked. */
typedef struct elbow_examples {
    const elbow_field *field;
    size_t count;
    real *reals;      /* (count, D) of images and tables, as in elbow_values */
    uint32_t *tokens; /* (count, D) of sequences, the first length[i] valid */
    uint32_t *length; /* (count) */
} elbow_examples;

elbow_status elbow_examples_reserve(elbow_examples *examples, const elbow_field *field, size_t count,
                                    elbow_arena *arena);

/* Packs examples [first, first + rows) as values that were reserved for as many. */
void elbow_values_from_examples(elbow_values *values, const elbow_examples *examples, size_t first,
                                size_t rows);

/* And back: rows of values become examples [first, first + rows). The examples' D may be larger, of sequences. */
void elbow_examples_from_values(elbow_examples *examples, size_t first, const elbow_values *values,
                                size_t rows);

#endif
