/* The variational autoencoder: q(z|x), p(z), p(x|z), and the evidence lower bound
 *
 *     ELBO(x) = E_q(z|x) [ log p(x|z) ] − KL(q(z|x) ‖ p(z))      nats per example (Kingma & Welling 2014)
 *
 *     x ─ encoder ─ posterior ─▶ z ─ decoder ─ likelihood ─▶ log p(x|z)
 *
 * The posterior and the likelihood own the last, linear layer before their distribution; encoder and decoder
 * are the hidden layers of the config. A conditional model is given c throughout: q(z|x,c), p(z|c), p(x|z,c). A predictor
 * (model.kind) has no q beside its own p(z|c), for structured output prediction (Raiko et al. 2015):
 *
 *     c ─ encoder ─ z₁ ─ z₂ … ─ decoder ─ likelihood ─▶ log p(x|z),      log p(x|c) ≥ E_p(z|c) [ log p(x|z) ]
 *
 * and what is said below of q(z|x) is of p(z|c), its KL 0 and its importance weights p(x|z). Parameters are
 * declared in the order encoder, posterior, then all else, so that [split, size) is complete when the estimator returns
 * and [0, split) after the encoder's backward pass.
 *
 * A model is a description and its buffers; parameter values come with each pass (net.h). Everything that
 * can fail happens in create and reserve. All functions are Local. */
#ifndef ELBOW_VAE_VAE_H
#define ELBOW_VAE_VAE_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/options.h"
#include "elbow/data/batch.h"
#include "elbow/nn/net.h"
#include "elbow/nn/params.h"

enum { ELBOW_VAE_EVALUATION_ROWS = 256 };

typedef struct elbow_vae elbow_vae;

/* Sums over the examples of a batch, in nats, in row order, in double. */
typedef struct elbow_terms {
    double objective; /* what is maximised: β, free bits, importance weights and relaxed samples included */
    double elbo;      /* reconstruction − kl */
    double reconstruction; /* log p(x|z), mean over the samples of z */
    double kl;
} elbow_terms;

/* The objective of one step: its scheduled values, and the weight of an example, 1 / examples in the step. */
typedef struct elbow_objective {
    real temperature, beta, free_bits;
    real weight;
    real classify; /* the weight of log q(y|x) where the label is known */
} elbow_objective;

/* From [model], [estimator] and [objective] for fields of the data; context is NULL where nothing is given. ELBOW_USAGE names
 * option, value and mend. */
elbow_status elbow_vae_create(elbow_vae **vae, const elbow_options *options, const elbow_field *x,
                              const elbow_field *context);
void elbow_vae_destroy(elbow_vae **vae);

const elbow_params *elbow_vae_params(const elbow_vae *vae);
size_t elbow_vae_split(const elbow_vae *vae); /* first parameter that is not encoder or posterior */
/* The parameters begin … end − 1 are those of the priors, and of the networks that lead to them; none: begin = end. */
void elbow_vae_prior_range(const elbow_vae *vae, size_t *begin, size_t *end);
const elbow_field *elbow_vae_field(const elbow_vae *vae);
const elbow_field *elbow_vae_context(const elbow_vae *vae); /* NULL: nothing is given */
bool elbow_vae_predicts(const elbow_vae *vae);              /* it is a predictor */

/* Buffers for up to `rows` examples; when `training`, for gradients and as many draws as training takes, and also for
 * evaluation, with one draw, of ELBOW_VAE_EVALUATION_ROWS. Nothing below takes more rows than were reserved. Once. */
elbow_status elbow_vae_reserve(elbow_vae *vae, size_t rows, bool training);
size_t elbow_vae_bytes(const elbow_vae *vae);

/* A training step on one shard's batch, in three calls; gradients of −objective are added to
 * pass->gradients. */

/* The parameters of q(z|x). The batch is kept by reference. In training, labels in batch->y are what the label latent is. In training (pass->gradients) for estimator.samples draws an
 * example, else for one. */
void elbow_vae_encode(elbow_vae *vae, const elbow_pass *pass, const elbow_batch *batch);

/* Samples of z, decoder, likelihood, KL, and the gradients of all that is not encoder or posterior. */
void elbow_vae_estimate(elbow_vae *vae, const elbow_pass *pass, const elbow_objective *objective,
                        elbow_terms *terms);

/* After elbow_vae_estimate, where its terms are not finite: how many of the batch's examples have a draw whose log p(x|z), KL
 * or importance weight is not, and the *first of them. 0 where none can be named. */
size_t elbow_vae_nonfinite(const elbow_vae *vae, size_t *first);

/* Of a semi-supervised model (data.labels > 0), whose label latent is the first group of the top layer: its categories; else 0. And
 * after elbow_vae_encode and elbow_vae_draw (rows, categories): log q(y|x), where layers are below given their draw. */
size_t elbow_vae_classes(const elbow_vae *vae);
const real *elbow_vae_label_log_q(const elbow_vae *vae);

