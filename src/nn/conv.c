#include "nn/conv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "math/vector.h"

enum { CHANNELS_MOST = 1 << 20, KERNEL_MOST = 255 };

/* The number at *text, and on; 0 where there is none. What is too large for anything stays so. */
static size_t take_number(const char **text) {
    size_t value = 0;
    for (; **text >= '0' && **text <= '9'; (*text)++)
        value = value > CHANNELS_MOST ? value : 10 * value + (size_t)(**text - '0');
    return value;
}

/* Flat rows: what a reshape could make of them. */
static elbow_status fail_flat(const elbow_layer *layer, const char *size) {
    size_t width = layer->in.width, side = (size_t)(sqrt((double)width) + 0.5), square = side * side == width;
    return elbow_fail(
        ELBOW_USAGE,
        "`%s %s` works on images and gets rows of %zu values; put `reshape HxWxC` before it, height x "
        "width x channels, such as `reshape %zux%zux1`",
        layer->ops->name, size, width, square ? side : 1, square ? side : width);
}

elbow_status elbow_conv_read(elbow_conv_size *size, const elbow_layer *layer,
                             const elbow_layer_request *request) {
    const char *name = layer->ops->name, *text = request->size;
    *size = (elbow_conv_size){.channels = take_number(&text), .stride = 1};
    ELBOW_CHECK(*text != 0 || size->channels == 0, ELBOW_USAGE,
                "`%s %s` has channels and no kernel; write %s CHANNELSxKERNEL, such as `%s %sx3`", name,
                request->size, name, name, request->size);
    bool kernel = *text == 'x';
    if (kernel) text++, size->kernel = take_number(&text);
    bool stride = kernel && *text == 's';
    if (stride) text++, size->stride = take_number(&text);
    ELBOW_CHECK(
        kernel && *text == 0, ELBOW_USAGE,
        "`%s %s` cannot be read; write %s CHANNELSxKERNEL or CHANNELSxKERNELsSTRIDE, such as `%s 32x4s2`",
        name, request->size, name, name);
    ELBOW_CHECK(size->channels >= 1 && size->channels <= CHANNELS_MOST, ELBOW_USAGE,
                "`%s %s`: channels can be 1 to %d", name, request->size, CHANNELS_MOST);
    ELBOW_CHECK(size->kernel >= 1 && size->kernel <= KERNEL_MOST && size->stride >= 1 &&
                    size->stride <= KERNEL_MOST,
                ELBOW_USAGE, "`%s %s`: %s can be 1 to %d", name, request->size,
                size->stride >= 1 && size->stride <= KERNEL_MOST ? "kernels" : "strides", KERNEL_MOST);
    return layer->in.height > 0 ? ELBOW_OK : fail_flat(layer, request->size);
}

elbow_status elbow_conv_create(elbow_layer *layer, const elbow_layer_request *request,
                               const elbow_convolution *map, const elbow_shape *out, size_t fan_in,
                               size_t fan_out, elbow_params *params) {
    elbow_conv *conv = calloc(1, sizeof *conv);
    ELBOW_CHECK(conv != NULL, ELBOW_MEMORY, "no memory for a layer");
    layer->state = conv;
    layer->out = *out;
    conv->map = *map;
    conv->activation = request->activation;
    size_t shape[] = {map->features, map->kernel_height, map->kernel_across, map->channels};
    return elbow_params_declare_affine(params, request->name, 4, shape, out->channels, fan_in, fan_out,
                                       &conv->weight, &conv->bias);
}

elbow_status elbow_conv_reserve(elbow_layer *layer, size_t rows, bool training, elbow_arena *arena) {
    elbow_conv *conv = layer->state;
    (void)training;
    ELBOW_TRY(elbow_arena_reals(arena, elbow_convolution_scratch(&conv->map, rows), &conv->map.windows));
    ELBOW_TRY(elbow_arena_reals(arena, layer->out.across * layer->out.channels, &conv->wide));
    return conv->activation->apply ? elbow_arena_reals(arena, rows * layer->out.width, &conv->v) : ELBOW_OK;
}

