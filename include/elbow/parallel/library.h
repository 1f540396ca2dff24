/* The MPI library itself, to say which it is and to compare with. */
#ifndef ELBOW_PARALLEL_LIBRARY_H
#define ELBOW_PARALLEL_LIBRARY_H

#include <stddef.h>

#include "elbow/base/error.h"
#include "elbow/base/real.h"
#include "elbow/parallel/world.h"

/* "Open MPI v4.1.4": its name and version, one line. Local; before elbow_world_open, too. */
void elbow_library_describe(char *text, size_t room);

/* values, count on every rank, become their sum over ranks: one plain MPI_Allreduce, in place, with the library's order of
 * the sum. count ≤ INT_MAX. Collective. */
void elbow_library_allreduce(elbow_world *world, real *values, size_t count);

#endif
