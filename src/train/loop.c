#include "elbow/train/loop.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "elbow/base/log.h"
#include "elbow/train/evaluate.h"
#include "elbow/train/stop.h"
#include "store/saver.h"
#include "train/average.h"
#include "train/memory.h"
#include "train/noise.h"
#include "train/pace.h"
#include "train/protocol.h"
#include "train/pulse.h"
#include "train/record.h"
#include "train/replicas.h"
#include "train/report.h"
#include "train/rollback.h"
#include "train/save.h"
#include "train/stragglers.h"
#include "train/summary.h"

enum { METRICS_SHARE = 100 }; /* metrics.h5 may cost one part in a hundred of the time */

/* The lowest −ELBO of the selecting split that best.h5 holds. */
typedef struct best_so_far {
    double elbo;
    int64_t step;
} best_so_far;

/* What came of a step's evaluation; `before` is the best that it was to improve on. */
typedef struct evaluated {
    bool done, improved;
    best_so_far before;
} evaluated;

/* The clocks, and what of a checkpoint waits for its end. */
typedef struct clocks {
    elbow_pace pace;
    double metrics_written, metrics_cost; /* when; seconds that metrics.h5 takes */
    char reason[128];                     /* why this rank wants to stop, "" when it does not */
    best_so_far before;                   /* the best before the evaluation that is being saved */
} clocks;

/* Whether steps up to `step` end in an evaluation. */
static bool evaluates_at(const elbow_run *run, int64_t step) {
    int64_t every =
        run->options->train.evaluate_every > 0 ? run->options->train.evaluate_every : run->epoch_steps;
    if (step == 0 || run->evaluators[elbow_protocol_selects(run)] == NULL) return false;
    return step % every == 0 || step == run->run_steps;
}

static bool evaluation_due(const elbow_run *run) {
    return evaluates_at(run, run->step) && !elbow_record_has(run, elbow_protocol_selects(run));
}

/* Evaluates the splits that are to be, by the average of the weights where there is one; *improved when the selecting split
 * has its lowest −ELBO so far. Collective. */
static elbow_status evaluate(elbow_run *run, clocks *clock, bool *improved) {
    double began = elbow_now();
    bool relaxes = elbow_vae_relaxes(run->vae);
    double temperature = relaxes ? elbow_schedule_value(&run->temperature, run->step, run->run_steps) : 0;
    elbow_split selects = elbow_protocol_selects(run);
    *improved = false;
    elbow_pulse_set(run->pulse, ELBOW_PULSE_EVALUATION, run->step);
    ELBOW_TRY(elbow_average_swap(run));
    for (elbow_split split = ELBOW_VALID; split < ELBOW_SPLITS; split++) {
        elbow_evaluation evaluation;
        if (!elbow_protocol_evaluates(run, split)) continue;
        ELBOW_TRY(elbow_evaluate(run->evaluators[split], elbow_exchange_parameters(run->exchange),
                                 temperature, (size_t)run->options->train.evaluate_samples, false, NULL,
                                 &evaluation));
        ELBOW_TRY_ALL(run->world, elbow_record_evaluation(run, split, &evaluation));
        if (split == selects) run->waited = elbow_protocol_waited(&run->metrics.evaluation, split);
        elbow_report_evaluation(run, split, &evaluation);
        if (split != selects || !(-evaluation.elbo < run->best)) continue;
        run->best = -evaluation.elbo;
        run->best_step = run->step;
        *improved = true;
    }
    elbow_record_evaluated(run);
    elbow_pulse_set(run->pulse, ELBOW_PULSE_PICTURES, run->step);
    elbow_report_pictures(run);
    ELBOW_TRY(elbow_average_swap(run));
    elbow_pace_evaluated(&clock->pace, elbow_now() - began);
    return ELBOW_OK;
}

/* What this rank asks of all in the coming step. Only rank 0 looks at clocks and files. */
static unsigned flags_of(elbow_run *run, clocks *clock) {
    bool first = run->world->rank == 0;
    double needed = elbow_pace_needed(&clock->pace, evaluates_at(run, run->step + 1));
    const char *reason =
        elbow_stop_reason(first ? run->directory : NULL, first ? &clock->pace.stop : NULL, needed);
    unsigned flags = 0;
    if (!reason && run->stop_step > 0 && run->step + 1 >= run->stop_step) reason = "plan";
    if (reason) {
        snprintf(clock->reason, sizeof clock->reason, "%s", reason);
        flags |= ELBOW_FLAG_STOP;
    }
    if (first && run->saving_step < 0 && elbow_pace_save_due(&clock->pace, elbow_now()))
        flags |= ELBOW_FLAG_SAVE;
    if (first && elbow_saver_done(run->saver)) flags |= ELBOW_FLAG_SAVED;
    return flags;
}

