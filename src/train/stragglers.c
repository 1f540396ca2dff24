#include "train/stragglers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/log.h"
#include "train/hang.h"
#include "train/pulse.h"
#include "train/summary.h"

enum { LINE = 1024, LIST = 256 };
static const double slower = 1.1, costs = 0.05;                 /* of the others, and of the time */
static const double short_life = 30, sticks_out = 2, worth = 2; /* seconds; of the others; seconds waited */

/* Milliseconds of a step for each shard that a rank plays. */
static double pace(const elbow_compute_time *rank, int64_t steps) {
    return 1e3 * rank->seconds / (double)rank->shards / (double)steps;
}

/* Marks the slow ones: nearer to the slowest than to the mean of all. */
static size_t mark_slow(bool *slow, const elbow_compute_time *ranks, size_t count, int64_t steps) {
    double most = 0, sum = 0;
    size_t marked = 0;
    for (size_t r = 0; r < count; r++) {
        most = fmax(most, pace(&ranks[r], steps));
        sum += pace(&ranks[r], steps);
    }
    double line = (most + sum / (double)count) / 2;
    for (size_t r = 0; r < count; r++) marked += slow[r] = pace(&ranks[r], steps) >= line;
    return marked;
}

/* Mean pace of the slow, or of the others. */
static double mean_pace(const bool *slow, bool which, const elbow_compute_time *ranks, size_t count,
                        int64_t steps) {
    double sum = 0;
    size_t of = 0;
    for (size_t r = 0; r < count; r++) {
        if (slow[r] != which) continue;
        sum += pace(&ranks[r], steps);
        of++;
    }
    return of > 0 ? sum / (double)of : 0;
}

/* "rank 3 on n2", "node n2 (ranks 4-7)", or "ranks 3, 9". */
static void name_slow(char *text, size_t room, const bool *slow, const elbow_compute_time *ranks,
                      size_t count, size_t marked) {
    const char *host = NULL;
    bool one_host = true;
    size_t of_host = 0;
    char list[LIST];
    for (size_t r = 0; r < count; r++) {
        if (!slow[r]) continue;
        if (host == NULL) host = ranks[r].host;
        one_host = one_host && strcmp(host, ranks[r].host) == 0;
    }
    for (size_t r = 0; r < count; r++) of_host += host != NULL && strcmp(host, ranks[r].host) == 0;
    elbow_hang_list(list, sizeof list, slow, count);
    if (one_host && of_host == marked && marked > 1)
        snprintf(text, room, "node %s (%s)", host, list);
    else
        snprintf(text, room, one_host ? "%s on %s" : "%s", list, host);
}

/* Ranks whose shards take them longer than others theirs. */
static bool find_slow(char *text, size_t room, bool *slow, const elbow_compute_time *ranks, size_t count,
                      int64_t steps, double elapsed) {
    char who[LIST + 128];
    size_t marked = mark_slow(slow, ranks, count, steps), shards = 0;
    double theirs = mean_pace(slow, true, ranks, count, steps),
           others = mean_pace(slow, false, ranks, count, steps);
    for (size_t r = 0; r < count; r++)
        if (slow[r] && ranks[r].shards > shards) shards = ranks[r].shards;
    double share = 1e-3 * (theirs - others) * (double)shards * (double)steps / elapsed;
    if (2 * marked > count || theirs < slower * others || share < costs) return false;
    /* A short life's times are chance, unless they stick out. */
    if (elapsed < short_life && (theirs < sticks_out * others || share * elapsed < worth)) return false;
    name_slow(who, sizeof who, slow, ranks, count, marked);
    snprintf(
        text, room,
        "%s computed %.3g ms a shard and step, the others %.3g ms, who waited %.0f %% of the steps' time for "
        "that; see what else runs there, and how its cores are bound and cooled",
        who, theirs, others, 100 * fmin(share, 1));
    return true;
}

/* Ranks that have more shards than others. */
static bool find_uneven(char *text, size_t room, const elbow_compute_time *ranks, size_t count,
                        double elapsed) {
    size_t least = ranks[0].shards, most = ranks[0].shards, all = 0, fewer = 0;
    double seconds[2] = {0};
    for (size_t r = 0; r < count; r++) {
        if (ranks[r].shards < least) least = ranks[r].shards;
        if (ranks[r].shards > most) most = ranks[r].shards;
        all += ranks[r].shards;
    }
    for (size_t r = 0; r < count; r++) {
        bool many = ranks[r].shards == most;
        seconds[many] += ranks[r].seconds;
        fewer += !many;
    }
    if (least == most) return false;
    double waited = seconds[1] / (double)(count - fewer) - seconds[0] / (double)fewer;
    if (waited < costs * elapsed || elapsed < short_life) return false;
    size_t even = count; /* ranks that divide the shards evenly: the most of those that are not more */
    while (all % even != 0) even--;
    snprintf(text, room,
             "%zu of %zu ranks had fewer shards than the others, and waited %.0f %% of the steps' time: %zu "
             "shards "
             "divide evenly among %zu or %zu ranks",
             fewer, count, 100 * fmin(waited / elapsed, 1), all, even, all);
    return true;
}

bool elbow_stragglers_find(char *text, size_t room, const elbow_compute_time *ranks, size_t count,
                           int64_t steps, double elapsed) {
    if (count < 2 || steps < 1 || !(elapsed > 0)) return false;
    bool *slow = calloc(count, sizeof *slow);
    bool found = slow != NULL && find_slow(text, room, slow, ranks, count, steps, elapsed);
    free(slow);
    return found || find_uneven(text, room, ranks, count, elapsed);
}

void elbow_report_stragglers(const elbow_run *run) {
    char text[LINE];
    size_t count = (size_t)run->world->size, first = 0;
    int64_t steps = 0;
    double elapsed = 0;
    const double *seconds = elbow_summary_life(run->summary, &steps, &elapsed);
    if (run->world->rank != 0 || count < 2 || steps < 1) return;
    elbow_compute_time *ranks = calloc(count, sizeof *ranks);
    if (ranks == NULL) return;
    for (size_t r = 0; r < count; r++) {
        ranks[r].host = elbow_pulse_host(run->pulse, r);
        ranks[r].seconds = seconds[r];
        elbow_exchange_shards_of(run->exchange, r, &first, &ranks[r].shards);
    }
    if (elbow_stragglers_find(text, sizeof text, ranks, count, steps, elapsed))
        elbow_notice("stragglers: %s", text);
    for (size_t r = 0; r < count; r++)
        elbow_detail("  rank %-4zu %-16s %3zu shards  %10.4f ms of computing a step, %3.0f %% of its time", r,
                     ranks[r].host, ranks[r].shards, 1e3 * seconds[r] / (double)steps,
                     elapsed > 0 ? 100 * seconds[r] / elapsed : 0);
    free(ranks);
}
