#include "math/activation.h"

#include "base/family.h"
#include "math/exp_log.h"
#include "math/gelu.h"

/* Slopes test y > 0 rather than y < 0 where it matters: at 0 the slope is that of the left side, as PyTorch has it.
 * Outputs test y < 0, so that NaN comes through and is found. */

ELBOW_KERNEL void elbow_add_bias(real *restrict v, const real *restrict bias, size_t rows, size_t n) {
    for (size_t r = 0; r < rows; ++r)
        for (size_t i = 0; i < n; ++i) v[r * n + i] += bias[i];
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

ELBOW_KERNEL static void leak_forward(real leak, real *restrict y, const real *restrict bias, size_t rows,
                                      size_t n) {
    for (size_t r = 0; r < rows; ++r)
        for (size_t i = 0; i < n; ++i) {
            real v = y[r * n + i] + bias[i];
            y[r * n + i] = v < 0 ? leak * v : v;
        }
}

ELBOW_KERNEL static void leak_backward(real leak, real *restrict dy, const real *restrict y, size_t count) {
    for (size_t i = 0; i < count; ++i) dy[i] = y[i] > 0 ? dy[i] : leak * dy[i];
}

static void leaky_relu_forward(real *y, const real *bias, size_t rows, size_t n) {
    leak_forward((real)0.01, y, bias, rows, n);
}

static void leaky_relu_backward(real *dy, const real *y, size_t count) {
    leak_backward((real)0.01, dy, y, count);
}

static void leakier_relu_forward(real *y, const real *bias, size_t rows, size_t n) {
    leak_forward((real)0.2, y, bias, rows, n);
}

static void leakier_relu_backward(real *dy, const real *y, size_t count) {
    leak_backward((real)0.2, dy, y, count);
}

ELBOW_KERNEL static void tanh_forward(real *restrict y, const real *restrict bias, size_t rows, size_t n) {
    for (size_t r = 0; r < rows; ++r)
        for (size_t i = 0; i < n; ++i) y[r * n + i] = elbow_tanh(y[r * n + i] + bias[i]);
}

ELBOW_KERNEL static void tanh_backward(real *restrict dy, const real *restrict y, size_t count) {
    for (size_t i = 0; i < count; ++i) dy[i] *= (1 - y[i]) * (1 + y[i]);
}

/* x Φ(x), with Φ the normal distribution function itself and not its approximation by tanh. Where Φ is 0, so is the product,
 * whatever x. */
ELBOW_KERNEL static void gelu_apply(real *restrict y, const real *restrict v, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        real density, below = elbow_normal_cdf(v[i], &density);
        y[i] = v[i] < (real)-12.8 ? (real)0 : v[i] * below;
    }
}

/* (x Φ)′ = Φ + x φ. Far out x φ is 0, whatever x. */
ELBOW_KERNEL static void gelu_backward(real *restrict dy, const real *restrict v, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        real density, below = elbow_normal_cdf(v[i], &density);
        dy[i] *= below + (density > 0 ? v[i] * density : density);
    }
}

static const elbow_activation linear = {
    .name = "linear", .forward = elbow_add_bias, .backward = linear_backward};
static const elbow_activation relu = {.name = "relu", .forward = relu_forward, .backward = relu_backward};
static const elbow_activation leaky_relu = {
    .name = "leaky_relu", .forward = leaky_relu_forward, .backward = leaky_relu_backward};
static const elbow_activation leakier_relu = {
    .name = "leaky_relu_0.2", .forward = leakier_relu_forward, .backward = leakier_relu_backward};
static const elbow_activation hyperbolic_tangent = {
    .name = "tanh", .forward = tanh_forward, .backward = tanh_backward};
static const elbow_activation gelu = {.name = "gelu", .apply = gelu_apply, .backward = gelu_backward};

static const elbow_activation *const members[] = {
    &linear, &relu, &leaky_relu, &leakier_relu, &hyperbolic_tangent, &gelu};

elbow_status elbow_activation_find(const char *name, const elbow_activation **activation) {
    size_t i = 0;
    ELBOW_TRY(ELBOW_FAMILY_FIND(members, "activation", name, &i));
    *activation = members[i];
    return ELBOW_OK;
}
