/* The frame of the files that hold a run: root attributes `format` and `version`, and how they are opened and
 * saved. Local. */
#ifndef ELBOW_SRC_STORE_FORMATS_H
#define ELBOW_SRC_STORE_FORMATS_H

#include <limits.h>
#include <stddef.h>

#include "base/h5.h"
#include "elbow/store/kind.h"

/* A file open for reading. `bytes`, its size, bounds what its headers may claim together: what is stored of a
 * run is stored plain. */
typedef struct elbow_stored {
    elbow_h5 *file;
    const char *path; /* borrowed */
    size_t bytes;
    int64_t version;
} elbow_stored;

/* Opens a file of one kind. ELBOW_FORMAT names what it is instead, or a version that is too new. */
elbow_status elbow_stored_open(elbow_stored *stored, const char *path, elbow_kind kind);
void elbow_stored_close(elbow_stored *stored);

/* The shape of a dataset that must be there, of this type, and not larger than the file can hold. */
elbow_status elbow_stored_describe(const elbow_stored *stored, const char *dataset, elbow_h5_type type,
                                   elbow_h5_shape *shape);

/* A file in memory with its root attributes; and its bytes given to `path`, whole or not at all. */
elbow_status elbow_stored_create(elbow_h5 **file, const char *path, elbow_kind kind);
elbow_status elbow_stored_save(elbow_h5 *file, const char *path);

/* The same for large files, which go to the disk as they are made, under a temporary name beside `path`: no image of
 * them is ever in memory. What begins ends, with the status of what was between: `path` becomes the file, synced, or
 * stays as it was and the temporary one goes. */
elbow_status elbow_stored_begin(elbow_h5 **file, char temporary[PATH_MAX], const char *path, elbow_kind kind);
elbow_status elbow_stored_end(elbow_h5 **file, const char *temporary, const char *path, elbow_status status);

/* The first half of that end: closed, and still under its temporary name; elbow_file_commit is the other. */
elbow_status elbow_stored_finish(elbow_h5 **file, const char *temporary, elbow_status status);

#endif
