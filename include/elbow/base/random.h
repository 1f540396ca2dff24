/* Randomness without state: Philox4x32-10 (Salmon et al. 2011), a function from (key, counter) to 4 words.
 *
 * A stream is a key. It comes from the run's seed, a shard, and a dotted name for what the numbers are for
 * ("latent.0.gumbel", "data.binarize", "init.encoder.0.weight"), so adding a layer moves no other stream:
 *
 *     h   = XXH64(purpose, seed 0)
 *     key = mix(mix(mix(seed) ^ shard) ^ h),   mix(v) = the finaliser of SplitMix64 on v + 0x9E3779B97F4A7C15
 *     key[0] = low 32 bits, key[1] = high 32 bits
 *
 * The counter says which draw: (block, example in the shard's batch, step low, step high). Nothing is saved
 * or restored on resume, and any draw can be recomputed alone. Evaluation uses shard ELBOW_SHARD_NONE, the
 * example's index in its split, and the draw's number in place of the step.
 *
 * Word w of an example is lane w mod 4 of block first_block + w/4. Draw s of several for one example begins at
 * block s · ceil(words of a draw / 4). All functions are Local and cannot fail. */
#ifndef ELBOW_BASE_RANDOM_H
#define ELBOW_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#define ELBOW_SHARD_NONE UINT64_MAX /* streams that belong to the run, not to a shard */

typedef struct elbow_stream {
    uint32_t key[2];
} elbow_stream;

elbow_stream elbow_stream_make(uint64_t seed, uint64_t shard, const char *purpose);

/* One block of four words. */
void elbow_stream_block(elbow_stream stream, uint32_t block, uint32_t example, uint64_t step,
                        uint32_t words[4]);

/* words: (rows, count); row r is example first_example + r. Every row starts at first_block. */
void elbow_stream_rows(elbow_stream stream, uint32_t first_block, uint32_t first_example, uint64_t step,
                       size_t rows, size_t count, uint32_t *words);

/* The same of one example and some of its blocks: those numbered blocks[0] … blocks[count − 1] go to words[4 · number],
 * and what else is in words stays. */
void elbow_stream_some(elbow_stream stream, const uint32_t *blocks, size_t count, uint32_t example,
                       uint64_t step, uint32_t *words);

/* Blocks that `count` words take: what a second draw for the same example adds to first_block. */
static inline uint32_t elbow_stream_blocks(size_t count) { return (uint32_t)((count + 3) / 4); }

/* An index in [0, bound) from 64 random bits, by multiplication (Lemire 2019; bias below bound / 2^64). */
uint64_t elbow_random_below(uint64_t bits, uint64_t bound);

#endif
