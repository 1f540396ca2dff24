/* Kernels of a gated recurrent unit (Cho et al. 2014, in PyTorch's form), one step of `rows` sequences:
 *
 *     r = σ(a_r + b_ir + b_hr)               a: the products of the step's input and, for r and z, of the state h before;
 *     z = σ(a_z + b_iz + b_hz)               q: the state's product for n, which the reset gate scales
 *     q = q + b_hn
 *     n = tanh(a_n + b_in + r q)
 *     h′ = (1 − z) n + z h
 *
 * A row of `gates` is n | r | z | q, each `width` H wide: the columns from H on are what W_hh h adds to, and those
 * that its gradient comes from, side by side in W_hh's own order. Biases are (3H) in the order r, z, n. */
#ifndef ELBOW_SRC_MATH_RECURRENT_H
#define ELBOW_SRC_MATH_RECURRENT_H

#include <stddef.h>

#include "elbow/base/real.h"

/* gates (rows, 4H): products become n, r, z, q. h: rows of ld_h reals apart, the new state; before (rows, H): the
 * old. constant: (rows, 3H), in the order r, z, n, added to the products; or NULL. */
void elbow_gru_gates(real *h, size_t ld_h, real *gates, const real *before, const real *constant,
                     const real *bias_ih, const real *bias_hh, size_t rows, size_t width);

/* dh: rows of ld_dh reals apart, and carry (rows, H), together the gradient in h′. gates become the gradients in
 * a_n, a_r, a_z and q; carry becomes the gradient in h on the direct way, z (dh + carry). */
void elbow_gru_gates_backward(real *gates, real *carry, const real *dh, size_t ld_dh, const real *before,
                              size_t rows, size_t width);

/* dconstant (rows, 3H) += the gates' gradients in the order r, z, n. */
void elbow_gru_constant_gradient(real *dconstant, const real *gates, size_t rows, size_t width);

#endif
