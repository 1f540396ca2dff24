/* What is checked of options before a run: values that no part would look at, and options that nothing reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "elbow/train/run.h"
#include "tools/small_data.h"
#include "train/unread.h"

typedef struct heard {
    size_t count;
    char last[2048];
} heard;

static void hear(void *context, const char *text) {
    heard *h = context;
    h->count++;
    snprintf(h->last, sizeof h->last, "%s", text);
}

static void set(elbow_options *options, const char *const *settings) {
    for (size_t i = 0; settings[i]; i++) assert_int_equal(elbow_options_set(options, settings[i]), ELBOW_OK);
}

/* `kind`: i, 2 x 2 pixels; c, categorical columns; r, a real one too; s, sequences. */
static heard search(char kind, const char *const *settings) {
    static char *symbols[] = {"", "A", "C"};
    heard h = {0};
    elbow_options *options = NULL;
    elbow_vae *vae = NULL;
    elbow_optimizer *optimizer = NULL;
    elbow_column columns[] = {small_column(2, 0), small_column(3, 0), small_column(0, 1)};
    elbow_field field = small_table(columns, kind == 'r' ? 3 : 2);
    if (kind == 'i')
        field = (elbow_field){
            .kind = ELBOW_IMAGE, .height = 2, .width = 2, .channels = 1, .dimensions = 4, .maximum = 255};
    if (kind == 's')
        field = (elbow_field){
            .kind = ELBOW_SEQUENCE, .dimensions = 5, .vocabulary = 3, .symbols = symbols, .terminated = true};
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    set(options, settings);
    if (elbow_vae_create(&vae, options, &field, NULL) != ELBOW_OK)
        fail_msg("%s: %s", settings[0], elbow_error_message());
    assert_int_equal(elbow_optimizer_create(&optimizer, options, 0, 0), ELBOW_OK);
    assert_int_equal(elbow_unread_find(options, vae, optimizer, hear, &h), ELBOW_OK);
    elbow_optimizer_destroy(&optimizer);
    elbow_vae_destroy(&vae);
    elbow_options_destroy(&options);
    return h;
}

static void options_without_readers(void **state) {
    static const struct {
        char kind;
        const char *settings[6], *unread; /* NULL: all are read */
    } cases[] = {
        {'i', {NULL}, NULL},
        {'i', {"model.latent=gaussian 2", NULL}, NULL},
        {'i', {"model.word_dropout=0.1", NULL}, "model.word_dropout = 0.1"},
        {'i', {"model.embedding=8", NULL}, "model.embedding = 8"},
        {'s', {"model.likelihood=gru 4", "model.embedding=8", "model.word_dropout=0.1", NULL}, NULL},
        {'s', {"model.likelihood=transformer 1x4x2", "model.word_dropout=0.1", NULL}, NULL},
        {'s', {"model.likelihood=transformer 1x4x2", "model.embedding=8", NULL}, "model.embedding"},
        {'i', {"model.components=4", NULL}, "model.components"},
        {'i', {"model.components=4", "model.latent=gaussian 2", "model.prior=mixture", NULL}, NULL},
        {'i', {"model.components=4", "model.latent=gaussian 2", "model.prior=vampprior", NULL}, NULL},
        {'i', {"model.scale=softplus", NULL}, "model.scale"},
        {'i', {"model.scale=softplus", "model.latent=bernoulli 2, gaussian 2", NULL}, NULL},
        {'i', {"model.logits=relu", "model.latent=gaussian 2", NULL}, "model.logits"},
        {'i',
         {"model.logits=relu", "model.latent=gaussian 2 / bernoulli 2", "model.prior=learned / standard",
          NULL},
         NULL},
        {'i', {"model.logits=relu", "estimator.name=exact", "model.latent=bernoulli 2", NULL}, NULL},
        {'i', {"model.logits=relu", "estimator.name=reinforce", "estimator.samples=2", NULL}, NULL},
        {'i', {"estimator.name=reinforce", "estimator.samples=2", "objective.kl=sampled", NULL}, NULL},
        {'i',
         {"estimator.name=reinforce", "estimator.samples=2", "estimator.temperature=0.5", NULL},
         "estimator.temperature"},
        {'i', {"model.variance=2", NULL}, "model.variance"},
        {'i', {"model.variance=learned", "model.likelihood=gaussian", NULL}, NULL},
        {'c', {"model.variance=learned", "model.likelihood=table", NULL}, "model.variance"},
        {'r', {"model.variance=learned", "model.likelihood=table", NULL}, NULL},
        {'i',
         {"objective.kl=sampled", "estimator.name=exact", "model.latent=bernoulli 2", NULL},
         "objective.kl"},
        {'i', {"objective.kl=sampled", NULL}, NULL},
        {'i', {"estimator.temperature=0.5", NULL}, NULL},
        {'i', {"estimator.conditional=5", "estimator.name=reinmax", NULL}, "estimator.conditional"},
        {'i', {"estimator.conditional=5", "estimator.name=gumbel-rao", NULL}, NULL},
        {'i',
         {"estimator.temperature=0.5", "estimator.name=exact", "model.latent=bernoulli 2", NULL},
         "estimator.temperature"},
        {'i',
         {"estimator.temperature=0.5", "estimator.name=pathwise", "model.latent=gaussian 2", NULL},
         "estimator.temperature"},
        {'i', {"optimizer.beta1=0.5", "optimizer.beta2=0.9", "optimizer.epsilon=1e-4", NULL}, NULL},
        {'i', {"optimizer.beta2=0.9", "optimizer.epsilon=1e-4", "optimizer.name=radam", NULL}, NULL},
        {'i', {"optimizer.beta1=0.5", "optimizer.name=sgd", NULL}, "optimizer.beta1"},
        {'i', {"optimizer.beta2=0.9", "optimizer.name=sgd", NULL}, "optimizer.beta2"},
        {'i', {"optimizer.epsilon=1e-4", "optimizer.name=sgd", NULL}, "optimizer.epsilon"},
        {'i',
         {"optimizer.momentum=0.5", "optimizer.nesterov=yes", "optimizer.weight_decay=0.1",
          "optimizer.name=sgd", NULL},
         NULL},
        {'i', {"optimizer.prior_rate=2", NULL}, "optimizer.prior_rate"},
        {'i', {"optimizer.prior_rate=2", "model.prior=learned", NULL}, NULL},
        {'i', {"optimizer.momentum=0.5", NULL}, "optimizer.momentum"},
        {'i', {"optimizer.nesterov=yes", "optimizer.name=radam", NULL}, "optimizer.nesterov"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        heard h = search(cases[i].kind, cases[i].settings);
        if (h.count != (cases[i].unread != NULL)) fail_msg("case %zu: %zu, %s", i, h.count, h.last);
        if (h.count && strncmp(h.last, cases[i].unread, strlen(cases[i].unread)) != 0)
            fail_msg("case %zu: %s", i, h.last);
    }
}

/* A variance that is none is refused, whatever the likelihood: nothing later would say so. */
static void variance_of_no_likelihood(void **state) {
    elbow_options *options = NULL;
    (void)state;
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    set(options, (const char *const[]){"model.likelihood=bernoulli", "model.variance=-1", NULL});
    assert_int_equal(elbow_train_check(options, NULL, NULL), ELBOW_USAGE);
    assert_non_null(strstr(elbow_error_message(), "model.variance"));
    set(options, (const char *const[]){"model.variance=learned", NULL});
    assert_int_equal(elbow_train_check(options, NULL, NULL), ELBOW_OK);
    elbow_options_destroy(&options);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(options_without_readers),
                                       cmocka_unit_test(variance_of_no_likelihood)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
