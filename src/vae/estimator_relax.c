/* RELAX (Grathwohl, Choi, Wu, Roeder & Duvenaud 2018), as its authors used it for latents: REBAR (estimator_rebar.c) with a control
 * variate that has a free part, a network of one hidden layer (control_network.h, estimator.hidden wide) of the relaxed sample,
 *
 *     c = η f(σ_λ(·)) + r_ρ(σ_λ(·))
 *
 * learned with η and λ by the variance of the gradient. r is 0 at first: it begins as REBAR. No bias, whatever ρ. ρ's derivative,
 * mixed with that in z, is exact. Each layer of latents has a network of its own, of that layer's relaxed sample alone. REBAR's
 * decoder evaluations. */
#include "vae/relaxed_control.h"

static elbow_status create(elbow_estimator *estimator, const elbow_options *options, elbow_latents *latents,
                           elbow_params *params) {
    return elbow_relaxed_control_create(estimator, options, latents, (size_t)options->estimator.hidden,
                                        params);
}

const elbow_estimator_ops elbow_estimator_relax = {.name = "relax",
                                                   .reads =
                                                       "objective.kl estimator.temperature estimator.hidden",
                                                   .unrelaxed = true,
                                                   .unbiased = true,
                                                   .create = create,
                                                   .reserve = elbow_relaxed_control_reserve,
                                                   .run = elbow_relaxed_control_run,
                                                   .destroy = elbow_relaxed_control_destroy};
