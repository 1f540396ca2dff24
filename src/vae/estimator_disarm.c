/* DisARM (Dong, Mnih & Tucker 2020), also U2G (Yin et al. 2020): for factorised Bernoulli latents, from antithetic pairs.
 *
 * With logits l and u uniform, b = [u ≥ σ(−l)] and b̃ = [1 − u ≥ σ(−l)] both have the distribution q. Of one pair
 *
 *     ∂/∂l_i E_q[f(b)]  ≈  ½ (f(b) − f(b̃)) (b_i − b̃_i) σ(|l_i|)
 *
 * which is ARM (Yin & Zhou 2019) with the rest of u, given b and b̃, integrated out: no bias, never more variance than ARM, and
 * bits that agree have no gradient. S / 2 pairs are averaged; S decoder rows an example. ∇f is the mean over all draws.
 *
 * f = log p(x|z) − β Σ_g KL_g(z) as reinforce has it, where the KL depends on z; of a sampled one, E ∇ log q = 0 is left out. */
#include <math.h>
#include <string.h>

#include "vae/score_function.h"

static elbow_status check_latents(const elbow_latents *latents) {
    const elbow_stochastic *layer = &latents->layers[0];
    for (size_t g = 0; g < layer->count; g++) {
        const elbow_group *group = &layer->groups[g];
        ELBOW_CHECK(group->latent == &elbow_latent_bernoulli, ELBOW_USAGE,
                    "disarm pairs bits, and model.latent has %s variables; set estimator.name = reinforce",
                    group->latent->name);
        ELBOW_CHECK(
            group->posterior->condition == NULL, ELBOW_USAGE,
            "disarm is for bits that do not depend on each other; set model.posterior = factorised, or "
            "estimator.name = reinforce");
    }
    return ELBOW_OK;
}

static elbow_status check_samples(const elbow_options *options) {
    ELBOW_CHECK(options->estimator.samples % 2 == 0, ELBOW_USAGE,
                "disarm draws pairs, and %lld draws are none; set estimator.samples to an even number",
                (long long)options->estimator.samples);
    return ELBOW_OK;
}

static elbow_status check_bound(const elbow_options *options) {
    ELBOW_CHECK(strcmp(options->objective.bound, "elbo") == 0, ELBOW_USAGE,
                "disarm is for the ELBO; leave objective.bound = elbo, or set estimator.name = vimco");
    return ELBOW_OK;
}

/* A pair's draws are not independent, and the larger of their mean KL and the free bits is no mean of theirs. */
static elbow_status check_free_bits(const elbow_options *options, const elbow_latents *latents) {
    const elbow_stochastic *layer = &latents->layers[0];
    for (size_t g = 0; options->objective.free_bits > 0 && g < layer->count; g++)
        ELBOW_CHECK(layer->groups[g].divergence == ELBOW_KL_CLOSED && !layer->groups[g].prior->condition,
                    ELBOW_USAGE,
                    "disarm has free bits only of a KL that is the same for all draws; leave "
                    "objective.free_bits 0, or set estimator.name = reinforce");
    return ELBOW_OK;
}

static elbow_status create(elbow_estimator *estimator, const elbow_options *options, elbow_latents *latents,
                           elbow_params *params) {
    (void)params;
    ELBOW_TRY(elbow_score_function_check(estimator, options, latents));
    elbow_status status = check_latents(latents);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.name", status);
    status = check_samples(options);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.samples", status);
    status = check_bound(options);
    if (status != ELBOW_OK) return elbow_options_blame(options, "objective.bound", status);
    status = check_free_bits(options, latents);
    return status == ELBOW_OK ? status : elbow_options_blame(options, "objective.free_bits", status);
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
    if (sampled || group->prior->condition)
        for (size_t r = 0; r < R; r++) f[r] -= objective->beta * group->kl[r];
    if (sampled)
        elbow_group_log_p_backward(group, pass, weights, R, 0, false);
    else
        elbow_group_kl_backward(group, pass, ELBOW_KL_CLOSED, weights, R, 0);
}

/* ½ (f(b) − f(b̃)) (b_i − b̃_i) σ(|l_i|) of every pair, into dq of its first. */
static void pair_backward(elbow_group *group, const real *f, size_t B, size_t S, real weight) {
    size_t L = group->variables;
    for (size_t s = 0; s < S; s += 2)
        for (size_t b = 0; b < B; b++) {
            size_t r = s * B + b, other = r + B;
            double scale = -(double)weight * ((double)f[r] - (double)f[other]) / (double)S;
            for (size_t l = 0; l < L; l++) {
                double apart = (double)(group->z[r * L + l] - group->z[other * L + l]);
                if (apart == 0) continue;
                double sigmoid = 1 / (1 + exp(-fabs((double)group->q[r * L + l])));
                group->dq[r * L + l] += (real)(scale * apart * sigmoid);
            }
        }
}

static void run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    size_t R = latents->rows, S = latents->samples;
    elbow_stochastic *layer = &latents->layers[0];
    real *f = estimator->log_ratio, *weights = estimator->weights;
    const real *z = elbow_latents_sample_pairs(latents, pass);
    score->forward(score->context, pass, estimator->log_px, z, R);
    double log_px = 0;
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
    for (size_t g = 0; g < layer->count; g++)
        pair_backward(&layer->groups[g], f, latents->batch, S, objective->weight);
    elbow_latents_prior_backward(latents, pass, 0);
}

const elbow_estimator_ops elbow_estimator_disarm = {
    .name = "disarm", .reads = "objective.kl", .unrelaxed = true, .create = create, .run = run};
