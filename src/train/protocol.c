#include "train/protocol.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "elbow/base/arena.h"
#include "elbow/base/log.h"
#include "elbow/train/evaluate.h"
#include "train/average.h"
#include "train/pulse.h"
#include "train/record.h"

elbow_split elbow_protocol_selects(const elbow_run *run) {
    return run->evaluators[ELBOW_VALID] ? ELBOW_VALID : ELBOW_TEST;
}

elbow_split elbow_protocol_selected(const elbow_table *evaluation) {
    const double *splits = elbow_table_column(evaluation, "split");
    for (size_t r = 0; r < evaluation->rows; r++)
        if ((int)splits[r] == ELBOW_VALID) return ELBOW_VALID;
    return ELBOW_TEST;
}

bool elbow_protocol_evaluates(const elbow_run *run, elbow_split split) {
    if (run->evaluators[split] == NULL) return false;
    return split == elbow_protocol_selects(run) || strcmp(run->options->train.evaluate_test, "always") == 0;
}

/* ----------------------------------------------------------------------------------------- patience */

int64_t elbow_protocol_waited(const elbow_table *evaluation, elbow_split split) {
    const double *splits = elbow_table_column(evaluation, "split"),
                 *elbo = elbow_table_column(evaluation, "elbo");
    double best = INFINITY;
    int64_t waited = 0;
    for (size_t r = 0; r < evaluation->rows; r++) {
        if ((int)splits[r] != (int)split) continue;
        waited++;
        if (!(-elbo[r] < best)) continue; /* NaN is no better */
        best = -elbo[r];
        waited = 0;
    }
    return waited;
}

bool elbow_protocol_out_of_patience(const elbow_run *run) {
    int64_t patience = run->options->train.patience;
    return patience > 0 && run->waited >= patience;
}

bool elbow_protocol_ended(const elbow_run *run) {
    return run->step >= run->run_steps || elbow_protocol_out_of_patience(run);
}

const char *elbow_protocol_length_key(const elbow_run *run) {
    int64_t steps = run->options->train.steps;
    return steps > 0 && steps == run->run_steps ? "train.steps" : "train.epochs";
}

/* ---------------------------------------------------------------------------------------- test, once */

bool elbow_protocol_test_wanted(const elbow_run *run) {
    return run->evaluators[ELBOW_VALID] && run->evaluators[ELBOW_TEST] &&
           run->options->train.test_samples > 0;
}

bool elbow_protocol_test_due(const elbow_run *run) {
    const elbow_table *test = &run->metrics.test;
    const double *steps = elbow_table_column(test, "step"), *samples = elbow_table_column(test, "samples");
    if (!elbow_protocol_test_wanted(run) || !isfinite(run->best)) return false;
    for (size_t r = 0; r < test->rows; r++)
        if ((int64_t)steps[r] == run->best_step && (int64_t)samples[r] == run->options->train.test_samples)
            return false;
    return true;
}

/* On rank 0: the weights of best.h5 in this model's layout. */
static elbow_status read_best(const elbow_run *run, real *full) {
    elbow_checkpoint *checkpoint = NULL;
    const real *values = NULL;
    bool averaged = false;
    char *path = NULL;
    ELBOW_TRY(elbow_path_join(run->directory, "checkpoints/best.h5", &path));
    elbow_status status = elbow_checkpoint_read(&checkpoint, path);
    if (status == ELBOW_OK && checkpoint->step != run->best_step)
        status = elbow_fail(ELBOW_MISMATCH, "%s: of step %lld, and the best is step %lld", path,
                            (long long)checkpoint->step, (long long)run->best_step);
    if (status == ELBOW_OK) status = elbow_checkpoint_weights(checkpoint, NULL, &values, &averaged, path);
    if (status == ELBOW_OK)
        status = elbow_checkpoint_map(checkpoint->layout, values, elbow_vae_params(run->vae), full, path);
    elbow_checkpoint_destroy(&checkpoint);
    free(path);
    return status;
}

/* What all ranks have as parameters, and what rank 0 has in `full`, change places. Collective. */
static elbow_status exchange_all(elbow_run *run, real *full) {
    real *parameters = elbow_exchange_parameters(run->exchange);
    elbow_world_barrier(run->world); /* ranks that share parameters have read them */
    for (size_t i = 0; full != NULL && i < elbow_vae_params(run->vae)->size; i++) {
        real last = parameters[i];
        parameters[i] = full[i];
        full[i] = last;
    }
    return elbow_exchange_spread(run->exchange);
}

static void show(size_t done, size_t of) {
    char line[64];
    snprintf(line, sizeof line, "evaluating test %3zu %%", 100 * done / of);
    elbow_log_progress(line);
}

