#include "elbow/train/evaluate.h"

#include <stdlib.h>

#include "elbow/base/arena.h"
#include "train/blocks.h"
#include "train/bounds.h"
#include "train/pulse.h"

struct elbow_evaluator {
    elbow_vae *vae;
    elbow_arena *arena;
    elbow_blocks blocks;
    elbow_bounds bounds;
    elbow_bound_sums *own, *all; /* (this rank's blocks), (blocks) */
    elbow_pulse *pulse;          /* the run's, or NULL */
};

static elbow_status create_local(elbow_evaluator *e, elbow_world *world, const elbow_view *view,
                                 elbow_split split, uint64_t seed) {
    ELBOW_TRY(elbow_arena_create(&e->arena));
    ELBOW_TRY(elbow_blocks_create(&e->blocks, world, view, e->vae, split, seed, e->arena));
    ELBOW_TRY(elbow_bounds_reserve(&e->bounds, e->vae, e->arena));
    ELBOW_TRY(elbow_arena_take(e->arena, e->blocks.count, sizeof *e->own, &e->own));
    return elbow_arena_take(e->arena, e->blocks.blocks, sizeof *e->all, &e->all);
}

elbow_status elbow_evaluator_create(elbow_evaluator **out, elbow_world *world, const elbow_view *view,
                                    elbow_split split, elbow_vae *vae, uint64_t seed) {
    elbow_evaluator *e = calloc(1, sizeof *e);
    *out = NULL;
    ELBOW_TRY_ALL(world, e ? ELBOW_OK : elbow_fail(ELBOW_MEMORY, "no memory for an evaluator"));
    e->vae = vae;
    elbow_status status = elbow_world_agree(world, create_local(e, world, view, split, seed));
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

void elbow_evaluator_beats(elbow_evaluator *e, elbow_pulse *pulse) { e->pulse = pulse; }

static void beat(void *context, size_t draw, size_t rows, bool diverged) {
    (void)draw;
    (void)rows;
    (void)diverged;
    elbow_pulse_move(context);
}

elbow_status elbow_evaluate(elbow_evaluator *e, const real *parameters, double temperature, size_t samples,
                            bool iwae, void (*progress)(size_t done, size_t of), elbow_evaluation *result) {
    const elbow_bounds_request request = {.samples = samples,
                                          .temperature = elbow_vae_relaxes(e->vae) ? temperature : 0,
                                          .iwae = iwae,
                                          .drawn = beat,
                                          .context = e->pulse};
    elbow_pass pass = elbow_blocks_pass(&e->blocks, parameters);
    for (size_t b = 0; b < e->blocks.count; b++) {
        size_t rows = elbow_blocks_read(&e->blocks, &pass, b);
        elbow_bounds_find(&e->bounds, e->vae, &pass, &e->blocks.batch, &request);
        e->own[b] = elbow_bounds_sum(&e->bounds, rows);
        if (progress) progress(b + 1, e->blocks.count);
    }
    ELBOW_TRY(elbow_blocks_gather(&e->blocks, e->all, e->own, sizeof *e->all));
    elbow_bounds_mean(result, e->all, e->blocks.blocks, sizeof *e->all, e->blocks.examples, &request);
    return ELBOW_OK;
}

elbow_status elbow_score(elbow_world *world, const elbow_view *view, elbow_split split, elbow_vae *vae,
                         const real *parameters, uint64_t seed, size_t samples,
                         void (*progress)(size_t done, size_t of), double *scores) {
    elbow_evaluator *e = NULL;
    double *own = NULL;
    size_t begin = 0, end = 0;
    const elbow_bounds_request request = {.samples = samples, .iwae = samples > 1};
    ELBOW_TRY(elbow_evaluator_create(&e, world, view, split, vae, seed));
    elbow_blocks_range(&e->blocks, world->rank, &begin, &end);
    elbow_status status =
        elbow_world_agree(world, elbow_arena_take(e->arena, end - begin, sizeof *own, &own));
    elbow_pass pass = elbow_blocks_pass(&e->blocks, parameters);
    for (size_t b = 0, at = 0; status == ELBOW_OK && b < e->blocks.count; b++) {
        size_t rows = elbow_blocks_read(&e->blocks, &pass, b);
        elbow_bounds_find(&e->bounds, vae, &pass, &e->blocks.batch, &request);
        for (size_t r = 0; r < rows; r++) own[at++] = samples > 1 ? -e->bounds.iwae[r] : -e->bounds.elbo[r];
        if (progress) progress(b + 1, e->blocks.count);
    }
    if (status == ELBOW_OK) status = elbow_blocks_gather_examples(&e->blocks, scores, own, sizeof *own);
    elbow_evaluator_destroy(&e);
    return status;
}
