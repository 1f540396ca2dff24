#include "vae/group.h"

#include <stdio.h>
#include <string.h>

#include "base/family.h"
#include "math/vector.h"

static const elbow_latent_ops *const latents[] = {
    &elbow_latent_categorical,
    &elbow_latent_bernoulli,
    &elbow_latent_gaussian,
};
static const elbow_posterior_ops *const posteriors[] = {
    &elbow_posterior_factorised,
    &elbow_posterior_autoregressive,
};
static const elbow_prior_ops *const priors[] = {
    &elbow_prior_standard,       &elbow_prior_uniform, &elbow_prior_normal,    &elbow_prior_learned,
    &elbow_prior_autoregressive, &elbow_prior_mixture, &elbow_prior_vampprior,
};

elbow_status elbow_group_create(elbow_group *group, size_t index, const char *spec,
                                const elbow_options *options) {
    char kind[32], size[64], more[2];
    size_t i = 0;
    ELBOW_CHECK(sscanf(spec, " %31s %63s %1s", kind, size, more) == 2, ELBOW_USAGE,
                "`%s` is no latent; write a kind and its size, groups apart by commas: `categorical 20x10`",
                spec);
    ELBOW_TRY(ELBOW_FAMILY_FIND(latents, "kind of latent", kind, &i));
    group->latent = latents[i];
    snprintf(group->stream, sizeof group->stream, "latent.%zu.%s", index, group->latent->noise);
    ELBOW_TRY(group->latent->create(group, size, options));
    group->q_width = group->variables * group->q_size;
    group->z_width = group->variables * group->z_size;
    group->words_width = group->variables * group->noise;
    return ELBOW_OK;
}

elbow_status elbow_group_create_posterior(elbow_group *group, size_t index, const char *name, size_t features,
                                          const elbow_options *options, elbow_params *params) {
    char tensor[ELBOW_TENSOR_NAME];
    size_t i = 0;
    ELBOW_TRY(ELBOW_FAMILY_FIND(posteriors, "posterior", name, &i));
    group->posterior = posteriors[i];
    snprintf(tensor, sizeof tensor, "posterior.%zu", index);
    return group->posterior->create(group, tensor, features, options, params);
}

/* How the KL is had: as asked, where the parts can. `upper`: the prior's features depend on a draw of the layer above. */
static void choose_divergence(elbow_group *group, bool upper, const char *asked) {
    bool closed = group->prior->own_family && group->latent->kl != NULL && !upper;
    group->discrete_divergence = closed ? ELBOW_KL_CLOSED : ELBOW_KL_SAMPLED;
    group->divergence = group->discrete_divergence;
    if (strcmp(asked, "sampled") == 0) group->divergence = ELBOW_KL_SAMPLED;
    if (strcmp(asked, "relaxed") == 0)
        group->divergence = group->latent->log_density ? ELBOW_KL_RELAXED : ELBOW_KL_SAMPLED;
}

elbow_status elbow_group_create_prior(elbow_group *group, size_t index, const char *name, size_t features,
                                      bool upper, const elbow_options *options, elbow_params *params) {
    char tensor[ELBOW_TENSOR_NAME];
    size_t i = 0;
    ELBOW_TRY(ELBOW_FAMILY_FIND(priors, "prior", name, &i));
    group->prior = priors[i];
    ELBOW_CHECK(
        !upper || (group->prior->own_family && !group->prior->constant), ELBOW_USAGE,
        "a %s prior does not look at the latents above it; give layers below another a prior that does: "
        "learned, autoregressive",
        name);
    choose_divergence(group, upper, options->objective.kl);
    snprintf(tensor, sizeof tensor, "prior.%zu", index);
    return group->prior->create(group, tensor, features, options, params);
}

void elbow_group_mirror(elbow_group *group) {
    group->prior = &elbow_prior_mirror;
    group->divergence = group->discrete_divergence = ELBOW_KL_CLOSED;
}

static bool looks_at_features(const elbow_prior_ops *prior) { return prior->own_family && !prior->constant; }

elbow_status elbow_group_prior_looks(const char *name, bool *looks) {
    size_t i = 0;
    ELBOW_TRY(ELBOW_FAMILY_FIND(priors, "prior", name, &i));
    *looks = looks_at_features(priors[i]);
    return ELBOW_OK;
}

