/* The one formula for logistic noise, beside that for Gumbel noise (gumbel.h). */
#ifndef ELBOW_SRC_MATH_LOGISTIC_H
#define ELBOW_SRC_MATH_LOGISTIC_H

#include "math/exp_log.h"

/* log u − log(1 − u), u = (w + ½) / 2³²: u and 1 − u are exact and never 0, so it is finite, within ±22.9. */
ELBOW_INLINE real elbow_logistic_of_word(uint32_t w) {
    double u = (elbow_double_of_word(w) + 0.5) * 0x1p-32;
    return (real)elbow_log_double(u / (1.0 - u));
}

#endif
