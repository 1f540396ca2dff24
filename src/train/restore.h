/* A run from a checkpoint. */
#ifndef ELBOW_SRC_TRAIN_RESTORE_H
#define ELBOW_SRC_TRAIN_RESTORE_H

#include "elbow/train/run.h"

/* Fills parameters, optimizer, step and history from a checkpoint that rank 0 holds (NULL elsewhere). The checkpoint's
 * blocks are freed as they are used up. Collective. */
elbow_status elbow_run_restore(elbow_run *run, elbow_checkpoint *checkpoint, const char *subject);

/* Parameters alone, for a run that begins: its average where there is one, but as `which` says (elbow_checkpoint_weights).
 * The estimator's own (estimator.*) need not match: those that do not begin as in a new run. Collective. */
elbow_status elbow_run_restore_model(elbow_run *run, const elbow_checkpoint *checkpoint, const char *which,
                                     const char *subject);

/* Parameters and the optimizer's state of a checkpoint that rank 0 holds: part of the first. Nobody reads parameters
 * meanwhile. Collective. */
elbow_status elbow_run_restore_weights(elbow_run *run, elbow_checkpoint *checkpoint, const char *subject);

#endif
