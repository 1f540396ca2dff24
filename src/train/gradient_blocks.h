/* Gradients drawn again and again, and what their means say of an estimator when they are held against a reference's.
 *
 * n independent draws fall into K blocks of n / K, each summed by one rank alone (block k by rank k mod P): no bit depends on
 * P. With the block means b_k of an estimator, and c_k of the reference, drawn with noise of their own,
 *
 *     |E b|²        ≈  Σ_{i≠j} ⟨b_i, b_j⟩ / K(K − 1)
 *     ⟨E b, E c⟩    ≈  Σ_{i≠j} ⟨b_i, c_j⟩ / K(K − 1)
 *     |E b − E c|²  ≈  Σ_{i≠j} ⟨b_i − c_i, b_j − c_j⟩ / K(K − 1)
 *
 * without bias, as the noise of two blocks has nothing in common; the mean's own square is too large, by tr Σ / n (U-statistics:
 * Hoeffding 1948). Norms, cosines and biases are ratios of these, and their standard errors the jackknife's over blocks (Efron & Stein
 * 1981). Whether E b = E c is asked of the third: where it is so, its K(K − 1)/2 products are uncorrelated and have mean 0,
 * so that their own squares give the variance of their mean; `z` is the mean in units of that deviation.
 *
 * The trace of a draw's covariance is the mean of the blocks' (Σ |x|² − m |x̄|²) / (m − 1), and its error goes by their spread. */
#ifndef ELBOW_SRC_TRAIN_GRADIENT_BLOCKS_H
#define ELBOW_SRC_TRAIN_GRADIENT_BLOCKS_H

#include "elbow/base/real.h"
#include "elbow/parallel/world.h"
#include "elbow/train/bench.h"

enum { GRADIENT_BLOCKS = 16 }; /* K */

typedef struct elbow_gradient_blocks {
    elbow_world *world;
    size_t size;                    /* of a gradient */
    size_t draws;                   /* of all blocks; 0: it never differs, all blocks are the same */
    real *means;                    /* (own blocks, size) */
    double *sum;                    /* (size) */
    double traces[GRADIENT_BLOCKS]; /* of a draw's covariance, by block */
} elbow_gradient_blocks;

/* Inner products of the means of two estimators' blocks. */
typedef struct elbow_gradient_products {
    double of[GRADIENT_BLOCKS][GRADIENT_BLOCKS];
} elbow_gradient_products;

elbow_status elbow_gradient_blocks_create(elbow_gradient_blocks *blocks, elbow_world *world,
                                          size_t size); /* Local */
void elbow_gradient_blocks_destroy(elbow_gradient_blocks *blocks);

/* Gradient number `draw`, (size), the caller's, good until the next. */
typedef const real *elbow_gradient_draw(void *context, size_t draw);

/* `each` ≥ 2 draws a block. ELBOW_STOPPED where a signal (stop.h) comes. progress: told `what`, and this rank's draws, or NULL.
 * Collective. */
elbow_status elbow_gradient_blocks_take(elbow_gradient_blocks *blocks, size_t each, elbow_gradient_draw *draw,
                                        void *context, const char *what,
                                        void (*progress)(const char *what, size_t done, size_t of));
/* Of an estimator without noise: what it always gives. Local. */
void elbow_gradient_blocks_fill(elbow_gradient_blocks *blocks, const real *gradient);

/* products->of[i][j] = ⟨a_i, b_j⟩. Collective. */
elbow_status elbow_gradient_multiply(elbow_gradient_products *products, const elbow_gradient_blocks *a,
                                     const elbow_gradient_blocks *b);

/* The trace of a draw's covariance. Local. */
elbow_bench_figure elbow_gradient_trace(const elbow_gradient_blocks *blocks);

/* From ⟨b, b⟩, ⟨b, c⟩ and ⟨c, c⟩. Local. */
elbow_bench_bias elbow_gradient_compare(const elbow_gradient_products *bb, const elbow_gradient_products *bc,
                                        const elbow_gradient_products *cc);
/* |E c|. Local. */
elbow_bench_figure elbow_gradient_norm(const elbow_gradient_products *cc);

#endif
