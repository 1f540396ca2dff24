/* p(z) uniform over the categories of each variable:
 *
 *     KL(q ‖ p) = Σ_l Σ_k q_lk (log q_lk + log K)        log p(z) = −L log K */
#include <math.h>
#include <string.h>

#include "math/categorical.h"
#include "vae/group.h"

static elbow_status create(elbow_group *group, size_t index, elbow_params *params) {
    (void)index, (void)params;
    ELBOW_CHECK(group->latent == &elbow_latent_categorical, ELBOW_USAGE,
                "a uniform prior is for categorical latents, not for %s", group->latent->name);
    return ELBOW_OK;
}

static void kl(elbow_group *group, const elbow_pass *pass, real *kl, size_t rows) {
    (void)pass;
    size_t L = group->variables, K = group->categories;
    for (size_t b = 0; b < rows; b++) {
        real of_variable[64];
        double sum = 0;
        for (size_t l = 0; l < L; l += 64) {
            size_t some = L - l < 64 ? L - l : 64;
            elbow_categorical_kl_uniform(of_variable, group->q + (b * L + l) * K, some, K);
            for (size_t i = 0; i < some; i++) sum += (double)of_variable[i];
        }
        kl[b] = (real)sum;
    }
}

static void kl_backward(elbow_group *group, const elbow_pass *pass, const real *weights, size_t rows) {
    (void)pass;
    elbow_categorical_kl_uniform_backward(group->dq, group->q, weights, rows * group->variables,
                                          group->categories, group->variables);
}

static void log_prob(const elbow_group *group, const elbow_pass *pass, real *log_p, const real *z,
                     size_t rows) {
    (void)pass, (void)z;
    real log_uniform = (real)(-(double)group->variables * log((double)group->categories));
    for (size_t r = 0; r < rows; r++) log_p[r] = log_uniform;
}

static void sample(elbow_group *group, const elbow_pass *pass, real *z, const uint32_t *words, size_t rows) {
    (void)pass;
    memset(group->q, 0, rows * group->q_width * sizeof *group->q); /* equal log-probabilities */
    group->latent->sample(group, z, group->q, words, rows);
}

static void destroy(elbow_group *group) { (void)group; }

const elbow_prior_ops elbow_prior_uniform = {
    .name = "uniform",
    .create = create,
    .kl = kl,
    .kl_backward = kl_backward,
    .log_prob = log_prob,
    .sample = sample,
    .destroy = destroy,
};
