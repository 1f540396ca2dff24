/* The exponential moving average of the parameters that an optimizer owns; formula in optimizer.h. */
#include <string.h>

#include "base/team.h"
#include "optim/moments.h"

/* The difference first: a weight that stands still has an average that is the weight, to the bit. */
ELBOW_KERNEL
static void update(real *restrict average, const real *restrict theta, size_t n, real rest) {
    for (size_t i = 0; i < n; i++)
        average[i] = moments_flushed(average[i] + rest * (theta[i] - average[i]), MOMENTS_SMALLEST);
}

typedef struct job {
    real *average;
    const real *parameters;
    real rest; /* 1 − decay */
} job;

static void update_part(void *context, size_t begin, size_t end) {
    const job *j = context;
    update(j->average + begin, j->parameters + begin, end - begin, j->rest);
}

static real *average_of(const elbow_optimizer *optimizer) { return optimizer->slots[optimizer->ops->slots]; }

void elbow_average_update(elbow_optimizer *optimizer, double decay, const real *parameters) {
    job all = {.average = average_of(optimizer), .parameters = parameters, .rest = (real)(1 - decay)};
    elbow_team_run(optimizer->team, optimizer->count, MOMENTS_WORTH_A_THREAD, update_part, &all);
}

void elbow_optimizer_average_begin(elbow_optimizer *optimizer, const real *parameters) {
    if (optimizer->average > 0)
        memcpy(average_of(optimizer), parameters, optimizer->count * sizeof *parameters);
}

void elbow_optimizer_average_swap(elbow_optimizer *optimizer, real *parameters) {
    real *average = optimizer->average > 0 ? average_of(optimizer) : NULL;
    for (size_t i = 0; average != NULL && i < optimizer->count; i++) {
        real last = parameters[i];
        parameters[i] = average[i];
        average[i] = last;
    }
}
