#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "elbow/train/stop.h"

static const char help[] =
    "usage: elbow bench checkpoint CONFIG [--out DIRECTORY] [--set SECTION.KEY=VALUE]... [--synthetic] "
    "[--seconds 10]\n"
    "                              [--csv FILE]\n"
    "\n"
    "Trains the config's model and saves it again and again: how long the loop stands still for a "
    "checkpoint, how long it\n"
    "takes until the checkpoint is on disk, whole and under its name, and what a step costs in the meantime. "
    "The files go\n"
    "into a directory of their own in --out, which is removed at the end; --out decides which disk is "
    "measured.\n"
    "\n"
    "  --out DIR     an existing directory (.)\n"
    "  --set A.B=C   an option over the config\n"
    "  --synthetic   random images of 28 x 28 for data: no data.file is needed\n"
    "  --seconds S   for how long (10)\n"
    "  --csv FILE    write the figures there, in seconds and bytes\n"
    "\n"
    "examples:\n"
    "  elbow bench checkpoint configs/categorical-mnist.ini --synthetic --out /scratch\n"
    "  mpirun -n 2 elbow bench checkpoint configs/categorical-mnist.ini --set data.file=mnist.h5 --csv "
    "save.csv\n";

typedef struct request {
    const elbow_cli_arguments *arguments;
    bool synthetic;
    double seconds;
    const char *csv, *out;
} request;

static void print(const elbow_bench_checkpoint *b) {
    const struct {
        const char *name;
        const elbow_spread *spread;
    } rows[] = {{"the loop stands still", &b->still},
                {"until it is on disk", &b->whole},
                {"a step, nothing being written", &b->step},
                {"a step while it is written", &b->during}};
    printf("  model    %zu parameters; a checkpoint of %.4g MB, written %zu times\n\n", b->parameters,
           b->bytes / 1e6, b->repeats);
    printf("  ms                                median       low      high\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].spread->median > 0)
            printf("  %-30s %9.3f %9.3f %9.3f\n", rows[i].name, 1e3 * rows[i].spread->median,
                   1e3 * rows[i].spread->low, 1e3 * rows[i].spread->high);
    printf("\na checkpoint stops the loop for %.3f s = %.1f steps, and is written at %.0f MB/s\n",
           b->still.median, b->still.median / b->step.median, b->bytes / b->whole.median / 1e6);
}

static elbow_status write_csv(const elbow_bench_checkpoint *b, const char *path) {
    static const char *const columns[] = {"what", "seconds", "low", "high", "bytes", "parameters", "repeats"};
    const struct {
        const char *name;
        const elbow_spread *spread;
    } rows[] = {
        {"still", &b->still}, {"whole", &b->whole}, {"step", &b->step}, {"step_while_written", &b->during}};
    elbow_cli_bench_table table;
    if (path == NULL) return ELBOW_OK;
    elbow_status status =
        elbow_cli_bench_begin(&table, &b->machine, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < sizeof rows / sizeof *rows && status == ELBOW_OK; i++) {
        const elbow_spread *s = rows[i].spread;
        const double values[] = {s->median,         s->low, s->high, b->bytes, (double)b->parameters,
                                 (double)b->repeats};
        if (s->median > 0)
            status = elbow_cli_bench_row(&table, rows[i].name, values, sizeof values / sizeof *values);
    }
    return elbow_cli_bench_end(&table, path, status);
}

static elbow_status measure(elbow_world *world, void *context) {
    const request *asked = context;
    elbow_status status = ELBOW_OK;
    elbow_run *run = NULL;
    elbow_bench_directory directory;
    elbow_bench_checkpoint bench;
    elbow_stop_catch_signals(); /* Ctrl-C ends it early, and still takes the directory away */
    ELBOW_TRY(elbow_bench_directory_make(&directory, world, asked->out));
    ELBOW_TRY_OR_DONE(elbow_cli_bench_run(&run, world, asked->arguments, asked->synthetic, directory.path));
    elbow_notice("elbow bench checkpoint: %s into %s, about %.3g s", asked->arguments->plain[0], asked->out,
                 asked->seconds);
    ELBOW_TRY_OR_DONE(elbow_bench_checkpoint_measure(&bench, run, asked->seconds));
    if (world->rank == 0) {
        elbow_cli_bench_machine(&bench.machine);
        print(&bench);
        status = write_csv(&bench, asked->csv);
    }
    status = elbow_world_agree(world, status);
done:
    elbow_run_destroy(&run);
    elbow_bench_directory_remove(&directory);
    return status;
}

int elbow_cli_bench_checkpoint(int argc, char **argv) {
    const char *seconds = NULL;
    request asked = {.seconds = 10};
    const elbow_cli_flag flags[] = {{"--out", "-o", &asked.out, NULL},
                                    {"--synthetic", NULL, NULL, &asked.synthetic},
                                    {"--seconds", NULL, &seconds, NULL},
                                    {"--csv", NULL, &asked.csv, NULL}};
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, true, help);
    if (code == ELBOW_CLI_GO)
        code = elbow_cli_real(argv[0], "--seconds", seconds, 0.01, 86400, &asked.seconds);
    if (code == ELBOW_CLI_GO && arguments.count != 1) code = elbow_cli_usage(argv[0], "give one CONFIG");
    if (code != ELBOW_CLI_GO) return code;
    if (asked.out == NULL) asked.out = ".";
    asked.arguments = &arguments;
    return elbow_cli_in_world(ELBOW_LOG_NOTICE, measure, &asked);
}
