/* Layers and networks: gradients in x, W and b against central differences, for every activation. */
#include "differences.h"

#include "elbow/nn/net.h"
#include "nn/dense.h"

static const char *const activations[] = {"linear", "relu", "leaky_relu", "tanh"};
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
    assert_int_equal(elbow_dense_create(&c.dense, "layer", in, out, function, &params), ELBOW_OK);
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

typedef struct net_case {
    elbow_net *net;
    elbow_pass pass;
    size_t rows;
    real *x, *weights;
} net_case;

static double net_loss(void *context) {
    net_case *c = context;
    const real *y = elbow_net_forward(c->net, &c->pass, c->x, c->rows);
    return dot(c->weights, y, c->rows * elbow_net_output_width(c->net));
}

static void one_net(const char *activation, const char *spec, size_t in, size_t rows) {
    elbow_params params = {0};
    elbow_arena *arena = NULL;
    net_case c = {.rows = rows};
    assert_int_equal(elbow_net_create(&c.net, "net", spec, activation, in, &params), ELBOW_OK);
    assert_int_equal(elbow_arena_create(&arena), ELBOW_OK);
    assert_int_equal(elbow_net_reserve(c.net, rows + 3, true, arena), ELBOW_OK); /* fewer rows than room */
    size_t out = elbow_net_output_width(c.net);
    real *theta = hold_parameters(&params, "test.theta", 1), *gradient = hold_zeros(params.size);
    c.pass = (elbow_pass){.parameters = theta, .gradients = gradient, .purpose = ""};
    c.x = hold_reals("test.x", rows * in, -2, 2);
    c.weights = hold_reals("test.weights", rows * out, -1, 1);

    net_loss(&c);
    real *dy = hold_copy(c.weights, rows * out * sizeof *dy, 0);
    real *dx = elbow_net_backward(c.net, &c.pass, dy, rows, true);
    real *kept = hold_copy(dx, rows * in * sizeof *dx, 0);
    check_gradient(spec, net_loss, &c, c.x, kept, rows * in);
    check_gradient(spec, net_loss, &c, theta, gradient, params.size);
    check_gaps(&params, gradient);

    /* Without dx the parameters' gradients are the same, bit for bit. */
    c.pass.gradients = hold_zeros(params.size);
    net_loss(&c);
    memcpy(dy, c.weights, rows * out * sizeof *dy);
    real *none = elbow_net_backward(c.net, &c.pass, dy, rows, false);
    if (params.tensor_count > 0) assert_null(none);
    assert_memory_equal(c.pass.gradients, gradient, params.size * sizeof *gradient);
    elbow_net_destroy(&c.net);
    elbow_arena_destroy(&arena);
    elbow_params_destroy(&params);
    release_held();
}

static void nets(void **state) {
    (void)state;
    for (int a = 0; a < ACTIVATIONS; ++a) {
        one_net(activations[a], "4", 6, 3);
        one_net(activations[a], "9 4 5", 6, 5);
        one_net(activations[a], "1 1", 2, 1);
    }
}

/* No layers: the output is the input, and so are their gradients. */
static void empty_net(void **state) {
    (void)state;
    elbow_params params = {0};
    elbow_arena *arena = NULL;
    elbow_net *net = NULL;
    elbow_pass pass = {.purpose = ""};
    real x[6] = {1, 2, 3, 4, 5, 6}, dy[6] = {6, 5, 4, 3, 2, 1};
    assert_int_equal(elbow_arena_create(&arena), ELBOW_OK);
    for (int spaces = 0; spaces < 2; ++spaces) {
        assert_int_equal(elbow_net_create(&net, "net", spaces ? " \t " : "", "relu", 3, &params), ELBOW_OK);
        assert_int_equal(elbow_net_reserve(net, 2, true, arena), ELBOW_OK);
        assert_int_equal(params.size, 0);
        assert_int_equal(elbow_net_output_width(net), 3);
        assert_ptr_equal(elbow_net_forward(net, &pass, x, 2), x);
        real *dx = elbow_net_backward(net, &pass, dy, 2, true);
        for (int i = 0; i < 6; ++i) assert_true(dx[i] == 6 - i);
        elbow_net_destroy(&net);
    }
    elbow_arena_destroy(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense),
        cmocka_unit_test(nets),
        cmocka_unit_test(empty_net),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
