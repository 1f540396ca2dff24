/* A group of latent variables of one kind, with its posterior and its prior.
 *
 * A stochastic layer (stochastic.h) is a list of groups. Three families meet in a group:
 *
 *     latent     what the variables are: their sizes, samples and densities                 latent_*.c
 *     posterior  how q(z|h) is built from features h                                       posterior_*.c
 *     prior      p(z), or p(z|h) where the layer above, or a context, gives features h     prior_*.c
 *
 * Each member is one file that ends in its table, and one line in group.c's lists.
 *
 * Layouts. Rows R = S·B are S draws of B examples, draw by draw; a row has one z. q and p hold the parameters of
 * each variable's distribution, side by side: R · L variables of `q_size` reals; z has `z_size` reals a variable.
 *
 *     categorical   q: K log-probabilities        z: one-hot, or a point of the simplex
 *     bernoulli     q: the logit                  z: 0 or 1, or between
 *     gaussian      q: mean, log σ                z: a real
 *
 * q and p come from linear outputs ("heads") of head_size = q_size reals a variable; dq and dp are gradients in those
 * outputs, and dz in z, all of the loss (−objective) and added to. In a pass: forward, then draws (which fill q where
 * the posterior is sequential), then the prior's condition (which fills p where it depends on z), then divergences and
 * their gradients in dq, dp, dz, then the prior's backward (dp → parameters, features, dz), then the draws' way back
 * (dz → dq), then the posterior's backward (dq → parameters, features). */
#ifndef ELBOW_SRC_VAE_GROUP_H
#define ELBOW_SRC_VAE_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include "elbow/base/options.h"
#include "elbow/nn/net.h"
#include "nn/dense.h"

typedef struct elbow_group elbow_group;

/* How discrete variables are drawn in training, and what their gradient passes through. Others are reparameterised. */
typedef enum elbow_draw {
    ELBOW_DRAW_RELAXED,          /* z = y, the relaxed sample */
    ELBOW_DRAW_HARD,             /* z = the discrete value nearest to y; back through y */
    ELBOW_DRAW_STRAIGHT_THROUGH, /* z ~ q; back through the mean of q at the temperature */
    ELBOW_DRAW_REINMAX,          /* z ~ q; back by Heun's method (estimator_reinmax.c) */
    ELBOW_DRAW_RAO, /* z ~ q; back through group->conditional relaxed samples that z could have come from */
    ELBOW_DRAW_GAPPED, /* z ~ q; back through a mean moved towards z (Fan et al. 2022) */
} elbow_draw;

