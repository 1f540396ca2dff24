/* Stochastic gradient descent with momentum: Polyak's heavy ball (1964), or Nesterov's look-ahead in the form of Sutskever
 * et al. (2013) that needs the gradient at θ alone; decoupled weight decay. Formulas in optimizer.h.
 *
 * v is a sum and not a mean: a steady gradient moves θ by lr / (1 − μ) a step, ten times lr at μ = 0.9. The rate is outside
 * of v, as in PyTorch and unlike in the papers, so that a rate that changes acts at once on all of v. */
#include "base/team.h"
#include "optim/moments.h"

/* The constants of one update, rounded once. */
typedef struct coefficients {
    real momentum;
    real scale;         /* of the gradient */
    real fresh, moving; /* what g and v count in the step: 0 and lr; lr and lr · μ with Nesterov's momentum */
    real decay;         /* lr · weight decay; taken off as in moments.c */
} coefficients;

ELBOW_INLINE void update_block(real *restrict theta, real *restrict v, real *restrict g, size_t n,
                               coefficients c) {
    for (size_t i = 0; i < n; i++) {
        real gi = moments_flushed(g[i] * c.scale, MOMENTS_SMALLEST);
        g[i] = 0;
        v[i] = moments_flushed(c.momentum * v[i] + gi, MOMENTS_SMALLEST);
        theta[i] -= c.decay * theta[i] + (c.fresh * gi + c.moving * v[i]);
    }
}

ELBOW_KERNEL
static void update(real *restrict theta, real *restrict v, real *restrict g, size_t n, coefficients c) {
    size_t at = 0;
    for (; at + MOMENTS_AHEAD + MOMENTS_BLOCK <= n; at += MOMENTS_BLOCK) {
        for (size_t i = at + MOMENTS_AHEAD; i < at + MOMENTS_AHEAD + MOMENTS_BLOCK; i += MOMENTS_LINE) {
            ELBOW_PREFETCH(g + i);
            ELBOW_PREFETCH(v + i);
            ELBOW_PREFETCH(theta + i);
        }
        update_block(theta + at, v + at, g + at, MOMENTS_BLOCK, c);
    }
    update_block(theta + at, v + at, g + at, n - at, c);
}

/* An update of all parameters; any part of them can be done alone. */
typedef struct job {
    real *parameters, *v, *gradient;
    const coefficients *coefficients;
} job;

static void update_part(void *context, size_t begin, size_t end) {
    const job *j = context;
    update(j->parameters + begin, j->v + begin, j->gradient + begin, end - begin, *j->coefficients);
}

static void step(elbow_optimizer *optimizer, int64_t t, double learning_rate, real scale, real *gradient,
                 real *parameters) {
    double momentum = optimizer->momentum;
    coefficients c = {
        .momentum = (real)momentum,
        .scale = scale,
        .fresh = (real)(optimizer->nesterov ? learning_rate : 0),
        .moving = (real)(optimizer->nesterov ? learning_rate * momentum : learning_rate),
        .decay = (real)(learning_rate * optimizer->weight_decay),
    };
    job all = {.parameters = parameters, .v = optimizer->slots[0], .gradient = gradient, .coefficients = &c};
    (void)t; /* v starts at 0 and needs no correction: its first value is g */
    elbow_team_run(optimizer->team, optimizer->count, MOMENTS_WORTH_A_THREAD, update_part, &all);
}

const elbow_optimizer_ops elbow_optimizer_sgd = {
    .name = "sgd",
    .reads = "optimizer.momentum optimizer.nesterov",
    .slots = 1,
    .slot_names = {"momentum"},
    .step = step,
};
