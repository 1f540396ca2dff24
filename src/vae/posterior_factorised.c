/* q(z|h) = Π_l q(z_l|h): one linear layer from the features to the parameters of every variable.
 * `model.logits = relu` puts a ReLU on its outputs, as one published variant does. */
#include <stdlib.h>

#include "vae/group.h"

typedef struct factorised {
    elbow_dense head;
    real *logits; /* (R, q_width) */
} factorised;

static elbow_status create(elbow_group *group, const char *name, size_t features,
                           const elbow_options *options, elbow_params *params) {
    const elbow_activation *activation = NULL;
    factorised *state = group->posterior_state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for a posterior");
    ELBOW_TRY(elbow_activation_find(group->latent->discrete ? options->model.logits : "linear", &activation));
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
    group->latent->normalize(group, group->q, state->logits, rows * group->variables);
}

static void relax(elbow_group *group, const elbow_pass *pass, real temperature, elbow_draw draw,
                  size_t rows) {
    (void)pass;
    elbow_group_draw(group, group->z, group->soft, group->q, group->words, rows * group->variables,
                     temperature, draw);
}

static void sample(elbow_group *group, const elbow_pass *pass, size_t rows) {
    (void)pass;
    group->latent->sample(group, group->z, group->q, group->words, rows * group->variables);
}

static void relax_backward(elbow_group *group, const elbow_pass *pass, real temperature, elbow_draw draw,
                           size_t rows) {
    (void)pass;
    elbow_group_draw_backward(group, group->dq, group->soft, group->q, group->dz, rows * group->variables,
                              temperature, draw);
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
    .sample = sample,
    .relax_backward = relax_backward,
    .backward = backward,
    .destroy = destroy,
};
