/* Checkpoints of a run: a snapshot at a step's end, written behind the steps that follow (store/saver.h).
 *
 * One is written at a time. Rank 0 knows when its writing has ended; all learn it together, by a flag of a step, and
 * settle it then: saved_step and best are the same on every rank at every step. */
#ifndef ELBOW_SRC_TRAIN_SAVE_H
#define ELBOW_SRC_TRAIN_SAVE_H

#include "elbow/train/run.h"

/* Takes the room of snapshots, before the first step of a run that has a checkpoint already: later it would hold up a
 * step. Where there is none to be had, the next checkpoint says so. Local. */
void elbow_run_reserve_snapshot(elbow_run *run);

/* How a writing went: the same on every rank. */
typedef struct elbow_settled {
    int64_t step;
    bool asked, best; /* it was to be best.h5; it is */
    double seconds;   /* of writing */
    char digest[33];
} elbow_settled;

/* Begins the checkpoint of run->step and sets run->saving_step; metrics.h5 goes with it, best.h5 where it is the
 * `best`, and what is beyond `keep` goes away. Without `behind` all is written when it returns. What was begun before
 * is settled. A failure means that nothing was begun. Collective. */
elbow_status elbow_run_save(elbow_run *run, bool best, bool behind);

/* Waits for what is being written, and says on all ranks how it went: its status is the checkpoint's, and only then are
 * `best` and `seconds` known; the rest costs a warning. Collective; only where run->saving_step ≥ 0. */
elbow_status elbow_run_settle(elbow_run *run, elbow_settled *settled);

/* The same where training has failed and ranks may not be able to agree on anything: a word in the log. Local. */
void elbow_run_abandon(elbow_run *run);

/* Writes metrics.h5; not while a checkpoint is being written. What fails costs a warning, the first time, and a word when it
 * succeeds again: the history is in the checkpoints too. Rank 0 writes; the others return at once. Local. */
void elbow_run_write_metrics(elbow_run *run);

#endif
