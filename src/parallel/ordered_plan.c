#include "parallel/ordered.h"

enum { LINE = ELBOW_WINDOW_LINE, MOST_NODES = ELBOW_TREE_MOST_NODES };

/* A segment of the window: the mark, on a line of its own; on the first rank of a group the parameters; then the blocks
 * of the rank's maximal nodes. */
static size_t stride_of(const elbow_exchange *exchange) {
    return (exchange->size * sizeof(real) + LINE - 1) / LINE * LINE;
}

static size_t nodes_of_rank(const elbow_exchange *exchange, size_t rank, elbow_node *nodes) {
    size_t first = 0, count = 0;
    elbow_exchange_shards_of(exchange, rank, &first, &count);
    return elbow_tree_cover(nodes, first, count, exchange->shards);
}

static size_t nodes_of_group(const elbow_exchange *exchange, size_t group, elbow_node *nodes) {
    const elbow_groups *groups = &exchange->groups;
    size_t first = 0, last = 0, count = 0;
    elbow_exchange_shards_of(exchange, elbow_groups_rank(groups, group, 0), &first, &count);
    elbow_exchange_shards_of(exchange, elbow_groups_rank(groups, group, elbow_groups_size(groups, group) - 1),
                             &last, &count);
    return elbow_tree_cover(nodes, first, last + count - first, exchange->shards);
}

size_t elbow_ordered_segment(const elbow_exchange *exchange) {
    elbow_node nodes[MOST_NODES];
    size_t blocks = nodes_of_rank(exchange, (size_t)exchange->world->rank, nodes);
    return LINE + (blocks + (exchange->groups.place == 0)) * stride_of(exchange);
}

/* ------------------------------------------------------------------------------------------- one rank */

/* The additions inside one maximal node. Its sum grows in `block`; right children, `depth` levels down, in
 * the shared blocks after the nodes' own. A shard's additions follow it, in order of growing level. */
static void plan_own(elbow_ordered *plan, size_t *used, size_t first_shard, elbow_node node, size_t block,
                     size_t depth) {
    if (node.count == 1) {
        elbow_own_shard *shard = &plan->shards[node.first - first_shard];
        shard->block = block;
        shard->first_addition = *used;
        return;
    }
    size_t half = 1;
    while (2 * half < node.count) half *= 2;
    size_t right = plan->own_nodes + depth;
    elbow_node left_node = {node.first, half}, right_node = {node.first + half, node.count - half};
    plan_own(plan, used, first_shard, left_node, block, depth);
    plan_own(plan, used, first_shard, right_node, right, depth + 1);
    plan->own_additions[(*used)++] = (elbow_addition){
        .to = block, .from = right, .to_leaf = left_node.count == 1, .from_leaf = right_node.count == 1};
    plan->shards[node.first + node.count - 1 - first_shard].additions++;
}

static elbow_status plan_shards(elbow_exchange *exchange, elbow_ordered *plan) {
    elbow_arena *arena = exchange->arena;
    elbow_node nodes[MOST_NODES];
    size_t used = 0, deepest = 0;
    plan->own_nodes = nodes_of_rank(exchange, (size_t)exchange->world->rank, nodes);
    ELBOW_TRY(elbow_arena_take(arena, exchange->count, sizeof *plan->shards, &plan->shards));
    ELBOW_TRY(elbow_arena_take(arena, exchange->count, sizeof *plan->own_additions, &plan->own_additions));
    for (size_t n = 0; n < plan->own_nodes; n++) {
        plan_own(plan, &used, exchange->first, nodes[n], n, 0);
        size_t levels = 0;
        while ((size_t)1 << levels < nodes[n].count) levels++;
        if (levels > deepest) deepest = levels;
    }
    ELBOW_TRY(elbow_arena_take(arena, plan->own_nodes + deepest, sizeof *plan->blocks, &plan->blocks));
    for (size_t d = 0; d < deepest; d++)
        ELBOW_TRY(elbow_arena_reals(arena, exchange->size, &plan->blocks[plan->own_nodes + d]));
    return ELBOW_OK;
}

