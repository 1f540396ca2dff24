/* Every likelihood on every kind of field it fits: gradients under any row weights, and values by plain loops. Rows are
 * three draws of four examples; tables have missing values, sequences different lengths. */
#include "differences.h"

#include <stdio.h>

#include "data/pack.h"
#include "elbow/base/random.h"
#include "vae/likelihood.h"
#include "vae/variance.h"

enum { BATCH = 4, ROWS = 3 * BATCH };

static elbow_column columns[] = {
    {.name = "two", .cardinality = 2, .missing = true},
    {.name = "length", .mean = 3, .scale = 2, .missing = true},
    {.name = "five", .cardinality = 5},
    {.name = "one", .cardinality = 1},
    {.name = "width", .scale = 1},
    {.name = "three", .cardinality = 3, .missing = true},
    {.name = "height", .scale = 1},
};
static elbow_column codes[] = {
    {.name = "five", .cardinality = 5, .missing = true},
    {.name = "one", .cardinality = 1},
    {.name = "two", .cardinality = 2, .missing = true},
};
static elbow_column bits[] = {
    {.name = "a", .cardinality = 2, .missing = true},
    {.name = "b", .cardinality = 2},
    {.name = "c", .cardinality = 2, .missing = true},
};
static elbow_column reals[] = {
    {.name = "a", .scale = 1, .missing = true},
    {.name = "b", .scale = 1},
    {.name = "c", .scale = 1, .missing = true},
};

static const elbow_field grey = {
    .kind = ELBOW_IMAGE, .height = 2, .width = 5, .channels = 1, .dimensions = 10, .maximum = 3};
static const elbow_field binary = {.kind = ELBOW_IMAGE,
                                   .height = 2,
                                   .width = 5,
                                   .channels = 1,
                                   .dimensions = 10,
                                   .maximum = 255,
                                   .binary = true};
static const elbow_field colour = {
    .kind = ELBOW_IMAGE, .height = 2, .width = 3, .channels = 2, .dimensions = 12, .maximum = 3};
static const elbow_field mixed = {.kind = ELBOW_TABLE, .dimensions = 7, .columns = columns};
static const elbow_field coded = {.kind = ELBOW_TABLE, .dimensions = 3, .columns = codes};
static const elbow_field switches = {.kind = ELBOW_TABLE, .dimensions = 3, .columns = bits};
static const elbow_field measured = {.kind = ELBOW_TABLE, .dimensions = 3, .columns = reals};
static const elbow_field terminated = {
    .kind = ELBOW_SEQUENCE, .dimensions = 5, .vocabulary = 4, .terminated = true};
static const elbow_field open_ended = {.kind = ELBOW_SEQUENCE, .dimensions = 5, .vocabulary = 3};

typedef struct setting {
    const char *likelihood, *variance;
    const elbow_field *field;
    elbow_shape features;
} setting;

typedef struct test_case {
    const setting *setting;
    elbow_likelihood likelihood;
    elbow_params params;
    elbow_pass pass;
    elbow_examples x;
    elbow_values values;
    real *theta, *features, *log_px, *weights;
} test_case;

static double loss(void *context) {
    test_case *c = context;
    c->likelihood.ops->forward(&c->likelihood, &c->pass, c->log_px, c->features, &c->values, ROWS, BATCH);
    return dot(c->weights, c->log_px, ROWS);
}

static elbow_options *options_of(const setting *s) {
    char likelihood[64], variance[64];
    elbow_options *options = NULL;
    snprintf(likelihood, sizeof likelihood, "model.likelihood=%s", s->likelihood);
    snprintf(variance, sizeof variance, "model.variance=%s", s->variance);
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    assert_int_equal(elbow_options_set(options, likelihood), ELBOW_OK);
    assert_int_equal(elbow_options_set(options, variance), ELBOW_OK);
    return options;
}