/* What a checkpoint's end means. One that fails in the middle of a run costs nothing but a warning: the next one may
 * succeed. The first and the last must. Where best.h5 has not become what it was to be, it stays what it was. */
static elbow_status conclude(elbow_run *run, clocks *clock, const elbow_settled *settled,
                             elbow_status status) {
    elbow_pace *pace = &clock->pace;
    bool must = run->saved_step < 0 || (elbow_protocol_ended(run) && settled->step == run->step);
    pace->saved = elbow_now();
    if (settled->asked && !settled->best) {
        run->best = clock->before.elbo;
        run->best_step = clock->before.step;
    }
    if (status == ELBOW_OK) {
        if (pace->failures > 0)
            elbow_notice("the checkpoint of step %lld is written, after %d that %s not",
                         (long long)settled->step, pace->failures, pace->failures == 1 ? "was" : "were");
        elbow_pace_saved(pace, settled->seconds);
        return ELBOW_OK;
    }
    if (must && run->saved_step >= 0) {
        char reason[2048];
        snprintf(reason, sizeof reason, "%s", elbow_error_message());
        return elbow_fail(
            status,
            "%s. The newest good checkpoint is of step %lld of %lld: mend that, then go on with: elbow train "
            "--resume %s",
            reason, (long long)run->saved_step, (long long)run->run_steps, run->directory);
    }
    if (must) return status;
    if (elbow_pace_failed(pace, pace->saved))
        elbow_warn("no checkpoint of step %lld: %s (training goes on; the newest good one is of step %lld, "
                   "and another "
                   "is tried in %.0f s at the latest)",
                   (long long)settled->step, elbow_error_message(), (long long)run->saved_step, pace->wait);
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
    elbow_pace_stalled(&clock->pace, waited);
    if (status == ELBOW_OK)
        elbow_detail("checkpoint of step %lld: written in %.3f s, of which training waited %.3f s",
                     (long long)settled.step, settled.seconds, waited);
    return conclude(run, clock, &settled, status);
}

/* Begins a checkpoint, after the end of the one before; without `background`, and where it must succeed, also ends it.
 * `before` is the best before this step's evaluation, where that improved on it. Collective. */
static elbow_status save(elbow_run *run, clocks *clock, bool improved, best_so_far before) {
    ELBOW_TRY(settle(run, clock));
    ELBOW_TRY(elbow_replicas_check(run));
    bool behind = run->options->checkpoint.background;
    bool must = run->saved_step < 0 || elbow_protocol_ended(run);
    elbow_pulse_set(run->pulse, ELBOW_PULSE_CHECKPOINT, run->step);
    double began = elbow_now();
    clock->before = before;
    elbow_status status = elbow_run_save(run, improved, behind);
    double stood = elbow_now() - began;
    elbow_record_stall(run, stood);
    elbow_pace_stalled(&clock->pace, stood);
    if (status != ELBOW_OK) {
        const elbow_settled failed = {.step = run->step, .asked = improved};
        return conclude(run, clock, &failed, status);
    }
    elbow_detail("checkpoint of step %lld: training stood still for %.3f s", (long long)run->step, stood);
    return must || !behind ? settle(run, clock) : ELBOW_OK;
}

/* The run's last evaluation is saved even where its step is saved already. */
static bool save_due(const elbow_run *run, bool asked, const evaluated *found) {
    int64_t every = run->options->checkpoint.every_steps;
    bool last = elbow_protocol_ended(run);
    bool due = asked || run->saved_step < 0 || (every > 0 && run->step % every == 0) || last;
    return found->improved || (found->done && last) || (due && run->tried_step != run->step);
}

/* Rewrites metrics.h5 when that keeps within its share of the time. A checkpoint that is being written does it itself. */
static void write_metrics(elbow_run *run, clocks *clock) {
    double began = elbow_now();
    if (run->world->rank != 0 || run->saving_step >= 0) return;
    if (began - clock->metrics_written < METRICS_SHARE * clock->metrics_cost + 1) return;
    elbow_run_write_metrics(run);
    clock->metrics_written = elbow_now();
    clock->metrics_cost = clock->metrics_written - began;
}

/* After a step that was passed over. What is being written may be what is to be read. Collective. */
static elbow_status roll_back(elbow_run *run, clocks *clock) {
    if (!elbow_rollback_wanted(run)) return ELBOW_OK;
    ELBOW_TRY(settle(run, clock));
    elbow_pulse_set(run->pulse, ELBOW_PULSE_CHECKPOINT, run->step);
    return elbow_rollback(run);
}

