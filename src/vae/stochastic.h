/* A stochastic layer: groups of latent variables side by side, from features to z.
 *
 * z is (R, z_width), the groups' own z next to each other; rows R = S·B, draw by draw (group.h). */
#ifndef ELBOW_SRC_VAE_STOCHASTIC_H
#define ELBOW_SRC_VAE_STOCHASTIC_H

#include "elbow/vae/vae.h"
#include "vae/group.h"

enum { STOCHASTIC_GROUPS = 16 };

typedef struct elbow_stochastic {
    size_t first; /* the number of its first group: names and streams count over all layers */
    size_t count, z_width, features, prior_features;
    elbow_group groups[STOCHASTIC_GROUPS];
    size_t batch, samples; /* of the last forward: B, S */
    const real
        *shared;     /* (B, features): what all draws of an example have in common; NULL: each has its own */
    real *z;         /* (R, z_width): the groups' z side by side; the only group's own where there is one */
    real *dz;        /* (R, z_width), in training, of a layer above the first: what others add to */
    real *dfeatures; /* (R, features) */
    real *dprior;    /* (R, prior_features) */
    real *more;      /* (R, the wider of both): a further group's share */
    real *weights;   /* (R) */
    real *scratch;   /* (R) */
} elbow_stochastic;

/* From one layer of model.latent, and the options' names of posteriors and priors for `of` groups in all layers. */
elbow_status elbow_stochastic_create(elbow_stochastic *layer, const char *spec, size_t first,
                                     const elbow_options *options);
elbow_status elbow_stochastic_declare_posterior(elbow_stochastic *layer, size_t of, size_t features,
                                                const elbow_options *options, elbow_params *params);
elbow_status elbow_stochastic_declare_prior(elbow_stochastic *layer, size_t of, size_t features, bool upper,
                                            const elbow_options *options, elbow_params *params);
/* Whether any of its priors will look at features: those that are neither constants nor of a family of their own. */
elbow_status elbow_stochastic_prior_looks(const elbow_stochastic *layer, size_t of,
                                          const elbow_options *options, bool *looks);
elbow_status elbow_stochastic_reserve(elbow_stochastic *layer, size_t rows, size_t samples, bool training,
                                      elbow_arena *arena);
void elbow_stochastic_destroy(elbow_stochastic *layer);

/* q(z|h), as far as it is known before draws, from features (R, features), where `shared` is not NULL the same rows for every
 * draw. Zeroes dq in training. */
void elbow_stochastic_forward(elbow_stochastic *layer, const elbow_pass *pass, const real *features,
                              const real *shared, size_t batch, size_t samples);

/* A draw in each row that gradients pass, by `draw`; what the way back needs is kept. Returns z. */
const real *elbow_stochastic_relax(elbow_stochastic *layer, const elbow_pass *pass, real temperature,
                                   elbow_draw draw);

/* An exact draw in each row from q; or from the prior, whose forward has been called. Returns z. */
const real *elbow_stochastic_sample(elbow_stochastic *layer, const elbow_pass *pass);
/* From q, factorised Bernoulli variables only: draws 2k and 2k + 1 are antithetic, of u and 1 − u. samples is even. */
const real *elbow_stochastic_sample_pairs(elbow_stochastic *layer, const elbow_pass *pass);
/* The words of relaxed samples given the draws, that a `round` of them takes: (R, words_width). */
void elbow_stochastic_given_words(const elbow_stochastic *layer, const elbow_group *group,
                                  const elbow_pass *pass, size_t round, uint32_t *words);
const real *elbow_stochastic_sample_prior(elbow_stochastic *layer, const elbow_pass *pass, size_t batch);

/* Takes z from elsewhere: (R, z_width), discrete values. Completes q where that is wanted. */
void elbow_stochastic_force(elbow_stochastic *layer, const elbow_pass *pass, const real *z, bool complete_q);

/* Takes each group's z (R, its z_width) by reference, whatever its values; NULL: what was drawn last. */
void elbow_stochastic_place(elbow_stochastic *layer, real *const *points);

/* z of the last draw: (R, z_width). */
static inline const real *elbow_stochastic_z(const elbow_stochastic *layer) {
    return layer->count == 1 ? layer->groups[0].z : layer->z;
}

/* p(z|h) given features (R, prior features) or NULL, and the current draws. Zeroes dp in training. */
void elbow_stochastic_condition(elbow_stochastic *layer, const elbow_pass *pass, const real *features,
                                bool drawn);

/* Takes over the gradient in z, dz (R, z_width): each group's share is its dz from here on. */
void elbow_stochastic_receive(elbow_stochastic *layer, real *dz);

/* Adds dz (R, z_width) to what was received. */
void elbow_stochastic_add(elbow_stochastic *layer, const real *dz);

/* The KL term of the objective and its gradient, in dq, dp and dz; adds to terms. Per example and group:
 * β · max(KL, free bits) (Kingma et al. 2016), KL being the mean over the example's draws. */
void elbow_stochastic_divergence(elbow_stochastic *layer, const elbow_pass *pass,
                                 const elbow_objective *objective, elbow_terms *terms);

/* The same of one of its groups. */
void elbow_stochastic_diverge(elbow_stochastic *layer, elbow_group *group, const elbow_pass *pass,
                              const elbow_objective *objective, elbow_terms *terms);

/* From dp: the priors' parameters, and what p's features get, (R, prior features) or NULL where there are none. */
real *elbow_stochastic_prior_backward(elbow_stochastic *layer, const elbow_pass *pass, const real *features);

/* Adds to dq what the groups' dz say of the last relax. */
void elbow_stochastic_relax_backward(elbow_stochastic *layer, const elbow_pass *pass, real temperature,
                                     elbow_draw draw);

/* From dq: the posteriors' parameters, and dfeatures: (R, features), or (B, features) where they are shared. */
real *elbow_stochastic_backward(elbow_stochastic *layer, const elbow_pass *pass, const real *features);

/* Item `index` of a list of names for `of` groups: one name stands for all, several are apart by the commas and / that are
 * between the groups of `latent`. */
elbow_status elbow_stochastic_name(const char *list, const char *latent, size_t index, size_t of, char *name,
                                   size_t room);

#endif
