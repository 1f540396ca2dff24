/* elbow bench: measurements of this machine, each a command of its own. */
#include <stdio.h>
#include <string.h>

#include "bench.h"

static const struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} benches[] = {
    {"step", "a training step in its parts, beside its matrix products alone", elbow_cli_bench_step},
    {"exchange", "sums of gradients over ranks, beside MPI_Allreduce", elbow_cli_bench_exchange},
    {"data", "batches gathered from data", elbow_cli_bench_data},
    {"checkpoint", "how long a checkpoint stops training, and how fast it is written",
     elbow_cli_bench_checkpoint},
    {"estimators", "gradient estimators: bias, variance, and what a gradient costs",
     elbow_cli_bench_estimators},
};
enum { BENCHES = sizeof benches / sizeof *benches };

static const char opening[] =
    "usage: elbow bench WHAT [ARGUMENT]...\n"
    "\n"
    "Measures how fast it is here, and prints medians with their quartiles and what they were measured on. "
    "All that is\n"
    "compared is measured in one run, in turns. Leaves nothing behind but --csv FILE.\n"
    "\n";

static const char closing[] =
    "\n"
    "  elbow bench WHAT --help   what it takes, with examples\n"
    "\n"
    "examples:\n"
    "  elbow bench step configs/categorical-mnist.ini --synthetic\n"
    "  mpirun -n 2 elbow bench step configs/categorical-mnist.ini --synthetic --set train.batch=200\n"
    "  mpirun -n 2 elbow bench exchange --sizes 4.7,100\n"
    "  elbow bench data --synthetic\n"
    "  elbow bench checkpoint configs/categorical-mnist.ini --synthetic --out /scratch\n"
    "  elbow bench estimators runs/mnist\n";

static int print_help(void) {
    if (!elbow_log_speaks()) return 0;
    fputs(opening, stdout);
    for (size_t i = 0; i < BENCHES; i++) printf("  %-12s %s\n", benches[i].name, benches[i].summary);
    fputs(closing, stdout);
    return elbow_cli_finish(0);
}

int cmd_bench(int argc, char **argv) {
    const char *names[BENCHES];
    if (argc < 2) return elbow_cli_usage("bench", "say what: step, exchange, data, checkpoint or estimators");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return print_help();
    for (size_t i = 0; i < BENCHES; i++) {
        names[i] = benches[i].name;
        if (strcmp(names[i], argv[1]) != 0) continue;
        char command[32]; /* as messages name it */
        snprintf(command, sizeof command, "bench %s", names[i]);
        argv[1] = command;
        return benches[i].run(argc - 1, argv + 1);
    }
    const char *nearest = elbow_nearest_name(argv[1], names, BENCHES);
    if (nearest)
        return elbow_cli_usage("bench", "unknown benchmark `%.60s`; did you mean `%s`?", argv[1], nearest);
    return elbow_cli_usage("bench", "unknown benchmark `%.60s`", argv[1]);
}
