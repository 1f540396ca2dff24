#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "elbow/train/stop.h"

static const char help[] =
    "usage: elbow bench data [CONFIG] [--set SECTION.KEY=VALUE]... [--synthetic] [--seconds 5] [--csv FILE]\n"
    "\n"
    "Gathers batches of the config's data as training does, shuffled, with nothing else going on: for each "
    "way of\n"
    "data.binarize (of images), in batches of 32, 100, 512 and 2048 examples of each rank.\n"
    "Streams them from the file where training would, as data.memory says.\n"
    "\n"
    "  --set A.B=C   an option over the config; of data: file, shuffle, window, memory, limit, context\n"
    "  --synthetic   random images of 28 x 28 for data: no data.file is needed\n"
    "  --seconds S   for how long, all together (5)\n"
    "  --csv FILE    write the figures there, in seconds and bytes\n"
    "\n"
    "examples:\n"
    "  elbow bench data --synthetic\n"
    "  mpirun -n 2 elbow bench data configs/categorical-mnist.ini --set data.file=mnist.h5\n"
    "  elbow bench data --set data.file=large.h5 --set data.shuffle=window --csv data.csv\n";

static const size_t sizes[] = {32, 100, 512, 2048};
enum { SIZES = sizeof sizes / sizeof *sizes };

typedef struct request {
    const elbow_cli_arguments *arguments;
    bool synthetic;
    double seconds;
    const char *csv;
} request;

static elbow_status tell(const elbow_bench_batches *b, elbow_cli_bench_table *table) {
    double s = b->seconds.median;
    const double values[] = {(double)b->batch, s,     b->seconds.low, b->seconds.high, b->least,
                             b->most,          1 / s, b->bytes,       b->bytes / s};
    printf("  %-10s %7zu %10.4f %9.4f %9.4f %9.4f %11.0f %12.0f %9.0f %8zu\n", b->binarize, b->batch, 1e3 * s,
           1e3 * b->seconds.low, 1e3 * b->seconds.high, 1e3 * b->least, 1 / s, (double)b->batch / s,
           b->bytes / s / 1e6, b->repeats);
    fflush(stdout);
    return elbow_cli_bench_row(table, b->binarize, values, sizeof values / sizeof *values);
}

/* Whether rank 0 was asked to stop. Collective. */
static elbow_status asked_to_stop(elbow_world *world, bool *stop) {
    const char *reason = elbow_stop_reason(NULL, NULL, 0);
    *stop = reason != NULL;
    ELBOW_TRY(elbow_world_broadcast(world, stop, sizeof *stop, 0));
    if (*stop) elbow_notice("ended early: %s", reason ? reason : "asked to stop");
    return ELBOW_OK;
}

static elbow_status measure_all(elbow_world *world, const request *asked, const elbow_options *options,
                                elbow_cli_bench_table *table) {
    const char *ways[3];
    size_t count = 0;
    ELBOW_TRY_ALL(world, elbow_bench_data_ways(options, ways, &count));
    for (size_t w = 0; w < count; w++)
        for (size_t i = 0; i < SIZES; i++) {
            elbow_bench_batches batches;
            elbow_status status = ELBOW_OK;
            bool stop = false;
            ELBOW_TRY(asked_to_stop(world, &stop));
            if (stop) return ELBOW_OK;
            ELBOW_TRY(elbow_bench_data_measure(&batches, world, options, ways[w], sizes[i],
                                               asked->seconds / (double)(count * SIZES)));
            if (world->rank == 0) status = tell(&batches, table);
            ELBOW_TRY_ALL(world, status);
        }
    return ELBOW_OK;
}

static elbow_status measure(elbow_world *world, void *context) {
    static const char *const columns[] = {"binarize", "batch",           "seconds",   "low",
                                          "high",     "rank_least",      "rank_most", "batches_per_second",
                                          "bytes",    "bytes_per_second"};
    const request *asked = context;
    elbow_options *options = NULL;
    elbow_bench_synthetic images = {{0}, {0}};
    elbow_bench_machine machine;
    elbow_cli_bench_table table = {{0}, NULL};
    elbow_status status = ELBOW_OK;
    elbow_stop_catch_signals(); /* Ctrl-C ends it early, and still takes the random images away */
    ELBOW_TRY(elbow_cli_bench_options(&options, world, asked->arguments, asked->synthetic, &images));
    ELBOW_TRY_OR_DONE(elbow_bench_machine_find(&machine, world, (int)options->train.threads));
    elbow_notice("elbow bench data: %s, shuffle %s, about %.3g s",
                 asked->synthetic ? "random images" : options->data.file, options->data.shuffle,
                 asked->seconds);
    elbow_cli_bench_machine(&machine);
    ELBOW_TRY_OR_DONE(elbow_world_agree(
        world, elbow_cli_bench_begin(&table, &machine, columns, sizeof columns / sizeof *columns)));
    if (world->rank == 0)
        printf("\n  binarize     batch         ms       low      high   fastest   batches/s   examples/s     "
               " MB/s  repeats\n");
    ELBOW_TRY_OR_DONE(measure_all(world, asked, options, &table));
    if (world->rank == 0)
        printf("\nof one rank, while all gather: the slowest, median and quartiles; the fastest rank's "
               "median\n");
done:
    status = elbow_cli_bench_end(&table, world->rank == 0 ? asked->csv : NULL, status);
    elbow_bench_synthetic_remove(&images);
    elbow_options_destroy(&options);
    return elbow_world_agree(world, status);
}

int elbow_cli_bench_data(int argc, char **argv) {
    const char *seconds = NULL;
    request asked = {.seconds = 5};
    const elbow_cli_flag flags[] = {{"--synthetic", NULL, NULL, &asked.synthetic},
                                    {"--seconds", NULL, &seconds, NULL},
                                    {"--csv", NULL, &asked.csv, NULL}};
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, true, help);
    if (code == ELBOW_CLI_GO)
        code = elbow_cli_real(argv[0], "--seconds", seconds, 0.01, 86400, &asked.seconds);
    if (code == ELBOW_CLI_GO && arguments.count > 1)
        code = elbow_cli_usage(argv[0], "give one CONFIG, or none");
    if (code != ELBOW_CLI_GO) return code;
    asked.arguments = &arguments;
    return elbow_cli_in_world(ELBOW_LOG_NOTICE, measure, &asked);
}
