/* Layers and networks: gradients in x, W and b against central differences, for every activation; what is given,
 * joined; parameters shared by two networks. */
#include "differences.h"

#include "elbow/nn/net.h"
#include "nn/dense.h"

static const char *const activations[] = {"linear", "relu", "leaky_relu", "tanh", "gelu"};
enum { ACTIVATIONS = sizeof activations / sizeof *activations };

typedef struct dense_case {
    elbow_dense dense;
    elbow_pass pass;
    size_t rows;
    real *x, *y, *weights;
} dense_case;

static double dense_loss(void *context) {
    dense_case *c = context;
    elbow_dense_forward(&c->dense, &c->pass, c->y, c->x, c->rows);
    return dot(c->weights, c->y, c->rows * c->dense.out);
}

static void one_dense(const char *activation, size_t in, size_t out, size_t rows) {
    elbow_params params = {0};
    dense_case c = {.rows = rows};
    const elbow_activation *function = NULL;
    assert_int_equal(elbow_activation_find(activation, &function), ELBOW_OK);
    elbow_arena *arena = NULL;
    assert_int_equal(elbow_dense_create(&c.dense, "layer", in, out, function, &params), ELBOW_OK);
    assert_int_equal(elbow_arena_create(&arena), ELBOW_OK);
    assert_int_equal(elbow_dense_reserve(&c.dense, rows, arena), ELBOW_OK);
    real *theta = hold_parameters(&params, "test.theta", 1), *gradient = hold_zeros(params.size);
    real *dx = hold_reals("test.old", rows * in, 5, 9), *dy = hold(rows * out * sizeof *dy, 0);
    c.pass = (elbow_pass){.parameters = theta, .gradients = gradient, .purpose = ""};
    c.x = hold_reals("test.x", rows * in, -2, 2);
    c.y = hold(rows * out * sizeof *c.y, 0);
    c.weights = hold_reals("test.weights", rows * out, -1, 1);

    dense_loss(&c);
    memcpy(dy, c.weights, rows * out * sizeof *dy);
    elbow_dense_backward(&c.dense, &c.pass, dx, dy, c.y, c.x, rows);
    check_gradient(activation, dense_loss, &c, c.x, dx, rows * in);
    check_gradient(activation, dense_loss, &c, theta + c.dense.weight, gradient + c.dense.weight, in * out);
    check_gradient(activation, dense_loss, &c, theta + c.dense.bias, gradient + c.dense.bias, out);
    check_gaps(&params, gradient);

    /* Gradients are added to; dx may be left out. */
    real *twice = hold_copy(gradient, params.size * sizeof *gradient, 0);
    c.pass.gradients = twice;
    dense_loss(&c);
    memcpy(dy, c.weights, rows * out * sizeof *dy);
    elbow_dense_backward(&c.dense, &c.pass, NULL, dy, c.y, c.x, rows);
    for (size_t i = 0; i < params.size; ++i) assert_true(fabs(twice[i] - 2 * gradient[i]) < 1e-13);
    elbow_arena_destroy(&arena);
    elbow_params_destroy(&params);
    release_held();
}

static void dense(void **state) {
    (void)state;
    for (int a = 0; a < ACTIVATIONS; ++a) {
        one_dense(activations[a], 5, 7, 4);
        one_dense(activations[a], 1, 1, 1);
        one_dense(activations[a], 17, 3, 1);
        one_dense(activations[a], 3, 18, 9);
    }
}

/* A network alone with its parameters, at rows of reals and what is given for each example. */
typedef struct net_case {
    elbow_net *net;
    elbow_arena *arena;
    elbow_params params;
    elbow_pass pass;
    elbow_net_input input;
    size_t given;
    real *theta, *gradient, *x, *weights;
} net_case;

static double net_loss(void *context) {
    net_case *c = context;
    const real *y = elbow_net_forward(c->net, &c->pass, &c->input);
    return dot(c->weights, y, c->input.rows * elbow_net_output_width(c->net));
}

