/* Steps whose loss or gradient is no number.
 *
 * The step's summary tells all ranks alike, before any parameter has changed. What then (train.nonfinite):
 *
 *     stop        the run fails, with a message; metrics.h5 is written
 *     skip        the step's sum is dropped, and its batch with it; the run goes on with the next step
 *     rollback    the same, with weights and moments of an earlier checkpoint (rollback.h)
 *
 * Each such step is a row of /events, and no part of the means of /train. Those that a run passes over are counted in that
 * table, which checkpoints carry: with more than train.nonfinite_limit the run stops.
 *
 * Step numbers go on, and with them batches, noise and schedules: they say when, not how often. The optimizer's number t counts
 * the updates that its moments have seen (bias corrections are about those): run->step − run->lag. */
#ifndef ELBOW_SRC_TRAIN_NONFINITE_H
#define ELBOW_SRC_TRAIN_NONFINITE_H

#include "elbow/train/step.h"

/* After elbow_vae_estimate of one of this rank's shards, where its loss is not finite: sets run->suspect where it is the
 * step's first. Local. */
void elbow_nonfinite_note(elbow_run *run, size_t shard);

/* What becomes of a step that is not finite: ELBOW_NUMERIC where the run is to stop; else its gradient is dropped and
 * run->step is the next; where elbow_rollback_wanted, elbow_rollback is to follow. Collective, after elbow_summary_agree. */
elbow_status elbow_nonfinite_pass_over(elbow_run *run, const elbow_step_report *report);

#endif
