#include "train/baseline.h"

#include <math.h>
#include <string.h>

#include "train/blocks.h"
#include "vae/variance.h"

#define LOG_2PI 1.8378770664093454836

enum { MOST_NUMBERS = 1 << 22 }; /* of the frequencies by position */

/* Numbers of a dimension: a Bernoulli's two, a categorical's K, a Gaussian's two. */
static size_t numbers_of(const elbow_baseline *b, size_t d) {
    if (b->field->kind == ELBOW_IMAGE) return b->reals || b->grey ? 2 : b->levels;
    size_t cardinality = b->field->columns[d].cardinality;
    return cardinality ? cardinality : 2;
}

static bool is_real(const elbow_baseline *b, size_t d) {
    return b->field->kind == ELBOW_IMAGE ? b->reals : b->field->columns[d].cardinality == 0;
}

/* What each dimension is, from what the likelihood says of itself. */
static elbow_status lay_out(elbow_baseline *b, const elbow_view *view, const elbow_vae *vae,
                            elbow_arena *arena) {
    const elbow_field *field = b->field = elbow_vae_field(vae);
    size_t V = field->vocabulary;
    b->D = field->dimensions;
    b->count = 1;
    b->words[0] = "each dimension alone";
    if (field->kind == ELBOW_SEQUENCE) {
        b->words[0] = "each symbol alone";
        if (V > 0 && b->D <= MOST_NUMBERS / V) b->words[b->count++] = "each position's symbols alone";
        b->size = V + (b->count > 1 ? b->D * V : 0);
        return elbow_arena_take(arena, b->size, sizeof *b->table, &b->table);
    }
    bool binary = field->binary || view->binarize != ELBOW_BINARIZE_NONE;
    b->reals = field->kind == ELBOW_IMAGE && elbow_vae_continuous(vae);
    b->grey = field->kind == ELBOW_IMAGE && !b->reals && (binary || !elbow_vae_observed(vae));
    b->levels = (size_t)field->maximum + 1;
    ELBOW_TRY(elbow_arena_take(arena, b->D + 1, sizeof *b->begin, &b->begin));
    for (size_t d = 0; d < b->D; d++) b->begin[d + 1] = b->begin[d] + numbers_of(b, d);
    b->size = b->begin[b->D];
    return elbow_arena_take(arena, b->size, sizeof *b->table, &b->table);
}

/* ---------------------------------------------------------------------------------------- counting */

/* A real dimension's two numbers hold Σ x and Σ x² while they are counted, and `present` how many. */
typedef struct counting {
    elbow_baseline *baseline;
    double *present; /* (D) */
} counting;

static void count_row(const counting *c, const real *x) {
    elbow_baseline *b = c->baseline;
    for (size_t d = 0; d < b->D; d++) {
        double value = (double)x[d], *numbers = b->table + b->begin[d];
        if (isnan(value)) continue;
        c->present[d]++;
        if (is_real(b, d)) {
            numbers[0] += value;
            numbers[1] += value * value;
        } else if (b->grey) {
            numbers[0] += 1 - value;
            numbers[1] += value;
        } else {
            numbers[(size_t)lround(b->field->kind == ELBOW_IMAGE ? value * (double)(b->levels - 1)
                                                                 : value)]++;
        }
    }
}

static void count_sequences(elbow_baseline *b, const elbow_values *x) {
    size_t V = b->field->vocabulary;
    for (size_t t = 0; t < x->steps; t++)
        for (size_t p = 0; p < elbow_values_active(x, t); p++) {
            uint32_t token = x->tokens[x->begin[t] + p];
            b->table[token]++;
            if (b->count > 1 && t < b->D) b->table[V + t * V + token]++;
        }
}

static elbow_status count_block(void *context, const elbow_batch *batch, size_t first) {
    const counting *c = context;
    (void)first;
    if (c->baseline->field->kind == ELBOW_SEQUENCE)
        count_sequences(c->baseline, &batch->x);
    else
        for (size_t r = 0; r < batch->rows; r++) count_row(c, batch->x.reals + r * c->baseline->D);
    return ELBOW_OK;
}

/* Counts → log-probabilities. */
static void smooth(double *numbers, size_t K) {
    double total = 0;
    for (size_t k = 0; k < K; k++) total += numbers[k];
    for (size_t k = 0; k < K; k++) numbers[k] = log((numbers[k] + 0.5) / (total + 0.5 * (double)K));
}

