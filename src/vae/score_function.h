/* What the score-function estimators share. They draw z exactly, and go by
 *
 *     ∇ E_q[f(z)] = E_q[ f(z) ∇ log q(z|x) + ∇ f(z) ]      (Glynn 1990; Williams 1992)
 *
 * for discrete variables of one layer, in any groups, factorised or autoregressive. Nothing is relaxed and nothing goes back
 * through z; what they differ in is the baseline that is taken off f, which must not depend on the draw it is taken off for. */
#ifndef ELBOW_SRC_VAE_SCORE_FUNCTION_H
#define ELBOW_SRC_VAE_SCORE_FUNCTION_H

#include "vae/estimator.h"

/* ELBOW_USAGE, blamed on its option, where latents are not discrete or in several layers, or objective.kl asks for densities of
 * relaxed draws. */
elbow_status elbow_score_function_check(const elbow_estimator *estimator, const elbow_options *options,
                                        const elbow_latents *latents);
/* And where there are fewer than two draws, for those whose baselines come from other draws. */
elbow_status elbow_score_function_check_draws(const elbow_estimator *estimator, const elbow_options *options,
                                              const elbow_latents *latents);
/* And where a variable depends on others, the bound is not the ELBO, or there are free bits of a KL that draws have a say in:
 * for those whose draws of an example are not independent, as the larger of the draws' mean KL and the free bits is no mean of
 * theirs. */
elbow_status elbow_score_function_check_factorised(const elbow_estimator *estimator,
                                                   const elbow_options *options,
                                                   const elbow_latents *latents);

/* Adds the gradient of Σ_r weights[r] log q(z_r|x) to dq. */
void elbow_score_function_backward(elbow_latents *latents, const real *weights);

/* Whether a group's KL is not the same for all draws of an example. */
static inline bool elbow_score_function_kl_varies(const elbow_group *group) {
    return group->divergence == ELBOW_KL_SAMPLED || group->prior->condition != NULL;
}

/* For factorised posteriors: E_q[f], f = log p(x|z) − β Σ_g KL_g(z), but for E_q[f ∇ log q]. Scores the current draws z; their
 * terms; ∇f of all of them, where E ∇ log q = 0 is left out of a sampled KL; and f (R), but for what is the same for all draws. */
void elbow_score_function_draws(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                                const elbow_pass *pass, const elbow_objective *objective, const real *z,
                                real *f, elbow_terms *terms);

/* What an antithetic pair u, 1 − u of bits b, b̃ with logit l says of it: h(u, l, b − b̃), by which f(b) − f(b̃) is multiplied. */
typedef double elbow_score_function_slope(uint32_t word, double logit, double apart);

/* Estimators that are no more than their slope (estimator_disarm.c, estimator_arm.c). */
elbow_status elbow_score_function_create_pairs(elbow_estimator *estimator, const elbow_options *options,
                                               elbow_latents *latents, elbow_params *params);
void elbow_score_function_run_pairs(elbow_estimator *estimator, elbow_latents *latents,
                                    const elbow_score *score, const elbow_pass *pass,
                                    const elbow_objective *objective, elbow_score_function_slope *slope,
                                    elbow_terms *terms);

#endif
