#include "math/peak.h"

#include "base/kernel.h"

/* Twelve chains: more than latency × pipelines of any processor so far (4 or 5 cycles × 2), and fewer than registers.
 * This file alone is compiled with contraction on (CMakeLists.txt): its sums mean nothing. */
enum { CHAINS = 12 };

static volatile real sink; /* what the compiler cannot know is never read */

#if defined(__GNUC__) && defined(__x86_64__)

/* The loop for one width, told to the compiler as vectors so that the chains stay in registers. */
#define PEAK(name, features, bytes)                                                                          \
    __attribute__((target(features))) static double name(size_t rounds) {                                    \
        typedef real lanes __attribute__((vector_size(bytes)));                                              \
        lanes sum[CHAINS], total = {0}, factor = {0}, term = {0};                                            \
        factor += (real)0.999;                                                                               \
        term += (real)0.001;                                                                                 \
        for (int i = 0; i < CHAINS; i++) sum[i] = total + (real)i;                                           \
        for (size_t r = 0; r < rounds; r++)                                                                  \
            for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * factor + term;                                \
        for (int i = 0; i < CHAINS; i++) total += sum[i];                                                    \
        sink = total[0];                                                                                     \
        size_t width = bytes / sizeof(real);                                                                 \
        return 2.0 * (double)rounds * CHAINS * (double)width;                                                \
    }

PEAK(peak_512, "avx512f", 64)
PEAK(peak_256, "avx2,fma", 32)
PEAK(peak_128, "sse2", 16)

double elbow_peak_run(size_t rounds) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) return peak_512(rounds);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return peak_256(rounds);
    return peak_128(rounds);
}

#else

enum { LANES = 16 };

double elbow_peak_run(size_t rounds) {
    real sum[CHAINS][LANES] = {{0}}, total = 0;
    for (size_t r = 0; r < rounds; r++)
        for (int i = 0; i < CHAINS; i++)
            for (int l = 0; l < LANES; l++) sum[i][l] = sum[i][l] * (real)0.999 + (real)0.001;
    for (int i = 0; i < CHAINS; i++) total += sum[i][0];
    sink = total;
    return 2.0 * (double)rounds * CHAINS * LANES;
}

#endif

ELBOW_KERNEL
void elbow_peak_triad(real *restrict a, const real *restrict b, const real *restrict c, real s, size_t n) {
    for (size_t i = 0; i < n; i++) a[i] = b[i] + s * c[i];
}
