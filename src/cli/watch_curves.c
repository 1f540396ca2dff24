/* elbow watch: the curves of a run. −ELBO has most of the room; beside it a column of smaller ones over the same steps. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plot.h"
#include "watch_view.h"

enum {
    BESIDE_WIDTH = 64, /* from so many cells on there are smaller curves beside */
    BESIDE_HEIGHT = 4, /* a smaller curve's rows, without its title, at the least */
    AXIS_ROWS = 2,     /* below the curves */
    ACROSS_LEAST = 8,  /* cells across, below which there is no curve */
    LABEL_BYTES = 128,
    MOST_SERIES = 4,
    CIRCLE = 0x2022, /* • */
    HOLLOW = 0x25E6, /* ◦ */
    STAR = 0x2605    /* ★ */
};

/* The evaluations of one split: copies of its rows. */
typedef struct evaluations {
    double *steps, *elbo, *kl;
    size_t count;
} evaluations;

static void destroy_evaluations(evaluations *split) {
    free(split->steps);
    *split = (evaluations){0};
}

static elbow_status collect_evaluations(evaluations *of, const elbow_watched *run, elbow_split split) {
    const elbow_table *table = &run->metrics.evaluation;
    const double *splits = elbow_table_column(table, "split"), *steps = elbow_table_column(table, "step");
    const double *elbo = elbow_table_column(table, "elbo"), *kl = elbow_table_column(table, "kl");
    *of = (evaluations){0};
    if (table->rows == 0 || !splits || !steps || !elbo || !kl) return ELBOW_OK;
    of->steps = malloc(3 * table->rows * sizeof *of->steps);
    ELBOW_CHECK(of->steps, ELBOW_MEMORY, "no memory for %zu evaluations", table->rows);
    of->elbo = of->steps + table->rows;
    of->kl = of->elbo + table->rows;
    for (size_t r = 0; r < table->rows; r++) {
        if ((int)splits[r] != (int)split) continue;
        of->steps[of->count] = steps[r];
        of->elbo[of->count] = elbo[r];
        of->kl[of->count++] = kl[r];
    }
    return ELBOW_OK;
}

/* ----------------------------------------------------------------------------------------- panels */

typedef struct panel {
    const char *name;
    char label[LABEL_BYTES]; /* what its title says after the name */
    elbow_range_kind kind;
    elbow_series series[MOST_SERIES];
    size_t count;
    elbow_frame frame;
} panel;

static elbow_series train_series(const elbow_watched *run, const char *column, bool negate) {
    const elbow_table *table = &run->metrics.train;
    const double *y = elbow_table_column(table, column);
    return (elbow_series){.x = elbow_table_column(table, "step"),
                          .y = y,
                          .count = y != NULL ? table->rows : 0,
                          .negate = negate,
                          .ink = ELBOW_INK_CYAN};
}

/* Rows are means: what is flat is so to rounding. */
static bool varies(const elbow_series *series) {
    size_t first = 0; /* that says anything */
    while (first < series->count && isnan(series->y[first])) first++;
    for (size_t i = first + 1; i < series->count; i++)
        if (fabs(series->y[i] - series->y[first]) > 1e-9 * fabs(series->y[first])) return true;
    return false;
}

/* The smaller panels, the most important first: what does not change has nothing to show. */
static size_t make_beside(panel *panels, const elbow_watched *run, const evaluations *selecting,
                          const elbow_view_style *style) {
    static const struct {
        const char *name, *column;
        elbow_range_kind kind;
        bool always;
    } all[] = {{"KL", "kl", ELBOW_RANGE_ZERO, true},
               {"examples/s", "examples_per_second", ELBOW_RANGE_ZERO, true},
               {"temperature", "temperature", ELBOW_RANGE_ALL, false},
               {"beta", "beta", ELBOW_RANGE_ZERO, false},
               {"learning rate", "learning_rate", ELBOW_RANGE_ZERO, false},
               {"gradient norm", "gradient_norm", ELBOW_RANGE_ROBUST, true},
               {"noise scale", "noise_scale", ELBOW_RANGE_ROBUST, false}};
    size_t count = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        panel *p = &panels[count];
        char value[ELBOW_TICK_BYTES];
        *p = (panel){
            .name = all[i].name, .kind = style->logarithmic ? ELBOW_RANGE_LOG : all[i].kind, .count = 1};
        p->series[0] = train_series(run, all[i].column, false);
        if (!all[i].always && !varies(&p->series[0])) continue;
        double last = elbow_watched_last(run, all[i].column);
        elbow_tick_text(value, last, fabs(last) / 100);
        snprintf(p->label, sizeof p->label, "%s", value);
        if (strcmp(all[i].column, "kl") == 0 && selecting->count > 0) {
            elbow_split split = elbow_watched_split(run);
            elbow_tick_text(value, selecting->kl[selecting->count - 1], fabs(last) / 100);
            snprintf(p->label + strlen(p->label), sizeof p->label - strlen(p->label), "  %s %s",
                     elbow_split_name(split), value);
            p->series[p->count++] = (elbow_series){.x = selecting->steps,
                                                   .y = selecting->kl,
                                                   .count = selecting->count,
                                                   .points = true,
                                                   .mark = CIRCLE,
                                                   .ink = ELBOW_INK_YELLOW};
        }
        count++;
    }
    return count;
}

