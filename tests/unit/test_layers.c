/* Layers in float: gelu's accuracy, layer normalisation's rows, dropout's draws, what convolutions' bits depend on, and what
 * is said of a spec that cannot be. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "elbow/nn/net.h"
#include "math/activation.h"
#include "math/convolution.h"
#include "math/normalization.h"
#include "nn/layer.h"
#include "unit/numbers.h"

/* Φ by the C library, in double: the lower tail keeps all its digits. */
static double below(double x) { return erfc(-x * 0.70710678118654752440) / 2; }
static double density(double x) { return exp(-x * x / 2) * 0.39894228040143267794; }

static void gelu_is_exact(void **state) {
    (void)state;
    enum { N = 2000003 };
    const elbow_activation *f;
    assert_int_equal(elbow_activation_find("gelu", &f), ELBOW_OK);
    real *v = hold(N * sizeof *v, 0), *y = hold(N * sizeof *y, 0), *dy = hold(N * sizeof *dy, 0);
    for (size_t i = 0; i < N; ++i) v[i] = (real)(-12.8 + 25.6 * (double)i / (N - 1));
    for (size_t i = 0; i < 200; ++i)
        v[i * 31 + 7] = (real)ldexp(i % 2 ? 1 : -1, -(int)(i / 2)); /* around 0 */
    for (size_t i = 0; i < N; ++i) dy[i] = 1;
    f->apply(y, v, N);
    f->backward(dy, v, N);
    double worst = 0, worst_slope = 0;
    for (size_t i = 0; i < N; ++i) {
        double x = (double)v[i], exact = x * below(x), slope = below(x) + x * density(x);
        if (x <= -12.8) continue;
        assert_true(isfinite(y[i]) && isfinite(dy[i]));
        worst = fmax(worst, fabs((double)y[i] - exact) / fabs(exact));
        worst_slope = fmax(worst_slope, fabs((double)dy[i] - slope) / (below(x) + fabs(x) * density(x)));
    }
    print_message("gelu: relative error %.2g, of its slope's terms %.2g\n", worst, worst_slope);
    assert_true(worst < 1e-6 && worst_slope < 1e-6);
    release_held();
}

static void gelu_far_out(void **state) {
    (void)state;
    const elbow_activation *f;
    assert_int_equal(elbow_activation_find("gelu", &f), ELBOW_OK);
    const real most = sizeof(real) == sizeof(float) ? (real)FLT_MAX : (real)DBL_MAX;
    const real v[] = {0, (real)-0.0, -20, 20, -most, most, -(real)INFINITY, (real)INFINITY, (real)NAN};
    const real expected[] = {0, 0, 0, 20, 0, most, 0, (real)INFINITY, (real)NAN};
    const real slopes[] = {(real)0.5, (real)0.5, 0, 1, 0, 1, 0, 1, (real)NAN};
    enum { N = sizeof v / sizeof *v };
    real y[N], dy[N];
    for (int i = 0; i < N; ++i) dy[i] = 1;
    f->apply(y, v, N);
    f->backward(dy, v, N);
    for (int i = 0; i < N; ++i) {
        assert_true(isnan(v[i]) ? isnan(y[i])
                                : fabs((double)(y[i] - expected[i])) < 1e-30 || y[i] == expected[i]);
        assert_true(isnan(v[i]) ? isnan(dy[i]) : fabs((double)(dy[i] - slopes[i])) < 1e-6);
    }
}

