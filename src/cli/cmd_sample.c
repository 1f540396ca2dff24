#include <stdio.h>

#include "cli.h"
#include "elbow/base/log.h"
#include "elbow/train/draw.h"
#include "elbow/train/model.h"

static const char help[] = "usage: elbow sample RUN|CHECKPOINT [-n 64] [--seed S] -o FILE.png\n"
                           "\n"
                           "Draws z from the prior and writes E[x|z] of each as a grid of pictures. The same "
                           "seed gives the same ones.\n"
                           "\n"
                           "  -n N          how many (64)\n"
                           "  --seed S      of the draws (the run's)\n"
                           "  -o FILE.png   where to\n"
                           "\n"
                           "example:\n"
                           "  elbow sample runs/a -n 100 -o samples.png\n";

/* What the command line asks for. */
typedef struct request {
    const char *path, *output;
    int64_t count, seed; /* seed < 0: the run's */
} request;

static elbow_status sample(elbow_world *world, void *context) {
    const request *asked = context;
    elbow_model *model = NULL;
    elbow_status status = ELBOW_OK;
    ELBOW_TRY(elbow_model_open(&model, world, asked->path));
    uint64_t seed = (uint64_t)(asked->seed >= 0 ? asked->seed : model->options->run.seed);
    if (world->rank == 0)
        status = elbow_draw_samples(model->vae, model->parameters, seed, (size_t)asked->count, asked->output);
    status = elbow_world_agree(world, status);
    if (status == ELBOW_OK)
        elbow_notice("%s: %lld samples from the prior of %s, step %lld", asked->output,
                     (long long)asked->count, model->file, (long long)model->checkpoint->step);
    elbow_model_close(&model);
    return status;
}

int cmd_sample(int argc, char **argv) {
    const char *count = NULL, *seed = NULL;
    request asked = {.count = 64, .seed = -1};
    const elbow_cli_flag flags[] = {{"--count", "-n", &count, NULL},
                                    {"--seed", NULL, &seed, NULL},
                                    {"--output", "-o", &asked.output, NULL}};
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, false, help);
    if (code == ELBOW_CLI_GO) code = elbow_cli_integer("sample", "-n", count, 1, 100000, &asked.count);
    if (code == ELBOW_CLI_GO) code = elbow_cli_integer("sample", "--seed", seed, 0, INT64_MAX, &asked.seed);
    if (code == ELBOW_CLI_GO && arguments.count != 1)
        code = elbow_cli_usage("sample", "give one RUN or CHECKPOINT");
    if (code == ELBOW_CLI_GO && !asked.output) code = elbow_cli_usage("sample", "give -o FILE.png");
    if (code != ELBOW_CLI_GO) return code;
    asked.path = arguments.plain[0];
    return elbow_cli_in_world(ELBOW_LOG_NOTICE, sample, &asked);
}
