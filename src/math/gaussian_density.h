/* Kernels of rows of independent Gaussians, n a row: log-densities with their gradient. Dimension d has the log-variance
 * s[d]; inverse[d] = e^{−s[d]/2}. Rows of means are `stride` apart; x is (batch, n), NaN where missing. */
#ifndef ELBOW_SRC_MATH_GAUSSIAN_DENSITY_H
#define ELBOW_SRC_MATH_GAUSSIAN_DENSITY_H

#include <stddef.h>

#include "elbow/base/real.h"

/* For each row r < rows with targets x[r mod batch], and u_d = (x_d − mean_d) e^{−s_d/2}:
 *     log_p[r]  += Σ_d −½ (u_d² + s_d + log 2π), missing values left out
 *     mean      ← u, NaN where missing, when `gradient`: what elbow_gaussian_backward takes; untouched otherwise
 * Row sums: 16 lanes in real per 256 dimensions, then in double. */
void elbow_gaussian_rows_log_prob(double *log_p, real *mean, const real *x, const real *s,
                                  const real *inverse, size_t rows, size_t batch, size_t n, size_t stride,
                                  int gradient);

/* u ← weights[r] u e^{−s/2}, the gradient of Σ_r weights[r] log_p[r] in the means; unless it is NULL,
 * ds[d] += Σ_r weights[r] ½ (u² − 1), in row order. Missing values have none. */
void elbow_gaussian_backward(real *u, real *ds, const real *weights, const real *inverse, size_t rows,
                             size_t n, size_t stride);

#endif
