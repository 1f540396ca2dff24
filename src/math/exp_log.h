/* exp, log and their relatives as straight lines of arithmetic, so that loops over them vectorise.
 *
 * No branch, no table, no fused multiply-add, no call: a vector's lanes and a scalar tail give the same bits,
 * on every instruction set. Polynomials are Chebyshev interpolants (coefficients computed in 70 digits);
 * their own error is far below rounding. The float functions are within 2 units in the last place of double
 * rounded to float; tests/unit/test_exp_log.c walks their ranges. NaN gives NaN everywhere.
 *
 * Where real is double (the gradient build) real functions are the C library's; elbow_log_double is ours in
 * both builds, because noise is made in double. */
#ifndef ELBOW_SRC_MATH_EXP_LOG_H
#define ELBOW_SRC_MATH_EXP_LOG_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "elbow/base/real.h"
#include "math/kernel.h"

ELBOW_INLINE uint32_t elbow_bits_of_float(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

ELBOW_INLINE float elbow_float_of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

ELBOW_INLINE uint64_t elbow_bits_of_double(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

ELBOW_INLINE double elbow_double_of_bits(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* w as a double, exactly: the mantissa of 2^52 + w, less 2^52. Vectorises where unsigned conversion does not. */
ELBOW_INLINE double elbow_double_of_word(uint32_t w) {
    return elbow_double_of_bits(UINT64_C(0x4330000000000000) | w) - 0x1p52;
}

/* e^x = 2^n e^r, n = round(x / ln 2), |r| ≤ ln 2 / 2. Infinity from 88.73 up. Below −86.99, where the result
 * nears the smallest normal float, 0: denormals would slow every loop that later meets them. The clamps keep n
 * in −126 … 128, and 2^n is taken as 2^(n−1) · 2: its first factor is 0 at n = −126, and n = 128 does not overflow
 * before the result does. */
ELBOW_INLINE float elbow_exp_clamped(float x) {
    const float to_integer = 0x1.8p23f; /* adding it leaves round(v) in the low bits of the mantissa */
    float shifted = x * 0x1.715476p+0f + to_integer;
    float n = shifted - to_integer;
    float r = (x - n * 0x1.62ep-1f) - n * 0x1.0bfbe8p-15f; /* ln 2 in two parts, the first product exact */
    float q = 0x1.6d10fcp-10f;
    q = q * r + 0x1.120b62p-7f;
    q = q * r + 0x1.55551ap-5f;
    q = q * r + 0x1.5554dep-3f;
    q = q * r + 0.5f;
    float p = 1.0f + (r + r * r * q);
    uint32_t exponent = elbow_bits_of_float(shifted) - elbow_bits_of_float(to_integer) + 126; /* of 2^(n−1) */
    return p * elbow_float_of_bits(exponent << 23) * 2.0f;
}

ELBOW_INLINE float elbow_exp_float(float x) {
    x = x < -87.2f ? -87.2f : x;
    x = x > 89.0f ? 89.0f : x;
    return elbow_exp_clamped(x);
}

/* The same for x ≤ 0, where one clamp is enough: the other half of them is a sixth of the work. */
ELBOW_INLINE float elbow_exp_not_positive_float(float x) {
    x = x < -87.2f ? -87.2f : x;
    return elbow_exp_clamped(x);
}

/* ln x of a positive normal x, within 1 unit in the last place. x = 2^k m with m in [√½, √2), so that k = 0
 * around 1 and nothing cancels there; with f = m − 1 and s = f / (2 + f), ln m = 2 atanh s, whose leading terms are
 * taken as f − f²/2 + s·(f²/2 + …) because f is exact and 2s is not. */
ELBOW_INLINE double elbow_log_double(double x) {
    const uint64_t half_root = UINT64_C(0x3FE6A09E00000000); /* just below √½ */
    const uint64_t one = UINT64_C(0x3FF0000000000000);
    uint64_t bits = elbow_bits_of_double(x);
    uint64_t biased = (bits - half_root + one) >> 52; /* k + 1023 */
    double k = elbow_double_of_bits(UINT64_C(0x4330000000000000) | biased) - (0x1p52 + 1023.0);
    double f = elbow_double_of_bits(bits - (biased << 52) + one) - 1.0;
    double s = f / (2.0 + f);
    double z = s * s;
    double z2 = z * z;
    double low_p = (0x1.5555555555558p-1 + z * 0x1.99999999952e2p-2) +
                   z2 * (0x1.2492492df148dp-2 + z * 0x1.c71c62e5800a1p-3);
    double high_p = (0x1.7462b4ab2ef6bp-3 + z * 0x1.39fe606542ddep-3) + z2 * 0x1.2b584aae78a57p-3;
    double p = low_p + (z2 * z2) * high_p; /* by halves: loops over it wait for latency, not for work */
    double half_square = 0.5 * f * f;
    double low = s * (half_square + z * p) + k * 0x1.fdf473de6af28p-22; /* ln 2 in two parts, */
    return k * 0x1.62e42p-1 + (f - (half_square - low));                /* this product exact */
}

/* log(1 + e) for e in [0, 1], in the form of elbow_log_double: nothing cancels however small e is. */
ELBOW_INLINE float elbow_log1p_unit_float(float e) {
    float s = e / (2.0f + e);
    float z = s * s;
    float p = 0x1.dba26p-3f;
    p = p * z + 0x1.bc8cf8p-3f;
    p = p * z + 0x1.24c926p-2f;
    p = p * z + 0x1.9998d4p-2f;
    p = p * z + 0x1.555556p-1f;
    float half_square = 0.5f * e * e;
    return e - (half_square - s * (half_square + z * p));
}

/* ln x of a positive normal x, made in float, and without a division: where a loop needs many. With x = 2^k m as in
 * elbow_log_double, ln m = f − f²/2 + f³ p(f). `less_one` is x − 1, used where k = 0: it may have more digits than x has.
 * The caller looks after NaN. */
ELBOW_INLINE float elbow_log_narrow_float(float x, float less_one) {
    const uint32_t half_root = UINT32_C(0x3F3504F3), one = UINT32_C(0x3F800000);
    uint32_t bits = elbow_bits_of_float(x);
    uint32_t biased = (bits - half_root + one) >> 23; /* k + 127 */
    float k = (float)((int32_t)biased - 127);
    float f = elbow_float_of_bits(bits - (biased << 23) + one) - 1.0f;
    f = biased == 127 ? less_one : f;
    float z = f * f;
    float low_p = (0x1.555554p-2f - f * 0x1.fffffcp-3f) + z * (0x1.999d5ap-3f - f * 0x1.555b4ap-3f);
    float high_p = (0x1.23d21ap-3f - f * 0x1.fcf4c6p-4f) +
                   z * ((0x1.dea282p-4f - f * 0x1.d635bcp-4f) + z * 0x1.1d8ea6p-4f);
    float p = low_p + (z * z) * high_p;
    float low = k * 0x1.0bfbe8p-15f - (0.5f * z - z * (f * p));
    return k * 0x1.62ep-1f + (f + low);
}

/* tanh x: an odd polynomial near 0, where 1 − 2 / (1 + e^{2|x|}) would cancel, that form beyond. */
ELBOW_INLINE float elbow_tanh_float(float x) {
    float a = x < 0.0f ? -x : x;
    float z = x * x;
    float p = 0x1.2c83cp-9f;
    p = p * z - 0x1.116a16p-7f;
    p = p * z + 0x1.64a976p-6f;
    p = p * z - 0x1.ba08c4p-5f;
    p = p * z + 0x1.1110eap-3f;
    p = p * z - 0x1.555556p-2f;
    float near = x + x * (z * p);
    float far = 1.0f - 2.0f / (1.0f + elbow_exp_float(2.0f * a));
    far = x < 0.0f ? -far : far;
    return a < 0.625f ? near : far;
}

#ifdef ELBOW_REAL_DOUBLE
ELBOW_INLINE real elbow_abs(real x) { return fabs(x); }
ELBOW_INLINE real elbow_exp(real x) { return exp(x); }
ELBOW_INLINE real elbow_exp_not_positive(real x) { return exp(x); }
ELBOW_INLINE real elbow_log(real x) { return log(x); }
ELBOW_INLINE real elbow_log_narrow(real x) { return log(x); }
ELBOW_INLINE real elbow_log1p_unit(real e) { return log1p(e); }
ELBOW_INLINE real elbow_tanh(real x) { return tanh(x); }
#else
ELBOW_INLINE real elbow_abs(real x) { return fabsf(x); }
ELBOW_INLINE real elbow_exp(real x) { return elbow_exp_float(x); }
ELBOW_INLINE real elbow_exp_not_positive(real x) { return elbow_exp_not_positive_float(x); }
/* ln x of a positive normal x or of NaN. */
ELBOW_INLINE real elbow_log(real x) {
    double y = elbow_log_double((double)x);
    return x != x ? x : (float)y;
}
ELBOW_INLINE real elbow_log_narrow(real x) { return elbow_log_narrow_float(x, x - 1.0f); }
ELBOW_INLINE real elbow_log1p_unit(real e) { return elbow_log1p_unit_float(e); }
ELBOW_INLINE real elbow_tanh(real x) { return elbow_tanh_float(x); }
#endif

#endif
