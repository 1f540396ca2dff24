/* Recurrent layers and embeddings: every gradient against central differences, on ragged batches. */
#include "differences.h"

#include "elbow/nn/net.h"
#include "nn/gru.h"
#include "unit/sequences.h"

enum { LONGEST = 7, SYMBOLS = 5 };

static const uint32_t ragged[] = {3, 7, 1, 3, 6, 7, 1}, even[] = {4, 4, 4}, single[] = {1},
                      ones[] = {1, 1, 1};

typedef struct batch_case {
    const uint32_t *lengths;
    size_t rows;
} batch_case;
static const batch_case batches[] = {{ragged, 7}, {even, 3}, {single, 1}, {ones, 3}};
enum { BATCHES = sizeof batches / sizeof *batches };

/* ---- the unit alone: with and without a first state and a constant input, both directions ---- */

typedef struct unit_case {
    elbow_gru gru;
    elbow_pass pass;
    elbow_packing packing;
    size_t tokens, places, ld;
    real *x, *constant, *initial, *products, *h, *weights;
} unit_case;

static double unit_loss(void *context) {
    unit_case *c = context;
    if (c->constant) elbow_gru_constant_forward(&c->gru, &c->pass, c->products, c->constant, c->places);
    elbow_gru_forward(&c->gru, &c->pass, &c->packing, c->h, c->ld, c->x, c->products, c->initial);
    double sum = 0;
    for (size_t i = 0; i < c->tokens; ++i) sum += dot(c->weights + i * c->ld, c->h + i * c->ld, c->gru.width);
    return sum;
}

static void one_unit(const batch_case *batch, bool reverse, bool given) {
    enum { IN = 3, CONSTANT = 2, WIDTH = 4, LD = 6 };
    elbow_params params = {0};
    elbow_arena *arena = NULL;
    elbow_field field = sequence_field(SYMBOLS, LONGEST, false);
    assert_int_equal(elbow_arena_create(&arena), ELBOW_OK);
    elbow_examples examples = random_examples(&field, batch->lengths, batch->rows, arena);
    elbow_values values = packed(&examples, arena);
    unit_case c = {.packing = {values.begin, values.steps}, .places = batch->rows, .ld = LD};
    c.tokens = elbow_packing_tokens(&c.packing);
    assert_int_equal(elbow_gru_create(&c.gru, "g", IN, given ? CONSTANT : 0, WIDTH, reverse, &params),
                     ELBOW_OK);
    assert_int_equal(elbow_gru_reserve(&c.gru, c.tokens + 2, c.places + 1, true, arena), ELBOW_OK);
    real *theta = hold_parameters(&params, "test.theta", 1), *gradient = hold_zeros(params.size);
    c.pass = (elbow_pass){.parameters = theta, .gradients = gradient, .purpose = ""};
    c.x = hold_reals("test.x", c.tokens * IN, -2, 2);
    c.h = hold_zeros(c.tokens * LD);
    c.weights = hold_reals("test.weights", c.tokens * LD, -1, 1);
    if (given) {
        c.constant = hold_reals("test.constant", c.places * CONSTANT, -2, 2);
        c.initial = reverse ? NULL : hold_reals("test.initial", c.places * WIDTH, -1, 1);
        c.products = hold_zeros(c.places * 3 * WIDTH);
    }
    real *dx = hold_reals("test.old", c.tokens * IN, 5, 9), *dconstant = hold_zeros(c.places * CONSTANT);
    real *dinitial = hold_reals("test.old", c.places * WIDTH, 5, 9);
    real *dproducts = hold_reals("test.old", c.places * 3 * WIDTH, 5, 9);

    unit_loss(&c);
    elbow_gru_backward(&c.gru, &c.pass, &c.packing, dx, given ? dproducts : NULL, c.initial ? dinitial : NULL,
                       c.weights, LD, c.x);
    if (given) elbow_gru_constant_backward(&c.gru, &c.pass, dconstant, dproducts, c.constant, c.places);
    check_gradient("x", unit_loss, &c, c.x, dx, c.tokens * IN);
    if (given) check_gradient("constant", unit_loss, &c, c.constant, dconstant, c.places * CONSTANT);
    if (c.initial) check_gradient("initial", unit_loss, &c, c.initial, dinitial, c.places * WIDTH);
    check_gradient("parameters", unit_loss, &c, theta, gradient, params.size);
    check_gaps(&params, gradient);
    elbow_params_destroy(&params);
    elbow_arena_destroy(&arena);
    release_held();
}

