#include "plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEWEST_ROBUST = 8 }; /* values that have quantiles worth the name */

static double value_of(const elbow_series *series, size_t i) {
    return series->negate ? -series->y[i] : series->y[i];
}

/* ----------------------------------------------------------------------------------------- ranges */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The finite values with x beyond `from`, sorted; returns how many. */
static size_t collect(double *values, const elbow_series *series, size_t count, double from) {
    size_t n = 0;
    for (size_t s = 0; s < count; s++)
        for (size_t i = 0; i < series[s].count; i++)
            if (series[s].x[i] > from && isfinite(value_of(&series[s], i)))
                values[n++] = value_of(&series[s], i);
    qsort(values, n, sizeof *values, ascending);
    return n;
}

/* Where quantiles say so, the top comes down. */
static double robust_top(const double *sorted, size_t n) {
    double low = sorted[n / 20], high = sorted[n - 1 - n / 20], spread = high - low;
    if (n < FEWEST_ROBUST || spread <= 0 || sorted[n - 1] <= high + 3 * spread) return sorted[n - 1];
    return high + 2 * spread;
}

elbow_status elbow_range_of(elbow_range *range, elbow_range_kind kind, const elbow_series *series,
                            size_t count) {
    size_t total = 0;
    double first = INFINITY, last = -INFINITY;
    for (size_t s = 0; s < count; s++) {
        total += series[s].count;
        if (series[s].count == 0) continue;
        first = fmin(first, series[s].x[0]);
        last = fmax(last, series[s].x[series[s].count - 1]);
    }
    *range = (elbow_range){.low = 0, .high = 1};
    if (total == 0) return ELBOW_OK;
    double *values = malloc(total * sizeof *values);
    ELBOW_CHECK(values, ELBOW_MEMORY, "no memory for a curve of %zu values", total);
    size_t n = collect(values, series, count, -INFINITY);
    if (n > 0) {
        double low = values[0], high = values[n - 1], most = high;
        if (kind == ELBOW_RANGE_ROBUST) {
            size_t late = collect(values, series, count, first + 0.1 * (last - first));
            if (late >= FEWEST_ROBUST) {
                low = fmin(low, values[0]);
                high = robust_top(values, late);
            }
        }
        if (kind == ELBOW_RANGE_ZERO) low = fmin(low, 0), high = fmax(high, 0);
        range->logarithmic = kind == ELBOW_RANGE_LOG && low > 0;
        range->above = most > high ? most : 0;
        if (range->logarithmic) {
            double room = high > low ? exp(0.04 * (log(high) - log(low))) : 1.1;
            range->low = low / room;
            range->high = high * room;
        } else {
            double room = high > low ? 0.04 * (high - low) : fmax(fabs(high) * 0.1, 1e-12);
            if (high == 0 && low == 0) room = 1;
            range->low = kind == ELBOW_RANGE_ZERO && low >= 0 ? 0 : low - room;
            range->high = high + room;
        }
        /* Values as far apart as doubles go: no room for room. */
        range->low = fmax(range->low, -1e300);
        range->high = fmin(range->high, 1e300);
    }
    free(values);
    return ELBOW_OK;
}

double elbow_range_place(const elbow_range *range, double value) {
    if (!range->logarithmic) return (value - range->low) / (range->high - range->low);
    if (!(value > 0)) return -INFINITY;
    return (log(value) - log(range->low)) / (log(range->high) - log(range->low)); /* quotients may overflow */
}

/* ------------------------------------------------------------------------------------------ ticks */

/* 1, 2 or 5 times a power of ten, at least `least`. */
static double round_up(double least) {
    double power = pow(10, floor(log10(least)));
    double factor = least / power;
    return power * (factor <= 1.0000001 ? 1 : factor <= 2.0000001 ? 2 : factor <= 5.0000001 ? 5 : 10);
}

