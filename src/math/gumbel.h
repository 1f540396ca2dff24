/* The one formula for Gumbel noise, for the loop that makes it and the kernels that use it at once. */
#ifndef ELBOW_SRC_MATH_GUMBEL_H
#define ELBOW_SRC_MATH_GUMBEL_H

#include "math/exp_log.h"

/* −log u, u = (w + ½) / 2³², exact: it lies in [2⁻³³, 1 − 2⁻³³], so the logarithm is never 0. */
ELBOW_INLINE double elbow_exponential_of_word(uint32_t w) {
    return -elbow_log_double((elbow_double_of_word(w) + 0.5) * 0x1p-32);
}

/* −log u made in real: u is t or 1 − t by the word's last bit, t = (w' + ½) / 2³² by the others, w'. So both ends have the digits that
 * the word has. */
#ifdef ELBOW_REAL_DOUBLE
ELBOW_INLINE real elbow_narrow_exponential_of_word(uint32_t w) {
    double t = (elbow_double_of_word(w >> 1) + 0.5) * 0x1p-32;
    return w & 1 ? -log1p(-t) : -log(t);
}
#else
ELBOW_INLINE real elbow_narrow_exponential_of_word(uint32_t w) {
    float t = ((float)(int32_t)(w >> 1) + 0.5f) * 0x1p-32f;
    return -elbow_log_narrow_float(w & 1 ? 1.0f - t : t, -t);
}
#endif

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
