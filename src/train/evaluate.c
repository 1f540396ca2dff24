#include "elbow/train/evaluate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/arena.h"
#include "elbow/base/random.h"
#include "elbow/data/loader.h"

enum { BLOCK = ELBOW_EVALUATE_BLOCK };

/* Sums over the examples of a block. */
typedef struct block_sums {
    double elbo, elbo_square, reconstruction, kl, soft_reconstruction, iwae, iwae_square;
} block_sums;

struct elbow_evaluator {
    elbow_world *world;
    elbow_vae *vae;
    elbow_split split;
    uint64_t seed;
    size_t examples, blocks;
    size_t first, count; /* this rank's blocks */
    elbow_arena *arena;
    elbow_block_reader *reader;                 /* of this rank's blocks */
    elbow_batch batch;                          /* of a block */
    real *kl, *log_px, *log_weight;             /* (BLOCK) */
    double *reconstruction, *divergence, *soft; /* (BLOCK): sums over draws */
    double *most, *sum;                         /* (BLOCK): log Σ w = most + log sum */
    block_sums *own, *all;                      /* (count), (blocks) */
    size_t *bytes;                              /* (ranks) */
};

static size_t first_block(size_t rank, size_t ranks, size_t blocks) { return rank * blocks / ranks; }

static elbow_status create_local(elbow_evaluator *e, const elbow_view *view) {
    size_t ranks = (size_t)e->world->size;
    size_t begin = e->first * BLOCK, end = (e->first + e->count) * BLOCK;
    if (end > e->examples) end = e->examples;
    if (begin > end) begin = end;
    ELBOW_TRY(elbow_arena_create(&e->arena));
    ELBOW_TRY(elbow_batch_reserve(&e->batch, elbow_dataset_field(view->dataset, ELBOW_X),
                                  elbow_view_context(view), BLOCK, e->arena));
    real **reals[] = {&e->kl, &e->log_px, &e->log_weight};
    for (size_t i = 0; i < 3; i++) ELBOW_TRY(elbow_arena_reals(e->arena, BLOCK, reals[i]));
    double **doubles[] = {&e->reconstruction, &e->divergence, &e->soft, &e->most, &e->sum};
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++)
        ELBOW_TRY(elbow_arena_take(e->arena, BLOCK, sizeof(double), doubles[i]));
    ELBOW_TRY(elbow_arena_take(e->arena, e->count, sizeof *e->own, &e->own));
    ELBOW_TRY(elbow_arena_take(e->arena, e->blocks, sizeof *e->all, &e->all));
    ELBOW_TRY(elbow_arena_take(e->arena, ranks, sizeof *e->bytes, &e->bytes));
    for (size_t r = 0; r < ranks; r++)
        e->bytes[r] =
            (first_block(r + 1, ranks, e->blocks) - first_block(r, ranks, e->blocks)) * sizeof *e->own;
    return elbow_block_reader_create(&e->reader, view, e->split, begin, end - begin, e->seed, e->arena);
}

elbow_status elbow_evaluator_create(elbow_evaluator **out, elbow_world *world, const elbow_view *view,
                                    elbow_split split, elbow_vae *vae, uint64_t seed) {
    *out = NULL;
    size_t examples = elbow_dataset_count(view->dataset, split);
    ELBOW_CHECK(examples > 0, ELBOW_USAGE, "%s has no %s split; choose another with --split, or import it",
                elbow_dataset_path(view->dataset), elbow_split_name(split));
    elbow_evaluator *e = calloc(1, sizeof *e);
    ELBOW_TRY_ALL(world, e ? ELBOW_OK : elbow_fail(ELBOW_MEMORY, "no memory for an evaluator"));
    size_t rank = (size_t)world->rank, ranks = (size_t)world->size;
    e->world = world;
    e->vae = vae;
    e->split = split;
    e->seed = seed;
    e->examples = examples;
    e->blocks = (examples + BLOCK - 1) / BLOCK;
    e->first = first_block(rank, ranks, e->blocks);
    e->count = first_block(rank + 1, ranks, e->blocks) - e->first;
    elbow_status status = elbow_world_agree(world, create_local(e, view));
    if (status != ELBOW_OK) elbow_evaluator_destroy(&e);
    *out = e;
    return status;
}

void elbow_evaluator_destroy(elbow_evaluator **evaluator) {
    if (*evaluator == NULL) return;
    elbow_arena_destroy(&(*evaluator)->arena);
    free(*evaluator);
    *evaluator = NULL;
}

size_t elbow_evaluator_bytes(const elbow_evaluator *evaluator) { return elbow_arena_bytes(evaluator->arena); }

/* most + log(sum) ← log(exp(most + log(sum)) + exp(w)), without overflow. */
static void add_log_weight(double *most, double *sum, double w) {
    if (w > *most) {
        *sum = *sum * exp(*most - w) + 1;
        *most = w;
    } else {
        *sum += exp(w - *most);
    }
}