/* Against the formula in double; a row's bits do not depend on address or neighbours; a large mean costs nothing. */
static void layer_norm_rows(void **state) {
    (void)state;
    static const size_t sizes[] = {2, 3, 15, 16, 17, 64, 257};
    for (size_t q = 0; q < sizeof sizes / sizeof *sizes; ++q)
        for (int offset = 0; offset < 2; ++offset) {
            const size_t n = sizes[q], rows = 5, bytes = n * rows * sizeof(real);
            real *x = hold_reals("test.x", n * rows, -2, 2), *y = hold(bytes, 0);
            real *gain = hold_reals("test.gain", n, -1, 1), *bias = hold_reals("test.bias", n, -1, 1);
            real mean[5], scale[5], m, s;
            for (size_t i = 0; i < n * rows; ++i) x[i] += offset ? 1024 : 0;
            elbow_layer_norm(y, mean, scale, x, gain, bias, rows, n);
            for (size_t r = 0; r < rows; ++r) {
                double sum = 0, square = 0;
                for (size_t i = 0; i < n; ++i) sum += (double)x[r * n + i] / (double)n;
                for (size_t i = 0; i < n; ++i) square += pow((double)x[r * n + i] - sum, 2) / (double)n;
                /* The mean is known to a few of x's last places. */
                double room = 2e-6 + 5e-7 * (offset ? 1024 : 2) / sqrt(square + 1e-5);
                for (size_t i = 0; i < n; ++i) {
                    double hat = ((double)x[r * n + i] - sum) / sqrt(square + 1e-5);
                    double exact = (1 + (double)gain[i]) * hat + (double)bias[i];
                    assert_true(fabs((double)y[r * n + i] - exact) < room);
                }
                for (size_t shift = 0; shift < 64; shift += 3 * sizeof(real)) {
                    real *from = hold_copy(x + r * n, n * sizeof(real), shift),
                         *to = hold(n * sizeof(real), shift ^ 32);
                    elbow_layer_norm(to, &m, &s, from, gain, bias, 1, n);
                    assert_memory_equal(to, y + r * n, n * sizeof(real));
                    assert_true(m == mean[r] && s == scale[r]);
                }
            }
            release_held();
        }
    real x[4] = {3, 3, 3, 3}, zero[4] = {0}, y[4], m, s; /* a row without variance: zeros, not NaN */
    elbow_layer_norm(y, &m, &s, x, zero, zero, 1, 4);
    for (int i = 0; i < 4; ++i) assert_true(y[i] == 0);
}

/* A network of one kind and its memory. */
typedef struct made {
    elbow_net *net;
    elbow_arena *arena;
    elbow_params params;
    real *theta, *gradient;
    elbow_pass pass;
} made;

static made make(const char *spec, elbow_shape in, size_t rows) {
    made m = {0};
    if (elbow_net_create(&m.net, "net", spec, "linear", &in, 0, &m.params) != ELBOW_OK)
        fail_msg("%s", elbow_error_message());
    assert_int_equal(elbow_arena_create(&m.arena), ELBOW_OK);
    assert_int_equal(elbow_net_reserve(m.net, rows, true, m.arena), ELBOW_OK);
    assert_int_equal(elbow_arena_reals(m.arena, m.params.size, &m.theta), ELBOW_OK);
    assert_int_equal(elbow_arena_reals(m.arena, m.params.size, &m.gradient), ELBOW_OK);
    elbow_params_initialize(&m.params, 3, m.theta);
    m.pass = (elbow_pass){.parameters = m.theta, .gradients = m.gradient, .seed = 7, .purpose = ""};
    return m;
}

static void unmake(made *m) {
    elbow_net_destroy(&m->net);
    elbow_arena_destroy(&m->arena);
    elbow_params_destroy(&m->params);
    release_held();
}

static const real *through(made *m, const real *x, size_t rows, size_t batch) {
    const elbow_net_input input = {.x = x, .rows = rows, .batch = batch};
    return elbow_net_forward(m->net, &m->pass, &input);
}

enum { WIDTH = 301, ROWS = 40 };

static real *ones(size_t n) {
    real *x = hold(n * sizeof *x, 0);
    for (size_t i = 0; i < n; ++i) x[i] = 1;
    return x;
}

