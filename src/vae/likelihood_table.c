/* The columns of any table, independent given z: of a categorical column a softmax of its logits, of a real one a Gaussian
 * about its mean, all out of one linear layer W h + b, whose output is
 *
 *     the logits of the categorical columns, in the columns' order, then the means of the real columns, in theirs
 *
 * and whose terms are those of the likelihoods `categorical` and `gaussian`; variance.h says what the variances of the real
 * columns are (likelihood.log_variance has one for each real column). Column d of what is generated takes word d. */
#include <stdlib.h>

#include "math/gaussian_density.h"
#include "math/normal.h"
#include "math/softmax_density.h"
#include "math/vector.h"
#include "vae/likelihood.h"
#include "vae/variance.h"

typedef struct table {
    elbow_head head;
    elbow_variance variance;
    size_t codes_count, reals_count; /* C + R = D */
    size_t *column;                  /* (D): the categorical columns, then the real ones */
    size_t *begin;                   /* (C + 1): where each categorical column's logits begin */
    real *outputs;   /* (rows, width); after a training forward, what the way back starts from */
    uint32_t *codes; /* (rows, C) */
    real *reals;     /* (rows, R) */
    double *log_px;  /* (rows) */
    uint32_t *words, *column_words; /* (D) by column, and in the order of `column` */
    real *noise;                    /* (R) */
} table;

static bool fits(const elbow_field *field) { return field->kind == ELBOW_TABLE; }

static elbow_status arrange_columns(table *state, const elbow_field *field) {
    size_t D = field->dimensions;
    state->column = calloc(D, sizeof *state->column);
    state->begin = calloc(D + 1, sizeof *state->begin);
    ELBOW_CHECK(state->column != NULL && state->begin != NULL, ELBOW_MEMORY, "no memory for a likelihood");
    size_t C = 0, R = 0;
    for (size_t d = 0; d < D; d++) {
        if (field->columns[d].cardinality == 0) continue;
        state->begin[C + 1] = state->begin[C] + field->columns[d].cardinality;
        state->column[C++] = d;
    }
    for (size_t d = 0; d < D; d++)
        if (field->columns[d].cardinality == 0) state->column[C + R++] = d;
    state->codes_count = C;
    state->reals_count = R;
    return ELBOW_OK;
}

static elbow_status create(elbow_likelihood *likelihood, const elbow_options *options, const char *size,
                           elbow_params *params) {
    (void)size;
    table *state = likelihood->state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for a likelihood");
    ELBOW_TRY(arrange_columns(state, likelihood->field));
    likelihood->observed = true;
    likelihood->continuous = state->reals_count > 0;
    size_t width = state->begin[state->codes_count] + state->reals_count;
    ELBOW_TRY(elbow_head_create(&state->head, "likelihood", &likelihood->features, likelihood->field, width,
                                params));
    return elbow_variance_create(&state->variance, state->reals_count, options, params);
}

static elbow_status reserve(elbow_likelihood *likelihood, size_t rows, bool training, elbow_arena *arena) {
    table *state = likelihood->state;
    size_t C = state->codes_count, R = state->reals_count;
    (void)training;
    ELBOW_TRY(elbow_variance_reserve(&state->variance, arena));
    ELBOW_TRY(elbow_arena_reals(arena, rows * state->head.width, &state->outputs));
    ELBOW_TRY(elbow_arena_take(arena, rows * C, sizeof *state->codes, &state->codes));
    ELBOW_TRY(elbow_arena_reals(arena, rows * R, &state->reals));
    ELBOW_TRY(elbow_arena_take(arena, rows, sizeof *state->log_px, &state->log_px));
    ELBOW_TRY(elbow_arena_take(arena, C + R, sizeof *state->words, &state->words));
    ELBOW_TRY(elbow_arena_take(arena, C + R, sizeof *state->column_words, &state->column_words));
    return elbow_arena_reals(arena, R, &state->noise);
}

static void forward(elbow_likelihood *likelihood, const elbow_pass *pass, real *log_px, const real *features,
                    const elbow_values *x, size_t rows, size_t batch) {
    table *state = likelihood->state;
    const elbow_variance *variance = &state->variance;
    size_t C = state->codes_count, R = state->reals_count, width = state->head.width;
    bool gradient = pass->gradients != NULL;
    elbow_variance_forward(variance, pass);
    elbow_head_forward(&state->head, pass, state->outputs, features, rows);
    for (size_t i = 0; i < batch; i++) {
        const real *row = x->reals + i * (C + R);
        elbow_codes_of_values(state->codes + i * C, row, state->column, state->begin, C, 1);
        for (size_t j = 0; j < R; j++) state->reals[i * R + j] = row[state->column[C + j]];
    }
    for (size_t r = 0; r < rows; r++) state->log_px[r] = 0;
    elbow_softmax_log_prob(state->log_px, state->outputs, state->codes, rows, batch, state->begin, C, width,
                           gradient);
    elbow_gaussian_rows_log_prob(state->log_px, state->outputs + state->begin[C], state->reals, variance->s,
                                 variance->inverse, rows, batch, R, width, gradient);
    for (size_t r = 0; r < rows; r++) log_px[r] = (real)state->log_px[r];
}

static void backward(elbow_likelihood *likelihood, const elbow_pass *pass, real *dfeatures,
                     const real *weights, const real *features, size_t rows) {
    table *state = likelihood->state;
    const elbow_variance *variance = &state->variance;
    size_t R = state->reals_count, width = state->head.width, logits = width - R;
    for (size_t r = 0; r < rows; r++) elbow_scale(state->outputs + r * width, weights[r], logits);
    elbow_gaussian_backward(state->outputs + logits, variance->ds, weights, variance->inverse, rows, R,
                            width);
    elbow_variance_backward(variance, pass);
    elbow_head_backward(&state->head, pass, dfeatures, state->outputs, NULL, features, rows);
}

static void generate_row(table *state, const elbow_pass *pass, real *x, size_t row, real temperature) {
    size_t C = state->codes_count, R = state->reals_count;
    real *output = state->outputs + row * state->head.width, *means = output + state->begin[C];
    if (temperature > 0) {
        elbow_likelihood_words(pass, row, state->words, C + R);
        for (size_t j = 0; j < C + R; j++) state->column_words[j] = state->words[state->column[j]];
        elbow_normal(state->noise, state->column_words + C, R);
        elbow_variance_disturb(&state->variance, means, state->noise, temperature);
    }
    elbow_softmax_draw(state->codes, output, state->column_words, state->begin, C, temperature);
    for (size_t j = 0; j < C; j++) x[state->column[j]] = (real)state->codes[j];
    for (size_t j = 0; j < R; j++) x[state->column[C + j]] = means[j];
}

static void generate(elbow_likelihood *likelihood, const elbow_pass *pass, elbow_examples *examples,
                     size_t first, const real *features, size_t rows, real temperature) {
    table *state = likelihood->state;
    size_t D = likelihood->field->dimensions;
    elbow_variance_forward(&state->variance, pass);
    elbow_head_forward(&state->head, pass, state->outputs, features, rows);
    for (size_t r = 0; r < rows; r++)
        generate_row(state, pass, examples->reals + (first + r) * D, r, temperature);
}

static void destroy(elbow_likelihood *likelihood) {
    table *state = likelihood->state;
    if (state) {
        free(state->column);
        free(state->begin);
    }
    free(state);
}

const elbow_likelihood_ops elbow_likelihood_table = {
    .name = "table",
    .fits = fits,
    .create = create,
    .reserve = reserve,
    .forward = forward,
    .backward = backward,
    .generate = generate,
    .destroy = destroy,
};
