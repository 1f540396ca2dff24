#include "nn/gru.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "elbow/base/number.h"
#include "math/gemm.h"
#include "math/recurrent.h"
#include "math/vector.h"
#include "nn/layer.h"

static elbow_status declare(elbow_params *params, const char *name, const char *part, bool reverse,
                            size_t rows, size_t columns, double bound, size_t *offset) {
    char tensor[2 * ELBOW_TENSOR_NAME];
    snprintf(tensor, sizeof tensor, "%s.%s%s", name, part, reverse ? "_reverse" : "");
    return elbow_params_declare(params, tensor, columns ? 2 : 1, (size_t[]){rows, columns}, bound, offset);
}

elbow_status elbow_gru_create(elbow_gru *gru, const char *name, size_t in, size_t constant, size_t width,
                              bool reverse, elbow_params *params) {
    double bound = 1 / sqrt((double)width);
    size_t rows = 3 * width;
    *gru = (elbow_gru){.in = in, .constant = constant, .width = width, .reverse = reverse};
    ELBOW_TRY(declare(params, name, "weight_ih", reverse, rows, in + constant, bound, &gru->weight_ih));
    ELBOW_TRY(declare(params, name, "weight_hh", reverse, rows, width, bound, &gru->weight_hh));
    ELBOW_TRY(declare(params, name, "bias_ih", reverse, rows, 0, bound, &gru->bias_ih));
    return declare(params, name, "bias_hh", reverse, rows, 0, bound, &gru->bias_hh);
}

elbow_status elbow_gru_reserve(elbow_gru *gru, size_t tokens, size_t places, bool training,
                               elbow_arena *arena) {
    ELBOW_TRY(elbow_arena_reals(arena, tokens * 4 * gru->width, &gru->gates));
    ELBOW_TRY(elbow_arena_reals(arena, tokens * gru->width, &gru->before));
    if (!training) return ELBOW_OK;
    ELBOW_TRY(elbow_arena_reals(arena, places * gru->width, &gru->carry));
    return elbow_arena_reals(arena, 4 * gru->width, &gru->sums);
}

void elbow_gru_constant_forward(const elbow_gru *gru, const elbow_pass *pass, real *products,
                                const real *constant, size_t places) {
    size_t rows = 3 * gru->width, columns = gru->in + gru->constant;
    const real *weight = pass->parameters + gru->weight_ih + gru->in;
    elbow_gemm(false, true, places, rows, gru->constant, 1, constant, gru->constant, weight, columns, 0,
               products, rows);
}

void elbow_gru_constant_backward(const elbow_gru *gru, const elbow_pass *pass, real *dconstant,
                                 const real *dproducts, const real *constant, size_t places) {
    size_t rows = 3 * gru->width, columns = gru->in + gru->constant, offset = gru->weight_ih + gru->in;
    if (!pass->frozen)
        elbow_gemm(true, false, rows, gru->constant, places, 1, dproducts, rows, constant, gru->constant, 1,
                   pass->gradients + offset, columns);
    elbow_gemm(false, false, places, gru->constant, rows, 1, dproducts, rows, pass->parameters + offset,
               columns, 1, dconstant, gru->constant);
}

/* The input's products of all tokens, in the columns n and r | z of the gates; q begins at 0. */
static void input_products(const elbow_gru *gru, const elbow_pass *pass, const real *x, size_t tokens) {
    size_t H = gru->width, columns = gru->in + gru->constant;
    const real *weight = pass->parameters + gru->weight_ih;
    elbow_gemm(false, true, tokens, H, gru->in, 1, x, gru->in, weight + 2 * H * columns, columns, 0,
               gru->gates, 4 * H);
    elbow_gemm(false, true, tokens, 2 * H, gru->in, 1, x, gru->in, weight, columns, 0, gru->gates + H, 4 * H);
    for (size_t i = 0; i < tokens; i++) memset(gru->gates + i * 4 * H + 3 * H, 0, H * sizeof *gru->gates);
}

/* How many places come to step t with a state that another step, or the caller, left: always the first ones. */
static size_t with_state(const elbow_gru *gru, const elbow_packing *packing, size_t t, bool initial) {
    if (gru->reverse) return t + 1 < packing->steps ? elbow_packing_active(packing, t + 1) : 0;
    return t > 0 || initial ? elbow_packing_active(packing, t) : 0;
}

static void copy_rows(real *to, const real *from, size_t ld, size_t rows, size_t width) {
    for (size_t p = 0; p < rows; p++) memcpy(to + p * width, from + p * ld, width * sizeof *to);
}

/* A step's old states: those of the step before it in reading order, zero where a sequence begins. */
static void find_states(const elbow_gru *gru, const elbow_packing *packing, size_t t, const real *h,
                        size_t ld_h, const real *initial) {
    size_t H = gru->width, active = elbow_packing_active(packing, t);
    size_t found = with_state(gru, packing, t, initial != NULL);
    real *before = gru->before + packing->begin[t] * H;
    if (!gru->reverse && t == 0 && initial)
        copy_rows(before, initial, H, found, H);
    else if (found > 0)
        copy_rows(before, h + packing->begin[gru->reverse ? t + 1 : t - 1] * ld_h, ld_h, found, H);
    memset(before + found * H, 0, (active - found) * H * sizeof *before);
}

