/* Going on from a checkpoint: what must be the same, and what a user is told. */
#ifndef ELBOW_SRC_TRAIN_RESUME_H
#define ELBOW_SRC_TRAIN_RESUME_H

#include "elbow/train/run.h"

/* Sets parallel.shards where it is 0: to the checkpoint's (rank 0 has it, NULL for a new run) or the rank
 * count. Collective. */
elbow_status elbow_resume_shards(elbow_run *run, const elbow_checkpoint *checkpoint);

/* Whether the directory is that of a run, be it one without a checkpoint. Local. */
bool elbow_run_is_there(const char *directory);

/* On rank 0: data, options and facts against the checkpoint's. ELBOW_MISMATCH names what may not differ; what may is said in the
 * log, with what it means. The others return at once. Local. */
elbow_status elbow_resume_check(elbow_run *run, const elbow_checkpoint *checkpoint, const char *subject);

#endif
