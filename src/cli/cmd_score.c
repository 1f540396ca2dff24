#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "elbow/base/log.h"
#include "elbow/store/text.h"
#include "elbow/train/evaluate.h"
#include "elbow/train/model.h"
#include "measures.h"

static const char help[] =
    "usage: elbow score RUN|CHECKPOINT [--split test] [--data FILE] [--samples 100] [--top 10] [-o "
    "FILE.csv]\n"
    "\n"
    "How surprising each example of a split is to a trained model, in nats: the importance-weighted bound "
    "on\n"
    "-log p(x) of K draws of z or, with --samples 1, -ELBO. High scores are anomalies. Prints a histogram "
    "and the\n"
    "most surprising examples with their index in the split and their label. Under mpirun the ranks share "
    "the\n"
    "work; the scores are the same.\n"
    "\n"
    "  --split S     train, valid or test (test)\n"
    "  --data FILE   a data file other than the run's own\n"
    "  --samples K   draws of z per example (100); -k for short\n"
    "  --weights W   average or last, where training kept an average of the weights (average)\n"
    "  --top N       how many to list (10)\n"
    "  -o FILE.csv   write index,score,label of all, in the order of the split\n"
    "\n"
    "examples:\n"
    "  elbow score runs/a\n"
    "  mpirun -n 4 elbow score runs/a --data other.h5 --split train --samples 1 -o scores.csv\n";

enum { BINS = 16, BAR = 50 };

/* What the command line asks for. */
typedef struct request {
    const char *path, *data, *split, *output, *weights;
    int64_t samples, top;
} request;

typedef struct scores {
    size_t count;
    double *score;      /* (count) */
    size_t *rank;       /* (count): most surprising first */
    int32_t *label;     /* (count): −1 is missing; NULL where there are none */
    char *const *words; /* of the labels */
} scores;

static void show(size_t done, size_t of) {
    char line[64];
    snprintf(line, sizeof line, "scoring %3zu %%", 100 * done / of);
    elbow_log_progress(line);
}

/* ------------------------------------------------------------------------------------------ printing */

static double quantile(const scores *s, double share) { /* from the least surprising up */
    return s->score[s->rank[(size_t)((1 - share) * (double)(s->count - 1) + 0.5)]];
}

/* What one impossible example must not flatten: bins end at the last of 1000, what is beyond is in the last one. */
static void print_histogram(const scores *s) {
    size_t bins[BINS] = {0}, most = 0;
    double low = quantile(s, 0), high = quantile(s, 0.999);
    if (!isfinite(low) || !isfinite(high)) {
        elbow_notice("  no histogram: scores from %g to %g", low, high);
        return;
    }
    double width = high > low ? (high - low) / BINS : 1;
    for (size_t i = 0; i < s->count; i++) {
        double bin = (s->score[i] - low) / width;
        bins[bin < BINS ? (bin > 0 ? (size_t)bin : 0) : BINS - 1]++;
    }
    for (size_t b = 0; b < BINS; b++)
        if (bins[b] > most) most = bins[b];
    for (size_t b = 0; b < BINS; b++) {
        char bar[BAR + 1] = "";
        size_t length = (bins[b] * BAR + most - 1) / most;
        memset(bar, '#', length);
        elbow_notice("  %10.3f  %-*s %zu", low + width * (double)b, BAR, bar, bins[b]);
    }
    if (quantile(s, 1) > high) elbow_notice("  the last row goes up to %.3f", quantile(s, 1));
}

static const char *label_of(const scores *s, size_t i) {
    if (s->label == NULL) return "";
    return s->label[i] < 0 ? "(no label)" : s->words[s->label[i]];
}

static void print(const scores *s, const request *asked) {
    double sum = 0;
    for (size_t i = 0; i < s->count; i++) sum += s->score[i];
    elbow_notice("  mean %.3f, median %.3f, from %.3f to %.3f", sum / (double)s->count, quantile(s, 0.5),
                 quantile(s, 0), quantile(s, 1));
    print_histogram(s);
    size_t top = (size_t)asked->top < s->count ? (size_t)asked->top : s->count;
    if (top > 0)
        elbow_notice("  the most surprising:\n  %5s  %10s  %10s  %s", "", "index", "score",
                     s->label ? "label" : "");
    for (size_t i = 0; i < top; i++)
        elbow_notice("  %5zu  %10zu  %10.3f  %s", i + 1, s->rank[i], s->score[s->rank[i]],
                     label_of(s, s->rank[i]));
}

static elbow_status put_csv(elbow_text *text, const scores *s) {
    ELBOW_TRY(elbow_text_print(text, "index,score,label\n"));
    for (size_t i = 0; i < s->count; i++) {
        char index[32], score[32];
        snprintf(index, sizeof index, "%zu", i);
        snprintf(score, sizeof score, "%.9g", s->score[i]);
        const char *label = s->label && s->label[i] >= 0 ? s->words[s->label[i]] : "";
        ELBOW_TRY(elbow_text_row(text, (const char *const[]){index, score, label}, 3));
    }
    return ELBOW_OK;
}

static elbow_status write_csv(const char *path, const scores *s) {
    elbow_text text = {0};
    elbow_status status = put_csv(&text, s);
    if (status == ELBOW_OK) status = elbow_text_write(&text, path);
    elbow_text_destroy(&text);
    return status;
}

/* ------------------------------------------------------------------------------------------- ranking */

typedef struct place {
    double score;
    size_t index;
} place;

/* Ties keep the order of the split; what is no number is the most surprising. */
static int compare(const void *a, const void *b) {
    const place *i = a, *j = b;
    double x = isnan(i->score) ? INFINITY : i->score, y = isnan(j->score) ? INFINITY : j->score;
    return x > y ? -1 : x < y ? 1 : i->index < j->index ? -1 : i->index > j->index;
}

