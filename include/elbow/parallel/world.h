/* The ranks of a run, and how they decide things together.
 *
 * `rank` and `size` are MPI's. A node is a set of ranks that share memory. */
#ifndef ELBOW_PARALLEL_WORLD_H
#define ELBOW_PARALLEL_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/error.h"

typedef struct elbow_world {
    int rank, size;  /* in the run */
    int node, nodes; /* this rank's node, and how many there are; nodes are numbered by their lowest rank */
    int node_rank, node_size; /* in the node */
    char host[64];
    bool
        launched; /* by mpirun, srun or the like; where MPI ran before open, a program started alone may seem so */
    struct elbow_world_comm *comm; /* MPI's side: see src/parallel/comm.h */
} elbow_world;

/* Initialises MPI (unless done) and finds the nodes. ELBOW_PARALLEL where the launcher started several processes that do
 * not see each other, each a world of one (ELBOW_SINGLETONS=1 in the environment allows that): then MPI is finalised, and
 * the log of all but the launch's first process is silent. Collective. */
elbow_status elbow_world_open(elbow_world **world, int *argc, char ***argv);

/* A world of the first `count` ranks, and of their nodes; *sub is NULL on the others. elbow_world_close closes it, on its
 * ranks. ELBOW_USAGE. Collective over `world`. */
elbow_status elbow_world_sub(elbow_world *world, int count, elbow_world **sub);

/* Finalises MPI if open initialised it. Collective. */
void elbow_world_close(elbow_world **world);

/* Ends all ranks at once, for what cannot be agreed on. Local; does not return under MPI. */
void elbow_world_abort(elbow_world *world, int code);

/* What failed on one rank fails on all: returns the status of the lowest failing rank everywhere, with its
 * message, prefixed "rank R on HOST" where rank 0 did not see it too. ELBOW_OK when all are. Collective. */
elbow_status elbow_world_agree(elbow_world *world, elbow_status status);

/* `ELBOW_TRY` for a call that may fail on one rank alone. Collective. */
#define ELBOW_TRY_ALL(world, call) ELBOW_TRY(elbow_world_agree((world), (call)))

/* Refuses ranks whose `text` is not rank 0's: ELBOW_PARALLEL, "rank R on HOST: its WHAT is …, rank 0's is …; MEND".
 * Collective. */
elbow_status elbow_world_same(elbow_world *world, const char *text, const char *what, const char *mend);

/* bytes from rank `root` to all; any size. Collective. */
elbow_status elbow_world_broadcast(elbow_world *world, void *bytes, size_t count, int root);

/* A malloc'd copy on every rank of root's `count` bytes (a text with its end, say). Collective. */
elbow_status elbow_world_broadcast_new(elbow_world *world, void **bytes, size_t *count, int root);

/* Concatenates every rank's `count` bytes (counts may differ) in rank order into `all` on every rank. `all`
 * holds the sum of the counts, which counts[size] gives by rank. Collective. */
elbow_status elbow_world_allgather(elbow_world *world, const void *bytes, void *all, const size_t *counts);

/* The same to rank 0 only; `all` may be NULL elsewhere. Collective. */
elbow_status elbow_world_gather(elbow_world *world, const void *bytes, void *all, const size_t *counts);

/* A malloc'd array on rank 0 of every rank's item of `bytes`, in rank order; NULL elsewhere. Collective. */
elbow_status elbow_world_gather_new(elbow_world *world, const void *item, size_t bytes, void **all);

/* Waits for all. Collective. */
void elbow_world_barrier(elbow_world *world);

/* The same, asleep: for ranks that wait while others work, which on shared cores a spinning rank would slow down.
 * Collective. */
void elbow_world_rest(elbow_world *world);

/* Seconds since some fixed moment, monotonic. Local. */
double elbow_now(void);

#endif
