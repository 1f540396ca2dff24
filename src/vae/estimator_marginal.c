/* The exact sum over the first group of latents, one categorical variable y, with Gaussian ones beside it reparameterised (Kingma
 * et al. 2014, for labels that are not known): draw k = 1 … K of an example has category k and a z of its own,
 *
 *     objective(x) = Σ_k q(k|x) f(k),    f(k) = log p(x|k, z_k) − Σ_g β KL_g(z_k)     (and − β KL(q(y|x) ‖ p(y)))
 *     gradient       Σ_k q(k|x) [ f(k) ∇ log q(k|x) + ∇ f(k) ]
 *
 * No noise of y and no relaxing; unbiased. The decoder is evaluated K times an example. Where y is known (label.h) its draw counts for
 * all. Free bits act on Σ_k q(k|x) KL_g(z_k). */
#include <math.h>
#include <string.h>

#include "vae/estimator.h"
#include "vae/label.h"

static elbow_status check_latents(const elbow_options *options, const elbow_latents *latents) {
    const elbow_stochastic *layer = &latents->layers[0];
    size_t limit = (size_t)options->estimator.limit;
    ELBOW_CHECK(
        latents->count == 1 && layer->groups[0].latent == &elbow_latent_categorical &&
            layer->groups[0].variables == 1,
        ELBOW_USAGE,
        "marginal sums over one categorical variable, the first group of one layer, as in model.latent = "
        "`categorical 1x10, gaussian 32`; for `%s` set estimator.name = gumbel-softmax",
        options->model.latent);
    ELBOW_CHECK(layer->groups[0].categories <= limit, ELBOW_USAGE,
                "marginal would sum over %zu categories, and estimator.limit is %zu; raise that, or set "
                "estimator.name = gumbel-softmax",
                layer->groups[0].categories, limit);
    for (size_t g = 1; g < layer->count; g++)
        ELBOW_CHECK(
            !layer->groups[g].latent->discrete, ELBOW_USAGE,
            "marginal sums over the first group alone, and the others are to be Gaussian, not %s; set "
            "estimator.name = gumbel-softmax, or exact where all are discrete and few",
            layer->groups[g].latent->name);
    ELBOW_CHECK(options->estimator.samples == 1, ELBOW_USAGE,
                "marginal has a draw for each category; leave estimator.samples 1");
    ELBOW_CHECK(strcmp(options->objective.bound, "elbo") == 0, ELBOW_USAGE,
                "marginal sums the ELBO; leave objective.bound = elbo");
    return ELBOW_OK;
}

static elbow_status check_kl(const elbow_latents *latents) {
    ELBOW_CHECK(latents->layers[0].groups[0].prior->own_family, ELBOW_USAGE,
                "marginal has the first group's KL in closed form; set its prior to standard or learned");
    return ELBOW_OK;
}

static elbow_status create(elbow_estimator *estimator, const elbow_options *options, elbow_latents *latents,
                           elbow_params *params) {
    (void)params;
    elbow_status status = check_latents(options, latents);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.name", status);
    status = check_kl(latents);
    if (status != ELBOW_OK) return elbow_options_blame(options, "model.prior", status);
    elbow_group *group = &latents->layers[0].groups[0];
    group->divergence = ELBOW_KL_CLOSED; /* of the sum there is nothing to sample */
    estimator->draws = group->categories;
    return ELBOW_OK;
}

/* probabilities: (R) of the draws: q(k|x), or where y is known 1 and 0. */
static void weigh(const elbow_latents *latents, elbow_group *label, real *probabilities) {
    size_t B = latents->batch, S = latents->samples;
    elbow_group_log_q(label, probabilities, latents->rows, 0);
    for (size_t s = 0; s < S; s++)
        for (size_t b = 0; b < B; b++) {
            bool known = label->labels && !isnan(label->labels[b]);
            real *q = &probabilities[s * B + b];
            *q = known ? (real)(elbow_label_share(label, b, s, S) > 0) : (real)exp((double)*q);
        }
}

/* One group beside y: its terms, its share of f, and its gradient. */
static void diverge(elbow_latents *latents, elbow_group *group, const elbow_pass *pass,
                    const elbow_objective *objective, real *f, const real *q, elbow_terms *terms) {
    size_t B = latents->batch, R = latents->rows;
    real *weights = latents->layers[0].weights;
    elbow_group_kl(group, pass, group->divergence, R, 0);
    for (size_t b = 0; b < B; b++) {
        double kl = 0, beta = (double)objective->beta;
        for (size_t r = b; r < R; r += B) kl += (double)q[r] * (double)group->kl[r];
        bool pushed = !(kl < (double)objective->free_bits) || objective->free_bits == 0;
        for (size_t r = b; r < R; r += B) {
            if (pushed) f[r] -= objective->beta * group->kl[r];
            weights[r] = pushed ? objective->weight * objective->beta * q[r] : 0;
        }
        terms->kl += kl;
        terms->elbo -= kl;
        terms->objective -= beta * (pushed ? kl : (double)objective->free_bits);
    }
    elbow_group_kl_backward(group, pass, group->divergence, weights, R, 0);
}

static void run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    size_t R = latents->rows, B = latents->batch;
    elbow_stochastic *layer = &latents->layers[0];
    elbow_group *label = &layer->groups[0];
    real *f = estimator->log_px, *q = estimator->log_ratio, *weights = estimator->weights;
    label->summed = true;
    const real *z = elbow_latents_relax(latents, pass, objective->temperature, ELBOW_DRAW_RELAXED);
    score->forward(score->context, pass, f, z, R);

    weigh(latents, label, q);
    double log_px = 0;
    for (size_t r = 0; r < R; r++) {
        weights[r] = -objective->weight * q[r];
        log_px += (double)q[r] * (double)f[r];
    }
    terms->reconstruction += log_px;
    terms->elbo += log_px;
    terms->objective += log_px;
    elbow_latents_receive(latents, score->backward(score->context, pass, weights, R));
    for (size_t g = 1; g < layer->count; g++)
        diverge(latents, &layer->groups[g], pass, objective, f, q, terms);
    elbow_stochastic_diverge(layer, label, pass, objective, terms);
    for (size_t r = 0; r < R; r++) {
        bool known = label->labels && !isnan(label->labels[r % B]);
        weights[r] = known ? 0 : -objective->weight * q[r] * f[r];
    }
    elbow_group_log_q_backward(label, weights, R, 0, false);
    elbow_latents_prior_backward(latents, pass, 0);
    elbow_latents_relax_backward(latents, pass, objective->temperature, ELBOW_DRAW_RELAXED);
    label->summed = false; /* evaluation draws */
}

const elbow_estimator_ops elbow_estimator_marginal = {.name = "marginal",
                                                      .reads = "objective.kl",
                                                      .unbiased = true,
                                                      .noiseless = true,
                                                      .labels = true,
                                                      .unrelaxed = true,
                                                      .create = create,
                                                      .run = run};
