/* Activations: a family of elementwise functions fused with the bias of the layer before. */
#ifndef ELBOW_SRC_MATH_ACTIVATION_H
#define ELBOW_SRC_MATH_ACTIVATION_H

#include <stddef.h>

#include "elbow/base/error.h"
#include "elbow/base/real.h"

typedef struct elbow_activation {
    const char *name; /* "relu" */
    /* y (rows, n) holds products; y ← f(y + bias), bias (n). NULL where `apply` is set. */
    void (*forward)(real *y, const real *bias, size_t rows, size_t n);
    /* dy ← dy · f′, from the outputs y; where `apply` is set, from its inputs. */
    void (*backward)(real *dy, const real *from, size_t count);
    /* y ← f(v): set by members whose slope the output does not tell (gelu); layers then keep v for the way back. */
    void (*apply)(real *y, const real *v, size_t count);
} elbow_activation;

/* ELBOW_USAGE with the nearest known name. Members: linear, relu, leaky_relu (slope 0.01),
 * leaky_relu_0.2 (slope 0.2), tanh, gelu (x Φ(x), Hendrycks and Gimpel 2016). */
elbow_status elbow_activation_find(const char *name, const elbow_activation **activation);

/* v (rows, n) ← v + bias. */
void elbow_add_bias(real *v, const real *bias, size_t rows, size_t n);

#endif
