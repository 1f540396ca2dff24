#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "elbow/base/number.h"

static const char help[] =
    "usage: elbow bench exchange [--sizes 1,4,16,64,256,1024] [--shards 1] [--seconds 10] [--csv FILE]\n"
    "\n"
    "Sums gradients over ranks and gives the parameters to all, without the optimizer between: with each "
    "exchange that\n"
    "parallel.allreduce and parallel.replica name, and with one plain MPI_Allreduce of the same size, in "
    "turns. Run it\n"
    "under mpirun, on the ranks and nodes that you train on.\n"
    "\n"
    "  --sizes LIST   gradients, in MB (1e6 bytes), commas between; those that memory is too small for are "
    "left out\n"
    "  --shards K     shards of each rank (1): gradients that it adds to the sum\n"
    "  --seconds S    for how long, all sizes together (10)\n"
    "  --csv FILE     write the figures there, in seconds and bytes\n"
    "\n"
    "examples:\n"
    "  mpirun -n 2 elbow bench exchange\n"
    "  mpirun -n 64 elbow bench exchange --sizes 4.7,100 --shards 2 --csv exchange.csv\n";

enum { SIZES = 32 };

typedef struct request {
    double sizes[SIZES]; /* bytes */
    size_t size_count;
    int64_t shards;
    double seconds;
    const char *csv;
} request;

static int read_sizes(const char *command, const char *text, request *asked) {
    char word[64];
    for (const char *at = text; asked->size_count < SIZES;) {
        size_t length = strcspn(at, ",");
        snprintf(word, sizeof word, "%.*s", (int)(length < 60 ? length : 60), at);
        int code = elbow_cli_real(command, "--sizes", word, 1e-3, 8e3, &asked->sizes[asked->size_count]);
        if (code != ELBOW_CLI_GO) return code;
        asked->sizes[asked->size_count++] *= 1e6;
        if (at[length] == 0) return ELBOW_CLI_GO;
        at += length + 1;
    }
    return elbow_cli_usage(command, "--sizes: more than %d sizes", (int)SIZES);
}

static void print(const elbow_bench_passage *passages) {
    for (size_t k = 0; k < ELBOW_BENCH_EXCHANGES; k++) {
        const elbow_bench_passage *p = &passages[k];
        double bytes = (double)(p->size * sizeof(real));
        printf("  %8.6g  %-22s %9.3f %9.3f %9.3f %9.3f %8.2f %7.2f %8zu %8.6g\n", bytes / 1e6, p->name,
               1e3 * p->seconds.median, 1e3 * p->seconds.low, 1e3 * p->seconds.high, 1e3 * p->quiet,
               bytes / p->seconds.median / 1e9, p->ratio, p->repeats, (double)p->bytes / 1e6);
    }
}

static elbow_status add_rows(elbow_cli_bench_table *table, const elbow_bench_passage *passages,
                             int64_t shards) {
    for (size_t k = 0; k < ELBOW_BENCH_EXCHANGES; k++) {
        const elbow_bench_passage *p = &passages[k];
        const double values[] = {(double)(p->size * sizeof(real)),
                                 p->seconds.median,
                                 p->seconds.low,
                                 p->seconds.high,
                                 p->quiet,
                                 p->least,
                                 p->most,
                                 p->ratio,
                                 (double)p->bytes,
                                 (double)shards};
        ELBOW_TRY(elbow_cli_bench_row(table, p->name, values, sizeof values / sizeof *values));
    }
    return ELBOW_OK;
}

static elbow_status measure_size(elbow_world *world, const request *asked, double bytes,
                                 elbow_cli_bench_table *table) {
    elbow_bench_passage passages[ELBOW_BENCH_EXCHANGES];
    size_t size = (size_t)(bytes / sizeof(real)), room = 0;
    elbow_status status = ELBOW_OK;
    ELBOW_TRY(elbow_bench_exchange_measure(passages, &room, world, size, (size_t)asked->shards,
                                           asked->seconds / (double)asked->size_count));
    if (room) {
        elbow_notice("  %8.6g  left out: all of them together take %.1f GB of each rank, and memory has less",
                     bytes / 1e6, (double)room / 1e9);
        return ELBOW_OK;
    }
    if (world->rank == 0) {
        print(passages);
        fflush(stdout);
        status = add_rows(table, passages, asked->shards);
    }
    return elbow_world_agree(world, status);
}

static elbow_status measure(elbow_world *world, void *context) {
    static const char *const columns[] = {"exchange", "bytes",  "seconds",      "low",
                                          "high",     "least",  "rank_least",   "rank_most",
                                          "ratio",    "memory", "shards_a_rank"};
    const request *asked = context;
    elbow_bench_machine machine;
    elbow_cli_bench_table table;
    ELBOW_TRY(elbow_bench_machine_find(&machine, world, 1));
    elbow_notice("elbow bench exchange: %lld shard%s a rank, about %.3g s", (long long)asked->shards,
                 asked->shards == 1 ? "" : "s", asked->seconds);
    elbow_cli_bench_machine(&machine);
    if (world->size == 1)
        elbow_warn("one rank has nobody to exchange with; start more: mpirun -n 2 elbow bench exchange");
    elbow_status status = elbow_cli_bench_begin(&table, &machine, columns, sizeof columns / sizeof *columns);
    status = elbow_world_agree(world, status);
    if (world->rank == 0)
        printf("\n        MB  exchange                      ms       low      high    least     GB/s   ratio "
               " repeats    MB held\n");
    for (size_t i = 0; i < asked->size_count && status == ELBOW_OK; i++)
        status = measure_size(world, asked, asked->sizes[i], &table);
    if (world->rank == 0 && status == ELBOW_OK)
        printf(
            "\nms: of the slowest rank, median, quartiles and least. ratio: to MPI_Allreduce, of medians.\n");
    status = elbow_cli_bench_end(&table, world->rank == 0 ? asked->csv : NULL, status);
    return elbow_world_agree(world, status);
}

int elbow_cli_bench_exchange(int argc, char **argv) {
    const char *seconds = NULL, *sizes = NULL, *shards = NULL;
    request asked = {.seconds = 10, .shards = 1};
    const elbow_cli_flag flags[] = {{"--sizes", NULL, &sizes, NULL},
                                    {"--shards", NULL, &shards, NULL},
                                    {"--seconds", NULL, &seconds, NULL},
                                    {"--csv", NULL, &asked.csv, NULL}};
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, false, help);
    if (code == ELBOW_CLI_GO)
        code = elbow_cli_real(argv[0], "--seconds", seconds, 0.01, 86400, &asked.seconds);
    if (code == ELBOW_CLI_GO) code = elbow_cli_integer(argv[0], "--shards", shards, 1, 64, &asked.shards);
    if (code == ELBOW_CLI_GO) code = read_sizes(argv[0], sizes ? sizes : "1,4,16,64,256,1024", &asked);
    if (code == ELBOW_CLI_GO && arguments.count != 0)
        code =
            elbow_cli_usage(argv[0], "`%s`: no CONFIG is needed; --sizes says how large", arguments.plain[0]);
    if (code != ELBOW_CLI_GO) return code;
    return elbow_cli_in_world(ELBOW_LOG_NOTICE, measure, &asked);
}
