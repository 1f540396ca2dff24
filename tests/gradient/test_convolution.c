/* Convolutions, their transposes and layer normalisation: values against plain loops, adjointness, and gradients against
 * central differences, over odd sizes, strides, kernels larger than the image. */
#include <stdio.h>

#include "differences.h"

#include "elbow/nn/net.h"
#include "math/convolution.h"
#include "math/normalization.h"

typedef struct geometry {
    size_t height, across, channels, features, kernel, stride;
} geometry;

static const geometry geometries[] = {
    {5, 7, 2, 3, 3, 1}, {7, 5, 1, 4, 3, 2}, {4, 4, 3, 2, 4, 2},  {6, 6, 2, 5, 5, 3}, {3, 2, 2, 3, 7, 1},
    {2, 3, 1, 1, 6, 2}, {1, 9, 4, 3, 3, 1}, {1, 10, 2, 2, 4, 2}, {8, 1, 3, 2, 5, 3}, {1, 1, 5, 4, 3, 1},
    {5, 5, 2, 2, 1, 1}, {5, 6, 2, 2, 1, 2}, {6, 7, 1, 2, 2, 3},  {4, 9, 5, 1, 3, 3}, {6, 6, 4, 2, 2, 1},
    {4, 4, 4, 3, 3, 1}, {9, 8, 3, 2, 5, 2}, {3, 3, 7, 2, 2, 2},
};
enum { GEOMETRIES = sizeof geometries / sizeof *geometries };

static elbow_convolution make(const geometry *g, size_t examples) {
    elbow_convolution c =
        elbow_convolution_same(g->height, g->across, g->channels, g->features, g->kernel, g->stride);
    c.windows = hold_reals("test.old", elbow_convolution_scratch(&c, examples), 3, 5);
    return c;
}

static void say(char text[128], const geometry *g) {
    snprintf(text, 128, "%zux%zux%zu to %zu, kernel %zu, stride %zu", g->height, g->across, g->channels,
             g->features, g->kernel, g->stride);
}

/* What math/convolution.h says, one product at a time; padding as it says it, anew. */
typedef void on_product(void *context, size_t small, size_t weight, size_t large);

static size_t zeros_before(size_t side, size_t kernel, size_t stride) {
    long outputs = (long)((side + stride - 1) / stride);
    long total = (outputs - 1) * (long)stride + (long)kernel - (long)side;
    return total > 0 ? (size_t)total / 2 : 0;
}

static void each_product(const geometry *g, size_t examples, on_product *visit, void *context) {
    const size_t kh = g->height == 1 ? 1 : g->kernel, ka = g->across == 1 ? 1 : g->kernel, s = g->stride;
    const size_t rows = (g->height + s - 1) / s, columns = (g->across + s - 1) / s;
    const size_t top = zeros_before(g->height, kh, s), left = zeros_before(g->across, ka, s);
    for (size_t e = 0; e < examples; ++e)
        for (size_t i = 0; i < rows; ++i)
            for (size_t j = 0; j < columns; ++j)
                for (size_t f = 0; f < g->features; ++f)
                    for (size_t u = 0; u < kh; ++u)
                        for (size_t v = 0; v < ka; ++v)
                            for (size_t k = 0; k < g->channels; ++k) {
                                size_t y = i * s + u, x = j * s + v;
                                if (y < top || y - top >= g->height || x < left || x - left >= g->across)
                                    continue;
                                visit(context, ((e * rows + i) * columns + j) * g->features + f,
                                      ((f * kh + u) * ka + v) * g->channels + k,
                                      ((e * g->height + y - top) * g->across + x - left) * g->channels + k);
                            }
}

typedef struct plain {
    const real *small, *weights, *large;
    real *convolved, *adjoint, *dweights;
} plain;

static void add_product(void *context, size_t small, size_t weight, size_t large) {
    plain *p = context;
    p->convolved[small] += p->weights[weight] * p->large[large];
    p->adjoint[large] += p->weights[weight] * p->small[small];
    p->dweights[weight] += p->small[small] * p->large[large];
}

