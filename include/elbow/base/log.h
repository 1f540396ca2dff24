/* What the library says while it works. The only place that prints besides `src/cli/`.
 *
 * Levels have a written meaning:
 *   ELBOW_LOG_WARNING  something costs the user speed, safety or exactness, and what to do about it
 *   ELBOW_LOG_NOTICE   what a user wants in the log of every run: the start table, a line per evaluation
 *   ELBOW_LOG_DETAIL   what helps when something is odd; off by default
 * Warnings go to stderr with "elbow: warning: " before them, the rest to stdout. Only a rank that was told
 * to (elbow_log_open with `speaks`) prints; the others are silent.
 *
 * The progress line is one line rewritten in place on a terminal. Elsewhere (a file, a pipe) it is nothing,
 * and the caller logs plain lines instead. Under Open MPI a rank's stdout is a pseudo-terminal whatever
 * mpirun's own stdout is, so the question is put to the launcher's descriptor (see log.c). Environment:
 * ELBOW_PROGRESS=0 never draws, ELBOW_PROGRESS=1 always. Not for several threads at once. */
#ifndef ELBOW_BASE_LOG_H
#define ELBOW_BASE_LOG_H

#include <stdbool.h>

#include "elbow/base/error.h"

typedef enum elbow_log_level {
    ELBOW_LOG_NOTHING = -1, /* for elbow_log_open alone: not even warnings; the progress line is drawn */
    ELBOW_LOG_WARNING,
    ELBOW_LOG_NOTICE,
    ELBOW_LOG_DETAIL
} elbow_log_level;

/* `speaks`: whether this process prints at all. `level`: the most detailed level printed. Nothing is
 * printed before the first call; a later one says it anew. Local. */
void elbow_log_open(bool speaks, elbow_log_level level);

/* What elbow_log_open was told; false before it. Local. */
bool elbow_log_speaks(void);

/* Whether mpirun, srun or the like started this process, by its environment. MPI_Init gives a program started
 * alone the same environment: ask before it. Local. */
bool elbow_log_launched(void);

/* Whether it is the first of them, by the launcher's variables, or alone: for what needs no MPI and is done once. */
bool elbow_log_first(void);

void elbow_log(elbow_log_level level, const char *format, ...) ELBOW_PRINTF(2, 3);
#define elbow_warn(...)   elbow_log(ELBOW_LOG_WARNING, __VA_ARGS__)
#define elbow_notice(...) elbow_log(ELBOW_LOG_NOTICE, __VA_ARGS__)
#define elbow_detail(...) elbow_log(ELBOW_LOG_DETAIL, __VA_ARGS__)

/* From here on warnings that would be printed go to `taker`; NULL: they are printed again. Local. */
typedef void elbow_log_taker(void *context, const char *text);
void elbow_log_divert(elbow_log_taker *taker, void *context);

/* Columns of the terminal a person looks at, 0 when nobody does (file, pipe, silent rank). Local. */
int elbow_log_width(void);

/* Rewrites the progress line (UTF-8, cut to the terminal's width); NULL or "" clears it. A later elbow_log
 * clears the line, prints, and the next call draws it again. Nothing without a terminal. Local. */
void elbow_log_progress(const char *line);

#endif
