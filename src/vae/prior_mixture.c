/* p(z) = Σ_c w_c p_c(z), model.components of them, of the latent's own kind: for gaussian latents a mixture of Gaussians
 * with diagonal covariances. Parameters: NAME.components (C, q_width), heads as the latent takes them, from U(−1, 1): means
 * within 1 of 0, widths around 1; and NAME.weights (C), logits of w, from 0. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "math/categorical.h"
#include "vae/components.h"

typedef struct mixture {
    elbow_components components;
    size_t heads, logits; /* offsets */
    char stream[2 * ELBOW_TENSOR_NAME];
} mixture;

static elbow_status check(const elbow_group *group, const elbow_options *options) {
    ELBOW_CHECK(!group->latent->discrete || strcmp(options->objective.kl, "relaxed") != 0, ELBOW_USAGE,
                "a mixture of %s variables has no density of relaxed samples; set objective.kl = sampled",
                group->latent->name);
    return ELBOW_OK;
}

static elbow_status create(elbow_group *group, const char *name, size_t features,
                           const elbow_options *options, elbow_params *params) {
    char tensor[2 * ELBOW_TENSOR_NAME];
    mixture *state = group->prior_state = calloc(1, sizeof *state);
    (void)features; /* p(z) looks at nothing */
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for a prior");
    ELBOW_TRY(check(group, options));
    size_t count = state->components.count = (size_t)options->model.components;
    snprintf(state->stream, sizeof state->stream, "%s.component", name);
    snprintf(tensor, sizeof tensor, "%s.components", name);
    ELBOW_TRY(elbow_params_declare(params, tensor, 2, (size_t[]){count, group->q_width}, 1, &state->heads));
    snprintf(tensor, sizeof tensor, "%s.weights", name);
    return elbow_params_declare(params, tensor, 1, &count, 0, &state->logits);
}

static elbow_status reserve(elbow_group *group, size_t rows, bool training, elbow_arena *arena) {
    mixture *state = group->prior_state;
    return elbow_components_reserve(&state->components, group, rows, training, arena);
}

static void forward(elbow_group *group, const elbow_pass *pass, const real *features, size_t rows) {
    mixture *state = group->prior_state;
    elbow_components *components = &state->components;
    (void)features, (void)rows;
    group->latent->normalize(group, components->parameters, pass->parameters + state->heads,
                             components->count * group->variables);
    elbow_log_softmax(components->log_weights, pass->parameters + state->logits, 1, components->count);
}

static void log_prob(elbow_group *group, const elbow_pass *pass, real *log_p, size_t rows) {
    mixture *state = group->prior_state;
    (void)pass;
    elbow_components_log_prob(&state->components, group, log_p, rows);
}

static void log_prob_backward(elbow_group *group, const elbow_pass *pass, const real *weights, size_t rows) {
    mixture *state = group->prior_state;
    elbow_components_log_prob_backward(&state->components, group, pass->gradients + state->heads,
                                       pass->gradients + state->logits, weights, rows);
}

static void sample(elbow_group *group, const elbow_pass *pass, size_t rows) {
    mixture *state = group->prior_state;
    elbow_components_sample(&state->components, group, pass, state->stream, rows);
}

static void destroy(elbow_group *group) {
    free(group->prior_state);
    group->prior_state = NULL;
}

const elbow_prior_ops elbow_prior_mixture = {
    .name = "mixture",
    .reads = "model.components",
    .create = create,
    .reserve = reserve,
    .forward = forward,
    .log_prob = log_prob,
    .log_prob_backward = log_prob_backward,
    .sample = sample,
    .destroy = destroy,
};
