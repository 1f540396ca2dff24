/* What the benchmarks share: `elbow bench WHAT`, one bench_WHAT.c each, and a row of the table in cmd_bench.c. */
#ifndef ELBOW_SRC_CLI_BENCH_H
#define ELBOW_SRC_CLI_BENCH_H

#include "cli.h"
#include "elbow/store/text.h"
#include "elbow/train/bench.h"

int elbow_cli_bench_checkpoint(int argc, char **argv);
int elbow_cli_bench_data(int argc, char **argv);
int elbow_cli_bench_estimators(int argc, char **argv);
int elbow_cli_bench_exchange(int argc, char **argv);
int elbow_cli_bench_step(int argc, char **argv);

/* The lines at the top: what it runs on. */
void elbow_cli_bench_machine(const elbow_bench_machine *machine);

/* A CSV table whose rows end in what it ran on. Begins with the names of the columns; then a row of numbers after a word. */
typedef struct elbow_cli_bench_table {
    elbow_text text;
    const elbow_bench_machine *machine;
} elbow_cli_bench_table;
elbow_status elbow_cli_bench_begin(elbow_cli_bench_table *table, const elbow_bench_machine *machine,
                                   const char *const *columns, size_t count);
/* NaN is an empty cell. */
elbow_status elbow_cli_bench_row(elbow_cli_bench_table *table, const char *word, const double *values,
                                 size_t count);
/* Writes it to `path`, unless that is NULL or `status` a failure, which it returns. */
elbow_status elbow_cli_bench_end(elbow_cli_bench_table *table, const char *path, elbow_status status);

/* Options for a benchmark: CONFIG, --set, and with `synthetic` random images for data, which the caller removes after
 * the run or data are open. All ranks. */
elbow_status elbow_cli_bench_options(elbow_options **options, elbow_world *world,
                                     const elbow_cli_arguments *arguments, bool synthetic,
                                     elbow_bench_synthetic *images);

/* A run of these options, in `directory`/run, or with NULL in none. */
elbow_status elbow_cli_bench_run(elbow_run **run, elbow_world *world, const elbow_cli_arguments *arguments,
                                 bool synthetic, const char *directory);

#endif
