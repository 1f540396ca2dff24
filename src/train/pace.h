/* When to save and when to stop: the clocks of rank 0, which decides for all by the flags of a step, and what steps,
 * evaluations and checkpoints have taken so far. Times are seconds on elbow_now()'s clock. All is Local. */
#ifndef ELBOW_SRC_TRAIN_PACE_H
#define ELBOW_SRC_TRAIN_PACE_H

#include "elbow/train/run.h"
#include "elbow/train/stop.h"

typedef struct elbow_pace {
    elbow_stop_clock stop;
    double step,
        evaluation; /* the longest of late; an estimate before the first evaluation (its pictures included) */
    bool evaluated;
    double save_cost; /* seconds that the last checkpoint took to be on disk; an estimate before the first */
    double saved;     /* when the last one was tried */
    double interval;  /* between checkpoints; 0: the clocks ask for none */
    bool automatic;
    double mtbf, stall,
        cost;     /* where it is: of the options; that of the checkpoint under way, and of those before */
    int failures; /* of checkpoints, since the last that succeeded */
    double retry, wait; /* when another is tried whatever is due, and how long that was waited for */
} elbow_pace;

/* Reads the options and the environment; warns of what it finds there. */
void elbow_pace_begin(elbow_pace *pace, const elbow_run *run);

/* A line or two for the start table. */
void elbow_pace_say(const elbow_pace *pace, const elbow_run *run);

/* What no clock can be meant to say: ELBOW_USAGE, with the option to blame. */
elbow_status elbow_pace_check(const elbow_options *options);

/* checkpoint.every_minutes in seconds, 0 for none and for auto. ELBOW_USAGE where it is no such thing. */
elbow_status elbow_pace_interval(const elbow_options *options, double *seconds, bool *automatic);

/* The interval between checkpoints that loses the least, in seconds: what they cost the loop (`cost` each) against what a
 * failure loses, half an interval on average: √(2 · cost · mtbf) (Young, A first order approximation to the optimum
 * checkpoint interval, CACM 17(9), 1974; Daly, A higher order estimate of the optimum checkpoint interval for restart
 * dumps, FGCS 22(3), 2006, whose further terms matter where the cost is no small part of mtbf). Between one minute and one
 * hour, and never so often that the disk is written to for more than half of the time (`writing` seconds each). */
double elbow_pace_optimum(double cost, double mtbf, double writing);

/* What has been seen. `seconds` of a checkpoint: until it was on disk; stalled: those in which the loop stood still for it. */
void elbow_pace_stalled(elbow_pace *pace, double seconds);
void elbow_pace_stepped(elbow_pace *pace, const elbow_run *run, double seconds);
void elbow_pace_evaluated(elbow_pace *pace, double seconds);
void elbow_pace_saved(elbow_pace *pace, double seconds);

/* A checkpoint has failed: another is tried in half a minute, and each that fails then doubles the wait, up to ten minutes.
 * Whether it is worth a word: the first, and those that were waited for. */
bool elbow_pace_failed(elbow_pace *pace, double now);

/* Whether the clocks ask for a checkpoint: minutes are over, or a failed one is to be tried again. */
bool elbow_pace_save_due(const elbow_pace *pace, double now);

/* Seconds that must be left before a step for the run to be saved in time at a later step's end; `evaluates`: the step
 * is one after which an evaluation is due. */
double elbow_pace_needed(const elbow_pace *pace, bool evaluates);

#endif