/* All functions take n variables in a row, n = R · L or, for a sequential posterior, R. */
typedef struct elbow_latent_ops {
    const char *name, *grammar; /* "categorical", "LxK" */
    const char *noise;          /* its stream is "latent.INDEX.NOISE" */
    const char *reads;          /* options that only some members read, "model.scale …"; NULL: none */
    bool discrete;
    /* Sets variables, categories and the widths from the text after the name. ELBOW_USAGE. */
    elbow_status (*create)(elbow_group *group, const char *size, const elbow_options *options);
    /* Heads → parameters. May be in place. */
    void (*normalize)(const elbow_group *group, real *q, const real *head, size_t n);
    /* A reparameterised sample, and its gradient in the heads, added to dq. q is what the sample came from. */
    void (*relax)(const elbow_group *group, real *soft, const real *q, const uint32_t *words, size_t n,
                  real temperature);
    void (*relax_backward)(const elbow_group *group, real *dq, const real *soft, const real *q,
                           const real *dz, size_t n, real temperature);
    /* The discrete value nearest to a relaxed sample; a copy where the latent is not discrete. */
    void (*harden)(const elbow_group *group, real *z, const real *soft, size_t n);
    /* An exact sample. */
    void (*sample)(const elbow_group *group, real *z, const real *q, const uint32_t *words, size_t n);
    /* For exact draws z of discrete kinds, the point that their gradient passes through: the mean of q at that temperature; with
     * reinmax the midpoint of that and z; gapped, moved towards z. Back: relax_backward, as if it were a relaxed sample, but
     * for reinmax. */
    void (*surrogate)(const elbow_group *group, real *soft, const real *z, const real *q, size_t n,
                      real temperature, elbow_draw draw);
    /* A relaxed sample, given that its nearest discrete value is z. */
    void (*relax_given)(const elbow_group *group, real *soft, const real *z, const real *q,
                        const uint32_t *words, size_t n, real temperature);
    /* dq += the way back from dz through such a sample of group->words, over group->conditional. The caller goes through rounds 0,
     * 1, … with other words and nothing else changed. */
    void (*rao_backward)(elbow_group *group, size_t round, size_t n, real temperature);
    /* The derivative J of that sample in the heads, z and the words held: dq ← Jᵀ dz, and dsoft ← J along (n, q_size), each
     * overwritten. */
    void (*relax_given_backward)(const elbow_group *group, real *dq, const real *soft, const real *z,
                                 const real *q, const real *dz, size_t n, real temperature);
    void (*relax_given_along)(const elbow_group *group, real *dsoft, const real *soft, const real *z,
                              const real *q, const real *along, size_t n, real temperature);
    void (*reinmax_backward)(const elbow_group *group, real *dq, const real *soft, const real *q,
                             const real *dz, size_t n);
    /* out[v] = log q(z_v), extended linearly to relaxed z of discrete kinds. Gradients times weights[v], added to dz
     * and dq; either may be NULL. */
    void (*log_prob)(const elbow_group *group, real *out, const real *z, const real *q, size_t n);
    void (*log_prob_backward)(const elbow_group *group, real *dz, real *dq, const real *weights,
                              const real *z, const real *q, size_t n);
    /* out[v] = KL(q_v ‖ p_v) in closed form; gradients times weights[v], added to dq and dp; dp may be NULL. */
    void (*kl)(const elbow_group *group, real *out, const real *q, const real *p, size_t n);
    void (*kl_backward)(const elbow_group *group, real *dq, real *dp, const real *weights, const real *q,
                        const real *p, size_t n);
    /* The same with the standard prior, without reading p. */
    void (*kl_standard)(const elbow_group *group, real *out, const real *q, size_t n);
    void (*kl_standard_backward)(const elbow_group *group, real *dq, const real *weights, const real *q,
                                 size_t n);
    /* The relaxed sample's own log-density at that temperature (Maddison et al. 2017), for discrete kinds; as log_prob. */
    void (*log_density)(const elbow_group *group, real *out, const real *soft, const real *q, size_t n,
                        real temperature);
    void (*log_density_backward)(const elbow_group *group, real *dsoft, real *dq, const real *weights,
                                 const real *soft, const real *q, size_t n, real temperature);
    /* Parameters of the standard prior, n variables: uniform, or N(0, 1). */
    void (*standard)(const elbow_group *group, real *p, size_t n);
} elbow_latent_ops;

typedef struct elbow_posterior_ops {
    const char *name;
    /* Declares posterior.INDEX.*, from features of the given width. */
    elbow_status (*create)(elbow_group *group, const char *name, size_t features,
                           const elbow_options *options, elbow_params *params);
    elbow_status (*reserve)(elbow_group *group, size_t rows, bool training, elbow_arena *arena);
    /* What q(z|h) can be told before any z: all of q, for a factorised one. features: (R, features). */
    void (*forward)(elbow_group *group, const elbow_pass *pass, const real *features, size_t rows);
    /* Draws into group->z from group->words, variable after variable where q is sequential, which completes group->q. relax:
     * group->soft keeps what the way back needs; it is z where that is relaxed. */
    void (*relax)(elbow_group *group, const elbow_pass *pass, real temperature, elbow_draw draw, size_t rows);
    void (*sample)(elbow_group *group, const elbow_pass *pass, size_t rows);
    /* Completes group->q for z that came from elsewhere. NULL where q does not depend on z. */
    void (*condition)(elbow_group *group, const elbow_pass *pass, size_t rows);
    /* Adds to dq what dz says of the last relax; sequential ones also add to dz of earlier variables. */
    void (*relax_backward)(elbow_group *group, const elbow_pass *pass, real temperature, elbow_draw draw,
                           size_t rows);
    /* From group->dq: parameter gradients, and dfeatures (R, features), overwritten. */
    void (*backward)(elbow_group *group, const elbow_pass *pass, real *dfeatures, const real *features,
                     size_t rows);
    void (*destroy)(elbow_group *group);
} elbow_posterior_ops;

