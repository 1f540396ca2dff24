/* A run: everything that a step needs, from options, data and perhaps a checkpoint.
 *
 *     directory/config.ini      every option in force
 *     directory/metrics.h5      what happened so far
 *     directory/checkpoints/    the newest `keep`, and best.h5
 *     directory/pictures/
 *     directory/state           running | stopped | finished | failed, and why
 *
 * The weights are a function of (options, data, seed) alone: not of the rank count, nor of where the run was
 * stopped. Creating one is collective; a failure on one rank fails on all, before anything is written. */
#ifndef ELBOW_TRAIN_RUN_H
#define ELBOW_TRAIN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "elbow/base/options.h"
#include "elbow/data/loader.h"
#include "elbow/optim/optimizer.h"
#include "elbow/optim/schedule.h"
#include "elbow/parallel/exchange.h"
#include "elbow/parallel/world.h"
#include "elbow/store/checkpoint.h"
#include "elbow/store/metrics.h"
#include "elbow/vae/vae.h"

typedef struct elbow_evaluator elbow_evaluator; /* evaluate.h */
typedef struct elbow_summary elbow_summary;     /* step.h */
typedef struct elbow_faults elbow_faults;       /* train/fault.h: what tests ask for */
typedef struct elbow_pulse elbow_pulse;         /* train/pulse.h: whether it moves */
typedef struct elbow_saver elbow_saver;         /* store/saver.h: writes checkpoints behind the steps */

/* A shard whose loss was not finite, the first of a rank: how many of its batch's examples have a share in that, and which
 * row is the first of them. */
typedef struct elbow_suspect {
    int64_t step; /* −1: there was none yet */
    size_t shard, row, count, rows;
} elbow_suspect;

typedef struct elbow_run {
    elbow_world *world;     /* the caller's */
    elbow_options *options; /* parallel.shards resolved */
    char *directory;
    elbow_dataset *dataset;
    elbow_view view; /* what of the data the model uses, and how */
    elbow_order_spec order;
    elbow_loader *loader;
    elbow_team *team; /* train.threads threads for this rank's loops */
    elbow_vae *vae;
    elbow_exchange *exchange;
    elbow_optimizer *optimizer;
    elbow_schedule temperature, beta, learning_rate;
    elbow_evaluator *evaluators[ELBOW_SPLITS]; /* valid and test, NULL where the split is absent */
    elbow_summary *summary;                    /* what ranks tell each other once a step */
    elbow_arena *arena;                        /* of the batch */
    elbow_batch batch;                         /* of one shard */

    int64_t step, run_steps, epoch_steps; /* steps done; in the run; in an epoch */
    int64_t lag; /* of those, the ones that weights and moments know nothing of (train/nonfinite.h) */
    elbow_suspect suspect; /* of this rank's shards in the step */
    int64_t stop_step;     /* it stops at the end of this one, as if asked to; 0: does not */
    int64_t saved_step,
        tried_step;        /* of the newest checkpoint, and of the last attempt; −1 before the first */
    int64_t checked_step;  /* after which ranks were compared last (train/replicas.h); −1: never */
    int64_t previous_step; /* of the checkpoint before the newest; −1: none */
    char saved_digest[33], previous_digest[33]; /* of those two; "" */
    elbow_saver *saver;                         /* on rank 0 */
    int64_t saving_step;                        /* of the checkpoint that is being written; −1: none */
    bool saving_best;                           /* and it is to be best.h5 */
    double born, seconds, before; /* when this life began; its seconds, and those of the lives before it */
    double best;                  /* lowest −ELBO on the split that selects; infinity before the first */
    int64_t best_step;
    int64_t waited;        /* evaluations since the best of the history (train/protocol.h) */
    bool metrics_failing;  /* on rank 0: metrics.h5 could not be written the last time */
    bool pictures_failing; /* the same of pictures, or there is to be room for a checkpoint first */
    elbow_metrics metrics; /* the same on every rank; rank 0 writes it */
    elbow_facts facts;
    char *
        advice; /* rank 0: lines on where ranks sit and what that costs; malloc'd, NULL where there is nothing to say */
    char data_checksum[32];
    elbow_faults *faults; /* NULL but in tests */
    elbow_pulse *pulse;   /* NULL where nothing of the run lasts */
} elbow_run;

/* How a run begins. With neither `out` nor `resume` it has no directory (""), and nothing of it lasts: a benchmark's. */
typedef struct elbow_start {
    const char *out;    /* a directory that must be new; or */
    const char *resume; /* a run directory to go on with */
    const char *from; /* with `out`: where the weights come from, for messages; NULL: they are initialised */
    const char *weights; /* with `from`: "average" or "last", NULL for the average where there is one */
    bool reuse;          /* `out` may exist, without a checkpoint: a run that died before its first one */
    elbow_checkpoint *checkpoint; /* of `resume` or `from`, on rank 0; NULL on the others */
} elbow_start;

/* Takes ownership of `options` and of the checkpoint, also when it fails. On resume, options that differ from
 * the stored ones are listed in the log, and refused (ELBOW_MISMATCH) where they define the run; parallel.shards
 * = 0 means the stored count. Collective. */
elbow_status elbow_run_create(elbow_run **run, elbow_world *world, elbow_options *options,
                              elbow_start *start);
void elbow_run_destroy(elbow_run **run);

/* The newest good checkpoint of a run directory. ELBOW_ABSENT where there is none yet, ELBOW_FORMAT where none of
 * those there is good, ELBOW_IO where nobody can tell. Local: rank 0's. */
elbow_status elbow_run_find(elbow_checkpoint **checkpoint, const char *directory);

/* What is wrong with options beyond their syntax: schedules, specs, names, lengths. Data is looked at only
 * where `field` is given (NULL: a 28 × 28 image stands in). Local; never touches MPI. */
elbow_status elbow_train_check(const elbow_options *options, const elbow_field *field,
                               const elbow_field *context);

/* Steps in an epoch of `examples`, and in the run: from train.epochs and train.steps. Local. */
int64_t elbow_run_length(const elbow_options *options, int64_t epoch_steps);

/* Writes the state file: "WORD\nREASON\n", whole. Rank 0 writes; the others return at once. Local. */
elbow_status elbow_run_write_state(const elbow_run *run, const char *word, const char *reason);

#endif
