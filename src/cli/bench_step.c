#include <math.h>
#include <stdio.h>

#include "bench.h"
#include "elbow/train/stop.h"

static const char help[] =
    "usage: elbow bench step CONFIG [--set SECTION.KEY=VALUE]... [--synthetic] [--seconds 10] [--products] "
    "[--csv FILE]\n"
    "\n"
    "Trains for some seconds, and says what a step's time goes into: data, encoder, estimator (decoder, "
    "likelihood, KL),\n"
    "exchange, update. Beside it the floor: the step's own matrix products alone, on the same shapes, with "
    "the same BLAS, in\n"
    "turns with the steps and on every rank at the same time; and what a core and its memory can do: a loop "
    "of fused\n"
    "multiply-adds, and a triad (a = b + s c) over arrays that no cache holds. train.batch is of all ranks "
    "together.\n"
    "\n"
    "  --set A.B=C   an option over the config\n"
    "  --synthetic   random images of 28 x 28 for data: no data.file is needed\n"
    "  --seconds S   for how long (10)\n"
    "  --products    list the products, by shape: alone, in the step, and of the peak\n"
    "  --csv FILE    write the figures there, in seconds, floating-point operations and bytes a rank\n"
    "\n"
    "examples:\n"
    "  elbow bench step configs/categorical-mnist.ini --synthetic\n"
    "  mpirun -n 2 elbow bench step configs/categorical-mnist.ini --set data.file=mnist.h5 --set "
    "train.batch=200\n"
    "  elbow bench step configs/categorical-mnist.ini --synthetic --set train.batch=512 --products --csv "
    "step.csv\n";

enum { CELL = 32 };

typedef struct request {
    const elbow_cli_arguments *arguments;
    bool synthetic, products;
    double seconds;
    const char *csv;
} request;

/* "12.3" or, of 0 or no number, "": cells that say nothing stay empty. */
static const char *cell(char text[CELL], const char *format, double value) {
    text[0] = 0;
    if (value != 0 && isfinite(value)) snprintf(text, CELL, format, value);
    return text;
}

/* More than memory gives comes from caches. */
static void print_bandwidth(char text[CELL], double rate, double peak) {
    if (rate > peak)
        snprintf(text, CELL, "%5.1f GB/s cached", rate / 1e9);
    else
        snprintf(text, CELL, "%5.1f GB/s    %3.0f %%", rate / 1e9, 100 * rate / peak);
}

static void print_part(const elbow_bench_step *b, const elbow_bench_part *p) {
    char floor[CELL], ratio[CELL], within[CELL], rate[CELL] = "", ranks[CELL] = "";
    double peak = b->machine.flops * b->machine.threads, s = p->seconds.median;
    if (p->flops > 0)
        snprintf(rate, sizeof rate, "%5.1f GFLOP/s %3.0f %%", p->flops / s / 1e9, 100 * p->flops / s / peak);
    else if (p->bytes > 0)
        print_bandwidth(rate, p->bytes / s, b->machine.bandwidth);
    if (b->machine.ranks > 1) snprintf(ranks, sizeof ranks, "%8.3f %8.3f", 1e3 * p->least, 1e3 * p->most);
    printf("  %-10s %8.3f %8.3f %8.3f %6.1f %% %9s %9s %6s  %-22s %s\n", p->name, 1e3 * s,
           1e3 * p->seconds.low, 1e3 * p->seconds.high, 100 * s / b->step.seconds.median,
           cell(within, "%.3f", 1e3 * p->products), cell(floor, "%.3f", 1e3 * p->floor),
           cell(ratio, "%.2f", p->floor > 0 ? s / p->floor : 0), rate, ranks);
}

static void print_products(const elbow_bench_step *b) {
    double peak = b->machine.flops * b->machine.threads;
    printf(
        "\n  products (m × n × k; ' is transposed)             calls     alone   in step  GFLOP/s of peak\n");
    for (size_t i = 0; i < b->product_count; i++) {
        const elbow_bench_product *p = &b->products[i];
        double rate = 2 * (double)p->m * (double)p->n * (double)p->k / p->seconds;
        char shape[64];
        snprintf(shape, sizeof shape, "A%s B%s  %zu × %zu × %zu", p->transpose_a ? "'" : " ",
                 p->transpose_b ? "'" : " ", p->m, p->n, p->k);
        /* × has two bytes */
        printf("  %-10s %-38s %7zu %9.3f %9.3f %8.1f %5.0f %%\n", b->parts[p->phase].name, shape, p->calls,
               1e3 * p->seconds, 1e3 * p->within, rate / 1e9, 100 * rate / peak);
    }
}

