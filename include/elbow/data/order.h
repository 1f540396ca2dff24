/* Who sees what, when: a pure function of (seed, shards, N, batch, shuffle).
 *
 * N examples, global batch B, T = ceil(N / B) steps an epoch. Step t of an epoch takes the positions
 * [⌊tN/T⌋, ⌊(t+1)N/T⌋). Position i belongs to shard i mod S and is the j-th of that shard, j = ⌊i / S⌋. The
 * shard looks its j up in this epoch's permutation of its own contiguous slice of the training set:
 *
 *     slice s has n_s = ceil((N − s) / S) examples and starts at n_0 + … + n_{s−1}
 *
 * Every example is seen once an epoch, none is dropped or padded, batches differ by at most one example.
 * Permutations come from the stream (seed, shard, "data.shuffle") with the epoch as step: `full` is one
 * Fisher–Yates shuffle of the slice; `window` shuffles the slice's blocks of 256 examples, then the examples
 * within every `window` consecutive blocks. Fisher–Yates goes down: for i = n … 2 it swaps the values at i − 1
 * and elbow_random_below(bits, i). Its k-th 64 bits are words 2(k mod 2), the low half, and 2(k mod 2) + 1 of
 * block ⌊k / 2⌋; the example word is 0, and 1 for the second shuffle of `window`. Nothing is saved: a resume
 * recomputes. All functions are Local. */
#ifndef ELBOW_DATA_ORDER_H
#define ELBOW_DATA_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "elbow/base/error.h"

enum { ELBOW_ORDER_BLOCK = 256 };

typedef struct elbow_order_spec {
    uint64_t seed;
    size_t shards;   /* S */
    size_t examples; /* N */
    size_t batch;    /* B, at least S */
    size_t window;   /* 0: full; else blocks a window */
} elbow_order_spec;

/* ELBOW_USAGE where N < S, B < S, or N ≥ 2^32. With B near S a step of ⌊N / T⌋ < S examples leaves a shard without
 * any: it then has no rows, and a gradient of 0. */
elbow_status elbow_order_check(const elbow_order_spec *spec);

size_t elbow_order_steps(const elbow_order_spec *spec);                   /* T */
size_t elbow_order_step_examples(const elbow_order_spec *spec, size_t t); /* of all shards in step t */
size_t elbow_order_most_examples(const elbow_order_spec *spec);           /* most of one shard in any step */
void elbow_order_slice(const elbow_order_spec *spec, size_t shard, size_t *first, size_t *count);

/* Positions j in [*first, *first + *count) of the shard that step t of an epoch takes. */
void elbow_order_step(const elbow_order_spec *spec, size_t shard, size_t t, size_t *first, size_t *count);

/* With `window`, an epoch of a shard in parts, so that nothing of the size of the slice is needed but its blocks' order.
 * Window w holds the positions [*first, *first + *count) of the shard: the blocks[wW] … blocks[wW + W − 1] one after
 * the other, in an order of their own. Every window has at least one position, and at most 256·W. */
size_t elbow_order_blocks(const elbow_order_spec *spec,
                          size_t shard); /* of the slice, the last may be short */
size_t elbow_order_windows(const elbow_order_spec *spec, size_t shard); /* of an epoch */
void elbow_order_permute_blocks(const elbow_order_spec *spec, size_t shard, uint64_t epoch,
                                uint32_t *blocks); /* (blocks) this epoch's order of them */
void elbow_order_window(const elbow_order_spec *spec, size_t shard, const uint32_t *blocks, size_t w,
                        size_t *first, size_t *count);
/* permutation: (count), the window's examples (0 … count − 1: those of its blocks, one block after the other). `first` and
 * `count` are elbow_order_window's. */
void elbow_order_permute_window(const elbow_order_spec *spec, size_t shard, uint64_t epoch, size_t w,
                                size_t first, size_t count, uint32_t *permutation);
/* How many windows hold the positions of one step, at the most. */
size_t elbow_order_step_windows(const elbow_order_spec *spec);

/* permutation: (n_s), the slice's examples (0 … n_s − 1, relative to the slice) in this epoch's order.
 * scratch: (n_s) as well, used by `window`; may be NULL for `full`. */
void elbow_order_permutation(const elbow_order_spec *spec, size_t shard, uint64_t epoch,
                             uint32_t *permutation, uint32_t *scratch);

/* The example of the training split that is row `row` of the shard's in step t of the epoch, of those that the order gives it. As
 * slow as a permutation. ELBOW_MEMORY. */
elbow_status elbow_order_example(const elbow_order_spec *spec, size_t shard, uint64_t epoch, size_t t,
                                 size_t row, size_t *example);

#endif