/* Sums → mean and log-variance. */
static void fit(double *numbers, double n, const elbow_variance *variance) {
    double mean = n > 0 ? numbers[0] / n : 0, spread = n > 0 ? numbers[1] / n - mean * mean : 1;
    numbers[0] = mean;
    if (!variance->learned)
        numbers[1] = variance->fixed;
    else
        numbers[1] = log(spread > ELBOW_VARIANCE_FLOOR ? spread : ELBOW_VARIANCE_FLOOR);
}

static elbow_status find(elbow_baseline *b, const elbow_view *view, const elbow_vae *vae,
                         const elbow_options *options, size_t examples, elbow_arena *arena) {
    counting c = {.baseline = b};
    elbow_variance variance = {0};
    bool reals = false;
    elbow_view plain = *view;
    /* The expectation of dynamic draws is the grey value itself. */
    if (view->binarize == ELBOW_BINARIZE_DYNAMIC && b->grey) plain.binarize = ELBOW_BINARIZE_NONE;
    for (size_t d = 0; b->field->kind != ELBOW_SEQUENCE && d < b->D; d++) reals = reals || is_real(b, d);
    if (reals) ELBOW_TRY(elbow_variance_create(&variance, 0, options, NULL));
    ELBOW_TRY(elbow_arena_take(arena, b->D, sizeof *c.present, &c.present));
    ELBOW_TRY(
        elbow_blocks_walk(&plain, vae, ELBOW_TRAIN, examples, (uint64_t)options->run.seed, count_block, &c));
    if (b->field->kind == ELBOW_SEQUENCE) {
        size_t V = b->field->vocabulary;
        for (size_t at = 0; at < b->size; at += V) smooth(b->table + at, V);
        return ELBOW_OK;
    }
    for (size_t d = 0; d < b->D; d++)
        if (is_real(b, d))
            fit(b->table + b->begin[d], c.present[d], &variance);
        else
            smooth(b->table + b->begin[d], b->begin[d + 1] - b->begin[d]);
    return ELBOW_OK;
}

elbow_status elbow_baseline_create(elbow_baseline *b, elbow_world *world, const elbow_view *view,
                                   const elbow_vae *vae, const elbow_options *options, size_t examples,
                                   elbow_arena *arena) {
    *b = (elbow_baseline){0};
    elbow_status status = lay_out(b, view, vae, arena);
    if (status == ELBOW_OK && world->rank == 0) status = find(b, view, vae, options, examples, arena);
    ELBOW_TRY_ALL(world, status);
    return elbow_world_broadcast(world, b->table, b->size * sizeof *b->table, 0);
}

/* --------------------------------------------------------------------------------------- evaluating */

static double log_px_row(const elbow_baseline *b, const real *x) {
    double log_px = 0;
    for (size_t d = 0; d < b->D; d++) {
        double value = (double)x[d];
        const double *numbers = b->table + b->begin[d];
        if (isnan(value)) continue;
        if (is_real(b, d)) {
            double residual = value - numbers[0];
            log_px -= 0.5 * (residual * residual * exp(-numbers[1]) + numbers[1] + LOG_2PI);
        } else if (b->grey) {
            log_px += (1 - value) * numbers[0] + value * numbers[1];
        } else {
            log_px +=
                numbers[lround(b->field->kind == ELBOW_IMAGE ? value * (double)(b->levels - 1) : value)];
        }
    }
    return log_px;
}

void elbow_baseline_log_px(const elbow_baseline *b, size_t which, double *log_px, const elbow_values *x,
                           size_t rows) {
    size_t V = b->field->vocabulary;
    if (b->field->kind != ELBOW_SEQUENCE) {
        for (size_t r = 0; r < rows; r++) log_px[r] = log_px_row(b, x->reals + r * b->D);
        return;
    }
    memset(log_px, 0, rows * sizeof *log_px);
    for (size_t t = 0; t < x->steps; t++)
        for (size_t p = 0; p < elbow_values_active(x, t); p++) {
            /* Beyond the longest position a symbol is as likely as anywhere. */
            const double *numbers = which == 1 && t < b->D ? b->table + V + t * V : b->table;
            log_px[x->order[p]] += numbers[x->tokens[x->begin[t] + p]];
        }
}
