/* elbow info: what a file or a run directory holds. Reads only, and never touches MPI. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "elbow/data/dataset.h"
#include "elbow/store/checkpoint.h"
#include "elbow/store/kind.h"
#include "elbow/store/metrics.h"
#include "elbow/store/noise.h"
#include "fields.h"

static const char help[] =
    "elbow info: what a file or a run holds\n"
    "\n"
    "  elbow info FILE...                a summary of data files, checkpoints, metrics files, run "
    "directories\n"
    "  elbow info --digest CHECKPOINT... one hash over step, parameters and optimizer state; nothing else\n"
    "  elbow info --config CHECKPOINT    the config that it was trained with, to train with it again\n"
    "\n"
    "A run directory stands for its newest good checkpoint. Every checksum is checked.\n"
    "\n"
    "Example:\n"
    "  elbow info --digest runs/a runs/b     the same digest: the same weights to the bit\n";

/* Seconds as a person says them: "34.1 s", "12 min 5 s", "3 h 20 min". */
static void print_duration(double seconds) {
    if (seconds < 60)
        printf("%.1f s", seconds);
    else if (seconds < 3600)
        printf("%.0f min %.0f s", floor(seconds / 60), floor(fmod(seconds, 60)));
    else
        printf("%.0f h %.0f min", floor(seconds / 3600), floor(fmod(seconds, 3600) / 60));
}

/* ------------------------------------------------------------------------------------------- data */

static elbow_status show_data(const char *path) {
    elbow_dataset *dataset = NULL;
    ELBOW_TRY(elbow_dataset_open(&dataset, path));
    printf("%s: a data file\n", path);
    elbow_cli_print_data(dataset);
    elbow_status status = elbow_dataset_verify(dataset);
    elbow_dataset_close(&dataset);
    return status;
}

/* ---------------------------------------------------------------------------------------- metrics */

/* The last row of a table on one line; `names` ends in NULL. −ELBO is shown, as everywhere. */
static void show_last_row(const char *title, const elbow_table *table, const char *const *names) {
    elbow_cli_label(title);
    if (table->rows == 0) {
        printf("no row yet\n");
        return;
    }
    const char *between = "";
    for (; *names; names++) {
        const double *column = elbow_table_column(table, *names);
        if (!column) continue;
        double value = column[table->rows - 1];
        if (isnan(value)) continue;
        bool negate = strcmp(*names, "elbo") == 0 || strcmp(*names, "iwae") == 0;
        printf("%s%s%s %.*g", between, negate ? "-" : "", *names, strcmp(*names, "step") == 0 ? 15 : 6,
               negate ? -value : value);
        between = ", ";
    }
    printf("\n");
}

/* Nothing where the metrics do not tell: one shard, an earlier elbow, too few rows. */
static void show_noise(const elbow_table *train) {
    elbow_noise_scale scale;
    if (!elbow_noise_scale_of(&scale, train)) return;
    elbow_cli_label("noise scale");
    if (isfinite(scale.examples))
        printf("%.3g", scale.examples);
    else
        printf("above %.3g", scale.least);
    printf(" examples (%.3g ", scale.least);
    if (isfinite(scale.most))
        printf("to %.3g", scale.most);
    else
        printf("or more");
    printf("), steps %.0f to %.0f\n", scale.from + 1, scale.to);
}

static void show_tables(const elbow_metrics *metrics) {
    static const char *const train[] = {"step", "epoch", "elbo", "kl", "temperature", "examples_per_second",
                                        NULL};
    static const char *const evaluation[] = {"step", "epoch", "elbo", "kl", "accuracy", NULL};
    show_last_row("training", &metrics->train, train);
    static const char *const test[] = {"step", "elbo", "elbo_error", "samples", "iwae", "iwae_error", NULL};
    show_last_row("evaluation", &metrics->evaluation, evaluation);
    if (metrics->test.rows > 0) show_last_row("test", &metrics->test, test);
    show_noise(&metrics->train);
}

static elbow_status show_metrics(const char *path) {
    elbow_metrics metrics;
    ELBOW_TRY(elbow_metrics_read(&metrics, path));
    char text[ELBOW_COUNT_BYTES];
    printf("%s: a metrics file\n", path);
    elbow_cli_label("rows");
    printf("%s of training, ", elbow_cli_grouped(text, metrics.train.rows));
    printf("%s of evaluation\n", elbow_cli_grouped(text, metrics.evaluation.rows));
    show_tables(&metrics);
    elbow_metrics_destroy(&metrics);
    return ELBOW_OK;
}

