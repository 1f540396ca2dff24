/* q(z|x) = Π_l q(z_l|x): one linear layer from the encoder's features to the parameters of every variable.
 * `model.logits = relu` puts a ReLU on its outputs, as one published variant does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vae/group.h"

typedef struct factorised {
    elbow_dense head;
    real *logits; /* (B, q_width) */
} factorised;

static elbow_status create(elbow_group *group, size_t index, size_t features, const elbow_options *options,
                           elbow_params *params) {
    char name[ELBOW_TENSOR_NAME];
    const elbow_activation *activation = NULL;
    factorised *state = group->posterior_state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for a posterior");
    snprintf(name, sizeof name, "posterior.%zu", index);
    ELBOW_TRY(elbow_activation_find(options->model.logits, &activation));
    return elbow_dense_create(&state->head, name, features, group->q_width, activation, params);
}

static elbow_status reserve(elbow_group *group, size_t rows, bool training, elbow_arena *arena) {
    factorised *state = group->posterior_state;
    (void)training;
    return elbow_arena_reals(arena, rows * group->q_width, &state->logits);
}

static void forward(elbow_group *group, const elbow_pass *pass, const real *features, size_t rows) {
    factorised *state = group->posterior_state;
    elbow_dense_forward(&state->head, pass, state->logits, features, rows);
    group->latent->normalize(group, state->logits, rows);
}

static void relax(elbow_group *group, const elbow_pass *pass, real *z, real *soft, real temperature,
                  bool hard, size_t rows) {
    (void)pass;
    group->latent->relax(group, soft, group->q, group->words, rows, temperature);
    if (hard) group->latent->harden(group, z, soft, rows);
}

static void relax_backward(elbow_group *group, const elbow_pass *pass, const real *soft, const real *dz,
                           real temperature, size_t rows) {
    (void)pass;
    group->latent->relax_backward(group, group->dq, soft, dz, rows, temperature);
}

static void sample(elbow_group *group, const elbow_pass *pass, real *z, size_t rows) {
    (void)pass;
    group->latent->sample(group, z, group->q, group->words, rows);
}

static void log_prob(elbow_group *group, const elbow_pass *pass, real *log_q, const real *z, size_t rows) {
    (void)pass;
    group->latent->log_prob(group, log_q, z, group->q, rows);
}

static void backward(elbow_group *group, const elbow_pass *pass, real *dfeatures, const real *features,
                     size_t rows) {
    factorised *state = group->posterior_state;
    elbow_dense_backward(&state->head, pass, dfeatures, group->dq, state->logits, features, rows);
}

static void destroy(elbow_group *group) { free(group->posterior_state); }

const elbow_posterior_ops elbow_posterior_factorised = {
    .name = "factorised",
    .create = create,
    .reserve = reserve,
    .forward = forward,
    .relax = relax,
    .relax_backward = relax_backward,
    .sample = sample,
    .log_prob = log_prob,
    .backward = backward,
    .destroy = destroy,
};
