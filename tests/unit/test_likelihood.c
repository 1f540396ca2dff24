/* Likelihoods as distributions: probabilities sum to one, missing values are marginalised, what is generated follows
 * p(x|z) at any temperature and stands alone; what does not fit is refused with the names of what does. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/pack.h"
#include "unit/numbers.h"
#include "vae/likelihood.h"
#include "vae/variance.h"

enum { FEATURES = 3, DRAWS = 20000 };

static elbow_column some_codes[] = {
    {.cardinality = 2, .missing = true}, {.cardinality = 3, .missing = true}, {.cardinality = 4}};
static elbow_column some_bits[] = {
    {.cardinality = 2, .missing = true}, {.cardinality = 2}, {.cardinality = 2}};
static elbow_column some_reals[] = {{.scale = 1}, {.scale = 1, .missing = true}};
static elbow_column both[] = {{.scale = 1, .missing = true}, {.cardinality = 3, .missing = true}};

static const elbow_field codes = {.kind = ELBOW_TABLE, .dimensions = 3, .columns = some_codes};
static const elbow_field bits = {.kind = ELBOW_TABLE, .dimensions = 3, .columns = some_bits};
static const elbow_field reals = {.kind = ELBOW_TABLE, .dimensions = 2, .columns = some_reals};
static const elbow_field mixed = {.kind = ELBOW_TABLE, .dimensions = 2, .columns = both};
static const elbow_field binary = {.kind = ELBOW_IMAGE,
                                   .height = 1,
                                   .width = 3,
                                   .channels = 1,
                                   .dimensions = 3,
                                   .maximum = 255,
                                   .binary = true};
static const elbow_field grey = {
    .kind = ELBOW_IMAGE, .height = 1, .width = 2, .channels = 1, .dimensions = 2, .maximum = 4};
static const elbow_field terminated = {
    .kind = ELBOW_SEQUENCE, .dimensions = 3, .vocabulary = 3, .terminated = true};
static const elbow_field fixed_length = {.kind = ELBOW_SEQUENCE, .dimensions = 3, .vocabulary = 2};

typedef struct model {
    elbow_likelihood likelihood;
    elbow_params params;
    elbow_arena *arena;
    elbow_pass pass;
    elbow_examples x;
    elbow_values values;
    real *theta, *features, *log_px;
    size_t rows;
} model;

static elbow_options *options_with(const char *likelihood, const char *variance, const char *binarize) {
    char text[128];
    elbow_options *options = NULL;
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    snprintf(text, sizeof text, "model.likelihood=%s", likelihood);
    assert_int_equal(elbow_options_set(options, text), ELBOW_OK);
    snprintf(text, sizeof text, "model.variance=%s", variance);
    assert_int_equal(elbow_options_set(options, text), ELBOW_OK);
    snprintf(text, sizeof text, "data.binarize=%s", binarize);
    assert_int_equal(elbow_options_set(options, text), ELBOW_OK);
    return options;
}

/* For `rows` rows, which all have the same features. */
static void make(model *m, const char *likelihood, const char *variance, const elbow_field *field,
                 size_t rows) {
    elbow_options *options = options_with(likelihood, variance, "none");
    const elbow_shape shape = elbow_shape_flat(FEATURES);
    *m = (model){.rows = rows};
    assert_int_equal(elbow_arena_create(&m->arena), ELBOW_OK);
    assert_int_equal(elbow_likelihood_create(&m->likelihood, options, &shape, field, &m->params), ELBOW_OK);
    elbow_options_destroy(&options);
    assert_int_equal(m->likelihood.ops->reserve(&m->likelihood, rows, true, m->arena), ELBOW_OK);
    assert_int_equal(elbow_examples_reserve(&m->x, field, rows, m->arena), ELBOW_OK);
    assert_int_equal(elbow_values_reserve(&m->values, field, rows, m->arena), ELBOW_OK);
    m->theta = hold(m->params.size * sizeof(real), 0);
    elbow_params_initialize(&m->params, 1, m->theta);
    const real *one = hold_reals("test.features", FEATURES, -2, 2);
    m->features = hold(rows * FEATURES * sizeof(real), 0);
    for (size_t i = 0; i < rows * FEATURES; ++i) m->features[i] = one[i % FEATURES];
    m->log_px = hold(rows * sizeof(real), 0);
    m->pass = (elbow_pass){
        .parameters = m->theta, .seed = 3, .shard = ELBOW_SHARD_NONE, .step = 9, .purpose = "evaluate.test."};
}

