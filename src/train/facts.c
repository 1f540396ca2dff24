#include "train/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/version.h"
#include "math/gemm.h"
#include "math/vector.h"
#include "train/advice.h"

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "another compiler"
#endif

/* Lines of advice, one after another. */
typedef struct advice {
    char *text;
    size_t length;
} advice;

static void add_line(void *context, const char *line) {
    advice *a = context;
    size_t length = strlen(line);
    char *text = realloc(a->text, a->length + length + 2);
    if (text == NULL) return; /* a word less */
    snprintf(text + a->length, length + 2, "%s\n", line);
    a->text = text;
    a->length += length + 1;
}

/* Rank 0 looks at where all ranks sit. */
static elbow_status find_advice(elbow_run *run, bool obeys) {
    elbow_world *world = run->world;
    void *seats = NULL;
    elbow_seat seat;
    advice a = {0};
    elbow_seat_find(&seat, world->node, world->host);
    ELBOW_TRY(elbow_world_gather_new(world, &seat, sizeof seat, &seats));
    if (world->rank != 0) return ELBOW_OK;
    int threads = (int)run->facts.threads;
    elbow_advise(seats, (size_t)world->size, threads, add_line, &a);
    elbow_advise_environment(getenv("OMP_NUM_THREADS"), getenv("OPENBLAS_NUM_THREADS"), threads, obeys,
                             add_line, &a);
    run->advice = a.text;
    free(seats);
    return ELBOW_OK;
}

elbow_status elbow_facts_agree(elbow_run *run) {
    elbow_facts *facts = &run->facts;
    elbow_world *world = run->world;
    facts->threads = run->options->train.threads;
    facts->ranks = world->size;
    facts->nodes = world->nodes;
    bool set = elbow_blas_set_threads((int)facts->threads);
    elbow_status status = ELBOW_OK;
    if (!set && facts->threads > 1)
        status = elbow_fail(ELBOW_USAGE, "%s cannot be told its threads; set train.threads = 1",
                            elbow_blas_describe());
    ELBOW_TRY_ALL(world, status);
    snprintf(facts->build, sizeof facts->build, "elbow %s, %s, %s", ELBOW_VERSION, ELBOW_REAL_NAME, COMPILER);
    snprintf(facts->instruction_set, sizeof facts->instruction_set, "%s", elbow_kernel_instruction_set());
    snprintf(facts->blas, sizeof facts->blas, "%s", elbow_blas_describe());
    snprintf(facts->host, sizeof facts->host, "%s", world->host);

    ELBOW_TRY(elbow_world_same(world, facts->build, "program", "start the same one on every node"));
    char mend[256];
    snprintf(mend, sizeof mend,
             "their products round differently: set %s, a kernel that all nodes have, for every rank",
             elbow_blas_common_kernel());
    ELBOW_TRY(elbow_world_same(world, facts->blas, "BLAS", mend));
    return find_advice(run, set);
}
