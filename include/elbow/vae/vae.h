/* The variational autoencoder: q(z|x), p(z), p(x|z), and the evidence lower bound
 *
 *     ELBO(x) = E_q(z|x) [ log p(x|z) ] − KL(q(z|x) ‖ p(z))      nats per example (Kingma & Welling 2014)
 *
 *     x ─ encoder ─ posterior ─▶ z ─ decoder ─ likelihood ─▶ log p(x|z)
 *
 * The posterior and the likelihood own the last, linear layer before their distribution; encoder and decoder
 * are the hidden layers of the config. Parameters are declared in the order encoder, posterior, prior,
 * decoder, likelihood, so that [split, size) is complete when the estimator returns and [0, split) after the
 * encoder's backward pass.
 *
 * A model is a description and its buffers; parameter values come with each pass (net.h). Everything that
 * can fail happens in create and reserve. All functions are Local. */
#ifndef ELBOW_VAE_VAE_H
#define ELBOW_VAE_VAE_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/options.h"
#include "elbow/data/dataset.h"
#include "elbow/nn/net.h"
#include "elbow/nn/params.h"

typedef struct elbow_vae elbow_vae;

/* Sums over the examples of a batch, in nats, in row order, in double. */
typedef struct elbow_terms {
    double objective;      /* what is maximised: β, free bits and relaxed samples included */
    double elbo;           /* reconstruction − kl */
    double reconstruction; /* log p(x|z), mean over the samples of z */
    double kl;
} elbow_terms;

/* The objective of one step: its scheduled values, and the weight of an example, 1 / examples in the step. */
typedef struct elbow_objective {
    real temperature, beta, free_bits;
    size_t samples; /* draws of z per example */
    real weight;
} elbow_objective;

/* From [model] and [estimator] for a field of the data. ELBOW_USAGE names option, value and mend. */
elbow_status elbow_vae_create(elbow_vae **vae, const elbow_options *options, const elbow_field *field);
void elbow_vae_destroy(elbow_vae **vae);

const elbow_params *elbow_vae_params(const elbow_vae *vae);
size_t elbow_vae_split(const elbow_vae *vae); /* first parameter that is not encoder or posterior */
const elbow_field *elbow_vae_field(const elbow_vae *vae);

/* Buffers for up to `rows` examples with `samples` draws each; for gradients too when `training`. Once. */
elbow_status elbow_vae_reserve(elbow_vae *vae, size_t rows, size_t samples, bool training);
size_t elbow_vae_bytes(const elbow_vae *vae);

/* A training step on one shard's batch, in three calls; gradients of −objective are added to
 * pass->gradients. */

/* x: (rows, D) in [0, 1], kept by reference. The parameters of q(z|x). */
void elbow_vae_encode(elbow_vae *vae, const elbow_pass *pass, const real *x, size_t rows);

/* Samples of z, decoder, likelihood, KL, and the gradients of all that is not encoder or posterior. */
void elbow_vae_estimate(elbow_vae *vae, const elbow_pass *pass, const elbow_objective *objective,
                        elbow_terms *terms);

/* Back through posterior and encoder. */
void elbow_vae_encode_backward(elbow_vae *vae, const elbow_pass *pass);

/* Evaluation, after elbow_vae_encode. pass->step is the number of the draw. */

/* kl: (rows), in nats, of each example. */
void elbow_vae_kl(elbow_vae *vae, const elbow_pass *pass, real *kl);

/* One draw of z per example: relaxed at `temperature` when that is > 0, else discrete (one-hot). log_px: (rows), log p(x|z).
 * log_weight: (rows) or NULL, log p(x|z) + log p(z) − log q(z|x), for discrete draws only. */
void elbow_vae_draw(elbow_vae *vae, const elbow_pass *pass, real temperature, real *log_px, real *log_weight);

/* mean: (rows, D), E[x|z] for a discrete draw of z given x. */
void elbow_vae_reconstruct(elbow_vae *vae, const elbow_pass *pass, real *mean);

/* mean: (rows, D), E[x|z] for z drawn from the prior; nothing need be encoded. */
void elbow_vae_sample(elbow_vae *vae, const elbow_pass *pass, size_t rows, real *mean);

#endif