void elbow_gru_forward(elbow_gru *gru, const elbow_pass *pass, const elbow_packing *packing, real *h,
                       size_t ld_h, const real *x, const real *products, const real *initial) {
    size_t H = gru->width;
    const real *theta = pass->parameters;
    input_products(gru, pass, x, elbow_packing_tokens(packing));
    for (size_t k = 0; k < packing->steps; k++) {
        size_t t = gru->reverse ? packing->steps - 1 - k : k, at = packing->begin[t];
        real *gates = gru->gates + at * 4 * H;
        const real *before = gru->before + at * H;
        find_states(gru, packing, t, h, ld_h, initial);
        elbow_gemm(false, true, with_state(gru, packing, t, initial != NULL), 3 * H, H, 1, before, H,
                   theta + gru->weight_hh, H, 1, gates + H, 4 * H);
        elbow_gru_gates(h + at * ld_h, ld_h, gates, before, products, theta + gru->bias_ih,
                        theta + gru->bias_hh, elbow_packing_active(packing, t), H);
    }
}

/* Gradients of weights and biases from those of the gates, all tokens at once; see the columns in recurrent.h. */
static void parameter_gradients(const elbow_gru *gru, const elbow_pass *pass, const real *x, size_t tokens) {
    size_t H = gru->width, columns = gru->in + gru->constant, in = gru->in;
    real *d_ih = pass->gradients + gru->weight_ih;
    elbow_gemm(true, false, 2 * H, in, tokens, 1, gru->gates + H, 4 * H, x, in, 1, d_ih, columns);
    elbow_gemm(true, false, H, in, tokens, 1, gru->gates, 4 * H, x, in, 1, d_ih + 2 * H * columns, columns);
    elbow_gemm(true, false, 3 * H, H, tokens, 1, gru->gates + H, 4 * H, gru->before, H, 1,
               pass->gradients + gru->weight_hh, H);
    memset(gru->sums, 0, 4 * H * sizeof *gru->sums);
    elbow_column_sums(gru->sums, gru->gates, tokens, 4 * H);
    elbow_add(pass->gradients + gru->bias_ih, gru->sums + H, 2 * H);
    elbow_add(pass->gradients + gru->bias_ih + 2 * H, gru->sums, H);
    elbow_add(pass->gradients + gru->bias_hh, gru->sums + H, 3 * H);
}

/* dx, or with `add` (the second direction) dx +. */
static void input_gradient(const elbow_gru *gru, const elbow_pass *pass, real *dx, size_t tokens, bool add) {
    size_t H = gru->width, columns = gru->in + gru->constant;
    const real *weight = pass->parameters + gru->weight_ih;
    elbow_gemm(false, false, tokens, gru->in, 2 * H, 1, gru->gates + H, 4 * H, weight, columns, add ? 1 : 0,
               dx, gru->in);
    elbow_gemm(false, false, tokens, gru->in, H, 1, gru->gates, 4 * H, weight + 2 * H * columns, columns, 1,
               dx, gru->in);
}

/* Back through time. Places that a step has for the first time bring a carry of 0; those that leave take theirs with
 * them: it was the gradient in the zeros that their sequence began with. */
void elbow_gru_backward(elbow_gru *gru, const elbow_pass *pass, const elbow_packing *packing, real *dx,
                        real *dproducts, real *dinitial, const real *dh, size_t ld_dh, const real *x) {
    size_t H = gru->width, tokens = elbow_packing_tokens(packing), places = elbow_packing_places(packing);
    memset(gru->carry, 0, places * H * sizeof *gru->carry);
    if (dproducts) memset(dproducts, 0, places * 3 * H * sizeof *dproducts);
    for (size_t k = 0; k < packing->steps; k++) {
        size_t t = gru->reverse ? k : packing->steps - 1 - k, at = packing->begin[t];
        size_t active = elbow_packing_active(packing, t);
        real *gates = gru->gates + at * 4 * H;
        elbow_gru_gates_backward(gates, gru->carry, dh + at * ld_dh, ld_dh, gru->before + at * H, active, H);
        elbow_gemm(false, false, with_state(gru, packing, t, dinitial != NULL), H, 3 * H, 1, gates + H, 4 * H,
                   pass->parameters + gru->weight_hh, H, 1, gru->carry, H);
        if (dproducts) elbow_gru_constant_gradient(dproducts, gates, active, H);
    }
    if (dinitial) memcpy(dinitial, gru->carry, places * H * sizeof *dinitial);
    if (!pass->frozen) parameter_gradients(gru, pass, x, tokens);
    if (dx) input_gradient(gru, pass, dx, tokens, false);
}

/* As layers of a network: `gru WIDTH`, `bigru WIDTH`. Out comes the sequence, both directions side by side; or, where
 * no later layer takes sequences, a row for each example: the state after its last token, and after the first token
 * for the unit that reads from the end. */