static void drop(model *m) {
    elbow_likelihood_destroy(&m->likelihood);
    elbow_params_destroy(&m->params);
    elbow_arena_destroy(&m->arena);
}

/* log p of the examples in m->x, one a row. */
static void forward(model *m) {
    elbow_values_from_examples(&m->values, &m->x, 0, m->rows);
    m->likelihood.ops->forward(&m->likelihood, &m->pass, m->log_px, m->features, &m->values, m->rows,
                               m->rows);
}

static void generate(model *m, double temperature) {
    m->likelihood.ops->generate(&m->likelihood, &m->pass, &m->x, 0, m->features, m->rows, (real)temperature);
}

/* How many values dimension d has, and how they are written. */
static size_t levels_of(const elbow_field *field, size_t d) {
    if (field->kind == ELBOW_TABLE) return field->columns[d].cardinality;
    if (field->kind == ELBOW_SEQUENCE) return field->vocabulary;
    return field->binary ? 2 : field->maximum + 1;
}

static size_t configurations(const elbow_field *field) {
    size_t count = 1;
    for (size_t d = 0; d < field->dimensions; ++d) count *= levels_of(field, d);
    return count;
}

static void write_configuration(const elbow_examples *x, size_t row, size_t c) {
    const elbow_field *field = x->field;
    size_t D = field->dimensions;
    bool ended = false;
    if (field->kind == ELBOW_SEQUENCE) x->length[row] = 0;
    for (size_t d = 0; d < D; ++d, c /= levels_of(field, d - 1)) {
        size_t code = c % levels_of(field, d);
        if (field->kind == ELBOW_SEQUENCE) {
            x->tokens[row * D + d] = (uint32_t)code;
            if (!ended) x->length[row]++;
            ended = ended || (field->terminated && code == 0);
        } else {
            x->reals[row * D + d] =
                (real)code / (field->kind == ELBOW_IMAGE ? (real)(levels_of(field, d) - 1) : 1);
        }
    }
}

/* The configuration of an example, with zeros after a sequence's end. */
static size_t read_configuration(const elbow_examples *x, size_t row) {
    const elbow_field *field = x->field;
    size_t D = field->dimensions, c = 0;
    for (size_t d = D; d-- > 0;) {
        size_t levels = levels_of(field, d);
        double value = 0;
        if (field->kind != ELBOW_SEQUENCE)
            value = (double)x->reals[row * D + d] * (field->kind == ELBOW_IMAGE ? (double)(levels - 1) : 1);
        else if (d < x->length[row])
            value = x->tokens[row * D + d];
        assert_true(fabs(value - round(value)) < 1e-5 && value >= 0 && value < (double)levels);
        c = c * levels + (size_t)lround(value);
    }
    return c;
}

/* p of every configuration by forward; of sequences, only of those with zeros after the end. Returns their sum. */
static double tabulate(const char *likelihood, const elbow_field *field, double *p) {
    size_t count = configurations(field);
    model m;
    double sum = 0;
    make(&m, likelihood, "1", field, count);
    for (size_t c = 0; c < count; ++c) write_configuration(&m.x, c, c);
    forward(&m);
    for (size_t c = 0; c < count; ++c) {
        bool seen = false; /* ends with fewer tokens than D, and is written otherwise */
        for (size_t d = 0; field->kind == ELBOW_SEQUENCE && d < field->dimensions; ++d)
            seen = seen || (d >= m.x.length[c] && m.x.tokens[c * field->dimensions + d] != 0);
        p[c] = seen ? 0 : exp((double)m.log_px[c]);
        sum += p[c];
    }
    drop(&m);
    return sum;
}