static void print(const elbow_bench_step *b, bool products) {
    double step = b->step.seconds.median, floor = b->floor.median;
    char ranks[64] = "";
    if (b->machine.ranks > 1) snprintf(ranks, sizeof ranks, "   ranks, least and most");
    printf("  peaks    %.1f GFLOP/s a core in fused multiply-adds; %.1f GB/s a rank in a triad\n",
           b->machine.flops / 1e9, b->machine.bandwidth / 1e9);
    printf("  model    %zu parameters; %zu examples a step in %zu shard%s; %zu steps by the clock\n\n",
           b->parameters, b->examples, b->shards, b->shards == 1 ? "" : "s", b->repeats);
    printf("  ms           median      low     high    share  products     floor  ratio  of the peak         "
           "  %s\n",
           ranks);
    for (int p = 0; p < ELBOW_BENCH_PARTS; p++) print_part(b, &b->parts[p]);
    print_part(b, &b->step);
    if (products) print_products(b);
    printf("\nstep %.3f ms = %.3f × the floor (%.3f to %.3f; floor %.3f ms, the step's products alone); %.0f "
           "examples/s\n",
           1e3 * step, step / floor, b->ratio.low, b->ratio.high, 1e3 * floor, (double)b->examples / step);
    printf("least of all: step %.3f ms = %.3f × the floor's %.3f ms\n", 1e3 * b->least_step,
           b->least_step / b->least_floor, 1e3 * b->least_floor);
}

static elbow_status write_csv(const elbow_bench_step *b, const char *path) {
    static const char *const columns[] = {"part",       "seconds",        "low",      "high",  "rank_least",
                                          "rank_most",  "floor",          "products", "flops", "bytes",
                                          "peak_flops", "peak_bandwidth", "examples", "shards"};
    enum { COLUMNS = sizeof columns / sizeof *columns };
    elbow_cli_bench_table table;
    if (path == NULL) return ELBOW_OK;
    elbow_status status = elbow_cli_bench_begin(&table, &b->machine, columns, COLUMNS);
    for (int i = 0; i <= ELBOW_BENCH_PARTS && status == ELBOW_OK; i++) {
        const elbow_bench_part *p = i < ELBOW_BENCH_PARTS ? &b->parts[i] : &b->step;
        const double values[COLUMNS - 1] = {
            p->seconds.median, p->seconds.low,   p->seconds.high,      p->least,
            p->most,           p->floor,         p->products,          p->flops,
            p->bytes,          b->machine.flops, b->machine.bandwidth, (double)b->examples,
            (double)b->shards};
        status = elbow_cli_bench_row(&table, p->name, values, COLUMNS - 1);
    }
    return elbow_cli_bench_end(&table, path, status);
}

static elbow_status measure(elbow_world *world, void *context) {
    const request *asked = context;
    elbow_status status = ELBOW_OK;
    elbow_run *run = NULL;
    elbow_bench_step bench = {0};
    elbow_stop_catch_signals(); /* Ctrl-C ends it early, and still takes the random images away */
    ELBOW_TRY(elbow_cli_bench_run(&run, world, asked->arguments, asked->synthetic, NULL));
    elbow_notice("elbow bench step: %s, about %.3g s", asked->arguments->plain[0], asked->seconds);
    ELBOW_TRY_OR_DONE(elbow_bench_step_measure(&bench, run, asked->seconds));
    if (world->rank == 0) {
        elbow_cli_bench_machine(&bench.machine);
        print(&bench, asked->products);
        status = write_csv(&bench, asked->csv);
    }
    status = elbow_world_agree(world, status);
done:
    elbow_bench_step_destroy(&bench);
    elbow_run_destroy(&run);
    return status;
}

int elbow_cli_bench_step(int argc, char **argv) {
    const char *seconds = NULL;
    request asked = {.seconds = 10};
    const elbow_cli_flag flags[] = {{"--synthetic", NULL, NULL, &asked.synthetic},
                                    {"--products", NULL, NULL, &asked.products},
                                    {"--seconds", NULL, &seconds, NULL},
                                    {"--csv", NULL, &asked.csv, NULL}};
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, true, help);
    if (code == ELBOW_CLI_GO)
        code = elbow_cli_real(argv[0], "--seconds", seconds, 0.01, 86400, &asked.seconds);
    if (code == ELBOW_CLI_GO && arguments.count != 1) code = elbow_cli_usage(argv[0], "give one CONFIG");
    if (code != ELBOW_CLI_GO) return code;
    asked.arguments = &arguments;
    return elbow_cli_in_world(ELBOW_LOG_NOTICE, measure, &asked);
}
