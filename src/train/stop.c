#include "elbow/train/stop.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "elbow/base/log.h"
#include "elbow/base/number.h"
#include "elbow/parallel/world.h"

#define SLURM_END "SLURM_JOB_END_TIME"

/* A job without a limit ends in a year, for Slurm; what is much later is in other units. */
#define LONGEST_JOB (10.0 * 365 * 24 * 3600)

static volatile sig_atomic_t caught; /* the signal, 0 for none: all that a handler may touch */

/* When Ctrl-C came first, in whole seconds of the monotonic clock. */
static volatile sig_atomic_t interrupted;

/* A second Ctrl-C means it; one that comes with the first (from a launcher, or `timeout`, to a process and to its group)
 * is none. */
static void handle(int number) {
    if (number == SIGINT) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (interrupted && now.tv_sec - interrupted >= 2) {
            signal(SIGINT, SIG_DFL);
            raise(SIGINT);
        }
        if (!interrupted) interrupted = (sig_atomic_t)now.tv_sec;
    }
    if (!caught) caught = number;
}

void elbow_stop_catch_signals(void) {
    struct sigaction action;
    caught = interrupted = 0;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART; /* MPI's and HDF5's calls go on */
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGXFSZ, SIG_IGN);
}

/* ------------------------------------------------------------------------------------------ clocks */

bool elbow_stop_slurm_left(double *left) {
    const char *text = getenv(SLURM_END);
    int64_t end = 0;
    if (text == NULL || *text == 0) return false;
    if (elbow_number_integer(text, 0, INT64_MAX, &end) != ELBOW_OK) {
        elbow_warn(SLURM_END
                   "=%.60s is no time in Unix seconds: Slurm's clock is not looked at, and the run may be "
                   "cut off; unset it, or set checkpoint.time_limit",
                   text);
        return false;
    }
    *left = difftime((time_t)end, time(NULL));
    if (*left > 0 && *left <= LONGEST_JOB) return true;
    elbow_warn(SLURM_END
               "=%.60s is %s: Slurm's clock is not looked at, and the run may be cut off; unset it, or set "
               "checkpoint.time_limit",
               text, *left > 0 ? "more than ten years away" : "past");
    return false;
}

static elbow_stop_clock clock_of(const char *name, double born, double end, double margin) {
    double life = end - born;
    return (elbow_stop_clock){name, end, fmin(margin, life / 20), life / 2};
}

elbow_stop_clock elbow_stop_clock_start(double born, double limit, double margin) {
    elbow_stop_clock clock = {.end = INFINITY};
    double left;
    if (limit > 0) clock = clock_of("checkpoint.time_limit", born, born + limit, margin);
    if (!elbow_stop_slurm_left(&left)) return clock;
    elbow_stop_clock slurm = clock_of("Slurm's clock", born, elbow_now() + left, margin);
    slurm.margin = margin; /* what is late by a second is lost */
    return slurm.end - slurm.margin < clock.end - clock.margin ? slurm : clock;
}

double elbow_stop_clock_left(const elbow_stop_clock *clock, double needed) {
    if (clock->name == NULL) return INFINITY;
    return clock->end - elbow_now() - fmin(needed + clock->margin, clock->most);
}

/* ------------------------------------------------------------------------------------------ asking */

static bool file_asks(const char *directory) {
    static double looked = -1; /* a file system is asked once a second */
    char path[4096];
    double now = elbow_now();
    if (looked >= 0 && now - looked < 1) return false;
    looked = now;
    snprintf(path, sizeof path, "%s/stop", directory);
    return access(path, F_OK) == 0;
}

const char *elbow_stop_reason(const char *directory, const elbow_stop_clock *clock, double needed) {
    switch (caught) {
    case 0:
        break;
    case SIGUSR1:
        return "SIGUSR1";
    case SIGTERM:
        return "SIGTERM";
    default:
        return "SIGINT";
    }
    if (clock != NULL && elbow_stop_clock_left(clock, needed) <= 0) return clock->name;
    if (directory != NULL && file_asks(directory)) return "the file `stop` in the run directory";
    return NULL;
}

void elbow_stop_clear(const char *directory) {
    char path[4096];
    snprintf(path, sizeof path, "%s/stop", directory);
    if (unlink(path) == 0) elbow_notice("%s, an old request to stop, is removed", path);
}
