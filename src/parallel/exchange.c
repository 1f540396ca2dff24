#include "parallel/exchange_ops.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/family.h"
#include "elbow/base/log.h"
#include "parallel/tree.h"

static const elbow_exchange_ops *const exchanges[] = {
    &elbow_exchange_ordered,
    &elbow_exchange_mpi,
};

static void shards_of_seat(const elbow_exchange *exchange, size_t seat, size_t *first, size_t *count) {
    size_t ranks = exchange->groups.ranks;
    *first = elbow_first_shard(seat, ranks, exchange->shards);
    *count = elbow_first_shard(seat + 1, ranks, exchange->shards) - *first;
}

/* -------------------------------------------------------------------------------------------- set-up */

static elbow_status seat(elbow_exchange *exchange, size_t most) {
    ELBOW_TRY(elbow_groups_create(&exchange->groups, exchange->world, most, exchange->arena));
    shards_of_seat(exchange, exchange->groups.seat, &exchange->first, &exchange->count);
    return ELBOW_OK;
}

/* Windows for the groups of several ranks. ELBOW_MEMORY, on every rank, where one of them cannot be had. */
static elbow_status make_windows(elbow_exchange *exchange) {
    size_t missing = 0, bytes = exchange->groups.size > 1 ? exchange->ops->segment(exchange) : 0;
    ELBOW_CHECK(
        elbow_window_fits(exchange->world, bytes, &missing), ELBOW_MEMORY,
        "/dev/shm of a node lacks %.1f MB for the parameters and gradients that its ranks would share",
        (double)missing / 1e6);
    elbow_status status =
        bytes > 0 ? elbow_window_create(&exchange->window, exchange->groups.group, bytes) : ELBOW_OK;
    ELBOW_TRY_ALL(exchange->world, status);
    if (bytes > 0) elbow_window_barrier(&exchange->window, exchange->groups.group);
    return ELBOW_OK;
}

/* Shared memory where that is wished and there; else each rank is a group. */
static elbow_status form_groups(elbow_exchange *exchange, const elbow_exchange_spec *spec) {
    bool wished = exchange->ops->segment != NULL && strcmp(spec->replica, "rank") != 0;
    ELBOW_TRY(seat(exchange, wished ? spec->node_ranks : 1));
    if (exchange->groups.count == exchange->groups.ranks || make_windows(exchange) == ELBOW_OK)
        return ELBOW_OK;
    elbow_warn("%s; every rank keeps its own (parallel.replica = rank): the same bits, more memory, slower",
               elbow_error_message());
    elbow_window_destroy(&exchange->window);
    elbow_groups_destroy(&exchange->groups);
    return seat(exchange, 1);
}

/* Parts are whole blocks, as many as can be each; ranks take them place by place. */
static elbow_status deal_parts(elbow_exchange *exchange) {
    const elbow_groups *groups = &exchange->groups;
    size_t ranks = groups->ranks, blocks = (exchange->size + ELBOW_BLOCK - 1) / ELBOW_BLOCK, q = 0;
    ELBOW_TRY(elbow_arena_take(exchange->arena, ranks + 1, sizeof(size_t), &exchange->part_begins));
    ELBOW_TRY(elbow_arena_take(exchange->arena, ranks, sizeof(size_t), &exchange->rank_of_part));
    ELBOW_TRY(elbow_arena_take(exchange->arena, ranks, sizeof(size_t), &exchange->part_of_rank));
    for (size_t place = 0; q < ranks; place++)
        for (size_t g = 0; g < groups->count; g++) {
            if (place >= elbow_groups_size(groups, g)) continue;
            size_t rank = elbow_groups_rank(groups, g, place), begin = q * blocks / ranks * ELBOW_BLOCK;
            exchange->part_begins[q] = begin < exchange->size ? begin : exchange->size;
            exchange->part_of_rank[rank] = q;
            exchange->rank_of_part[q++] = rank;
        }
    exchange->part_begins[ranks] = exchange->size;
    exchange->part = exchange->part_of_rank[exchange->world->rank];
    return elbow_arena_take(exchange->arena, blocks, sizeof(double), &exchange->squares);
}

static elbow_status create_local(elbow_exchange *exchange) {
    ELBOW_TRY(deal_parts(exchange));
    return exchange->ops->create(exchange);
}

static elbow_status create(elbow_exchange *exchange, const elbow_exchange_spec *spec) {
    elbow_world *world = exchange->world;
    MPI_Comm_dup(world->comm->all, &exchange->comm);
    ELBOW_TRY_ALL(world, elbow_arena_create(&exchange->arena));
    ELBOW_TRY(form_groups(exchange, spec));
    return elbow_world_agree(world, create_local(exchange));
}

