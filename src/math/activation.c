#include "math/activation.h"

#include "base/family.h"
#include "math/exp_log.h"

/* Slopes test y > 0 rather than y < 0 where it matters: at 0 the slope is that of the left side, as PyTorch has it.
 * Outputs test y < 0, so that NaN comes through and is found. */

ELBOW_KERNEL static void linear_forward(real *restrict y, const real *restrict bias, size_t rows, size_t n) {
    for (size_t r = 0; r < rows; ++r)
        for (size_t i = 0; i < n; ++i) y[r * n + i] += bias[i];
}

static void linear_backward(real *dy, const real *y, size_t count) { (void)dy, (void)y, (void)count; }

ELBOW_KERNEL static void relu_forward(real *restrict y, const real *restrict bias, size_t rows, size_t n) {
    for (size_t r = 0; r < rows; ++r)
        for (size_t i = 0; i < n; ++i) {
            real v = y[r * n + i] + bias[i];
            y[r * n + i] = v < 0 ? (real)0 : v;
        }
}

ELBOW_KERNEL static void relu_backward(real *restrict dy, const real *restrict y, size_t count) {
    for (size_t i = 0; i < count; ++i) dy[i] = y[i] > 0 ? dy[i] : (real)0;
}

static const real leak = (real)0.01;

ELBOW_KERNEL static void leaky_relu_forward(real *restrict y, const real *restrict bias, size_t rows,
                                            size_t n) {
    for (size_t r = 0; r < rows; ++r)
        for (size_t i = 0; i < n; ++i) {
            real v = y[r * n + i] + bias[i];
            y[r * n + i] = v < 0 ? leak * v : v;
        }
}

ELBOW_KERNEL static void leaky_relu_backward(real *restrict dy, const real *restrict y, size_t count) {
    for (size_t i = 0; i < count; ++i) dy[i] = y[i] > 0 ? dy[i] : leak * dy[i];
}

ELBOW_KERNEL static void tanh_forward(real *restrict y, const real *restrict bias, size_t rows, size_t n) {
    for (size_t r = 0; r < rows; ++r)
        for (size_t i = 0; i < n; ++i) y[r * n + i] = elbow_tanh(y[r * n + i] + bias[i]);
}

ELBOW_KERNEL static void tanh_backward(real *restrict dy, const real *restrict y, size_t count) {
    for (size_t i = 0; i < count; ++i) dy[i] *= (1 - y[i]) * (1 + y[i]);
}

static const elbow_activation linear = {"linear", linear_forward, linear_backward};
static const elbow_activation relu = {"relu", relu_forward, relu_backward};
static const elbow_activation leaky_relu = {"leaky_relu", leaky_relu_forward, leaky_relu_backward};
static const elbow_activation hyperbolic_tangent = {"tanh", tanh_forward, tanh_backward};

static const elbow_activation *const members[] = {&linear, &relu, &leaky_relu, &hyperbolic_tangent};

elbow_status elbow_activation_find(const char *name, const elbow_activation **activation) {
    size_t i = 0;
    ELBOW_TRY(ELBOW_FAMILY_FIND(members, "activation", name, &i));
    *activation = members[i];
    return ELBOW_OK;
}
