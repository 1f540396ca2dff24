/* `dropout RATE` (Srivastava et al. 2014): in training each value is 0 with probability RATE, and the others are
 * divided by 1 − RATE; otherwise the layer does nothing.
 *
 * Draws come from the stream NAME.dropout at (example, step). A row that is draw s of an example begins at block
 * s · ⌈width / 4⌉, and so does token s of a sequence: a mask depends on (seed, shard, step, example) and on nothing else in
 * the batch. A value is dropped where its word is below RATE · 2³². */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "elbow/base/number.h"
#include "math/dropout.h"
#include "nn/layer.h"
#include "nn/pass.h"

typedef struct dropout {
    char stream[2 * ELBOW_TENSOR_NAME];
    uint32_t threshold;
    real scale;
    uint32_t *words; /* (rows, width), in training */
    bool dropped;    /* the last forward did */
} dropout;

static elbow_status create(elbow_layer *layer, const elbow_layer_request *request, elbow_params *params) {
    double rate = 0;
    (void)params;
    elbow_status status = elbow_number_real(request->size, 0, 1, &rate);
    if (status != ELBOW_OK) return elbow_fail_prefix(status, "`dropout %s`", request->size);
    ELBOW_CHECK(rate < 1, ELBOW_USAGE,
                "`dropout %s` would drop everything; write the share that is dropped, such as 0.1",
                request->size);
    dropout *state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for a layer");
    layer->state = state;
    layer->out = layer->in;
    snprintf(state->stream, sizeof state->stream, "%s.dropout", request->name);
    state->threshold = (uint32_t)fmin(rate * 0x1p32 + 0.5, (double)UINT32_MAX);
    state->scale = (real)(1 / (1 - rate));
    return ELBOW_OK;
}

static elbow_status reserve(elbow_layer *layer, size_t rows, bool training, elbow_arena *arena) {
    dropout *state = layer->state;
    if (!training) return ELBOW_OK;
    size_t most = elbow_layer_most_rows(layer, &layer->in, rows);
    return elbow_arena_take(arena, most * layer->in.width, sizeof *state->words, &state->words);
}

static void draw_rows(const elbow_layer *layer, elbow_stream stream, const elbow_pass *pass, size_t rows) {
    const dropout *state = layer->state;
    size_t width = layer->in.width, batch = layer->batch;
    uint32_t blocks = elbow_stream_blocks(width);
    for (size_t first = 0, s = 0; first < rows; first += batch, s++)
        elbow_stream_rows(stream, (uint32_t)s * blocks, pass->example, pass->step,
                          rows - first < batch ? rows - first : batch, width, state->words + first * width);
}

static void draw_tokens(const elbow_layer *layer, elbow_stream stream, const elbow_pass *pass) {
    const dropout *state = layer->state;
    const elbow_values *values = layer->values;
    size_t width = layer->in.width;
    uint32_t blocks = elbow_stream_blocks(width);
    for (size_t t = 0; t < values->steps; t++)
        for (size_t p = 0; p < elbow_values_active(values, t); p++)
            elbow_stream_rows(stream, (uint32_t)t * blocks, pass->example + values->order[p], pass->step, 1,
                              width, state->words + (values->begin[t] + p) * width);
}

static void forward(elbow_layer *layer, const elbow_pass *pass, real *y, const real *x, size_t rows) {
    dropout *state = layer->state;
    size_t count = elbow_layer_rows(layer, &layer->in, rows) * layer->in.width;
    state->dropped = pass->gradients != NULL && state->threshold > 0;
    if (!state->dropped) {
        memcpy(y, x, count * sizeof *y);
        return;
    }
    elbow_stream stream = elbow_pass_stream(pass, state->stream);
    if (layer->in.sequence)
        draw_tokens(layer, stream, pass);
    else
        draw_rows(layer, stream, pass, rows);
    elbow_drop(y, x, state->words, count, state->threshold, state->scale);
}

static void backward(elbow_layer *layer, const elbow_pass *pass, real *dx, real *dy, const real *y,
                     const real *x, size_t rows) {
    const dropout *state = layer->state;
    (void)pass, (void)y, (void)x;
    if (dx == NULL) return;
    size_t count = elbow_layer_rows(layer, &layer->in, rows) * layer->in.width;
    if (state->dropped)
        elbow_drop(dx, dy, state->words, count, state->threshold, state->scale);
    else
        memcpy(dx, dy, count * sizeof *dx);
}

static void destroy(elbow_layer *layer) { free(layer->state); }

const elbow_layer_ops elbow_layer_dropout = {
    .name = "dropout",
    .grammar = "RATE",
    .rowwise = true,
    .draws = true,
    .create = create,
    .reserve = reserve,
    .forward = forward,
    .backward = backward,
    .destroy = destroy,
};