/* Any values that the field can have; pixels between 0 and 1 where the likelihood takes them. */
static void fill(const elbow_examples *x, bool whole_levels) {
    const elbow_field *field = x->field;
    size_t D = field->dimensions;
    const real *u = hold_reals("test.x", BATCH * D, 0, 0.999999);
    for (size_t i = 0; i < BATCH * D; ++i) {
        const elbow_column *column = field->kind == ELBOW_TABLE ? &field->columns[i % D] : NULL;
        double top = field->binary ? 1 : field->maximum;
        if (field->kind == ELBOW_SEQUENCE)
            x->tokens[i] =
                field->terminated + (uint32_t)(u[i] * (double)(field->vocabulary - field->terminated));
        else if (field->kind == ELBOW_IMAGE)
            x->reals[i] = whole_levels ? floor(u[i] * (top + 1)) / top : u[i];
        else if (column->missing && i % 5 < 2)
            x->reals[i] = NAN;
        else
            x->reals[i] = column->cardinality ? floor(u[i] * (double)column->cardinality) : 4 * u[i] - 2;
    }
    for (size_t i = 0; field->kind == ELBOW_SEQUENCE && i < BATCH; ++i) { /* 5, 2, 4, 1 tokens */
        static const uint32_t lengths[BATCH] = {5, 2, 4, 1};
        x->length[i] = lengths[i];
        if (field->terminated) x->tokens[i * D + lengths[i] - 1] = 0;
    }
}

/* Columns that are nearly known: log-variances around the floor and far below it, residuals of its size. */
static void narrow(test_case *c) {
    const elbow_tensor *variances = elbow_params_find(&c->params, "likelihood.log_variance");
    if (variances == NULL) return;
    c->theta[variances->offset + 1] = log(ELBOW_VARIANCE_FLOOR) - 0.1;
    c->theta[variances->offset + 2] = -30;
    const real *bias = c->theta + elbow_params_find(&c->params, "likelihood.bias")->offset;
    for (size_t i = 0; i < ROWS * c->setting->features.width; ++i) c->features[i] *= 0.01;
    for (size_t i = 0; i < BATCH * 3; ++i)
        c->values.reals[i] = c->x.reals[i] = bias[i % 3] + 0.01 * c->x.reals[i];
}

static void make(test_case *c, const setting *s, elbow_arena *arena) {
    elbow_options *options = options_of(s);
    *c = (test_case){.setting = s};
    assert_int_equal(elbow_likelihood_create(&c->likelihood, options, &s->features, s->field, &c->params),
                     ELBOW_OK);
    elbow_options_destroy(&options);
    assert_int_equal(c->likelihood.ops->reserve(&c->likelihood, ROWS, true, arena), ELBOW_OK);
    assert_int_equal(elbow_examples_reserve(&c->x, s->field, BATCH, arena), ELBOW_OK);
    assert_int_equal(elbow_values_reserve(&c->values, s->field, BATCH, arena), ELBOW_OK);
    fill(&c->x, strcmp(s->likelihood, "categorical") == 0);
    elbow_values_from_examples(&c->values, &c->x, 0, BATCH);
    c->theta = hold_parameters(&c->params, "test.theta", 1);
    c->features = hold_reals("test.features", ROWS * s->features.width, -2, 2);
    if (s->field == &measured && c->likelihood.continuous) narrow(c);
    c->log_px = hold_zeros(ROWS);
    c->weights = hold_reals("test.weights", ROWS, -2, 2);
    c->weights[3] = 0;
    c->pass = (elbow_pass){.parameters = c->theta, .purpose = ""};
}

/* What the linear layer gives for a row: one layer for all, or one for each pixel of features of the field's own shape. */
static void plain_outputs(const test_case *c, double *outputs, size_t row) {
    const elbow_tensor *weight = elbow_params_find(&c->params, "likelihood.weight");
    const elbow_tensor *bias = elbow_params_find(&c->params, "likelihood.bias");
    size_t out = weight->shape[0], in = weight->shape[1], width = c->setting->features.width;
    for (size_t pixel = 0; pixel < width / in; ++pixel)
        for (size_t o = 0; o < out; ++o)
            outputs[pixel * out + o] =
                c->theta[bias->offset + o] +
                dot(c->theta + weight->offset + o * in, c->features + row * width + pixel * in, in);
}

