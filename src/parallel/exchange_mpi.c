/* The plain reference: each rank adds up its shards, MPI_Iallreduce adds up the ranks, in whatever order the
 * library likes, and every rank updates every parameter. Exact to rounding only. */
#include <stdlib.h>
#include <string.h>

#include "parallel/exchange_ops.h"

enum { RANGES = 64 };

typedef struct mpi_state {
    real *sum; /* (size) */
    MPI_Request requests[RANGES];
    int request_count;
} mpi_state;

static elbow_status create(elbow_exchange *exchange) {
    mpi_state *state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for the exchange");
    exchange->state = state;
    exchange->owned_begin = 0;
    exchange->owned_end = exchange->size;
    return elbow_arena_reals(exchange->arena, exchange->size, &state->sum);
}

static void destroy(elbow_exchange *exchange) { free(exchange->state); }

static real *gradient(elbow_exchange *exchange, size_t shard) {
    mpi_state *state = exchange->state;
    if (shard == exchange->first) memset(state->sum, 0, exchange->size * sizeof(real));
    return state->sum;
}

static void ready(elbow_exchange *exchange, size_t shard, size_t begin, size_t end) {
    mpi_state *state = exchange->state;
    if (shard + 1 < exchange->first + exchange->count || exchange->world->size == 1) return;
    if (state->request_count == RANGES) {
        MPI_Waitall(state->request_count, state->requests, MPI_STATUSES_IGNORE);
        state->request_count = 0;
    }
    MPI_Iallreduce(MPI_IN_PLACE, state->sum + begin, (int)(end - begin), ELBOW_MPI_REAL, MPI_SUM,
                   exchange->comm, &state->requests[state->request_count++]);
}

static elbow_status finish(elbow_exchange *exchange, real **sum) {
    mpi_state *state = exchange->state;
    MPI_Waitall(state->request_count, state->requests, MPI_STATUSES_IGNORE);
    state->request_count = 0;
    *sum = state->sum;
    return ELBOW_OK;
}

static elbow_status publish(elbow_exchange *exchange) {
    (void)exchange; /* every rank made the same update */
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
    .create = create,
    .gradient = gradient,
    .ready = ready,
    .finish = finish,
    .publish = publish,
    .gather = gather,
    .scatter = scatter,
    .destroy = destroy,
};
