#include "math/noise.h"

#include <stdbool.h>
#include <string.h>

#include "math/gumbel.h"

ELBOW_KERNEL void elbow_gumbel(real *restrict g, const uint32_t *restrict words, size_t n) {
    elbow_gumbel_of_words(g, words, n);
}

/* With q = (2³² − 1) / maximum, an integer for 1, 3, 5, 15, 17, 51, 85 and 255, value · 2³² / maximum is value · q and
 * value / maximum more, which is less than 1, or 1 where every w is to pass and value · q is 2³² − 1: so the comparison is
 * w ≤ value · q, and in 32 bits, unless the value is 0. */
ELBOW_KERNEL static void binarize_narrow(real *restrict x, const uint8_t *restrict values,
                                         const uint32_t *restrict words, size_t n, uint32_t quotient) {
    for (size_t i = 0; i < n; ++i) {
        uint32_t value = values[i];
        x[i] = (real)(int32_t)((words[i] <= value * quotient) & (value != 0));
    }
}

/* Both sides are below 2⁶³ (maximum is a byte's), so the comparison may be signed: the kind that vectors have. */
ELBOW_KERNEL static void binarize_wide(real *restrict x, const uint8_t *restrict values,
                                       const uint32_t *restrict words, size_t n, unsigned maximum) {
    int64_t bound = (int64_t)maximum;
    for (size_t i = 0; i < n; ++i)
        x[i] = (int64_t)words[i] * bound < ((int64_t)values[i] << 32) ? (real)1 : (real)0;
}

void elbow_binarize_dynamic_values(real *x, const uint8_t *values, const uint32_t *words, size_t n,
                                   unsigned maximum) {
    if (UINT32_MAX % maximum == 0)
        binarize_narrow(x, values, words, n, UINT32_MAX / maximum);
    else
        binarize_wide(x, values, words, n, maximum);
}

/* Four bytes are 0 or 255 each where they are 255 times their highest bits. */
static size_t grey_blocks(uint32_t *blocks, const uint8_t *values, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i += 4) {
        uint32_t four = 0;
        memcpy(&four, values + i, 4);
        blocks[count] = (uint32_t)(i / 4);
        count += four != (four >> 7 & UINT32_C(0x01010101)) * 255;
    }
    return count;
}

size_t elbow_binarize_blocks(uint32_t *blocks, const uint8_t *values, size_t n, unsigned maximum) {
    size_t whole = maximum == 255 ? n / 4 * 4 : 0, count = grey_blocks(blocks, values, whole);
    for (size_t i = whole; i < n; i += 4) {
        bool grey = false;
        for (size_t j = i; j < n && j < i + 4; ++j) grey = grey || (values[j] > 0 && values[j] < maximum);
        if (grey) blocks[count++] = (uint32_t)(i / 4);
    }
    return count;
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
