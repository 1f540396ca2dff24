#include "math/normalization.h"

#include <math.h>

#include "math/lanes.h"

static const real epsilon = (real)1e-5;

/* Σ a b in the order of lanes.h. */
ELBOW_INLINE real lane_dot(const real *a, const real *b, size_t n) {
    real lanes[ELBOW_LANES] = {0};
    size_t whole = n - n % ELBOW_LANES;
    for (size_t i = 0; i < whole; i += ELBOW_LANES)
        for (int j = 0; j < ELBOW_LANES; ++j) lanes[j] += a[i + (size_t)j] * b[i + (size_t)j];
    for (size_t i = whole; i < n; ++i) lanes[i - whole] += a[i] * b[i];
    return elbow_lanes_total(lanes);
}

/* The mean is taken off first: Σ x² − n · mean² would lose a small variance around a large mean. */
ELBOW_KERNEL void elbow_layer_norm(real *restrict y, real *restrict mean, real *restrict scale,
                                   const real *restrict x, const real *restrict gain,
                                   const real *restrict bias, size_t rows, size_t n) {
    for (size_t r = 0; r < rows; ++r) {
        const real *from = x + r * n;
        real *to = y + r * n, middle = elbow_lane_sum(from, n) / (real)n;
        for (size_t i = 0; i < n; ++i) to[i] = from[i] - middle;
        real s = 1 / (real)sqrt((double)(lane_dot(to, to, n) / (real)n + epsilon));
        for (size_t i = 0; i < n; ++i) to[i] = (1 + gain[i]) * (to[i] * s) + bias[i];
        mean[r] = middle;
        scale[r] = s;
    }
}

/* With d = dy (1 + gain), the gradient in x̂:  dx = scale · (d − Σd/n − x̂ · Σ(d x̂)/n), as mean and scale move with x. */
ELBOW_KERNEL void elbow_layer_norm_backward(real *dx, real *restrict dgain, real *restrict dbias,
                                            const real *dy, const real *restrict mean,
                                            const real *restrict scale, const real *restrict x,
                                            const real *restrict gain, size_t rows, size_t n) {
    size_t whole = n - n % ELBOW_LANES;
    for (size_t r = 0; r < rows; ++r) {
        const real *from = x + r * n, *above = dy + r * n;
        real middle = mean[r], s = scale[r];
        real sums[ELBOW_LANES] = {0}, dots[ELBOW_LANES] = {0};
        for (size_t i = 0; i < n && dgain != NULL; ++i) {
            dgain[i] += above[i] * ((from[i] - middle) * s);
            dbias[i] += above[i];
        }
        if (dx == NULL) continue;
        for (size_t i = 0; i < whole; i += ELBOW_LANES)
            for (size_t j = 0; j < ELBOW_LANES; ++j) {
                real d = above[i + j] * (1 + gain[i + j]);
                sums[j] += d;
                dots[j] += d * ((from[i + j] - middle) * s);
            }
        for (size_t i = whole; i < n; ++i) {
            real d = above[i] * (1 + gain[i]);
            sums[i - whole] += d;
            dots[i - whole] += d * ((from[i] - middle) * s);
        }
        real sum = elbow_lanes_total(sums) / (real)n, dot = elbow_lanes_total(dots) / (real)n;
        real *out = dx + r * n;
        ELBOW_IN_PLACE
        for (size_t i = 0; i < n; ++i)
            out[i] = s * (above[i] * (1 + gain[i]) - sum - (from[i] - middle) * s * dot);
    }
}
