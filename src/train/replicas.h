/* What ranks hold alike, compared by hash: parameters, the step, the history.
 *
 * There is a set of parameters for each group of ranks that share memory (elbow_exchange_replicas); with parallel.allreduce
 * = mpi also one of the moments on each rank. A set that is not like the others is the work of bad memory, a bad core,
 * a bad network, or a library. The run ends before anything of it is saved.
 *
 * What this cannot find. One set has nothing to be compared with. In the ordered exchange a parameter has one owner, which
 * sends it to all replicas in every step: what is wrong in the owner's memory is soon wrong everywhere alike, and what was
 * wrong in another copy for the length of a step is overwritten by the owner's (memory that does not hold what is written to it
 * stays, and is found). */
#ifndef ELBOW_SRC_TRAIN_REPLICAS_H
#define ELBOW_SRC_TRAIN_REPLICAS_H

#include "elbow/train/run.h"

/* Whether parallel.check_every asks for a comparison after this step. Local. */
bool elbow_replicas_due(const elbow_run *run);

/* Compares, once a step at the most. ELBOW_PARALLEL on every rank names ranks, hosts, tensor and step; ELBOW_MEMORY. Between
 * steps, while nobody writes parameters. On one rank nothing is done. Collective. */
elbow_status elbow_replicas_check(elbow_run *run);

/* Which of `count` values most have: how many do, and the index of the first of those. Where no more than half have any
 * one, agree is 0 and `one` the first. `other` is the first that differs from values[one]: `count` where none does. */
typedef struct elbow_vote {
    size_t agree, one, other;
} elbow_vote;
elbow_vote elbow_replicas_vote(const uint64_t *values, size_t count);

#endif
