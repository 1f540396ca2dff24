/* The reparameterised gradient (Kingma & Welling 2014; Rezende et al. 2014): z = g(ε, φ), and
 *
 *     ∇_φ E_q[f(z)] = E_ε[ ∇_φ f(g(ε, φ)) ],        f = log p(x|z), with the KL term's own gradient beside it
 *
 * exact in expectation for Gaussians; what relaxed discrete variables make of it is in estimator_gumbel_softmax.c.
 *
 * With objective.bound = iwae (Burda et al. 2016) the objective of an example is log (1/S) Σ_s w_s,
 * log w = log p(x|z) + β (log p(z) − log q(z|x)); its gradient weights each draw by w_s / Σ w. */
#include <math.h>

#include "vae/estimator.h"

/* Σ_b of the mean over draws. */
static double mean_over_draws(const real *values, size_t rows, size_t samples) {
    double sum = 0;
    for (size_t r = 0; r < rows; r++) sum += (double)values[r];
    return sum / (double)samples;
}

/* The bound of example b, and its draws' weights in the loss. */
static double weigh_draws(elbow_estimator *estimator, size_t b, size_t B, size_t S, double beta,
                          double weight) {
    double most = -INFINITY, sum = 0;
    for (size_t s = 0; s < S; s++) {
        double log_w = (double)estimator->log_px[s * B + b] + beta * (double)estimator->log_ratio[s * B + b];
        if (log_w > most || isnan(log_w)) most = log_w; /* NaN stays, and is found by the step */
    }
    if (most == -(double)INFINITY) { /* no draw can be: nothing to share out */
        for (size_t s = 0; s < S; s++) estimator->weights[s * B + b] = 0;
        return most;
    }
    for (size_t s = 0; s < S; s++)
        sum +=
            exp((double)estimator->log_px[s * B + b] + beta * (double)estimator->log_ratio[s * B + b] - most);
    for (size_t s = 0; s < S; s++) {
        double log_w = (double)estimator->log_px[s * B + b] + beta * (double)estimator->log_ratio[s * B + b];
        estimator->weights[s * B + b] = (real)(-weight * exp(log_w - most) / sum);
    }
    return most + log(sum / (double)S);
}

static void importance_weighted(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                                const elbow_pass *pass, const elbow_objective *objective,
                                elbow_terms *terms) {
    size_t rows = latents->rows, B = latents->batch, S = latents->samples;
    double beta = (double)objective->beta, log_px = mean_over_draws(estimator->log_px, rows, S);
    elbow_latents_log_ratio(latents, pass, objective->temperature, estimator->log_ratio);
    double kl = -mean_over_draws(estimator->log_ratio, rows, S);
    for (size_t b = 0; b < B; b++)
        terms->objective += weigh_draws(estimator, b, B, S, beta, (double)objective->weight);
    terms->reconstruction += log_px;
    terms->kl += kl;
    terms->elbo += log_px - kl;
    elbow_latents_receive(latents, score->backward(score->context, pass, estimator->weights, rows));
    for (size_t r = 0; r < rows; r++) estimator->weights[r] *= objective->beta;
    elbow_latents_log_ratio_backward(latents, pass, objective->temperature, estimator->weights);
}

static void evidence_lower_bound(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                                 const elbow_pass *pass, const elbow_objective *objective,
                                 elbow_terms *terms) {
    size_t rows = latents->rows, S = latents->samples;
    double log_px = mean_over_draws(estimator->log_px, rows, S);
    for (size_t r = 0; r < rows; r++)
        estimator->weights[r] = -objective->weight / (real)S; /* the loss is −objective */
    terms->reconstruction += log_px;
    terms->elbo += log_px;
    terms->objective += log_px;
    elbow_latents_receive(latents, score->backward(score->context, pass, estimator->weights, rows));
    elbow_latents_divergence(latents, pass, objective, terms);
}

void elbow_estimator_reparameterize(elbow_estimator *estimator, elbow_latents *latents,
                                    const elbow_score *score, const elbow_pass *pass,
                                    const elbow_objective *objective, elbow_draw draw, elbow_terms *terms) {
    const real *z = elbow_latents_relax(latents, pass, objective->temperature, draw);
    score->forward(score->context, pass, estimator->log_px, z, latents->rows);
    if (estimator->importance)
        importance_weighted(estimator, latents, score, pass, objective, terms);
    else
        evidence_lower_bound(estimator, latents, score, pass, objective, terms);
    elbow_latents_relax_backward(latents, pass, objective->temperature, draw);
}

static elbow_status check_latents(const elbow_latents *latents) {
    for (size_t i = 0; i < latents->count; i++)
        for (size_t g = 0; g < latents->layers[i].count; g++)
            ELBOW_CHECK(!latents->layers[i].groups[g].latent->discrete, ELBOW_USAGE,
                        "the pathwise estimator is for Gaussian latents, and model.latent has %s ones; "
                        "gumbel-softmax relaxes those, and is the same for the Gaussian ones",
                        latents->layers[i].groups[g].latent->name);
    return ELBOW_OK;
}

static elbow_status create(elbow_estimator *estimator, const elbow_options *options, elbow_latents *latents,
                           elbow_params *params) {
    (void)estimator, (void)params;
    elbow_status status = check_latents(latents);
    return status == ELBOW_OK ? status : elbow_options_blame(options, "estimator.name", status);
}

static void run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    elbow_estimator_reparameterize(estimator, latents, score, pass, objective, ELBOW_DRAW_RELAXED, terms);
}

const elbow_estimator_ops elbow_estimator_pathwise = {
    .name = "pathwise", .reads = "objective.kl", .unbiased = true, .create = create, .run = run};
