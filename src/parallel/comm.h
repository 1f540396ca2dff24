/* MPI's side of a world, for src/parallel/ only: the rest of the program does not see mpi.h. */
#ifndef ELBOW_SRC_PARALLEL_COMM_H
#define ELBOW_SRC_PARALLEL_COMM_H

#include <mpi.h>

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
};

#endif
