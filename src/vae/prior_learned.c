/* p(z|h) = Π_l p(z_l|h), of the latent's own kind, its parameters learned (prior_heads.h). */
#include <stdlib.h>

#include "vae/prior_heads.h"

static elbow_status create(elbow_group *group, const char *name, size_t features,
                           const elbow_options *options, elbow_params *params) {
    (void)options;
    elbow_prior_heads *heads = group->prior_state = calloc(1, sizeof *heads);
    ELBOW_CHECK(heads != NULL, ELBOW_MEMORY, "no memory for a prior");
    return elbow_prior_heads_create(heads, name, features, group->q_width, params);
}

static void forward(elbow_group *group, const elbow_pass *pass, const real *features, size_t rows) {
    elbow_prior_heads_forward(group->prior_state, pass, group->p, features, rows);
    group->latent->normalize(group, group->p, group->p, rows * group->variables);
}

static void backward(elbow_group *group, const elbow_pass *pass, real *dfeatures, const real *features,
                     size_t rows) {
    elbow_prior_heads_backward(group->prior_state, pass, dfeatures, group->dp, features, rows);
}

static void sample(elbow_group *group, const elbow_pass *pass, size_t rows) {
    (void)pass;
    group->latent->sample(group, group->z, group->p, group->words, rows * group->variables);
}

static void destroy(elbow_group *group) {
    free(group->prior_state);
    group->prior_state = NULL;
}

const elbow_prior_ops elbow_prior_learned = {
    .name = "learned",
    .own_family = true,
    .create = create,
    .forward = forward,
    .backward = backward,
    .sample = sample,
    .destroy = destroy,
};
