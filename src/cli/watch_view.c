/* elbow watch: one run on a screen. From the top: what it is and how far; the curves; checkpoints, where a step's time
 * goes, which ranks the others wait for. */
#include "watch_view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "elbow/base/number.h"
#include "fields.h"
#include "plot.h"

enum {
    LABEL = 12,      /* cells of the names before the lines at the bottom */
    ALL_LINES = 20,  /* rows of a screen that has room for every line at the bottom */
    SOME_LINES = 11, /* and for one */
    SHORTEST_BAR = 6,
    LONGEST_BAR = 60,
    MINUTE = 60,
    HOUR = 3600,
    DAY = 86400
};

static const double LAGGING =
    0.1; /* ranks that differ by less are level, as at a run's end (train/stragglers.c) */
static const double ALWAYS =
    0.75; /* the same rank is the slowest so often that it is no chance, also of two */

/* ------------------------------------------------------------------------------------------ words */

void elbow_watch_time_text(char text[ELBOW_WATCH_TEXT], double seconds) {
    double s = isfinite(seconds) && seconds > 0 ? fmin(seconds, 1e12) : 0;
    if (s < 10 && s > 0.05 && s != floor(s))
        snprintf(text, ELBOW_WATCH_TEXT, "%.1f s", s);
    else if (s < MINUTE)
        snprintf(text, ELBOW_WATCH_TEXT, "%.0f s", floor(s));
    else if (s < HOUR)
        snprintf(text, ELBOW_WATCH_TEXT, "%.0f min", floor(s / MINUTE));
    else if (s < 2 * DAY)
        snprintf(text, ELBOW_WATCH_TEXT, "%.0f h %.0f min", floor(s / HOUR), floor(fmod(s, HOUR) / MINUTE));
    else
        snprintf(text, ELBOW_WATCH_TEXT, "%.0f days %.0f h", floor(s / DAY), floor(fmod(s, DAY) / HOUR));
}

/* To the second, as a clock: 0:34, 2:13:04. */
static void clock_text(char text[ELBOW_WATCH_TEXT], double seconds) {
    double s = isfinite(seconds) && seconds > 0 ? floor(fmin(seconds, 1e12) + 0.5) : 0;
    if (s < HOUR)
        snprintf(text, ELBOW_WATCH_TEXT, "%.0f:%02.0f", floor(s / MINUTE), fmod(s, MINUTE));
    else
        snprintf(text, ELBOW_WATCH_TEXT, "%.0f:%02.0f:%02.0f", floor(s / HOUR), floor(fmod(s, HOUR) / MINUTE),
                 fmod(s, MINUTE));
}

void elbow_watch_doubt(char text[ELBOW_WATCH_TEXT], const elbow_watched *run, const elbow_view_style *style) {
    char silent[ELBOW_WATCH_TEXT], usual[ELBOW_WATCH_TEXT];
    double patience = elbow_watched_patience(run), age = style->now - run->news;
    text[0] = '\0';
    if (strcmp(run->word, "running") != 0 || run->news <= 0 || age < patience) return;
    elbow_watch_time_text(silent, age);
    elbow_watch_time_text(usual, patience);
    snprintf(text, ELBOW_WATCH_TEXT,
             "no news for %.40s, more than %.40s: is it alive? Look at the job, or its log", silent, usual);
}

const char *elbow_watch_word(const elbow_watched *run, const elbow_view_style *style, elbow_ink *ink) {
    char doubt[ELBOW_WATCH_TEXT];
    *ink = ELBOW_INK_BLUE;
    if (run->word[0] == '\0') return "not started";
    elbow_watch_doubt(doubt, run, style);
    if (doubt[0] != '\0') {
        *ink = ELBOW_INK_RED;
        return "running?";
    }
    if (strcmp(run->word, "running") == 0) *ink = ELBOW_INK_GREEN;
    if (strcmp(run->word, "failed") == 0) *ink = ELBOW_INK_RED;
    if (strcmp(run->word, "stopped") == 0) *ink = ELBOW_INK_YELLOW;
    return run->word;
}

/* ------------------------------------------------------------------------------------------- head */

