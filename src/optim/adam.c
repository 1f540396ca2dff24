/* Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019); formulas in optimizer.h. */
#include <math.h>

#include "optim/moments.h"

static void step(elbow_optimizer *optimizer, int64_t t, double learning_rate, real scale, real *gradient,
                 real *parameters) {
    elbow_moments c = elbow_moments_make(optimizer, learning_rate, scale);
    c.rate = (real)(learning_rate / (1 - pow(optimizer->beta1, (double)t)));
    c.root = (real)(1 / sqrt(1 - pow(optimizer->beta2, (double)t)));
    c.epsilon = (real)optimizer->epsilon;
    elbow_moments_update(optimizer, &c, gradient, parameters);
}

const elbow_optimizer_ops elbow_optimizer_adam = {
    .name = "adam",
    .reads = "optimizer.beta1 optimizer.beta2 optimizer.epsilon",
    .slots = 2,
    .slot_names = {"first_moment", "second_moment"},
    .step = step,
};
