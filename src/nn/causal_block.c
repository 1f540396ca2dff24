#include "nn/causal_block.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "math/attention.h"
#include "math/gemm.h"
#include "math/normalization.h"
#include "math/vector.h"

enum { EXPANSION = 4 };

elbow_status elbow_row_norm_create(elbow_row_norm *norm, const char *name, size_t width,
                                   elbow_params *params) {
    char tensor[2 * ELBOW_TENSOR_NAME];
    *norm = (elbow_row_norm){.width = width};
    snprintf(tensor, sizeof tensor, "%s.gain", name);
    ELBOW_TRY(elbow_params_declare(params, tensor, 1, &width, 0, &norm->gain));
    snprintf(tensor, sizeof tensor, "%s.bias", name);
    return elbow_params_declare(params, tensor, 1, &width, 0, &norm->bias);
}

elbow_status elbow_row_norm_reserve(elbow_row_norm *norm, size_t tokens, elbow_arena *arena) {
    ELBOW_TRY(elbow_arena_reals(arena, tokens * norm->width, &norm->y));
    ELBOW_TRY(elbow_arena_reals(arena, tokens, &norm->mean));
    return elbow_arena_reals(arena, tokens, &norm->scale);
}

void elbow_row_norm_forward(const elbow_row_norm *norm, const elbow_pass *pass, const real *x, size_t first,
                            size_t rows) {
    size_t at = first * norm->width;
    elbow_layer_norm(norm->y + at, norm->mean + first, norm->scale + first, x + at,
                     pass->parameters + norm->gain, pass->parameters + norm->bias, rows, norm->width);
}

void elbow_row_norm_backward(const elbow_row_norm *norm, const elbow_pass *pass, real *d, const real *x,
                             size_t rows) {
    elbow_layer_norm_backward(d, pass->frozen ? NULL : pass->gradients + norm->gain,
                              pass->frozen ? NULL : pass->gradients + norm->bias, d, norm->mean, norm->scale,
                              x, pass->parameters + norm->gain, rows, norm->width);
}

static elbow_status create_dense(elbow_dense *dense, const char *block, const char *part, size_t in,
                                 size_t out, const char *activation, elbow_params *params) {
    char name[ELBOW_TENSOR_NAME];
    const elbow_activation *function = NULL;
    snprintf(name, sizeof name, "%s.%s", block, part);
    ELBOW_TRY(elbow_activation_find(activation, &function));
    return elbow_dense_create(dense, name, in, out, function, params);
}

elbow_status elbow_causal_block_create(elbow_causal_block *block, const char *name, size_t width,
                                       size_t heads, elbow_params *params) {
    char norm[ELBOW_TENSOR_NAME];
    size_t W = width;
    *block = (elbow_causal_block){.width = width, .heads = heads};
    snprintf(norm, sizeof norm, "%s.norm_0", name);
    ELBOW_TRY(elbow_row_norm_create(&block->norms[0], norm, W, params));
    ELBOW_TRY(create_dense(&block->attention, name, "attention", W, 3 * W, "linear", params));
    ELBOW_TRY(create_dense(&block->merge, name, "merge", W, W, "linear", params));
    snprintf(norm, sizeof norm, "%s.norm_1", name);
    ELBOW_TRY(elbow_row_norm_create(&block->norms[1], norm, W, params));
    ELBOW_TRY(create_dense(&block->expand, name, "expand", W, EXPANSION * W, "gelu", params));
    return create_dense(&block->contract, name, "contract", EXPANSION * W, W, "linear", params);
}

