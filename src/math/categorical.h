/* Kernels of categorical variables: rows = B·L variables of K categories each, contiguous (rows, K). */
#ifndef ELBOW_SRC_MATH_CATEGORICAL_H
#define ELBOW_SRC_MATH_CATEGORICAL_H

#include <stddef.h>
#include <stdint.h>

#include "elbow/base/real.h"

/* log_q = logits − log Σ exp(logits), stable for any finite logits. May be in place. */
void elbow_log_softmax(real *log_q, const real *logits, size_t rows, size_t k);

/* y = softmax((log_q + gumbel(words)) / τ): a Gumbel-Softmax (Concrete) sample, eq. 2 of Jang et al. 2017. words: (rows, k). */
void elbow_gumbel_softmax(real *y, const real *log_q, const uint32_t *words, size_t rows, size_t k,
                          real temperature);

/* z = one-hot of argmax(log_q + gumbel(words)): an exact sample (Gumbel-max). The lowest index wins a tie. */
void elbow_gumbel_max(real *z, const real *log_q, const uint32_t *words, size_t rows, size_t k);

/* z = one-hot of argmax y; the lowest index wins a tie. */
void elbow_one_hot_argmax(real *z, const real *y, size_t rows, size_t k);

/* y = softmax(log_q / τ). */
void elbow_tempered_softmax(real *y, const real *log_q, size_t rows, size_t k, real temperature);

/* y = softmax(v / τ), v = max log_q where z is 1, else min(log_q, max log_q − gap): the logits of Fan et al. 2022, moved so that
 * what was drawn is ahead of all else by the gap at least. */
void elbow_gapped_softmax(real *y, const real *z, const real *log_q, size_t rows, size_t k, real temperature,
                          real gap);

/* y = softmax((log_q + g) / τ) with Gumbels g given that the one-hot z is their argmax (Maddison, Tarlow & Minka 2014). Where words
 * are independent of z ~ q, y has the law of elbow_gumbel_softmax. */
void elbow_gumbel_softmax_given(real *y, const real *z, const real *log_q, const uint32_t *words, size_t rows,
                                size_t k, real temperature);
/* The derivative J of that y in the logits, z and the words held: dlogits = Jᵀ dy, and dy = J dlogits, each overwritten. With v the
 * perturbed log π, D the one drawn and its v_D held, v_j = log π_j − log(E_j + π_j E_D) gives
 *     ∂v_j/∂log π_j = a_j = 1 − e^{v_j − v_D} = 1 − (y_j / y_D)^τ,   a_D = 0;   ∂y/∂v = (diag y − y yᵀ)/τ,   log π = log_softmax. */
void elbow_gumbel_softmax_given_backward(real *dlogits, const real *y, const real *z, const real *log_q,
                                         const real *dy, size_t rows, size_t k, real temperature);
void elbow_gumbel_softmax_given_along(real *dy, const real *y, const real *z, const real *log_q,
                                      const real *dlogits, size_t rows, size_t k, real temperature);

/* The way back through such a y, without making it: dlogits += weight (1/τ) · y ⊙ (dy − Σ_k y_k dy_k), for any number of words after
 * prepare made of z what they share: q = exp(log_q) and drawn (rows), where z is 1. y (rows, k) is overwritten, by nothing of
 * use. */
void elbow_gumbel_rao_prepare(real *q, real *drawn, const real *z, const real *log_q, size_t rows, size_t k);
void elbow_gumbel_rao_backward(real *dlogits, real *y, const real *q, const real *drawn, const real *log_q,
                               const uint32_t *words, const real *dy, size_t rows, size_t k, real temperature,
                               real weight);

/* dlogits += 2 J(middle) dz − ½ J(q) dz, J(p) = diag p − p pᵀ, q = exp(log_q): ReinMax (Liu et al. 2023). */
void elbow_reinmax_backward(real *dlogits, const real *middle, const real *log_q, const real *dz, size_t rows,
                            size_t k);

/* dlogits += (1/τ) · y ⊙ (dy − Σ_k y_k dy_k): back through elbow_gumbel_softmax and the normalisation. */
void elbow_gumbel_softmax_backward(real *dlogits, const real *y, const real *dy, size_t rows, size_t k,
                                   real temperature);

/* kl[r] = Σ_k q_k (log q_k + log k), q = exp(log_q): KL(q ‖ uniform) of each variable, in nats. */
void elbow_categorical_kl_uniform(real *kl, const real *log_q, size_t rows, size_t k);

/* dlogits += w[r / group] · ∂kl[r]/∂logits = w · q_j (log q_j − Σ_k q_k log q_k); `group` rows share a weight. */
void elbow_categorical_kl_uniform_backward(real *dlogits, const real *log_q, const real *weights, size_t rows,
                                           size_t k, size_t group);

/* log_p[r] = Σ over the `group` variables of row r of Σ_k z_k log_q_k: log q(z|x) of one-hot z; rows of result = rows/group. */
void elbow_categorical_log_prob(real *log_p, const real *z, const real *log_q, size_t rows, size_t k,
                                size_t group);

/* Per variable, with a weight each; gradients are added, in the logits and in z or y. Either gradient may be NULL. */

/* kl[r] = Σ_k q_k (log q_k − log p_k), in nats:  dlogits_q = w q_j ((log q_j − log p_j) − kl),  dlogits_p = w (p_j − q_j). */
void elbow_categorical_kl(real *kl, const real *log_q, const real *log_p, size_t rows, size_t k);
void elbow_categorical_kl_backward(real *dlogits_q, real *dlogits_p, const real *weights, const real *log_q,
                                   const real *log_p, size_t rows, size_t k);

/* Of log_p[r] = Σ_k z_k log_q_k (elbow_categorical_log_prob with group 1), linear in z:
 * dz = w log q_j,  dlogits = w (z_j − q_j Σ_k z_k). */
void elbow_categorical_log_prob_backward(real *dz, real *dlogits, const real *weights, const real *z,
                                         const real *log_q, size_t rows, size_t k);

/* The log-density of x = log y, y = softmax((log q + g) / τ) (ExpConcrete, Maddison et al. 2017, appendix C.3):
 *
 *     log (K−1)! + (K−1) log τ + Σ_k log s_k,     s = softmax(log q − τ x)
 *
 * The density of y itself has a further −Σ_k log y_k, which is the same for every q and left out: it cancels in
 * log q(y) − log p(y), and would cost it digits. Gradients: dlogits = w (1 − K s_j), dy = −w τ (1 − K s_j) / y_j.
 *
 * A sample so near a corner that y_k is below 1e-30 (1e-290 in double), or is 0, has lost its x_k. The density is then
 * that at the bound, and s in the gradients its limit for x_k → −∞: all on the lost categories, evenly. Then dy is 0 for
 * those, and the gradient of log q(y) − log p(y) in the logits of q is 1 − K s still: what it is with the true x, as far as s
 * for p is all on them. With s at the bound it would have the wrong sign where log q_k / τ is beyond it. */
void elbow_concrete_log_density(real *log_density, const real *y, const real *log_q, size_t rows, size_t k,
                                real temperature);
void elbow_concrete_log_density_backward(real *dy, real *dlogits, const real *weights, const real *y,
                                         const real *log_q, size_t rows, size_t k, real temperature);

#endif
