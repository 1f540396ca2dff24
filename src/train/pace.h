/* When to save and when to stop: the clocks of rank 0, which decides for all by the flags of a step, and what steps,
 * evaluations and checkpoints have taken so far. Times are seconds on elbow_now()'s clock. All is Local. */
#ifndef ELBOW_SRC_TRAIN_PACE_H
#define ELBOW_SRC_TRAIN_PACE_H

#include "elbow/train/run.h"
#include "elbow/train/stop.h"

typedef struct elbow_pace {
    elbow_stop_clock stop;
    double step,
        evaluation; /* the longest of this life; an estimate before the first evaluation (its pictures included) */
    bool evaluated;
    double save_cost; /* seconds that the last checkpoint took to be on disk; an estimate before the first */
    double saved;     /* when the last one was tried */
    int failures;     /* of checkpoints, since the last that succeeded */
    double retry, wait; /* when another is tried whatever is due, and how long that was waited for */
} elbow_pace;

/* Reads the options and the environment; warns of what it finds there. */
void elbow_pace_begin(elbow_pace *pace, const elbow_run *run);

/* A line or two for the start table. */
void elbow_pace_say(const elbow_pace *pace, const elbow_run *run);

/* What has been seen. `seconds` of a checkpoint: until it was on disk. */
void elbow_pace_stepped(elbow_pace *pace, const elbow_run *run, double seconds);
void elbow_pace_evaluated(elbow_pace *pace, double seconds);
void elbow_pace_saved(elbow_pace *pace, double seconds);

/* A checkpoint has failed: another is tried in half a minute, and each that fails then doubles the wait, up to ten minutes.
 * Whether it is worth a word: the first, and those that were waited for. */
bool elbow_pace_failed(elbow_pace *pace, double now);

/* Whether the clocks ask for a checkpoint: minutes are over, or a failed one is to be tried again. */
bool elbow_pace_save_due(const elbow_pace *pace, const elbow_run *run, double now);

/* Seconds that must be left before a step for the run to be saved in time at a later step's end; `evaluates`: the step
 * is one after which an evaluation is due. */
double elbow_pace_needed(const elbow_pace *pace, bool evaluates);

#endif
