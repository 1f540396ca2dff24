#include "elbow/vae/vae.h"

#include <stdlib.h>
#include <string.h>

#include "math/activation.h"
#include "vae/estimator.h"
#include "vae/likelihood.h"
#include "vae/stochastic.h"

struct elbow_vae {
    elbow_field field;
    elbow_params params;
    size_t split;
    elbow_net *encoder, *decoder;
    elbow_stochastic latent;
    elbow_likelihood likelihood;
    elbow_estimator estimator;
    elbow_arena *arena;
    real *dfeatures;     /* (S·B, decoder features) */
    real *log_q, *log_p; /* (B) */

    const real *x;                  /* the batch of the last encode */
    const real *features, *decoded; /* encoder's and decoder's outputs */
    size_t rows;                    /* B */
};

/* log p(x|z) by decoder and likelihood, as estimators want it. */
static void score_forward(void *context, const elbow_pass *pass, real *log_px, const real *z, size_t rows) {
    elbow_vae *vae = context;
    vae->decoded = elbow_net_forward(vae->decoder, pass, z, rows);
    vae->likelihood.ops->forward(&vae->likelihood, pass, log_px, vae->decoded, vae->x, rows, vae->rows);
}

static real *score_backward(void *context, const elbow_pass *pass, const real *weights, size_t rows) {
    elbow_vae *vae = context;
    vae->likelihood.ops->backward(&vae->likelihood, pass, vae->dfeatures, weights, vae->decoded, rows);
    return elbow_net_backward(vae->decoder, pass, vae->dfeatures, rows, true);
}

static elbow_status create_nets(elbow_vae *vae, const elbow_options *options) {
    const char *activation = options->model.activation;
    const elbow_activation *found = NULL;
    elbow_status status = elbow_activation_find(activation, &found);
    if (status != ELBOW_OK) return elbow_options_blame(options, "model.activation", status);
    status = elbow_net_create(&vae->encoder, "encoder", options->model.encoder, activation,
                              vae->field.dimensions, &vae->params);
    if (status != ELBOW_OK) return elbow_options_blame(options, "model.encoder", status);
    ELBOW_TRY(
        elbow_stochastic_create(&vae->latent, options, elbow_net_output_width(vae->encoder), &vae->params));
    vae->split = vae->params.size;
    ELBOW_TRY(elbow_stochastic_declare_prior(&vae->latent, options, &vae->params));
    status = elbow_net_create(&vae->decoder, "decoder", options->model.decoder, activation,
                              vae->latent.z_width, &vae->params);
    if (status != ELBOW_OK) return elbow_options_blame(options, "model.decoder", status);
    ELBOW_TRY(elbow_likelihood_create(&vae->likelihood, options, elbow_net_output_width(vae->decoder),
                                      &vae->field, &vae->params));
    return elbow_estimator_create(&vae->estimator, options, &vae->params);
}

elbow_status elbow_vae_create(elbow_vae **out, const elbow_options *options, const elbow_field *field) {
    *out = NULL;
    elbow_vae *vae = calloc(1, sizeof *vae);
    ELBOW_CHECK(vae != NULL, ELBOW_MEMORY, "no memory for a model");
    vae->field = *field;
    elbow_status status = elbow_arena_create(&vae->arena);
    if (status == ELBOW_OK) status = create_nets(vae, options);
    if (status != ELBOW_OK) elbow_vae_destroy(&vae);
    *out = vae;
    return status;
}

void elbow_vae_destroy(elbow_vae **vae) {
    if (*vae == NULL) return;
    elbow_estimator_destroy(&(*vae)->estimator);
    elbow_likelihood_destroy(&(*vae)->likelihood);
    elbow_stochastic_destroy(&(*vae)->latent);
    elbow_net_destroy(&(*vae)->decoder);
    elbow_net_destroy(&(*vae)->encoder);
    elbow_params_destroy(&(*vae)->params);
    elbow_arena_destroy(&(*vae)->arena);
    free(*vae);
    *vae = NULL;
}

