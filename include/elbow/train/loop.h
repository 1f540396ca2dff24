/* The life of a run: steps, evaluations, checkpoints, until it is finished or asked to stop. */
#ifndef ELBOW_TRAIN_LOOP_H
#define ELBOW_TRAIN_LOOP_H

#include "elbow/train/run.h"

/* Trains to the end of the run. ELBOW_OK when finished; ELBOW_STOPPED when asked to stop (stop.h), the
 * checkpoint written; else what failed, state `failed`. Collective. */
elbow_status elbow_train(elbow_run *run);

#endif
