/* elbow: the table of subcommands, and what needs none of them. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "elbow/base/log.h"
#include "elbow/base/real.h"
#include "elbow/parallel/world.h"
#include "elbow/version.h"

static const struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
    bool parallel; /* runs under mpirun */
    const char
        *with; /* only with this flag: without it the first process does all, alone, and MPI is not touched */
} commands[] = {
    {"import", "make a data file from files as they come from elsewhere", cmd_import, false, NULL},
    {"train", "train a model: start, resume, or continue a run", cmd_train, true, NULL},
    {"evaluate", "bounds of a trained model on a split, and what its latents carry", cmd_evaluate, true,
     NULL},
    {"encode", "codes, probabilities and means of examples, to HDF5 or CSV", cmd_encode, true, NULL},
    {"score", "how surprising each example is: anomalies", cmd_score, true, NULL},
    {"sample", "pictures, rows or text drawn from the prior; how many differ, and are new", cmd_sample, true,
     NULL},
    {"reconstruct", "originals beside their reconstructions", cmd_reconstruct, true, NULL},
    {"traverse", "what each latent does: one example, one latent varied", cmd_traverse, true, NULL},
    {"interpolate", "the way from one example to another", cmd_interpolate, true, NULL},
    {"watch", "how runs are doing, live on a terminal or once as text", cmd_watch, false, NULL},
    {"info", "what a file of elbow holds; the digest of a checkpoint", cmd_info, false, NULL},
    {"verify", "whether files are whole; what differs; does a run resume to the same bits", cmd_verify, true,
     "--resume"},
    {"bench", "how fast it is here: step, exchange, data, checkpoint", cmd_bench, true, NULL},
    {"doctor", "what a run would meet here: checks, a trial, and what it will take", cmd_doctor, true, NULL},
    {"config", "the options of a run: all, in force, checked, explained", cmd_config, false, NULL},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static const char opening[] =
    "elbow " ELBOW_VERSION ": trains discrete variational autoencoders, on one rank or on many\n"
    "\n"
    "  elbow COMMAND [ARGUMENT]...\n"
    "\n";

static const char closing[] =
    "\n"
    "  elbow COMMAND --help     what a command takes, with an example\n"
    "  elbow --version\n"
    "\n"
    "A first run:\n"
    "  elbow import idx --train train-images-idx3-ubyte.gz --test t10k-images-idx3-ubyte.gz -o mnist.h5\n"
    "  mpirun -n 4 elbow train configs/categorical-mnist.ini --out runs/first\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 75 stopped with more to do.\n";

static void print_help(FILE *stream) {
    fputs(opening, stream);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(stream, "  %-12s %s\n", commands[i].name, commands[i].summary);
    fputs(closing, stream);
}

static int unknown_command(const char *name) {
    if (!elbow_log_speaks()) return 2;
    const char *names[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++) names[i] = commands[i].name;
    const char *nearest = elbow_nearest_name(name, names, COMMANDS);
    if (nearest != NULL)
        fprintf(stderr, "elbow: unknown command `%.60s`; did you mean `%s`?\n", name, nearest);
    else
        fprintf(stderr, "elbow: unknown command `%.60s`; `elbow --help` lists all\n", name);
    return 2;
}

static bool has_argument(const char *flag, int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], flag) == 0) return true;
    return false;
}

static bool asks_for_help(int argc, char **argv) {
    return has_argument("--help", argc, argv) || has_argument("-h", argc, argv);
}

/* Under a launcher MPI starts before the arguments are read: of a wrong one, one rank speaks, and none leaves
 * before it has. Alone, neither a wrong argument nor --help needs MPI, which a login node may refuse. */
static int run_launched(const char *name, int (*run)(int argc, char **argv), int argc, char **argv) {
    elbow_world *world = NULL;
    elbow_status status = elbow_world_open(&world, NULL, NULL);
    if (status != ELBOW_OK) return elbow_cli_report(status);
    elbow_log_open(world->rank == 0, ELBOW_LOG_NOTICE);
    int code = run ? run(argc, argv) : unknown_command(name);
    elbow_world_close(&world);
    return code;
}

static int run_command(const char *name, int argc, char **argv) {
    int (*run)(int argc, char **argv) = NULL;
    bool parallel = true; /* an unknown one, too, is told by one rank */
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) != 0) continue;
        run = commands[i].run;
        parallel = commands[i].parallel;
        if (commands[i].with == NULL || has_argument(commands[i].with, argc, argv)) continue;
        parallel = false;
        if (!elbow_log_first()) return 0;
    }
    if (parallel && elbow_log_launched() && !asks_for_help(argc, argv))
        return elbow_cli_finish(run_launched(name, run, argc, argv));
    return run ? elbow_cli_finish(run(argc, argv)) : unknown_command(name);
}

#if defined(__ELF__) && defined(__GLIBC__)
/* Before libraries begin: the threads that a BLAS starts as it is loaded are to have it, too. */
static void flush_denormals(int argc, char **argv, char **environment) {
    (void)argc, (void)argv, (void)environment;
    elbow_flush_denormals();
}
__attribute__((section(".preinit_array"), used)) static void (*const first)(int, char **,
                                                                            char **) = flush_denormals;
#endif

int main(int argc, char **argv) {
    elbow_flush_denormals();
    elbow_log_open(true, ELBOW_LOG_NOTICE);
    const char *word = argc > 1 ? argv[1] : "";
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    bool help = strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
    if (help && argc == 2) {
        print_help(stdout);
        return elbow_cli_finish(0);
    }
    if (help) {
        char flag[] = "--help";
        char *arguments[] = {argv[2], flag, NULL};
        return run_command(argv[2], 2, arguments);
    }
    if (strcmp(word, "--version") == 0) {
        printf("elbow %s\n", ELBOW_VERSION);
        return elbow_cli_finish(0);
    }
    return run_command(word, argc - 1, argv + 1);
}
