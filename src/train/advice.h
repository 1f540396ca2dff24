/* Advice at the start of a run: where ranks sit, and what of it costs speed. Nothing here changes a result. */
#ifndef ELBOW_SRC_TRAIN_ADVICE_H
#define ELBOW_SRC_TRAIN_ADVICE_H

#include <stddef.h>
#include <stdint.h>

#include "base/cores.h"

/* What a rank finds where it was started. */
typedef struct elbow_seat {
    uint64_t mask[ELBOW_CORE_WORDS];  /* the cores it may use (cores.h) */
    uint64_t whole[ELBOW_CORE_WORDS]; /* the same by whole cores; all 0: unknown */
    double quota;                     /* cores' worth of time for its control group; 0: no limit */
    int64_t node;
    int64_t online, bound; /* cores of the node, and those it may use; 0 where unknown */
    int64_t granted;       /* cores that the job, or the container, has of the node; 0 where unknown */
    char host[64];
    char binder[64]; /* a variable that lets OpenMP bind threads: "OMP_PROC_BIND=close"; or "" */
} elbow_seat;

/* This process's. */
void elbow_seat_find(elbow_seat *seat, int node, const char *host);

typedef void elbow_advice_say(void *context, const char *text);

/* Calls `say` with a line for each thing that costs speed in seats [count] of ranks with that many threads each: what was
 * found, what it costs, and what to do; of many nodes with the same trouble, the first. Local. */
void elbow_advise(const elbow_seat *seats, size_t count, int threads, elbow_advice_say *say, void *context);

/* The same for variables of the environment that name another number of threads than train.threads does (getenv's
 * values, NULL where not set). `obeys`: the BLAS can be told its threads; else the variables are what it goes by. */
void elbow_advise_environment(const char *omp, const char *openblas, int threads, int obeys,
                              elbow_advice_say *say, void *context);

/* What a rank will hold, and what its node has for it. */
typedef struct elbow_need {
    int64_t node;
    double bytes; /* of this rank, its libraries' included */
    double limit; /* of all ranks of the node: its memory, or their control group's; HUGE_VAL where unknown */
    char host[64];
} elbow_need;

/* Says of the first node whose ranks need more than it has, that they do. */
void elbow_advise_memory(const elbow_need *needs, size_t count, elbow_advice_say *say, void *context);

#endif
