/* What the files of train/doctor.h share. Nobody else includes this. */
#ifndef ELBOW_SRC_TRAIN_DOCTOR_INSIDE_H
#define ELBOW_SRC_TRAIN_DOCTOR_INSIDE_H

#include "base/cores.h"
#include "base/file.h"
#include "elbow/train/bench.h"
#include "elbow/train/doctor.h"
#include "train/doctor_system.h"

enum { ELBOW_DOCTOR_LINE = 8192 };

typedef struct elbow_examination {
    const elbow_doctor *doctor;
    elbow_world *world;
    elbow_options *options; /* until the run has them */
    elbow_place place;      /* rank 0's */
    elbow_bench_directory scratch;
    elbow_run *run;
} elbow_examination;

/* A finding; from rank 0 only. Local. */
void elbow_doctor_tell(elbow_examination *examination, elbow_finding finding, const char *subject,
                       const char *format, ...) ELBOW_PRINTF(4, 5);

/* Trains, evaluates and saves the run, and tells what the real one will take. Collective. */
elbow_status elbow_doctor_predict(elbow_examination *examination);

#endif
