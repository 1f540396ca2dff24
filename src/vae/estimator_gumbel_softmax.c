/* Gumbel-Softmax (Jang, Gu & Poole 2017), also Concrete (Maddison, Mnih & Teh 2017).
 *
 *     y = softmax((log π + g) / τ),   ∇ E[f(z)] ≈ E_g[ ∇ f(y) ]
 *
 * Biased for τ > 0, as f is evaluated at relaxed points; low variance. The KL term is the categorical one, in
 * closed form, unless objective.kl says otherwise. Binary variables are relaxed likewise; Gaussian ones need no
 * relaxing, and get their exact gradient. */
#include "vae/estimator.h"

static void run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    elbow_estimator_reparameterize(estimator, latents, score, pass, objective, ELBOW_DRAW_RELAXED, terms);
}

const elbow_estimator_ops elbow_estimator_gumbel_softmax = {
    .name = "gumbel-softmax", .reads = "objective.kl estimator.temperature", .labels = true, .run = run};
