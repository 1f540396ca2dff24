/* The transposed convolution: y = f(Wᵀ ⋆ x + b), x being the small image and y the large one (math/convolution.h).
 * W is (input channels, kernel, kernel, output channels). */
#include "nn/conv.h"

/* A side of 1 stays 1: that of a sequence. */
static size_t enlarged(size_t side, size_t stride) { return side == 1 ? 1 : side * stride; }

static elbow_status create(elbow_layer *layer, const elbow_layer_request *request, elbow_params *params) {
    elbow_conv_size size;
    ELBOW_TRY(elbow_conv_read(&size, layer, request));
    const elbow_shape *in = &layer->in;
    ELBOW_CHECK(
        in->height > 1 || in->across > 1 || size.stride == 1, ELBOW_USAGE,
        "`deconv %s` gets an image of one pixel, and sides of 1 stay 1; begin with a larger one, such as "
        "`1024 reshape 4x4x64 deconv %s`",
        request->size, request->size);
    elbow_convolution map =
        elbow_convolution_same(enlarged(in->height, size.stride), enlarged(in->across, size.stride),
                               size.channels, in->channels, size.kernel, size.stride);
    elbow_shape out = elbow_shape_image(map.height, map.across, size.channels);
    return elbow_conv_create(layer, request, &map, &out, elbow_conv_meeting(&map),
                             elbow_convolution_window(&map), params);
}

static void forward(elbow_layer *layer, const elbow_pass *pass, real *y, const real *x, size_t rows) {
    const elbow_conv *conv = layer->state;
    elbow_convolve_adjoint(&conv->map, elbow_conv_products(layer, y), x, pass->parameters + conv->weight,
                           rows);
    elbow_conv_activate(layer, pass, y, rows);
}

static void backward(elbow_layer *layer, const elbow_pass *pass, real *dx, real *dy, const real *y,
                     const real *x, size_t rows) {
    const elbow_conv *conv = layer->state;
    elbow_conv_activate_backward(layer, pass, dy, y, rows);
    if (!pass->frozen)
        elbow_convolve_weights(&conv->map, pass->gradients + conv->weight, x, dy, dx,
                               pass->parameters + conv->weight, rows);
    else if (dx != NULL)
        elbow_convolve(&conv->map, dx, dy, pass->parameters + conv->weight, rows);
}

const elbow_layer_ops elbow_layer_deconv = {
    .name = "deconv",
    .grammar = "CHANNELSxKERNEL[sSTRIDE]",
    .create = create,
    .reserve = elbow_conv_reserve,
    .forward = forward,
    .backward = backward,
    .destroy = elbow_conv_destroy,
};
