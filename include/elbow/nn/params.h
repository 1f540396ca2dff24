/* Parameters: one flat block, and the table of tensors that are views into it.
 *
 * Layers declare their tensors while a model is built and keep the offsets. Values, gradients and each moment
 * are then blocks of `size` reals with the same layout, owned by others (exchange, optimizer). Offsets are
 * multiples of 16 reals; the reals between tensors are zero and stay zero. */
#ifndef ELBOW_NN_PARAMS_H
#define ELBOW_NN_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elbow/base/error.h"
#include "elbow/base/real.h"

enum { ELBOW_TENSOR_DIMS = 4, ELBOW_TENSOR_NAME = 64 };

typedef struct elbow_tensor {
    char name[ELBOW_TENSOR_NAME]; /* "encoder.0.weight": also its dataset in a checkpoint, under /model */
    size_t dims, shape[ELBOW_TENSOR_DIMS];
    size_t offset, count; /* in reals */
    double bound;         /* initialised from U(−bound, bound); 0 starts at zero */
} elbow_tensor;

/* How dense and convolutional layers begin, by their inputs of an output (fan_in) and outputs of an input (fan_out). */
typedef enum elbow_initial {
    ELBOW_INITIAL_FAN_IN, /* weights and biases from U(±1/√fan_in), as PyTorch has them */
    ELBOW_INITIAL_GLOROT, /* weights from U(±√(6/(fan_in + fan_out))), biases 0: Glorot and Bengio 2010, eq. 16 */
    ELBOW_INITIAL_HE, /* weights from U(±√(6/fan_in)), biases 0: He et al. 2015, eq. 10 */
} elbow_initial;

typedef struct elbow_params {
    elbow_tensor *tensors;
    size_t tensor_count, tensor_room;
    size_t size;  /* reals in the block, the gaps included */
    size_t count; /* parameters: without the gaps */
    bool sharing; /* while set, declaring a tensor that is there already, with that shape, gives its offset */
    elbow_initial initial; /* of the layers declared from now on */
} elbow_params;

void elbow_params_destroy(elbow_params *params);

/* Adds a tensor at the end of the block. Dense weights are (out, in), as PyTorch keeps them. Local. */
elbow_status elbow_params_declare(elbow_params *params, const char *name, size_t dims, const size_t *shape,
                                  double bound, size_t *offset);

const elbow_tensor *elbow_params_find(const elbow_params *params, const char *name); /* NULL if absent */

/* The weights, of that shape, and the biases of the layer `name`: NAME.weight and NAME.bias, which begin as params->initial
 * says. Local. */
elbow_status elbow_params_declare_affine(elbow_params *params, const char *name, size_t dims,
                                         const size_t *shape, size_t biases, size_t fan_in, size_t fan_out,
                                         size_t *weight, size_t *bias);

/* values (size): every tensor from its own stream (seed, ELBOW_SHARD_NONE, "init.NAME"). Local. */
void elbow_params_initialize(const elbow_params *params, uint64_t seed, real *values);

#endif
