#include "vae/score_function.h"

#include <string.h>

static elbow_status check_latents(const char *name, const elbow_latents *latents) {
    for (size_t i = 0; i < latents->count; i++)
        for (size_t g = 0; g < latents->layers[i].count; g++)
            ELBOW_CHECK(latents->layers[i].groups[g].latent->discrete, ELBOW_USAGE,
                        "%s scores exact draws of discrete latents, and model.latent has %s ones; set "
                        "estimator.name = pathwise for those alone, or gumbel-softmax for both kinds",
                        name, latents->layers[i].groups[g].latent->name);
    ELBOW_CHECK(latents->count == 1, ELBOW_USAGE,
                "%s is for one layer of latents, and model.latent has %zu; put its groups side by side, with "
                "commas for the slashes, or set estimator.name = gumbel-softmax",
                name, latents->count);
    return ELBOW_OK;
}

static elbow_status check_samples(const char *name, const elbow_options *options) {
    ELBOW_CHECK(options->estimator.samples >= 2, ELBOW_USAGE,
                "%s takes each draw's baseline from the other draws of its example, and %lld draw has no "
                "others; set estimator.samples to 2 or more",
                name, (long long)options->estimator.samples);
    return ELBOW_OK;
}

static elbow_status check_divergence(const char *name, const elbow_options *options) {
    ELBOW_CHECK(strcmp(options->objective.kl, "relaxed") != 0, ELBOW_USAGE,
                "%s relaxes nothing, and its draws have no relaxed density; set objective.kl = analytic, or "
                "sampled",
                name);
    return ELBOW_OK;
}

elbow_status elbow_score_function_check(const elbow_estimator *estimator, const elbow_options *options,
                                        const elbow_latents *latents) {
    const char *name = estimator->ops->name;
    elbow_status status = check_latents(name, latents);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.name", status);
    status = check_samples(name, options);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.samples", status);
    status = check_divergence(name, options);
    return status == ELBOW_OK ? status : elbow_options_blame(options, "objective.kl", status);
}

void elbow_score_function_backward(elbow_latents *latents, const real *weights) {
    elbow_stochastic *layer = &latents->layers[0];
    for (size_t g = 0; g < layer->count; g++)
        elbow_group_log_q_backward(&layer->groups[g], weights, latents->rows, 0, false);
}