static void open_net(net_case *c, const char *activation, const char *spec, const elbow_shape *in,
                     size_t given, size_t rows, size_t batch) {
    *c = (net_case){.given = given};
    elbow_status status = elbow_net_create(&c->net, "net", spec, activation, in, given, &c->params);
    if (status != ELBOW_OK) fail_msg("%s", elbow_error_message());
    assert_int_equal(elbow_arena_create(&c->arena), ELBOW_OK);
    assert_int_equal(elbow_net_reserve(c->net, rows + 3, true, c->arena),
                     ELBOW_OK); /* fewer rows than room */
    c->theta = hold_parameters(&c->params, "test.theta", 1);
    c->gradient = hold_zeros(c->params.size);
    c->pass = (elbow_pass){.parameters = c->theta, .gradients = c->gradient, .seed = 5, .purpose = ""};
    c->x = hold_reals("test.x", rows * in->width, -2, 2);
    c->weights = hold_reals("test.weights", rows * elbow_net_output_width(c->net), -1, 1);
    c->input = (elbow_net_input){.x = in->width > 0 ? c->x : NULL, .rows = rows, .batch = batch};
    if (given > 0) c->input.given = hold_reals("test.given", batch * given, -1, 1);
}

static void close_net(net_case *c) {
    elbow_net_destroy(&c->net);
    elbow_arena_destroy(&c->arena);
    elbow_params_destroy(&c->params);
    release_held();
}

static real *net_backward(net_case *c, bool want_dx) {
    size_t bytes = c->input.rows * elbow_net_output_width(c->net) * sizeof(real);
    net_loss(c);
    return elbow_net_backward(c->net, &c->pass, hold_copy(c->weights, bytes, 0), want_dx);
}

static void check_net(const char *activation, const char *spec, const elbow_shape *in, size_t given,
                      size_t rows, size_t batch) {
    net_case c;
    open_net(&c, activation, spec, in, given, rows, batch);
    real *dx = net_backward(&c, true);
    real *kept = hold_copy(dx, rows * in->width * sizeof *dx, 0);
    check_gradient(spec, net_loss, &c, c.x, kept, rows * in->width);
    check_gradient(spec, net_loss, &c, c.theta, c.gradient, c.params.size);
    check_gaps(&c.params, c.gradient);

    /* Without dx the parameters' gradients are the same, bit for bit. */
    c.pass.gradients = hold_zeros(c.params.size);
    real *none = net_backward(&c, false);
    if (c.params.tensor_count > 0) assert_null(none);
    assert_memory_equal(c.pass.gradients, c.gradient, c.params.size * sizeof *c.gradient);

    /* Frozen, dx is the same and the parameters get nothing. */
    c.pass.frozen = true;
    assert_memory_equal(net_backward(&c, true), kept, rows * in->width * sizeof *kept);
    net_backward(&c, false);
    assert_memory_equal(c.pass.gradients, c.gradient, c.params.size * sizeof *c.gradient);
    close_net(&c);
}

static void nets(void **state) {
    (void)state;
    for (int a = 0; a < ACTIVATIONS; ++a) {
        const elbow_shape six = elbow_shape_flat(6), two = elbow_shape_flat(2);
        check_net(activations[a], "4", &six, 0, 3, 3);
        check_net(activations[a], "9 4 5", &six, 0, 5, 5);
        check_net(activations[a], "1 1", &two, 0, 1, 1);
    }
}

/* Every kind of layer in one network, and words of a spec in both dresses. */
static void mixed_nets(void **state) {
    (void)state;
    const elbow_shape image = elbow_shape_image(5, 3, 2), flat = elbow_shape_flat(7);
    check_net("gelu", "conv 3x3s2 layernorm conv:2x2 5", &image, 0, 3, 3);
    check_net("tanh", "dropout 0.3 12 dropout:0.5 layernorm reshape 2x3x2 deconv 2x3s2 conv 1x2", &flat, 0, 4,
              4);
    check_net("leaky_relu", "reshape 1x7x1 conv 2x3s3 deconv 2x4s2", &flat, 0, 2, 2);
    check_net("relu", "reshape 1x7x1 reshape 7x1x1", &flat, 0, 2, 2);
    check_net("tanh", "signs 4 signs", &flat, 0, 2, 2);
}

