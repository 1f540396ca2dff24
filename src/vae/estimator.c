#include "vae/estimator.h"

#include <string.h>

#include "base/family.h"

static const elbow_estimator_ops *const estimators[] = {
    &elbow_estimator_gumbel_softmax,
    &elbow_estimator_straight_through_gumbel,
    &elbow_estimator_pathwise,
    &elbow_estimator_exact,
};

static elbow_status check_importance(const elbow_options *options) {
    ELBOW_CHECK(options->objective.free_bits == 0, ELBOW_USAGE,
                "free bits are for the ELBO, which has a KL term of its own; leave them 0 with "
                "objective.bound = iwae");
    return ELBOW_OK;
}

elbow_status elbow_estimator_create(elbow_estimator *estimator, const elbow_options *options,
                                    elbow_latents *latents, elbow_params *params) {
    size_t i = 0;
    elbow_status status = ELBOW_FAMILY_FIND(estimators, "estimator", options->estimator.name, &i);
    if (status == ELBOW_OK) {
        estimator->ops = estimators[i];
        estimator->draws = (size_t)options->estimator.samples;
        if (estimator->ops->create) status = estimator->ops->create(estimator, options, latents, params);
    }
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.name", status);
    estimator->importance = strcmp(options->objective.bound, "iwae") == 0;
    status = estimator->importance ? check_importance(options) : ELBOW_OK;
    return status == ELBOW_OK ? status : elbow_options_blame(options, "objective.free_bits", status);
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
