/* What gradient tests share: central differences in double, and values to differentiate at. */
#ifndef ELBOW_TESTS_GRADIENT_DIFFERENCES_H
#define ELBOW_TESTS_GRADIENT_DIFFERENCES_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "elbow/nn/params.h"
#include "unit/numbers.h"

_Static_assert(sizeof(real) == sizeof(double), "gradient tests are for the double build");

typedef double differentiable(void *context); /* a function of values that the caller holds */

/* x[i] is moved where `f` reads it. (f(x + h) − f(x − h)) / 2h with h = 1e-5 is itself good to h² f‴/6 ~ 1e-10 and to
 * 1e-16 |f| / h ~ 1e-11 |f|: a wrong term of relative size 1e-7 is found. */
static inline void check_gradient(const char *what, differentiable *f, void *context, real *x, const real *dx,
                                  size_t count) {
    const double h = 1e-5;
    for (size_t i = 0; i < count; ++i) {
        const real here = x[i];
        x[i] = here + h;
        double above = f(context);
        x[i] = here - h;
        double below = f(context);
        x[i] = here;
        double difference = (above - below) / (2 * h), scale = 1e-2 + fabs(difference);
        if (!(fabs(difference - dx[i]) <= 1e-7 * scale + 2e-11 * (fabs(above) + 1)))
            fail_msg("%s, element %zu: the gradient is %.12g, by difference %.12g", what, i, dx[i],
                     difference);
    }
}

/* Σ aᵢ bᵢ: a loss whose gradient in b is a. */
static inline double dot(const real *a, const real *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; ++i) sum += a[i] * b[i];
    return sum;
}

/* Fills every tensor's place, and nothing between tensors, with values over (−most, most). */
static inline real *hold_parameters(const elbow_params *params, const char *purpose, double most) {
    const real *values = hold_reals(purpose, params->size, -most, most);
    real *theta = hold(params->size * sizeof *theta, 0);
    memset(theta, 0, params->size * sizeof *theta);
    for (size_t t = 0; t < params->tensor_count; ++t) {
        const elbow_tensor *tensor = &params->tensors[t];
        memcpy(theta + tensor->offset, values + tensor->offset, tensor->count * sizeof *theta);
    }
    return theta;
}

static inline real *hold_zeros(size_t n) {
    real *zeros = hold(n * sizeof *zeros, 0);
    memset(zeros, 0, n * sizeof *zeros);
    return zeros;
}

/* The gradient is zero between tensors: what lies there never moves. */
static inline void check_gaps(const elbow_params *params, const real *gradient) {
    for (size_t t = 0; t < params->tensor_count; ++t) {
        size_t end = t + 1 < params->tensor_count ? params->tensors[t + 1].offset : params->size;
        for (size_t i = params->tensors[t].offset + params->tensors[t].count; i < end; ++i)
            assert_true(gradient[i] == 0);
    }
}

#endif
