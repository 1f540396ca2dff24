#include "vae/likelihood.h"

#include <stdio.h>
#include <string.h>

#include "base/family.h"
#include "nn/pass.h"

static const elbow_likelihood_ops *const likelihoods[] = {
    &elbow_likelihood_bernoulli, &elbow_likelihood_categorical, &elbow_likelihood_gaussian,
    &elbow_likelihood_table,     &elbow_likelihood_gru,         &elbow_likelihood_transformer,
};

enum { LIKELIHOODS = sizeof likelihoods / sizeof *likelihoods, WORD_BYTES = 64 };

void elbow_likelihood_list(const elbow_field *field, char *known, size_t room) {
    known[0] = '\0';
    for (size_t i = 0; i < LIKELIHOODS; i++) {
        const elbow_likelihood_ops *ops = likelihoods[i];
        size_t used = strlen(known);
        if (!ops->fits(field)) continue;
        snprintf(known + used, room - used, "%s%s%s%s", used ? ", " : "", ops->name, ops->grammar ? " " : "",
                 ops->grammar ? ops->grammar : "");
    }
}

/* `NAME`, or `NAME SIZE`. */
static elbow_status find_member(const char *text, const elbow_field *field, const elbow_likelihood_ops **ops,
                                const char **size) {
    char word[WORD_BYTES], known[256];
    size_t length = strcspn(text, " \t"), i = 0;
    ELBOW_CHECK(length < sizeof word, ELBOW_USAGE, "`%s` is longer than any likelihood's name", text);
    memcpy(word, text, length);
    word[length] = '\0';
    ELBOW_TRY(ELBOW_FAMILY_FIND(likelihoods, "likelihood", word, &i));
    *ops = likelihoods[i];
    *size = text + length + strspn(text + length, " \t");
    ELBOW_CHECK((*ops)->grammar != NULL || **size == '\0', ELBOW_USAGE,
                "nothing can follow %s; take `%.40s` away", word, *size);
    ELBOW_CHECK((*ops)->grammar == NULL || **size != '\0', ELBOW_USAGE, "`%s` wants its size: %s %s", word,
                word, (*ops)->grammar);
    elbow_likelihood_list(field, known, sizeof known);
    ELBOW_CHECK((*ops)->fits(field), ELBOW_USAGE,
                "the data's x is %s %s that %s does not fit; choose one of: %s",
                field->kind == ELBOW_IMAGE ? "an" : "a", elbow_field_kind_name(field->kind), word, known);
    return ELBOW_OK;
}

elbow_status elbow_likelihood_create(elbow_likelihood *likelihood, const elbow_options *options,
                                     const elbow_shape *features, const elbow_field *field,
                                     elbow_params *params) {
    const char *size = NULL;
    const elbow_likelihood_ops *ops = NULL;
    elbow_status status = find_member(options->model.likelihood, field, &ops, &size);
    if (status != ELBOW_OK) return elbow_options_blame(options, "model.likelihood", status);
    *likelihood = (elbow_likelihood){.ops = ops, .features = *features, .field = field};
    return ops->create(likelihood, options, size, params);
}

void elbow_likelihood_destroy(elbow_likelihood *likelihood) {
    if (likelihood->ops) likelihood->ops->destroy(likelihood);
    memset(likelihood, 0, sizeof *likelihood);
}

void elbow_likelihood_words(const elbow_pass *pass, size_t row, uint32_t *words, size_t count) {
    elbow_stream_rows(elbow_pass_stream(pass, "generate"), 0, pass->example + (uint32_t)row, pass->step, 1,
                      count, words);
}
