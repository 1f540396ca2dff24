#include "train/restore.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/arena.h"
#include "elbow/base/log.h"
#include "train/rollback.h"

/* The scalars of a checkpoint, as rank 0 tells them. */
typedef struct resumed {
    int64_t step, best_step, previous_step, lag;
    int64_t healthy;
    double seconds, best;
    char digest[33], previous_digest[33];
} resumed;

static resumed describe(const elbow_checkpoint *c) {
    resumed said = {
        .step = c->step,
        .best_step = c->best_step,
        .previous_step = c->previous_step,
        .lag = c->lag,
        .healthy = c->healthy,
        .seconds = c->seconds,
        .best = c->best,
    };
    memcpy(said.digest, c->digest, sizeof said.digest);
    memcpy(said.previous_digest, c->previous_digest, sizeof said.previous_digest);
    return said;
}

/* Copies one block of a checkpoint into this model's layout, on rank 0, into `full`. Local. */
static elbow_status map_block(const elbow_run *run, const elbow_checkpoint *checkpoint, const real *values,
                              real *full, const char *subject) {
    if (run->world->rank != 0) return ELBOW_OK;
    return elbow_checkpoint_map(checkpoint->layout, values, elbow_vae_params(run->vae), full, subject);
}

/* The checkpoint's values of a slot, by name, on rank 0; NULL where it has none. */
static real **find_slot(elbow_checkpoint *checkpoint, const char *name) {
    for (size_t s = 0; s < checkpoint->slots; s++)
        if (strcmp(checkpoint->slot_names[s], name) == 0) return &checkpoint->slot_values[s];
    return NULL;
}

/* A block that is used up: the largest models have no room for it beside the next one. */
static void drop(real **block) {
    free(*block);
    *block = NULL;
}

static elbow_status restore_slot(const elbow_run *run, elbow_checkpoint *checkpoint, const char *name,
                                 real *full, const char *subject) {
    if (run->world->rank != 0) return ELBOW_OK;
    real **values = find_slot(checkpoint, name);
    ELBOW_CHECK(values != NULL, ELBOW_MISMATCH,
                "%s: its optimizer %s keeps no %s, which %s needs; leave optimizer.name as it was", subject,
                checkpoint->optimizer, name, elbow_optimizer_name(run->optimizer));
    elbow_status status = map_block(run, checkpoint, *values, full, subject);
    drop(values);
    return status;
}

static elbow_status restore_slots(elbow_run *run, elbow_checkpoint *checkpoint, real *full,
                                  const char *subject) {
    for (size_t s = 0; s < elbow_optimizer_slots(run->optimizer); s++) {
        const char *name = elbow_optimizer_slot_name(run->optimizer, s);
        ELBOW_TRY_ALL(run->world, restore_slot(run, checkpoint, name, full, subject));
        ELBOW_TRY(elbow_exchange_scatter(run->exchange, full, elbow_optimizer_slot(run->optimizer, s)));
    }
    return ELBOW_OK;
}

/* The history goes to rank 0, which writes it, and by broadcast to the rest, who keep the same sums. */
static elbow_status restore_table(elbow_run *run, elbow_table *table, const elbow_table *stored) {
    elbow_status status = ELBOW_OK;
    size_t rows = stored ? stored->rows : 0;
    double row[ELBOW_METRICS_COLUMNS] = {0};
    ELBOW_TRY(elbow_world_broadcast(run->world, &rows, sizeof rows, 0));
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; stored && c < table->columns; c++) {
            const double *column = elbow_table_column(stored, table->names[c]);
            row[c] = column ? column[r] : 0;
        }
        ELBOW_TRY(elbow_world_broadcast(run->world, row, sizeof row, 0));
        if (status == ELBOW_OK) status = elbow_table_append(table, row);
    }
    return elbow_world_agree(run->world, status);
}

static elbow_status restore_history(elbow_run *run, const elbow_checkpoint *checkpoint) {
    elbow_metrics *metrics = &run->metrics, *stored = checkpoint ? checkpoint->metrics : NULL;
    ELBOW_TRY(restore_table(run, &metrics->train, stored ? &stored->train : NULL));
    ELBOW_TRY(restore_table(run, &metrics->evaluation, stored ? &stored->evaluation : NULL));
    ELBOW_TRY(restore_table(run, &metrics->events, stored ? &stored->events : NULL));
    ELBOW_TRY(restore_table(run, &metrics->test, stored ? &stored->test : NULL));
    run->lag = elbow_rollback_lag(&metrics->events, metrics->events.rows);
    if (stored) {
        memcpy(metrics->partial, stored->partial, sizeof metrics->partial);
        metrics->partial_steps = stored->partial_steps;
        metrics->since_elbo = stored->since_elbo;
        metrics->since_examples = stored->since_examples;
    }
    ELBOW_TRY(elbow_world_broadcast(run->world, metrics->partial, sizeof metrics->partial, 0));
    ELBOW_TRY(elbow_world_broadcast(run->world, &metrics->partial_steps, sizeof metrics->partial_steps, 0));
    ELBOW_TRY(elbow_world_broadcast(run->world, &metrics->since_elbo, sizeof metrics->since_elbo, 0));
    return elbow_world_broadcast(run->world, &metrics->since_examples, sizeof metrics->since_examples, 0);
}

