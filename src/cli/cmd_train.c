#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "elbow/base/log.h"
#include "elbow/parallel/world.h"
#include "elbow/train/loop.h"
#include "elbow/train/stop.h"

static const char help[] =
    "usage: elbow train CONFIG --out RUN [--from CHECKPOINT] [--set SECTION.KEY=VALUE]...\n"
    "       elbow train --resume RUN [--set SECTION.KEY=VALUE]...\n"
    "       elbow train CONFIG --out RUN --continue [--set SECTION.KEY=VALUE]...\n"
    "\n"
    "Trains a model, on one rank or under mpirun or srun. The weights depend on the config, the data and "
    "the\n"
    "seed alone: not on the number of ranks, nor on where a run was stopped.\n"
    "\n"
    "  --out RUN          the directory of the new run; must not exist\n"
    "  --resume RUN       go on from the newest good checkpoint of a run, on any number of ranks up to its "
    "shards\n"
    "  --continue         start if RUN has no checkpoint, resume if it has: what job scripts use\n"
    "  --from CHECKPOINT  start a new run from the weights of a checkpoint, or of a run\n"
    "  --set A.B=C        an option over the config; `elbow config` lists them all\n"
    "  --detail           say more in the log\n"
    "\n"
    "SIGUSR1, SIGTERM, Ctrl-C, a file `stop` in RUN, or checkpoint.time_limit end it with a checkpoint.\n"
    "Exit code: 0 finished, 1 failed, 2 usage, 75 stopped with more to do.\n"
    "\n"
    "examples:\n"
    "  elbow train configs/categorical-mnist.ini --set data.file=mnist.h5 --out runs/a\n"
    "  mpirun -n 4 elbow train configs/categorical-mnist.ini --set parallel.shards=8 --out runs/b\n"
    "  mpirun -n 2 elbow train --resume runs/b\n"
    "  mpirun -n 2 elbow train --resume runs/b --set train.epochs=20\n";

typedef struct train_request {
    const char *config;
    bool continues;
    elbow_start start;
} train_request;

/* Which of the three usages it is. */
static int check_usage(train_request *request, const elbow_cli_arguments *arguments) {
    elbow_start *start = &request->start;
    if (arguments->count > 1)
        return elbow_cli_usage("train", "one CONFIG is enough, and `%s` is a second", arguments->plain[1]);
    request->config = arguments->count == 1 ? arguments->plain[0] : NULL;
    if (start->resume && start->out)
        return elbow_cli_usage("train", "--out starts a run and --resume goes on with one; give one of them");
    if (start->resume && (request->continues || start->from))
        return elbow_cli_usage("train", "--resume goes with neither --continue nor --from");
    if (start->resume && request->config)
        return elbow_cli_usage("train", "a resumed run has its config with it; change options by --set");
    if (start->resume) return ELBOW_CLI_GO;
    if (!start->out)
        return elbow_cli_usage("train", "give --out RUN to start a run, or --resume RUN to go on");
    if (!request->config) return elbow_cli_usage("train", "give the CONFIG to train");
    return ELBOW_CLI_GO;
}

/* Rank 0 reads files and command line; the others take over its result. */
static elbow_status read_options(elbow_options **options, elbow_world *world, const train_request *request,
                                 const elbow_cli_arguments *arguments) {
    elbow_status status = ELBOW_OK;
    char *text = NULL;
    size_t bytes = 0;
    if (request->start.resume) {
        ELBOW_TRY(elbow_run_stored_options(options, world, request->start.resume));
        for (size_t i = 0; i < arguments->set_count && status == ELBOW_OK; i++)
            status = elbow_options_set(*options, arguments->sets[i]);
        status = elbow_world_agree(world, status);
        if (status != ELBOW_OK) elbow_options_destroy(options);
        return status;
    }
    if (world->rank == 0) {
        status = elbow_cli_options(options, request->config, arguments);
        if (status == ELBOW_OK) status = elbow_options_dump(*options, false, &text);
        if (status == ELBOW_OK) bytes = strlen(text) + 1;
    }
    status = elbow_world_agree(world, status);
    void *copy = text;
    if (status == ELBOW_OK) status = elbow_world_broadcast_new(world, &copy, &bytes, 0);
    text = copy;
    if (status == ELBOW_OK && world->rank != 0) {
        status = elbow_options_create(options);
        if (status == ELBOW_OK) status = elbow_options_parse(*options, text, request->config);
    }
    if (status == ELBOW_OK) status = elbow_world_agree(world, status);
    free(text);
    if (status != ELBOW_OK) elbow_options_destroy(options);
    return status;
}

static elbow_status train(elbow_world *world, train_request *request, const elbow_cli_arguments *arguments) {
    elbow_options *options = NULL;
    elbow_run *run = NULL;
    elbow_start *start = &request->start;
    ELBOW_TRY(read_options(&options, world, request, arguments));
    if (request->continues && elbow_run_exists(world, start->out))
        *start = (elbow_start){.resume = start->out};
    else
        start->reuse = request->continues;
    /* Here, before anything takes long: a request that comes while data are read is one to this life. */
    if (world->rank == 0 && start->resume) elbow_stop_clear(start->resume);
    ELBOW_TRY(elbow_run_create(&run, world, options, start));
    elbow_status status = elbow_train(run);
    elbow_run_destroy(&run);
    return status;
}

int cmd_train(int argc, char **argv) {
    train_request request = {0};
    bool detail = false;
    const elbow_cli_flag flags[] = {
        {"--out", "-o", &request.start.out, NULL},   {"--resume", NULL, &request.start.resume, NULL},
        {"--from", NULL, &request.start.from, NULL}, {"--continue", NULL, NULL, &request.continues},
        {"--detail", NULL, NULL, &detail},
    };
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, true, help);
    if (code == ELBOW_CLI_GO) code = check_usage(&request, &arguments);
    if (code != ELBOW_CLI_GO) return code;

    elbow_world *world = NULL;
    elbow_stop_catch_signals();
    elbow_status status = elbow_world_open(&world, &argc, &argv);
    if (status == ELBOW_OK) {
        elbow_log_open(world->rank == 0, detail ? ELBOW_LOG_DETAIL : ELBOW_LOG_NOTICE);
        status = train(world, &request, &arguments);
    }
    code = elbow_cli_report(status);
    elbow_world_close(&world);
    return code;
}
