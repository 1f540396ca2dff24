/* The parts of a model, for the files that make it: vae.c (training, evaluation) and vae_generate.c. */
#ifndef ELBOW_SRC_VAE_VAE_INSIDE_H
#define ELBOW_SRC_VAE_VAE_INSIDE_H

#include "vae/estimator.h"
#include "vae/likelihood.h"

struct elbow_vae {
    elbow_field field, context; /* of x, and of what is given */
    elbow_params params;
    size_t encoder_size, split; /* parameters of the encoder; and with the posterior's */
    size_t model_size;          /* and with all others but the estimator's own */
    elbow_net *encoder, *decoder;
    elbow_latents latents;
    elbow_likelihood likelihood;
    elbow_estimator estimator;
    size_t classes;        /* of the label latent; 0: there is none */
    size_t configurations; /* of z, where they can be summed over; else 0 */
    elbow_arena *arena;
    bool conditional;   /* something is given */
    bool predictor;     /* and the encoder reads that: nothing else does */
    size_t given_width; /* of what joins the networks; 0: nothing does */
    real *given;        /* (B, given_width) */
    real *dfeatures;    /* (S·B, decoder features) */
    /* (ELBOW_VAE_EVALUATION_ROWS, …), for estimators that evaluate rows of any examples: their x, and what they are given */
    real *gathered, *gathered_given;
    real *log_ratio;    /* (B) */
    double *most, *sum; /* (B) */

    const elbow_batch *batch;       /* of the last encode */
    const real *features, *decoded; /* encoder's and decoder's outputs */
    size_t forward, backward;       /* decoder rows of the last estimate */
};

/* The encoder, and q(z|x) as far as it is known before draws, `samples` an example; of a predictor p(z|c), which looks at the
 * context alone. */
void elbow_vae_infer(elbow_vae *vae, const elbow_pass *pass, const elbow_values *x,
                     const elbow_values *context, size_t rows, size_t samples);

/* What is given beside their input to all networks, as rows of reals; NULL where nothing is. */
const real *elbow_vae_give(elbow_vae *vae, const elbow_values *context, size_t rows);

/* vae->decoded from z (rows, z width), beside what the last elbow_vae_give gave. */
void elbow_vae_run_decoder(elbow_vae *vae, const elbow_pass *pass, const real *z, size_t rows);

#endif
