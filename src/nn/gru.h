/* A gated recurrent unit over packed sequences: in a network, and in a sequence likelihood.
 *
 * Equations, weights and names are PyTorch's nn.GRU's, gates in the order r, z, n:
 *
 *     NAME.weight_ih (3H, in + constant)    NAME.weight_hh (3H, H)    NAME.bias_ih, NAME.bias_hh (3H)
 *
 * with `_reverse` behind each for the unit that reads from the end. All from U(−1/√H, 1/√H). What is the same at
 * every step (`constant` columns, behind the step's own) is multiplied once per sequence. The input's product is taken
 * for all tokens at once, the state's step by step for the places that still have one. */
#ifndef ELBOW_SRC_NN_GRU_H
#define ELBOW_SRC_NN_GRU_H

#include "elbow/nn/net.h"

/* Sequences longest first, by time, as in batch.h: step t holds the places 0 … begin[t + 1] − begin[t] − 1. */
typedef struct elbow_packing {
    const uint32_t *begin;
    size_t steps;
} elbow_packing;

static inline size_t elbow_packing_active(const elbow_packing *packing, size_t t) {
    return packing->begin[t + 1] - packing->begin[t];
}
static inline size_t elbow_packing_tokens(const elbow_packing *packing) {
    return packing->begin[packing->steps];
}
static inline size_t elbow_packing_places(const elbow_packing *packing) {
    return packing->steps ? elbow_packing_active(packing, 0) : 0;
}

typedef struct elbow_gru {
    size_t in, constant, width; /* columns of a step's input; of what is the same at every step; H */
    bool reverse;               /* reads from each sequence's end */
    size_t weight_ih, weight_hh, bias_ih, bias_hh;
    real *gates;  /* (tokens, 4H): n | r | z | q (recurrent.h), in backward their gradients */
    real *before; /* (tokens, H): the state that each step found */
    real *carry;  /* (places, H), in training: the gradient in the state between two steps */
    real *sums;   /* (4H), in training */
} elbow_gru;

elbow_status elbow_gru_create(elbow_gru *gru, const char *name, size_t in, size_t constant, size_t width,
                              bool reverse, elbow_params *params);
elbow_status elbow_gru_reserve(elbow_gru *gru, size_t tokens, size_t places, bool training,
                               elbow_arena *arena);

/* products (places, 3H) of constant (places, constant). */
void elbow_gru_constant_forward(const elbow_gru *gru, const elbow_pass *pass, real *products,
                                const real *constant, size_t places);
/* dconstant += and weight_ih's gradient += from dproducts. */
void elbow_gru_constant_backward(const elbow_gru *gru, const elbow_pass *pass, real *dconstant,
                                 const real *dproducts, const real *constant, size_t places);

/* h: (tokens) rows ld_h reals apart, the state after each token, from x (tokens, in). products (places, 3H) and
 * initial (places, H), the state before the first token, may be NULL; initial is not for a reverse unit. */
void elbow_gru_forward(elbow_gru *gru, const elbow_pass *pass, const elbow_packing *packing, real *h,
                       size_t ld_h, const real *x, const real *products, const real *initial);

/* From dh: (tokens) rows ld_dh reals apart. Adds to the parameters' gradients; writes dx, dproducts and dinitial
 * unless NULL (dinitial: exactly where forward had an initial state). Once per forward. */
void elbow_gru_backward(elbow_gru *gru, const elbow_pass *pass, const elbow_packing *packing, real *dx,
                        real *dproducts, real *dinitial, const real *dh, size_t ld_dh, const real *x);

#endif
