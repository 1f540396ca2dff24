/* Straight-through (Bengio, Léonard & Courville 2013; Hinton's lectures 2012), of exact draws:
 *
 *     z ~ q,   ∂z/∂θ ≈ ∂ softmax(θ/τ)/∂θ = (1/τ) (diag π_τ − π_τ π_τᵀ),   π_τ = softmax(θ/τ);   τ = 1: the classic
 *
 * Of binary variables: σ(l/τ). No noise but the draw's in it, so the variance is lower than that of straight-through-gumbel. At
 * τ = 1 it is unbiased where the score is linear in each z_l given the others, as E_q[z] = π; else biased, by what the score bends:
 * a first-order approximation of the gradient (Liu et al. 2023). The KL term, in closed form, is exact. */
#include <string.h>

#include "vae/estimator.h"

static elbow_status check_discrete(const elbow_latents *latents) {
    for (size_t i = 0; i < latents->count; i++)
        for (size_t g = 0; g < latents->layers[i].count; g++)
            if (latents->layers[i].groups[g].latent->discrete) return ELBOW_OK;
    return elbow_fail(ELBOW_USAGE,
                      "there is nothing discrete in model.latent for a surrogate gradient; for Gaussian "
                      "latents set estimator.name = pathwise");
}

static elbow_status check_kl(const elbow_options *options) {
    ELBOW_CHECK(strcmp(options->objective.kl, "relaxed") != 0, ELBOW_USAGE,
                "%s draws are exact, and have no relaxed density; set objective.kl = analytic or sampled, or "
                "estimator.name = straight-through-gumbel",
                options->estimator.name);
    return ELBOW_OK;
}

static elbow_status check_bound(const elbow_options *options) {
    ELBOW_CHECK(
        strcmp(options->objective.bound, "elbo") == 0, ELBOW_USAGE,
        "%s is for the ELBO: the weights of iwae change with the draws as their surrogates do not; set "
        "objective.bound = elbo",
        options->estimator.name);
    return ELBOW_OK;
}

elbow_status elbow_estimator_check_surrogate(elbow_estimator *estimator, const elbow_options *options,
                                             elbow_latents *latents, elbow_params *params) {
    (void)estimator, (void)params;
    elbow_status status = check_discrete(latents);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.name", status);
    status = check_bound(options);
    if (status != ELBOW_OK) return elbow_options_blame(options, "objective.bound", status);
    status = check_kl(options);
    return status == ELBOW_OK ? status : elbow_options_blame(options, "objective.kl", status);
}

static void run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    elbow_estimator_reparameterize(estimator, latents, score, pass, objective, ELBOW_DRAW_STRAIGHT_THROUGH,
                                   terms);
}

const elbow_estimator_ops elbow_estimator_straight_through = {.name = "straight-through",
                                                              .reads = "objective.kl estimator.temperature",
                                                              .create = elbow_estimator_check_surrogate,
                                                              .labels = true,
                                                              .run = run};
