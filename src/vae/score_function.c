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

static elbow_status check_divergence(const char *name, const elbow_options *options) {
    ELBOW_CHECK(
        strcmp(options->objective.kl, "relaxed") != 0, ELBOW_USAGE,
        "%s scores exact draws, which have no relaxed density; set objective.kl = analytic, or sampled",
        name);
    return ELBOW_OK;
}

elbow_status elbow_score_function_check(const elbow_estimator *estimator, const elbow_options *options,
                                        const elbow_latents *latents) {
    const char *name = estimator->ops->name;
    elbow_status status = check_latents(name, latents);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.name", status);
    status = check_divergence(name, options);
    return status == ELBOW_OK ? status : elbow_options_blame(options, "objective.kl", status);
}

static elbow_status check_samples(const char *name, const elbow_options *options) {
    ELBOW_CHECK(options->estimator.samples >= 2, ELBOW_USAGE,
                "%s takes each draw's baseline from the other draws of its example, and %lld draw has no "
                "others; set estimator.samples to 2 or more",
                name, (long long)options->estimator.samples);
    return ELBOW_OK;
}

elbow_status elbow_score_function_check_draws(const elbow_estimator *estimator, const elbow_options *options,
                                              const elbow_latents *latents) {
    ELBOW_TRY(elbow_score_function_check(estimator, options, latents));
    elbow_status status = check_samples(estimator->ops->name, options);
    return status == ELBOW_OK ? status : elbow_options_blame(options, "estimator.samples", status);
}

static elbow_status check_posteriors(const char *name, const elbow_latents *latents) {
    const elbow_stochastic *layer = &latents->layers[0];
    for (size_t g = 0; g < layer->count; g++)
        ELBOW_CHECK(layer->groups[g].posterior->condition == NULL, ELBOW_USAGE,
                    "%s is for variables that do not depend on each other; set model.posterior = factorised, "
                    "or estimator.name = reinforce",
                    name);
    return ELBOW_OK;
}

static elbow_status check_bound(const char *name, const elbow_options *options) {
    ELBOW_CHECK(strcmp(options->objective.bound, "elbo") == 0, ELBOW_USAGE,
                "%s is for the ELBO; leave objective.bound = elbo, or set estimator.name = vimco", name);
    return ELBOW_OK;
}

static elbow_status check_free_bits(const char *name, const elbow_options *options,
                                    const elbow_latents *latents) {
    const elbow_stochastic *layer = &latents->layers[0];
    for (size_t g = 0; options->objective.free_bits > 0 && g < layer->count; g++)
        ELBOW_CHECK(!elbow_score_function_kl_varies(&layer->groups[g]), ELBOW_USAGE,
                    "%s has free bits only of a KL that is the same for all draws; leave "
                    "objective.free_bits 0, or set estimator.name = reinforce",
                    name);
    return ELBOW_OK;
}

elbow_status elbow_score_function_check_factorised(const elbow_estimator *estimator,
                                                   const elbow_options *options,
                                                   const elbow_latents *latents) {
    const char *name = estimator->ops->name;
    elbow_status status = check_posteriors(name, latents);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.name", status);
    status = check_bound(name, options);
    if (status != ELBOW_OK) return elbow_options_blame(options, "objective.bound", status);
    status = check_free_bits(name, options, latents);
    return status == ELBOW_OK ? status : elbow_options_blame(options, "objective.free_bits", status);
}

void elbow_score_function_backward(elbow_latents *latents, const real *weights) {
    elbow_stochastic *layer = &latents->layers[0];
    for (size_t g = 0; g < layer->count; g++)
        elbow_group_log_q_backward(&layer->groups[g], weights, latents->rows, 0, false);
}

/* One group's KL: its terms, its share of f where draws differ in it, and ∇f. */
static void diverge(elbow_latents *latents, elbow_group *group, const elbow_pass *pass, real *f,
                    const elbow_objective *objective, elbow_terms *terms) {
    size_t B = latents->batch, S = latents->samples, R = latents->rows;
    real *weights = latents->layers[0].weights, free_bits = objective->free_bits;
    bool sampled = group->divergence == ELBOW_KL_SAMPLED;
    elbow_group_kl(group, pass, group->divergence, R, 0);
    for (size_t b = 0; b < B; b++) {
        double sum = 0;
        for (size_t s = 0; s < S; s++) sum += (double)group->kl[s * B + b];
        double kl = sum / (double)S;
        bool pushed = !(kl < (double)free_bits) || free_bits == 0;
        real weight = pushed ? objective->weight * objective->beta / (real)S : 0;
        for (size_t s = 0; s < S; s++) weights[s * B + b] = sampled ? -weight : weight;
        terms->kl += kl;
        terms->elbo -= kl;
        terms->objective -= (double)objective->beta * (pushed ? kl : (double)free_bits);
    }
    if (elbow_score_function_kl_varies(group))
        for (size_t r = 0; r < R; r++) f[r] -= objective->beta * group->kl[r];
    if (sampled)
        elbow_group_log_p_backward(group, pass, weights, R, 0, false);
    else
        elbow_group_kl_backward(group, pass, ELBOW_KL_CLOSED, weights, R, 0);
}

void elbow_score_function_draws(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                                const elbow_pass *pass, const elbow_objective *objective, const real *z,
                                real *f, elbow_terms *terms) {
    size_t R = latents->rows, S = latents->samples;
    elbow_stochastic *layer = &latents->layers[0];
    real *weights = estimator->weights;
    double log_px = 0;
    score->forward(score->context, pass, estimator->log_px, z, R);
    for (size_t r = 0; r < R; r++) {
        f[r] = estimator->log_px[r];
        log_px += (double)f[r];
        weights[r] = -objective->weight / (real)S;
    }
    terms->reconstruction += log_px / (double)S;
    terms->elbo += log_px / (double)S;
    terms->objective += log_px / (double)S;
    elbow_latents_receive(latents, score->backward(score->context, pass, weights, R));
    for (size_t g = 0; g < layer->count; g++) diverge(latents, &layer->groups[g], pass, f, objective, terms);
}
