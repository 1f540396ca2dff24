/* What there is to see of a run from outside: its files, read whenever they have changed. Never MPI, never a lock; the
 * run may be starting, running, dead or finished, on another machine. Local. */
#ifndef ELBOW_SRC_CLI_WATCHED_H
#define ELBOW_SRC_CLI_WATCHED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "elbow/base/error.h"
#include "elbow/base/options.h"
#include "elbow/data/dataset.h"
#include "elbow/store/metrics.h"

/* Which file, and when it was written: a name that stands for another file now has another one. */
typedef struct elbow_file_mark {
    ino_t inode;
    struct timespec time;
    off_t bytes; /* −1: not there */
} elbow_file_mark;

typedef struct elbow_watched {
    const char *directory; /* the caller's */
    bool other;            /* no run, or none any more: `trouble` says what, and all the rest is empty */

    char word[32], reason[512]; /* the state file's; word "" where there is none */
    elbow_metrics metrics;      /* no row in any table before the first metrics.h5 */
    char trouble[1024];         /* why metrics.h5 cannot be read now, "" when it can */
    int64_t run_steps;          /* of the whole run; 0 while not known */
    int64_t ranks;              /* by the state file, else by the newest checkpoint; 0 while not known */
    double state_time;          /* when the state file was written, seconds since 1970 */

    int64_t checkpoint_step; /* the newest; −1 for none */
    double checkpoint_time;  /* seconds since 1970 */
    int64_t checkpoint_bytes;
    bool best_there;        /* best.h5 */
    int64_t best_link_step; /* of the checkpoint that best.h5 is a link to; −1 where that is gone */

    double longest_gap; /* seconds between two writings of metrics.h5, as seen from here */
    double news;        /* when any of its files was last written, seconds since 1970; 0 for never */

    elbow_file_mark metrics_mark, config_mark, ranks_mark; /* what was read last; the last, of a checkpoint */
    elbow_options *options;                                /* config.ini's; NULL while it cannot be read */
} elbow_watched;

/* ELBOW_USAGE, ELBOW_IO, ELBOW_FORMAT: `directory` is no run. Reads nothing yet. */
elbow_status elbow_watched_create(elbow_watched *run, const char *directory);

/* In place of it: one that is no run, for the reason that was the last error. ELBOW_MEMORY. */
elbow_status elbow_watched_other(elbow_watched *run, const char *directory);
void elbow_watched_destroy(elbow_watched *run);

/* Reads what has changed. What cannot be read just now is as it was before, and run->trouble says why. Where the
 * directory itself is gone: ELBOW_ABSENT. */
elbow_status elbow_watched_refresh(elbow_watched *run);

/* ------------------------------------------------------------------------ figures, from the tables */

/* The last row's value of a column of /train; nan before the first row. */
double elbow_watched_last(const elbow_watched *run, const char *column);

/* The last step that is known of: by the last row, the state file, or a checkpoint that this life wrote; nan for none. */
double elbow_watched_step(const elbow_watched *run);

/* The split that selects, valid where it is evaluated; ELBOW_SPLITS before the first evaluation. */
elbow_split elbow_watched_split(const elbow_watched *run);

typedef struct elbow_watched_point {
    double step, value, error; /* −ELBO in nats; nan where there is none */
} elbow_watched_point;

/* Of a split: the last evaluation, the lowest −ELBO. */
elbow_watched_point elbow_watched_newest(const elbow_watched *run, elbow_split split);
elbow_watched_point elbow_watched_best(const elbow_watched *run, elbow_split split);

/* Seconds until the end at the pace of late; nan where not known, and of what does not run. */
double elbow_watched_left(const elbow_watched *run);

/* The mean of a column of /train over the last tenth of its rows, 5 to 50 of them: what it is of late. */
double elbow_watched_lately(const elbow_watched *run, const char *column);

typedef struct elbow_straggler {
    int rank;      /* most often the slowest of late; −1: not recorded */
    double excess; /* the slowest rank's computing time over the mean of the others', less 1 */
    double share;  /* of the rows of late in which it was that rank */
} elbow_straggler;

elbow_straggler elbow_watched_straggler(const elbow_watched *run);

/* Seconds without news after which a running run is suspect: by the pauses that it made so far. */
double elbow_watched_patience(const elbow_watched *run);

#endif
