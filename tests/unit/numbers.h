/* What tests of kernels share: units in the last place, buffers at any alignment, values to put in them. */
#ifndef ELBOW_TESTS_UNIT_NUMBERS_H
#define ELBOW_TESTS_UNIT_NUMBERS_H

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/random.h"
#include "elbow/base/real.h"

/* |a − b| in units of the last place of the float nearest b. */
static inline double float_ulps(float a, double b) {
    int exponent;
    (void)frexp(b, &exponent);
    if (exponent < -125) exponent = -125; /* below the normal floats the last place stays */
    return fabs((double)a - b) / ldexp(1, exponent - 24);
}

/* `bytes` bytes, `shift` beyond a 64-byte boundary, ending where the allocation ends so that a sanitizer sees
 * what reads on. All are freed together. */
enum { HELD = 256 };
static void *held[HELD];
static size_t held_count;

static inline void *hold(size_t bytes, size_t shift) {
    void *block = NULL;
    if (held_count == HELD || posix_memalign(&block, 64, shift + bytes + (bytes == 0))) abort();
    held[held_count++] = block;
    return (char *)block + shift;
}

static inline void release_held(void) {
    while (held_count) free(held[--held_count]);
}

static inline void *hold_copy(const void *from, size_t bytes, size_t shift) {
    void *to = hold(bytes, shift);
    memcpy(to, from, bytes);
    return to;
}

/* Values spread evenly over [low, high]. */
static inline real *hold_reals(const char *purpose, size_t n, double low, double high) {
    uint32_t *words = hold(n * sizeof *words, 0);
    real *x = hold(n * sizeof *x, 0);
    elbow_stream_rows(elbow_stream_make(11, 0, purpose), 0, 0, 0, 1, n, words);
    for (size_t i = 0; i < n; ++i) x[i] = (real)(low + (high - low) * (words[i] * 0x1p-32));
    return x;
}

#endif
