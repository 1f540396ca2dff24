/* What this machine could do: loops that measure it, for `elbow bench`. Nothing here is part of a step. Local. */
#ifndef ELBOW_SRC_MATH_PEAK_H
#define ELBOW_SRC_MATH_PEAK_H

#include <stddef.h>

#include "elbow/base/real.h"

/* Fused multiply-adds in the widest registers there are, `rounds` dependent ones in each of enough chains to fill the
 * pipelines. Returns the floating-point operations done: two each. */
double elbow_peak_run(size_t rounds);

/* a = b + s · c: three streams (McCalpin's triad). */
void elbow_peak_triad(real *restrict a, const real *restrict b, const real *restrict c, real s, size_t n);

#endif
