#include "watched.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "elbow/store/checkpoint.h"
#include "elbow/store/kind.h"
#include "elbow/train/run.h"

enum { PATH_BYTES = 4096, LATE_LEAST = 5, LATE_MOST = 50, PATIENCE = 180, PAUSES = 3, STEPS_LATE = 20 };

/* ------------------------------------------------------------------------------------------ files */

/* "DIRECTORY/NAME"; what is too long is not there. */
static bool path_of(char path[PATH_BYTES], const elbow_watched *run, const char *name) {
    int length = snprintf(path, PATH_BYTES, "%s/%s", run->directory, name);
    return length > 0 && length < PATH_BYTES;
}

static elbow_file_mark mark_of(const char *path) {
    struct stat status;
    if (stat(path, &status) != 0) return (elbow_file_mark){.bytes = -1};
    return (elbow_file_mark){status.st_ino, status.st_mtim, status.st_size};
}

static bool same_mark(const elbow_file_mark *a, const elbow_file_mark *b) {
    if (a->bytes < 0 || b->bytes < 0) return a->bytes < 0 && b->bytes < 0;
    return a->inode == b->inode && a->bytes == b->bytes && a->time.tv_sec == b->time.tv_sec &&
           a->time.tv_nsec == b->time.tv_nsec;
}

static double seconds_of(struct timespec time) { return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec; }

static void heed_news(elbow_watched *run, const elbow_file_mark *mark) {
    if (mark->bytes >= 0) run->news = fmax(run->news, seconds_of(mark->time));
}

/* The state file: a word and, on the next line, why. */
static void read_state(elbow_watched *run) {
    char path[PATH_BYTES], word[sizeof run->word] = "", reason[sizeof run->reason] = "";
    if (!path_of(path, run, "state")) return;
    elbow_file_mark mark = mark_of(path);
    FILE *file = mark.bytes < 0 ? NULL : fopen(path, "r");
    if (file == NULL) return;
    heed_news(run, &mark);
    run->state_time = seconds_of(mark.time);
    if (fgets(word, sizeof word, file) && !fgets(reason, sizeof reason, file)) reason[0] = '\0';
    fclose(file);
    word[strcspn(word, "\n")] = '\0';
    reason[strcspn(reason, "\n")] = '\0';
    memcpy(run->word, word, sizeof word);
    memcpy(run->reason, reason, sizeof reason);
}

/* The number after `before` in the state file's reason, or −1: "from step 0 on 4 ranks", "SIGTERM at step 17 of 60". */
static int64_t number_after(const elbow_watched *run, const char *before) {
    const char *at = strstr(run->reason, before);
    if (at == NULL || !isdigit((unsigned char)at[strlen(before)])) return -1;
    return strtoll(at + strlen(before), NULL, 10);
}

/* How many ranks it is, or was. A checkpoint is asked where the state file says nothing, and once. */
static void find_ranks(elbow_watched *run) {
    char path[PATH_BYTES], name[64];
    elbow_facts facts;
    int64_t said = strcmp(run->word, "running") == 0 ? number_after(run, " on ") : -1;
    if (said > 0) run->ranks = said;
    snprintf(name, sizeof name, "checkpoints/step-%09" PRId64 ".h5", run->checkpoint_step);
    if (said > 0 || run->checkpoint_step < 0 || !path_of(path, run, name)) return;
    elbow_file_mark mark = mark_of(path);
    if (mark.bytes < 0 || same_mark(&mark, &run->ranks_mark)) return;
    run->ranks_mark = mark;
    if (elbow_checkpoint_facts(path, &facts) == ELBOW_OK) run->ranks = facts.ranks;
}

/* The length of the run hangs on this: a resume may have moved it. */
static void read_config(elbow_watched *run) {
    char path[PATH_BYTES];
    elbow_options *options = NULL;
    if (!path_of(path, run, "config.ini")) return;
    elbow_file_mark mark = mark_of(path);
    if (mark.bytes < 0 || same_mark(&mark, &run->config_mark)) return;
    run->config_mark = mark;
    if (elbow_options_create(&options) == ELBOW_OK && elbow_options_load(options, path) != ELBOW_OK)
        elbow_options_destroy(&options); /* of a newer elbow: a run without a known end */
    elbow_options_destroy(&run->options);
    run->options = options;
}

static void read_metrics(elbow_watched *run) {
    char path[PATH_BYTES];
    if (!path_of(path, run, "metrics.h5")) return;
    elbow_file_mark mark = mark_of(path);
    heed_news(run, &mark);
    if (same_mark(&mark, &run->metrics_mark) || mark.bytes < 0) return;
    elbow_metrics metrics;
    if (run->metrics_mark.bytes >= 0)
        run->longest_gap = fmax(run->longest_gap, seconds_of(mark.time) - seconds_of(run->metrics_mark.time));
    run->metrics_mark = mark;
    if (elbow_metrics_read(&metrics, path) != ELBOW_OK) {
        snprintf(run->trouble, sizeof run->trouble, "%s", elbow_error_message());
        return;
    }
    elbow_metrics_destroy(&run->metrics);
    run->metrics = metrics;
    run->trouble[0] = '\0';
}

