/* train.nonfinite = rollback: weights and moments of an earlier checkpoint, and on with the step behind the one that was not
 * finite. The same step again would meet the same batch, the same noise and the same NaN.
 *
 *     steps    0 ─── 20 ─── 40 ─── 53 ✗                        20, 40, 60: regular (checkpoint.every_steps = 20)
 *                            └──────── 54 ─── 60 ─── 61 ✗      the weights of 54 are those of 40
 *                                              └────── 62 ───▶
 *
 * Where to go back to follows from the history alone, so that a run has the same bits wherever it is stopped and resumed: the
 * newest regular checkpoint among the ancestors of the weights at hand (of those of 60: 60, 40, 20, 0) whose own first step
 * was finite. Where it was not, the weights may be what is wrong, not the batch: then the one before. What was saved for other
 * reasons (a clock, a signal, an evaluation) is never taken, and neither is what a rollback has given up.
 *
 * The history of a run is its /events (store/metrics.h). */
#ifndef ELBOW_SRC_TRAIN_ROLLBACK_H
#define ELBOW_SRC_TRAIN_ROLLBACK_H

#include "elbow/train/run.h"

bool elbow_rollback_wanted(const elbow_run *run); /* train.nonfinite is that */

/* How many of the first `now` steps the weights of that step know nothing of, passed over or given up, by the first `count`
 * rows of a history. */
int64_t elbow_rollback_lag(const elbow_table *events, size_t count);

/* The step to go back to from step `now`, whose first step was not finite, at or below `most`, by the first `count` rows of a history; −1: there is none. */
int64_t elbow_rollback_target(const elbow_table *events, size_t count, int64_t now, int64_t every,
                              int64_t most);

/* Steps whose checkpoints the next rollback may want: not to be removed. −1: none. Local. */
enum { ELBOW_ROLLBACK_SPARED = 2 };
void elbow_rollback_spare(const elbow_run *run, int64_t steps[ELBOW_ROLLBACK_SPARED]);

/* After elbow_nonfinite_pass_over, which has noted where to in the last row of /events: reads that checkpoint on rank 0,
 * and restores it. Where it cannot be read, an older one, with a warning, for a run that could have other bits; where
 * there is none, ELBOW_ABSENT. Nothing is being written. Collective. */
elbow_status elbow_rollback(elbow_run *run);

#endif
