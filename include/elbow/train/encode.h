/* The latents of examples, written to a file: codes and probabilities of discrete variables, means and deviations of
 * Gaussian ones.
 *
 * HDF5, a group for each group of latents, (N, …) in the order of the split:
 *
 *     /                          attributes format = "elbow-codes", version, checkpoint, step, data, split
 *     /latent.0/codes            int64 (N, L): the most probable code of each variable, the lowest of several; 0 or 1 of a
 *                                Bernoulli's
 *     /latent.0/probabilities    float32 (N, L, K): q(z|x); (N, L), of 1, for a Bernoulli's
 *     /latent.1/mean, /sigma     float32 (N, L) of a Gaussian group
 *     /label                     uint16 (N), where the split has labels; 65535 is a missing one. Attributes `0`, `1`, … are the labels' words
 *
 * CSV: index, label (its word), then `latent.0.3`, the code or the mean of variable 3 of group 0, …
 *
 * Where q(z|x) is sequential (autoregressive), or of a layer above others, it depends on draws: those of elbow_evaluate,
 * draw 0, and what is written of a variable is given the draws of those it depends on. With `draws`, what is written as codes
 * and means are those draws themselves. */
#ifndef ELBOW_TRAIN_ENCODE_H
#define ELBOW_TRAIN_ENCODE_H

#include "elbow/train/model.h"

typedef struct elbow_encode_request {
    elbow_split split;
    bool draws;
    const char *output;                       /* FILE.csv, else HDF5 */
    void (*progress)(size_t done, size_t of); /* of the split's examples; or NULL */
} elbow_encode_request;

/* The file is whole or not there; one that is there is replaced. ELBOW_USAGE where the split is absent, ELBOW_IO. Local. */
elbow_status elbow_encode(const elbow_model *model, const elbow_view *view,
                          const elbow_encode_request *request);

/* Whether what is written depends on draws of other variables. Local. */
bool elbow_encode_conditional(const elbow_vae *vae);

#endif
