/* The tree of sums: every way to deal S shards to ranks gives one expression, not merely one value.
 *
 * Sums are made with an operation that neither commutes nor associates, so that a wrong order cannot hide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parallel/tree.h"

enum { MOST_SHARDS = 70 };

static uint64_t leaf(size_t shard) { return (shard + 1) * UINT64_C(0x9E3779B97F4A7C15); }

static uint64_t combine(uint64_t left, uint64_t right) {
    uint64_t v = left * UINT64_C(0xBF58476D1CE4E5B9) + (right ^ right >> 29) * UINT64_C(0x94D049BB133111EB);
    return v ^ v >> 31;
}

/* Node [first, first + width) ∩ [0, S) as tree.h defines it. */
static uint64_t value_of(size_t first, size_t width, size_t shards) {
    if (width == 1) return leaf(first);
    uint64_t left = value_of(first, width / 2, shards);
    if (first + width / 2 >= shards) return left;
    return combine(left, value_of(first + width / 2, width / 2, shards));
}

static size_t whole_width(size_t shards) {
    size_t width = 1;
    while (width < shards) width *= 2;
    return width;
}

/* What the tree has for a set of shards; fails when no node is that set. */
static uint64_t value_of_node(elbow_node node, size_t shards) {
    for (size_t width = 1; width <= whole_width(shards); width *= 2) {
        size_t end = node.first + width < shards ? node.first + width : shards;
        if (node.first % width == 0 && end - node.first == node.count)
            return value_of(node.first, width, shards);
    }
    fail_msg("[%zu, %zu) is no node of %zu shards", node.first, node.first + node.count, shards);
    return 0;
}

static bool is_node(elbow_node node, size_t shards) {
    for (size_t width = 1; width <= whole_width(shards); width *= 2) {
        size_t end = node.first + width < shards ? node.first + width : shards;
        if (node.first % width == 0 && end - node.first == node.count) return true;
    }
    return false;
}

/* 2·⌈log₂ S⌉, and 1 for one shard: what exchange.h promises. */
static size_t promised_nodes(size_t shards) {
    size_t levels = 0;
    while ((size_t)1 << levels < shards) levels++;
    return levels ? 2 * levels : 1;
}

static size_t cover(elbow_node *nodes, size_t first, size_t count, size_t shards) {
    size_t used = elbow_tree_cover(nodes, first, count, shards), at = first;
    assert_true(used <= promised_nodes(shards));
    assert_true(used <= ELBOW_TREE_MOST_NODES);
    for (size_t n = 0; n < used; at += nodes[n++].count) {
        assert_int_equal(nodes[n].first, at); /* left to right, without gap or overlap */
        assert_true(nodes[n].count > 0);
        assert_true(is_node(nodes[n], shards));
    }
    assert_int_equal(at, first + count);
    return used;
}

/* The plan over the nodes of consecutive blocks: bounds[0] = 0 < … < bounds[blocks] = S. */
static void check_partition(const size_t *bounds, size_t blocks, size_t shards) {
    static elbow_node nodes[4 * MOST_SHARDS];
    static elbow_addition additions[4 * MOST_SHARDS];
    static uint64_t values[4 * MOST_SHARDS];
    size_t count = 0;
    for (size_t b = 0; b < blocks; b++)
        count += cover(nodes + count, bounds[b], bounds[b + 1] - bounds[b], shards);
    for (size_t n = 0; n < count; n++) values[n] = value_of_node(nodes[n], shards);
    assert_int_equal(elbow_tree_plan(additions, nodes, count, shards), count - 1);
    for (size_t i = 0; i + 1 < count; i++) {
        assert_true(additions[i].to < additions[i].from && additions[i].from < count);
        elbow_node *to = &nodes[additions[i].to], *from = &nodes[additions[i].from];
        assert_int_equal(additions[i].to_leaf, to->count == 1);
        assert_int_equal(additions[i].from_leaf, from->count == 1);
        to->count += from->count;
        values[additions[i].to] = combine(values[additions[i].to], values[additions[i].from]);
    }
    assert_true(values[0] == value_of(0, whole_width(shards), shards));
}

