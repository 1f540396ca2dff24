#include "elbow/parallel/exchange.h"

#include <limits.h>
#include <stdlib.h>

#include "base/family.h"
#include "parallel/exchange_ops.h"

static const elbow_exchange_ops *const exchanges[] = {
    &elbow_exchange_ordered,
    &elbow_exchange_mpi,
};

static elbow_status create_local(elbow_exchange *exchange) {
    ELBOW_CHECK(exchange->size <= INT_MAX, ELBOW_PARALLEL,
                "%zu parameters are more than one MPI message can count (%d); make the model smaller",
                exchange->size, INT_MAX);
    ELBOW_TRY(elbow_arena_create(&exchange->arena));
    ELBOW_TRY(elbow_arena_reals(exchange->arena, exchange->size, &exchange->parameters));
    return exchange->ops->create(exchange);
}

elbow_status elbow_exchange_create(elbow_exchange **out, const char *name, elbow_world *world, size_t shards,
                                   size_t size) {
    *out = NULL;
    size_t member = 0;
    ELBOW_TRY(ELBOW_FAMILY_FIND(exchanges, "exchange", name, &member));
    size_t rank = (size_t)world->rank, ranks = (size_t)world->size;
    ELBOW_CHECK(
        ranks <= shards, ELBOW_USAGE,
        "%zu ranks for %zu shards: a rank would have nothing to do; start at most %zu ranks, or a new run "
        "with --set parallel.shards=%zu",
        ranks, shards, shards, ranks);
    elbow_exchange *exchange = calloc(1, sizeof *exchange);
    ELBOW_TRY_ALL(world, exchange ? ELBOW_OK : elbow_fail(ELBOW_MEMORY, "no memory for the exchange"));
    exchange->ops = exchanges[member];
    exchange->world = world;
    exchange->shards = shards;
    exchange->size = size;
    elbow_exchange_shards_of(exchange, rank, &exchange->first, &exchange->count);
    MPI_Comm_dup(world->comm->all, &exchange->comm);
    elbow_status status = elbow_world_agree(world, create_local(exchange));
    if (status != ELBOW_OK) elbow_exchange_destroy(&exchange);
    *out = exchange;
    return status;
}

void elbow_exchange_destroy(elbow_exchange **exchange) {
    if (*exchange == NULL) return;
    (*exchange)->ops->destroy(*exchange);
    MPI_Comm_free(&(*exchange)->comm);
    elbow_arena_destroy(&(*exchange)->arena);
    free(*exchange);
    *exchange = NULL;
}

void elbow_exchange_shards(const elbow_exchange *exchange, size_t *first, size_t *count) {
    *first = exchange->first;
    *count = exchange->count;
}

void elbow_exchange_shards_of(const elbow_exchange *exchange, size_t rank, size_t *first, size_t *count) {
    size_t ranks = (size_t)exchange->world->size;
    *first = elbow_first_shard(rank, ranks, exchange->shards);
    *count = elbow_first_shard(rank + 1, ranks, exchange->shards) - *first;
}

void elbow_exchange_owned(const elbow_exchange *exchange, size_t *begin, size_t *end) {
    *begin = exchange->owned_begin;
    *end = exchange->owned_end;
}

void elbow_exchange_part(const elbow_exchange *exchange, size_t rank, size_t *begin, size_t *end) {
    size_t ranks = (size_t)exchange->world->size, size = exchange->size;
    size_t blocks = (size + ELBOW_BLOCK - 1) / ELBOW_BLOCK;
    *begin = rank * blocks / ranks * ELBOW_BLOCK;
    *end = (rank + 1) * blocks / ranks * ELBOW_BLOCK;
    if (*begin > size) *begin = size; /* the last block may be short */
    if (*end > size) *end = size;
}

real *elbow_exchange_parameters(elbow_exchange *exchange) { return exchange->parameters; }

real *elbow_exchange_begin_shard(elbow_exchange *exchange, size_t shard) {
    return exchange->ops->gradient(exchange, shard);
}

void elbow_exchange_ready(elbow_exchange *exchange, size_t shard, size_t begin, size_t end) {
    if (begin < end) exchange->ops->ready(exchange, shard, begin, end);
}

elbow_status elbow_exchange_finish(elbow_exchange *exchange, real **sum) {
    return exchange->ops->finish(exchange, sum);
}

elbow_status elbow_exchange_publish(elbow_exchange *exchange) { return exchange->ops->publish(exchange); }

elbow_status elbow_exchange_gather(elbow_exchange *exchange, const real *owned, real *full) {
    return exchange->ops->gather(exchange, owned, full);
}

elbow_status elbow_exchange_scatter(elbow_exchange *exchange, const real *full, real *owned) {
    return exchange->ops->scatter(exchange, full, owned);
}

size_t elbow_exchange_bytes(const elbow_exchange *exchange) { return elbow_arena_bytes(exchange->arena); }
