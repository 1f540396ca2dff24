#include "train/nonfinite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "elbow/base/log.h"
#include "train/record.h"
#include "train/rollback.h"
#include "train/summary.h"

enum { WORDS = 256 };

/* What is known of the step, the same on every rank. */
typedef struct finding {
    size_t shards;      /* whose loss is not finite */
    size_t shard;       /* the first of them; of its examples … */
    size_t rows, count; /* … so many are in the batch, and so many not finite; */
    int64_t example;    /* the first of those, in /train; −1: none can be named */
    char words[WORDS];
} finding;

void elbow_nonfinite_note(elbow_run *run, size_t shard) {
    elbow_suspect *suspect = &run->suspect;
    if (suspect->step == run->step) return;
    *suspect = (elbow_suspect){.step = run->step, .shard = shard, .rows = run->batch.rows};
    suspect->count = elbow_vae_nonfinite(run->vae, &suspect->row);
}

/* On the rank that plays the shard. An example that cannot be looked up is not named. */
static int64_t example_of(const elbow_run *run, const elbow_suspect *suspect) {
    size_t example = 0;
    if (suspect->count == 0) return -1;
    elbow_status status =
        elbow_loader_example(run->loader, suspect->shard, (size_t)(run->step % run->epoch_steps),
                             (uint64_t)run->step, suspect->row, &example);
    return status == ELBOW_OK ? (int64_t)example : -1;
}

static void describe(finding *found, bool loss) {
    char *words = found->words;
    size_t room = sizeof found->words;
    if (found->shards == 0) {
        snprintf(words, room, "the %s is not finite%s", loss ? "loss" : "gradient",
                 loss ? "" : ", though the losses of all shards are");
        return;
    }
    int at = snprintf(words, room, "the loss is not finite in %s%zu",
                      found->shards > 1 ? "several shards, the first of them " : "shard ", found->shard);
    if (found->example >= 0)
        snprintf(words + at, room - (size_t)at, " (%zu of its %zu examples, %srow %lld of /train)",
                 found->count, found->rows, found->count > 1 ? "the first " : "", (long long)found->example);
}

/* The rank that plays the first such shard says what it has seen of it. Collective. */
static elbow_status find(finding *found, elbow_run *run, const elbow_step_report *report) {
    int rank = 0;
    *found = (finding){.example = -1};
    found->shards = elbow_summary_suspects(run->summary, &found->shard, &rank);
    if (found->shards > 0) {
        if (rank == run->world->rank) {
            found->rows = run->suspect.rows;
            found->count = run->suspect.count;
            found->example = example_of(run, &run->suspect);
        }
        ELBOW_TRY(elbow_world_broadcast(run->world, found, sizeof *found, rank));
    }
    describe(found, !isfinite(report->terms.objective));
    return ELBOW_OK;
}

/* Steps of the run that were passed over. */
static int64_t passed_over(const elbow_table *events) {
    const double *action = elbow_table_column(events, "action");
    int64_t count = 0;
    for (size_t r = 0; r < events->rows; r++) count += (int)action[r] != ELBOW_EVENT_STOP;
    return count;
}

/* NaN has many bit patterns, and the history is to have one. */
static double tidy(double value) { return isnan(value) ? (double)NAN : value; }

static elbow_status record(elbow_run *run, const elbow_step_report *report, const finding *found,
                           elbow_event_action action, int64_t target) {
    const elbow_event event = {
        .step = run->step,
        .target = target,
        .action = action,
        .shard = found->shards > 0 ? (int64_t)found->shard : -1,
        .example = found->example,
        .objective = tidy(report->terms.objective / (double)report->examples),
        .gradient_norm = tidy(report->gradient_norm),
    };
    return elbow_record_event(run, &event);
}

/* `why` the run does not go on by itself, and what makes it. */
static elbow_status stop(elbow_run *run, const elbow_step_report *report, const finding *found,
                         const char *why, const char *setting) {
    const char *directory = run->directory[0] ? run->directory : "RUN";
    ELBOW_TRY(record(run, report, found, ELBOW_EVENT_STOP, run->step));
    /* One example among many is a matter of the data; all of them, of weights that went astray. */
    bool data = found->example >= 0 && 2 * found->count < found->rows;
    char mend[WORDS];
    snprintf(
        mend, sizeof mend,
        "start a new run by --from %.100s with a lower optimizer.learning_rate, or with optimizer.clip_norm",
        directory);
    if (data)
        snprintf(mend, sizeof mend, "look at row %lld of the data's /train, and mend the data",
                 (long long)found->example);
    return elbow_fail(ELBOW_NUMERIC, "step %lld: %s; %s. Go on past it by --resume %s --set train.%s, or %s",
                      (long long)run->step + 1, found->words, why, directory, setting, mend);
}

/* Where to go back to; −1: nowhere. */
static int64_t target_of(const elbow_run *run) {
    const elbow_table *events = &run->metrics.events;
    return elbow_rollback_target(events, events->rows, run->step, run->options->checkpoint.every_steps,
                                 run->step);
}

elbow_status elbow_nonfinite_pass_over(elbow_run *run, const elbow_step_report *report) {
    finding found;
    char text[WORDS], setting[WORDS];
    bool rolls_back = elbow_rollback_wanted(run);
    int64_t before = passed_over(&run->metrics.events), limit = run->options->train.nonfinite_limit;
    int64_t target = rolls_back ? target_of(run) : run->step;
    ELBOW_TRY(find(&found, run, report));
    if (strcmp(run->options->train.nonfinite, "stop") == 0)
        return stop(run, report, &found, "no parameter was changed by it", "nonfinite=skip (or rollback)");
    if (before >= limit) {
        snprintf(text, sizeof text,
                 "%lld steps were passed over before it, which is all that train.nonfinite_limit allows",
                 (long long)before);
        snprintf(setting, sizeof setting, "nonfinite_limit=%lld", 10 * (long long)before);
        return stop(run, report, &found, text, setting);
    }
    if (target < 0)
        return stop(run, report, &found,
                    "no checkpoint before it has had a finite step: there is nothing to go back to",
                    "nonfinite=skip");

    ELBOW_TRY(elbow_exchange_drop(run->exchange));
    ELBOW_TRY(record(run, report, &found, rolls_back ? ELBOW_EVENT_ROLLBACK : ELBOW_EVENT_SKIP, target));
    text[0] = 0;
    if (rolls_back)
        snprintf(text, sizeof text, ", and weights go back to those of step %lld", (long long)target);
    elbow_warn("step %lld: %s; the step is passed over%s (%lld of at most %lld: train.nonfinite_limit)",
               (long long)run->step + 1, found.words, text, (long long)before + 1, (long long)limit);
    run->step++;
    run->lag = elbow_rollback_lag(&run->metrics.events, run->metrics.events.rows);
    return ELBOW_OK;
}
