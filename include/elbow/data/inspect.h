/* Whether a data file holds what it says: every value of every split looked at once.
 *
 *     image      no pixel above `maximum`; 0 and maximum alone where it says `binary`
 *     table      codes below their column's cardinality, reals finite, missing values only where the column has some
 *     sequence   offsets that begin at 0, grow, and end with the tokens; no example longer than it says; tokens of the
 *                vocabulary; the end of a sequence at the end of each, and nowhere else, where it is `terminated`
 *
 * and, in the same pass, the checksum of every dataset. Takes the memory of a few megabytes, and of the offsets. Local. */
#ifndef ELBOW_DATA_INSPECT_H
#define ELBOW_DATA_INSPECT_H

#include <stddef.h>

#include "elbow/data/dataset.h"

/* Over all splits and fields: pixels, cells of tables, labels, tokens; and those of tables that are missing. */
typedef struct elbow_data_counts {
    size_t values, missing;
} elbow_data_counts;

/* ELBOW_FORMAT: how many values of the first dataset that is wrong cannot be, and which is the first of them. ELBOW_IO,
 * ELBOW_MEMORY. */
elbow_status elbow_dataset_inspect(elbow_dataset *dataset, elbow_data_counts *counts);

#endif
