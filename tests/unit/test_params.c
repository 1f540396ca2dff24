/* The parameter block: where tensors lie, what they start from, what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "elbow/base/random.h"
#include "elbow/nn/net.h"
#include "elbow/nn/params.h"

static size_t declare(elbow_params *params, const char *name, size_t out, size_t in, double bound) {
    size_t offset = SIZE_MAX;
    assert_int_equal(elbow_params_declare(params, name, in ? 2 : 1, (size_t[]){out, in}, bound, &offset),
                     ELBOW_OK);
    return offset;
}

static void layout(void **state) {
    (void)state;
    elbow_params params = {0};
    size_t next = 0, count = 0;
    for (size_t i = 0; i < 100; ++i) { /* more than the table's first room */
        char name[32];
        size_t out = 1 + i % 37, in = i % 3 ? 1 + i % 5 : 0, elements = out * (in ? in : 1);
        snprintf(name, sizeof name, "layer.%zu", i);
        assert_int_equal(declare(&params, name, out, in, 0.5), next);
        next += (elements + 15) / 16 * 16; /* aligned, and no gap wider than needed */
        count += elements;
        assert_int_equal(params.size, next);
        assert_int_equal(params.count, count);
    }
    for (size_t i = 0; i < 100; ++i) {
        char name[32];
        snprintf(name, sizeof name, "layer.%zu", i);
        const elbow_tensor *tensor = elbow_params_find(&params, name);
        assert_ptr_equal(tensor, &params.tensors[i]);
        assert_int_equal(tensor->offset % 16, 0);
        assert_int_equal(tensor->shape[0], 1 + i % 37);
        assert_int_equal(tensor->dims, i % 3 ? 2 : 1);
    }
    assert_null(elbow_params_find(&params, "layer"));
    assert_null(elbow_params_find(&params, "layer.100"));
    elbow_params_destroy(&params);
    assert_int_equal(params.size, 0);
    elbow_params_destroy(&params);
}

static void refused(elbow_params *params, const char *name, size_t dims, const size_t *shape) {
    elbow_params before = *params;
    size_t offset = 12345;
    assert_int_equal(elbow_params_declare(params, name, dims, shape, 1, &offset), ELBOW_FORMAT);
    assert_int_equal(params->size, before.size);
    assert_int_equal(params->tensor_count, before.tensor_count);
    assert_int_equal(offset, 12345);
}

static void what_is_refused(void **state) {
    (void)state;
    elbow_params params = {0};
    char name[ELBOW_TENSOR_NAME + 1];
    memset(name, 'n', sizeof name);
    name[ELBOW_TENSOR_NAME] = 0;
    declare(&params, "a", 3, 4, 1);
    refused(&params, "a", 1, (size_t[]){3});
    assert_non_null(strstr(elbow_error_message(), "two tensors are named a"));
    refused(&params, name, 1, (size_t[]){3});
    refused(&params, "b", 0, (size_t[]){3});
    refused(&params, "b", 5, (size_t[]){1, 1, 1, 1, 1});
    refused(&params, "b", 2, (size_t[]){3, 0});
    refused(&params, "b", 2, (size_t[]){SIZE_MAX / 2, 3});
    refused(&params, "b", 1, (size_t[]){SIZE_MAX / sizeof(real)});
    name[ELBOW_TENSOR_NAME - 1] = 0;
    declare(&params, name, 3, 0, 1); /* the longest that fits */
    elbow_params_destroy(&params);
}

/* While sharing, a tensor that is there already with that shape is given again, and nothing is added; another
 * shape is refused as ever. */
