/* Training steps on a simulated cluster: the real exchange, with SimGrid's MPI. scripts/simulate builds and runs it:
 *
 *     smpirun … simulate EXCHANGE REPLICA PARAMETERS SHARDS STEPS FIRST REST JITTER CORE UPDATE check|time
 *
 *     EXCHANGE REPLICA  as in elbow_exchange_spec
 *     STEPS             how many; the first is not counted
 *     FIRST REST        milliseconds that one shard computes before the gradient of the upper half of the parameters is
 *                       complete, and after it
 *     JITTER            a rank's computation takes up to so many percent longer, another part of it each step
 *     CORE              GB/s that a rank gets from memory while all ranks of its node use it
 *     UPDATE            picoseconds an optimizer step takes for one parameter
 *     check             real arithmetic on real memory, and every sum and every parameter compared with what it must be
 *     time              no arithmetic, and large memory folded
 *
 * In simulated time, computation takes FIRST + REST, memory takes bytes / CORE, and messages what the platform file says;
 * what the simulator itself takes is not counted. Prints one line of key=value. Averages over ranks, but for the step. */
#define SIMULATE_ITSELF
#include "simulate.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "elbow/base/log.h"
#include "elbow/parallel/exchange.h"

enum {
    LAYERS = 4,        /* a shard's gradient is completed in so many ranges, from the end */
    TAKE_BYTES = 8,    /* a gradient is read once, and zeros go back; sums of sums stay in cache */
    SQUARE_BYTES = 4,  /* in cache, but a pass */
    REDUCE_BYTES = 12, /* MPI's own sum, into its buffers */
    UPDATE_BYTES = 32, /* gradient, parameter and moments, read and written */
    CACHE = 1 << 20,   /* bytes of a core's own */
    FOLDED = 1 << 20,  /* blocks at least as large */
    TERMS = 4,         /* doubles that the step's summary holds for a shard: src/train/summary.c */
    MOST_ALLREDUCES = 64,
    PHASES = 5,
    FIRST_MARK = 1 << 16 /* bytes of a window that stay memory: its marks */
};

/* Each rank has its own copy of these: SMPI loads the program once a rank. */
static struct {
    bool folds;
    double core;  /* bytes a second */
    double bytes; /* moved and not paid for yet */
    struct {
        void *values;
        int count;
        MPI_Datatype type;
        MPI_Op op;
        MPI_Comm comm;
    } reductions[MOST_ALLREDUCES]; /* begun */
    size_t reduction_count;
} self;

/* ------------------------------------------------------------------------------ in the place of others */

static void spend(double seconds) {
    if (seconds > 0) smpi_execute_flops(seconds * 1e9); /* hosts of 1 Gflop/s: scripts/simulate */
}

void simulated_pay(void) {
    double bytes = self.bytes;
    self.bytes = 0;
    spend(bytes / self.core);
}

void simulated_take(real *y, real *x, size_t n, double *of_y, double *of_x) {
    if (!self.folds) elbow_take(y, x, n, of_y, of_x);
    self.bytes += (double)n * TAKE_BYTES;
}

double simulated_square_sum(const real *x, size_t n) {
    self.bytes += (double)n * SQUARE_BYTES;
    return self.folds ? 0 : elbow_square_sum(x, n);
}

void *simulated_memset(void *to, int value, size_t bytes) {
    return self.folds && bytes >= FOLDED ? to : memset(to, value, bytes); /* zeroing is part of FIRST */
}

void *simulated_memory(size_t alignment, size_t bytes) {
    if (self.folds && bytes >= FOLDED) return smpi_shared_malloc(bytes, __FILE__, __LINE__);
    return aligned_alloc(alignment, bytes);
}

int simulated_window(MPI_Aint bytes, int unit, MPI_Info info, MPI_Comm group, void *base, MPI_Win *window) {
    size_t length = ((size_t)bytes + FIRST_MARK - 1) / FIRST_MARK * FIRST_MARK;
    size_t folded[2] = {FIRST_MARK, length};
    void *memory = self.folds && length >= FOLDED ? smpi_shared_malloc_partial(length, folded, 1)
                                                  : aligned_alloc(FIRST_MARK, length);
    if (memory == NULL) return MPI_ERR_NO_MEM;
    memset(memory, 0, FIRST_MARK);
    memcpy(base, &memory, sizeof memory);
    return MPI_Win_create(memory, bytes, unit, info, group, window);
}

int simulated_iallreduce(void *values, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
                         MPI_Request *request) {
    size_t at = self.reduction_count++;
    self.reductions[at].values = values;
    self.reductions[at].count = count;
    self.reductions[at].type = type;
    self.reductions[at].op = op;
    self.reductions[at].comm = comm;
    *request = MPI_REQUEST_NULL;
    if (self.reduction_count == MOST_ALLREDUCES) simulated_allreduces();
    return MPI_SUCCESS;
}

