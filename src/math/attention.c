#include "math/attention.h"

#include "math/exp_log.h"
#include "math/lanes.h"

ELBOW_KERNEL void elbow_causal_softmax(real *restrict scores, size_t rows, size_t n, size_t first,
                                       real scale) {
    for (size_t r = 0; r < rows; r++) {
        real *row = scores + r * n;
        size_t seen = first + r + 1;
        real most = elbow_lane_max(row, seen);
        for (size_t j = 0; j < seen; j++) row[j] = elbow_exp(scale * (row[j] - most));
        real share = 1 / elbow_lane_sum(row, seen);
        for (size_t j = 0; j < seen; j++) row[j] *= share;
        for (size_t j = seen; j < n; j++) row[j] = 0;
    }
}

/* Σ a b in the order of lanes.h. */
ELBOW_INLINE real lane_dot(const real *restrict a, const real *restrict b, size_t n) {
    real lanes[ELBOW_LANES] = {0};
    size_t whole = n - n % ELBOW_LANES;
    for (size_t i = 0; i < whole; i += ELBOW_LANES)
        for (int j = 0; j < ELBOW_LANES; j++) lanes[j] += a[i + (size_t)j] * b[i + (size_t)j];
    for (size_t i = whole; i < n; i++) lanes[i - whole] += a[i] * b[i];
    return elbow_lanes_total(lanes);
}

ELBOW_KERNEL void elbow_causal_softmax_backward(real *restrict d, const real *restrict p, size_t rows,
                                                size_t n, size_t first, real scale) {
    for (size_t r = 0; r < rows; r++) {
        real *row = d + r * n;
        const real *share = p + r * n;
        size_t seen = first + r + 1;
        real mean = lane_dot(row, share, seen);
        for (size_t j = 0; j < seen; j++) row[j] = scale * (share[j] * (row[j] - mean));
        for (size_t j = seen; j < n; j++) row[j] = 0;
    }
}
