/* Curves on a canvas: ranges that show what matters, ticks that people read, lines of Braille dots. Local. */
#ifndef ELBOW_SRC_CLI_PLOT_H
#define ELBOW_SRC_CLI_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "canvas.h"
#include "elbow/base/error.h"

/* What is drawn: −y where `negate` (ELBO is stored, −ELBO shown). Values that are not finite are left out. */
typedef struct elbow_series {
    const double *x, *y; /* (count), x ascending */
    size_t count;
    bool negate;
    bool points;   /* a marker each, as long as they stay apart; else a line */
    unsigned mark; /* the marker's letter */
    elbow_ink ink;
} elbow_series;

/* The part of an axis that is shown, low < high. */
typedef struct elbow_range {
    double low, high;
    bool logarithmic; /* only with low > 0 */
    double above;     /* the largest value, where it is cut off at the top, else 0 */
} elbow_range;

typedef enum elbow_range_kind {
    ELBOW_RANGE_ALL,    /* every value */
    ELBOW_RANGE_ZERO,   /* every value, and 0 */
    ELBOW_RANGE_ROBUST, /* not the first tenth of x, nor single values far above the others: cut off */
    ELBOW_RANGE_LOG     /* every value, logarithmic where all are above 0 */
} elbow_range_kind;

/* The range for all of `series`, with a little room; 0 … 1 where there is no value. ELBOW_MEMORY. */
elbow_status elbow_range_of(elbow_range *range, elbow_range_kind kind, const elbow_series *series,
                            size_t count);

/* Where a value lies: 0 at the low end, 1 at the high one. */
double elbow_range_place(const elbow_range *range, double value);

enum { ELBOW_TICKS = 16, ELBOW_TICK_BYTES = 16 };

typedef struct elbow_ticks {
    double values[ELBOW_TICKS];
    size_t count;
    double spacing; /* 0 where it varies */
} elbow_ticks;

/* At most `most` round values (1, 2, 5 times a power of ten apart) within the range; at least one. */
elbow_ticks elbow_ticks_of(const elbow_range *range, size_t most);

/* As short as tells ticks apart: 0.25, 1200, 12k, 1.5M, 2e-5. */
void elbow_tick_text(char text[ELBOW_TICK_BYTES], double value, double spacing);

/* Where curves go: the inner part, cells from (x, y) on, without axes. */
typedef struct elbow_frame {
    int x, y, width, height;
    elbow_range across, up;
} elbow_frame;

void elbow_plot_series(elbow_canvas *canvas, const elbow_frame *frame, const elbow_series *series);

/* One marker, at (x, y) of the data; nothing where that lies outside. */
void elbow_plot_mark(elbow_canvas *canvas, const elbow_frame *frame, double x, double y, elbow_ink ink,
                     unsigned letter);

/* The vertical axis left of the frame, labels in `gutter` cells before it. */
void elbow_plot_left_axis(elbow_canvas *canvas, const elbow_frame *frame, int gutter);
int elbow_plot_gutter(const elbow_frame *frame); /* cells that those labels take */

/* The horizontal axis and its labels: the two rows below the frame; `unit` at its end. */
void elbow_plot_bottom_axis(elbow_canvas *canvas, const elbow_frame *frame, const char *unit);

/* A line of `width` blocks of eight heights. */
void elbow_plot_spark(elbow_canvas *canvas, int x, int y, int width, const elbow_series *series);

#endif
