/* Exchanges: a family. A member is one file that ends in its table, and one line in exchange.c's list.
 * What a member does is in elbow/parallel/exchange.h, function by function. */
#ifndef ELBOW_SRC_PARALLEL_EXCHANGE_OPS_H
#define ELBOW_SRC_PARALLEL_EXCHANGE_OPS_H

#include "elbow/base/arena.h"
#include "elbow/parallel/exchange.h"
#include "parallel/comm.h"

typedef struct elbow_exchange_ops {
    const char *name;
    /* Sets owned_begin, owned_end and state; the common members are there. Local: the caller agrees. */
    elbow_status (*create)(elbow_exchange *exchange);
    real *(*gradient)(elbow_exchange *exchange, size_t shard);
    void (*ready)(elbow_exchange *exchange, size_t shard, size_t begin, size_t end);
    elbow_status (*finish)(elbow_exchange *exchange, real **sum);
    elbow_status (*publish)(elbow_exchange *exchange);
    elbow_status (*gather)(elbow_exchange *exchange, const real *owned, real *full);
    elbow_status (*scatter)(elbow_exchange *exchange, const real *full, real *owned);
    void (*destroy)(elbow_exchange *exchange);
} elbow_exchange_ops;

struct elbow_exchange {
    const elbow_exchange_ops *ops;
    elbow_world *world;
    MPI_Comm comm;       /* its own, so that its messages meet no others */
    size_t shards, size; /* S, and the parameters */
    size_t first, count; /* this rank's shards */
    size_t owned_begin, owned_end;
    elbow_arena *arena; /* every buffer */
    real *parameters;   /* (size) */
    void *state;        /* the member's own */
};

/* The shards of rank r of P: [⌊rS/P⌋, ⌊(r+1)S/P⌋). */
static inline size_t elbow_first_shard(size_t rank, size_t ranks, size_t shards) {
    return rank * shards / ranks;
}

extern const elbow_exchange_ops elbow_exchange_ordered, elbow_exchange_mpi;

#endif