/* One step, its record and its line. Collective. */
static elbow_status advance(elbow_run *run, clocks *clock, elbow_progress *progress, unsigned *flags) {
    elbow_step_report report;
    double began = elbow_now();
    ELBOW_TRY(elbow_step(run, flags_of(run, clock), &report));
    double now = elbow_now();
    run->seconds = now - run->born;
    elbow_summary_passed(run->summary, now - began);
    elbow_pace_stepped(&clock->pace, run, now - began);
    ELBOW_TRY(elbow_record_step(run, &report, now - began));
    if (report.finite)
        elbow_progress_step(progress, run, &report, now - began);
    else
        ELBOW_TRY(roll_back(run, clock));
    write_metrics(run, clock);
    *flags = report.flags;
    return elbow_replicas_due(run) ? elbow_replicas_check(run) : ELBOW_OK;
}

/* The checkpoint of a stop, written when this returns. Where it fails the one before is what the next life goes on from. */
static elbow_status save_to_stop(elbow_run *run) {
    elbow_settled settled;
    if (run->saved_step == run->step) return ELBOW_OK;
    ELBOW_TRY(elbow_replicas_check(run));
    elbow_status status = elbow_run_save(run, false, run->options->checkpoint.background);
    if (status == ELBOW_OK) status = elbow_run_settle(run, &settled);
    if (status == ELBOW_OK || run->saved_step < 0) return status;
    elbow_warn("no checkpoint of step %lld: %s", (long long)run->step, elbow_error_message());
    return ELBOW_OK;
}

static elbow_status stop(elbow_run *run, clocks *clock) {
    char reason[256], written[96] = "the checkpoint is written";
    ELBOW_TRY(settle(run, clock));
    elbow_pulse_set(run->pulse, ELBOW_PULSE_CHECKPOINT, run->step);
    ELBOW_TRY(save_to_stop(run));
    if (run->saved_step != run->step)
        snprintf(written, sizeof written, "the newest checkpoint is of step %lld",
                 (long long)run->saved_step);
    /* A signal reaches ranks at different moments: the lowest that has one says why. */
    elbow_status asked = clock->reason[0] ? elbow_fail(ELBOW_STOPPED, "%s", clock->reason) : ELBOW_OK;
    elbow_world_agree(run->world, asked);
    snprintf(reason, sizeof reason, "%.200s at step %lld of %lld", elbow_error_message(),
             (long long)run->step, (long long)run->run_steps);
    elbow_report_stragglers(run);
    elbow_notice("stopped by %s; %s. Go on with: elbow train --resume %s", reason, written, run->directory);
    ELBOW_TRY_ALL(run->world, elbow_run_write_state(run, "stopped", reason));
    return ELBOW_STOPPED;
}

/* The evaluation of this step, where one is due. At the run's end it may begin when the run is to stop already: then what
 * has been trained is saved before it. Anywhere else a stop goes before the evaluation. Collective. */
static elbow_status evaluate_if_due(elbow_run *run, clocks *clock, bool stops, evaluated *found) {
    found->done = evaluation_due(run);
    found->improved = false;
    if (found->done && run->saving_best) ELBOW_TRY(settle(run, clock)); /* it must be known */
    found->before = (best_so_far){run->best, run->best_step};
    if (!found->done) return ELBOW_OK;
    if (stops && run->tried_step != run->step) ELBOW_TRY(save(run, clock, false, found->before));
    return evaluate(run, clock, &found->improved);
}

/* Whether there is a place to write to, and room: told before hours are spent, also to a resumed run. Rank 0's. */
static elbow_status prove_directory(const elbow_run *run) {
    const elbow_options *options = run->options;
    size_t lasting = elbow_memory_lasting(run);
    size_t bytes = lasting + lasting / 40 + 50000, room = 0; /* with names, and some history */
    /* The one being written, and the best; those that are kept are there already when a run is resumed. */
    size_t wanted = 2 + (run->saved_step >= 0 ? 0 : (size_t)options->checkpoint.keep);
    if (run->world->rank != 0 || run->step >= run->run_steps) return ELBOW_OK;
    if (elbow_checkpoint_clean(run->directory) != ELBOW_OK) elbow_warn("%s", elbow_error_message());
    ELBOW_TRY(elbow_checkpoint_probe(run->directory, bytes, options->train.pictures, &room));
    if (room < wanted)
        elbow_warn("%s: there is room for %zu checkpoint%s of about %.1f MB, and the run will want it for "
                   "%zu more; free some "
                   "space, or set checkpoint.keep lower",
                   run->directory, room, room == 1 ? "" : "s", (double)bytes / 1e6, wanted);
    return ELBOW_OK;
}

/* Whether anybody asks for a stop: what is left has no steps whose flags would say it. Clocks do not: a job that is too short
 * for what is left would be begun again and again. Collective. */
