/* What a benchmark ran on: words, and two peaks that are measured, not looked up. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elbow/base/arena.h"
#include "elbow/parallel/library.h"
#include "math/gemm.h"
#include "math/peak.h"
#include "math/vector.h"
#include "train/bench_inside.h"
#include "train/facts.h"

enum { ROUNDS = 20000, TRIES = 8, TRIADS = 2 };
enum { LEAST_BYTES = 16 << 20, MOST_BYTES = 128 << 20 }; /* of one array of the triad */

static void find_cpu(char *text, size_t room) {
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(text, room, "unknown processor");
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || colon == NULL) continue;
        colon[strcspn(colon, "\n")] = 0;
        snprintf(text, room, "%.120s", colon + 1 + strspn(colon + 1, " "));
        break;
    }
    if (file) fclose(file);
}

/* The nodes by their lowest ranks, as many names as there is room for. */
static elbow_status find_hosts(char *text, size_t room, elbow_world *world) {
    enum { NAME = sizeof world->host };
    elbow_status status = ELBOW_OK;
    size_t ranks = (size_t)world->size, length = 0;
    char own[NAME] = "", *all = malloc(ranks * NAME);
    size_t *counts = calloc(ranks, sizeof *counts);
    if (world->node_rank == 0) snprintf(own, sizeof own, "%s", world->host);
    if (!all || !counts) status = elbow_fail(ELBOW_MEMORY, "no memory for the names of the nodes");
    status = elbow_world_agree(world, status);
    for (size_t r = 0; status == ELBOW_OK && r < ranks; r++) counts[r] = NAME;
    if (status == ELBOW_OK) status = elbow_world_allgather(world, own, all, counts);
    text[0] = 0;
    for (size_t r = 0; status == ELBOW_OK && r < ranks; r++) {
        const char *name = all + r * NAME;
        if (*name == 0) continue;
        if (length + strlen(name) + 8 > room) {
            snprintf(text + length, room - length, " …");
            break;
        }
        length += (size_t)snprintf(text + length, room - length, "%s%s", length ? " " : "", name);
    }
    free(all);
    free(counts);
    return status;
}

elbow_status elbow_bench_machine_find(elbow_bench_machine *machine, elbow_world *world, int threads) {
    *machine = (elbow_bench_machine){.cores = elbow_cores_online(),
                                     .bound = elbow_cores_bound(),
                                     .ranks = world->size,
                                     .nodes = world->nodes,
                                     .threads = threads};
    elbow_blas_set_threads(threads);
    find_cpu(machine->cpu, sizeof machine->cpu);
    snprintf(machine->kernels, sizeof machine->kernels, "%s", elbow_kernel_instruction_set());
    snprintf(machine->blas, sizeof machine->blas, "%s", elbow_blas_describe());
    elbow_library_describe(machine->library, sizeof machine->library);
    return find_hosts(machine->hosts, sizeof machine->hosts, world);
}

/* Arrays that together are several times what caches the ranks of a node share. */
static size_t triad_bytes(const elbow_world *world) {
    double cache = 0;
#ifdef _SC_LEVEL3_CACHE_SIZE
    cache = (double)sysconf(_SC_LEVEL3_CACHE_SIZE);
#endif
    double bytes = 4 * cache / 3 / world->node_size;
    return (size_t)fmin(fmax(bytes, LEAST_BYTES), MOST_BYTES);
}

elbow_status elbow_bench_peaks_create(elbow_bench_peaks *peaks, const elbow_world *world) {
    *peaks = (elbow_bench_peaks){.count = triad_bytes(world) / sizeof(real)};
    ELBOW_TRY(elbow_arena_create(&peaks->arena));
    ELBOW_TRY(elbow_arena_reals(peaks->arena, peaks->count, &peaks->a));
    ELBOW_TRY(elbow_arena_reals(peaks->arena, peaks->count, &peaks->b));
    ELBOW_TRY(elbow_arena_reals(peaks->arena, peaks->count, &peaks->c));
    for (size_t i = 0; i < peaks->count; i++) peaks->b[i] = peaks->c[i] = 1; /* pages of their own */
    return ELBOW_OK;
}

void elbow_bench_peaks_destroy(elbow_bench_peaks *peaks) { elbow_arena_destroy(&peaks->arena); }

void elbow_bench_peaks_measure(elbow_bench_peaks *peaks, elbow_world *world) {
    elbow_world_barrier(world);
    for (int i = 0; i < TRIES; i++) {
        double began = elbow_now(), flops = elbow_peak_run(ROUNDS);
        peaks->flops = fmax(peaks->flops, flops / (elbow_now() - began));
    }
    elbow_world_barrier(world);
    for (int i = 0; i < TRIADS; i++) {
        double began = elbow_now();
        elbow_peak_triad(peaks->a, peaks->b, peaks->c, (real)0.5, peaks->count);
        double rate = 3.0 * (double)(peaks->count * sizeof(real)) / (elbow_now() - began);
        peaks->bandwidth = fmax(peaks->bandwidth, rate);
    }
}

elbow_status elbow_bench_peaks_finish(elbow_bench_peaks *peaks, elbow_world *world,
                                      elbow_bench_machine *machine) {
    elbow_samples samples;
    double least = 0;
    elbow_status status = elbow_samples_create(&samples, 2, 1);
    if (status == ELBOW_OK) {
        double *row = elbow_samples_row(&samples);
        row[0] = 1 / peaks->flops;
        row[1] = 1 / peaks->bandwidth;
    }
    status = elbow_world_agree(world, status);
    if (status == ELBOW_OK) status = elbow_samples_gather(&samples, world);
    if (status == ELBOW_OK && world->rank == 0) {
        double most = 0;
        elbow_samples_slowest(&samples, 0, &least, &most);
        machine->flops = 1 / most;
        elbow_samples_slowest(&samples, 1, &least, &most);
        machine->bandwidth = 1 / most;
    }
    elbow_samples_destroy(&samples);
    return status;
}
