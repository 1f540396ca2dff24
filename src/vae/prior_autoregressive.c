/* p(z|h) = Π_l p(z_l|z_<l, h), of the latent's own kind:  head_l = base_l(h) + Σ_{j<l} U_lj z_j  (chain.h, prior_heads.h).
 *
 * Training has all of z and takes one product; sampling goes variable by variable. It begins as independent variables. */
#include <stdlib.h>

#include "vae/chain.h"
#include "vae/prior_heads.h"

typedef struct autoregressive {
    elbow_prior_heads heads;
    elbow_chain chain;
    real *base; /* (R, q_width) */
} autoregressive;

static elbow_status create(elbow_group *group, const char *name, size_t features,
                           const elbow_options *options, elbow_params *params) {
    (void)options;
    autoregressive *state = group->prior_state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for a prior");
    ELBOW_TRY(elbow_prior_heads_create(&state->heads, name, features, group->q_width, params));
    return elbow_chain_create(&state->chain, group, name, params);
}

static elbow_status reserve(elbow_group *group, size_t rows, bool training, elbow_arena *arena) {
    autoregressive *state = group->prior_state;
    ELBOW_TRY(elbow_arena_reals(arena, rows * group->q_width, &state->base));
    return elbow_chain_reserve(&state->chain, group, rows, training, arena);
}

static void forward(elbow_group *group, const elbow_pass *pass, const real *features, size_t rows) {
    autoregressive *state = group->prior_state;
    elbow_prior_heads_forward(&state->heads, pass, state->base, features, rows);
}

static void condition(elbow_group *group, const elbow_pass *pass, size_t rows) {
    autoregressive *state = group->prior_state;
    elbow_chain_condition(&state->chain, group, pass, group->p, state->base, rows);
}

static void backward(elbow_group *group, const elbow_pass *pass, real *dfeatures, const real *features,
                     size_t rows) {
    autoregressive *state = group->prior_state;
    elbow_chain_backward(&state->chain, group, pass, group->dz, group->dp, rows);
    elbow_prior_heads_backward(&state->heads, pass, dfeatures, group->dp, features, rows);
}

static void sample(elbow_group *group, const elbow_pass *pass, size_t rows) {
    autoregressive *state = group->prior_state;
    elbow_chain_draw draw = {.relaxed = false};
    elbow_chain_sample(&state->chain, group, pass, group->p, state->base, &draw, rows);
}

static void destroy(elbow_group *group) {
    free(group->prior_state);
    group->prior_state = NULL;
}

const elbow_prior_ops elbow_prior_autoregressive = {
    .name = "autoregressive",
    .own_family = true,
    .create = create,
    .reserve = reserve,
    .forward = forward,
    .condition = condition,
    .backward = backward,
    .sample = sample,
    .destroy = destroy,
};
