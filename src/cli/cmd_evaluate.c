#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "elbow/base/log.h"
#include "elbow/train/evaluate.h"
#include "elbow/train/model.h"

static const char help[] =
    "usage: elbow evaluate RUN|CHECKPOINT [--split test] [--samples 100] [--data FILE]\n"
    "\n"
    "Prints the bounds of a trained model on a split, in nats per example: -ELBO and its terms with one-hot\n"
    "samples of z, the importance-weighted bound over the same samples (Burda et al. 2016), and -ELBO with\n"
    "relaxed samples, as training has them. Under mpirun the ranks share the work; the figures are the "
    "same.\n"
    "\n"
    "  --split S     train, valid or test (test)\n"
    "  --samples K   draws of z per example (100)\n"
    "  --data FILE   a data file other than the run's own\n"
    "\n"
    "examples:\n"
    "  elbow evaluate runs/a\n"
    "  mpirun -n 4 elbow evaluate runs/a/checkpoints/best.h5 --split valid --samples 1000\n";

/* Progress of rank 0's blocks, on a terminal. */
static void show(size_t done, size_t of) {
    char line[64];
    snprintf(line, sizeof line, "evaluating %3zu %%", 100 * done / of);
    elbow_log_progress(line);
}

static void print(const elbow_model *model, const elbow_dataset *dataset, const char *split, bool grey,
                  const elbow_evaluation *e) {
    const char *what = grey ? "" : "  an upper bound of -log p(x)";
    elbow_notice("%s, step %lld, on %s: %s, %zu examples, %zu draws each; nats per example", model->file,
                 (long long)model->checkpoint->step, elbow_dataset_path(dataset), split, e->examples,
                 e->samples);
    elbow_notice("  -ELBO            %9.3f ± %.3f   one-hot samples%s", -e->elbo, e->elbo_error, what);
    elbow_notice("    reconstruction %9.3f           -E log p(x|z)", -e->reconstruction);
    elbow_notice("    KL             %9.3f           KL(q(z|x) || p(z)), in closed form", e->kl);
    elbow_notice("  IWAE-%-10zu  %9.3f ± %.3f   one-hot samples%s", e->samples, -e->iwae, e->iwae_error,
                 what);
    elbow_notice("  -ELBO, relaxed   %9.3f           at temperature %.4g: no bound", -e->soft_elbo,
                 e->temperature);
    if (grey)
        elbow_notice(
            "Grey pixels are no observations of a Bernoulli: these are cross-entropies, not bounds on\n"
            "-log p(x), and compare only with others of the same kind.");
}

/* What the command line asks for. */
typedef struct request {
    const char *path, *split, *data;
    int64_t samples;
} request;

static elbow_status evaluate(elbow_world *world, void *context) {
    const request *asked = context;
    size_t samples = (size_t)asked->samples;
    elbow_status status = ELBOW_OK;
    elbow_model *model = NULL;
    elbow_dataset *dataset = NULL;
    elbow_evaluator *evaluator = NULL;
    elbow_evaluation evaluation;
    elbow_split split;
    elbow_view view;
    ELBOW_TRY(elbow_split_find(asked->split, &split));
    ELBOW_TRY_OR_DONE(elbow_model_open(&model, world, asked->path));
    ELBOW_TRY_OR_DONE(elbow_world_agree(world, elbow_model_data(&dataset, &view, model, asked->data)));
    ELBOW_TRY_OR_DONE(elbow_world_same(world, elbow_dataset_checksum(dataset), "data (by checksum)",
                                       "give a path that means the same file on every node"));
    ELBOW_TRY_OR_DONE(elbow_evaluator_create(&evaluator, world, &view, split, model->vae,
                                             (uint64_t)model->options->run.seed));
    ELBOW_TRY_OR_DONE(
        elbow_evaluate(evaluator, model->parameters, model->temperature, samples, true, show, &evaluation));
    elbow_log_progress(NULL);
    bool grey = !elbow_vae_observed(model->vae) && view.binarize == ELBOW_BINARIZE_NONE;
    print(model, dataset, asked->split, grey, &evaluation);
done:
    elbow_evaluator_destroy(&evaluator);
    elbow_dataset_close(&dataset);
    elbow_model_close(&model);
    return status;
}

int cmd_evaluate(int argc, char **argv) {
    const char *samples = NULL;
    request asked = {.samples = 100};
    const elbow_cli_flag flags[] = {{"--split", NULL, &asked.split, NULL},
                                    {"--samples", "-k", &samples, NULL},
                                    {"--data", NULL, &asked.data, NULL}};
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, false, help);
    if (code == ELBOW_CLI_GO)
        code = elbow_cli_integer("evaluate", "--samples", samples, 1, 1000000, &asked.samples);
    if (code == ELBOW_CLI_GO && arguments.count != 1)
        code = elbow_cli_usage("evaluate", "give one RUN or CHECKPOINT");
    if (code != ELBOW_CLI_GO) return code;
    if (!asked.split) asked.split = "test";
    asked.path = arguments.plain[0];
    return elbow_cli_in_world(ELBOW_LOG_NOTICE, evaluate, &asked);
}
