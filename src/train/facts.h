/* What computes: build, instruction set, BLAS, threads; agreed on by all ranks. */
#ifndef ELBOW_SRC_TRAIN_FACTS_H
#define ELBOW_SRC_TRAIN_FACTS_H

#include "base/cores.h"
#include "elbow/train/run.h"

/* Sets BLAS threads, fills run->facts and run->advice, and refuses ranks whose products would differ. Collective. */
elbow_status elbow_facts_agree(elbow_run *run);

#endif