/* What is given joins flat rows at the input, images at the output; and reaches every draw of its example. */
static void given_joins(void **state) {
    (void)state;
    const elbow_shape flat = elbow_shape_flat(4), image = elbow_shape_image(2, 3, 1);
    const elbow_shape nothing = elbow_shape_flat(0);
    for (size_t draws = 1; draws <= 3; ++draws) {
        check_net("tanh", "5 3", &flat, 3, 2 * draws, 2);
        check_net("tanh", "", &flat, 3, 2 * draws, 2);
        check_net("tanh", "5", &nothing, 3, 2 * draws, 2); /* what is given alone: a learned prior */
        check_net("tanh", "conv 2x3", &image, 3, 2 * draws, 2);
        check_net("tanh", "reshape 2x2x1", &flat, 1, 2 * draws, 2);

        net_case c;
        open_net(&c, "tanh", "reshape 1x2x2", &flat, 3, 2 * draws, 2);
        const elbow_shape *shape = elbow_net_output(c.net);
        assert_true(shape->width == 7 && shape->height == 0);
        const real *y = elbow_net_forward(c.net, &c.pass, &c.input);
        for (size_t r = 0; r < 2 * draws; ++r) {
            assert_memory_equal(y + 7 * r, c.x + 4 * r, 4 * sizeof *y);
            assert_memory_equal(y + 7 * r + 4, c.input.given + 3 * (r % 2), 3 * sizeof *y);
        }
        close_net(&c);

        /* Joined at the input: as a plain network whose rows have it already. */
        open_net(&c, "tanh", "5 3", &flat, 3, 2 * draws, 2);
        net_case plain;
        const elbow_shape joined = elbow_shape_flat(7);
        open_net(&plain, "tanh", "5 3", &joined, 0, 2 * draws, 2);
        for (size_t r = 0; r < 2 * draws; ++r) {
            memcpy(plain.x + 7 * r, c.x + 4 * r, 4 * sizeof *c.x);
            memcpy(plain.x + 7 * r + 4, c.input.given + 3 * (r % 2), 3 * sizeof *c.x);
        }
        memcpy(plain.theta, c.theta, c.params.size * sizeof *c.theta);
        assert_memory_equal(elbow_net_forward(c.net, &c.pass, &c.input),
                            elbow_net_forward(plain.net, &plain.pass, &plain.input), 6 * draws * sizeof *y);
        elbow_net_destroy(&plain.net);
        elbow_arena_destroy(&plain.arena);
        elbow_params_destroy(&plain.params);
        close_net(&c);
    }
}

/* The values of an image field reach the first layer as rows; those of a table as one-hot columns. */
static void values_as_rows(void **state) {
    (void)state;
    real pixels[2 * 6], codes[2 * 3] = {0, 1, (real)NAN, 1, 1, 0}, given[2] = {5, 7};
    elbow_column columns[3] = {{.cardinality = 2}, {.cardinality = 2}, {.cardinality = 2}};
    const elbow_field image = {.kind = ELBOW_IMAGE, .dimensions = 6, .height = 2, .width = 3, .channels = 1};
    const elbow_field table = {.kind = ELBOW_TABLE, .dimensions = 3, .columns = columns};
    const elbow_values fields[2] = {{.field = &image, .reals = pixels}, {.field = &table, .reals = codes}};
    static const real one_hot[2 * 6] = {1, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0};
    for (int i = 0; i < 12; ++i) pixels[i] = (real)(0.5 * i);
    for (int f = 0; f < 2; ++f)
        for (size_t g = 0; g < 2; ++g) {
            elbow_net *net = NULL;
            elbow_arena *arena = NULL;
            elbow_params params = {0};
            const elbow_shape in = {.field = fields[f].field};
            const elbow_pass pass = {.purpose = ""};
            const elbow_net_input input = {
                .values = &fields[f], .given = g ? given : NULL, .rows = 2, .batch = 2};
            assert_int_equal(elbow_net_create(&net, "net", "", "relu", &in, g, &params), ELBOW_OK);
            assert_int_equal(elbow_arena_create(&arena), ELBOW_OK);
            assert_int_equal(elbow_net_reserve(net, 2, false, arena), ELBOW_OK);
            assert_int_equal(elbow_net_output_width(net), 6 + g);
            if (!g) assert_int_equal(elbow_net_output(net)->across, 3);
            const real *y = elbow_net_forward(net, &pass, &input), *expected = f ? one_hot : pixels;
            for (size_t r = 0; r < 2; ++r) {
                assert_memory_equal(y + r * (6 + g), expected + 6 * r, 6 * sizeof *y);
                if (g) assert_true(y[r * 7 + 6] == given[r]);
            }
            elbow_net_destroy(&net);
            elbow_arena_destroy(&arena);
        }
}

