/* A screen of character cells in memory: what `elbow watch` draws on, before any terminal sees it.
 *
 * A cell is a Unicode letter and an ink. Text from files and the command line is safe to put: control characters become
 * "?", letters of double width take two cells, what does not fit is cut with "…". Rows come out as UTF-8 or as plain
 * ASCII that looks alike, with colour or without. The origin is the upper left; what lies outside is not drawn. Local. */
#ifndef ELBOW_SRC_CLI_CANVAS_H
#define ELBOW_SRC_CLI_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

#include "elbow/base/error.h"
#include "elbow/store/text.h"

typedef enum elbow_ink {
    ELBOW_INK_PLAIN,
    ELBOW_INK_DIM,
    ELBOW_INK_BOLD,
    ELBOW_INK_RED,
    ELBOW_INK_GREEN,
    ELBOW_INK_YELLOW,
    ELBOW_INK_BLUE,
    ELBOW_INK_MAGENTA,
    ELBOW_INK_CYAN,
    ELBOW_INKS
} elbow_ink;

typedef struct elbow_cell {
    uint32_t letter; /* 0: the right half of the letter before */
    elbow_ink ink;
} elbow_cell;

typedef struct elbow_canvas {
    int width, height;
    elbow_cell *cells; /* (height, width) */
} elbow_canvas;

/* Blank. ELBOW_MEMORY. */
elbow_status elbow_canvas_create(elbow_canvas *canvas, int width, int height);
void elbow_canvas_destroy(elbow_canvas *canvas);

void elbow_canvas_letter(elbow_canvas *canvas, int x, int y, elbow_ink ink, uint32_t letter);

/* UTF-8 from (x, y) on, at most `room` cells wide. Returns the cells taken. */
int elbow_canvas_put(elbow_canvas *canvas, int x, int y, int room, elbow_ink ink, const char *text);

/* Formats, and puts up to the right edge; returns the cell after it. */
int elbow_canvas_print(elbow_canvas *canvas, int x, int y, elbow_ink ink, const char *format, ...)
    ELBOW_PRINTF(5, 6);

/* Cells that the text takes. */
int elbow_canvas_width_of(const char *text);

/* A dot in units of half a cell across and a quarter of one down (Braille patterns have 2 × 4 dots). Dots of one cell
 * add up, and have the ink of the last. */
void elbow_canvas_dot(elbow_canvas *canvas, int x, int y, elbow_ink ink);

/* A horizontal bar that covers `share` (0 … 1) of `width` cells, in eighths of one. */
void elbow_canvas_bar(elbow_canvas *canvas, int x, int y, int width, elbow_ink ink, double share);

/* How a terminal shows it. */
typedef struct elbow_canvas_style {
    bool utf8, colour;
} elbow_canvas_style;

/* Appends row y, without blanks at its end and without a line end. ELBOW_MEMORY. */
elbow_status elbow_canvas_row(const elbow_canvas *canvas, int y, elbow_canvas_style style, elbow_text *out);

/* Whether row y is the same on both, which are equally wide. */
bool elbow_canvas_same_row(const elbow_canvas *a, const elbow_canvas *b, int y);

#endif
