/* The standard normal's distribution function Φ and density φ, in the manner of exp_log.h: straight lines of arithmetic with
 * the same bits in any lane. In float both are within 1e-6 of the true value relatively, in the lower tail too
 * (tests/unit/test_layers.c), and 0 below −12.8, where they near the smallest normal float. */
#ifndef ELBOW_SRC_MATH_GELU_H
#define ELBOW_SRC_MATH_GELU_H

#include "math/exp_log.h"

/* Φ(−a) = e^(−a²/2) g(a). g is Mills' ratio over √2π, and (a + 4) g(a) hardly moves: a polynomial in u = (a − 4) / (a + 4), the
 * Chebyshev interpolant over a ∈ [0, 13], is within 2e-8 of it.
 *
 * The square is taken in two parts, a² = h² + l (a + h) with 12 bits in h, because an error of half a last place of
 * a²/2 = 80 would be one of 4e-6 in its exponential. */
ELBOW_INLINE float elbow_normal_cdf_float(float x, float *density) {
    float a = x < 0.0f ? -x : x;
    a = a > 12.8f ? 12.8f : a;
    float h = elbow_float_of_bits(elbow_bits_of_float(a) & UINT32_C(0xFFFFF000));
    float d = 0.5f * ((a - h) * (a + h)); /* below 0.05 */
    float e = elbow_exp_float(-0.5f * (h * h)) *
              (1.0f - d * (1.0f - d * (0.5f - d * (0x1.555556p-3f - d * 0x1.555556p-5f))));
    float inverse = 1.0f / (a + 4.0f);
    float u = (a - 4.0f) * inverse;
    float p = -0x1.dd60aep-14f;
    p = p * u + 0x1.c61328p-13f;
    p = p * u + 0x1.9e538p-10f;
    p = p * u - 0x1.ced84ap-9f;
    p = p * u - 0x1.edc0eap-8f;
    p = p * u + 0x1.eeda5cp-5f;
    p = p * u - 0x1.7dff3ep-3f;
    p = p * u + 0x1.8c6d92p-2f;
    p = p * u - 0x1.373e3ap-1f;
    p = p * u + 0x1.82b4bcp-1f;
    e = a < 12.8f ? e : a * 0.0f; /* a NaN stays one */
    float tail = e * (p * inverse);
    *density = e * 0x1.988454p-2f; /* 1 / √2π */
    return x < 0.0f ? tail : 1.0f - tail;
}

#ifdef ELBOW_REAL_DOUBLE
ELBOW_INLINE real elbow_normal_cdf(real x, real *density) {
    *density = exp(-0.5 * x * x) * 0x1.9884533d43651p-2;
    return 0.5 * erfc(x * -0x1.6a09e667f3bcdp-1);
}
#else
ELBOW_INLINE real elbow_normal_cdf(real x, real *density) { return elbow_normal_cdf_float(x, density); }
#endif

#endif
