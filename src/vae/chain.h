/* What autoregressive posteriors and priors share: parameters of variable l that depend on the variables before it,
 *
 *     head_l = base_l + Σ_{j<l} U_lj z_j
 *
 * U is NAME.chain, (q_width, z_width): blocks of q_size × z_size, of which those below the diagonal count. The others are
 * never read, have no gradient and stay 0, as all of U is at first: a chain begins as independent variables. */
#ifndef ELBOW_SRC_VAE_CHAIN_H
#define ELBOW_SRC_VAE_CHAIN_H

#include "vae/group.h"

typedef struct elbow_chain {
    size_t matrix; /* offset of U */
    real *masked,
        *dmatrix;       /* (q_width, z_width): U with zeros where it does not count; its gradient, unmasked */
    real *head, *dhead; /* (R, q_size): of one variable */
    real *draw, *hard, *ddraw; /* (R, z_size) */
    uint32_t *words;           /* (R, noise) */
} elbow_chain;

elbow_status elbow_chain_create(elbow_chain *chain, const elbow_group *group, const char *name,
                                elbow_params *params);
elbow_status elbow_chain_reserve(elbow_chain *chain, const elbow_group *group, size_t rows, bool training,
                                 elbow_arena *arena);

/* parameters (R, q_width) of given z, from base (R, q_width): one product. */
void elbow_chain_condition(elbow_chain *chain, const elbow_group *group, const elbow_pass *pass,
                           real *parameters, const real *base, size_t rows);

/* Draws group->z from group->words, variable after variable, and fills parameters with what each was drawn from. relaxed:
 * with group->soft for the way back; z is that, or discrete, by `draw`; later variables see z. */
typedef struct elbow_chain_draw {
    bool relaxed;
    elbow_draw draw;
    real temperature;
} elbow_chain_draw;
void elbow_chain_sample(elbow_chain *chain, elbow_group *group, const elbow_pass *pass, real *parameters,
                        const real *base, const elbow_chain_draw *draw, size_t rows);

/* The way back through relaxed draws from q, last variable first: dz → dq, and dq → dz of the variables before. */
void elbow_chain_sample_backward(elbow_chain *chain, elbow_group *group, const elbow_pass *pass,
                                 real temperature, elbow_draw draw, size_t rows);

/* dU += dheadsᵀ z; and, with dz, dz += dheads U. */
void elbow_chain_backward(elbow_chain *chain, const elbow_group *group, const elbow_pass *pass, real *dz,
                          const real *dheads, size_t rows);

#endif
