/* Straight-through Gumbel-Softmax (Jang, Gu & Poole 2017, section 2.2).
 *
 *     z = one-hot argmax y,  y = softmax((log π + g) / τ),   ∂z/∂y ≈ 1
 *
 * The decoder sees exact samples; their gradient is that of the relaxed ones. Biased, as a step function's
 * derivative is replaced by a softmax's. */
#include "vae/estimator.h"

static void run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    elbow_estimator_reparameterize(estimator, latents, score, pass, objective, ELBOW_DRAW_HARD, terms);
}

const elbow_estimator_ops elbow_estimator_straight_through_gumbel = {.name = "straight-through-gumbel",
                                                                     .reads =
                                                                         "objective.kl estimator.temperature",
                                                                     .labels = true,
                                                                     .run = run};
