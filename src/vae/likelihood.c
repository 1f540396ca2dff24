#include "vae/likelihood.h"

#include <string.h>

static const elbow_likelihood_ops *const likelihoods[] = {
    &elbow_likelihood_bernoulli,
};

enum { LIKELIHOODS = sizeof likelihoods / sizeof *likelihoods };

static elbow_status find_likelihood(const char *name, const elbow_likelihood_ops **ops) {
    const char *names[LIKELIHOODS];
    for (size_t i = 0; i < LIKELIHOODS; i++) {
        names[i] = (*ops = likelihoods[i])->name;
        if (strcmp(names[i], name) == 0) return ELBOW_OK;
    }
    const char *near = elbow_nearest_name(name, names, LIKELIHOODS);
    return elbow_fail(ELBOW_USAGE, "`%s` is no likelihood; did you mean `%s`?", name, near ? near : names[0]);
}

elbow_status elbow_likelihood_create(elbow_likelihood *likelihood, const elbow_options *options,
                                     size_t features, const elbow_field *field, elbow_params *params) {
    elbow_status status = find_likelihood(options->model.likelihood, &likelihood->ops);
    if (status != ELBOW_OK) {
        likelihood->ops = NULL;
        return elbow_options_blame(options, "model.likelihood", status);
    }
    likelihood->features = features;
    likelihood->field = *field;
    return likelihood->ops->create(likelihood, params);
}

void elbow_likelihood_destroy(elbow_likelihood *likelihood) {
    if (likelihood->ops) likelihood->ops->destroy(likelihood);
    memset(likelihood, 0, sizeof *likelihood);
}