static const struct discrete_case {
    const char *likelihood;
    const elbow_field *field;
} discrete[] = {
    {"bernoulli", &bits},
    {"bernoulli", &binary},
    {"categorical", &codes},
    {"categorical", &binary},
    {"categorical", &grey},
    {"table", &codes},
    {"table", &bits},
    {"categorical", &bits},
    {"categorical", &terminated},
    {"categorical", &fixed_length},
};
enum { DISCRETE = sizeof discrete / sizeof *discrete, MOST = 64 };

static void sums_to_one(void **state) {
    (void)state;
    for (size_t i = 0; i < DISCRETE; ++i) {
        double p[MOST];
        double sum = tabulate(discrete[i].likelihood, discrete[i].field, p);
        assert_true(fabs(sum - 1) < 1e-5);
        release_held();
    }
}

/* A Gaussian's density sums to one over a grid, alone and beside the codes. */
static void integrates_to_one(void **state) {
    (void)state;
    enum { GRID = 400 };
    for (int with_codes = 0; with_codes < 2; ++with_codes) {
        model m;
        make(&m, with_codes ? "table" : "gaussian", "0.5", with_codes ? &mixed : &reals, GRID * 3);
        double sum = 0;
        for (size_t i = 0; i < GRID * 3; ++i) {
            m.x.reals[2 * i] = (real)(((double)(i / 3) - GRID / 2) * 0.05);
            m.x.reals[2 * i + 1] = with_codes ? (real)(i % 3) : NAN;
        }
        forward(&m);
        for (size_t i = 0; i < GRID * 3; ++i) sum += 0.05 * exp((double)m.log_px[i]);
        assert_true(fabs(sum - (with_codes ? 1 : 3)) < 1e-4);
        drop(&m);
        release_held();
    }
}

static void missing_values_are_marginalised(void **state) {
    (void)state;
    static const char *const names[] = {"categorical", "table"};
    for (int n = 0; n < 2; ++n) {
        model m;
        make(&m, names[n], "1", &codes, 24 + 2);
        for (size_t c = 0; c < 24; ++c) write_configuration(&m.x, c, c);
        const real partly[] = {1, NAN, 3, NAN, NAN, NAN};
        memcpy(m.x.reals + 24 * 3, partly, sizeof partly);
        forward(&m);
        double sum = 0;
        for (size_t k = 0; k < 3; ++k) sum += exp((double)m.log_px[1 + 2 * k + 6 * 3]);
        assert_true(fabs(log(sum) - (double)m.log_px[24]) < 1e-5);
        assert_true(m.log_px[25] == 0);
        drop(&m);
        release_held();
    }
}

/* Complete rows have the same bits whether or not values may be missing. */
static void complete_tables_are_as_images(void **state) {
    (void)state;
    model image, table;
    make(&image, "bernoulli", "1", &binary, 8);
    make(&table, "bernoulli", "1", &bits, 8);
    for (size_t c = 0; c < 8; ++c) {
        write_configuration(&image.x, c, c);
        write_configuration(&table.x, c, c);
    }
    forward(&image);
    forward(&table);
    assert_memory_equal(image.log_px, table.log_px, 8 * sizeof(real));
    drop(&image);
    drop(&table);
    release_held();
}

/* Counts within five standard deviations of p^{1/τ}, normalised. Dimensions are independent, so that the power of the joint
 * probability is what tempered logits give; not so for sequences that end where they like. */