void simulated_allreduces(void) {
    for (size_t i = 0; i < self.reduction_count; i++) {
        MPI_Allreduce(MPI_IN_PLACE, self.reductions[i].values, self.reductions[i].count,
                      self.reductions[i].type, self.reductions[i].op, self.reductions[i].comm);
        self.bytes += (double)self.reductions[i].count * REDUCE_BYTES;
    }
    self.reduction_count = 0;
    simulated_pay();
}

/* ------------------------------------------------------------------------------------------- the steps */

typedef struct settings {
    elbow_exchange_spec spec;
    int steps;
    double first, rest; /* seconds */
    double jitter;      /* of 1 */
    double update;      /* seconds a parameter */
    bool checks;
} settings;

typedef struct simulation {
    const settings *with;
    elbow_world *world;
    elbow_exchange *exchange;
    size_t first, count; /* this rank's shards */
    double *own, *all;   /* the step's summary */
    size_t *bytes;       /* (ranks) */
    double phases[PHASES];
} simulation;

/* In [0, 1), by what it is for. */
static double uniform(uint64_t rank, uint64_t step) {
    uint64_t x = (rank + 1) * 0x9e3779b97f4a7c15u ^ (step + 1) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 31) * 0x94d049bb133111ebu;
    return (double)((x ^ x >> 29) >> 11) / 9007199254740992.0;
}

/* Small integers: their sums are exact in any order. Shard s's gradient of parameter i in a step: */
static real gradient_of(size_t shard, size_t parameter, int step) {
    return (real)((shard * 7 + parameter * 3 + (size_t)step) % 17) - 8;
}

static real sum_of(size_t shards, size_t parameter, int step) {
    real sum = 0;
    for (size_t s = 0; s < shards; s++) sum += gradient_of(s, parameter, step);
    return sum;
}

/* One shard's forward and backward pass. The upper half of the parameters is the decoder's, whose gradients come first. */
static void compute(simulation *s, size_t shard, int step, double slow) {
    size_t size = s->with->spec.size, end = size;
    real *gradient = elbow_exchange_begin_shard(s->exchange, shard);
    for (size_t layer = 0; layer < LAYERS; layer++) {
        size_t begin = (LAYERS - 1 - layer) * size / LAYERS;
        bool upper = layer < LAYERS / 2;
        /* Two thirds of FIRST are the forward pass. */
        double seconds = (upper ? s->with->first / 3 : s->with->rest) / (LAYERS / 2);
        if (layer == 0) seconds += s->with->first * 2 / 3;
        spend(seconds * slow);
        for (size_t i = begin; s->with->checks && i < end; i++) gradient[i] += gradient_of(shard, i, step);
        elbow_exchange_ready(s->exchange, shard, begin, end);
        end = begin;
    }
}

static elbow_status check_sum(simulation *s, real *sum, int step) {
    size_t begin = 0, end = 0;
    elbow_exchange_owned(s->exchange, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        real expected = sum_of(s->with->spec.shards, i, step);
        ELBOW_CHECK(sum[i - begin] == expected, ELBOW_MISMATCH,
                    "step %d: the sum of parameter %zu is %g, not %g", step, i, (double)sum[i - begin],
                    (double)expected);
        elbow_exchange_parameters(s->exchange)[i] = expected;
        sum[i - begin] = 0; /* as an optimizer leaves it */
    }
    return ELBOW_OK;
}

static elbow_status check_parameters(simulation *s, int step) {
    for (size_t i = 0; i < s->with->spec.size; i++) {
        real found = elbow_exchange_parameters(s->exchange)[i],
             expected = sum_of(s->with->spec.shards, i, step);
        ELBOW_CHECK(found == expected, ELBOW_MISMATCH, "step %d: parameter %zu is %g, not %g", step, i,
                    (double)found, (double)expected);
    }
    return ELBOW_OK;
}

static double lap(double *since) {
    double now = MPI_Wtime(), seconds = now - *since;
    *since = now;
    return seconds;
}

static double update_seconds(const settings *with, size_t parameters) {
    double memory = parameters * UPDATE_BYTES > CACHE ? UPDATE_BYTES / self.core : 0;
    return (double)parameters * (memory > with->update ? memory : with->update);
}

static elbow_status make_step(simulation *s, int step) {
    double now = MPI_Wtime(), slow = 1 + s->with->jitter * uniform((uint64_t)s->world->rank, (uint64_t)step);
    real *sum = NULL;
    const double *squares = NULL;
    size_t begin = 0, end = 0;
    elbow_exchange_owned(s->exchange, &begin, &end);
    for (size_t i = 0; i < s->count; i++) compute(s, s->first + i, step, slow);
    s->phases[0] += lap(&now);
    ELBOW_TRY(elbow_exchange_finish(s->exchange, &sum, &squares));
    simulated_pay();
    s->phases[1] += lap(&now);
    ELBOW_TRY(elbow_world_allgather(s->world, s->own, s->all, s->bytes));
    s->phases[2] += lap(&now);
    if (s->with->checks) ELBOW_TRY_ALL(s->world, check_sum(s, sum, step));
    spend(update_seconds(s->with, end - begin));
    s->phases[3] += lap(&now);
    ELBOW_TRY(elbow_exchange_publish(s->exchange));
    s->phases[4] += lap(&now);
    if (s->with->checks) {
        ELBOW_TRY_ALL(s->world, check_parameters(s, step));
        elbow_world_barrier(s->world); /* nobody writes what others still look at */
    }
    return ELBOW_OK;
}

