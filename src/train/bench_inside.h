/* What the files of train/bench.h share. Nobody else includes this. */
#ifndef ELBOW_SRC_TRAIN_BENCH_INSIDE_H
#define ELBOW_SRC_TRAIN_BENCH_INSIDE_H

#include "elbow/train/bench.h"

/* --- samples: repetitions of several quantities, of every rank --- */

/* Sorts values. */
elbow_spread elbow_spread_of(double *values, size_t count);

typedef struct elbow_samples {
    size_t columns, rows, room;
    double *own; /* (room, columns) */
    double *all; /* rank 0: (ranks, rows, columns), after elbow_samples_gather; NULL elsewhere */
    double *scratch;
    size_t ranks;
} elbow_samples;

/* Local. */
elbow_status elbow_samples_create(elbow_samples *samples, size_t columns, size_t room);
void elbow_samples_destroy(elbow_samples *samples);

/* The next row, to be filled; the last again where there is no room. Local. */
double *elbow_samples_row(elbow_samples *samples);

/* To rank 0. Collective. */
elbow_status elbow_samples_gather(elbow_samples *samples, elbow_world *world);

/* On rank 0: a rank's spread of a column; the slowest rank's, with the least and most medians of ranks; and the spread over
 * repetitions of the largest of all ranks. Local. */
elbow_spread elbow_samples_rank(elbow_samples *samples, size_t rank, size_t column);
elbow_spread elbow_samples_slowest(elbow_samples *samples, size_t column, double *least, double *most);
double elbow_samples_worst(const elbow_samples *samples, size_t row, size_t column);

/* --- the machine's peaks --- */

typedef struct elbow_bench_peaks {
    elbow_arena *arena;
    size_t count; /* reals in each of the triad's arrays */
    real *a, *b, *c;
    double flops, bandwidth; /* this rank's best so far */
} elbow_bench_peaks;

elbow_status elbow_bench_peaks_create(elbow_bench_peaks *peaks, const elbow_world *world); /* Local */
void elbow_bench_peaks_destroy(elbow_bench_peaks *peaks);
void elbow_bench_peaks_measure(elbow_bench_peaks *peaks, elbow_world *world);
elbow_status elbow_bench_peaks_finish(elbow_bench_peaks *peaks, elbow_world *world,
                                      elbow_bench_machine *machine);

/* --- the products of a step, and the same alone --- */

typedef struct elbow_floor elbow_floor;

/* Local. */
elbow_status elbow_floor_create(elbow_floor **floor);
void elbow_floor_destroy(elbow_floor **floor);

/* Watches the products of the step that fills `report`. The first such step is the one that is replayed. */
void elbow_floor_watch(elbow_floor *floor, const elbow_step_report *report);
/* Ends that. within: (ELBOW_PHASES) seconds of products in the step. Makes the buffers, after the first. */
elbow_status elbow_floor_stop(elbow_floor *floor, double *within);

/* All products once more, on buffers that are shared as the step's were; seconds by phase, and in all. */
double elbow_floor_run(elbow_floor *floor, double *phases);
double elbow_floor_flops(const elbow_floor *floor, elbow_phase phase);

/* Products by shape, malloc'd. */
elbow_status elbow_floor_list(elbow_floor *floor, elbow_bench_product **products, size_t *count);

/* Goes on until `seconds` are over by rank 0's clock. Collective. */
bool elbow_bench_goes_on(elbow_world *world, double began, double seconds);

#endif
