#include "math/normal.h"

#include <math.h>

#include "math/exp_log.h"

/* Numerator over denominator, both of degree 7, coefficients from the highest degree down. */
ELBOW_INLINE double ratio(double r, const double a[8], const double b[8]) {
    double p = a[0], q = b[0];
    for (int i = 1; i < 8; ++i) p = p * r + a[i];
    for (int i = 1; i < 8; ++i) q = q * r + b[i];
    return p / q;
}

/* Around the middle a function of (u − ½)², in the tails one of √(−log tail). Both are computed and one is taken, so that
 * loops vectorise. The far tail, √ > 5, begins at 1.4e-11, below the smallest tail that 32 bits give. */
ELBOW_INLINE double quantile_of_word(uint32_t w) {
    static const double middle_p[8] = {2.5090809287301226727e+3, 3.3430575583588128105e+4,
                                       6.7265770927008700853e+4, 4.5921953931549871457e+4,
                                       1.3731693765509461125e+4, 1.9715909503065514427e+3,
                                       1.3314166789178437745e+2, 3.3871328727963666080e+0};
    static const double middle_q[8] = {5.2264952788528545610e+3, 2.8729085735721942674e+4,
                                       3.9307895800092710610e+4, 2.1213794301586595867e+4,
                                       5.3941960214247511077e+3, 6.8718700749205790830e+2,
                                       4.2313330701600911252e+1, 1.0};
    static const double tail_p[8] = {7.74545014278341407640e-4, 2.27238449892691845833e-2,
                                     2.41780725177450611770e-1, 1.27045825245236838258e+0,
                                     3.64784832476320460504e+0, 5.76949722146069140550e+0,
                                     4.63033784615654529590e+0, 1.42343711074968357734e+0};
    static const double tail_q[8] = {1.05075007164441684324e-9, 5.47593808499534494600e-4,
                                     1.51986665636164571966e-2, 1.48103976427480074590e-1,
                                     6.89767334985100004550e-1, 1.67638483018380384940e+0,
                                     2.05319162663775882187e+0, 1.0};
    double u = (elbow_double_of_word(w) + 0.5) * 0x1p-32; /* exact, as is 1 − u */
    double q = u - 0.5;
    double near = q * ratio(0.180625 - q * q, middle_p, middle_q);
    double far = ratio(sqrt(-elbow_log_double(q < 0 ? u : 1 - u)) - 1.6, tail_p, tail_q);
    far = q < 0 ? -far : far;
    return q < -0.425 || q > 0.425 ? far : near;
}

ELBOW_KERNEL void elbow_normal(real *restrict x, const uint32_t *restrict words, size_t n) {
    for (size_t i = 0; i < n; ++i) x[i] = (real)quantile_of_word(words[i]);
}