/* All draws of one block. */
static block_sums evaluate_block(elbow_evaluator *e, elbow_pass *pass, size_t block, double temperature,
                                 size_t samples, bool iwae) {
    size_t first = block * BLOCK, rows = e->examples - first < BLOCK ? e->examples - first : BLOCK;
    bool closed = elbow_vae_kl_closed(e->vae); /* one draw says it all */
    size_t soft_samples = samples < ELBOW_EVALUATE_SOFT ? samples : ELBOW_EVALUATE_SOFT;
    block_sums sums = {0};
    pass->example = (uint32_t)first;
    elbow_block_reader_batch(e->reader, first, rows, &e->batch);
    elbow_vae_encode(e->vae, pass, &e->batch);
    for (size_t r = 0; r < rows; r++) {
        e->reconstruction[r] = e->divergence[r] = e->soft[r] = e->sum[r] = 0;
        e->most[r] = -INFINITY;
    }
    for (size_t d = 0; d < samples; d++) {
        pass->step = d;
        bool diverge = d == 0 || !closed;
        elbow_vae_draw(e->vae, pass, 0, e->log_px, diverge ? e->kl : NULL, iwae ? e->log_weight : NULL);
        for (size_t r = 0; r < rows; r++) {
            e->reconstruction[r] += (double)e->log_px[r];
            if (diverge) e->divergence[r] += (double)e->kl[r];
            if (iwae) add_log_weight(&e->most[r], &e->sum[r], (double)e->log_weight[r]);
        }
        if (temperature <= 0 || d >= ELBOW_EVALUATE_SOFT) continue;
        elbow_vae_draw(e->vae, pass, (real)temperature, e->log_px, NULL, NULL);
        for (size_t r = 0; r < rows; r++) e->soft[r] += (double)e->log_px[r];
    }
    for (size_t r = 0; r < rows; r++) {
        double kl = e->divergence[r] / (closed ? 1 : (double)samples),
               reconstruction = e->reconstruction[r] / (double)samples;
        double elbo = reconstruction - kl, bound = e->most[r] + log(e->sum[r] / (double)samples);
        sums.elbo += elbo;
        sums.elbo_square += elbo * elbo;
        sums.reconstruction += reconstruction;
        sums.kl += kl;
        sums.soft_reconstruction += e->soft[r] / (double)soft_samples;
        if (iwae) sums.iwae += bound, sums.iwae_square += bound * bound;
    }
    return sums;
}

/* The standard error of a mean, from sums over n examples. */
static double standard_error(double sum, double square, double n) {
    double variance = square / n - (sum / n) * (sum / n);
    return n > 1 ? sqrt((variance > 0 ? variance : 0) / (n - 1)) : NAN;
}

elbow_status elbow_evaluate(elbow_evaluator *e, const real *parameters, double temperature, size_t samples,
                            bool iwae, void (*progress)(size_t done, size_t of), elbow_evaluation *result) {
    char purpose[32];
    snprintf(purpose, sizeof purpose, "evaluate.%s.", elbow_split_name(e->split));
    elbow_pass pass = {
        .parameters = parameters, .seed = e->seed, .shard = ELBOW_SHARD_NONE, .purpose = purpose};
    for (size_t b = 0; b < e->count; b++) {
        e->own[b] = evaluate_block(e, &pass, e->first + b, temperature, samples, iwae);
        if (progress) progress(b + 1, e->count);
    }
    ELBOW_TRY(elbow_world_allgather(e->world, e->own, e->all, e->bytes));

    block_sums sums = {0};
    for (size_t b = 0; b < e->blocks; b++) {
        sums.elbo += e->all[b].elbo;
        sums.elbo_square += e->all[b].elbo_square;
        sums.reconstruction += e->all[b].reconstruction;
        sums.kl += e->all[b].kl;
        sums.soft_reconstruction += e->all[b].soft_reconstruction;
        sums.iwae += e->all[b].iwae;
        sums.iwae_square += e->all[b].iwae_square;
    }
    double n = (double)e->examples;
    bool soft = temperature > 0;
    *result = (elbow_evaluation){
        .examples = e->examples,
        .samples = samples,
        .elbo = sums.elbo / n,
        .elbo_error = standard_error(sums.elbo, sums.elbo_square, n),
        .reconstruction = sums.reconstruction / n,
        .kl = sums.kl / n,
        .iwae = iwae ? sums.iwae / n : NAN,
        .iwae_error = iwae ? standard_error(sums.iwae, sums.iwae_square, n) : NAN,
        .soft_elbo = soft ? (sums.soft_reconstruction - sums.kl) / n : NAN,
        .soft_reconstruction = soft ? sums.soft_reconstruction / n : NAN,
        .temperature = temperature,
    };
    return ELBOW_OK;
}