static void draw_name(elbow_canvas *canvas, const elbow_watched *run, const elbow_view_style *style) {
    elbow_ink ink;
    const char *word = elbow_watch_word(run, style, &ink);
    int end = canvas->width, need = elbow_canvas_width_of(word) + 2;
    int taken =
        elbow_canvas_put(canvas, 0, 0, end > need + 4 ? end - need : end, ELBOW_INK_BOLD, run->directory);
    int x = taken + 2;
    x += elbow_canvas_put(canvas, x, 0, end - x, ink, word) + 2;
    if (end - x > 8) elbow_canvas_put(canvas, x, 0, end - x, ELBOW_INK_DIM, run->reason);
}

/* Steps, a bar, and how long: the words from the right that fit. */
static void draw_progress(elbow_canvas *canvas, const elbow_watched *run) {
    char done[ELBOW_COUNT_BYTES], all[ELBOW_COUNT_BYTES], text[4][ELBOW_WATCH_TEXT], clock[ELBOW_WATCH_TEXT];
    double step = elbow_watched_step(run), left = elbow_watched_left(run);
    if (isnan(step)) step = 0;
    elbow_cli_grouped(done, (size_t)step);
    elbow_cli_grouped(all, (size_t)run->run_steps);
    double share = run->run_steps > 0 ? step / (double)run->run_steps : NAN;
    int words = 0, x;
    if (!isnan(share)) snprintf(text[words++], sizeof *text, "%.1f %%", 100 * share);
    if (!isnan(left) && left > 0) {
        clock_text(clock, left);
        bool patient = run->options != NULL && run->options->train.patience > 0;
        snprintf(text[words++], sizeof *text, "%s%.40s left", patient ? "at most " : "", clock);
    }
    if (run->metrics.train.rows > 0) {
        snprintf(text[words++], sizeof *text, "epoch %.2f", elbow_watched_last(run, "epoch"));
        clock_text(clock, elbow_watched_last(run, "seconds"));
        snprintf(text[words++], sizeof *text, "%.40s trained", clock);
    }
    if (run->run_steps > 0)
        x = elbow_canvas_print(canvas, 0, 1, ELBOW_INK_PLAIN, "step %s of %s", done, all) + 1;
    else
        x = elbow_canvas_print(canvas, 0, 1, ELBOW_INK_PLAIN, "step %s", done) + 1;
    int room = canvas->width - x, need = 0, shown = 0;
    for (; shown < words; shown++) {
        int width = elbow_canvas_width_of(text[shown]) + 2;
        if (need + width > room) break;
        need += width;
    }
    int cells = room - need - 1;
    if (cells > LONGEST_BAR) cells = LONGEST_BAR;
    if (cells >= SHORTEST_BAR && !isnan(share)) {
        elbow_canvas_bar(canvas, x, 1, cells, ELBOW_INK_GREEN, share);
        elbow_canvas_letter(canvas, x + cells, 1, ELBOW_INK_DIM, 0x2595);
        x += cells + 1;
    }
    for (int w = 0; w < shown; w++)
        x = elbow_canvas_print(canvas, x + (w > 0 || cells >= SHORTEST_BAR), 1, ELBOW_INK_PLAIN, "%s",
                               text[w]) +
            1;
}

/* What is wrong, a row each. Returns the row after them. */
static int draw_worries(elbow_canvas *canvas, int y, const elbow_watched *run,
                        const elbow_view_style *style) {
    char doubt[ELBOW_WATCH_TEXT];
    elbow_watch_doubt(doubt, run, style);
    if (doubt[0] != '\0') elbow_canvas_put(canvas, 0, y++, canvas->width, ELBOW_INK_RED, doubt);
    if (run->trouble[0] != '\0') elbow_canvas_put(canvas, 0, y++, canvas->width, ELBOW_INK_RED, run->trouble);
    return y;
}

/* ------------------------------------------------------------------------------- lines at the bottom */

static void draw_label(elbow_canvas *canvas, int y, const char *name) {
    elbow_canvas_put(canvas, 0, y, LABEL, ELBOW_INK_DIM, name);
}

