/* Random words → standard normal noise. */
#ifndef ELBOW_SRC_MATH_NORMAL_H
#define ELBOW_SRC_MATH_NORMAL_H

#include <stddef.h>
#include <stdint.h>

#include "elbow/base/real.h"

/* x = Φ⁻¹(u), u = (w + ½) / 2³², one word each: increasing in w, odd about the middle word, |x| < 6.34. Within 1e-15
 * of itself (relative, in double) by the rational functions PPND16 of Wichura 1988 (algorithm AS 241); rounded to real. */
void elbow_normal(real *x, const uint32_t *words, size_t n);

#endif
