/* ARM, augment-REINFORCE-merge (Yin & Zhou 2019): for factorised Bernoulli latents, from antithetic pairs.
 *
 * With logits l and u uniform, b = [u ≥ σ(−l)] and b̃ = [1 − u ≥ σ(−l)] both have the distribution q. Of one pair
 *
 *     ∂/∂l_i E_q[f(b)]  ≈  (f(b) − f(b̃)) (u_i − ½)
 *
 * No bias. What u says beyond b and b̃ is noise, of which disarm (estimator_disarm.c) is the mean: this one is for comparison. It is
 * arsm with two categories, but that the decoder's gradient is the mean over both of a pair. S / 2 pairs are averaged; S decoder
 * rows an example. f is disarm's. */
#include "math/exp_log.h"
#include "vae/score_function.h"

/* Twice u − ½: two draws are a pair. */
static double slope(uint32_t word, double logit, double apart) {
    (void)logit, (void)apart;
    return 2 * ((elbow_double_of_word(word) + 0.5) * 0x1p-32 - 0.5);
}

static void run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    elbow_score_function_run_pairs(estimator, latents, score, pass, objective, slope, terms);
}

const elbow_estimator_ops elbow_estimator_arm = {.name = "arm",
                                                 .reads = "objective.kl",
                                                 .unrelaxed = true,
                                                 .unbiased = true,
                                                 .create = elbow_score_function_create_pairs,
                                                 .run = run};