static elbow_status look(elbow_run *run, elbow_evaluation *evaluation) {
    elbow_pulse_set(run->pulse, ELBOW_PULSE_EVALUATION, run->step);
    elbow_status status = elbow_evaluate(
        run->evaluators[ELBOW_TEST], elbow_exchange_parameters(run->exchange), 0,
        (size_t)run->options->train.test_samples, true, run->world->rank == 0 ? show : NULL, evaluation);
    elbow_log_progress(NULL);
    return status;
}

/* With the weights at hand, which are the best. */
static elbow_status look_at_hand(elbow_run *run, elbow_evaluation *evaluation) {
    ELBOW_TRY(elbow_average_swap(run));
    ELBOW_TRY(look(run, evaluation));
    return elbow_average_swap(run);
}

/* With those of best.h5; *had is false where they cannot be had. */
static elbow_status look_back(elbow_run *run, elbow_evaluation *evaluation, bool *had) {
    real *full = NULL;
    elbow_status status = ELBOW_OK;
    elbow_pulse_set(run->pulse, ELBOW_PULSE_CHECKPOINT, run->step);
    if (run->world->rank == 0) status = elbow_aligned_reals(elbow_vae_params(run->vae)->size, &full);
    if (run->world->rank == 0 && status == ELBOW_OK) status = read_best(run, full);
    status = elbow_world_agree(run->world, status);
    *had = status == ELBOW_OK;
    if (!*had) {
        elbow_warn("test is not evaluated: %s; once that is mended: elbow train --resume %s; or, by the last "
                   "checkpoint's weights: elbow evaluate %s --split test --samples %lld",
                   elbow_error_message(), run->directory, run->directory,
                   (long long)run->options->train.test_samples);
        status = ELBOW_OK;
        goto done;
    }
    ELBOW_TRY_OR_DONE(exchange_all(run, full));
    ELBOW_TRY_OR_DONE(look(run, evaluation));
    ELBOW_TRY_OR_DONE(exchange_all(run, full));
done:
    free(full);
    return status;
}

elbow_status elbow_protocol_test(elbow_run *run) {
    elbow_evaluation evaluation;
    bool had = true;
    if (run->best_step == run->step)
        ELBOW_TRY(look_at_hand(run, &evaluation));
    else
        ELBOW_TRY(look_back(run, &evaluation, &had));
    if (!had) return ELBOW_OK;
    return elbow_world_agree(run->world, elbow_record_test(run, run->best_step, &evaluation));
}

/* -------------------------------------------------------------------------------------------- words */

static void say_test(const elbow_run *run) {
    const elbow_table *t = &run->metrics.test;
    size_t last = t->rows - 1;
    char iwae[32];
    if (t->rows == 0 || (elbow_protocol_test_wanted(run) && elbow_protocol_test_due(run))) return;
    const double *elbo = elbow_table_column(t, "elbo"), *error = elbow_table_column(t, "elbo_error"),
                 *bound = elbow_table_column(t, "iwae"), *bound_error = elbow_table_column(t, "iwae_error"),
                 *samples = elbow_table_column(t, "samples"), *step = elbow_table_column(t, "step");
    snprintf(iwae, sizeof iwae, "IWAE-%.0f", samples[last]);
    elbow_notice("test, by the weights of step %.0f: -ELBO %.3f ± %.3f, the mean of %.0f single samples; %s "
                 "%.3f ± %.3f",
                 step[last], -elbo[last], error[last], samples[last], iwae, -bound[last], bound_error[last]);
}

void elbow_protocol_say(const elbow_run *run) {
    elbow_split split = elbow_protocol_selects(run);
    char longer[96] = "";
    if (run->step >= run->run_steps)
        snprintf(longer, sizeof longer, " --set %s=N, with more than the %lld steps that are done",
                 elbow_protocol_length_key(run), (long long)run->step);
    if (elbow_protocol_out_of_patience(run))
        elbow_notice("%lld evaluation%s on %s in a row no better than the best: train.patience. Go on with: "
                     "elbow train --resume %s --set train.patience=%lld%s",
                     (long long)run->waited, run->waited == 1 ? "" : "s", elbow_split_name(split),
                     run->directory, 2 * (long long)run->waited, longer);
    if (isfinite(run->best))
        elbow_notice("best -ELBO on %s %.2f at step %lld: checkpoints/best.h5%s", elbow_split_name(split),
                     run->best, (long long)run->best_step,
                     split == ELBOW_TEST ? " (selected on test, as there is no valid split)" : "");
    say_test(run);
}
