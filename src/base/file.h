/* Files that are either whole or not there. */
#ifndef ELBOW_SRC_BASE_FILE_H
#define ELBOW_SRC_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/error.h"

/* Writes bytes to a temporary name beside `path` (".NAME.tmp-PID"), flushes, fsyncs, renames, fsyncs the
 * directory. On failure (a full disk, a quota) removes the temporary, leaves an existing `path` as it was,
 * and says why: ELBOW_IO; so also where `path` is a device or a pipe. */
elbow_status elbow_file_replace(const char *path, const void *bytes, size_t count);

/* The same in two halves, for a file that a library writes under the temporary name itself. */
elbow_status elbow_file_temporary(const char *path, char *temporary, size_t room);
elbow_status elbow_file_commit(const char *temporary, const char *path);

/* Flushes what was written of `path` under a temporary name, and asks the system to forget its pages, so that who reads it next
 * asks the disk (where the file system has one). ELBOW_IO, as of a write to `path`. */
elbow_status elbow_file_settle(const char *temporary, const char *path);

/* The whole file, malloc'd, with a 0 byte after its end. ELBOW_IO; ELBOW_FORMAT beyond `most` bytes. */
elbow_status elbow_file_read(const char *path, size_t most, char **bytes, size_t *count);

/* ELBOW_OK where `path` can be opened for reading, else ELBOW_IO with the reason. A pipe is fine. */
elbow_status elbow_file_check_readable(const char *path);

/* ELBOW_IO for a write to `path` that failed with errno `error`: the reason and the mend; `bytes` is what
 * was to be written, 0 where unknown. */
elbow_status elbow_file_fail_write(const char *path, int error, size_t bytes);

/* Anything of that name, a broken link too. */
bool elbow_file_exists(const char *path);

/* Whether two names are one file (links followed); false where one is absent. */
bool elbow_file_same(const char *a, const char *b);

bool elbow_file_is_directory(const char *path);

/* Makes a directory; `parents` makes what is missing above it too. ELBOW_IO with the reason. */
elbow_status elbow_directory_make(const char *path, bool parents);

/* "DIRECTORY/NAME", malloc'd. */
elbow_status elbow_path_join(const char *directory, const char *name, char **path);

#endif
