#include "elbow/data/order.h"

#include <assert.h>
#include <stdlib.h>

#include "elbow/base/random.h"

/* The stages of a permutation draw from different examples of the stream. */
enum { DRAW_ALL = 0, DRAW_BLOCKS = 0, DRAW_WITHIN = 1 };

/* 64 random bits after another: two a block of the stream. */
typedef struct draws {
    elbow_stream stream;
    uint64_t epoch;
    uint32_t stage;
    uint64_t taken;
    uint32_t words[4];
} draws;

static uint64_t next_bits(draws *draw) {
    if (draw->taken % 2 == 0)
        elbow_stream_block(draw->stream, (uint32_t)(draw->taken / 2), draw->stage, draw->epoch, draw->words);
    const uint32_t *pair = draw->words + 2 * (draw->taken % 2);
    draw->taken++;
    return (uint64_t)pair[0] | (uint64_t)pair[1] << 32;
}

static void shuffle(uint32_t *values, size_t count, draws *draw) {
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)elbow_random_below(next_bits(draw), i);
        uint32_t value = values[i - 1];
        values[i - 1] = values[j];
        values[j] = value;
    }
}

elbow_status elbow_order_check(const elbow_order_spec *spec) {
    ELBOW_CHECK(spec->shards >= 1, ELBOW_USAGE, "parallel.shards is 0; it must be at least 1");
    ELBOW_CHECK(
        spec->examples >= spec->shards, ELBOW_USAGE,
        "%zu training examples cannot be dealt to %zu shards; set parallel.shards to %zu or less, or use "
        "fewer ranks",
        spec->examples, spec->shards, spec->examples);
    ELBOW_CHECK(
        spec->batch >= spec->shards, ELBOW_USAGE,
        "train.batch is %zu, less than the %zu shards, so some would have nothing to do; raise train.batch "
        "to %zu or more, or lower parallel.shards",
        spec->batch, spec->shards, spec->shards);
    ELBOW_CHECK(spec->examples <= UINT32_MAX, ELBOW_USAGE,
                "%zu training examples are more than the %lu that an epoch can have; set data.limit",
                spec->examples, (unsigned long)UINT32_MAX);
    return ELBOW_OK;
}

size_t elbow_order_steps(const elbow_order_spec *spec) {
    return spec->examples / spec->batch + (spec->examples % spec->batch != 0);
}

/* ⌊tN/T⌋: t ≤ T ≤ N < 2^32, so the product fits. */
static uint64_t step_start(const elbow_order_spec *spec, size_t t) {
    return (uint64_t)t * spec->examples / elbow_order_steps(spec);
}

size_t elbow_order_step_examples(const elbow_order_spec *spec, size_t t) {
    return (size_t)(step_start(spec, t + 1) - step_start(spec, t));
}

/* Some step has ⌈N/T⌉ positions, and of m consecutive positions some shard has ⌈m/S⌉. */
size_t elbow_order_most_examples(const elbow_order_spec *spec) {
    size_t steps = elbow_order_steps(spec);
    size_t most = (spec->examples + steps - 1) / steps;
    return (most + spec->shards - 1) / spec->shards;
}

/* How many of the positions below `end` are the shard's: those i with i mod S = shard. */
static size_t positions_below(const elbow_order_spec *spec, size_t shard, uint64_t end) {
    return end > shard ? (size_t)((end - shard + spec->shards - 1) / spec->shards) : 0;
}

void elbow_order_slice(const elbow_order_spec *spec, size_t shard, size_t *first, size_t *count) {
    /* The first N mod S slices have one more. */
    size_t least = spec->examples / spec->shards, larger = spec->examples % spec->shards;
    *first = shard * least + (shard < larger ? shard : larger);
    *count = least + (shard < larger);
}

void elbow_order_step(const elbow_order_spec *spec, size_t shard, size_t t, size_t *first, size_t *count) {
    *first = positions_below(spec, shard, step_start(spec, t));
    *count = positions_below(spec, shard, step_start(spec, t + 1)) - *first;
}

static size_t slice_examples(const elbow_order_spec *spec, size_t shard) {
    size_t first, count;
    elbow_order_slice(spec, shard, &first, &count);
    return count;
}

size_t elbow_order_blocks(const elbow_order_spec *spec, size_t shard) {
    return (slice_examples(spec, shard) + ELBOW_ORDER_BLOCK - 1) / ELBOW_ORDER_BLOCK;
}

size_t elbow_order_windows(const elbow_order_spec *spec, size_t shard) {
    size_t blocks = elbow_order_blocks(spec, shard);
    return blocks / spec->window + (blocks % spec->window != 0);
}

