#include "elbow/train/loop.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "elbow/base/log.h"
#include "elbow/train/evaluate.h"
#include "elbow/train/stop.h"
#include "store/saver.h"
#include "train/pulse.h"
#include "train/record.h"
#include "train/replicas.h"
#include "train/report.h"
#include "train/save.h"
#include "train/stragglers.h"
#include "train/summary.h"

enum { SLOW_DISK = 100000000 }; /* bytes a second */
enum { METRICS_SHARE = 100 };   /* metrics.h5 may cost one part in a hundred of the time */

/* The lowest −ELBO of the selecting split that best.h5 holds. */
typedef struct best_so_far {
    double elbo;
    int64_t step;
} best_so_far;

/* The clocks of rank 0, which decides for all by the flags of a step; and what of a checkpoint waits for its end. */
typedef struct clocks {
    double saved, save_cost;              /* when; seconds that a checkpoint takes */
    double metrics_written, metrics_cost; /* likewise of metrics.h5 */
    char reason[128];                     /* why this rank wants to stop, "" when it does not */
    best_so_far before;                   /* the best before the evaluation that is being saved */
} clocks;

/* The split that selects: validation where there is one. */
static elbow_split selecting_split(const elbow_run *run) {
    return run->evaluators[ELBOW_VALID] ? ELBOW_VALID : ELBOW_TEST;
}

static bool evaluation_due(const elbow_run *run) {
    int64_t every =
        run->options->train.evaluate_every > 0 ? run->options->train.evaluate_every : run->epoch_steps;
    elbow_split split = selecting_split(run);
    if (run->step == 0 || run->evaluators[split] == NULL) return false;
    if (run->step % every != 0 && run->step != run->run_steps) return false;
    return !elbow_record_has(run, split);
}

/* Evaluates valid and test; *improved when the selecting split has its lowest −ELBO so far. Collective. */
static elbow_status evaluate(elbow_run *run, bool *improved) {
    bool relaxes = elbow_vae_relaxes(run->vae);
    double temperature = relaxes ? elbow_schedule_value(&run->temperature, run->step, run->run_steps) : 0;
    *improved = false;
    elbow_pulse_set(run->pulse, ELBOW_PULSE_EVALUATION, run->step);
    for (elbow_split split = ELBOW_VALID; split < ELBOW_SPLITS; split++) {
        elbow_evaluation evaluation;
        if (run->evaluators[split] == NULL) continue;
        ELBOW_TRY(elbow_evaluate(run->evaluators[split], elbow_exchange_parameters(run->exchange),
                                 temperature, (size_t)run->options->train.evaluate_samples, false, NULL,
                                 &evaluation));
        ELBOW_TRY_ALL(run->world, elbow_record_evaluation(run, split, &evaluation));
        elbow_report_evaluation(run, split, &evaluation);
        if (split != selecting_split(run) || !(-evaluation.elbo < run->best)) continue;
        run->best = -evaluation.elbo;
        run->best_step = run->step;
        *improved = true;
    }
    elbow_record_evaluated(run);
    elbow_pulse_set(run->pulse, ELBOW_PULSE_PICTURES, run->step);
    elbow_report_pictures(run);
    return ELBOW_OK;
}

/* What this rank asks of all in the coming step. Only rank 0 looks at clocks and files. */
static unsigned flags_of(elbow_run *run, clocks *clock) {
    const elbow_options *options = run->options;
    bool first = run->world->rank == 0;
    double now = elbow_now(), limit = options->checkpoint.time_limit;
    double margin = fmin(1 + 3 * clock->save_cost, limit / 2); /* to save before the limit, not at it */
    const char *reason =
        elbow_stop_reason(first ? run->directory : NULL, now - run->born, first ? limit - margin : 0);
    unsigned flags = 0;
    if (!reason && run->stop_step > 0 && run->step + 1 >= run->stop_step) reason = "plan";
    if (reason) {
        snprintf(clock->reason, sizeof clock->reason, "%s", reason);
        flags |= ELBOW_FLAG_STOP;
    }
    double minutes = options->checkpoint.every_minutes;
    if (first && minutes > 0 && run->saving_step < 0 && now - clock->saved >= 60 * minutes)
        flags |= ELBOW_FLAG_SAVE;
    if (first && elbow_saver_done(run->saver)) flags |= ELBOW_FLAG_SAVED;
    return flags;
}

/* What a checkpoint's end means. One that fails in the middle of a run costs nothing but a warning: the next one may
 * succeed. The first and the last must. Where best.h5 has not become what it was to be, it stays what it was. */
