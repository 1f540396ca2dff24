/* How the latents are used: sums over examples of what q(z|x) says of each variable, a row of numbers a block. Local. */
#ifndef ELBOW_SRC_TRAIN_USAGE_H
#define ELBOW_SRC_TRAIN_USAGE_H

#include "elbow/base/arena.h"
#include "elbow/train/measure.h"

typedef struct elbow_usage {
    size_t groups, width; /* numbers of a block */
    size_t *begin;        /* (groups + 1): a group's numbers */
    double *probability;  /* (most codes of a variable) */
} elbow_usage;

elbow_status elbow_usage_create(elbow_usage *usage, const elbow_vae *vae, elbow_arena *arena);

/* Adds a block's rows after a draw: sums (width), zeroed before the first. */
void elbow_usage_add(const elbow_usage *usage, const elbow_vae *vae, size_t rows, double *sums);

/* From the sums of all blocks over n examples: all of the group that q(z|x) of single variables says. */
void elbow_usage_finish(const elbow_usage *usage, const elbow_vae *vae, const double *sums, size_t n,
                        elbow_group_measures *measures);

/* Codes of a variable of a group: 2 of a Bernoulli's, 0 where not discrete. */
size_t elbow_latent_codes(const elbow_latent_view *view);

/* The probabilities of the codes of one variable, from its q_size parameters; where discrete. */
void elbow_latent_probabilities(const elbow_latent_view *view, double *probability, const real *q);

#endif
