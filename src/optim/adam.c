/* Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019); formulas in optimizer.h. */
#include <math.h>

#include "math/kernel.h"
#include "optim/optimizer_ops.h"

#ifdef ELBOW_REAL_DOUBLE
#define ROOT sqrt
#else
#define ROOT sqrtf
#endif

/* The constants of one update, rounded once. */
typedef struct coefficients {
    real beta1, beta2, rest1, rest2; /* β, 1 − β */
    real scale;                      /* of the gradient */
    real rate;                       /* lr / (1 − β1^t) */
    real root;                       /* 1 / √(1 − β2^t) */
    real epsilon, decay;             /* lr · weight decay */
} coefficients;

/* The decay is part of what is taken off, not a factor 1 − lr·wd: rounded to float, that factor is off by up to 3e-8,
 * which is a third of a percent of a decay of 1e-5 a step, in the same direction every time. */
ELBOW_KERNEL
static void update(real *restrict theta, real *restrict m, real *restrict v, const real *restrict g, size_t n,
                   coefficients c) {
    for (size_t i = 0; i < n; i++) {
        real gi = g[i] * c.scale;
        m[i] = c.beta1 * m[i] + c.rest1 * gi;
        v[i] = c.beta2 * v[i] + c.rest2 * (gi * gi);
        theta[i] -= c.decay * theta[i] + c.rate * m[i] / (ROOT(v[i]) * c.root + c.epsilon);
    }
}

static void step(elbow_optimizer *optimizer, int64_t t, double learning_rate, real scale,
                 const real *gradient, real *parameters) {
    coefficients c = {
        .beta1 = (real)optimizer->beta1,
        .beta2 = (real)optimizer->beta2,
        .rest1 = (real)(1 - optimizer->beta1),
        .rest2 = (real)(1 - optimizer->beta2),
        .scale = scale,
        .rate = (real)(learning_rate / (1 - pow(optimizer->beta1, (double)t))),
        .root = (real)(1 / sqrt(1 - pow(optimizer->beta2, (double)t))),
        .epsilon = (real)optimizer->epsilon,
        .decay = (real)(learning_rate * optimizer->weight_decay),
    };
    update(parameters, optimizer->slots[0], optimizer->slots[1], gradient, optimizer->count, c);
}

const elbow_optimizer_ops elbow_optimizer_adam = {
    .name = "adam",
    .slots = 2,
    .slot_names = {"first_moment", "second_moment"},
    .step = step,
};
