/* A run to a checkpoint and back. */
#ifndef ELBOW_SRC_TRAIN_SAVE_H
#define ELBOW_SRC_TRAIN_SAVE_H

#include "elbow/train/run.h"

/* Writes the checkpoint of run->step, and metrics.h5; makes it best.h5 when `best` (*is_best: that worked);
 * removes what is beyond `keep`. Its status is that of the checkpoint; the rest costs a warning. Collective. */
elbow_status elbow_run_save(elbow_run *run, bool best, bool *is_best);

/* Fills parameters, optimizer, step and history from a checkpoint that rank 0 holds (NULL elsewhere); with
 * `weights_only`, parameters alone. Collective. */
elbow_status elbow_run_restore(elbow_run *run, const elbow_checkpoint *checkpoint, bool weights_only,
                               const char *subject);

/* Writes metrics.h5. Rank 0 writes; the others return at once. Local. */
elbow_status elbow_run_write_metrics(const elbow_run *run);

#endif
