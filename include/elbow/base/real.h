/* The one floating-point type of the model.
 *
 * A normal build computes in float. The same sources built with ELBOW_REAL_DOUBLE compute in double: the
 * gradient tests use that build, because a central difference in double tells a wrong term from rounding. */
#ifndef ELBOW_BASE_REAL_H
#define ELBOW_BASE_REAL_H

#ifdef ELBOW_REAL_DOUBLE
typedef double real;
#define ELBOW_REAL_NAME "double"
#else
typedef float real;
#define ELBOW_REAL_NAME "float"
#endif

#endif
