/* p(z) without parameters: `standard` is what a latent's kind calls so, uniform over categories or N(0, 1);
 * `uniform` and `normal` are the same by their own names, each for the kinds that have it. */
#include "vae/group.h"

static elbow_status create(elbow_group *group, const char *name, size_t features,
                           const elbow_options *options, elbow_params *params) {
    (void)group, (void)name, (void)features, (void)options, (void)params;
    return ELBOW_OK;
}

static elbow_status create_uniform(elbow_group *group, const char *name, size_t features,
                                   const elbow_options *options, elbow_params *params) {
    (void)name, (void)features, (void)options, (void)params;
    ELBOW_CHECK(
        group->latent->discrete, ELBOW_USAGE,
        "a uniform prior is for discrete latents, not for %s; write prior = normal, or standard for any",
        group->latent->name);
    return ELBOW_OK;
}

static elbow_status create_normal(elbow_group *group, const char *name, size_t features,
                                  const elbow_options *options, elbow_params *params) {
    (void)name, (void)features, (void)options, (void)params;
    ELBOW_CHECK(
        !group->latent->discrete, ELBOW_USAGE,
        "a normal prior is for gaussian latents, not for %s; write prior = uniform, or standard for any",
        group->latent->name);
    return ELBOW_OK;
}

static void forward(elbow_group *group, const elbow_pass *pass, const real *features, size_t rows) {
    (void)group, (void)pass, (void)features, (void)rows; /* p was filled when it was reserved */
}

static void sample(elbow_group *group, const elbow_pass *pass, size_t rows) {
    (void)pass;
    group->latent->sample(group, group->z, group->p, group->words, rows * group->variables);
}

static void destroy(elbow_group *group) { (void)group; }

const elbow_prior_ops elbow_prior_standard = {.name = "standard",
                                              .own_family = true,
                                              .constant = true,
                                              .create = create,
                                              .forward = forward,
                                              .sample = sample,
                                              .destroy = destroy};
const elbow_prior_ops elbow_prior_uniform = {.name = "uniform",
                                             .own_family = true,
                                             .constant = true,
                                             .create = create_uniform,
                                             .forward = forward,
                                             .sample = sample,
                                             .destroy = destroy};
const elbow_prior_ops elbow_prior_normal = {.name = "normal",
                                            .own_family = true,
                                            .constant = true,
                                            .create = create_normal,
                                            .forward = forward,
                                            .sample = sample,
                                            .destroy = destroy};