static void dropout_law(void **state) {
    (void)state;
    const double rate = 0.3;
    const size_t n = (size_t)WIDTH * ROWS;
    made m = make("dropout 0.3", elbow_shape_flat(WIDTH), ROWS);
    real *x = ones(n), *dy = ones(n);
    const real *y = through(&m, x, ROWS, ROWS);
    size_t dropped = 0, between = 0;
    for (size_t i = 0; i < n; ++i) {
        assert_true(y[i] == 0 || fabs((double)y[i] - 1 / (1 - rate)) < 1e-6);
        dropped += y[i] == 0;
        if (i >= WIDTH) between += (y[i] == 0) != (y[i - WIDTH] == 0);
    }
    const double share = (double)dropped / (double)n, spread = sqrt(rate * (1 - rate) / (double)n);
    assert_true(fabs(share - rate) < 4.5 * spread);
    /* Neighbouring rows differ as independent draws do, at 2 · 0.3 · 0.7 of the places. */
    assert_true(fabs((double)between / (double)(n - WIDTH) - 2 * rate * (1 - rate)) < 0.02);
    const real *dx = elbow_net_backward(m.net, &m.pass, dy, true);
    for (size_t i = 0; i < n; ++i) assert_true(dx[i] == y[i]); /* the same mask; x and dy are 1 */

    m.pass.gradients = NULL; /* outside training: nothing happens */
    assert_memory_equal(through(&m, x, ROWS, ROWS), x, n * sizeof *x);
    unmake(&m);

    m = make("dropout 0", elbow_shape_flat(WIDTH), ROWS);
    x = hold_reals("test.x", n, -1, 1);
    assert_memory_equal(through(&m, x, ROWS, ROWS), x, n * sizeof *x);
    unmake(&m);
}

/* An example's mask is its own: of (seed, shard, step, example, draw), whatever the rows around it. */
static void dropout_coordinates(void **state) {
    (void)state;
    enum { BYTES = WIDTH * sizeof(real) };
    made m = make("dropout 0.5", elbow_shape_flat(WIDTH), ROWS);
    real *x = ones((size_t)WIDTH * ROWS);
    real *all = hold_copy(through(&m, x, ROWS, ROWS), ROWS * BYTES, 0);
    for (size_t first = 0; first < ROWS; first += 7) {
        m.pass.example = (uint32_t)first;
        size_t rows = ROWS - first < 5 ? ROWS - first : 5;
        assert_memory_equal(through(&m, x, rows, rows), all + first * WIDTH, rows * BYTES);
    }
    m.pass.example = 0;
    /* Draws of an example: the first is what it is alone, the second is another. */
    const real *y = through(&m, x, 2 * 3, 3);
    assert_memory_equal(y, all, 3 * BYTES);
    assert_memory_not_equal(y + 3 * WIDTH, all, BYTES);
    assert_memory_not_equal(y + 3 * WIDTH, all + 3 * WIDTH, BYTES);
    real *second = hold_copy(y + 4 * WIDTH, BYTES, 0);
    m.pass.example = 1; /* ... and the same among others */
    assert_memory_equal(through(&m, x, 2, 1) + WIDTH, second, BYTES);
    m.pass.example = 0;

    elbow_pass pass = m.pass;
    m.pass.step = 1;
    assert_memory_not_equal(through(&m, x, 1, 1), all, BYTES);
    m.pass = pass, m.pass.shard = 1;
    assert_memory_not_equal(through(&m, x, 1, 1), all, BYTES);
    m.pass = pass, m.pass.seed = 8;
    assert_memory_not_equal(through(&m, x, 1, 1), all, BYTES);
    m.pass = pass, m.pass.purpose = "evaluate.";
    assert_memory_not_equal(through(&m, x, 1, 1), all, BYTES);
    unmake(&m);

    x = ones((size_t)WIDTH * 3); /* two layers draw from two streams */
    m = make("dropout 0.5 dropout 0.5", elbow_shape_flat(WIDTH), 3);
    y = through(&m, x, 3, 3);
    size_t dropped = 0;
    for (size_t i = 0; i < 3 * WIDTH; ++i) dropped += y[i] == 0;
    assert_true(fabs((double)dropped / (3 * WIDTH) - 0.75) < 4.5 * sqrt(0.75 * 0.25 / (3 * WIDTH)));
    unmake(&m);
}

