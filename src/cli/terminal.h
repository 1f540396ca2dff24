/* The terminal that `elbow watch` draws on: its size, its keys, the alternate screen, and the way back from it.
 *
 * Whatever ends the program but SIGKILL, the screen, the cursor and the keys' echo are as before: leaving it is a row
 * of plain bytes that a signal handler may write. Ctrl-Z goes back to the shell and `fg` comes here again. Local. */
#ifndef ELBOW_SRC_CLI_TERMINAL_H
#define ELBOW_SRC_CLI_TERMINAL_H

#include <stdbool.h>

#include "canvas.h"
#include "elbow/base/error.h"

/* What the environment says: LC_ALL, LC_CTYPE, LANG; NO_COLOR; TERM. */
bool elbow_terminal_utf8(void);
bool elbow_terminal_colour(void);

/* Whether stdout is a terminal with a cursor to move (TERM is not dumb). */
bool elbow_terminal_draws(void);

/* Columns and rows of the terminal behind stdout; what it does not say stays as it is. */
void elbow_terminal_size(int *width, int *height);

/* Alternate screen, no cursor, keys at once. ELBOW_IO. */
elbow_status elbow_terminal_enter(void);
void elbow_terminal_leave(void);

/* Writes the rows that differ from `before` (all of them where that is of another size), in one go. ELBOW_IO: nobody is
 * there any more. */
elbow_status elbow_terminal_show(const elbow_canvas *canvas, const elbow_canvas *before,
                                 elbow_canvas_style style);

typedef enum elbow_terminal_event {
    ELBOW_TERMINAL_TIME, /* the time is over */
    ELBOW_TERMINAL_KEY,
    ELBOW_TERMINAL_SIZE, /* it has another size, or is to be drawn anew */
    ELBOW_TERMINAL_END   /* SIGINT, SIGTERM, SIGHUP, SIGQUIT */
} elbow_terminal_event;

/* Waits for one of them, `seconds` at the most; *key is a byte. */
elbow_terminal_event elbow_terminal_wait(double seconds, int *key);

#endif
