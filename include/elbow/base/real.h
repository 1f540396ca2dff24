/* The one floating-point type of the model.
 *
 * A normal build computes in float. The same sources built with ELBOW_REAL_DOUBLE compute in double: the
 * gradient tests use that build, because a central difference in double tells a wrong term from rounding. */
#ifndef ELBOW_BASE_REAL_H
#define ELBOW_BASE_REAL_H

#include <stdbool.h>

#ifdef ELBOW_REAL_DOUBLE
typedef double real;
#define ELBOW_REAL_NAME "double"
#else
typedef float real;
#define ELBOW_REAL_NAME "float"
#endif

/* From here on denormal numbers, 10^-38 and smaller, are 0, as results and as operands, in this thread and in those that it
 * starts: relaxed samples, and gradients of what is certain, lead to them, and a processor may take a hundred times as long
 * over each. The bits of what is computed may depend on it: program elbow does this before all else, threads of libraries
 * included, and one that embeds libelbow does so to have the same bits. Returns whether this processor can (x86, AArch64).
 * Local. */
bool elbow_flush_denormals(void);

#endif