static elbow_status reserve_prior(elbow_group *group, size_t rows, bool training, elbow_arena *arena) {
    if (group->prior->mirror) {
        group->p = group->q;
        group->dp = group->dq;
        return ELBOW_OK;
    }
    if (group->prior->own_family) ELBOW_TRY(elbow_arena_reals(arena, rows * group->q_width, &group->p));
    if (group->prior->constant) group->latent->standard(group, group->p, rows * group->variables);
    if (group->prior->own_family && !group->prior->constant && training)
        ELBOW_TRY(elbow_arena_reals(arena, rows * group->q_width, &group->dp));
    return group->prior->reserve ? group->prior->reserve(group, rows, training, arena) : ELBOW_OK;
}

elbow_status elbow_group_reserve(elbow_group *group, size_t rows, bool training, elbow_arena *arena) {
    ELBOW_TRY(elbow_arena_reals(arena, rows * group->q_width, &group->q));
    ELBOW_TRY(elbow_arena_reals(arena, rows * group->z_width, &group->z_block));
    ELBOW_TRY(elbow_arena_reals(arena, rows * group->z_width, &group->soft_block));
    group->z = group->soft = group->z_block;
    ELBOW_TRY(elbow_arena_reals(arena, rows, &group->kl));
    ELBOW_TRY(elbow_arena_reals(arena, rows, &group->row_scratch));
    ELBOW_TRY(elbow_arena_reals(arena, rows * group->variables, &group->scratch));
    ELBOW_TRY(elbow_arena_reals(arena, rows * group->variables, &group->spread));
    ELBOW_TRY(elbow_arena_take(arena, rows * group->words_width, sizeof *group->words, &group->words));
    if (training) ELBOW_TRY(elbow_arena_reals(arena, rows * group->q_width, &group->dq));
    if (training && group->conditional > 0)
        ELBOW_TRY(elbow_arena_reals(arena, rows * group->q_width, &group->given_q));
    ELBOW_TRY(group->posterior->reserve(group, rows, training, arena));
    return reserve_prior(group, rows, training, arena);
}

void elbow_group_destroy(elbow_group *group) {
    if (group->posterior) group->posterior->destroy(group);
    if (group->prior) group->prior->destroy(group);
    memset(group, 0, sizeof *group);
}

void elbow_group_draw(const elbow_group *group, real *z, real *soft, const real *q, const uint32_t *words,
                      size_t n, real temperature, elbow_draw draw) {
    const elbow_latent_ops *latent = group->latent;
    if (latent->discrete && draw > ELBOW_DRAW_HARD) {
        latent->sample(group, z, q, words, n);
        if (draw != ELBOW_DRAW_RAO) latent->surrogate(group, soft, z, q, n, temperature, draw);
        return;
    }
    latent->relax(group, soft, q, words, n, temperature);
    if (latent->discrete && draw == ELBOW_DRAW_HARD) latent->harden(group, z, soft, n);
}

void elbow_group_draw_backward(const elbow_group *group, real *dq, const real *soft, const real *q,
                               const real *dz, size_t n, real temperature, elbow_draw draw) {
    if (group->latent->discrete && draw == ELBOW_DRAW_REINMAX)
        group->latent->reinmax_backward(group, dq, soft, q, dz, n);
    else
        group->latent->relax_backward(group, dq, soft, q, dz, n, temperature);
}

/* out[r] = Σ over the variables of row r of values, in double. */
static void sum_variables(real *out, const real *values, size_t rows, size_t variables) {
    for (size_t r = 0; r < rows; r++) {
        double sum = 0;
        for (size_t l = 0; l < variables; l++) sum += (double)values[r * variables + l];
        out[r] = (real)sum;
    }
}

/* A row's weight for each of its variables, times a sign. */
static const real *spread_weights(elbow_group *group, const real *weights, size_t rows, real sign) {
    for (size_t r = 0; r < rows; r++)
        for (size_t l = 0; l < group->variables; l++)
            group->spread[r * group->variables + l] = sign * weights[r];
    return group->spread;
}

static bool is_relaxed(const elbow_group *group, real temperature) {
    return temperature > 0 && group->latent->log_density != NULL;
}

