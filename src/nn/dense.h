/* A dense layer, y = f(x Wᵀ + b): in a network, and as the head of a posterior or a likelihood. */
#ifndef ELBOW_SRC_NN_DENSE_H
#define ELBOW_SRC_NN_DENSE_H

#include "elbow/nn/net.h"
#include "math/activation.h"

typedef struct elbow_dense {
    size_t in, out;
    size_t weight, bias; /* offsets of W (out, in) and b (out) */
    const elbow_activation *activation;
    real *v; /* (rows, out), where the activation's slope needs its input */
} elbow_dense;

/* Declares NAME.weight and NAME.bias, both from U(−1/√in, 1/√in) as PyTorch's Linear. */
elbow_status elbow_dense_create(elbow_dense *dense, const char *name, size_t in, size_t out,
                                const elbow_activation *activation, elbow_params *params);

/* What the activation keeps for the way back: nothing, for most. */
elbow_status elbow_dense_reserve(elbow_dense *dense, size_t rows, elbow_arena *arena);

/* y (rows, out) = x Wᵀ, from x (rows, in): for who has other passes over y to make, and adds the bias in one of them. */
void elbow_dense_multiply(const elbow_dense *dense, const elbow_pass *pass, real *y, const real *x,
                          size_t rows);

/* y (rows, out) from x (rows, in). */
void elbow_dense_forward(const elbow_dense *dense, const elbow_pass *pass, real *y, const real *x,
                         size_t rows);

/* From dy (rows, out), which becomes the gradient before the activation: adds to W's and b's gradients,
 * writes dx (rows, in) unless it is NULL. y is forward's output, x its input. */
void elbow_dense_backward(const elbow_dense *dense, const elbow_pass *pass, real *dx, real *dy, const real *y,
                          const real *x, size_t rows);

/* The same with row r of dy counted weights[r] times. */
void elbow_dense_backward_weighted(const elbow_dense *dense, const elbow_pass *pass, real *dx, real *dy,
                                   const real *weights, const real *y, const real *x, size_t rows);

#endif
