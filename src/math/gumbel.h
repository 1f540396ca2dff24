/* The one formula for Gumbel noise, for the loop that makes it and the kernels that use it at once. */
#ifndef ELBOW_SRC_MATH_GUMBEL_H
#define ELBOW_SRC_MATH_GUMBEL_H

#include "math/exp_log.h"

/* −log u, u = (w + ½) / 2³², exact: it lies in [2⁻³³, 1 − 2⁻³³], so the logarithm is never 0. */
ELBOW_INLINE double elbow_exponential_of_word(uint32_t w) {
    return -elbow_log_double((elbow_double_of_word(w) + 0.5) * 0x1p-32);
}

/* −log(−log u) */
ELBOW_INLINE real elbow_gumbel_of_word(uint32_t w) {
    return (real)-elbow_log_double(elbow_exponential_of_word(w));
}

/* The same of n words, with a loop for each logarithm: together they are one chain of a hundred dependent operations,
 * longer than what a processor looks ahead, so that hardly two elements' would overlap. */
ELBOW_INLINE void elbow_gumbel_of_words(real *restrict g, const uint32_t *restrict words, size_t n) {
    enum { BLOCK = 256 };
    double exponential[BLOCK];
    for (size_t begin = 0; begin < n; begin += BLOCK) {
        size_t count = n - begin < BLOCK ? n - begin : BLOCK;
        for (size_t i = 0; i < count; ++i) exponential[i] = elbow_exponential_of_word(words[begin + i]);
        for (size_t i = 0; i < count; ++i) g[begin + i] = (real)-elbow_log_double(exponential[i]);
    }
}

#endif
