#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

enum { CELL = 32, FACTS = 9, MOST = 40 };

static const char *const fact_names[FACTS] = {"cpu",     "cores", "nodes",   "ranks", "threads",
                                              "kernels", "blas",  "library", "hosts"};

void elbow_cli_bench_machine(const elbow_bench_machine *m) {
    char binding[64] = "";
    if (m->bound > 0 && m->bound < m->cores)
        snprintf(binding, sizeof binding, ", each bound to %d", m->bound);
    elbow_notice("  machine  %s, %d core%s a node; %d node%s: %s", m->cpu, m->cores, m->cores == 1 ? "" : "s",
                 m->nodes, m->nodes == 1 ? "" : "s", m->hosts);
    elbow_notice("  ranks    %d, %d thread%s each%s; %s", m->ranks, m->threads, m->threads == 1 ? "" : "s",
                 binding, m->library);
    elbow_notice("  BLAS     %s; kernels %s", m->blas, m->kernels);
    int wanted = m->ranks * m->threads, there = m->cores * m->nodes;
    if (there > 0 && wanted > there)
        elbow_warn("%d ranks × %d threads on %d cores take turns: figures for nothing; start fewer ranks",
                   m->ranks, m->threads, there);
}

elbow_status elbow_cli_bench_begin(elbow_cli_bench_table *table, const elbow_bench_machine *machine,
                                   const char *const *columns, size_t count) {
    const char *names[MOST];
    *table = (elbow_cli_bench_table){.machine = machine};
    for (size_t i = 0; i < count; i++) names[i] = columns[i];
    for (size_t i = 0; i < FACTS; i++) names[count + i] = fact_names[i];
    return elbow_text_row(&table->text, names, count + FACTS);
}

elbow_status elbow_cli_bench_row(elbow_cli_bench_table *table, const char *word, const double *values,
                                 size_t count) {
    const elbow_bench_machine *m = table->machine;
    char text[MOST][CELL] = {{0}};
    const char *cells[MOST] = {word};
    const int numbers[] = {m->cores, m->nodes, m->ranks, m->threads};
    for (size_t i = 0; i < count; i++) {
        if (!isnan(values[i])) snprintf(text[i], CELL, "%.6g", values[i]);
        cells[1 + i] = text[i];
    }
    size_t at = 1 + count;
    cells[at++] = m->cpu;
    for (size_t i = 0; i < 4; i++, at++) {
        snprintf(text[at], CELL, "%d", numbers[i]);
        cells[at] = text[at];
    }
    cells[at++] = m->kernels;
    cells[at++] = m->blas;
    cells[at++] = m->library;
    cells[at++] = m->hosts;
    return elbow_text_row(&table->text, cells, at);
}

elbow_status elbow_cli_bench_end(elbow_cli_bench_table *table, const char *path, elbow_status status) {
    if (status == ELBOW_OK && path) status = elbow_text_write(&table->text, path);
    elbow_text_destroy(&table->text);
    return status;
}

elbow_status elbow_cli_bench_run(elbow_run **run, elbow_world *world, const elbow_cli_arguments *arguments,
                                 bool synthetic, const char *directory) {
    char out[1040];
    elbow_options *options = NULL;
    elbow_bench_synthetic images = {{0}, {0}};
    elbow_start start = {.out = directory ? out : NULL};
    if (directory) snprintf(out, sizeof out, "%.1024s/run", directory);
    *run = NULL;
    ELBOW_TRY(elbow_cli_bench_options(&options, world, arguments, synthetic, &images));
    elbow_status status = elbow_run_create(run, world, options, &start);
    elbow_bench_synthetic_remove(&images);
    if (status != ELBOW_OK && synthetic)
        elbow_fail_prefix(status, "--synthetic stands for images of 28 x 28");
    return status;
}

elbow_status elbow_cli_bench_options(elbow_options **options, elbow_world *world,
                                     const elbow_cli_arguments *arguments, bool synthetic,
                                     elbow_bench_synthetic *images) {
    elbow_options *made = NULL;
    *options = NULL;
    elbow_status status = elbow_cli_options(&made, arguments->count ? arguments->plain[0] : NULL, arguments);
    ELBOW_TRY_ALL(world, status);
    FILE *there = synthetic ? NULL : fopen(made->data.file, "rb");
    if (synthetic)
        status = elbow_bench_synthetic_make(images, world, made);
    else if (there == NULL)
        status = elbow_fail(ELBOW_IO,
                            "data.file = %s: no such file, or not for you; add --set data.file=FILE, or "
                            "--synthetic for random images",
                            made->data.file);
    if (there) fclose(there);
    status = elbow_world_agree(world, status);
    if (status != ELBOW_OK) elbow_options_destroy(&made);
    *options = made;
    return status;
}
