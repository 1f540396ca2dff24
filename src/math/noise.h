/* Random words → noise. */
#ifndef ELBOW_SRC_MATH_NOISE_H
#define ELBOW_SRC_MATH_NOISE_H

#include <stddef.h>
#include <stdint.h>

#include "elbow/base/real.h"

/* g = −log(−log u), u = (w + ½) / 2³². Finite and non-decreasing in w over all 2³² words, within a few ulp of
 * double rounded to real: u is exact in double, and both logarithms are taken in double, so nothing rounds to
 * 0 or 1 and no epsilon biases the tails. */
void elbow_gumbel(real *g, const uint32_t *words, size_t n);

/* x = 1 with probability value / maximum exactly as far as 32 bits go (w · maximum < value · 2³² in integers), else 0. A
 * value of 0 or `maximum` does not look at its word. */
void elbow_binarize_dynamic_values(real *x, const uint8_t *values, const uint32_t *words, size_t n,
                                   unsigned maximum);

/* Which fours of values look at their words: their numbers, in order. blocks: ((n + 3) / 4). Returns how many. */
size_t elbow_binarize_blocks(uint32_t *blocks, const uint8_t *values, size_t n, unsigned maximum);

/* x = value / maximum, and x = 1 where value / maximum ≥ ½, else 0. */
void elbow_scale_values(real *x, const uint8_t *values, size_t n, unsigned maximum);
void elbow_threshold_values(real *x, const uint8_t *values, size_t n, unsigned maximum);

#endif