static void units(void **state) {
    (void)state;
    for (int b = 0; b < BATCHES; ++b)
        for (int reverse = 0; reverse < 2; ++reverse) {
            one_unit(&batches[b], reverse, false);
            one_unit(&batches[b], reverse, true);
        }
}

/* ---- networks ---- */

typedef struct net_case {
    elbow_net *net;
    elbow_pass pass;
    elbow_net_input input;
    real *weights;
} net_case;

static double net_loss(void *context) {
    net_case *c = context;
    const real *y = elbow_net_forward(c->net, &c->pass, &c->input);
    return dot(c->weights, y, c->input.rows * elbow_net_output_width(c->net));
}

static void check_net(const char *spec, const elbow_values *values, size_t rows, size_t out) {
    elbow_params params = {0};
    elbow_arena *arena = NULL;
    elbow_shape shape = {.field = values->field};
    net_case c = {.input = {.values = values, .rows = rows, .batch = rows}};
    assert_int_equal(elbow_net_create(&c.net, "net", spec, "tanh", &shape, 0, &params), ELBOW_OK);
    assert_int_equal(elbow_net_output_width(c.net), out);
    assert_int_equal(elbow_arena_create(&arena), ELBOW_OK);
    assert_int_equal(elbow_net_reserve(c.net, rows + 3, true, arena), ELBOW_OK); /* fewer rows than room */
    real *theta = hold_parameters(&params, "test.theta", 1), *gradient = hold_zeros(params.size);
    c.pass = (elbow_pass){.parameters = theta, .gradients = gradient, .purpose = ""};
    c.weights = hold_reals("test.weights", rows * out, -1, 1);
    net_loss(&c);
    real *dy = hold_copy(c.weights, rows * out * sizeof *dy, 0);
    elbow_net_backward(c.net, &c.pass, dy, false);
    check_gradient(spec, net_loss, &c, theta, gradient, params.size);
    check_gaps(&params, gradient);

    /* Gradients are added to. */
    real *twice = hold_copy(gradient, params.size * sizeof *gradient, 0);
    c.pass.gradients = twice;
    net_loss(&c);
    memcpy(dy, c.weights, rows * out * sizeof *dy);
    elbow_net_backward(c.net, &c.pass, dy, false);
    for (size_t i = 0; i < params.size; ++i) assert_true(fabs(twice[i] - 2 * gradient[i]) < 1e-13);

    /* Frozen, nothing is. */
    real *before = hold_copy(twice, params.size * sizeof *twice, 0);
    c.pass.frozen = true;
    net_loss(&c);
    memcpy(dy, c.weights, rows * out * sizeof *dy);
    elbow_net_backward(c.net, &c.pass, dy, false);
    assert_memory_equal(twice, before, params.size * sizeof *twice);
    elbow_net_destroy(&c.net);
    elbow_arena_destroy(&arena);
    elbow_params_destroy(&params);
    release_held();
}

static void sequences(void **state) {
    (void)state;
    static const struct {
        const char *spec;
        size_t out;
    } nets[] = {{"embed 3 gru 4", 4},         {"embed 3 bigru 3", 6},       {"embed 2 gru 3 gru 4", 4},
                {"embed 2 bigru 2 gru 3", 3}, {"embed 2 gru 2 bigru 2", 4}, {"embed 2 bigru 3 5 4", 4}};
    elbow_field field = sequence_field(SYMBOLS, LONGEST, false);
    for (size_t n = 0; n < sizeof nets / sizeof *nets; ++n)
        for (int b = 0; b < BATCHES; ++b) {
            elbow_arena *arena = NULL;
            assert_int_equal(elbow_arena_create(&arena), ELBOW_OK);
            elbow_examples examples = random_examples(&field, batches[b].lengths, batches[b].rows, arena);
            elbow_values values = packed(&examples, arena);
            check_net(nets[n].spec, &values, batches[b].rows, nets[n].out);
            elbow_arena_destroy(&arena);
        }
}

static void columns(void **state) {
    (void)state;
    elbow_column columns[] = {
        {.cardinality = 3, .missing = true}, {.missing = true}, {.cardinality = 2}, {0}};
    const elbow_field field = {.kind = ELBOW_TABLE, .dimensions = 4, .columns = columns};
    real reals[] = {0, (real)0.5, 1, -1, /**/ 2, NAN, 0, 2, /**/ NAN, 1, 0, (real)0.25, /**/ 2, -2, 1, 0};
    elbow_values values = {.field = &field, .reals = reals};
    check_net("embed 3 4", &values, 4, 4);
    check_net("embed 2", &values, 4, 2 + 1 + 1 + 1 + 2 + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units),
        cmocka_unit_test(sequences),
        cmocka_unit_test(columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
