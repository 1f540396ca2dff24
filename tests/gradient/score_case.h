/* A toy whose every z can be looked at, for estimators that go by the score function: a layer of a few latents, a score that is a
 * function of z with parameters of its own, and what an example's objective and its expectation are.
 *
 * The gradient in z that the score returns is rubbish, of which nothing may be left. */
#ifndef ELBOW_TESTS_GRADIENT_SCORE_CASE_H
#define ELBOW_TESTS_GRADIENT_SCORE_CASE_H

#include "settings.h"

#include <stdio.h>

#include "elbow/vae/vae.h"
#include "vae/estimator.h"

enum { FEATURES = 3, CONFIGURATIONS = 9, WIDTH = 8, GROUPS = 2, BATCH = 3, DRAWS = 4 };

typedef struct setting {
    const char *estimator, *latent, *posterior, *prior, *kl;
    size_t samples;
    double beta, free_bits;
} setting;

typedef struct score_case {
    const setting *setting;
    elbow_latents latents;
    elbow_estimator estimator;
    elbow_params params;
    elbow_arena *arena;
    elbow_pass pass;
    elbow_objective objective;
    elbow_score score;
    size_t configurations, split, toy; /* toy: offset of the score's parameters, (2, z_width) */
    real *features, *theta, *gradient;
    const real *x; /* (B) */
    const real *z; /* of the score's last forward */
    real rubbish[BATCH * CONFIGURATIONS * WIDTH];
    /* Of all z, after look(): */
    double log_q[CONFIGURATIONS], log_p[CONFIGURATIONS], log_px[CONFIGURATIONS], kl[GROUPS][CONFIGURATIONS];
    real group_z[GROUPS][CONFIGURATIONS * WIDTH], logits[GROUPS][WIDTH]; /* logits: of bits */
    /* What is drawn next, (R), where draws are handed out. */
    elbow_posterior_ops handing[GROUPS];
    size_t drawn[BATCH * DRAWS];
} score_case;

static score_case *current; /* whose draws are handed out */

/* log p(x|z) = 2 sin(a·z + x) + (c·z)² − 5, all of a sign as log-probabilities of data are. */
static inline void score_forward(void *context, const elbow_pass *pass, real *log_px, const real *z,
                                 size_t rows) {
    score_case *c = context;
    size_t width = elbow_latents_width(&c->latents);
    const real *a = pass->parameters + c->toy;
    c->z = z;
    for (size_t r = 0; r < rows; ++r) {
        double square = dot(a + width, z + r * width, width);
        log_px[r] = 2 * sin(dot(a, z + r * width, width) + c->x[r % c->latents.batch]) + square * square - 5;
    }
}

static inline real *score_backward(void *context, const elbow_pass *pass, const real *weights, size_t rows) {
    score_case *c = context;
    size_t width = elbow_latents_width(&c->latents);
    const real *a = pass->parameters + c->toy;
    real *da = pass->gradients + c->toy;
    for (size_t r = 0; r < rows; ++r) {
        const real *z = c->z + r * width;
        double slope = 2 * cos(dot(a, z, width) + c->x[r % c->latents.batch]),
               square = dot(a + width, z, width);
        for (size_t i = 0; i < width; ++i) {
            da[i] += weights[r] * slope * z[i];
            da[width + i] += weights[r] * 2 * square * z[i];
            c->rubbish[r * width + i] = 1e3 + (double)i;
        }
    }
    return c->rubbish;
}

/* Rows of any examples. */
static inline void score_evaluate(void *context, const elbow_pass *pass, real *log_px, const real *z,
                                  const uint32_t *examples, size_t rows) {
    score_case *c = context;
    size_t width = elbow_latents_width(&c->latents), batch = c->latents.batch;
    const real *x = c->x;
    c->latents.batch = 1;
    for (size_t r = 0; r < rows; ++r) {
        c->x = x + examples[r];
        score_forward(c, pass, log_px + r, z + r * width, 1);
    }
    c->latents.batch = batch;
    c->x = x;
}

static inline elbow_options *options_of(const setting *s) {
    elbow_options *options = NULL;
    char samples[16];
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    snprintf(samples, sizeof samples, "%zu", s->samples);
    set(options, "estimator.name", s->estimator);
    set(options, "estimator.samples", samples);
    set(options, "objective.bound", strcmp(s->estimator, "vimco") == 0 ? "iwae" : "elbo");
    set(options, "objective.kl", s->kl);
    set(options, "model.latent", s->latent);
    set(options, "model.posterior", s->posterior);
    set(options, "model.prior", s->prior);
    set(options, "model.components", "2");
    set(options, "model.decoder", "");
    return options;
}

