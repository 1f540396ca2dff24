/* The average of the weights (optimizer.average) in training: its owners have it as the optimizer has its moments, and for an
 * evaluation it and the parameters change places. There is no second full copy. */
#ifndef ELBOW_SRC_TRAIN_AVERAGE_H
#define ELBOW_SRC_TRAIN_AVERAGE_H

#include "elbow/train/run.h"

/* The average is the parameters at hand: at the beginning of a run. Local. */
void elbow_average_begin(elbow_run *run);

/* The average is what all ranks have as parameters, and the other way round; the second call undoes the first. Between steps;
 * between the two nothing is saved. Nothing where there is no average. Collective. */
elbow_status elbow_average_swap(elbow_run *run);

#endif
