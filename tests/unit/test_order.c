/* Who sees what, when: the properties that the order promises, over many sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/data/order.h"

static const elbow_order_spec specs[] = {
    {1, 1, 1, 1, 0},        {1, 1, 10, 10, 0},    {1, 1, 10, 100, 0},    {2, 4, 103, 10, 0},
    {3, 5, 1000, 7, 0},     {4, 7, 7, 7, 0},      {5, 8, 60000, 100, 0}, {6, 3, 2049, 64, 1},
    {7, 1, 256, 10, 4},     {8, 4, 5000, 100, 2}, {9, 2, 3000, 99, 100}, {10, 6, 4001, 6, 3},
    {11, 16, 50001, 16, 0}, {12, 3, 770, 700, 1},
};
enum { SPECS = sizeof specs / sizeof specs[0] };

static uint32_t *permute(const elbow_order_spec *spec, size_t shard, uint64_t epoch) {
    size_t first, count;
    elbow_order_slice(spec, shard, &first, &count);
    uint32_t *both = calloc(2 * count + 1, sizeof *both);
    assert_non_null(both);
    elbow_order_permutation(spec, shard, epoch, both, both + count);
    return both;
}

static void test_every_example_once_an_epoch(void **state) {
    (void)state;
    for (size_t n = 0; n < SPECS; n++) {
        const elbow_order_spec *spec = &specs[n];
        unsigned char *seen = calloc(spec->examples, 1);
        size_t steps = elbow_order_steps(spec), most = 0;
        assert_int_equal(elbow_order_check(spec), ELBOW_OK);
        for (size_t shard = 0; shard < spec->shards; shard++) {
            size_t slice, slice_count, next = 0;
            elbow_order_slice(spec, shard, &slice, &slice_count);
            uint32_t *permutation = permute(spec, shard, 3);
            for (size_t t = 0; t < steps; t++) {
                size_t first, count;
                elbow_order_step(spec, shard, t, &first, &count);
                assert_int_equal(first, next);
                next = first + count;
                assert_true(next <= slice_count);
                if (count > most) most = count;
                for (size_t j = first; j < next; j++) {
                    assert_true(permutation[j] < slice_count);
                    seen[slice + permutation[j]]++;
                }
            }
            assert_int_equal(next, slice_count);
            free(permutation);
        }
        for (size_t i = 0; i < spec->examples; i++) assert_int_equal(seen[i], 1);
        assert_int_equal(elbow_order_most_examples(spec), most);
        free(seen);
    }
}

/* The formulas of the header, counted one by one. */
/* The example of a batch's row, against the permutation. */
static void test_examples_by_row(void **state) {
    (void)state;
    for (size_t n = 0; n < SPECS; n++) {
        const elbow_order_spec *spec = &specs[n];
        size_t steps = elbow_order_steps(spec), last = spec->shards - 1;
        for (size_t t = 0; t < steps; t += 1 + steps / 3) {
            size_t slice, slice_count, first, count, example;
            elbow_order_slice(spec, last, &slice, &slice_count);
            elbow_order_step(spec, last, t, &first, &count);
            uint32_t *permutation = permute(spec, last, 4);
            for (size_t row = 0; row < count; row += 1 + count / 3) {
                assert_int_equal(elbow_order_example(spec, last, 4, t, row, &example), ELBOW_OK);
                assert_int_equal(example, slice + permutation[first + row]);
            }
            free(permutation);
        }
    }
}

static void test_steps_and_positions(void **state) {
    (void)state;
    for (size_t n = 0; n < SPECS; n++) {
        const elbow_order_spec *spec = &specs[n];
        size_t steps = elbow_order_steps(spec), least = SIZE_MAX, most = 0, total = 0, next_slice = 0;
        assert_int_equal(steps, (spec->examples + spec->batch - 1) / spec->batch);
        for (size_t t = 0; t < steps; t++) {
            size_t begin = (size_t)((double)t * (double)spec->examples / (double)steps + 1e-9), dealt = 0;
            size_t count = elbow_order_step_examples(spec, t);
            assert_true(count <= spec->batch && count > 0);
            least = count < least ? count : least;
            most = count > most ? count : most;
            total += count;
            for (size_t shard = 0; shard < spec->shards; shard++) {
                size_t first, of_shard, expected = 0, before = 0;
                elbow_order_step(spec, shard, t, &first, &of_shard);
                dealt += of_shard;
                if (spec->examples > 5000 && t > 3 && t + 3 < steps) continue;
                for (size_t i = begin; i < begin + count; i++) expected += i % spec->shards == shard;
                for (size_t i = 0; i < begin; i++) before += i % spec->shards == shard;
                assert_int_equal(of_shard, expected);
                assert_int_equal(first, before);
            }
            assert_int_equal(dealt, count);
        }
        assert_int_equal(total, spec->examples);
        assert_true(most - least <= 1);
        for (size_t shard = 0; shard < spec->shards; shard++) {
            size_t first, count;
            elbow_order_slice(spec, shard, &first, &count);
            assert_int_equal(first, next_slice);
            assert_int_equal(count, (spec->examples - shard + spec->shards - 1) / spec->shards);
            next_slice = first + count;
        }
        assert_int_equal(next_slice, spec->examples);
    }
}

