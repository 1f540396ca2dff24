/* The whole evidence lower bound: terms against a plain computation, and the gradient in every parameter of a model
 * against central differences, for both estimators.
 *
 * Noise is a function of the pass, so a moved parameter meets the same noise, and the Gumbel-Softmax estimator's gradient
 * must be the exact derivative. The straight-through one is compared with the derivative of what it stands for
 * (plain_vae.h). */
#include "differences.h"

#include "elbow/vae/vae.h"
#include "plain_vae.h"

enum { ROWS = 5 };

typedef struct setting {
    const char *encoder, *decoder, *activation, *latent, *logits;
    size_t samples;
    double temperature, beta, free_bits;
} setting;

static const setting settings[] = {
    {"5", "4", "relu", "categorical 2x3", "linear", 1, 1, 1, 0},
    {"5", "4", "tanh", "categorical 2x3", "linear", 1, 0.5, 1, 0},
    {"5", "4", "leaky_relu", "categorical 3x2", "relu", 1, 0.8, 2, 0},
    {"5", "4", "linear", "categorical 1x5", "linear", 1, 1.5, 0.1, 0},
    {"7 5", "4 6", "tanh", "categorical 3x4", "linear", 3, 0.7, 1, 0},
    {"", "4", "tanh", "categorical 2x3", "linear", 1, 1, 1, 0},
    {"5", "", "tanh", "categorical 2x3", "linear", 2, 1, 1, 0},
    {"", "", "tanh", "categorical 2x3", "linear", 1, 1, 1, 0},
    {"5", "4", "tanh", "categorical 3x4, categorical 2x5", "linear", 1, 0.9, 1, 0},
    {"5", "4", "relu", "categorical 3x4,categorical 2x5, categorical 1x2", "relu", 3, 0.6, 0.5, 0},
    {"5", "4", "tanh", "categorical 3x4", "linear", 1, 1, 1, 1},
    {"5", "4", "tanh", "categorical 3x4, categorical 2x5", "linear", 3, 1, 1.7, 0.8},
    {"5", "4", "tanh", "categorical 3x4", "linear", 1, 1, 0, 0}, /* no KL term */
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static const elbow_field field = {
    .kind = ELBOW_IMAGE, .height = 6, .width = 1, .channels = 1, .dimensions = 6, .maximum = 255};

typedef struct model {
    elbow_vae *vae;
    elbow_pass pass;
    elbow_objective objective;
    real *theta, *gradient, *scratch, *x;
    plain_vae plain;
} model;

static size_t words_of(const char *text) {
    size_t words = 0;
    for (const char *at = text; *at; ++at) words += *at != ' ' && (at == text || at[-1] == ' ');
    return words;
}

static void set(elbow_options *options, const char *key, const char *value) {
    char text[256];
    snprintf(text, sizeof text, "%s=%s", key, value);
    assert_int_equal(elbow_options_set(options, text), ELBOW_OK);
}

static void make(model *m, const setting *s, const char *estimator) {
    elbow_options *options = NULL;
    char samples[16];
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    set(options, "model.encoder", s->encoder);
    set(options, "model.decoder", s->decoder);
    set(options, "model.activation", s->activation);
    set(options, "model.latent", s->latent);
    set(options, "model.logits", s->logits);
    set(options, "estimator.name", estimator);
    snprintf(samples, sizeof samples, "%zu", s->samples);
    set(options, "estimator.samples", samples);
    memset(m, 0, sizeof *m);
    assert_int_equal(elbow_vae_create(&m->vae, options, &field, NULL), ELBOW_OK);
    assert_int_equal(elbow_vae_reserve(m->vae, ROWS + 2, true), ELBOW_OK);
    elbow_options_destroy(&options);

    const elbow_params *params = elbow_vae_params(m->vae);
    m->theta = hold_parameters(params, "test.theta", 1);
    m->gradient = hold_zeros(params->size);
    m->scratch = hold_zeros(params->size);
    m->x = hold_reals("test.x", ROWS * field.dimensions, 0, 1);
    for (size_t i = 0; i < ROWS * field.dimensions; i += 2) m->x[i] = (real)(i % 4 / 2); /* grey, and bits */
    m->pass = (elbow_pass){.parameters = m->theta,
                           .gradients = m->gradient,
                           .seed = 12,
                           .shard = 3,
                           .step = (UINT64_C(5) << 32) + 1,
                           .purpose = ""};
    m->objective = (elbow_objective){
        .temperature = s->temperature, .beta = s->beta, .free_bits = s->free_bits, .weight = 0.25};
    m->plain = (plain_vae){
        .params = params,
        .pass = &m->pass,
        .x = m->x,
        .rows = ROWS,
        .dimensions = field.dimensions,
        .encoder_layers = words_of(s->encoder),
        .decoder_layers = words_of(s->decoder),
        .activation = s->activation,
        .relu_logits = strcmp(s->logits, "relu") == 0,
        .objective = m->objective,
        .samples = s->samples,
        .shift = hold_zeros(ROWS * s->samples * PLAIN_WIDTH),
    };
    for (const char *at = s->latent; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t g = m->plain.groups++;
        assert_int_equal(sscanf(at, " categorical %zux%zu", &m->plain.variables[g], &m->plain.categories[g]),
                         2);
    }
}

static void drop(model *m) {
    elbow_vae_destroy(&m->vae);
    assert_null(m->vae);
    release_held();
}

static elbow_terms pass_through(model *m, const elbow_pass *pass, const real *x, size_t rows) {
    elbow_terms terms;
    elbow_batch batch = {.rows = rows, .x = {.field = &field, .reals = (real *)x}};
    elbow_vae_encode(m->vae, pass, &batch);
    elbow_vae_estimate(m->vae, pass, &m->objective, &terms);
    elbow_vae_encode_backward(m->vae, pass, NULL);
    return terms;
}

static double own_loss(void *context) {
    model *m = context;
    elbow_pass pass = m->pass;
    pass.gradients = m->scratch;
    return -m->objective.weight * pass_through(m, &pass, m->x, ROWS).objective;
}

static double plain_loss(void *context) {
    model *m = context;
    return -m->objective.weight * plain_terms(&m->plain).objective;
}

static void check_near(const char *what, double a, double b) {
    if (!(fabs(a - b) <= 1e-11 * (1 + fabs(b)))) fail_msg("%s is %.15g, plainly %.15g", what, a, b);
}

static void check_terms(model *m, const elbow_terms *terms) {
    elbow_terms plain = plain_terms(&m->plain);
    check_near("objective", terms->objective, plain.objective);
    check_near("elbo", terms->elbo, plain.elbo);
    check_near("reconstruction", terms->reconstruction, plain.reconstruction);
    check_near("kl", terms->kl, plain.kl);
    check_near("elbo", terms->elbo, terms->reconstruction - terms->kl);
}

/* Gradients in [split, size) are complete when the estimator returns, the others not begun. */
static elbow_terms in_two_halves(model *m) {
    elbow_terms terms;
    size_t split = elbow_vae_split(m->vae), size = elbow_vae_params(m->vae)->size;
    elbow_batch batch = {.rows = ROWS, .x = {.field = &field, .reals = m->x}};
    elbow_vae_encode(m->vae, &m->pass, &batch);
    elbow_vae_estimate(m->vae, &m->pass, &m->objective, &terms);
    const real *half = hold_copy(m->gradient, size * sizeof(real), 0);
    elbow_vae_encode_backward(m->vae, &m->pass, NULL);
    for (size_t i = 0; i < split; ++i) assert_true(half[i] == 0);
    assert_memory_equal(half + split, m->gradient + split, (size - split) * sizeof(real));
    return terms;
}

static void gumbel_softmax(void **state) {
    (void)state;
    for (size_t i = 0; i < SETTINGS; ++i) {
        model m;
        make(&m, &settings[i], "gumbel-softmax");
        elbow_terms terms = in_two_halves(&m);
        check_terms(&m, &terms);
        if (settings[i].free_bits > 0) assert_true(m.plain.pushed > 0 && m.plain.free > 0);
        size_t size = elbow_vae_params(m.vae)->size;
        check_gradient("gumbel-softmax", own_loss, &m, m.theta, m.gradient, size);
        check_gradient("gumbel-softmax, plainly", plain_loss, &m, m.theta, m.gradient, size);
        check_gaps(elbow_vae_params(m.vae), m.gradient);
        drop(&m);
    }
}

static void straight_through(void **state) {
    (void)state;
    for (size_t i = 0; i < SETTINGS; ++i) {
        model m;
        make(&m, &settings[i], "straight-through-gumbel");
        elbow_terms terms = in_two_halves(&m);
        m.plain.harden = true;
        check_terms(&m, &terms);
        m.plain.harden = false; /* the shift stands still from here on */
        check_gradient("straight-through", plain_loss, &m, m.theta, m.gradient,
                       elbow_vae_params(m.vae)->size);
        check_gaps(elbow_vae_params(m.vae), m.gradient);
        drop(&m);
    }
}

/* The same pass draws the same noise, bit for bit; another step, shard or seed draws another. */
static void noise_is_the_passs(void **state) {
    (void)state;
    model m;
    make(&m, &settings[4], "gumbel-softmax");
    elbow_terms first = pass_through(&m, &m.pass, m.x, ROWS);
    elbow_pass pass = m.pass;
    size_t bytes = elbow_vae_params(m.vae)->size * sizeof(real);
    pass.gradients = m.scratch;
    elbow_terms again = pass_through(&m, &pass, m.x, ROWS);
    assert_memory_equal(&first, &again, sizeof first);
    assert_memory_equal(m.scratch, m.gradient, bytes);
    for (int other = 0; other < 4; ++other) {
        elbow_pass moved = pass;
        moved.seed += other == 0;
        moved.shard += other == 1;
        moved.step += other == 2 ? 1 : 0;
        moved.step += other == 3 ? UINT64_C(1) << 32 : 0;
        elbow_terms terms = pass_through(&m, &moved, m.x, ROWS);
        assert_true(terms.reconstruction != first.reconstruction);
        assert_true(terms.kl == first.kl);
    }
    drop(&m);
}

/* Objectives are additive over examples: a batch is the sum of its parts, wherever it is cut, and gradients of −objective
 * are added, times the weight. */
static void additive(void **state) {
    (void)state;
    for (size_t i = 0; i < SETTINGS; ++i)
        for (int hard = 0; hard < 2; ++hard) {
            model m;
            make(&m, &settings[i], hard ? "straight-through-gumbel" : "gumbel-softmax");
            elbow_terms whole = pass_through(&m, &m.pass, m.x, ROWS), sum = {0};
            elbow_pass pass = m.pass;
            pass.gradients = m.scratch;
            m.objective.weight *= 2;
            for (size_t row = 0; row < ROWS; row += 2) {
                pass.example = (uint32_t)row;
                elbow_terms part =
                    pass_through(&m, &pass, m.x + row * field.dimensions, row + 2 < ROWS ? 2 : ROWS - row);
                sum.objective += part.objective;
                sum.elbo += part.elbo;
            }
            check_near("objective", sum.objective, whole.objective);
            check_near("elbo", sum.elbo, whole.elbo);
            for (size_t j = 0; j < elbow_vae_params(m.vae)->size; ++j)
                assert_true(fabs(m.scratch[j] - 2 * m.gradient[j]) <= 1e-12 * (1 + fabs(m.scratch[j])));
            drop(&m);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gumbel_softmax),
        cmocka_unit_test(straight_through),
        cmocka_unit_test(noise_is_the_passs),
        cmocka_unit_test(additive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
