#include <stdio.h>

#include "cli.h"
#include "elbow/train/doctor.h"
#include "elbow/train/stop.h"
#include "elbow/version.h"

static const char help[] =
    "usage: elbow doctor CONFIG [--out RUN] [--set SECTION.KEY=VALUE]... [--seconds 2]\n"
    "\n"
    "What a run would meet, before it is started. Give it what `elbow train` would get, under the same "
    "launcher, on the "
    "same\n"
    "nodes. It looks at the launch, the options, the data (every checksum), the place of the run, cores, "
    "kernels and "
    "memory;\n"
    "trains for a moment, evaluates and saves once; and says what a step, an epoch, the run and a checkpoint "
    "will take. "
    "Nothing\n"
    "is left behind: what it writes is in a directory of its own beside RUN, and is removed.\n"
    "\n"
    "A line a finding: ok; warning: the run would work, and costs time or safety; FAILED: it would not.\n"
    "\n"
    "  --out RUN      the directory that the run would have; it decides which disk is tried (here)\n"
    "  --set A.B=C    an option over the config\n"
    "  --seconds S    to train for (2)\n"
    "\n"
    "Exit code: 0 all fine, warnings or not; 1 something failed; 2 usage; 75 interrupted.\n"
    "\n"
    "examples:\n"
    "  elbow doctor configs/categorical-mnist.ini --set data.file=mnist.h5\n"
    "  mpirun -n 4 elbow doctor configs/categorical-mnist.ini --set data.file=mnist.h5 --out "
    "/scratch/runs/a\n"
    "  srun --mpi=pmix -N 2 -n 64 elbow doctor configs/big.ini --set data.file=images.h5 --out "
    "$SCRATCH/big\n";

typedef struct request {
    const elbow_cli_arguments *arguments;
    elbow_doctor doctor;
    size_t count[ELBOW_FINDING_FAILED + 1];
} request;

static void say(void *context, elbow_finding finding, const char *subject, const char *text) {
    static const char *const words[] = {
        [ELBOW_FINDING_FINE] = "ok", [ELBOW_FINDING_WARNING] = "warning", [ELBOW_FINDING_FAILED] = "FAILED"};
    request *asked = context;
    asked->count[finding]++;
    printf("%-8s %-11s %s\n", words[finding], subject, text);
    fflush(stdout); /* the next check may take a while */
}

static void conclude(const request *asked) {
    size_t failed = asked->count[ELBOW_FINDING_FAILED], warnings = asked->count[ELBOW_FINDING_WARNING];
    if (failed > 0)
        printf("\n%zu failed, %zu warning%s: mend what failed before you start this run\n", failed, warnings,
               warnings == 1 ? "" : "s");
    else if (warnings > 0)
        printf("\nnothing failed, %zu warning%s: this run will work\n", warnings, warnings == 1 ? "" : "s");
    else
        printf("\nall is well\n");
}

static elbow_status examine(elbow_world *world, void *context) {
    request *asked = context;
    elbow_options *options = NULL;
    elbow_stop_catch_signals(); /* Ctrl-C ends it, and still takes away what it wrote */
    elbow_notice("elbow doctor %s: %s", ELBOW_VERSION, asked->arguments->plain[0]);
    elbow_status status =
        elbow_world_agree(world, elbow_cli_options(&options, asked->arguments->plain[0], asked->arguments));
    if (status == ELBOW_OK) {
        status = elbow_doctor_examine(&asked->doctor, world, options);
    } else {
        elbow_options_destroy(&options); /* what failed on another rank */
        if (world->rank == 0) say(asked, ELBOW_FINDING_FAILED, "config", elbow_error_message());
    }
    ELBOW_TRY(elbow_world_broadcast(world, asked->count, sizeof asked->count, 0));
    if (status != ELBOW_STOPPED && asked->count[ELBOW_FINDING_FAILED] > 0)
        status = ELBOW_OK; /* it was said */
    if (status == ELBOW_OK && world->rank == 0) conclude(asked);
    return status;
}

int cmd_doctor(int argc, char **argv) {
    const char *seconds = NULL;
    request asked = {.doctor = {.seconds = 2, .say = say}};
    const elbow_cli_flag flags[] = {{"--out", "-o", &asked.doctor.out, NULL},
                                    {"--seconds", NULL, &seconds, NULL}};
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, true, help);
    if (code == ELBOW_CLI_GO)
        code = elbow_cli_real(argv[0], "--seconds", seconds, 0.01, 3600, &asked.doctor.seconds);
    if (code == ELBOW_CLI_GO && arguments.count != 1) code = elbow_cli_usage(argv[0], "give one CONFIG");
    if (code != ELBOW_CLI_GO) return code;
    asked.arguments = &arguments;
    asked.doctor.context = &asked;
    code = elbow_cli_in_world(ELBOW_LOG_NOTICE, examine, &asked);
    return code == 0 && asked.count[ELBOW_FINDING_FAILED] > 0 ? 1 : code;
}
