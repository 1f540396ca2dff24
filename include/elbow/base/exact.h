/* Sums of numbers that are not negative, as integers: the same bits in whatever order they are added, and by whomever.
 *
 * A sum is a 128-bit count of units of 2^-80. What a number has below one unit is cut off; a sum of 2^48 or more, and
 * one with a number in it that is not finite, is `beyond`, and stays so. Local; cannot fail. */
#ifndef ELBOW_BASE_EXACT_H
#define ELBOW_BASE_EXACT_H

#include <stdint.h>

typedef struct elbow_exact {
    uint64_t high, low; /* units: high · 2^64 + low; all ones: beyond */
} elbow_exact;

void elbow_exact_add(elbow_exact *sum, double value);
void elbow_exact_join(elbow_exact *sum, elbow_exact other); /* sum += other */
double elbow_exact_value(elbow_exact sum);                  /* infinity where it is beyond */

#endif
