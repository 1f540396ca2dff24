#include "elbow/base/real.h"

#if defined(__SSE__)
#include <xmmintrin.h>

enum { RESULTS = 1 << 15, OPERANDS = 1 << 6 }; /* FTZ and DAZ of MXCSR */

bool elbow_flush_denormals(void) {
    _mm_setcsr(_mm_getcsr() | RESULTS | OPERANDS);
    return true;
}

#elif defined(__aarch64__) && defined(__GNUC__)
#include <stdint.h>

enum { BOTH = 1 << 24 }; /* FZ of FPCR */

bool elbow_flush_denormals(void) {
    uint64_t control = 0;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    __asm__ volatile("msr fpcr, %0" : : "r"(control | BOTH));
    return true;
}

#else

bool elbow_flush_denormals(void) { return false; }

#endif
