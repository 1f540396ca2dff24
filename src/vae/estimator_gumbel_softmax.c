/* Gumbel-Softmax (Jang, Gu & Poole 2017), also Concrete (Maddison, Mnih & Teh 2017).
 *
 *     y = softmax((log π + g) / τ),   ∇ E[f(z)] ≈ E_g[ ∇ f(y) ]
 *
 * Biased for τ > 0, as f is evaluated at relaxed points; low variance. The KL term is the categorical one, in
 * closed form, not the relaxed density's. */
#include "vae/estimator.h"

void elbow_estimator_reparameterize(elbow_estimator *estimator, elbow_stochastic *layer,
                                    const elbow_score *score, const elbow_pass *pass,
                                    const elbow_objective *objective, bool hard, elbow_terms *terms) {
    size_t samples = objective->samples, rows = samples * layer->rows;
    const real *z = elbow_stochastic_relax(layer, pass, objective->temperature, hard, samples);

    score->forward(score->context, pass, estimator->log_px, z, rows);
    double log_px = 0;
    for (size_t r = 0; r < rows; r++) {
        log_px += (double)estimator->log_px[r];
        estimator->weights[r] = -objective->weight / (real)samples; /* the loss is −objective */
    }
    log_px /= (double)samples;
    terms->reconstruction += log_px;
    terms->elbo += log_px;
    terms->objective += log_px;

    real *dz = score->backward(score->context, pass, estimator->weights, rows);
    elbow_stochastic_receive(layer, dz, samples);
    elbow_stochastic_divergence(layer, pass, objective, terms);
    elbow_stochastic_relax_backward(layer, pass, objective->temperature, hard, samples);
}

static void run(elbow_estimator *estimator, elbow_stochastic *layer, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    elbow_estimator_reparameterize(estimator, layer, score, pass, objective, false, terms);
}

const elbow_estimator_ops elbow_estimator_gumbel_softmax = {.name = "gumbel-softmax", .run = run};
