/* Recurrent layers and embeddings in float: against plain loops over unpacked sequences, their bits against addresses,
 * and what a spec cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "elbow/nn/net.h"
#include "math/recurrent.h"
#include "unit/sequences.h"
#include "vae/likelihood.h"

enum { BATCH = 6, LONGEST = 9, SYMBOLS = 7, WIDTH = 19, EMBEDDING = 5 };
static const uint32_t lengths[BATCH] = {4, 9, 1, 4, 7, 9};

typedef struct fixture {
    elbow_params params;
    elbow_arena *arena;
    elbow_net *net;
    elbow_field field;
    elbow_examples examples;
    elbow_values values;
    real *theta;
} fixture;

static void make(fixture *f, const char *spec) {
    *f = (fixture){.field = sequence_field(SYMBOLS, LONGEST, false)};
    const elbow_shape shape = {.field = &f->field};
    assert_int_equal(elbow_arena_create(&f->arena), ELBOW_OK);
    if (elbow_net_create(&f->net, "n", spec, "relu", &shape, 0, &f->params) != ELBOW_OK)
        fail_msg("%s", elbow_error_message());
    assert_int_equal(elbow_net_reserve(f->net, BATCH, false, f->arena), ELBOW_OK);
    f->examples = random_examples(&f->field, lengths, BATCH, f->arena);
    f->values = packed(&f->examples, f->arena);
    f->theta = hold(f->params.size * sizeof *f->theta, 0);
    elbow_params_initialize(&f->params, 8, f->theta);
}

static const real *run_net(fixture *f) {
    const elbow_pass pass = {.parameters = f->theta, .purpose = ""};
    const elbow_net_input input = {.values = &f->values, .rows = BATCH, .batch = BATCH};
    return elbow_net_forward(f->net, &pass, &input);
}

static void destroy(fixture *f) {
    elbow_net_destroy(&f->net);
    elbow_params_destroy(&f->params);
    elbow_arena_destroy(&f->arena);
    release_held();
}

static const real *tensor(const fixture *f, const char *name, const char *suffix) {
    char full[64];
    strcpy(full, name);
    strcat(full, suffix);
    const elbow_tensor *found = elbow_params_find(&f->params, full);
    assert_non_null(found);
    return f->theta + found->offset;
}

static double plain_sigmoid(double v) { return 1 / (1 + exp(-v)); }

static double row_product(const real *row, const double *x, size_t n, real bias) {
    double sum = (double)bias;
    for (size_t i = 0; i < n; ++i) sum += (double)row[i] * x[i];
    return sum;
}

/* PyTorch's equations over one sequence, in the order given: the last state. */
static void plain_gru(double *h, const fixture *f, const char *suffix, const double (*x)[EMBEDDING],
                      size_t length, bool reverse) {
    enum { H = WIDTH, E = EMBEDDING };
    const real *wi = tensor(f, "n.1.weight_ih", suffix), *wh = tensor(f, "n.1.weight_hh", suffix);
    const real *bi = tensor(f, "n.1.bias_ih", suffix), *bh = tensor(f, "n.1.bias_hh", suffix);
    double a[3 * H], q[3 * H];
    for (size_t i = 0; i < H; ++i) h[i] = 0;
    for (size_t k = 0; k < length; ++k) {
        const double *in = x[reverse ? length - 1 - k : k];
        for (size_t i = 0; i < 3 * H; ++i) {
            a[i] = row_product(wi + i * E, in, E, bi[i]);
            q[i] = row_product(wh + i * H, h, H, bh[i]);
        }
        for (size_t i = 0; i < H; ++i) {
            double r = plain_sigmoid(a[i] + q[i]), z = plain_sigmoid(a[H + i] + q[H + i]);
            h[i] = (1 - z) * tanh(a[2 * H + i] + r * q[2 * H + i]) + z * h[i];
        }
    }
}