/* Back through posterior and encoder. `ready` (NULL: nobody) is told which of the parameters [0, split) are complete, range
 * by range, downwards. */
void elbow_vae_encode_backward(elbow_vae *vae, const elbow_pass *pass, const elbow_ready *ready);

/* Evaluation, after elbow_vae_encode. pass->step is the number of the draw. */

/* One draw of z per example: relaxed at `temperature` when that is > 0, else discrete (one-hot). log_px: (rows), log p(x|z). kl:
 * (rows) or NULL, in nats, of discrete draws, see elbow_vae_kl_words; relaxed draws leave it alone. log_weight: (rows) or NULL,
 * log p(x|z) + log p(z) − log q(z|x), of discrete draws only. */
void elbow_vae_draw(elbow_vae *vae, const elbow_pass *pass, real temperature, real *log_px, real *kl,
                    real *log_weight);

/* Whether the KL of an example is the same for every draw; and how it is had, in words for a reader: "in closed form",
 * "estimated from the draws", … */
bool elbow_vae_kl_closed(const elbow_vae *vae);
const char *elbow_vae_kl_words(const elbow_vae *vae, bool training);

/* Whether log p(x|z) is a probability of what the data are: else (grey pixels under a Bernoulli) nothing is a bound. */
bool elbow_vae_observed(const elbow_vae *vae);
bool elbow_vae_continuous(const elbow_vae *vae); /* a density: nats have no zero */

/* How many z there are, where estimator.limit allows summing over them; else 0. */
size_t elbow_vae_configurations(const elbow_vae *vae);
/* log p(x) of each example, exactly: Σ over all z in turn. After reserve; encodes nothing of the batch. log_px: (rows). scratch:
 * (rows) doubles. */
void elbow_vae_exact(elbow_vae *vae, const elbow_pass *pass, const elbow_batch *batch, real *log_px);

/* What a trained model makes. Values go into examples[first …]; temperature is the likelihood's: 0 for means and most
 * probable values, 1 for draws from p(x|z). */

/* For a discrete draw of z given x, after elbow_vae_encode. */
void elbow_vae_reconstruct(elbow_vae *vae, const elbow_pass *pass, elbow_examples *examples, size_t first,
                           real temperature);
/* For z drawn from the prior, p(z|c) of a predictor; nothing need be encoded. context: what is given, or NULL. */
void elbow_vae_sample(elbow_vae *vae, const elbow_pass *pass, const elbow_values *context, size_t rows,
                      elbow_examples *examples, size_t first, real temperature);
/* For z from elsewhere, (rows, width of z) of the layer that the decoder reads. */
void elbow_vae_decode(elbow_vae *vae, const elbow_pass *pass, const real *z, const elbow_values *context,
                      size_t rows, elbow_examples *examples, size_t first, real temperature);

/* How training estimates gradients. */
typedef struct elbow_estimator_view {
    const char *name;         /* estimator.name */
    bool unbiased;            /* its expectation is the gradient of the objective */
    bool noiseless;           /* it sums over all latents: draws of a gradient differ by dropout alone */
    size_t draws;             /* of z an example */
    size_t begin;             /* parameters [begin, size) are its own: of control variates */
    size_t forward, backward; /* decoder rows of the last elbow_vae_estimate: through it, and back */
} elbow_estimator_view;
elbow_estimator_view elbow_vae_estimator(const elbow_vae *vae);
/* The members of that family, in their order; NULL after the last. */
const char *elbow_vae_estimator_name(size_t index);

/* The latents, group by group: what they are, and after elbow_vae_encode and elbow_vae_draw or elbow_vae_sample their values. */
typedef struct elbow_latent_view {
    const char *kind; /* "categorical", "bernoulli", "gaussian" */
    bool discrete;
    size_t layer;                 /* 0 is next to the encoder */
    bool decoded;                 /* it is of the layer that the decoder reads: 0, of a predictor the last */
    size_t variables, categories; /* categories: 1 where not categorical */
    size_t q_size, z_size; /* reals a variable: log-probabilities, the logit, or mean and log σ; and its z */
    size_t column;         /* where its z begins in a row of its layer's z */
    const real *q, *z;     /* (rows, variables · q_size), (rows, variables · z_size) */
    bool sequential;       /* q of a variable is given the draws of those before it */
    const real *p;  /* (rows, variables · q_size), p of a draw as q is; NULL of a prior of another family */
    const real *kl; /* (rows), of the last draw that was asked for its KL */
} elbow_latent_view;
size_t elbow_vae_groups(const elbow_vae *vae);
elbow_latent_view elbow_vae_group(const elbow_vae *vae, size_t group);
bool elbow_vae_relaxes(const elbow_vae *vae);   /* training relaxes some: a temperature means something */
size_t elbow_vae_z_width(const elbow_vae *vae); /* of the layer that the decoder reads */
/* (rows, width) of the last draw. */
const real *elbow_vae_z(const elbow_vae *vae);

#endif