static void draw_panel(elbow_canvas *canvas, const panel *p) {
    elbow_plot_left_axis(canvas, &p->frame, p->frame.x - 1);
    for (size_t s = 0; s < p->count; s++) elbow_plot_series(canvas, &p->frame, &p->series[s]);
}

/* ---------------------------------------------------------------------------------- the large panel */

/* The title's words, each with the ink of what it names; those that fit. Returns the cell after them. */
static int put_word(elbow_canvas *canvas, int x, int y, int end, elbow_ink ink, uint32_t mark,
                    const char *text) {
    int need = elbow_canvas_width_of(text) + (mark ? 2 : 0);
    if (x + need > end) return x;
    if (mark) {
        elbow_canvas_letter(canvas, x, y, ink, mark);
        x += 2;
    }
    return x + elbow_canvas_put(canvas, x, y, end - x, ink, text) + 2;
}

static void draw_elbo_title(elbow_canvas *canvas, const elbow_watched *run, const panel *p, int x, int y,
                            int end) {
    char text[LABEL_BYTES];
    elbow_split split = elbow_watched_split(run);
    x = put_word(canvas, x, y, end, ELBOW_INK_BOLD, 0, "-ELBO");
    snprintf(text, sizeof text, "train %.2f", -elbow_watched_last(run, "elbo"));
    x = put_word(canvas, x, y, end, ELBOW_INK_CYAN, 0x2500, text);
    for (size_t s = 1; s < p->count; s++) {
        elbow_split of = s == 1 ? split : ELBOW_TEST;
        snprintf(text, sizeof text, "%s %.2f", elbow_split_name(of), elbow_watched_newest(run, of).value);
        x = put_word(canvas, x, y, end, p->series[s].ink, p->series[s].mark, text);
    }
    elbow_watched_point best =
        split < ELBOW_SPLITS ? elbow_watched_best(run, split) : (elbow_watched_point){0};
    if (split == ELBOW_SPLITS || isnan(best.value)) return;
    snprintf(text, sizeof text, "best %.2f at step %.0f", best.value, best.step);
    int after = put_word(canvas, x, y, end, ELBOW_INK_GREEN, STAR, text);
    snprintf(text, sizeof text, "best %.2f", best.value);
    if (after == x) put_word(canvas, x, y, end, ELBOW_INK_GREEN, STAR, text);
}

/* What the range leaves out is said where it would be. */
static void say_cut(elbow_canvas *canvas, const panel *p) {
    char value[ELBOW_TICK_BYTES], text[LABEL_BYTES];
    const elbow_range *up = &p->frame.up;
    if (!(up->above > 0)) return;
    elbow_tick_text(value, up->above, up->above / 100);
    snprintf(text, sizeof text, p->frame.width < 36 ? "↑ to %s" : "↑ cut off: up to %s", value);
    int width = elbow_canvas_width_of(text), x = p->frame.x + p->frame.width - width;
    if (x > p->frame.x) elbow_canvas_put(canvas, x, p->frame.y, width, ELBOW_INK_DIM, text);
}

static void mark_best(elbow_canvas *canvas, const elbow_watched *run, const panel *p) {
    elbow_split split = elbow_watched_split(run);
    if (split == ELBOW_SPLITS) return;
    elbow_watched_point best = elbow_watched_best(run, split);
    elbow_plot_mark(canvas, &p->frame, best.step, best.value, ELBOW_INK_GREEN, STAR);
}

static panel make_elbo(const elbow_watched *run, const evaluations *selecting, const evaluations *test,
                       const elbow_view_style *style) {
    panel p = {
        .name = "-ELBO", .kind = style->logarithmic ? ELBOW_RANGE_LOG : ELBOW_RANGE_ROBUST, .count = 1};
    p.series[0] = train_series(run, "elbo", true);
    const evaluations *both[] = {selecting, test};
    for (size_t i = 0; i < 2; i++)
        if (both[i]->count > 0)
            p.series[p.count++] = (elbow_series){.x = both[i]->steps,
                                                 .y = both[i]->elbo,
                                                 .count = both[i]->count,
                                                 .negate = true,
                                                 .points = true,
                                                 .mark = i ? HOLLOW : CIRCLE,
                                                 .ink = i ? ELBOW_INK_MAGENTA : ELBOW_INK_YELLOW};
    return p;
}

