/* Kernels of rows of softmaxes: log-probabilities of codes with their gradient, and draws.
 *
 * A row holds `count` categorical variables, whose numbers of categories may differ: the logits of the j-th are the reals
 * begin[j] … begin[j + 1] − 1 of the row, begin[0] = 0. Rows of logits are `stride` apart. Codes are (batch, count); a code
 * that no category has, ELBOW_CODE_MISSING by name, is a missing value. */
#ifndef ELBOW_SRC_MATH_SOFTMAX_DENSITY_H
#define ELBOW_SRC_MATH_SOFTMAX_DENSITY_H

#include <stddef.h>
#include <stdint.h>

#include "elbow/base/real.h"

#define ELBOW_CODE_MISSING UINT32_MAX

/* For each row r < rows with codes c of row r mod batch:
 *     log_p[r]  += Σ_j l_j[c_j] − log Σ_k exp l_j[k]        (stable for any finite logits)
 *     logits    ← one-hot(c_j) − softmax(l_j), the gradient of log_p in them, in the same pass when `gradient`;
 *                 untouched otherwise
 * A missing value adds 0 and has the gradient 0. Sums of a variable: the order of elbow_lane_sum; of a row's variables:
 * 16 lanes in real per 256 variables, then in double. */
void elbow_softmax_log_prob(double *log_p, real *logits, const uint32_t *codes, size_t rows, size_t batch,
                            const size_t *begin, size_t count, size_t stride, int gradient);

/* One row. Draws from softmax(l / temperature): the first category at which the cumulated probability, in double, exceeds
 * (word + ½) / 2³²; word j is variable j's. Temperature 0: the largest logit, the lowest index of several. */
void elbow_softmax_draw(uint32_t *codes, const real *logits, const uint32_t *words, const size_t *begin,
                        size_t count, real temperature);

/* One row: means[j] = Σ_k k softmax(l_j)_k. */
void elbow_softmax_mean_code(real *means, const real *logits, const size_t *begin, size_t count);

/* One row: codes[j] = value · scale rounded, value = x[column[j]] or, where column is NULL, x[j]; missing where x is NaN or
 * the code is none of variable j's. */
void elbow_codes_of_values(uint32_t *codes, const real *x, const size_t *column, const size_t *begin,
                           size_t count, real scale);

#endif
