#include "elbow/base/random.h"

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
 * whatever the row length, so short rows waste none. */
enum { LANES = 16 };

typedef struct counters {
    uint32_t block[LANES], example[LANES];
} counters;

ELBOW_INLINE void round_of(uint32_t x[4], const uint32_t key[2]) {
    uint64_t p = (uint64_t)x[0] * UINT32_C(0xD2511F53);
    uint64_t q = (uint64_t)x[2] * UINT32_C(0xCD9E8D57);
    x[0] = (uint32_t)(q >> 32) ^ x[1] ^ key[0];
    x[1] = (uint32_t)q;
    x[2] = (uint32_t)(p >> 32) ^ x[3] ^ key[1];
    x[3] = (uint32_t)p;
}

ELBOW_KERNEL static void philox_lanes(uint32_t *restrict words, const counters *restrict lanes, uint64_t step,
                                      elbow_stream stream) {
    uint32_t key[10][2];
    for (uint32_t r = 0; r < 10; ++r) {
        key[r][0] = stream.key[0] + r * UINT32_C(0x9E3779B9);
        key[r][1] = stream.key[1] + r * UINT32_C(0xBB67AE85);
    }
    for (int j = 0; j < LANES; ++j) {
        uint32_t x[4] = {lanes->block[j], lanes->example[j], (uint32_t)step, (uint32_t)(step >> 32)};
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
        for (int i = 0; i < 4; ++i) words[4 * j + i] = x[i];
    }
}

void elbow_stream_rows(elbow_stream stream, uint32_t first_block, uint32_t first_example, uint64_t step,
                       size_t rows, size_t count, uint32_t *words) {
    if (count == 0) return;
    size_t row = 0, word = 0; /* of the next lane */
    while (row < rows) {
        counters lanes = {{0}, {0}};
        uint32_t *to[LANES];
        size_t take[LANES];
        int used = 0;
        for (; used < LANES && row < rows; ++used) {
            size_t left = count - word;
            lanes.block[used] = first_block + (uint32_t)(word / 4);
            lanes.example[used] = first_example + (uint32_t)row;
            to[used] = words + row * count + word;
            take[used] = left < 4 ? left : 4;
            word += 4;
            if (left <= 4) {
                ++row;
                word = 0;
            }
        }
        uint32_t out[4 * LANES];
        philox_lanes(out, &lanes, step, stream);
        for (int j = 0; j < used; ++j) {
            if (take[j] == 4) /* a size the compiler knows */
                memcpy(to[j], out + 4 * j, 4 * sizeof *out);
            else
                memcpy(to[j], out + 4 * j, take[j] * sizeof *out);
        }
    }
}

/* High half of bits × bound, by 32-bit halves: C has no 128-bit integer. */
uint64_t elbow_random_below(uint64_t bits, uint64_t bound) {
    uint64_t a = bits >> 32, b = bits & UINT32_MAX, c = bound >> 32, d = bound & UINT32_MAX;
    uint64_t middle = a * d + ((b * d) >> 32);
    uint64_t carry = ((middle & UINT32_MAX) + b * c) >> 32;
    return a * c + (middle >> 32) + carry;
}