static void same_values(const char *what, const char *where, const real *a, const real *b, size_t n) {
    for (size_t i = 0; i < n; ++i)
        if (!(fabs(a[i] - b[i]) <= 1e-12 * (1 + fabs(b[i]))))
            fail_msg("%s, %s: element %zu is %.15g, plainly %.15g", where, what, i, a[i], b[i]);
}

static void kernels_match_plain(void **state) {
    (void)state;
    for (int q = 0; q < GEOMETRIES; ++q)
        for (size_t examples = 1; examples <= 4; examples += 3) {
            const geometry *g = &geometries[q];
            elbow_convolution c = make(g, examples);
            size_t small = examples * elbow_convolution_small(&c),
                   large = examples * elbow_convolution_large(&c);
            size_t weights = c.features * elbow_convolution_window(&c);
            plain p = {.small = hold_reals("test.small", small, -1, 1),
                       .weights = hold_reals("test.weights", weights, -1, 1),
                       .large = hold_reals("test.large", large, -1, 1),
                       .convolved = hold_zeros(small),
                       .adjoint = hold_zeros(large),
                       .dweights = hold_reals("test.dweights", weights, -1, 1)};
            real *dweights = hold_copy(p.dweights, weights * sizeof(real), 0);
            real *also = hold_copy(dweights, weights * sizeof(real), 0);
            real *convolved = hold(small * sizeof(real), 0), *adjoint = hold(large * sizeof(real), 0);
            real *shared = hold(small * sizeof(real), 0);
            char where[128];
            say(where, g);
            each_product(g, examples, add_product, &p);
            elbow_convolve(&c, convolved, p.large, p.weights, examples);
            elbow_convolve_adjoint(&c, adjoint, p.small, p.weights, examples);
            elbow_convolve_weights(&c, dweights, p.small, p.large, shared, p.weights, examples);
            elbow_convolve_weights(&c, also, p.small, p.large, NULL, NULL, examples);
            same_values("convolved", where, convolved, p.convolved, small);
            same_values("adjoint", where, adjoint, p.adjoint, large);
            same_values("gradient", where, dweights, p.dweights, weights);
            assert_memory_equal(also, dweights, weights * sizeof(real));
            assert_memory_equal(shared, convolved, small * sizeof(real));
            release_held();
        }
}

/* More examples than a block holds: each example comes out as it does alone. */
static void blocks_are_seamless(void **state) {
    (void)state;
    const geometry g = {20, 20, 3, 2, 5, 1};
    elbow_convolution c = make(&g, 20);
    const size_t block = elbow_convolution_block(&c), examples = 2 * block + 1;
    assert_true(block > 1 && examples < 20);
    size_t small = elbow_convolution_small(&c), large = elbow_convolution_large(&c);
    size_t weights = c.features * elbow_convolution_window(&c);
    real *x = hold_reals("test.large", examples * large, -1, 1),
         *w = hold_reals("test.weights", weights, -1, 1);
    real *z = hold_reals("test.small", examples * small, -1, 1);
    real *y = hold(examples * small * sizeof(real), 0), *one_y = hold(small * sizeof(real), 0);
    real *b = hold(examples * large * sizeof(real), 0), *one_b = hold(large * sizeof(real), 0);
    real *dw = hold_zeros(weights), *sum = hold_zeros(weights);
    elbow_convolve(&c, y, x, w, examples);
    elbow_convolve_adjoint(&c, b, z, w, examples);
    elbow_convolve_weights(&c, dw, z, x, NULL, NULL, examples);
    for (size_t e = 0; e < examples; ++e) {
        elbow_convolve(&c, one_y, x + e * large, w, 1);
        elbow_convolve_adjoint(&c, one_b, z + e * small, w, 1);
        elbow_convolve_weights(&c, sum, z + e * small, x + e * large, NULL, NULL, 1);
        same_values("convolved", "blocks", y + e * small, one_y, small);
        same_values("adjoint", "blocks", b + e * large, one_b, large);
    }
    for (size_t i = 0; i < weights; ++i) assert_true(fabs(dw[i] - sum[i]) < 1e-10);
    release_held();
}

