/* What the estimators share whose control variates differentiate the score in z (muprop, rebar, relax).
 *
 * They know f(z) = log p(x|z) − β Σ_g KL_g(z) of exact draws (score_function.h), and ask for f and ∇f at points between the
 * values that z can have. There the decoder is what it is; a sampled KL is linear in z,
 *
 *     KL_g(z) = Σ z (log q_g − log p_g)        (of bits: with the logits' normalisers, which draws have in common)
 *
 * so that priors must be of the latents' own family, and variables of a layer depend on other layers alone.
 *
 * Of several layers, f_i at points of layer i has the exact draws below it, and above it relaxed ones that follow from the points, by
 * the noise of those layers' own draws: ẑ_{i+1} = σ_λ(logits(points) + noise), and on to the top. Only what depends on the points is
 * evaluated: for i > 1 nothing of the decoder, but of a predictor's. ∇f_i goes back along the path, through networks, logits and
 * relaxed draws. It is in the points alone: what f_i says of the parameters is held. These passes leave the parameters' gradients
 * alone (elbow_pass.frozen). What they own is named estimator.*, comes after all other parameters, starts from streams of its
 * own, is learned by the optimizer beside the rest, and is in checkpoints. The gradient's norm that is told, and that
 * optimizer.clip_norm bounds, has theirs in it: a small part, in units of ELBOW_CONTROL_NATS. */
#ifndef ELBOW_SRC_VAE_CONTROL_H
#define ELBOW_SRC_VAE_CONTROL_H

#include "vae/score_function.h"

/* What owned parameters measure nats in: the scale of an image's log p(x|z). Adam moves a baseline of that size in as many steps
 * as a weight of size 1, and squared gradients do not outweigh the model's own. */
#define ELBOW_CONTROL_NATS 100

/* ELBOW_USAGE, blamed on its option: discrete latents, factorised, priors as above, the ELBO. */
elbow_status elbow_control_check(const elbow_estimator *estimator, const elbow_options *options,
                                 const elbow_latents *latents);

/* Declares owned scalars, 0 at first. */
elbow_status elbow_control_declare(elbow_params *params, const char *name, size_t count, size_t *offset);

/* Columns of points: each group's (rows, its z_width) in points[g], and side by side in `joined` (rows, z_width). Returns the
 * only group's own where there is one; joined may be NULL then. */
const real *elbow_control_join(const elbow_stochastic *layer, real *const *points, real *joined, size_t rows);

/* A place to look at f: points of layer i, one block a group, and the temperature of the relaxed draws above. */
typedef struct elbow_control_point {
    size_t layer;
    real *const *points;
    real temperature;
} elbow_control_point;

/* f_i there, into f (rows), and ∇f_i, in each of layer i's groups' dz. rows: all, or of one layer those of fewer draws. ones: (rows),
 * overwritten. The layers above i lose their draws, and what their networks and priors were given: who needs a gradient there
 * takes it before. */
void elbow_control_evaluate(elbow_latents *latents, const elbow_score *score, const elbow_pass *pass,
                            const elbow_objective *objective, const elbow_control_point *at, real *f,
                            real *ones, size_t rows);

#endif