const elbow_params *elbow_vae_params(const elbow_vae *vae) { return &vae->params; }
size_t elbow_vae_split(const elbow_vae *vae) { return vae->split; }
const elbow_field *elbow_vae_field(const elbow_vae *vae) { return &vae->field; }
size_t elbow_vae_bytes(const elbow_vae *vae) { return elbow_arena_bytes(vae->arena); }

elbow_status elbow_vae_reserve(elbow_vae *vae, size_t rows, size_t samples, bool training) {
    elbow_arena *arena = vae->arena;
    size_t most = rows * samples;
    ELBOW_TRY(elbow_net_reserve(vae->encoder, rows, training, arena));
    ELBOW_TRY(elbow_stochastic_reserve(&vae->latent, rows, samples, training, arena));
    ELBOW_TRY(elbow_net_reserve(vae->decoder, most, training, arena));
    ELBOW_TRY(vae->likelihood.ops->reserve(&vae->likelihood, most, training, arena));
    ELBOW_TRY(elbow_estimator_reserve(&vae->estimator, rows, samples, arena));
    ELBOW_TRY(elbow_arena_reals(arena, rows, &vae->log_q));
    ELBOW_TRY(elbow_arena_reals(arena, rows, &vae->log_p));
    if (training)
        ELBOW_TRY(elbow_arena_reals(arena, most * elbow_net_output_width(vae->decoder), &vae->dfeatures));
    return ELBOW_OK;
}

void elbow_vae_encode(elbow_vae *vae, const elbow_pass *pass, const real *x, size_t rows) {
    vae->x = x;
    vae->rows = rows;
    vae->features = elbow_net_forward(vae->encoder, pass, x, rows);
    elbow_stochastic_forward(&vae->latent, pass, vae->features, rows);
}

void elbow_vae_estimate(elbow_vae *vae, const elbow_pass *pass, const elbow_objective *objective,
                        elbow_terms *terms) {
    elbow_score score = {.context = vae, .forward = score_forward, .backward = score_backward};
    *terms = (elbow_terms){0};
    vae->estimator.ops->run(&vae->estimator, &vae->latent, &score, pass, objective, terms);
}

void elbow_vae_encode_backward(elbow_vae *vae, const elbow_pass *pass) {
    real *dfeatures = elbow_stochastic_backward(&vae->latent, pass, vae->features);
    elbow_net_backward(vae->encoder, pass, dfeatures, vae->rows, false);
}

void elbow_vae_kl(elbow_vae *vae, const elbow_pass *pass, real *kl) {
    elbow_stochastic_kl(&vae->latent, pass, kl);
}

void elbow_vae_draw(elbow_vae *vae, const elbow_pass *pass, real temperature, real *log_px,
                    real *log_weight) {
    bool soft = temperature > 0;
    const real *z = soft ? elbow_stochastic_relax(&vae->latent, pass, temperature, false, 1)
                         : elbow_stochastic_sample(&vae->latent, pass);
    score_forward(vae, pass, log_px, z, vae->rows);
    if (log_weight == NULL || soft) return;
    elbow_stochastic_log_prob(&vae->latent, pass, vae->log_q, vae->log_p);
    for (size_t r = 0; r < vae->rows; r++) log_weight[r] = log_px[r] + (vae->log_p[r] - vae->log_q[r]);
}

static void mean_of(elbow_vae *vae, const elbow_pass *pass, const real *z, size_t rows, real *mean) {
    const real *features = elbow_net_forward(vae->decoder, pass, z, rows);
    vae->likelihood.ops->mean(&vae->likelihood, pass, mean, features, rows);
}

void elbow_vae_reconstruct(elbow_vae *vae, const elbow_pass *pass, real *mean) {
    mean_of(vae, pass, elbow_stochastic_sample(&vae->latent, pass), vae->rows, mean);
}

void elbow_vae_sample(elbow_vae *vae, const elbow_pass *pass, size_t rows, real *mean) {
    mean_of(vae, pass, elbow_stochastic_sample_prior(&vae->latent, pass, rows), rows, mean);
}
