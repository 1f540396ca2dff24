/* Values that change with the global step: learning rate, temperature, KL weight. One grammar for all:
 *
 *     VALUE | constant VALUE                       v
 *     linear FROM TO [steps=N]                     from + (to − from) · min(1, u / N)
 *     exponential FROM TO rate=R                   max(to, from · exp(−R u)) when TO < FROM; min(…, exp(+R u)) when TO > FROM
 *     cosine FROM TO [steps=N]                     to + (from − to) · (1 + cos(π · min(1, u / N))) / 2
 *     step FROM FACTOR every=N                     from · factor^⌊u / N⌋
 *     sigmoid FROM TO [steps=N]                    from + (to − from) · s(min(1, u / N)), s the logistic function of 10 (f − ½), stretched
 *                                                  to reach 0 and 1
 *     cyclic FROM TO every=N [ratio=R]             from + (to − from) · min(1, (u mod N) / (R N)), R = 0.5: Fu et al. 2019
 *     … [warmup=W]                                 times min(1, (t + 1) / W)
 *     … [every=N]                                  the formula is looked at every N steps only (not for `constant`, `step`, `cyclic`)
 *
 * t = 0, 1, … is the global step, which never restarts at an epoch. The formula sees u = max(0, t′ − W), with
 * t′ = N·⌊t / N⌋ where `every=N` is given and t′ = t otherwise; warm-up sees t itself. So the formula stands at
 * its start while W steps warm up, and then begins. N without `steps=` is what warm-up leaves of the run's
 * length. Row A's temperature, max(0.5, exp(−3e-5·t)) looked at every 100 steps, is
 * `exponential 1.0 0.5 rate=3e-5 every=100`. FROM of an exponential, and FACTOR, are above 0.
 *
 * Computed in double from t alone, so a resumed run has the same values. All functions are Local. */
#ifndef ELBOW_OPTIM_SCHEDULE_H
#define ELBOW_OPTIM_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "elbow/base/error.h"

typedef struct elbow_schedule_ops elbow_schedule_ops;

typedef struct elbow_schedule {
    const elbow_schedule_ops *ops;
    double from, to; /* for `step`, `to` is the factor */
    double rate;     /* exponential, per step; cyclic, the ratio */
    int64_t steps;   /* length; 0 means the run's */
    int64_t every;   /* granularity of t, at least 1 */
    int64_t warmup;  /* steps, 0 for none */
} elbow_schedule;

/* ELBOW_USAGE: an unknown shape, word or number, with the grammar of the nearest shape; *schedule is then as
 * before. */
elbow_status elbow_schedule_parse(elbow_schedule *schedule, const char *text);

/* The value at global step t of a run of run_steps steps. */
double elbow_schedule_value(const elbow_schedule *schedule, int64_t t, int64_t run_steps);

/* The least and the most of the values at steps 0 … run_steps − 1: what a temperature above 0 is checked by. */
void elbow_schedule_range(const elbow_schedule *schedule, int64_t run_steps, double *least, double *most);

/* Whether the value depends on the run's length: what extending a finished run has to mention. */
bool elbow_schedule_spans_run(const elbow_schedule *schedule);

#endif
