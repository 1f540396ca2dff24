#include "math/bernoulli_latent.h"

#include <float.h>

#include "math/logistic.h"

static const real lost = sizeof(real) == sizeof(float) ? (real)1e-30 : (real)1e-290;
/* The last number below ½; and half of the least 1 − y that is not 0. */
static const real below_half =
    (real)0.5 - (real)(sizeof(real) == sizeof(float) ? FLT_EPSILON : DBL_EPSILON) / 4;
static const real half_place = (real)(sizeof(real) == sizeof(float) ? FLT_EPSILON : DBL_EPSILON) / 4;

/* σ(l), and σ(−|l|), the smaller of σ(l) and 1 − σ(l), to all its digits. */
ELBOW_INLINE real small_sigmoid(real l) {
    real e = elbow_exp(l < 0 ? l : -l);
    return e / (1 + e);
}

ELBOW_INLINE real sigmoid(real l) {
    real e = elbow_exp(l < 0 ? l : -l);
    return (l < 0 ? e : (real)1) / (1 + e);
}

/* log(1 + e^l) */
ELBOW_INLINE real softplus(real l) {
    real e = elbow_exp(l < 0 ? l : -l);
    return (l < 0 ? (real)0 : l) + elbow_log1p_unit(e);
}

/* The side of ½ is that of l + ε, even where (l + ε) / τ is too small to tell σ of it from ½. */
ELBOW_KERNEL void elbow_binary_concrete(real *restrict y, const real *restrict logits,
                                        const uint32_t *restrict words, size_t n, real temperature) {
    for (size_t i = 0; i < n; ++i) {
        real v = logits[i] + elbow_logistic_of_word(words[i]);
        real e = elbow_exp((v < 0 ? v : -v) / temperature);
        real small = e / (1 + e);
        small = small > below_half ? below_half : small;
        y[i] = v < 0 ? small : 1 / (1 + e);
    }
}

ELBOW_KERNEL void elbow_binary_concrete_backward(real *restrict dlogits, const real *restrict y,
                                                 const real *restrict dy, size_t n, real temperature) {
    real scale = 1 / temperature;
    for (size_t i = 0; i < n; ++i) dlogits[i] += scale * (y[i] * (1 - y[i]) * dy[i]);
}

ELBOW_KERNEL void elbow_bernoulli_sample(real *restrict z, const real *restrict logits,
                                         const uint32_t *restrict words, size_t n) {
    for (size_t i = 0; i < n; ++i)
        z[i] = logits[i] + elbow_logistic_of_word(words[i]) < 0 ? (real)0 : (real)1;
}

ELBOW_KERNEL void elbow_bernoulli_harden(real *z, const real *y, size_t n) {
    ELBOW_IN_PLACE
    for (size_t i = 0; i < n; ++i) z[i] = y[i] < (real)0.5 ? (real)0 : (real)1;
}

ELBOW_KERNEL void elbow_tempered_sigmoid(real *restrict y, const real *restrict logits, size_t n,
                                         real temperature) {
    for (size_t i = 0; i < n; ++i) y[i] = sigmoid(logits[i] / temperature);
}

ELBOW_KERNEL void elbow_gapped_sigmoid(real *restrict y, const real *restrict z, const real *restrict logits,
                                       size_t n, real temperature, real gap) {
    for (size_t i = 0; i < n; ++i) {
        real l = logits[i], above = l > gap ? l : gap, below = l < -gap ? l : -gap;
        y[i] = sigmoid((z[i] > 0 ? above : below) / temperature);
    }
}

/* Of v = l + ε > 0: P(v > x) / P(v > 0) = w gives v = log(1 + e^l (1 − w)) − log w, w uniform; l + log(e^−l + 1 − w) where e^l is
 * large. z = 0 is the mirror of that. */
ELBOW_KERNEL void elbow_binary_concrete_given(real *restrict y, const real *restrict z,
                                              const real *restrict logits, const uint32_t *restrict words,
                                              size_t n, real temperature) {
    for (size_t i = 0; i < n; ++i) {
        real l = z[i] > 0 ? logits[i] : -logits[i], small = elbow_exp(l < 0 ? l : -l);
        double w = (elbow_double_of_word(words[i]) + 0.5) * 0x1p-32, rest = 1 - w;
        double inner = l < 0 ? 1 + (double)small * rest : (double)small + rest;
        real v = (l < 0 ? (real)0 : l) + (real)elbow_log_double(inner / w);
        v = v < 0 ? (real)0 : v;
        y[i] = sigmoid((z[i] > 0 ? v : -v) / temperature);
    }
}

ELBOW_KERNEL void elbow_binary_concrete_given_slope(real *restrict out, const real *restrict y,
                                                    const real *restrict z, const real *restrict logits,
                                                    const real *restrict x, size_t n, real temperature) {
    real scale = 1 / temperature;
    for (size_t i = 0; i < n; ++i) {
        real v = y[i], rest = 1 - v, ratio = v < rest ? v / rest : rest / v;
        ratio = ratio < lost ? lost : ratio;
        real slope =
            sigmoid(z[i] > 0 ? logits[i] : -logits[i]) * (1 - elbow_exp(temperature * elbow_log(ratio)));
        out[i] = scale * (v * rest * slope * x[i]);
    }
}

ELBOW_KERNEL void elbow_bernoulli_reinmax_backward(real *restrict dlogits, const real *restrict middle,
                                                   const real *restrict logits, const real *restrict dz,
                                                   size_t n) {
    for (size_t i = 0; i < n; ++i) {
        real m = middle[i], t = small_sigmoid(logits[i]);
        dlogits[i] += (2 * (m * (1 - m)) - (real)0.5 * (t * (1 - t))) * dz[i];
    }
}

