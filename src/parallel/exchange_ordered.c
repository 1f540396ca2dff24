/* The ordered exchange: the same bits for every rank count.
 *
 * Each rank owns a part of the parameters, whole blocks of them. A rank sums its shards as far as the tree
 * allows without the others' (its maximal nodes), and sends every node's values on part p to p's owner. The
 * owner adds the nodes of all ranks up in the tree's order, updates its part, and all ranks gather the parts.
 *
 *     rank 0: shards 0 1 2    nodes (0+1) and 2      ── part 1 of both ──▶  rank 1
 *     rank 1: shards 3 4      nodes 3 and 4          ◀── part 0 of both ──
 *     each:   ((0+1) + (2+3)) + 4   on its own part
 *
 * A rank's own sums are made in place while the backward passes go on. A node with 2^l shards needs l + 1
 * blocks: one for the node, and l for right children, shared by all of the rank's nodes. */
#include <stdlib.h>
#include <string.h>

#include "math/vector.h"
#include "parallel/exchange_ops.h"
#include "parallel/tree.h"

typedef struct local_shard {
    size_t block;          /* where its gradient is accumulated */
    size_t additions;      /* how many to make when it is complete … */
    size_t first_addition; /* … from here in local_additions */
    size_t node;           /* the maximal node that it completes, or NO_NODE */
} local_shard;

#define NO_NODE ((size_t)-1)

typedef struct ordered_state {
    /* This rank's shards and its maximal nodes. */
    local_shard *shards;             /* (count) */
    elbow_addition *local_additions; /* over blocks */
    real **blocks;                   /* gradients, (size) each; the first node_count are the nodes' */
    size_t block_count, node_count;

    /* The parts: rank r owns [bounds[r], bounds[r + 1]). */
    int *part_counts, *part_begins; /* (ranks) each */

    /* Nodes of all ranks, left to right; values[i] are node i's on this rank's part. */
    elbow_node *nodes;
    real **values;
    size_t total, mine; /* how many; the index of this rank's first */
    elbow_addition *additions;
    size_t addition_count;

    size_t *missing; /* (node_count, ranks): values of a node not yet ready for an owner */
    MPI_Request *receives, *sends;
    int receive_count, send_count;
} ordered_state;

static elbow_status plan_parts(elbow_exchange *exchange, ordered_state *state) {
    size_t ranks = (size_t)exchange->world->size;
    ELBOW_TRY(elbow_arena_take(exchange->arena, ranks, sizeof *state->part_counts, &state->part_counts));
    ELBOW_TRY(elbow_arena_take(exchange->arena, ranks, sizeof *state->part_begins, &state->part_begins));
    for (size_t r = 0; r < ranks; r++) {
        size_t begin = 0, end = 0;
        elbow_exchange_part(exchange, r, &begin, &end);
        state->part_begins[r] = (int)begin; /* size ≤ INT_MAX: elbow_exchange_create */
        state->part_counts[r] = (int)(end - begin);
    }
    elbow_exchange_part(exchange, (size_t)exchange->world->rank, &exchange->owned_begin,
                        &exchange->owned_end);
    return ELBOW_OK;
}

/* The additions inside one maximal node. Its sum grows in `block`; right children, `depth` levels down, in
 * the shared blocks after the nodes' own. A shard's additions follow it, in order of growing level. */
static void plan_local(ordered_state *state, size_t *used, size_t first_shard, elbow_node node, size_t block,
                       size_t depth) {
    if (node.count == 1) {
        local_shard *shard = &state->shards[node.first - first_shard];
        shard->block = block;
        shard->first_addition = *used;
        return;
    }
    size_t half = 1;
    while (2 * half < node.count) half *= 2;
    size_t right = state->node_count + depth;
    elbow_node left_node = {node.first, half}, right_node = {node.first + half, node.count - half};
    plan_local(state, used, first_shard, left_node, block, depth);
    plan_local(state, used, first_shard, right_node, right, depth + 1);
    state->local_additions[(*used)++] = (elbow_addition){.to = block, .from = right};
    state->shards[node.first + node.count - 1 - first_shard].additions++;
}

