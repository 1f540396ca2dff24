/* What a model without latents makes of the same data: every dimension alone, with its frequencies in the training split.
 *
 *     binary or grey pixel      Bernoulli                (Σ x + ½) / (N + 1)
 *     pixel of many levels,     categorical              (n_k + ½) / (N + K/2)
 *     column of a table
 *     real column, pixel        Gaussian                 mean; variance, or the model's own where that is fixed, not below
 *                                                        ELBOW_VARIANCE_FLOOR where the model learns it
 *     symbol of a sequence      categorical              one for all positions; and one for each position
 *
 * Adding ½ to a count (Krichevsky & Trofimov 1981) keeps what training did not have possible. Missing values count
 * nowhere. What a conditional model is given is not used. */
#ifndef ELBOW_SRC_TRAIN_BASELINE_H
#define ELBOW_SRC_TRAIN_BASELINE_H

#include "elbow/train/measure.h"

typedef struct elbow_baseline {
    const elbow_field *field;
    const char *words[ELBOW_BASELINES]; /* how each is made */
    size_t count;                       /* of baselines */
    size_t D;
    bool reals;    /* images are reals (Gaussian) */
    bool grey;     /* images are Bernoulli: one log-odds pair a pixel */
    size_t levels; /* of an image's pixel, else 0 */
    size_t *begin; /* (D + 1): where each dimension's numbers are */
    size_t size;   /* of tables */
    double
        *table; /* log-probabilities; mean and log-variance of real dimensions. Sequences: V, then (D, V) */
} elbow_baseline;

/* From the first `examples` of the training split of the view's data; rank 0 reads it. Collective. */
elbow_status elbow_baseline_create(elbow_baseline *baseline, elbow_world *world, const elbow_view *view,
                                   const elbow_vae *vae, const elbow_options *options, size_t examples,
                                   elbow_arena *arena);

/* log p(x) of each row by baseline `which`: (rows). Local. */
void elbow_baseline_log_px(const elbow_baseline *baseline, size_t which, double *log_px,
                           const elbow_values *x, size_t rows);

#endif
