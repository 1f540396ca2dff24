/* What the estimators share whose control variates differentiate the score in z (muprop, rebar, relax).
 *
 * They know f(z) = log p(x|z) − β Σ_g KL_g(z) of exact draws (score_function.h), and ask for f and ∇f at points between the
 * values that z can have. There the decoder is what it is; a sampled KL is linear in z,
 *
 *     KL_g(z) = Σ z (log q_g − log p_g)        (of bits: with the logits' normalisers, which draws have in common)
 *
 * so that priors must be of the latents' own family, and the same for every z. These passes leave the parameters' gradients
 * alone (elbow_pass.frozen). What they own is named estimator.*, comes after all other parameters, starts from streams of its
 * own, is learned by the optimizer beside the rest, and is in checkpoints. The gradient's norm that is told, and that
 * optimizer.clip_norm bounds, has theirs in it: a small part, in units of ELBOW_CONTROL_NATS. */
#ifndef ELBOW_SRC_VAE_CONTROL_H
#define ELBOW_SRC_VAE_CONTROL_H

#include "vae/score_function.h"

/* What owned parameters measure nats in: the scale of an image's log p(x|z). Adam moves a baseline of that size in as many steps
 * as a weight of size 1, and squared gradients do not outweigh the model's own. */
#define ELBOW_CONTROL_NATS 100

/* ELBOW_USAGE, blamed on its option: discrete latents of one layer, factorised, a prior as above, the ELBO. */
elbow_status elbow_control_check(const elbow_estimator *estimator, const elbow_options *options,
                                 const elbow_latents *latents);

/* Declares an owned scalar, 0 at first. */
elbow_status elbow_control_declare(elbow_params *params, const char *name, size_t *offset);

/* Columns of points: each group's (rows, its z_width) in points[g], and side by side in `joined` (rows, z_width). Returns the
 * only group's own where there is one; joined may be NULL then. */
const real *elbow_control_join(const elbow_latents *latents, real *const *points, real *joined, size_t rows);

/* f at points, `rows` of them for as many draws as that is, into f (rows), or nowhere where that is NULL; and ∇f, in each
 * group's dz. points: as above, one block a group. ones: (rows), overwritten. */
void elbow_control_evaluate(elbow_latents *latents, const elbow_score *score, const elbow_pass *pass,
                            const elbow_objective *objective, real *const *points, real *joined, real *f,
                            real *ones, size_t rows);

#endif
