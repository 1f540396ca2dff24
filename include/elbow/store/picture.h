/* Pictures: grids of images as PNG files. Local. Optional: without libpng at build time elbow_picture_write
 * says so (ELBOW_USAGE) and elbow_pictures_available is false. */
#ifndef ELBOW_STORE_PICTURE_H
#define ELBOW_STORE_PICTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/error.h"
#include "elbow/base/real.h"

bool elbow_pictures_available(void);

/* images: (rows · columns, height·width·channels) of values in [0, 1], row by row; channels 1 or 3. Cells are
 * separated by a thin line and enlarged `scale` times. Written whole or not at all. ELBOW_IO. */
elbow_status elbow_picture_write(const char *path, const real *images, size_t rows, size_t columns,
                                 size_t height, size_t width, size_t channels, size_t scale);

/* Pairs: originals (count, D) above their reconstructions (count, D), `columns` to a line. */
elbow_status elbow_picture_write_pairs(const char *path, const real *originals, const real *reconstructions,
                                       size_t count, size_t columns, size_t height, size_t width,
                                       size_t channels, size_t scale);

#endif
