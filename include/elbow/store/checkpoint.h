/* Checkpoints: everything a run is, in one HDF5 file that h5py reads without this project.
 *
 *     /model/NAME                 every tensor under its own name, shape as declared (dense weights [out, in])
 *     /optimizer/NAME/SLOT/TENSOR each moment, by tensor: /optimizer/adam/first_moment/encoder.0.weight
 *     /run                        attributes: step, epoch, seed, shards, best, best_step, data checksum, versions, host facts;
 *                                 healthy, whether parameters, moments and the loss so far are finite; previous_step and
 *                                 previous_digest, the checkpoint that the run had before this one (−1 and "": none)
 *     /config                     the options in force, as an INI text
 *     /field, [/context]          what x is and what the model is given (data/field.h), so that a checkpoint can be
 *                                 used without its data
 *     /metrics/train, /metrics/evaluation, /metrics/partial
 *
 * Root attributes: format = "elbow-checkpoint", version (3; of version 2, which had no healthy and no previous_*, are read
 * too). A checksum on every dataset; /run also has `digest` (below)
 * and `seal`, a hash over names, attributes, config and state that finds what those checksums do not: a part that is
 * missing, renamed, or from elsewhere. Written
 * to a temporary name, flushed, fsynced, renamed, the directory fsynced: a checkpoint is whole or not there.
 * Writing takes no memory of the state's size. For tests, ELBOW_TEST_WRITE_SECONDS in the environment makes each
 * writing stand still that long in its middle, and ELBOW_TEST_WRITE_FLIP=STEP changes a bit of what was written of a step.
 * All functions are Local: rank 0 writes and reads, and broadcasts. */
#ifndef ELBOW_STORE_CHECKPOINT_H
#define ELBOW_STORE_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elbow/base/error.h"
#include "elbow/base/real.h"
#include "elbow/data/dataset.h"
#include "elbow/nn/params.h"
#include "elbow/store/metrics.h"

enum { ELBOW_CHECKPOINT_SLOTS = 4, ELBOW_FACT_BYTES = 128 };

/* What computed it: said in `info`, and compared on resume. */
typedef struct elbow_facts {
    char build[ELBOW_FACT_BYTES]; /* elbow version and compiler */
    char instruction_set[ELBOW_FACT_BYTES];
    char blas[ELBOW_FACT_BYTES];   /* library and its kernel */
    char host[ELBOW_FACT_BYTES];   /* rank 0's; says where, not what */
    int64_t threads, ranks, nodes; /* ranks and nodes say where, not what */
} elbow_facts;

typedef struct elbow_checkpoint {
    int64_t step;  /* updates done */
    int64_t epoch; /* whole passes done */
    int64_t seed, shards;
    int64_t run_steps; /* the length of the run as configured */
    double seconds;    /* trained so far */
    double best;       /* best validation (or test) −ELBO so far; infinity before the first */
    int64_t best_step;
    char data_checksum[32];
    elbow_facts facts;
    int64_t lag; /* of the steps, those that the weights know nothing of: not finite, and passed over */
    int64_t previous_step;    /* of the checkpoint before, −1 for none */
    char previous_digest[33]; /* "" for none */
    int64_t
        healthy; /* 1: parameters, moments and loss so far are finite; else 0. Found on writing, and on reading what has it not */
    char digest[33];       /* of the state, where it was read; else "" */
    char *file;            /* malloc'd: where it was read from; NULL: it was not */
    char *config;          /* malloc'd text */
    char *field, *context; /* malloc'd texts (data/field.h): what x is, and what is given; NULL: nothing is */
    const elbow_params *layout; /* the tensors; owned by the caller on write, by `own_layout` on read */
    elbow_params own_layout;
    real *parameters;   /* (layout->size) */
    char optimizer[32]; /* "adam" */
    size_t slots;
    char slot_names[ELBOW_CHECKPOINT_SLOTS][32];
    real *slot_values[ELBOW_CHECKPOINT_SLOTS]; /* (layout->size) each */
    elbow_metrics *metrics;                    /* NULL where not wanted */
} elbow_checkpoint;

/* Writes all of it. ELBOW_IO: the disk; nothing half-written stays. */
elbow_status elbow_checkpoint_write(const elbow_checkpoint *checkpoint, const char *path);

/* How a checkpoint was written. */
typedef struct elbow_written {
    char digest[33];
    bool healthy;
    char unhealthy[160]; /* where it is not: the first value found, "/model/encoder.0.bias" */
} elbow_written;

/* The same; with `verify`, what is on the disk is read again, the system's cache dropped where it can be, and compared with
 * what is in memory before it takes its name: ELBOW_IO where it differs, and nothing of it stays. */
elbow_status elbow_checkpoint_save(const elbow_checkpoint *checkpoint, const char *path, bool verify,
                                   elbow_written *written);

/* Whether parameters, moments and the loss so far (the row of /train that is being filled, the last whole one, and the last
 * evaluation) are finite; `what` is the first that is not (NULL: not wanted). */
