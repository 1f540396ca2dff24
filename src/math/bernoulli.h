/* Kernels of Bernoulli dimensions given by logits. */
#ifndef ELBOW_SRC_MATH_BERNOULLI_H
#define ELBOW_SRC_MATH_BERNOULLI_H

#include <stddef.h>
#include <stdint.h>

#include "elbow/base/real.h"

/* For each row r < rows with targets x[r mod batch]:
 *     log_p[r]   = Σ_d x l − log(1 + e^l)        (stable: max(l, 0) + log1p(e^{−|l|}); exact in sign for any finite l)
 *     logits     ← x − σ(l), the gradient of log_p in the logits, in the same pass when `gradient`;
 *                  untouched otherwise
 * Grey x in [0, 1] is taken as it is (cross-entropy). logits: (rows, n), x: (batch, n). Row sums: 16 lanes in
 * real per 256 dimensions, then in double. */
void elbow_bernoulli_log_prob(real *log_p, real *logits, const real *x, size_t rows, size_t batch, size_t n,
                              int gradient);

/* The same where an x that is NaN is missing: it adds nothing, and its gradient is 0. */
void elbow_bernoulli_log_prob_missing(real *log_p, real *logits, const real *x, size_t rows, size_t batch,
                                      size_t n, int gradient);

/* mean = σ(logits); may be in place. */
void elbow_sigmoid(real *mean, const real *logits, size_t n);

/* p ← 1 where (word + ½) / 2³² < p, else 0. */
void elbow_bernoulli_draw(real *p, const uint32_t *words, size_t n);

#endif
