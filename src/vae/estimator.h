/* Gradient estimators for the expectation over z: a family.
 *
 * Estimators differ in how often they evaluate the decoder and in what they differentiate, so they drive:
 * given q(z|x) (latents after their forward) and a score, a function from z to log p(x|z), an
 * estimator draws, scores, and returns with the gradients of the decoder's side accumulated in
 * pass->gradients and those of q in the first layer's dq. It adds the batch's terms. */
#ifndef ELBOW_SRC_VAE_ESTIMATOR_H
#define ELBOW_SRC_VAE_ESTIMATOR_H

#include "vae/latents.h"

/* log p(x|z) of rows of z, and its gradients: the decoder and the likelihood of a model, or a test's toy. */
typedef struct elbow_score {
    void *context;
    /* log_px: (rows). z: (rows, z_width), kept by reference until backward. */
    void (*forward)(void *context, const elbow_pass *pass, real *log_px, const real *z, size_t rows);
    /* Gradients of Σ_r weights[r] · log_px[r] of the last forward: in the parameters, added; in z, returned (rows, z_width). */
    real *(*backward)(void *context, const elbow_pass *pass, const real *weights, size_t rows);
    /* log_px of up to ELBOW_VAE_EVALUATION_ROWS rows of z, row r of any example examples[r]. Forgets the last forward; no gradient
     * can be had. NULL where that cannot be: rows come as draws do, row r of example r mod B, or what a decoder drops out would not
     * be the same for all z of an example. */
    void (*evaluate)(void *context, const elbow_pass *pass, real *log_px, const real *z,
                     const uint32_t *examples, size_t rows);
} elbow_score;

typedef struct elbow_estimator elbow_estimator;

typedef struct elbow_estimator_ops {
    const char *name;
    const char *reads; /* options that only some members read, "objective.kl …"; NULL: none */
    bool labels;       /* takes a label latent whose value is known (label.h) */
    bool unrelaxed;    /* has values of discrete z as they are, in what is scored and differentiated */
    bool evaluates;    /* calls the score's evaluate */
    bool unbiased;     /* its expectation is the gradient of the objective, of all latents that it takes */
    bool noiseless;    /* discrete latents are summed over, not drawn */
    /* What it needs of latents and options, ELBOW_USAGE where it does not get it, blamed on the option; declares estimator.* where it owns
     * parameters; sets `draws` where that is not estimator.samples. NULL where there is nothing to say. */
    elbow_status (*create)(elbow_estimator *estimator, const elbow_options *options, elbow_latents *latents,
                           elbow_params *params);
    /* Memory beyond a real or two a row; NULL. */
    elbow_status (*reserve)(elbow_estimator *estimator, size_t rows, elbow_arena *arena);
    void (*run)(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms);
    void (*destroy)(elbow_estimator *estimator); /* NULL where it owns nothing */
} elbow_estimator_ops;

struct elbow_estimator {
    const elbow_estimator_ops *ops;
    void *state;
    size_t draws;    /* of z per example, S: what latents, decoder and likelihood are reserved and run for */
    bool importance; /* objective.bound = iwae */
    real *log_px, *log_ratio, *weights; /* (rows · draws) */
};

elbow_status elbow_estimator_create(elbow_estimator *estimator, const elbow_options *options,
                                    elbow_latents *latents, elbow_params *params);
elbow_status elbow_estimator_reserve(elbow_estimator *estimator, size_t rows, elbow_arena *arena);
void elbow_estimator_destroy(elbow_estimator *estimator);

/* What the reparameterised members share (estimator_pathwise.c): draws of that kind; either bound. */
void elbow_estimator_reparameterize(elbow_estimator *estimator, elbow_latents *latents,
                                    const elbow_score *score, const elbow_pass *pass,
                                    const elbow_objective *objective, elbow_draw draw, elbow_terms *terms);

/* What the members need that draw exactly from q and pass a surrogate's gradient (estimator_straight_through.c). */
elbow_status elbow_estimator_check_surrogate(elbow_estimator *estimator, const elbow_options *options,
                                             elbow_latents *latents, elbow_params *params);

extern const elbow_estimator_ops elbow_estimator_gumbel_softmax, elbow_estimator_straight_through_gumbel,
    elbow_estimator_straight_through, elbow_estimator_reinmax, elbow_estimator_gapped_straight_through,
    elbow_estimator_gumbel_rao, elbow_estimator_pathwise, elbow_estimator_exact, elbow_estimator_reinforce,
    elbow_estimator_vimco, elbow_estimator_disarm, elbow_estimator_arm, elbow_estimator_arsm,
    elbow_estimator_muprop, elbow_estimator_rebar, elbow_estimator_relax, elbow_estimator_marginal;

#endif
