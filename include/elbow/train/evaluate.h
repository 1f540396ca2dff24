/* Evaluation of a split: the bound and its terms, the same bits for every rank count.
 *
 * Fixed blocks of 256 examples are dealt to the ranks; sums are per block, in double, then in block order.
 * Random draws are keyed by split, example and draw. With discrete samples on observations that the
 * likelihood can have produced, `elbo` and `iwae` are lower bounds of log p(x):
 *
 *     elbo = mean_d log p(x|z_d) − KL(q(z|x) ‖ p(z))
 *     iwae = log 1/K Σ_d p(x, z_d) / q(z_d|x)             (Burda, Grosse & Salakhutdinov 2016), K = samples
 *
 * `soft_elbo` has relaxed samples, as training has, and at most ELBOW_EVALUATE_SOFT of them: it is no bound. */
#ifndef ELBOW_TRAIN_EVALUATE_H
#define ELBOW_TRAIN_EVALUATE_H

#include "elbow/data/loader.h"
#include "elbow/parallel/world.h"
#include "elbow/vae/vae.h"

enum { ELBOW_EVALUATE_BLOCK = 256, ELBOW_EVALUATE_SOFT = 16 };

typedef struct elbow_evaluator elbow_evaluator;

/* Means over the examples, in nats. */
typedef struct elbow_evaluation {
    size_t examples, samples;
    double elbo, elbo_error; /* and its standard error over the examples */
    double reconstruction, kl;
    double iwae, iwae_error;               /* NaN unless asked for */
    double soft_elbo, soft_reconstruction; /* NaN of a model without discrete latents */
    double temperature;                    /* of the relaxed samples; NaN where there are none */
    double
        accuracy; /* share of the labels that are the most probable by q(y|x) (data.labels); NaN where none are known */
} elbow_evaluation;

/* Reads this rank's blocks of the split. `vae` is reserved for at least ELBOW_EVALUATE_BLOCK rows and stays the caller's.
 * Collective. */
elbow_status elbow_evaluator_create(elbow_evaluator **evaluator, elbow_world *world, const elbow_view *view,
                                    elbow_split split, elbow_vae *vae, uint64_t seed);
void elbow_evaluator_destroy(elbow_evaluator **evaluator);

/* Evaluates with `samples` draws per example; `progress` (or NULL) is called on every rank after each of its blocks. Collective. */
elbow_status elbow_evaluate(elbow_evaluator *evaluator, const real *parameters, double temperature,
                            size_t samples, bool iwae, void (*progress)(size_t done, size_t of),
                            elbow_evaluation *result);

size_t elbow_evaluator_bytes(const elbow_evaluator *evaluator);

/* scores: (examples of the split), on every rank: how surprising each example is, in nats: −iwae of `samples` draws, or, with
 * one draw, −elbo. The draws are those of elbow_evaluate. Collective. */
elbow_status elbow_score(elbow_world *world, const elbow_view *view, elbow_split split, elbow_vae *vae,
                         const real *parameters, uint64_t seed, size_t samples,
                         void (*progress)(size_t done, size_t of), double *scores);

#endif
