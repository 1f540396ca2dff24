/* elbow: the table of subcommands, and what needs none of them. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "elbow/base/log.h"
#include "elbow/version.h"

static const struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"import", "make a data file from files as they come from elsewhere", cmd_import},
    {"train", "train a model: start, resume, or continue a run", cmd_train},
    {"evaluate", "the bounds of a trained model on a split", cmd_evaluate},
    {"sample", "pictures drawn from the prior", cmd_sample},
    {"reconstruct", "originals beside their reconstructions", cmd_reconstruct},
    {"info", "what a file of elbow holds; the digest of a checkpoint", cmd_info},
    {"config", "the options of a run: all, in force, checked, explained", cmd_config},
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
    const char *names[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++) names[i] = commands[i].name;
    const char *nearest = elbow_nearest_name(name, names, COMMANDS);
    if (nearest != NULL)
        fprintf(stderr, "elbow: unknown command `%.60s`; did you mean `%s`?\n", name, nearest);
    else
        fprintf(stderr, "elbow: unknown command `%.60s`; `elbow --help` lists all\n", name);
    return 2;
}

static int run_command(const char *name, int argc, char **argv) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0) return elbow_cli_finish(commands[i].run(argc, argv));
    return unknown_command(name);
}

int main(int argc, char **argv) {
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
