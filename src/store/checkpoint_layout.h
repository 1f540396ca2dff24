/* What the writer, the reader and the seal of a checkpoint agree on: names and order. Local. */
#ifndef ELBOW_SRC_STORE_CHECKPOINT_LAYOUT_H
#define ELBOW_SRC_STORE_CHECKPOINT_LAYOUT_H

#include "base/h5.h"
#include "elbow/store/checkpoint.h"
#include "store/formats.h"

#ifdef ELBOW_REAL_DOUBLE
#define ELBOW_H5_REAL ELBOW_H5_F64
#else
#define ELBOW_H5_REAL ELBOW_H5_F32
#endif

enum { ELBOW_CHECKPOINT_PATH = 256, ELBOW_HASH_TEXT = 33 }; /* bytes, their ends included */

/* "/optimizer/adam/first_moment" */
void elbow_checkpoint_slot_path(char path[ELBOW_CHECKPOINT_PATH], const char *optimizer, const char *slot);

/* The attributes of /run, in the order in which they are sealed. Each is a member of elbow_checkpoint. */
typedef enum elbow_run_kind { ELBOW_RUN_INTEGER, ELBOW_RUN_REAL, ELBOW_RUN_TEXT } elbow_run_kind;

typedef struct elbow_run_attribute {
    const char *name;
    elbow_run_kind kind;
    size_t offset, room; /* in elbow_checkpoint; room of a text */
    int64_t since;       /* the version of checkpoints that brought it */
} elbow_run_attribute;

extern const elbow_run_attribute elbow_run_attributes[];
extern const size_t elbow_run_attribute_count;

/* 32 hexadecimal digits over everything but the metrics' values: the digest's stream, every attribute of /run,
 * /config, /field, /context, and whether there are metrics. Datasets have checksums of their own; this one also finds a changed
 * attribute, and a whole dataset missing, renamed, or taken from another checkpoint. The digest and the seal of a
 * checkpoint of that version, in one pass over the state. */
enum { ELBOW_CHECKPOINT_VERSION = 3 };
void elbow_checkpoint_hash(const elbow_checkpoint *checkpoint, int64_t version, char digest[ELBOW_HASH_TEXT],
                           char seal[ELBOW_HASH_TEXT]);

/* The attributes of /run that the stored version has, into the members; the others stay. */
elbow_status elbow_checkpoint_read_run(elbow_checkpoint *checkpoint, const elbow_stored *stored);

/* Whether the file, a temporary one of `path`, holds this checkpoint to the bit, with the seal. ELBOW_IO, ELBOW_FORMAT. */
elbow_status elbow_checkpoint_read_back(const elbow_checkpoint *checkpoint, const char *seal,
                                        const char *file);

/* What the attributes say of a file's health, without reading the rest; 1 where it is too old to say. */
elbow_status elbow_checkpoint_glance(const char *path, bool *healthy);

/* Tensors larger than this are written and read in pieces, by rows: another thread waits for HDF5's lock no longer than
 * one takes. Rows of a piece, one at least. */
enum { ELBOW_CHECKPOINT_PIECE = 8 << 20 };
static inline size_t elbow_checkpoint_piece(size_t row) {
    size_t most = ELBOW_CHECKPOINT_PIECE / (row * sizeof(real));
    return most > 0 ? most : 1;
}

#endif