/* Steps of packed sequences: a token's mask is its example's and place's, whatever the order and the others' lengths. */
static void dropout_of_sequences(void **state) {
    (void)state;
    enum { WIDE = 50, LONGEST = 4, TOKENS = 7, BYTES = WIDE * sizeof(real) };
    static const size_t lengths[2][3] = {{1, 4, 2},
                                         {3, 3, 1}}; /* of examples 0, 1, 2; packed, longest first: */
    static uint32_t begin[2][LONGEST + 1] = {{0, 3, 5, 6, 7}, {0, 3, 5, 7}},
                                       order[2][3] = {{1, 2, 0}, {0, 1, 2}};
    real *x = ones(TOKENS * WIDE), *masks[2];
    elbow_params params = {0};
    elbow_arena *arena = NULL;
    real gradient = 0;
    const elbow_pass pass = {.gradients = &gradient, .seed = 7, .purpose = ""};
    assert_int_equal(elbow_arena_create(&arena), ELBOW_OK);
    for (int b = 0; b < 2; ++b) {
        elbow_values values = {.steps = b ? 3 : 4, .begin = begin[b], .order = order[b]};
        elbow_layer layer = {.ops = &elbow_layer_dropout, .longest = LONGEST, .values = &values, .batch = 3};
        layer.in = (elbow_shape){.width = WIDE, .sequence = true};
        const elbow_layer_request request = {.size = "0.5", .name = "net.0"};
        assert_int_equal(layer.ops->create(&layer, &request, &params), ELBOW_OK);
        assert_true(layer.out.sequence && layer.out.width == WIDE);
        assert_int_equal(layer.ops->reserve(&layer, 3, true, arena), ELBOW_OK);
        masks[b] = hold(TOKENS * BYTES, 0);
        layer.ops->forward(&layer, &pass, masks[b], x, 3);
        real *dx = hold(TOKENS * BYTES, 0), *dy = ones(TOKENS * WIDE);
        layer.ops->backward(&layer, &pass, dx, dy, masks[b], x, 3);
        assert_memory_equal(dx, masks[b], TOKENS * BYTES);
        layer.ops->destroy(&layer);
    }
    const real *of[2][3][LONGEST]; /* of[batch][example][t] */
    for (int b = 0; b < 2; ++b)
        for (size_t p = 0; p < 3; ++p)
            for (size_t t = 0; t < lengths[b][order[b][p]]; ++t)
                of[b][order[b][p]][t] = masks[b] + (begin[b][t] + p) * WIDE;
    for (size_t e = 0; e < 3; ++e)
        for (size_t t = 0; t < lengths[0][e] && t < lengths[1][e]; ++t)
            assert_memory_equal(of[0][e][t], of[1][e][t], BYTES);
    for (size_t i = 0; i < TOKENS; ++i)
        for (size_t j = 0; j < i; ++j)
            assert_memory_not_equal(masks[0] + i * WIDE, masks[0] + j * WIDE, BYTES);
    elbow_arena_destroy(&arena);
    release_held();
}

/* PyTorch's initial values and shapes, and those of layers that have none of its. */
static void tensors(void **state) {
    (void)state;
    made m = make("conv 6x4s2 layernorm deconv 2x5s2", elbow_shape_image(9, 1, 3), 2);
    static const struct {
        const char *name;
        size_t dims, shape[4];
        double fan_in;
    } expected[] = {{"net.0.weight", 4, {6, 4, 1, 3}, 12}, {"net.0.bias", 1, {6}, 12},
                    {"net.1.gain", 1, {30}, INFINITY},     {"net.1.bias", 1, {30}, INFINITY},
                    {"net.2.weight", 4, {6, 5, 1, 2}, 18}, {"net.2.bias", 1, {2}, 18}};
    assert_int_equal(m.params.tensor_count, 6);
    for (size_t i = 0; i < 6; ++i) {
        const elbow_tensor *tensor = elbow_params_find(&m.params, expected[i].name);
        assert_non_null(tensor);
        assert_int_equal(tensor->dims, expected[i].dims);
        assert_memory_equal(tensor->shape, expected[i].shape, tensor->dims * sizeof(size_t));
        assert_true(fabs(tensor->bound - 1 / sqrt(expected[i].fan_in)) < 1e-15);
    }
    const elbow_shape *out = elbow_net_output(m.net);
    assert_true(out->height == 10 && out->across == 1 && out->channels == 2 && out->width == 20);
    unmake(&m);
}

