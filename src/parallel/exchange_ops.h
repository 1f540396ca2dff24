/* Exchanges: a family. A member is one file that ends in its table, and one line in exchange.c's list.
 * What a member does is in elbow/parallel/exchange.h, function by function. */
#ifndef ELBOW_SRC_PARALLEL_EXCHANGE_OPS_H
#define ELBOW_SRC_PARALLEL_EXCHANGE_OPS_H

#include "elbow/base/arena.h"
#include "elbow/parallel/exchange.h"
#include "parallel/groups.h"
#include "parallel/window.h"

typedef struct elbow_exchange_ops {
    const char *name;
    bool leaf_is_rank; /* elbow_exchange_leaf */
    /* Bytes of this rank's segment of its group's window. NULL: ranks share nothing. */
    size_t (*segment)(const elbow_exchange *exchange);
    /* Sets owned_begin, owned_end, parameters and state; the common members are there, and the window where the group has
     * several ranks. Local: the caller agrees. */
    elbow_status (*create)(elbow_exchange *exchange);
    elbow_status (*spread)(elbow_exchange *exchange);
    real *(*gradient)(elbow_exchange *exchange, size_t shard);
    void (*ready)(elbow_exchange *exchange, size_t shard, size_t begin, size_t end);
    elbow_status (*finish)(elbow_exchange *exchange, real **sum);
    elbow_status (*publish)(elbow_exchange *exchange);
    elbow_status (*drop)(elbow_exchange *exchange);
    elbow_status (*gather)(elbow_exchange *exchange, const real *owned, real *full);
    elbow_status (*scatter)(elbow_exchange *exchange, const real *full, real *owned);
} elbow_exchange_ops;

struct elbow_exchange {
    const elbow_exchange_ops *ops;
    elbow_world *world;
    MPI_Comm comm; /* its own, so that its messages meet no others */
    elbow_arena *arena;
    elbow_groups groups;
    elbow_window window; /* of a group of several ranks */
    size_t shards, size; /* S, and the parameters */
    size_t first, count; /* this rank's shards */

    /* Part q of the parameters is [part_begins[q], part_begins[q + 1]), rank_of_part[q]'s. Parts follow each other in the
     * order of places, then of groups: those of equal places of all groups, a lane, lie together. */
    size_t *part_begins, *rank_of_part, *part_of_rank; /* (P + 1), (P), (P) */
    size_t part;                                       /* this rank's */

    size_t owned_begin, owned_end;
    real *parameters; /* (size) */
    double *squares;  /* of the blocks of this rank's part */
    elbow_exact leaf_squares;
    void *state; /* the member's own; the arena holds it */
};

extern const elbow_exchange_ops elbow_exchange_ordered, elbow_exchange_mpi;

#endif
