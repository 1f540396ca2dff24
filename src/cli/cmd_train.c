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
    "  --weights W        of that checkpoint: average or last, where it has an average of the weights "
    "(average)\n"
    "  --set A.B=C        an option over the config; `elbow config` lists them all\n"
    "  --detail           say more in the log\n"
    "\n"
    "SIGUSR1, SIGTERM, Ctrl-C, a file `stop` in RUN, checkpoint.time_limit, or the end of a Slurm job\n"
    "(SLURM_JOB_END_TIME) end it with a checkpoint; a second Ctrl-C, two seconds later, without.\n"
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
    if (start->weights && !start->from)
        return elbow_cli_usage("train", "--weights says which weights --from takes; give that too");
    if (start->resume && request->config)
        return elbow_cli_usage("train", "a resumed run has its config with it; change options by --set");
    if (start->resume) return ELBOW_CLI_GO;
    if (!start->out)
        return elbow_cli_usage("train", "give --out RUN to start a run, or --resume RUN to go on");
    if (!request->config) return elbow_cli_usage("train", "give the CONFIG to train");
    return ELBOW_CLI_GO;
}

/* On rank 0: which run it is about, and its options: the config's or the checkpoint's, and --set over them. */
static elbow_status prepare(elbow_options **options, train_request *request,
                            const elbow_cli_arguments *arguments) {
    elbow_start *start = &request->start;
    char *file = NULL;
    if (request->continues) {
        elbow_status status = elbow_run_find(&start->checkpoint, start->out);
        start->reuse = status == ELBOW_ABSENT; /* no run, or none that has saved anything: begin it */
        if (status != ELBOW_OK && status != ELBOW_ABSENT) return status;
        if (status == ELBOW_OK) {
            start->resume = start->out;
            start->out = start->from = NULL;
        }
    } else if (start->resume) {
        ELBOW_TRY(elbow_run_find(&start->checkpoint, start->resume));
    }
    if (request->config) {
        ELBOW_TRY(elbow_cli_options(options, request->config, arguments));
    } else {
        ELBOW_TRY(elbow_options_create(options));
        ELBOW_TRY(elbow_options_parse(*options, start->checkpoint->config, start->resume));
        for (size_t i = 0; i < arguments->set_count; i++)
            ELBOW_TRY(elbow_options_set(*options, arguments->sets[i]));
    }
    /* An old request to stop is forgotten; one that comes while data are read counts. */
    if (start->resume || start->reuse) elbow_stop_clear(start->resume ? start->resume : start->out);
    if (start->from == NULL) return ELBOW_OK;
    elbow_status status = elbow_checkpoint_find(&start->checkpoint, &file, start->from);
    free(file);
    return status;
}

/* Rank 0's options and decision, on all ranks. */
static elbow_status share(elbow_options **options, elbow_world *world, train_request *request) {
    elbow_start *start = &request->start;
    elbow_status status = ELBOW_OK;
    size_t bytes = 0;
    void *text = NULL;
    int resumes = start->resume != NULL;
    if (world->rank == 0) {
        char *dump = NULL;
        status = elbow_options_dump(*options, false, &dump);
        if (status == ELBOW_OK) bytes = strlen(dump) + 1;
        text = dump;
    }
    ELBOW_TRY_OR_DONE(elbow_world_agree(world, status));
    ELBOW_TRY_OR_DONE(elbow_world_broadcast_new(world, &text, &bytes, 0));
    ELBOW_TRY_OR_DONE(elbow_world_broadcast(world, &resumes, sizeof resumes, 0));
    if (world->rank != 0) {
        if (resumes && start->out) *start = (elbow_start){.resume = start->out};
        status = elbow_options_create(options);
        if (status == ELBOW_OK) status = elbow_options_parse(*options, text, "the options of rank 0");
    }
    status = elbow_world_agree(world, status);
done:
    free(text);
    return status;
}

static elbow_status train(elbow_world *world, train_request *request, const elbow_cli_arguments *arguments) {
    elbow_options *options = NULL;
    elbow_run *run = NULL;
    elbow_status status = world->rank == 0 ? prepare(&options, request, arguments) : ELBOW_OK;
    status = elbow_world_agree(world, status);
    if (status == ELBOW_OK) status = share(&options, world, request);
    if (status != ELBOW_OK) {
        elbow_checkpoint_destroy(&request->start.checkpoint);
        elbow_options_destroy(&options);
        return status;
    }
    ELBOW_TRY(elbow_run_create(&run, world, options, &request->start));
    status = elbow_train(run);
    elbow_run_destroy(&run);
    return status;
}

int cmd_train(int argc, char **argv) {
    train_request request = {0};
    bool detail = false;
    const elbow_cli_flag flags[] = {
        {"--out", "-o", &request.start.out, NULL},      {"--resume", NULL, &request.start.resume, NULL},
        {"--from", NULL, &request.start.from, NULL},    {"--weights", NULL, &request.start.weights, NULL},
        {"--continue", NULL, NULL, &request.continues}, {"--detail", NULL, NULL, &detail},
    };
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, true, help);
    if (code == ELBOW_CLI_GO) code = elbow_cli_weights("train", request.start.weights);
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
