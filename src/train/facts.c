#ifdef __linux__
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "train/facts.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "elbow/version.h"
#include "math/gemm.h"
#include "math/vector.h"

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "another compiler"
#endif

int elbow_cores_bound(void) {
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    return 0;
}

int elbow_cores_online(void) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (int)cores : 0;
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
    return elbow_world_same(
        world, facts->blas, "BLAS",
        "their products round differently: set OPENBLAS_CORETYPE=Haswell, a kernel that all nodes "
        "have, for every rank");
}
