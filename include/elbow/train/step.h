/* One training step, and what the ranks tell each other in it. */
#ifndef ELBOW_TRAIN_STEP_H
#define ELBOW_TRAIN_STEP_H

#include "elbow/store/noise.h"
#include "elbow/train/run.h"

/* Seconds of this rank by phase. */
typedef enum elbow_phase {
    ELBOW_PHASE_DATA,
    ELBOW_PHASE_ENCODER,
    ELBOW_PHASE_ESTIMATOR,
    ELBOW_PHASE_EXCHANGE,
    ELBOW_PHASE_UPDATE,
    ELBOW_PHASES
} elbow_phase;

/* What a rank may ask of all, or tell all (DATA: its examples could not be read; SAVED: a checkpoint's writing has ended): the
 * flags of all ranks are joined. */
enum { ELBOW_FLAG_STOP = 1, ELBOW_FLAG_SAVE = 2, ELBOW_FLAG_DATA = 4, ELBOW_FLAG_SAVED = 8 };

/* The same on every rank, but for `phases`, which grow as each part of the step ends (train/bench_products.c). */
typedef struct elbow_step_report {
    elbow_terms terms;    /* sums over the step's examples */
    size_t examples;      /* of all shards */
    double gradient_norm; /* before clipping */
    elbow_noise
        noise; /* of the gradient; NaN with data.labels, where its sum has one leaf only, or one beyond elbow_exact */
    double temperature, beta, learning_rate;
    bool finite; /* else no parameter was changed, and neither terms nor norm say anything */
    unsigned flags;
    double phases[ELBOW_PHASES];
} elbow_step_report;

/* The step that follows run->step; adds one to it. `flags` are this rank's. Where a loss or the gradient is not finite, that is
 * found on every rank, before any parameter has changed, and train.nonfinite decides: ELBOW_NUMERIC, or ELBOW_OK with
 * report->finite = false, the step passed over; of train.nonfinite = rollback the rest is the caller's
 * (train/nonfinite.h). Collective. */
elbow_status elbow_step(elbow_run *run, unsigned flags, elbow_step_report *report);

/* Scratch for the exchange of summaries, sized at set-up. Local; the caller agrees. */
elbow_status elbow_summary_create(elbow_summary **summary, const elbow_run *run);
void elbow_summary_destroy(elbow_summary **summary);

#endif
