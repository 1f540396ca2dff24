#include "math/gemm.h"

#include <limits.h>

#include "math/blas.h"
#include "math/products.h"

/* The largest size given to BLAS in one call: whatever its integer, INT_MAX fits. Tests make it small. */
#ifndef ELBOW_GEMM_MOST
#define ELBOW_GEMM_MOST ((size_t)INT_MAX)
#endif

typedef struct layout {
    bool transpose_a, transpose_b;
    real alpha;
    size_t lda, ldb, ldc;
} layout;

static size_t least(size_t a, size_t b) { return a < b ? a : b; }
static size_t most(size_t a, size_t b) { return a > b ? a : b; }

static void scale_rows(real *c, size_t m, size_t n, size_t ldc, real beta) {
    for (size_t i = 0; i < m; ++i)
        for (size_t j = 0; j < n; ++j) c[i * ldc + j] = beta == 0 ? (real)0 : beta * c[i * ldc + j];
}

/* For rows so long that no BLAS integer holds the way from one to the next, and for what a library refuses. */
static void plain_product(const layout *p, size_t m, size_t n, size_t k, const real *a, const real *b,
                          real beta, real *c) {
    scale_rows(c, m, n, p->ldc, beta);
    for (size_t i = 0; i < m; ++i)
        for (size_t l = 0; l < k; ++l) {
            real v = p->alpha * (p->transpose_a ? a[l * p->lda + i] : a[i * p->lda + l]);
            for (size_t j = 0; j < n; ++j)
                c[i * p->ldc + j] += v * (p->transpose_b ? b[j * p->ldb + l] : b[l * p->ldb + j]);
        }
}

static void one_product(const layout *p, size_t m, size_t n, size_t k, const real *a, const real *b,
                        real beta, real *c) {
    /* A single row may come with any leading dimension; BLAS wants at least the row's length. */
    const elbow_blas_call product = {
        .transpose_a = p->transpose_a,
        .transpose_b = p->transpose_b,
        .m = (int)m,
        .n = (int)n,
        .k = (int)k,
        .lda = (int)most(p->lda, p->transpose_a ? m : k),
        .ldb = (int)most(p->ldb, p->transpose_b ? k : n),
        .ldc = (int)most(p->ldc, n),
        .alpha = p->alpha,
        .beta = beta,
    };
    if (!elbow_blas_product(&product, a, b, c)) plain_product(p, m, n, k, a, b, beta, c);
}

void elbow_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, real alpha, const real *a,
                size_t lda, const real *b, size_t ldb, real beta, real *c, size_t ldc) {
    if (m == 0 || n == 0) return;
    if (k == 0) {
        scale_rows(c, m, n, ldc, beta);
        return;
    }
    const size_t cut = ELBOW_GEMM_MOST;
    const layout p = {transpose_a, transpose_b, alpha, lda, ldb, ldc};
    if (lda > cut || ldb > cut || ldc > cut) {
        plain_product(&p, m, n, k, a, b, beta, c);
        return;
    }
    const elbow_product told = {transpose_a, transpose_b, m, n, k, a, b, c};
    if (elbow_products_watcher) elbow_products_tell(&told, false);
    for (size_t i = 0; i < m; i += cut)
        for (size_t j = 0; j < n; j += cut)
            for (size_t l = 0; l < k; l += cut)
                one_product(&p, least(cut, m - i), least(cut, n - j), least(cut, k - l),
                            a + (transpose_a ? l * lda + i : i * lda + l),
                            b + (transpose_b ? j * ldb + l : l * ldb + j), l == 0 ? beta : (real)1,
                            c + i * ldc + j);
    if (elbow_products_watcher) elbow_products_tell(&told, true);
}
