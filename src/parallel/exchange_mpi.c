/* The plain reference: each rank adds up its shards, MPI_Iallreduce adds up the ranks, in whatever order the
 * library likes, and every rank updates every parameter. Exact to rounding only.
 *
 * Gradients leave in buckets as the backward pass completes them, and MPI gets on with them whenever another layer is
 * ready. */
#include <string.h>

#include "math/vector.h"
#include "parallel/exchange_ops.h"

enum { BUCKET = 1 << 20, REQUESTS = 64 }; /* parameters in a bucket; buckets on their way at once */

typedef struct mpi_state {
    real *sum; /* (size) */
    MPI_Request requests[REQUESTS];
    int count;
} mpi_state;

static elbow_status create(elbow_exchange *exchange) {
    mpi_state *state = NULL;
    ELBOW_TRY(elbow_arena_take(exchange->arena, 1, sizeof *state, &state));
    exchange->state = state;
    exchange->owned_begin = 0;
    exchange->owned_end = exchange->size;
    ELBOW_TRY(elbow_arena_reals(exchange->arena, exchange->size, &exchange->parameters));
    return elbow_arena_reals(exchange->arena, exchange->size, &state->sum);
}

static elbow_status spread(elbow_exchange *exchange) {
    return elbow_world_broadcast(exchange->world, exchange->parameters, exchange->size * sizeof(real), 0);
}

static real *gradient(elbow_exchange *exchange, size_t shard) {
    const mpi_state *state = exchange->state;
    if (shard == exchange->first) exchange->leaf_squares = (elbow_exact){0, 0};
    return state->sum;
}

static void wait(mpi_state *state) {
    MPI_Waitall(state->count, state->requests, MPI_STATUSES_IGNORE);
    state->count = 0;
}

static void ready(elbow_exchange *exchange, size_t shard, size_t begin, size_t end) {
    mpi_state *state = exchange->state;
    if (shard + 1 < exchange->first + exchange->count || exchange->world->size == 1) return;
    for (size_t at = begin; at < end; at += BUCKET) {
        size_t count = end - at < BUCKET ? end - at : BUCKET;
        elbow_exact_add(&exchange->leaf_squares, elbow_square_sum(state->sum + at, count));
        if (state->count == REQUESTS) wait(state);
        MPI_Iallreduce(MPI_IN_PLACE, state->sum + at, (int)count, ELBOW_MPI_REAL, MPI_SUM, exchange->comm,
                       &state->requests[state->count++]);
    }
    int all = 0;
    MPI_Testall(state->count, state->requests, &all, MPI_STATUSES_IGNORE); /* progress; done or not */
    if (all) state->count = 0;
}

static elbow_status finish(elbow_exchange *exchange, real **sum) {
    mpi_state *state = exchange->state;
    size_t begin = exchange->part_begins[exchange->part], end = exchange->part_begins[exchange->part + 1];
    double *square = exchange->squares;
    wait(state);
    for (size_t at = begin; at < end; at += ELBOW_BLOCK)
        *square++ = elbow_square_sum(state->sum + at, end - at < ELBOW_BLOCK ? end - at : ELBOW_BLOCK);
    *sum = state->sum;
    return ELBOW_OK;
}

static elbow_status publish(elbow_exchange *exchange) {
    (void)exchange; /* every rank made the same update */
    return ELBOW_OK;
}

static elbow_status drop(elbow_exchange *exchange) {
    const mpi_state *state = exchange->state;
    memset(state->sum, 0, exchange->size * sizeof *state->sum);
    return ELBOW_OK;
}

static elbow_status gather(elbow_exchange *exchange, const real *owned, real *full) {
    if (exchange->world->rank == 0) memcpy(full, owned, exchange->size * sizeof *full);
    return ELBOW_OK;
}

static elbow_status scatter(elbow_exchange *exchange, const real *full, real *owned) {
    if (exchange->world->rank == 0) memcpy(owned, full, exchange->size * sizeof *full);
    return elbow_world_broadcast(exchange->world, owned, exchange->size * sizeof *owned, 0);
}

const elbow_exchange_ops elbow_exchange_mpi = {
    .name = "mpi",
    .leaf_is_rank = true,
    .create = create,
    .spread = spread,
    .gradient = gradient,
    .ready = ready,
    .finish = finish,
    .publish = publish,
    .drop = drop,
    .gather = gather,
    .scatter = scatter,
};
