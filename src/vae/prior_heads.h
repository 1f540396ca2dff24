/* The heads of a prior that learns: W h + b where there are features h (NAME.weight, NAME.bias: a dense layer), else a bias
 * alone (NAME.bias), which begins at zero. Zero heads are the standard prior of each kind, but for a Gaussian of scale = softplus:
 * its σ begins at log 2. */
#ifndef ELBOW_SRC_VAE_PRIOR_HEADS_H
#define ELBOW_SRC_VAE_PRIOR_HEADS_H

#include "vae/group.h"

typedef struct elbow_prior_heads {
    size_t width;
    bool conditional; /* there are features */
    elbow_dense dense;
    size_t bias;
} elbow_prior_heads;

elbow_status elbow_prior_heads_create(elbow_prior_heads *heads, const char *name, size_t features,
                                      size_t width, elbow_params *params);
/* out: (rows, width). */
void elbow_prior_heads_forward(const elbow_prior_heads *heads, const elbow_pass *pass, real *out,
                               const real *features, size_t rows);
/* From d (rows, width): parameter gradients, and dfeatures, overwritten, or NULL. */
void elbow_prior_heads_backward(const elbow_prior_heads *heads, const elbow_pass *pass, real *dfeatures,
                                real *d, const real *features, size_t rows);

#endif
