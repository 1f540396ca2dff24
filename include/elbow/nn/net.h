/* A network: a chain of layers from a spec such as `512 256`, `conv 32x4s2 conv 64x4s2 256`, `embed 32 gru 256`.
 *
 * A word of the spec is a layer's name with its size; a bare number is a dense layer. A network begins either at
 * flat rows of reals (z), or at the values of a field (x): these reach the first layer as they are where it reads
 * values (`embed`), and else as elbow_values_write_input makes them, an image or a one-hot sequence keeping its shape.
 * What a conditional model is given joins the input where the first layer is flat, and else the output.
 *
 * A layer's forward keeps what its backward needs; forward and backward come in pairs, and a second forward
 * forgets the first. Outputs stay valid until the next forward of the same network. Buffers come from an
 * arena at set-up (reserve) for a largest number of rows; forward and backward cannot fail and allocate
 * nothing. An empty spec is a network without layers: its output is its input. All functions are Local. */
#ifndef ELBOW_NN_NET_H
#define ELBOW_NN_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elbow/base/arena.h"
#include "elbow/base/error.h"
#include "elbow/base/real.h"
#include "elbow/data/batch.h"
#include "elbow/nn/params.h"

/* Who is told that gradients of the parameters [begin, end) are complete. */
typedef struct elbow_ready {
    void (*tell)(void *context, size_t begin, size_t end);
    void *context;
} elbow_ready;

typedef struct elbow_team elbow_team; /* base/team.h: threads that share a rank's loops */

/* What a pass over a model is told besides its input: where values and gradients are, and the coordinates
 * of every random draw in it (random.h). */
typedef struct elbow_pass {
    const real *parameters;
    real *gradients; /* added to; NULL outside training */
    uint64_t seed;
    uint64_t shard;      /* ELBOW_SHARD_NONE in evaluation */
    uint64_t step;       /* evaluation: the number of the draw */
    uint32_t example;    /* index of row 0 in the shard's batch; evaluation: in its split */
    const char *purpose; /* put before a stream's name: "" in training, "evaluate.test." in evaluation */
    const elbow_ready
        *ready;       /* told by a network's backward, layer by layer from the last on; NULL: nobody */
    elbow_team *team; /* for loops over many rows; NULL: this thread alone. Never changes a bit */
    bool frozen;      /* a backward gives gradients in what came in, and none to the parameters */
} elbow_pass;

/* What the rows between two layers are. */
typedef struct elbow_shape {
    size_t width; /* reals in a row */
    size_t height, across,
        channels;  /* of a row that is an image, channels last: width is their product; 0 where flat */
    bool sequence; /* rows are steps of packed sequences, in the order of batch.h */
    const elbow_field *field; /* not rows of reals yet, but this field's values; then width is 0 */
} elbow_shape;

static inline elbow_shape elbow_shape_flat(size_t width) { return (elbow_shape){.width = width}; }
static inline elbow_shape elbow_shape_image(size_t height, size_t across, size_t channels) {
    return (elbow_shape){
        .width = height * across * channels, .height = height, .across = across, .channels = channels};
}

/* The input of a pass: rows of reals x, or values; and what is given, (batch, given width) or NULL. Row r belongs to
 * example r mod batch. */
typedef struct elbow_net_input {
    const real *x; /* (rows, width), kept by reference until backward */
    const elbow_values *values;
    const real *given;
    size_t rows, batch;
} elbow_net_input;

typedef struct elbow_net elbow_net;

/* Declares the layers' tensors as NAME.0.weight, NAME.0.bias, …; `given` is the width of what is given, or 0. Tensors that
 * are declared already are shared: a second network over the same parameters. ELBOW_USAGE for a spec that cannot be. */
elbow_status elbow_net_create(elbow_net **net, const char *name, const char *spec, const char *activation,
                              const elbow_shape *input, size_t given, elbow_params *params);
void elbow_net_destroy(elbow_net **net);

const elbow_shape *elbow_net_output(const elbow_net *net); /* never a sequence */
size_t elbow_net_output_width(const elbow_net *net);
/* Whether, in training, the output depends on random draws, as with dropout. */
bool elbow_net_draws(const elbow_net *net);

/* Buffers for up to `rows` rows; gradients' too when `training`. */
elbow_status elbow_net_reserve(elbow_net *net, size_t rows, bool training, elbow_arena *arena);

/* Returns y: (rows, output width). */
const real *elbow_net_forward(elbow_net *net, const elbow_pass *pass, const elbow_net_input *input);

/* dy: (rows, output width), overwritten. Adds to pass->gradients. Returns dx: (rows, input width) when
 * `want_dx`, else NULL; of a network without layers, dy itself. */
real *elbow_net_backward(elbow_net *net, const elbow_pass *pass, real *dy, bool want_dx);

#endif
