/* ReinMax (Liu, Dong, Liu, Yu & Gao 2023, algorithm 2), of exact draws:
 *
 *     z ~ q,   ∂z/∂θ ≈ 2 J(m) − ½ J(π),   m = (softmax(θ/τ) + z) / 2,   J(p) = diag p − p pᵀ,   π = softmax(θ)
 *
 * Straight-through is Euler's step from z to the mean; this is Heun's, of second order. At τ = 1 the coefficient of ∂f/∂z_i − ∂f/∂z_j
 * is the trapezoidal rule for f(i) − f(j): unbiased where the score is quadratic in one variable, and biased where it bends
 * otherwise; the exact gradient itself takes K evaluations. Its authors advise τ ≥ 1: smaller ones help straight-through, which
 * needs the variance lower, and spoil the order here. */
#include "vae/estimator.h"

static void run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    elbow_estimator_reparameterize(estimator, latents, score, pass, objective, ELBOW_DRAW_REINMAX, terms);
}

const elbow_estimator_ops elbow_estimator_reinmax = {.name = "reinmax",
                                                     .reads = "objective.kl estimator.temperature",
                                                     .create = elbow_estimator_check_surrogate,
                                                     .labels = true,
                                                     .run = run};
