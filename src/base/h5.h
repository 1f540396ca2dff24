/* HDF5, whole: every raw call of the library is behind these functions, under one lock.
 *
 * Small files are made in memory and given to elbow_file_replace as bytes; data files and checkpoints, which may be as
 * large as memory, are written to disk directly, under a temporary name. A full disk is an error of ours, and HDF5 is
 * left closed (h5_driver.c). Every dataset that elbow writes has an attribute `checksum`: XXH64 of its elements
 * in order, little-endian, 16 hexadecimal digits; every file ends in a seal (h5_seal.c), so that no byte reaches HDF5 that
 * is not what was written. The format is HDF5 1.8's, without times: the same contents are
 * the same bytes. No locks are taken, so network file systems without them work. Readers believe no header:
 * sizes must fit the file. HDF5's error stack is silenced; messages name file and object. HDF5's clean-up at
 * exit is off, unless the program used HDF5 before elbow. */
#ifndef ELBOW_SRC_BASE_H5_H
#define ELBOW_SRC_BASE_H5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elbow/base/error.h"

typedef enum elbow_h5_type {
    ELBOW_H5_U8,
    ELBOW_H5_U16,
    ELBOW_H5_I64,
    ELBOW_H5_U64,
    ELBOW_H5_F32,
    ELBOW_H5_F64,
} elbow_h5_type;

size_t elbow_h5_type_size(elbow_h5_type type);

typedef struct elbow_h5 elbow_h5; /* an open file */

/* Open for reading; or made in memory; or made on disk at `path`. `name` stands for it in messages: a file under a
 * temporary name is called by the one it will have. */
elbow_status elbow_h5_open(elbow_h5 **file, const char *path);
elbow_status elbow_h5_create_memory(elbow_h5 **file, const char *name);
elbow_status elbow_h5_create_disk(elbow_h5 **file, const char *path, const char *name);

/* Closes; a disk file's last write errors come out here. NULL is fine. */
elbow_status elbow_h5_close(elbow_h5 **file);

/* What reading came to: `status`, unless something in the file could not be read or was not what was written; then the
 * error that says so, whatever followed from it. A reader ends with it: what looked absent may have been damaged. */
elbow_status elbow_h5_check_intact(const elbow_h5 *file, elbow_status status);

/* Closes a file that is of no use any more (its writing failed), without a new message. NULL is fine. */
void elbow_h5_discard(elbow_h5 **file);

/* The bytes of a file made in memory, malloc'd. It ends the writing: what follows is elbow_h5_close. */
elbow_status elbow_h5_image(elbow_h5 *file, void **bytes, size_t *count);

bool elbow_h5_has(elbow_h5 *file, const char *object);         /* a group or dataset, by absolute path */
elbow_status elbow_h5_group(elbow_h5 *file, const char *path); /* makes it and what is missing above it */

/* Whole datasets, with their checksum written and checked. Groups above are made. `chunk_rows` 0: contiguous;
 * else chunked along the first dimension; `deflate` 0 to 9 needs chunks. */
typedef struct elbow_h5_shape {
    size_t dims, size[4];
} elbow_h5_shape;

elbow_status elbow_h5_write(elbow_h5 *file, const char *path, elbow_h5_type type, elbow_h5_shape shape,
                            size_t chunk_rows, int deflate, const void *values);

/* Reads into `values` exactly `count` elements of `type`; ELBOW_FORMAT when the dataset has another type
 * class or count, or (when `checked`) its checksum differs or is missing. */
elbow_status elbow_h5_read(elbow_h5 *file, const char *path, elbow_h5_type type, size_t count, bool checked,
                           void *values);

/* Streams: rows of a 2-D (or 1-D) dataset, for data files. The writer sets the checksum at the end by
 * elbow_h5_set_checksum. */
elbow_status elbow_h5_create_rows(elbow_h5 *file, const char *path, elbow_h5_type type, elbow_h5_shape shape,
                                  size_t chunk_rows, int deflate);
elbow_status elbow_h5_write_rows(elbow_h5 *file, const char *path, elbow_h5_type type, size_t first,
                                 size_t rows, const void *values);
elbow_status elbow_h5_read_rows(elbow_h5 *file, const char *path, elbow_h5_type type, size_t first,
                                size_t rows, void *values);
/* The same where the number of rows is not known: it has none (shape.size[0] is 0) and grows by what is appended. */
elbow_status elbow_h5_create_growing(elbow_h5 *file, const char *path, elbow_h5_type type,
                                     elbow_h5_shape shape, size_t chunk_rows, int deflate);
elbow_status elbow_h5_append_rows(elbow_h5 *file, const char *path, elbow_h5_type type, size_t rows,
                                  const void *values);
elbow_status elbow_h5_set_checksum(elbow_h5 *file, const char *path, uint64_t checksum);

/* Reads a dataset of any size once, by rows, and compares its checksum; ELBOW_FORMAT. */
elbow_status elbow_h5_verify(elbow_h5 *file, const char *path);

/* Shape and type; ELBOW_FORMAT where absent or of a type not in the list. */
elbow_status elbow_h5_describe(elbow_h5 *file, const char *path, elbow_h5_type *type, elbow_h5_shape *shape);

/* Datasets that others wrote: numbers of any type, read by conversion. Booleans (enumerations of one byte, as h5py writes
 * them) are numbers, too. */
typedef enum elbow_h5_numbers { ELBOW_H5_BYTES, ELBOW_H5_INTEGERS, ELBOW_H5_REALS } elbow_h5_numbers;
elbow_status elbow_h5_describe_numbers(elbow_h5 *file, const char *path, elbow_h5_numbers *numbers,
                                       elbow_h5_shape *shape);
elbow_status elbow_h5_read_numbers(elbow_h5 *file, const char *path, size_t first, size_t rows,
                                   double *values);
/* What datasets there are, "/x (60000, 28, 28) bytes, /y …", the first dozen; cut where `room` ends. */
void elbow_h5_list_numbers(elbow_h5 *file, char *text, size_t room);

/* Names of the members of a group, in name order; malloc'd array of malloc'd texts. */
elbow_status elbow_h5_list(elbow_h5 *file, const char *group, char ***names, size_t *count);
void elbow_h5_list_free(char ***names, size_t count);

/* Attributes of a group or dataset: texts and 64-bit integers and doubles. */
elbow_status elbow_h5_set_text(elbow_h5 *file, const char *object, const char *name, const char *text);
elbow_status elbow_h5_set_integer(elbow_h5 *file, const char *object, const char *name, int64_t value);
elbow_status elbow_h5_set_real(elbow_h5 *file, const char *object, const char *name, double value);
bool elbow_h5_has_attribute(elbow_h5 *file, const char *object, const char *name);
elbow_status elbow_h5_get_text(elbow_h5 *file, const char *object, const char *name, char *text, size_t room);
elbow_status elbow_h5_get_integer(elbow_h5 *file, const char *object, const char *name, int64_t *value);
elbow_status elbow_h5_get_real(elbow_h5 *file, const char *object, const char *name, double *value);

/* A long text as a scalar string dataset (a config), with its checksum. Read: malloc'd. */
elbow_status elbow_h5_write_text(elbow_h5 *file, const char *path, const char *text);
elbow_status elbow_h5_read_text(elbow_h5 *file, const char *path, char **text);

#endif
