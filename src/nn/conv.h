/* What the convolution and its transpose share: their size in a spec, their tensors, bias and activation.
 *
 * Images are rows with channels last. `conv 32x4s2` is 32 channels from kernels of 4 × 4, every second place; zeros
 * are put around as elbow_convolution_same says it, and output side = ⌈side / stride⌉. `deconv 32x4s2` is the adjoint of
 * the convolution that makes its input's shape of its output's: output side = side · stride. A side of 1 has a kernel
 * of 1 and stays 1, so that sequences and tables seen as images of 1 × D × K are convolved along D. */
#ifndef ELBOW_SRC_NN_CONV_H
#define ELBOW_SRC_NN_CONV_H

#include "math/convolution.h"
#include "nn/layer.h"

typedef struct elbow_conv_size {
    size_t channels, kernel, stride;
} elbow_conv_size;

typedef struct elbow_conv {
    elbow_convolution map; /* of a conv from input to output, of a deconv from output to input */
    size_t weight, bias;   /* offsets of W, as math/convolution.h has it, and b (output channels) */
    const elbow_activation *activation;
    real *wide; /* (across · channels): one value a channel, repeated along a row of the output */
    real *v;    /* (rows, out.width), where the activation's slope needs its input */
} elbow_conv;

/* The size after the layer's name, for an input that must be an image. ELBOW_USAGE. */
elbow_status elbow_conv_read(elbow_conv_size *size, const elbow_layer *layer,
                             const elbow_layer_request *request);

/* The reals of a small image that a real of the large one meets, at most; the small one's meet a window. */
static inline size_t elbow_conv_meeting(const elbow_convolution *map) {
    size_t s = map->stride, down = (map->kernel_height + s - 1) / s, along = (map->kernel_across + s - 1) / s;
    return down * along * map->features;
}

/* Makes the layer's state, whose map and output are as given, and declares NAME.weight and NAME.bias. */
elbow_status elbow_conv_create(elbow_layer *layer, const elbow_layer_request *request,
                               const elbow_convolution *map, const elbow_shape *out, size_t fan_in,
                               size_t fan_out, elbow_params *params);
elbow_status elbow_conv_reserve(elbow_layer *layer, size_t rows, bool training, elbow_arena *arena);
void elbow_conv_destroy(elbow_layer *layer);

/* Where the products go, and y from them. */
real *elbow_conv_products(const elbow_layer *layer, real *y);
void elbow_conv_activate(const elbow_layer *layer, const elbow_pass *pass, real *y, size_t rows);

/* dy becomes the gradient before the activation; adds to the bias' gradient. */
void elbow_conv_activate_backward(const elbow_layer *layer, const elbow_pass *pass, real *dy, const real *y,
                                  size_t rows);

#endif
