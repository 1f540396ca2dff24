/* Walks through the latents of the layer next to x, and what the model makes on the way. Upper layers, and what is
 * given, stay as the example has them. Variables are counted over the layer's groups: of `categorical 10x8, gaussian 4`
 * those from 10 to 13 are Gaussian. Memory comes from the maker's arena. All functions are Local. */
#ifndef ELBOW_TRAIN_WALK_H
#define ELBOW_TRAIN_WALK_H

#include "elbow/train/make.h"

typedef struct elbow_walk {
    elbow_examples examples;
    elbow_notes notes;
    size_t columns; /* of a picture */
} elbow_walk;

enum { ELBOW_WALK_ALL = -1 };

/* Where Gaussian variables go: `steps` values from least to most. */
typedef struct elbow_walk_range {
    double least, most;
    size_t steps;
} elbow_walk_range;

size_t elbow_walk_variables(const elbow_vae *vae);
bool elbow_walk_has_gaussian(const elbow_vae *vae, int64_t variable); /* or any of ELBOW_WALK_ALL */

/* An example with one variable set to each of its values, the others staying: every category, 0 and 1, or the range's. A
 * row of a picture for each variable; notes `latent`, `value`. ELBOW_USAGE where there is no such variable. */
elbow_status elbow_walk_latents(const elbow_maker *maker, const elbow_encoded *from, int64_t variable,
                                const elbow_walk_range *range, elbow_walk *walk);

/* From one example to another in `steps` (2 or more) equal parts, between the originals: Gaussian variables go straight
 * from mean to mean; of the discrete ones that differ, the first round(share · how many) have changed over. What is given
 * stays that of the first. Note `at`: from, 0 … 1, to. */
elbow_status elbow_walk_between(const elbow_maker *maker, const elbow_encoded *from, const elbow_encoded *to,
                                size_t steps, elbow_walk *walk);

#endif
