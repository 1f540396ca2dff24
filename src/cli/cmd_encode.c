#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "elbow/base/log.h"
#include "elbow/train/encode.h"

static const char help[] =
    "usage: elbow encode RUN|CHECKPOINT [--split test] [--data FILE] [--draws] -o FILE.h5|FILE.csv\n"
    "\n"
    "Writes the latents of each example of a split: of discrete variables the most probable codes, and "
    "their\n"
    "probabilities; of Gaussian ones means and deviations; and labels where there are any. FILE.h5 has all "
    "of it, a\n"
    "group for each group of latents: latent.0/codes, latent.0/probabilities, latent.1/mean, latent.1/sigma, "
    "label.\n"
    "FILE.csv has index, label, and a column for the code or the mean of each variable: latent.0.3 is "
    "variable 3 of\n"
    "group 0. Where the posterior is autoregressive, or of a layer above others, a variable's values are "
    "given the\n"
    "draws of those it depends on. Rank 0 does the work.\n"
    "\n"
    "  --split S     train, valid or test (test)\n"
    "  --data FILE   a data file other than the run's own\n"
    "  --weights W   average or last, where training kept an average of the weights (average)\n"
    "  --draws       codes and values drawn from q(z|x), in place of the most probable codes and the means\n"
    "  -o FILE       where to; .csv is a table, anything else HDF5\n"
    "\n"
    "examples:\n"
    "  elbow encode runs/a --split train -o codes.h5\n"
    "  elbow encode runs/a -o codes.csv\n";

/* What the command line asks for. */
typedef struct request {
    const char *path, *data, *split, *weights;
    elbow_encode_request encode;
} request;

static void show(size_t done, size_t of) {
    char line[64];
    snprintf(line, sizeof line, "encoding %3zu %%", 100 * done / of);
    elbow_log_progress(line);
}

static elbow_status encode_split(const elbow_model *model, request *asked) {
    elbow_dataset *dataset = NULL;
    elbow_view view;
    ELBOW_TRY(elbow_split_find(asked->split, &asked->encode.split));
    ELBOW_TRY(elbow_model_data(&dataset, &view, model, asked->data));
    elbow_status status = elbow_encode(model, &view, &asked->encode);
    elbow_log_progress(NULL);
    if (status == ELBOW_OK) {
        elbow_notice("%s: the latents of %zu %s examples of %s by %s, step %lld%s", asked->encode.output,
                     elbow_dataset_count(dataset, asked->encode.split), asked->split,
                     elbow_dataset_path(dataset), model->file, (long long)model->checkpoint->step,
                     model->words);
        if (elbow_encode_conditional(model->vae) && !asked->encode.draws)
            elbow_notice("note: some posteriors here depend on draws of other variables; theirs are given "
                         "those draws");
    }
    elbow_dataset_close(&dataset);
    return status;
}

static elbow_status encode(elbow_world *world, void *context) {
    request *asked = context;
    elbow_model *model = NULL;
    ELBOW_TRY(elbow_model_open(&model, world, asked->path, asked->weights));
    elbow_status status = world->rank == 0 ? encode_split(model, asked) : ELBOW_OK;
    status = elbow_world_agree(world, status);
    elbow_model_close(&model);
    return status;
}

int cmd_encode(int argc, char **argv) {
    request asked = {.encode = {.progress = show}};
    const elbow_cli_flag flags[] = {{"--split", NULL, &asked.split, NULL},
                                    {"--data", NULL, &asked.data, NULL},
                                    {"--weights", NULL, &asked.weights, NULL},
                                    {"--draws", NULL, NULL, &asked.encode.draws},
                                    {"--output", "-o", &asked.encode.output, NULL}};
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, false, help);
    if (code != ELBOW_CLI_GO) return code;
    if (arguments.count != 1) return elbow_cli_usage("encode", "give one RUN or CHECKPOINT");
    code = elbow_cli_weights("encode", asked.weights);
    if (code != ELBOW_CLI_GO) return code;
    if (!asked.encode.output) return elbow_cli_usage("encode", "give -o FILE.h5 or -o FILE.csv");
    if (!asked.split) asked.split = "test";
    asked.path = arguments.plain[0];
    return elbow_cli_in_world(ELBOW_LOG_NOTICE, encode, &asked);
}