static elbow_status rank_scores(scores *s, elbow_arena *arena) {
    place *places = NULL;
    ELBOW_TRY(elbow_arena_take(arena, s->count, sizeof *places, &places));
    for (size_t i = 0; i < s->count; i++) places[i] = (place){s->score[i], i};
    qsort(places, s->count, sizeof *places, compare);
    for (size_t i = 0; i < s->count; i++) s->rank[i] = places[i].index;
    return ELBOW_OK;
}

static elbow_status read_labels(scores *s, elbow_dataset *dataset, elbow_split split, elbow_arena *arena) {
    elbow_slice *slice = NULL;
    elbow_batch batch = {0};
    const elbow_field *field = elbow_dataset_field(dataset, ELBOW_Y);
    if (!elbow_dataset_has_labels(dataset, split)) return ELBOW_OK;
    ELBOW_TRY(elbow_slice_read(&slice, dataset, split, ELBOW_Y, 0, s->count, arena));
    ELBOW_TRY(elbow_batch_reserve(&batch, field, NULL, s->count, arena));
    ELBOW_TRY(elbow_arena_take(arena, s->count, sizeof *s->label, &s->label));
    elbow_slice_gather(&batch.x, slice, NULL, 0, s->count, NULL);
    for (size_t i = 0; i < s->count; i++)
        s->label[i] = isnan(batch.x.reals[i]) ? -1 : (int32_t)batch.x.reals[i];
    s->words = field->columns[0].words;
    return ELBOW_OK;
}

/* What rank 0 makes of the scores. */
static elbow_status report(scores *s, const elbow_model *model, const elbow_view *view, elbow_split split,
                           const request *asked, elbow_arena *arena) {
    elbow_dataset *dataset = view->dataset;
    elbow_reading reading = elbow_cli_reading(model, view);
    const char *many =
        reading.grey ? "importance-weighted cross-entropies" : "importance-weighted bounds on -log p(x)";
    ELBOW_TRY(read_labels(s, dataset, split, arena));
    ELBOW_TRY(rank_scores(s, arena));
    elbow_notice("%s, step %lld%s, on %s: %s, %zu examples; %s in nats", model->file,
                 (long long)model->checkpoint->step, model->words, elbow_dataset_path(dataset), asked->split,
                 s->count, asked->samples > 1 ? many : "-ELBO of one draw");
    elbow_cli_print_reading(&reading);
    print(s, asked);
    return asked->output ? write_csv(asked->output, s) : ELBOW_OK;
}

static elbow_status score(elbow_world *world, void *context) {
    const request *asked = context;
    elbow_status status = ELBOW_OK;
    elbow_model *model = NULL;
    elbow_dataset *dataset = NULL;
    elbow_arena *arena = NULL;
    scores found = {0};
    elbow_split split;
    elbow_view view;
    ELBOW_TRY(elbow_split_find(asked->split, &split));
    ELBOW_TRY_OR_DONE(elbow_model_open(&model, world, asked->path, asked->weights));
    ELBOW_TRY_OR_DONE(elbow_world_agree(world, elbow_model_data(&dataset, &view, model, asked->data)));
    ELBOW_TRY_OR_DONE(elbow_world_same(world, elbow_dataset_checksum(dataset), "data (by checksum)",
                                       "give a path that means the same file on every node"));
    found.count = elbow_dataset_count(dataset, split);
    status = elbow_arena_create(&arena);
    if (status == ELBOW_OK) status = elbow_arena_take(arena, found.count, sizeof *found.score, &found.score);
    if (status == ELBOW_OK) status = elbow_arena_take(arena, found.count, sizeof *found.rank, &found.rank);
    ELBOW_TRY_OR_DONE(elbow_world_agree(world, status));
    ELBOW_TRY_OR_DONE(elbow_score(world, &view, split, model->vae, model->parameters,
                                  (uint64_t)model->options->run.seed, (size_t)asked->samples, show,
                                  found.score));
    elbow_log_progress(NULL);
    if (world->rank == 0) status = report(&found, model, &view, split, asked, arena);
    status = elbow_world_agree(world, status);
done:
    elbow_arena_destroy(&arena);
    elbow_dataset_close(&dataset);
    elbow_model_close(&model);
    return status;
}

int cmd_score(int argc, char **argv) {
    const char *samples = NULL, *top = NULL;
    request asked = {.samples = 100, .top = 10};
    const elbow_cli_flag flags[] = {
        {"--split", NULL, &asked.split, NULL},     {"--data", NULL, &asked.data, NULL},
        {"--samples", "-k", &samples, NULL},       {"--top", NULL, &top, NULL},
        {"--weights", NULL, &asked.weights, NULL}, {"--output", "-o", &asked.output, NULL}};
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, false, help);
    if (code == ELBOW_CLI_GO) code = elbow_cli_weights("score", asked.weights);
    if (code == ELBOW_CLI_GO)
        code = elbow_cli_integer("score", "--samples", samples, 1, 1000000, &asked.samples);
    if (code == ELBOW_CLI_GO) code = elbow_cli_integer("score", "--top", top, 0, 1000000, &asked.top);
    if (code == ELBOW_CLI_GO && arguments.count != 1)
        code = elbow_cli_usage("score", "give one RUN or CHECKPOINT");
    if (code != ELBOW_CLI_GO) return code;
    if (!asked.split) asked.split = "test";
    asked.path = arguments.plain[0];
    return elbow_cli_in_world(ELBOW_LOG_NOTICE, score, &asked);
}
