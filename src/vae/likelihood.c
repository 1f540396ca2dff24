#include "vae/likelihood.h"

#include <string.h>

#include "base/family.h"

static const elbow_likelihood_ops *const likelihoods[] = {
    &elbow_likelihood_bernoulli,
};

elbow_status elbow_likelihood_create(elbow_likelihood *likelihood, const elbow_options *options,
                                     size_t features, const elbow_field *field, elbow_params *params) {
    size_t i = 0;
    elbow_status status = ELBOW_FAMILY_FIND(likelihoods, "likelihood", options->model.likelihood, &i);
    if (status != ELBOW_OK) return elbow_options_blame(options, "model.likelihood", status);
    likelihood->ops = likelihoods[i];
    likelihood->features = features;
    likelihood->field = *field;
    return likelihood->ops->create(likelihood, params);
}

void elbow_likelihood_destroy(elbow_likelihood *likelihood) {
    if (likelihood->ops) likelihood->ops->destroy(likelihood);
    memset(likelihood, 0, sizeof *likelihood);
}
