#include "vae/estimator.h"

#include <stdio.h>
#include <string.h>

static const elbow_estimator_ops *const estimators[] = {
    &elbow_estimator_gumbel_softmax,
    &elbow_estimator_straight_through_gumbel,
};

enum { ESTIMATORS = sizeof estimators / sizeof *estimators };

static elbow_status find_estimator(const char *name, const elbow_estimator_ops **ops) {
    char known[256] = "";
    for (size_t i = 0; i < ESTIMATORS; i++) {
        *ops = estimators[i];
        if (strcmp(name, estimators[i]->name) == 0) return ELBOW_OK;
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", estimators[i]->name);
    }
    return elbow_fail(ELBOW_USAGE, "`%s` is no estimator; known: %s", name, known);
}

elbow_status elbow_estimator_create(elbow_estimator *estimator, const elbow_options *options,
                                    elbow_params *params) {
    const elbow_estimator_ops *ops = NULL;
    elbow_status status = find_estimator(options->estimator.name, &ops);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.name", status);
    estimator->ops = ops;
    return ops->create ? ops->create(estimator, params) : ELBOW_OK;
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
