#include "math/noise.h"

#include "math/gumbel.h"

ELBOW_KERNEL void elbow_gumbel(real *restrict g, const uint32_t *restrict words, size_t n) {
    elbow_gumbel_of_words(g, words, n);
}

/* Both sides are below 2⁶³ (maximum is a byte's), so the comparison may be signed: the kind that vectors have. */
ELBOW_KERNEL void elbow_binarize_dynamic_values(real *restrict x, const uint8_t *restrict values,
                                                const uint32_t *restrict words, size_t n, unsigned maximum) {
    int64_t bound = (int64_t)maximum;
    for (size_t i = 0; i < n; ++i)
        x[i] = (int64_t)words[i] * bound < ((int64_t)values[i] << 32) ? (real)1 : (real)0;
}

ELBOW_KERNEL void elbow_scale_values(real *restrict x, const uint8_t *restrict values, size_t n,
                                     unsigned maximum) {
    real bound = (real)maximum;
    for (size_t i = 0; i < n; ++i) x[i] = (real)values[i] / bound;
}

ELBOW_KERNEL void elbow_threshold_values(real *restrict x, const uint8_t *restrict values, size_t n,
                                         unsigned maximum) {
    for (size_t i = 0; i < n; ++i) x[i] = 2u * values[i] >= maximum ? (real)1 : (real)0;
}
