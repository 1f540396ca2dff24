/* `gru WIDTH`: a conditional language model, p(x|z) = Π_t softmax(W h_t + b)[x_t] with
 *
 *     h_t = GRU([e_t, f], h_{t−1})    e_t: the embedding of x_{t−1}, model.embedding wide;  f: the decoder's features
 *     h_{−1} = tanh(W_0 f + b_0)
 *
 * (Bowman et al. 2016, "Generating sentences from a continuous space", with a GRU). Tensors: likelihood.embedding.weight
 * (V + 2, E), the start symbol and the one that hides last; likelihood.initial.*; likelihood.gru.weight_ih (3H, E + F) …;
 * likelihood.weight, likelihood.bias. */
#include <math.h>
#include <stdlib.h>

#include "elbow/base/number.h"
#include "math/embedding.h"
#include "vae/sequence.h"

typedef struct gru_likelihood {
    elbow_teacher teacher;
    size_t embedding; /* offset of (V + 2, E) */
    elbow_dense initial;
    elbow_gru gru;
    elbow_symbols symbols;
    real *features, *dfeatures; /* (places, F): of the places */
    real *state, *dstate;       /* (places, H): before the first symbol */
    real *products, *dproducts; /* (places, 3H): of the features, for every step */
    real *x, *dx;               /* (tokens, E) */
    real *h, *dh;               /* (tokens, H) */
} gru_likelihood;

static bool fits(const elbow_field *field) { return field->kind == ELBOW_SEQUENCE; }

static elbow_status create(elbow_likelihood *likelihood, const elbow_options *options, const char *size,
                           elbow_params *params) {
    int64_t width = 0;
    size_t E = (size_t)options->model.embedding, F = likelihood->features.width, offset = 0;
    size_t symbols = likelihood->field->vocabulary + 2;
    const elbow_activation *tanh_activation = NULL;
    gru_likelihood *state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for a likelihood");
    likelihood->state = state;
    likelihood->observed = true;
    elbow_teacher_create(&state->teacher, likelihood->field, options);
    if (elbow_number_integer(size, 1, 65536, &width) != ELBOW_OK)
        return elbow_options_blame(
            options, "model.likelihood",
            elbow_fail(ELBOW_USAGE, "`gru %s` has no width; write a number from 1 to 65536: `gru 256`",
                       size));
    ELBOW_TRY(elbow_activation_find("tanh", &tanh_activation));
    ELBOW_TRY(elbow_params_declare(params, "likelihood.embedding.weight", 2, (size_t[]){symbols, E},
                                   sqrt(3.0), &offset));
    state->embedding = offset;
    ELBOW_TRY(
        elbow_dense_create(&state->initial, "likelihood.initial", F, (size_t)width, tanh_activation, params));
    ELBOW_TRY(elbow_gru_create(&state->gru, "likelihood.gru", E, F, (size_t)width, false, params));
    return elbow_symbols_create(&state->symbols, (size_t)width, likelihood->field->vocabulary, params);
}

static elbow_status reserve_pair(elbow_arena *arena, size_t count, bool training, real **value,
                                 real **gradient) {
    ELBOW_TRY(elbow_arena_reals(arena, count, value));
    return training ? elbow_arena_reals(arena, count, gradient) : ELBOW_OK;
}

static elbow_status reserve(elbow_likelihood *likelihood, size_t rows, bool training, elbow_arena *arena) {
    gru_likelihood *state = likelihood->state;
    ELBOW_TRY(elbow_teacher_reserve(&state->teacher, rows, training, arena));
    size_t places = state->teacher.room, tokens = elbow_teacher_tokens(&state->teacher);
    size_t H = state->gru.width, E = state->gru.in, F = state->gru.constant;
    ELBOW_TRY(elbow_dense_reserve(&state->initial, places, arena));
    ELBOW_TRY(elbow_gru_reserve(&state->gru, tokens, places, training, arena));
    ELBOW_TRY(elbow_symbols_reserve(&state->symbols, tokens, training, arena));
    ELBOW_TRY(reserve_pair(arena, places * F, training, &state->features, &state->dfeatures));
    ELBOW_TRY(reserve_pair(arena, places * H, training, &state->state, &state->dstate));
    ELBOW_TRY(reserve_pair(arena, places * 3 * H, training, &state->products, &state->dproducts));
    ELBOW_TRY(reserve_pair(arena, tokens * E, training, &state->x, &state->dx));
    return reserve_pair(arena, tokens * H, training, &state->h, &state->dh);
}

