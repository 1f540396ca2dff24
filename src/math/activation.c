#include "math/activation.h"

#include <string.h>

#include "elbow/base/options.h"
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

static const elbow_activation members[] = {
    {"linear", linear_forward, linear_backward},
    {"relu", relu_forward, relu_backward},
    {"leaky_relu", leaky_relu_forward, leaky_relu_backward},
    {"tanh", tanh_forward, tanh_backward},
};

enum { MEMBERS = sizeof members / sizeof *members };

elbow_status elbow_activation_find(const char *name, const elbow_activation **activation) {
    const char *names[MEMBERS];
    for (size_t i = 0; i < MEMBERS; ++i) {
        names[i] = members[i].name;
        if (strcmp(name, names[i]) == 0) {
            *activation = &members[i];
            return ELBOW_OK;
        }
    }
    const char *near = elbow_nearest_name(name, names, MEMBERS);
    return elbow_fail(ELBOW_USAGE,
                      "activation \"%s\" is not known%s%s%s; use linear, relu, leaky_relu or tanh", name,
                      near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}
