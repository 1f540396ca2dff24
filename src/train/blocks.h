/* A split by blocks of ELBOW_EVALUATE_BLOCK examples: the unit of every figure that must not depend on the rank count.
 *
 * Blocks are dealt to the ranks in order, so that what ranks concatenate is in the order of the examples. */
#ifndef ELBOW_SRC_TRAIN_BLOCKS_H
#define ELBOW_SRC_TRAIN_BLOCKS_H

#include "elbow/train/evaluate.h"

typedef struct elbow_blocks {
    elbow_world *world;
    elbow_split split;
    uint64_t seed;
    size_t examples, blocks;
    size_t first, count; /* this rank's blocks */
    elbow_block_reader *reader;
    elbow_batch batch; /* of a block */
    size_t *bytes;     /* (ranks): scratch of gather */
    char purpose[32];
} elbow_blocks;

/* Room for examples of a view that the model takes, as inputs of the model's own width: columns that may be missing in
 * one may not be in the other (elbow_field_match). Sequences have the data's longest. Local. */
elbow_status elbow_blocks_reserve(elbow_batch *batch, const elbow_view *view, const elbow_vae *vae,
                                  size_t rows, elbow_arena *arena);

/* Reads this rank's blocks into the arena. ELBOW_USAGE where the split is absent. Local. */
elbow_status elbow_blocks_create(elbow_blocks *blocks, elbow_world *world, const elbow_view *view,
                                 const elbow_vae *vae, elbow_split split, uint64_t seed, elbow_arena *arena);

/* The pass of evaluation over the blocks; valid as long as they are. Local. */
elbow_pass elbow_blocks_pass(const elbow_blocks *blocks, const real *parameters);

/* Block first + b as blocks->batch, and pass->example its first example. Returns its rows. Local. */
size_t elbow_blocks_read(elbow_blocks *blocks, elbow_pass *pass, size_t b);

/* This rank's examples: [*begin, *end). Local. */
void elbow_blocks_range(const elbow_blocks *blocks, int rank, size_t *begin, size_t *end);

/* `size` bytes a block, own (count) → all (blocks), on every rank. Collective. */
elbow_status elbow_blocks_gather(elbow_blocks *blocks, void *all, const void *own, size_t size);

/* `size` bytes an example, own (this rank's examples) → all (examples), on every rank. Collective. */
elbow_status elbow_blocks_gather_examples(elbow_blocks *blocks, void *all, const void *own, size_t size);

/* Calls `visit` with the first `examples` examples of a split, a block at a time, reading a few blocks at a time: data
 * of any size. Local. */
typedef elbow_status elbow_blocks_visit(void *context, const elbow_batch *batch, size_t first);
elbow_status elbow_blocks_walk(const elbow_view *view, const elbow_vae *vae, elbow_split split,
                               size_t examples, uint64_t seed, elbow_blocks_visit *visit, void *context);

/* The standard error of a mean, from sums over n examples; NaN of one. */
double elbow_standard_error(double sum, double square, double n);

#endif
