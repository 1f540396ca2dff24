#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "elbow/base/log.h"
#include "measures.h"

static const char help[] =
    "usage: elbow evaluate RUN|CHECKPOINT [--split test] [--samples 100] [--data FILE] [--csv FILE]\n"
    "\n"
    "Prints what is measured of a trained model on a split, in nats per example: -ELBO and its terms, the\n"
    "importance-weighted bound over the same draws of z (Burda et al. 2016), -log p(x) itself where all z "
    "can be\n"
    "summed over (estimator.limit), -ELBO with relaxed draws, as training has them, and what a model "
    "without\n"
    "latents reaches on the same data: each dimension alone, with its frequencies in the training split, "
    "half a\n"
    "count added to each. Beside them bits per dimension, per present value of a table, or per symbol with "
    "its\n"
    "perplexity, the end of a sequence being a symbol. Then, of each group of latents, how many variables "
    "are\n"
    "active, how many codes are used, how much they say of x, and how far they are together from the prior. "
    "Under\n"
    "mpirun the ranks share the work; the figures are the same.\n"
    "\n"
    "  --split S     train, valid or test (test)\n"
    "  --samples K   draws of z per example (100); -k for short\n"
    "  --data FILE   a data file other than the run's own; the frequencies are of its training split\n"
    "  --weights W   average or last: where training kept an average of the weights (optimizer.average), it "
    "is\n"
    "                what is evaluated, and last takes those of the last step instead\n"
    "  --no-exact    leave out the sum over all z, which takes as long as that many draws\n"
    "  --csv FILE    write the same numbers there, to all digits, as name,value\n"
    "\n"
    "examples:\n"
    "  elbow evaluate runs/a\n"
    "  mpirun -n 4 elbow evaluate runs/a/checkpoints/best.h5 --split valid --samples 1000 --csv best.csv\n";

/* Progress of rank 0's draws, on a terminal. */
static void show(size_t done, size_t of) {
    static size_t shown = SIZE_MAX;
    char line[64];
    size_t percent = 100 * done / of;
    if (percent == shown) return;
    shown = percent;
    snprintf(line, sizeof line, "evaluating %3zu %%", percent);
    elbow_log_progress(line);
}

/* What the command line asks for. */
typedef struct request {
    const char *path, *split, *data, *csv, *weights;
    int64_t samples;
    bool not_exact;
} request;

static elbow_status report(const elbow_model *model, const elbow_view *view, const request *asked,
                           const elbow_measures *measures) {
    elbow_reading reading = elbow_cli_reading(model, view);
    elbow_notice("%s, step %lld%s, on %s: %s, %zu examples, %zu draws each; nats per example", model->file,
                 (long long)model->checkpoint->step, model->words, elbow_dataset_path(view->dataset),
                 asked->split, measures->bounds.examples, measures->bounds.samples);
    elbow_cli_print_measures(model, &reading, measures);
    return asked->csv ? elbow_cli_write_measures(asked->csv, &reading, measures) : ELBOW_OK;
}

static elbow_status evaluate(elbow_world *world, void *context) {
    const request *asked = context;
    elbow_status status = ELBOW_OK;
    elbow_model *model = NULL;
    elbow_dataset *dataset = NULL;
    elbow_measures measures = {0};
    elbow_split split;
    elbow_view view;
    ELBOW_TRY(elbow_split_find(asked->split, &split));
    ELBOW_TRY_OR_DONE(elbow_model_open(&model, world, asked->path, asked->weights));
    ELBOW_TRY_OR_DONE(elbow_world_agree(world, elbow_model_data(&dataset, &view, model, asked->data)));
    ELBOW_TRY_OR_DONE(elbow_world_same(world, elbow_dataset_checksum(dataset), "data (by checksum)",
                                       "give a path that means the same file on every node"));
    bool own = strcmp(elbow_dataset_checksum(dataset), model->checkpoint->data_checksum) == 0;
    elbow_measure_request what = {.split = split,
                                  .temperature = model->temperature,
                                  .samples = (size_t)asked->samples,
                                  .exact = !asked->not_exact,
                                  .limit = own ? (size_t)model->options->data.limit : 0,
                                  .progress = show};
    ELBOW_TRY_OR_DONE(
        elbow_measure(&measures, world, &view, model->vae, model->options, model->parameters, &what));
    elbow_log_progress(NULL);
    if (world->rank == 0) status = report(model, &view, asked, &measures);
    status = elbow_world_agree(world, status);
done:
    elbow_measures_destroy(&measures);
    elbow_dataset_close(&dataset);
    elbow_model_close(&model);
    return status;
}

int cmd_evaluate(int argc, char **argv) {
    const char *samples = NULL;
    request asked = {.samples = 100};
    const elbow_cli_flag flags[] = {
        {"--split", NULL, &asked.split, NULL},     {"--samples", "-k", &samples, NULL},
        {"--weights", NULL, &asked.weights, NULL}, {"--data", NULL, &asked.data, NULL},
        {"--csv", NULL, &asked.csv, NULL},         {"--no-exact", NULL, NULL, &asked.not_exact}};
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, false, help);
    if (code == ELBOW_CLI_GO)
        code = elbow_cli_integer("evaluate", "--samples", samples, 1, 1000000, &asked.samples);
    if (code == ELBOW_CLI_GO) code = elbow_cli_weights("evaluate", asked.weights);
    if (code == ELBOW_CLI_GO && arguments.count != 1)
        code = elbow_cli_usage("evaluate", "give one RUN or CHECKPOINT");
    if (code != ELBOW_CLI_GO) return code;
    if (!asked.split) asked.split = "test";
    asked.path = arguments.plain[0];
    return elbow_cli_in_world(ELBOW_LOG_NOTICE, evaluate, &asked);
}
