/* L independent variables of K categories; z is their one-hot vectors, or points of the simplex when relaxed.
 *
 *     q = log π, the normalised log-probabilities
 *     relaxed    y = softmax((log π + g) / τ), g ~ Gumbel(0, 1)     (Jang et al. 2017; Maddison et al. 2017)
 *     exact      one-hot of argmax (log π + g)                      (Gumbel-max)
 *     log q(z)   = Σ_k z_k log π_k */
#include <math.h>
#include <stdio.h>

#include "math/categorical.h"
#include "vae/group.h"

enum { MOST = 1 << 20 };

static elbow_status create(elbow_group *group, const char *size, const elbow_options *options) {
    unsigned long variables = 0, categories = 0;
    int end = 0;
    (void)options;
    bool read = sscanf(size, "%7lux%7lu%n", &variables, &categories, &end) == 2 && size[end] == 0;
    ELBOW_CHECK(read && variables >= 1 && variables <= MOST && categories >= 2 && categories <= MOST,
                ELBOW_USAGE,
                "`categorical %s` is no latent; write `categorical LxK`, L variables of K ≥ 2 categories: "
                "`categorical 20x10`",
                size);
    group->variables = variables;
    group->categories = group->q_size = group->z_size = group->noise = categories;
    return ELBOW_OK;
}

static void normalize(const elbow_group *group, real *q, const real *head, size_t n) {
    elbow_log_softmax(q, head, n, group->categories);
}

static void relax(const elbow_group *group, real *soft, const real *q, const uint32_t *words, size_t n,
                  real temperature) {
    elbow_gumbel_softmax(soft, q, words, n, group->categories, temperature);
}

static void relax_backward(const elbow_group *group, real *dq, const real *soft, const real *q,
                           const real *dz, size_t n, real temperature) {
    (void)q;
    elbow_gumbel_softmax_backward(dq, soft, dz, n, group->categories, temperature);
}

static void harden(const elbow_group *group, real *z, const real *soft, size_t n) {
    elbow_one_hot_argmax(z, soft, n, group->categories);
}

static void sample(const elbow_group *group, real *z, const real *q, const uint32_t *words, size_t n) {
    elbow_gumbel_max(z, q, words, n, group->categories);
}

static void surrogate(const elbow_group *group, real *soft, const real *z, const real *q, size_t n,
                      real temperature, elbow_draw draw) {
    if (draw == ELBOW_DRAW_GAPPED)
        elbow_gapped_softmax(soft, z, q, n, group->categories, temperature, group->gap);
    else
        elbow_tempered_softmax(soft, q, n, group->categories, temperature);
    for (size_t i = 0; draw == ELBOW_DRAW_REINMAX && i < n * group->z_size; i++)
        soft[i] = (real)0.5 * (soft[i] + z[i]);
}

static void relax_given(const elbow_group *group, real *soft, const real *z, const real *q,
                        const uint32_t *words, size_t n, real temperature) {
    elbow_gumbel_softmax_given(soft, z, q, words, n, group->categories, temperature);
}

static void rao_backward(elbow_group *group, size_t round, size_t n, real temperature) {
    size_t k = group->categories;
    if (round == 0) elbow_gumbel_rao_prepare(group->given_q, group->scratch, group->z, group->q, n, k);
    elbow_gumbel_rao_backward(group->dq, group->soft, group->given_q, group->scratch, group->q, group->words,
                              group->dz, n, k, temperature, 1 / (real)group->conditional);
}

static void relax_given_backward(const elbow_group *group, real *dq, const real *soft, const real *z,
                                 const real *q, const real *dz, size_t n, real temperature) {
    elbow_gumbel_softmax_given_backward(dq, soft, z, q, dz, n, group->categories, temperature);
}

static void relax_given_along(const elbow_group *group, real *dsoft, const real *soft, const real *z,
                              const real *q, const real *along, size_t n, real temperature) {
    elbow_gumbel_softmax_given_along(dsoft, soft, z, q, along, n, group->categories, temperature);
}

static void reinmax_backward(const elbow_group *group, real *dq, const real *soft, const real *q,
                             const real *dz, size_t n) {
    elbow_reinmax_backward(dq, soft, q, dz, n, group->categories);
}

static void log_prob(const elbow_group *group, real *out, const real *z, const real *q, size_t n) {
    elbow_categorical_log_prob(out, z, q, n, group->categories, 1);
}

static void log_prob_backward(const elbow_group *group, real *dz, real *dq, const real *weights,
                              const real *z, const real *q, size_t n) {
    elbow_categorical_log_prob_backward(dz, dq, weights, z, q, n, group->categories);
}

static void kl(const elbow_group *group, real *out, const real *q, const real *p, size_t n) {
    elbow_categorical_kl(out, q, p, n, group->categories);
}

static void kl_backward(const elbow_group *group, real *dq, real *dp, const real *weights, const real *q,
                        const real *p, size_t n) {
    elbow_categorical_kl_backward(dq, dp, weights, q, p, n, group->categories);
}

static void kl_standard(const elbow_group *group, real *out, const real *q, size_t n) {
    elbow_categorical_kl_uniform(out, q, n, group->categories);
}

static void kl_standard_backward(const elbow_group *group, real *dq, const real *weights, const real *q,
                                 size_t n) {
    elbow_categorical_kl_uniform_backward(dq, q, weights, n, group->categories, 1);
}

static void log_density(const elbow_group *group, real *out, const real *soft, const real *q, size_t n,
                        real temperature) {
    elbow_concrete_log_density(out, soft, q, n, group->categories, temperature);
}

static void log_density_backward(const elbow_group *group, real *dsoft, real *dq, const real *weights,
                                 const real *soft, const real *q, size_t n, real temperature) {
    elbow_concrete_log_density_backward(dsoft, dq, weights, soft, q, n, group->categories, temperature);
}

static void standard(const elbow_group *group, real *p, size_t n) {
    real log_uniform = (real)-log((double)group->categories);
    for (size_t i = 0; i < n * group->categories; i++) p[i] = log_uniform;
}

const elbow_latent_ops elbow_latent_categorical = {
    .name = "categorical",
    .grammar = "LxK",
    .noise = "gumbel",
    .discrete = true,
    .create = create,
    .normalize = normalize,
    .relax = relax,
    .relax_backward = relax_backward,
    .harden = harden,
    .sample = sample,
    .surrogate = surrogate,
    .relax_given = relax_given,
    .rao_backward = rao_backward,
    .relax_given_backward = relax_given_backward,
    .relax_given_along = relax_given_along,
    .reinmax_backward = reinmax_backward,
    .log_prob = log_prob,
    .log_prob_backward = log_prob_backward,
    .kl = kl,
    .kl_backward = kl_backward,
    .kl_standard = kl_standard,
    .kl_standard_backward = kl_standard_backward,
    .log_density = log_density,
    .log_density_backward = log_density_backward,
    .standard = standard,
};