/* ------------------------------------------------------------------------------------------- its group */

/* Where things are in the window. */
static void place_in_window(elbow_exchange *exchange, elbow_ordered *plan) {
    elbow_node nodes[MOST_NODES];
    size_t stride = stride_of(exchange), at = 0;
    for (size_t place = 0; place < exchange->groups.size; place++) {
        char *segment = elbow_window_segment(&exchange->window, place);
        plan->marks[place] = (elbow_mark *)(void *)segment;
        char *blocks = segment + LINE;
        if (place == 0) {
            exchange->parameters = (real *)(void *)blocks;
            blocks += stride;
        }
        size_t count = nodes_of_rank(
            exchange, elbow_groups_rank(&exchange->groups, exchange->groups.mine, place), nodes);
        for (size_t n = 0; n < count; n++, at++) {
            plan->values[at] = (real *)(void *)(blocks + n * stride);
            if (place == exchange->groups.place) plan->blocks[n] = plan->values[at];
        }
    }
}

/* A group of one: private memory will do. */
static elbow_status place_alone(elbow_exchange *exchange, elbow_ordered *plan) {
    void *line = NULL;
    ELBOW_TRY(elbow_arena_take(exchange->arena, 1, LINE, &line));
    plan->marks[0] = line;
    ELBOW_TRY(elbow_arena_reals(exchange->arena, exchange->size, &exchange->parameters));
    for (size_t n = 0; n < plan->own_nodes; n++) {
        ELBOW_TRY(elbow_arena_reals(exchange->arena, exchange->size, &plan->blocks[n]));
        plan->values[n] = plan->blocks[n];
    }
    return ELBOW_OK;
}

static elbow_status plan_group(elbow_exchange *exchange, elbow_ordered *plan) {
    const elbow_groups *groups = &exchange->groups;
    elbow_arena *arena = exchange->arena;
    elbow_node cover[MOST_NODES], *nodes = NULL;
    size_t count = 0;
    for (size_t place = 0; place < groups->size; place++)
        count += nodes_of_rank(exchange, elbow_groups_rank(groups, groups->mine, place), cover);
    ELBOW_TRY(elbow_arena_take(arena, count, sizeof *nodes, &nodes));
    ELBOW_TRY(elbow_arena_take(arena, count, sizeof *plan->values, &plan->values));
    ELBOW_TRY(elbow_arena_take(arena, count, sizeof *plan->additions, &plan->additions));
    ELBOW_TRY(elbow_arena_take(arena, count, sizeof *plan->cover, &plan->cover));
    ELBOW_TRY(elbow_arena_take(arena, groups->size, sizeof *plan->marks, &plan->marks));
    for (size_t place = 0, at = 0; place < groups->size; place++)
        at += nodes_of_rank(exchange, elbow_groups_rank(groups, groups->mine, place), nodes + at);
    plan->addition_count =
        elbow_tree_plan_range(plan->additions, plan->cover, nodes, count, exchange->shards);
    plan->cover_count = nodes_of_group(exchange, groups->mine, cover);
    if (groups->size == 1) return place_alone(exchange, plan);
    place_in_window(exchange, plan);
    return ELBOW_OK;
}

/* ------------------------------------------------------------------------------------------- all groups */

/* The place in group g that sums the part of a rank at `place` of another group: its own lane's, where g has one. */
static size_t place_for(const elbow_groups *groups, size_t g, size_t place) {
    return place % elbow_groups_size(groups, g);
}

static size_t place_of_rank(const elbow_groups *groups, size_t rank) {
    size_t seat = groups->seat_of_rank[rank];
    return seat - groups->first[groups->group_of_seat[seat]];
}

