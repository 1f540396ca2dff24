#include "parallel/tree.h"

/* The largest aligned node that starts at `first` and ends by `end`, clipped to S: its count of shards. */
static size_t largest_node(size_t first, size_t end, size_t shards) {
    size_t width = 1;
    for (;;) {
        size_t next = 2 * width;
        size_t next_end = first + next < shards ? first + next : shards;
        bool grows = first + width < shards; /* beyond S a wider node is the same node */
        if (!grows || first % next != 0 || next_end > end) break;
        width = next;
    }
    return first + width < shards ? width : shards - first;
}

size_t elbow_tree_cover(elbow_node *nodes, size_t first, size_t count, size_t shards) {
    size_t used = 0;
    for (size_t at = first, end = first + count; at < end; used++) {
        nodes[used] = (elbow_node){.first = at, .count = largest_node(at, end, shards)};
        at += nodes[used].count;
    }
    return used;
}

/* Sums the nodes inside [first, first + width) ∩ [0, S), the tree's node; returns the index of the value that
 * holds the sum: the leftmost. *at walks over the nodes from left to right. */
static size_t plan_node(elbow_addition *additions, size_t *used, const elbow_node *nodes, size_t *at,
                        size_t first, size_t width, size_t shards) {
    size_t end = first + width < shards ? first + width : shards;
    if (nodes[*at].first == first && nodes[*at].count == end - first) return (*at)++;
    size_t half = width / 2;
    size_t left = plan_node(additions, used, nodes, at, first, half, shards);
    if (first + half < shards) {
        size_t right = plan_node(additions, used, nodes, at, first + half, half, shards);
        additions[(*used)++] = (elbow_addition){
            .to = left, .from = right, .to_leaf = half == 1, .from_leaf = end == first + half + 1};
    }
    return left;
}

size_t elbow_tree_plan(elbow_addition *additions, const elbow_node *nodes, size_t count, size_t shards) {
    size_t used = 0, at = 0, width = 1;
    (void)count;
    while (width < shards) width *= 2;
    plan_node(additions, &used, nodes, &at, 0, width, shards);
    return used;
}

size_t elbow_tree_plan_range(elbow_addition *additions, size_t *at, const elbow_node *nodes, size_t count,
                             size_t shards) {
    size_t used = 0, next = 0;
    size_t end = count > 0 ? nodes[count - 1].first + nodes[count - 1].count : 0;
    for (size_t cover = 0; next < count; cover++) {
        size_t first = nodes[next].first, width = 1, whole = largest_node(first, end, shards);
        while (width < whole) width *= 2; /* of the tree's node, which S may clip */
        at[cover] = plan_node(additions, &used, nodes, &next, first, width, shards);
    }
    return used;
}