static void draws_follow_the_law(void **state) {
    (void)state;
    for (size_t i = 0; i < DISCRETE; ++i)
        for (int cold = 0; cold < 2; ++cold) {
            const elbow_field *field = discrete[i].field;
            double p[MOST], sum = 0, temperature = cold ? 0.5 : 1;
            size_t count = configurations(field), seen[MOST] = {0};
            if (cold && field->terminated) continue;
            tabulate(discrete[i].likelihood, field, p);
            for (size_t c = 0; c < count; ++c) sum += p[c] = pow(p[c], 1 / temperature);
            model m;
            make(&m, discrete[i].likelihood, "1", field, DRAWS);
            generate(&m, temperature);
            for (size_t r = 0; r < DRAWS; ++r) seen[read_configuration(&m.x, r)]++;
            for (size_t c = 0; c < count; ++c) {
                double expected = DRAWS * p[c] / sum, deviation = sqrt(expected * (1 - p[c] / sum));
                if (!(fabs((double)seen[c] - expected) <= 5 * deviation + (p[c] > 0 ? 1 : 0)))
                    fail_msg("%s of %s, %zu: drawn %zu times, expected %g ± %g", discrete[i].likelihood,
                             elbow_field_kind_name(field->kind), c, seen[c], expected, deviation);
            }
            drop(&m);
            release_held();
        }
}

/* The most probable values, and of images the mean of what is drawn. */
static void temperature_zero(void **state) {
    (void)state;
    for (size_t i = 0; i < DISCRETE; ++i) {
        const elbow_field *field = discrete[i].field;
        double p[MOST];
        size_t best = 0, D = field->dimensions;
        tabulate(discrete[i].likelihood, field, p);
        model m;
        make(&m, discrete[i].likelihood, "1", field, DRAWS);
        if (field->kind == ELBOW_IMAGE) {
            double means[4] = {0};
            generate(&m, 1);
            for (size_t j = 0; j < DRAWS * D; ++j) means[j % D] += (double)m.x.reals[j] / DRAWS;
            generate(&m, 0);
            for (size_t d = 0; d < D; ++d)
                assert_true(fabs((double)m.x.reals[d] - means[d]) < 5 * 0.5 / sqrt(DRAWS));
        } else if (
            !field->terminated) { /* the most probable sequence need not have the most probable symbols */
            for (size_t c = 1; c < configurations(field); ++c) best = p[c] > p[best] ? c : best;
            generate(&m, 0);
            assert_int_equal(read_configuration(&m.x, 0), best);
            assert_int_equal(read_configuration(&m.x, DRAWS - 1), best);
        }
        drop(&m);
        release_held();
    }
}

static void gaussian_draws(void **state) {
    (void)state;
    static const char *const names[] = {"gaussian", "table"};
    for (int n = 0; n < 2; ++n) {
        model m;
        real mean[2];
        make(&m, names[n], "learned", &reals, DRAWS);
        m.theta[elbow_params_find(&m.params, "likelihood.log_variance")->offset + 1] = (real)log(4);
        generate(&m, 0);
        memcpy(mean, m.x.reals, sizeof mean);
        assert_memory_equal(mean, m.x.reals + 2 * (DRAWS - 1), sizeof mean);
        generate(&m, 0.25);
        for (size_t d = 0; d < 2; ++d) {
            double first = 0, second = 0, variance = 0.25 * (d ? 4 : 1);
            for (size_t r = 0; r < DRAWS; ++r) {
                double away = (double)(m.x.reals[2 * r + d] - mean[d]);
                first += away / DRAWS;
                second += away * away / DRAWS;
            }
            assert_true(fabs(first) < 5 * sqrt(variance / DRAWS));
            assert_true(fabs(second - variance) < 5 * variance * sqrt(2.0 / DRAWS));
        }
        drop(&m);
        release_held();
    }
}

/* Pixels stay pixels. */
static void gaussian_pixels_are_cut(void **state) {
    (void)state;
    model m;
    make(&m, "gaussian", "9", &grey, 200);
    generate(&m, 1);
    size_t cut = 0;
    for (size_t i = 0; i < 400; ++i) {
        assert_true(m.x.reals[i] >= 0 && m.x.reals[i] <= 1);
        cut += m.x.reals[i] == 0 || m.x.reals[i] == 1;
    }
    assert_true(cut > 200);
    drop(&m);
    release_held();
}

