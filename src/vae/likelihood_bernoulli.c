/* Independent Bernoulli dimensions, given by logits l = W h + b: of images, and of tables whose columns all have two
 * categories, the second of which is x = 1.
 *
 *     log p(x|z) = Σ_d x_d l_d − log(1 + e^{l_d})        ∂/∂l_d = x_d − σ(l_d)
 *
 * Grey x in (0, 1) is taken as it is; the result is then a cross-entropy, not the log-probability of an
 * observation. Dimension d of what is generated takes word d. */
#include <stdlib.h>
#include <string.h>

#include "base/team.h"
#include "math/bernoulli.h"
#include "math/vector.h"
#include "vae/likelihood.h"

enum { WORTH_A_THREAD = 1 << 14 }; /* dimensions to take an exponential and a logarithm of */

typedef struct bernoulli {
    elbow_head head;
    real *logits;    /* (rows, D); after a training forward, the gradients of log p in them */
    uint32_t *words; /* (D) */
} bernoulli;

static bool fits(const elbow_field *field) {
    if (field->kind != ELBOW_TABLE) return field->kind == ELBOW_IMAGE;
    for (size_t d = 0; d < field->dimensions; d++)
        if (field->columns[d].cardinality != 2) return false;
    return true;
}

static elbow_status create(elbow_likelihood *likelihood, const elbow_options *options, const char *size,
                           elbow_params *params) {
    (void)size;
    const elbow_field *field = likelihood->field;
    bernoulli *state = likelihood->state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for a likelihood");
    likelihood->observed =
        field->kind == ELBOW_TABLE || field->binary || strcmp(options->data.binarize, "none") != 0;
    return elbow_head_create(&state->head, "likelihood", &likelihood->features, field, field->dimensions,
                             params);
}

static elbow_status reserve(elbow_likelihood *likelihood, size_t rows, bool training, elbow_arena *arena) {
    bernoulli *state = likelihood->state;
    (void)training;
    ELBOW_TRY(elbow_arena_reals(arena, rows * state->head.width, &state->logits));
    return elbow_arena_take(arena, state->head.width, sizeof *state->words, &state->words);
}

/* Rows of a pass, as far as one does not need another. */
typedef struct scoring {
    real *log_px, *logits; /* (rows), (rows, D) */
    const real *x;         /* (batch, D) */
    size_t D, batch;
    bool gradient, missing;
    const elbow_head *head;
    const elbow_pass *pass;
} scoring;

/* Rows that the bias and the likelihood find in the cache. */
enum { TILE = 1 << 13 }; /* reals */

static void score_rows(void *context, size_t begin, size_t end) {
    const scoring *s = context;
    while (begin < end) { /* up to where x begins again */
        size_t example = begin % s->batch, rows = s->batch - example, at = begin * s->D;
        if (rows > end - begin) rows = end - begin;
        if (rows > 1 + TILE / s->D) rows = 1 + TILE / s->D;
        elbow_head_add_bias(s->head, s->pass, s->logits + at, rows);
        (s->missing ? elbow_bernoulli_log_prob_missing : elbow_bernoulli_log_prob)(
            s->log_px + begin, s->logits + at, s->x + example * s->D, rows, rows, s->D, s->gradient);
        begin += rows;
    }
}

static void forward(elbow_likelihood *likelihood, const elbow_pass *pass, real *log_px, const real *features,
                    const elbow_values *x, size_t rows, size_t batch) {
    bernoulli *state = likelihood->state;
    size_t D = state->head.width;
    elbow_head_multiply(&state->head, pass, state->logits, features, rows);
    scoring all = {.log_px = log_px,
                   .logits = state->logits,
                   .x = x->reals,
                   .D = D,
                   .batch = batch,
                   .gradient = pass->gradients != NULL,
                   .missing = likelihood->field->kind == ELBOW_TABLE,
                   .head = &state->head,
                   .pass = pass};
    elbow_team_run(pass->team, rows, 1 + WORTH_A_THREAD / D, score_rows, &all);
}

static void backward(elbow_likelihood *likelihood, const elbow_pass *pass, real *dfeatures,
                     const real *weights, const real *features, size_t rows) {
    bernoulli *state = likelihood->state;
    elbow_head_backward(&state->head, pass, dfeatures, state->logits, weights, features, rows);
}

static void generate(elbow_likelihood *likelihood, const elbow_pass *pass, elbow_examples *examples,
                     size_t first, const real *features, size_t rows, real temperature) {
    bernoulli *state = likelihood->state;
    size_t D = state->head.width;
    real *x = examples->reals + first * D;
    elbow_head_forward(&state->head, pass, x, features, rows);
    if (temperature > 0) {
        for (size_t i = 0; i < rows * D; i++) x[i] /= temperature;
        elbow_sigmoid(x, x, rows * D);
        for (size_t r = 0; r < rows; r++) {
            elbow_likelihood_words(pass, r, state->words, D);
            elbow_bernoulli_draw(x + r * D, state->words, D);
        }
    } else if (likelihood->field->kind == ELBOW_TABLE) {
        for (size_t i = 0; i < rows * D; i++) x[i] = x[i] > 0 ? 1 : 0;
    } else {
        elbow_sigmoid(x, x, rows * D);
    }
}

static void destroy(elbow_likelihood *likelihood) { free(likelihood->state); }

const elbow_likelihood_ops elbow_likelihood_bernoulli = {
    .name = "bernoulli",
    .fits = fits,
    .create = create,
    .reserve = reserve,
    .forward = forward,
    .backward = backward,
    .generate = generate,
    .destroy = destroy,
};
