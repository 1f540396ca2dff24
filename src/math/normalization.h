/* Normalisation of rows to mean 0 and variance 1. Local; cannot fail. */
#ifndef ELBOW_SRC_MATH_NORMALIZATION_H
#define ELBOW_SRC_MATH_NORMALIZATION_H

#include <stddef.h>

#include "elbow/base/real.h"

/* Layer normalisation (Ba, Kiros and Hinton 2016) over rows of n:
 *
 *     x̂ = (x − mean) · scale,   scale = 1 / √(variance + 1e-5),   y = (1 + gain) · x̂ + bias
 *
 * with the variance of the row itself (divided by n). gain and bias (n) both begin at 0. Keeps mean and scale (rows)
 * for the way back. A row's bits do not depend on other rows. */
void elbow_layer_norm(real *y, real *mean, real *scale, const real *x, const real *gain, const real *bias,
                      size_t rows, size_t n);

/* Adds to dgain and dbias (n), in row order, unless they are NULL; dx is overwritten, unless it is NULL. dx may be dy. */
void elbow_layer_norm_backward(real *dx, real *dgain, real *dbias, const real *dy, const real *mean,
                               const real *scale, const real *x, const real *gain, size_t rows, size_t n);

#endif
