/* Importers: files as they come from elsewhere → the one data layout (dataset.h).
 *
 * A family: each member is one file that ends in its table. The file is written under a temporary name and
 * renamed when complete; a failed import leaves nothing behind. Local; never touches MPI. */
#ifndef ELBOW_DATA_IMPORT_H
#define ELBOW_DATA_IMPORT_H

#include <stdbool.h>

#include "elbow/base/error.h"
#include "elbow/data/dataset.h"

typedef struct elbow_import_request {
    const char *inputs[ELBOW_SPLITS]; /* paths by split; NULL where absent; train and test are required */
    const char *labels[ELBOW_SPLITS]; /* NULL where absent */
    const char *output;
    bool overwrite; /* replace an existing output */
} elbow_import_request;

typedef struct elbow_importer {
    const char *name;    /* "idx" */
    const char *summary; /* one line for --help */
    elbow_status (*import)(const elbow_import_request *request);
} elbow_importer;

/* NULL and ELBOW_USAGE with the nearest known name. */
elbow_status elbow_importer_find(const char *name, const elbow_importer **importer);

/* The members, for --help; ends in NULL. */
const elbow_importer *const *elbow_importers(void);

#endif
