/* The variances of Gaussian dimensions of a likelihood: model.variance, a number for all of them or `learned`.
 *
 * Learned ones are likelihood.log_variance a (n), which starts at 0. A column that is constant, or that the decoder
 * predicts exactly, has no best variance: log p grows without bound as it goes to 0. So the log-variance has a smooth floor
 *
 *     s = f + log(1 + e^{a − f}),  f = log ELBOW_VARIANCE_FLOOR          ds/da = σ(a − f)
 *
 * which is a itself to 1e-4 from a = 0 up, and never passes below f: no dimension gives more than 3.69 nats, and its
 * residuals are scaled by 100 at most. The floor is a hundredth of a standardised column's deviation, and 2.6 of
 * 255 levels of grey. A number is taken as it is. */
#ifndef ELBOW_SRC_VAE_VARIANCE_H
#define ELBOW_SRC_VAE_VARIANCE_H

#include "elbow/base/arena.h"
#include "elbow/base/options.h"
#include "elbow/nn/net.h"

#define ELBOW_VARIANCE_FLOOR 1e-4

typedef struct elbow_variance {
    size_t count; /* n */
    bool learned;
    double fixed;      /* log-variance, where not learned */
    size_t parameters; /* offset of likelihood.log_variance */
    real *s;           /* (n) log-variances */
    real *inverse;     /* (n) e^{−s/2} */
    real *slope, *ds;  /* (n) ds/da, and room for a gradient in s; NULL where not learned */
} elbow_variance;

/* ELBOW_USAGE, blamed on model.variance. */
elbow_status elbow_variance_create(elbow_variance *variance, size_t count, const elbow_options *options,
                                   elbow_params *params);
elbow_status elbow_variance_reserve(elbow_variance *variance, elbow_arena *arena);

/* Sets s, inverse and slope, and zeroes ds. */
void elbow_variance_forward(const elbow_variance *variance, const elbow_pass *pass);

/* From ds, to the parameters' gradient. */
void elbow_variance_backward(const elbow_variance *variance, const elbow_pass *pass);

/* x (n) += σ √temperature · noise. */
void elbow_variance_disturb(const elbow_variance *variance, real *x, const real *noise, real temperature);

#endif
