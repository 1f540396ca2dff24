/* `transformer DEPTHxWIDTHxHEADS`: a conditional language model over a causal Transformer,
 *
 *     p(x|z) = Π_t softmax(W norm(y_t) + b)[x_t],   y = DEPTH blocks (nn/causal_block.h) of  e_t + position_t + (A f + a)
 *
 * e_t is the embedding, WIDTH wide, of x_{t−1} (teacher forcing and word dropout: sequence.h), f the decoder's features,
 * whose product enters every position. Positions are learned, one for each of the model's D. Tensors:
 * likelihood.embedding.weight (V + 2, W), likelihood.position.weight (D, W), likelihood.features.*, likelihood.0.* …,
 * likelihood.norm.*, likelihood.weight, likelihood.bias.
 *
 * In training a token keeps 19 W reals a block. What is generated looks back at the keys and values that its earlier steps
 * left, which are not computed again. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "math/embedding.h"
#include "math/vector.h"
#include "nn/causal_block.h"
#include "vae/sequence.h"

enum { MOST_DEPTH = 64 };

typedef struct transformer {
    elbow_teacher teacher;
    size_t width, depth;
    size_t embedding, position; /* offsets of (V + 2, W) and (D, W) */
    elbow_dense injection;
    elbow_causal_block blocks[MOST_DEPTH];
    elbow_causal_scratch scratch;
    elbow_row_norm norm;
    elbow_symbols symbols;
    real *features, *dfeatures; /* (places, F): of the places */
    real *injected, *dinjected; /* (places, W) */
    real *x;                    /* (tokens, W): what the first block gets */
    real *d;                    /* (tokens, W), in training: the gradient on its way down */
} transformer;

static bool fits(const elbow_field *field) { return field->kind == ELBOW_SEQUENCE; }

static elbow_status read_size(const char *size, size_t *depth, size_t *width, size_t *heads) {
    unsigned long d = 0, w = 0, h = 0;
    int end = 0;
    bool read = sscanf(size, "%7lux%7lux%7lu%n", &d, &w, &h, &end) == 3 && size[end] == '\0';
    ELBOW_CHECK(read && d >= 1 && d <= MOST_DEPTH && w >= 2 && w <= 65536 && h >= 1 && w % h == 0,
                ELBOW_USAGE,
                "`transformer %s` cannot be; write DEPTHxWIDTHxHEADS, a depth up to %d and a width that is a "
                "multiple "
                "of the heads: `transformer 4x256x8`",
                size, MOST_DEPTH);
    *depth = d;
    *width = w;
    *heads = h;
    return ELBOW_OK;
}

static elbow_status create_blocks(transformer *state, size_t heads, elbow_params *params) {
    for (size_t i = 0; i < state->depth; i++) {
        char name[ELBOW_TENSOR_NAME];
        snprintf(name, sizeof name, "likelihood.%zu", i);
        ELBOW_TRY(elbow_causal_block_create(&state->blocks[i], name, state->width, heads, params));
    }
    return elbow_row_norm_create(&state->norm, "likelihood.norm", state->width, params);
}

static elbow_status create(elbow_likelihood *likelihood, const elbow_options *options, const char *size,
                           elbow_params *params) {
    const elbow_field *field = likelihood->field;
    const elbow_activation *linear = NULL;
    size_t heads = 0, F = likelihood->features.width;
    transformer *state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for a likelihood");
    likelihood->state = state;
    likelihood->observed = true;
    elbow_teacher_create(&state->teacher, field, options);
    elbow_status status = read_size(size, &state->depth, &state->width, &heads);
    if (status != ELBOW_OK) return elbow_options_blame(options, "model.likelihood", status);
    size_t W = state->width, table[2] = {field->vocabulary + 2, W}, positions[2] = {field->dimensions, W};
    ELBOW_TRY(elbow_activation_find("linear", &linear));
    ELBOW_TRY(
        elbow_params_declare(params, "likelihood.embedding.weight", 2, table, sqrt(3.0), &state->embedding));
    ELBOW_TRY(elbow_params_declare(params, "likelihood.position.weight", 2, positions, sqrt(3.0),
                                   &state->position));
    ELBOW_TRY(elbow_dense_create(&state->injection, "likelihood.features", F, W, linear, params));
    ELBOW_TRY(create_blocks(state, heads, params));
    return elbow_symbols_create(&state->symbols, W, field->vocabulary, params);
}

