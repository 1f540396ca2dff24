/* MPI's side of a world, for src/parallel/ only: the rest of the program does not see mpi.h. */
#ifndef ELBOW_SRC_PARALLEL_COMM_H
#define ELBOW_SRC_PARALLEL_COMM_H

#include <mpi.h>
#include <stdatomic.h>
#include <stdint.h>

#include "elbow/base/real.h"
#include "elbow/parallel/world.h"

#ifdef ELBOW_REAL_DOUBLE
#define ELBOW_MPI_REAL MPI_DOUBLE
#else
#define ELBOW_MPI_REAL MPI_FLOAT
#endif

struct elbow_world_comm {
    MPI_Comm all, node;
    bool finalize;               /* we initialised MPI */
    int *counts, *displacements; /* (size) each: scratch of the gathering calls, which a step makes */
    int depth;                   /* of calls that wait for others */
    _Atomic uint64_t waits;      /* see parallel/waits.h */
};

/* Around whatever may wait for other ranks. They nest. Local. */
static inline void elbow_wait_begin(const elbow_world *world) {
    struct elbow_world_comm *comm = world->comm;
    if (comm->depth++ == 0) atomic_fetch_add_explicit(&comm->waits, 1, memory_order_relaxed);
}

static inline void elbow_wait_end(const elbow_world *world) {
    struct elbow_world_comm *comm = world->comm;
    if (--comm->depth == 0) atomic_fetch_add_explicit(&comm->waits, 1, memory_order_relaxed);
}

#endif
