/* Requests to stop: a signal, the file DIRECTORY/stop, or the clock. Each only raises a flag, which the ranks
 * look at together once a step. */
#ifndef ELBOW_TRAIN_STOP_H
#define ELBOW_TRAIN_STOP_H

#include <stdbool.h>

/* SIGUSR1, SIGTERM and SIGINT ask for a stop from here on, and earlier ones are forgotten; a second SIGINT ends the
 * process as usual. Local. */
void elbow_stop_catch_signals(void);

/* Why this process wants to stop, or NULL: "SIGUSR1", "the file runs/a/stop", "checkpoint.time_limit". `directory`
 * and the limits (seconds; 0 is none) are looked at only by a caller that passes them; the file at most once a second. Local. */
const char *elbow_stop_reason(const char *directory, double elapsed, double time_limit);

/* Removes the file that an earlier life left; for the start of a life, before the data are read. Local. */
void elbow_stop_clear(const char *directory);

#endif
