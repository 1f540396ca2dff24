/* What the gradient noise scale (store/noise.h) says of a run's batch, in words. */
#ifndef ELBOW_SRC_TRAIN_NOISE_H
#define ELBOW_SRC_TRAIN_NOISE_H

#include "elbow/store/noise.h"
#include "elbow/train/run.h"

/* The scale, and what a larger or smaller batch would bring. `room`: 1024 is plenty. */
void elbow_noise_words(char *text, size_t room, const elbow_noise_scale *scale, size_t batch,
                       const char *optimizer);

/* A line of them at the run's end; where one gradient a step leaves nothing to compare, a line on what would tell; with data.labels one that it is not known. Local. */
void elbow_report_noise(const elbow_run *run);

#endif
