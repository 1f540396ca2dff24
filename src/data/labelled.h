/* The training examples whose labels are known, in semi-supervised training (elbow/data/loader.h says who sees which, when).
 *
 * Of class k of K, ⌊n/K⌋ examples, and one more where k < n mod K: those with the smallest random keys, an example's key being the
 * first 64 bits of block 0 of the stream (seed, ELBOW_SHARD_NONE, "data.labels") at (example, 0). All functions are Local. */
#ifndef ELBOW_SRC_DATA_LABELLED_H
#define ELBOW_SRC_DATA_LABELLED_H

#include "data/windows.h"
#include "elbow/data/loader.h"

typedef struct elbow_labelled elbow_labelled;

/* Reads the labels of the training split, and view->labels of its examples. Memory comes from the arena. ELBOW_MISMATCH where
 * a class has too few. */
elbow_status elbow_labelled_create(elbow_labelled **labelled, const elbow_view *view,
                                   const elbow_order_spec *order, elbow_arena *arena);

/* Most of them in a shard's batch, of M in a step. */
size_t elbow_labelled_most(size_t labelled, size_t shards);

/* Puts the shard's labelled examples of a global step behind the pieces of its batch, and y of all: NaN, and theirs. The new
 * pieces are good until the next call. */
void elbow_labelled_join(elbow_labelled *labelled, size_t shard, uint64_t step, elbow_pieces *pieces,
                         elbow_values *y);

/* The example of the training split that is `row` of those, counted from the first labelled one. */
size_t elbow_labelled_example(const elbow_labelled *labelled, size_t shard, uint64_t step, size_t row);

#endif
