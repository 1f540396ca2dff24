#include "math/gemm.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <cblas.h>

#include "math/products.h"

/* The largest size given to BLAS in one call: whatever its integer, INT_MAX fits. Tests make it small. */
#ifndef ELBOW_GEMM_MOST
#define ELBOW_GEMM_MOST ((size_t)INT_MAX)
#endif

/* What only OpenBLAS has. Weak where the compiler can, so that another CBLAS links too. */
#if defined(__GNUC__) && defined(__ELF__)
extern char *openblas_get_config(void) __attribute__((weak));
extern char *openblas_get_corename(void) __attribute__((weak));
extern void openblas_set_num_threads(int threads) __attribute__((weak));
#define HAVE_OPENBLAS (openblas_get_config && openblas_get_corename && openblas_set_num_threads)
#elif defined(ELBOW_HAVE_OPENBLAS)
#define HAVE_OPENBLAS 1
#else
#define HAVE_OPENBLAS 0
#endif

typedef struct product {
    bool transpose_a, transpose_b;
    real alpha;
    size_t lda, ldb, ldc;
} product;

static size_t least(size_t a, size_t b) { return a < b ? a : b; }
static size_t most(size_t a, size_t b) { return a > b ? a : b; }

static void scale_rows(real *c, size_t m, size_t n, size_t ldc, real beta) {
    for (size_t i = 0; i < m; ++i)
        for (size_t j = 0; j < n; ++j) c[i * ldc + j] = beta == 0 ? (real)0 : beta * c[i * ldc + j];
}

/* For rows so long that no BLAS integer holds the way from one to the next. */
static void plain_product(const product *p, size_t m, size_t n, size_t k, const real *a, const real *b,
                          real beta, real *c) {
    scale_rows(c, m, n, p->ldc, beta);
    for (size_t i = 0; i < m; ++i)
        for (size_t l = 0; l < k; ++l) {
            real v = p->alpha * (p->transpose_a ? a[l * p->lda + i] : a[i * p->lda + l]);
            for (size_t j = 0; j < n; ++j)
                c[i * p->ldc + j] += v * (p->transpose_b ? b[j * p->ldb + l] : b[l * p->ldb + j]);
        }
}

static void blas_product(const product *p, size_t m, size_t n, size_t k, const real *a, const real *b,
                         real beta, real *c) {
    enum CBLAS_TRANSPOSE op_a = p->transpose_a ? CblasTrans : CblasNoTrans;
    enum CBLAS_TRANSPOSE op_b = p->transpose_b ? CblasTrans : CblasNoTrans;
    /* A single row may come with any leading dimension; BLAS wants at least the row's length. */
    int lda = (int)most(p->lda, p->transpose_a ? m : k);
    int ldb = (int)most(p->ldb, p->transpose_b ? k : n);
    int ldc = (int)most(p->ldc, n);
#ifdef ELBOW_REAL_DOUBLE
    cblas_dgemm(CblasRowMajor, op_a, op_b, (int)m, (int)n, (int)k, p->alpha, a, lda, b, ldb, beta, c, ldc);
#else
    cblas_sgemm(CblasRowMajor, op_a, op_b, (int)m, (int)n, (int)k, p->alpha, a, lda, b, ldb, beta, c, ldc);
#endif
}

void elbow_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, real alpha, const real *a,
                size_t lda, const real *b, size_t ldb, real beta, real *c, size_t ldc) {
    if (m == 0 || n == 0) return;
    if (k == 0) {
        scale_rows(c, m, n, ldc, beta);
        return;
    }
    const size_t cut = ELBOW_GEMM_MOST;
    const product p = {transpose_a, transpose_b, alpha, lda, ldb, ldc};
    if (lda > cut || ldb > cut || ldc > cut) {
        plain_product(&p, m, n, k, a, b, beta, c);
        return;
    }
    const elbow_product told = {transpose_a, transpose_b, m, n, k, a, b, c};
    if (elbow_products_watcher) elbow_products_tell(&told, false);
    for (size_t i = 0; i < m; i += cut)
        for (size_t j = 0; j < n; j += cut)
            for (size_t l = 0; l < k; l += cut)
                blas_product(&p, least(cut, m - i), least(cut, n - j), least(cut, k - l),
                             a + (transpose_a ? l * lda + i : i * lda + l),
                             b + (transpose_b ? j * ldb + l : l * ldb + j), l == 0 ? beta : (real)1,
                             c + i * ldc + j);
    if (elbow_products_watcher) elbow_products_tell(&told, true);
}

/* openblas_get_config() begins "OpenBLAS 0.3.21 …": the library and its version, then how it was built. */
const char *elbow_blas_describe(void) {
    static char text[128];
    if (!HAVE_OPENBLAS) return "CBLAS of unknown make";
    const char *config = openblas_get_config();
    size_t words = strcspn(config, " ");
    if (config[words] == ' ') words += 1 + strcspn(config + words + 1, " ");
    snprintf(text, sizeof text, "%.*s %s", (int)least(words, 64), config, openblas_get_corename());
    return text;
}

bool elbow_blas_set_threads(int threads) {
    if (!HAVE_OPENBLAS) return false;
    openblas_set_num_threads(threads);
    return true;
}