static draws begin_draws(const elbow_order_spec *spec, size_t shard, uint64_t epoch, uint32_t stage,
                         uint64_t taken) {
    draws draw = {.stream = elbow_stream_make(spec->seed, shard, "data.shuffle"),
                  .epoch = epoch,
                  .stage = stage,
                  .taken = taken};
    if (taken % 2 == 1)
        elbow_stream_block(draw.stream, (uint32_t)(taken / 2), draw.stage, draw.epoch, draw.words);
    return draw;
}

void elbow_order_permute_blocks(const elbow_order_spec *spec, size_t shard, uint64_t epoch,
                                uint32_t *blocks) {
    size_t count = elbow_order_blocks(spec, shard);
    draws draw = begin_draws(spec, shard, epoch, DRAW_BLOCKS, 0);
    for (size_t b = 0; b < count; b++) blocks[b] = (uint32_t)b;
    shuffle(blocks, count, &draw);
}

/*     blocks in order   0 1 2 3 4|      shuffled    3 0 4|1 2          examples shuffled within
 *                                |                  └─W─┘└─W─┘         each window of W blocks
 * The last block may be short; it goes where the shuffle puts it, and what follows comes that much earlier. */
void elbow_order_window(const elbow_order_spec *spec, size_t shard, const uint32_t *blocks, size_t w,
                        size_t *first, size_t *count) {
    size_t all = elbow_order_blocks(spec, shard), begin = w * spec->window;
    size_t end = all - begin < spec->window ? all : begin + spec->window;
    size_t absent = all * ELBOW_ORDER_BLOCK - slice_examples(spec, shard), at = 0;
    while (blocks[at] != all - 1) at++;
    *first = begin * ELBOW_ORDER_BLOCK - (at < begin ? absent : 0);
    *count = end * ELBOW_ORDER_BLOCK - (at < end ? absent : 0) - *first;
}

/* A shuffle of m takes m − 1 draws, so the windows before this one took a draw for each position but one. */
void elbow_order_permute_window(const elbow_order_spec *spec, size_t shard, uint64_t epoch, size_t w,
                                size_t first, size_t count, uint32_t *permutation) {
    draws draw = begin_draws(spec, shard, epoch, DRAW_WITHIN, first - w);
    for (size_t i = 0; i < count; i++) permutation[i] = (uint32_t)i;
    shuffle(permutation, count, &draw);
}

/* m positions touch two windows, and more where whole ones fit in between: of those all but one have 256·W, and that
 * one, with the short block, at least 256·(W − 1) + 1. */
size_t elbow_order_step_windows(const elbow_order_spec *spec) {
    size_t positions = elbow_order_most_examples(spec), whole = ELBOW_ORDER_BLOCK * spec->window;
    size_t least = whole - ELBOW_ORDER_BLOCK + 1;
    return positions < least + 2 ? 2 : 3 + (positions - 2 - least) / whole;
}

static void permute_by_windows(const elbow_order_spec *spec, size_t shard, uint64_t epoch,
                               uint32_t *permutation, uint32_t *blocks) {
    size_t count = slice_examples(spec, shard), of = elbow_order_blocks(spec, shard);
    size_t placed = 0, first = 0;
    draws draw = begin_draws(spec, shard, epoch, DRAW_WITHIN, 0);
    elbow_order_permute_blocks(spec, shard, epoch, blocks);
    for (size_t b = 0; b < of; b++) {
        size_t from = (size_t)blocks[b] * ELBOW_ORDER_BLOCK;
        for (size_t i = from; i < count && i < from + ELBOW_ORDER_BLOCK; i++)
            permutation[placed++] = (uint32_t)i;
        if ((b + 1) % spec->window != 0 && b + 1 < of) continue;
        shuffle(permutation + first, placed - first, &draw);
        first = placed;
    }
}

void elbow_order_permutation(const elbow_order_spec *spec, size_t shard, uint64_t epoch,
                             uint32_t *permutation, uint32_t *scratch) {
    if (spec->window > 0) {
        permute_by_windows(spec, shard, epoch, permutation, scratch);
        return;
    }
    size_t count = slice_examples(spec, shard);
    draws draw = begin_draws(spec, shard, epoch, DRAW_ALL, 0);
    for (size_t i = 0; i < count; i++) permutation[i] = (uint32_t)i;
    shuffle(permutation, count, &draw);
}

elbow_status elbow_order_example(const elbow_order_spec *spec, size_t shard, uint64_t epoch, size_t t,
                                 size_t row, size_t *example) {
    size_t slice = 0, count = 0, first = 0, rows = 0;
    elbow_order_slice(spec, shard, &slice, &count);
    elbow_order_step(spec, shard, t, &first, &rows);
    assert(row < rows);
    uint32_t *both = calloc(2 * count + 1, sizeof *both);
    ELBOW_CHECK(both != NULL, ELBOW_MEMORY, "no memory for the order of %zu examples", count);
    elbow_order_permutation(spec, shard, epoch, both, both + count);
    *example = slice + both[first + row];
    free(both);
    return ELBOW_OK;
}
