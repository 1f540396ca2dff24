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
 * Several layers (section 3.3 there). Given the exact draws below it each layer is such a z, θ_i the logits of q(z_i|z_{i−1}), with
 * a control variate c_i = η_i f_i(σ_λi(·)) of its own, in which the layers above follow, relaxed, from the point by the noise of
 * their own draws (control.h):
 *
 *     (f_i(z) − c_i(z̃_i)) ∇_θi log q(z_i|z_{i−1})  −  ∂c_i(z̃_i)/∂θ_i  +  ∂c_i(y_i)/∂θ_i
 *
 * No bias: the identity above holds given z_1 … z_{i−1} and that noise, which z_i does not depend on, so that c_i adds nothing on
 * average, to θ_i or anything else. With λ small, z̃_i and what follows from it are the draws, and c_i(z̃_i) is η_i f_i(z). f_i has only what
 * depends on z_i and the layers above (score_function.h): the decoder is evaluated for the first layer's points alone, or a
 * predictor's for those of every layer.
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
