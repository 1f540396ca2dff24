/* Pictures of what a model makes: PNG files. Local. */
#ifndef ELBOW_TRAIN_DRAW_H
#define ELBOW_TRAIN_DRAW_H

#include "elbow/data/loader.h"
#include "elbow/vae/vae.h"

enum { ELBOW_DRAW_ROWS = 256 }; /* what `vae` must be reserved for, at the least */

/* `count` draws of E[x|z], z from the prior, in a square grid. */
elbow_status elbow_draw_samples(elbow_vae *vae, const real *parameters, uint64_t seed, size_t count,
                                const char *path);

/* The first `count` examples of a split above their reconstructions E[x|z], z from q(z|x). */
elbow_status elbow_draw_reconstructions(elbow_vae *vae, const real *parameters, uint64_t seed,
                                        const elbow_view *view, elbow_split split, size_t count,
                                        const char *path);

#endif
