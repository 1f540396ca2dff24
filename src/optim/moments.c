#include "optim/moments.h"

#include <math.h>

#include "base/team.h"

#ifdef ELBOW_REAL_DOUBLE
#define ROOT sqrt
#else
#define ROOT sqrtf
#endif

/* The decay is part of what is taken off, not a factor 1 − lr·wd: rounded to float, that factor is off by up to 3e-8,
 * which is a third of a percent of a decay of 1e-5 a step, in the same direction every time. */
ELBOW_INLINE void update_block(real *restrict theta, real *restrict m, real *restrict v, real *restrict g,
                               size_t n, elbow_moments c) {
    for (size_t i = 0; i < n; i++) {
        real gi = moments_flushed(g[i] * c.scale, MOMENTS_SMALLEST);
        g[i] = 0;
        m[i] = moments_flushed(c.beta1 * m[i] + c.rest1 * gi, MOMENTS_SMALLEST);
        v[i] = moments_flushed(c.beta2 * v[i] + c.rest2 * (gi * gi), MOMENTS_SMALLEST_SQUARE);
        theta[i] -= c.decay * theta[i] + c.rate * m[i] / (ROOT(v[i]) * c.root + c.epsilon);
    }
}

ELBOW_KERNEL
static void update(real *restrict theta, real *restrict m, real *restrict v, real *restrict g, size_t n,
                   elbow_moments c) {
    size_t at = 0;
    for (; at + MOMENTS_AHEAD + MOMENTS_BLOCK <= n; at += MOMENTS_BLOCK) {
        for (size_t i = at + MOMENTS_AHEAD; i < at + MOMENTS_AHEAD + MOMENTS_BLOCK; i += MOMENTS_LINE) {
            ELBOW_PREFETCH(g + i);
            ELBOW_PREFETCH(m + i);
            ELBOW_PREFETCH(v + i);
            ELBOW_PREFETCH(theta + i);
        }
        update_block(theta + at, m + at, v + at, g + at, MOMENTS_BLOCK, c);
    }
    update_block(theta + at, m + at, v + at, g + at, n - at, c);
}

/* An update of all parameters; any part of them can be done alone. */
typedef struct job {
    real *parameters, *m, *v;
    real *gradient;
    const elbow_moments *moments;
} job;

static void update_part(void *context, size_t begin, size_t end) {
    const job *j = context;
    update(j->parameters + begin, j->m + begin, j->v + begin, j->gradient + begin, end - begin, *j->moments);
}

elbow_moments elbow_moments_make(const elbow_optimizer *optimizer, double learning_rate, real scale) {
    return (elbow_moments){
        .beta1 = (real)optimizer->beta1,
        .beta2 = (real)optimizer->beta2,
        .rest1 = (real)(1 - optimizer->beta1),
        .rest2 = (real)(1 - optimizer->beta2),
        .scale = scale,
        .decay = (real)(learning_rate * optimizer->weight_decay),
    };
}

void elbow_moments_update(elbow_optimizer *optimizer, const elbow_moments *moments, real *gradient,
                          real *parameters) {
    job all = {.parameters = parameters,
               .m = optimizer->slots[0],
               .v = optimizer->slots[1],
               .gradient = gradient,
               .moments = moments};
    elbow_team_run(optimizer->team, optimizer->count, MOMENTS_WORTH_A_THREAD, update_part, &all);
}