static inline void make(score_case *c, const setting *s) {
    elbow_options *options = options_of(s);
    memset(c, 0, sizeof *c);
    c->setting = s;
    elbow_status status = elbow_latents_create(&c->latents, options, FEATURES, 0, &c->params);
    c->split = c->params.size;
    if (status == ELBOW_OK) status = elbow_latents_declare_rest(&c->latents, options, &c->params);
    if (status == ELBOW_OK) status = elbow_estimator_create(&c->estimator, options, &c->latents, &c->params);
    if (status != ELBOW_OK) fail_msg("%s, %s: %s", s->estimator, s->latent, elbow_error_message());
    size_t width = elbow_latents_width(&c->latents);
    assert_int_equal(elbow_params_declare(&c->params, "toy", 2, (size_t[]){2, width}, 1, &c->toy), ELBOW_OK);
    c->configurations = elbow_latents_configurations(&c->latents, CONFIGURATIONS);
    assert_true(c->configurations > 0 && width <= WIDTH);
    assert_int_equal(elbow_arena_create(&c->arena), ELBOW_OK);
    assert_int_equal(
        elbow_latents_reserve(&c->latents, BATCH * CONFIGURATIONS, CONFIGURATIONS, true, c->arena), ELBOW_OK);
    assert_int_equal(elbow_estimator_reserve(&c->estimator, BATCH, c->arena), ELBOW_OK);
    elbow_options_destroy(&options);
    c->theta = hold_parameters(&c->params, "test.theta", 1);
    c->gradient = hold_zeros(c->params.size);
    c->features = hold_reals("test.features", BATCH * FEATURES, -1, 1);
    c->x = hold_reals("test.x", BATCH, -1, 1);
    c->pass = (elbow_pass){
        .parameters = c->theta, .gradients = c->gradient, .seed = 7, .shard = 1, .step = 3, .purpose = ""};
    c->objective =
        (elbow_objective){.temperature = 0.5, .beta = s->beta, .free_bits = s->free_bits, .weight = 0.25};
    c->score = (elbow_score){.context = c, .forward = score_forward, .backward = score_backward};
}

static inline void drop(score_case *c) {
    elbow_estimator_destroy(&c->estimator);
    elbow_latents_destroy(&c->latents);
    elbow_params_destroy(&c->params);
    elbow_arena_destroy(&c->arena);
    release_held();
}

/* ---- every z, for the first example ---- */

static inline void look(score_case *c) {
    size_t C = c->configurations;
    real values[CONFIGURATIONS];
    elbow_stochastic *layer = &c->latents.layers[0];
    elbow_latents_forward(&c->latents, &c->pass, c->features, NULL, 1, C);
    const real *z = elbow_latents_enumerate(&c->latents, &c->pass);
    score_forward(c, &c->pass, values, z, C);
    for (size_t i = 0; i < C; ++i) c->log_px[i] = values[i], c->log_q[i] = c->log_p[i] = 0;
    for (size_t g = 0; g < layer->count; ++g) {
        elbow_group *group = &layer->groups[g];
        memcpy(c->group_z[g], group->z, C * group->z_width * sizeof(real));
        memcpy(c->logits[g], group->q, group->variables * sizeof(real));
        elbow_group_kl(group, &c->pass, group->divergence, C, 0);
        for (size_t i = 0; i < C; ++i) c->kl[g][i] = group->kl[i];
        elbow_group_log_q(group, values, C, 0);
        for (size_t i = 0; i < C; ++i) c->log_q[i] += values[i];
        elbow_group_log_p(group, &c->pass, values, C, 0);
        for (size_t i = 0; i < C; ++i) c->log_p[i] += values[i];
    }
}

/* The next set of S draws, as digits; false after the last. */
static inline bool advance(const score_case *c, size_t *draws) {
    for (size_t s = 0; s < c->setting->samples; ++s) {
        if (++draws[s] < c->configurations) return true;
        draws[s] = 0;
    }
    return false;
}

