/* Values that change with the global step: learning rate, temperature, KL weight. One grammar for all:
 *
 *     VALUE | constant VALUE                       v
 *     linear FROM TO [steps=N]                     from + (to − from) · min(1, t / N)
 *     exponential FROM TO rate=R                   max(to, from · exp(−R t)) when TO < FROM; min(…, exp(+R t)) when TO > FROM
 *     cosine FROM TO [steps=N]                     to + (from − to) · (1 + cos(π · min(1, t / N))) / 2
 *     step FROM FACTOR every=N                     from · factor^⌊t / N⌋
 *     … [warmup=W]                                 times min(1, (t + 1) / W); the rest starts at t = W
 *     … [every=N]                                  t is looked at every N steps only: t ← N·⌊t / N⌋
 *
 * N without `steps=` is the length of the run. t is the global step and never restarts at an epoch. Computed
 * in double from t alone, so a resumed run has the same values. All functions are Local. */
#ifndef ELBOW_OPTIM_SCHEDULE_H
#define ELBOW_OPTIM_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "elbow/base/error.h"

typedef struct elbow_schedule_ops elbow_schedule_ops;

typedef struct elbow_schedule {
    const elbow_schedule_ops *ops;
    double from, to; /* for `step`, `to` is the factor */
    double rate;     /* exponential, per step */
    int64_t steps;   /* length; 0 means the run's */
    int64_t every;   /* granularity of t, at least 1 */
    int64_t warmup;  /* steps, 0 for none */
} elbow_schedule;

/* ELBOW_USAGE: an unknown shape, word or number, with the grammar of the nearest shape. */
elbow_status elbow_schedule_parse(elbow_schedule *schedule, const char *text);

/* The value at global step t of a run of run_steps steps. */
double elbow_schedule_value(const elbow_schedule *schedule, int64_t t, int64_t run_steps);

/* Whether the value depends on the run's length: what extending a finished run has to mention. */
bool elbow_schedule_spans_run(const elbow_schedule *schedule);

#endif