bool elbow_checkpoint_is_finite(const elbow_checkpoint *checkpoint, char what[160]);

/* Reads and checks every checksum. *checkpoint is malloc'd with all its parts. ELBOW_IO, ELBOW_FORMAT.
 * The layout has names, shapes and counts as stored, in name order, offsets packed anew by elbow_params_declare;
 * slots are in name order too: find them by name. */
elbow_status elbow_checkpoint_read(elbow_checkpoint **checkpoint, const char *path);
void elbow_checkpoint_destroy(elbow_checkpoint **checkpoint);

/* What computed it, without reading the rest. ELBOW_IO, ELBOW_FORMAT. */
elbow_status elbow_checkpoint_facts(const char *path, elbow_facts *facts);

/* The fields both ways. context may be NULL: nothing is given. Putting replaces the texts that are there; who fills a
 * checkpoint of its own frees them as it frees config. Fields that are got are the caller's (elbow_field_destroy);
 * *given is false, and the field empty, where the model is given nothing. ELBOW_FORMAT where a text is damaged. */
elbow_status elbow_checkpoint_put_fields(elbow_checkpoint *checkpoint, const elbow_field *x,
                                         const elbow_field *context);
elbow_status elbow_checkpoint_get_field(const elbow_checkpoint *checkpoint, elbow_field *x,
                                        const char *subject);
elbow_status elbow_checkpoint_get_context(const elbow_checkpoint *checkpoint, elbow_field *context,
                                          bool *given, const char *subject);

/* Copies tensors by name from one block to another of a possibly different layout. ELBOW_MISMATCH names the first tensor that
 * is missing, left over, or of another shape; `subject` is the file, for the message. */
elbow_status elbow_checkpoint_map(const elbow_params *from, const real *values, const elbow_params *to,
                                  real *out, const char *subject);

/* The same over what `out` holds, as a model that begins: tensors whose names begin with `loose` may be missing or of another
 * shape, and stay as they are in `out` (*kept of them), or be left over (*dropped). */
elbow_status elbow_checkpoint_map_over(const elbow_params *from, const real *values, const elbow_params *to,
                                       const char *loose, real *out, size_t *kept, size_t *dropped,
                                       const char *subject);

/* The weights that a checkpoint's model is used with, of those in its layout: the average (optimizer.average) where there is
 * one, else those of the last step; `which` ("average", "last"; NULL: neither is asked for) insists. *averaged says which of
 * them *values are. ELBOW_USAGE. */
elbow_status elbow_checkpoint_weights(const elbow_checkpoint *checkpoint, const char *which,
                                      const real **values, bool *averaged, const char *subject);

/* One line over step, all parameters and optimizer state: names, shapes and values, independent of the file's bytes and of
 * tensor order in memory. 32 hexadecimal digits (XXH3, 128 bits) and a 0. */
void elbow_checkpoint_digest(const elbow_checkpoint *checkpoint, char digest[33]);

/* The files of a run directory. Paths are malloc'd. */

/* runs/a → its newest good checkpoint (a newest one that is damaged or not healthy is named in a warning and the one before
 * is taken; where none is healthy, the newest that can be read); a file stands for itself. ELBOW_ABSENT where there is
 * none, ELBOW_FORMAT where none of those there is good. */
elbow_status elbow_checkpoint_resolve(const char *path, char **file);

/* The same, read: *checkpoint and *file are the caller's. */
elbow_status elbow_checkpoint_find(elbow_checkpoint **checkpoint, char **file, const char *path);

/* "DIRECTORY/checkpoints/step-000001200.h5" */
elbow_status elbow_checkpoint_path(const char *directory, int64_t step, char **path);

/* Removes all but the newest `keep` healthy step-*.h5 up to step `newest`, which was just written, and left-over temporaries.
 * Of those that are not healthy the newest stays as long as it is newer than the last of them, and counts for nothing:
 * the last healthy one never goes. Those of the `spared` steps stay too (NULL: none). What has a later step is of a past
 * that was damaged and is not counted on: it stays. best.h5 is not among them. */
elbow_status elbow_checkpoint_prune(const char *directory, int64_t newest, int64_t keep,
                                    const int64_t *spared, size_t spared_count);

/* Whether a run directory can be written, and has room for a checkpoint of `bytes`, told before the work of hours is at stake: a
 * small file is written, flushed and removed in it, in checkpoints/ and, with `pictures`, in pictures/, and the room is
 * claimed and given back where the file system can do that (which asks quotas and limits too), else looked up.
 * *checkpoints is how many more there is room for (a quota apart), at most 1000000. ELBOW_IO with the reason. */
elbow_status elbow_checkpoint_probe(const char *directory, size_t bytes, bool pictures, size_t *checkpoints);

/* Removes the temporary files that dead processes left in a run directory: at the beginning of a life. */
elbow_status elbow_checkpoint_clean(const char *directory);

/* Makes checkpoints/best.h5 a hard link to `path` (a copy, through memory, where links cannot be had), atomically. */
elbow_status elbow_checkpoint_mark_best(const char *directory, const char *path);

#endif