static elbow_status conclude(elbow_run *run, clocks *clock, const elbow_settled *settled,
                             elbow_status status) {
    bool must = run->saved_step < 0 || settled->step == run->run_steps;
    clock->saved = elbow_now();
    if (settled->asked && !settled->best) {
        run->best = clock->before.elbo;
        run->best_step = clock->before.step;
    }
    if (status == ELBOW_OK || must) return status;
    elbow_warn("no checkpoint of step %lld: %s (training goes on; the newest good one is of step %lld)",
               (long long)settled->step, elbow_error_message(), (long long)run->saved_step);
    return ELBOW_OK;
}

/* Ends the checkpoint that is being written: waits for it where it is not done. Collective. */
static elbow_status settle(elbow_run *run, clocks *clock) {
    elbow_settled settled = {0};
    if (run->saving_step < 0) return ELBOW_OK;
    elbow_pulse_set(run->pulse, ELBOW_PULSE_CHECKPOINT, run->step);
    double began = elbow_now();
    elbow_status status = elbow_run_settle(run, &settled);
    double waited = elbow_now() - began;
    elbow_record_stall(run, waited);
    if (status == ELBOW_OK) {
        clock->save_cost = settled.seconds;
        elbow_detail("checkpoint of step %lld: written in %.3f s, of which training waited %.3f s",
                     (long long)settled.step, settled.seconds, waited);
    }
    return conclude(run, clock, &settled, status);
}

/* Begins a checkpoint, after the end of the one before; without `background`, and where it must succeed, also ends it.
 * `before` is the best before this step's evaluation, where that improved on it. Collective. */
static elbow_status save(elbow_run *run, clocks *clock, bool improved, best_so_far before) {
    ELBOW_TRY(settle(run, clock));
    ELBOW_TRY(elbow_replicas_check(run));
    bool behind = run->options->checkpoint.background;
    bool must = run->saved_step < 0 || run->step == run->run_steps;
    elbow_pulse_set(run->pulse, ELBOW_PULSE_CHECKPOINT, run->step);
    double began = elbow_now();
    clock->before = before;
    elbow_status status = elbow_run_save(run, improved, behind);
    double stood = elbow_now() - began;
    elbow_record_stall(run, stood);
    if (status != ELBOW_OK) {
        const elbow_settled failed = {.step = run->step, .asked = improved};
        return conclude(run, clock, &failed, status);
    }
    elbow_detail("checkpoint of step %lld: training stood still for %.3f s", (long long)run->step, stood);
    return must || !behind ? settle(run, clock) : ELBOW_OK;
}

static bool save_due(const elbow_run *run, bool asked, bool improved) {
    int64_t every = run->options->checkpoint.every_steps;
    bool due =
        asked || run->saved_step < 0 || (every > 0 && run->step % every == 0) || run->step == run->run_steps;
    return improved || (due && run->tried_step != run->step);
}

/* Rewrites metrics.h5 when that keeps within its share of the time. A checkpoint that is being written does it itself. */
static void write_metrics(const elbow_run *run, clocks *clock) {
    double began = elbow_now();
    if (run->world->rank != 0 || run->saving_step >= 0) return;
    if (began - clock->metrics_written < METRICS_SHARE * clock->metrics_cost + 1) return;
    if (elbow_run_write_metrics(run) != ELBOW_OK) elbow_warn("%s", elbow_error_message());
    clock->metrics_written = elbow_now();
    clock->metrics_cost = clock->metrics_written - began;
}

/* One step, its record and its line. Collective. */
static elbow_status advance(elbow_run *run, clocks *clock, elbow_progress *progress, unsigned *flags) {
    elbow_step_report report;
    double began = elbow_now();
    ELBOW_TRY(elbow_step(run, flags_of(run, clock), &report));
    double now = elbow_now();
    run->seconds = now - run->born;
    elbow_summary_passed(run->summary, now - began);
    ELBOW_TRY(elbow_record_step(run, &report, now - began));
    if (report.finite) elbow_progress_step(progress, run, &report, now - began);
    write_metrics(run, clock);
    *flags = report.flags;
    return elbow_replicas_due(run) ? elbow_replicas_check(run) : ELBOW_OK;
}