elbow_status elbow_causal_block_reserve(elbow_causal_block *block, const elbow_causal_block *before,
                                        size_t tokens, bool training, elbow_arena *arena) {
    size_t n = tokens * block->width;
    ELBOW_TRY(elbow_arena_reals(arena, 3 * n, &block->projected));
    ELBOW_TRY(elbow_arena_reals(arena, n, &block->y));
    if (!training && before) {
        for (int i = 0; i < 2; i++) {
            block->norms[i].y = before->norms[i].y;
            block->norms[i].mean = before->norms[i].mean;
            block->norms[i].scale = before->norms[i].scale;
        }
        block->expand.v = before->expand.v;
        block->mixed = before->mixed;
        block->middle = before->middle;
        block->wide = before->wide;
        return ELBOW_OK;
    }
    for (int i = 0; i < 2; i++) ELBOW_TRY(elbow_row_norm_reserve(&block->norms[i], tokens, arena));
    ELBOW_TRY(elbow_dense_reserve(&block->expand, tokens, arena));
    ELBOW_TRY(elbow_arena_reals(arena, n, &block->mixed));
    ELBOW_TRY(elbow_arena_reals(arena, n, &block->middle));
    return elbow_arena_reals(arena, EXPANSION * n, &block->wide);
}

elbow_status elbow_causal_scratch_reserve(elbow_causal_scratch *scratch, size_t width, size_t tokens,
                                          size_t longest, bool training, elbow_arena *arena) {
    ELBOW_TRY(elbow_arena_reals(arena, longest * 3 * width, &scratch->rows));
    ELBOW_TRY(elbow_arena_reals(arena, longest * width, &scratch->lookup));
    ELBOW_TRY(elbow_arena_reals(arena, longest * longest, &scratch->shares));
    if (!training) return ELBOW_OK;
    ELBOW_TRY(elbow_arena_reals(arena, longest * 3 * width, &scratch->drows));
    ELBOW_TRY(elbow_arena_reals(arena, longest * longest, &scratch->dshares));
    ELBOW_TRY(elbow_arena_reals(arena, tokens * EXPANSION * width, &scratch->dwide));
    return elbow_arena_reals(arena, tokens * width, &scratch->dnormed);
}

/* A place's rows [first, last) of packed ones, side by side, and back. */
static void gather(real *to, const real *from, const elbow_packing *packing, size_t place, size_t first,
                   size_t last, size_t width) {
    for (size_t t = first; t < last; t++)
        memcpy(to + (t - first) * width, from + (packing->begin[t] + place) * width, width * sizeof *to);
}

static void scatter(real *to, const real *from, const elbow_packing *packing, size_t place, size_t first,
                    size_t last, size_t width) {
    for (size_t t = first; t < last; t++)
        memcpy(to + (packing->begin[t] + place) * width, from + (t - first) * width, width * sizeof *to);
}

/* Longest first: the length of a place is at most that of the one before it. */
static size_t length_of(const elbow_packing *packing, size_t place, size_t length) {
    while (length > 0 && elbow_packing_active(packing, length - 1) <= place) length--;
    return length;
}

/* The shares of attention of one head: of the queries [from, length) in the keys [0, length). */
static void find_shares(const elbow_causal_block *block, real *shares, const real *rows, size_t head,
                        size_t from, size_t length) {
    size_t W = block->width, columns = W / block->heads;
    const real *q = rows + head * columns, *k = q + W;
    elbow_gemm(false, true, length - from, length, columns, 1, q + from * 3 * W, 3 * W, k, 3 * W, 0, shares,
               length);
    elbow_causal_softmax(shares, length - from, length, from, 1 / (real)sqrt((double)columns));
}

static void attend(elbow_causal_block *block, elbow_causal_scratch *scratch, const elbow_packing *packing,
                   size_t from) {
    size_t W = block->width, columns = W / block->heads, length = packing->steps;
    for (size_t place = 0; place < elbow_packing_places(packing); place++) {
        length = length_of(packing, place, length);
        if (length <= from) return;
        gather(scratch->rows, block->projected, packing, place, 0, length, 3 * W);
        for (size_t head = 0; head < block->heads; head++) {
            const real *v = scratch->rows + 2 * W + head * columns;
            find_shares(block, scratch->shares, scratch->rows, head, from, length);
            elbow_gemm(false, false, length - from, columns, length, 1, scratch->shares, length, v, 3 * W, 0,
                       scratch->lookup + head * columns, W);
        }
        scatter(block->mixed, scratch->lookup, packing, place, from, length, W);
    }
}

