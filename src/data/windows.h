/* A rank's shards of a training set that need not fit into memory: shuffle = window, window by window.
 *
 * A shard's windows are one row without an end, those of epoch 0, then of epoch 1, …, and a ring holds the next few:
 *
 *     number   … 41 42│43 44│45 …          epoch = number / windows of an epoch
 *                     └ring─┘              slot  = number mod ring
 *                      base: the oldest that is still needed
 *
 * A thread of its own fills the ring from the file, what is needed first coming first. It reads (base/h5.h has a lock) and
 * never calls MPI. The ring is as long as the windows that one step may touch, and at least two: while a step takes
 * examples from one, the next is being read. When reading fails it stops for good, and so says the status.
 *
 * All functions are Local, and for one thread at a time. */
#ifndef ELBOW_SRC_DATA_WINDOWS_H
#define ELBOW_SRC_DATA_WINDOWS_H

#include "data/slice.h"
#include "elbow/data/loader.h"

typedef struct elbow_windows elbow_windows;

/* Bytes of the examples that the rings have room for: what create will take, but for what is small beside it. Of sequences
 * it reads the offsets. */
elbow_status elbow_windows_size(double *bytes, const elbow_view *view, const elbow_order_spec *order,
                                size_t first, size_t count);

/* For shards [first, first + count), of the parts that the view names. Takes all memory. */
elbow_status elbow_windows_create(elbow_windows **windows, const elbow_view *view,
                                  const elbow_order_spec *order, size_t first, size_t count);
void elbow_windows_destroy(elbow_windows **windows);

/* Where step t of an epoch finds its examples: pieces of x, and of the context where there is one, in the same number.
 * Waits for what is not there yet. The pieces are good until the next call for this shard. ELBOW_IO, ELBOW_FORMAT,
 * ELBOW_MEMORY of the thread, here and from then on. */
typedef struct elbow_pieces {
    size_t count;
    const elbow_piece *x, *context; /* NULL: nothing is given */
} elbow_pieces;
elbow_status elbow_windows_find(elbow_windows *windows, size_t shard, uint64_t epoch, size_t t,
                                elbow_pieces *pieces);
/* The pieces found last for this shard are not needed any more. */
void elbow_windows_release(elbow_windows *windows, size_t shard);

/* The thread's failure so far, made this thread's. */
elbow_status elbow_windows_status(elbow_windows *windows);

size_t elbow_windows_bytes(const elbow_windows *windows);

#endif
