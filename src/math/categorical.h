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

#endif
