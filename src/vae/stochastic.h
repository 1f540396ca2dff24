/* A stochastic layer: groups of latent variables side by side, from the encoder's features to z.
 *
 * z is (S·B, z_width), the groups' own z next to each other, draw by draw. */
#ifndef ELBOW_SRC_VAE_STOCHASTIC_H
#define ELBOW_SRC_VAE_STOCHASTIC_H

#include "elbow/vae/vae.h"
#include "vae/group.h"

enum { STOCHASTIC_GROUPS = 16 };

typedef struct elbow_stochastic {
    size_t count, z_width, features;
    elbow_group groups[STOCHASTIC_GROUPS];
    size_t rows; /* of the last forward: B */
    real *z;     /* (S·B, z_width): the groups' z side by side; the only group's own where there is one */
    real *dfeatures; /* (B, features) */
    real *more;      /* (B, features): a further group's share of dfeatures */
    real *weights;   /* (B) */
    real *scratch;   /* (S·B) */
} elbow_stochastic;

/* From model.latent, model.posterior and model.prior. The encoder's side of the parameters (posterior) is
 * declared by create, the decoder's (prior) by declare_prior. */
elbow_status elbow_stochastic_create(elbow_stochastic *layer, const elbow_options *options, size_t features,
                                     elbow_params *params);
elbow_status elbow_stochastic_declare_prior(elbow_stochastic *layer, const elbow_options *options,
                                            elbow_params *params);
elbow_status elbow_stochastic_reserve(elbow_stochastic *layer, size_t rows, size_t samples, bool training,
                                      elbow_arena *arena);
void elbow_stochastic_destroy(elbow_stochastic *layer);

/* q(z|x) from features (rows, features). Zeroes dq in training. */
void elbow_stochastic_forward(elbow_stochastic *layer, const elbow_pass *pass, const real *features,
                              size_t rows);

/* `samples` reparameterised draws at a temperature; `hard` replaces each by the nearest discrete value and
 * keeps the relaxed one for the way back. Returns z. */
const real *elbow_stochastic_relax(elbow_stochastic *layer, const elbow_pass *pass, real temperature,
                                   bool hard, size_t samples);

/* Takes over the score's gradient in z, dz (S·B, z_width): each group's share is its dz from here on. */
void elbow_stochastic_receive(elbow_stochastic *layer, real *dz, size_t samples);

/* Adds to dq what the groups' dz say of the draws of the last relax. */
void elbow_stochastic_relax_backward(elbow_stochastic *layer, const elbow_pass *pass, real temperature,
                                     bool hard, size_t samples);

/* One exact draw per example from q, or from the prior. Returns z. */
const real *elbow_stochastic_sample(elbow_stochastic *layer, const elbow_pass *pass);
const real *elbow_stochastic_sample_prior(elbow_stochastic *layer, const elbow_pass *pass, size_t rows);

/* log_q, log_p: (rows), of the last exact draw. */
void elbow_stochastic_log_prob(elbow_stochastic *layer, const elbow_pass *pass, real *log_q, real *log_p);

/* kl: (rows), summed over the groups. */
void elbow_stochastic_kl(elbow_stochastic *layer, const elbow_pass *pass, real *kl);

/* The KL term of the objective, β · max(KL_group, free bits) per example and group (Kingma et al. 2016), and its
 * gradient, times the example's weight; between receive and relax_backward, as an estimated KL has a gradient in z.
 * Adds KL to terms->kl, and takes it off elbo, and the weighted one off objective. */
void elbow_stochastic_divergence(elbow_stochastic *layer, const elbow_pass *pass,
                                 const elbow_objective *objective, elbow_terms *terms);

/* Back to the encoder, from dq. Returns dfeatures (rows, features). */
real *elbow_stochastic_backward(elbow_stochastic *layer, const elbow_pass *pass, const real *features);

#endif
