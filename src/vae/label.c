#include "vae/label.h"

#include <math.h>
#include <string.h>

const elbow_group *elbow_label_group(const elbow_latents *latents) {
    return &latents->layers[latents->count - 1].groups[0];
}

void elbow_label_tell(elbow_latents *latents, const real *labels) {
    latents->layers[latents->count - 1].groups[0].labels = labels;
}

static elbow_status check_latent(const elbow_options *options, const elbow_group *group) {
    bool categorical = group->latent == &elbow_latent_categorical && group->variables == 1;
    ELBOW_CHECK(
        categorical, ELBOW_USAGE,
        "with data.labels = %lld the first group, of the top layer, is the label: one categorical variable "
        "of as many categories as there are classes, and `%s` has another there. For ten classes: "
        "`categorical 1x10, gaussian 32`",
        (long long)options->data.labels, options->model.latent);
    return ELBOW_OK;
}

static elbow_status check_estimator(const elbow_estimator *estimator) {
    ELBOW_CHECK(estimator->ops->labels, ELBOW_USAGE,
                "%s does not take labels that are known (data.labels); set estimator.name = gumbel-softmax, "
                "straight-through-gumbel, or marginal, which sums over them",
                estimator->ops->name);
    return ELBOW_OK;
}

elbow_status elbow_label_create(size_t *classes, const elbow_options *options, const elbow_latents *latents,
                                const elbow_estimator *estimator) {
    const elbow_group *group = elbow_label_group(latents);
    *classes = 0;
    if (options->data.labels == 0) return ELBOW_OK;
    elbow_status status = check_latent(options, group);
    if (status != ELBOW_OK) return elbow_options_blame(options, "model.latent", status);
    status = check_estimator(estimator);
    if (status != ELBOW_OK) return elbow_options_blame(options, "estimator.name", status);
    if (estimator->importance)
        return elbow_options_blame(options, "objective.bound",
                                   elbow_fail(ELBOW_USAGE, "labels (data.labels) are for the ELBO; set "
                                                           "objective.bound = elbo"));
    if (strcmp(options->objective.kl, "relaxed") == 0)
        return elbow_options_blame(options, "objective.kl",
                                   elbow_fail(ELBOW_USAGE,
                                              "a label that is known (data.labels) has no relaxed "
                                              "density; set objective.kl = analytic"));
    *classes = group->categories;
    return ELBOW_OK;
}

static bool is_known(const elbow_group *group, size_t b) { return group->labels && !isnan(group->labels[b]); }

/* The row that an example's known label is looked up in. */
static size_t row_of(const elbow_group *group, size_t b, size_t s, size_t B) {
    return (group->summed ? (size_t)group->labels[b] : s) * B + b;
}

size_t elbow_label_share(const elbow_group *group, size_t b, size_t s, size_t S) {
    if (!group->summed || !is_known(group, b)) return 1;
    return (size_t)group->labels[b] == s ? S : 0;
}

static void put(const elbow_group *group, size_t row, size_t k) {
    size_t width = group->z_width;
    real *blocks[] = {group->z, group->soft};
    for (size_t i = 0; i < 2; i++) {
        memset(blocks[i] + row * width, 0, width * sizeof *blocks[i]);
        blocks[i][row * width + k] = 1;
    }
}

void elbow_label_clamp(elbow_group *group, size_t B, size_t S) {
    for (size_t s = 0; s < S; s++)
        for (size_t b = 0; b < B; b++)
            if (group->summed)
                put(group, s * B + b, s);
            else if (is_known(group, b))
                put(group, s * B + b, (size_t)group->labels[b]);
}

void elbow_label_release(elbow_group *group, size_t B, size_t S) {
    size_t width = group->z_width;
    for (size_t s = 0; s < S; s++)
        for (size_t b = 0; b < B; b++)
            if (group->summed || is_known(group, b))
                memset(group->dz + (s * B + b) * width, 0, width * sizeof *group->dz);
}

void elbow_label_kl(elbow_group *group, const elbow_pass *pass, size_t B, size_t S) {
    real *log_p = group->row_scratch;
    elbow_group_log_p(group, pass, log_p, B * S, 0);
    for (size_t b = 0; b < B; b++)
        for (size_t s = 0; s < S && is_known(group, b); s++)
            group->kl[s * B + b] = -log_p[row_of(group, b, s, B)];
}

void elbow_label_learn(elbow_stochastic *layer, elbow_group *group, const elbow_pass *pass,
                       const elbow_objective *objective, elbow_terms *terms) {
    size_t B = layer->batch, S = layer->samples, rows = B * S;
    real *log_q = layer->scratch, *weights = group->row_scratch;
    elbow_group_log_q(group, log_q, rows, 0);
    memset(weights, 0, rows * sizeof *weights);
    for (size_t b = 0; b < B; b++) {
        if (!is_known(group, b)) continue;
        for (size_t s = 0; s < S; s++) {
            size_t share = elbow_label_share(group, b, s, S);
            weights[s * B + b] = -objective->weight * objective->classify * (real)share / (real)S;
            if (share > 0) /* of a label that is summed over the other rows may have log 0 */
                terms->objective += (double)objective->classify * ((double)share / (double)S) *
                                    (double)log_q[row_of(group, b, s, B)];
        }
    }
    elbow_group_log_q_backward(group, weights, rows, 0, false);
    for (size_t b = 0; b < B; b++)
        for (size_t s = 0; s < S && is_known(group, b); s++) {
            weights[s * B + b] = -layer->weights[s * B + b] * (real)elbow_label_share(group, b, s, S);
            layer->weights[s * B + b] = 0;
        }
    if (!group->prior->constant) elbow_group_log_p_backward(group, pass, weights, rows, 0, false);
}
