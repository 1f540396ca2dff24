/* A block of a causal Transformer over packed sequences (Vaswani et al. 2017; normalised before, as in GPT-2):
 *
 *     m = x + merge(attention(norm_0(x)))      y = m + contract(gelu(expand(norm_1(m))))
 *
 * with `heads` heads of W / heads columns, softmax(q kᵀ / √(W / heads)) over the tokens up to each one's own, and 4 W columns
 * between expand and contract. Attention goes sequence by sequence over its own length: products for padding do not exist;
 * the scores above the diagonal are computed with the others of their product, and set to 0. Shares of attention are
 * computed again on the way back instead of being kept.
 *
 * Tensors: NAME.norm_0.gain (gain − 1), .bias, NAME.attention.weight (3W, W: q, k, v), .bias, NAME.merge.*, NAME.norm_1.*,
 * NAME.expand.*, NAME.contract.*. */
#ifndef ELBOW_SRC_NN_CAUSAL_BLOCK_H
#define ELBOW_SRC_NN_CAUSAL_BLOCK_H

#include "nn/dense.h"
#include "nn/gru.h"

/* A layer normalisation of rows. */
typedef struct elbow_row_norm {
    size_t width, gain, bias; /* W, and offsets */
    real *y, *mean, *scale;   /* (tokens, W), (tokens), (tokens) */
} elbow_row_norm;

elbow_status elbow_row_norm_create(elbow_row_norm *norm, const char *name, size_t width,
                                   elbow_params *params);
elbow_status elbow_row_norm_reserve(elbow_row_norm *norm, size_t tokens, elbow_arena *arena);

/* Into norm->y, rows [first, first + rows). */
void elbow_row_norm_forward(const elbow_row_norm *norm, const elbow_pass *pass, const real *x, size_t first,
                            size_t rows);
/* d (rows, W): in place from the gradient in y to that in x. */
void elbow_row_norm_backward(const elbow_row_norm *norm, const elbow_pass *pass, real *d, const real *x,
                             size_t rows);

typedef struct elbow_causal_block {
    size_t width, heads;
    elbow_row_norm norms[2];
    elbow_dense attention, merge, expand, contract;
    real *projected; /* (tokens, 3W): q | k | v */
    real *mixed;     /* (tokens, W): what the heads looked up */
    real *middle;    /* (tokens, W): m */
    real *wide;      /* (tokens, 4W) */
    real *y;         /* (tokens, W) */
} elbow_causal_block;

/* What blocks use one after the other. */
typedef struct elbow_causal_scratch {
    real *rows, *drows;     /* (longest, 3W): one sequence's q | k | v */
    real *lookup;           /* (longest, W) */
    real *shares, *dshares; /* (longest, longest) */
    real *dwide, *dnormed;  /* (tokens, 4W), (tokens, W), in training */
} elbow_causal_scratch;

/* `width` is a multiple of `heads`. */
elbow_status elbow_causal_block_create(elbow_causal_block *block, const char *name, size_t width,
                                       size_t heads, elbow_params *params);
/* Outside of training a block that follows another one gives it `before`, and shares all but `projected` and y with it. */
elbow_status elbow_causal_block_reserve(elbow_causal_block *block, const elbow_causal_block *before,
                                        size_t tokens, bool training, elbow_arena *arena);
elbow_status elbow_causal_scratch_reserve(elbow_causal_scratch *scratch, size_t width, size_t tokens,
                                          size_t longest, bool training, elbow_arena *arena);

/* block->y of the tokens of steps [from, packing->steps), from x (tokens, W); those before are as they were left. */
void elbow_causal_block_forward(elbow_causal_block *block, elbow_causal_scratch *scratch,
                                const elbow_pass *pass, const elbow_packing *packing, size_t from,
                                const real *x);
/* After a forward from step 0. d (tokens, W): in place from the gradient in y to that in x. */
void elbow_causal_block_backward(elbow_causal_block *block, elbow_causal_scratch *scratch,
                                 const elbow_pass *pass, const elbow_packing *packing, real *d,
                                 const real *x);

#endif
