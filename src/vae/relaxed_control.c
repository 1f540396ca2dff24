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
    ELBOW_TRY(elbow_control_declare(params, "estimator.log_scale", latents->count, &c->log_scale));
    ELBOW_TRY(
        elbow_control_declare(params, "estimator.log_temperature", latents->count, &c->log_temperature));
    for (size_t i = 0; c->has_network && i < latents->count; i++)
        ELBOW_TRY(elbow_control_network_create(&c->layers[i].network, i, latents->layers[i].z_width, hidden,
                                               params));
    return ELBOW_OK;
}

static elbow_status reserve_layer(elbow_relaxed_layer *own, const elbow_stochastic *layer, bool has_network,
                                  size_t rows, elbow_arena *arena) {
    size_t joined = layer->count > 1 ? rows * layer->z_width : 0;
    for (size_t g = 0; g < layer->count; g++) {
        const elbow_group *group = &layer->groups[g];
        size_t count = rows * group->q_width;
        own->points[g] = group->soft_block; /* free where draws are exact */
        ELBOW_TRY(elbow_arena_take(arena, rows * group->words_width, sizeof *own->words[g], &own->words[g]));
        ELBOW_TRY(elbow_arena_reals(arena, count, &own->g[g]));
        ELBOW_TRY(elbow_arena_reals(arena, count, &own->scaled[g]));
        ELBOW_TRY(elbow_arena_reals(arena, count, &own->moved_scaled[g]));
        if (!has_network) continue;
        ELBOW_TRY(elbow_arena_reals(arena, count, &own->free[g]));
        ELBOW_TRY(elbow_arena_reals(arena, count, &own->moved_free[g]));
    }
    if (!has_network) return ELBOW_OK;
    ELBOW_TRY(elbow_arena_reals(arena, joined, &own->joined));
    ELBOW_TRY(elbow_arena_reals(arena, joined, &own->joined_along));
    return elbow_control_network_reserve(&own->network, rows, arena);
}

elbow_status elbow_relaxed_control_reserve(elbow_estimator *estimator, size_t rows, elbow_arena *arena) {
    elbow_relaxed_control *c = estimator->state;
    size_t layers = c->latents->count;
    c->f = estimator->log_ratio;
    if (layers > 1) ELBOW_TRY(elbow_arena_reals(arena, layers * rows, &c->f));
    ELBOW_TRY(elbow_arena_reals(arena, rows, &c->value));
    for (size_t i = 0; i < layers; i++)
        ELBOW_TRY(reserve_layer(&c->layers[i], &c->latents->layers[i], c->has_network, rows, arena));
    return ELBOW_OK;
}

void elbow_relaxed_control_destroy(elbow_estimator *estimator) { free(estimator->state); }

/* One call of run, at one layer. */
typedef struct running {
    elbow_relaxed_control *c;
    elbow_relaxed_layer *own;
    elbow_latents *latents;
    elbow_stochastic *layer;
    size_t index; /* of the layer */
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
            group->latent->relax_given(group, r->own->points[g], group->z, group->q, r->own->words[g], n,
                                       temperature);
        else
            group->latent->relax(group, r->own->points[g], group->q, group->words, n, temperature);
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
        group->latent->relax_given_backward(group, out[g], r->own->points[g], group->z, group->q, group->dz,
                                            n, temperature);
        add_score(group, out[g], r->c->value, r->latents->rows);
        elbow_scale(out[g], -1, n * group->q_size);
    }
}

/* out += ∂c/∂θ of the others. */
static void add_free(const running *r, real *const *out, real temperature) {
    for (size_t g = 0; g < r->layer->count; g++) {
        elbow_group *group = &r->layer->groups[g];
        group->latent->relax_backward(group, out[g], r->own->points[g], group->q, group->dz,
                                      variables_of(r, group), temperature);
    }
}

/* r and ∇r at the points, into value and dz. */
static void look_at_network(const running *r) {
    elbow_relaxed_layer *own = r->own;
    size_t rows = r->latents->rows;
    const real *z = elbow_control_join(r->layer, own->points, own->joined, rows);
    elbow_control_network_forward(&own->network, r->pass, r->c->value, z, rows);
    elbow_stochastic_receive(r->layer, elbow_control_network_slope(&own->network, r->pass, rows));
}

/* What the control variate adds to g at a temperature, before η: of f, and of r. */
static void vary(const running *r, real temperature, real *const *scaled, real *const *free_part) {
    const elbow_control_point at = {r->index, r->own->points, temperature};
    for (int given = 1; given >= 0; given--) {
        place(r, given, temperature);
        elbow_control_evaluate(r->latents, r->score, r->pass, r->objective, &at, r->c->value, r->ones,
                               r->latents->rows);
        if (given)
            take_given(r, scaled, temperature);
        else
            add_free(r, scaled, temperature);
        if (!r->c->has_network) continue;
        look_at_network(r);
        if (given)
            take_given(r, free_part, temperature);
        else
            add_free(r, free_part, temperature);
    }
}

/* Σ |f ∇ log q + η scaled + free|², own->g being its first term. */
static double square_sum(const running *r, real *const *scaled, real *const *free_part) {
    double sum = 0, scale = (double)r->scale;
    for (size_t g = 0; g < r->layer->count; g++)
        for (size_t i = 0; i < r->latents->rows * r->layer->groups[g].q_width; i++) {
            double v = (double)r->own->g[g][i] + scale * (double)scaled[g][i];
            if (r->c->has_network) v += (double)free_part[g][i];
            sum += v * v;
        }
    return sum;
}

