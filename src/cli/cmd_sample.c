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

static elbow_status sample(elbow_world *world, const char *path, int64_t count, int64_t seed,
                           const char *output) {
    elbow_model *model = NULL;
    elbow_status status = ELBOW_OK;
    ELBOW_TRY(elbow_model_open(&model, world, path));
    uint64_t key = (uint64_t)(seed >= 0 ? seed : model->options->run.seed);
    if (world->rank == 0)
        status = elbow_draw_samples(model->vae, model->parameters, key, (size_t)count, output);
    status = elbow_world_agree(world, status);
    if (status == ELBOW_OK)
        elbow_notice("%s: %lld samples from the prior of %s, step %lld", output, (long long)count,
                     model->file, (long long)model->checkpoint->step);
    elbow_model_close(&model);
    return status;
}

int cmd_sample(int argc, char **argv) {
    const char *count_text = NULL, *seed_text = NULL, *output = NULL;
    int64_t count = 64, seed = -1;
    const elbow_cli_flag flags[] = {{"--count", "-n", &count_text, NULL},
                                    {"--seed", NULL, &seed_text, NULL},
                                    {"--output", "-o", &output, NULL}};
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, false, help);
    if (code == ELBOW_CLI_GO) code = elbow_cli_integer("sample", "-n", count_text, 1, 100000, &count);
    if (code == ELBOW_CLI_GO) code = elbow_cli_integer("sample", "--seed", seed_text, 0, INT64_MAX, &seed);
    if (code == ELBOW_CLI_GO && arguments.count != 1)
        code = elbow_cli_usage("sample", "give one RUN or CHECKPOINT");
    if (code == ELBOW_CLI_GO && !output) code = elbow_cli_usage("sample", "give -o FILE.png");
    if (code != ELBOW_CLI_GO) return code;

    elbow_world *world = NULL;
    elbow_status status = elbow_world_open(&world, &argc, &argv);
    if (status == ELBOW_OK) {
        elbow_log_open(world->rank == 0, ELBOW_LOG_NOTICE);
        status = sample(world, arguments.plain[0], count, seed, output);
    }
    code = elbow_cli_report(status);
    elbow_world_close(&world);
    return code;
}
