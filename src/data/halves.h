/* Images cut in two: the half that a model is given, the context, and the rest, x. Both stay images. Local. */
#ifndef ELBOW_SRC_DATA_HALVES_H
#define ELBOW_SRC_DATA_HALVES_H

#include <stdint.h>

#include "elbow/data/dataset.h"
#include "elbow/data/import.h"

/* "upper", … ELBOW_USAGE names them. */
elbow_status elbow_half_find(const char *name, elbow_half *half);

/* A part of an image, in rows and columns. */
typedef struct elbow_piece_of {
    size_t top, left, height, width;
} elbow_piece_of;

/* Where x or the context is, `half` being the context. Of an image that is too small to be cut a side is 0. */
elbow_piece_of elbow_half_piece(elbow_half half, elbow_part part, const elbow_field *image);

/* Its pixels, (height, width, channels), out of an image's. */
void elbow_half_take(uint8_t *pixels, const elbow_piece_of *piece, const elbow_field *image,
                     const uint8_t *from);

#endif
