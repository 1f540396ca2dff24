/* Memory that the ranks of a group share: an MPI-3 window, one segment a rank. */
#ifndef ELBOW_SRC_PARALLEL_WINDOW_H
#define ELBOW_SRC_PARALLEL_WINDOW_H

#include "parallel/comm.h"

enum { ELBOW_WINDOW_LINE = 64 }; /* segments are aligned to it */

typedef struct elbow_window {
    MPI_Win window; /* MPI_WIN_NULL: none */
    size_t bytes;   /* of this rank's segment */
} elbow_window;

/* Whether every node has room for its ranks' `bytes` (0: none wanted) in its shared memory; the same answer everywhere.
 * `missing` is what the worst node lacks, in bytes. Collective over the world. */
bool elbow_window_fits(elbow_world *world, size_t bytes, size_t *missing);

/* A segment of `bytes` for each rank of `group`, zeroed; an elbow_window_barrier has to follow before others use it.
 * Collective over the group: where MPI cannot on one rank, ELBOW_MEMORY on all of them. */
elbow_status elbow_window_create(elbow_window *window, MPI_Comm group, size_t bytes);
void elbow_window_destroy(elbow_window *window);

/* Rank `place`'s segment, 64-byte aligned. Local. */
char *elbow_window_segment(const elbow_window *window, size_t place);

/* What any rank of the group wrote before is seen by all after. Collective over the group. */
void elbow_window_barrier(const elbow_window *window, MPI_Comm group);

#endif
