/* oneDNN's sgemm: row-major as it is. It keeps nothing from call to call. */
#include "math/blas.h"

#ifdef ELBOW_BLAS_ONEDNN

#include <math.h>
#include <stdio.h>

#include <dnnl.h>

#include "math/gemm.h"

/* What it refuses for its shape, it refuses every time. Anything else (no memory) could come at one moment on one rank, and
 * must not become a product that rounds differently: it becomes none, which the step finds and all ranks leave on. */
bool elbow_blas_product(const elbow_blas_call *p, const real *a, const real *b, real *c) {
    dnnl_status_t status = dnnl_sgemm(p->transpose_a ? 'T' : 'N', p->transpose_b ? 'T' : 'N', p->m, p->n,
                                      p->k, p->alpha, a, p->lda, b, p->ldb, p->beta, c, p->ldc);
    if (status == dnnl_success) return true;
    if (status == dnnl_invalid_arguments || status == dnnl_unimplemented) return false;
    for (size_t i = 0; i < (size_t)p->m; ++i)
        for (size_t j = 0; j < (size_t)p->n; ++j) c[i * (size_t)p->ldc + j] = (real)NAN;
    return true;
}

/* The sets that oneDNN 2 and 3 both name; a number for what one of them alone knows. */
static const char *name_of(dnnl_cpu_isa_t isa) {
    static char number[16];
    switch (isa) {
    case dnnl_cpu_isa_sse41:
        return "sse41";
    case dnnl_cpu_isa_avx:
        return "avx";
    case dnnl_cpu_isa_avx2:
        return "avx2";
    case dnnl_cpu_isa_avx2_vnni:
        return "avx2_vnni";
    case dnnl_cpu_isa_avx512_core:
        return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni:
        return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16:
        return "avx512_core_bf16";
    default:
        snprintf(number, sizeof number, "isa-0x%x", (unsigned)isa);
        return number;
    }
}

const char *elbow_blas_describe(void) {
    static char text[128];
    const dnnl_version_t *version = dnnl_version();
    snprintf(text, sizeof text, "oneDNN %d.%d.%d %s", version->major, version->minor, version->patch,
             name_of(dnnl_get_effective_cpu_isa()));
    return text;
}

#ifdef ELBOW_HAVE_OMP_THREADS
/* Of the OpenMP library that oneDNN itself is linked with; no header of this compiler's need be there for it. */
extern void omp_set_num_threads(int threads);
extern int omp_get_max_threads(void);

bool elbow_blas_set_threads(int threads) {
    omp_set_num_threads(threads);
    return omp_get_max_threads() == threads;
}
#else
/* Built without threads it has one; TBB is told nothing from here. */
bool elbow_blas_set_threads(int threads) {
    return DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_SEQ && threads == 1;
}
#endif

const char *elbow_blas_common_kernel(void) { return "ONEDNN_MAX_CPU_ISA=AVX2"; }

#endif
