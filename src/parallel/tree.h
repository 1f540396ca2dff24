/* The order of sums over shards: one binary tree, whatever the rank count.
 *
 * Node (l, k) covers the shards [k·2^l, (k+1)·2^l) ∩ [0, S). Its value is the sum of its two children's, or
 * its left child's alone where the right one is empty. With S = 5:
 *
 *            (3,0)              ((0+1)+(2+3))+4
 *          /       \
 *       (2,0)     (2,1) = 4
 *       /   \
 *    (1,0) (1,1)
 *    0   1 2   3
 *
 * A consecutive block of shards is covered by its maximal nodes: those inside it whose parent is not. A plan
 * turns the tree above given nodes into additions in place, value[to] += value[from], in the tree's order. */
#ifndef ELBOW_SRC_PARALLEL_TREE_H
#define ELBOW_SRC_PARALLEL_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/error.h"

enum { ELBOW_TREE_MOST_NODES = 2 * 8 * sizeof(size_t) }; /* of a consecutive block of shards */

typedef struct elbow_node {
    size_t first, count; /* the shards it covers */
} elbow_node;

typedef struct elbow_addition {
    size_t to, from; /* indices of values */
    bool to_leaf,
        from_leaf; /* whether they are of one shard yet: every shard's value is so in one addition */
} elbow_addition;

/* Where the shards of seat i of P begin: seats take [⌊iS/P⌋, ⌊(i+1)S/P⌋). Local. */
static inline size_t elbow_first_shard(size_t seat, size_t seats, size_t shards) {
    return seat * shards / seats;
}

/* The maximal nodes of the shards [first, first + count) of S, left to right. `nodes` has room for
 * ELBOW_TREE_MOST_NODES; returns how many. Local. */
size_t elbow_tree_cover(elbow_node *nodes, size_t first, size_t count, size_t shards);

/* The additions that leave in value[0] the sum over all shards, where nodes[i] (left to right, together
 * covering [0, S)) has value[i]. `additions` has room for count − 1. Returns how many (count − 1). Local. */
size_t elbow_tree_plan(elbow_addition *additions, const elbow_node *nodes, size_t count, size_t shards);

/* The same for nodes that together cover only the shards [nodes[0].first, …): the additions that leave the sums of that
 * range's maximal nodes (elbow_tree_cover) in the values of their leftmost parts, whose indices go to `at`, one for each.
 * Returns how many additions. Local. */
size_t elbow_tree_plan_range(elbow_addition *additions, size_t *at, const elbow_node *nodes, size_t count,
                             size_t shards);

#endif
