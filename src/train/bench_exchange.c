/* Gradients through each exchange, and through plain MPI_Allreduce: in turns, on all ranks at the same time. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "elbow/base/arena.h"
#include "elbow/parallel/library.h"
#include "train/bench_inside.h"

enum { OWN = ELBOW_BENCH_EXCHANGES - 1, LEAST_TURNS = 3, MOST_ROWS = 500 };

static const struct {
    const char *label, *name, *replica;
} kinds[ELBOW_BENCH_EXCHANGES] = {{"ordered (replica node)", "ordered", "node"},
                                  {"ordered (replica rank)", "ordered", "rank"},
                                  {"mpi", "mpi", "rank"},
                                  {"MPI_Allreduce", NULL, NULL}};

/* As a backward pass leaves a gradient: just written. */
static void write_gradient(real *gradient, size_t size) {
    for (size_t i = 0; i < size; i++) gradient[i] = (real)1e-3;
}

/* What a step does with an exchange, without what it does in between: the clock stands while the gradients are written,
 * and while the owner leaves zeros for the next. Collective. */
static elbow_status pass(elbow_exchange *exchange, elbow_world *world, size_t size, double *seconds) {
    size_t first = 0, count = 0, begin = 0, end = 0;
    real *sum = NULL;
    const double *squares = NULL;
    elbow_exchange_shards(exchange, &first, &count);
    elbow_exchange_owned(exchange, &begin, &end);
    *seconds = 0;
    for (size_t s = first; s < first + count; s++) {
        double began = elbow_now();
        real *gradient = elbow_exchange_begin_shard(exchange, s);
        *seconds += elbow_now() - began;
        write_gradient(gradient, size);
        elbow_world_barrier(world);
        began = elbow_now();
        elbow_exchange_ready(exchange, s, 0, size);
        *seconds += elbow_now() - began;
    }
    double began = elbow_now();
    ELBOW_TRY(elbow_exchange_finish(exchange, &sum, &squares));
    *seconds += elbow_now() - began;
    memset(sum, 0, (end - begin) * sizeof *sum);
    elbow_world_barrier(world);
    began = elbow_now();
    ELBOW_TRY(elbow_exchange_publish(exchange));
    *seconds += elbow_now() - began;
    return ELBOW_OK;
}

static void pass_plain(real *gradient, elbow_world *world, size_t size, double *seconds) {
    write_gradient(gradient, size);
    elbow_world_barrier(world);
    double began = elbow_now();
    elbow_library_allreduce(world, gradient, size);
    *seconds = elbow_now() - began;
}

/* Bytes that this node can still give, by the system, and no more than the job may have; infinity where neither says. */
static double free_memory(void) {
    char line[256];
    double kilobytes = INFINITY;
    FILE *file = fopen("/proc/meminfo", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %lf kB", &kilobytes) == 1) break;
    if (file) fclose(file);
    return fmin(1024 * kilobytes, elbow_memory_bytes());
}

/* Parameters, gradients of shards, and as much again for sums and messages, of each exchange; and MPI's own. */
static size_t needed_bytes(size_t size, size_t shards) {
    return size * sizeof(real) * (OWN * (2 + 2 * shards) + 2);
}

static elbow_status enough_memory(elbow_world *world, size_t needed, size_t *room) {
    bool little = 0.8 * free_memory() / world->node_size < (double)needed;
    elbow_status status =
        elbow_world_agree(world, little ? elbow_fail(ELBOW_MEMORY, "too little") : ELBOW_OK);
    *room = status == ELBOW_OK ? 0 : needed;
    return ELBOW_OK;
}

static void conclude(elbow_bench_passage *passages, elbow_samples *s) {
    for (size_t k = 0; k < ELBOW_BENCH_EXCHANGES; k++) {
        elbow_samples_slowest(s, k, &passages[k].least, &passages[k].most);
        for (size_t i = 0; i < s->rows; i++) s->scratch[i] = elbow_samples_worst(s, i, k);
        passages[k].seconds = elbow_spread_of(s->scratch, s->rows);
        for (size_t i = 0; i < s->rows; i++)
            if (i == 0 || s->scratch[i] < passages[k].quiet) passages[k].quiet = s->scratch[i];
        passages[k].repeats = s->rows;
    }
    for (size_t k = 0; k < ELBOW_BENCH_EXCHANGES; k++)
        passages[k].ratio = passages[k].seconds.median / passages[OWN].seconds.median;
}

static elbow_status take_turn(elbow_exchange **exchanges, real *plain, elbow_world *world, size_t size,
                              double *seconds) {
    for (size_t k = 0; k < OWN; k++) ELBOW_TRY(pass(exchanges[k], world, size, &seconds[k]));
    pass_plain(plain, world, size, &seconds[OWN]);
    return ELBOW_OK;
}

elbow_status elbow_bench_exchange_measure(elbow_bench_passage *passages, size_t *room, elbow_world *world,
                                          size_t size, size_t shards, double seconds) {
    elbow_exchange *exchanges[OWN] = {NULL};
    elbow_arena *arena = NULL;
    real *plain = NULL;
    elbow_samples samples = {0};
    double warm[ELBOW_BENCH_EXCHANGES], began = 0;
    memset(passages, 0, ELBOW_BENCH_EXCHANGES * sizeof *passages);
    for (size_t k = 0; k < ELBOW_BENCH_EXCHANGES; k++)
        passages[k] = (elbow_bench_passage){.name = kinds[k].label, .size = size};
    ELBOW_TRY(enough_memory(world, needed_bytes(size, shards), room));
    if (*room) return ELBOW_OK;
    elbow_status status = elbow_samples_create(&samples, ELBOW_BENCH_EXCHANGES, MOST_ROWS);
    if (status == ELBOW_OK) status = elbow_arena_create(&arena);
    if (status == ELBOW_OK) status = elbow_arena_reals(arena, size, &plain);
    ELBOW_TRY_OR_DONE(elbow_world_agree(world, status));
    for (size_t k = 0; k < OWN; k++) {
        elbow_exchange_spec spec = {.name = kinds[k].name,
                                    .replica = kinds[k].replica,
                                    .shards = shards * (size_t)world->size,
                                    .size = size};
        ELBOW_TRY_OR_DONE(elbow_exchange_create(&exchanges[k], world, &spec));
        passages[k].bytes = elbow_exchange_bytes(exchanges[k]);
    }
    passages[OWN].bytes = size * sizeof(real);
    ELBOW_TRY_OR_DONE(take_turn(exchanges, plain, world, size, warm)); /* pages come with their first use */
    began = elbow_now();
    for (size_t turn = 0; turn < LEAST_TURNS || elbow_bench_goes_on(world, began, seconds); turn++)
        ELBOW_TRY_OR_DONE(take_turn(exchanges, plain, world, size, elbow_samples_row(&samples)));
    ELBOW_TRY_OR_DONE(elbow_samples_gather(&samples, world));
    if (world->rank == 0) conclude(passages, &samples);
done:
    for (size_t k = OWN; k-- > 0;) elbow_exchange_destroy(&exchanges[k]);
    elbow_samples_destroy(&samples);
    elbow_arena_destroy(&arena);
    return status;
}
