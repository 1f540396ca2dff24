#include "math/gaussian_density.h"

#include "math/lanes.h"

enum { BLOCK = 256 }; /* dimensions whose terms are summed in real */

static const real half_log_two_pi = (real)0.91893853320467274178;

ELBOW_INLINE void block_terms(real *restrict term, real *restrict mean, const real *restrict x,
                              const real *restrict s, const real *restrict inverse, size_t n, int gradient) {
    for (size_t i = 0; i < n; ++i) {
        real u = (x[i] - mean[i]) * inverse[i];
        real value = (real)-0.5 * (u * u + s[i]) - half_log_two_pi;
        term[i] = x[i] != x[i] ? (real)0 : value;
        if (gradient) mean[i] = u;
    }
}

ELBOW_INLINE double row_log_prob(real *mean, const real *x, const real *s, const real *inverse, size_t n,
                                 int gradient) {
    double sum = 0;
    for (size_t begin = 0; begin < n; begin += BLOCK) {
        size_t count = n - begin < BLOCK ? n - begin : BLOCK;
        real term[BLOCK], lanes[ELBOW_LANES] = {0};
        block_terms(term, mean + begin, x + begin, s + begin, inverse + begin, count, gradient);
        elbow_lanes_add(lanes, term, count);
        for (int j = 0; j < ELBOW_LANES; ++j) sum += (double)lanes[j];
    }
    return sum;
}

ELBOW_KERNEL void elbow_gaussian_rows_log_prob(double *log_p, real *mean, const real *x, const real *s,
                                               const real *inverse, size_t rows, size_t batch, size_t n,
                                               size_t stride, int gradient) {
    for (size_t r = 0; r < rows; ++r) {
        const real *target = x + (r % batch) * n;
        if (gradient)
            log_p[r] += row_log_prob(mean + r * stride, target, s, inverse, n, 1);
        else
            log_p[r] += row_log_prob(mean + r * stride, target, s, inverse, n, 0);
    }
}

ELBOW_KERNEL void elbow_gaussian_backward(real *restrict u, real *restrict ds, const real *restrict weights,
                                          const real *restrict inverse, size_t rows, size_t n,
                                          size_t stride) {
    for (size_t r = 0; r < rows; ++r) {
        real *restrict row = u + r * stride;
        real weight = weights[r];
        if (ds != NULL)
            for (size_t i = 0; i < n; ++i) {
                real slope = weight * ((real)0.5 * (row[i] * row[i] - 1));
                ds[i] += row[i] != row[i] ? (real)0 : slope;
            }
        for (size_t i = 0; i < n; ++i) {
            real slope = weight * (row[i] * inverse[i]);
            row[i] = row[i] != row[i] ? (real)0 : slope;
        }
    }
}
