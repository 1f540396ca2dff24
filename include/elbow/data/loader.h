/* Batches: a rank's shards of the training set in memory, and examples as model input.
 *
 * Values are held as stored (bytes) and become reals as a batch is gathered:
 *
 *     none        x = value / maximum
 *     threshold   x = 1 where value / maximum ≥ ½, else 0
 *     dynamic     x ~ Bernoulli(value / maximum), afresh each time an example is seen, from the stream
 *                 (seed, shard, "data.binarize") at (example in the shard's batch, step)
 *
 * All functions are Local. */
#ifndef ELBOW_DATA_LOADER_H
#define ELBOW_DATA_LOADER_H

#include "elbow/base/real.h"
#include "elbow/data/dataset.h"
#include "elbow/data/order.h"

typedef struct elbow_loader elbow_loader;

/* Reads the slices of shards [first, first + count). ELBOW_IO, ELBOW_FORMAT, ELBOW_MEMORY. */
elbow_status elbow_loader_create(elbow_loader **loader, elbow_dataset *dataset, const elbow_order_spec *order,
                                 size_t first, size_t count, elbow_binarize binarize);
void elbow_loader_destroy(elbow_loader **loader);

/* Shuffles for an epoch; needed before its first batch, and cheap when it is already the current one. */
void elbow_loader_epoch(elbow_loader *loader, uint64_t epoch);

/* The examples of `shard` in step t of the epoch, which is global step `step`. x: (most examples, D). Returns
 * how many. */
size_t elbow_loader_batch(elbow_loader *loader, size_t shard, size_t t, uint64_t step, real *x);

size_t elbow_loader_bytes(const elbow_loader *loader);

/* Values (rows, D) as x, for evaluation: `dynamic` draws once per example, from the stream (seed,
 * ELBOW_SHARD_NONE, "evaluate.SPLIT.binarize") at the example's index. words: (D) scratch. */
void elbow_loader_convert(real *x, const uint8_t *values, size_t rows, const elbow_field *field,
                          elbow_binarize binarize, uint64_t seed, elbow_split split, size_t first_example,
                          uint32_t *words);

#endif
