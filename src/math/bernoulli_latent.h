/* Kernels of Bernoulli variables as latents: n of them, q = their logits l, σ(l) the probability of a 1.
 *
 * What ends in `backward` adds gradients in the logits and in z or y, times a weight each; either may be NULL. */
#ifndef ELBOW_SRC_MATH_BERNOULLI_LATENT_H
#define ELBOW_SRC_MATH_BERNOULLI_LATENT_H

#include <stddef.h>
#include <stdint.h>

#include "elbow/base/real.h"

/* y = σ((l + ε) / τ), ε = logistic(word): a binary Concrete sample (Maddison et al. 2017), below ½ exactly where l + ε < 0. */
void elbow_binary_concrete(real *y, const real *logits, const uint32_t *words, size_t n, real temperature);
/* dl += (1/τ) · y (1 − y) dy. */
void elbow_binary_concrete_backward(real *dlogits, const real *y, const real *dy, size_t n, real temperature);

/* z = 1 where l + ε ≥ 0, else 0: an exact sample, as log(u / (1−u)) ≥ −l has probability σ(l). */
void elbow_bernoulli_sample(real *z, const real *logits, const uint32_t *words, size_t n);
/* z = 1 where y ≥ ½, else 0: with the same words, the exact sample. */
void elbow_bernoulli_harden(real *z, const real *y, size_t n);

/* The kernels of categorical.h for two categories with logits l and 0: y = σ(l / τ); the same of l moved to be at least a gap
 * from 0, on the side of z; dl += (2 m (1 − m) − ½ σ(l) (1 − σ(l))) dz, m the middle. */
void elbow_tempered_sigmoid(real *y, const real *logits, size_t n, real temperature);
void elbow_gapped_sigmoid(real *y, const real *z, const real *logits, size_t n, real temperature, real gap);
/* y = σ((l + ε) / τ), ε logistic given that l + ε has the sign of z. */
void elbow_binary_concrete_given(real *y, const real *z, const real *logits, const uint32_t *words, size_t n,
                                 real temperature);
/* The derivative of that y in the logit, z and the words held, times x, overwritten: with v = l + ε, ∂v/∂l = σ(±l)(1 − e^{−|v|}), + where
 * z = 1, and e^{−|v|} = (least of y, 1 − y over the other)^τ. One function for either way, as the variables are apart. */
void elbow_binary_concrete_given_slope(real *out, const real *y, const real *z, const real *logits,
                                       const real *x, size_t n, real temperature);
void elbow_bernoulli_reinmax_backward(real *dlogits, const real *middle, const real *logits, const real *dz,
                                      size_t n);

/* log_q = z l − log(1 + e^l), linear in z:  dz = w l,  dl = w (z − σ(l)). */
void elbow_bernoulli_latent_log_prob(real *log_q, const real *z, const real *logits, size_t n);
void elbow_bernoulli_latent_log_prob_backward(real *dz, real *dlogits, const real *weights, const real *z,
                                              const real *logits, size_t n);

/* kl = q (log q − log p) + (1−q) (log(1−q) − log(1−p)), q = σ(l_q), p = σ(l_p):  dl_q = w q (1−q) (l_q − l_p),
 * dl_p = w (p − q). logits_p NULL: p = ½. */
void elbow_bernoulli_kl(real *kl, const real *logits_q, const real *logits_p, size_t n);
void elbow_bernoulli_kl_backward(real *dlogits_q, real *dlogits_p, const real *weights, const real *logits_q,
                                 const real *logits_p, size_t n);

/* The log-density of x = logit y, y = σ((l + ε) / τ): log τ + u − 2 log(1 + e^u), u = l − τ x. That of y has a further
 * −log y − log(1 − y), the same for every q and left out, as for the Concrete density (categorical.h).
 * dl = w (1 − 2σ(u)), dy = −w τ (1 − 2σ(u)) / (y (1 − y)).
 *
 * Where y is below 1e-30 (1e-290 in double) or 1 − y is 0, x is lost. The density is then that at the bound (1 − y there: half a
 * unit in the last place of 1), and the gradients are those of x → ∓∞: dl = w (∓1), dy = 0. So the gradient of log q − log p
 * leads back from the corner, as it does with the true x. */
void elbow_binary_concrete_log_density(real *log_density, const real *y, const real *logits, size_t n,
                                       real temperature);
void elbow_binary_concrete_log_density_backward(real *dy, real *dlogits, const real *weights, const real *y,
                                                const real *logits, size_t n, real temperature);

#endif
