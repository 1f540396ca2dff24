#include <stdio.h>

#include "cli.h"
#include "elbow/base/log.h"
#include "elbow/train/draw.h"
#include "elbow/train/model.h"

static const char help[] =
    "usage: elbow reconstruct RUN|CHECKPOINT [-n 50] [--split test] [--data FILE] -o FILE.png\n"
    "\n"
    "Writes the first examples of a split above their reconstructions: E[x|z] for a one-hot z drawn from "
    "q(z|x).\n"
    "\n"
    "  -n N          how many (50)\n"
    "  --split S     train, valid or test (test)\n"
    "  --data FILE   a data file other than the run's own\n"
    "  -o FILE.png   where to\n"
    "\n"
    "example:\n"
    "  elbow reconstruct runs/a -n 30 -o reconstructions.png\n";

/* What the command line asks for. */
typedef struct request {
    const char *path, *data, *split, *output;
    int64_t count;
} request;

static elbow_status draw(const elbow_model *model, const request *asked) {
    elbow_status status = ELBOW_OK;
    elbow_dataset *dataset = NULL;
    elbow_split split;
    elbow_view view;
    ELBOW_TRY(elbow_split_find(asked->split, &split));
    ELBOW_TRY(elbow_model_data(&dataset, &view, model, asked->data));
    ELBOW_CHECK_OR_DONE(elbow_dataset_count(dataset, split) > 0, ELBOW_USAGE,
                        "%s has no %s split; choose another with --split", elbow_dataset_path(dataset),
                        asked->split);
    ELBOW_TRY_OR_DONE(elbow_draw_reconstructions(model->vae, model->parameters,
                                                 (uint64_t)model->options->run.seed, &view, split,
                                                 (size_t)asked->count, asked->output));
    elbow_notice("%s: %s examples of %s above their reconstructions by %s, step %lld", asked->output,
                 asked->split, elbow_dataset_path(dataset), model->file, (long long)model->checkpoint->step);
done:
    elbow_dataset_close(&dataset);
    return status;
}

static elbow_status reconstruct(elbow_world *world, void *context) {
    const request *asked = context;
    elbow_model *model = NULL;
    ELBOW_TRY(elbow_model_open(&model, world, asked->path));
    elbow_status status = world->rank == 0 ? draw(model, asked) : ELBOW_OK;
    status = elbow_world_agree(world, status);
    elbow_model_close(&model);
    return status;
}

int cmd_reconstruct(int argc, char **argv) {
    const char *count = NULL;
    request asked = {.count = 50};
    const elbow_cli_flag flags[] = {{"--count", "-n", &count, NULL},
                                    {"--split", NULL, &asked.split, NULL},
                                    {"--data", NULL, &asked.data, NULL},
                                    {"--output", "-o", &asked.output, NULL}};
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, false, help);
    if (code == ELBOW_CLI_GO) code = elbow_cli_integer("reconstruct", "-n", count, 1, 100000, &asked.count);
    if (code == ELBOW_CLI_GO && arguments.count != 1)
        code = elbow_cli_usage("reconstruct", "give one RUN or CHECKPOINT");
    if (code == ELBOW_CLI_GO && !asked.output) code = elbow_cli_usage("reconstruct", "give -o FILE.png");
    if (code != ELBOW_CLI_GO) return code;
    if (!asked.split) asked.split = "test";
    asked.path = arguments.plain[0];
    return elbow_cli_in_world(ELBOW_LOG_NOTICE, reconstruct, &asked);
}