/* ∂(Σ |g|²)/∂ log λ, with the same noise. */
static double temperature_slope(const running *r, real temperature) {
    elbow_relaxed_layer *own = r->own;
    vary(r, temperature * elbow_exp(step), own->moved_scaled, own->moved_free);
    double above = square_sum(r, own->moved_scaled, own->moved_free);
    vary(r, temperature * elbow_exp(-step), own->moved_scaled, own->moved_free);
    return (above - square_sum(r, own->moved_scaled, own->moved_free)) / (2 * (double)step);
}

/* g becomes whole, and goes to dq. Returns ∂(Σ |g|²)/∂ log η. */
static double complete(const running *r, real weight) {
    double slope = 0, scale = (double)r->scale;
    for (size_t g = 0; g < r->layer->count; g++) {
        elbow_group *group = &r->layer->groups[g];
        real *whole = r->own->g[g];
        for (size_t i = 0; i < r->latents->rows * group->q_width; i++) {
            double part = scale * (double)r->own->scaled[g][i], v = (double)whole[i] + part;
            if (r->c->has_network) v += (double)r->own->free[g][i];
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
    elbow_relaxed_layer *own = r->own;
    real *value = r->c->value;
    size_t rows = r->latents->rows;
    memset(value, 0, rows * sizeof *value);
    for (size_t i = 0; i < rows; i++) r->ones[i] = 1;
    for (size_t g = 0; g < r->layer->count; g++) {
        elbow_group *group = &r->layer->groups[g];
        size_t width = group->q_width;
        memset(own->moved_free[g], 0, rows * width * sizeof(real));
        add_score(group, own->moved_free[g], r->ones, rows);
        for (size_t i = 0; i < rows; i++) {
            double sum = 0;
            for (size_t q = i * width; q < (i + 1) * width; q++)
                sum += (double)own->g[g][q] * (double)own->moved_free[g][q];
            value[i] -= (real)(2 * units * sum);
        }
    }
    for (int given = 1; given >= 0; given--) {
        place(r, given, temperature);
        for (size_t g = 0; g < r->layer->count; g++) {
            elbow_group *group = &r->layer->groups[g];
            size_t n = variables_of(r, group);
            real *along = own->moved_scaled[g];
            memset(along, 0, n * group->z_size * sizeof *along);
            if (given)
                group->latent->relax_given_along(group, along, own->points[g], group->z, group->q, own->g[g],
                                                 n, temperature);
            else
                group->latent->relax_backward(group, along, own->points[g], group->q, own->g[g], n,
                                              temperature);
            elbow_scale(along, (real)(given ? -2 * units : 2 * units), n * group->z_size);
        }
        const real *z = elbow_control_join(r->layer, own->points, own->joined, rows);
        const real *along = elbow_control_join(r->layer, own->moved_scaled, own->joined_along, rows);
        elbow_control_network_forward(&own->network, r->pass, NULL, z, rows);
        elbow_control_network_learn(&own->network, r->pass, given ? value : NULL, along, z, rows);
    }
}

/* A layer's g, and what its control variate learns: from the top layer down, as this takes the draws of those above it. */
static void control_layer(running *r, size_t i, real weight) {
    elbow_relaxed_control *c = r->c;
    const elbow_pass *pass = r->pass;
    const double units = (double)weight / ((double)ELBOW_CONTROL_NATS * ELBOW_CONTROL_NATS);
    const real temperature = r->objective->temperature * elbow_exp(pass->parameters[c->log_temperature + i]);
    r->index = i;
    r->own = &c->layers[i];
    r->layer = &r->latents->layers[i];
    r->scale = elbow_exp(pass->parameters[c->log_scale + i]);
    for (size_t g = 0; g < r->layer->count; g++) {
        elbow_group *group = &r->layer->groups[g];
        elbow_stochastic_given_words(r->layer, group, pass, 0, r->own->words[g]);
        memset(r->own->g[g], 0, r->latents->rows * group->q_width * sizeof(real));
        add_score(group, r->own->g[g], c->f + i * r->latents->rows, r->latents->rows);
    }
    vary(r, temperature, r->own->scaled, r->own->free);
    if (pass->step % ELBOW_RELAXED_CONTROL_EVERY == 0)
        pass->gradients[c->log_temperature + i] +=
            (real)(ELBOW_RELAXED_CONTROL_EVERY * units * temperature_slope(r, temperature));
    pass->gradients[c->log_scale + i] += (real)(units * complete(r, weight));
    if (c->has_network) learn_network(r, temperature, units);
}

void elbow_relaxed_control_run(elbow_estimator *estimator, elbow_latents *latents, const elbow_score *score,
                               const elbow_pass *pass, const elbow_objective *objective, elbow_terms *terms) {
    elbow_relaxed_control *c = estimator->state;
    const real weight = objective->weight / (real)latents->samples;
    running r = {.c = c,
                 .latents = latents,
                 .score = score,
                 .pass = pass,
                 .objective = objective,
                 .ones = estimator->weights};
    const real *z = elbow_latents_sample(latents, pass);
    elbow_score_function_draws(estimator, latents, score, pass, objective, z, c->f, terms);
    for (size_t i = 0; i < latents->count; i++) elbow_latents_prior_backward(latents, pass, i);
    for (size_t i = latents->count; i-- > 0;) {
        control_layer(&r, i, weight);
        elbow_latents_upper_backward(latents, pass, i);
    }
}