static elbow_status stop(elbow_run *run, clocks *clock) {
    char reason[256];
    ELBOW_TRY(settle(run, clock));
    elbow_pulse_set(run->pulse, ELBOW_PULSE_CHECKPOINT, run->step);
    if (run->saved_step != run->step) {
        elbow_settled settled;
        ELBOW_TRY(elbow_replicas_check(run));
        ELBOW_TRY(elbow_run_save(run, false, run->options->checkpoint.background));
        ELBOW_TRY(elbow_run_settle(run, &settled));
    }
    /* A signal reaches ranks at different moments: the lowest that has one says why. */
    elbow_status asked = clock->reason[0] ? elbow_fail(ELBOW_STOPPED, "%s", clock->reason) : ELBOW_OK;
    elbow_world_agree(run->world, asked);
    snprintf(reason, sizeof reason, "%.200s at step %lld of %lld", elbow_error_message(),
             (long long)run->step, (long long)run->run_steps);
    elbow_report_stragglers(run);
    elbow_notice("stopped by %s; the checkpoint is written. Go on with: elbow train --resume %s", reason,
                 run->directory);
    ELBOW_TRY_ALL(run->world, elbow_run_write_state(run, "stopped", reason));
    return ELBOW_STOPPED;
}

static double checkpoint_bytes(const elbow_run *run) {
    return (double)(elbow_vae_params(run->vae)->size * (1 + elbow_optimizer_slots(run->optimizer)) *
                    sizeof(real));
}

/* Steps, evaluations and checkpoints, to the end of the run; nothing is being written then, unless it fails. */
static elbow_status train(elbow_run *run) {
    double now = elbow_now();
    /* Until one has been written, a slow disk's word for it. */
    clocks clock = {.saved = now, .metrics_written = now, .save_cost = checkpoint_bytes(run) / SLOW_DISK};
    elbow_progress progress;
    bool save_asked = false;
    ELBOW_TRY(elbow_replicas_check(run)); /* as restored, or initialised */
    if (run->saved_step >= 0 && run->step < run->run_steps) elbow_run_reserve_snapshot(run);
    elbow_progress_begin(&progress, run);
    for (;;) {
        bool improved = false, evaluates = evaluation_due(run);
        unsigned flags = 0;
        /* What is to be improved on must be known. */
        if (evaluates && run->saving_best) ELBOW_TRY(settle(run, &clock));
        best_so_far before = {run->best, run->best_step};
        if (evaluates) ELBOW_TRY(evaluate(run, &improved));
        if (save_due(run, save_asked, improved)) ELBOW_TRY(save(run, &clock, improved, before));
        if (run->step >= run->run_steps) return settle(run, &clock);
        ELBOW_TRY(advance(run, &clock, &progress, &flags));
        save_asked = (flags & ELBOW_FLAG_SAVE) != 0;
        if (flags & ELBOW_FLAG_SAVED) ELBOW_TRY(settle(run, &clock));
        if (flags & ELBOW_FLAG_STOP && run->step < run->run_steps) return stop(run, &clock);
    }
}

static void say_finished(const elbow_run *run, const char *reason) {
    elbow_split split = selecting_split(run);
    elbow_notice("finished %s", reason);
    if (isfinite(run->best))
        elbow_notice("best -ELBO on %s %.2f at step %lld: checkpoints/best.h5%s", elbow_split_name(split),
                     run->best, (long long)run->best_step,
                     split == ELBOW_TEST ? " (selected on test, as there is no valid split)" : "");
}

elbow_status elbow_train(elbow_run *run) {
    char reason[256], seconds[32];
    elbow_report_start(run);
    if (run->step >= run->run_steps)
        elbow_notice("this run is finished; for more steps: --set train.epochs=N");
    snprintf(reason, sizeof reason, "from step %lld on %d ranks, rank 0 on %s", (long long)run->step,
             run->world->size, run->world->host);
    ELBOW_TRY_ALL(run->world, elbow_run_write_state(run, "running", reason));
    ELBOW_TRY(elbow_pulse_share(run->pulse, run->directory, checkpoint_bytes(run)));
    elbow_status status = train(run);
    elbow_log_progress(NULL);
    if (status == ELBOW_STOPPED) return status;
    if (status != ELBOW_OK) {
        char message[2048]; /* the state file may fail too, and must not hide why */
        snprintf(message, sizeof message, "%s", elbow_error_message());
        elbow_pulse_set(run->pulse, ELBOW_PULSE_CHECKPOINT, run->step);
        elbow_run_abandon(run);
        /* What is not finite is a row there. */
        if (status == ELBOW_NUMERIC && elbow_run_write_metrics(run) != ELBOW_OK)
            elbow_warn("%s", elbow_error_message());
        if (elbow_run_write_state(run, "failed", message) != ELBOW_OK)
            elbow_warn("%s", elbow_error_message());
        return elbow_fail(status, "%s", message);
    }
    elbow_format_time(seconds, sizeof seconds, run->before + run->seconds);
    snprintf(reason, sizeof reason, "%lld steps in %s", (long long)run->step, seconds);
    elbow_report_stragglers(run);
    say_finished(run, reason);
    return elbow_world_agree(run->world, elbow_run_write_state(run, "finished", reason));
}
