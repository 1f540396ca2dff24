/* The bounds of the examples of a block, from draws of z: what evaluate.h says, one number an example. Local. */
#ifndef ELBOW_SRC_TRAIN_BOUNDS_H
#define ELBOW_SRC_TRAIN_BOUNDS_H

#include "elbow/base/arena.h"
#include "elbow/train/evaluate.h"

typedef struct elbow_bounds_request {
    size_t samples;
    double temperature; /* of relaxed draws beside the exact ones; 0: none */
    bool iwae;
    /* Called after each draw, or NULL; `diverged`: its KL was asked for. */
    void (*drawn)(void *context, size_t draw, size_t rows, bool diverged);
    void *context;
} elbow_bounds_request;

typedef struct elbow_bounds {
    double *elbo, *reconstruction, *kl; /* (rows) */
    double *iwae, *soft;                /* (rows); soft: log p(x|z) of relaxed draws */
    real *log_px, *kl_draw, *log_weight;
    double *most, *sum; /* log Σ w = most + log sum */
    size_t classes;
    double *votes;        /* (rows, classes): Σ q(y|x) over draws */
    double labels, right; /* labels that are known, and found */
} elbow_bounds;

/* Sums over examples. */
typedef struct elbow_bound_sums {
    double elbo, elbo_square, reconstruction, kl, soft_reconstruction, iwae, iwae_square;
    double labels, right;
} elbow_bound_sums;

/* For blocks. */
elbow_status elbow_bounds_reserve(elbow_bounds *bounds, const elbow_vae *vae, elbow_arena *arena);

/* Of the batch, with all draws. */
void elbow_bounds_find(elbow_bounds *bounds, elbow_vae *vae, elbow_pass *pass, const elbow_batch *batch,
                       const elbow_bounds_request *request);

elbow_bound_sums elbow_bounds_sum(const elbow_bounds *bounds, size_t rows);

/* Means from sums of blocks in their order. */
void elbow_bounds_mean(elbow_evaluation *result, const elbow_bound_sums *blocks, size_t count, size_t stride,
                       size_t examples, const elbow_bounds_request *request);

#endif
