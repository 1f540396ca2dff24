/* What `elbow bench` measures: the training step beside its matrix products alone, exchanges beside MPI_Allreduce,
 * batches, checkpoints, and gradient estimators. Everything compared is measured in the same run, in turns, on all ranks at the
 * same time.
 *
 * Results are rank 0's; other ranks get them empty. A rank's figure is a median over repetitions with its quartiles;
 * what all ranks wait for is that of the slowest. All functions are Collective but where said. */
#ifndef ELBOW_TRAIN_BENCH_H
#define ELBOW_TRAIN_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/options.h"
#include "elbow/parallel/world.h"
#include "elbow/train/model.h"
#include "elbow/train/run.h"
#include "elbow/train/step.h"

/* Median and quartiles. */
typedef struct elbow_spread {
    double low, median, high;
} elbow_spread;

/* What it ran on. */
typedef struct elbow_bench_machine {
    char cpu[128], kernels[32], blas[ELBOW_FACT_BYTES], library[128]; /* rank 0's; library is MPI's */
    int cores, bound;          /* of rank 0's node, and that rank 0 may use; 0 where unknown */
    int ranks, nodes, threads; /* threads of a rank */
    char hosts[512];           /* the nodes, cut where they are many */
    double flops;     /* a core's fused multiply-adds, operations a second: the slowest rank's best */
    double bandwidth; /* a triad far beyond the caches, bytes a second of a rank while all have one */
} elbow_bench_machine;

/* The words; threads: BLAS's, which it sets. */
elbow_status elbow_bench_machine_find(elbow_bench_machine *machine, elbow_world *world, int threads);

/* A data file of random 28 × 28 images, whole batches of train.batch, one for a node, in a directory of its own in
 * TMPDIR (or /tmp); sets data.file, and data.limit and data.labels to 0. ELBOW_USAGE where a batch has more than 1 GB of images;
 * ELBOW_STOPPED where a signal (stop.h) comes while it writes. elbow_bench_synthetic_remove takes it away again, which
 * may be while it is open. */
typedef struct elbow_bench_synthetic {
    char directory[256], path[280]; /* the rank's that wrote it; "" on others */
} elbow_bench_synthetic;
elbow_status elbow_bench_synthetic_make(elbow_bench_synthetic *synthetic, elbow_world *world,
                                        elbow_options *options);
void elbow_bench_synthetic_remove(elbow_bench_synthetic *synthetic); /* Local */

/* ------------------------------------------------------------------------------------------------ step */

enum { ELBOW_BENCH_PARTS = ELBOW_PHASES + 1 }; /* the phases, and what is in none */

/* A part of the step, or all of it. Seconds are a step's. */
typedef struct elbow_bench_part {
    const char *name;
    elbow_spread seconds; /* of the slowest rank */
    double least, most;   /* medians of the fastest and the slowest rank */
    double products;      /* of it in matrix products, of the slowest rank; 0: none */
    double floor;         /* the same products alone: operands in place, each into its result (beta = 0) */
    double flops,
        bytes; /* of rank 0: in products; and what must at least be read and written, 0 where unknown */
} elbow_bench_part;

/* Products of the same shape in the same phase. */
typedef struct elbow_bench_product {
    elbow_phase phase;
    bool transpose_a, transpose_b;
    size_t m, n, k, calls;  /* a step */
    double seconds, within; /* of one, on rank 0: the median alone, and in the step */
} elbow_bench_product;

typedef struct elbow_bench_step {
    elbow_bench_machine machine;
    size_t shards, examples, parameters, repeats;
    elbow_bench_part step, parts[ELBOW_BENCH_PARTS];
    elbow_spread floor, ratio;      /* of each repetition's slowest ranks; ratio of step to floor */
    double least_step, least_floor; /* of all repetitions: what neighbours disturbed least */
    elbow_bench_product *products;
    size_t product_count;
} elbow_bench_step;

/* Trains the run for about that many seconds. The run has no directory; its data and weights are as for training. */
elbow_status elbow_bench_step_measure(elbow_bench_step *bench, elbow_run *run, double seconds);
void elbow_bench_step_destroy(elbow_bench_step *bench); /* Local */

/* -------------------------------------------------------------------------------------------- exchange */

enum {
    ELBOW_BENCH_EXCHANGES = 4
}; /* ordered with replica node and rank, mpi; and plain MPI_Allreduce, the last */

/* A gradient of that many reals through one of them: begin, ready, finish, publish. */
typedef struct elbow_bench_passage {
    const char *name;
    size_t size;           /* parameters */
    elbow_spread seconds;  /* of each repetition's slowest rank */
    double least, most;    /* medians of the fastest and the slowest rank */
    double quiet;          /* the least of all repetitions: what neighbours disturbed least */
    double ratio;          /* to MPI_Allreduce, of medians */
    size_t repeats, bytes; /* bytes that the exchange holds on rank 0 */
} elbow_bench_passage;

/* All of them, in turns, for about `seconds`; `shards` of each rank. *room: 0, or where the nodes' free memory, or the job's limit, is too
 * little for it, bytes that it would take of a rank; then nothing was measured. `passages` on all ranks is
 * ELBOW_BENCH_EXCHANGES long. */
elbow_status elbow_bench_exchange_measure(elbow_bench_passage *passages, size_t *room, elbow_world *world,
                                          size_t size, size_t shards, double seconds);

