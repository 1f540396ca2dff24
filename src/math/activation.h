/* Activations: a family of elementwise functions fused with the bias of the layer before. */
#ifndef ELBOW_SRC_MATH_ACTIVATION_H
#define ELBOW_SRC_MATH_ACTIVATION_H

#include <stddef.h>

#include "elbow/base/error.h"
#include "elbow/base/real.h"

typedef struct elbow_activation {
    const char *name; /* "relu" */
    /* y (rows, n) holds products; y ← f(y + bias), bias (n). */
    void (*forward)(real *y, const real *bias, size_t rows, size_t n);
    /* dy ← dy · f′, from the outputs y. */
    void (*backward)(real *dy, const real *y, size_t count);
} elbow_activation;

/* ELBOW_USAGE with the nearest known name. Members: linear, relu, leaky_relu (slope 0.01), tanh. */
elbow_status elbow_activation_find(const char *name, const elbow_activation **activation);

#endif
