/* How this process was started, as its environment says, and whether MPI saw the same.
 *
 * A launcher whose MPI is not the one that elbow is linked to (srun without --mpi=pmix, another library's mpirun, a
 * container) starts processes that do not find each other: each is rank 0 of a world of one, and all would train the same
 * run. MPI does not tell; the launcher's variables do. All functions are Local. */
#ifndef ELBOW_SRC_PARALLEL_LAUNCH_H
#define ELBOW_SRC_PARALLEL_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/error.h"

typedef enum elbow_launcher {
    ELBOW_LAUNCH_ALONE, /* nobody's: from a shell, or by a batch script itself */
    ELBOW_LAUNCH_OPEN_MPI,
    ELBOW_LAUNCH_HYDRA, /* mpiexec of MPICH, Intel MPI, MVAPICH */
    ELBOW_LAUNCH_SRUN,
    ELBOW_LAUNCH_OTHER
} elbow_launcher;

typedef struct elbow_launch {
    elbow_launcher launcher;
    const char *name; /* "srun"; "" alone */
    char found[96];   /* the variable that says so: "SLURM_STEP_NUM_TASKS=4" */
    long size;        /* processes of the launch; 0: unknown */
    long rank;        /* this one's place; −1: unknown */
    bool pmix, pmi;   /* ways to find each other that the launcher offers */
    bool apart;       /* ELBOW_SINGLETONS=1: worlds of one are meant */
} elbow_launch;

/* getenv, or a test's. */
typedef const char *elbow_launch_get(void *context, const char *name);

/* By the innermost launcher: inside a batch job's allocation, or a step, an mpirun's word counts. */
void elbow_launch_find(elbow_launch *launch, elbow_launch_get *get, void *context);

/* This process's: by what its environment was at the first call, which is before MPI_Init, since that gives a program
 * started alone the environment of a launched one. */
void elbow_launch_here(elbow_launch *launch);

/* ELBOW_PARALLEL where a world of `world_size` ranks is one of several singletons: what was found and what to do, for
 * an MPI library of that version ("Open MPI v4.1.4"). */
elbow_status elbow_launch_check(const elbow_launch *launch, int world_size, const char *library);

/* Open MPI ends a process that srun gave no PMIx, inside MPI_Init, and says that Open MPI was not built for Slurm. Between
 * these two calls a child waits, and says what helps if this process ends; only where that can be. */
typedef struct elbow_launch_watch {
    int child, end; /* 0: there is none; and the pipe to it */
} elbow_launch_watch;
void elbow_launch_watch_begin(elbow_launch_watch *watch, const elbow_launch *launch, const char *library);
void elbow_launch_watch_end(elbow_launch_watch *watch);

#endif
