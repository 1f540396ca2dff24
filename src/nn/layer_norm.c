/* `layernorm`: each row to mean 0 and variance 1 over all of its features (an image: height · width · channels), then a
 * gain and a bias for each. NAME.gain holds gain − 1, so that both tensors begin at 0. */
#include <stdio.h>

#include "math/normalization.h"
#include "nn/layer.h"

typedef struct layer_norm {
    size_t gain, bias;  /* offsets */
    real *mean, *scale; /* (rows) */
} layer_norm;

static elbow_status create(elbow_layer *layer, const elbow_layer_request *request, elbow_params *params) {
    char tensor[2 * ELBOW_TENSOR_NAME];
    layer_norm *norm = calloc(1, sizeof *norm);
    ELBOW_CHECK(norm != NULL, ELBOW_MEMORY, "no memory for a layer");
    layer->state = norm;
    layer->out = layer->in;
    ELBOW_CHECK(layer->in.width > 1, ELBOW_USAGE,
                "`layernorm` over a single feature leaves nothing of it; put it after a wider layer");
    snprintf(tensor, sizeof tensor, "%s.gain", request->name);
    ELBOW_TRY(elbow_params_declare(params, tensor, 1, &layer->in.width, 0, &norm->gain));
    snprintf(tensor, sizeof tensor, "%s.bias", request->name);
    return elbow_params_declare(params, tensor, 1, &layer->in.width, 0, &norm->bias);
}

static elbow_status reserve(elbow_layer *layer, size_t rows, bool training, elbow_arena *arena) {
    layer_norm *norm = layer->state;
    (void)training;
    size_t most = elbow_layer_most_rows(layer, &layer->in, rows);
    ELBOW_TRY(elbow_arena_reals(arena, most, &norm->mean));
    return elbow_arena_reals(arena, most, &norm->scale);
}

static void forward(elbow_layer *layer, const elbow_pass *pass, real *y, const real *x, size_t rows) {
    const layer_norm *norm = layer->state;
    elbow_layer_norm(y, norm->mean, norm->scale, x, pass->parameters + norm->gain,
                     pass->parameters + norm->bias, elbow_layer_rows(layer, &layer->in, rows),
                     layer->in.width);
}

static void backward(elbow_layer *layer, const elbow_pass *pass, real *dx, real *dy, const real *y,
                     const real *x, size_t rows) {
    const layer_norm *norm = layer->state;
    (void)y;
    elbow_layer_norm_backward(dx, pass->frozen ? NULL : pass->gradients + norm->gain,
                              pass->frozen ? NULL : pass->gradients + norm->bias, dy, norm->mean, norm->scale,
                              x, pass->parameters + norm->gain, elbow_layer_rows(layer, &layer->in, rows),
                              layer->in.width);
}

static void destroy(elbow_layer *layer) { free(layer->state); }

const elbow_layer_ops elbow_layer_layer_norm = {
    .name = "layernorm",
    .rowwise = true,
    .create = create,
    .reserve = reserve,
    .forward = forward,
    .backward = backward,
    .destroy = destroy,
};
