/* p := q, of a predictor: its latents are drawn from p(z|c), and nothing else is said of them.
 *
 *     log p(x|c) = log E_p(z|c) [ p(x|z) ]  ≥  E_p(z|c) [ log p(x|z) ]
 *
 * so that training and evaluation, which draw from q, have a KL of 0 and importance weights p(x|z) (Raiko et al. 2015; Jang et
 * al. 2017, section 4.1). Gradients in p are gradients in q. It is chosen by model.kind, and has no name in model.prior. */
#include "vae/group.h"

static void forward(elbow_group *group, const elbow_pass *pass, const real *features, size_t rows) {
    (void)group, (void)pass, (void)features, (void)rows; /* q is there */
}

static void sample(elbow_group *group, const elbow_pass *pass, size_t rows) {
    group->posterior->sample(group, pass, rows);
}

static void destroy(elbow_group *group) { (void)group; }

const elbow_prior_ops elbow_prior_mirror = {
    .name = "mirror",
    .own_family = true,
    .mirror = true,
    .forward = forward,
    .sample = sample,
    .destroy = destroy,
};
