/* Which ranks the others waited for, over all steps of a life: by the time that each computes before it waits. */
#ifndef ELBOW_SRC_TRAIN_STRAGGLERS_H
#define ELBOW_SRC_TRAIN_STRAGGLERS_H

#include <stdbool.h>

#include "elbow/train/run.h"

typedef struct elbow_compute_time {
    const char *host;
    size_t shards;
    double seconds; /* of computing, in all steps */
} elbow_compute_time;

/* A line on ranks that are slower than the others by a tenth or more, and cost at least 5 % of the steps' `elapsed` seconds
 * (30 s or more of them; of fewer, where they take twice as long as the others and cost 2 s);
 * by node where all ranks of one are, and only they. Ranks with more shards than others have more to do, and are no
 * stragglers for that: the line says what the uneven division costs. false: there is nothing to say. Local. */
bool elbow_stragglers_find(char *text, size_t room, const elbow_compute_time *ranks, size_t count,
                           int64_t steps, double elapsed);

/* That line at the end of a life, and in detail a line for each rank. Rank 0's log; costs nothing where it fails. Local. */
void elbow_report_stragglers(const elbow_run *run);

#endif