/* ------------------------------------------------------------------------------------ checkpoints */

static void show_progress(const elbow_checkpoint *c) {
    elbow_cli_label("step");
    printf("%" PRId64, c->step);
    if (c->run_steps > 0)
        printf(" of %" PRId64 " (%.1f %%)", c->run_steps, 100.0 * (double)c->step / (double)c->run_steps);
    printf(", %" PRId64 " epoch%s done, ", c->epoch, c->epoch == 1 ? "" : "s");
    print_duration(c->seconds);
    printf(" of training\n");
    elbow_cli_label("best");
    if (isfinite(c->best))
        printf("-elbo %.3f nats at step %" PRId64 "\n", c->best, c->best_step);
    else
        printf("none yet\n");
}

static void show_fact(const char *name, const char *value) {
    if (!value[0]) return;
    elbow_cli_label(name);
    printf("%s\n", value);
}

static void show_facts(const elbow_checkpoint *c) {
    elbow_cli_label("seed, shards");
    printf("%" PRId64 ", %" PRId64 "\n", c->seed, c->shards);
    show_fact("data", c->data_checksum);
    show_fact("build", c->facts.build);
    show_fact("kernels", c->facts.instruction_set);
    show_fact("blas", c->facts.blas);
    elbow_cli_label("ran on");
    printf("%" PRId64 " rank%s of %" PRId64 " thread%s, %" PRId64 " node%s", c->facts.ranks,
           c->facts.ranks == 1 ? "" : "s", c->facts.threads, c->facts.threads == 1 ? "" : "s", c->facts.nodes,
           c->facts.nodes == 1 ? "" : "s");
    printf(c->facts.host[0] ? " (%s)\n" : "%s\n", c->facts.host);
}

/* What the model was trained on, and what it is given. */
static elbow_status show_fields(const elbow_checkpoint *c, const char *path) {
    elbow_field x, context;
    bool given = false;
    ELBOW_TRY(elbow_checkpoint_get_field(c, &x, path));
    elbow_cli_print_field("x", &x);
    elbow_field_destroy(&x);
    ELBOW_TRY(elbow_checkpoint_get_context(c, &context, &given, path));
    if (given) elbow_cli_print_field("given", &context);
    elbow_field_destroy(&context);
    return ELBOW_OK;
}

static void show_tensors(const elbow_checkpoint *c) {
    char text[ELBOW_COUNT_BYTES];
    elbow_cli_label("parameters");
    printf("%s in %zu tensors\n", elbow_cli_grouped(text, c->layout->count), c->layout->tensor_count);
    int width = 0;
    for (size_t i = 0; i < c->layout->tensor_count; i++) {
        int length = (int)strlen(c->layout->tensors[i].name);
        if (length > width) width = length;
    }
    for (size_t i = 0; i < c->layout->tensor_count; i++) {
        const elbow_tensor *t = &c->layout->tensors[i];
        printf("    %-*s %12s  ", width, t->name, elbow_cli_grouped(text, t->count));
        for (size_t d = 0; d < t->dims; d++) printf("%s%zu", d ? " x " : "", t->shape[d]);
        printf("\n");
    }
    elbow_cli_label("optimizer");
    printf("%s", c->optimizer);
    for (size_t s = 0; s < c->slots; s++) printf("%s%s", s ? ", " : ": ", c->slot_names[s]);
    printf("\n");
}

/* Whether it can be gone on from, and what was before it. */
static void show_chain(const elbow_checkpoint *c) {
    char what[160];
    elbow_cli_label("healthy");
    if (elbow_checkpoint_is_finite(c, what))
        printf("%s\n", c->healthy ? "yes" : "no, by its own word");
    else
        printf("no: %s is not finite\n", what);
    elbow_cli_label("before it");
    if (c->previous_step >= 0)
        printf("step %" PRId64 ", digest %s\n", c->previous_step, c->previous_digest);
    else
        printf("none known\n");
}

static elbow_status show_checkpoint(const char *path) {
    elbow_checkpoint *c = NULL;
    ELBOW_TRY(elbow_checkpoint_read(&c, path));
    printf("%s: a checkpoint\n", path);
    show_progress(c);
    if (c->metrics) show_tables(c->metrics);
    show_facts(c);
    elbow_status status = show_fields(c, path);
    show_tensors(c);
    show_fact("digest", c->digest);
    show_chain(c);
    elbow_checkpoint_destroy(&c);
    return status;
}