static double plain_gaussian(const test_case *c, double x, double mean, size_t index) {
    const elbow_tensor *variances = elbow_params_find(&c->params, "likelihood.log_variance");
    double variance = variances ? 0 : strtod(c->setting->variance, NULL);
    if (variances) {
        assert_true(index < variances->count);
        variance = ELBOW_VARIANCE_FLOOR + exp(c->theta[variances->offset + index]); /* f + log(1 + e^{a−f}) */
    }
    return -0.5 * log(2 * acos(-1) * variance) - (x - mean) * (x - mean) / (2 * variance);
}

static double plain_softmax(const double *logits, size_t K, size_t code) {
    double sum = 0;
    for (size_t k = 0; k < K; ++k) sum += exp(logits[k]);
    return logits[code] - log(sum);
}

/* log p of one dimension; moves *at to the next one's parameters. index counts real columns. */
static double plain_term(const test_case *c, const double **at, size_t d, double x, size_t *index) {
    const elbow_field *field = c->setting->field;
    const char *name = c->setting->likelihood;
    if (strcmp(name, "bernoulli") == 0) {
        double l = *(*at)++;
        return isnan(x) ? 0 : x * l - log1p(exp(l));
    }
    size_t K = field->kind == ELBOW_TABLE      ? field->columns[d].cardinality
               : field->kind == ELBOW_SEQUENCE ? field->vocabulary
               : field->binary                 ? 2
                                               : field->maximum + 1;
    if (strcmp(name, "gaussian") == 0 || K == 0) {
        double mean = *(*at)++;
        ++*index;
        return isnan(x) ? 0 : plain_gaussian(c, x, mean, *index - 1);
    }
    *at += K;
    return isnan(x) ? 0
                    : plain_softmax(*at - K, K,
                                    (size_t)lround(field->kind == ELBOW_IMAGE ? x * (double)(K - 1) : x));
}

static double plain_log_px(const test_case *c, size_t row) {
    const elbow_field *field = c->setting->field;
    double outputs[128], sum = 0;
    const double *at = outputs;
    size_t D = field->dimensions, i = row % BATCH, index = 0;
    plain_outputs(c, outputs, row);
    for (int real_columns = 0; real_columns < 2; ++real_columns) /* codes come first */
        for (size_t d = 0; d < D; ++d) {
            if ((field->kind == ELBOW_TABLE && field->columns[d].cardinality == 0) != real_columns) continue;
            bool there = field->kind != ELBOW_SEQUENCE || d < c->x.length[i];
            double x = !there                          ? NAN
                       : field->kind == ELBOW_SEQUENCE ? c->x.tokens[i * D + d]
                                                       : c->x.reals[i * D + d];
            sum += plain_term(c, &at, d, x, &index);
        }
    return sum;
}

