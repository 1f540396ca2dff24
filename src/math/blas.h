/* The library under gemm.c, one file each: blas_cblas.c, blas_onednn.c. Configure chooses one (ELBOW_GEMM); the library
 * in double is always CBLAS's. Only gemm.c calls elbow_blas_product; what else a library can be asked is in gemm.h. */
#ifndef ELBOW_SRC_MATH_BLAS_H
#define ELBOW_SRC_MATH_BLAS_H

#include <stdbool.h>

#include "elbow/base/real.h"

#if defined(ELBOW_GEMM_ONEDNN) && !defined(ELBOW_REAL_DOUBLE)
#define ELBOW_BLAS_ONEDNN
#endif

typedef struct elbow_blas_call {
    bool transpose_a, transpose_b;
    int m, n, k;       /* at least 1 */
    int lda, ldb, ldc; /* at least the length of a row */
    real alpha, beta;
} elbow_blas_call;

/* c = alpha · op(a) · op(b) + beta · c; with beta 0, c is only written. False where the library refused (no memory for
 * it), and c is then as it was. */
bool elbow_blas_product(const elbow_blas_call *call, const real *a, const real *b, real *c);

#endif
