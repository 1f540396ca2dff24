#include "train/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cores.h"
#include "elbow/base/log.h"
#include "elbow/base/number.h"
#include "elbow/version.h"
#include "train/memory.h"
#include "train/protocol.h"

enum { FEW_EXAMPLES = 32, LINE = 512, PLAIN_SECONDS = 30, BAR = 24, SHORTEST_BAR = 6 };

void elbow_format_time(char *text, size_t room, double seconds) {
    long s = isfinite(seconds) && seconds < 1e9 ? (long)(seconds + 0.5) : 0;
    if (s < 60)
        snprintf(text, room, "%ld s", s);
    else if (s < 3600)
        snprintf(text, room, "%ld:%02ld", s / 60, s % 60);
    else
        snprintf(text, room, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

const char *elbow_format_seconds(char text[32], double seconds) {
    if (seconds < 1)
        snprintf(text, 32, "%.3g ms", 1e3 * seconds);
    else if (seconds < 60)
        snprintf(text, 32, "%.3g s", seconds);
    else
        elbow_format_time(text, 32, seconds);
    return text;
}

const char *elbow_format_count(char text[32], size_t number) {
    char digits[32];
    int count = snprintf(digits, sizeof digits, "%zu", number), at = 0;
    for (int i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0) text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = 0;
    return text;
}

static void say_ranks(const elbow_run *run) {
    const elbow_world *world = run->world;
    int threads = (int)run->options->train.threads, bound = elbow_cores_bound(),
        online = elbow_cores_online();
    char binding[64] = "";
    if (bound > 0 && online > 0 && bound < online)
        snprintf(binding, sizeof binding, ", each bound to %d of %d core%s", bound, online,
                 online == 1 ? "" : "s");
    else if (online > 0)
        snprintf(binding, sizeof binding, ", unbound on %d cores", online);
    elbow_notice("  ranks    %d on %d node%s (%s), %d thread%s each%s", world->size, world->nodes,
                 world->nodes == 1 ? "" : "s", world->host, threads, threads == 1 ? "" : "s", binding);
    elbow_notice("  BLAS     %s; kernels %s", run->facts.blas, run->facts.instruction_set);
    for (const char *line = run->advice; line != NULL && *line != 0; line += strcspn(line, "\n") + 1)
        elbow_warn("%.*s", (int)strcspn(line, "\n"), line);
}

static void say_shards(const elbow_run *run) {
    size_t shards = run->order.shards;
    double examples = (double)run->order.batch / (double)shards;
    size_t ranks = (size_t)run->world->size, least = shards / ranks, most = (shards + ranks - 1) / ranks;
    char each[64] = "one a rank";
    if (least < most)
        snprintf(each, sizeof each, "%zu or %zu a rank", least, most);
    else if (most > 1)
        snprintf(each, sizeof each, "%zu a rank", most);
    elbow_notice("  shards   %zu, %s; %.4g examples each in a step of %zu", shards, each, examples,
                 run->order.batch);
    if (examples < FEW_EXAMPLES && shards > 1)
        elbow_warn(
            "%.4g examples a shard and step make thin, slow matrix products; for speed, a batch of %d or "
            "more, or fewer shards (for a new run: both define it)",
            examples, (int)(FEW_EXAMPLES * shards));
    size_t replicas = elbow_exchange_replicas(run->exchange);
    if (strcmp(run->options->parallel.allreduce, "mpi") == 0)
        elbow_notice(
            "           sums by MPI_Iallreduce: exact to rounding only, not the same bits on other ranks");
    else if (replicas < ranks)
        elbow_notice("           %zu set%s of parameters, in memory that the ranks of a node share", replicas,
                     replicas == 1 ? "" : "s");
    else if (ranks > 1)
        elbow_notice("           a set of parameters on each rank; sums by messages");
}

static void say_model(const elbow_run *run) {
    char count[32];
    const elbow_options *o = run->options;
    bool predicts = elbow_vae_predicts(run->vae);
    size_t dimensions = elbow_vae_field(run->vae)->dimensions;
    size_t seen = predicts ? elbow_vae_context(run->vae)->dimensions : dimensions;
    const char *encoder = o->model.encoder, *decoder = o->model.decoder;
    elbow_notice("  model    %zu ─ %s%s(%s) ─ %s%s%zu, %s", seen, encoder, *encoder ? " ─ " : "",
                 o->model.latent, decoder, *decoder ? " ─ " : "", dimensions, o->model.likelihood);
    if (predicts)
        elbow_notice("           predictor, p(z|c) %s; KL %s", o->model.posterior,
                     elbow_vae_kl_words(run->vae, true));
    else
        elbow_notice("           posterior %s, prior %s; KL %s", o->model.posterior, o->model.prior,
                     elbow_vae_kl_words(run->vae, true));
    elbow_notice("           %s parameters", elbow_format_count(count, elbow_vae_params(run->vae)->count));
    bool relaxes = elbow_vae_relaxes(run->vae);
    char bound[64] = "";
    if (strcmp(o->objective.bound, "elbo") != 0)
        snprintf(bound, sizeof bound, ", bound %.16s over %lld draws", o->objective.bound,
                 (long long)o->estimator.samples);
    elbow_notice("  train    %s%s%s%s", o->estimator.name, relaxes ? ", temperature " : "",
                 relaxes ? o->estimator.temperature : "", bound);
    char average[64] = "";
    if (o->optimizer.average > 0)
        snprintf(average, sizeof average, "; evaluates an average of the weights, decay %g",
                 o->optimizer.average);
    elbow_notice("           %s, learning rate %s%s", o->optimizer.name, o->optimizer.learning_rate, average);
}

/* Of rank 0; the others differ by a block of parameters, and by the snapshot. */
static void say_memory(const elbow_run *run) {
    const elbow_memory memory = elbow_memory_of(run);
    bool shares = elbow_exchange_replicas(run->exchange) < (size_t)run->world->size;
    char total[32], parameters[32], gradients[32], moments[32], activations[32], data[32], snapshot[32];
    elbow_notice("  memory   rank 0 %s: parameters %s%s, gradients %s, moments %s, activations %s, data %s",
                 elbow_number_size_text(total, (double)(elbow_memory_total(&memory) - memory.snapshot)),
                 elbow_number_size_text(parameters, (double)memory.parameters),
                 shares ? " (for its node)" : "", elbow_number_size_text(gradients, (double)memory.gradients),
                 elbow_number_size_text(moments, (double)memory.moments),
                 elbow_number_size_text(activations, (double)memory.activations),
                 elbow_number_size_text(data, (double)memory.data));
    elbow_notice("           and %s for %s; MPI, BLAS and HDF5 need their own",
                 elbow_number_size_text(snapshot, (double)memory.snapshot),
                 run->options->checkpoint.background ? "a snapshot to write checkpoints from"
                                                     : "the moments in a checkpoint");
}

/* An example in a few words. */
static const char *describe_field(char *text, size_t room, const elbow_field *field, const char *binarize) {
    size_t categorical = 0;
    for (size_t d = 0; field->kind == ELBOW_TABLE && d < field->dimensions; d++)
        categorical += field->columns[d].cardinality > 0;
    switch (field->kind) {
    case ELBOW_IMAGE:
        snprintf(text, room, "%zu × %zu %s, binarize %.16s", field->height, field->width,
                 field->binary ? "binary" : "grey", binarize);
        break;
    case ELBOW_TABLE:
        snprintf(text, room, "%zu categorical and %zu real columns", categorical,
                 field->dimensions - categorical);
        break;
    case ELBOW_SEQUENCE:
        snprintf(text, room, "sequences of up to %zu out of %zu symbols", field->dimensions,
                 field->vocabulary);
        break;
    }
    return text;
}

static void say_data(const elbow_run *run) {
    char train[32], valid[32], test[32];
    const elbow_field *field = elbow_vae_field(run->vae);
    size_t valids = elbow_dataset_count(run->dataset, ELBOW_VALID);
    bool grey = !elbow_vae_observed(run->vae) && run->view.binarize == ELBOW_BINARIZE_NONE;
    char what[128];
    elbow_notice("  data     %s: %s train, %s%s%s test; %s", elbow_dataset_path(run->dataset),
                 elbow_format_count(train, run->order.examples),
                 valids ? elbow_format_count(valid, valids) : "", valids ? " valid, " : "",
                 elbow_format_count(test, elbow_dataset_count(run->dataset, ELBOW_TEST)),
                 describe_field(what, sizeof what, field, run->options->data.binarize));
    if (run->view.labels > 0)
        elbow_notice(
            "           labels of %s training examples are known; %zu of those beside the batch in each step",
            elbow_format_count(train, run->view.labels), run->view.labelled);
    if (elbow_loader_streams(run->loader))
        elbow_notice("           streamed by windows of %zu examples: %.1f MB of them in memory",
                     run->order.window * ELBOW_ORDER_BLOCK, (double)elbow_loader_bytes(run->loader) / 1e6);
    if (grey) elbow_notice("           grey targets: -ELBO is a cross-entropy here, no bound on -log p(x)");
}

void elbow_report_start(const elbow_run *run) {
    char steps[32], start[64] = "";
    elbow_notice("elbow %s → %s", ELBOW_VERSION, run->directory);
    say_ranks(run);
    say_shards(run);
    say_model(run);
    say_memory(run);
    say_data(run);
    if (run->step > 0) snprintf(start, sizeof start, ", from step %lld", (long long)run->step);
    elbow_notice("  length   %s steps, %lld an epoch%s", elbow_format_count(steps, (size_t)run->run_steps),
                 (long long)run->epoch_steps, start);
}

void elbow_progress_begin(elbow_progress *progress, const elbow_run *run) {
    double now = elbow_now();
    *progress = (elbow_progress){.began = now, .began_step = run->step, .said = now};
}

/* What both kinds of line say. */
static void describe(char *text, size_t room, const elbow_progress *progress, const elbow_run *run,
                     const elbow_step_report *report) {
    char left[32], rate[32], temperature[16] = "";
    if (elbow_vae_relaxes(run->vae))
        snprintf(temperature, sizeof temperature, "τ %.2f  ", report->temperature);
    double elapsed = elbow_now() - progress->began;
    double of_a_step = elapsed / (double)(run->step - progress->began_step);
    elbow_format_time(left, sizeof left, of_a_step * (double)(run->run_steps - run->step));
    int64_t epoch = (run->step - 1) / run->epoch_steps + 1;
    snprintf(text, room, "epoch %lld  step %lld/%lld  -ELBO %.1f  KL %.1f  %s%s ex/s  %s left",
             (long long)epoch, (long long)run->step, (long long)run->run_steps, -progress->elbo, progress->kl,
             temperature, elbow_format_count(rate, (size_t)progress->rate), left);
}

/* A bar of `cells` cells, in eighths of one, so that it moves in a long run. */
static void draw_bar(char *text, size_t room, int cells, const elbow_run *run) {
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    double done = cells * (double)run->step / (double)run->run_steps;
    int full = (int)done, part = (int)((done - full) * 8);
    size_t at = 0;
    for (int i = 0; i < full; i++) at += (size_t)snprintf(text + at, room - at, "█");
    if (full < cells) at += (size_t)snprintf(text + at, room - at, "%s", part ? eighths[part] : " ");
    for (int i = full + 1; i < cells; i++) at += (size_t)snprintf(text + at, room - at, " ");
    snprintf(text + at, room - at, "▕ ");
}

/* The progress line of a terminal: the figures, after as much of a bar as there is room for. */
static void draw_line(const char *figures, int width, const elbow_run *run) {
    char bar[4 * (BAR + 2)] = "", line[LINE + sizeof bar];
    int cells = width - 3 - (int)strlen(figures); /* strlen counts one more than there are letters: τ */
    if (cells > BAR) cells = BAR;
    if (cells >= SHORTEST_BAR) draw_bar(bar, sizeof bar, cells, run);
    snprintf(line, sizeof line, "%s%s", bar, figures);
    elbow_log_progress(line);
}

void elbow_progress_step(elbow_progress *progress, const elbow_run *run, const elbow_step_report *report,
                         double seconds) {
    char figures[LINE];
    double n = (double)report->examples;
    double weight = fmax(0.02, 1 / (double)++progress->steps); /* of the newest step in the running means */
    progress->elbo += weight * (report->terms.elbo / n - progress->elbo);
    progress->kl += weight * (report->terms.kl / n - progress->kl);
    progress->rate += weight * (n / seconds - progress->rate);

    double now = elbow_now();
    int width = elbow_log_width();
    if (now - (width > 0 ? progress->drawn : progress->said) < (width > 0 ? 0.1 : PLAIN_SECONDS)) return;
    describe(figures, sizeof figures, progress, run, report);
    if (width > 0)
        draw_line(figures, width, run);
    else
        elbow_notice("%s", figures);
    progress->drawn = progress->said = now;
}

void elbow_report_evaluation(const elbow_run *run, elbow_split split, const elbow_evaluation *evaluation) {
    char trained[32], train[32] = "", soft[32] = "", right[32] = "", waited[64] = "";
    if (!isnan(evaluation->soft_elbo)) snprintf(soft, sizeof soft, "(soft %.2f)  ", -evaluation->soft_elbo);
    elbow_format_time(trained, sizeof trained, run->before + run->seconds);
    const elbow_table *table = &run->metrics.evaluation;
    const double *column = elbow_table_column(table, "train_elbo");
    double elbo = column && table->rows ? column[table->rows - 1] : NAN;
    if (!isnan(elbo)) snprintf(train, sizeof train, "train %.2f  ", -elbo);
    if (!isnan(evaluation->accuracy))
        snprintf(right, sizeof right, "labels %.2f %%  ", 100 * evaluation->accuracy);
    int64_t patience = run->options->train.patience;
    if (patience > 0 && split == elbow_protocol_selects(run) && run->waited > 0)
        snprintf(waited, sizeof waited, "  no better: %lld of %lld", (long long)run->waited,
                 (long long)patience);
    elbow_notice("epoch %-5.4g step %-7lld -ELBO %s%s %.2f ± %.2f = %.2f + KL %.2f  %s%s%s%s",
                 (double)run->step / (double)run->epoch_steps, (long long)run->step, train,
                 elbow_split_name(split), -evaluation->elbo, evaluation->elbo_error,
                 -evaluation->reconstruction, evaluation->kl, soft, right, trained, waited);
}
