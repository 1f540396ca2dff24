/* Any CBLAS. What OpenBLAS and BLIS have beyond it (their threads, the name of their kernel) is used where it is there. */
#include "math/blas.h"

#ifndef ELBOW_BLAS_ONEDNN

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cblas.h>

#include "math/gemm.h"

/* Weak where the compiler can, so that every CBLAS links, and one that is put in another's place when the program starts
 * (Debian's alternatives) is still told its threads. */
#if defined(__GNUC__) && defined(__ELF__)
extern char *openblas_get_config(void) __attribute__((weak));
extern char *openblas_get_corename(void) __attribute__((weak));
extern void openblas_set_num_threads(int threads) __attribute__((weak));
#define HAVE_OPENBLAS (openblas_get_config && openblas_get_corename && openblas_set_num_threads)
/* BLIS as its own header declares them: dim_t is 64 bits unless it was configured otherwise, arch_t an enumeration. */
extern char *bli_info_get_version_str(void) __attribute__((weak));
extern int bli_arch_query_id(void) __attribute__((weak));
extern char *bli_arch_string(int id) __attribute__((weak));
extern void bli_thread_set_num_threads(int64_t threads) __attribute__((weak));
#define HAVE_BLIS                                                                                            \
    (bli_info_get_version_str && bli_arch_query_id && bli_arch_string && bli_thread_set_num_threads)
#else
#ifdef ELBOW_HAVE_OPENBLAS
#define HAVE_OPENBLAS 1
#else
#define HAVE_OPENBLAS               0
#define openblas_get_config()       ""
#define openblas_get_corename()     ""
#define openblas_set_num_threads(n) ((void)(n))
#endif
#define HAVE_BLIS                     0
#define bli_info_get_version_str()    ""
#define bli_arch_query_id()           0
#define bli_arch_string(id)           ""
#define bli_thread_set_num_threads(n) ((void)(n))
#endif

bool elbow_blas_product(const elbow_blas_call *p, const real *a, const real *b, real *c) {
    enum CBLAS_TRANSPOSE op_a = p->transpose_a ? CblasTrans : CblasNoTrans;
    enum CBLAS_TRANSPOSE op_b = p->transpose_b ? CblasTrans : CblasNoTrans;
#ifdef ELBOW_REAL_DOUBLE
    cblas_dgemm(CblasRowMajor, op_a, op_b, p->m, p->n, p->k, p->alpha, a, p->lda, b, p->ldb, p->beta, c,
                p->ldc);
#else
    cblas_sgemm(CblasRowMajor, op_a, op_b, p->m, p->n, p->k, p->alpha, a, p->lda, b, p->ldb, p->beta, c,
                p->ldc);
#endif
    return true;
}

/* openblas_get_config() begins "OpenBLAS 0.3.21 …": the library and its version, then how it was built. */
const char *elbow_blas_describe(void) {
    static char text[128];
    if (HAVE_OPENBLAS) {
        const char *config = openblas_get_config();
        size_t words = strcspn(config, " ");
        if (config[words] == ' ') words += 1 + strcspn(config + words + 1, " ");
        snprintf(text, sizeof text, "%.*s %s", (int)(words < 64 ? words : 64), config,
                 openblas_get_corename());
    } else if (HAVE_BLIS) {
        snprintf(text, sizeof text, "BLIS %.40s %.40s", bli_info_get_version_str(),
                 bli_arch_string(bli_arch_query_id()));
    } else {
        return "CBLAS of unknown make";
    }
    return text;
}

bool elbow_blas_set_threads(int threads) {
    if (HAVE_OPENBLAS)
        openblas_set_num_threads(threads);
    else if (HAVE_BLIS)
        bli_thread_set_num_threads(threads);
    else
        return false;
    return true;
}

const char *elbow_blas_common_kernel(void) {
    if (HAVE_OPENBLAS) return "OPENBLAS_CORETYPE=Haswell";
    if (HAVE_BLIS) return "BLIS_ARCH_TYPE to the number of one architecture (of BLIS's bli_type_defs.h)";
    return "that BLAS's own variable for one kernel on all";
}

#endif
