/* What computes: build, instruction set, BLAS, threads; agreed on by all ranks. */
#ifndef ELBOW_SRC_TRAIN_FACTS_H
#define ELBOW_SRC_TRAIN_FACTS_H

#include "elbow/train/run.h"

/* Sets BLAS threads, fills run->facts, and refuses ranks whose products would differ. Collective. */
elbow_status elbow_facts_agree(elbow_run *run);

/* Cores that this process may use, and that the node has; 0 where unknown. Local. */
int elbow_cores_bound(void);
int elbow_cores_online(void);

#endif
