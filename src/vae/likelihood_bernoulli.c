/* Independent Bernoulli dimensions, given by logits l = W h + b:
 *
 *     log p(x|z) = Σ_d x_d l_d − log(1 + e^{l_d})        ∂/∂l_d = x_d − σ(l_d)
 *
 * Grey x in (0, 1) is taken as it is; the result is then a cross-entropy, not the log-probability of an
 * observation. */
#include <stdlib.h>
#include <string.h>

#include "math/bernoulli.h"
#include "math/vector.h"
#include "nn/dense.h"
#include "vae/likelihood.h"

typedef struct bernoulli {
    elbow_dense head;
    real *logits; /* (rows, D); after a training forward, the gradients of log p in them */
} bernoulli;

static elbow_status create(elbow_likelihood *likelihood, elbow_params *params) {
    const elbow_activation *linear = NULL;
    bernoulli *state = likelihood->state = calloc(1, sizeof *state);
    ELBOW_CHECK(state != NULL, ELBOW_MEMORY, "no memory for a likelihood");
    ELBOW_CHECK(strcmp(likelihood->field.kind, "image") == 0, ELBOW_USAGE,
                "a bernoulli likelihood is for images, and the data's x is of kind %s",
                likelihood->field.kind);
    ELBOW_TRY(elbow_activation_find("linear", &linear));
    return elbow_dense_create(&state->head, "likelihood", likelihood->features, likelihood->field.dimensions,
                              linear, params);
}

static elbow_status reserve(elbow_likelihood *likelihood, size_t rows, bool training, elbow_arena *arena) {
    bernoulli *state = likelihood->state;
    (void)training;
    return elbow_arena_reals(arena, rows * state->head.out, &state->logits);
}

static void forward(elbow_likelihood *likelihood, const elbow_pass *pass, real *log_px, const real *features,
                    const real *x, size_t rows, size_t batch) {
    bernoulli *state = likelihood->state;
    elbow_dense_forward(&state->head, pass, state->logits, features, rows);
    elbow_bernoulli_log_prob(log_px, state->logits, x, rows, batch, state->head.out, pass->gradients != NULL);
}

static void backward(elbow_likelihood *likelihood, const elbow_pass *pass, real *dfeatures,
                     const real *weights, const real *features, size_t rows) {
    bernoulli *state = likelihood->state;
    real *dlogits = state->logits;
    elbow_scale_rows(dlogits, weights, rows, state->head.out);
    elbow_dense_backward(&state->head, pass, dfeatures, dlogits, NULL, features, rows);
}

static void mean(elbow_likelihood *likelihood, const elbow_pass *pass, real *mean, const real *features,
                 size_t rows) {
    bernoulli *state = likelihood->state;
    elbow_dense_forward(&state->head, pass, mean, features, rows);
    elbow_sigmoid(mean, mean, rows * state->head.out);
}

static void destroy(elbow_likelihood *likelihood) { free(likelihood->state); }

const elbow_likelihood_ops elbow_likelihood_bernoulli = {
    .name = "bernoulli",
    .create = create,
    .reserve = reserve,
    .forward = forward,
    .backward = backward,
    .mean = mean,
    .destroy = destroy,
};
