/* Requests to stop: a signal, the file DIRECTORY/stop, or a clock. Each only raises a flag, which the ranks look at
 * together once a step.
 *
 * There are two clocks: checkpoint.time_limit, counted from the beginning of this life, and Slurm's: the moment at which
 * the job is ended, in Unix seconds, which Slurm ≥ 23.02 gives as SLURM_JOB_END_TIME and a job script makes of
 * `squeue -h -j $SLURM_JOB_ID -o %L` where it is older. */
#ifndef ELBOW_TRAIN_STOP_H
#define ELBOW_TRAIN_STOP_H

#include <stdbool.h>

/* SIGUSR1, SIGTERM and SIGINT ask for a stop from here on, and earlier ones are forgotten; a second SIGINT ends the
 * process as usual. A file that outgrows a limit (SIGXFSZ) is an error of its writing, and no end. Local. */
void elbow_stop_catch_signals(void);

/* A moment by which this life must be over, all written. */
typedef struct elbow_stop_clock {
    const char *name; /* as reasons say it: "checkpoint.time_limit", "Slurm's clock"; NULL: there is none */
    double end;       /* on elbow_now()'s clock */
    double margin;    /* seconds left unused before it */
    double most;      /* no more is kept back, so that the shortest life gets on: half of what there was */
} elbow_stop_clock;

/* The clock of a life that began at `born` (elbow_now()'s), the first to end where there are two; seconds, `limit` 0 is none.
 * A short limit has a shorter margin: a twentieth. A SLURM_JOB_END_TIME that cannot be one is warned about and ignored.
 * Local: rank 0's. */
elbow_stop_clock elbow_stop_clock_start(double born, double limit, double margin);

/* Seconds from now to the end of the Slurm job, where SLURM_JOB_END_TIME says it; false where it says nothing, or nothing
 * that can be true, which is warned about. Local. */
bool elbow_stop_slurm_left(double *left);

/* Seconds from now to the latest moment at which what takes `needed` seconds may begin; negative: too late; infinity
 * where there is no clock. Local. */
double elbow_stop_clock_left(const elbow_stop_clock *clock, double needed);

/* Why this process wants to stop, or NULL: "SIGUSR1", "the file `stop` in the run directory", a clock's name. `directory` and
 * `clock` (NULL: none) are looked at only by a caller that passes them, the file at most once a second; the clock asks
 * where `needed` seconds are no longer there. Local. */
const char *elbow_stop_reason(const char *directory, const elbow_stop_clock *clock, double needed);

/* Removes the file that an earlier life left, and says so; for the start of a life, before the data are read. Local. */
void elbow_stop_clear(const char *directory);

#endif
