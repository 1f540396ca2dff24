/* Repetitions, medians and the slowest of ranks. */
#include <stdlib.h>
#include <string.h>

#include "elbow/train/stop.h"
#include "train/bench_inside.h"

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Between two values, by where the quantile falls. */
static double quantile(const double *sorted, size_t count, double q) {
    double at = q * (double)(count - 1);
    size_t low = (size_t)at;
    if (low + 1 >= count) return sorted[count - 1];
    return sorted[low] + (at - (double)low) * (sorted[low + 1] - sorted[low]);
}

elbow_spread elbow_spread_of(double *values, size_t count) {
    if (count == 0) return (elbow_spread){0};
    qsort(values, count, sizeof *values, by_value);
    return (elbow_spread){quantile(values, count, 0.25), quantile(values, count, 0.5),
                          quantile(values, count, 0.75)};
}

elbow_status elbow_samples_create(elbow_samples *s, size_t columns, size_t room) {
    *s = (elbow_samples){.columns = columns, .room = room};
    s->own = calloc(columns * room, sizeof *s->own);
    s->scratch = calloc(room, sizeof *s->scratch);
    ELBOW_CHECK(s->own && s->scratch, ELBOW_MEMORY, "no memory for the measurements");
    return ELBOW_OK;
}

void elbow_samples_destroy(elbow_samples *s) {
    free(s->own);
    free(s->all);
    free(s->scratch);
    *s = (elbow_samples){0};
}

double *elbow_samples_row(elbow_samples *s) {
    if (s->rows < s->room) s->rows++;
    return s->own + (s->rows - 1) * s->columns;
}

elbow_status elbow_samples_gather(elbow_samples *s, elbow_world *world) {
    size_t bytes = s->rows * s->columns * sizeof(double);
    elbow_status status = ELBOW_OK;
    s->ranks = (size_t)world->size;
    size_t *counts = calloc(s->ranks, sizeof *counts);
    if (world->rank == 0) s->all = malloc(s->ranks * bytes + 1);
    if (counts == NULL || (world->rank == 0 && s->all == NULL))
        status = elbow_fail(ELBOW_MEMORY, "no memory for the measurements of %zu ranks", s->ranks);
    status = elbow_world_agree(world, status);
    for (size_t r = 0; status == ELBOW_OK && r < s->ranks; r++) counts[r] = bytes;
    if (status == ELBOW_OK) status = elbow_world_gather(world, s->own, s->all, counts);
    free(counts);
    return status;
}

static double value(const elbow_samples *s, size_t rank, size_t row, size_t column) {
    return s->all[(rank * s->rows + row) * s->columns + column];
}

elbow_spread elbow_samples_rank(elbow_samples *s, size_t rank, size_t column) {
    for (size_t i = 0; i < s->rows; i++) s->scratch[i] = value(s, rank, i, column);
    return elbow_spread_of(s->scratch, s->rows);
}

elbow_spread elbow_samples_slowest(elbow_samples *s, size_t column, double *least, double *most) {
    elbow_spread slowest = {0};
    for (size_t r = 0; r < s->ranks; r++) {
        elbow_spread spread = elbow_samples_rank(s, r, column);
        if (r == 0 || spread.median > slowest.median) slowest = spread;
        if (r == 0 || spread.median < *least) *least = spread.median;
    }
    *most = slowest.median;
    return slowest;
}

double elbow_samples_worst(const elbow_samples *s, size_t row, size_t column) {
    double worst = 0;
    for (size_t r = 0; r < s->ranks; r++) {
        double v = value(s, r, row, column);
        if (v > worst) worst = v;
    }
    return worst;
}

bool elbow_bench_goes_on(elbow_world *world, double began, double seconds) {
    int goes_on = elbow_now() - began < seconds && elbow_stop_reason(NULL, NULL, 0) == NULL;
    elbow_world_broadcast(world, &goes_on, sizeof goes_on, 0);
    return goes_on;
}
