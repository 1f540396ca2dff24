#include "vae/estimator.h"

#include <string.h>

#include "base/family.h"

static const elbow_estimator_ops *const estimators[] = {
    &elbow_estimator_gumbel_softmax,
    &elbow_estimator_straight_through_gumbel,
};

elbow_status elbow_estimator_create(elbow_estimator *estimator, const elbow_options *options,
                                    elbow_params *params) {
    size_t i = 0;
    elbow_status status = ELBOW_FAMILY_FIND(estimators, "estimator", options->estimator.name, &i);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.name", status);
    estimator->ops = estimators[i];
    return estimator->ops->create ? estimator->ops->create(estimator, params) : ELBOW_OK;
}

elbow_status elbow_estimator_reserve(elbow_estimator *estimator, size_t rows, size_t samples,
                                     elbow_arena *arena) {
    ELBOW_TRY(elbow_arena_reals(arena, rows * samples, &estimator->log_px));
    return elbow_arena_reals(arena, rows * samples, &estimator->weights);
}

void elbow_estimator_destroy(elbow_estimator *estimator) {
    if (estimator->ops && estimator->ops->destroy) estimator->ops->destroy(estimator);
    memset(estimator, 0, sizeof *estimator);
}
