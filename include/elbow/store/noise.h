/* The gradient noise scale, from gradients that a step has anyway.
 *
 * Let G be the true gradient and Σ the covariance of one example's. A step's gradient over B examples, the sum of its leaves
 * g_i (elbow_exchange_leaves), each of n_i examples and divided by B, then has
 *
 *     E|Σ g_i|² = |G|² + tr Σ / B        E Σ|g_i|² = f |G|² + tr Σ / B,    f = Σ (n_i / B)²
 *
 * whatever the n_i, so that |G|² ≈ (|Σ g_i|² − Σ|g_i|²) / (1 − f) and tr Σ ≈ B (Σ|g_i|² − f |Σ g_i|²) / (1 − f) without bias
 * (McCandlish, Kaplan, Amodei et al., "An Empirical Model of Large-Batch Training", 2018, appendix A.1, for two batch sizes).
 * Their ratio, of means over many steps, is the simple noise scale: the batch whose noise is as large as its gradient. By that
 * paper's rule a batch of B takes 1 + scale / B times the fewest steps there can be, and 1 + B / scale times the fewest
 * examples. Draws of z are part of an example's noise. Batches here are of an epoch's permutation, not drawn anew: where a batch
 * is a large part of the data, the noise comes out a little too small. Local. */
#ifndef ELBOW_STORE_NOISE_H
#define ELBOW_STORE_NOISE_H

#include <stdbool.h>

#include "elbow/store/metrics.h"

typedef struct elbow_noise {
    double square, trace; /* the estimates of |G|² and of tr Σ; of one step either may be negative */
} elbow_noise;

/* From |Σ g_i|², Σ|g_i|², B and f. NaN where there is one leaf (f = 1), or a square is not finite. */
elbow_noise elbow_noise_of_step(double of_sum, double of_leaves, double examples, double overlap);

/* The scale over the last part of a run. */
typedef struct elbow_noise_scale {
    double from, to;    /* the steps that it is of: those after `from`, up to `to` */
    double examples;    /* infinity where |G|² is not above 0 */
    double least, most; /* two standard errors (jackknife over rows) to each side; `most` may be infinity */
} elbow_noise_scale;

/* Over the last quarter of the steps of /train, and at least the last eight rows. false where fewer than three of them tell of
 * noise, or there is none. */
bool elbow_noise_scale_of(elbow_noise_scale *scale, const elbow_table *train);

#endif