/* What the features give to each of the places before the first symbol: a state, and their share of every input. */
static void begin(gru_likelihood *state, const elbow_pass *pass, const real *features, size_t places) {
    elbow_dense_forward(&state->initial, pass, state->state, features, places);
    elbow_gru_constant_forward(&state->gru, pass, state->products, features, places);
}

static void forward(elbow_likelihood *likelihood, const elbow_pass *pass, real *log_px, const real *features,
                    const elbow_values *x, size_t rows, size_t batch) {
    gru_likelihood *state = likelihood->state;
    elbow_teacher *teacher = &state->teacher;
    size_t H = state->gru.width;
    size_t piece = elbow_teacher_piece(teacher, pass);
    for (size_t first = 0; first < rows; first += piece) {
        elbow_teacher_arrange(teacher, pass, x, rows, batch, first);
        size_t tokens = elbow_packing_tokens(&teacher->packing);
        elbow_teacher_gather(teacher, state->features, features, state->gru.constant);
        begin(state, pass, state->features, teacher->places);
        elbow_embed(state->x, pass->parameters + state->embedding, teacher->inputs, tokens, state->gru.in);
        elbow_gru_forward(&state->gru, pass, &teacher->packing, state->h, H, state->x, state->products,
                          state->state);
        elbow_symbols_forward(&state->symbols, pass, teacher->log_p, state->h, teacher->targets, tokens);
        elbow_teacher_sum(teacher, x, batch, log_px);
    }
}

static void backward(elbow_likelihood *likelihood, const elbow_pass *pass, real *dfeatures,
                     const real *weights, const real *features, size_t rows) {
    (void)features;
    gru_likelihood *state = likelihood->state;
    elbow_teacher *teacher = &state->teacher;
    size_t H = state->gru.width, places = teacher->places, tokens = elbow_packing_tokens(&teacher->packing);
    if (rows == 0) return;
    elbow_teacher_weigh(teacher, weights);
    elbow_symbols_backward(&state->symbols, pass, state->dh, teacher->log_p, teacher->weights, state->h,
                           teacher->targets, tokens);
    elbow_gru_backward(&state->gru, pass, &teacher->packing, state->dx, state->dproducts, state->dstate,
                       state->dh, H, state->x);
    if (!pass->frozen)
        elbow_embed_backward(pass->gradients + state->embedding, state->dx, teacher->inputs, tokens,
                             state->gru.in);
    elbow_dense_backward(&state->initial, pass, state->dfeatures, state->dstate, state->state,
                         state->features, places);
    elbow_gru_constant_backward(&state->gru, pass, state->dfeatures, state->dproducts, state->features,
                                places);
    elbow_teacher_scatter(teacher, dfeatures, state->dfeatures, state->gru.constant);
}

/* One step of all places: a packing of one step, whose initial state is the last one's result. */
static const real *step(elbow_likelihood *likelihood, const elbow_pass *pass, size_t t,
                        const uint32_t *inputs, size_t places) {
    gru_likelihood *state = likelihood->state;
    elbow_packing one = {(const uint32_t[]){0, (uint32_t)places}, 1};
    elbow_embed(state->x, pass->parameters + state->embedding, inputs, places, state->gru.in);
    elbow_gru_forward(&state->gru, pass, &one, state->h, state->gru.width, state->x, state->products,
                      t == 0 ? state->state : state->h);
    return state->h;
}

static void generate(elbow_likelihood *likelihood, const elbow_pass *pass, elbow_examples *examples,
                     size_t first, const real *features, size_t rows, real temperature) {
    gru_likelihood *state = likelihood->state;
    size_t piece = elbow_teacher_piece(&state->teacher, pass), F = state->gru.constant;
    for (size_t row = 0; row < rows; row += piece) {
        size_t places = rows - row < piece ? rows - row : piece;
        begin(state, pass, features + row * F, places);
        elbow_sequence_generate(likelihood, &state->teacher, &state->symbols, step, pass, examples,
                                first + row, row, places, temperature);
    }
}

static void destroy(elbow_likelihood *likelihood) { free(likelihood->state); }

const elbow_likelihood_ops elbow_likelihood_gru = {
    .name = "gru",
    .reads = "model.embedding model.word_dropout",
    .grammar = "WIDTH",
    .fits = fits,
    .create = create,
    .reserve = reserve,
    .forward = forward,
    .backward = backward,
    .generate = generate,
    .destroy = destroy,
};