static void draw_checkpoint(elbow_canvas *canvas, int y, const elbow_watched *run,
                            const elbow_view_style *style) {
    char age[ELBOW_WATCH_TEXT], size[ELBOW_WATCH_TEXT], step[ELBOW_COUNT_BYTES];
    draw_label(canvas, y, "checkpoint");
    if (run->checkpoint_step < 0) {
        elbow_canvas_put(canvas, LABEL, y, canvas->width, ELBOW_INK_PLAIN, "none yet");
        return;
    }
    elbow_watch_time_text(age, floor(fmax(0, style->now - run->checkpoint_time)));
    elbow_number_size_text(size, (double)run->checkpoint_bytes);
    elbow_cli_grouped(step, (size_t)run->checkpoint_step);
    int x = elbow_canvas_print(canvas, LABEL, y, ELBOW_INK_PLAIN, "step %s, %s ago, %s", step, age, size) + 2;
    elbow_split split = elbow_watched_split(run);
    if (!run->best_there || split == ELBOW_SPLITS) return;
    elbow_watched_point best = elbow_watched_best(run, split);
    if (isnan(best.value)) return;
    /* A best.h5 that is a link to another step than the lowest figure's is a save that failed, or is on its way. */
    bool behind = run->best_link_step >= 0 && run->best_link_step != (int64_t)best.step;
    if (behind) {
        elbow_canvas_print(canvas, x, y, ELBOW_INK_YELLOW,
                           "best.h5: step %" PRId64 "; step %.0f is better by now", run->best_link_step,
                           best.step);
        return;
    }
    x = elbow_canvas_print(canvas, x, y, ELBOW_INK_GREEN, "best.h5: step %s, %s %.2f",
                           elbow_cli_grouped(step, (size_t)best.step), elbow_split_name(split), best.value);
    snprintf(size, sizeof size, " ± %.2f", best.error);
    if (x + elbow_canvas_width_of(size) <= canvas->width)
        elbow_canvas_put(canvas, x, y, LABEL, ELBOW_INK_GREEN, size);
}

static const struct {
    const char *name, *column;
    elbow_ink ink;
    uint32_t letter; /* without colours */
} phases[] = {{"data", "seconds_data", ELBOW_INK_BLUE, 'd'},
              {"encoder", "seconds_encoder", ELBOW_INK_CYAN, 'e'},
              {"estimator", "seconds_estimator", ELBOW_INK_GREEN, 's'},
              {"exchange", "seconds_exchange", ELBOW_INK_RED, 'x'},
              {"update", "seconds_update", ELBOW_INK_MAGENTA, 'u'},
              {"checkpoint", "seconds_checkpoint", ELBOW_INK_YELLOW, 'c'}};
enum { PHASES = sizeof phases / sizeof *phases };
static const uint32_t rest_letter = '.'; /* of the phases that have no room for a name */

static double time_phases(double seconds[PHASES], const elbow_watched *run) {
    double all = 0;
    for (size_t p = 0; p < PHASES; p++) {
        seconds[p] = elbow_watched_lately(run, phases[p].column);
        if (!(seconds[p] > 0)) seconds[p] = 0;
        all += seconds[p];
    }
    return all;
}

/* The phases that are named beside the bar: none of under half a percent, and the smallest give way where there is no room.
 * What is not named is one piece at the end, of *rest seconds. */
static void choose_named(bool named[PHASES], double *rest, const double seconds[PHASES], double all,
                         int room) {
    enum { BESIDE = 9 }; /* the letter, " 12 %", gaps */
    const int other = BESIDE + (int)strlen("other");
    int need = -2, last = 0;
    *rest = 0;
    for (size_t p = 0; p < PHASES; p++) {
        named[p] = seconds[p] >= 0.005 * all;
        if (named[p])
            need += BESIDE + (int)strlen(phases[p].name);
        else
            *rest += seconds[p];
    }
    while (need + last > room) {
        size_t smallest = PHASES;
        for (size_t p = 0; p < PHASES; p++)
            if (named[p] && (smallest == PHASES || seconds[p] < seconds[smallest])) smallest = p;
        if (smallest == PHASES) return;
        named[smallest] = false;
        *rest += seconds[smallest];
        need -= BESIDE + (int)strlen(phases[smallest].name);
        last = other;
    }
}