static elbow_status reserve(elbow_likelihood *likelihood, size_t rows, bool training, elbow_arena *arena) {
    transformer *state = likelihood->state;
    ELBOW_TRY(elbow_teacher_reserve(&state->teacher, rows, training, arena));
    size_t places = state->teacher.room, tokens = elbow_teacher_tokens(&state->teacher);
    size_t W = state->width, F = state->injection.in;
    for (size_t i = 0; i < state->depth; i++)
        ELBOW_TRY(elbow_causal_block_reserve(&state->blocks[i], i ? &state->blocks[i - 1] : NULL, tokens,
                                             training, arena));
    ELBOW_TRY(
        elbow_causal_scratch_reserve(&state->scratch, W, tokens, state->teacher.longest, training, arena));
    ELBOW_TRY(elbow_row_norm_reserve(&state->norm, tokens, arena));
    ELBOW_TRY(elbow_symbols_reserve(&state->symbols, tokens, training, arena));
    ELBOW_TRY(elbow_arena_reals(arena, places * F, &state->features));
    ELBOW_TRY(elbow_arena_reals(arena, places * W, &state->injected));
    ELBOW_TRY(elbow_arena_reals(arena, tokens * W, &state->x));
    if (!training) return ELBOW_OK;
    ELBOW_TRY(elbow_arena_reals(arena, places * F, &state->dfeatures));
    ELBOW_TRY(elbow_arena_reals(arena, places * W, &state->dinjected));
    return elbow_arena_reals(arena, tokens * W, &state->d);
}

/* The states of the tokens of steps [from, steps), whose inputs are `inputs`: from the first of them on. */
static const real *run(transformer *state, const elbow_pass *pass, const elbow_packing *packing, size_t from,
                       const uint32_t *inputs) {
    size_t W = state->width, first = packing->begin[from], rows = elbow_packing_tokens(packing) - first;
    elbow_embed(state->x + first * W, pass->parameters + state->embedding, inputs, rows, W);
    for (size_t t = from; t < packing->steps; t++)
        for (size_t q = 0; q < elbow_packing_active(packing, t); q++) {
            real *row = state->x + (packing->begin[t] + q) * W;
            elbow_add(row, pass->parameters + state->position + t * W, W);
            elbow_add(row, state->injected + q * W, W);
        }
    const real *x = state->x;
    for (size_t i = 0; i < state->depth; i++) {
        elbow_causal_block_forward(&state->blocks[i], &state->scratch, pass, packing, from, x);
        x = state->blocks[i].y;
    }
    elbow_row_norm_forward(&state->norm, pass, x, first, rows);
    return state->norm.y + first * W;
}

static void forward(elbow_likelihood *likelihood, const elbow_pass *pass, real *log_px, const real *features,
                    const elbow_values *x, size_t rows, size_t batch) {
    transformer *state = likelihood->state;
    elbow_teacher *teacher = &state->teacher;
    size_t piece = elbow_teacher_piece(teacher, pass);
    for (size_t first = 0; first < rows; first += piece) {
        elbow_teacher_arrange(teacher, pass, x, rows, batch, first);
        elbow_teacher_gather(teacher, state->features, features, state->injection.in);
        elbow_dense_forward(&state->injection, pass, state->injected, state->features, teacher->places);
        const real *h = run(state, pass, &teacher->packing, 0, teacher->inputs);
        elbow_symbols_forward(&state->symbols, pass, teacher->log_p, h, teacher->targets,
                              elbow_packing_tokens(&teacher->packing));
        elbow_teacher_sum(teacher, x, batch, log_px);
    }
}