/* A layer alone in a network, at images of a shape. */
typedef struct layer_case {
    elbow_net *net;
    elbow_arena *arena;
    elbow_params params;
    elbow_pass pass;
    elbow_net_input input;
    size_t in, out;
    real *theta, *gradient, *x, *weights;
} layer_case;

static void open_layer(layer_case *c, const char *activation, const char *spec, elbow_shape in, size_t rows) {
    *c = (layer_case){.in = in.width};
    elbow_status status = elbow_net_create(&c->net, "net", spec, activation, &in, 0, &c->params);
    if (status != ELBOW_OK) fail_msg("%s", elbow_error_message());
    assert_int_equal(elbow_arena_create(&c->arena), ELBOW_OK);
    assert_int_equal(elbow_net_reserve(c->net, rows + 2, true, c->arena), ELBOW_OK);
    c->out = elbow_net_output_width(c->net);
    c->theta = hold_parameters(&c->params, "test.theta", 1);
    c->gradient = hold_zeros(c->params.size);
    c->pass = (elbow_pass){.parameters = c->theta, .gradients = c->gradient, .purpose = ""};
    c->x = hold_reals("test.x", rows * in.width, -2, 2);
    c->weights = hold_reals("test.weights", rows * c->out, -1, 1);
    c->input = (elbow_net_input){.x = c->x, .rows = rows, .batch = rows};
}

static void close_layer(layer_case *c) {
    elbow_net_destroy(&c->net);
    elbow_arena_destroy(&c->arena);
    elbow_params_destroy(&c->params);
}

static const real *run(layer_case *c) { return elbow_net_forward(c->net, &c->pass, &c->input); }

static double loss(void *context) {
    layer_case *c = context;
    return dot(c->weights, run(c), c->input.rows * c->out);
}

static void check_layer(const char *activation, const char *spec, elbow_shape in, size_t rows) {
    layer_case c;
    char where[128];
    open_layer(&c, activation, spec, in, rows);
    loss(&c);
    real *dy = hold_copy(c.weights, rows * c.out * sizeof(real), 0);
    real *dx = hold_copy(elbow_net_backward(c.net, &c.pass, dy, true), rows * c.in * sizeof(real), 0);
    snprintf(where, sizeof where, "%s (%s) on %zux%zux%zu", spec, activation, in.height, in.across,
             in.channels);
    check_gradient(where, loss, &c, c.x, dx, rows * c.in);
    check_gradient(where, loss, &c, c.theta, c.gradient, c.params.size);
    check_gaps(&c.params, c.gradient);

    real *once = hold_copy(c.gradient, c.params.size * sizeof(real), 0); /* gradients are added to */
    loss(&c);
    elbow_net_backward(c.net, &c.pass, hold_copy(c.weights, rows * c.out * sizeof(real), 0), false);
    for (size_t i = 0; i < c.params.size; ++i)
        assert_true(fabs(c.gradient[i] - 2 * once[i]) <= 1e-12 * (1 + fabs(once[i])));
    close_layer(&c);
    release_held();
}

static void layer_gradients(void **state) {
    (void)state;
    static const char *const activations[] = {"linear", "tanh", "gelu", "relu"};
    for (int q = 0; q < GEOMETRIES; ++q) {
        const geometry *g = &geometries[q];
        char conv[64], deconv[80];
        snprintf(conv, sizeof conv, "conv %zux%zus%zu", g->features, g->kernel, g->stride);
        snprintf(deconv, sizeof deconv, "de%s", conv);
        elbow_shape in = elbow_shape_image(g->height, g->across, g->channels);
        check_layer(activations[q % 4], conv, in, 1 + (size_t)q % 3);
        if (in.height * in.across == 1) continue; /* a deconv of one pixel is refused, see test_layers.c */
        elbow_shape small = elbow_shape_image(g->height > 1 ? 2 : 1, g->across > 1 ? 3 : 1, g->channels);
        check_layer(activations[q % 4], deconv, small, 1 + (size_t)q % 3);
    }
}

