/* Passes over vectors and rows. Local; cannot fail. See kernel.h for what their bits depend on. */
#ifndef ELBOW_SRC_MATH_VECTOR_H
#define ELBOW_SRC_MATH_VECTOR_H

#include <stddef.h>
#include <stdint.h>

#include "elbow/base/real.h"

void elbow_add(real *y, const real *x, size_t n);                     /* y += x */
void elbow_sum2(real *y, const real *a, const real *b, size_t n);     /* y = a + b */
void elbow_scale(real *y, real a, size_t n);                          /* y *= a */
void elbow_scale_rows(real *y, const real *a, size_t rows, size_t n); /* y[r][i] *= a[r] */
void elbow_column_sums(real *sums, const real *x, size_t rows,
                       size_t n); /* sums[i] += Σ_r x[r][i], in row order */

/* y += x, x = 0; they do not overlap. Where they are wanted (not NULL), Σ y² and Σ x² of before, which the taking, waiting for
 * memory, hardly feels: 128 squares in 32 lanes of reals, those sums in double. To about 10^-7; not finite where an element is
 * not, or is beyond ±10^19. A vector's has the same bits as y and as x. */
void elbow_take(real *y, real *x, size_t n, double *of_y, double *of_x);

/* Σ x² in double, 16 lanes then in lane order; not finite exactly when an x is not finite. */
double elbow_square_sum(const real *x, size_t n);

/* The name of the instruction set that the kernels run on here: "avx512", "avx2" or "baseline". */
const char *elbow_kernel_instruction_set(void);

/* to[r][0 … width − 1] = from[r][0 … width − 1], rows of to_width and from_width reals. */
void elbow_copy_columns(real *to, size_t to_width, const real *from, size_t from_width, size_t width,
                        size_t rows);

#endif
