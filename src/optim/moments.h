/* What the optimizers' passes over parameters share, and the pass itself of those that keep two moments. */
#ifndef ELBOW_SRC_OPTIM_MOMENTS_H
#define ELBOW_SRC_OPTIM_MOMENTS_H

#include "math/kernel.h"
#include "optim/optimizer_ops.h"

/* A pass is over three or four arrays of the size of the model, and waits for memory, not for arithmetic. The processor's
 * own prefetching stops at page ends and is late for so many streams; asking half a page ahead takes a fifth to a quarter
 * off Adam's time. */
enum { MOMENTS_BLOCK = 64, MOMENTS_AHEAD = 512, MOMENTS_LINE = 64 / sizeof(real) };

enum { MOMENTS_WORTH_A_THREAD = 1 << 16 }; /* parameters: a megabyte to read and write again */

/* What is too small to matter is 0. A weight whose gradient stays 0 (a dead unit's, a dark pixel's) has moments that
 * decay geometrically, and they would spend the rest of the run as denormals, at ten times the cost of the whole
 * update. 1e-18 is a step of 1e-13 at Adam's usual rate and epsilon, and of less in sums of gradients. */
#define MOMENTS_SMALLEST        ((real)1e-18)
#define MOMENTS_SMALLEST_SQUARE ((real)1e-36)

ELBOW_INLINE real moments_flushed(real x, real smallest) { return x < smallest && x > -smallest ? 0 : x; }

/* The constants of one update by the gradient's first two moments, rounded once:
 *
 *     m ← β1 m + (1 − β1) g      v ← β2 v + (1 − β2) g²      θ ← θ − decay · θ − rate · m / (√v · root + epsilon)
 */
typedef struct elbow_moments {
    real beta1, beta2, rest1, rest2; /* β, 1 − β */
    real scale;                      /* of the gradient */
    real rate, root, epsilon;
    real decay; /* lr · weight decay */
} elbow_moments;

/* That, with the optimizer's slots 0 and 1 as m and v; `gradient` is left zero. rate, root and epsilon are the caller's, the
 * rest is from here. Local. */
elbow_moments elbow_moments_make(const elbow_optimizer *optimizer, double learning_rate, real scale);
void elbow_moments_update(elbow_optimizer *optimizer, const elbow_moments *moments, real *gradient,
                          real *parameters);

#endif