static void matches_plain(void **state) {
    (void)state;
    for (int both = 0; both < 2; ++both) {
        fixture f;
        make(&f, both ? "embed 5 bigru 19" : "embed 5 gru 19");
        size_t out = elbow_net_output_width(f.net);
        assert_int_equal(out, both ? 2 * WIDTH : WIDTH);
        const real *y = run_net(&f), *table = tensor(&f, "n.0.weight", "");
        for (size_t i = 0; i < BATCH; ++i) {
            double x[LONGEST][EMBEDDING], h[WIDTH];
            for (size_t t = 0; t < lengths[i]; ++t)
                for (size_t e = 0; e < EMBEDDING; ++e)
                    x[t][e] = (double)table[f.examples.tokens[i * LONGEST + t] * EMBEDDING + e];
            for (int d = 0; d <= both; ++d) {
                plain_gru(h, &f, d ? "_reverse" : "", (const double(*)[EMBEDDING])x, lengths[i], d);
                for (size_t j = 0; j < WIDTH; ++j)
                    assert_true(fabs((double)y[i * out + (size_t)d * WIDTH + j] - h[j]) < 2e-6);
            }
        }
        destroy(&f);
    }
}

/* A second forward forgets the first, and an empty batch is one. */
static void again(void **state) {
    (void)state;
    fixture f;
    make(&f, "embed 5 bigru 19 gru 3 4");
    const real *y = run_net(&f);
    const real *kept = hold_copy(y, BATCH * 4 * sizeof *y, 0);
    const elbow_pass pass = {.parameters = f.theta, .purpose = ""};
    elbow_values few;
    f.examples.count = 1;
    few = packed(&f.examples, f.arena);
    const elbow_net_input input = {.values = &few, .rows = 1, .batch = 1};
    elbow_net_forward(f.net, &pass, &input);
    elbow_values_from_examples(&few, &f.examples, 0, 0);
    const elbow_net_input nothing = {.values = &few, .rows = 0, .batch = 0};
    elbow_net_forward(f.net, &pass, &nothing);
    y = run_net(&f);
    assert_memory_equal(y, kept, BATCH * 4 * sizeof *y);
    destroy(&f);
}

static void columns(void **state) {
    (void)state;
    enum { W = 2, OUT = W + 1 + 2 + W + 1 };
    elbow_column of_table[] = {
        {.cardinality = 3, .missing = true}, {.missing = true}, {.cardinality = 2}, {0}};
    const elbow_field field = {.kind = ELBOW_TABLE, .dimensions = 4, .columns = of_table};
    const elbow_shape shape = {.field = &field};
    real reals[] = {2, (real)0.5, 1, -1, /**/ NAN, NAN, NAN, NAN, /**/ 7, 3, -1, 0};
    elbow_values values = {.field = &field, .reals = reals};
    fixture f = {0};
    assert_int_equal(elbow_arena_create(&f.arena), ELBOW_OK);
    assert_int_equal(elbow_net_create(&f.net, "n", "embed 2", "relu", &shape, 0, &f.params), ELBOW_OK);
    assert_int_equal(elbow_net_output_width(f.net), OUT);
    assert_int_equal(elbow_net_reserve(f.net, 3, false, f.arena), ELBOW_OK);
    f.theta = hold(f.params.size * sizeof *f.theta, 0);
    elbow_params_initialize(&f.params, 8, f.theta);
    const elbow_pass pass = {.parameters = f.theta, .purpose = ""};
    const elbow_net_input input = {.values = &values, .rows = 3, .batch = 3};
    const real *y = elbow_net_forward(f.net, &pass, &input);
    const real *a = tensor(&f, "n.0.0.weight", "") + 2 * W, *b = tensor(&f, "n.0.2.weight", "") + 1 * W;
    const real expected[3 * OUT] = {
        a[0], a[1], 0, (real)0.5, 0, b[0], b[1], -1, /**/
        0,    0,    1, 0,         1, 0,    0,    0,  /**/
        0,    0,    0, 3,         0, 0,    0,    0}; /* codes that no column has */
    for (size_t i = 0; i < 3 * OUT; ++i) assert_true(y[i] == expected[i]);
    assert_null(elbow_params_find(&f.params, "n.0.1.weight"));
    destroy(&f);
}

