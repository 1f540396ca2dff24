/* Independent categorical variables, each a softmax of its own logits l = W h + b:
 *
 *     log p(x|z) = Σ_j l_j[x_j] − log Σ_k exp l_j[k]       ∂/∂l_j = one-hot(x_j) − softmax(l_j)
 *
 *     image       D variables of maximum + 1 levels; of 2 where the pixels are binary, or binarised. (rows, D · levels)
 *     table       D columns of cardinality K_d: K_0 logits, then K_1, …  (rows, Σ K_d)
 *     sequence    D positions of V symbols (rows, D · V), of which an example uses as many as it has tokens, the
 *                 end-of-sequence symbol being one. Its length, where sequences are not terminated, is taken as given. An example
 *                 of more tokens than D is impossible: −∞.
 *
 * A grey image costs a head of D · 256 rows: for small ones. Variable j of what is generated takes word j; a sequence goes up
 * to and with the first end-of-sequence symbol, or to D. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/team.h"
#include "math/softmax_density.h"
#include "math/vector.h"
#include "vae/likelihood.h"

enum { WORTH_A_THREAD = 1 << 14 }; /* categories to take an exponential of */

typedef struct categorical {
    elbow_head head;
    size_t *begin;   /* (D + 1): where each variable's logits begin */
    real scale;      /* codes are values times it */
    real *logits;    /* (rows, width); after a training forward, the gradients of log p in them */
    uint32_t *codes; /* (rows, D) */
    double *log_px;  /* (rows) */
    uint32_t *words; /* (D) */
} categorical;

static bool fits(const elbow_field *field) {
    for (size_t d = 0; field->kind == ELBOW_TABLE && d < field->dimensions; d++)
        if (field->columns[d].cardinality == 0) return false;
    return true;
}

static elbow_status create(elbow_likelihood *likelihood, const elbow_options *options, const char *size,
                           elbow_params *params) {
    (void)size;
    const elbow_field *field = likelihood->field;
    size_t D = field->dimensions, levels = field->vocabulary;
    categorical *state = likelihood->state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for a likelihood");
    state->begin = calloc(D + 1, sizeof *state->begin);
    ELBOW_CHECK(state->begin != NULL, ELBOW_MEMORY, "no memory for a likelihood");
    if (field->kind == ELBOW_IMAGE) {
        bool binary = field->binary || strcmp(options->data.binarize, "none") != 0;
        levels = binary ? 2 : (size_t)field->maximum + 1;
    }
    for (size_t d = 0; d < D; d++)
        state->begin[d + 1] =
            state->begin[d] + (field->kind == ELBOW_TABLE ? field->columns[d].cardinality : levels);
    state->scale = field->kind == ELBOW_IMAGE ? (real)(levels - 1) : 1;
    likelihood->observed = true;
    return elbow_head_create(&state->head, "likelihood", &likelihood->features, field, state->begin[D],
                             params);
}

static elbow_status reserve(elbow_likelihood *likelihood, size_t rows, bool training, elbow_arena *arena) {
    categorical *state = likelihood->state;
    size_t D = likelihood->field->dimensions;
    (void)training;
    ELBOW_TRY(elbow_arena_reals(arena, rows * state->head.width, &state->logits));
    ELBOW_TRY(elbow_arena_take(arena, rows * D, sizeof *state->codes, &state->codes));
    ELBOW_TRY(elbow_arena_take(arena, rows, sizeof *state->log_px, &state->log_px));
    return elbow_arena_take(arena, D, sizeof *state->words, &state->words);
}

/* (batch, D), missing after a sequence's end. */
static void read_codes(const elbow_likelihood *likelihood, const elbow_values *x, size_t batch) {
    const categorical *state = likelihood->state;
    size_t D = likelihood->field->dimensions;
    if (likelihood->field->kind != ELBOW_SEQUENCE) {
        for (size_t i = 0; i < batch; i++)
            elbow_codes_of_values(state->codes + i * D, x->reals + i * D, NULL, state->begin, D,
                                  state->scale);
        return;
    }
    for (size_t i = 0; i < batch * D; i++) state->codes[i] = ELBOW_CODE_MISSING;
    for (size_t t = 0; t < x->steps && t < D; t++)
        for (size_t p = 0; p < elbow_values_active(x, t); p++)
            state->codes[x->order[p] * D + t] = x->tokens[x->begin[t] + p];
}