static size_t places_alike(const uint32_t *a, const uint32_t *b, size_t count) {
    size_t alike = 0;
    for (size_t i = 0; i < count; i++) alike += a[i] == b[i];
    return alike;
}

/* Another epoch, shard or seed is another permutation (about one place in common is chance); the same is
 * the same. */
static void test_permutations_differ(void **state) {
    (void)state;
    for (size_t window = 0; window <= 3; window += 3) {
        elbow_order_spec spec = {1, 2, 8000, 100, window}, other = spec;
        other.seed = 2;
        uint32_t *base = permute(&spec, 0, 0), *again = permute(&spec, 0, 0), *epoch = permute(&spec, 0, 1);
        uint32_t *far = permute(&spec, 0, (uint64_t)1 << 40), *shard = permute(&spec, 1, 0);
        uint32_t *seed = permute(&other, 0, 0);
        assert_int_equal(places_alike(base, again, 4000), 4000);
        assert_true(places_alike(base, epoch, 4000) < 20);
        assert_true(places_alike(base, far, 4000) < 20);
        assert_true(places_alike(base, shard, 4000) < 20);
        assert_true(places_alike(base, seed, 4000) < 20);
        free(base), free(again), free(epoch), free(far), free(shard), free(seed);
    }
}

/* A slice does not depend on the batch: a changed batch size changes who shares a step, not the order. */
static void test_order_is_independent_of_the_batch(void **state) {
    (void)state;
    elbow_order_spec spec = {1, 3, 1000, 10, 0}, other = spec;
    other.batch = 77;
    uint32_t *a = permute(&spec, 2, 5), *b = permute(&other, 2, 5);
    assert_int_equal(places_alike(a, b, 333), 333);
    free(a), free(b);
}

/* Within a window of the order there are whole blocks of 256 (but for the slice's short last one), no
 * block is in two windows, and both blocks and examples are in mixed order. */
static void test_window_stays_within_its_blocks(void **state) {
    (void)state;
    enum { N = 10 * ELBOW_ORDER_BLOCK + 77, BLOCKS = 11, W = 3 };
    elbow_order_spec spec = {5, 1, N, 64, W};
    bool moved = false;
    for (uint64_t epoch = 0; epoch < 20; epoch++) {
        uint32_t *permutation = permute(&spec, 0, epoch);
        int window_of[BLOCKS];
        size_t in_order = 0;
        memset(window_of, -1, sizeof window_of);
        for (size_t i = 0, window = 0, blocks = 0, left = 0; i < N; i++) {
            size_t block = permutation[i] / ELBOW_ORDER_BLOCK;
            if (i > 0 && left == 0) window++, blocks = 0;
            if (window_of[block] < 0) {
                window_of[block] = (int)window;
                moved = moved || block != W * window + blocks;
                blocks++;
                left += block == BLOCKS - 1 ? 77 : ELBOW_ORDER_BLOCK;
            }
            assert_int_equal(window_of[block], window);
            assert_true(blocks <= W);
            left--;
            in_order += i > 0 && permutation[i] == permutation[i - 1] + 1;
        }
        assert_true(in_order < 40);
        free(permutation);
    }
    assert_true(moved);
}

/* Windows made alone, in any order, are what the permutation of the slice has at their positions. */
static void test_windows_are_the_permutation(void **state) {
    (void)state;
    static const elbow_order_spec more[] = {
        {6, 3, 2049, 64, 1}, {7, 1, 256, 10, 4},   {8, 4, 5000, 100, 2},   {9, 2, 3000, 99, 100},
        {10, 6, 4001, 6, 3}, {12, 3, 770, 700, 1}, {13, 1, 4000, 1500, 1}, {14, 2, 9000, 9000, 2}};
    for (size_t n = 0; n < 8 * sizeof more / sizeof *more; n++) {
        const elbow_order_spec *spec = &more[n / 8];
        uint64_t epoch = n % 8;
        size_t slice, count, shard = n % spec->shards, windows = elbow_order_windows(spec, shard), end = 0;
        size_t blocks[64], examples = 0, W = spec->window;
        uint32_t order[64], *permutation = permute(spec, shard, epoch), *own = NULL;
        elbow_order_slice(spec, shard, &slice, &examples);
        own = calloc(examples, sizeof *own);
        assert_true(elbow_order_blocks(spec, shard) <= 64);
        elbow_order_permute_blocks(spec, shard, epoch, order);
        for (size_t w = windows; w-- > 0;) {
            size_t first = 0, placed = 0, some = 0;
            elbow_order_window(spec, shard, order, w, &first, &count);
            assert_int_equal(first + count, w + 1 == windows ? examples : end);
            assert_true(count > 0 && count <= W * ELBOW_ORDER_BLOCK);
            end = first;
            elbow_order_permute_window(spec, shard, epoch, w, first, count, own);
            for (; placed < count; some++) {
                size_t from = (size_t)order[w * W + some] * ELBOW_ORDER_BLOCK, left = examples - from;
                blocks[some] = placed;
                placed += left < ELBOW_ORDER_BLOCK ? left : ELBOW_ORDER_BLOCK;
            }
            assert_true(some <= W && placed == count);
            for (size_t i = 0; i < count; i++) {
                size_t b = own[i] / ELBOW_ORDER_BLOCK; /* or the next, where a short one is before it */
                if (b + 1 < some && blocks[b + 1] <= own[i]) b++;
                assert_int_equal(permutation[first + i],
                                 order[w * W + b] * ELBOW_ORDER_BLOCK + own[i] - blocks[b]);
            }
        }
        assert_int_equal(end, 0);
        free(permutation), free(own);
    }
}

