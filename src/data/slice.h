/* Slices in parts, and batches gathered from several: what the loader's windows (windows.h) are made of. */
#ifndef ELBOW_SRC_DATA_SLICE_H
#define ELBOW_SRC_DATA_SLICE_H

#include "elbow/data/dataset.h"

/* An empty slice with room for `examples`, and, of sequences, for `tokens` in all. */
elbow_status elbow_slice_reserve(elbow_slice **slice, elbow_dataset *dataset, elbow_split split,
                                 elbow_part part, size_t examples, size_t tokens, elbow_arena *arena);
/* Reads examples [first, first + count) of the split behind those that are there. Where it fails, the slice is to be
 * emptied. */
elbow_status elbow_slice_append(elbow_slice *slice, size_t first, size_t count);
void elbow_slice_empty(elbow_slice *slice);

/* Tokens that any `blocks` of the blocks of `block` examples of [first, first + count) have together, at the most; 0 where
 * the part is no sequence. Reads the offsets once. */
elbow_status elbow_slice_most_tokens(size_t *tokens, elbow_dataset *dataset, elbow_split split,
                                     elbow_part part, size_t first, size_t count, size_t block,
                                     size_t blocks);

/* Bytes that `count` examples take in memory; of sequences, as many as they have on average, or with `tokens` in all. */
double elbow_slice_bytes(const elbow_dataset *dataset, elbow_split split, elbow_part part, size_t count);
double elbow_slice_room_bytes(const elbow_dataset *dataset, elbow_split split, elbow_part part, size_t count,
                              double tokens);

/* Rows of a batch that come from one slice, as elbow_slice_gather has them. */
typedef struct elbow_piece {
    elbow_slice *slice;
    const uint32_t *which;
    size_t first, rows;
} elbow_piece;

/* The pieces' rows one after the other. */
void elbow_pieces_gather(elbow_values *values, const elbow_piece *pieces, size_t count,
                         const elbow_binarizer *binarizer);

#endif
