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

static elbow_status draw(const elbow_model *model, const char *data, const char *split_name, size_t count,
                         const char *output) {
    elbow_status status = ELBOW_OK;
    elbow_dataset *dataset = NULL;
    elbow_split split;
    elbow_binarize binarize;
    ELBOW_TRY(elbow_split_find(split_name, &split));
    ELBOW_TRY(elbow_binarize_find(model->options->data.binarize, &binarize));
    ELBOW_TRY(elbow_model_data(&dataset, model, data));
    ELBOW_CHECK_OR_DONE(elbow_dataset_count(dataset, split) > 0, ELBOW_USAGE,
                        "%s has no %s split; choose another with --split", elbow_dataset_path(dataset),
                        split_name);
    ELBOW_TRY_OR_DONE(elbow_draw_reconstructions(model->vae, model->parameters,
                                                 (uint64_t)model->options->run.seed, dataset, split, binarize,
                                                 count, output));
    elbow_notice("%s: %s examples of %s above their reconstructions by %s, step %lld", output, split_name,
                 elbow_dataset_path(dataset), model->file, (long long)model->checkpoint->step);
done:
    elbow_dataset_close(&dataset);
    return status;
}

static elbow_status reconstruct(elbow_world *world, const char *path, const char *data, const char *split,
                                int64_t count, const char *output) {
    elbow_model *model = NULL;
    ELBOW_TRY(elbow_model_open(&model, world, path));
    elbow_status status = world->rank == 0 ? draw(model, data, split, (size_t)count, output) : ELBOW_OK;
    status = elbow_world_agree(world, status);
    elbow_model_close(&model);
    return status;
}

int cmd_reconstruct(int argc, char **argv) {
    const char *count_text = NULL, *split = NULL, *data = NULL, *output = NULL;
    int64_t count = 50;
    const elbow_cli_flag flags[] = {{"--count", "-n", &count_text, NULL},
                                    {"--split", NULL, &split, NULL},
                                    {"--data", NULL, &data, NULL},
                                    {"--output", "-o", &output, NULL}};
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, false, help);
    if (code == ELBOW_CLI_GO) code = elbow_cli_integer("reconstruct", "-n", count_text, 1, 100000, &count);
    if (code == ELBOW_CLI_GO && arguments.count != 1)
        code = elbow_cli_usage("reconstruct", "give one RUN or CHECKPOINT");
    if (code == ELBOW_CLI_GO && !output) code = elbow_cli_usage("reconstruct", "give -o FILE.png");
    if (code != ELBOW_CLI_GO) return code;
    if (!split) split = "test";

    elbow_world *world = NULL;
    elbow_status status = elbow_world_open(&world, &argc, &argv);
    if (status == ELBOW_OK) {
        elbow_log_open(world->rank == 0, ELBOW_LOG_NOTICE);
        status = reconstruct(world, arguments.plain[0], data, split, count, output);
    }
    code = elbow_cli_report(status);
    elbow_world_close(&world);
    return code;
}