static elbow_ticks linear_ticks(const elbow_range *range, size_t most) {
    elbow_ticks ticks = {0};
    double width = range->high - range->low;
    double spacing = round_up(width / (double)most), from = 0, count = 0;
    while (true) {
        from = ceil(range->low / spacing - 1e-9);
        count = floor(range->high / spacing + 1e-9) - from + 1;
        if (count <= (double)most) break;
        spacing = round_up(spacing * 1.5);
    }
    ticks.spacing = spacing;
    for (size_t i = 0; (double)i < count; i++)
        ticks.values[ticks.count++] = (from + (double)i) * spacing + 0.0; /* no −0 */
    return ticks;
}

/* 1, 2, 5 of every decade, or fewer of them, or whole decades only, as there is room. */
static elbow_ticks logarithmic_ticks(const elbow_range *range, size_t most) {
    static const double few[] = {1}, some[] = {1, 3}, many[] = {1, 2, 5};
    static const struct {
        const double *of;
        size_t count;
    } sets[] = {{many, 3}, {some, 2}, {few, 1}};
    int from = (int)floor(log10(range->low)), to = (int)ceil(log10(range->high));
    for (size_t s = 0; s < 3; s++)
        for (int stride = 1; stride <= (s < 2 ? 1 : 64); stride *= 2) {
            elbow_ticks ticks = {0};
            size_t found = 0;
            for (int e = from; e <= to; e++)
                for (size_t i = 0; i < sets[s].count && e % stride == 0; i++) {
                    double value = sets[s].of[i] * pow(10, e);
                    if (value < range->low || value > range->high) continue;
                    if (found++ < ELBOW_TICKS) ticks.values[ticks.count++] = value;
                }
            if (found <= most && found >= 2) return ticks;
        }
    elbow_ticks ticks = linear_ticks(range, most);
    if (ticks.count > 0 && ticks.values[0] < range->low) /* 0 is near as a number, and far on this axis */
        memmove(ticks.values, ticks.values + 1, --ticks.count * sizeof *ticks.values);
    return ticks;
}

elbow_ticks elbow_ticks_of(const elbow_range *range, size_t most) {
    most = most < 1 ? 1 : most > ELBOW_TICKS ? ELBOW_TICKS : most;
    elbow_ticks ticks = range->logarithmic ? logarithmic_ticks(range, most) : linear_ticks(range, most);
    if (ticks.count == 0)
        ticks = (elbow_ticks){{(range->low + range->high) / 2}, 1, range->high - range->low};
    return ticks;
}