static elbow_status plan_parts(elbow_exchange *exchange, elbow_ordered *plan) {
    const elbow_groups *groups = &exchange->groups;
    size_t ranks = groups->ranks;
    ELBOW_TRY(elbow_arena_take(exchange->arena, ranks, sizeof *plan->counts, &plan->counts));
    ELBOW_TRY(elbow_arena_take(exchange->arena, ranks, sizeof *plan->begins, &plan->begins));
    ELBOW_TRY(elbow_arena_take(exchange->arena, ranks, sizeof *plan->handled, &plan->handled));
    for (size_t q = 0; q < ranks; q++) {
        size_t owner = exchange->rank_of_part[q], begin = exchange->part_begins[q];
        size_t end = exchange->part_begins[q + 1], seat = groups->seat_of_rank[owner];
        plan->begins[owner] = (int)begin; /* size ≤ INT_MAX: elbow_exchange_create */
        plan->counts[owner] = (int)(end - begin);
        bool here = groups->group_of_seat[seat] == groups->mine;
        size_t place = place_of_rank(groups, owner);
        if ((here ? place : place_for(groups, groups->mine, place)) != groups->place) continue;
        if (q == exchange->part) plan->own = plan->handled_count;
        if (begin < end || q == exchange->part)
            plan->handled[plan->handled_count++] = (elbow_handled){begin, end, (int)owner};
    }
    exchange->owned_begin = exchange->part_begins[exchange->part];
    exchange->owned_end = exchange->part_begins[exchange->part + 1];
    return ELBOW_OK;
}

/* All groups' nodes and where their values on this rank's part are: in the window, or received. */
static elbow_status plan_top(elbow_exchange *exchange, elbow_ordered *plan) {
    const elbow_groups *groups = &exchange->groups;
    elbow_arena *arena = exchange->arena;
    elbow_node cover[MOST_NODES], *nodes = NULL;
    for (size_t g = 0; g < groups->count; g++) plan->top_count += nodes_of_group(exchange, g, cover);
    ELBOW_TRY(elbow_arena_take(arena, plan->top_count, sizeof *nodes, &nodes));
    ELBOW_TRY(elbow_arena_take(arena, plan->top_count, sizeof *plan->top, &plan->top));
    ELBOW_TRY(elbow_arena_take(arena, plan->top_count, sizeof *plan->source, &plan->source));
    ELBOW_TRY(elbow_arena_take(arena, plan->top_count, sizeof *plan->tag, &plan->tag));
    ELBOW_TRY(elbow_arena_take(arena, plan->top_count, sizeof *plan->top_additions, &plan->top_additions));
    size_t at = 0, owned = exchange->owned_end - exchange->owned_begin;
    for (size_t g = 0; g < groups->count; g++) {
        size_t count = nodes_of_group(exchange, g, nodes + at);
        for (size_t n = 0; n < count; n++, at++) {
            plan->tag[at] = (int)n;
            plan->source[at] = -1;
            if (g == groups->mine) {
                plan->top[at] = plan->values[plan->cover[n]] + exchange->owned_begin;
            } else {
                plan->source[at] = (int)elbow_groups_rank(groups, g, place_for(groups, g, groups->place));
                ELBOW_TRY(elbow_arena_reals(arena, owned, &plan->top[at]));
            }
        }
    }
    plan->top_addition_count = elbow_tree_plan(plan->top_additions, nodes, plan->top_count, exchange->shards);
    return ELBOW_OK;
}

/* More than can be under way at once: sums to owners, and later parameters to and from them. */
static elbow_status reserve_requests(elbow_exchange *exchange, elbow_ordered *plan) {
    size_t sends = plan->handled_count * plan->cover_count + plan->handled_count + exchange->groups.count;
    ELBOW_TRY(elbow_arena_take(exchange->arena, sends, sizeof *plan->requests, &plan->requests));
    return elbow_arena_take(exchange->arena, plan->top_count, sizeof *plan->receives, &plan->receives);
}

elbow_status elbow_ordered_plan(elbow_exchange *exchange) {
    elbow_ordered *plan = NULL;
    ELBOW_TRY(elbow_arena_take(exchange->arena, 1, sizeof *plan, &plan));
    exchange->state = plan;
    ELBOW_TRY(plan_shards(exchange, plan));
    ELBOW_TRY(plan_group(exchange, plan));
    ELBOW_TRY(plan_parts(exchange, plan));
    ELBOW_TRY(plan_top(exchange, plan));
    return reserve_requests(exchange, plan);
}
