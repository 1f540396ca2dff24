/* `signs`: y = 2x − 1, so that bits, 0 and 1, come as −1 and 1, and what is between them stays between. No other model: a
 * dense layer behind it has the same functions as one without. But bits that are 1 half of the time have no mean left that
 * all weights would have to agree about, and a linear decoder of many bits learns in far fewer steps (Tucker et al. 2017
 * and Grathwohl et al. 2018 have such bits). */
#include "nn/layer.h"

static elbow_status create(elbow_layer *layer, const elbow_layer_request *request, elbow_params *params) {
    (void)request, (void)params;
    layer->out = layer->in;
    return ELBOW_OK;
}

static void forward(elbow_layer *layer, const elbow_pass *pass, real *y, const real *x, size_t rows) {
    size_t count = elbow_layer_rows(layer, &layer->in, rows) * layer->in.width;
    (void)pass;
    for (size_t i = 0; i < count; i++) y[i] = 2 * x[i] - 1;
}

static void backward(elbow_layer *layer, const elbow_pass *pass, real *dx, real *dy, const real *y,
                     const real *x, size_t rows) {
    size_t count = elbow_layer_rows(layer, &layer->in, rows) * layer->in.width;
    (void)pass, (void)y, (void)x;
    for (size_t i = 0; dx != NULL && i < count; i++) dx[i] = 2 * dy[i];
}

static void destroy(elbow_layer *layer) { (void)layer; }

const elbow_layer_ops elbow_layer_signs = {.name = "signs",
                                           .rowwise = true,
                                           .create = create,
                                           .forward = forward,
                                           .backward = backward,
                                           .destroy = destroy};
