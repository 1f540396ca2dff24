#include "train/pace.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "elbow/base/log.h"
#include "elbow/base/number.h"
#include "train/report.h"

enum { SLOW_DISK = 100000000 };                 /* bytes a second */
enum { FIRST_RETRY = 30, LONGEST_RETRY = 600 }; /* seconds */

void elbow_pace_begin(elbow_pace *pace, const elbow_run *run) {
    const elbow_options *options = run->options;
    size_t values = elbow_vae_params(run->vae)->size * (1 + elbow_optimizer_slots(run->optimizer));
    *pace = (elbow_pace){
        .saved = elbow_now(),
        /* Until one has been written, a slow disk's word for it. */
        .save_cost = (double)(values * sizeof(real)) / SLOW_DISK,
        .stop = {.end = INFINITY},
    };
    if (run->world->rank == 0)
        pace->stop =
            elbow_stop_clock_start(run->born, options->checkpoint.time_limit, options->checkpoint.margin);
}

/* "13:42", with the day where it is another one. */
static void format_moment(char text[64], double from_now) {
    time_t now = time(NULL), then = now + (time_t)fmin(from_now, 1e9);
    struct tm today, day;
    if (localtime_r(&now, &today) == NULL || localtime_r(&then, &day) == NULL) {
        snprintf(text, 64, "in %.0f s", from_now);
        return;
    }
    bool same = today.tm_year == day.tm_year && today.tm_yday == day.tm_yday;
    strftime(text, 64, same ? "at %H:%M:%S" : "on %Y-%m-%d at %H:%M", &day);
}

static void say_stop(const elbow_pace *pace) {
    const elbow_stop_clock *stop = &pace->stop;
    char moment[64], left[32], margin[32];
    if (stop->name == NULL) return;
    double from_now = stop->end - elbow_now();
    format_moment(moment, from_now);
    elbow_format_time(left, sizeof left, fmax(from_now, 0));
    elbow_number_rounded_text(margin, fmin(stop->margin, stop->most), 3);
    elbow_notice("           %s ends it %s, in %s: stops, saved, %s s and a checkpoint's time before that",
                 stop->name, moment, left, margin);
}

void elbow_pace_say(const elbow_pace *pace, const elbow_run *run) {
    if (run->world->rank != 0) return;
    say_stop(pace);
}

/* Before the first evaluation: as if its examples were steps. Evaluation has no way back, and takes less. */
static double estimate_evaluation(const elbow_run *run, double step) {
    size_t examples = 0;
    for (elbow_split split = ELBOW_VALID; split < ELBOW_SPLITS; split++)
        if (run->evaluators[split]) examples += elbow_dataset_count(run->dataset, split);
    return step * (double)examples * (double)run->options->train.evaluate_samples / (double)run->order.batch;
}

void elbow_pace_stepped(elbow_pace *pace, const elbow_run *run, double seconds) {
    pace->step = fmax(pace->step, seconds);
    if (!pace->evaluated) pace->evaluation = estimate_evaluation(run, seconds);
}

void elbow_pace_evaluated(elbow_pace *pace, double seconds) {
    pace->evaluation = pace->evaluated ? fmax(pace->evaluation, seconds) : seconds;
    pace->evaluated = true;
}

void elbow_pace_saved(elbow_pace *pace, double seconds) {
    pace->save_cost = seconds;
    pace->failures = 0;
    pace->wait = 0;
}

bool elbow_pace_failed(elbow_pace *pace, double now) {
    bool waited_for = pace->failures == 0 || now >= pace->retry;
    pace->failures++;
    if (!waited_for) return false; /* every_steps has tried meanwhile */
    pace->wait = fmin(fmax(2 * pace->wait, FIRST_RETRY), LONGEST_RETRY);
    pace->retry = now + pace->wait;
    return true;
}

bool elbow_pace_save_due(const elbow_pace *pace, const elbow_run *run, double now) {
    double minutes = run->options->checkpoint.every_minutes;
    if (pace->failures > 0 && now >= pace->retry) return true;
    return minutes > 0 && now - pace->saved >= 60 * minutes;
}

/* A flag raised before a step is acted on at its end, one that is not yet raised at the next: two steps. A checkpoint may
 * be under way then: two of those. */
double elbow_pace_needed(const elbow_pace *pace, bool evaluates) {
    return 2 * (pace->step + pace->save_cost) + (evaluates ? pace->evaluation : 0);
}