/* The step of "step-000001200.h5", or −1. */
static int64_t step_of(const char *name) {
    if (strncmp(name, "step-", 5) != 0 || !isdigit((unsigned char)name[5])) return -1;
    char *end = NULL;
    errno = 0;
    long long step = strtoll(name + 5, &end, 10);
    return errno == 0 && strcmp(end, ".h5") == 0 ? step : -1;
}

static void look_at_checkpoints(elbow_watched *run) {
    char folder[PATH_BYTES], path[PATH_BYTES + 256];
    run->checkpoint_step = run->best_link_step = -1;
    if (!path_of(folder, run, "checkpoints")) return;
    snprintf(path, sizeof path, "%s/best.h5", folder);
    elbow_file_mark best = mark_of(path);
    run->best_there = best.bytes >= 0;
    heed_news(run, &best);
    DIR *directory = opendir(folder);
    if (directory == NULL) return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        int64_t step = step_of(entry->d_name);
        if (step < 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        elbow_file_mark mark = mark_of(path);
        if (mark.bytes < 0) continue; /* pruned meanwhile */
        heed_news(run, &mark);
        if (run->best_there && mark.inode == best.inode) run->best_link_step = step;
        if (step <= run->checkpoint_step) continue;
        run->checkpoint_step = step;
        run->checkpoint_time = seconds_of(mark.time);
        run->checkpoint_bytes = mark.bytes;
    }
    closedir(directory);
}

/* Steps of an epoch, by a row: its step, and that as a part of epochs. */
static void find_length(elbow_watched *run) {
    double step = elbow_watched_last(run, "step"), epoch = elbow_watched_last(run, "epoch");
    run->run_steps = strcmp(run->word, "stopped") == 0 ? number_after(run, " of ") : 0;
    if (run->run_steps < 0) run->run_steps = 0;
    if (run->options == NULL) return;
    if (epoch > 0)
        run->run_steps = elbow_run_length(run->options, llround(step / epoch));
    else if (run->options->train.epochs == 0)
        run->run_steps = run->options->train.steps;
}

elbow_status elbow_watched_create(elbow_watched *run, const char *directory) {
    elbow_kind kind;
    *run = (elbow_watched){.directory = directory, .checkpoint_step = -1, .best_link_step = -1};
    run->metrics_mark.bytes = run->config_mark.bytes = run->ranks_mark.bytes = -1;
    ELBOW_TRY(elbow_kind_of(directory, &kind));
    ELBOW_CHECK(kind == ELBOW_KIND_RUN, ELBOW_USAGE, "%s is %s; give the directory of a run", directory,
                elbow_kind_name(kind));
    return elbow_metrics_create(&run->metrics);
}

elbow_status elbow_watched_other(elbow_watched *run, const char *directory) {
    const char *why = elbow_error_message();
    size_t length = strlen(directory);
    elbow_watched other = {
        .directory = directory, .other = true, .checkpoint_step = -1, .best_link_step = -1};
    if (strncmp(why, directory, length) == 0) why += length + strspn(why + length, ": ");
    snprintf(other.trouble, sizeof other.trouble, "%s", why);
    ELBOW_TRY(elbow_metrics_create(&other.metrics));
    elbow_watched_destroy(run);
    *run = other;
    return ELBOW_OK;
}

void elbow_watched_destroy(elbow_watched *run) {
    elbow_metrics_destroy(&run->metrics);
    elbow_options_destroy(&run->options);
    *run = (elbow_watched){0};
}

elbow_status elbow_watched_refresh(elbow_watched *run) {
    struct stat status;
    ELBOW_CHECK(stat(run->directory, &status) == 0, ELBOW_ABSENT, "%s: %s; was the run removed?",
                run->directory, strerror(errno));
    run->news = 0;
    read_state(run);
    read_config(run);
    read_metrics(run);
    look_at_checkpoints(run);
    find_ranks(run);
    find_length(run);
    return ELBOW_OK;
}

/* ---------------------------------------------------------------------------------------- figures */

double elbow_watched_last(const elbow_watched *run, const char *column) {
    const double *values = elbow_table_column(&run->metrics.train, column);
    return values != NULL && run->metrics.train.rows > 0 ? values[run->metrics.train.rows - 1] : NAN;
}

double elbow_watched_step(const elbow_watched *run) {
    double step = elbow_watched_last(run, "step");
    bool stopped = strcmp(run->word, "stopped") == 0, finished = strcmp(run->word, "finished") == 0;
    int64_t said = stopped                                              ? number_after(run, " at step ")
                   : finished && isdigit((unsigned char)run->reason[0]) ? strtoll(run->reason, NULL, 10)
                                                                        : -1;
    if (said >= 0) return (double)said;
    /* An older one may be of a future that this life, gone back to an earlier checkpoint, has not reached. */
    bool counts = isnan(step) || strcmp(run->word, "running") != 0 || run->checkpoint_time >= run->state_time;
    return run->checkpoint_step >= 0 && counts ? fmax(step, (double)run->checkpoint_step) : step;
}