static elbow_status plan_shards(elbow_exchange *exchange, ordered_state *state) {
    elbow_node own[2 * 8 * sizeof(size_t)];
    state->node_count = elbow_tree_cover(own, exchange->first, exchange->count, exchange->shards);
    ELBOW_TRY(elbow_arena_take(exchange->arena, exchange->count, sizeof *state->shards, &state->shards));
    ELBOW_TRY(elbow_arena_take(exchange->arena, exchange->count, sizeof *state->local_additions,
                               &state->local_additions));
    size_t used = 0, deepest = 0;
    for (size_t s = 0; s < exchange->count; s++) state->shards[s].node = NO_NODE;
    for (size_t n = 0; n < state->node_count; n++) {
        plan_local(state, &used, exchange->first, own[n], n, 0);
        state->shards[own[n].first + own[n].count - 1 - exchange->first].node = n;
        size_t levels = 0;
        while ((size_t)1 << levels < own[n].count) levels++;
        if (levels > deepest) deepest = levels;
    }
    state->block_count = state->node_count + deepest;
    ELBOW_TRY(elbow_arena_take(exchange->arena, state->block_count, sizeof *state->blocks, &state->blocks));
    for (size_t b = 0; b < state->block_count; b++)
        ELBOW_TRY(elbow_arena_reals(exchange->arena, exchange->size, &state->blocks[b]));
    return elbow_arena_take(exchange->arena, state->node_count * (size_t)exchange->world->size,
                            sizeof *state->missing, &state->missing);
}

/* All ranks' nodes and where their values on this rank's part are: in the rank's own blocks, or received. */
static elbow_status plan_sum(elbow_exchange *exchange, ordered_state *state) {
    size_t ranks = (size_t)exchange->world->size, rank = (size_t)exchange->world->rank;
    size_t owned = exchange->owned_end - exchange->owned_begin;
    elbow_node cover[2 * 8 * sizeof(size_t)];
    for (size_t r = 0; r < ranks; r++) {
        size_t first = 0, count = 0;
        elbow_exchange_shards_of(exchange, r, &first, &count);
        state->total += elbow_tree_cover(cover, first, count, exchange->shards);
    }
    ELBOW_TRY(elbow_arena_take(exchange->arena, state->total, sizeof *state->nodes, &state->nodes));
    ELBOW_TRY(elbow_arena_take(exchange->arena, state->total, sizeof *state->values, &state->values));
    ELBOW_TRY(elbow_arena_take(exchange->arena, state->total, sizeof *state->additions, &state->additions));
    ELBOW_TRY(elbow_arena_take(exchange->arena, state->total, sizeof *state->receives, &state->receives));
    ELBOW_TRY(
        elbow_arena_take(exchange->arena, state->node_count * ranks, sizeof *state->sends, &state->sends));
    size_t at = 0;
    for (size_t r = 0; r < ranks; r++) {
        size_t first = 0, count = 0;
        elbow_exchange_shards_of(exchange, r, &first, &count);
        size_t nodes = elbow_tree_cover(state->nodes + at, first, count, exchange->shards);
        if (r == rank) state->mine = at;
        for (size_t n = 0; n < nodes; n++, at++) {
            if (r == rank)
                state->values[at] = state->blocks[n] + exchange->owned_begin;
            else
                ELBOW_TRY(elbow_arena_reals(exchange->arena, owned, &state->values[at]));
        }
    }
    state->addition_count = elbow_tree_plan(state->additions, state->nodes, state->total, exchange->shards);
    return ELBOW_OK;
}

static elbow_status create(elbow_exchange *exchange) {
    ordered_state *state = NULL;
    ELBOW_TRY(elbow_arena_take(exchange->arena, 1, sizeof *state, &state));
    exchange->state = state;
    ELBOW_TRY(plan_parts(exchange, state));
    ELBOW_TRY(plan_shards(exchange, state));
    return plan_sum(exchange, state);
}

static void destroy(elbow_exchange *exchange) { (void)exchange; /* the arena holds everything */ }

/* Before the first shard of a step: receives are posted, and nothing is ready yet. */
static void begin_step(elbow_exchange *exchange, ordered_state *state) {
    size_t ranks = (size_t)exchange->world->size, rank = (size_t)exchange->world->rank;
    int owned = state->part_counts[rank];
    size_t at = 0;
    state->receive_count = state->send_count = 0;
    for (size_t r = 0; r < ranks; r++) {
        size_t next = elbow_first_shard(r + 1, ranks, exchange->shards);
        for (int tag = 0; at < state->total && state->nodes[at].first < next; at++, tag++) {
            if (r == rank || owned == 0) continue;
            MPI_Irecv(state->values[at], owned, ELBOW_MPI_REAL, (int)r, tag, exchange->comm,
                      &state->receives[state->receive_count++]);
        }
    }
    for (size_t n = 0; n < state->node_count; n++)
        for (size_t r = 0; r < ranks; r++) state->missing[n * ranks + r] = (size_t)state->part_counts[r];
}

