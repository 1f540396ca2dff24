/* Rows of the metrics, from the reports of steps and evaluations: the same on every rank. Local but where said. */
#ifndef ELBOW_SRC_TRAIN_RECORD_H
#define ELBOW_SRC_TRAIN_RECORD_H

#include "elbow/train/evaluate.h"
#include "elbow/train/step.h"

/* Adds a step that took `seconds`, unless it was passed over; appends a row where one ends here and any step has a share in
 * it. Collective, for a rank without memory. */
elbow_status elbow_record_step(elbow_run *run, const elbow_step_report *report, double seconds);

/* A row of /events (store/metrics.c says what its columns are). Collective, likewise. */
typedef enum elbow_event_action {
    ELBOW_EVENT_STOP,
    ELBOW_EVENT_SKIP,
    ELBOW_EVENT_ROLLBACK
} elbow_event_action;
typedef struct elbow_event {
    int64_t step, target;
    elbow_event_action action;
    int64_t shard, example;
    double objective, gradient_norm;
} elbow_event;
elbow_status elbow_record_event(elbow_run *run, const elbow_event *event);

/* Adds time in which the loop stood still for a checkpoint, to the row that is being filled. */
void elbow_record_stall(elbow_run *run, double seconds);

/* Appends an evaluation of a split at run->step. */
elbow_status elbow_record_evaluation(elbow_run *run, elbow_split split, const elbow_evaluation *evaluation);

/* Appends a look at the test split, of the weights of `step`. */
elbow_status elbow_record_test(elbow_run *run, int64_t step, const elbow_evaluation *evaluation);

/* ELBO of the training steps since the last evaluation, per example; NaN where there were none. */
double elbow_record_train_elbo(const elbow_run *run);

/* After the evaluations of one step: the next mean of training starts here. */
void elbow_record_evaluated(elbow_run *run);

/* Whether the split was already evaluated at run->step (in an earlier life, perhaps). */
bool elbow_record_has(const elbow_run *run, elbow_split split);

#endif
