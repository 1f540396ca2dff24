/* The pictures of `elbow watch`: one run on a whole screen, or several in a table. Local. */
#ifndef ELBOW_SRC_CLI_WATCH_VIEW_H
#define ELBOW_SRC_CLI_WATCH_VIEW_H

#include "canvas.h"
#include "watched.h"

typedef struct elbow_view_style {
    bool logarithmic; /* the vertical axes, over the whole range */
    bool keys;        /* a person has keys to press: say which */
    bool coloured;    /* else what colour tells apart has letters */
    double now;       /* seconds since 1970 */
} elbow_view_style;

/* On a blank canvas of any size; what has no room is left out, the least important first. ELBOW_MEMORY. */
elbow_status elbow_watch_draw(elbow_canvas *canvas, const elbow_watched *run, const elbow_view_style *style);

/* A line a run, and what is best. */
elbow_status elbow_watch_draw_table(elbow_canvas *canvas, const elbow_watched *runs, size_t count,
                                    const elbow_view_style *style);

/* For both: "3 min", "2:13:04"; the run's name; its state and ink; why it may be dead, "" where it need not be. */
enum { ELBOW_WATCH_TEXT = 160 };
void elbow_watch_time_text(char text[ELBOW_WATCH_TEXT], double seconds);
const char *elbow_watch_word(const elbow_watched *run, const elbow_view_style *style, elbow_ink *ink);
void elbow_watch_doubt(char text[ELBOW_WATCH_TEXT], const elbow_watched *run, const elbow_view_style *style);

/* The curves: the rows [top, bottom) of the canvas. ELBOW_MEMORY. */
elbow_status elbow_watch_draw_curves(elbow_canvas *canvas, int top, int bottom, const elbow_watched *run,
                                     const elbow_view_style *style);

#endif
