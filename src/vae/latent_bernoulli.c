/* L independent bits; z is 0 or 1, or between when relaxed.
 *
 *     q = l, the logit of the probability of a 1
 *     relaxed    y = σ((l + ε) / τ), ε ~ logistic      (binary Concrete, Maddison et al. 2017)
 *     exact      1 where l + ε ≥ 0
 *     log q(z)   = z l − log(1 + e^l) */
#include <stdio.h>
#include <string.h>

#include "math/bernoulli_latent.h"
#include "vae/group.h"

enum { MOST = 1 << 20 };

static elbow_status create(elbow_group *group, const char *size, const elbow_options *options) {
    unsigned long variables = 0;
    int end = 0;
    (void)options;
    bool read = sscanf(size, "%7lu%n", &variables, &end) == 1 && size[end] == 0;
    ELBOW_CHECK(read && variables >= 1 && variables <= MOST, ELBOW_USAGE,
                "`bernoulli %s` is no latent; write `bernoulli L`, L bits: `bernoulli 200`", size);
    group->variables = variables;
    group->categories = group->q_size = group->z_size = group->noise = 1;
    return ELBOW_OK;
}

static void normalize(const elbow_group *group, real *q, const real *head, size_t n) {
    (void)group;
    if (q != head) memcpy(q, head, n * sizeof *q);
}

static void relax(const elbow_group *group, real *soft, const real *q, const uint32_t *words, size_t n,
                  real temperature) {
    (void)group;
    elbow_binary_concrete(soft, q, words, n, temperature);
}

static void relax_backward(const elbow_group *group, real *dq, const real *soft, const real *q,
                           const real *dz, size_t n, real temperature) {
    (void)group, (void)q;
    elbow_binary_concrete_backward(dq, soft, dz, n, temperature);
}

static void harden(const elbow_group *group, real *z, const real *soft, size_t n) {
    (void)group;
    elbow_bernoulli_harden(z, soft, n);
}

static void sample(const elbow_group *group, real *z, const real *q, const uint32_t *words, size_t n) {
    (void)group;
    elbow_bernoulli_sample(z, q, words, n);
}

static void surrogate(const elbow_group *group, real *soft, const real *z, const real *q, size_t n,
                      real temperature, elbow_draw draw) {
    if (draw == ELBOW_DRAW_GAPPED)
        elbow_gapped_sigmoid(soft, z, q, n, temperature, group->gap);
    else
        elbow_tempered_sigmoid(soft, q, n, temperature);
    for (size_t i = 0; draw == ELBOW_DRAW_REINMAX && i < n * group->z_size; i++)
        soft[i] = (real)0.5 * (soft[i] + z[i]);
}

static void relax_given(const elbow_group *group, real *soft, const real *z, const real *q,
                        const uint32_t *words, size_t n, real temperature) {
    (void)group;
    elbow_binary_concrete_given(soft, z, q, words, n, temperature);
}

static void rao_backward(elbow_group *group, size_t round, size_t n, real temperature) {
    (void)round;
    elbow_binary_concrete_given(group->soft, group->z, group->q, group->words, n, temperature);
    /* 1/τ is all that the temperature is there for: with 1/conditional it makes the mean */
    elbow_binary_concrete_backward(group->dq, group->soft, group->dz, n,
                                   temperature * (real)group->conditional);
}

static void relax_given_slope(const elbow_group *group, real *out, const real *soft, const real *z,
                              const real *q, const real *x, size_t n, real temperature) {
    (void)group;
    elbow_binary_concrete_given_slope(out, soft, z, q, x, n, temperature);
}

static void reinmax_backward(const elbow_group *group, real *dq, const real *soft, const real *q,
                             const real *dz, size_t n) {
    (void)group;
    elbow_bernoulli_reinmax_backward(dq, soft, q, dz, n);
}

static void log_prob(const elbow_group *group, real *out, const real *z, const real *q, size_t n) {
    (void)group;
    elbow_bernoulli_latent_log_prob(out, z, q, n);
}

static void log_prob_backward(const elbow_group *group, real *dz, real *dq, const real *weights,
                              const real *z, const real *q, size_t n) {
    (void)group;
    elbow_bernoulli_latent_log_prob_backward(dz, dq, weights, z, q, n);
}

static void kl(const elbow_group *group, real *out, const real *q, const real *p, size_t n) {
    (void)group;
    elbow_bernoulli_kl(out, q, p, n);
}

static void kl_backward(const elbow_group *group, real *dq, real *dp, const real *weights, const real *q,
                        const real *p, size_t n) {
    (void)group;
    elbow_bernoulli_kl_backward(dq, dp, weights, q, p, n);
}

static void kl_standard(const elbow_group *group, real *out, const real *q, size_t n) {
    (void)group;
    elbow_bernoulli_kl(out, q, NULL, n);
}

static void kl_standard_backward(const elbow_group *group, real *dq, const real *weights, const real *q,
                                 size_t n) {
    (void)group;
    elbow_bernoulli_kl_backward(dq, NULL, weights, q, NULL, n);
}

static void log_density(const elbow_group *group, real *out, const real *soft, const real *q, size_t n,
                        real temperature) {
    (void)group;
    elbow_binary_concrete_log_density(out, soft, q, n, temperature);
}

static void log_density_backward(const elbow_group *group, real *dsoft, real *dq, const real *weights,
                                 const real *soft, const real *q, size_t n, real temperature) {
    (void)group;
    elbow_binary_concrete_log_density_backward(dsoft, dq, weights, soft, q, n, temperature);
}

static void standard(const elbow_group *group, real *p, size_t n) {
    (void)group;
    memset(p, 0, n * sizeof *p);
}

const elbow_latent_ops elbow_latent_bernoulli = {
    .name = "bernoulli",
    .grammar = "L",
    .noise = "logistic",
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
    .relax_given_backward = relax_given_slope,
    .relax_given_along = relax_given_slope,
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