/* A run that died between writing its best checkpoint and naming it best.h5. Rank 0's; costs a warning. */
static void relink_best(const elbow_run *run) {
    char *path = NULL;
    if (run->world->rank != 0) return;
    elbow_status status = elbow_checkpoint_path(run->directory, run->step, &path);
    if (status == ELBOW_OK) status = elbow_checkpoint_mark_best(run->directory, path);
    if (status != ELBOW_OK) elbow_warn("best.h5 stays as it was: %s", elbow_error_message());
    free(path);
}

elbow_status elbow_run_restore_weights(elbow_run *run, elbow_checkpoint *checkpoint, const char *subject) {
    elbow_world *world = run->world;
    real *parameters = elbow_exchange_parameters(run->exchange), *full = NULL;
    const real *values = checkpoint ? checkpoint->parameters : NULL;
    ELBOW_TRY_ALL(world, map_block(run, checkpoint, values, parameters, subject));
    if (checkpoint) drop(&checkpoint->parameters);
    ELBOW_TRY(elbow_exchange_spread(run->exchange));

    elbow_status status = ELBOW_OK;
    if (world->rank == 0) status = elbow_aligned_reals(elbow_vae_params(run->vae)->size, &full);
    status = elbow_world_agree(world, status);
    if (status == ELBOW_OK) status = restore_slots(run, checkpoint, full, subject);
    free(full);
    return status;
}

/* What an estimator learns for itself (a baseline, a scale, a network) is no part of the model: it begins anew where the
 * run of the checkpoint had none. */
static elbow_status map_model(const elbow_run *run, const elbow_checkpoint *checkpoint, const char *which,
                              const char *subject) {
    const elbow_params *params = elbow_vae_params(run->vae);
    real *parameters = elbow_exchange_parameters(run->exchange);
    const real *values = NULL;
    size_t kept = 0, dropped = 0;
    bool averaged = false;
    if (run->world->rank != 0) return ELBOW_OK;
    ELBOW_TRY(elbow_checkpoint_weights(checkpoint, which, &values, &averaged, subject));
    if (averaged)
        elbow_notice("from the average of the weights of %s (--weights last takes those of its last step)",
                     subject);
    elbow_params_initialize(params, run->order.seed, parameters);
    ELBOW_TRY(elbow_checkpoint_map_over(checkpoint->layout, values, params, "estimator.", parameters, &kept,
                                        &dropped, subject));
    if (kept + dropped > 0)
        elbow_notice("the estimator differs: of its own tensors %zu begin anew, and %zu of %s are dropped",
                     kept, dropped, subject);
    return ELBOW_OK;
}

elbow_status elbow_run_restore_model(elbow_run *run, const elbow_checkpoint *checkpoint, const char *which,
                                     const char *subject) {
    ELBOW_TRY_ALL(run->world, map_model(run, checkpoint, which, subject));
    return elbow_exchange_spread(run->exchange);
}

elbow_status elbow_run_restore(elbow_run *run, elbow_checkpoint *checkpoint, const char *subject) {
    ELBOW_TRY(elbow_run_restore_weights(run, checkpoint, subject));

    resumed said = {0};
    if (checkpoint) said = describe(checkpoint);
    ELBOW_TRY(elbow_world_broadcast(run->world, &said, sizeof said, 0));
    run->step = run->saved_step = run->tried_step = said.step;
    run->previous_step = said.previous_step;
    memcpy(run->saved_digest, said.digest, sizeof run->saved_digest);
    memcpy(run->previous_digest, said.previous_digest, sizeof run->previous_digest);
    run->best_step = said.best_step;
    run->before = said.seconds;
    run->best = said.best;
    if (said.healthy && run->best_step == run->step && isfinite(run->best)) relink_best(run);
    ELBOW_TRY(restore_history(run, checkpoint));
    ELBOW_CHECK(run->lag == said.lag, ELBOW_FORMAT,
                "%s: it was passed over %lld steps, and its /metrics/events make that %lld; the checkpoint "
                "is damaged: take "
                "the one before",
                subject, (long long)said.lag, (long long)run->lag);
    return ELBOW_OK;
}
