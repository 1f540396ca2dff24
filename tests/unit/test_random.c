/* Streams: published vectors, the documented key, rows against single blocks, independence. */
#include "elbow/base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <xxhash.h>

/* Random123's kat_vectors for philox4x32, 10 rounds. */
static void published_vectors(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], words[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; ++i) {
        elbow_stream stream = {{known[i].key[0], known[i].key[1]}};
        const uint32_t *counter = known[i].counter;
        uint64_t step = counter[2] | (uint64_t)counter[3] << 32;
        uint32_t words[4], row[4];
        elbow_stream_block(stream, counter[0], counter[1], step, words);
        assert_memory_equal(words, known[i].words, sizeof words);
        elbow_stream_rows(stream, counter[0], counter[1], step, 1, 4, row);
        assert_memory_equal(row, known[i].words, sizeof row);
    }
}

static uint64_t documented_mix(uint64_t v) {
    uint64_t z = v + 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void documented_key(void **state) {
    (void)state;
    assert_true(documented_mix(0) == 0xE220A8397B1DCDAFu); /* SplitMix64's first output from 0 */
    assert_true(XXH64("", 0, 0) == 0xEF46DB3751D8E999u);   /* xxHash's own test value */
    const uint64_t seeds[] = {0, 1, 42, UINT64_MAX}, shards[] = {0, 1, 4095, ELBOW_SHARD_NONE};
    const char *const purposes[] = {"", "data.binarize", "latent.0.gumbel", "init.encoder.0.weight"};
    for (int a = 0; a < 4; ++a)
        for (int b = 0; b < 4; ++b)
            for (int c = 0; c < 4; ++c) {
                uint64_t h = XXH64(purposes[c], strlen(purposes[c]), 0);
                uint64_t key = documented_mix(documented_mix(documented_mix(seeds[a]) ^ shards[b]) ^ h);
                elbow_stream stream = elbow_stream_make(seeds[a], shards[b], purposes[c]);
                assert_true(stream.key[0] == (uint32_t)key);
                assert_true(stream.key[1] == (uint32_t)(key >> 32));
            }
}

/* Every row length to 70 (all tails, more and fewer words than a batch of blocks) and some longer, against
 * Random123 one block at a time; counters that wrap; nothing written beyond the end. */
static void rows_are_blocks(void **state) {
    (void)state;
    static const size_t more[] = {127, 200, 784, 1023};
    elbow_stream stream = elbow_stream_make(7, 3, "test.rows");
    for (size_t trial = 0; trial < 71 + 4; ++trial) {
        size_t count = trial < 71 ? trial : more[trial - 71];
        size_t rows = 1 + trial % 23;
        uint32_t first_block = trial % 3 == 0 ? 0 : UINT32_MAX - 3, example = trial % 2 ? UINT32_MAX - 1 : 5;
        uint64_t step = trial % 5 ? trial : UINT64_C(0xFFFFFFFF00000000) + trial;
        uint32_t *words = malloc((rows * count + 1) * sizeof *words);
        assert_non_null(words);
        words[rows * count] = 0xABCD1234;
        elbow_stream_rows(stream, first_block, example, step, rows, count, words);
        for (size_t r = 0; r < rows; ++r)
            for (size_t w = 0; w < count; ++w) {
                uint32_t block[4];
                elbow_stream_block(stream, first_block + (uint32_t)(w / 4), example + (uint32_t)r, step,
                                   block);
                assert_int_equal(words[r * count + w], block[w % 4]);
            }
        assert_int_equal(words[rows * count], 0xABCD1234);
        assert_int_equal(elbow_stream_blocks(count), (count + 3) / 4);
        free(words);
    }
    elbow_stream_rows(stream, 0, 0, 0, 0, 5, NULL);
    elbow_stream_rows(stream, 0, 0, 0, 5, 0, NULL);
}

/* Bytes of a stream are uniform: chi-square over 256 classes, 255 degrees of freedom, mean 255, sd 22.6. */
static void uniform(void **state) {
    (void)state;
    enum { N = 1 << 18 };
    uint32_t *words = malloc(N * sizeof *words);
    assert_non_null(words);
    elbow_stream_rows(elbow_stream_make(1, 0, "latent.0.gumbel"), 0, 0, 9, 256, N / 256, words);
    for (int byte = 0; byte < 4; ++byte) {
        double seen[256] = {0}, chi = 0, expected = N / 256.0;
        for (size_t i = 0; i < N; ++i) seen[(words[i] >> (8 * byte)) & 255] += 1;
        for (int c = 0; c < 256; ++c) chi += (seen[c] - expected) * (seen[c] - expected) / expected;
        assert_true(chi > 255 - 4.5 * 22.6 && chi < 255 + 4.5 * 22.6);
    }
    free(words);
}

enum { LONG = 1 << 14 };

static double correlation(const uint32_t *a, const uint32_t *b) {
    double sum = 0; /* of products of uniforms on (−½, ½): variance 1/144 each */
    for (size_t i = 0; i < LONG; ++i) sum += (a[i] * 0x1p-32 - 0.5) * (b[i] * 0x1p-32 - 0.5);
    return sum * 12 / LONG;
}

/* Streams that differ in one thing only (seed, shard, purpose, step, example by one) do not correlate, and no two of
 * many share their first block. */
static void independent(void **state) {
    (void)state;
    static uint32_t streams[6][LONG];
    elbow_stream_rows(elbow_stream_make(1, 0, "decoder.0.dropout"), 0, 0, 1, 1, LONG, streams[0]);
    elbow_stream_rows(elbow_stream_make(2, 0, "decoder.0.dropout"), 0, 0, 1, 1, LONG, streams[1]);
    elbow_stream_rows(elbow_stream_make(1, 1, "decoder.0.dropout"), 0, 0, 1, 1, LONG, streams[2]);
    elbow_stream_rows(elbow_stream_make(1, 0, "decoder.1.dropout"), 0, 0, 1, 1, LONG, streams[3]);
    elbow_stream_rows(elbow_stream_make(1, 0, "decoder.0.dropout"), 0, 0, 2, 1, LONG, streams[4]);
    elbow_stream_rows(elbow_stream_make(1, 0, "decoder.0.dropout"), 0, 1, 1, 1, LONG, streams[5]);
    for (int a = 0; a < 6; ++a)
        for (int b = 0; b < a; ++b) assert_true(fabs(correlation(streams[a], streams[b])) < 4.5 / sqrt(LONG));

    enum { SHARDS = 512, PURPOSES = 8 };
    static uint64_t first[SHARDS * PURPOSES];
    for (size_t i = 0; i < SHARDS * PURPOSES; ++i) {
        char purpose[32];
        snprintf(purpose, sizeof purpose, "latent.%zu.gumbel", i / SHARDS);
        uint32_t words[4];
        elbow_stream_block(elbow_stream_make(0, i % SHARDS, purpose), 0, 0, 0, words);
        first[i] = words[0] | (uint64_t)words[1] << 32;
        for (size_t j = 0; j < i; ++j) assert_true(first[j] != first[i]);
    }
}

static void below(void **state) {
    (void)state;
    assert_true(elbow_random_below(UINT64_MAX, 10) == 9);
    assert_true(elbow_random_below(0, 10) == 0);
    assert_true(elbow_random_below(UINT64_C(1) << 63, 10) == 5);
    assert_true(elbow_random_below(UINT64_MAX, UINT64_MAX) == UINT64_MAX - 1);
    assert_true(elbow_random_below(UINT64_MAX, 1) == 0);
#ifdef __SIZEOF_INT128__
    elbow_stream stream = elbow_stream_make(5, 5, "test.below");
    for (uint32_t i = 0; i < 100000; ++i) {
        uint32_t w[4];
        elbow_stream_block(stream, i, 0, 0, w);
        uint64_t bits = w[0] | (uint64_t)w[1] << 32, bound = (w[2] | (uint64_t)w[3] << 32) >> (i % 64);
        __extension__ unsigned __int128 product = (unsigned __int128)bits * bound;
        assert_true(elbow_random_below(bits, bound) == (uint64_t)(product >> 64));
    }
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors), cmocka_unit_test(documented_key),
        cmocka_unit_test(rows_are_blocks),   cmocka_unit_test(uniform),
        cmocka_unit_test(independent),       cmocka_unit_test(below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
