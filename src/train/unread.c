#include "train/unread.h"

#include <stdio.h>
#include <string.h>

#include "optim/optimizer_ops.h"
#include "vae/vae_inside.h"

typedef struct search {
    const elbow_vae *vae;
    const elbow_optimizer *optimizer;
    elbow_unread_say *say;
    void *context;
} search;

static bool names(const char *reads, const char *key) { return reads != NULL && strstr(reads, key) != NULL; }

/* By the likelihood, or by some group of latents. */
static bool read_by_model(const elbow_vae *vae, const char *key) {
    if (names(vae->likelihood.ops->reads, key)) return true;
    for (size_t i = 0; i < vae->latents.count; i++)
        for (size_t g = 0; g < vae->latents.layers[i].count; g++) {
            const elbow_group *group = &vae->latents.layers[i].groups[g];
            if (names(group->latent->reads, key) || names(group->prior->reads, key)) return true;
        }
    return false;
}

static bool read_by_estimator(const elbow_vae *vae, const char *key) {
    return names(vae->estimator.ops->reads, key);
}

static bool read_by_discrete(const elbow_vae *vae, const char *key) {
    (void)key;
    for (size_t g = 0; g < vae->latents.groups; g++)
        if (elbow_vae_group(vae, g).discrete) return true;
    return false;
}

static bool read_by_relaxed(const elbow_vae *vae, const char *key) {
    return read_by_discrete(vae, key) && read_by_estimator(vae, key);
}

static bool read_by_reals(const elbow_vae *vae, const char *key) {
    (void)key;
    return elbow_vae_continuous(vae);
}

static bool read_by_divergence(const elbow_vae *vae, const char *key) {
    (void)key;
    return !elbow_vae_predicts(vae);
}

static bool read_by_labels(const elbow_vae *vae, const char *key) {
    (void)key;
    return elbow_vae_classes(vae) > 0;
}

static bool read_by_learned(const elbow_vae *vae, const char *key) {
    size_t begin = 0, end = 0;
    (void)key;
    elbow_vae_prior_range(vae, &begin, &end);
    return begin < end;
}

static const struct {
    const char *key;
    bool (*is_read)(const elbow_vae *vae, const char *key);
    const char *why;
} rows[] = {
    {"model.logits", read_by_discrete, "only discrete latents have logits, and model.latent has none"},
    {"model.scale", read_by_model, "only Gaussian latents have a width, and model.latent has none"},
    {"model.components", read_by_model, "only a mixture or vampprior in model.prior has components"},
    {"model.variance", read_by_reals, "model.likelihood has no Gaussian of real values here"},
    {"model.embedding", read_by_model, "only model.likelihood = gru has embeddings of that width"},
    {"model.word_dropout", read_by_model, "only model.likelihood = gru and transformer hide symbols"},
    {"estimator.temperature", read_by_relaxed, "estimator.name and model.latent relax nothing in training"},
    {"estimator.conditional", read_by_relaxed,
     "only estimator.name = gumbel-rao takes means over relaxed samples"},
    {"estimator.gap", read_by_relaxed,
     "only estimator.name = gapped-straight-through moves what was drawn ahead"},
    {"estimator.hidden", read_by_estimator, "only estimator.name = relax has a network of its own"},
    {"objective.kl", read_by_estimator,
     "estimator.name sums the KL term over all z, or has it within importance weights"},
    {"objective.kl", read_by_divergence, "model.kind = predictor has no KL"},
    {"objective.beta", read_by_divergence, "model.kind = predictor has no KL"},
    {"objective.classify", read_by_labels, "data.labels is 0, so that no label is known"},
    {"train.labelled", read_by_labels, "data.labels is 0, so that no label is known"},
    {"optimizer.prior_rate", read_by_learned, "model.prior has no parameters"},
};

static const struct {
    const char *key, *why;
} optimizer_rows[] = {
    {"optimizer.beta1", "only adam and radam in optimizer.name keep a mean of gradients"},
    {"optimizer.beta2", "only adam and radam in optimizer.name keep a mean of squares"},
    {"optimizer.epsilon", "only adam and radam in optimizer.name divide by a root"},
    {"optimizer.momentum", "only optimizer.name = sgd has momentum; beta1 is the others'"},
    {"optimizer.nesterov", "only optimizer.name = sgd has momentum"},
};

static void tell(const search *s, const char *key, const char *value, const char *why) {
    char text[ELBOW_OPTION_BYTES + 256];
    snprintf(text, sizeof text, "%s = %s is set, and nothing reads it: %s", key, value, why);
    s->say(s->context, text);
}

static void look(void *context, const char *key, elbow_option_role role, const char *value,
                 const char *usual) {
    const search *s = context;
    (void)role, (void)usual;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].key, key) == 0 && !rows[i].is_read(s->vae, key)) tell(s, key, value, rows[i].why);
    for (size_t i = 0; i < sizeof optimizer_rows / sizeof *optimizer_rows; i++)
        if (strcmp(optimizer_rows[i].key, key) == 0 && !names(s->optimizer->ops->reads, key))
            tell(s, key, value, optimizer_rows[i].why);
}

elbow_status elbow_unread_find(const elbow_options *options, const elbow_vae *vae,
                               const elbow_optimizer *optimizer, elbow_unread_say *say, void *context) {
    search s = {.vae = vae, .optimizer = optimizer, .say = say, .context = context};
    elbow_options *defaults = NULL;
    ELBOW_TRY(elbow_options_create(&defaults));
    elbow_options_compare(options, defaults, look, &s);
    elbow_options_destroy(&defaults);
    return ELBOW_OK;
}
