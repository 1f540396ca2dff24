/* What the h5_*.c files share. Nobody else includes this. */
#ifndef ELBOW_SRC_BASE_H5_INSIDE_H
#define ELBOW_SRC_BASE_H5_INSIDE_H

#include <hdf5.h>

#include "base/h5.h"

enum { ELBOW_H5_PATH_BYTES = 1024 };

/* A dataset kept open between calls, so that its chunk cache lives. */
typedef struct elbow_h5_rows {
    char *path;
    hid_t id;
    elbow_h5_type type;
    elbow_h5_shape shape;
    struct elbow_h5_rows *next;
} elbow_h5_rows;

/* Where the bytes are: a descriptor, or (descriptor -1) memory. See h5_driver.c. */
typedef struct elbow_h5_medium {
    int descriptor;
    bool writing;
    int error; /* errno of the first read or write that failed */
    size_t size;
    unsigned char *memory;
    size_t room;
    /* Of a file with a seal (h5_seal.c): its hashes, a bit for each block that was compared, room for a block, and the
     * first block found to be another than was written. */
    unsigned char *seal, *compared, *block;
    size_t damage, damage_bytes;
    bool ordered_messages; /* of the object's header that was read last (h5_header.c) */
} elbow_h5_medium;

struct elbow_h5 {
    hid_t id;
    char *name; /* for messages */
    elbow_h5_medium medium;
    bool told; /* a message has named the damage and what was being read */
    elbow_h5_rows *rows;
};

/* 0 or errno. `path` NULL: memory. Closing gives the first error there was. */
int elbow_h5_open_medium(elbow_h5_medium *medium, const char *path, bool writing);
int elbow_h5_close_medium(elbow_h5_medium *medium);

/* Whether a header that was read makes sense; what is none does. */
bool elbow_h5_check_header(elbow_h5_medium *medium, size_t at, const void *bytes, size_t count);

int elbow_h5_read_descriptor(int descriptor, void *bytes, size_t count,
                             size_t at); /* ENODATA: beyond its end */
int elbow_h5_write_descriptor(int descriptor, const void *bytes, size_t count, size_t at); /* 0 or errno */

/* Seals what was written, in memory or in the file: 0 or errno. */
int elbow_h5_seal_memory(elbow_h5_medium *medium);
int elbow_h5_seal_descriptor(elbow_h5_medium *medium);

/* Looks for the seal of a file that is to be read; ELBOW_FORMAT where its size is not what its header says. Then compares
 * what was read, once a block; false where it is not what was written. */
elbow_status elbow_h5_find_seal(elbow_h5_medium *medium, const char *path);
bool elbow_h5_compare(elbow_h5_medium *medium, size_t at, size_t count, void *bytes);
void elbow_h5_forget_seal(elbow_h5_medium *medium);

/* Makes an access list use the medium; the medium must outlive the file. */
bool elbow_h5_use_medium(hid_t access, elbow_h5_medium *medium);

/* HDF5 has one global state. Every public function runs between these: one lock, which the same thread may
 * take again, and HDF5's printing of its error stack off (and as it was afterwards). */
void elbow_h5_enter(void);
void elbow_h5_leave(void);

/* Messages after a failed call; they read HDF5's error stack, so nothing of HDF5 may be called in between.
 * A reading fails by the system (ELBOW_IO) or because the file is damaged (ELBOW_FORMAT). */
elbow_status elbow_h5_fail_read(elbow_h5 *file, const char *object);
elbow_status elbow_h5_fail_write(const elbow_h5 *file, const char *object);

/* The same for a call that says it succeeded: a write that failed below HDF5 shows here. `result` is the
 * call's. */
elbow_status elbow_h5_check_write(const elbow_h5 *file, const char *object, herr_t result);

/* Whether `path` is a chain of plain (hard) links: soft and external ones could lead out of the file. */
bool elbow_h5_find(const elbow_h5 *file, const char *path);

/* Makes the groups above `path`. */
elbow_status elbow_h5_make_parents(elbow_h5 *file, const char *path);

/* A UTF-8 text of fixed length, its 0 byte included; H5Tclose releases it. */
hid_t elbow_h5_text_type(size_t bytes);

/* The attribute of a checksum. */
elbow_status elbow_h5_put_checksum(elbow_h5 *file, const char *path, uint64_t checksum);
elbow_status elbow_h5_match_checksum(elbow_h5 *file, const char *path, uint64_t checksum);

/* Opens a dataset and checks that what its header says can be true: type and shape known, and no more
 * elements than the bytes in the file can hold. So nobody allocates what a damaged header invents. Texts
 * are opened with `type` NULL. */
elbow_status elbow_h5_open_dataset(elbow_h5 *file, const char *path, hid_t *dataset, elbow_h5_type *type,
                                   elbow_h5_shape *shape);

/* The same for any type, which the caller closes, too. */
elbow_status elbow_h5_open_any(elbow_h5 *file, const char *path, hid_t *dataset, hid_t *stored,
                               elbow_h5_shape *shape);

/* Closes a dataset and opens it with a cache for its chunks. */
hid_t elbow_h5_reopen(const elbow_h5 *file, const char *path, hid_t dataset);

/* Forgets the datasets kept open. */
void elbow_h5_close_rows(elbow_h5 *file);

#endif