/* The same bytes as src/train/summary.c: flags, terms of the shards, Σ g² of the part's blocks. */
static elbow_status prepare_summary(simulation *s) {
    size_t ranks = (size_t)s->world->size, total = 0;
    s->bytes = calloc(ranks, sizeof *s->bytes);
    ELBOW_CHECK(s->bytes != NULL, ELBOW_MEMORY, "no memory for the summary");
    for (size_t r = 0; r < ranks; r++) {
        size_t begin = 0, end = 0, first = 0, count = 0;
        elbow_exchange_part(s->exchange, r, &begin, &end);
        elbow_exchange_shards_of(s->exchange, r, &first, &count);
        s->bytes[r] = (1 + TERMS * count + (end - begin + ELBOW_BLOCK - 1) / ELBOW_BLOCK) * sizeof(double);
        total += s->bytes[r];
    }
    s->own = calloc(1, s->bytes[s->world->rank]);
    s->all = calloc(1, total);
    ELBOW_CHECK(s->own != NULL && s->all != NULL, ELBOW_MEMORY, "no memory for the summary");
    return ELBOW_OK;
}

static void report(simulation *s, double seconds) {
    static const char *const names[PHASES] = {"compute", "finish", "summary", "update", "publish"};
    double mean[PHASES];
    double steps = s->with->steps - 1;
    MPI_Allreduce(s->phases, mean, PHASES, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    if (s->world->rank != 0) return;
    printf("ranks=%d nodes=%d replicas=%zu step_ms=%.4f", s->world->size, s->world->nodes,
           elbow_exchange_replicas(s->exchange), 1e3 * seconds / steps);
    for (size_t i = 0; i < PHASES; i++)
        printf(" %s_ms=%.4f", names[i], 1e3 * mean[i] / s->world->size / steps);
    printf(" bytes_a_rank=%zu%s\n", elbow_exchange_bytes(s->exchange), s->with->checks ? " sums=right" : "");
}

static elbow_status simulate(simulation *s) {
    ELBOW_TRY(elbow_exchange_create(&s->exchange, s->world, &s->with->spec));
    elbow_exchange_shards(s->exchange, &s->first, &s->count);
    ELBOW_TRY_ALL(s->world, prepare_summary(s));
    if (s->with->checks) ELBOW_TRY(elbow_exchange_spread(s->exchange)); /* start-up: not a step */
    double began = 0;
    for (int step = 0; step < s->with->steps; step++) {
        if (step == 1) { /* the first one finds the ranks where the start left them */
            for (size_t i = 0; i < PHASES; i++) s->phases[i] = 0;
            elbow_world_barrier(s->world);
            began = MPI_Wtime();
        }
        ELBOW_TRY(make_step(s, step));
    }
    elbow_world_barrier(s->world);
    report(s, MPI_Wtime() - began);
    if (!self.folds) elbow_exchange_destroy(&s->exchange); /* folded blocks are not malloc's to free */
    return ELBOW_OK;
}

int main(int argc, char **argv) {
    if (argc != 12) {
        fprintf(stderr, "simulate: %d arguments, not 11; scripts/simulate knows which\n", argc - 1);
        return 2;
    }
    settings with = {
        .spec = {.name = argv[1],
                 .replica = argv[2],
                 .size = strtoull(argv[3], NULL, 10),
                 .shards = strtoull(argv[4], NULL, 10)},
        .steps = atoi(argv[5]),
        .first = atof(argv[6]) / 1e3,
        .rest = atof(argv[7]) / 1e3,
        .jitter = atof(argv[8]) / 100,
        .update = atof(argv[10]) / 1e12,
        .checks = strcmp(argv[11], "check") == 0,
    };
    self.core = atof(argv[9]) * 1e9;
    self.folds = !with.checks;
    simulation s = {.with = &with};
    if (elbow_world_open(&s.world, &argc, &argv) != ELBOW_OK) return 1;
    elbow_log_open(s.world->rank == 0, ELBOW_LOG_WARNING);
    elbow_status status = simulate(&s);
    if (status != ELBOW_OK && s.world->rank == 0) fprintf(stderr, "simulate: %s\n", elbow_error_message());
    free(s.own);
    free(s.all);
    free(s.bytes);
    if (status == ELBOW_OK) elbow_world_close(&s.world);
    return status == ELBOW_OK ? 0 : 1;
}
