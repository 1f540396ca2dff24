/* A run from a checkpoint. */
#ifndef ELBOW_SRC_TRAIN_RESTORE_H
#define ELBOW_SRC_TRAIN_RESTORE_H

#include "elbow/train/run.h"

/* Fills parameters, optimizer, step and history from a checkpoint that rank 0 holds (NULL elsewhere); with
 * `weights_only`, parameters alone. The checkpoint's blocks are freed as they are used up. Collective. */
elbow_status elbow_run_restore(elbow_run *run, elbow_checkpoint *checkpoint, bool weights_only,
                               const char *subject);

/* Parameters, and with `moments` the optimizer's, of a checkpoint that rank 0 holds: part of the above. Nobody reads
 * parameters meanwhile. Collective. */
elbow_status elbow_run_restore_weights(elbow_run *run, elbow_checkpoint *checkpoint, bool moments,
                                       const char *subject);

#endif
