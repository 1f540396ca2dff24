/* Control variates from relaxed samples: what rebar and relax share (estimator_rebar.c has the formulas).
 *
 * c(z) = η f(σ_λ(z)) + r(z), r a network or nothing; λ = estimator.temperature · e^θ. Owned are estimator.log_scale (log η),
 * estimator.log_temperature (θ), 0 at first, and the network's. They learn by the variance of the gradient g in the logits of q,
 * as the mean over the step's rows (an example's draw each) of |g_r|², in units of ELBOW_CONTROL_NATS²: E |g|² is the variance but
 * for |E g|², which does not depend on them. Each layer of latents has a control variate, with η, λ and network of its own, learned by
 * the variance in its own logits. */
#ifndef ELBOW_SRC_VAE_RELAXED_CONTROL_H
#define ELBOW_SRC_VAE_RELAXED_CONTROL_H

#include "vae/control.h"
#include "vae/control_network.h"

/* The temperature's derivative is taken on every so manieth step, and counts as often. */
enum { ELBOW_RELAXED_CONTROL_EVERY = 4 };

/* Of one layer of latents. */
typedef struct elbow_relaxed_layer {
    elbow_control_network network;
    real *joined, *joined_along;        /* (R, z_width), of several groups */
    real *points[STOCHASTIC_GROUPS];    /* (R, z_width): relaxed samples */
    uint32_t *words[STOCHASTIC_GROUPS]; /* (R, words_width), of those given z */
    /* (R, q_width): f ∇ log q, in the end g; what η multiplies in g; what r adds to it; room for the latter two at another
     * temperature, and for directions. */
    real *g[STOCHASTIC_GROUPS], *scaled[STOCHASTIC_GROUPS], *free[STOCHASTIC_GROUPS],
        *moved_scaled[STOCHASTIC_GROUPS], *moved_free[STOCHASTIC_GROUPS];
} elbow_relaxed_layer;

typedef struct elbow_relaxed_control {
    elbow_latents *latents;
    size_t log_scale, log_temperature; /* offsets, of one for each layer */
    bool has_network;
    real *f;     /* (layers, R): f_i of the draws */
    real *value; /* (R): c or r of the points, or weights of rows */
    elbow_relaxed_layer layers[LATENT_LAYERS];
} elbow_relaxed_control;

/* An estimator's create, hidden > 0: with a network of that width; and the rest of its table. */
elbow_status elbow_relaxed_control_create(elbow_estimator *estimator, const elbow_options *options,
                                          elbow_latents *latents, size_t hidden, elbow_params *params);
elbow_status elbow_relaxed_control_reserve(elbow_estimator *estimator, size_t rows, elbow_arena *arena);
void elbow_relaxed_control_run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                               const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms);
void elbow_relaxed_control_destroy(elbow_estimator *estimator);

#endif
