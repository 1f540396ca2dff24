#include "math/embedding.h"

#include <string.h>

#include "math/kernel.h"

void elbow_embed(real *restrict y, const real *restrict table, const uint32_t *restrict index, size_t rows,
                 size_t n) {
    for (size_t i = 0; i < rows; i++) memcpy(y + i * n, table + index[i] * n, n * sizeof *y);
}

ELBOW_KERNEL void elbow_embed_backward(real *restrict dtable, const real *restrict dy,
                                       const uint32_t *restrict index, size_t rows, size_t n) {
    for (size_t i = 0; i < rows; i++) {
        real *to = dtable + index[i] * n;
        const real *from = dy + i * n;
        for (size_t j = 0; j < n; j++) to[j] += from[j];
    }
}
