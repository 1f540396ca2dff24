/* The label latent of semi-supervised training (Kingma et al. 2014, their model M2, with q(y, z|x) = q(y|x) q(z|x)): the first group
 * of the top layer, one categorical variable y, which some examples tell (data.labels). With the latents z beside it the objective of an
 * example is
 *
 *     y unknown   E_q(y,z|x) [ log p(x|y,z) ] − β KL(q(y|x) ‖ p(y)) − β KL(q(z|x) ‖ p(z))
 *     y known     E_q(z|x)   [ log p(x|y,z) ] + β log p(y)          − β KL(q(z|x) ‖ p(z)) + α log q(y|x),    α = objective.classify
 *
 * With layers of latents it is in the top one, so that below it y is given the draws there: `gaussian 32 / categorical 1x10, gaussian
 * 16` is their M1 + M2, trained as one.
 *
 * A known label is put where the draw of y is, after it: what draws y, and what its gradient passes, need not know.
 *
 * Functions take a group that elbow_label_is, for B examples and S draws, rows draw by draw. With group->summed the draws of y are all
 * categories in turn, and of an example whose label is known the draw of that one counts S times. */
#ifndef ELBOW_SRC_VAE_LABEL_H
#define ELBOW_SRC_VAE_LABEL_H

#include "vae/estimator.h"

/* *classes: its categories; 0 where data.labels = 0. ELBOW_USAGE where the first group cannot be one, or the estimator does not
 * take one. */
elbow_status elbow_label_create(size_t *classes, const elbow_options *options, const elbow_latents *latents,
                                const elbow_estimator *estimator);

/* The group; and what is known in the coming pass, as group->labels. */
const elbow_group *elbow_label_group(const elbow_latents *latents);
void elbow_label_tell(elbow_latents *latents, const real *labels);

/* Whether its values may be known in this pass. */
static inline bool elbow_label_is(const elbow_group *group) { return group->labels != NULL || group->summed; }

/* Puts what is known into z and soft; and lets no gradient from there into q. */
void elbow_label_clamp(elbow_group *group, size_t B, size_t S);
void elbow_label_release(elbow_group *group, size_t B, size_t S);

/* How often draw s of example b counts, 0 … S, S in all. */
size_t elbow_label_share(const elbow_group *group, size_t b, size_t s, size_t S);

/* Where y is known: group->kl ← −log p(y). */
void elbow_label_kl(elbow_group *group, const elbow_pass *pass, size_t B, size_t S);

/* Where y is known: α log q(y|x) and its gradient, and that of β log p(y), with the KL's weights of layer->weights, which are 0 from
 * here on. */
void elbow_label_learn(elbow_stochastic *layer, elbow_group *group, const elbow_pass *pass,
                       const elbow_objective *objective, elbow_terms *terms);

#endif
