/* What the score-function estimators share. They draw z exactly, and go by
 *
 *     ∇ E_q[f(z)] = E_q[ f(z) ∇ log q(z|x) + ∇ f(z) ]      (Glynn 1990; Williams 1992)
 *
 * for discrete variables of one layer, in any groups, factorised or autoregressive. Nothing is relaxed and nothing goes back
 * through z; what they differ in is the baseline that is taken off f, which must not depend on the draw it is taken off for. */
#ifndef ELBOW_SRC_VAE_SCORE_FUNCTION_H
#define ELBOW_SRC_VAE_SCORE_FUNCTION_H

#include "vae/estimator.h"

/* ELBOW_USAGE, blamed on its option, where latents are not discrete or in several layers, there are fewer than two draws, or
 * objective.kl asks for densities of relaxed draws. */
elbow_status elbow_score_function_check(const elbow_estimator *estimator, const elbow_options *options,
                                        const elbow_latents *latents);

/* Adds the gradient of Σ_r weights[r] log q(z_r|x) to dq. */
void elbow_score_function_backward(elbow_latents *latents, const real *weights);

#endif
