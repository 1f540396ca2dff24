#include "train/record.h"

#include <math.h>
#include <string.h>

#include "train/summary.h"

/* The columns of /train in their order (store/metrics.c), which is that of the running sums too. */
enum {
    STEP,
    EPOCH,
    SECONDS,
    OBJECTIVE,
    ELBO,
    RECONSTRUCTION,
    KL,
    GRADIENT_NORM,
    TEMPERATURE,
    BETA,
    LEARNING_RATE,
    EXAMPLES, /* a second */
    PHASE,
    CHECKPOINT = PHASE + ELBOW_PHASES, /* standing still */
    MEANS_END,                         /* of the columns that are sums over the steps, from PHASE on */
    COMPUTE = MEANS_END,               /* of ranks, from the summaries of steps */
    COMPUTE_MOST,
    STRAGGLER,
    GRADIENT_SQUARE,
    GRADIENT_NOISE,
    NOISE_SCALE, /* of the running sums: how many steps told of noise */
    COLUMNS,
};

_Static_assert(COLUMNS == 24, "the columns of /train are listed in store/metrics.c too");

static double epochs_done(const elbow_run *run) { return (double)run->step / (double)run->epoch_steps; }

/* Who computed for how long in the row's steps (of this life). */
static void compare_ranks(elbow_run *run, double *row) {
    const double *seconds = elbow_summary_seconds(run->summary);
    int ranks = run->world->size, straggler = 0;
    double all = 0;
    for (int r = 0; r < ranks; r++) {
        all += seconds[r];
        if (seconds[r] > seconds[straggler]) straggler = r;
    }
    double steps = fmax(1, (double)elbow_summary_steps(run->summary));
    row[COMPUTE] = all / ranks / steps;
    row[COMPUTE_MOST] = seconds[straggler] / steps;
    row[STRAGGLER] = straggler;
    elbow_summary_forget(run->summary);
}

/* The ratio of means: a mean of the steps' ratios would be of whatever has the smallest |G|². */
static void put_noise(double *row, const double *sum) {
    const elbow_noise noise = {sum[GRADIENT_SQUARE] / sum[NOISE_SCALE],
                               sum[GRADIENT_NOISE] / sum[NOISE_SCALE]};
    bool known = sum[NOISE_SCALE] > 0;
    row[GRADIENT_SQUARE] = known ? noise.square : (double)NAN;
    row[GRADIENT_NOISE] = known ? noise.trace : (double)NAN;
    row[NOISE_SCALE] = known && noise.square > 0 ? noise.trace / noise.square : (double)NAN;
}

/* The row of the sums so far; sums start anew. */
static elbow_status finish_row(elbow_run *run, const elbow_step_report *report) {
    elbow_metrics *metrics = &run->metrics;
    double *sum = metrics->partial, row[ELBOW_METRICS_COLUMNS] = {0};
    row[STEP] = (double)run->step;
    row[EPOCH] = epochs_done(run);
    row[SECONDS] = run->before + run->seconds;
    for (int c = OBJECTIVE; c <= KL; c++) row[c] = sum[c] / sum[EXAMPLES];
    row[GRADIENT_NORM] = sum[GRADIENT_NORM] / metrics->partial_steps;
    row[TEMPERATURE] = report->temperature;
    row[BETA] = report->beta;
    row[LEARNING_RATE] = report->learning_rate;
    row[EXAMPLES] = sum[SECONDS] > 0 ? sum[EXAMPLES] / sum[SECONDS] : 0;
    for (int p = PHASE; p < MEANS_END; p++) row[p] = sum[p] / metrics->partial_steps;
    compare_ranks(run, row);
    put_noise(row, sum);
    memset(sum, 0, COLUMNS * sizeof *sum);
    metrics->partial_steps = 0;
    return elbow_table_append(&metrics->train, row);
}