static void sharing(void **state) {
    (void)state;
    elbow_params params = {0};
    size_t weight = declare(&params, "a.weight", 3, 4, 1), bias = declare(&params, "a.bias", 3, 0, 1);
    params.sharing = true;
    const elbow_params before = params;
    assert_int_equal(declare(&params, "a.bias", 3, 0, 1), bias);
    assert_int_equal(declare(&params, "a.weight", 3, 4, 1), weight);
    assert_int_equal(params.size, before.size);
    assert_int_equal(params.tensor_count, before.tensor_count);
    refused(&params, "a.weight", 2, (size_t[]){4, 3});
    refused(&params, "a.weight", 1, (size_t[]){3});
    refused(&params, "a.bias", 1, (size_t[]){12});
    assert_true(declare(&params, "b.weight", 3, 4, 1) >= before.size); /* new ones may still come */
    params.sharing = false;
    refused(&params, "a.bias", 1, (size_t[]){3});
    elbow_params_destroy(&params);
}

/* values[j] from its own draw, as random.h and params.h say it. */
static double documented(uint64_t seed, const char *tensor, size_t j, double bound) {
    char purpose[128];
    uint32_t words[4];
    snprintf(purpose, sizeof purpose, "init.%s", tensor);
    elbow_stream stream = elbow_stream_make(seed, ELBOW_SHARD_NONE, purpose);
    elbow_stream_block(stream, (uint32_t)(j / 4), 0, 0, words);
    return (2 * (((double)words[j % 4] + 0.5) / 4294967296.0) - 1) * bound;
}

static void initial_values(void **state) {
    (void)state;
    elbow_params params = {0};
    declare(&params, "first.weight", 30, 70, 0.25);
    declare(&params, "zero", 5, 0, 0);
    declare(&params, "last.bias", 7, 0, 2);
    real *values = malloc(params.size * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < params.size; ++i) values[i] = (real)NAN; /* every one is written */
    elbow_params_initialize(&params, 9, values);
    for (size_t t = 0; t < params.tensor_count; ++t) {
        const elbow_tensor *tensor = &params.tensors[t];
        size_t end = t + 1 < params.tensor_count ? params.tensors[t + 1].offset : params.size;
        for (size_t j = 0; j < tensor->count; ++j) {
            real value = values[tensor->offset + j];
            assert_true(fabs((double)value) <= tensor->bound);
            if (tensor->bound > 0) assert_true(value == (real)documented(9, tensor->name, j, tensor->bound));
        }
        for (size_t i = tensor->offset + tensor->count; i < end; ++i) assert_true(values[i] == 0);
    }
    free(values);
    elbow_params_destroy(&params);
}

/* A tensor's values do not depend on what else there is, nor on where it lies; they do on name and seed. */
static void streams_are_a_tensors_own(void **state) {
    (void)state;
    enum { COUNT = 200 };
    elbow_params alone = {0}, among = {0};
    real a[COUNT + 16], b[3 * COUNT + 64], c[COUNT + 16];
    declare(&alone, "x.weight", COUNT, 0, 1);
    declare(&among, "y.weight", COUNT, 0, 1);
    size_t at = declare(&among, "x.weight", COUNT, 0, 1);
    declare(&among, "z.weight", COUNT, 0, 1);
    elbow_params_initialize(&alone, 1, a);
    elbow_params_initialize(&among, 1, b);
    elbow_params_initialize(&alone, 2, c);
    assert_memory_equal(a, b + at, COUNT * sizeof *a);
    double with_name = 0, with_seed = 0; /* correlations: 3·Σ/n has standard deviation 1/√n */
    for (size_t i = 0; i < COUNT; ++i) {
        with_name += 3 * (double)a[i] * (double)b[i] / COUNT;
        with_seed += 3 * (double)a[i] * (double)c[i] / COUNT;
    }
    assert_true(fabs(with_name) < 4.5 / sqrt(COUNT) && fabs(with_seed) < 4.5 / sqrt(COUNT));
    elbow_params_destroy(&alone);
    elbow_params_destroy(&among);
}

