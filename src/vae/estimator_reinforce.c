/* REINFORCE with leave-one-out baselines (Salimans & Knowles 2014; Kool, van Hoof & Welling 2019), also RLOO. Of S ≥ 2
 * independent exact draws z_1 … z_S an example's objective is
 *
 *     F(z_1 … z_S) = (1/S) Σ_s log p(x|z_s) − Σ_g β max( (1/S) Σ_s KL_g(z_s), free bits )
 *
 * with KL_g(z) the group's closed form, which depends on z only where q or p are sequential, or log q_g(z) − log p_g(z). Its
 * gradient in expectation, with F_−s the same over the draws but s, is that of
 *
 *     Σ_s (F − F_−s) ∇ log q(z_s|x) + ∇F
 *
 * as F_−s does not depend on z_s, and E_q ∇ log q = 0. Without free bits F − F_−s = (1/S)(f_s − the mean of the others'),
 * f = log p(x|z) − β Σ_g KL_g(z), and what is the same for all draws is gone from it.
 *
 * Of a sampled KL, ∇F has the term −(β/S) [KL over the bits] ∇ log q(z_s), and with the draw left out of the question in
 * brackets that has mean 0: only where the two answers differ is anything to add.
 *
 * In several layers, without free bits, layer i has (1/S)(f_{i,s} − the mean of the others') in place of F − F_−s (score_function.h).
 *
 * No bias, at any S. The variance falls with S faster than 1/S, as the baseline gets better, too; S decoder rows an example. */
#include <stdlib.h>
#include <string.h>

#include "math/vector.h"
#include "vae/score_function.h"

typedef struct reinforce {
    const elbow_latents *latents;
    real *f; /* (layers, R), of several layers */
} reinforce;

static elbow_status check_bound(const elbow_options *options) {
    ELBOW_CHECK(
        strcmp(options->objective.bound, "elbo") == 0, ELBOW_USAGE,
        "reinforce is for the ELBO; leave objective.bound = elbo, or set estimator.name = vimco, which "
        "is the same idea for iwae");
    return ELBOW_OK;
}

static elbow_status create(elbow_estimator *estimator, const elbow_options *options, elbow_latents *latents,
                           elbow_params *params) {
    (void)params;
    ELBOW_TRY(elbow_score_function_check_draws(estimator, options, latents));
    elbow_status status = check_bound(options);
    if (status != ELBOW_OK) return elbow_options_blame(options, "objective.bound", status);
    reinforce *state = estimator->state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for an estimator");
    state->latents = latents;
    return ELBOW_OK;
}

static elbow_status reserve(elbow_estimator *estimator, size_t rows, elbow_arena *arena) {
    reinforce *state = estimator->state;
    size_t layers = state->latents->count;
    return layers > 1 ? elbow_arena_reals(arena, layers * rows, &state->f) : ELBOW_OK;
}

static void destroy(elbow_estimator *estimator) { free(estimator->state); }

/* (1/S)(f_s − the mean of the others') of an example's draws. Returns their sum. */
static double leave_one_out(real *signal, const real *f, size_t b, size_t B, size_t S) {
    double sum = 0;
    for (size_t s = 0; s < S; s++) sum += (double)f[s * B + b];
    for (size_t s = 0; s < S; s++) {
        double own = (double)f[s * B + b], others = (sum - own) / (double)(S - 1);
        signal[s * B + b] = (real)((own - others) / (double)S);
    }
    return sum;
}

/* log p(x|z): its terms, and its share of F − F_−s, the first in signal. */
static void reconstruct(const elbow_estimator *estimator, const elbow_latents *latents, elbow_terms *terms) {
    size_t B = latents->batch, S = latents->samples;
    for (size_t b = 0; b < B; b++) {
        double sum = leave_one_out(estimator->log_ratio, estimator->log_px, b, B, S);
        terms->reconstruction += sum / (double)S;
        terms->elbo += sum / (double)S;
        terms->objective += sum / (double)S;
    }
}

static bool is_pushed(double kl, const elbow_objective *objective) {
    return !(kl < (double)objective->free_bits) || objective->free_bits == 0;
}

