/* A mixture over whole vectors z, of components of the latent's own kind:
 *
 *     p(z) = Σ_c w_c Π_l p(z_l | parameters c, l)
 *
 * What a mixture prior and a VampPrior share. log p by log-sum-exp; with ρ_rc = w_c p_c(z_r) / p(z_r), the gradients of
 * log p(z_r) are ρ_rc times those of log p_c(z_r), and ρ_rc − w_c in the logits of w. Sums over variables and
 * components are in double, in their order. */
#ifndef ELBOW_SRC_VAE_COMPONENTS_H
#define ELBOW_SRC_VAE_COMPONENTS_H

#include "vae/group.h"

typedef struct elbow_components {
    size_t count;           /* C */
    real *parameters;       /* (C, q_width), as group->q holds them */
    real *log_weights;      /* (C), log w */
    real *shares;           /* (R, C): ρ, of the last log_prob */
    real *z, *dz;           /* (C, z_width): a row's z, once for each component */
    real *values, *weights; /* (C · L) */
    uint32_t *words;        /* (R) */
} elbow_components;

elbow_status elbow_components_reserve(elbow_components *components, const elbow_group *group, size_t rows,
                                      bool training, elbow_arena *arena);

/* log p of group->z; keeps ρ for the way back. */
void elbow_components_log_prob(elbow_components *components, const elbow_group *group, real *log_p,
                               size_t rows);
/* Gradients of Σ_r weights[r] · log p(z_r), of the last log_prob, added: to group->dz where there is one; to dheads (C, q_width);
 * to dlogits (C), or NULL. */
void elbow_components_log_prob_backward(elbow_components *components, elbow_group *group, real *dheads,
                                        real *dlogits, const real *weights, size_t rows);

/* group->z ~ p: a component for each row from the stream NAME.component, then z from group->words. Uses group->q. */
void elbow_components_sample(elbow_components *components, elbow_group *group, const elbow_pass *pass,
                             const char *stream, size_t rows);

#endif
