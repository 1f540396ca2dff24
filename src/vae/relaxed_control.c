#include "vae/relaxed_control.h"

#include <stdlib.h>
#include <string.h>

#include "math/exp_log.h"
#include "math/vector.h"

/* Of the central difference in log λ: (ε of real)^⅓, as rounding grows with 1/h and the difference's own error with h². */
static const real step = sizeof(real) == sizeof(float) ? (real)0x1p-5 : (real)0x1p-14;

elbow_status elbow_relaxed_control_create(elbow_estimator *estimator, const elbow_options *options,
                                          elbow_latents *latents, size_t hidden, elbow_params *params) {
    ELBOW_TRY(elbow_control_check(estimator, options, latents));
    elbow_relaxed_control *c = estimator->state = calloc(1, sizeof *c);
    ELBOW_CHECK(c != NULL, ELBOW_MEMORY, "no memory for an estimator");
    c->latents = latents;
    c->has_network = hidden > 0;
    ELBOW_TRY(elbow_control_declare(params, "estimator.log_scale", &c->log_scale));
    ELBOW_TRY(elbow_control_declare(params, "estimator.log_temperature", &c->log_temperature));
    return c->has_network
               ? elbow_control_network_create(&c->network, elbow_latents_width(latents), hidden, params)
               : ELBOW_OK;
}

elbow_status elbow_relaxed_control_reserve(elbow_estimator *estimator, size_t rows, elbow_arena *arena) {
    elbow_relaxed_control *c = estimator->state;
    const elbow_stochastic *layer = &c->latents->layers[0];
    size_t joined = layer->count > 1 ? rows * layer->z_width : 0;
    for (size_t g = 0; g < layer->count; g++) {
        const elbow_group *group = &layer->groups[g];
        size_t count = rows * group->q_width;
        c->points[g] = group->soft_block; /* free where draws are exact */
        ELBOW_TRY(elbow_arena_take(arena, rows * group->words_width, sizeof *c->words[g], &c->words[g]));
        ELBOW_TRY(elbow_arena_reals(arena, count, &c->g[g]));
        ELBOW_TRY(elbow_arena_reals(arena, count, &c->scaled[g]));
        ELBOW_TRY(elbow_arena_reals(arena, count, &c->moved_scaled[g]));
        if (!c->has_network) continue;
        ELBOW_TRY(elbow_arena_reals(arena, count, &c->free[g]));
        ELBOW_TRY(elbow_arena_reals(arena, count, &c->moved_free[g]));
    }
    ELBOW_TRY(elbow_arena_reals(arena, joined, &c->joined));
    ELBOW_TRY(elbow_arena_reals(arena, joined, &c->joined_along));
    ELBOW_TRY(elbow_arena_reals(arena, rows, &c->value));
    c->f = estimator->log_ratio;
    return c->has_network ? elbow_control_network_reserve(&c->network, rows, arena) : ELBOW_OK;
}

void elbow_relaxed_control_destroy(elbow_estimator *estimator) { free(estimator->state); }

/* One call of run. */
typedef struct running {
    elbow_relaxed_control *c;
    elbow_latents *latents;
    elbow_stochastic *layer;
    const elbow_score *score;
    const elbow_pass *pass;
    const elbow_objective *objective;
    real *ones; /* (R) */
    real scale; /* η */
} running;

static size_t variables_of(const running *r, const elbow_group *group) {
    return r->latents->rows * group->variables;
}

/* Relaxed samples: given z, or those that z is the nearest value to. The same words each time. */
static void place(const running *r, bool given, real temperature) {
    for (size_t g = 0; g < r->layer->count; g++) {
        const elbow_group *group = &r->layer->groups[g];
        size_t n = variables_of(r, group);
        if (given)
            group->latent->relax_given(group, r->c->points[g], group->z, group->q, r->c->words[g], n,
                                       temperature);
        else
            group->latent->relax(group, r->c->points[g], group->q, group->words, n, temperature);
    }
}