static double penalty(double kl, const elbow_objective *objective) {
    return is_pushed(kl, objective) ? kl : (double)objective->free_bits;
}

/* One group's KL, of an example: the penalty's share of F − F_−s. Returns the mean over the draws. */
static double weigh_draws(const elbow_group *group, real *signal, size_t b, size_t B, size_t S,
                          const elbow_objective *objective) {
    double sum = 0, beta = (double)objective->beta;
    for (size_t s = 0; s < S; s++) sum += (double)group->kl[s * B + b];
    double mean = sum / (double)S;
    for (size_t s = 0; s < S; s++) {
        double others = (sum - (double)group->kl[s * B + b]) / (double)(S - 1);
        double more = penalty(mean, objective) - penalty(others, objective);
        if (group->divergence == ELBOW_KL_SAMPLED)
            more += (double)(is_pushed(mean, objective) - is_pushed(others, objective)) / (double)S;
        signal[s * B + b] -= (real)(beta * more);
    }
    return mean;
}

/* One group's KL: its terms, its share of the signal, and ∇F but for what is in the signal. */
static void diverge(elbow_latents *latents, elbow_group *group, const elbow_pass *pass, real *signal,
                    const elbow_objective *objective, elbow_terms *terms) {
    size_t B = latents->batch, S = latents->samples;
    real *weights = latents->layers[0].weights;
    bool sampled = group->divergence == ELBOW_KL_SAMPLED;
    elbow_group_kl(group, pass, group->divergence, latents->rows, 0);
    for (size_t b = 0; b < B; b++) {
        double kl = weigh_draws(group, signal, b, B, S, objective);
        real weight =
            is_pushed(kl, objective) ? objective->weight * objective->beta / (real)latents->samples : 0;
        for (size_t s = 0; s < S; s++) weights[s * B + b] = sampled ? -weight : weight;
        terms->kl += kl;
        terms->elbo -= kl;
        terms->objective -= (double)objective->beta * penalty(kl, objective);
    }
    if (sampled)
        elbow_group_log_p_backward(group, pass, weights, latents->rows, 0, false);
    else
        elbow_group_kl_backward(group, pass, ELBOW_KL_CLOSED, weights, latents->rows, 0);
}

static void run_layers(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                       const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    const reinforce *state = estimator->state;
    size_t R = latents->rows, B = latents->batch, S = latents->samples;
    real *weights = estimator->weights;
    const real *z = elbow_latents_sample(latents, pass);
    elbow_score_function_draws(estimator, latents, score, pass, objective, z, state->f, terms);
    for (size_t i = 0; i < latents->count; i++) {
        elbow_latents_prior_backward(latents, pass, i);
        for (size_t b = 0; b < B; b++) leave_one_out(weights, state->f + i * R, b, B, S);
        elbow_scale(weights, -objective->weight, R);
        elbow_score_function_backward(latents, i, weights);
        elbow_latents_upper_backward(latents, pass, i);
    }
}

static void run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    if (latents->count > 1) {
        run_layers(estimator, latents, score, pass, objective, terms);
        return;
    }
    size_t R = latents->rows;
    elbow_stochastic *layer = &latents->layers[0];
    real *signal = estimator->log_ratio, *weights = estimator->weights;
    const real *z = elbow_latents_sample(latents, pass);
    score->forward(score->context, pass, estimator->log_px, z, R);
    reconstruct(estimator, latents, terms);

    for (size_t r = 0; r < R; r++) weights[r] = -objective->weight / (real)latents->samples;
    elbow_latents_receive(latents, score->backward(score->context, pass, weights, R));
    for (size_t g = 0; g < layer->count; g++)
        diverge(latents, &layer->groups[g], pass, signal, objective, terms);
    for (size_t r = 0; r < R; r++) weights[r] = -objective->weight * signal[r];
    elbow_score_function_backward(latents, 0, weights);
    elbow_latents_prior_backward(latents, pass, 0);
}

const elbow_estimator_ops elbow_estimator_reinforce = {.name = "reinforce",
                                                       .reads = "objective.kl",
                                                       .unrelaxed = true,
                                                       .unbiased = true,
                                                       .create = create,
                                                       .reserve = reserve,
                                                       .run = run,
                                                       .destroy = destroy};
