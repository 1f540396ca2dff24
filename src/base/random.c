#include "elbow/base/random.h"

#include <stdbool.h>
#include <string.h>

#include <Random123/philox.h>
#include <xxhash.h>

#include "base/kernel.h"

/* The finaliser of SplitMix64 (Steele, Lea and Flood 2014). */
static uint64_t mix(uint64_t v) {
    v += UINT64_C(0x9E3779B97F4A7C15);
    v = (v ^ (v >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    v = (v ^ (v >> 27)) * UINT64_C(0x94D049BB133111EB);
    return v ^ (v >> 31);
}

elbow_stream elbow_stream_make(uint64_t seed, uint64_t shard, const char *purpose) {
    uint64_t h = XXH64(purpose, strlen(purpose), 0);
    uint64_t key = mix(mix(mix(seed) ^ shard) ^ h);
    return (elbow_stream){{(uint32_t)key, (uint32_t)(key >> 32)}};
}

void elbow_stream_block(elbow_stream stream, uint32_t block, uint32_t example, uint64_t step,
                        uint32_t words[4]) {
    philox4x32_ctr_t counter = {{block, example, (uint32_t)step, (uint32_t)(step >> 32)}};
    philox4x32_key_t key = {{stream.key[0], stream.key[1]}};
    philox4x32_ctr_t out = philox4x32_R(10, counter, key);
    memcpy(words, out.v, 4 * sizeof *words);
}

/* Many blocks at once. Random123's function is for one; here each of the four counter words is an array
 * over blocks, so that a round is a handful of vector operations. Lanes are (row, block) pairs in order,
 * whatever the row length, so short rows waste none; a vector of them goes through all rounds in registers. */
enum { LANES = 16, CHUNK = 16 * LANES };

typedef struct counters {
    uint32_t block[CHUNK], example[CHUNK];
} counters;

ELBOW_INLINE void round_of(uint32_t x[4], const uint32_t key[2]) {
    uint64_t p = (uint64_t)x[0] * UINT32_C(0xD2511F53);
    uint64_t q = (uint64_t)x[2] * UINT32_C(0xCD9E8D57);
    x[0] = (uint32_t)(q >> 32) ^ x[1] ^ key[0];
    x[1] = (uint32_t)q;
    x[2] = (uint32_t)(p >> 32) ^ x[3] ^ key[1];
    x[3] = (uint32_t)p;
}

/* The four words of each of `count` lanes, rounded up to whole vectors. */
ELBOW_KERNEL static void philox_lanes(uint32_t *restrict words, const counters *restrict lanes, size_t count,
                                      uint64_t step, elbow_stream stream) {
    uint32_t key[10][2];
    for (uint32_t r = 0; r < 10; ++r) {
        key[r][0] = stream.key[0] + r * UINT32_C(0x9E3779B9);
        key[r][1] = stream.key[1] + r * UINT32_C(0xBB67AE85);
    }
    for (size_t first = 0; first < count; first += LANES) {
        const uint32_t *block = lanes->block + first, *example = lanes->example + first;
        uint32_t *to = words + 4 * first;
        for (int j = 0; j < LANES; ++j) {
            uint32_t x[4] = {block[j], example[j], (uint32_t)step, (uint32_t)(step >> 32)};
            round_of(x, key[0]);
            round_of(x, key[1]);
            round_of(x, key[2]);
            round_of(x, key[3]);
            round_of(x, key[4]);
            round_of(x, key[5]);
            round_of(x, key[6]);
            round_of(x, key[7]);
            round_of(x, key[8]);
            round_of(x, key[9]);
            for (int i = 0; i < 4; ++i) to[4 * j + i] = x[i];
        }
    }
}

/* The next lane is block `block` of row `row`. */
typedef struct cursor {
    size_t row, block;
} cursor;

/* Fills up to CHUNK lanes from `at` on, and moves it; how many. What is left of their last vector is 0. */
static size_t fill_lanes(counters *lanes, cursor *at, size_t rows, size_t blocks, uint32_t first_block,
                         uint32_t first_example) {
    size_t used = 0;
    while (used < CHUNK && at->row < rows) {
        size_t left = blocks - at->block, some = left < CHUNK - used ? left : CHUNK - used;
        for (size_t j = 0; j < some; ++j) {
            lanes->block[used + j] = first_block + (uint32_t)(at->block + j);
            lanes->example[used + j] = first_example + (uint32_t)at->row;
        }
        used += some;
        at->block += some;
        if (at->block == blocks) *at = (cursor){at->row + 1, 0};
    }
    for (size_t j = used; j % LANES != 0; ++j) lanes->block[j] = lanes->example[j] = 0;
    return used;
}

void elbow_stream_rows(elbow_stream stream, uint32_t first_block, uint32_t first_example, uint64_t step,
                       size_t rows, size_t count, uint32_t *words) {
    counters lanes;
    uint32_t out[4 * CHUNK];
    size_t blocks = count / 4 + (count % 4 > 0),
           last = count - 4 * (blocks - (blocks > 0)); /* 1 to 4 words */
    cursor at = {0, 0};
    while (count > 0 && at.row < rows) {
        size_t block = at.block;
        size_t used = fill_lanes(&lanes, &at, rows, blocks, first_block, first_example);
        philox_lanes(out, &lanes, used, step, stream);
        if (last == 4) { /* rows of whole blocks lie one after the other, as the lanes do */
            memcpy(words, out, 4 * used * sizeof *words);
            words += 4 * used;
            continue;
        }
        for (size_t j = 0; j < used; ++j) {
            bool ends = ++block == blocks;
            if (ends)
                memcpy(words, out + 4 * j, last * sizeof *words);
            else /* a size the compiler knows */
                memcpy(words, out + 4 * j, 4 * sizeof *words);
            words += ends ? last : 4;
            block = ends ? 0 : block;
        }
    }
}

void elbow_stream_some(elbow_stream stream, const uint32_t *blocks, size_t count, uint32_t example,
                       uint64_t step, uint32_t *words) {
    counters lanes = {{0}, {0}};
    uint32_t out[4 * LANES];
    for (int j = 0; j < LANES; ++j) lanes.example[j] = example;
    for (size_t at = 0; at < count; at += LANES) {
        size_t used = count - at < LANES ? count - at : LANES;
        memcpy(lanes.block, blocks + at, used * sizeof *blocks);
        philox_lanes(out, &lanes, used, step, stream);
        for (size_t j = 0; j < used; ++j)
            memcpy(words + (size_t)4 * blocks[at + j], out + 4 * j, 4 * sizeof *out);
    }
}

/* High half of bits × bound, by 32-bit halves: C has no 128-bit integer. */
uint64_t elbow_random_below(uint64_t bits, uint64_t bound) {
    uint64_t a = bits >> 32, b = bits & UINT32_MAX, c = bound >> 32, d = bound & UINT32_MAX;
    uint64_t middle = a * d + ((b * d) >> 32);
    uint64_t carry = ((middle & UINT32_MAX) + b * c) >> 32;
    return a * c + (middle >> 32) + carry;
}