/* Adds Σ_r weights[r] ∇ log q(z_r) of a group to `to`, in place of its dq. */
static void add_score(elbow_group *group, real *to, const real *weights, size_t rows) {
    real *dq = group->dq;
    group->dq = to;
    elbow_group_log_q_backward(group, weights, rows, 0, false);
    group->dq = dq;
}

/* out ← −(c ∇ log q + ∂c/∂θ) of points given z, c being in value and its slope in dz; */
static void take_given(const running *r, real *const *out, real temperature) {
    for (size_t g = 0; g < r->layer->count; g++) {
        elbow_group *group = &r->layer->groups[g];
        size_t n = variables_of(r, group);
        group->latent->relax_given_backward(group, out[g], r->c->points[g], group->z, group->q, group->dz, n,
                                            temperature);
        add_score(group, out[g], r->c->value, r->latents->rows);
        elbow_scale(out[g], -1, n * group->q_size);
    }
}

/* out += ∂c/∂θ of the others. */
static void add_free(const running *r, real *const *out, real temperature) {
    for (size_t g = 0; g < r->layer->count; g++) {
        elbow_group *group = &r->layer->groups[g];
        group->latent->relax_backward(group, out[g], r->c->points[g], group->q, group->dz,
                                      variables_of(r, group), temperature);
    }
}

/* r and ∇r at the points, into value and dz. */
static void look_at_network(const running *r) {
    elbow_relaxed_control *c = r->c;
    size_t rows = r->latents->rows;
    const real *z = elbow_control_join(r->latents, c->points, c->joined, rows);
    elbow_control_network_forward(&c->network, r->pass, c->value, z, rows);
    elbow_latents_receive(r->latents, elbow_control_network_slope(&c->network, r->pass, rows));
}

/* What the control variate adds to g at a temperature, before η: of f, and of r. */
static void vary(const running *r, real temperature, real *const *scaled, real *const *free_part) {
    elbow_relaxed_control *c = r->c;
    for (int given = 1; given >= 0; given--) {
        place(r, given, temperature);
        elbow_control_evaluate(r->latents, r->score, r->pass, r->objective, c->points, c->joined, c->value,
                               r->ones, r->latents->rows);
        if (given)
            take_given(r, scaled, temperature);
        else
            add_free(r, scaled, temperature);
        if (!c->has_network) continue;
        look_at_network(r);
        if (given)
            take_given(r, free_part, temperature);
        else
            add_free(r, free_part, temperature);
    }
}

/* Σ |f ∇ log q + η scaled + free|², c->g being its first term. */
static double square_sum(const running *r, real *const *scaled, real *const *free_part) {
    double sum = 0, scale = (double)r->scale;
    for (size_t g = 0; g < r->layer->count; g++)
        for (size_t i = 0; i < r->latents->rows * r->layer->groups[g].q_width; i++) {
            double v = (double)r->c->g[g][i] + scale * (double)scaled[g][i];
            if (r->c->has_network) v += (double)free_part[g][i];
            sum += v * v;
        }
    return sum;
}

/* ∂(Σ |g|²)/∂ log λ, with the same noise. */
static double temperature_slope(const running *r, real temperature) {
    elbow_relaxed_control *c = r->c;
    vary(r, temperature * elbow_exp(step), c->moved_scaled, c->moved_free);
    double above = square_sum(r, c->moved_scaled, c->moved_free);
    vary(r, temperature * elbow_exp(-step), c->moved_scaled, c->moved_free);
    return (above - square_sum(r, c->moved_scaled, c->moved_free)) / (2 * (double)step);
}

/* g becomes whole, and goes to dq. Returns ∂(Σ |g|²)/∂ log η. */
static double complete(const running *r, real weight) {
    double slope = 0, scale = (double)r->scale;
    for (size_t g = 0; g < r->layer->count; g++) {
        elbow_group *group = &r->layer->groups[g];
        real *whole = r->c->g[g];
        for (size_t i = 0; i < r->latents->rows * group->q_width; i++) {
            double part = scale * (double)r->c->scaled[g][i], v = (double)whole[i] + part;
            if (r->c->has_network) v += (double)r->c->free[g][i];
            slope += 2 * v * part;
            whole[i] = (real)v;
            group->dq[i] -= weight * whole[i];
        }
    }
    return slope;
}

