/* A network: a chain of layers from a spec such as `512 256`.
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
#include "elbow/nn/params.h"

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
} elbow_pass;

typedef struct elbow_net elbow_net;

/* Declares the layers' tensors as NAME.0.weight, NAME.0.bias, …; ELBOW_USAGE for a spec that cannot be. */
elbow_status elbow_net_create(elbow_net **net, const char *name, const char *spec, const char *activation,
                              size_t input_width, elbow_params *params);
void elbow_net_destroy(elbow_net **net);

size_t elbow_net_output_width(const elbow_net *net);

/* Buffers for up to `rows` rows; gradients' too when `training`. */
elbow_status elbow_net_reserve(elbow_net *net, size_t rows, bool training, elbow_arena *arena);

/* x: (rows, input width), kept by reference until backward. Returns y: (rows, output width). */
const real *elbow_net_forward(elbow_net *net, const elbow_pass *pass, const real *x, size_t rows);

/* dy: (rows, output width), overwritten. Adds to pass->gradients. Returns dx: (rows, input width) when
 * `want_dx`, else NULL; of a network without layers, dy itself. */
real *elbow_net_backward(elbow_net *net, const elbow_pass *pass, real *dy, size_t rows, bool want_dx);

#endif
