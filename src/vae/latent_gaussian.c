/* L independent normal variables (Kingma & Welling 2014, Rezende et al. 2014).
 *
 *     head = mean, a;   q = mean, log σ;   σ = exp(a/2) or log(1 + e^a), by model.scale
 *     z = mean + σ ε, ε ~ N(0, 1), at any temperature: a relaxed sample is an exact one */
#include <stdio.h>
#include <string.h>

#include "math/gaussian.h"
#include "vae/group.h"

enum { MOST = 1 << 20 };

/* What latent_state points at, one for each model.scale. */
static elbow_gaussian_scale scales[] = {ELBOW_SCALE_LOG_VARIANCE, ELBOW_SCALE_SOFTPLUS};

static elbow_gaussian_scale scale_of(const elbow_group *group) {
    return *(const elbow_gaussian_scale *)group->latent_state;
}

static elbow_status create(elbow_group *group, const char *size, const elbow_options *options) {
    unsigned long variables = 0;
    int end = 0;
    bool read = sscanf(size, "%7lu%n", &variables, &end) == 1 && size[end] == 0;
    ELBOW_CHECK(read && variables >= 1 && variables <= MOST, ELBOW_USAGE,
                "`gaussian %s` is no latent; write `gaussian L`, L real variables: `gaussian 20`", size);
    group->variables = variables;
    group->categories = group->z_size = group->noise = 1;
    group->q_size = 2;
    group->latent_state = &scales[strcmp(options->model.scale, "softplus") == 0];
    return ELBOW_OK;
}

static void normalize(const elbow_group *group, real *q, const real *head, size_t n) {
    elbow_gaussian_normalize(q, head, n, scale_of(group));
}

static void relax(const elbow_group *group, real *soft, const real *q, const uint32_t *words, size_t n,
                  real temperature) {
    (void)group, (void)temperature;
    elbow_gaussian_sample(soft, q, words, n);
}

static void relax_backward(const elbow_group *group, real *dq, const real *soft, const real *q,
                           const real *dz, size_t n, real temperature) {
    (void)temperature;
    elbow_gaussian_sample_backward(dq, soft, q, dz, n, scale_of(group));
}

static void harden(const elbow_group *group, real *z, const real *soft, size_t n) {
    (void)group;
    if (z != soft) memcpy(z, soft, n * sizeof *z);
}

static void sample(const elbow_group *group, real *z, const real *q, const uint32_t *words, size_t n) {
    (void)group;
    elbow_gaussian_sample(z, q, words, n);
}

static void log_prob(const elbow_group *group, real *out, const real *z, const real *q, size_t n) {
    (void)group;
    elbow_gaussian_log_prob(out, z, q, n);
}

static void log_prob_backward(const elbow_group *group, real *dz, real *dq, const real *weights,
                              const real *z, const real *q, size_t n) {
    elbow_gaussian_log_prob_backward(dz, dq, weights, z, q, n, scale_of(group));
}

static void kl(const elbow_group *group, real *out, const real *q, const real *p, size_t n) {
    (void)group;
    elbow_gaussian_kl(out, q, p, n);
}

static void kl_backward(const elbow_group *group, real *dq, real *dp, const real *weights, const real *q,
                        const real *p, size_t n) {
    elbow_gaussian_kl_backward(dq, dp, weights, q, p, n, scale_of(group));
}

static void kl_standard(const elbow_group *group, real *out, const real *q, size_t n) {
    (void)group;
    elbow_gaussian_kl(out, q, NULL, n);
}

static void kl_standard_backward(const elbow_group *group, real *dq, const real *weights, const real *q,
                                 size_t n) {
    elbow_gaussian_kl_backward(dq, NULL, weights, q, NULL, n, scale_of(group));
}

static void standard(const elbow_group *group, real *p, size_t n) {
    (void)group;
    memset(p, 0, 2 * n * sizeof *p);
}

const elbow_latent_ops elbow_latent_gaussian = {
    .name = "gaussian",
    .reads = "model.scale",
    .grammar = "L",
    .noise = "normal",
    .discrete = false,
    .create = create,
    .normalize = normalize,
    .relax = relax,
    .relax_backward = relax_backward,
    .harden = harden,
    .sample = sample,
    .log_prob = log_prob,
    .log_prob_backward = log_prob_backward,
    .kl = kl,
    .kl_backward = kl_backward,
    .kl_standard = kl_standard,
    .kl_standard_backward = kl_standard_backward,
    .standard = standard,
};
