/* `embed WIDTH`: values as they are become vectors.
 *
 *     sequence   NAME.weight (V, WIDTH): a row for each token, packed as the tokens are
 *     table      NAME.D.weight (K, WIDTH) for each categorical column D: the columns one after the other, a categorical
 *                one as its row (zeros when missing), a real one as it is (0 when missing), each followed, where
 *                column.missing, by 1 when missing and 0 else, as elbow_field_input_width has it
 *
 * Tables start from U(−√3, √3), of variance 1. Gradients are added in the order of tokens, or of examples. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "elbow/base/number.h"
#include "math/embedding.h"
#include "nn/layer.h"

typedef struct embed {
    size_t width;
    size_t weight;   /* of a sequence's symbols: offset of (V, width) */
    size_t *columns; /* of a table: offsets of (K, width) by column; those of real columns mean nothing */
} embed;

static elbow_status declare(elbow_params *params, const char *name, size_t symbols, size_t width,
                            size_t *offset) {
    char tensor[2 * ELBOW_TENSOR_NAME];
    snprintf(tensor, sizeof tensor, "%s.weight", name);
    return elbow_params_declare(params, tensor, 2, (size_t[]){symbols, width}, sqrt(3.0), offset);
}

static elbow_status declare_columns(elbow_layer *layer, const char *name, elbow_params *params) {
    embed *state = layer->state;
    const elbow_field *field = layer->in.field;
    char column_name[ELBOW_TENSOR_NAME + 32];
    size_t width = 0;
    state->columns = calloc(field->dimensions, sizeof *state->columns);
    ELBOW_CHECK(state->columns != NULL, ELBOW_MEMORY, "no memory for a layer");
    for (size_t d = 0; d < field->dimensions; d++) {
        const elbow_column *column = &field->columns[d];
        width += (column->cardinality ? state->width : 1) + (column->missing ? 1 : 0);
        if (column->cardinality == 0) continue;
        snprintf(column_name, sizeof column_name, "%s.%zu", name, d);
        ELBOW_TRY(declare(params, column_name, column->cardinality, state->width, &state->columns[d]));
    }
    layer->out = elbow_shape_flat(width);
    return ELBOW_OK;
}

static elbow_status create(elbow_layer *layer, const elbow_layer_request *request, elbow_params *params) {
    int64_t width = 0;
    const elbow_field *field = layer->in.field;
    ELBOW_CHECK(field != NULL, ELBOW_USAGE,
                "`embed` reads the data as they are, and here a layer comes before it; put it first");
    ELBOW_CHECK(
        field->kind != ELBOW_IMAGE, ELBOW_USAGE,
        "`embed` reads columns and symbols, and the data are images; begin with `conv` or a dense layer");
    if (elbow_number_integer(request->size, 1, 65536, &width) != ELBOW_OK)
        return elbow_fail(ELBOW_USAGE, "`embed %s` has no width; write a number from 1 to 65536",
                          request->size);
    embed *state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for a layer");
    layer->state = state;
    state->width = (size_t)width;
    if (field->kind == ELBOW_TABLE) return declare_columns(layer, request->name, params);
    layer->out = elbow_shape_flat(state->width);
    layer->out.sequence = true;
    return declare(params, request->name, field->vocabulary, state->width, &state->weight);
}

/* Whether a value is a code of the column: not one that is missing, or that cannot be. */
static bool is_code(real value, const elbow_column *column) {
    return value >= 0 && value < (real)column->cardinality;
}

static void write_row(const embed *state, const elbow_field *field, const real *theta, real *y,
                      const real *values) {
    for (size_t d = 0; d < field->dimensions; d++) {
        const elbow_column *column = &field->columns[d];
        bool missing = values[d] != values[d];
        if (column->cardinality == 0) {
            *y++ = missing ? 0 : values[d];
        } else {
            if (is_code(values[d], column))
                memcpy(y, theta + state->columns[d] + (size_t)values[d] * state->width,
                       state->width * sizeof *y);
            else
                memset(y, 0, state->width * sizeof *y);
            y += state->width;
        }
        if (column->missing) *y++ = missing ? 1 : 0;
    }
}

static void add_row(const embed *state, const elbow_field *field, real *gradients, const real *dy,
                    const real *values) {
    for (size_t d = 0; d < field->dimensions; d++) {
        const elbow_column *column = &field->columns[d];
        size_t width = column->cardinality ? state->width : 1;
        if (column->cardinality && is_code(values[d], column)) {
            real *to = gradients + state->columns[d] + (size_t)values[d] * width;
            for (size_t i = 0; i < width; i++) to[i] += dy[i];
        }
        dy += width + (column->missing ? 1 : 0);
    }
}

static void forward(elbow_layer *layer, const elbow_pass *pass, real *y, const real *x, size_t rows) {
    (void)x;
    const embed *state = layer->state;
    const elbow_values *values = layer->values;
    const elbow_field *field = layer->in.field;
    if (layer->out.sequence) {
        elbow_embed(y, pass->parameters + state->weight, values->tokens, values->begin[values->steps],
                    state->width);
        return;
    }
    for (size_t i = 0; i < rows; i++)
        write_row(state, field, pass->parameters, y + i * layer->out.width,
                  values->reals + i * field->dimensions);
}

static void backward(elbow_layer *layer, const elbow_pass *pass, real *dx, real *dy, const real *y,
                     const real *x, size_t rows) {
    (void)dx, (void)y, (void)x;
    const embed *state = layer->state;
    const elbow_values *values = layer->values;
    const elbow_field *field = layer->in.field;
    if (pass->frozen) return;
    if (layer->out.sequence) {
        elbow_embed_backward(pass->gradients + state->weight, dy, values->tokens,
                             values->begin[values->steps], state->width);
        return;
    }
    for (size_t i = 0; i < rows; i++)
        add_row(state, field, pass->gradients, dy + i * layer->out.width,
                values->reals + i * field->dimensions);
}

static void destroy(elbow_layer *layer) {
    embed *state = layer->state;
    if (state) free(state->columns);
    free(state);
    layer->state = NULL;
}

const elbow_layer_ops elbow_layer_embed = {
    .name = "embed",
    .grammar = "WIDTH",
    .values = true,
    .create = create,
    .reserve = NULL,
    .forward = forward,
    .backward = backward,
    .destroy = destroy,
};