/* Uniform over (−bound, bound): mean, variance, and both ends reached. */
static void distribution(void **state) {
    (void)state;
    enum { N = 1 << 18 };
    elbow_params params = {0};
    declare(&params, "w", N, 0, 0.125);
    real *values = malloc(params.size * sizeof *values);
    assert_non_null(values);
    elbow_params_initialize(&params, 3, values);
    double sum = 0, square = 0, least = 1, most = -1;
    for (size_t i = 0; i < N; ++i) {
        double v = (double)values[i] / 0.125;
        sum += v / N, square += v * v / N;
        if (v < least) least = v;
        if (v > most) most = v;
    }
    assert_true(fabs(sum) < 4.5 * sqrt(1 / 3.0 / N));
    assert_true(fabs(square - 1 / 3.0) < 4.5 * sqrt(4 / 45.0 / N));
    assert_true(least < -0.9999 && most > 0.9999);
    free(values);
    elbow_params_destroy(&params);
}

/* PyTorch's Linear(in, out): weight (out, in) and bias (out), both from U(±1/√in). */
static void as_pytorch(void **state) {
    (void)state;
    elbow_params params = {0};
    elbow_net *net = NULL;
    const elbow_shape in = elbow_shape_flat(784);
    assert_int_equal(elbow_net_create(&net, "encoder", " 512  256", "relu", &in, 0, &params), ELBOW_OK);
    assert_int_equal(params.tensor_count, 4);
    assert_int_equal(params.count, 784 * 512 + 512 + 512 * 256 + 256);
    const elbow_tensor *weight = elbow_params_find(&params, "encoder.1.weight");
    const elbow_tensor *bias = elbow_params_find(&params, "encoder.1.bias");
    assert_true(weight && bias && elbow_params_find(&params, "encoder.0.weight"));
    assert_true(weight->dims == 2 && weight->shape[0] == 256 && weight->shape[1] == 512);
    assert_true(bias->dims == 1 && bias->shape[0] == 256);
    assert_true(fabs(weight->bound - 1 / sqrt(512)) < 1e-15 && fabs(bias->bound - 1 / sqrt(512)) < 1e-15);
    assert_int_equal(elbow_net_output_width(net), 256);
    elbow_net_destroy(&net);
    elbow_params_destroy(&params);
}

/* The bounds of glorot and he: what an output meets of the input, and an input of the output, of each kind of layer. */
static void other_beginnings(void **state) {
    (void)state;
    static const struct {
        const char *tensor;
        double in, out;
    } layers[] = {{"n.0", 3 * 5 * 5, 8 * 3 * 3}, /* 5 x 5 in steps of 2: an input is in up to 3 x 3 windows */
                  {"n.1", 8 * 2 * 2, 6 * 4 * 4},
                  {"n.2", 16 * 16 * 6, 10}};
    for (elbow_initial initial = ELBOW_INITIAL_GLOROT; initial <= ELBOW_INITIAL_HE; initial++) {
        elbow_params params = {.initial = initial};
        elbow_net *net = NULL;
        const elbow_shape in = elbow_shape_image(16, 16, 3);
        assert_int_equal(elbow_net_create(&net, "n", "conv 8x5s2 deconv 6x4s2 10", "relu", &in, 0, &params),
                         ELBOW_OK);
        for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
            char name[ELBOW_TENSOR_NAME];
            snprintf(name, sizeof name, "%s.weight", layers[i].tensor);
            const elbow_tensor *weight = elbow_params_find(&params, name);
            snprintf(name, sizeof name, "%s.bias", layers[i].tensor);
            const elbow_tensor *bias = elbow_params_find(&params, name);
            assert_true(weight != NULL && bias != NULL);
            double fans = initial == ELBOW_INITIAL_HE ? layers[i].in : layers[i].in + layers[i].out;
            assert_true(fabs(weight->bound - sqrt(6 / fans)) < 1e-15);
            assert_true(bias->bound == 0);
        }
        elbow_net_destroy(&net);
        elbow_params_destroy(&params);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(sharing),
        cmocka_unit_test(initial_values),
        cmocka_unit_test(streams_are_a_tensors_own),
        cmocka_unit_test(distribution),
        cmocka_unit_test(as_pytorch),
        cmocka_unit_test(other_beginnings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