/* No step touches more windows than are said. */
static void test_windows_of_a_step(void **state) {
    (void)state;
    for (size_t n = 0; n < 200; n++) {
        const elbow_order_spec spec = {n, 1, 1 + n * 37, 1 + n * 53 % 3000, 1 + n % 3};
        uint32_t order[64];
        size_t most = elbow_order_step_windows(&spec), windows = elbow_order_windows(&spec, 0);
        elbow_order_permute_blocks(&spec, 0, 0, order);
        for (size_t t = 0; t < elbow_order_steps(&spec) && t < 50; t++) {
            size_t begin, rows, touched = 0;
            elbow_order_step(&spec, 0, t, &begin, &rows);
            for (size_t w = 0; w < windows; w++) {
                size_t first, count;
                elbow_order_window(&spec, 0, order, w, &first, &count);
                touched += first < begin + rows && begin < first + count;
            }
            assert_true(touched <= most);
        }
    }
}

/* Every permutation of 4 is as likely as another: chi-square over the 24, 23 degrees of freedom; 49.7 is
 * exceeded by chance once in a thousand, and the seeds are fixed. */
static void test_shuffle_is_unbiased(void **state) {
    (void)state;
    enum { EPOCHS = 24000 };
    for (size_t window = 0; window < 2; window++) {
        size_t counts[256] = {0};
        elbow_order_spec spec = {17, 1, 4, 1, window};
        for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
            uint32_t p[4], scratch[4];
            elbow_order_permutation(&spec, 0, epoch, p, scratch);
            counts[p[0] | p[1] << 2 | p[2] << 4 | p[3] << 6]++;
        }
        double chi = 0, expected = EPOCHS / 24.0;
        size_t kinds = 0;
        for (size_t i = 0; i < 256; i++) {
            if (counts[i] == 0) continue;
            kinds++;
            chi += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
        }
        assert_int_equal(kinds, 24);
        if (chi > 49.7) fail_msg("window %zu: chi-square %.1f", window, chi);
    }
}

static void test_impossible_specs(void **state) {
    (void)state;
    const elbow_order_spec few_examples = {1, 8, 7, 100, 0}, few_a_step = {1, 8, 100, 7, 0};
    const elbow_order_spec no_batch = {1, 1, 100, 0, 0}, no_shards = {1, 0, 100, 1, 0},
                           none = {1, 1, 0, 1, 0};
    const elbow_order_spec many = {1, 1, (size_t)UINT32_MAX + 1, 1, 0};
    assert_int_equal(elbow_order_check(&few_examples), ELBOW_USAGE);
    assert_int_equal(elbow_order_check(&few_a_step), ELBOW_USAGE);
    assert_int_equal(elbow_order_check(&no_batch), ELBOW_USAGE);
    assert_int_equal(elbow_order_check(&no_shards), ELBOW_USAGE);
    assert_int_equal(elbow_order_check(&none), ELBOW_USAGE);
    assert_int_equal(elbow_order_check(&many), ELBOW_USAGE);
}

/* At the largest N nothing overflows. */
static void test_largest(void **state) {
    (void)state;
    const elbow_order_spec spec = {1, 1, UINT32_MAX, 1, 0};
    size_t first, count;
    assert_int_equal(elbow_order_check(&spec), ELBOW_OK);
    assert_int_equal(elbow_order_steps(&spec), UINT32_MAX);
    elbow_order_step(&spec, 0, (size_t)UINT32_MAX - 1, &first, &count);
    assert_int_equal(first, UINT32_MAX - 1);
    assert_int_equal(count, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_example_once_an_epoch),
        cmocka_unit_test(test_examples_by_row),
        cmocka_unit_test(test_steps_and_positions),
        cmocka_unit_test(test_permutations_differ),
        cmocka_unit_test(test_order_is_independent_of_the_batch),
        cmocka_unit_test(test_window_stays_within_its_blocks),
        cmocka_unit_test(test_windows_are_the_permutation),
        cmocka_unit_test(test_windows_of_a_step),
        cmocka_unit_test(test_shuffle_is_unbiased),
        cmocka_unit_test(test_impossible_specs),
        cmocka_unit_test(test_largest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
