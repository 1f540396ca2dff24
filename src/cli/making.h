/* What the commands share that make examples: sample, reconstruct, traverse, interpolate.
 *
 *     typedef struct request { elbow_cli_making making; const char *count; … } request;
 *
 * with `making` first. elbow_cli_making_run opens the world and the model; rank 0 calls the command's function, while
 * the others wait; data are opened by those that need them. */
#ifndef ELBOW_SRC_CLI_MAKING_H
#define ELBOW_SRC_CLI_MAKING_H

#include "cli.h"
#include "elbow/train/make.h"
#include "elbow/train/model.h"

typedef struct elbow_cli_making {
    const char *command, *run, *data, *split, *weights,
        *output;                    /* output: NULL where a command can do without */
    const char *seed, *temperature; /* as they are given */
    /* From here on set by elbow_cli_making_run. */
    elbow_status (*work)(struct elbow_cli_making *making);
    elbow_model *model;
    elbow_maker maker; /* temperature 0 unless one was given */
    /* And by elbow_cli_making_data. */
    elbow_dataset *dataset;
    elbow_view view;
    elbow_split part;
} elbow_cli_making;

/* The flags --output, --data, --split, --seed, --temperature and --weights. */
enum { ELBOW_CLI_MAKING_FLAGS = 6 };
void elbow_cli_making_flags(elbow_cli_making *making, elbow_cli_flag *flags);

/* Checks what was given, and does it. Returns the exit code. */
int elbow_cli_making_run(elbow_cli_making *making, const elbow_cli_arguments *arguments,
                         elbow_status (*work)(elbow_cli_making *making));

/* The run's data, or --data; `examples`: whether the split has to have any. */
elbow_status elbow_cli_making_data(elbow_cli_making *making, bool examples);

/* ELBOW_USAGE where the split has no example of that number, which `flag` gave. */
elbow_status elbow_cli_making_check_example(const elbow_cli_making *making, const char *flag,
                                            int64_t example);

/* The model and its step, for the line that a command ends in. */
const char *elbow_cli_making_source(const elbow_cli_making *making, char *text, size_t room);

#endif
