/* Sums whose order is spelled out: lane j adds the elements j, j + 16, j + 32, … in order, then the lanes are
 * added in order. One vector register, or two or four, holds the lanes; the bits are the same. */
#ifndef ELBOW_SRC_MATH_LANES_H
#define ELBOW_SRC_MATH_LANES_H

#include <stddef.h>

#include "elbow/base/real.h"
#include "math/kernel.h"

enum { ELBOW_LANES = 16 };

/* Adds x (n) into lanes; n is a multiple of 16 in every call but a sum's last. */
ELBOW_INLINE void elbow_lanes_add(real lanes[ELBOW_LANES], const real *x, size_t n) {
    real sum[ELBOW_LANES]; /* a copy that can live in registers */
    for (int j = 0; j < ELBOW_LANES; ++j) sum[j] = lanes[j];
    size_t whole = n - n % ELBOW_LANES;
    for (size_t i = 0; i < whole; i += ELBOW_LANES)
        for (int j = 0; j < ELBOW_LANES; ++j) sum[j] += x[i + (size_t)j];
    for (size_t i = whole; i < n; ++i) sum[i - whole] += x[i];
    for (int j = 0; j < ELBOW_LANES; ++j) lanes[j] = sum[j];
}

ELBOW_INLINE real elbow_lanes_total(const real lanes[ELBOW_LANES]) {
    real total = lanes[0];
    for (int j = 1; j < ELBOW_LANES; ++j) total += lanes[j];
    return total;
}

/* Σ x. Up to 16 elements that order is the plain one. */
ELBOW_INLINE real elbow_lane_sum(const real *x, size_t n) {
    real lanes[ELBOW_LANES] = {0};
    if (n > ELBOW_LANES) {
        elbow_lanes_add(lanes, x, n);
        return elbow_lanes_total(lanes);
    }
    real total = 0;
    for (size_t i = 0; i < n; ++i) total += x[i];
    return total;
}

/* max x, n ≥ 1. A maximum has no order to spell out; NaN may be passed over. */
ELBOW_INLINE real elbow_lane_max(const real *x, size_t n) {
    real most = x[0];
    size_t i = 1;
    if (n > 2 * ELBOW_LANES) {
        real lanes[ELBOW_LANES];
        for (int j = 0; j < ELBOW_LANES; ++j) lanes[j] = x[j];
        for (i = ELBOW_LANES; i + ELBOW_LANES <= n; i += ELBOW_LANES)
            for (int j = 0; j < ELBOW_LANES; ++j) {
                real v = x[i + (size_t)j];
                lanes[j] = v > lanes[j] ? v : lanes[j];
            }
        for (int j = 0; j < ELBOW_LANES; ++j) most = lanes[j] > most ? lanes[j] : most;
    }
    for (; i < n; ++i) most = x[i] > most ? x[i] : most;
    return most;
}

#endif
