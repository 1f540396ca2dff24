/* q(z|h) = Π_l q(z_l|z_<l, h):  head_l = (W h + b)_l + Σ_{j<l} U_lj z_j, W and b as the factorised posterior has them.
 *
 * A draw goes variable by variable, each seeing the values drawn before it: relaxed ones, or discrete ones, whose gradients pass
 * through what the draw stands for (elbow_draw). log q(z|h) is the sum of the variables' own terms, exactly. */
#include <stdlib.h>
#include <string.h>

#include "vae/chain.h"

typedef struct autoregressive {
    elbow_dense dense;
    elbow_chain chain;
    real *base; /* (R, q_width): W h + b */
} autoregressive;

static elbow_status create(elbow_group *group, const char *name, size_t features,
                           const elbow_options *options, elbow_params *params) {
    const elbow_activation *linear = NULL;
    autoregressive *state = group->posterior_state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for a posterior");
    ELBOW_CHECK(!group->latent->discrete || strcmp(options->model.logits, "linear") == 0, ELBOW_USAGE,
                "an autoregressive posterior has linear logits, not %s; set model.logits = linear",
                options->model.logits);
    ELBOW_TRY(elbow_activation_find("linear", &linear));
    ELBOW_TRY(elbow_dense_create(&state->dense, name, features, group->q_width, linear, params));
    return elbow_chain_create(&state->chain, group, name, params);
}

static elbow_status reserve(elbow_group *group, size_t rows, bool training, elbow_arena *arena) {
    autoregressive *state = group->posterior_state;
    ELBOW_TRY(elbow_arena_reals(arena, rows * group->q_width, &state->base));
    return elbow_chain_reserve(&state->chain, group, rows, training, arena);
}

static void forward(elbow_group *group, const elbow_pass *pass, const real *features, size_t rows) {
    autoregressive *state = group->posterior_state;
    elbow_dense_forward(&state->dense, pass, state->base, features, rows);
}

static void relax(elbow_group *group, const elbow_pass *pass, real temperature, elbow_draw draw,
                  size_t rows) {
    autoregressive *state = group->posterior_state;
    elbow_chain_draw relaxed = {.relaxed = true, .draw = draw, .temperature = temperature};
    elbow_chain_sample(&state->chain, group, pass, group->q, state->base, &relaxed, rows);
}

static void sample(elbow_group *group, const elbow_pass *pass, size_t rows) {
    autoregressive *state = group->posterior_state;
    elbow_chain_draw draw = {.relaxed = false};
    elbow_chain_sample(&state->chain, group, pass, group->q, state->base, &draw, rows);
}

static void condition(elbow_group *group, const elbow_pass *pass, size_t rows) {
    autoregressive *state = group->posterior_state;
    elbow_chain_condition(&state->chain, group, pass, group->q, state->base, rows);
}

static void relax_backward(elbow_group *group, const elbow_pass *pass, real temperature, elbow_draw draw,
                           size_t rows) {
    autoregressive *state = group->posterior_state;
    elbow_chain_sample_backward(&state->chain, group, pass, temperature, draw, rows);
}

static void backward(elbow_group *group, const elbow_pass *pass, real *dfeatures, const real *features,
                     size_t rows) {
    autoregressive *state = group->posterior_state;
    elbow_chain_backward(&state->chain, group, pass, NULL, group->dq, rows);
    elbow_dense_backward(&state->dense, pass, dfeatures, group->dq, state->base, features, rows);
}

static void destroy(elbow_group *group) {
    free(group->posterior_state);
    group->posterior_state = NULL;
}

const elbow_posterior_ops elbow_posterior_autoregressive = {
    .name = "autoregressive",
    .create = create,
    .reserve = reserve,
    .forward = forward,
    .relax = relax,
    .sample = sample,
    .condition = condition,
    .relax_backward = relax_backward,
    .backward = backward,
    .destroy = destroy,
};
