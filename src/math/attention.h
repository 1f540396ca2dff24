/* Kernels of causal attention: what a position may look at is itself and what came before it. */
#ifndef ELBOW_SRC_MATH_ATTENTION_H
#define ELBOW_SRC_MATH_ATTENTION_H

#include <stddef.h>

#include "elbow/base/real.h"

/* In place, row i of scores (rows, n), whose position is first + i: p_j = softmax(scale · s)_j over j ≤ first + i, 0 beyond. */
void elbow_causal_softmax(real *scores, size_t rows, size_t n, size_t first, real scale);

/* In place, d (rows, n): the gradient in p becomes that in s, scale · p_j (d_j − Σ_i p_i d_i), 0 beyond. */
void elbow_causal_softmax_backward(real *d, const real *p, size_t rows, size_t n, size_t first, real scale);

#endif