/* ------------------------------------------------------------------------------------------- runs */

/* The state file: a word and, on the next line, why. Absent where nothing has run yet. */
static void show_state(const char *directory) {
    char path[4096], line[512];
    int length = snprintf(path, sizeof path, "%s/state", directory);
    FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "r") : NULL;
    if (!file) return;
    const char *between = "";
    elbow_cli_label("state");
    for (int i = 0; i < 2 && fgets(line, sizeof line, file); i++) {
        line[strcspn(line, "\n")] = '\0';
        if (!line[0]) continue;
        printf("%s%s", between, line);
        between = ": ";
    }
    printf("\n");
    fclose(file);
}

static elbow_status show_run(const char *directory) {
    char *file = NULL;
    elbow_checkpoint *c = NULL;
    printf("%s: a run\n", directory);
    show_state(directory);
    elbow_status status = elbow_checkpoint_resolve(directory, &file);
    if (status == ELBOW_OK) status = elbow_checkpoint_read(&c, file);
    if (status == ELBOW_OK) {
        show_fact("checkpoint", file);
        show_fact("digest", c->digest);
        elbow_cli_label("healthy");
        printf("%s\n", c->healthy ? "yes" : "no: see `elbow info` of the file");
        show_progress(c);
        if (c->metrics) show_tables(c->metrics);
        elbow_cli_label("seed, shards");
        printf("%" PRId64 ", %" PRId64 "\n", c->seed, c->shards);
    }
    elbow_checkpoint_destroy(&c);
    free(file);
    return status;
}

/* --------------------------------------------------------------------------------------- the rest */

static elbow_status show(const char *path) {
    elbow_kind kind;
    ELBOW_TRY(elbow_kind_of(path, &kind));
    switch (kind) {
    case ELBOW_KIND_DATA:
        return show_data(path);
    case ELBOW_KIND_CHECKPOINT:
        return show_checkpoint(path);
    case ELBOW_KIND_METRICS:
        return show_metrics(path);
    case ELBOW_KIND_RUN:
        return show_run(path);
    }
    return ELBOW_OK;
}

static elbow_status open_checkpoint(elbow_checkpoint **checkpoint, const char *path) {
    char *file = NULL;
    ELBOW_TRY(elbow_checkpoint_resolve(path, &file));
    elbow_status status = elbow_checkpoint_read(checkpoint, file);
    free(file);
    return status;
}

static elbow_status print_digest(const char *path, bool with_path) {
    elbow_checkpoint *c = NULL;
    char digest[33];
    ELBOW_TRY(open_checkpoint(&c, path));
    elbow_checkpoint_digest(c, digest);
    printf(with_path ? "%s  %s\n" : "%s\n", digest, path);
    elbow_checkpoint_destroy(&c);
    return ELBOW_OK;
}

static elbow_status print_config(const char *path) {
    elbow_checkpoint *c = NULL;
    ELBOW_TRY(open_checkpoint(&c, path));
    fputs(c->config, stdout);
    elbow_checkpoint_destroy(&c);
    return ELBOW_OK;
}

int cmd_info(int argc, char **argv) {
    bool digest = false, config = false;
    const elbow_cli_flag flags[] = {{"--digest", NULL, NULL, &digest}, {"--config", NULL, NULL, &config}};
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, false, help);
    if (code != ELBOW_CLI_GO) return code;
    if (arguments.count == 0) return elbow_cli_usage("info", "give a FILE or the directory of a run");
    if (digest && config) return elbow_cli_usage("info", "give one of --digest and --config");
    if (config && arguments.count > 1) return elbow_cli_usage("info", "--config takes one CHECKPOINT");

    /* One bad file of several does not hide the others; the first failure is the exit code. */
    int worst = 0;
    for (size_t i = 0; i < arguments.count; i++) {
        const char *path = arguments.plain[i];
        if (i > 0 && !digest && worst == 0) printf("\n");
        elbow_status status = digest   ? print_digest(path, arguments.count > 1)
                              : config ? print_config(path)
                                       : show(path);
        code = elbow_cli_report(status);
        if (worst == 0) worst = code;
    }
    return worst;
}