/* Where the time of a step goes: one bar of all phases. */
static void draw_phases(elbow_canvas *canvas, int y, const elbow_watched *run, bool coloured) {
    double seconds[PHASES], all = time_phases(seconds, run), until = 0, rest;
    bool named[PHASES];
    int x = LABEL, width = canvas->width - LABEL;
    draw_label(canvas, y, "a step");
    if (!(all > 0)) {
        elbow_canvas_put(canvas, x, y, width, ELBOW_INK_PLAIN, "no times yet");
        return;
    }
    choose_named(named, &rest, seconds, all, width);
    for (size_t p = 0; p < PHASES; p++) {
        if (!named[p]) continue;
        until += seconds[p];
        for (int end = LABEL + (int)lround(until / all * width); x < end; x++)
            elbow_canvas_letter(canvas, x, y, phases[p].ink, coloured ? 0x2588 : phases[p].letter);
    }
    for (; x < canvas->width; x++)
        elbow_canvas_letter(canvas, x, y, ELBOW_INK_DIM, coloured ? 0x2588 : rest_letter);
}

/* What the bar's pieces are, and their parts. */
static void draw_phase_names(elbow_canvas *canvas, int y, const elbow_watched *run, bool coloured) {
    double seconds[PHASES], all = time_phases(seconds, run), rest;
    bool named[PHASES];
    char time[ELBOW_WATCH_TEXT];
    int x = LABEL;
    if (!(all > 0)) return;
    choose_named(named, &rest, seconds, all, canvas->width - LABEL);
    snprintf(time, sizeof time, all < 1 ? "%.3g ms" : "%.3g s", all < 1 ? 1e3 * all : all);
    draw_label(canvas, y, time);
    for (size_t p = 0; p < PHASES; p++) {
        if (!named[p]) continue;
        elbow_canvas_letter(canvas, x, y, phases[p].ink, coloured ? 0x2588 : phases[p].letter);
        x = elbow_canvas_print(canvas, x + 2, y, ELBOW_INK_PLAIN, "%s %.0f %%", phases[p].name,
                               100 * seconds[p] / all) +
            2;
    }
    if (rest / all * (canvas->width - LABEL) < 0.5 || x + 12 > canvas->width)
        return; /* a cell of the bar at most */
    elbow_canvas_letter(canvas, x, y, ELBOW_INK_DIM, coloured ? 0x2588 : rest_letter);
    elbow_canvas_print(canvas, x + 2, y, ELBOW_INK_PLAIN, "other %.0f %%", 100 * rest / all);
}

static void draw_ranks(elbow_canvas *canvas, int y, const elbow_watched *run) {
    elbow_straggler straggler = elbow_watched_straggler(run);
    char longer[ELBOW_WATCH_TEXT];
    if (straggler.excess < 1)
        snprintf(longer, sizeof longer, "%.0f %% longer than", floor(100 * straggler.excess));
    else if (straggler.excess < 999)
        snprintf(longer, sizeof longer, "%.3g times as long as", 1 + straggler.excess);
    else
        snprintf(longer, sizeof longer, "over 1000 times as long as");
    draw_label(canvas, y, "ranks");
    if (straggler.excess < LAGGING)
        elbow_canvas_print(canvas, LABEL, y, ELBOW_INK_PLAIN, "level: the slowest computes %s the others",
                           longer);
    else if (straggler.share >= ALWAYS)
        elbow_canvas_print(canvas, LABEL, y, ELBOW_INK_YELLOW,
                           "rank %d straggles: the slowest computes %s the others", straggler.rank, longer);
    else
        elbow_canvas_print(canvas, LABEL, y, ELBOW_INK_PLAIN,
                           "the slowest, now one, now another, computes %s the others", longer);
}

/* The last look at test. */
static void draw_test(elbow_canvas *canvas, int y, const elbow_watched *run) {
    const elbow_table *t = &run->metrics.test;
    char step[ELBOW_COUNT_BYTES];
    size_t last = t->rows - 1;
    const double *steps = elbow_table_column(t, "step"), *samples = elbow_table_column(t, "samples"),
                 *elbo = elbow_table_column(t, "elbo"), *error = elbow_table_column(t, "elbo_error"),
                 *iwae = elbow_table_column(t, "iwae"), *iwae_error = elbow_table_column(t, "iwae_error");
    draw_label(canvas, y, "test");
    elbow_canvas_print(canvas, LABEL, y, ELBOW_INK_PLAIN, "step %s: -ELBO %.2f ± %.2f, IWAE-%.0f %.2f ± %.2f",
                       elbow_cli_grouped(step, (size_t)steps[last]), -elbo[last], error[last], samples[last],
                       -iwae[last], iwae_error[last]);
}

