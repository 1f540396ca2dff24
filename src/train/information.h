/* The mutual information of examples and latents, over a subset of the split: the estimate that measure.h defines. */
#ifndef ELBOW_SRC_TRAIN_INFORMATION_H
#define ELBOW_SRC_TRAIN_INFORMATION_H

#include "elbow/base/arena.h"
#include "elbow/train/measure.h"
#include "train/blocks.h"

typedef struct elbow_information {
    size_t groups, of,
        M; /* groups of latents; examples of the split, and of the subset: m is example ⌊m·of/M⌋ */
    size_t begin, end; /* this rank's of the subset */
    size_t q_width, z_width;
    size_t *q_begin, *z_begin;   /* (groups + 1): columns; none of sequential groups */
    real *own_q, *own_z, *q, *z; /* (end − begin, width); (M, width). z: codes of discrete variables */
    double *own, *all;     /* (·, groups + 1): log q(z|x) − log q̄(z) of each group, and of layer 0 */
    double *pairs, *joint; /* (M) */
} elbow_information;

/* Local. */
elbow_status elbow_information_create(elbow_information *information, const elbow_vae *vae,
                                      const elbow_blocks *blocks, elbow_arena *arena);

/* Takes what it needs of a block whose latents have just been drawn. Local. */
void elbow_information_keep(elbow_information *information, const elbow_vae *vae, size_t first, size_t rows);

/* Whether example `example` of the split is of the subset. Local. */
bool elbow_information_has(const elbow_information *information, size_t example);

/* figures: (groups + 1), the last for all of layer 0; NaN where sequential. Collective. */
elbow_status elbow_information_find(elbow_information *information, const elbow_vae *vae,
                                    elbow_blocks *blocks, elbow_figure *figures);

#endif