/* Neither the address nor what was in the buffers before changes a bit. */
static void convolution_bits(void **state) {
    (void)state;
    elbow_convolution c = elbow_convolution_same(11, 9, 3, 5, 4, 2);
    enum { EXAMPLES = 3 };
    const size_t scratch = elbow_convolution_scratch(&c, EXAMPLES), unit = sizeof(real);
    const size_t small = EXAMPLES * elbow_convolution_small(&c),
                 large = EXAMPLES * elbow_convolution_large(&c);
    const size_t weights = c.features * elbow_convolution_window(&c);
    real *x = hold_reals("test.large", large, -1, 1), *z = hold_reals("test.small", small, -1, 1);
    real *w = hold_reals("test.weights", weights, -1, 1);
    real *first[3] = {0};
    for (size_t shift = 0; shift < 64; shift += unit) {
        real *out[3] = {hold(small * unit, shift ^ 8), hold(large * unit, shift ^ 24),
                        hold(weights * unit, shift)};
        c.windows = hold_reals("test.old", scratch, 5, 9);
        c.windows = hold_copy(c.windows, scratch * unit, shift ^ 40);
        memset(out[2], 0, weights * unit);
        real *there = hold_copy(x, large * unit, shift);
        elbow_convolve(&c, out[0], there, w, EXAMPLES);
        elbow_convolve_adjoint(&c, out[1], hold_copy(z, small * unit, shift ^ 32), w, EXAMPLES);
        elbow_convolve_weights(&c, out[2], z, there, NULL, NULL, EXAMPLES);
        for (int i = 0; i < 3; ++i)
            if (shift == 0)
                first[i] = out[i];
            else
                assert_memory_equal(out[i], first[i], (i == 0 ? small : i == 1 ? large : weights) * unit);
    }
    release_held();
}

static void refused_with(const char *spec, elbow_shape in, const char *const *words) {
    elbow_net *net = NULL;
    elbow_params params = {0};
    assert_int_equal(elbow_net_create(&net, "net", spec, "relu", &in, 0, &params), ELBOW_USAGE);
    assert_null(net);
    for (; *words; ++words)
        if (!strstr(elbow_error_message(), *words))
            fail_msg("`%s`: `%s` is not said: %s", spec, *words, elbow_error_message());
    elbow_params_destroy(&params);
}

#define REFUSED(spec, in, ...) refused_with(spec, in, (const char *const[]){__VA_ARGS__, NULL})

