#include "making.h"

#include <stdio.h>
#include <string.h>

#include "elbow/base/arena.h"
#include "elbow/train/draw.h"

void elbow_cli_making_flags(elbow_cli_making *making, elbow_cli_flag *flags) {
    flags[0] = (elbow_cli_flag){"--output", "-o", &making->output, NULL};
    flags[1] = (elbow_cli_flag){"--data", NULL, &making->data, NULL};
    flags[2] = (elbow_cli_flag){"--split", NULL, &making->split, NULL};
    flags[3] = (elbow_cli_flag){"--seed", NULL, &making->seed, NULL};
    flags[4] = (elbow_cli_flag){"--temperature", NULL, &making->temperature, NULL};
    flags[5] = (elbow_cli_flag){"--weights", NULL, &making->weights, NULL};
}

static elbow_status make(elbow_cli_making *making) {
    if (making->output) ELBOW_TRY(elbow_draw_check(elbow_vae_field(making->model->vae), making->output));
    ELBOW_TRY(elbow_arena_create(&making->maker.arena));
    return making->work(making);
}

static elbow_status run(elbow_world *world, void *context) {
    elbow_cli_making *making = context;
    ELBOW_TRY(elbow_model_open(&making->model, world, making->run, making->weights));
    making->maker.vae = making->model->vae;
    making->maker.parameters = making->model->parameters;
    if (making->seed == NULL) making->maker.seed = (uint64_t)making->model->options->run.seed;
    elbow_status status = elbow_world_agree(world, world->rank == 0 ? make(making) : ELBOW_OK);
    elbow_arena_destroy(&making->maker.arena);
    elbow_dataset_close(&making->dataset);
    elbow_model_close(&making->model);
    return status;
}

int elbow_cli_making_run(elbow_cli_making *making, const elbow_cli_arguments *arguments,
                         elbow_status (*work)(elbow_cli_making *making)) {
    const char *command = making->command = arguments->command;
    int64_t seed = 0;
    double temperature = 0;
    if (arguments->count != 1) return elbow_cli_usage(command, "give one RUN or CHECKPOINT");
    int code = elbow_cli_integer(command, "--seed", making->seed, 0, INT64_MAX, &seed);
    if (code == ELBOW_CLI_GO)
        code = elbow_cli_real(command, "--temperature", making->temperature, 0, 1000, &temperature);
    if (code == ELBOW_CLI_GO) code = elbow_cli_weights(command, making->weights);
    if (code == ELBOW_CLI_GO && making->split && elbow_split_find(making->split, &making->part) != ELBOW_OK)
        code = elbow_cli_usage(command, "--split: %s", elbow_error_message());
    if (code != ELBOW_CLI_GO) return code;
    if (making->split == NULL) making->part = ELBOW_TEST;
    making->run = arguments->plain[0];
    making->work = work;
    making->maker = (elbow_maker){.seed = (uint64_t)seed, .temperature = (real)temperature};
    /* What goes to standard output goes there alone. */
    bool quiet = making->output && strcmp(making->output, "-") == 0;
    return elbow_cli_in_world(quiet ? ELBOW_LOG_WARNING : ELBOW_LOG_NOTICE, run, making);
}

elbow_status elbow_cli_making_data(elbow_cli_making *making, bool examples) {
    ELBOW_TRY(elbow_model_data(&making->dataset, &making->view, making->model, making->data));
    ELBOW_CHECK(!examples || elbow_dataset_count(making->dataset, making->part) > 0, ELBOW_USAGE,
                "%s has no %s split; choose another with --split", elbow_dataset_path(making->dataset),
                elbow_split_name(making->part));
    return ELBOW_OK;
}

elbow_status elbow_cli_making_check_example(const elbow_cli_making *making, const char *flag,
                                            int64_t example) {
    size_t count = elbow_dataset_count(making->dataset, making->part);
    ELBOW_CHECK((uint64_t)example < count, ELBOW_USAGE, "%s %lld: the %s split of %s has examples 0 to %zu",
                flag, (long long)example, elbow_split_name(making->part), elbow_dataset_path(making->dataset),
                count - 1);
    return ELBOW_OK;
}

const char *elbow_cli_making_source(const elbow_cli_making *making, char *text, size_t room) {
    snprintf(text, room, "%s, step %lld%s", making->model->file, (long long)making->model->checkpoint->step,
             making->model->words);
    return text;
}