/* What was added to every position of a place, and to every place at a position; in the order of tokens. */
static void input_gradients(transformer *state, const elbow_pass *pass) {
    const elbow_packing *packing = &state->teacher.packing;
    size_t W = state->width, places = state->teacher.places;
    for (size_t i = 0; i < places * W; i++) state->dinjected[i] = 0;
    for (size_t t = 0; t < packing->steps; t++) {
        size_t active = elbow_packing_active(packing, t);
        const real *d = state->d + packing->begin[t] * W;
        elbow_add(state->dinjected, d, active * W);
        if (!pass->frozen) elbow_column_sums(pass->gradients + state->position + t * W, d, active, W);
    }
    if (!pass->frozen)
        elbow_embed_backward(pass->gradients + state->embedding, state->d, state->teacher.inputs,
                             elbow_packing_tokens(packing), W);
}

static void backward(elbow_likelihood *likelihood, const elbow_pass *pass, real *dfeatures,
                     const real *weights, const real *features, size_t rows) {
    (void)features;
    transformer *state = likelihood->state;
    elbow_teacher *teacher = &state->teacher;
    const elbow_packing *packing = &teacher->packing;
    if (rows == 0) return;
    size_t tokens = elbow_packing_tokens(packing);
    elbow_teacher_weigh(teacher, weights);
    elbow_symbols_backward(&state->symbols, pass, state->d, teacher->log_p, teacher->weights, state->norm.y,
                           teacher->targets, tokens);
    elbow_row_norm_backward(&state->norm, pass, state->d, state->blocks[state->depth - 1].y, tokens);
    for (size_t i = state->depth; i-- > 0;)
        elbow_causal_block_backward(&state->blocks[i], &state->scratch, pass, packing, state->d,
                                    i ? state->blocks[i - 1].y : state->x);
    input_gradients(state, pass);
    elbow_dense_backward(&state->injection, pass, state->dfeatures, state->dinjected, state->injected,
                         state->features, teacher->places);
    elbow_teacher_scatter(teacher, dfeatures, state->dfeatures, state->injection.in);
}

/* All places have all steps so far: step t is the tokens t · places and on, and keys and values lie where training has
 * them. */
static const real *step(elbow_likelihood *likelihood, const elbow_pass *pass, size_t t,
                        const uint32_t *inputs, size_t places) {
    transformer *state = likelihood->state;
    uint32_t *begin = state->teacher.begin;
    begin[0] = 0;
    begin[t + 1] = begin[t] + (uint32_t)places;
    const elbow_packing packing = {begin, t + 1};
    return run(state, pass, &packing, t, inputs);
}

static void generate(elbow_likelihood *likelihood, const elbow_pass *pass, elbow_examples *examples,
                     size_t first, const real *features, size_t rows, real temperature) {
    transformer *state = likelihood->state;
    size_t piece = elbow_teacher_piece(&state->teacher, pass), F = state->injection.in;
    for (size_t row = 0; row < rows; row += piece) {
        size_t places = rows - row < piece ? rows - row : piece;
        elbow_dense_forward(&state->injection, pass, state->injected, features + row * F, places);
        elbow_sequence_generate(likelihood, &state->teacher, &state->symbols, step, pass, examples,
                                first + row, row, places, temperature);
    }
}

static void destroy(elbow_likelihood *likelihood) { free(likelihood->state); }

const elbow_likelihood_ops elbow_likelihood_transformer = {
    .name = "transformer",
    .reads = "model.word_dropout",
    .grammar = "DEPTHxWIDTHxHEADS",
    .fits = fits,
    .create = create,
    .reserve = reserve,
    .forward = forward,
    .backward = backward,
    .generate = generate,
    .destroy = destroy,
};
