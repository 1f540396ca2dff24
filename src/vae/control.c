#include "vae/control.h"

#include "math/vector.h"

static elbow_status check_priors(const char *name, const elbow_latents *latents) {
    for (size_t i = 0; i < latents->count; i++)
        for (size_t g = 0; g < latents->layers[i].count; g++) {
            const elbow_prior_ops *prior = latents->layers[i].groups[g].prior;
            ELBOW_CHECK(
                prior->own_family && prior->condition == NULL, ELBOW_USAGE,
                "%s looks at points between the values that z can have, which a prior of kind %s says "
                "nothing of; set model.prior = learned or standard, or estimator.name = reinforce",
                name, prior->name);
        }
    return ELBOW_OK;
}

elbow_status elbow_control_check(const elbow_estimator *estimator, const elbow_options *options,
                                 const elbow_latents *latents) {
    ELBOW_TRY(elbow_score_function_check(estimator, options, latents));
    ELBOW_TRY(elbow_score_function_check_factorised(estimator, options, latents));
    elbow_status status = check_priors(estimator->ops->name, latents);
    return status == ELBOW_OK ? status : elbow_options_blame(options, "model.prior", status);
}

elbow_status elbow_control_declare(elbow_params *params, const char *name, size_t count, size_t *offset) {
    return elbow_params_declare(params, name, 1, &count, 0, offset);
}

const real *elbow_control_join(const elbow_stochastic *layer, real *const *points, real *joined,
                               size_t rows) {
    if (layer->count == 1) return points[0];
    for (size_t g = 0, at = 0; g < layer->count; at += layer->groups[g++].z_width)
        elbow_copy_columns(joined + at, layer->z_width, points[g], layer->groups[g].z_width,
                           layer->groups[g].z_width, rows);
    return joined;
}

/* An evaluation under way. */
typedef struct looking {
    elbow_latents *latents;
    const elbow_pass *pass;
    size_t layer, rows;
    real beta, *f, *weights;
} looking;

/* Adds sign · β · values to f, and sets the weights of their gradient. */
static void weigh(const looking *l, real sign, const real *values) {
    real by = sign * l->beta;
    for (size_t r = 0; r < l->rows; r++) {
        l->f[r] += by * values[r];
        l->weights[r] = by;
    }
}

/* −β log q of a group: of the points' own layer, in the points alone. */
static void add_log_q(const looking *l, elbow_group *group, bool own) {
    real *dq = group->dq, *log_q = l->latents->scratch;
    elbow_group_log_q(group, log_q, l->rows, 0);
    weigh(l, -1, log_q);
    if (own) group->dq = NULL;
    elbow_group_log_q_backward(group, l->weights, l->rows, 0, true);
    group->dq = dq;
}

/* β log p of a group of layer i. Above the top layer is nothing that its p could say something of. */
static void add_log_p(const looking *l, elbow_group *group, size_t i) {
    real *dp = group->dp, *log_p = l->latents->scratch;
    elbow_group_log_p(group, l->pass, log_p, l->rows, 0);
    weigh(l, 1, log_p);
    if (i + 1 == l->latents->count) group->dp = NULL;
    elbow_group_log_p_backward(group, l->pass, l->weights, l->rows, 0, i >= l->layer);
    group->dp = dp;
}

/* −β KL in closed form of a group above the points; group->kl stays that of the draws. */
static void add_closed(const looking *l, elbow_group *group) {
    real *kl = group->kl, *dp = group->dp;
    group->kl = l->latents->scratch;
    group->dp = NULL;
    elbow_group_kl(group, l->pass, ELBOW_KL_CLOSED, l->rows, 0);
    weigh(l, -1, group->kl);
    elbow_group_kl_backward(group, l->pass, ELBOW_KL_CLOSED, l->weights, l->rows, 0);
    group->kl = kl;
    group->dp = dp;
}

/* What the densities have of f, from layer i − 1 up. */
static void add_divergence(const looking *l) {
    size_t below = l->layer > 0 ? l->layer - 1 : 0;
    for (size_t i = below; i < l->latents->count; i++) {
        elbow_stochastic *layer = &l->latents->layers[i];
        for (size_t g = 0; g < layer->count; g++) {
            elbow_group *group = &layer->groups[g];
            bool sampled = group->divergence == ELBOW_KL_SAMPLED;
            if (sampled && i >= l->layer) add_log_q(l, group, i == l->layer);
            if (sampled) add_log_p(l, group, i);
            if (!sampled && i > l->layer) add_closed(l, group);
        }
        if (i + 1 < l->latents->count) elbow_latents_prior_backward(l->latents, l->pass, i);
    }
}

void elbow_control_evaluate(elbow_latents *latents, const elbow_score *score, const elbow_pass *pass,
                            const elbow_objective *objective, const elbow_control_point *at, real *f,
                            real *ones, size_t rows) {
    elbow_stochastic *out = &latents->layers[latents->out];
    elbow_pass frozen = *pass;
    real *dz = out->dz;
    frozen.frozen = true;
    looking l = {.latents = latents,
                 .pass = &frozen,
                 .layer = at->layer,
                 .rows = rows,
                 .beta = objective->beta,
                 .f = f,
                 .weights = ones};
    elbow_stochastic_place(&latents->layers[at->layer], at->points);
    elbow_latents_follow(latents, &frozen, at->layer, at->temperature);
    for (size_t r = 0; r < rows; r++) f[r] = 0;
    if (at->layer <= latents->out) {
        score->forward(score->context, &frozen, f, elbow_stochastic_z(out), rows);
        for (size_t r = 0; r < rows; r++) ones[r] = 1;
        dz = score->backward(score->context, &frozen, ones, rows);
    }
    elbow_latents_receive(latents, dz);
    if (!latents->predictor) add_divergence(&l);
    elbow_latents_follow_backward(latents, &frozen, at->layer, at->temperature);
    elbow_stochastic_place(&latents->layers[at->layer], NULL);
}
