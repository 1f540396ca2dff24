/* Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019); formulas in optimizer.h. */
#include <math.h>

#include "base/team.h"
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
/* What is too small to matter is 0. A weight whose gradient stays 0 (a dead unit's, a dark pixel's) has moments that
 * decay geometrically, and they would spend the rest of the run as denormals, at ten times the cost of the whole
 * update. 1e-18 is a step of 1e-13 at the usual rate and epsilon. */
#define SMALLEST        ((real)1e-18)
#define SMALLEST_SQUARE ((real)1e-36)

ELBOW_INLINE real flushed(real x, real smallest) { return x < smallest && x > -smallest ? 0 : x; }

ELBOW_INLINE void update_block(real *restrict theta, real *restrict m, real *restrict v, real *restrict g,
                               size_t n, coefficients c) {
    for (size_t i = 0; i < n; i++) {
        real gi = flushed(g[i] * c.scale, SMALLEST);
        g[i] = 0;
        m[i] = flushed(c.beta1 * m[i] + c.rest1 * gi, SMALLEST);
        v[i] = flushed(c.beta2 * v[i] + c.rest2 * (gi * gi), SMALLEST_SQUARE);
        theta[i] -= c.decay * theta[i] + c.rate * m[i] / (ROOT(v[i]) * c.root + c.epsilon);
    }
}

/* The pass is over four arrays of the size of the model, and waits for memory, not for arithmetic. The processor's own
 * prefetching stops at page ends and is late for four streams; asking half a page ahead takes a fifth to a quarter
 * off the time. */
enum { BLOCK = 64, AHEAD = 512, LINE = 64 / sizeof(real) };

ELBOW_KERNEL
static void update(real *restrict theta, real *restrict m, real *restrict v, real *restrict g, size_t n,
                   coefficients c) {
    size_t at = 0;
    for (; at + AHEAD + BLOCK <= n; at += BLOCK) {
        for (size_t i = at + AHEAD; i < at + AHEAD + BLOCK; i += LINE) {
            ELBOW_PREFETCH(g + i);
            ELBOW_PREFETCH(m + i);
            ELBOW_PREFETCH(v + i);
            ELBOW_PREFETCH(theta + i);
        }
        update_block(theta + at, m + at, v + at, g + at, BLOCK, c);
    }
    update_block(theta + at, m + at, v + at, g + at, n - at, c);
}

enum { WORTH_A_THREAD = 1 << 16 }; /* parameters: a megabyte to read and write again */

/* An update of all parameters; any part of them can be done alone. */
typedef struct job {
    real *parameters, *m, *v;
    real *gradient;
    const coefficients *coefficients;
} job;

static void update_part(void *context, size_t begin, size_t end) {
    const job *j = context;
    update(j->parameters + begin, j->m + begin, j->v + begin, j->gradient + begin, end - begin,
           *j->coefficients);
}

static void step(elbow_optimizer *optimizer, int64_t t, double learning_rate, real scale, real *gradient,
                 real *parameters) {
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
    job all = {.parameters = parameters,
               .m = optimizer->slots[0],
               .v = optimizer->slots[1],
               .gradient = gradient,
               .coefficients = &c};
    elbow_team_run(optimizer->team, optimizer->count, WORTH_A_THREAD, update_part, &all);
}

const elbow_optimizer_ops elbow_optimizer_adam = {
    .name = "adam",
    .slots = 2,
    .slot_names = {"first_moment", "second_moment"},
    .step = step,
};
