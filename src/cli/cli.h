/* What the subcommands share: arguments in, exit codes out.
 *
 * A subcommand is `int cmd_NAME(int argc, char **argv)` with argv[0] = NAME, in a file of its own, and one row of
 * the table in main.c. It returns the program's exit code: 0, 1 failed, 2 usage, 75 stopped with more to do.
 * The typical beginning:
 *
 *     const char *output = NULL, *path = NULL;
 *     elbow_cli_flag flags[] = {{"--output", "-o", &output, NULL}};
 *     elbow_cli_arguments arguments;
 *     int code = elbow_cli_parse(&arguments, argc, argv, flags, 1, false, help);
 *     if (code != ELBOW_CLI_GO) return code;
 *     if (arguments.count != 1) return elbow_cli_usage("sample", "give one RUN or CHECKPOINT");
 *
 * Messages go to stderr, from processes that speak only (elbow_log_open). */
#ifndef ELBOW_SRC_CLI_CLI_H
#define ELBOW_SRC_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elbow/base/error.h"
#include "elbow/base/log.h"
#include "elbow/base/options.h"
#include "elbow/parallel/world.h"

int cmd_bench(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_encode(int argc, char **argv);
int cmd_evaluate(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_interpolate(int argc, char **argv);
int cmd_reconstruct(int argc, char **argv);
int cmd_sample(int argc, char **argv);
int cmd_score(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_traverse(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_watch(int argc, char **argv);

/* A flag of a subcommand: exactly one of `value` (--out X, --out=X, -o X; at most once) and `on` (--verbose) is
 * not NULL. */
typedef struct elbow_cli_flag {
    const char *name;   /* "--output" */
    const char *letter; /* "-o", or NULL */
    const char **value; /* set to the text in argv */
    bool *on;           /* set to true */
} elbow_cli_flag;

enum { ELBOW_CLI_GO = -1, ELBOW_CLI_SETS = 128, ELBOW_CLI_PLAIN = 1024 };

/* What is left beside the flags, in order; the texts belong to argv. */
typedef struct elbow_cli_arguments {
    const char *plain[ELBOW_CLI_PLAIN]; /* arguments that are no flag, and all after "--" */
    size_t count;
    const char *sets[ELBOW_CLI_SETS]; /* the arguments of --set */
    size_t set_count;
    const char *command; /* argv[0] */
} elbow_cli_arguments;

/* Reads argv[1…]. --help, -h: prints `help` to stdout and returns 0. `--set A.B=C` is taken where `sets` is true.
 * A wrong argument: says so, with the nearest flag, and returns 2. Otherwise ELBOW_CLI_GO. */
int elbow_cli_parse(elbow_cli_arguments *arguments, int argc, char **argv, const elbow_cli_flag *flags,
                    size_t flag_count, bool sets, const char *help);

/* Defaults, then the config file (NULL for none), then every --set. */
elbow_status elbow_cli_options(elbow_options **options, const char *config,
                               const elbow_cli_arguments *arguments);

/* A flag's number; text NULL leaves *value alone. Returns ELBOW_CLI_GO, or 2 after saying what is wrong. */
int elbow_cli_integer(const char *command, const char *flag, const char *text, int64_t least, int64_t most,
                      int64_t *value);
int elbow_cli_real(const char *command, const char *flag, const char *text, double least, double most,
                   double *value);

/* --weights: average, last, or NULL. Returns ELBOW_CLI_GO, or 2 after saying what is wrong. */
int elbow_cli_weights(const char *command, const char *text);

/* What a parallel command does once its arguments are good: opens the world and the log (rank 0 speaks, down to
 * `level`), runs `work`, reports its status, closes. Returns the exit code. */
int elbow_cli_in_world(elbow_log_level level, elbow_status (*work)(elbow_world *world, void *context),
                       void *context);

/* Prints "elbow: MESSAGE" for a failure and returns the exit code of `status`. ELBOW_STOPPED prints nothing. */
int elbow_cli_report(elbow_status status);

/* Prints "elbow COMMAND: …; see `elbow COMMAND --help`" and returns 2. */
int elbow_cli_usage(const char *command, const char *format, ...) ELBOW_PRINTF(2, 3);

/* Flushes stdout and returns `code`, or 1 with a message when what was printed did not arrive (a full disk). */
int elbow_cli_finish(int code);

#endif