/* ------------------------------------------------------------------------------------------------ data */

/* Batches of one size, gathered one after the other from the data of the options, shuffled. */
typedef struct elbow_bench_batches {
    const char *binarize;
    size_t batch;         /* examples, of one rank */
    elbow_spread seconds; /* of a batch, of the slowest rank */
    double least, most;   /* medians of the fastest and the slowest rank */
    double bytes;         /* of a batch as the model sees it */
    size_t repeats;
} elbow_bench_batches;

/* For about `seconds`. `batch` is cut to the examples there are. */
elbow_status elbow_bench_data_measure(elbow_bench_batches *batches, elbow_world *world,
                                      const elbow_options *options, const char *binarize, size_t batch,
                                      double seconds);

/* Ways to binarise that mean something for the data: one of other data than images. Local. */
elbow_status elbow_bench_data_ways(const elbow_options *options, const char *ways[3], size_t *count);

/* ------------------------------------------------------------------------------------------ checkpoint */

typedef struct elbow_bench_checkpoint {
    elbow_bench_machine machine;
    size_t parameters, repeats;
    double bytes;              /* of the file */
    elbow_spread still, whole; /* seconds that the loop stands; and until the file is there, under its name */
    elbow_spread step,
        during; /* of a step while nothing is written, and while something is; 0: it never was */
} elbow_bench_checkpoint;

/* Trains the run, which has a directory, and saves it again and again for about `seconds`. */
elbow_status elbow_bench_checkpoint_measure(elbow_bench_checkpoint *bench, elbow_run *run, double seconds);

/* A directory of its own in `parent`, on rank 0, whose name all ranks get; and all that is in it gone again. */
typedef struct elbow_bench_directory {
    char path[1024];
    bool made; /* by this rank */
} elbow_bench_directory;
elbow_status elbow_bench_directory_make(elbow_bench_directory *directory, elbow_world *world,
                                        const char *parent);
void elbow_bench_directory_remove(elbow_bench_directory *directory); /* Local */

/* ---------------------------------------------------------------------------------------- estimators */

/* A number with its standard error. */
typedef struct elbow_bench_figure {
    double value, error;
} elbow_bench_figure;

/* The expectation of an estimator's gradient, beside the reference's g; corrected for the noise of both means. NaN: not to be had. */
typedef struct elbow_bench_bias {
    elbow_bench_figure norm, cosine; /* |mean| / |g|; of the angle to g */
    elbow_bench_figure bias;         /* |mean − g| / |g|; 0 where the noise is all that is seen */
    double most;                     /* the same with two deviations of noise added to its square */
    double
        z; /* its square, in deviations of what noise alone makes of it; NaN also where no noise was seen */
} elbow_bench_bias;

enum { ELBOW_BENCH_REASON = 240, ELBOW_BENCH_SURE = 4 }; /* a bias is seen from this z on */

typedef struct elbow_bench_estimator {
    const char *name;
    char reason[ELBOW_BENCH_REASON]; /* why it does not take this model; "": it does */
    bool unbiased;                   /* it says so */
    bool still, finite;              /* its gradient is always the same one; and is a number */
    size_t samples;                  /* estimator.samples */
    double forward, backward;        /* decoder rows an example: through it, and back */
    size_t own, tuned;               /* parameters of its own; and of those found in the checkpoint */
    size_t draws;                    /* gradients that its figures are of; 0: there were none */
    elbow_spread seconds;            /* of one, of the slowest rank */
    elbow_bench_figure variance;     /* trace of a gradient's covariance */
    elbow_bench_bias bias;
} elbow_bench_estimator;

typedef struct elbow_bench_estimators {
    elbow_bench_machine machine;
    size_t examples, parameters; /* of the batch; and those whose gradients are compared */
    double temperature, beta;
    elbow_bench_estimator *rows; /* of all members of the family, or those asked for, in its order */
    size_t count;
    elbow_bench_estimator reference; /* name NULL: no member that takes the model is unbiased */
    elbow_bench_figure norm;         /* |g| */
    double error;                    /* of its mean, tr/n under a root, in units of |g| */
    bool early;                      /* a signal ended it: rows without draws have no figures */
} elbow_bench_estimators;

typedef struct elbow_bench_estimators_request {
    size_t examples;               /* of the training split, the first of an epoch; 0: train.batch */
    double seconds;                /* for all of it, but for tuning */
    size_t draws, reference_draws; /* of each, at least; 0: what the seconds allow */
    double temperature;            /* 0: the model's */
    size_t tune;                   /* steps that estimators' own parameters learn first */
    bool all;                      /* parameters, not only those of q(z|x) */
    const char *only;              /* names with commas between; NULL: all estimators */
    const char *reference;         /* NULL: chosen */
    void (*progress)(const char *what, size_t done, size_t of); /* rank 0's; NULL */
} elbow_bench_estimators_request;

/* On one batch, with the model's weights. Every estimator is at its least estimator.samples; with objective.bound = iwae, which depends on
 * them, at the model's. ELBOW_USAGE for names that are none, and where the reference does not take the model. */
elbow_status elbow_bench_estimators_measure(elbow_bench_estimators *bench, elbow_world *world,
                                            const elbow_model *model,
                                            const elbow_bench_estimators_request *request);
void elbow_bench_estimators_destroy(elbow_bench_estimators *bench); /* Local */

#endif
