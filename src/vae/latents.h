/* All the latents of a model: stochastic layers from x up, and the networks between them.
 *
 *     q(z|x)  =  q(z_1|x) q(z_2|z_1) …        up: z_i → features of q(z_{i+1})
 *     p(z)    =  p(z_n) … p(z_1|z_2)          down: z_{i+1} → features of p(z_i)
 *
 * (Sønderby et al. 2016, figure 1: the inference goes up, the model down.) A model with one layer has no such networks,
 * unless it is conditional: what is given joins every one of them, and the top prior's features come from it alone.
 * Specs are cut at `/`: section i of model.encoder leads to layer i, and of model.decoder away from it; the section after
 * the top layer's, of model.decoder, is the top prior's.
 *
 *     p(z|c)  =  p(z_1|c) p(z_2|z_1) …        up alone, of a predictor
 *
 * A predictor's encoder reads what is given, its decoder the last layer; q is the model, and stands for p too (prior_mirror.c).
 *
 * Rows R = S·B are S draws of B examples (group.h). This is what estimators hold. */
#ifndef ELBOW_SRC_VAE_LATENTS_H
#define ELBOW_SRC_VAE_LATENTS_H

#include "vae/stochastic.h"

enum { LATENT_LAYERS = 8 };

typedef struct elbow_latents {
    size_t count, groups; /* layers; groups in all */
    size_t out;           /* the layer that the decoder reads: the first; of a predictor the last */
    bool predictor;
    elbow_stochastic layers[LATENT_LAYERS];
    elbow_net *up[LATENT_LAYERS];   /* up[i] leads to layer i; none to layer 0, which the encoder leads to */
    elbow_net *down[LATENT_LAYERS]; /* down[i] leads to the prior of layer i; NULL where it has no features */
    size_t features, given;         /* widths */
    size_t prior_begin, prior_end;  /* the parameters of priors and down */
    size_t batch, samples, rows;    /* of the last forward */
    const real *context;            /* (B, given) */
    const real *up_features[LATENT_LAYERS], *down_features[LATENT_LAYERS];
    const real *z;        /* (R, z_width) of layer `out`, of the last draw */
    real *spread;         /* (R, features): the encoder's features, once for each draw */
    real *configurations; /* (R, z_width) of the only layer: all z, when they are enumerated */
    real *scratch;        /* (R) */
} elbow_latents;

/* From model.latent. First the posterior of layer 0, which is the encoder's side; then all that is ready when the
 * estimator returns. given: width of what a conditional model is given. */
elbow_status elbow_latents_create(elbow_latents *latents, const elbow_options *options, size_t features,
                                  size_t given, elbow_params *params);
elbow_status elbow_latents_declare_rest(elbow_latents *latents, const elbow_options *options,
                                        elbow_params *params);
/* For up to `rows` rows, of up to `samples` draws an example. */
elbow_status elbow_latents_reserve(elbow_latents *latents, size_t rows, size_t samples, bool training,
                                   elbow_arena *arena);
void elbow_latents_destroy(elbow_latents *latents);

size_t elbow_latents_width(const elbow_latents *latents); /* of z of layer `out` */

/* Section `index` of a spec cut at `/`; "" where there are fewer. */
elbow_status elbow_latents_section(const char *spec, size_t index, char *section, size_t room);

/* q of layer 0, from features (B, features) and what is given, for S draws an example. */
void elbow_latents_forward(elbow_latents *latents, const elbow_pass *pass, const real *features,
                           const real *context, size_t batch, size_t samples);

/* Draws of all layers, relaxed or exact; and what the priors say of them. Return z of layer `out`. */
const real *elbow_latents_relax(elbow_latents *latents, const elbow_pass *pass, real temperature,
                                elbow_draw draw);
const real *elbow_latents_sample(elbow_latents *latents, const elbow_pass *pass);
/* One layer of factorised Bernoulli variables: antithetic pairs of draws, 2k and 2k + 1. */
const real *elbow_latents_sample_pairs(elbow_latents *latents, const elbow_pass *pass);
/* p of a layer, of all of them; given their draws where they are `drawn`. Part of the functions around. */
void elbow_latents_prior(elbow_latents *latents, const elbow_pass *pass, size_t layer, bool drawn);
void elbow_latents_condition(elbow_latents *latents, const elbow_pass *pass);
/* From the prior: B rows; nothing need be encoded. */
const real *elbow_latents_sample_prior(elbow_latents *latents, const elbow_pass *pass, const real *context,
                                       size_t batch);

/* Training, after relax: the score's gradient in z; KL terms and their gradients; all the way back to q of layer 0. */
void elbow_latents_receive(elbow_latents *latents, real *dz);
void elbow_latents_divergence(elbow_latents *latents, const elbow_pass *pass,
                              const elbow_objective *objective, elbow_terms *terms);
void elbow_latents_relax_backward(elbow_latents *latents, const elbow_pass *pass, real temperature,
                                  elbow_draw draw);

/* Relaxed draws of the layers above layer i along the path from its z, by the words of their own draws, whose place they take;
 * and p of all layers that they change, as `drawn`. And the way back, from their dz, dq to dz of layer i. */
void elbow_latents_follow(elbow_latents *latents, const elbow_pass *pass, size_t layer, real temperature);
void elbow_latents_follow_backward(elbow_latents *latents, const elbow_pass *pass, size_t layer,
                                   real temperature);

/* In place of divergence, for importance weighting: log p(z) − log q(z|x) of each row, by the relaxed densities where
 * objective.kl = relaxed; gradients of Σ_r weights[r] · log ratio. */
void elbow_latents_log_ratio(elbow_latents *latents, const elbow_pass *pass, real temperature,
                             real *log_ratio);
void elbow_latents_log_ratio_backward(elbow_latents *latents, const elbow_pass *pass, real temperature,
                                      const real *weights);

/* What layer i's prior learned, from its dp: to its parameters, and through the network above to the z it came from. Part of
 * the two above. */
void elbow_latents_prior_backward(elbow_latents *latents, const elbow_pass *pass, size_t layer);

/* From dq of layer i to what is between it and z of the layer below, which gets nothing: of exact draws. Nothing for layer 0. */
void elbow_latents_upper_backward(elbow_latents *latents, const elbow_pass *pass, size_t layer);

/* Back to the encoder, from q of layer 0. Returns dfeatures (B, features). */
real *elbow_latents_backward(elbow_latents *latents, const elbow_pass *pass);

/* Evaluation, of exact draws: KL and log p(z) − log q(z|x) of each row. `closed`: nothing in the KL depends on draws. */
void elbow_latents_kl(elbow_latents *latents, const elbow_pass *pass, real *kl);
bool elbow_latents_closed(const elbow_latents *latents);
/* How training, by the ELBO of draws, and evaluation have the KL, in words. */
const char *elbow_latents_kl_words(const elbow_latents *latents, bool training);

/* Enumeration, of one layer of discrete variables: how many z there are (0: too many, or not discrete), and all of them:
 * row c·B + b has configuration c. forward must have been given that many samples. */
size_t elbow_latents_configurations(const elbow_latents *latents, size_t most);
const real *elbow_latents_enumerate(elbow_latents *latents, const elbow_pass *pass);
/* B rows of which only p(z) is asked, in place of forward; not of a predictor, whose forward says it. */
void elbow_latents_forward_prior(elbow_latents *latents, const elbow_pass *pass, const real *context,
                                 size_t batch);
/* One configuration in every row, and its log p(z): (R). Of q no more than that takes. */
const real *elbow_latents_set(elbow_latents *latents, const elbow_pass *pass, size_t configuration,
                              real *log_p);

#endif
