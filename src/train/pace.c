#include "train/pace.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "elbow/base/log.h"
#include "elbow/base/number.h"
#include "train/memory.h"
#include "train/protocol.h"
#include "train/report.h"

#define MOST_MINUTES 1e6
#define MOST_MARGIN  86400.0 /* seconds */

enum { SLOW_DISK = 100000000 };                 /* bytes a second */
enum { SHORTEST = 60, LONGEST = 3600 };         /* seconds between checkpoints that are found automatically */
enum { FIRST_RETRY = 30, LONGEST_RETRY = 600 }; /* seconds */

elbow_status elbow_pace_interval(const elbow_options *options, double *seconds, bool *automatic) {
    const char *text = options->checkpoint.every_minutes;
    double minutes = 0;
    *automatic = strcmp(text, "auto") == 0;
    *seconds = 0;
    if (*automatic) return ELBOW_OK;
    elbow_status status = elbow_number_real(text, 0, MOST_MINUTES, &minutes);
    if (status != ELBOW_OK) return elbow_fail_prefix(status, "neither auto nor minutes");
    *seconds = 60 * minutes;
    return ELBOW_OK;
}

elbow_status elbow_pace_check(const elbow_options *o) {
    double interval;
    bool automatic;
    elbow_status status = elbow_pace_interval(o, &interval, &automatic);
    if (status != ELBOW_OK) return elbow_options_blame(o, "checkpoint.every_minutes", status);
    if (!(o->checkpoint.mtbf > 0))
        return elbow_options_blame(
            o, "checkpoint.mtbf",
            elbow_fail(ELBOW_USAGE, "no time between failures is no mean of any; give hours or days"));
    if (o->checkpoint.margin > MOST_MARGIN)
        return elbow_options_blame(o, "checkpoint.margin",
                                   elbow_fail(ELBOW_USAGE, "more than a day would be left unused before each "
                                                           "limit; seconds or minutes do"));
    if (o->parallel.timeout > 0 && o->parallel.timeout < 1)
        return elbow_options_blame(
            o, "parallel.timeout",
            elbow_fail(ELBOW_USAGE,
                       "a run that only computes would be ended; 0 waits for ever, else at least 1s"));
    return ELBOW_OK;
}

double elbow_pace_optimum(double cost, double mtbf, double writing) {
    double best = sqrt(2 * cost * mtbf);
    return fmax(fmin(fmax(best, SHORTEST), LONGEST), 2 * writing);
}

void elbow_pace_begin(elbow_pace *pace, const elbow_run *run) {
    const elbow_options *options = run->options;
    *pace = (elbow_pace){
        .saved = elbow_now(),
        /* Until one has been written, a slow disk's word for it. */
        .save_cost = (double)elbow_memory_lasting(run) / SLOW_DISK,
        .stop = {.end = INFINITY},
    };
    elbow_pace_interval(options, &pace->interval, &pace->automatic); /* checked with the options */
    pace->mtbf = options->checkpoint.mtbf;
    if (pace->automatic) pace->interval = SHORTEST; /* until one is measured */
    if (run->world->rank == 0)
        pace->stop =
            elbow_stop_clock_start(run->born, options->checkpoint.time_limit, options->checkpoint.margin);
}

/* "13:42", with the day where it is another one. */
static void format_moment(char text[64], double from_now) {
    time_t now = time(NULL), then = now + (time_t)fmin(fmax(from_now, 0), 1e9);
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
    char moment[64], saved[64], left[32];
    if (stop->name == NULL) return;
    double from_now = stop->end - elbow_now();
    format_moment(moment, from_now);
    elbow_format_time(left, sizeof left, fmax(from_now, 0));
    format_moment(saved, from_now - fmin(stop->margin, stop->most));
    elbow_notice("           %s ends it %s, in %s: it stops in time to be saved %s", stop->name, moment, left,
                 saved);
}