static void one(const setting *s) {
    char what[96];
    elbow_arena *arena = NULL;
    test_case c;
    snprintf(what, sizeof what, "%s of %s", s->likelihood, elbow_field_kind_name(s->field->kind));
    assert_int_equal(elbow_arena_create(&arena), ELBOW_OK);
    make(&c, s, arena);
    size_t width = s->features.width;
    for (int wanted = 0; wanted < 2; ++wanted) { /* with gradients wanted values are the same */
        c.pass.gradients = wanted ? hold_zeros(c.params.size) : NULL;
        loss(&c);
        for (size_t r = 0; r < ROWS; ++r) {
            double log_px = plain_log_px(&c, r);
            if (!(fabs(log_px - c.log_px[r]) < 1e-12 * (1 + fabs(log_px))))
                fail_msg("%s, row %zu: log p is %.15g, plainly %.15g", what, r, c.log_px[r], log_px);
        }
    }
    real *gradient = c.pass.gradients, *dfeatures = hold_reals("test.old", ROWS * width, 5, 9);
    c.likelihood.ops->backward(&c.likelihood, &c.pass, dfeatures, c.weights, c.features, ROWS);
    for (size_t i = 0; i < width; ++i) assert_true(dfeatures[3 * width + i] == 0);
    check_gaps(&c.params, gradient);

    /* Frozen: the features' gradient alone. */
    real *before = hold_copy(gradient, c.params.size * sizeof *gradient, 0);
    real *again = hold_reals("test.old", ROWS * width, 5, 9);
    c.pass.frozen = true;
    loss(&c);
    c.likelihood.ops->backward(&c.likelihood, &c.pass, again, c.weights, c.features, ROWS);
    assert_memory_equal(again, dfeatures, ROWS * width * sizeof *again);
    assert_memory_equal(gradient, before, c.params.size * sizeof *gradient);
    c.pass.gradients = NULL;
    check_gradient(what, loss, &c, c.features, dfeatures, ROWS * width);
    check_gradient(what, loss, &c, c.theta, gradient, c.params.size);
    elbow_likelihood_destroy(&c.likelihood);
    elbow_params_destroy(&c.params);
    elbow_arena_destroy(&arena);
    release_held();
}

static const elbow_shape flat = {.width = 6};

static void of_images(void **state) {
    (void)state;
    const elbow_shape aligned = elbow_shape_image(2, 3, 4), other = elbow_shape_image(3, 2, 4);
    const setting settings[] = {
        {"bernoulli", "1", &grey, flat},        {"bernoulli", "1", &binary, flat},
        {"bernoulli", "1", &colour, aligned},   {"categorical", "1", &grey, flat},
        {"categorical", "1", &binary, flat},    {"categorical", "1", &colour, aligned},
        {"categorical", "1", &colour, other},   {"gaussian", "0.3", &grey, flat},
        {"gaussian", "learned", &binary, flat}, {"gaussian", "learned", &colour, aligned},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i) one(&settings[i]);
}

static void of_tables(void **state) {
    (void)state;
    const setting settings[] = {
        {"bernoulli", "1", &switches, flat},      {"categorical", "1", &coded, flat},
        {"categorical", "1", &switches, flat},    {"gaussian", "2.5", &measured, flat},
        {"gaussian", "learned", &measured, flat}, {"table", "0.7", &mixed, flat},
        {"table", "learned", &mixed, flat},       {"table", "learned", &coded, flat},
        {"table", "learned", &measured, flat},    {"table", "1", &switches, elbow_shape_image(1, 3, 2)},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i) one(&settings[i]);
}

static void of_sequences(void **state) {
    (void)state;
    const setting settings[] = {{"categorical", "1", &terminated, flat},
                                {"categorical", "1", &open_ended, flat}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i) one(&settings[i]);
}

/* Features of the field's own height and width get one small layer, whatever the number of pixels. */
static void head_of_images(void **state) {
    (void)state;
    const setting aligned = {"categorical", "1", &colour, elbow_shape_image(2, 3, 4)};
    elbow_options *options = options_of(&aligned);
    elbow_params params = {0};
    elbow_likelihood likelihood;
    assert_int_equal(elbow_likelihood_create(&likelihood, options, &aligned.features, &colour, &params),
                     ELBOW_OK);
    const elbow_tensor *weight = elbow_params_find(&params, "likelihood.weight");
    assert_int_equal(weight->shape[0], 2 * 4);
    assert_int_equal(weight->shape[1], 4);
    elbow_likelihood_destroy(&likelihood);
    elbow_params_destroy(&params);
    elbow_options_destroy(&options);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_images),
        cmocka_unit_test(of_tables),
        cmocka_unit_test(of_sequences),
        cmocka_unit_test(head_of_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
