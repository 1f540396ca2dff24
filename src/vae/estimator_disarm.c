/* DisARM (Dong, Mnih & Tucker 2020), also U2G (Yin et al. 2020): for factorised Bernoulli latents, from antithetic pairs.
 *
 * With logits l and u uniform, b = [u ≥ σ(−l)] and b̃ = [1 − u ≥ σ(−l)] both have the distribution q. Of one pair
 *
 *     ∂/∂l_i E_q[f(b)]  ≈  ½ (f(b) − f(b̃)) (b_i − b̃_i) σ(|l_i|)
 *
 * which is ARM (estimator_arm.c) with the rest of u, given b and b̃, integrated out: no bias, never more variance than ARM, and
 * bits that agree have no gradient. S / 2 pairs are averaged; S decoder rows an example. ∇f is the mean over all draws.
 *
 * f = log p(x|z) − β Σ_g KL_g(z) as reinforce has it, where the KL depends on z; of a sampled one, E ∇ log q = 0 is left out. */
#include <math.h>

#include "vae/score_function.h"

static elbow_status check_latents(const char *name, const elbow_latents *latents) {
    const elbow_stochastic *layer = &latents->layers[0];
    for (size_t g = 0; g < layer->count; g++)
        ELBOW_CHECK(
            layer->groups[g].latent == &elbow_latent_bernoulli, ELBOW_USAGE,
            "%s pairs bits, and model.latent has %s variables; set estimator.name = arsm or reinforce", name,
            layer->groups[g].latent->name);
    return ELBOW_OK;
}

static elbow_status check_samples(const char *name, const elbow_options *options) {
    ELBOW_CHECK(options->estimator.samples % 2 == 0, ELBOW_USAGE,
                "%s draws pairs, and %lld draws are none; set estimator.samples to an even number", name,
                (long long)options->estimator.samples);
    return ELBOW_OK;
}

elbow_status elbow_score_function_create_pairs(elbow_estimator *estimator, const elbow_options *options,
                                               elbow_latents *latents, elbow_params *params) {
    const char *name = estimator->ops->name;
    (void)params;
    ELBOW_TRY(elbow_score_function_check_draws(estimator, options, latents));
    ELBOW_TRY(elbow_score_function_check_one_layer(estimator, options, latents));
    elbow_status status = check_latents(name, latents);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.name", status);
    status = check_samples(name, options);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.samples", status);
    return elbow_score_function_check_factorised(estimator, options, latents);
}

/* (f(b) − f(b̃)) · slope of every pair, into dq of its first. */
static void pair_backward(elbow_group *group, const real *f, size_t B, size_t S, real weight,
                          elbow_score_function_slope *slope) {
    size_t L = group->variables;
    for (size_t s = 0; s < S; s += 2)
        for (size_t b = 0; b < B; b++) {
            size_t r = s * B + b, other = r + B;
            double scale = -(double)weight * ((double)f[r] - (double)f[other]) / (double)S;
            for (size_t l = 0; l < L; l++) {
                double apart = (double)(group->z[r * L + l] - group->z[other * L + l]);
                double by = slope(group->words[r * L + l], (double)group->q[r * L + l], apart);
                if (by != 0) group->dq[r * L + l] += (real)(scale * by);
            }
        }
}

void elbow_score_function_run_pairs(elbow_estimator *estimator, elbow_latents *latents,
                                    const elbow_score *score, const elbow_pass *pass,
                                    const elbow_objective *objective, elbow_score_function_slope *slope,
                                    elbow_terms *terms) {
    elbow_stochastic *layer = &latents->layers[0];
    real *f = estimator->log_ratio;
    const real *z = elbow_latents_sample_pairs(latents, pass);
    elbow_score_function_draws(estimator, latents, score, pass, objective, z, f, terms);
    for (size_t g = 0; g < layer->count; g++)
        pair_backward(&layer->groups[g], f, latents->batch, latents->samples, objective->weight, slope);
    elbow_latents_prior_backward(latents, pass, 0);
}

/* Twice ½ (b − b̃) σ(|l|): two draws are a pair. */
static double slope(uint32_t word, double logit, double apart) {
    (void)word;
    return apart == 0 ? 0 : apart / (1 + exp(-fabs(logit)));
}

static void run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    elbow_score_function_run_pairs(estimator, latents, score, pass, objective, slope, terms);
}

const elbow_estimator_ops elbow_estimator_disarm = {.name = "disarm",
                                                    .reads = "objective.kl",
                                                    .unrelaxed = true,
                                                    .unbiased = true,
                                                    .create = elbow_score_function_create_pairs,
                                                    .run = run};
