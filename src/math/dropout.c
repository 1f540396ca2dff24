#include "math/dropout.h"

#include "math/kernel.h"

/* A dropped NaN or infinity is 0 as well: nothing is multiplied by 0. */
ELBOW_KERNEL void elbow_drop(real *y, const real *x, const uint32_t *restrict words, size_t n,
                             uint32_t threshold, real scale) {
    ELBOW_IN_PLACE
    for (size_t i = 0; i < n; ++i) {
        real kept = x[i] * scale;
        y[i] = words[i] >= threshold ? kept : (real)0;
    }
}
