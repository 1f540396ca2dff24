/* What the sequence likelihoods p(x|z) = Π_t p(x_t | x_<t, z) share.
 *
 * Teacher forcing: the input at step t is the symbol x_{t−1}, at the first step a start symbol. With word dropout, in
 * training only, an input is hidden behind one symbol for all, with probability model.word_dropout, independently: word
 * t − 1 of the stream "likelihood.word_dropout" at (pass->example + row, pass->step) hides x_{t−1} where it is below the
 * probability · 2³². So V symbols come in as V + 2.
 *
 * Rows are S draws of B examples. They become places of one packing, longest first, an example's draws side by side: place
 * p of x is the places S p … S p + S − 1. In training all rows are one packing; without gradients they are done in pieces
 * of whole rows, of at most ELBOW_SEQUENCE_TOKENS tokens, so that memory does not grow with the draws: the same pieces, and the
 * same bits, whatever the memory was reserved for. */
#ifndef ELBOW_SRC_VAE_SEQUENCE_H
#define ELBOW_SRC_VAE_SEQUENCE_H

#include "nn/gru.h"
#include "vae/likelihood.h"

enum { ELBOW_SEQUENCE_TOKENS = 1 << 14 };

typedef struct elbow_teacher {
    size_t vocabulary, longest; /* V; D */
    double word_dropout;
    size_t room;   /* rows, at most */
    size_t places; /* of the current piece */
    elbow_packing packing;
    uint32_t *begin;   /* (D + 1), the packing's */
    uint32_t *row;     /* (room): of which row a place is */
    uint32_t *inputs;  /* (tokens): V starts, V + 1 hides */
    uint32_t *targets; /* (tokens) */
    double *log_p;     /* (tokens): of each target */
    real *weights;     /* (tokens), in training: of each target in the loss */
} elbow_teacher;

void elbow_teacher_create(elbow_teacher *teacher, const elbow_field *field, const elbow_options *options);
elbow_status elbow_teacher_reserve(elbow_teacher *teacher, size_t rows, bool training, elbow_arena *arena);
static inline size_t elbow_teacher_tokens(const elbow_teacher *teacher) {
    return teacher->room * teacher->longest;
}

/* Rows of a piece: those of elbow_vae_reserve with gradients. */
size_t elbow_teacher_piece(const elbow_teacher *teacher, const elbow_pass *pass);
/* The piece of places [first, first + piece) of rows draws of x: packing, row, inputs and targets. */
void elbow_teacher_arrange(elbow_teacher *teacher, const elbow_pass *pass, const elbow_values *x, size_t rows,
                           size_t batch, size_t first);
/* Rows to places, and back; width reals each. */
void elbow_teacher_gather(const elbow_teacher *teacher, real *to, const real *from, size_t width);
void elbow_teacher_scatter(const elbow_teacher *teacher, real *to, const real *from, size_t width);
/* log_px[row] = Σ_t log_p, in the order of t; −∞ where an example is longer than D, and cannot be. */
void elbow_teacher_sum(const elbow_teacher *teacher, const elbow_values *x, size_t batch, real *log_px);
/* Each target gets its row's weight. */
void elbow_teacher_weigh(elbow_teacher *teacher, const real *weights);

/* softmax(W h + b) over the V symbols, "likelihood.weight" and "likelihood.bias". Logits are taken for blocks of tokens.
 * They are kept for the way back where all of them are no more than 2²⁴; else there is room for about 2²² of them, and
 * they are computed a second time. */
typedef struct elbow_symbols {
    elbow_dense dense;
    size_t
        block; /* tokens of a block: of V alone, so that log p has the same bits however much is reserved */
    bool kept;
    size_t begin[2]; /* 0, V: where the one variable of a token has its logits */
    real *logits;    /* (block, V), or all */
} elbow_symbols;

elbow_status elbow_symbols_create(elbow_symbols *symbols, size_t width, size_t vocabulary,
                                  elbow_params *params);
elbow_status elbow_symbols_reserve(elbow_symbols *symbols, size_t tokens, bool training, elbow_arena *arena);
/* log_p (tokens) of the targets, from h (tokens, width). */
void elbow_symbols_forward(const elbow_symbols *symbols, const elbow_pass *pass, double *log_p, const real *h,
                           const uint32_t *targets, size_t tokens);
/* Gradients of Σ weights · log_p; dh (tokens, width), overwritten. log_p comes out again where it has to be computed again. */
void elbow_symbols_backward(const elbow_symbols *symbols, const elbow_pass *pass, real *dh, double *log_p,
                            const real *weights, const real *h, const uint32_t *targets, size_t tokens);

/* The states h (places, width) at step t, after the inputs (places): for t = 0, 1, … in turn. */
typedef const real *elbow_sequence_step(elbow_likelihood *likelihood, const elbow_pass *pass, size_t t,
                                        const uint32_t *inputs, size_t places);

/* Symbols one by one until the end symbol of a terminated field has come, else D, the examples' or
 * the model's, whichever is less: then a terminated one has no end symbol. Word t
 * of "generate" at (pass->example + first + row, pass->step) draws symbol t. For `places` rows, no more than `room`; row 0 of
 * them is the first'th of the pass and goes to examples[to]. */
void elbow_sequence_generate(elbow_likelihood *likelihood, const elbow_teacher *teacher,
                             const elbow_symbols *symbols, elbow_sequence_step *step, const elbow_pass *pass,
                             elbow_examples *examples, size_t to, size_t first, size_t places,
                             real temperature);

#endif
