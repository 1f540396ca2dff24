#include "vae/estimator.h"

#include <string.h>

#include "base/family.h"

static const elbow_estimator_ops *const estimators[] = {
    &elbow_estimator_gumbel_softmax,
    &elbow_estimator_straight_through_gumbel,
    &elbow_estimator_straight_through,
    &elbow_estimator_reinmax,
    &elbow_estimator_gapped_straight_through,
    &elbow_estimator_gumbel_rao,
    &elbow_estimator_pathwise,
    &elbow_estimator_exact,
    &elbow_estimator_reinforce,
    &elbow_estimator_vimco,
    &elbow_estimator_disarm,
    &elbow_estimator_arm,
    &elbow_estimator_arsm,
    &elbow_estimator_muprop,
    &elbow_estimator_rebar,
    &elbow_estimator_relax,
    &elbow_estimator_marginal,
};

const char *elbow_vae_estimator_name(size_t index) {
    return index < sizeof estimators / sizeof *estimators ? estimators[index]->name : NULL;
}

static elbow_status check_free_bits(const elbow_options *options) {
    ELBOW_CHECK(options->objective.free_bits == 0, ELBOW_USAGE,
                "free bits are for the ELBO, which has a KL term of its own; leave them 0 with "
                "objective.bound = iwae");
    return ELBOW_OK;
}

/* Draws are relaxed: ratios of the discrete probabilities are no weights of theirs, and their mean bounds nothing. */
static elbow_status check_weights(const elbow_latents *latents) {
    if (latents->predictor) return ELBOW_OK; /* p(x|z) is all of a weight */
    for (size_t i = 0; i < latents->count; i++)
        for (size_t g = 0; g < latents->layers[i].count; g++) {
            const elbow_group *group = &latents->layers[i].groups[g];
            ELBOW_CHECK(!group->latent->discrete || group->divergence == ELBOW_KL_RELAXED, ELBOW_USAGE,
                        "%s latents are drawn relaxed, and iwae is a bound only with the densities of such "
                        "draws; set objective.kl = relaxed, or objective.bound = elbo",
                        group->latent->name);
        }
    return ELBOW_OK;
}

elbow_status elbow_estimator_create(elbow_estimator *estimator, const elbow_options *options,
                                    elbow_latents *latents, elbow_params *params) {
    size_t i = 0;
    elbow_status status = ELBOW_FAMILY_FIND(estimators, "estimator", options->estimator.name, &i);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.name", status);
    estimator->ops = estimators[i];
    estimator->draws = (size_t)options->estimator.samples;
    if (estimator->ops->create) ELBOW_TRY(estimator->ops->create(estimator, options, latents, params));
    estimator->importance = strcmp(options->objective.bound, "iwae") == 0;
    if (!estimator->importance) return ELBOW_OK;
    status = check_free_bits(options);
    if (status != ELBOW_OK) return elbow_options_blame(options, "objective.free_bits", status);
    if (estimator->ops->unrelaxed) return ELBOW_OK;
    status = check_weights(latents);
    return status == ELBOW_OK ? status : elbow_options_blame(options, "objective.bound", status);
}

elbow_status elbow_estimator_reserve(elbow_estimator *estimator, size_t rows, elbow_arena *arena) {
    size_t most = rows * estimator->draws;
    ELBOW_TRY(elbow_arena_reals(arena, most, &estimator->log_px));
    ELBOW_TRY(elbow_arena_reals(arena, most, &estimator->log_ratio));
    ELBOW_TRY(elbow_arena_reals(arena, most, &estimator->weights));
    return estimator->ops->reserve ? estimator->ops->reserve(estimator, most, arena) : ELBOW_OK;
}

void elbow_estimator_destroy(elbow_estimator *estimator) {
    if (estimator->ops && estimator->ops->destroy) estimator->ops->destroy(estimator);
    memset(estimator, 0, sizeof *estimator);
}