/* The network's share of g is −r(z̃) ∇ log q − ∇r(z̃)·∂z̃/∂θ + ∇r(y)·∂y/∂θ, so that with g held the gradient of Σ |g|² is that of
 *     2 Σ_r −(g·∇ log q) r(z̃) − ∇r(z̃)·(∂z̃/∂θ g) + ∇r(y)·(∂y/∂θ g)
 * where ∂y/∂θ, of a softmax or of sigmoids, is symmetric. */
static void learn_network(const running *r, real temperature, double units) {
    elbow_relaxed_control *c = r->c;
    size_t rows = r->latents->rows;
    memset(c->value, 0, rows * sizeof *c->value);
    for (size_t i = 0; i < rows; i++) r->ones[i] = 1;
    for (size_t g = 0; g < r->layer->count; g++) {
        elbow_group *group = &r->layer->groups[g];
        size_t width = group->q_width;
        memset(c->moved_free[g], 0, rows * width * sizeof(real));
        add_score(group, c->moved_free[g], r->ones, rows);
        for (size_t i = 0; i < rows; i++) {
            double sum = 0;
            for (size_t q = i * width; q < (i + 1) * width; q++)
                sum += (double)c->g[g][q] * (double)c->moved_free[g][q];
            c->value[i] -= (real)(2 * units * sum);
        }
    }
    for (int given = 1; given >= 0; given--) {
        place(r, given, temperature);
        for (size_t g = 0; g < r->layer->count; g++) {
            elbow_group *group = &r->layer->groups[g];
            size_t n = variables_of(r, group);
            real *along = c->moved_scaled[g];
            memset(along, 0, n * group->z_size * sizeof *along);
            if (given)
                group->latent->relax_given_along(group, along, c->points[g], group->z, group->q, c->g[g], n,
                                                 temperature);
            else
                group->latent->relax_backward(group, along, c->points[g], group->q, c->g[g], n, temperature);
            elbow_scale(along, (real)(given ? -2 * units : 2 * units), n * group->z_size);
        }
        const real *z = elbow_control_join(r->latents, c->points, c->joined, rows);
        const real *along = elbow_control_join(r->latents, c->moved_scaled, c->joined_along, rows);
        elbow_control_network_forward(&c->network, r->pass, NULL, z, rows);
        elbow_control_network_learn(&c->network, r->pass, given ? c->value : NULL, along, z, rows);
    }
}

void elbow_relaxed_control_run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                               const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    elbow_relaxed_control *c = estimator->state;
    elbow_stochastic *layer = &latents->layers[0];
    const real *own = pass->parameters, weight = objective->weight / (real)latents->samples;
    const double units = (double)weight / ((double)ELBOW_CONTROL_NATS * ELBOW_CONTROL_NATS);
    real temperature = objective->temperature * elbow_exp(own[c->log_temperature]);
    running r = {.c = c,
                 .latents = latents,
                 .layer = layer,
                 .score = score,
                 .pass = pass,
                 .objective = objective,
                 .ones = estimator->weights,
                 .scale = elbow_exp(own[c->log_scale])};
    const real *z = elbow_latents_sample(latents, pass);
    elbow_score_function_draws(estimator, latents, score, pass, objective, z, c->f, terms);
    for (size_t g = 0; g < layer->count; g++) {
        elbow_group *group = &layer->groups[g];
        elbow_stochastic_given_words(layer, group, pass, 0, c->words[g]);
        memset(c->g[g], 0, latents->rows * group->q_width * sizeof(real));
        add_score(group, c->g[g], c->f, latents->rows);
    }
    vary(&r, temperature, c->scaled, c->free);
    if (pass->step % ELBOW_RELAXED_CONTROL_EVERY == 0)
        pass->gradients[c->log_temperature] +=
            (real)(ELBOW_RELAXED_CONTROL_EVERY * units * temperature_slope(&r, temperature));
    pass->gradients[c->log_scale] += (real)(units * complete(&r, weight));
    if (c->has_network) learn_network(&r, temperature, units);
    elbow_latents_prior_backward(latents, pass, 0);
}