static bool asked_to_stop(elbow_run *run, clocks *clock) {
    bool first = run->world->rank == 0;
    const char *reason = elbow_stop_reason(first ? run->directory : NULL, NULL, 0);
    if (reason) snprintf(clock->reason, sizeof clock->reason, "%s", reason);
    return elbow_world_agree(run->world, reason ? elbow_fail(ELBOW_STOPPED, "%s", reason) : ELBOW_OK) !=
           ELBOW_OK;
}

/* The end: all that was trained is saved before test is looked at, which may take longer than the time that is left; and then
 * the row, too. Collective. */
static elbow_status end(elbow_run *run, clocks *clock, bool stops) {
    size_t rows = run->metrics.test.rows;
    ELBOW_TRY(settle(run, clock));
    const best_so_far best = {run->best, run->best_step};
    if (!elbow_protocol_test_due(run)) return ELBOW_OK;
    if (asked_to_stop(run, clock) || stops) return stop(run, clock);
    ELBOW_TRY(elbow_protocol_test(run));
    if (run->metrics.test.rows == rows) return ELBOW_OK;
    /* best.h5 is a link, and stays one. */
    return save(run, clock, run->best_step == run->step, best);
}

/* Steps, evaluations and checkpoints, to the end of the run; nothing is being written then, unless it fails. */
static elbow_status train(elbow_run *run, clocks *clock) {
    elbow_progress progress;
    unsigned flags = 0;
    ELBOW_TRY_ALL(run->world, prove_directory(run));
    ELBOW_TRY(elbow_replicas_check(run)); /* as restored, or initialised */
    if (run->saved_step >= 0 && !elbow_protocol_ended(run)) elbow_run_reserve_snapshot(run);
    elbow_progress_begin(&progress, run);
    for (;;) {
        evaluated found;
        bool stops = (flags & ELBOW_FLAG_STOP) != 0;
        if (stops && !elbow_protocol_ended(run)) return stop(run, clock);
        ELBOW_TRY(evaluate_if_due(run, clock, stops, &found));
        if (save_due(run, (flags & ELBOW_FLAG_SAVE) != 0, &found))
            ELBOW_TRY(save(run, clock, found.improved, found.before));
        if (elbow_protocol_ended(run)) return end(run, clock, stops);
        ELBOW_TRY(advance(run, clock, &progress, &flags));
        if (flags & ELBOW_FLAG_SAVED) ELBOW_TRY(settle(run, clock));
    }
}

elbow_status elbow_train(elbow_run *run) {
    char reason[256], seconds[32], over[64] = "";
    clocks clock = {.metrics_written = elbow_now()};
    run->waited = elbow_protocol_waited(&run->metrics.evaluation, elbow_protocol_selects(run));
    elbow_pace_begin(&clock.pace, run); /* its warnings come before the table */
    elbow_report_start(run);
    elbow_pace_say(&clock.pace, run);
    if (elbow_protocol_ended(run) && !evaluation_due(run) && elbow_protocol_test_due(run))
        elbow_notice("this run is trained to its end: only the look at test is left");
    else if (elbow_protocol_ended(run))
        elbow_notice("this run is finished; for more steps: --set %s=N",
                     elbow_protocol_out_of_patience(run) ? "train.patience" : elbow_protocol_length_key(run));
    snprintf(reason, sizeof reason, "from step %lld on %d ranks, rank 0 on %s", (long long)run->step,
             run->world->size, run->world->host);
    ELBOW_TRY_ALL(run->world, elbow_run_write_state(run, "running", reason));
    ELBOW_TRY(elbow_pulse_share(run->pulse, run->directory, (double)elbow_memory_lasting(run)));
    elbow_status status = train(run, &clock);
    elbow_log_progress(NULL);
    if (status == ELBOW_STOPPED) return status;
    if (status != ELBOW_OK) {
        char message[2048]; /* the state file may fail too, and must not hide why */
        snprintf(message, sizeof message, "%s", elbow_error_message());
        elbow_pulse_set(run->pulse, ELBOW_PULSE_CHECKPOINT, run->step);
        elbow_run_abandon(run);
        /* What is not finite is a row there. */
        if (status == ELBOW_NUMERIC) elbow_run_write_metrics(run);
        if (elbow_run_write_state(run, "failed", message) != ELBOW_OK)
            elbow_warn("%s", elbow_error_message());
        return elbow_fail(status, "%s", message);
    }
    elbow_format_time(seconds, sizeof seconds, run->before + run->seconds);
    if (run->step < run->run_steps)
        snprintf(over, sizeof over, " of %lld, out of patience (train.patience)", (long long)run->run_steps);
    snprintf(reason, sizeof reason, "%lld steps in %s%s", (long long)run->step, seconds, over);
    elbow_report_stragglers(run);
    elbow_report_noise(run);
    elbow_notice("finished %s", reason);
    elbow_protocol_say(run);
    return elbow_world_agree(run->world, elbow_run_write_state(run, "finished", reason));
}