/* log-probability of the current draw under parameters of the latent's family. */
static void log_prob(elbow_group *group, real *out, const real *parameters, size_t rows, real temperature) {
    size_t n = rows * group->variables;
    if (is_relaxed(group, temperature))
        group->latent->log_density(group, group->scratch, group->soft, parameters, n, temperature);
    else
        group->latent->log_prob(group, group->scratch, group->z, parameters, n);
    sum_variables(out, group->scratch, rows, group->variables);
}

static void log_prob_backward(elbow_group *group, real *dparameters, const real *parameters,
                              const real *weights, size_t rows, real temperature, bool through_z, real sign) {
    size_t n = rows * group->variables;
    const real *spread = spread_weights(group, weights, rows, sign);
    real *dz = through_z ? group->dz : NULL;
    if (is_relaxed(group, temperature))
        group->latent->log_density_backward(group, dz, dparameters, spread, group->soft, parameters, n,
                                            temperature);
    else
        group->latent->log_prob_backward(group, dz, dparameters, spread, group->z, parameters, n);
}

void elbow_group_log_q(elbow_group *group, real *log_q, size_t rows, real temperature) {
    log_prob(group, log_q, group->q, rows, temperature);
}

void elbow_group_log_p(elbow_group *group, const elbow_pass *pass, real *log_p, size_t rows,
                       real temperature) {
    if (group->prior->own_family)
        log_prob(group, log_p, group->p, rows, temperature);
    else
        group->prior->log_prob(group, pass, log_p, rows);
}

void elbow_group_log_q_backward(elbow_group *group, const real *weights, size_t rows, real temperature,
                                bool through_z) {
    log_prob_backward(group, group->dq, group->q, weights, rows, temperature, through_z, 1);
}

void elbow_group_log_p_backward(elbow_group *group, const elbow_pass *pass, const real *weights, size_t rows,
                                real temperature, bool through_z) {
    if (group->prior->own_family)
        log_prob_backward(group, group->dp, group->p, weights, rows, temperature, through_z, 1);
    else
        group->prior->log_prob_backward(group, pass, weights, rows);
}

static void closed_kl(elbow_group *group, size_t rows) {
    size_t n = rows * group->variables;
    if (group->prior->mirror) {
        memset(group->kl, 0, rows * sizeof *group->kl);
        return;
    }
    if (group->prior->constant && group->latent->kl_standard)
        group->latent->kl_standard(group, group->scratch, group->q, n);
    else
        group->latent->kl(group, group->scratch, group->q, group->p, n);
    sum_variables(group->kl, group->scratch, rows, group->variables);
}

static void closed_kl_backward(elbow_group *group, const real *weights, size_t rows) {
    size_t n = rows * group->variables;
    if (group->prior->mirror) return;
    const real *spread = spread_weights(group, weights, rows, 1);
    if (group->prior->constant && group->latent->kl_standard)
        group->latent->kl_standard_backward(group, group->dq, spread, group->q, n);
    else
        group->latent->kl_backward(group, group->dq, group->dp, spread, group->q, group->p, n);
}

void elbow_group_kl(elbow_group *group, const elbow_pass *pass, elbow_divergence how, size_t rows,
                    real temperature) {
    if (how == ELBOW_KL_CLOSED) {
        closed_kl(group, rows);
        return;
    }
    real used = how == ELBOW_KL_RELAXED ? temperature : 0;
    elbow_group_log_q(group, group->kl, rows, used);
    elbow_group_log_p(group, pass, group->row_scratch, rows, used);
    for (size_t r = 0; r < rows; r++) group->kl[r] -= group->row_scratch[r];
}

void elbow_group_kl_backward(elbow_group *group, const elbow_pass *pass, elbow_divergence how,
                             const real *weights, size_t rows, real temperature) {
    if (how == ELBOW_KL_CLOSED) {
        closed_kl_backward(group, weights, rows);
        return;
    }
    real used = how == ELBOW_KL_RELAXED ? temperature : 0;
    elbow_group_log_q_backward(group, weights, rows, used, true);
    for (size_t r = 0; r < rows; r++) group->row_scratch[r] = -weights[r];
    elbow_group_log_p_backward(group, pass, group->row_scratch, rows, used, true);
}
