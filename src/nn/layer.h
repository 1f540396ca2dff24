/* Layers: a family. A member is one file that ends in its table, and one line in net.c's list. */
#ifndef ELBOW_SRC_NN_LAYER_H
#define ELBOW_SRC_NN_LAYER_H

#include <stdlib.h>

#include "elbow/nn/net.h"
#include "math/activation.h"

typedef struct elbow_layer elbow_layer;

/* A layer of a spec: `512`, `conv 32x4s2` (or `conv:32x4s2`). */
typedef struct elbow_layer_request {
    const char *size; /* "512", "32x4s2"; "" where the member takes none */
    const char *name; /* the layer's, "encoder.0": of its tensors and streams */
    const elbow_activation *activation;
    bool
        last_sequence; /* no later layer takes sequences: a layer that can reduce them to one row each does */
} elbow_layer_request;

typedef struct elbow_layer_ops {
    const char *name;    /* "dense"; a bare number means dense */
    const char *grammar; /* "CHANNELSxKERNEL[sSTRIDE]", for messages; NULL: no size follows the name */
    bool values;         /* can read a field's values as they are (in.field) */
    bool sequences;      /* works on packed sequences */
    bool rowwise;        /* works on rows of any shape, one by one, and keeps it */
    bool draws;          /* from a stream, in training: its output is not a function of its input alone */
    /* Sets `out` and state from the size and `in`; declares tensors. ELBOW_USAGE. */
    elbow_status (*create)(elbow_layer *layer, const elbow_layer_request *request, elbow_params *params);
    /* Memory beyond output and input's gradient; NULL where none is needed. `rows` are examples; elbow_layer_most_rows
     * says how many rows of a shape they can be. */
    elbow_status (*reserve)(elbow_layer *layer, size_t rows, bool training, elbow_arena *arena);
    /* y (rows, out.width) from x (rows, in.width), or from layer->values where in.field (x is NULL). `rows` counts examples;
     * where a shape is a sequence, its rows are layer->values->begin[steps]. NULL: y is x. */
    void (*forward)(elbow_layer *layer, const elbow_pass *pass, real *y, const real *x, size_t rows);
    /* dx (or NULL) and parameter gradients from dy, which may be overwritten. NULL: dx is dy. */
    void (*backward)(elbow_layer *layer, const elbow_pass *pass, real *dx, real *dy, const real *y,
                     const real *x, size_t rows);
    void (*destroy)(elbow_layer *layer);
} elbow_layer_ops;

struct elbow_layer {
    const elbow_layer_ops *ops;
    elbow_shape in, out;
    size_t begin, end;          /* the parameters that it declared */
    size_t longest;             /* tokens of the longest sequence that can come; 1 where there are none */
    const elbow_values *values; /* of the pass, for layers that read values or sequences */
    size_t batch;               /* of the pass: row r is draw r / batch of example r mod batch */
    void *state;                /* the member's own */
    real *y;                    /* (rows, out.width) */
    real *dx;                   /* (rows, in.width), in training */
};

/* How many rows of a shape `rows` examples can be at most, and are in this pass. */
static inline size_t elbow_layer_most_rows(const elbow_layer *layer, const elbow_shape *shape, size_t rows) {
    return shape->sequence ? rows * layer->longest : rows;
}
static inline size_t elbow_layer_rows(const elbow_layer *layer, const elbow_shape *shape, size_t rows) {
    return shape->sequence ? layer->values->begin[layer->values->steps] : rows;
}

extern const elbow_layer_ops elbow_layer_dense, elbow_layer_reshape, elbow_layer_conv, elbow_layer_deconv,
    elbow_layer_layer_norm, elbow_layer_dropout, elbow_layer_embed, elbow_layer_gru, elbow_layer_bigru,
    elbow_layer_signs;

#endif
