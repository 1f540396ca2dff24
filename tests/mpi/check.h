/* Checks for programs that run on several ranks. A failed one ends all ranks at once, so that none waits for a rank
 * that has given up. */
#ifndef ELBOW_TESTS_MPI_CHECK_H
#define ELBOW_TESTS_MPI_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/error.h"
#include "elbow/parallel/world.h"

static elbow_world *world;

#define CHECK(condition, ...)                                                                                \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: rank %d of %d: %s fails: ", __FILE__, __LINE__, world->rank,             \
                    world->size, #condition);                                                                \
            fprintf(stderr, __VA_ARGS__);                                                                    \
            fprintf(stderr, "; last message: %s\n", elbow_error_message());                                  \
            fflush(stderr);                                                                                  \
            elbow_world_abort(world, 1);                                                                     \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* Opens the world, runs the tests in order, and says which on rank 0. */
typedef struct rank_test {
    const char *name;
    void (*run)(void);
} rank_test;

static inline int run_on_ranks(int argc, char **argv, const rank_test *tests, size_t count) {
    if (elbow_world_open(&world, &argc, &argv) != ELBOW_OK) {
        fprintf(stderr, "%s\n", elbow_error_message());
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        tests[i].run();
        elbow_world_barrier(world);
        if (world->rank == 0) printf("ok: %s, %d ranks\n", tests[i].name, world->size);
    }
    elbow_world_close(&world);
    return world == NULL ? 0 : 1;
}

/* Every rank has the same last message. */
static inline void check_same_message(void) {
    char mine[4096] = "", first[4096];
    snprintf(mine, sizeof mine, "%s", elbow_error_message());
    memcpy(first, mine, sizeof first);
    elbow_world_broadcast(world, first, sizeof first, 0);
    CHECK(strcmp(mine, first) == 0, "here `%s`, on rank 0 `%s`", mine, first);
}

static inline uint64_t hash_of(uint64_t a, uint64_t b, uint64_t c) { /* SplitMix64's finaliser, chained */
    uint64_t v = 0;
    const uint64_t parts[] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        v = (v ^ parts[i]) + UINT64_C(0x9E3779B97F4A7C15);
        v = (v ^ v >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
        v = (v ^ v >> 27) * UINT64_C(0x94D049BB133111EB);
        v ^= v >> 31;
    }
    return v;
}

#endif