/* Two kinds of priors. One of the latent's own family sets group->p, and everything else follows from the latent's log_prob
 * and kl. Any other leaves p NULL and gives log_prob and its gradients; its KL is estimated from the draws. */
typedef struct elbow_prior_ops {
    const char *name;
    const char *reads; /* options that only some members read, "model.components …"; NULL: none */
    bool own_family;   /* fills group->p */
    bool constant;     /* of its own family, with the latent's standard parameters: p has no gradient */
    bool mirror;       /* is q itself: the two diverge nowhere, and p and dp are q and dq */
    /* Declares NAME.*; ELBOW_USAGE where the kind of latent has no such prior. features: width of h, 0 where nothing is above. */
    elbow_status (*create)(elbow_group *group, const char *name, size_t features,
                           const elbow_options *options, elbow_params *params);
    elbow_status (*reserve)(elbow_group *group, size_t rows, bool training, elbow_arena *arena);
    /* p before any z of its own is known. features: (R, features) or NULL. */
    void (*forward)(elbow_group *group, const elbow_pass *pass, const real *features, size_t rows);
    /* Completes p given group->z. NULL where p does not depend on z. */
    void (*condition)(elbow_group *group, const elbow_pass *pass, size_t rows);
    /* From group->dp: parameter gradients; dz where p depends on z; dfeatures (R, features), overwritten, or NULL. NULL for
     * a constant. */
    void (*backward)(elbow_group *group, const elbow_pass *pass, real *dfeatures, const real *features,
                     size_t rows);
    /* Where p is NULL: log p(z) of each row, and gradients of Σ weights · log p in dz, dfeatures and the parameters. */
    void (*log_prob)(elbow_group *group, const elbow_pass *pass, real *log_p, size_t rows);
    void (*log_prob_backward)(elbow_group *group, const elbow_pass *pass, const real *weights, size_t rows);
    /* group->z ~ p, from group->words. forward has been called. */
    void (*sample)(elbow_group *group, const elbow_pass *pass, size_t rows);
    void (*destroy)(elbow_group *group);
} elbow_prior_ops;

/* How KL(q ‖ p) of a group is had (objective.kl). */
typedef enum elbow_divergence {
    ELBOW_KL_CLOSED,  /* Σ_l KL(q_l ‖ p_l), given the variables before l where either is sequential */
    ELBOW_KL_SAMPLED, /* log q(z) − log p(z) of the draws; linear in relaxed z of discrete kinds */
    ELBOW_KL_RELAXED, /* the same by the densities of the relaxed variables (Maddison et al. 2017) */
} elbow_divergence;

struct elbow_group {
    const elbow_latent_ops *latent;
    const elbow_posterior_ops *posterior;
    const elbow_prior_ops *prior;
    elbow_divergence divergence;          /* in training */
    elbow_divergence discrete_divergence; /* of exact draws: closed where it exists, else sampled */
    size_t variables, categories;         /* L, K (1 where not categorical) */
    size_t q_size, z_size, noise;         /* reals of q and z, and random words, of one variable */
    size_t q_width, z_width, words_width; /* of one row: times L */
    size_t conditional; /* relaxed samples of each draw on its way back, of ELBOW_DRAW_RAO */
    real gap;           /* of ELBOW_DRAW_GAPPED: by how much z is ahead of all else */
    char stream[32];    /* "latent.0.gumbel" */
    const elbow_field
        *field; /* of x, where the encoder leads to this group: for priors that encode; else NULL */
    const real *
        labels; /* (B) of the label latent in training (label.h): the category that z has, NaN where it is drawn; else NULL */
    bool summed; /* draw s has category s in training, all of them in turn (estimator_marginal.c) */
    void *latent_state, *posterior_state, *prior_state;

