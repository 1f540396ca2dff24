/* Likelihoods p(x|z): a family. A member owns the layer from the decoder's features to its distribution, is one
 * file that ends in its table, and one line in likelihood.c's list.
 *
 * Rows are S draws of B examples, draw by draw: row r has the target x[r mod B]. forward keeps what backward
 * needs; backward takes the weight of each row's log p in the loss, which may depend on forward's result. */
#ifndef ELBOW_SRC_VAE_LIKELIHOOD_H
#define ELBOW_SRC_VAE_LIKELIHOOD_H

#include "elbow/base/options.h"
#include "elbow/data/dataset.h"
#include "elbow/nn/net.h"

typedef struct elbow_likelihood elbow_likelihood;

typedef struct elbow_likelihood_ops {
    const char *name;
    /* Declares likelihood.*, from features of the given width to a field. ELBOW_USAGE where the field's kind
     * has no such likelihood. */
    elbow_status (*create)(elbow_likelihood *likelihood, elbow_params *params);
    elbow_status (*reserve)(elbow_likelihood *likelihood, size_t rows, bool training, elbow_arena *arena);
    /* log_px: (rows), nats. */
    void (*forward)(elbow_likelihood *likelihood, const elbow_pass *pass, real *log_px, const real *features,
                    const real *x, size_t rows, size_t batch);
    /* Gradients of Σ_r weights[r] · log_px[r]; dfeatures: (rows, features). */
    void (*backward)(elbow_likelihood *likelihood, const elbow_pass *pass, real *dfeatures,
                     const real *weights, const real *features, size_t rows);
    /* mean: (rows, D), E[x|z] in [0, 1]. */
    void (*mean)(elbow_likelihood *likelihood, const elbow_pass *pass, real *mean, const real *features,
                 size_t rows);
    void (*destroy)(elbow_likelihood *likelihood);
} elbow_likelihood_ops;

struct elbow_likelihood {
    const elbow_likelihood_ops *ops;
    size_t features;   /* width of what the decoder gives */
    elbow_field field; /* what x is */
    void *state;       /* the member's own */
};

elbow_status elbow_likelihood_create(elbow_likelihood *likelihood, const elbow_options *options,
                                     size_t features, const elbow_field *field, elbow_params *params);
void elbow_likelihood_destroy(elbow_likelihood *likelihood);

extern const elbow_likelihood_ops elbow_likelihood_bernoulli;

#endif
