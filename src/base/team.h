/* A team: the threads that share a rank's loops (train.threads of them; BLAS has as many of its own for products).
 *
 * Fork and join: elbow_team_run cuts a range among the threads, does the first part itself, and returns when all parts are
 * done. Where the cuts fall depends on the number of threads, so a range is only handed to work whose elements do not meet:
 * rows, columns of sums, blocks of parameters, with kernels whose bits do not depend on where their range begins. Then the
 * bits are the same for every number of threads; only BLAS's own threads change them.
 *
 * Idle threads watch for the next range for some 20 µs, then sleep: between steps, and while BLAS has the cores, they take
 * no time. Nothing is allocated at run time. A team has one caller, and its work does not call it again. */
#ifndef ELBOW_SRC_BASE_TEAM_H
#define ELBOW_SRC_BASE_TEAM_H

#include <stddef.h>

#include "elbow/base/error.h"

typedef struct elbow_team elbow_team;

/* Elements begin … end − 1 of the range. */
typedef void elbow_team_work(void *context, size_t begin, size_t end);

/* A team of `threads`, the caller counted; they inherit its cores. ELBOW_MEMORY, ELBOW_USAGE where the system gives no more
 * threads. Local. */
elbow_status elbow_team_create(elbow_team **team, int threads);
void elbow_team_destroy(elbow_team **team);

/* work(context, …) over 0 … count − 1, cut at multiples of `grain` (the least that is worth a thread's waking: some 20 µs of
 * work) into at most one part a thread. A team of one, or none (NULL), calls straight through: one call. Local. */
void elbow_team_run(elbow_team *team, size_t count, size_t grain, elbow_team_work *work, void *context);

/* 1 for NULL. */
int elbow_team_threads(const elbow_team *team);

#endif