    real *q, *dq;   /* (R, q_width) */
    real *p, *dp;   /* (R, q_width), of a prior of the latent's own family */
    real *z, *soft; /* (R, z_width); the same block while samples are soft or exact */
    real *z_block, *soft_block;
    real *dz;          /* (R, z_width), from elbow_stochastic_receive on */
    real *kl;          /* (R), of the last divergence */
    real *given_q;     /* (R, q_width), e^q, where conditional > 0 */
    real *scratch;     /* (R · L): a value for each variable */
    real *row_scratch; /* (R) */
    real *spread;      /* (R · L): row weights, one a variable */
    uint32_t *words;   /* (R, words_width) */
};

/* From one spec of model.latent (`categorical 20x10`) and names of a posterior and a prior. The encoder's side of the
 * parameters (NAME posterior.INDEX) is declared by create, the decoder's by create_prior. */
elbow_status elbow_group_create(elbow_group *group, size_t index, const char *spec,
                                const elbow_options *options);
elbow_status elbow_group_create_posterior(elbow_group *group, size_t index, const char *name, size_t features,
                                          const elbow_options *options, elbow_params *params);
/* upper: the features depend on draws of a layer above. */
elbow_status elbow_group_create_prior(elbow_group *group, size_t index, const char *name, size_t features,
                                      bool upper, const elbow_options *options, elbow_params *params);
/* In its place, of a predictor: p is q (prior_mirror.c). */
void elbow_group_mirror(elbow_group *group);
/* Whether a prior of that name looks at features. */
elbow_status elbow_group_prior_looks(const char *name, bool *looks);
elbow_status elbow_group_reserve(elbow_group *group, size_t rows, bool training, elbow_arena *arena);
void elbow_group_destroy(elbow_group *group);

/* What posteriors make of a draw: n variables, z and soft (n, z_size) from q; z is left alone where it is soft (relaxed, or
 * not discrete). And dz → dq, added. */
void elbow_group_draw(const elbow_group *group, real *z, real *soft, const real *q, const uint32_t *words,
                      size_t n, real temperature, elbow_draw draw);
void elbow_group_draw_backward(const elbow_group *group, real *dq, const real *soft, const real *q,
                               const real *dz, size_t n, real temperature, elbow_draw draw);

/* Of the current draws, per row: log q(z|h) and log p(z|h), by the relaxed densities where `temperature` is > 0 and the
 * latent is discrete. */
void elbow_group_log_q(elbow_group *group, real *log_q, size_t rows, real temperature); /* 0: as discrete */
void elbow_group_log_p(elbow_group *group, const elbow_pass *pass, real *log_p, size_t rows,
                       real temperature);
/* Adds the gradients of Σ_r weights[r] log q(z_r) to dq and dz; of log p to dp and dz. through_z: also into dz. */
void elbow_group_log_q_backward(elbow_group *group, const real *weights, size_t rows, real temperature,
                                bool through_z);
void elbow_group_log_p_backward(elbow_group *group, const elbow_pass *pass, const real *weights, size_t rows,
                                real temperature, bool through_z);
/* group->kl, and its gradient times weights[r], to dq, dp and dz. */
void elbow_group_kl(elbow_group *group, const elbow_pass *pass, elbow_divergence how, size_t rows,
                    real temperature);
void elbow_group_kl_backward(elbow_group *group, const elbow_pass *pass, elbow_divergence how,
                             const real *weights, size_t rows, real temperature);

extern const elbow_latent_ops elbow_latent_categorical, elbow_latent_bernoulli, elbow_latent_gaussian;
extern const elbow_posterior_ops elbow_posterior_factorised, elbow_posterior_autoregressive;
extern const elbow_prior_ops elbow_prior_standard, elbow_prior_uniform, elbow_prior_normal,
    elbow_prior_learned, elbow_prior_autoregressive, elbow_prior_mixture, elbow_prior_vampprior,
    elbow_prior_mirror;

#endif