/* A row's draw depends on its example's number and the step, not on the rows around it or where it is put. */
static void draws_stand_alone(void **state) {
    (void)state;
    static const struct {
        const char *likelihood;
        const elbow_field *field;
    } cases[] = {{"bernoulli", &binary}, {"categorical", &grey}, {"gaussian", &reals}, {"table", &mixed}};
    enum { ALL = 40 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        model m;
        make(&m, cases[i].likelihood, "1", cases[i].field, ALL);
        size_t D = cases[i].field->dimensions;
        generate(&m, 1);
        real *all = hold_copy(m.x.reals, ALL * D * sizeof(real), 0);
        for (size_t j = 0; j < ALL * D; ++j) m.x.reals[j] = -7;
        m.pass.example = 11;
        m.likelihood.ops->generate(&m.likelihood, &m.pass, &m.x, 30, m.features, 3, 1);
        for (size_t j = 0; j < ALL * D; ++j) {
            bool there = j >= 30 * D && j < 33 * D;
            double expected = there ? (double)all[j - 30 * D + 11 * D] : -7;
            assert_true(fabs((double)m.x.reals[j] - expected) < 1e-5);
        }
        m.pass.step++;
        m.pass.example = 0;
        generate(&m, 1);
        assert_memory_not_equal(m.x.reals, all, ALL * D * sizeof(real));
        drop(&m);
        release_held();
    }
}

/* A model of three positions cannot give four tokens. */
static void longer_sequences_are_impossible(void **state) {
    (void)state;
    elbow_field longer = terminated;
    longer.dimensions = 4;
    model m;
    elbow_examples x;
    make(&m, "categorical", "1", &terminated, 2);
    assert_int_equal(elbow_examples_reserve(&x, &longer, 2, m.arena), ELBOW_OK);
    assert_int_equal(elbow_values_reserve(&m.values, &longer, 2, m.arena), ELBOW_OK);
    const uint32_t tokens[] = {1, 2, 1, 0, 2, 0, 0, 0}, lengths[] = {4, 2};
    memcpy(x.tokens, tokens, sizeof tokens);
    memcpy(x.length, lengths, sizeof lengths);
    m.x = x;
    forward(&m);
    assert_true(isinf(m.log_px[0]) && m.log_px[0] < 0);
    assert_true(isfinite(m.log_px[1]));
    drop(&m);
    release_held();
}

/* A constant column that is known exactly: its variance shrinks to the floor and its term to 3.69 nats, no further. */
static void variances_do_not_collapse(void **state) {
    (void)state;
    model m;
    make(&m, "gaussian", "learned", &reals, 1);
    const size_t variances = elbow_params_find(&m.params, "likelihood.log_variance")->offset;
    real *gradient = hold(m.params.size * sizeof(real), 0), dfeatures[FEATURES], weight = 1;
    generate(&m, 0);
    m.x.reals[1] = NAN;
    real before = -INFINITY;
    for (int step = 0; step < 2000; ++step) {
        memset(gradient, 0, m.params.size * sizeof(real));
        m.pass.gradients = gradient;
        forward(&m);
        assert_true(m.log_px[0] >= before - (real)1e-4 && m.log_px[0] < (real)3.6864);
        before = m.log_px[0];
        m.likelihood.ops->backward(&m.likelihood, &m.pass, dfeatures, &weight, m.features, 1);
        assert_true(gradient[variances] <= 0 && gradient[variances + 1] == 0);
        m.theta[variances] += gradient[variances];
    }
    assert_true(before > (real)3.6);
    m.theta[variances] = -1000; /* wherever an optimizer takes it */
    forward(&m);
    assert_true(m.log_px[0] < (real)3.6864 && m.log_px[0] > (real)3.6);
    drop(&m);
    release_held();
}

