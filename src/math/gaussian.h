/* Kernels of Gaussian variables as latents: n of them, q (n, 2) = mean, log σ.
 *
 * They come from heads (n, 2) = mean, a, where σ is exp(a/2) or log(1 + e^a). What ends in `backward` adds gradients in the
 * heads, and in z, times a weight each; where several are taken, each may be NULL. */
#ifndef ELBOW_SRC_MATH_GAUSSIAN_H
#define ELBOW_SRC_MATH_GAUSSIAN_H

#include <stddef.h>
#include <stdint.h>

#include "elbow/base/real.h"

typedef enum elbow_gaussian_scale {
    ELBOW_SCALE_LOG_VARIANCE, /* σ = exp(a/2):      d log σ / da = ½ */
    ELBOW_SCALE_SOFTPLUS,     /* σ = log(1 + e^a):  d log σ / da = (1 − e^{−σ}) / σ */
} elbow_gaussian_scale;

/* Heads → q. May be in place. */
void elbow_gaussian_normalize(real *q, const real *heads, size_t n, elbow_gaussian_scale scale);

/* z = mean + σ ε, ε normal, one word each (normal.h). */
void elbow_gaussian_sample(real *z, const real *q, const uint32_t *words, size_t n);
/* dmean = dz, d log σ = dz (z − mean). */
void elbow_gaussian_sample_backward(real *dheads, const real *z, const real *q, const real *dz, size_t n,
                                    elbow_gaussian_scale scale);

/* log_q = −½ log 2π − log σ − ½ u², u = (z − mean) / σ:  dz = −w u/σ, dmean = w u/σ, d log σ = w (u² − 1). */
void elbow_gaussian_log_prob(real *log_q, const real *z, const real *q, size_t n);
void elbow_gaussian_log_prob_backward(real *dz, real *dheads, const real *weights, const real *z,
                                      const real *q, size_t n, elbow_gaussian_scale scale);

/* kl = ½ (v + d²) − ½ log v − ½, v = σ_q² / σ_p², d = (mean_q − mean_p) / σ_p (Kingma & Welling 2014, appendix B):
 * dmean_q = w d/σ_p = −dmean_p,  d log σ_q = w (v − 1),  d log σ_p = w (1 − v − d²). p NULL: N(0, 1). */
void elbow_gaussian_kl(real *kl, const real *q, const real *p, size_t n);
void elbow_gaussian_kl_backward(real *dheads_q, real *dheads_p, const real *weights, const real *q,
                                const real *p, size_t n, elbow_gaussian_scale scale);

#endif