void elbow_tick_text(char text[ELBOW_TICK_BYTES], double value, double spacing) {
    double size = fabs(value), step = spacing > 0 ? spacing : size;
    const char *suffix = "";
    if (!isfinite(value)) {
        snprintf(text, ELBOW_TICK_BYTES, "%s", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    if (size < 1e-300 || size < 1e-9 * step) {
        snprintf(text, ELBOW_TICK_BYTES, "0");
        return;
    }
    if (size >= 1e13 || size < 9.99e-4) {
        double power = floor(log10(size) + 1e-9), first = value / pow(10, power);
        int digits = fabs(first - round(first)) < 1e-6 ? 0 : 1;
        snprintf(text, ELBOW_TICK_BYTES, "%.*fe%.0f", digits, first, power);
        return;
    }
    /* The suffix by the value, so that 12k stands beside 800; the digits by the spacing, so that neighbours differ. */
    double unit = 1;
    if (size >= 1e10)
        unit = 1e9, suffix = "G";
    else if (size >= 1e6)
        unit = 1e6, suffix = "M";
    else if (size >= 1e4)
        unit = 1e3, suffix = "k";
    int decimals = (int)ceil(-log10(step / unit) - 1e-9);
    double scaled = step / unit * pow(10, decimals > 0 ? decimals : 0);
    if (fabs(scaled - round(scaled)) > 1e-6) decimals++; /* 0.25 needs one more than 0.2 */
    snprintf(text, ELBOW_TICK_BYTES, "%.*f%s",
             decimals < 0   ? 0
             : decimals > 5 ? 5
                            : decimals,
             value / unit, suffix);
}

/* ----------------------------------------------------------------------------------------- curves */

/* A value's row of dots, from the top; far outside is as good as just outside. */
static int row_of(const elbow_frame *frame, double value) {
    int rows = 4 * frame->height;
    double place = elbow_range_place(&frame->up, value);
    if (isnan(place)) place = 0;
    return (int)lround((1 - fmax(-2, fmin(3, place))) * (rows - 1));
}

static int column_of(const elbow_frame *frame, double value) {
    double place = elbow_range_place(&frame->across, value);
    return (int)lround(fmax(-1, fmin(2, place)) * (2 * frame->width - 1));
}

static void dot(elbow_canvas *canvas, const elbow_frame *frame, int x, int y, elbow_ink ink) {
    if (x < 0 || y < 0 || x >= 2 * frame->width || y >= 4 * frame->height) return;
    elbow_canvas_dot(canvas, 2 * frame->x + x, 4 * frame->y + y, ink);
}

static void line(elbow_canvas *canvas, const elbow_frame *frame, const int from[2], const int to[2],
                 elbow_ink ink) {
    int dx = to[0] - from[0], dy = to[1] - from[1], steps = abs(dx) > abs(dy) ? abs(dx) : abs(dy);
    for (int i = 0; i <= steps; i++) {
        double along = steps ? (double)i / steps : 0;
        dot(canvas, frame, from[0] + (int)lround(along * dx), from[1] + (int)lround(along * dy), ink);
    }
}

/* A line through the mean of each column of dots: what is finer than a dot is noise here. */
static void draw_line(elbow_canvas *canvas, const elbow_frame *frame, const elbow_series *series) {
    int before[2] = {0, 0}, here[2];
    bool begun = false;
    for (size_t i = 0; i < series->count;) {
        double sum = 0;
        size_t count = 0;
        here[0] = column_of(frame, series->x[i]);
        for (; i < series->count && column_of(frame, series->x[i]) == here[0]; i++) {
            double value = value_of(series, i);
            if (!isfinite(value)) continue;
            sum += value;
            count++;
        }
        if (count == 0) continue;
        here[1] = row_of(frame, sum / (double)count);
        line(canvas, frame, begun ? before : here, here, series->ink);
        memcpy(before, here, sizeof before);
        begun = true;
    }
}

void elbow_plot_mark(elbow_canvas *canvas, const elbow_frame *frame, double x, double y, elbow_ink ink,
                     unsigned letter) {
    if (!isfinite(x) || !isfinite(y)) return;
    int column = column_of(frame, x), row = row_of(frame, y);
    if (column < 0 || row < 0 || column >= 2 * frame->width || row >= 4 * frame->height) return;
    elbow_canvas_letter(canvas, frame->x + column / 2, frame->y + row / 4, ink, letter);
}

void elbow_plot_series(elbow_canvas *canvas, const elbow_frame *frame, const elbow_series *series) {
    if (frame->width <= 0 || frame->height <= 0) return;
    if (!series->points || series->count > (size_t)frame->width / 3) {
        draw_line(canvas, frame, series);
        return;
    }
    for (size_t i = 0; i < series->count; i++)
        elbow_plot_mark(canvas, frame, series->x[i], value_of(series, i), series->ink, series->mark);
}

/* ------------------------------------------------------------------------------------------- axes */

static elbow_ticks left_ticks(const elbow_frame *frame) {
    return elbow_ticks_of(&frame->up, frame->height < 4 ? 2 : (size_t)(frame->height + 2) / 3 + 1);
}

int elbow_plot_gutter(const elbow_frame *frame) {
    elbow_ticks ticks = left_ticks(frame);
    int widest = 0;
    for (size_t i = 0; i < ticks.count; i++) {
        char text[ELBOW_TICK_BYTES];
        elbow_tick_text(text, ticks.values[i], ticks.spacing);
        if ((int)strlen(text) > widest) widest = (int)strlen(text);
    }
    return widest;
}

void elbow_plot_left_axis(elbow_canvas *canvas, const elbow_frame *frame, int gutter) {
    elbow_ticks ticks = left_ticks(frame);
    int taken = -1; /* two ticks of one row: the first has it */
    for (int row = 0; row < frame->height; row++)
        elbow_canvas_letter(canvas, frame->x - 1, frame->y + row, ELBOW_INK_DIM, 0x2502);
    for (size_t i = 0; i < ticks.count; i++) {
        char text[ELBOW_TICK_BYTES];
        int row = row_of(frame, ticks.values[i]) / 4;
        if (row == taken || row < 0 || row >= frame->height) continue;
        elbow_tick_text(text, ticks.values[i], ticks.spacing);
        elbow_canvas_letter(canvas, frame->x - 1, frame->y + row, ELBOW_INK_DIM, 0x2524);
        elbow_canvas_put(canvas, frame->x - 1 - (int)strlen(text), frame->y + row, gutter, ELBOW_INK_DIM,
                         text);
        taken = row;
    }
}

void elbow_plot_bottom_axis(elbow_canvas *canvas, const elbow_frame *frame, const char *unit) {
    int y = frame->y + frame->height, taken = frame->x - 1, unit_width = elbow_canvas_width_of(unit);
    int end = frame->x + frame->width;
    elbow_canvas_letter(canvas, frame->x - 1, y, ELBOW_INK_DIM, 0x2514);
    for (int i = 0; i < frame->width; i++)
        elbow_canvas_letter(canvas, frame->x + i, y, ELBOW_INK_DIM, 0x2500);
    elbow_ticks ticks = elbow_ticks_of(&frame->across, frame->width < 20 ? 2 : (size_t)frame->width / 11 + 1);
    elbow_canvas_put(canvas, end - unit_width, y + 1, unit_width, ELBOW_INK_DIM, unit);
    for (size_t i = 0; i < ticks.count; i++) {
        char text[ELBOW_TICK_BYTES];
        elbow_tick_text(text, ticks.values[i], ticks.spacing);
        int column = frame->x + column_of(frame, ticks.values[i]) / 2, length = (int)strlen(text);
        int from = column - length / 2;
        if (column < frame->x || column >= end) continue;
        elbow_canvas_letter(canvas, column, y, ELBOW_INK_DIM, 0x252C);
        if (from <= taken || from + length >= end - unit_width) continue;
        elbow_canvas_put(canvas, from, y + 1, length, ELBOW_INK_DIM, text);
        taken = from + length;
    }
}

void elbow_plot_spark(elbow_canvas *canvas, int x, int y, int width, const elbow_series *series) {
    elbow_range range;
    if (series->count == 0 || width <= 0 || elbow_range_of(&range, ELBOW_RANGE_ROBUST, series, 1) != ELBOW_OK)
        return;
    size_t i = 0;
    uint32_t letter = ' '; /* where there are fewer values than cells, a value lasts until the next */
    double first = series->x[0], last = series->x[series->count - 1];
    for (int c = 0; c < width; c++) {
        double until = first + (last - first) * (c + 1) / width, sum = 0;
        size_t count = 0;
        for (; i < series->count && (series->x[i] <= until || c == width - 1); i++)
            if (isfinite(value_of(series, i))) sum += value_of(series, i), count++;
        double place = count ? elbow_range_place(&range, sum / (double)count) : 0;
        if (count > 0) letter = 0x2581u + (uint32_t)lround(7 * fmax(0, fmin(1, place)));
        elbow_canvas_letter(canvas, x + c, y, series->ink, letter);
    }
}
