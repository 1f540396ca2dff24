/* Matrix products: the one place that calls a BLAS. Row-major. Local; cannot fail.
 *
 * The library is chosen at configure time. Any CBLAS (-DELBOW_CBLAS=MODULE or path; OpenBLAS unless said), or oneDNN's
 * sgemm (-DELBOW_GEMM=onednn). Each rounds in its own way: a run records which one it was, ranks with different ones are
 * refused, and a resume on another says so. The same shape, with the same library, instruction set and threads, gives the
 * same bits whatever the address and whatever was computed before; tests/unit/test_gemm.c checks that of the one chosen.
 *
 * OpenBLAS and BLIS are told their threads through their own calls, oneDNN through its OpenMP library. Of another CBLAS
 * nothing is known: no kernel that ranks could compare, and its threads are what its own variables say. */
#ifndef ELBOW_SRC_MATH_GEMM_H
#define ELBOW_SRC_MATH_GEMM_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/real.h"

/* c (m, n) = alpha · op(a) (m, k) · op(b) (k, n) + beta · c; op transposes where asked. ld*: reals from one row to the next.
 * Sizes beyond the BLAS integer are cut into several products at fixed places. A product that the library refuses (oneDNN
 * without memory for its copies) is done by plain loops. */
void elbow_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, real alpha, const real *a,
                size_t lda, const real *b, size_t ldb, real beta, real *c, size_t ldc);

/* "OpenBLAS 0.3.21 SkylakeX", "oneDNN 2.6.3 avx512_core_vnni": what the bits of a product depend on, and what ranks must
 * agree on. Static storage. */
const char *elbow_blas_describe(void);

/* Sets the threads of the products that this thread asks for (OpenBLAS, BLIS: that any thread of the process does); where
 * the library has no such call, or did not obey, returns false. */
bool elbow_blas_set_threads(int threads);

/* What makes the library use a kernel that all nodes have, as words after "set": "OPENBLAS_CORETYPE=Haswell". */
const char *elbow_blas_common_kernel(void);

#endif