typedef struct gru_layer {
    elbow_gru units[2];
    size_t directions;
    bool last;
    real *h, *dh; /* (tokens, out.width): all states, where only the last ones go out */
} gru_layer;

static elbow_status create(elbow_layer *layer, const elbow_layer_request *request, elbow_params *params,
                           size_t directions) {
    int64_t width = 0;
    const char *name = layer->ops->name;
    ELBOW_CHECK(
        layer->in.sequence, ELBOW_USAGE,
        "`%s` reads sequences, and here come none; for a field of sequences put `embed WIDTH` before it",
        name);
    if (elbow_number_integer(request->size, 1, 65536, &width) != ELBOW_OK)
        return elbow_fail(ELBOW_USAGE, "`%s %s` has no width; write a number from 1 to 65536", name,
                          request->size);
    gru_layer *state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for a layer");
    layer->state = state;
    state->directions = directions;
    state->last = request->last_sequence;
    layer->out = elbow_shape_flat(directions * (size_t)width);
    layer->out.sequence = !state->last;
    for (size_t d = 0; d < directions; d++)
        ELBOW_TRY(elbow_gru_create(&state->units[d], request->name, layer->in.width, 0, (size_t)width, d == 1,
                                   params));
    return ELBOW_OK;
}

static elbow_status create_one(elbow_layer *layer, const elbow_layer_request *request, elbow_params *params) {
    return create(layer, request, params, 1);
}

static elbow_status create_both(elbow_layer *layer, const elbow_layer_request *request,
                                elbow_params *params) {
    return create(layer, request, params, 2);
}

static elbow_status reserve(elbow_layer *layer, size_t rows, bool training, elbow_arena *arena) {
    gru_layer *state = layer->state;
    size_t tokens = elbow_layer_most_rows(layer, &layer->in, rows);
    for (size_t d = 0; d < state->directions; d++)
        ELBOW_TRY(elbow_gru_reserve(&state->units[d], tokens, rows, training, arena));
    if (!state->last) return ELBOW_OK;
    ELBOW_TRY(elbow_arena_reals(arena, tokens * layer->out.width, &state->h));
    return training ? elbow_arena_reals(arena, tokens * layer->out.width, &state->dh) : ELBOW_OK;
}

/* Where direction d has read all of the sequence at a place: a row of the packed states. */
static size_t last_row(const elbow_values *values, size_t place, size_t d) {
    return d == 1 ? place : values->begin[values->length[place] - 1] + place;
}

static void forward(elbow_layer *layer, const elbow_pass *pass, real *y, const real *x, size_t rows) {
    gru_layer *state = layer->state;
    const elbow_values *values = layer->values;
    size_t out = layer->out.width, H = state->units[0].width;
    elbow_packing packing = {values->begin, values->steps};
    real *h = state->last ? state->h : y;
    for (size_t d = 0; d < state->directions; d++)
        elbow_gru_forward(&state->units[d], pass, &packing, h + d * H, out, x, NULL, NULL);
    if (!state->last) return;
    for (size_t p = 0; p < rows; p++)
        for (size_t d = 0; d < state->directions; d++)
            memcpy(y + values->order[p] * out + d * H, h + last_row(values, p, d) * out + d * H,
                   H * sizeof *y);
}

static void backward(elbow_layer *layer, const elbow_pass *pass, real *dx, real *dy, const real *y,
                     const real *x, size_t rows) {
    (void)y;
    gru_layer *state = layer->state;
    const elbow_values *values = layer->values;
    size_t out = layer->out.width, H = state->units[0].width;
    elbow_packing packing = {values->begin, values->steps};
    size_t tokens = elbow_packing_tokens(&packing);
    const real *dh = state->last ? state->dh : dy;
    if (state->last) {
        memset(state->dh, 0, tokens * out * sizeof *dh);
        for (size_t p = 0; p < rows; p++)
            for (size_t d = 0; d < state->directions; d++)
                memcpy(state->dh + last_row(values, p, d) * out + d * H, dy + values->order[p] * out + d * H,
                       H * sizeof *dh);
    }
    for (size_t d = 0; d < state->directions; d++) {
        elbow_gru_backward(&state->units[d], pass, &packing, NULL, NULL, NULL, dh + d * H, out, x);
        if (dx) input_gradient(&state->units[d], pass, dx, tokens, d > 0);
    }
}

static void destroy(elbow_layer *layer) { free(layer->state); }

const elbow_layer_ops elbow_layer_gru = {
    .name = "gru",
    .grammar = "WIDTH",
    .sequences = true,
    .create = create_one,
    .reserve = reserve,
    .forward = forward,
    .backward = backward,
    .destroy = destroy,
};

const elbow_layer_ops elbow_layer_bigru = {
    .name = "bigru",
    .grammar = "WIDTH",
    .sequences = true,
    .create = create_both,
    .reserve = reserve,
    .forward = forward,
    .backward = backward,
    .destroy = destroy,
};