/* The kernels' bits are the values', whatever the address; saturated gates stay finite, with finite gradients. */
static void gate_bits(void **state) {
    (void)state;
    enum { ROWS = 3, SHIFTS = 5 };
    const size_t widths[] = {1, 3, 16, 19, 33};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; ++w) {
        const size_t H = widths[w], n = ROWS * H;
        const real *a = hold_reals("test.gates", 4 * n, -120, 120), *before = hold_reals("test.h", n, -1, 1);
        const real *bias = hold_reals("test.bias", 3 * H, -1, 1),
                   *constant = hold_reals("test.c", 3 * n, -1, 1);
        const real *dh = hold_reals("test.dh", n, -1, 1), *first[4] = {NULL};
        for (size_t shift = 0; shift < SHIFTS; ++shift) {
            size_t by = shift * sizeof(real);
            real *gates = hold_copy(a, 4 * n * sizeof *a, by), *h = hold(n * sizeof *h, by);
            real *old = hold_copy(before, n * sizeof *old, by),
                 *carry = hold_copy(before, n * sizeof *old, by);
            elbow_gru_gates(h, H, gates, old, constant, bias, bias, ROWS, H);
            real *kept = hold_copy(gates, 4 * n * sizeof *a, 0);
            elbow_gru_gates_backward(gates, carry, dh, H, old, ROWS, H);
            for (size_t i = 0; i < n; ++i) assert_true(fabs((double)h[i]) <= 1 && isfinite(carry[i]));
            for (size_t i = 0; i < 4 * n; ++i) assert_true(isfinite(gates[i]));
            const real *results[4] = {h, kept, gates, carry};
            for (int i = 0; i < 4; ++i) {
                if (shift == 0) first[i] = results[i];
                assert_memory_equal(results[i], first[i], (i == 0 || i == 3 ? n : 4 * n) * sizeof *a);
            }
        }
        release_held();
    }
}

static void expect_refusal(const char *spec, const elbow_field *field, const char *word) {
    const elbow_shape shape = {.field = field};
    elbow_params params = {0};
    elbow_net *net = NULL;
    assert_int_equal(elbow_net_create(&net, "n", spec, "relu", &shape, 0, &params), ELBOW_USAGE);
    if (!strstr(elbow_error_message(), word)) fail_msg("%s: %s", spec, elbow_error_message());
    elbow_net_destroy(&net);
    elbow_params_destroy(&params);
}

static void refusals(void **state) {
    (void)state;
    const elbow_field text = sequence_field(SYMBOLS, LONGEST, false);
    const elbow_field image = {.kind = ELBOW_IMAGE, .height = 2, .width = 2, .channels = 1, .dimensions = 4};
    expect_refusal("embed 4", &text, "gru");
    expect_refusal("embed 4 5 gru 3", &text, "sequences");
    expect_refusal("gru 4", &text, "embed");
    expect_refusal("embed 4 gru 3 gru", &text, "WIDTH");
    expect_refusal("embed 4 gru 3x2", &text, "3x2");
    expect_refusal("embed 0 gru 3", &text, "embed 0");
    expect_refusal("embed 4 gru 4 embed 3", &text, "first");
    expect_refusal("embed 4", &image, "images");
}

static void likelihood_refusals(void **state) {
    (void)state;
    const elbow_field text = sequence_field(SYMBOLS, LONGEST, false);
    const elbow_shape features = elbow_shape_flat(3);
    static const char *const wrong[] = {"gru",
                                        "gru 0",
                                        "gru 4x",
                                        "gru 4 5",
                                        "transformer",
                                        "transformer 4",
                                        "transformer 2x7x2",
                                        "transformer 2x8x2x1",
                                        "transformer 0x8x2",
                                        "transformer 2x8x-2"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i) {
        char setting[64] = "model.likelihood=";
        elbow_options *options = NULL;
        elbow_params params = {0};
        elbow_likelihood likelihood = {0};
        strcat(setting, wrong[i]);
        assert_int_equal(elbow_options_create(&options), ELBOW_OK);
        assert_int_equal(elbow_options_set(options, setting), ELBOW_OK);
        assert_int_equal(elbow_likelihood_create(&likelihood, options, &features, &text, &params),
                         ELBOW_USAGE);
        assert_non_null(strstr(elbow_error_message(), "model.likelihood"));
        elbow_likelihood_destroy(&likelihood);
        elbow_params_destroy(&params);
        elbow_options_destroy(&options);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_plain), cmocka_unit_test(again),    cmocka_unit_test(columns),
        cmocka_unit_test(gate_bits),     cmocka_unit_test(refusals), cmocka_unit_test(likelihood_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
