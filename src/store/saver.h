/* Checkpoints written behind the steps. The loop fills a snapshot and goes on; a thread writes it, makes it best.h5,
 * removes what is beyond `keep`, and writes metrics.h5.
 *
 *     elbow_saver_reserve(s, …)      room for the snapshot, taken at the first and kept
 *     c = elbow_saver_snapshot(s)    … fill it …
 *     elbow_saver_start(s, …)        the writing begins; what the snapshot holds is the thread's from here on
 *     … steps …                      elbow_saver_done(s) asks, elbow_saver_wait(s) waits and tells how it went
 *
 * One writing at a time. The thread calls no MPI, prints nothing and takes no signals: what it has to say comes out of
 * elbow_saver_wait. All functions are Local, and rank 0's. */
#ifndef ELBOW_SRC_STORE_SAVER_H
#define ELBOW_SRC_STORE_SAVER_H

#include "elbow/store/checkpoint.h"

enum { ELBOW_SAVED_MESSAGE = 4096, ELBOW_SAVED_WARNINGS = 4, ELBOW_SAVER_SPARED = 2 };

typedef struct elbow_saver elbow_saver;

/* How a writing went. The checkpoint's status alone decides; of the rest, what failed is a warning. */
typedef struct elbow_saved {
    elbow_status status;
    char message[ELBOW_SAVED_MESSAGE];         /* where that is not ELBOW_OK */
    elbow_written written;                     /* where it is */
    bool best;                                 /* best.h5 is this one */
    bool metrics;                              /* metrics.h5 is written; else */
    char metrics_message[ELBOW_SAVED_MESSAGE]; /* why it is not; "" where the snapshot had none */
    size_t warnings;
    char warning[ELBOW_SAVED_WARNINGS][ELBOW_SAVED_MESSAGE];
    double seconds; /* that it took */
} elbow_saved;

/* Of a run's directory; the layout is the caller's and stays. */
elbow_status elbow_saver_create(elbow_saver **saver, const char *directory, const elbow_params *layout);

/* Waits for what is being written. */
void elbow_saver_destroy(elbow_saver **saver);

/* Room for the values of `slots` slots and, with `copies`, for copies of parameters and metrics; what is there already
 * stays. Where it is known that there will be snapshots, the time of the first is saved by asking early. ELBOW_MEMORY. */
elbow_status elbow_saver_reserve(elbow_saver *saver, size_t slots, bool copies);

/* Bytes of that room, but for the metrics. */
size_t elbow_saver_bytes(const elbow_params *layout, size_t slots, bool copies);

/* The checkpoint to be written: layout and what was reserved are set, else NULL; its texts are malloc'd, and freed with
 * it. Not while one is being written. */
elbow_checkpoint *elbow_saver_snapshot(elbow_saver *saver);

/* What is to be done with a snapshot. */
typedef struct elbow_saver_request {
    bool best;                          /* it is to be best.h5; what is not healthy is not made that */
    bool verify;                        /* read back before it takes its name */
    int64_t keep;                       /* what else stays (elbow_checkpoint_prune) … */
    int64_t spared[ELBOW_SAVER_SPARED]; /* … and steps, −1: none */
    bool
        behind; /* by a thread, which takes that all of the snapshot are copies; else, or where no thread can be had, before start returns */
} elbow_saver_request;

void elbow_saver_start(elbow_saver *saver, const elbow_saver_request *request);

/* Whether a writing was started and not waited for; whether it has ended. */
bool elbow_saver_busy(const elbow_saver *saver);
bool elbow_saver_done(const elbow_saver *saver);

/* Waits for the end. The answer is valid until the next start. */
const elbow_saved *elbow_saver_wait(elbow_saver *saver);

#endif
