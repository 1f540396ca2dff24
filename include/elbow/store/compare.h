/* What differs between two checkpoints, or two metrics files: bit by bit, with names, indices and sizes.
 *
 * What counts: the step, the model's tensors, the optimizer's, the metrics (rows and columns, the row being filled), the
 * seed, shards, data and fields, the best so far, and options that define a run. What does not, and is listed all the
 * same: other options, and what and where computed it. Time is not compared at all: seconds, rates, stragglers.
 * All functions are Local. */
#ifndef ELBOW_STORE_COMPARE_H
#define ELBOW_STORE_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elbow/base/error.h"
#include "elbow/base/real.h"
#include "elbow/store/checkpoint.h"
#include "elbow/store/metrics.h"

enum { ELBOW_COMPARED_NAME = 160, ELBOW_COMPARED_VALUE = 96 };

/* Something with one value in each: step, optimizer.learning_rate, the shape of encoder.0.weight. */
typedef struct elbow_compared_item {
    char name[ELBOW_COMPARED_NAME];
    char a[ELBOW_COMPARED_VALUE], b[ELBOW_COMPARED_VALUE]; /* cut where they are longer */
    bool counts;
} elbow_compared_item;

/* A tensor, or a column of metrics, that has the same shape in both and other values. */
typedef struct elbow_compared_values {
    char name
        [ELBOW_COMPARED_NAME]; /* "decoder.0.weight", "adam/first_moment/decoder.0.weight", "metrics/train/elbo" */
    size_t dims, shape[ELBOW_TENSOR_DIMS];
    size_t count, different;         /* values; of them, with other bits */
    size_t first[ELBOW_TENSOR_DIMS]; /* where the first is */
    double a, b;                     /* what it is there: exact, also of floats */
    uint64_t bits_a, bits_b;         /* the same as stored, in `bytes` bytes */
    size_t bytes;                    /* 4 of floats, 8 of doubles */
    double absolute;                 /* the largest |a − b|; infinite where one is not finite */
    double
        relative; /* the largest |a − b| / max(|a|, |b|) where both are finite and of one sign; nan where none is */
    uint64_t ulps;   /* the largest number of steps from float to float; UINT64_MAX with NaN */
    double row_step; /* of metrics: the step of the first row that differs */
} elbow_compared_values;

typedef struct elbow_comparison {
    bool same;                                       /* nothing that counts differs */
    size_t tensors, optimizer_tensors, metrics_rows; /* compared, both sides having them */
    elbow_compared_item *items;                      /* (item_count) */
    size_t item_count, item_room;
    elbow_compared_values
        *values; /* (value_count): the model's in the order of a's layout, the optimizer's, metrics */
    size_t value_count, value_room;
    size_t model_values, optimizer_values; /* how many of them are of the model, and of the optimizer */
} elbow_comparison;

/* ELBOW_MEMORY. A config that cannot be read by this elbow is compared as text. */
elbow_status elbow_checkpoint_compare(elbow_comparison **comparison, const elbow_checkpoint *a,
                                      const elbow_checkpoint *b);
elbow_status elbow_metrics_compare(elbow_comparison **comparison, const elbow_metrics *a,
                                   const elbow_metrics *b);
void elbow_comparison_destroy(elbow_comparison **comparison);

/* Whether a column of metrics measures time, and so differs from run to run. */
bool elbow_column_measures_time(const char *name);

/* "decoder.0.weight[3, 17] is 0.0123456789 (3c4a4588) and 0.012345679 (3c4a4589)": the first value that differs, of
 * columns with the row's step. */
void elbow_compared_text(const elbow_compared_values *values, char *text, size_t room);

#endif
