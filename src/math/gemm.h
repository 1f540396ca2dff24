/* Matrix products over CBLAS: the one place that calls it. Row-major. Local; cannot fail. */
#ifndef ELBOW_SRC_MATH_GEMM_H
#define ELBOW_SRC_MATH_GEMM_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/real.h"

/* c (m, n) = alpha · op(a) (m, k) · op(b) (k, n) + beta · c; op transposes where asked. ld*: reals from one row to the next.
 * Sizes beyond the BLAS integer are cut into several products at fixed places. */
void elbow_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, real alpha, const real *a,
                size_t lda, const real *b, size_t ldb, real beta, real *c, size_t ldc);

/* "OpenBLAS 0.3.21 SkylakeX": what the bits of a product depend on, and what ranks must agree on. Static storage. */
const char *elbow_blas_describe(void);

/* Sets BLAS threads of this process; where the library has no such call, returns false. */
bool elbow_blas_set_threads(int threads);

#endif