/* ⟨conv x, y⟩ = ⟨x, deconv y⟩ where both have the same weights, no bias and no activation. */
static void deconv_is_adjoint(void **state) {
    (void)state;
    static const size_t kernels[] = {1, 2, 3, 4, 5, 9};
    for (size_t stride = 1; stride <= 3; ++stride)
        for (int k = 0; k < 6; ++k)
            for (int flat = 0; flat < 2; ++flat) {
                enum { ROWS = 2, IN = 3, OUT = 2 };
                char conv[64], deconv[80];
                layer_case a, b;
                size_t height = flat ? 1 : 2, across = 3;
                elbow_shape large = elbow_shape_image(flat ? 1 : height * stride, across * stride, IN);
                elbow_shape small = elbow_shape_image(height, across, OUT);
                snprintf(conv, sizeof conv, "conv %dx%zus%zu", OUT, kernels[k], stride);
                snprintf(deconv, sizeof deconv, "deconv %dx%zus%zu", IN, kernels[k], stride);
                open_layer(&a, "linear", conv, large, ROWS);
                open_layer(&b, "linear", deconv, small, ROWS);
                assert_int_equal(a.out, b.in);
                assert_int_equal(a.in, b.out);
                const elbow_tensor *wa = elbow_params_find(&a.params, "net.0.weight"),
                                   *wb = elbow_params_find(&b.params, "net.0.weight");
                assert_memory_equal(wa->shape, wb->shape, sizeof wa->shape);
                memset(a.theta, 0, a.params.size * sizeof(real));
                memset(b.theta, 0, b.params.size * sizeof(real));
                real *w = hold_reals("test.shared", wa->count, -1, 1);
                memcpy(a.theta + wa->offset, w, wa->count * sizeof(real));
                memcpy(b.theta + wb->offset, w, wb->count * sizeof(real));
                double forth = dot(b.x, run(&a), ROWS * a.out), back = dot(a.x, run(&b), ROWS * a.in);
                if (!(fabs(forth - back) <= 1e-11 * (1 + fabs(forth))))
                    fail_msg("%s: %.15g, %.15g", conv, forth, back);
                close_layer(&a);
                close_layer(&b);
                release_held();
            }
}

static void layer_norm_gradients(void **state) {
    (void)state;
    static const size_t widths[] = {2, 3, 7, 16, 17, 33, 100};
    for (int i = 0; i < 7; ++i)
        for (size_t rows = 1; rows <= 4; rows += 3)
            check_layer("linear", "layernorm", elbow_shape_flat(widths[i]), rows);
    check_layer("linear", "layernorm", elbow_shape_image(3, 2, 5), 3);

    /* The gradient may take the place of what it comes from; its own without dx is the same. */
    enum { N = 37, ROWS = 3 };
    real *x = hold_reals("test.x", N * ROWS, -2, 2), *gain = hold_reals("test.gain", N, -1, 1);
    real *dy = hold_reals("test.dy", N * ROWS, -1, 1), *dx = hold(N * ROWS * sizeof(real), 0);
    real *y = hold(N * ROWS * sizeof(real), 0), *g[3], *b[3], mean[ROWS], scale[ROWS];
    for (int i = 0; i < 3; ++i) g[i] = hold_zeros(N), b[i] = hold_zeros(N);
    elbow_layer_norm(y, mean, scale, x, gain, gain, ROWS, N);
    elbow_layer_norm_backward(dx, g[0], b[0], dy, mean, scale, x, gain, ROWS, N);
    elbow_layer_norm_backward(NULL, g[1], b[1], dy, mean, scale, x, gain, ROWS, N);
    elbow_layer_norm_backward(dy, g[2], b[2], dy, mean, scale, x, gain, ROWS, N);
    assert_memory_equal(dx, dy, N * ROWS * sizeof(real));
    for (int i = 1; i < 3; ++i) {
        assert_memory_equal(g[0], g[i], N * sizeof(real));
        assert_memory_equal(b[0], b[i], N * sizeof(real));
    }
    release_held();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_match_plain),  cmocka_unit_test(blocks_are_seamless),
        cmocka_unit_test(layer_gradients),      cmocka_unit_test(deconv_is_adjoint),
        cmocka_unit_test(layer_norm_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