/* Rows of a pass, as far as one does not need another. */
typedef struct scoring {
    const categorical *state;
    size_t D, batch;
    bool gradient;
} scoring;

static void score_rows(void *context, size_t begin, size_t end) {
    const scoring *s = context;
    size_t width = s->state->head.width;
    for (size_t r = begin; r < end; r++) s->state->log_px[r] = 0;
    while (begin < end) { /* up to where the codes begin again */
        size_t example = begin % s->batch, rows = s->batch - example;
        if (rows > end - begin) rows = end - begin;
        elbow_softmax_log_prob(s->state->log_px + begin, s->state->logits + begin * width,
                               s->state->codes + example * s->D, rows, rows, s->state->begin, s->D, width,
                               s->gradient);
        begin += rows;
    }
}

static void forward(elbow_likelihood *likelihood, const elbow_pass *pass, real *log_px, const real *features,
                    const elbow_values *x, size_t rows, size_t batch) {
    categorical *state = likelihood->state;
    size_t D = likelihood->field->dimensions;
    elbow_head_forward(&state->head, pass, state->logits, features, rows);
    read_codes(likelihood, x, batch);
    scoring all = {.state = state, .D = D, .batch = batch, .gradient = pass->gradients != NULL};
    elbow_team_run(pass->team, rows, 1 + WORTH_A_THREAD / state->head.width, score_rows, &all);
    for (size_t r = 0; r < rows; r++) log_px[r] = (real)state->log_px[r];
    if (likelihood->field->kind != ELBOW_SEQUENCE || x->steps <= D) return;
    for (size_t r = 0; r < rows; r++)
        if (x->example_length[r % batch] > D) log_px[r] = -(real)INFINITY;
}

static void backward(elbow_likelihood *likelihood, const elbow_pass *pass, real *dfeatures,
                     const real *weights, const real *features, size_t rows) {
    categorical *state = likelihood->state;
    elbow_head_backward(&state->head, pass, dfeatures, state->logits, weights, features, rows);
}

/* Tokens up to and with the end, zeros after it. */
static void write_sequence(const categorical *state, elbow_examples *examples, size_t row) {
    size_t D = examples->field->dimensions, length = 0;
    uint32_t *tokens = examples->tokens + row * D;
    while (length < D) {
        tokens[length] = state->codes[length];
        if (tokens[length++] == 0 && examples->field->terminated) break;
    }
    memset(tokens + length, 0, (D - length) * sizeof *tokens);
    examples->length[row] = (uint32_t)length;
}

static void generate(elbow_likelihood *likelihood, const elbow_pass *pass, elbow_examples *examples,
                     size_t first, const real *features, size_t rows, real temperature) {
    categorical *state = likelihood->state;
    size_t D = likelihood->field->dimensions;
    bool image = likelihood->field->kind == ELBOW_IMAGE;
    elbow_head_forward(&state->head, pass, state->logits, features, rows);
    for (size_t r = 0; r < rows; r++) {
        const real *logits = state->logits + r * state->head.width;
        if (temperature > 0) elbow_likelihood_words(pass, r, state->words, D);
        elbow_softmax_draw(state->codes, logits, state->words, state->begin, D, temperature);
        if (likelihood->field->kind == ELBOW_SEQUENCE) {
            write_sequence(state, examples, first + r);
            continue;
        }
        real *x = examples->reals + (first + r) * D;
        for (size_t d = 0; d < D; d++) x[d] = (real)state->codes[d];
        if (image && !(temperature > 0)) elbow_softmax_mean_code(x, logits, state->begin, D);
        for (size_t d = 0; d < D; d++) x[d] /= state->scale;
    }
}

static void destroy(elbow_likelihood *likelihood) {
    categorical *state = likelihood->state;
    if (state) free(state->begin);
    free(state);
}

const elbow_likelihood_ops elbow_likelihood_categorical = {
    .name = "categorical",
    .fits = fits,
    .create = create,
    .reserve = reserve,
    .forward = forward,
    .backward = backward,
    .generate = generate,
    .destroy = destroy,
};
