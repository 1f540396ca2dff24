#include "vae/control.h"

#include "math/vector.h"

static elbow_status check_priors(const char *name, const elbow_latents *latents) {
    const elbow_stochastic *layer = &latents->layers[0];
    for (size_t g = 0; g < layer->count; g++) {
        const elbow_prior_ops *prior = layer->groups[g].prior;
        ELBOW_CHECK(
            prior->own_family && prior->condition == NULL, ELBOW_USAGE,
            "%s looks at points between the values that z can have, which a prior of kind %s says nothing "
            "of; set model.prior = learned or standard, or estimator.name = reinforce",
            name, prior->name);
    }
    return ELBOW_OK;
}

elbow_status elbow_control_check(const elbow_estimator *estimator, const elbow_options *options,
                                 const elbow_latents *latents) {
    ELBOW_TRY(elbow_score_function_check(estimator, options, latents));
    ELBOW_TRY(elbow_score_function_check_one_layer(estimator, options, latents));
    ELBOW_TRY(elbow_score_function_check_factorised(estimator, options, latents));
    elbow_status status = check_priors(estimator->ops->name, latents);
    return status == ELBOW_OK ? status : elbow_options_blame(options, "model.prior", status);
}

elbow_status elbow_control_declare(elbow_params *params, const char *name, size_t *offset) {
    return elbow_params_declare(params, name, 1, (size_t[]){1}, 0, offset);
}

const real *elbow_control_join(const elbow_latents *latents, real *const *points, real *joined, size_t rows) {
    const elbow_stochastic *layer = &latents->layers[0];
    if (layer->count == 1) return points[0];
    for (size_t g = 0, at = 0; g < layer->count; at += layer->groups[g++].z_width)
        elbow_copy_columns(joined + at, layer->z_width, points[g], layer->groups[g].z_width,
                           layer->groups[g].z_width, rows);
    return joined;
}

/* −β KL_g of a group's points, added to f and ∇f. */
static void add_divergence(elbow_group *group, const elbow_pass *pass, real beta, real *point, real *f,
                           size_t rows) {
    size_t n = rows * group->variables;
    real *z = group->z;
    group->z = point;
    if (f) {
        elbow_group_log_q(group, group->row_scratch, rows, 0);
        for (size_t r = 0; r < rows; r++) f[r] -= beta * group->row_scratch[r];
        elbow_group_log_p(group, pass, group->row_scratch, rows, 0);
        for (size_t r = 0; r < rows; r++) f[r] += beta * group->row_scratch[r];
    }
    group->z = z;
    for (size_t i = 0; i < n; i++) group->spread[i] = -beta;
    group->latent->log_prob_backward(group, group->dz, NULL, group->spread, point, group->q, n);
    for (size_t i = 0; i < n; i++) group->spread[i] = beta;
    group->latent->log_prob_backward(group, group->dz, NULL, group->spread, point, group->p, n);
}

void elbow_control_evaluate(elbow_latents *latents, const elbow_score *score, const elbow_pass *pass,
                            const elbow_objective *objective, real *const *points, real *joined, real *f,
                            real *ones, size_t rows) {
    elbow_stochastic *layer = &latents->layers[0];
    elbow_pass frozen = *pass;
    frozen.frozen = true;
    score->forward(score->context, &frozen, f ? f : ones, elbow_control_join(latents, points, joined, rows),
                   rows);
    for (size_t r = 0; r < rows; r++) ones[r] = 1;
    elbow_latents_receive(latents, score->backward(score->context, &frozen, ones, rows));
    for (size_t g = 0; g < layer->count; g++)
        if (layer->groups[g].divergence == ELBOW_KL_SAMPLED)
            add_divergence(&layer->groups[g], pass, objective->beta, points[g], f, rows);
}
