/* The exact gradient, by summing over every z (one layer of discrete variables, few enough: estimator.limit):
 *
 *     objective(x) = Σ_z q(z|x) [ log p(x|z) ] − Σ_g β max(KL_g, free bits),    KL_g = Σ_z q(z|x) log q_g(z)/p_g(z)
 *
 * and, with f(z) = log p(x|z) + Σ_g β_g (log p_g(z) − log q_g(z)), its gradient
 *
 *     Σ_z q(z|x) [ f(z) ∇ log q(z|x) + ∇ log p(x|z) + Σ_g β_g ∇ log p_g(z) ]
 *
 * as Σ_z q ∇ log q = 0. No noise, no relaxation; the truth that other estimators are held against. */
#include <math.h>

#include "vae/estimator.h"

static elbow_status count_draws(elbow_estimator *estimator, const elbow_options *options,
                                elbow_latents *latents) {
    size_t limit = (size_t)options->estimator.limit;
    estimator->draws = elbow_latents_configurations(latents, limit);
    ELBOW_CHECK(
        estimator->draws > 0, ELBOW_USAGE,
        "`%s` cannot be summed over: that takes one layer of discrete variables with at most "
        "estimator.limit = %zu configurations (categorical LxK has K^L); use fewer, raise the limit, or "
        "another estimator",
        options->model.latent, limit);
    return ELBOW_OK;
}

static elbow_status check_samples(const elbow_options *options) {
    ELBOW_CHECK(options->estimator.samples == 1, ELBOW_USAGE,
                "the exact estimator draws nothing; leave estimator.samples 1");
    return ELBOW_OK;
}

static elbow_status check_bound(const elbow_options *options) {
    ELBOW_CHECK(options->objective.bound[0] == 'e', ELBOW_USAGE,
                "the exact estimator sums the ELBO; leave objective.bound = elbo");
    return ELBOW_OK;
}

static elbow_status create(elbow_estimator *estimator, const elbow_options *options, elbow_latents *latents,
                           elbow_params *params) {
    (void)params;
    elbow_status status = count_draws(estimator, options, latents);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.name", status);
    status = check_samples(options);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.samples", status);
    status = check_bound(options);
    return status == ELBOW_OK ? status : elbow_options_blame(options, "objective.bound", status);
}

/* Adds log q(z|x) of each row to log_q. */
static void add_log_q(elbow_latents *latents, elbow_stochastic *layer, real *log_q) {
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group_log_q(&layer->groups[g], latents->scratch, latents->rows, 0);
        for (size_t r = 0; r < latents->rows; r++) log_q[r] += latents->scratch[r];
    }
}

/* One group's KL: its terms, its share of f, and ∇ log p. q: (R), the probabilities of the rows. */
static void diverge(elbow_latents *latents, elbow_group *group, const elbow_pass *pass,
                    const elbow_objective *objective, real *f, const real *q, elbow_terms *terms) {
    size_t B = latents->batch, R = latents->rows;
    real *weights = latents->layers[0].weights, *log_ratio = latents->layers[0].scratch;
    elbow_group_log_q(group, log_ratio, R, 0);
    elbow_group_log_p(group, pass, latents->scratch, R, 0);
    for (size_t r = 0; r < R; r++) log_ratio[r] -= latents->scratch[r];
    for (size_t b = 0; b < B; b++) {
        double kl = 0, beta = (double)objective->beta;
        for (size_t r = b; r < R; r += B) kl += (double)q[r] * (double)log_ratio[r];
        bool pushed = !(kl < (double)objective->free_bits) || objective->free_bits == 0;
        for (size_t r = b; r < R; r += B) {
            if (pushed) f[r] -= objective->beta * log_ratio[r];
            weights[r] = pushed ? -objective->weight * objective->beta * q[r] : 0;
        }
        terms->kl += kl;
        terms->elbo -= kl;
        terms->objective -= beta * (pushed ? kl : (double)objective->free_bits);
    }
    elbow_group_log_p_backward(group, pass, weights, R, 0, false);
}

static void run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    size_t R = latents->rows;
    elbow_stochastic *layer = &latents->layers[0];
    real *f = estimator->log_px, *q = estimator->log_ratio, *weights = estimator->weights;
    const real *z = elbow_latents_enumerate(latents, pass);
    score->forward(score->context, pass, f, z, R);

    for (size_t r = 0; r < R; r++) q[r] = 0;
    add_log_q(latents, layer, q);
    double log_px = 0;
    for (size_t r = 0; r < R; r++) {
        q[r] = (real)exp((double)q[r]);
        weights[r] = -objective->weight * q[r];
        log_px += (double)q[r] * (double)f[r];
    }
    terms->reconstruction += log_px;
    terms->elbo += log_px;
    terms->objective += log_px;
    elbow_latents_receive(latents, score->backward(score->context, pass, weights, R));
    for (size_t g = 0; g < layer->count; g++)
        diverge(latents, &layer->groups[g], pass, objective, f, q, terms);
    for (size_t r = 0; r < R; r++) weights[r] = -objective->weight * q[r] * f[r];
    for (size_t g = 0; g < layer->count; g++)
        elbow_group_log_q_backward(&layer->groups[g], weights, R, 0, false);
    elbow_latents_prior_backward(latents, pass, 0);
}

const elbow_estimator_ops elbow_estimator_exact = {
    .name = "exact", .unrelaxed = true, .unbiased = true, .noiseless = true, .create = create, .run = run};
