/* Independent Gaussian dimensions of means μ = W h + b, of images and of tables whose columns are all real:
 *
 *     log p(x|z) = Σ_d −½ [(x_d − μ_d)² / σ_d² + log σ_d² + log 2π]      ∂/∂μ_d = (x_d − μ_d) / σ_d²
 *
 * a squared error, where σ² is the same for all; variance.h says what σ² is. What is generated is μ + σ √temperature ε,
 * dimension d's ε from word d; pixels are cut at 0 and 1. */
#include <stdlib.h>

#include "math/gaussian_density.h"
#include "math/normal.h"
#include "vae/likelihood.h"
#include "vae/variance.h"

typedef struct gaussian {
    elbow_head head;
    elbow_variance variance;
    real *means;    /* (rows, D); after a training forward, standardised residuals */
    double *log_px; /* (rows) */
    real *noise;    /* (D) */
    uint32_t *words;
} gaussian;

static bool fits(const elbow_field *field) {
    if (field->kind != ELBOW_TABLE) return field->kind == ELBOW_IMAGE;
    for (size_t d = 0; d < field->dimensions; d++)
        if (field->columns[d].cardinality != 0) return false;
    return true;
}

static elbow_status create(elbow_likelihood *likelihood, const elbow_options *options, const char *size,
                           elbow_params *params) {
    (void)size;
    const elbow_field *field = likelihood->field;
    gaussian *state = likelihood->state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for a likelihood");
    likelihood->observed = true;
    likelihood->continuous = true;
    ELBOW_TRY(elbow_head_create(&state->head, "likelihood", &likelihood->features, field, field->dimensions,
                                params));
    return elbow_variance_create(&state->variance, field->dimensions, options, params);
}

static elbow_status reserve(elbow_likelihood *likelihood, size_t rows, bool training, elbow_arena *arena) {
    gaussian *state = likelihood->state;
    size_t D = state->head.width;
    (void)training;
    ELBOW_TRY(elbow_variance_reserve(&state->variance, arena));
    ELBOW_TRY(elbow_arena_reals(arena, rows * D, &state->means));
    ELBOW_TRY(elbow_arena_take(arena, rows, sizeof *state->log_px, &state->log_px));
    ELBOW_TRY(elbow_arena_reals(arena, D, &state->noise));
    return elbow_arena_take(arena, D, sizeof *state->words, &state->words);
}

static void forward(elbow_likelihood *likelihood, const elbow_pass *pass, real *log_px, const real *features,
                    const elbow_values *x, size_t rows, size_t batch) {
    gaussian *state = likelihood->state;
    const elbow_variance *variance = &state->variance;
    size_t D = state->head.width;
    elbow_variance_forward(variance, pass);
    elbow_head_forward(&state->head, pass, state->means, features, rows);
    for (size_t r = 0; r < rows; r++) state->log_px[r] = 0;
    elbow_gaussian_rows_log_prob(state->log_px, state->means, x->reals, variance->s, variance->inverse, rows,
                                 batch, D, D, pass->gradients != NULL);
    for (size_t r = 0; r < rows; r++) log_px[r] = (real)state->log_px[r];
}

static void backward(elbow_likelihood *likelihood, const elbow_pass *pass, real *dfeatures,
                     const real *weights, const real *features, size_t rows) {
    gaussian *state = likelihood->state;
    const elbow_variance *variance = &state->variance;
    size_t D = state->head.width;
    elbow_gaussian_backward(state->means, variance->ds, weights, variance->inverse, rows, D, D);
    elbow_variance_backward(variance, pass);
    elbow_head_backward(&state->head, pass, dfeatures, state->means, NULL, features, rows);
}

static void generate(elbow_likelihood *likelihood, const elbow_pass *pass, elbow_examples *examples,
                     size_t first, const real *features, size_t rows, real temperature) {
    gaussian *state = likelihood->state;
    size_t D = state->head.width;
    real *x = examples->reals + first * D;
    elbow_variance_forward(&state->variance, pass);
    elbow_head_forward(&state->head, pass, x, features, rows);
    for (size_t r = 0; r < rows && temperature > 0; r++) {
        elbow_likelihood_words(pass, r, state->words, D);
        elbow_normal(state->noise, state->words, D);
        elbow_variance_disturb(&state->variance, x + r * D, state->noise, temperature);
    }
    if (likelihood->field->kind != ELBOW_IMAGE) return;
    for (size_t i = 0; i < rows * D; i++) x[i] = x[i] > 0 ? (x[i] < 1 ? x[i] : 1) : 0;
}

static void destroy(elbow_likelihood *likelihood) { free(likelihood->state); }

const elbow_likelihood_ops elbow_likelihood_gaussian = {
    .name = "gaussian",
    .fits = fits,
    .create = create,
    .reserve = reserve,
    .forward = forward,
    .backward = backward,
    .generate = generate,
    .destroy = destroy,
};
