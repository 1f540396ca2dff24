/* Dropout: random words → what is kept. Local; cannot fail. */
#ifndef ELBOW_SRC_MATH_DROPOUT_H
#define ELBOW_SRC_MATH_DROPOUT_H

#include <stddef.h>
#include <stdint.h>

#include "elbow/base/real.h"

/* y = scale · x where word ≥ threshold, else 0. y may be x. */
void elbow_drop(real *y, const real *x, const uint32_t *words, size_t n, uint32_t threshold, real scale);

#endif