/* Of an antithetic pair: bits differ either way with σ(−|l|) each, and else both are the likelier. */
static inline double pair_probability(const score_case *c, const size_t *draws) {
    double product = 1;
    for (size_t g = 0; g < c->latents.groups; ++g) {
        const elbow_group *group = &c->latents.layers[0].groups[g];
        size_t L = group->variables;
        for (size_t l = 0; l < L; ++l) {
            real one = c->group_z[g][draws[0] * L + l], other = c->group_z[g][draws[1] * L + l];
            double rare = 1 / (1 + exp(fabs(c->logits[g][l])));
            if (one != other)
                product *= rare;
            else
                product *= (one == 1) == (c->logits[g][l] > 0) ? 1 - 2 * rare : 0;
        }
    }
    return product;
}

static inline double probability(const score_case *c, const size_t *draws) {
    double sum = 0;
    for (size_t s = 0; s < c->setting->samples; ++s) sum += c->log_q[draws[s]];
    return exp(sum);
}

/* An example's objective, of one set of draws. */
static inline double objective_of(const score_case *c, const size_t *draws) {
    size_t S = c->setting->samples;
    double sum = 0, beta = c->setting->beta;
    if (c->estimator.importance) {
        for (size_t s = 0; s < S; ++s) {
            size_t i = draws[s];
            sum += exp(c->log_px[i] + beta * (c->log_p[i] - c->log_q[i]));
        }
        return log(sum / (double)S);
    }
    for (size_t s = 0; s < S; ++s) sum += c->log_px[draws[s]] / (double)S;
    for (size_t g = 0; g < c->latents.groups; ++g) {
        double kl = 0;
        for (size_t s = 0; s < S; ++s) kl += c->kl[g][draws[s]] / (double)S;
        sum -= beta * (c->setting->free_bits > 0 ? fmax(kl, c->setting->free_bits) : kl);
    }
    return sum;
}

static inline double expected_loss(void *context) {
    score_case *c = context;
    size_t draws[DRAWS] = {0};
    double sum = 0;
    look(c);
    do sum += probability(c, draws) * objective_of(c, draws);
    while (advance(c, draws));
    return -c->objective.weight * sum;
}

/* ---- the estimator, with draws that are handed to it or its own ---- */

static inline void hand_out(elbow_group *group, const elbow_pass *pass, size_t rows) {
    size_t g = (size_t)(group - current->latents.layers[0].groups), width = group->z_width;
    for (size_t r = 0; r < rows; ++r)
        memcpy(group->z + r * width, current->group_z[g] + current->drawn[r] * width, width * sizeof(real));
    if (group->posterior->condition) group->posterior->condition(group, pass, rows);
}

static inline void begin_handing(score_case *c) {
    current = c;
    for (size_t g = 0; g < c->latents.groups; ++g) {
        elbow_group *group = &c->latents.layers[0].groups[g];
        c->handing[g] = *group->posterior;
        c->handing[g].sample = hand_out;
        group->posterior = &c->handing[g];
    }
}

/* Examples [first, first + count), into c->gradient. */
static inline elbow_terms run(score_case *c, size_t first, size_t count) {
    elbow_terms terms = {0};
    const real *x = c->x;
    memset(c->gradient, 0, c->params.size * sizeof(real));
    c->x += first;
    elbow_latents_forward(&c->latents, &c->pass, c->features + first * FEATURES, NULL, count,
                          c->estimator.draws);
    c->estimator.ops->run(&c->estimator, &c->latents, &c->score, &c->pass, &c->objective, &terms);
    elbow_latents_backward(&c->latents, &c->pass);
    c->x = x;
    return terms;
}

static inline void add(double *sum, double weight, const real *values, size_t n) {
    for (size_t i = 0; i < n; ++i) sum[i] += weight * values[i];
}

/* Means and variances of the gradient's first elements, of an example's own draws over many passes. */
static inline void find_moments(score_case *c, size_t passes, real *mean, real *variance, size_t size) {
    for (c->pass.step = 0; c->pass.step < passes; ++c->pass.step) {
        run(c, 0, 1);
        for (size_t p = 0; p < size; ++p)
            mean[p] += c->gradient[p], variance[p] += c->gradient[p] * c->gradient[p];
    }
    for (size_t p = 0; p < size; ++p) {
        mean[p] /= (double)passes;
        variance[p] = fmax(variance[p] / (double)passes - mean[p] * mean[p], 0);
    }
}

#endif