/* ----------------------------------------------------------------------------------------- layout */

static elbow_range steps_range(const elbow_watched *run) {
    double last = elbow_watched_last(run, "step");
    const elbow_watched_point newest = elbow_watched_newest(run, elbow_watched_split(run));
    last = fmax(isnan(last) ? 1 : last, isnan(newest.step) ? 1 : newest.step);
    return (elbow_range){.low = 0, .high = last};
}

/* A column of panels between x and end, over one axis: gutters are as wide as the widest needs. */
static elbow_status lay_out(panel *panels, size_t count, int x, int end, int top, int bottom,
                            elbow_range across) {
    int gutter = 3, y = top, rows = bottom - top - AXIS_ROWS;
    for (size_t i = 0; i < count; i++) {
        elbow_frame *frame = &panels[i].frame;
        ELBOW_TRY(elbow_range_of(&frame->up, panels[i].kind, panels[i].series, panels[i].count));
        int height = rows / (int)count + ((int)i < rows % (int)count);
        frame->y = y + 1; /* below the title */
        frame->height = height - 1;
        frame->across = across;
        y += height;
        int need = elbow_plot_gutter(frame);
        if (need > gutter) gutter = need;
    }
    for (size_t i = 0; i < count; i++) {
        panels[i].frame.x = x + gutter + 1;
        panels[i].frame.width = end - panels[i].frame.x;
    }
    return ELBOW_OK;
}

static elbow_status draw_beside(elbow_canvas *canvas, panel *panels, size_t count, int x, int top, int bottom,
                                elbow_range across) {
    ELBOW_TRY(lay_out(panels, count, x, canvas->width, top, bottom, across));
    for (size_t i = 0; i < count; i++) {
        const elbow_frame *frame = &panels[i].frame;
        int at =
            put_word(canvas, frame->x - 1, frame->y - 1, canvas->width, ELBOW_INK_BOLD, 0, panels[i].name);
        elbow_canvas_put(canvas, at, frame->y - 1, canvas->width - at, ELBOW_INK_CYAN, panels[i].label);
        draw_panel(canvas, &panels[i]);
    }
    elbow_plot_bottom_axis(canvas, &panels[count - 1].frame, "step");
    return ELBOW_OK;
}

elbow_status elbow_watch_draw_curves(elbow_canvas *canvas, int top, int bottom, const elbow_watched *run,
                                     const elbow_view_style *style) {
    enum { MOST_BESIDE = 8 };
    elbow_status status = ELBOW_OK;
    evaluations selecting = {0}, test = {0};
    panel beside[MOST_BESIDE];
    elbow_split split = elbow_watched_split(run);
    elbow_range across = steps_range(run);
    int rows = bottom - top, end = canvas->width;
    if (rows < AXIS_ROWS + 2) return ELBOW_OK;
    if (split < ELBOW_SPLITS) ELBOW_TRY_OR_DONE(collect_evaluations(&selecting, run, split));
    if (split == ELBOW_VALID) ELBOW_TRY_OR_DONE(collect_evaluations(&test, run, ELBOW_TEST));

    size_t fit = canvas->width < BESIDE_WIDTH ? 0 : (size_t)(rows - AXIS_ROWS) / (BESIDE_HEIGHT + 1);
    size_t count = make_beside(beside, run, &selecting, style);
    if (count > fit) count = fit;
    if (count > 0) {
        end = canvas->width * 58 / 100;
        ELBOW_TRY_OR_DONE(draw_beside(canvas, beside, count, end + 1, top, bottom, across));
        end--;
    }
    panel elbo = make_elbo(run, &selecting, &test, style);
    ELBOW_TRY_OR_DONE(lay_out(&elbo, 1, 0, end, top, bottom, across));
    if (elbo.frame.width < ACROSS_LEAST) goto done;
    draw_elbo_title(canvas, run, &elbo, elbo.frame.x - 1, top, end);
    draw_panel(canvas, &elbo);
    say_cut(canvas, &elbo);
    mark_best(canvas, run, &elbo);
    elbow_plot_bottom_axis(canvas, &elbo.frame, "step");
done:
    destroy_evaluations(&selecting);
    destroy_evaluations(&test);
    return status;
}
