/* Faults that tests ask for, so that what is done about them can be tried: in the environment,
 *
 *     ELBOW_TEST_FAULT=KIND:STEP:RANK[:NUMBER][,…]      nonfinite:120:0,slow:0:2:0.05
 *
 *     nonfinite   the rank's gradient of parameter NUMBER is NaN in that step
 *     value       row NUMBER of the batches of the rank's shards begins with an infinite value in that step
 *     loss        the rank's shards have a loss of NaN in that step
 *     flip        a bit of parameter NUMBER, in the copy that the rank reads, changes after that step
 *     hang        the rank sleeps for ever in that step
 *     slow        from that step on, each of the rank's shards takes NUMBER seconds more
 *
 * Without the variable nothing of this is looked at. */
#ifndef ELBOW_SRC_TRAIN_FAULT_H
#define ELBOW_SRC_TRAIN_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "elbow/base/error.h"
#include "elbow/base/real.h"
#include "elbow/data/batch.h"

typedef struct elbow_faults elbow_faults;

/* From the environment, the faults of this rank; NULL where there are none. ELBOW_USAGE where it cannot be read. Local. */
elbow_status elbow_faults_create(elbow_faults **faults, int rank);
void elbow_faults_destroy(elbow_faults **faults);

/* What the step calls: with a shard's batch, as its gradient begins (zeros), with its loss, and with the new parameters.
 * Local; nothing happens where faults is NULL. */
void elbow_faults_batch(const elbow_faults *faults, int64_t step, elbow_batch *batch);
void elbow_faults_gradient(const elbow_faults *faults, int64_t step, real *gradients);
void elbow_faults_loss(const elbow_faults *faults, int64_t step, double *loss);
void elbow_faults_parameters(const elbow_faults *faults, int64_t step, real *parameters);

#endif