/* Two networks over one set of parameters: gradients of both add up in it. */
typedef struct two_nets {
    net_case first;
    elbow_net *second;
    elbow_net_input input;
} two_nets;

static double both_losses(void *context) {
    two_nets *c = context;
    const real *y = elbow_net_forward(c->second, &c->first.pass, &c->input);
    double sum = dot(c->first.weights, y, c->input.rows * elbow_net_output_width(c->second));
    return sum + net_loss(&c->first);
}

static void shared_parameters(void **state) {
    (void)state;
    static const char *const specs[] = {"6 3", "reshape 2x2x1 conv 2x3 layernorm deconv 1x2s2 3"};
    const elbow_shape four = elbow_shape_flat(4), five = elbow_shape_flat(5);
    for (int s = 0; s < 2; ++s) {
        two_nets c = {0};
        open_net(&c.first, "tanh", specs[s], &four, 0, 3, 3);
        elbow_params *params = &c.first.params;
        const size_t size = params->size;
        elbow_net *refused = NULL;
        assert_int_not_equal(elbow_net_create(&refused, "net", specs[s], "tanh", &four, 0, params), ELBOW_OK);
        assert_null(refused);
        params->sharing = true;
        assert_int_equal(elbow_net_create(&c.second, "net", specs[s], "tanh", &four, 0, params), ELBOW_OK);
        assert_int_equal(params->size, size);
        if (s == 0) /* a shape that differs is no share */
            assert_int_not_equal(elbow_net_create(&refused, "net", specs[s], "tanh", &five, 0, params),
                                 ELBOW_OK);
        assert_int_equal(elbow_net_reserve(c.second, 2, true, c.first.arena), ELBOW_OK);
        c.input = (elbow_net_input){.x = hold_reals("test.other", 8, -2, 2), .rows = 2, .batch = 2};

        both_losses(&c);
        size_t out = elbow_net_output_width(c.second);
        elbow_net_backward(c.second, &c.first.pass, hold_copy(c.first.weights, 2 * out * sizeof(real), 0),
                           false);
        net_backward(&c.first, false);
        check_gradient(specs[s], both_losses, &c, c.first.theta, c.first.gradient, size);
        elbow_net_destroy(&c.second);
        close_net(&c.first);
    }
}

/* No layers: the output is the input, and so are their gradients. */
static void empty_net(void **state) {
    (void)state;
    const elbow_shape three = elbow_shape_flat(3);
    elbow_params params = {0};
    elbow_arena *arena = NULL;
    elbow_net *net = NULL;
    elbow_pass pass = {.purpose = ""};
    real x[6] = {1, 2, 3, 4, 5, 6}, dy[6] = {6, 5, 4, 3, 2, 1};
    const elbow_net_input input = {.x = x, .rows = 2, .batch = 2};
    assert_int_equal(elbow_arena_create(&arena), ELBOW_OK);
    for (int spaces = 0; spaces < 2; ++spaces) {
        assert_int_equal(elbow_net_create(&net, "net", spaces ? " \t " : "", "relu", &three, 0, &params),
                         ELBOW_OK);
        assert_int_equal(elbow_net_reserve(net, 2, true, arena), ELBOW_OK);
        assert_int_equal(params.size, 0);
        assert_int_equal(elbow_net_output_width(net), 3);
        assert_ptr_equal(elbow_net_forward(net, &pass, &input), x);
        real *dx = elbow_net_backward(net, &pass, dy, true);
        for (int i = 0; i < 6; ++i) assert_true(dx[i] == 6 - i);
        elbow_net_destroy(&net);
    }
    elbow_arena_destroy(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense),       cmocka_unit_test(nets),           cmocka_unit_test(mixed_nets),
        cmocka_unit_test(given_joins), cmocka_unit_test(values_as_rows), cmocka_unit_test(shared_parameters),
        cmocka_unit_test(empty_net),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
