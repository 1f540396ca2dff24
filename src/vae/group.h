/* A group of latent variables of one kind, with its posterior and its prior.
 *
 * A stochastic layer (stochastic.h) is a list of groups. Three families meet in a group:
 *
 *     latent     what the variables are: their sizes, samples and densities     latent_*.c
 *     posterior  how q(z|x) is built from the encoder's features               posterior_*.c
 *     prior      p(z), and KL(q ‖ p) where it has a closed form                prior_*.c
 *
 * Each member is one file that ends in its table, and one line in stochastic.c's lists. Layouts, with B
 * examples, S draws each, L variables of K categories: q and dq (B, L·K); z, soft and dz (S, B, L·K), the
 * rows of draw s being s·B … s·B + B − 1. */
#ifndef ELBOW_SRC_VAE_GROUP_H
#define ELBOW_SRC_VAE_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include "elbow/base/options.h"
#include "elbow/nn/net.h"
#include "nn/dense.h"

typedef struct elbow_group elbow_group;

typedef struct elbow_latent_ops {
    const char *name, *grammar; /* "categorical", "LxK" */
    const char *noise;          /* its stream is "latent.INDEX.NOISE" */
    /* Sets variables, categories, q_width, z_width and word_width from the text after the name. ELBOW_USAGE. */
    elbow_status (*create)(elbow_group *group, const char *size);
    /* The head's outputs (B, q_width) → the parameters of q, in group->q. */
    void (*normalize)(elbow_group *group, const real *head, size_t rows);
    /* A reparameterised sample of B rows, and its gradient in the head's outputs, added to dq. */
    void (*relax)(const elbow_group *group, real *soft, const real *q, const uint32_t *words, size_t rows,
                  real temperature);
    void (*relax_backward)(const elbow_group *group, real *dq, const real *soft, const real *dz, size_t rows,
                           real temperature);
    /* The discrete value nearest to a relaxed sample. */
    void (*harden)(const elbow_group *group, real *z, const real *soft, size_t rows);
    /* An exact sample. */
    void (*sample)(const elbow_group *group, real *z, const real *q, const uint32_t *words, size_t rows);
    /* log_q: (rows), log q(z) of exact samples. */
    void (*log_prob)(const elbow_group *group, real *log_q, const real *z, const real *q, size_t rows);
} elbow_latent_ops;

typedef struct elbow_posterior_ops {
    const char *name;
    /* Declares posterior.INDEX.*, from features of the given width. */
    elbow_status (*create)(elbow_group *group, size_t index, size_t features, const elbow_options *options,
                           elbow_params *params);
    elbow_status (*reserve)(elbow_group *group, size_t rows, bool training, elbow_arena *arena);
    /* What q(z|x) can be told before any z. */
    void (*forward)(elbow_group *group, const elbow_pass *pass, const real *features, size_t rows);
    /* One reparameterised draw for each of B rows, from group->words, variable after variable where q is sequential.
     * z: (B, z_width); `soft` keeps what the way back needs: z itself, or with `hard` the relaxed sample that z is
     * the nearest discrete value of. */
    void (*relax)(elbow_group *group, const elbow_pass *pass, real *z, real *soft, real temperature,
                  bool hard, size_t rows);
    /* Adds to dq what dz (B, z_width) says of that draw. */
    void (*relax_backward)(elbow_group *group, const elbow_pass *pass, const real *soft, const real *dz,
                           real temperature, size_t rows);
    /* One exact draw, and log q(z|x) of exact draws: (B). */
    void (*sample)(elbow_group *group, const elbow_pass *pass, real *z, size_t rows);
    void (*log_prob)(elbow_group *group, const elbow_pass *pass, real *log_q, const real *z, size_t rows);
    /* From group->dq: parameter gradients, and dfeatures (rows, features). */
    void (*backward)(elbow_group *group, const elbow_pass *pass, real *dfeatures, const real *features,
                     size_t rows);
    void (*destroy)(elbow_group *group);
} elbow_posterior_ops;

typedef struct elbow_prior_ops {
    const char *name;
    /* Declares prior.INDEX.*; ELBOW_USAGE where the kind of latent has no such prior. */
    elbow_status (*create)(elbow_group *group, size_t index, elbow_params *params);
    /* kl: (rows), KL(q(z|x) ‖ p(z)) of each example: closed form, or an estimate from the draws in group->z. */
    void (*kl)(elbow_group *group, const elbow_pass *pass, real *kl, size_t rows);
    /* Adds weights[b] · ∂kl[b] to dq (closed form) or dz (an estimate), and to the prior's gradients. */
    void (*kl_backward)(elbow_group *group, const elbow_pass *pass, const real *weights, size_t rows);
    /* log_p: (rows), log p(z). */
    void (*log_prob)(const elbow_group *group, const elbow_pass *pass, real *log_p, const real *z,
                     size_t rows);
    /* z: (rows, z_width) ~ p(z); may use group->q as scratch. */
    void (*sample)(elbow_group *group, const elbow_pass *pass, real *z, const uint32_t *words, size_t rows);
    void (*destroy)(elbow_group *group);
} elbow_prior_ops;

struct elbow_group {
    const elbow_latent_ops *latent;
    const elbow_posterior_ops *posterior;
    const elbow_prior_ops *prior;
    size_t variables, categories; /* L, K */
    size_t q_width, z_width;      /* reals an example's q and z take */
    size_t word_width;            /* random words a draw takes */
    char stream[32];              /* "latent.0.gumbel" */
    void *posterior_state, *prior_state;

    real *q, *dq;    /* (B, q_width) */
    real *z, *soft;  /* (S·B, z_width); the same block until a sample is hardened */
    real *dz;        /* (S·B, z_width): its share of the gradient in z, from elbow_stochastic_receive on */
    real *kl;        /* (B) */
    uint32_t *words; /* (B, word_width) */
};

extern const elbow_latent_ops elbow_latent_categorical;
extern const elbow_posterior_ops elbow_posterior_factorised;
extern const elbow_prior_ops elbow_prior_uniform;

#endif
