/* Small models of every kind, given labels or not, and the gradient of a training step's whole objective against central
 * differences, in every parameter. */
#ifndef ELBOW_TESTS_GRADIENT_SMALL_MODEL_H
#define ELBOW_TESTS_GRADIENT_SMALL_MODEL_H

#include "differences.h"

#include <stdio.h>
#include <string.h>

#include "elbow/vae/vae.h"

enum { ROWS = 3, D = 6, CLASSES = 3 };

static const elbow_field field = {.kind = ELBOW_IMAGE,
                                  .height = 6,
                                  .width = 1,
                                  .channels = 1,
                                  .dimensions = D,
                                  .maximum = 1,
                                  .binary = true};
static elbow_column label = {.name = "label", .cardinality = CLASSES, .words = (char *[]){"a", "b", "c"}};
static const elbow_field labels = {.kind = ELBOW_TABLE, .dimensions = 1, .columns = &label};

typedef struct model {
    elbow_vae *vae;
    elbow_pass pass;
    elbow_objective objective;
    elbow_batch batch;
    real *theta, *gradient, *scratch;
    real *told;       /* the gradients at the moment when they were said to be complete */
    size_t told_from; /* those from here to the split were */
} model;

/* Ranges come from the split down, and nothing is added to them any more. */
static inline void be_told(void *context, size_t begin, size_t end) {
    model *m = context;
    assert_int_equal(end, m->told_from);
    assert_true(begin < end);
    for (size_t i = begin; i < end; ++i) m->told[i] = m->gradient[i];
    m->told_from = begin;
}

/* settings: "section.key=value", ending in NULL. */
static inline elbow_status try_make(model *m, const char *const *settings, bool given) {
    elbow_options *options = NULL;
    memset(m, 0, sizeof *m);
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    static const char *const small[] = {"model.encoder=5", "model.decoder=4", "model.activation=tanh", NULL};
    for (size_t i = 0; small[i]; ++i) assert_int_equal(elbow_options_set(options, small[i]), ELBOW_OK);
    for (size_t i = 0; settings[i]; ++i) assert_int_equal(elbow_options_set(options, settings[i]), ELBOW_OK);
    elbow_status status = elbow_vae_create(&m->vae, options, &field, given ? &labels : NULL);
    elbow_options_destroy(&options);
    return status;
}

/* The labels of examples 0 and 2. */
static inline void tell_labels(model *m) {
    real *y = hold_zeros(ROWS);
    for (size_t r = 0; r < ROWS; ++r) y[r] = r == 1 ? NAN : (real)((r + 1) % CLASSES);
    m->batch.y = (elbow_values){.field = &labels, .reals = y};
    m->objective.classify = (real)1.7;
}

static inline void make(model *m, const char *const *settings, bool given, double free_bits) {
    if (try_make(m, settings, given) != ELBOW_OK) fail_msg("%s: %s", settings[0], elbow_error_message());
    assert_int_equal(elbow_vae_reserve(m->vae, ROWS + 1, true), ELBOW_OK);
    const elbow_params *params = elbow_vae_params(m->vae);
    m->theta = hold_parameters(params, "test.theta", 1);
    m->gradient = hold_zeros(params->size);
    m->scratch = hold_zeros(params->size);
    m->told = hold_zeros(params->size);
    real *x = hold_zeros(ROWS * D), *c = hold_zeros(ROWS);
    for (size_t i = 0; i < ROWS * D; ++i) x[i] = (real)(i * 7 % 3 == 1);
    for (size_t r = 0; r < ROWS; ++r) c[r] = (real)(r * 2 % CLASSES);
    m->batch = (elbow_batch){.rows = ROWS, .x = {.field = &field, .reals = x}};
    if (given) m->batch.context = (elbow_values){.field = &labels, .reals = c};
    m->pass = (elbow_pass){
        .parameters = m->theta, .gradients = m->gradient, .seed = 7, .shard = 1, .step = 9, .purpose = ""};
    m->objective = (elbow_objective){
        .temperature = (real)0.8, .beta = (real)0.7, .free_bits = (real)free_bits, .weight = (real)0.3};
    if (elbow_vae_classes(m->vae) > 0) tell_labels(m);
}

static inline void drop(model *m) {
    elbow_vae_destroy(&m->vae);
    release_held();
}

static inline elbow_terms through(model *m, real *gradients) {
    elbow_terms terms;
    elbow_pass pass = m->pass;
    pass.gradients = gradients;
    elbow_vae_encode(m->vae, &pass, &m->batch);
    elbow_vae_estimate(m->vae, &pass, &m->objective, &terms);
    m->told_from = elbow_vae_split(m->vae);
    elbow_ready ready = {be_told, m};
    elbow_vae_encode_backward(m->vae, &pass, gradients == m->gradient ? &ready : NULL);
    return terms;
}

static inline double loss(void *context) {
    model *m = context;
    return -(double)m->objective.weight * through(m, m->scratch).objective;
}

typedef struct setting {
    const char *settings[8];
    bool given;
    double free_bits;
} setting;

static inline void check(const setting *s) {
    model m;
    make(&m, s->settings, s->given, s->free_bits);
    loss(&m); /* whatever a step leaves behind, the next one does not see it */
    elbow_terms terms = through(&m, m.gradient);
    assert_int_equal(m.told_from, 0);
    for (size_t i = 0; i < elbow_vae_split(m.vae); ++i) assert_true(m.told[i] == m.gradient[i]);
    assert_true(isfinite(terms.objective));
    assert_true(fabs(terms.elbo - (terms.reconstruction - terms.kl)) < 1e-10);
    char what[256];
    snprintf(what, sizeof what, "%s %s", s->settings[0], s->settings[1] ? s->settings[1] : "");
    check_gradient(what, loss, &m, m.theta, m.gradient, elbow_vae_params(m.vae)->size);
    check_gaps(elbow_vae_params(m.vae), m.gradient);
    drop(&m);
}

#endif