/* Two levels: the blocks in two heaps, each summed to its maximal nodes first, and those then. */
static void check_two_levels(const size_t *bounds, size_t blocks, size_t cut, size_t shards) {
    static elbow_node nodes[4 * MOST_SHARDS], all[8 * MOST_SHARDS], expected[4 * MOST_SHARDS];
    static elbow_addition additions[8 * MOST_SHARDS];
    static uint64_t values[4 * MOST_SHARDS], top[8 * MOST_SHARDS];
    size_t at[4 * MOST_SHARDS], tops = 0;
    const size_t heaps[] = {0, cut, blocks};
    for (int h = 0; h < 2; h++) {
        size_t count = 0, begin = bounds[heaps[h]], end = bounds[heaps[h + 1]];
        for (size_t b = heaps[h]; b < heaps[h + 1]; b++)
            count += cover(nodes + count, bounds[b], bounds[b + 1] - bounds[b], shards);
        for (size_t n = 0; n < count; n++) values[n] = value_of_node(nodes[n], shards);
        size_t used = elbow_tree_plan_range(additions, at, nodes, count, shards);
        for (size_t i = 0; i < used; i++)
            values[additions[i].to] = combine(values[additions[i].to], values[additions[i].from]);
        size_t covers = end > begin ? cover(expected, begin, end - begin, shards) : 0;
        assert_int_equal(used + covers, count);
        for (size_t n = 0; n < covers; n++, tops++) {
            all[tops] = expected[n];
            top[tops] = values[at[n]];
            assert_true(top[tops] == value_of_node(expected[n], shards));
        }
    }
    size_t used = elbow_tree_plan(additions, all, tops, shards);
    for (size_t i = 0; i < used; i++)
        top[additions[i].to] = combine(top[additions[i].to], top[additions[i].from]);
    assert_true(top[0] == value_of(0, whole_width(shards), shards));
}

static void every_rank_count(void **state) {
    (void)state;
    for (size_t shards = 1; shards <= MOST_SHARDS; shards++)
        for (size_t ranks = 1; ranks <= shards; ranks++) {
            size_t bounds[MOST_SHARDS + 1];
            for (size_t r = 0; r <= ranks; r++) bounds[r] = elbow_first_shard(r, ranks, shards);
            assert_int_equal(bounds[0], 0);
            assert_int_equal(bounds[ranks], shards);
            for (size_t r = 0; r < ranks; r++) {
                size_t count = bounds[r + 1] - bounds[r]; /* sizes differ by one at most, none is empty */
                assert_true(count >= shards / ranks && count <= shards / ranks + 1);
            }
            check_partition(bounds, ranks, shards);
            for (size_t cut = 0; cut <= ranks; cut += 1 + ranks / 7)
                check_two_levels(bounds, ranks, cut, shards);
        }
}

/* Other cuts than the even one: all cuts in three. */
static void every_cut(void **state) {
    (void)state;
    for (size_t shards = 3; shards <= 33; shards++)
        for (size_t a = 1; a + 1 < shards; a++)
            for (size_t b = a + 1; b < shards; b++) check_partition((size_t[]){0, a, b, shards}, 3, shards);
}

static bool inside(elbow_node inner, elbow_node outer) {
    return inner.first >= outer.first && inner.first + inner.count <= outer.first + outer.count;
}

/* A covering node's parent, where it has one, is not inside the block: no cover is shorter. */
static void maximal(void **state) {
    (void)state;
    elbow_node nodes[4 * MOST_SHARDS];
    for (size_t shards = 1; shards <= 40; shards++)
        for (size_t first = 0; first < shards; first++)
            for (size_t count = 1; first + count <= shards; count++) {
                size_t used = cover(nodes, first, count, shards);
                for (size_t n = 0; n < used; n++)
                    for (size_t width = 2; width <= whole_width(shards); width *= 2) {
                        size_t begin = nodes[n].first / width * width;
                        size_t end = begin + width < shards ? begin + width : shards;
                        elbow_node above = {begin, end - begin};
                        if (above.count <= nodes[n].count || !inside(nodes[n], above)) continue;
                        assert_false(inside(above, (elbow_node){first, count}));
                    }
            }
}

/* As many ranks as a power of two, as many shards as a multiple that is one too: one node a rank. */
static void aligned_blocks_are_one_node(void **state) {
    (void)state;
    elbow_node nodes[4 * MOST_SHARDS];
    for (size_t shards = 1; shards <= 64; shards *= 2)
        for (size_t ranks = 1; ranks <= shards; ranks *= 2)
            for (size_t r = 0; r < ranks; r++)
                assert_int_equal(cover(nodes, r * (shards / ranks), shards / ranks, shards), 1);
    assert_int_equal(cover(nodes, 0, 5, 5), 1); /* everything is the root, whatever S */
    assert_int_equal(cover(nodes, 4, 1, 5), 1);
    assert_int_equal(cover(nodes, 1, 4, 5), 3); /* 1, (2+3), 4 */
}

/* The largest counts that arithmetic must survive. */
static void huge(void **state) {
    (void)state;
    elbow_node nodes[2 * 8 * sizeof(size_t)];
    size_t shards = ((size_t)1 << 40) - 3;
    size_t used = elbow_tree_cover(nodes, 1, shards - 1, shards), at = 1;
    assert_true(used <= ELBOW_TREE_MOST_NODES && used <= promised_nodes(shards));
    for (size_t n = 0; n < used; at += nodes[n++].count) assert_int_equal(nodes[n].first, at);
    assert_int_equal(at, shards);
    assert_int_equal(elbow_tree_cover(nodes, 0, shards, shards), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rank_count),
        cmocka_unit_test(every_cut),
        cmocka_unit_test(maximal),
        cmocka_unit_test(aligned_blocks_are_one_node),
        cmocka_unit_test(huge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
