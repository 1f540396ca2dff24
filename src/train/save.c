#include "train/save.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "elbow/base/log.h"
#include "store/saver.h"
#include "train/rollback.h"

/* On rank 0: what the checkpoint says beside the tensors. */
static elbow_status describe(const elbow_run *run, elbow_checkpoint *checkpoint) {
    checkpoint->step = run->step;
    checkpoint->lag = run->lag;
    checkpoint->epoch = run->step / run->epoch_steps;
    checkpoint->seed = run->options->run.seed;
    checkpoint->shards = (int64_t)run->order.shards;
    checkpoint->run_steps = run->run_steps;
    checkpoint->seconds = run->before + run->seconds;
    checkpoint->best = run->best;
    checkpoint->best_step = run->best_step;
    checkpoint->facts = run->facts;
    bool again =
        run->saved_step == run->step; /* a step's checkpoint anew: what was before it stays before it */
    checkpoint->previous_step = again ? run->previous_step : run->saved_step;
    snprintf(checkpoint->previous_digest, sizeof checkpoint->previous_digest, "%s",
             again ? run->previous_digest : run->saved_digest);
    snprintf(checkpoint->data_checksum, sizeof checkpoint->data_checksum, "%s", run->data_checksum);
    snprintf(checkpoint->optimizer, sizeof checkpoint->optimizer, "%s", elbow_optimizer_name(run->optimizer));
    checkpoint->slots = elbow_optimizer_slots(run->optimizer);
    for (size_t s = 0; s < checkpoint->slots; s++)
        snprintf(checkpoint->slot_names[s], sizeof checkpoint->slot_names[s], "%s",
                 elbow_optimizer_slot_name(run->optimizer, s));
    ELBOW_TRY(
        elbow_checkpoint_put_fields(checkpoint, elbow_vae_field(run->vae), elbow_vae_context(run->vae)));
    return elbow_options_dump(run->options, false, &checkpoint->config);
}

/* On rank 0: room for the snapshot, and all of it but for the moments. Local. */
static elbow_status begin_snapshot(elbow_run *run, bool behind) {
    real *parameters = elbow_exchange_parameters(run->exchange);
    if (run->world->rank != 0) return ELBOW_OK;
    ELBOW_TRY(elbow_saver_reserve(run->saver, elbow_optimizer_slots(run->optimizer), behind));
    elbow_checkpoint *snapshot = elbow_saver_snapshot(run->saver);
    ELBOW_TRY(describe(run, snapshot));
    if (!behind) { /* nothing changes until it is written */
        snapshot->parameters = parameters;
        snapshot->metrics = &run->metrics;
        return ELBOW_OK;
    }
    /* Nobody changes them meanwhile, shared by the ranks of a node or not: an update needs this rank's gradient. */
    memcpy(snapshot->parameters, parameters, elbow_vae_params(run->vae)->size * sizeof *parameters);
    return elbow_metrics_copy(snapshot->metrics, &run->metrics);
}

void elbow_run_reserve_snapshot(elbow_run *run) {
    if (run->world->rank == 0)
        elbow_saver_reserve(run->saver, elbow_optimizer_slots(run->optimizer),
                            run->options->checkpoint.background);
}

static void start(elbow_run *run, bool best, bool behind) {
    const elbow_options *options = run->options;
    elbow_saver_request request = {
        .best = best,
        .verify = options->checkpoint.verify,
        .keep = options->checkpoint.keep,
        .behind = behind,
    };
    _Static_assert((int)ELBOW_ROLLBACK_SPARED == (int)ELBOW_SAVER_SPARED, "the same list");
    elbow_rollback_spare(run, request.spared);
    elbow_saver_start(run->saver, &request);
}

elbow_status elbow_run_save(elbow_run *run, bool best, bool behind) {
    run->tried_step = run->step;
    ELBOW_TRY_ALL(run->world, begin_snapshot(run, behind));
    real *const *slots = run->world->rank == 0 ? elbow_saver_snapshot(run->saver)->slot_values : NULL;
    for (size_t s = 0; s < elbow_optimizer_slots(run->optimizer); s++)
        ELBOW_TRY(elbow_exchange_gather(run->exchange, elbow_optimizer_slot(run->optimizer, s),
                                        slots ? slots[s] : NULL));
    run->saving_step = run->step;
    run->saving_best = best;
    if (run->world->rank == 0) start(run, best, behind);
    return ELBOW_OK;
}

/* Once when it begins to fail, and once when that is over. */
static void tell_metrics(elbow_run *run, bool written, const char *message) {
    if (!written && !run->metrics_failing)
        elbow_warn("%s (training goes on, and the history is in the checkpoints; it is tried again)",
                   message);
    if (written && run->metrics_failing) elbow_notice("metrics.h5 is written again");
    run->metrics_failing = !written;
}

/* Waits on rank 0; what failed beside the checkpoint is said. NULL elsewhere. Local. */
static const elbow_saved *await_saver(elbow_run *run) {
    if (run->world->rank != 0) return NULL;
    const elbow_saved *saved = elbow_saver_wait(run->saver);
    for (size_t w = 0; w < saved->warnings; w++) elbow_warn("%s", saved->warning[w]);
    if (saved->metrics || saved->metrics_message[0])
        tell_metrics(run, saved->metrics, saved->metrics_message);
    return saved;
}

elbow_status elbow_run_settle(elbow_run *run, elbow_settled *settled) {
    const elbow_saved *saved = await_saver(run);
    elbow_status status =
        saved && saved->status != ELBOW_OK ? elbow_fail(saved->status, "%s", saved->message) : ELBOW_OK;
    *settled = (elbow_settled){.step = run->saving_step, .asked = run->saving_best};
    if (saved) {
        settled->best = saved->best;
        settled->seconds = saved->seconds;
        memcpy(settled->digest, saved->written.digest, sizeof settled->digest);
    }
    run->saving_step = -1;
    ELBOW_TRY_ALL(run->world, status);
    ELBOW_TRY(elbow_world_broadcast(run->world, settled, sizeof *settled, 0));
    if (run->saved_step != settled->step) {
        run->previous_step = run->saved_step;
        memcpy(run->previous_digest, run->saved_digest, sizeof run->previous_digest);
    }
    run->saved_step = settled->step;
    memcpy(run->saved_digest, settled->digest, sizeof run->saved_digest);
    return ELBOW_OK;
}

void elbow_run_abandon(elbow_run *run) {
    int64_t step = run->saving_step;
    if (step < 0) return;
    const elbow_saved *saved = await_saver(run);
    run->saving_step = -1;
    if (saved && saved->status == ELBOW_OK)
        elbow_notice("the newest checkpoint is of step %lld", (long long)step);
    else if (saved)
        elbow_warn("no checkpoint of step %lld: %s (the newest good one is of step %lld)", (long long)step,
                   saved->message, (long long)run->saved_step);
}

void elbow_run_write_metrics(elbow_run *run) {
    char *path = NULL;
    if (run->world->rank != 0) return;
    elbow_status status = elbow_path_join(run->directory, "metrics.h5", &path);
    if (status == ELBOW_OK) status = elbow_metrics_write(&run->metrics, path);
    tell_metrics(run, status == ELBOW_OK, status == ELBOW_OK ? "" : elbow_error_message());
    free(path);
}
