/* p(z) = 1/C Σ_c q(z|u_c), C = model.components pseudo-inputs u_c that are learned (VampPrior, Tomczak & Welling 2018).
 *
 * NAME.pseudo (C, reals of an input), from U(−1, 1), are inputs as a dense layer takes them: unbounded, whatever the data's range.
 * They go through a second network over the encoder's parameters and a second posterior over the group's own, so that q
 * learns from both. Every pass costs the encoder C rows. The groups of a layer have pseudo-inputs each of their own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "math/exp_log.h"
#include "math/vector.h"
#include "vae/components.h"
#include "vae/latents.h"

typedef struct vampprior {
    elbow_components components;
    elbow_net *encoder;
    elbow_group inner; /* the group once more, its rows the pseudo-inputs */
    size_t pseudo;     /* offset of u */
    size_t width;      /* of u_c */
    const real *features;
    real *dfeatures;
    char stream[2 * ELBOW_TENSOR_NAME];
} vampprior;

static elbow_status check(const elbow_group *group, size_t features, const elbow_options *options) {
    ELBOW_CHECK(group->field != NULL && features == 0, ELBOW_USAGE,
                "a VampPrior is for the latents of a model with one layer, which is given nothing: its "
                "pseudo-inputs go "
                "through the encoder; write prior = learned, autoregressive or mixture there");
    ELBOW_CHECK(
        group->posterior->condition == NULL, ELBOW_USAGE,
        "a VampPrior mixes posteriors that are known before z, not %s ones; set model.posterior = factorised",
        group->posterior->name);
    ELBOW_CHECK(!group->latent->discrete || strcmp(options->objective.kl, "relaxed") != 0, ELBOW_USAGE,
                "a mixture of %s variables has no density of relaxed samples; set objective.kl = sampled",
                group->latent->name);
    return ELBOW_OK;
}

/* The second network and posterior, over tensors that are declared already. */
static elbow_status create_second(vampprior *state, elbow_group *group, const char *name,
                                  const elbow_options *options, elbow_params *params) {
    elbow_option_text spec;
    char posterior[ELBOW_TENSOR_NAME];
    const elbow_field *field = group->field;
    bool image = field->kind == ELBOW_IMAGE;
    elbow_shape input = image ? elbow_shape_image(field->height, field->width, field->channels)
                              : elbow_shape_flat(elbow_field_input_width(field));
    state->width = input.width;
    ELBOW_TRY(elbow_latents_section(options->model.encoder, 0, spec, sizeof spec));
    elbow_status status =
        elbow_net_create(&state->encoder, "encoder", spec, options->model.activation, &input, 0, params);
    if (status != ELBOW_OK) return elbow_fail_prefix(status, "a VampPrior gives the encoder rows of reals");
    snprintf(posterior, sizeof posterior, "posterior%s", strchr(name, '.'));
    state->inner = *group;
    state->inner.posterior_state = state->inner.prior_state = NULL;
    return group->posterior->create(&state->inner, posterior, elbow_net_output_width(state->encoder), options,
                                    params);
}

static elbow_status create(elbow_group *group, const char *name, size_t features,
                           const elbow_options *options, elbow_params *params) {
    char tensor[2 * ELBOW_TENSOR_NAME];
    vampprior *state = group->prior_state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for a prior");
    ELBOW_TRY(check(group, features, options));
    size_t count = state->components.count = (size_t)options->model.components,
           declared = params->tensor_count;
    snprintf(state->stream, sizeof state->stream, "%s.component", name);
    params->sharing = true;
    elbow_status status = create_second(state, group, name, options, params);
    params->sharing = false;
    ELBOW_TRY(status);
    ELBOW_CHECK(
        params->tensor_count == declared, ELBOW_USAGE,
        "a VampPrior gives the encoder rows of reals, and with these `%s` would have other parameters",
        options->model.encoder);
    snprintf(tensor, sizeof tensor, "%s.pseudo", name);
    return elbow_params_declare(params, tensor, 2, (size_t[]){count, state->width}, 1, &state->pseudo);
}

static elbow_status reserve(elbow_group *group, size_t rows, bool training, elbow_arena *arena) {
    vampprior *state = group->prior_state;
    size_t count = state->components.count;
    elbow_group *inner = &state->inner;
    ELBOW_TRY(elbow_components_reserve(&state->components, group, rows, training, arena));
    for (size_t c = 0; c < count; c++)
        state->components.log_weights[c] = (real)-elbow_log_double((double)count);
    inner->q = state->components.parameters;
    ELBOW_TRY(elbow_net_reserve(state->encoder, count, training, arena));
    ELBOW_TRY(inner->posterior->reserve(inner, count, training, arena));
    if (!training) return ELBOW_OK;
    ELBOW_TRY(elbow_arena_reals(arena, count * elbow_net_output_width(state->encoder), &state->dfeatures));
    return elbow_arena_reals(arena, count * group->q_width, &inner->dq);
}

static void forward(elbow_group *group, const elbow_pass *pass, const real *features, size_t rows) {
    vampprior *state = group->prior_state;
    size_t count = state->components.count;
    (void)features, (void)rows;
    elbow_net_input input = {.x = pass->parameters + state->pseudo, .rows = count, .batch = count};
    elbow_pass own = *pass;
    own.purpose = "vampprior."; /* dropout of its own, beside the batch's */
    state->features = elbow_net_forward(state->encoder, &own, &input);
    state->inner.posterior->forward(&state->inner, pass, state->features, count);
}

static void log_prob(elbow_group *group, const elbow_pass *pass, real *log_p, size_t rows) {
    vampprior *state = group->prior_state;
    (void)pass;
    elbow_components_log_prob(&state->components, group, log_p, rows);
}

static void log_prob_backward(elbow_group *group, const elbow_pass *pass, const real *weights, size_t rows) {
    vampprior *state = group->prior_state;
    elbow_group *inner = &state->inner;
    size_t count = state->components.count;
    memset(inner->dq, 0, count * group->q_width * sizeof *inner->dq);
    elbow_components_log_prob_backward(&state->components, group, inner->dq, NULL, weights, rows);
    inner->posterior->backward(inner, pass, state->dfeatures, state->features, count);
    const real *du = elbow_net_backward(state->encoder, pass, state->dfeatures, true);
    elbow_add(pass->gradients + state->pseudo, du, count * state->width);
}

static void sample(elbow_group *group, const elbow_pass *pass, size_t rows) {
    vampprior *state = group->prior_state;
    elbow_components_sample(&state->components, group, pass, state->stream, rows);
}

static void destroy(elbow_group *group) {
    vampprior *state = group->prior_state;
    if (state == NULL) return;
    if (state->inner.posterior) state->inner.posterior->destroy(&state->inner);
    elbow_net_destroy(&state->encoder);
    free(state);
    group->prior_state = NULL;
}

const elbow_prior_ops elbow_prior_vampprior = {
    .name = "vampprior",
    .reads = "model.components",
    .create = create,
    .reserve = reserve,
    .forward = forward,
    .log_prob = log_prob,
    .log_prob_backward = log_prob_backward,
    .sample = sample,
    .destroy = destroy,
};
