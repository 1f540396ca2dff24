/* What the score-function estimators share. They draw z exactly, and go by
 *
 *     ∇ E_q[f(z)] = E_q[ f(z) ∇ log q(z|x) + ∇ f(z) ]      (Glynn 1990; Williams 1992)
 *
 * for discrete variables, in any groups, factorised or autoregressive. Nothing is relaxed and nothing goes back
 * through z; what they differ in is the baseline that is taken off f, which must not depend on the draw it is taken off for.
 *
 * In several layers (latents.h), drawn from z_1 up, log q(z|x) = Σ_i log q(z_i|z_{i−1}), whose gradient reaches q_i's parameters and
 * the network that leads to it, but no z. Given z_1 … z_{i−1} the mean of ∇ log q(z_i|z_{i−1}) is 0, so that layer i's signal needs
 * none of f but what depends on z_i and the layers above it (Mnih & Gregor 2014, section 2.3): with KL_j = log q(z_j|z_{j−1}) − log p(z_j|z_{j+1}),
 *
 *     f_1 = log p(x|z_1) − β Σ_j KL_j            f_i = β [ log p(z_{i−1}|z_i) − Σ_{j≥i} KL_j ]
 *
 * and of a predictor, whose decoder reads the last layer, f_i = log p(x|z_n). The top KL has a closed form, given z_{n−1}, where the
 * prior is of q's kind: it is in f_1 … f_{n−1}, and its own gradient is had without noise. Those below have none: their
 * p(z_j|z_{j+1}) depends on what z_j leads to. */
#ifndef ELBOW_SRC_VAE_SCORE_FUNCTION_H
#define ELBOW_SRC_VAE_SCORE_FUNCTION_H

#include "vae/estimator.h"

/* ELBOW_USAGE, blamed on its option, where latents are not discrete, objective.kl asks for densities of relaxed draws, or there are
 * free bits of several layers: a layer's KL then has a say in the signals of others. */
elbow_status elbow_score_function_check(const elbow_estimator *estimator, const elbow_options *options,
                                        const elbow_latents *latents);
/* And where there are several layers. */
elbow_status elbow_score_function_check_one_layer(const elbow_estimator *estimator,
                                                  const elbow_options *options, const elbow_latents *latents);
/* And where there are fewer than two draws, for those whose baselines come from other draws. */
elbow_status elbow_score_function_check_draws(const elbow_estimator *estimator, const elbow_options *options,
                                              const elbow_latents *latents);
/* And where a variable depends on others, the bound is not the ELBO, or there are free bits of a KL that draws have a say in:
 * for those whose draws of an example are not independent, as the larger of the draws' mean KL and the free bits is no mean of
 * theirs. */
elbow_status elbow_score_function_check_factorised(const elbow_estimator *estimator,
                                                   const elbow_options *options,
                                                   const elbow_latents *latents);

/* Adds the gradient of Σ_r weights[r] log q(z_{i,r}|z_{i−1,r}) of layer i to its dq. */
void elbow_score_function_backward(elbow_latents *latents, size_t layer, const real *weights);

/* Whether a group's KL is not the same for all draws of an example. */
static inline bool elbow_score_function_kl_varies(const elbow_group *group) {
    return group->divergence == ELBOW_KL_SAMPLED || group->prior->condition != NULL;
}

/* E_q[f], f = log p(x|z) − β Σ_g KL_g(z), but for E_q[f ∇ log q]. Scores the current draws z; their terms; ∇f of all of them, where
 * E ∇ log q = 0 is left out of a sampled KL; and each layer's f_i (layers, R), but for what is the same for all draws. With free bits
 * for one layer, of KLs that are the same for all draws. */
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