static real *gradient(elbow_exchange *exchange, size_t shard) {
    ordered_state *state = exchange->state;
    if (shard == exchange->first) begin_step(exchange, state);
    real *block = state->blocks[state->shards[shard - exchange->first].block];
    memset(block, 0, exchange->size * sizeof *block);
    return block;
}

/* Node n is summed on [begin, end): a part that is now complete goes to its owner. */
static void send_parts(elbow_exchange *exchange, ordered_state *state, size_t n, size_t begin, size_t end) {
    size_t ranks = (size_t)exchange->world->size;
    for (size_t r = 0; r < ranks; r++) {
        size_t part_begin = (size_t)state->part_begins[r];
        size_t part_end = part_begin + (size_t)state->part_counts[r];
        size_t from = begin > part_begin ? begin : part_begin, to = end < part_end ? end : part_end;
        if (from >= to) continue;
        state->missing[n * ranks + r] -= to - from;
        if (state->missing[n * ranks + r] > 0 || r == (size_t)exchange->world->rank) continue;
        MPI_Isend(state->blocks[n] + part_begin, state->part_counts[r], ELBOW_MPI_REAL, (int)r, (int)n,
                  exchange->comm, &state->sends[state->send_count++]);
    }
}

static void ready(elbow_exchange *exchange, size_t shard, size_t begin, size_t end) {
    ordered_state *state = exchange->state;
    const local_shard *own = &state->shards[shard - exchange->first];
    for (size_t i = 0; i < own->additions; i++) {
        elbow_addition addition = state->local_additions[own->first_addition + i];
        elbow_add(state->blocks[addition.to] + begin, state->blocks[addition.from] + begin, end - begin);
    }
    if (own->node != NO_NODE) send_parts(exchange, state, own->node, begin, end);
}

static elbow_status finish(elbow_exchange *exchange, real **sum) {
    ordered_state *state = exchange->state;
    MPI_Waitall(state->receive_count, state->receives, MPI_STATUSES_IGNORE);
    size_t owned = exchange->owned_end - exchange->owned_begin;
    for (size_t at = 0; at < owned; at += ELBOW_BLOCK) { /* block by block: the sums stay in cache */
        size_t count = owned - at < ELBOW_BLOCK ? owned - at : ELBOW_BLOCK;
        for (size_t i = 0; i < state->addition_count; i++)
            elbow_add(state->values[state->additions[i].to] + at,
                      state->values[state->additions[i].from] + at, count);
    }
    MPI_Waitall(state->send_count, state->sends, MPI_STATUSES_IGNORE);
    *sum = state->values[0];
    return ELBOW_OK;
}

static elbow_status publish(elbow_exchange *exchange) {
    ordered_state *state = exchange->state;
    if (exchange->world->size > 1)
        MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, exchange->parameters, state->part_counts,
                       state->part_begins, ELBOW_MPI_REAL, exchange->comm);
    return ELBOW_OK;
}

static elbow_status gather(elbow_exchange *exchange, const real *owned, real *full) {
    ordered_state *state = exchange->state;
    MPI_Gatherv(owned, state->part_counts[exchange->world->rank], ELBOW_MPI_REAL, full, state->part_counts,
                state->part_begins, ELBOW_MPI_REAL, 0, exchange->comm);
    return ELBOW_OK;
}

static elbow_status scatter(elbow_exchange *exchange, const real *full, real *owned) {
    ordered_state *state = exchange->state;
    MPI_Scatterv(full, state->part_counts, state->part_begins, ELBOW_MPI_REAL, owned,
                 state->part_counts[exchange->world->rank], ELBOW_MPI_REAL, 0, exchange->comm);
    return ELBOW_OK;
}

const elbow_exchange_ops elbow_exchange_ordered = {
    .name = "ordered",
    .create = create,
    .gradient = gradient,
    .ready = ready,
    .finish = finish,
    .publish = publish,
    .gather = gather,
    .scatter = scatter,
    .destroy = destroy,
};
