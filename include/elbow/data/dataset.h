/* The one data layout: an HDF5 file that `elbow import` writes and everything else reads.
 *
 *     /                  attributes format = "elbow-data", version = 1
 *     /train, /test, [/valid]
 *     /SPLIT/x           attributes kind, checksum and, for an image, height, width, channels, maximum, binary
 *     /SPLIT/y           (N) uint8, kind = "category", cardinality: labels, optional
 *
 * A field is chunked along examples. kind = "image": uint8 (N, height·width·channels), row-major,
 * `maximum` 255 or 1; `binary` is 1 where every value of every split is 0 or maximum. (category, real and
 * sequence fields follow the same frame.) `checksum` is XXH64, 16 hexadecimal digits, over the elements in
 * example order.
 *
 * Reading is Local: any rank may read any rows. Messages name the file. */
#ifndef ELBOW_DATA_DATASET_H
#define ELBOW_DATA_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elbow/base/error.h"

typedef enum elbow_split { ELBOW_TRAIN, ELBOW_VALID, ELBOW_TEST, ELBOW_SPLITS } elbow_split;
const char *elbow_split_name(elbow_split split);                     /* "train" */
elbow_status elbow_split_find(const char *name, elbow_split *split); /* ELBOW_USAGE */

/* What a field holds: what model and pictures must know. */
typedef struct elbow_field {
    char kind[16];                  /* "image" */
    size_t height, width, channels; /* of an image */
    size_t dimensions;              /* D: reals an example becomes: height · width · channels */
    unsigned maximum;               /* the value that means 1.0: 255 or 1 */
    bool binary;                    /* every value is 0 or maximum */
} elbow_field;

typedef struct elbow_dataset elbow_dataset;

/* Opens and checks the layout. ELBOW_IO, ELBOW_FORMAT. */
elbow_status elbow_dataset_open(elbow_dataset **dataset, const char *path);
void elbow_dataset_close(elbow_dataset **dataset);

const char *elbow_dataset_path(const elbow_dataset *dataset);
const elbow_field *elbow_dataset_field(const elbow_dataset *dataset); /* of x, the same in every split */
size_t elbow_dataset_count(const elbow_dataset *dataset,
                           elbow_split split); /* N; 0 where the split is absent */

/* XXH64 over each field's name, count, image size, maximum and checksum, 16 hexadecimal digits: recorded in
 * every checkpoint. */
const char *elbow_dataset_checksum(const elbow_dataset *dataset);

/* Rows [first, first + count) of x as stored, into values (count, D) bytes. */
elbow_status elbow_dataset_read(elbow_dataset *dataset, elbow_split split, size_t first, size_t count,
                                uint8_t *values);

/* How many values a label can have, over all splits; 0 where no split has labels. */
size_t elbow_dataset_classes(const elbow_dataset *dataset);

bool elbow_dataset_has_labels(const elbow_dataset *dataset, elbow_split split);

/* Labels of the same rows as elbow_dataset_read; ELBOW_FORMAT where there are none. */
elbow_status elbow_dataset_read_labels(elbow_dataset *dataset, elbow_split split, size_t first, size_t count,
                                       uint8_t *labels);

/* Reads everything once and compares the checksums; ELBOW_FORMAT names the first that differs. */
elbow_status elbow_dataset_verify(elbow_dataset *dataset);

/* How stored values become model input. */
typedef enum elbow_binarize {
    ELBOW_BINARIZE_NONE,
    ELBOW_BINARIZE_THRESHOLD,
    ELBOW_BINARIZE_DYNAMIC
} elbow_binarize;
elbow_status elbow_binarize_find(const char *name, elbow_binarize *binarize);

#endif
