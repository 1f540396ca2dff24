#include "train/blocks.h"

#include <math.h>
#include <stdio.h>

#include "elbow/base/random.h"

enum { BLOCK = ELBOW_EVALUATE_BLOCK, WALK_BLOCKS = 16 };

static size_t first_block(size_t rank, size_t ranks, size_t blocks) { return rank * blocks / ranks; }

void elbow_blocks_range(const elbow_blocks *blocks, int rank, size_t *begin, size_t *end) {
    size_t ranks = (size_t)blocks->world->size, r = (size_t)rank, n = blocks->examples;
    size_t from = first_block(r, ranks, blocks->blocks) * BLOCK,
           to = first_block(r + 1, ranks, blocks->blocks) * BLOCK;
    *end = to < n ? to : n;
    *begin = from < *end ? from : *end;
}

elbow_status elbow_blocks_reserve(elbow_batch *batch, const elbow_view *view, const elbow_vae *vae,
                                  size_t rows, elbow_arena *arena) {
    const elbow_field *x = elbow_vae_field(vae);
    if (x->kind == ELBOW_SEQUENCE) x = elbow_dataset_field(view->dataset, ELBOW_X);
    ELBOW_TRY(elbow_batch_reserve(batch, x, elbow_vae_context(vae), rows, arena));
    const elbow_field *labels = elbow_view_labels(view);
    return labels ? elbow_batch_reserve_labels(batch, labels, rows, arena) : ELBOW_OK;
}

elbow_status elbow_blocks_create(elbow_blocks *blocks, elbow_world *world, const elbow_view *view,
                                 const elbow_vae *vae, elbow_split split, uint64_t seed, elbow_arena *arena) {
    size_t rank = (size_t)world->rank, ranks = (size_t)world->size, begin = 0, end = 0;
    size_t examples = elbow_dataset_count(view->dataset, split);
    ELBOW_CHECK(examples > 0, ELBOW_USAGE, "%s has no %s split; choose another with --split, or import it",
                elbow_dataset_path(view->dataset), elbow_split_name(split));
    *blocks = (elbow_blocks){.world = world, .split = split, .seed = seed, .examples = examples};
    blocks->blocks = (examples + BLOCK - 1) / BLOCK;
    blocks->first = first_block(rank, ranks, blocks->blocks);
    blocks->count = first_block(rank + 1, ranks, blocks->blocks) - blocks->first;
    snprintf(blocks->purpose, sizeof blocks->purpose, "evaluate.%s.", elbow_split_name(split));
    elbow_blocks_range(blocks, world->rank, &begin, &end);
    ELBOW_TRY(elbow_blocks_reserve(&blocks->batch, view, vae, BLOCK, arena));
    ELBOW_TRY(elbow_arena_take(arena, ranks, sizeof *blocks->bytes, &blocks->bytes));
    return elbow_block_reader_create(&blocks->reader, view, split, begin, end - begin, seed, arena);
}

elbow_pass elbow_blocks_pass(const elbow_blocks *blocks, const real *parameters) {
    return (elbow_pass){.parameters = parameters,
                        .seed = blocks->seed,
                        .shard = ELBOW_SHARD_NONE,
                        .purpose = blocks->purpose};
}

size_t elbow_blocks_read(elbow_blocks *blocks, elbow_pass *pass, size_t b) {
    size_t first = (blocks->first + b) * BLOCK, left = blocks->examples - first;
    size_t rows = left < BLOCK ? left : BLOCK;
    pass->example = (uint32_t)first;
    elbow_block_reader_batch(blocks->reader, first, rows, &blocks->batch);
    return rows;
}

elbow_status elbow_blocks_gather(elbow_blocks *blocks, void *all, const void *own, size_t size) {
    size_t ranks = (size_t)blocks->world->size, of = blocks->blocks;
    for (size_t r = 0; r < ranks; r++)
        blocks->bytes[r] = (first_block(r + 1, ranks, of) - first_block(r, ranks, of)) * size;
    return elbow_world_allgather(blocks->world, own, all, blocks->bytes);
}

elbow_status elbow_blocks_gather_examples(elbow_blocks *blocks, void *all, const void *own, size_t size) {
    for (int r = 0; r < blocks->world->size; r++) {
        size_t begin = 0, end = 0;
        elbow_blocks_range(blocks, r, &begin, &end);
        blocks->bytes[r] = (end - begin) * size;
    }
    return elbow_world_allgather(blocks->world, own, all, blocks->bytes);
}

static elbow_status walk_some(const elbow_view *view, const elbow_vae *vae, elbow_split split, size_t begin,
                              size_t end, uint64_t seed, elbow_blocks_visit *visit, void *context) {
    elbow_status status = ELBOW_OK;
    elbow_arena *arena = NULL;
    elbow_block_reader *reader = NULL;
    elbow_batch batch = {0};
    ELBOW_TRY(elbow_arena_create(&arena));
    ELBOW_TRY_OR_DONE(elbow_blocks_reserve(&batch, view, vae, BLOCK, arena));
    ELBOW_TRY_OR_DONE(elbow_block_reader_create(&reader, view, split, begin, end - begin, seed, arena));
    for (size_t first = begin; first < end; first += BLOCK) {
        elbow_block_reader_batch(reader, first, end - first < BLOCK ? end - first : BLOCK, &batch);
        ELBOW_TRY_OR_DONE(visit(context, &batch, first));
    }
done:
    elbow_arena_destroy(&arena);
    return status;
}

elbow_status elbow_blocks_walk(const elbow_view *view, const elbow_vae *vae, elbow_split split,
                               size_t examples, uint64_t seed, elbow_blocks_visit *visit, void *context) {
    const size_t step = (size_t)WALK_BLOCKS * BLOCK;
    for (size_t begin = 0; begin < examples; begin += step) {
        size_t end = examples - begin < step ? examples : begin + step;
        ELBOW_TRY(walk_some(view, vae, split, begin, end, seed, visit, context));
    }
    return ELBOW_OK;
}

double elbow_standard_error(double sum, double square, double n) {
    double variance = square / n - (sum / n) * (sum / n);
    return n > 1 ? sqrt((variance > 0 ? variance : 0) / (n - 1)) : NAN;
}
