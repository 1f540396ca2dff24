/* Likelihoods p(x|z): a family. A member owns the layers from the decoder's features to its distribution, is one
 * file that ends in its table, and one line in likelihood.c's list. `model.likelihood` is its name, for some with a size
 * (`gru 256`).
 *
 * Rows are S draws of B examples, draw by draw: row r has the target x[r mod B]. forward keeps what backward
 * needs; backward takes the weight of each row's log p in the loss, which may depend on forward's result.
 * Missing values add nothing to log p, and have no gradient. */
#ifndef ELBOW_SRC_VAE_LIKELIHOOD_H
#define ELBOW_SRC_VAE_LIKELIHOOD_H

#include "elbow/base/options.h"
#include "elbow/data/batch.h"
#include "elbow/nn/net.h"
#include "nn/dense.h"

typedef struct elbow_likelihood elbow_likelihood;

typedef struct elbow_likelihood_ops {
    const char *name;
    const char *grammar; /* of the size that follows the name in model.likelihood; NULL where none does */
    const char *reads;   /* options that only some members read, "model.embedding …"; NULL: none */
    /* Whether a field has such a likelihood; where not, elbow_likelihood_create names those that it has. */
    bool (*fits)(const elbow_field *field);
    /* Declares likelihood.*, from features of a shape to a field that fits. `size` lasts for the call. ELBOW_USAGE, blamed
     * on the option that is wrong. */
    elbow_status (*create)(elbow_likelihood *likelihood, const elbow_options *options, const char *size,
                           elbow_params *params);
    /* For up to `rows` rows. */
    elbow_status (*reserve)(elbow_likelihood *likelihood, size_t rows, bool training, elbow_arena *arena);
    /* log_px: (rows), nats. features: (rows, features.width). rows is a multiple of batch. */
    void (*forward)(elbow_likelihood *likelihood, const elbow_pass *pass, real *log_px, const real *features,
                    const elbow_values *x, size_t rows, size_t batch);
    /* Gradients of Σ_r weights[r] · log_px[r]; dfeatures: (rows, features.width), overwritten. */
    void (*backward)(elbow_likelihood *likelihood, const elbow_pass *pass, real *dfeatures,
                     const real *weights, const real *features, size_t rows);
    /* Values of x for each row, into examples[first …], up to as many rows as were reserved; forgets the last forward.
     * temperature > 0: drawn from p(x|z) with logits divided by it and variances multiplied by it (1 is the model), from the
     * stream "generate" at (pass->example + row, pass->step). 0: E[x|z] of images and real columns, the most probable
     * category or symbol else, the lowest of several. */
    void (*generate)(elbow_likelihood *likelihood, const elbow_pass *pass, elbow_examples *examples,
                     size_t first, const real *features, size_t rows, real temperature);
    void (*destroy)(elbow_likelihood *likelihood);
} elbow_likelihood_ops;

struct elbow_likelihood {
    const elbow_likelihood_ops *ops;
    elbow_shape features;     /* of what the decoder gives */
    const elbow_field *field; /* what x is */
    /* Set by create. log p is a density's: in nats of no absolute meaning, and without bits per dimension. */
    bool continuous;
    /* The data are observations of this distribution, as binary pixels are of a Bernoulli's and grey ones not. */
    bool observed;
    void *state; /* the member's own */
};

/* From model.likelihood. The field is kept by reference. ELBOW_USAGE names the option. */
elbow_status elbow_likelihood_create(elbow_likelihood *likelihood, const elbow_options *options,
                                     const elbow_shape *features, const elbow_field *field,
                                     elbow_params *params);
void elbow_likelihood_destroy(elbow_likelihood *likelihood);

/* The linear layer from features to `count` parameters of each of the field's dimensions. Where features are an image of the
 * field's own height and width it is one layer for every pixel, channels → channels · count; else it is dense. Its output is
 * (rows, D · count), the dimension's parameters side by side. */
typedef struct elbow_head {
    elbow_dense dense; /* NAME.weight, NAME.bias */
    size_t repeats;    /* rows of `dense` in a row: the pixels, or 1 */
    size_t width;      /* D · count */
} elbow_head;

/* `width` is D · count, or any where dimensions have different numbers of parameters. */
elbow_status elbow_head_create(elbow_head *head, const char *name, const elbow_shape *features,
                               const elbow_field *field, size_t width, elbow_params *params);
void elbow_head_forward(const elbow_head *head, const elbow_pass *pass, real *y, const real *features,
                        size_t rows);
/* Forward in two, for who has other passes over y to make: without the bias; and that. */
void elbow_head_multiply(const elbow_head *head, const elbow_pass *pass, real *y, const real *features,
                         size_t rows);
void elbow_head_add_bias(const elbow_head *head, const elbow_pass *pass, real *y, size_t rows);
/* Adds parameter gradients and writes dfeatures. Row r of dy counts weights[r] times, and is overwritten with the
 * product; NULL: once. */
void elbow_head_backward(const elbow_head *head, const elbow_pass *pass, real *dfeatures, real *dy,
                         const real *weights, const real *features, size_t rows);

/* What a field can have: "bernoulli, categorical, …". */
void elbow_likelihood_list(const elbow_field *field, char *known, size_t room);

/* (count) random words of a row in generate. */
void elbow_likelihood_words(const elbow_pass *pass, size_t row, uint32_t *words, size_t count);

extern const elbow_likelihood_ops elbow_likelihood_bernoulli, elbow_likelihood_categorical,
    elbow_likelihood_gaussian, elbow_likelihood_table, elbow_likelihood_gru, elbow_likelihood_transformer;

#endif
