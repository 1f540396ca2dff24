/* Layers: a family. A member is one file that ends in its table, and one line in net.c's list. */
#ifndef ELBOW_SRC_NN_LAYER_H
#define ELBOW_SRC_NN_LAYER_H

#include <stdlib.h>

#include "elbow/nn/net.h"
#include "math/activation.h"

typedef struct elbow_layer elbow_layer;

/* One word of a spec: `512`, or later `conv:32x4s2`; `name` is the layer's, "encoder.0". */
typedef struct elbow_layer_request {
    const char *word, *name;
    const elbow_activation *activation;
} elbow_layer_request;

typedef struct elbow_layer_ops {
    const char *name;    /* the word's head; a bare number means dense */
    const char *grammar; /* for messages */
    /* Sets output_width and state from the word and input_width; declares tensors. ELBOW_USAGE. */
    elbow_status (*create)(elbow_layer *layer, const elbow_layer_request *request, elbow_params *params);
    /* Memory beyond input, output and their gradients; NULL where none is needed. */
    elbow_status (*reserve)(elbow_layer *layer, size_t rows, bool training, elbow_arena *arena);
    /* y (rows, output_width) from x (rows, input_width). */
    void (*forward)(elbow_layer *layer, const elbow_pass *pass, real *y, const real *x, size_t rows);
    /* dx (or NULL) and parameter gradients from dy, which may be overwritten. */
    void (*backward)(elbow_layer *layer, const elbow_pass *pass, real *dx, real *dy, const real *y,
                     const real *x, size_t rows);
    void (*destroy)(elbow_layer *layer);
} elbow_layer_ops;

struct elbow_layer {
    const elbow_layer_ops *ops;
    size_t input_width, output_width;
    void *state; /* the member's own */
    real *y;     /* (rows, output_width) */
    real *dx;    /* (rows, input_width), in training */
};

extern const elbow_layer_ops elbow_layer_dense;

#endif
