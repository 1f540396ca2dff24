/* The training step in its parts, beside its products alone: in turns, on all ranks at the same time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/bench_inside.h"
#include "train/record.h"

/* A turn is a few steps, then as many replays of the products; the first of each only warms what the other has cooled. */
enum { TURN = 4, LEAST_TURNS = 3, PEAKS_EVERY = 8, MOST_ROWS = 2000 };

/* The columns of a sample. The parts' first is the first phase. */
enum {
    STEP,
    FLOOR,
    PART,
    FLOOR_PART = PART + ELBOW_BENCH_PARTS,
    WITHIN_PART = FLOOR_PART + ELBOW_PHASES,
    COLUMNS = WITHIN_PART + ELBOW_PHASES
};

static const char *const names[ELBOW_BENCH_PARTS] = {
    [ELBOW_PHASE_DATA] = "data",           [ELBOW_PHASE_ENCODER] = "encoder",
    [ELBOW_PHASE_ESTIMATOR] = "estimator", [ELBOW_PHASE_EXCHANGE] = "exchange",
    [ELBOW_PHASE_UPDATE] = "update",       [ELBOW_PHASES] = "rest"};

static elbow_status timed_step(elbow_run *run, elbow_step_report *report, double *seconds) {
    double began = elbow_now();
    ELBOW_TRY(elbow_step(run, 0, report));
    ELBOW_TRY(elbow_record_step(run, report, elbow_now() - began));
    *seconds = elbow_now() - began;
    return ELBOW_OK;
}

/* One turn: a step to warm up, one whose products are watched, and the rest by the clock. */
static elbow_status take_turn(elbow_run *run, elbow_floor *floor, elbow_samples *samples) {
    elbow_step_report report;
    double seconds = 0, within[ELBOW_PHASES], *rows[TURN];
    ELBOW_TRY(timed_step(run, &report, &seconds));
    elbow_floor_watch(floor, &report);
    elbow_status status = timed_step(run, &report, &seconds);
    elbow_status stopped = elbow_floor_stop(floor, within);
    ELBOW_TRY(status); /* the same on every rank */
    ELBOW_TRY_ALL(run->world, stopped);
    for (int i = 0; i < TURN; i++) {
        double *row = rows[i] = elbow_samples_row(samples), sum = 0;
        elbow_world_barrier(run->world);
        ELBOW_TRY(timed_step(run, &report, &row[STEP]));
        for (int p = 0; p < ELBOW_PHASES; p++) sum += row[PART + p] = report.phases[p];
        row[PART + ELBOW_PHASES] = fmax(row[STEP] - sum, 0);
        memcpy(row + WITHIN_PART, within, sizeof within);
    }
    elbow_floor_run(floor, within);
    for (int i = 0; i < TURN; i++) {
        elbow_world_barrier(run->world);
        rows[i][FLOOR] = elbow_floor_run(floor, rows[i] + FLOOR_PART);
    }
    return ELBOW_OK;
}

/* What a phase must at least read and write, in bytes, on rank 0. */
static void find_bytes(elbow_bench_step *bench, const elbow_run *run) {
    size_t first = 0, count = 0, begin = 0, end = 0;
    const elbow_field *x = elbow_vae_field(run->vae);
    elbow_exchange_shards(run->exchange, &first, &count);
    elbow_exchange_owned(run->exchange, &begin, &end);
    double owned = (double)(end - begin) * sizeof(real),
           slots = (double)elbow_optimizer_slots(run->optimizer);
    double rows = (double)run->order.batch * (double)count / (double)run->order.shards;
    if (x->kind == ELBOW_IMAGE) /* bytes in, reals out */
        bench->parts[ELBOW_PHASE_DATA].bytes = rows * (double)x->dimensions * (1 + sizeof(real));
    /* All shards' gradients in, their sum out; gradient, parameters and moments in, the last two out. */
    if (run->order.shards > 1)
        bench->parts[ELBOW_PHASE_EXCHANGE].bytes = owned * ((double)run->order.shards + 1);
    bench->parts[ELBOW_PHASE_UPDATE].bytes = owned * (3 + 2 * slots);
}

