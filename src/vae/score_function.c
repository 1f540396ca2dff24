#include "vae/score_function.h"

#include <string.h>

static elbow_status check_latents(const char *name, const elbow_latents *latents) {
    for (size_t i = 0; i < latents->count; i++)
        for (size_t g = 0; g < latents->layers[i].count; g++)
            ELBOW_CHECK(latents->layers[i].groups[g].latent->discrete, ELBOW_USAGE,
                        "%s scores exact draws of discrete latents, and model.latent has %s ones; set "
                        "estimator.name = pathwise for those alone, or gumbel-softmax for both kinds",
                        name, latents->layers[i].groups[g].latent->name);
    return ELBOW_OK;
}

static elbow_status check_divergence(const char *name, const elbow_options *options) {
    ELBOW_CHECK(
        strcmp(options->objective.kl, "relaxed") != 0, ELBOW_USAGE,
        "%s scores exact draws, which have no relaxed density; set objective.kl = analytic, or sampled",
        name);
    return ELBOW_OK;
}

static elbow_status check_bits_of_layers(const char *name, const elbow_options *options,
                                         const elbow_latents *latents) {
    ELBOW_CHECK(latents->count == 1 || options->objective.free_bits == 0, ELBOW_USAGE,
                "%s has free bits for one layer of latents, and model.latent has %zu; leave "
                "objective.free_bits 0, or set estimator.name = gumbel-softmax",
                name, latents->count);
    return ELBOW_OK;
}

elbow_status elbow_score_function_check(const elbow_estimator *estimator, const elbow_options *options,
                                        const elbow_latents *latents) {
    const char *name = estimator->ops->name;
    elbow_status status = check_latents(name, latents);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.name", status);
    status = check_divergence(name, options);
    if (status != ELBOW_OK) return elbow_options_blame(options, "objective.kl", status);
    status = check_bits_of_layers(name, options, latents);
    return status == ELBOW_OK ? status : elbow_options_blame(options, "objective.free_bits", status);
}

elbow_status elbow_score_function_check_one_layer(const elbow_estimator *estimator,
                                                  const elbow_options *options,
                                                  const elbow_latents *latents) {
    if (latents->count == 1) return ELBOW_OK;
    return elbow_options_blame(
        options, "estimator.name",
        elbow_fail(ELBOW_USAGE,
                   "%s is for one layer of latents, and model.latent has %zu; put its groups side by side, "
                   "with commas for the slashes, or set estimator.name = reinforce, vimco, rebar, "
                   "relax or gumbel-softmax, which take several",
                   estimator->ops->name, latents->count));
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
    for (size_t i = 0; i < latents->count; i++)
        for (size_t g = 0; g < latents->layers[i].count; g++)
            ELBOW_CHECK(latents->layers[i].groups[g].posterior->condition == NULL, ELBOW_USAGE,
                        "%s is for variables of a layer that do not depend on each other; set "
                        "model.posterior = factorised, or estimator.name = reinforce",
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

void elbow_score_function_backward(elbow_latents *latents, size_t i, const real *weights) {
    elbow_stochastic *layer = &latents->layers[i];
    for (size_t g = 0; g < layer->count; g++)
        elbow_group_log_q_backward(&layer->groups[g], weights, latents->rows, 0, false);
}

/* Of a sampled KL: what f_1 … f_{i+1} have of it, for a group of layer i + 1 from 1. */
static void share_sampled(elbow_latents *latents, size_t i, elbow_group *group, const elbow_pass *pass,
                          real beta, real *f) {
    size_t R = latents->rows;
    real *log_p = latents->scratch;
    elbow_group_log_q(group, group->kl, R, 0);
    elbow_group_log_p(group, pass, log_p, R, 0);
    for (size_t r = 0; r < R; r++) group->kl[r] -= log_p[r];
    for (size_t j = 0; j <= i; j++)
        for (size_t r = 0; r < R; r++) f[j * R + r] -= beta * group->kl[r];
    if (i + 1 == latents->count) return;
    for (size_t r = 0; r < R; r++) f[(i + 1) * R + r] += beta * log_p[r];
}

/* Of a closed one, which a layer's own draws have a say in where its variables depend on each other. */
static void share_closed(elbow_latents *latents, size_t i, elbow_group *group, const elbow_pass *pass,
                         real beta, real *f) {
    size_t R = latents->rows, layers = i + elbow_score_function_kl_varies(group);
    elbow_group_kl(group, pass, ELBOW_KL_CLOSED, R, 0);
    for (size_t j = 0; j < layers; j++)
        for (size_t r = 0; r < R; r++) f[j * R + r] -= beta * group->kl[r];
}

/* The KL of a group of layer i: its terms, its share of f where draws differ in it, and ∇f. */
static void diverge(elbow_latents *latents, size_t i, elbow_group *group, const elbow_pass *pass, real *f,
                    const elbow_objective *objective, elbow_terms *terms) {
    size_t B = latents->batch, S = latents->samples, R = latents->rows;
    real *weights = latents->layers[0].weights, free_bits = objective->free_bits;
    bool sampled = group->divergence == ELBOW_KL_SAMPLED;
    if (sampled)
        share_sampled(latents, i, group, pass, objective->beta, f);
    else
        share_closed(latents, i, group, pass, objective->beta, f);
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
    if (sampled)
        elbow_group_log_p_backward(group, pass, weights, R, 0, false);
    else
        elbow_group_kl_backward(group, pass, ELBOW_KL_CLOSED, weights, R, 0);
}

void elbow_score_function_draws(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                                const elbow_pass *pass, const elbow_objective *objective, const real *z,
                                real *f, elbow_terms *terms) {
    size_t R = latents->rows, S = latents->samples;
    real *weights = estimator->weights;
    double log_px = 0;
    score->forward(score->context, pass, estimator->log_px, z, R);
    for (size_t r = 0; r < R; r++) {
        log_px += (double)estimator->log_px[r];
        weights[r] = -objective->weight / (real)S;
    }
    for (size_t i = 0; i < latents->count; i++)
        for (size_t r = 0; r < R; r++) f[i * R + r] = i <= latents->out ? estimator->log_px[r] : 0;
    terms->reconstruction += log_px / (double)S;
    terms->elbo += log_px / (double)S;
    terms->objective += log_px / (double)S;
    elbow_latents_receive(latents, score->backward(score->context, pass, weights, R));
    for (size_t i = 0; i < latents->count; i++)
        for (size_t g = 0; g < latents->layers[i].count; g++)
            diverge(latents, i, &latents->layers[i].groups[g], pass, f, objective, terms);
}
