/* Gapped straight-through (Fan, Chi, Rudnicky & Ramadge 2022), of exact draws:
 *
 *     z ~ q,   ∂z/∂θ ≈ ∂ softmax((θ + m₁ − m₂)/τ)/∂θ,   θ_D + m₁ = max θ,   θ_j − m₂ = min(θ_j, max θ − gap) for j ≠ D
 *
 * m₁ and m₂ stand still in the derivative; D is what was drawn; gap = estimator.gap, 1 as in the paper unless set. They stand for what a Gumbel
 * noise would have done: put D first, ahead of the others by a margin; so this has the dependence on z that straight-through-gumbel
 * has, without a noise besides z. Biased at any τ. Of binary variables θ = (l, 0). */
#include "vae/estimator.h"

static elbow_status create(elbow_estimator *estimator, const elbow_options *options, elbow_latents *latents,
                           elbow_params *params) {
    ELBOW_TRY(elbow_estimator_check_surrogate(estimator, options, latents, params));
    for (size_t i = 0; i < latents->count; i++)
        for (size_t g = 0; g < latents->layers[i].count; g++)
            latents->layers[i].groups[g].gap = (real)options->estimator.gap;
    return ELBOW_OK;
}

static void run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    elbow_estimator_reparameterize(estimator, latents, score, pass, objective, ELBOW_DRAW_GAPPED, terms);
}

const elbow_estimator_ops elbow_estimator_gapped_straight_through = {
    .name = "gapped-straight-through",
    .reads = "objective.kl estimator.temperature estimator.gap",
    .create = create,
    .labels = true,
    .run = run};
