/* Gumbel-Rao (Paulus, Maddison & Krause 2021): straight-through-gumbel with less noise.
 *
 *     z ~ q,   ∂z/∂θ ≈ (1/C) Σ_c ∂ softmax((θ + g_c)/τ)/∂θ,   g_c ~ Gumbel(0, 1) given that argmax (θ + g_c) is z
 *
 * C = estimator.conditional. Its expectation is that of straight-through-gumbel for any C, and so is its bias; the variance falls
 * with C to that of E[ · | z] (Rao and Blackwell). The decoder is evaluated once. For factorised posteriors. */
#include "vae/estimator.h"

static elbow_status check_posteriors(const elbow_latents *latents) {
    for (size_t i = 0; i < latents->count; i++)
        for (size_t g = 0; g < latents->layers[i].count; g++) {
            const elbow_group *group = &latents->layers[i].groups[g];
            ELBOW_CHECK(!group->latent->discrete || group->posterior == &elbow_posterior_factorised,
                        ELBOW_USAGE,
                        "gumbel-rao takes factorised posteriors of discrete latents, not %s ones; set "
                        "model.posterior = factorised, or estimator.name = gapped-straight-through",
                        group->posterior->name);
        }
    return ELBOW_OK;
}

static elbow_status create(elbow_estimator *estimator, const elbow_options *options, elbow_latents *latents,
                           elbow_params *params) {
    ELBOW_TRY(elbow_estimator_check_surrogate(estimator, options, latents, params));
    elbow_status status = check_posteriors(latents);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.name", status);
    for (size_t i = 0; i < latents->count; i++)
        for (size_t g = 0; g < latents->layers[i].count; g++)
            latents->layers[i].groups[g].conditional = (size_t)options->estimator.conditional;
    return ELBOW_OK;
}

static void run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    elbow_estimator_reparameterize(estimator, latents, score, pass, objective, ELBOW_DRAW_RAO, terms);
}

const elbow_estimator_ops elbow_estimator_gumbel_rao = {
    .name = "gumbel-rao",
    .reads = "objective.kl estimator.temperature estimator.conditional",
    .create = create,
    .labels = true,
    .run = run};
