/* What the writer, the reader and the seal of a checkpoint agree on: names and order. Local. */
#ifndef ELBOW_SRC_STORE_CHECKPOINT_LAYOUT_H
#define ELBOW_SRC_STORE_CHECKPOINT_LAYOUT_H

#include "base/h5.h"
#include "elbow/store/checkpoint.h"

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
} elbow_run_attribute;

extern const elbow_run_attribute elbow_run_attributes[];
extern const size_t elbow_run_attribute_count;

/* 32 hexadecimal digits over everything but the metrics' values: the digest's stream, every attribute of /run,
 * /config, /field, /context, and whether there are metrics. Datasets have checksums of their own; this one also finds a changed
 * attribute, and a whole dataset missing, renamed, or taken from another checkpoint. */
void elbow_checkpoint_seal(const elbow_checkpoint *checkpoint, char seal[ELBOW_HASH_TEXT]);

/* The digest and the seal, in one pass over the state. */
void elbow_checkpoint_hash(const elbow_checkpoint *checkpoint, char digest[ELBOW_HASH_TEXT],
                           char seal[ELBOW_HASH_TEXT]);

#endif
