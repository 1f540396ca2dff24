#include "math/gaussian.h"

#include <stdbool.h>

#include "math/exp_log.h"
#include "math/normal.h"

static const real half_log_two_pi = (real)0.918938533204672741780;

/* log log(1 + e^a). For small e^a = e it is a + log(1 − e/2 + e²/3 − …), which no underflow of e disturbs. */
ELBOW_INLINE real log_softplus(real a) {
    real e = elbow_exp(a < 0 ? a : -a);
    real low = a - e * ((real)0.5 - e * (real)(5.0 / 24.0));
    real high = (a < 0 ? (real)0 : a) + elbow_log1p_unit(e);
    return a < -15 ? low : elbow_log(a < -15 ? (real)1 : high);
}

/* (1 − e^{−σ}) / σ. Below ½ it is e^{−σ/2} sinh(σ/2) / (σ/2) by sinh's series, where 1 − e^{−σ} would cancel. */
ELBOW_INLINE real softplus_slope(real log_sigma) {
    real sigma = elbow_exp(log_sigma), h = (real)0.5 * sigma, z = h * h;
    real p = (real)(1.0 / 6227020800.0);
    p = p * z + (real)(1.0 / 39916800.0);
    p = p * z + (real)(1.0 / 362880.0);
    p = p * z + (real)(1.0 / 5040.0);
    p = p * z + (real)(1.0 / 120.0);
    p = p * z + (real)(1.0 / 6.0);
    p = p * z + 1;
    real near = elbow_exp(-h) * p;
    real far = (1 - elbow_exp(-sigma)) / (sigma < (real)0.5 ? (real)1 : sigma);
    return sigma < (real)0.5 ? near : far;
}

ELBOW_INLINE real slope(real log_sigma, elbow_gaussian_scale scale) {
    return scale == ELBOW_SCALE_SOFTPLUS ? softplus_slope(log_sigma) : (real)0.5;
}

ELBOW_KERNEL void elbow_gaussian_normalize(real *q, const real *heads, size_t n, elbow_gaussian_scale scale) {
    bool softplus = scale == ELBOW_SCALE_SOFTPLUS;
    for (size_t i = 0; i < n; ++i) {
        real mean = heads[2 * i], a = heads[2 * i + 1];
        q[2 * i] = mean;
        q[2 * i + 1] = softplus ? log_softplus(a) : (real)0.5 * a;
    }
}

ELBOW_KERNEL void elbow_gaussian_sample(real *restrict z, const real *restrict q,
                                        const uint32_t *restrict words, size_t n) {
    elbow_normal(z, words, n);
    for (size_t i = 0; i < n; ++i) z[i] = q[2 * i] + elbow_exp(q[2 * i + 1]) * z[i];
}

ELBOW_KERNEL void elbow_gaussian_sample_backward(real *restrict dheads, const real *restrict z,
                                                 const real *restrict q, const real *restrict dz, size_t n,
                                                 elbow_gaussian_scale scale) {
    for (size_t i = 0; i < n; ++i) {
        dheads[2 * i] += dz[i];
        dheads[2 * i + 1] += dz[i] * (z[i] - q[2 * i]) * slope(q[2 * i + 1], scale);
    }
}

ELBOW_KERNEL void elbow_gaussian_log_prob(real *restrict log_q, const real *restrict z,
                                          const real *restrict q, size_t n) {
    for (size_t i = 0; i < n; ++i) {
        real u = (z[i] - q[2 * i]) * elbow_exp(-q[2 * i + 1]);
        log_q[i] = -half_log_two_pi - q[2 * i + 1] - (real)0.5 * (u * u);
    }
}

ELBOW_KERNEL void elbow_gaussian_log_prob_backward(real *restrict dz, real *restrict dheads,
                                                   const real *restrict weights, const real *restrict z,
                                                   const real *restrict q, size_t n,
                                                   elbow_gaussian_scale scale) {
    for (size_t i = 0; i < n; ++i) {
        real narrow = elbow_exp(-q[2 * i + 1]), u = (z[i] - q[2 * i]) * narrow;
        real towards = weights[i] * (u * narrow);
        if (dz != NULL) dz[i] -= towards;
        if (dheads == NULL) continue;
        dheads[2 * i] += towards;
        dheads[2 * i + 1] += weights[i] * (u * u - 1) * slope(q[2 * i + 1], scale);
    }
}

ELBOW_KERNEL void elbow_gaussian_kl(real *restrict kl, const real *restrict q, const real *restrict p,
                                    size_t n) {
    for (size_t i = 0; i < n; ++i) {
        real mean = p == NULL ? 0 : p[2 * i], log_sigma = p == NULL ? 0 : p[2 * i + 1];
        real d = (q[2 * i] - mean) * elbow_exp(-log_sigma), log_ratio = q[2 * i + 1] - log_sigma;
        real ratio = elbow_exp(2 * log_ratio);
        kl[i] = (real)0.5 * (ratio - 1 + d * d) - log_ratio;
    }
}

ELBOW_KERNEL void elbow_gaussian_kl_backward(real *restrict dheads_q, real *restrict dheads_p,
                                             const real *restrict weights, const real *restrict q,
                                             const real *restrict p, size_t n, elbow_gaussian_scale scale) {
    for (size_t i = 0; i < n; ++i) {
        real mean = p == NULL ? 0 : p[2 * i], log_sigma = p == NULL ? 0 : p[2 * i + 1];
        real narrow = elbow_exp(-log_sigma), d = (q[2 * i] - mean) * narrow;
        real ratio = elbow_exp(2 * (q[2 * i + 1] - log_sigma));
        if (dheads_q != NULL) {
            dheads_q[2 * i] += weights[i] * (d * narrow);
            dheads_q[2 * i + 1] += weights[i] * (ratio - 1) * slope(q[2 * i + 1], scale);
        }
        if (dheads_p != NULL) {
            dheads_p[2 * i] -= weights[i] * (d * narrow);
            dheads_p[2 * i + 1] += weights[i] * ((1 - ratio) - d * d) * slope(log_sigma, scale);
        }
    }
}