static elbow_spread by_repetition(elbow_samples *s, size_t column, double *scratch, double *least) {
    for (size_t i = 0; i < s->rows; i++) {
        scratch[i] = elbow_samples_worst(s, i, column);
        if (i == 0 || scratch[i] < *least) *least = scratch[i];
    }
    return elbow_spread_of(scratch, s->rows);
}

/* On rank 0. */
static void conclude(elbow_bench_step *bench, const elbow_run *run, elbow_floor *floor, elbow_samples *s) {
    double least = 0, most = 0, *scratch = s->scratch;
    elbow_bench_part *step = &bench->step;
    bench->repeats = s->rows;
    step->name = "step";
    elbow_samples_slowest(s, STEP, &step->least, &step->most);
    for (size_t i = 0; i < s->rows; i++)
        scratch[i] = elbow_samples_worst(s, i, STEP) / elbow_samples_worst(s, i, FLOOR);
    bench->ratio = elbow_spread_of(scratch, s->rows);
    step->seconds = by_repetition(s, STEP, scratch, &bench->least_step);
    bench->floor = by_repetition(s, FLOOR, scratch, &bench->least_floor);
    step->floor = bench->floor.median;
    for (int p = 0; p < ELBOW_BENCH_PARTS; p++) {
        elbow_bench_part *part = &bench->parts[p];
        part->name = names[p];
        part->seconds = elbow_samples_slowest(s, PART + (size_t)p, &part->least, &part->most);
        if (p == ELBOW_PHASES) continue;
        part->floor = elbow_samples_slowest(s, FLOOR_PART + (size_t)p, &least, &most).median;
        part->products = elbow_samples_slowest(s, WITHIN_PART + (size_t)p, &least, &most).median;
        part->flops = elbow_floor_flops(floor, (elbow_phase)p);
        step->products += part->products;
        step->flops += part->flops;
    }
    find_bytes(bench, run);
}

elbow_status elbow_bench_step_measure(elbow_bench_step *bench, elbow_run *run, double seconds) {
    elbow_world *world = run->world;
    elbow_status status = ELBOW_OK;
    elbow_floor *floor = NULL;
    elbow_samples samples = {0};
    elbow_bench_peaks peaks = {0};
    *bench = (elbow_bench_step){.shards = run->order.shards,
                                .examples = run->order.batch,
                                .parameters = elbow_vae_params(run->vae)->count};
    ELBOW_TRY(elbow_bench_machine_find(&bench->machine, world, (int)run->options->train.threads));
    status = elbow_floor_create(&floor);
    if (status == ELBOW_OK) status = elbow_samples_create(&samples, COLUMNS, MOST_ROWS);
    if (status == ELBOW_OK) status = elbow_bench_peaks_create(&peaks, world);
    ELBOW_TRY_OR_DONE(elbow_world_agree(world, status));

    double began = elbow_now();
    for (size_t turn = 0; turn < LEAST_TURNS || elbow_bench_goes_on(world, began, seconds); turn++) {
        if (turn % PEAKS_EVERY == 1) elbow_bench_peaks_measure(&peaks, world);
        ELBOW_TRY_OR_DONE(take_turn(run, floor, &samples));
    }
    ELBOW_TRY_OR_DONE(elbow_samples_gather(&samples, world));
    ELBOW_TRY_OR_DONE(elbow_bench_peaks_finish(&peaks, world, &bench->machine));
    if (world->rank == 0) {
        conclude(bench, run, floor, &samples);
        status = elbow_floor_list(floor, &bench->products, &bench->product_count);
    }
    status = elbow_world_agree(world, status);
done:
    elbow_bench_peaks_destroy(&peaks);
    elbow_samples_destroy(&samples);
    elbow_floor_destroy(&floor);
    return status;
}

void elbow_bench_step_destroy(elbow_bench_step *bench) {
    free(bench->products);
    *bench = (elbow_bench_step){0};
}
