/* What dataset.c and slice.c share. Nobody else includes this. */
#ifndef ELBOW_SRC_DATA_DATASET_INSIDE_H
#define ELBOW_SRC_DATA_DATASET_INSIDE_H

#include "base/h5.h"
#include "elbow/data/dataset.h"

enum { ELBOW_DIGEST_BYTES = 17, ELBOW_OBJECT_BYTES = 64 };
#define ELBOW_CODE_MISSING UINT16_MAX

/* A part of a split as the file has it. */
typedef struct elbow_stored_part {
    bool present;
    elbow_h5_type type; /* of its elements; of sequences, of the tokens */
    size_t tokens;      /* of sequences */
} elbow_stored_part;

struct elbow_dataset {
    char *path;
    elbow_h5 *file;
    elbow_field field[ELBOW_PARTS];
    bool has[ELBOW_PARTS];
    size_t count[ELBOW_SPLITS];
    elbow_stored_part stored[ELBOW_SPLITS][ELBOW_PARTS];
    char checksum[ELBOW_DIGEST_BYTES];
};

/* "/train/x", and with a member "/train/x/tokens". */
void elbow_dataset_object(char name[ELBOW_OBJECT_BYTES], elbow_split split, elbow_part part,
                          const char *member);
const char *elbow_part_name(elbow_part part); /* "x" */

#endif
