/* L independent variables of K categories; z is their one-hot vectors, or points of the simplex when relaxed.
 *
 *     q = log π, the normalised log-probabilities
 *     relaxed    y = softmax((log π + g) / τ), g ~ Gumbel(0, 1)     (Jang et al. 2017; Maddison et al. 2017)
 *     exact      one-hot of argmax (log π + g)                      (Gumbel-max)
 *     log q(z)   = Σ_l Σ_k z_lk log π_lk */
#include <math.h>
#include <stdio.h>

#include "math/categorical.h"
#include "vae/group.h"

enum { MOST = 1 << 20 };

static elbow_status create(elbow_group *group, const char *size) {
    unsigned long variables = 0, categories = 0;
    int end = 0;
    bool read = sscanf(size, "%7lux%7lu%n", &variables, &categories, &end) == 2 && size[end] == 0;
    ELBOW_CHECK(read && variables >= 1 && variables <= MOST && categories >= 2 && categories <= MOST,
                ELBOW_USAGE,
                "`categorical %s` is no latent; write `categorical LxK`, L variables of K ≥ 2 categories: "
                "`categorical 20x10`",
                size);
    group->variables = variables;
    group->categories = categories;
    group->q_width = group->z_width = group->word_width = group->variables * group->categories;
    return ELBOW_OK;
}

static void normalize(elbow_group *group, const real *head, size_t rows) {
    elbow_log_softmax(group->q, head, rows * group->variables, group->categories);
}

static void relax(const elbow_group *group, real *soft, const real *q, const uint32_t *words, size_t rows,
                  real temperature) {
    elbow_gumbel_softmax(soft, q, words, rows * group->variables, group->categories, temperature);
}

static void relax_backward(const elbow_group *group, real *dq, const real *soft, const real *dz, size_t rows,
                           real temperature) {
    elbow_gumbel_softmax_backward(dq, soft, dz, rows * group->variables, group->categories, temperature);
}

static void harden(const elbow_group *group, real *z, const real *soft, size_t rows) {
    elbow_one_hot_argmax(z, soft, rows * group->variables, group->categories);
}

static void sample(const elbow_group *group, real *z, const real *q, const uint32_t *words, size_t rows) {
    elbow_gumbel_max(z, q, words, rows * group->variables, group->categories);
}

static void log_prob(const elbow_group *group, real *log_q, const real *z, const real *q, size_t rows) {
    elbow_categorical_log_prob(log_q, z, q, rows * group->variables, group->categories, group->variables);
}

const elbow_latent_ops elbow_latent_categorical = {
    .name = "categorical",
    .grammar = "LxK",
    .noise = "gumbel",
    .create = create,
    .normalize = normalize,
    .relax = relax,
    .relax_backward = relax_backward,
    .harden = harden,
    .sample = sample,
    .log_prob = log_prob,
};