static void says_what_it_measures(void **state) {
    (void)state;
    static const struct {
        const char *likelihood, *binarize;
        const elbow_field *field;
        bool observed, continuous;
    } cases[] = {
        {"bernoulli", "none", &grey, false, false},     {"bernoulli", "dynamic", &grey, true, false},
        {"bernoulli", "threshold", &grey, true, false}, {"bernoulli", "none", &binary, true, false},
        {"bernoulli", "none", &bits, true, false},      {"categorical", "none", &grey, true, false},
        {"gaussian", "none", &grey, true, true},        {"table", "none", &mixed, true, true},
        {"table", "none", &codes, true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        elbow_options *options = options_with(cases[i].likelihood, "1", cases[i].binarize);
        elbow_likelihood likelihood;
        elbow_params params = {0};
        const elbow_shape shape = elbow_shape_flat(FEATURES);
        assert_int_equal(elbow_likelihood_create(&likelihood, options, &shape, cases[i].field, &params),
                         ELBOW_OK);
        assert_int_equal(likelihood.observed, cases[i].observed);
        assert_int_equal(likelihood.continuous, cases[i].continuous);
        elbow_likelihood_destroy(&likelihood);
        elbow_params_destroy(&params);
        elbow_options_destroy(&options);
    }
}

/* Two levels where pixels are binarised, whatever their source had. */
static void binarised_pixels_have_two_levels(void **state) {
    (void)state;
    elbow_options *options = options_with("categorical", "1", "dynamic");
    elbow_likelihood likelihood;
    elbow_params params = {0};
    const elbow_shape shape = elbow_shape_flat(FEATURES);
    assert_int_equal(elbow_likelihood_create(&likelihood, options, &shape, &grey, &params), ELBOW_OK);
    assert_int_equal(elbow_params_find(&params, "likelihood.bias")->count, 2 * 2);
    elbow_likelihood_destroy(&likelihood);
    elbow_params_destroy(&params);
    elbow_options_destroy(&options);
}

static void refused(const char *likelihood, const char *variance, const elbow_field *field, const char *key,
                    const char *hint) {
    elbow_options *options = options_with(likelihood, variance, "none");
    elbow_likelihood made = {0};
    elbow_params params = {0};
    const elbow_shape shape = elbow_shape_flat(FEATURES);
    assert_int_equal(elbow_likelihood_create(&made, options, &shape, field, &params), ELBOW_USAGE);
    const char *message = elbow_error_message();
    if (strstr(message, key) == NULL || strstr(message, hint) == NULL)
        fail_msg("`%s` names not both `%s` and `%s`", message, key, hint);
    elbow_likelihood_destroy(&made);
    elbow_params_destroy(&params);
    elbow_options_destroy(&options);
}

static void refusals(void **state) {
    (void)state;
    refused("bernouli", "1", &binary, "model.likelihood", "did you mean `bernoulli`");
    refused("bernoulli 3", "1", &binary, "model.likelihood", "take `3` away");
    refused("bernoulli", "1", &codes, "model.likelihood", "categorical, table");
    refused("bernoulli", "1", &terminated, "a sequence", "categorical");
    refused("gaussian", "1", &mixed, "a table", "choose one of: table");
    refused("categorical", "1", &reals, "model.likelihood", "gaussian, table");
    refused("table", "1", &binary, "an image", "bernoulli, categorical, gaussian");
    refused("gaussian", "-1", &reals, "model.variance", "`learned`");
    refused("gaussian", "0", &reals, "model.variance", "`learned`");
    refused("table", "learn", &mixed, "model.variance", "`learn`");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_to_one),
        cmocka_unit_test(integrates_to_one),
        cmocka_unit_test(missing_values_are_marginalised),
        cmocka_unit_test(complete_tables_are_as_images),
        cmocka_unit_test(draws_follow_the_law),
        cmocka_unit_test(temperature_zero),
        cmocka_unit_test(gaussian_draws),
        cmocka_unit_test(gaussian_pixels_are_cut),
        cmocka_unit_test(draws_stand_alone),
        cmocka_unit_test(longer_sequences_are_impossible),
        cmocka_unit_test(variances_do_not_collapse),
        cmocka_unit_test(says_what_it_measures),
        cmocka_unit_test(binarised_pixels_have_two_levels),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