static void say_saves(const elbow_pace *pace, const elbow_run *run) {
    const elbow_options *options = run->options;
    char steps[64] = "", clock[96] = "", time[ELBOW_NUMBER_BYTES];
    if (options->checkpoint.every_steps > 0)
        snprintf(steps, sizeof steps, "every %lld steps%s", (long long)options->checkpoint.every_steps,
                 pace->interval > 0 ? " and " : "");
    elbow_number_duration_text(time, pace->automatic ? pace->mtbf : pace->interval);
    if (pace->automatic)
        snprintf(clock, sizeof clock, "by their cost, for a failure every %s (auto)", time);
    else if (pace->interval > 0)
        snprintf(clock, sizeof clock, "every %s", time);
    elbow_notice("  saves    %s%s%s; keeps %lld%s", steps, clock,
                 steps[0] || clock[0] ? "" : "at the best and the end only",
                 (long long)options->checkpoint.keep, options->checkpoint.verify ? ", each read back" : "");
}

void elbow_pace_say(const elbow_pace *pace, const elbow_run *run) {
    if (run->world->rank != 0) return;
    say_saves(pace, run);
    say_stop(pace);
}

/* Before the first evaluation: as if its examples were steps. Evaluation has no way back, and takes less. */
static double estimate_evaluation(const elbow_run *run, double step) {
    size_t examples = 0;
    for (elbow_split split = ELBOW_VALID; split < ELBOW_SPLITS; split++)
        if (elbow_protocol_evaluates(run, split)) examples += elbow_dataset_count(run->dataset, split);
    return step * (double)examples * (double)run->options->train.evaluate_samples / (double)run->order.batch;
}

/* The longest of late: what was once suspended, or stood before a file system, is forgotten by halves. */
static double longest(double before, double seconds, double forgets) {
    return fmax(seconds, before - (before - seconds) * forgets);
}

void elbow_pace_stepped(elbow_pace *pace, const elbow_run *run, double seconds) {
    pace->step = longest(pace->step, seconds, 0.02);
    if (!pace->evaluated) pace->evaluation = estimate_evaluation(run, seconds);
}

void elbow_pace_evaluated(elbow_pace *pace, double seconds) {
    pace->evaluation = pace->evaluated ? longest(pace->evaluation, seconds, 0.5) : seconds;
    pace->evaluated = true;
}

void elbow_pace_stalled(elbow_pace *pace, double seconds) { pace->stall += seconds; }

/* The first is waited for whole, and says too much: what it has said is soon forgotten. */
static void adapt(elbow_pace *pace) {
    char interval[32];
    pace->cost = pace->cost > 0 ? (pace->cost + pace->stall) / 2 : pace->stall;
    double found = elbow_pace_optimum(pace->cost, pace->mtbf, pace->save_cost);
    elbow_format_time(interval, sizeof interval, found);
    if (fabs(found - pace->interval) >= 1)
        elbow_detail("checkpoint.every_minutes = auto: every %s, as one costs %.3g s", interval, pace->cost);
    pace->interval = found;
}

void elbow_pace_saved(elbow_pace *pace, double seconds) {
    pace->save_cost = seconds;
    pace->failures = 0;
    pace->wait = 0;
    if (pace->automatic) adapt(pace);
    pace->stall = 0;
}

bool elbow_pace_failed(elbow_pace *pace, double now) {
    bool waited_for = pace->failures == 0 || now >= pace->retry;
    pace->failures++;
    if (!waited_for) return false; /* every_steps has tried meanwhile */
    pace->wait = fmin(fmax(2 * pace->wait, FIRST_RETRY), LONGEST_RETRY);
    pace->retry = now + pace->wait;
    return true;
}

bool elbow_pace_save_due(const elbow_pace *pace, double now) {
    if (pace->failures > 0 && now >= pace->retry) return true;
    return pace->interval > 0 && now - pace->saved >= pace->interval;
}

/* A flag raised before a step is acted on at its end, one that is not yet raised at the next: two steps. A checkpoint may
 * be under way then: two of those. */
double elbow_pace_needed(const elbow_pace *pace, bool evaluates) {
    return 2 * (pace->step + pace->save_cost) + (evaluates ? pace->evaluation : 0);
}
