/* r_ρ(z) = w·tanh(W z + c) + b, the free part of RELAX's control variate: NAME.0.weight (H, Z) and .bias, from U(±1/√Z),
 * NAME.1.weight (1, H) and .bias, 0 at first, so that r is. NAME is estimator.network; of layer i > 0 estimator.upper.i. */
#ifndef ELBOW_SRC_VAE_CONTROL_NETWORK_H
#define ELBOW_SRC_VAE_CONTROL_NETWORK_H

#include "elbow/nn/net.h"
#include "math/activation.h"

typedef struct elbow_control_network {
    size_t width, hidden;                      /* Z, H */
    size_t weight, bias, out_weight, out_bias; /* offsets */
    const elbow_activation *activation;
    real *h;     /* (rows, H), of the last forward */
    real *u, *v; /* (rows, H) */
    real *dz;    /* (rows, Z) */
} elbow_control_network;

elbow_status elbow_control_network_create(elbow_control_network *network, size_t layer, size_t width,
                                          size_t hidden, elbow_params *params);
elbow_status elbow_control_network_reserve(elbow_control_network *network, size_t rows, elbow_arena *arena);

/* r (rows) of z (rows, Z); r may be NULL. */
void elbow_control_network_forward(elbow_control_network *network, const elbow_pass *pass, real *r,
                                   const real *z, size_t rows);
/* ∇r of the last forward's z: (rows, Z). */
real *elbow_control_network_slope(elbow_control_network *network, const elbow_pass *pass, size_t rows);

/* Adds to pass->gradients those of Σ_r a[r] r(z_r) + t_r·∇r(z_r), after a forward of z. a (rows), t (rows, Z): constants; a may be
 * NULL, for zeros. */
void elbow_control_network_learn(elbow_control_network *network, const elbow_pass *pass, const real *a,
                                 const real *t, const real *z, size_t rows);

#endif
