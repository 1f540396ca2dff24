/* Checkpoints: how long the loop stands still for one, and when it is on disk, steps going on meanwhile. */
#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/saver.h"
#include "train/bench_inside.h"
#include "train/record.h"
#include "train/save.h"

enum { BETWEEN = 5, LEAST_TURNS = 3, MOST_ROWS = 500, MOST_STEPS = 4000 };
enum { STILL, WHOLE, BYTES, COLUMNS };

elbow_status elbow_bench_directory_make(elbow_bench_directory *directory, elbow_world *world,
                                        const char *parent) {
    elbow_status status = ELBOW_OK;
    *directory = (elbow_bench_directory){{0}, false};
    if (world->rank == 0) {
        int length = snprintf(directory->path, sizeof directory->path, "%s/elbow-bench-XXXXXX", parent);
        directory->made =
            length > 0 && (size_t)length < sizeof directory->path && mkdtemp(directory->path) != NULL;
        if (!directory->made)
            status = elbow_fail(ELBOW_IO, "%s: no directory can be made there: %s; choose another --out",
                                parent, strerror(errno));
    }
    ELBOW_TRY_ALL(world, status);
    return elbow_world_broadcast(world, directory->path, sizeof directory->path, 0);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at) {
    (void)info, (void)type, (void)at;
    return remove(path);
}

void elbow_bench_directory_remove(elbow_bench_directory *directory) {
    if (directory->made) nftw(directory->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    directory->made = false;
}

/* Seconds of steps, by whether something was being written. Rank 0's. */
typedef struct steps {
    double quiet[MOST_STEPS], during[MOST_STEPS];
    size_t quiet_count, during_count;
} steps;

static elbow_status take_step(elbow_run *run, double *seconds, size_t *count) {
    elbow_step_report report;
    double began = elbow_now();
    ELBOW_TRY(elbow_step(run, 0, &report));
    ELBOW_TRY(elbow_record_step(run, &report, elbow_now() - began));
    if (*count < MOST_STEPS) seconds[(*count)++] = elbow_now() - began;
    return ELBOW_OK;
}

/* Whether the writing has ended, as rank 0 sees it. Collective. */
static elbow_status ended(elbow_run *run, bool *done) {
    *done = run->world->rank == 0 && elbow_saver_done(run->saver);
    return elbow_world_broadcast(run->world, done, sizeof *done, 0);
}

/* The size of the checkpoint of `step`, on rank 0. */
static double size_of(const elbow_run *run, int64_t step) {
    struct stat info = {0};
    char *path = NULL;
    if (run->world->rank != 0 || elbow_checkpoint_path(run->directory, step, &path) != ELBOW_OK) return 0;
    double bytes = stat(path, &info) == 0 ? (double)info.st_size : 0;
    free(path);
    return bytes;
}

/* A few steps; a checkpoint; and on until it is there. */
static elbow_status take_turn(elbow_run *run, steps *taken, double *row) {
    elbow_settled settled;
    bool done = false;
    for (int i = 0; i < BETWEEN; i++) ELBOW_TRY(take_step(run, taken->quiet, &taken->quiet_count));
    elbow_world_barrier(run->world);
    double began = elbow_now();
    ELBOW_TRY(elbow_run_save(run, false, run->options->checkpoint.background));
    row[STILL] = row[WHOLE] = elbow_now() - began;
    ELBOW_TRY(ended(run, &done));
    while (!done) {
        ELBOW_TRY(take_step(run, taken->during, &taken->during_count));
        ELBOW_TRY(ended(run, &done));
        row[WHOLE] = elbow_now() - began;
    }
    ELBOW_TRY(elbow_run_settle(run, &settled));
    row[BYTES] = size_of(run, settled.step);
    return ELBOW_OK;
}

static void conclude(elbow_bench_checkpoint *bench, elbow_samples *s, steps *taken) {
    elbow_spread *const spreads[] = {[STILL] = &bench->still, [WHOLE] = &bench->whole};
    for (size_t c = STILL; c <= WHOLE; c++) {
        for (size_t i = 0; i < s->rows; i++) s->scratch[i] = elbow_samples_worst(s, i, c);
        *spreads[c] = elbow_spread_of(s->scratch, s->rows);
    }
    bench->repeats = s->rows;
    bench->bytes = elbow_samples_worst(s, s->rows - 1, BYTES);
    bench->step = elbow_spread_of(taken->quiet, taken->quiet_count);
    bench->during = elbow_spread_of(taken->during, taken->during_count);
}

elbow_status elbow_bench_checkpoint_measure(elbow_bench_checkpoint *bench, elbow_run *run, double seconds) {
    elbow_world *world = run->world;
    elbow_samples samples = {0};
    *bench = (elbow_bench_checkpoint){.parameters = elbow_vae_params(run->vae)->count};
    ELBOW_TRY(elbow_bench_machine_find(&bench->machine, world, (int)run->options->train.threads));
    steps *taken = calloc(1, sizeof *taken);
    elbow_status status = elbow_samples_create(&samples, COLUMNS, MOST_ROWS);
    if (status == ELBOW_OK && taken == NULL) status = elbow_fail(ELBOW_MEMORY, "no memory for measurements");
    ELBOW_TRY_OR_DONE(elbow_world_agree(world, status));
    double began = elbow_now();
    for (size_t turn = 0; turn < LEAST_TURNS || elbow_bench_goes_on(world, began, seconds); turn++) {
        ELBOW_TRY_OR_DONE(take_turn(run, taken, elbow_samples_row(&samples)));
        if (turn == 0) taken->quiet_count = 0; /* the first steps touch their memory for the first time */
    }
    ELBOW_TRY_OR_DONE(elbow_samples_gather(&samples, world));
    if (world->rank == 0) conclude(bench, &samples, taken);
done:
    elbow_samples_destroy(&samples);
    free(taken);
    return status;
}