/* Steps passed over: the last of them. */
static void draw_events(elbow_canvas *canvas, int y, const elbow_watched *run) {
    static const char *const actions[] = {"the run stopped", "skipped", "rolled back"};
    const elbow_table *table = &run->metrics.events;
    const double *steps = elbow_table_column(table, "step"), *action = elbow_table_column(table, "action");
    size_t last = table->rows - 1, what = action[last] >= 1 && action[last] <= 2 ? (size_t)action[last] : 0;
    draw_label(canvas, y, "events");
    elbow_canvas_print(canvas, LABEL, y, ELBOW_INK_RED, "%zu step%s not finite; the last after step %.0f: %s",
                       table->rows, table->rows == 1 ? "" : "s", steps[last], actions[what]);
}

static void draw_keys(elbow_canvas *canvas, int y, const elbow_watched *run, const elbow_view_style *style) {
    char age[ELBOW_WATCH_TEXT];
    elbow_canvas_print(canvas, 0, y, ELBOW_INK_DIM, "q quit   l %s axes",
                       style->logarithmic ? "linear" : "logarithmic");
    if (run->metrics_mark.bytes < 0) return;
    elbow_watch_time_text(age, floor(fmax(0, style->now - (double)run->metrics_mark.time.tv_sec)));
    int width = elbow_canvas_width_of(age) + 15;
    elbow_canvas_print(canvas, canvas->width - width, y, ELBOW_INK_DIM, "metrics of %s ago", age);
}

/* The lines at the bottom that there is room for. Returns the row of the first. */
static int draw_bottom(elbow_canvas *canvas, int top, const elbow_watched *run,
                       const elbow_view_style *style) {
    int height = canvas->height, rows = height - top, y = height;
    bool all = height >= ALL_LINES, coloured = style->coloured, trained = run->metrics.train.rows > 0;
    if (rows < SOME_LINES - 2) return y;
    if (style->keys && all) draw_keys(canvas, --y, run, style);
    if (run->metrics.events.rows > 0) draw_events(canvas, --y, run);
    if (run->metrics.test.rows > 0) draw_test(canvas, --y, run);
    if (all && elbow_watched_straggler(run).excess > 1e-9) draw_ranks(canvas, --y, run);
    if (all && trained) {
        draw_phase_names(canvas, --y, run, coloured);
        draw_phases(canvas, --y, run, coloured);
    }
    draw_checkpoint(canvas, --y, run, style);
    return y;
}

static void say_nothing_yet(elbow_canvas *canvas, int y, const elbow_watched *run) {
    const char *why = "nothing yet: the run has not started";
    char text[ELBOW_WATCH_TEXT];
    if (y >= canvas->height) return;
    if (run->word[0] != '\0') why = "no figures: there is no metrics.h5; `elbow info` reads a checkpoint's";
    if (run->metrics_mark.bytes >= 0) why = "no figures: metrics.h5 has no row yet";
    if (run->trouble[0] != '\0') why = "nothing to show: metrics.h5 cannot be read";
    snprintf(text, sizeof text, "%s", why);
    if (run->options == NULL || run->trouble[0] != '\0') {
        elbow_canvas_put(canvas, 0, y, canvas->width, ELBOW_INK_PLAIN, text);
        return;
    }
    if (run->metrics_mark.bytes >= 0 && run->word[0] != '\0')
        snprintf(text, sizeof text,
                 "no row in metrics.h5 yet: the first is of step %" PRId64 " (train.log_every)",
                 run->options->train.log_every);
    if (strcmp(run->word, "running") == 0)
        snprintf(text, sizeof text,
                 "nothing yet: the first figures are of step %" PRId64 " (train.log_every), soon after it",
                 run->options->train.log_every);
    elbow_canvas_put(canvas, 0, y, canvas->width, ELBOW_INK_PLAIN, text);
}

elbow_status elbow_watch_draw(elbow_canvas *canvas, const elbow_watched *run, const elbow_view_style *style) {
    draw_name(canvas, run, style);
    draw_progress(canvas, run);
    int top = draw_worries(canvas, 2, run, style);
    bool roomy = canvas->height >= ALL_LINES;
    int bottom = draw_bottom(canvas, top, run, style);
    if (run->metrics.train.rows == 0 && run->metrics.evaluation.rows == 0) {
        say_nothing_yet(canvas, top + roomy, run);
        return ELBOW_OK;
    }
    return elbow_watch_draw_curves(canvas, top + (canvas->height >= 30), bottom, run, style);
}