ELBOW_KERNEL void elbow_bernoulli_latent_log_prob(real *restrict log_q, const real *restrict z,
                                                  const real *restrict logits, size_t n) {
    for (size_t i = 0; i < n; ++i) {
        real l = logits[i], e = elbow_exp(l < 0 ? l : -l);
        log_q[i] = (z[i] * l - (l < 0 ? (real)0 : l)) - elbow_log1p_unit(e);
    }
}

ELBOW_KERNEL void elbow_bernoulli_latent_log_prob_backward(real *restrict dz, real *restrict dlogits,
                                                           const real *restrict weights,
                                                           const real *restrict z,
                                                           const real *restrict logits, size_t n) {
    if (dz != NULL)
        for (size_t i = 0; i < n; ++i) dz[i] += weights[i] * logits[i];
    if (dlogits != NULL)
        for (size_t i = 0; i < n; ++i) {
            real l = logits[i], t = small_sigmoid(l);
            dlogits[i] += weights[i] * (l < 0 ? z[i] - t : (z[i] - 1) + t);
        }
}

/* By differences of softplus, log q = −softplus(−l): each is good to its last digits, and none cancels a large logit. */
ELBOW_INLINE real divergence(real l, real m) {
    real t = small_sigmoid(l), one = 1 - t;
    real q = l < 0 ? t : one, rest = l < 0 ? one : t;
    return q * (softplus(-m) - softplus(-l)) + rest * (softplus(m) - softplus(l));
}

ELBOW_KERNEL void elbow_bernoulli_kl(real *restrict kl, const real *restrict logits_q,
                                     const real *restrict logits_p, size_t n) {
    if (logits_p == NULL)
        for (size_t i = 0; i < n; ++i) kl[i] = divergence(logits_q[i], 0);
    else
        for (size_t i = 0; i < n; ++i) kl[i] = divergence(logits_q[i], logits_p[i]);
}

/* p − q, as (1−q) − (1−p) where both are near 1. No branches: loops over it are done in lanes. */
ELBOW_INLINE real difference(real l, real m) {
    real e = elbow_exp(l < 0 ? l : -l), f = elbow_exp(m < 0 ? m : -m), least = l < m ? l : m;
    real above_q = l < 0 ? e : (real)1, above_p = m < 0 ? f : (real)1;
    real q = (least > 0 ? e : above_q) / (1 + e), p = (least > 0 ? f : above_p) / (1 + f);
    real apart = p - q;
    return least > 0 ? -apart : apart;
}

/* q (1−q) from the smaller of the two. */
ELBOW_INLINE real slope(real l, real m) {
    real t = small_sigmoid(l);
    return t * (1 - t) * (l - m);
}

ELBOW_KERNEL void elbow_bernoulli_kl_backward(real *restrict dlogits_q, real *restrict dlogits_p,
                                              const real *restrict weights, const real *restrict logits_q,
                                              const real *restrict logits_p, size_t n) {
    if (dlogits_q != NULL && logits_p != NULL)
        for (size_t i = 0; i < n; ++i) dlogits_q[i] += weights[i] * slope(logits_q[i], logits_p[i]);
    if (dlogits_q != NULL && logits_p == NULL)
        for (size_t i = 0; i < n; ++i) dlogits_q[i] += weights[i] * slope(logits_q[i], 0);
    if (dlogits_p != NULL && logits_p != NULL)
        for (size_t i = 0; i < n; ++i) dlogits_p[i] += weights[i] * difference(logits_q[i], logits_p[i]);
    if (dlogits_p != NULL && logits_p == NULL)
        for (size_t i = 0; i < n; ++i) dlogits_p[i] += weights[i] * difference(logits_q[i], 0);
}

/* logit y, at its bounds where y has none. */
ELBOW_INLINE real logit(real y) {
    real rest = 1 - y;
    return elbow_log(y < lost ? lost : y) - elbow_log(rest < half_place ? half_place : rest);
}

ELBOW_KERNEL void elbow_binary_concrete_log_density(real *restrict log_density, const real *restrict y,
                                                    const real *restrict logits, size_t n, real temperature) {
    real constant = (real)elbow_log_double((double)temperature);
    for (size_t i = 0; i < n; ++i) {
        real u = logits[i] - temperature * logit(y[i]);
        real magnitude = u < 0 ? -u : u; /* u − 2 log(1 + e^u) is even */
        log_density[i] = constant - magnitude - 2 * elbow_log1p_unit(elbow_exp(-magnitude));
    }
}

/* 1 − 2σ(u) = −tanh(u/2). */
ELBOW_KERNEL void elbow_binary_concrete_log_density_backward(real *restrict dy, real *restrict dlogits,
                                                             const real *restrict weights,
                                                             const real *restrict y,
                                                             const real *restrict logits, size_t n,
                                                             real temperature) {
    for (size_t i = 0; i < n; ++i) {
        real v = y[i], rest = 1 - v;
        real slope = -elbow_tanh((real)0.5 * (logits[i] - temperature * logit(v)));
        slope = v < lost ? (real)-1 : slope;
        slope = rest < half_place ? (real)1 : slope;
        slope *= weights[i];
        if (dlogits != NULL) dlogits[i] += slope;
        if (dy != NULL) dy[i] -= v < lost || rest < half_place ? 0 : temperature * slope / (v * rest);
    }
}