/* One head: with P the shares and o = P v:  dv = Pᵀ do,  dP = do vᵀ,  dq = dS k,  dk = dSᵀ q. */
static void attend_head_backward(const elbow_causal_block *block, elbow_causal_scratch *scratch, size_t head,
                                 size_t length) {
    size_t W = block->width, columns = W / block->heads, at = head * columns, ld = 3 * W;
    const real *q = scratch->rows + at, *k = q + W, *v = k + W, *d = scratch->lookup + at;
    real *dq = scratch->drows + at, *dk = dq + W, *dv = dk + W, *shares = scratch->shares,
         *ds = scratch->dshares;
    find_shares(block, shares, scratch->rows, head, 0, length);
    elbow_gemm(true, false, length, columns, length, 1, shares, length, d, W, 0, dv, ld);
    elbow_gemm(false, true, length, length, columns, 1, d, W, v, ld, 0, ds, length);
    elbow_causal_softmax_backward(ds, shares, length, length, 0, 1 / (real)sqrt((double)columns));
    elbow_gemm(false, false, length, columns, length, 1, ds, length, k, ld, 0, dq, ld);
    elbow_gemm(true, false, length, columns, length, 1, ds, length, q, ld, 0, dk, ld);
}

/* dprojected (tokens, 3W) from dmixed (tokens, W). */
static void attend_backward(const elbow_causal_block *block, elbow_causal_scratch *scratch,
                            const elbow_packing *packing, real *dprojected, const real *dmixed) {
    size_t W = block->width, length = packing->steps;
    for (size_t place = 0; place < elbow_packing_places(packing); place++) {
        length = length_of(packing, place, length);
        gather(scratch->rows, block->projected, packing, place, 0, length, 3 * W);
        gather(scratch->lookup, dmixed, packing, place, 0, length, W);
        for (size_t head = 0; head < block->heads; head++) attend_head_backward(block, scratch, head, length);
        scatter(dprojected, scratch->drows, packing, place, 0, length, 3 * W);
    }
}

void elbow_causal_block_forward(elbow_causal_block *block, elbow_causal_scratch *scratch,
                                const elbow_pass *pass, const elbow_packing *packing, size_t from,
                                const real *x) {
    size_t W = block->width, first = packing->begin[from], rows = packing->begin[packing->steps] - first;
    size_t at = first * W, n = rows * W;
    elbow_row_norm_forward(&block->norms[0], pass, x, first, rows);
    elbow_dense_forward(&block->attention, pass, block->projected + 3 * at, block->norms[0].y + at, rows);
    attend(block, scratch, packing, from);
    elbow_dense_forward(&block->merge, pass, block->middle + at, block->mixed + at, rows);
    elbow_add(block->middle + at, x + at, n);
    elbow_row_norm_forward(&block->norms[1], pass, block->middle, first, rows);
    elbow_dense_forward(&block->expand, pass, block->wide + EXPANSION * at, block->norms[1].y + at, rows);
    elbow_dense_forward(&block->contract, pass, block->y + at, block->wide + EXPANSION * at, rows);
    elbow_add(block->y + at, block->middle + at, n);
}

void elbow_causal_block_backward(elbow_causal_block *block, elbow_causal_scratch *scratch,
                                 const elbow_pass *pass, const elbow_packing *packing, real *d,
                                 const real *x) {
    size_t W = block->width, rows = elbow_packing_tokens(packing), n = rows * W;
    real *dwide = scratch->dwide, *dprojected = scratch->dwide, *dnormed = scratch->dnormed,
         *dmixed = dnormed;
    elbow_dense_backward(&block->contract, pass, dwide, d, block->y, block->wide, rows);
    elbow_dense_backward(&block->expand, pass, dnormed, dwide, block->wide, block->norms[1].y, rows);
    elbow_row_norm_backward(&block->norms[1], pass, dnormed, block->middle, rows);
    elbow_add(d, dnormed, n);
    elbow_dense_backward(&block->merge, pass, dmixed, d, block->middle, block->mixed, rows);
    attend_backward(block, scratch, packing, dprojected, dmixed);
    elbow_dense_backward(&block->attention, pass, dnormed, dprojected, block->projected, block->norms[0].y,
                         rows);
    elbow_row_norm_backward(&block->norms[0], pass, dnormed, x, rows);
    elbow_add(d, dnormed, n);
}