void elbow_conv_destroy(elbow_layer *layer) { free(layer->state); }

real *elbow_conv_products(const elbow_layer *layer, real *y) {
    const elbow_conv *conv = layer->state;
    return conv->activation->apply ? conv->v : y;
}

/* Channels can be few, down to one: bias and activation go over whole rows of the image, the bias repeated for each
 * place, because loops over a channel or three are slow. */
void elbow_conv_activate(const elbow_layer *layer, const elbow_pass *pass, real *y, size_t rows) {
    const elbow_conv *conv = layer->state;
    const elbow_activation *f = conv->activation;
    size_t channels = layer->out.channels, run = layer->out.across * channels;
    for (size_t i = 0; i < run; i += channels)
        memcpy(conv->wide + i, pass->parameters + conv->bias, channels * sizeof *conv->wide);
    if (f->apply) {
        elbow_add_bias(conv->v, conv->wide, rows * layer->out.height, run);
        f->apply(y, conv->v, rows * layer->out.width);
    } else {
        f->forward(y, conv->wide, rows * layer->out.height, run);
    }
}

/* The bias' gradient in two steps, over rows of all images and then over the places of a row. */
void elbow_conv_activate_backward(const elbow_layer *layer, const elbow_pass *pass, real *dy, const real *y,
                                  size_t rows) {
    const elbow_conv *conv = layer->state;
    size_t channels = layer->out.channels, run = layer->out.across * channels;
    conv->activation->backward(dy, conv->activation->apply ? conv->v : y, rows * layer->out.width);
    if (pass->frozen) return;
    memset(conv->wide, 0, run * sizeof *conv->wide);
    elbow_column_sums(conv->wide, dy, rows * layer->out.height, run);
    elbow_column_sums(pass->gradients + conv->bias, conv->wide, layer->out.across, channels);
}

/* The convolution: y = f(W ⋆ x + b). */

static elbow_status create(elbow_layer *layer, const elbow_layer_request *request, elbow_params *params) {
    elbow_conv_size size;
    ELBOW_TRY(elbow_conv_read(&size, layer, request));
    const elbow_shape *in = &layer->in;
    elbow_convolution map =
        elbow_convolution_same(in->height, in->across, in->channels, size.channels, size.kernel, size.stride);
    elbow_shape out = elbow_shape_image(map.rows, map.columns, size.channels);
    return elbow_conv_create(layer, request, &map, &out, elbow_convolution_window(&map),
                             elbow_conv_meeting(&map), params);
}

static void forward(elbow_layer *layer, const elbow_pass *pass, real *y, const real *x, size_t rows) {
    const elbow_conv *conv = layer->state;
    elbow_convolve(&conv->map, elbow_conv_products(layer, y), x, pass->parameters + conv->weight, rows);
    elbow_conv_activate(layer, pass, y, rows);
}

static void backward(elbow_layer *layer, const elbow_pass *pass, real *dx, real *dy, const real *y,
                     const real *x, size_t rows) {
    const elbow_conv *conv = layer->state;
    elbow_conv_activate_backward(layer, pass, dy, y, rows);
    if (!pass->frozen)
        elbow_convolve_weights(&conv->map, pass->gradients + conv->weight, dy, x, NULL, NULL, rows);
    if (dx != NULL) elbow_convolve_adjoint(&conv->map, dx, dy, pass->parameters + conv->weight, rows);
}

const elbow_layer_ops elbow_layer_conv = {
    .name = "conv",
    .grammar = "CHANNELSxKERNEL[sSTRIDE]",
    .create = create,
    .reserve = elbow_conv_reserve,
    .forward = forward,
    .backward = backward,
    .destroy = elbow_conv_destroy,
};
