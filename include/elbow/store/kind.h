/* What a path is: the kinds of file that elbow writes, told apart by their root attribute `format`. Local. */
#ifndef ELBOW_STORE_KIND_H
#define ELBOW_STORE_KIND_H

#include "elbow/base/error.h"

typedef enum elbow_kind {
    ELBOW_KIND_DATA,       /* "elbow-data" */
    ELBOW_KIND_CHECKPOINT, /* "elbow-checkpoint" */
    ELBOW_KIND_METRICS,    /* "elbow-metrics" */
    ELBOW_KIND_RUN,        /* a run directory: it has checkpoints/, metrics.h5 or state */
} elbow_kind;

/* "a data file", for messages. */
const char *elbow_kind_name(elbow_kind kind);

/* ELBOW_IO: not there or not readable. ELBOW_FORMAT: none of them, or damaged. Looks at no content. */
elbow_status elbow_kind_of(const char *path, elbow_kind *kind);

#endif