elbow_status elbow_exchange_create(elbow_exchange **out, elbow_world *world,
                                   const elbow_exchange_spec *spec) {
    size_t member = 0, ranks = (size_t)world->size, shards = spec->shards;
    *out = NULL;
    ELBOW_TRY(ELBOW_FAMILY_FIND(exchanges, "exchange", spec->name, &member));
    ELBOW_CHECK(
        ranks <= shards, ELBOW_USAGE,
        "%zu ranks for %zu shard%s: a rank would have nothing to do; start at most %zu rank%s, or a new run "
        "with --set parallel.shards=%zu",
        ranks, shards, shards == 1 ? "" : "s", shards, shards == 1 ? "" : "s", ranks);
    ELBOW_CHECK(spec->size <= INT_MAX, ELBOW_PARALLEL,
                "%zu parameters are more than one MPI message can count (%d); make the model smaller",
                spec->size, INT_MAX);
    elbow_exchange *exchange = calloc(1, sizeof *exchange);
    elbow_status status = elbow_world_agree(
        world, exchange ? ELBOW_OK : elbow_fail(ELBOW_MEMORY, "no memory for the exchange"));
    if (status != ELBOW_OK) {
        free(exchange);
        return status;
    }
    exchange->ops = exchanges[member];
    exchange->world = world;
    exchange->shards = shards;
    exchange->size = spec->size;
    exchange->window.window = MPI_WIN_NULL;
    exchange->groups.group = exchange->groups.leaders = MPI_COMM_NULL;
    elbow_wait_begin(world);
    status = create(exchange, spec);
    elbow_wait_end(world);
    if (status != ELBOW_OK) elbow_exchange_destroy(&exchange);
    *out = exchange;
    return status;
}

void elbow_exchange_destroy(elbow_exchange **exchange) {
    if (*exchange == NULL) return;
    elbow_window_destroy(&(*exchange)->window);
    elbow_groups_destroy(&(*exchange)->groups);
    MPI_Comm_free(&(*exchange)->comm);
    elbow_arena_destroy(&(*exchange)->arena);
    free(*exchange);
    *exchange = NULL;
}

/* --------------------------------------------------------------------------------------------- who has what */

void elbow_exchange_shards(const elbow_exchange *exchange, size_t *first, size_t *count) {
    *first = exchange->first;
    *count = exchange->count;
}

void elbow_exchange_shards_of(const elbow_exchange *exchange, size_t rank, size_t *first, size_t *count) {
    shards_of_seat(exchange, exchange->groups.seat_of_rank[rank], first, count);
}

void elbow_exchange_owned(const elbow_exchange *exchange, size_t *begin, size_t *end) {
    *begin = exchange->owned_begin;
    *end = exchange->owned_end;
}

void elbow_exchange_part(const elbow_exchange *exchange, size_t rank, size_t *begin, size_t *end) {
    *begin = exchange->part_begins[exchange->part_of_rank[rank]];
    *end = exchange->part_begins[exchange->part_of_rank[rank] + 1];
}

real *elbow_exchange_parameters(elbow_exchange *exchange) { return exchange->parameters; }
size_t elbow_exchange_replicas(const elbow_exchange *exchange) { return exchange->groups.count; }

size_t elbow_exchange_bytes(const elbow_exchange *exchange) {
    return elbow_arena_bytes(exchange->arena) + exchange->window.bytes;
}

size_t elbow_exchange_parameter_bytes(const elbow_exchange *exchange) {
    return exchange->groups.place == 0 ? exchange->size * sizeof(real) : 0;
}

/* -------------------------------------------------------------------------------------------- a step */

/* What waits for other ranks, said so. */
static elbow_status waited(const elbow_exchange *exchange, elbow_status status) {
    elbow_wait_end(exchange->world);
    return status;
}

elbow_status elbow_exchange_spread(elbow_exchange *exchange) {
    elbow_wait_begin(exchange->world);
    return waited(exchange, exchange->ops->spread(exchange));
}

real *elbow_exchange_begin_shard(elbow_exchange *exchange, size_t shard) {
    return exchange->ops->gradient(exchange, shard);
}

void elbow_exchange_ready(elbow_exchange *exchange, size_t shard, size_t begin, size_t end) {
    if (begin < end) exchange->ops->ready(exchange, shard, begin, end);
}

elbow_status elbow_exchange_finish(elbow_exchange *exchange, real **sum, const double **squares) {
    *squares = exchange->squares;
    elbow_wait_begin(exchange->world);
    return waited(exchange, exchange->ops->finish(exchange, sum));
}

size_t elbow_exchange_leaves(const elbow_exchange *exchange) {
    return exchange->ops->leaf_is_rank ? exchange->groups.ranks : exchange->shards;
}

void elbow_exchange_leaf(const elbow_exchange *exchange, size_t leaf, size_t *first, size_t *count) {
    *first = leaf;
    *count = 1;
    if (exchange->ops->leaf_is_rank) elbow_exchange_shards_of(exchange, leaf, first, count);
}

elbow_exact elbow_exchange_leaf_squares(const elbow_exchange *exchange) { return exchange->leaf_squares; }

elbow_status elbow_exchange_publish(elbow_exchange *exchange) {
    elbow_wait_begin(exchange->world);
    return waited(exchange, exchange->ops->publish(exchange));
}

elbow_status elbow_exchange_drop(elbow_exchange *exchange) {
    elbow_wait_begin(exchange->world);
    return waited(exchange, exchange->ops->drop(exchange));
}

elbow_status elbow_exchange_gather(elbow_exchange *exchange, const real *owned, real *full) {
    elbow_wait_begin(exchange->world);
    return waited(exchange, exchange->ops->gather(exchange, owned, full));
}

elbow_status elbow_exchange_scatter(elbow_exchange *exchange, const real *full, real *owned) {
    elbow_wait_begin(exchange->world);
    return waited(exchange, exchange->ops->scatter(exchange, full, owned));
}
