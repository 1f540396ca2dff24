/* REBAR (Tucker, Mnih, Maddison, Lawson & Sohl-Dickstein 2017): the score function, with f of relaxed samples for its control
 * variate. z is the value nearest to y = σ_λ(θ + noise), the relaxed sample at temperature λ; z̃ is a second one, given z, with noise
 * of its own (Maddison et al. 2014). With c = η f(σ_λ(·)),
 *
 *     ∇_θ E_q[f(z)]  ≈  (f(z) − c(z̃)) ∇_θ log q(z|x)  −  ∂c(z̃)/∂θ  +  ∂c(y)/∂θ
 *
 * No bias, whatever η and λ: y and z̃ have one law, so that E ∂c(y)/∂θ = ∂/∂θ E_q E[c(z̃)|z] = E[c(z̃) ∇ log q + ∂c(z̃)/∂θ]. The variance is the
 * lower the better c(z̃) follows f(z): λ small, where then ∂c is large. f = log p(x|z) − β Σ_g KL_g(z) (control.h).
 *
 * η and λ are learned by the variance of this gradient (relaxed_control.h): η by its exact derivative. λ would take second
 * derivatives of the decoder, and is learned by a central difference of the squared gradient in log λ, with the same noise: its
 * error costs variance, and no bias. As that takes as much as four more decoder evaluations, it is had on every fourth step, and
 * counted four times there. λ starts at estimator.temperature, and follows it where it is no constant.
 *
 * S · (3 + 4/4) decoder rows an example forward and back, all but S of them without the parameters' gradients. */
#include "vae/relaxed_control.h"

static elbow_status create(elbow_estimator *estimator, const elbow_options *options, elbow_latents *latents,
                           elbow_params *params) {
    return elbow_relaxed_control_create(estimator, options, latents, 0, params);
}

const elbow_estimator_ops elbow_estimator_rebar = {.name = "rebar",
                                                   .reads = "objective.kl estimator.temperature",
                                                   .unrelaxed = true,
                                                   .unbiased = true,
                                                   .create = create,
                                                   .reserve = elbow_relaxed_control_reserve,
                                                   .run = elbow_relaxed_control_run,
                                                   .destroy = elbow_relaxed_control_destroy};
