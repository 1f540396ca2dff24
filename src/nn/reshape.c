/* `reshape HxWxC`: flat rows seen as images, so that a convolution can follow. Costs nothing. */
#include <stdio.h>

#include "nn/layer.h"

static elbow_status create(elbow_layer *layer, const elbow_layer_request *request, elbow_params *params) {
    (void)params;
    unsigned long height = 0, across = 0, channels = 0;
    int end = 0;
    bool read = sscanf(request->size, "%7lux%7lux%7lu%n", &height, &across, &channels, &end) == 3 &&
                request->size[end] == 0;
    size_t width = layer->in.width; /* divided, as a product could overflow */
    bool fits = read && height > 0 && across > 0 && channels > 0 && width % height == 0 &&
                width / height % across == 0 && width / height / across == channels;
    ELBOW_CHECK(fits, ELBOW_USAGE,
                "`reshape %s` does not fit rows of %zu; write HEIGHTxWIDTHxCHANNELS whose product is %zu",
                request->size, width, width);
    layer->out = elbow_shape_image(height, across, channels);
    return ELBOW_OK;
}

static void destroy(elbow_layer *layer) { (void)layer; }

const elbow_layer_ops elbow_layer_reshape = {
    .name = "reshape", .grammar = "HxWxC", .create = create, .destroy = destroy};
