/* The bytes of a file as it came from elsewhere, plain or gzip, one after another: what importers read.
 *
 * A pipe will do. Truncated and damaged gzip, and bytes after its end that are no gzip, are ELBOW_FORMAT;
 * several gzip members after one another are one file. Local. */
#ifndef ELBOW_SRC_DATA_SOURCE_H
#define ELBOW_SRC_DATA_SOURCE_H

#include <stddef.h>

#include "elbow/base/error.h"

typedef struct elbow_source elbow_source;

elbow_status elbow_source_open(elbow_source **source, const char *path);
void elbow_source_close(elbow_source **source);

/* Up to `count` bytes; *got is less only at the end of the file. */
elbow_status elbow_source_read(elbow_source *source, void *bytes, size_t count, size_t *got);

/* What a file that begins with these bytes looks like ("a PNG picture"), or NULL: for messages. */
const char *elbow_source_guess(const void *bytes, size_t count);

#endif
