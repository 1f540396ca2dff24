#include "elbow/nn/params.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/random.h"

enum { TENSOR_ALIGNMENT = 16 }; /* reals */

void elbow_params_destroy(elbow_params *params) {
    free(params->tensors);
    memset(params, 0, sizeof *params);
}

const elbow_tensor *elbow_params_find(const elbow_params *params, const char *name) {
    for (size_t i = 0; i < params->tensor_count; i++)
        if (strcmp(params->tensors[i].name, name) == 0) return &params->tensors[i];
    return NULL;
}

/* The number of elements of a shape; 0 when it overflows, as no tensor is empty. */
static size_t shape_count(size_t dims, const size_t *shape) {
    size_t count = 1;
    for (size_t d = 0; d < dims; d++) {
        if (shape[d] == 0 || count > SIZE_MAX / sizeof(real) / shape[d]) return 0;
        count *= shape[d];
    }
    return count;
}

elbow_status elbow_params_declare(elbow_params *params, const char *name, size_t dims, const size_t *shape,
                                  double bound, size_t *offset) {
    ELBOW_CHECK(strlen(name) < ELBOW_TENSOR_NAME, ELBOW_FORMAT,
                "tensor name `%s` is longer than %d characters", name, ELBOW_TENSOR_NAME - 1);
    ELBOW_CHECK(dims >= 1 && dims <= ELBOW_TENSOR_DIMS, ELBOW_FORMAT,
                "tensor %s has %zu dimensions; 1 to %d can be had", name, dims, ELBOW_TENSOR_DIMS);
    const elbow_tensor *there = elbow_params_find(params, name);
    if (there != NULL && params->sharing && there->dims == dims &&
        memcmp(there->shape, shape, dims * sizeof *shape) == 0) {
        *offset = there->offset;
        return ELBOW_OK;
    }
    ELBOW_CHECK(there == NULL, ELBOW_FORMAT, "two tensors are named %s", name);
    size_t count = shape_count(dims, shape);
    ELBOW_CHECK(count > 0 && params->size < SIZE_MAX / sizeof(real) - count, ELBOW_FORMAT,
                "tensor %s is empty or too large to address", name);

    if (params->tensor_count == params->tensor_room) {
        size_t room = params->tensor_room ? 2 * params->tensor_room : 16;
        elbow_tensor *grown = realloc(params->tensors, room * sizeof *grown);
        ELBOW_CHECK(grown != NULL, ELBOW_MEMORY, "no memory for the table of tensors");
        params->tensors = grown;
        params->tensor_room = room;
    }
    elbow_tensor *tensor = &params->tensors[params->tensor_count++];
    memset(tensor, 0, sizeof *tensor);
    snprintf(tensor->name, sizeof tensor->name, "%s", name);
    tensor->dims = dims;
    memcpy(tensor->shape, shape, dims * sizeof *shape);
    tensor->offset = params->size;
    tensor->count = count;
    tensor->bound = bound;
    params->count += count;
    params->size += (count + TENSOR_ALIGNMENT - 1) / TENSOR_ALIGNMENT * TENSOR_ALIGNMENT;
    *offset = tensor->offset;
    return ELBOW_OK;
}

/* Bounds of U(−bound, bound); 0 begins at zero. */
static double weights_bound(elbow_initial initial, size_t fan_in, size_t fan_out) {
    if (initial == ELBOW_INITIAL_GLOROT) return sqrt(6 / ((double)fan_in + (double)fan_out));
    if (initial == ELBOW_INITIAL_HE) return sqrt(6 / (double)fan_in);
    return 1 / sqrt((double)fan_in);
}

static double biases_bound(elbow_initial initial, size_t fan_in) {
    return initial == ELBOW_INITIAL_FAN_IN ? 1 / sqrt((double)fan_in) : 0;
}

elbow_status elbow_params_declare_affine(elbow_params *params, const char *name, size_t dims,
                                         const size_t *shape, size_t biases, size_t fan_in, size_t fan_out,
                                         size_t *weight, size_t *bias) {
    char tensor[2 * ELBOW_TENSOR_NAME];
    snprintf(tensor, sizeof tensor, "%s.weight", name);
    ELBOW_TRY(elbow_params_declare(params, tensor, dims, shape,
                                   weights_bound(params->initial, fan_in, fan_out), weight));
    snprintf(tensor, sizeof tensor, "%s.bias", name);
    return elbow_params_declare(params, tensor, 1, &biases, biases_bound(params->initial, fan_in), bias);
}

void elbow_params_initialize(const elbow_params *params, uint64_t seed, real *values) {
    memset(values, 0, params->size * sizeof *values);
    for (size_t i = 0; i < params->tensor_count; i++) {
        const elbow_tensor *tensor = &params->tensors[i];
        if (tensor->bound == 0) continue;
        char purpose[ELBOW_TENSOR_NAME + 8];
        snprintf(purpose, sizeof purpose, "init.%s", tensor->name);
        elbow_stream stream = elbow_stream_make(seed, ELBOW_SHARD_NONE, purpose);
        real *out = values + tensor->offset;
        for (size_t j = 0; j < tensor->count; j += 4) {
            uint32_t words[4];
            elbow_stream_block(stream, (uint32_t)(j / 4), (uint32_t)(j / 4 >> 32), 0, words);
            for (size_t k = 0; k < 4 && j + k < tensor->count; k++) {
                double u = ((double)words[k] + 0.5) / 4294967296.0;
                out[j + k] = (real)((2 * u - 1) * tensor->bound);
            }
        }
    }
}