static void add_step(elbow_run *run, const elbow_step_report *report, double seconds) {
    double *sum = run->metrics.partial;
    sum[OBJECTIVE] += report->terms.objective;
    sum[ELBO] += report->terms.elbo;
    sum[RECONSTRUCTION] += report->terms.reconstruction;
    sum[KL] += report->terms.kl;
    sum[GRADIENT_NORM] += report->gradient_norm;
    if (!isnan(report->noise.trace)) {
        sum[GRADIENT_SQUARE] += report->noise.square;
        sum[GRADIENT_NOISE] += report->noise.trace;
        sum[NOISE_SCALE]++;
    }
    sum[SECONDS] += seconds;
    sum[EXAMPLES] += (double)report->examples;
    for (int p = 0; p < ELBOW_PHASES; p++) sum[PHASE + p] += report->phases[p];
    run->metrics.since_elbo += report->terms.elbo;
    run->metrics.since_examples += (double)report->examples;
    run->metrics.partial_steps++;
}

elbow_status elbow_record_step(elbow_run *run, const elbow_step_report *report, double seconds) {
    bool epoch_ends = run->step % run->epoch_steps == 0 || run->step == run->run_steps;
    bool full = run->step % run->options->train.log_every == 0;
    if (report->finite) add_step(run, report, seconds);
    if (!(full || epoch_ends) || run->metrics.partial_steps == 0) return ELBOW_OK;
    return elbow_world_agree(run->world, finish_row(run, report));
}

elbow_status elbow_record_event(elbow_run *run, const elbow_event *event) {
    const double row[ELBOW_METRICS_COLUMNS] = {
        (double)event->step,   run->before + (elbow_now() - run->born),
        (double)event->action, (double)event->target,
        (double)event->shard,  (double)event->example,
        event->objective,      event->gradient_norm,
    };
    return elbow_world_agree(run->world, elbow_table_append(&run->metrics.events, row));
}

void elbow_record_stall(elbow_run *run, double seconds) { run->metrics.partial[CHECKPOINT] += seconds; }

double elbow_record_train_elbo(const elbow_run *run) {
    const elbow_metrics *metrics = &run->metrics;
    return metrics->since_examples > 0 ? metrics->since_elbo / metrics->since_examples : NAN;
}

void elbow_record_evaluated(elbow_run *run) { run->metrics.since_elbo = run->metrics.since_examples = 0; }

bool elbow_record_has(const elbow_run *run, elbow_split split) {
    const elbow_table *table = &run->metrics.evaluation;
    const double *steps = elbow_table_column(table, "step"), *splits = elbow_table_column(table, "split");
    for (size_t r = table->rows; r-- > 0;)
        if ((int64_t)steps[r] == run->step && (int)splits[r] == (int)split) return true;
    return false;
}

elbow_status elbow_record_evaluation(elbow_run *run, elbow_split split, const elbow_evaluation *evaluation) {
    const double row[ELBOW_METRICS_COLUMNS] = {
        (double)run->step,
        epochs_done(run),
        run->before + run->seconds,
        (double)split,
        (double)evaluation->samples,
        evaluation->elbo,
        evaluation->elbo_error,
        evaluation->reconstruction,
        evaluation->kl,
        evaluation->soft_elbo,
        evaluation->soft_reconstruction,
        evaluation->temperature,
        elbow_record_train_elbo(run),
        evaluation->accuracy,
    };
    return elbow_table_append(&run->metrics.evaluation, row);
}

elbow_status elbow_record_test(elbow_run *run, int64_t step, const elbow_evaluation *evaluation) {
    const double row[ELBOW_METRICS_COLUMNS] = {
        (double)step,
        (double)run->step,
        run->before + run->seconds,
        (double)evaluation->examples,
        (double)evaluation->samples,
        evaluation->elbo,
        evaluation->elbo_error,
        evaluation->reconstruction,
        evaluation->kl,
        evaluation->iwae,
        evaluation->iwae_error,
    };
    return elbow_table_append(&run->metrics.test, row);
}
