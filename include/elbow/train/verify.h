/* Verification: whether files are whole and mean what they say, and whether a config trains to the same bits however it
 * is interrupted. What computes nothing else; what `elbow verify` says. */
#ifndef ELBOW_TRAIN_VERIFY_H
#define ELBOW_TRAIN_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "elbow/base/options.h"
#include "elbow/parallel/world.h"
#include "elbow/store/compare.h"

typedef enum elbow_verdict {
    ELBOW_VERDICT_GOOD,
    ELBOW_VERDICT_NOTE, /* worth a word, no harm: a left-over of a killed write */
    ELBOW_VERDICT_BAD
} elbow_verdict;

/* One file, or the run as a whole. */
typedef struct elbow_verified {
    elbow_verdict verdict;
    const char *path;
    const char
        *text; /* of a good one what it is; of a bad one what is wrong and what to do, without the path */
    double seconds; /* that it took */
} elbow_verified;

typedef void elbow_verify_say(void *context, const elbow_verified *finding);

/* Calls `say` for each file of a data file, a checkpoint, a metrics file or a run directory:
 *
 *     data file      layout, every checksum, every value (data/inspect.h)
 *     checkpoint     every checksum, the seal, the stored digest; every tensor that its config's model has, and no
 *                    other, in its shape, and the optimizer's; parameters and moments finite, second moments not
 *                    negative; its history as below; name, step, seed and shards agree
 *     metrics.h5     steps grow, no row twice, what is always finite is
 *     run            state; config.ini agrees with the newest checkpoint's; all its checkpoints, each one's history the
 *                    beginning of metrics.h5's; best.h5 the best of the history; left-overs of killed writes
 *
 * What is wrong with files is said, not returned: ELBOW_MEMORY alone is. A file that a running trainer removes meanwhile
 * is passed over. Local; never touches MPI. */
elbow_status elbow_verify(const char *path, elbow_verify_say *say, void *context);

/* Puts the tensors of a checkpoint that was read, which are in name order, into the order of its config's model, the encoder
 * first: what elbow_checkpoint_compare then calls the first that differs is the first that was computed. Leaves them
 * where this elbow can make no such model. Local. */
void elbow_verify_order(elbow_checkpoint *checkpoint);

/* What a config is tried with. */
typedef struct elbow_trial_spec {
    int64_t steps;    /* at least 4 */
    const char *keep; /* a new directory for the runs; NULL: a temporary one, removed at the end. Rank 0's */
} elbow_trial_spec;

/* One run of a trial. Every string is the trial's. */
typedef struct elbow_trial_run {
    const char *what; /* "straight", "stopped", "resumed" */
    const char
        *how; /* "messages, checkpoints in the foreground": what differs from the straight one, which no bit
                         may depend on */
    int ranks;
    int64_t from, to; /* steps */
    double seconds;
    const elbow_comparison *comparison; /* with the straight one; NULL where there is none yet, or is none */
} elbow_trial_run;

/* `done`: whether it is over; else it begins. */
typedef void elbow_trial_say(void *context, const elbow_trial_run *run, bool done);

enum { ELBOW_TRIAL_RUNS = 8 };

typedef struct elbow_trial {
    bool same;
    int64_t steps, stop, epoch_steps,
        limit;                           /* limit: data.limit if it was lowered so that epochs end, else 0 */
    int ranks, counts[ELBOW_TRIAL_RUNS]; /* of the straight run; of the resumed ones */
    size_t count;                        /* of those */
    size_t examples;                     /* of training */
    bool shared, messages;               /* both ways of exchanging took part */
    char digest[33];                     /* of the straight run's end */
} elbow_trial;

/* Trains `options` for spec->steps steps straight on all ranks; then stopped in the middle, off an epoch's end, and
 * resumed on all ranks and on fewer; and compares every end with the first, on rank 0. Data are cut (data.limit) so that
 * epochs end on the way. Between runs it changes what no bit may depend on: parallel.replica, checkpoint.background,
 * data.memory. parallel.shards is the config's, else the ranks there are. `options`: rank 0's, NULL elsewhere; `say` is
 * called on rank 0. What differs is no failure: trial->same, on all ranks, says so. ELBOW_STOPPED where a signal came.
 * Collective. */
elbow_status elbow_verify_resume(elbow_trial *trial, elbow_world *world, const elbow_options *options,
                                 const elbow_trial_spec *spec, elbow_trial_say *say, void *context);

#endif