static void what_is_said(void **state) {
    (void)state;
    const elbow_shape flat = elbow_shape_flat(784), odd = elbow_shape_flat(7),
                      image = elbow_shape_image(8, 8, 1);
    const elbow_shape pixel = elbow_shape_image(1, 1, 16), one = elbow_shape_flat(1);
    REFUSED("conv 32x4s2", flat, "`conv 32x4s2`", "784", "put `reshape HxWxC` before it",
            "`reshape 28x28x1`");
    REFUSED("512 deconv 32x4", odd, "`deconv 32x4`", "512", "`reshape 1x512x1`");
    REFUSED("conv 32", image, "`conv 32`", "no kernel", "`conv 32x3`");
    REFUSED("conv", image, "`conv` wants its size", "CHANNELSxKERNEL[sSTRIDE]");
    REFUSED("conv:", image, "`conv` wants its size");
    REFUSED("conv 32x", image, "`conv 32x`", "1 to 255");
    REFUSED("conv 32x4s", image, "`conv 32x4s`", "strides", "1 to 255");
    REFUSED("conv 32x4s0", image, "strides", "1 to 255");
    REFUSED("conv 32x256", image, "kernels", "1 to 255");
    REFUSED("conv 32x99999999999999999999", image, "kernels", "1 to 255");
    REFUSED("conv 99999999999999999999x3", image, "channels can be 1 to 1048576");
    REFUSED("conv 0x4", image, "channels can be 1 to 1048576");
    REFUSED("conv 2000000x4", image, "channels can be 1 to 1048576");
    REFUSED("conv x4", image, "channels can be 1 to 1048576");
    REFUSED("conv 32x4z2", image, "`conv 32x4z2` cannot be read", "`conv 32x4s2`");
    REFUSED("conv 32x4s2x", image, "cannot be read");
    REFUSED("conv 32s2", image, "cannot be read");
    REFUSED("conv -3x4", image, "cannot be read");
    REFUSED("conv four", image, "cannot be read");
    REFUSED("conv32x4s2", image, "`conv32x4s2` is no layer", "did you mean `conv 32x4s2`?");
    REFUSED("convv 32x4s2", image, "did you mean `conv`?", "deconv CHANNELSxKERNEL[sSTRIDE]");
    REFUSED("layernrom", flat, "did you mean `layernorm`?");
    REFUSED("lstm 5", flat, "`lstm` is no layer; known:", "a bare number is a dense layer");
    REFUSED("32x4s2", image, "`32x4s2` is no width", "conv 32x4s2");
    REFUSED("deconv 8x4s2", pixel, "one pixel", "`1024 reshape 4x4x64 deconv 8x4s2`");
    REFUSED("layernorm:5", flat, "takes no size", "write `layernorm`");
    REFUSED("layernorm", one, "single feature");
    REFUSED("dropout", flat, "`dropout` wants its size; write dropout RATE");
    REFUSED("dropout 1", flat, "`dropout 1` would drop everything");
    REFUSED("dropout 1.5", flat, "`dropout 1.5`", "0 to 1");
    REFUSED("dropout -0.1", flat, "`dropout -0.1`", "0 to 1");
    REFUSED("dropout half", flat, "`dropout half`", "not a number");
    REFUSED("reshape 3x3x3", flat, "`reshape 3x3x3`", "784");
    REFUSED("reshape 0x1x1", flat, "`reshape 0x1x1`", "784");
    REFUSED("reshape 28x28", flat, "`reshape 28x28`", "784");
    REFUSED("reshape 28x-28x-1", flat, "784");
    REFUSED("reshape 28x28x1x1", flat, "784");
}

/* Bits as -1 and 1, and what is between them between; the way back is twice as steep. */
static void signs_of_bits(void **state) {
    (void)state;
    made m = make("signs", elbow_shape_flat(3), 2);
    const real x[6] = {0, 1, (real)0.25, 1, (real)0.5, 0}, y[6] = {-1, 1, (real)-0.5, 1, 0, -1};
    assert_memory_equal(through(&m, x, 2, 2), y, sizeof y);
    real dy[6] = {1, -2, 3, 0, 5, (real)0.5};
    const real dx[6] = {2, -4, 6, 0, 10, 1};
    assert_memory_equal(elbow_net_backward(m.net, &m.pass, dy, true), dx, sizeof dx);
    assert_int_equal(m.params.size, 0);
    unmake(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gelu_is_exact),
        cmocka_unit_test(gelu_far_out),
        cmocka_unit_test(layer_norm_rows),
        cmocka_unit_test(dropout_law),
        cmocka_unit_test(dropout_coordinates),
        cmocka_unit_test(dropout_of_sequences),
        cmocka_unit_test(tensors),
        cmocka_unit_test(convolution_bits),
        cmocka_unit_test(signs_of_bits),
        cmocka_unit_test(what_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
