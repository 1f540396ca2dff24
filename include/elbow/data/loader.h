/* Batches: a rank's shards of the training set, and a split's blocks for evaluation.
 *
 * The training set is in memory, or, with `window` shuffle, only the windows that the next steps take their examples from:
 * a thread reads them ahead. The batches are the same, to the bit. Values are held as stored and become reals or packed tokens (batch.h) as a batch is gathered. Pixels:
 *
 *     none        x = value / maximum
 *     threshold   x = 1 where value / maximum ≥ ½, else 0
 *     dynamic     x ~ Bernoulli(value / maximum), afresh each time an example is seen, from the stream
 *                 (seed, shard, "data.binarize") at (example in the shard's batch, step)
 *
 * With labels of a few training examples (elbow_view_label) every step has some of those beside the examples of its order,
 * behind them in the shard's batch; only theirs are told. They are chosen by the seed, as many of each class but for one, and
 * take turns, class after class: step t has positions tM … (t + 1)M − 1 of the round of them, and shard s of S the part from
 * ⌊sM/S⌋ on. All ranks hold all of them.
 *
 * All functions are Local. */
#ifndef ELBOW_DATA_LOADER_H
#define ELBOW_DATA_LOADER_H

#include "elbow/data/batch.h"
#include "elbow/data/dataset.h"
#include "elbow/data/order.h"

/* What of a data set a model uses, and how. */
typedef struct elbow_view {
    elbow_dataset *dataset;
    elbow_binarize binarize;
    elbow_part context; /* ELBOW_PARTS: nothing is given */
    size_t labels;      /* training examples whose labels are known; 0: labels are not looked at */
    size_t labelled;    /* of those in a step: M, at most `labels` */
    double room; /* bytes of training examples that a rank holds; with more, it reads windows ahead where that
                         * takes less; 0: it does so whatever that takes */
    double most; /* bytes of training examples that a rank can hold, all or windows */
} elbow_view;

/* From data.binarize and data.context; everything is held in memory. ELBOW_USAGE, and ELBOW_MISMATCH where the data have no such field. */
elbow_status elbow_view_create(elbow_view *view, elbow_dataset *dataset, const char *binarize,
                               const char *context);
/* From data.memory, for a rank that shares its node's memory with `ranks` (itself included). ELBOW_USAGE. */
elbow_status elbow_view_limit(elbow_view *view, const char *memory, size_t ranks);
/* From data.labels, and train.labelled, where 0 is as many as `batch`, or all. ELBOW_USAGE, and ELBOW_MISMATCH where the data have no
 * labels, or not so many. */
elbow_status elbow_view_label(elbow_view *view, int64_t labels, int64_t labelled, int64_t batch);
const elbow_field *elbow_view_context(const elbow_view *view); /* NULL: none */
const elbow_field *elbow_view_labels(const elbow_view *view);  /* NULL: nobody looks at them */
/* Most rows that a shard's batch has in any step. */
size_t elbow_view_most_rows(const elbow_view *view, const elbow_order_spec *order);

typedef struct elbow_loader elbow_loader;

/* For shards [first, first + count): reads their slices, or starts the thread that will. ELBOW_IO, ELBOW_FORMAT,
 * ELBOW_MEMORY, also where it would need more than view->most; ELBOW_USAGE where `full` shuffle is to stream. */
elbow_status elbow_loader_create(elbow_loader **loader, const elbow_view *view, const elbow_order_spec *order,
                                 size_t first, size_t count);
void elbow_loader_destroy(elbow_loader **loader);

/* Shuffles for an epoch; needed before its first batch, and cheap when it is already the current one. */
void elbow_loader_epoch(elbow_loader *loader, uint64_t epoch);

/* The examples of `shard` in step t of the epoch, which is global step `step`, into a batch that was reserved for
 * them. Sets batch->rows: 0 where reading ahead has failed. */
void elbow_loader_batch(elbow_loader *loader, size_t shard, size_t t, uint64_t step, elbow_batch *batch);

/* The example of the training split that is row `row` of that batch, of the current epoch. As slow as a permutation. ELBOW_MEMORY. */
elbow_status elbow_loader_example(const elbow_loader *loader, size_t shard, size_t t, uint64_t step,
                                  size_t row, size_t *example);

/* Whether all batches so far were what they should be; the failure of reading ahead where they were not. */
elbow_status elbow_loader_status(elbow_loader *loader);

bool elbow_loader_streams(const elbow_loader *loader);
/* Everything that it will ever hold, but for HDF5's own. */
size_t elbow_loader_bytes(const elbow_loader *loader);

/* Examples [first, first + count) of a split, for evaluation: `dynamic` draws once per example, from the stream
 * (seed, ELBOW_SHARD_NONE, "evaluate.SPLIT.binarize") at the example's index. */
typedef struct elbow_block_reader elbow_block_reader;
elbow_status elbow_block_reader_create(elbow_block_reader **reader, const elbow_view *view, elbow_split split,
                                       size_t first, size_t count, uint64_t seed, elbow_arena *arena);
/* Examples [begin, begin + rows), indices in the split. */
void elbow_block_reader_batch(elbow_block_reader *reader, size_t begin, size_t rows, elbow_batch *batch);

#endif
