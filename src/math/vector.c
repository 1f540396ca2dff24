#include "math/vector.h"

#include <stdbool.h>
#include <string.h>

#include "math/kernel.h"
#include "math/lanes.h"

ELBOW_KERNEL void elbow_add(real *y, const real *x, size_t n) {
    ELBOW_IN_PLACE
    for (size_t i = 0; i < n; ++i) y[i] += x[i];
}

ELBOW_KERNEL void elbow_sum2(real *y, const real *a, const real *b, size_t n) {
    ELBOW_IN_PLACE
    for (size_t i = 0; i < n; ++i) y[i] = a[i] + b[i];
}

ELBOW_KERNEL void elbow_scale(real *y, real a, size_t n) {
    for (size_t i = 0; i < n; ++i) y[i] *= a;
}

ELBOW_KERNEL void elbow_scale_rows(real *restrict y, const real *restrict a, size_t rows, size_t n) {
    for (size_t r = 0; r < rows; ++r)
        for (size_t i = 0; i < n; ++i) y[r * n + i] *= a[r];
}

/* Four rows a pass, to read and write the sums a quarter as often; they are still added one after the other. */
ELBOW_KERNEL void elbow_column_sums(real *restrict sums, const real *restrict x, size_t rows, size_t n) {
    size_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        const real *a = x + r * n, *b = a + n, *c = b + n, *d = c + n;
        for (size_t i = 0; i < n; ++i) sums[i] = (((sums[i] + a[i]) + b[i]) + c[i]) + d[i];
    }
    for (; r < rows; ++r)
        for (size_t i = 0; i < n; ++i) sums[i] += x[r * n + i];
}

ELBOW_INLINE void add_squares(double lanes[ELBOW_LANES], const real *x, size_t n) {
    for (size_t i = 0; i < n; i += ELBOW_LANES)
        for (int j = 0; j < ELBOW_LANES; ++j) {
            double v = (double)x[i + (size_t)j];
            lanes[j] += v * v;
        }
}

/* In double no float's square overflows, and no sum of fewer than 2^770 of them. A gradient is read at the speed of
 * memory, and asking for it ahead makes that a fifth faster. */
ELBOW_KERNEL double elbow_square_sum(const real *x, size_t n) {
    enum { BLOCK = 64, AHEAD = 2048, LINE = 64 / sizeof(real) };
    double lanes[ELBOW_LANES] = {0};
    size_t whole = n - n % ELBOW_LANES, at = 0;
    for (; at + AHEAD + BLOCK <= n; at += BLOCK) {
        for (size_t i = at + AHEAD; i < at + AHEAD + BLOCK; i += LINE) ELBOW_PREFETCH(x + i);
        add_squares(lanes, x + at, BLOCK);
    }
    add_squares(lanes, x + at, whole - at);
    for (size_t i = whole; i < n; ++i) lanes[i - whole] += (double)x[i] * (double)x[i];
    double sum = 0;
    for (int j = 0; j < ELBOW_LANES; ++j) sum += lanes[j];
    return sum;
}

/* What taking adds squares in: 128 in lanes of reals, then those in double. */
enum { TAKE_LANES = 2 * ELBOW_LANES, TAKE_CHUNK = 4 * TAKE_LANES, TAKE_AHEAD = 1024 };

/* Reals, not doubles: twice as many in a register, and no conversions. Two registers of lanes, as one would wait for itself. */
ELBOW_INLINE void add_some_squares(double lanes[TAKE_LANES], const real *x, size_t n, bool ahead) {
    enum { LINE = 64 / sizeof(real) };
    real sums[TAKE_LANES] = {0};
    size_t whole = n - n % TAKE_LANES;
    for (size_t i = 0; i < whole; i += TAKE_LANES) {
        for (size_t j = i; ahead && j < i + TAKE_LANES; j += LINE) ELBOW_PREFETCH(x + j + TAKE_AHEAD);
        for (int j = 0; j < TAKE_LANES; ++j) sums[j] += x[i + (size_t)j] * x[i + (size_t)j];
    }
    for (size_t i = whole; i < n; ++i) sums[i - whole] += x[i] * x[i];
    for (int j = 0; j < TAKE_LANES; ++j) lanes[j] += (double)sums[j];
}

/* Of a chunk, at `at` of n: whole ones, but for the last few, as the compiler knows them. */
ELBOW_INLINE void add_chunk_squares(double lanes[TAKE_LANES], const real *x, size_t at, size_t n) {
    if (at + TAKE_AHEAD + TAKE_CHUNK <= n)
        add_some_squares(lanes, x + at, TAKE_CHUNK, true);
    else
        add_some_squares(lanes, x + at, n - at < TAKE_CHUNK ? n - at : TAKE_CHUNK, false);
}

ELBOW_INLINE double total_of(const double lanes[TAKE_LANES]) {
    double sum = 0;
    for (int j = 0; j < TAKE_LANES; ++j) sum += lanes[j];
    return sum;
}

/* A chunk at a time: what its squares have fetched is near when it is added. */
ELBOW_KERNEL void elbow_take(real *restrict y, real *restrict x, size_t n, double *of_y, double *of_x) {
    double lanes_y[TAKE_LANES] = {0}, lanes_x[TAKE_LANES] = {0};
    size_t chunk = of_y || of_x ? TAKE_CHUNK : n;
    for (size_t at = 0, count; at < n; at += count) {
        count = n - at < chunk ? n - at : chunk;
        if (of_y) add_chunk_squares(lanes_y, y, at, n);
        if (of_x) add_chunk_squares(lanes_x, x, at, n);
        for (size_t i = at; i < at + count; ++i) {
            y[i] += x[i];
            x[i] = 0;
        }
    }
    if (of_y) *of_y = total_of(lanes_y);
    if (of_x) *of_x = total_of(lanes_x);
}

const char *elbow_kernel_instruction_set(void) {
#ifdef ELBOW_CLONES
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) return "avx512";
    if (__builtin_cpu_supports("avx2")) return "avx2";
    return "baseline";
#elif defined(__AVX512F__)
    return "avx512";
#elif defined(__AVX2__)
    return "avx2";
#else
    return "baseline";
#endif
}

void elbow_copy_columns(real *to, size_t to_width, const real *from, size_t from_width, size_t width,
                        size_t rows) {
    for (size_t r = 0; r < rows; ++r) memcpy(to + r * to_width, from + r * from_width, width * sizeof *to);
}
