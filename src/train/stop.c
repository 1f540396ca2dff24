#include "elbow/train/stop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "elbow/parallel/world.h"

static volatile sig_atomic_t caught; /* the signal, 0 for none: all that a handler may touch */

static void handle(int number) {
    if (caught && number == SIGINT) { /* a second Ctrl-C means it */
        signal(SIGINT, SIG_DFL);
        raise(SIGINT);
    }
    caught = number;
}

void elbow_stop_catch_signals(void) {
    struct sigaction action;
    caught = 0;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART; /* MPI's and HDF5's calls go on */
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static bool file_asks(const char *directory) {
    static double looked = -1; /* a file system is asked once a second */
    char path[4096];
    double now = elbow_now();
    if (looked >= 0 && now - looked < 1) return false;
    looked = now;
    snprintf(path, sizeof path, "%s/stop", directory);
    return access(path, F_OK) == 0;
}

const char *elbow_stop_reason(const char *directory, double elapsed, double time_limit) {
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
    if (time_limit > 0 && elapsed >= time_limit) return "checkpoint.time_limit";
    if (directory != NULL && file_asks(directory)) return "the file `stop` in the run directory";
    return NULL;
}

void elbow_stop_clear(const char *directory) {
    char path[4096];
    snprintf(path, sizeof path, "%s/stop", directory);
    unlink(path);
}
