/* The one formula for Gumbel noise, for the loop that makes it and the kernels that use it at once. */
#ifndef ELBOW_SRC_MATH_GUMBEL_H
#define ELBOW_SRC_MATH_GUMBEL_H

#include "math/exp_log.h"

/* −log(−log u), u = (w + ½) / 2³², exact: it lies in [2⁻³³, 1 − 2⁻³³], so the inner logarithm is never 0. */
ELBOW_INLINE real elbow_gumbel_of_word(uint32_t w) {
    double u = (elbow_double_of_word(w) + 0.5) * 0x1p-32;
    return (real)-elbow_log_double(-elbow_log_double(u));
}

#endif