elbow_split elbow_watched_split(const elbow_watched *run) {
    const elbow_table *table = &run->metrics.evaluation;
    const double *splits = elbow_table_column(table, "split");
    elbow_split found = ELBOW_SPLITS;
    for (size_t r = 0; splits != NULL && r < table->rows; r++) {
        if ((int)splits[r] == ELBOW_VALID) return ELBOW_VALID;
        if ((int)splits[r] == ELBOW_TEST) found = ELBOW_TEST;
    }
    return found;
}

static elbow_watched_point find_point(const elbow_watched *run, elbow_split split, bool best) {
    const elbow_table *table = &run->metrics.evaluation;
    const double *steps = elbow_table_column(table, "step"), *splits = elbow_table_column(table, "split");
    const double *elbo = elbow_table_column(table, "elbo"), *error = elbow_table_column(table, "elbo_error");
    elbow_watched_point point = {NAN, NAN, NAN};
    if (!steps || !splits || !elbo || !error) return point;
    for (size_t r = 0; r < table->rows; r++) {
        if ((int)splits[r] != (int)split || (best && !isfinite(elbo[r]))) continue;
        if (best && !isnan(point.value) && -elbo[r] >= point.value) continue;
        point = (elbow_watched_point){steps[r], -elbo[r], error[r]};
    }
    return point;
}

elbow_watched_point elbow_watched_newest(const elbow_watched *run, elbow_split split) {
    return find_point(run, split, false);
}

elbow_watched_point elbow_watched_best(const elbow_watched *run, elbow_split split) {
    return find_point(run, split, true);
}

/* How many of the last rows stand for "of late". */
static size_t rows_of_late(const elbow_watched *run) {
    size_t rows = run->metrics.train.rows, late = rows / 10;
    late = late < LATE_LEAST ? LATE_LEAST : late > LATE_MOST ? LATE_MOST : late;
    return late < rows ? late : rows;
}

double elbow_watched_lately(const elbow_watched *run, const char *column) {
    const double *values = elbow_table_column(&run->metrics.train, column);
    size_t rows = run->metrics.train.rows, late = rows_of_late(run);
    double sum = 0;
    if (values == NULL || late == 0) return NAN;
    for (size_t r = rows - late; r < rows; r++) sum += values[r];
    return sum / (double)late;
}

/* Over at least the last fifth of the run, so that evaluations and checkpoints have their part in it. */
static double pace(const elbow_watched *run) {
    const elbow_table *table = &run->metrics.train;
    const double *steps = elbow_table_column(table, "step"), *seconds = elbow_table_column(table, "seconds");
    if (table->rows == 0) return NAN;
    size_t back = table->rows / 5 > STEPS_LATE ? table->rows / 5 : STEPS_LATE, last = table->rows - 1;
    if (back > last) return seconds[last] / steps[last];
    return (seconds[last] - seconds[last - back]) / (steps[last] - steps[last - back]);
}

double elbow_watched_left(const elbow_watched *run) {
    if (run->run_steps <= 0 || strcmp(run->word, "running") != 0) return NAN;
    return pace(run) * fmax(0, (double)run->run_steps - elbow_watched_step(run));
}

elbow_straggler elbow_watched_straggler(const elbow_watched *run) {
    const elbow_table *table = &run->metrics.train;
    const double *mean = elbow_table_column(table, "seconds_compute");
    const double *most = elbow_table_column(table, "seconds_compute_most");
    const double *rank = elbow_table_column(table, "straggler");
    elbow_straggler straggler = {-1, 0, 0};
    size_t late = rows_of_late(run), first = table->rows - late, winner = 0;
    double means = 0, mosts = 0, highest = 0;
    if (!mean || !most || !rank) return straggler;
    for (size_t r = first; r < table->rows; r++) {
        size_t times = 0;
        means += mean[r];
        mosts += most[r];
        highest = fmax(highest, rank[r]);
        for (size_t other = first; other < table->rows; other++) times += rank[other] == rank[r];
        if (times <= winner) continue;
        winner = times;
        straggler.rank = (int)rank[r];
    }
    if (!(means > 0)) return (elbow_straggler){-1, 0, 0};
    /* Where nothing says how many ranks there are, there are at least those that were the slowest. */
    double ranks = run->ranks > 0 ? (double)run->ranks : fmax(2, highest + 1);
    double others = ranks > 1 ? (ranks * means - mosts) / (ranks - 1) : mosts;
    straggler.excess = mosts / fmax(others, 1e-6 * mosts) - 1;
    straggler.share = (double)winner / (double)late;
    return straggler;
}

double elbow_watched_patience(const elbow_watched *run) {
    const elbow_table *table = &run->metrics.train;
    const double *seconds = elbow_table_column(table, "seconds");
    double longest = 0;
    for (size_t r = 0; r < table->rows; r++)
        longest = fmax(longest, seconds[r] - (r > 0 ? seconds[r - 1] : 0));
    /* Where a file costs much to write, it is written rarely. */
    return fmax(PATIENCE, PAUSES * fmax(longest, run->longest_gap));
}
