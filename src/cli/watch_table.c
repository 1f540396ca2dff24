/* elbow watch: several runs, a line each, for sweeps. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fields.h"
#include "plot.h"
#include "watch_view.h"

enum { CELL = 64, SPARK = 16, GAP = 2, NAME_LEAST = 10 };

/* The columns, and how long a screen has to be wide for each: the least important go first. */
typedef enum column { STATE, STEP, DONE, TRAIN, NEWEST, BEST, RATE, LEFT, COLUMNS } column;

static const struct {
    const char *title;
    int width, from;
    bool right;
} columns[COLUMNS] = {
    [STATE] = {"state", 11, 24, false},  [STEP] = {"step", 11, 118, true},
    [DONE] = {"done", 6, 34, true},      [TRAIN] = {"-ELBO train", 11, 60, true},
    [NEWEST] = {"newest", 10, 96, true}, [BEST] = {"best", 9, 44, true},
    [RATE] = {"ex/s", 7, 106, true},     [LEFT] = {"left", 12, 74, true},
};

static void fill(char text[CELL], column which, const elbow_watched *run, const elbow_watched_point *newest,
                 const elbow_watched_point *best) {
    char time[ELBOW_WATCH_TEXT], number[ELBOW_COUNT_BYTES];
    double value = NAN, step = elbow_watched_step(run), left = elbow_watched_left(run);
    text[0] = '\0';
    switch (which) {
    case STEP:
        if (!isnan(step)) snprintf(text, CELL, "%s", elbow_cli_grouped(number, (size_t)step));
        return;
    case DONE:
        if (!isnan(step) && run->run_steps > 0)
            snprintf(text, CELL, "%.0f %%", floor(100 * step / (double)run->run_steps));
        return;
    case RATE:
        value = elbow_watched_lately(run, "examples_per_second");
        if (!isnan(value)) elbow_tick_text(text, value, value / 200);
        return;
    case LEFT:
        if (isnan(left) || left <= 0) return;
        elbow_watch_time_text(time, left);
        snprintf(text, CELL, "%.60s", time);
        return;
    case TRAIN:
        value = -elbow_watched_last(run, "elbo");
        break;
    case NEWEST:
        value = newest->value;
        break;
    default:
        value = best->value;
        break;
    }
    if (!isnan(value)) snprintf(text, CELL, "%.2f", value);
}

/* The run whose best is the lowest, or count. Runs that select on another split, or another data set, are not told
 * apart: who watches them together compares them. */
static size_t find_winner(const elbow_watched *runs, size_t count) {
    size_t winner = count;
    double lowest = INFINITY;
    for (size_t i = 0; i < count; i++) {
        double best = elbow_watched_best(&runs[i], elbow_watched_split(&runs[i])).value;
        if (!(best < lowest)) continue;
        lowest = best;
        winner = i;
    }
    return winner;
}

static int name_width(const elbow_watched *runs, size_t count, int most) {
    int widest = NAME_LEAST;
    for (size_t i = 0; i < count; i++) {
        int width = elbow_canvas_width_of(runs[i].directory);
        if (width > widest) widest = width;
    }
    return widest < most ? widest : most;
}

/* Cells of the columns that a screen so wide has. */
static int columns_width(int width) {
    int all = 0;
    for (int c = 0; c < COLUMNS; c++)
        if (width >= columns[c].from) all += columns[c].width + GAP;
    return all;
}

/* A name that is too long keeps its end, which is what tells the runs of a sweep apart. */
static void draw_name(elbow_canvas *canvas, int y, int room, const char *name) {
    while (elbow_canvas_width_of(name) > room && *name != '\0') do
            name++;
        while ((*name & 0xC0) == 0x80);
    elbow_canvas_put(canvas, 0, y, room, ELBOW_INK_BOLD, name);
}

static const char *state_of(const elbow_watched *run, const elbow_view_style *style, elbow_ink *ink) {
    if (!run->other && run->trouble[0] == '\0') return elbow_watch_word(run, style, ink);
    *ink = ELBOW_INK_RED;
    if (run->other) return "not a run";
    return "unreadable";
}

static void draw_row(elbow_canvas *canvas, int y, int name, const elbow_watched *run, bool wins,
                     const elbow_view_style *style) {
    elbow_split split = elbow_watched_split(run);
    elbow_watched_point newest = elbow_watched_newest(run, split), best = elbow_watched_best(run, split);
    int x = name + GAP;
    draw_name(canvas, y, name, run->directory);
    for (int c = 0; c < COLUMNS; c++) {
        char text[CELL];
        elbow_ink ink = c == BEST && wins ? ELBOW_INK_GREEN : ELBOW_INK_PLAIN;
        if (canvas->width < columns[c].from) continue;
        if (c == STATE)
            snprintf(text, sizeof text, "%.60s", state_of(run, style, &ink));
        else
            fill(text, (column)c, run, &newest, &best);
        int width = elbow_canvas_width_of(text), room = columns[c].width;
        elbow_canvas_put(canvas, x + (columns[c].right && width < room ? room - width : 0), y, room, ink,
                         text);
        x += room + GAP;
        if (run->other) {
            elbow_canvas_put(canvas, x, y, canvas->width - x, ELBOW_INK_DIM, run->trouble);
            return;
        }
        if (c == BEST && wins) elbow_canvas_letter(canvas, x - GAP, y, ELBOW_INK_GREEN, 0x2605);
    }
    const elbow_series series = {.x = elbow_table_column(&run->metrics.train, "step"),
                                 .y = elbow_table_column(&run->metrics.train, "elbo"),
                                 .count = run->metrics.train.rows,
                                 .negate = true,
                                 .ink = ELBOW_INK_CYAN};
    int room = canvas->width - x < 2 * SPARK ? canvas->width - x : 2 * SPARK;
    if (room >= SPARK / 2) elbow_plot_spark(canvas, x, y, room, &series);
}

static void draw_titles(elbow_canvas *canvas, int name) {
    int x = name + GAP;
    elbow_canvas_put(canvas, 0, 0, name, ELBOW_INK_DIM, "run");
    for (int c = 0; c < COLUMNS; c++) {
        if (canvas->width < columns[c].from) continue;
        int width = (int)strlen(columns[c].title), room = columns[c].width;
        elbow_canvas_put(canvas, x + (columns[c].right && width < room ? room - width : 0), 0, room,
                         ELBOW_INK_DIM, columns[c].title);
        x += room + GAP;
    }
    if (canvas->width - x >= SPARK / 2)
        elbow_canvas_put(canvas, x, 0, canvas->width - x, ELBOW_INK_DIM, "-ELBO train");
}

elbow_status elbow_watch_draw_table(elbow_canvas *canvas, const elbow_watched *runs, size_t count,
                                    const elbow_view_style *style) {
    int most = canvas->width - columns_width(canvas->width), name = name_width(runs, count, most);
    size_t winner = find_winner(runs, count), room = canvas->height > 2 ? (size_t)canvas->height - 2 : 1;
    size_t shown = count <= room ? count : room;
    if (name < 1) name = 1;
    draw_titles(canvas, name);
    for (size_t i = 0; i < shown; i++) draw_row(canvas, 1 + (int)i, name, &runs[i], i == winner, style);
    int last = canvas->height - 1;
    if (shown < count)
        elbow_canvas_print(canvas, 0, last, ELBOW_INK_YELLOW, "%zu more; a taller window shows them",
                           count - shown);
    else if (style->keys)
        elbow_canvas_put(canvas, 0, last, canvas->width, ELBOW_INK_DIM, "q quit");
    return ELBOW_OK;
}
