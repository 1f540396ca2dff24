/* The one data layout: an HDF5 file that `elbow import` writes and everything else reads.
 *
 *     /                  attributes format = "elbow-data", version = 1
 *     /train, /test, [/valid]
 *     /SPLIT/FIELD       x; optionally y, labels; optionally context, what a conditional model is given
 *     /FIELD             what a field holds where attributes cannot say it (images): the text of field.h. Labels
 *                        without it have no names
 *
 * A field is chunked along examples and says its `kind`:
 *
 *     image      uint8 (N, height·width·channels), attributes height, width, channels, maximum, binary
 *     category   uint16 (N, columns), all categorical; 65535 is a missing value. Labels: (N) uint8 or uint16, cardinality
 *     real       float32 (N, columns), all real, standardised; NaN is a missing value
 *     table      float32 (N, columns), both: codes and standardised values; NaN is a missing value
 *     sequence   group: tokens uint16 (all tokens of the split, one example after the other), offsets uint64 (N + 1),
 *                where each example begins and the last one ends; an example has at least one token
 *
 * `checksum` is XXH64, 16 hexadecimal digits, over the elements in example order. Reading is Local: any rank may
 * read any rows. Messages name the file. */
#ifndef ELBOW_DATA_DATASET_H
#define ELBOW_DATA_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elbow/base/arena.h"
#include "elbow/base/error.h"
#include "elbow/base/random.h"
#include "elbow/data/batch.h"
#include "elbow/data/field.h"

typedef enum elbow_split { ELBOW_TRAIN, ELBOW_VALID, ELBOW_TEST, ELBOW_SPLITS } elbow_split;
const char *elbow_split_name(elbow_split split);                     /* "train" */
elbow_status elbow_split_find(const char *name, elbow_split *split); /* ELBOW_USAGE */

typedef enum elbow_part { ELBOW_X, ELBOW_Y, ELBOW_CONTEXT, ELBOW_PARTS } elbow_part;

typedef struct elbow_dataset elbow_dataset;

/* Opens and checks the layout. ELBOW_IO, ELBOW_FORMAT. */
elbow_status elbow_dataset_open(elbow_dataset **dataset, const char *path);
void elbow_dataset_close(elbow_dataset **dataset);

const char *elbow_dataset_path(const elbow_dataset *dataset);
const elbow_field *elbow_dataset_field(const elbow_dataset *dataset,
                                       elbow_part part); /* NULL where there is none */
size_t elbow_dataset_count(const elbow_dataset *dataset,
                           elbow_split split); /* N; 0 where the split is absent */

/* XXH64 over each field's name, count, description and checksum, 16 hexadecimal digits: recorded in every
 * checkpoint. */
const char *elbow_dataset_checksum(const elbow_dataset *dataset);

/* Whether a split has labels. y is a table of one categorical column. */
bool elbow_dataset_has_labels(const elbow_dataset *dataset, elbow_split split);
bool elbow_dataset_has_part(const elbow_dataset *dataset, elbow_split split, elbow_part part);

/* How stored values become model input. */
typedef enum elbow_binarize {
    ELBOW_BINARIZE_NONE,
    ELBOW_BINARIZE_THRESHOLD,
    ELBOW_BINARIZE_DYNAMIC
} elbow_binarize;
elbow_status elbow_binarize_find(const char *name, elbow_binarize *binarize);

/* What a conditional model is given: nothing, the labels (y), or the field `context`. */
elbow_status elbow_context_find(const char *name,
                                elbow_part *part); /* "none" gives ELBOW_PARTS. ELBOW_USAGE */

/* Examples [first, first + count) of a split in memory as stored: bytes, codes, reals or tokens. ELBOW_FORMAT where
 * the split lacks the part. Memory comes from the arena. */
typedef struct elbow_slice elbow_slice;
elbow_status elbow_slice_read(elbow_slice **slice, elbow_dataset *dataset, elbow_split split, elbow_part part,
                              size_t first, size_t count, elbow_arena *arena);

/* How images become pixels. `dynamic` draws row i from `stream` at (first_example + i, step). */
typedef struct elbow_binarizer {
    elbow_binarize how;
    elbow_stream stream;
    uint64_t step;
    uint32_t first_example; /* of row 0 */
} elbow_binarizer;

/* Examples of a slice as values that were reserved for as many: row i is the slice's example first + which[i], or,
 * with `which` NULL, first + i. `binarizer` may be NULL: nothing is binarised. A slice has scratch of its own, so one
 * thread gathers from it at a time. */
void elbow_slice_gather(elbow_values *values, elbow_slice *slice, const uint32_t *which, size_t first,
                        size_t rows, const elbow_binarizer *binarizer);

/* Reads everything once and compares the checksums; ELBOW_FORMAT names the first that differs. */
elbow_status elbow_dataset_verify(elbow_dataset *dataset);

#endif
