/* elbow watch: how runs are doing, live on a terminal or once as text. Reads only, and never touches MPI. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "elbow/base/number.h"
#include "terminal.h"
#include "watch_view.h"

enum { USUAL_WIDTH = 80, USUAL_HEIGHT = 24, LEAST_WIDTH = 16, LEAST_HEIGHT = 3, MOST_CELLS = 1000 };

static const char help[] =
    "elbow watch: how runs are doing\n"
    "\n"
    "  elbow watch RUN          its curves, checkpoints, time left, on this terminal, until q is pressed\n"
    "  elbow watch RUN RUN...   a line a run: state, -ELBO, the best so far, time left\n"
    "\n"
    "  --once                   print one frame as plain text and end; so it is where stdout is no terminal\n"
    "  --every SECONDS          look at the files so often (2); they are read where they have changed\n"
    "  --width N, --height N    of the frame; as the terminal is, or 80 x 24\n"
    "\n"
    "Keys: q quits, l switches to logarithmic axes and back, Ctrl-L draws anew.\n"
    "\n"
    "Works on a run that is starting, running, stopped, dead or finished, from any machine that sees its "
    "files, and\n"
    "disturbs it by nothing: it reads metrics.h5 and asks for nothing else. Figures are as old as "
    "metrics.h5, which a run\n"
    "writes every second or so, and more rarely where that would cost it over 1 % of its time.\n"
    "-ELBO is in nats per example. Its axis leaves out what lies far above the rest, mostly the first steps, "
    "and says so.\n"
    "\n"
    "Curves are drawn in Braille dots where the locale is UTF-8, else in ASCII (LC_ALL=C elbow watch RUN, "
    "for fonts without\n"
    "them); NO_COLOR=1 draws without colours.\n"
    "\n"
    "Example:\n"
    "  elbow watch runs/mnist\n"
    "  elbow watch runs/sweep-* --once\n";

typedef struct watching {
    const char *const *names;
    size_t count;
    int64_t width, height; /* 0: the terminal's */
    double every;
    elbow_watched *runs; /* (count) */
    elbow_view_style style;
} watching;

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Among several, one that is no run (yet, or any more) keeps its line, and the others theirs. */
static elbow_status refresh_one(elbow_watched *run, const char *name) {
    elbow_watched found;
    if (run->other) {
        elbow_status status = elbow_watched_create(&found, name);
        if (status != ELBOW_OK) return elbow_watched_other(run, name);
        elbow_watched_destroy(run);
        *run = found;
    }
    return elbow_watched_refresh(run) == ELBOW_OK ? ELBOW_OK : elbow_watched_other(run, name);
}

static elbow_status refresh(watching *w) {
    if (w->count == 1) return elbow_watched_refresh(w->runs);
    for (size_t i = 0; i < w->count; i++) ELBOW_TRY(refresh_one(&w->runs[i], w->names[i]));
    return ELBOW_OK;
}

/* Where none of the names is a run: why the first is none. */
static elbow_status open_runs(watching *w) {
    elbow_status first = ELBOW_OK;
    char why[1024] = "";
    size_t runs = 0;
    for (size_t i = 0; i < w->count; i++) {
        elbow_status status = elbow_watched_create(&w->runs[i], w->names[i]);
        runs += status == ELBOW_OK;
        if (status == ELBOW_OK) continue;
        if (status == ELBOW_MEMORY) return status;
        if (first == ELBOW_OK) snprintf(why, sizeof why, "%s", elbow_error_message());
        if (first == ELBOW_OK) first = status;
        ELBOW_TRY(elbow_watched_other(&w->runs[i], w->names[i]));
    }
    return runs > 0 ? ELBOW_OK : elbow_fail(first, "%s", why);
}

/* A new canvas of the size that is in force, with the picture of what was read last. */
static elbow_status draw(watching *w, elbow_canvas *canvas) {
    int width = USUAL_WIDTH, height = USUAL_HEIGHT;
    elbow_terminal_size(&width, &height);
    if (w->width > 0) width = (int)w->width;
    if (w->height > 0) height = (int)w->height;
    if (width > MOST_CELLS) width = MOST_CELLS;
    if (height > MOST_CELLS) height = MOST_CELLS;
    ELBOW_TRY(elbow_canvas_create(canvas, width, height));
    w->style.now = seconds_now();
    elbow_status status = w->count == 1 ? elbow_watch_draw(canvas, w->runs, &w->style)
                                        : elbow_watch_draw_table(canvas, w->runs, w->count, &w->style);
    if (status != ELBOW_OK) elbow_canvas_destroy(canvas);
    return status;
}

/* ------------------------------------------------------------------------------------------- once */

static elbow_status show_once(watching *w) {
    elbow_canvas canvas = {0};
    elbow_text text = {0};
    elbow_status status = ELBOW_OK;
    /* A table is as long as it is: nobody scrolls text. */
    if (w->count > 1 && w->height == 0) w->height = (int64_t)w->count + 2;
    ELBOW_TRY_OR_DONE(refresh(w));
    ELBOW_TRY_OR_DONE(draw(w, &canvas));
    size_t end = 0;
    bool gap = false; /* what a screen leaves empty is one empty line of a text */
    for (int y = 0; y < canvas.height; y++) {
        size_t before = text.length;
        ELBOW_TRY_OR_DONE(
            elbow_canvas_row(&canvas, y, (elbow_canvas_style){elbow_terminal_utf8(), false}, &text));
        bool blank = text.length == before;
        if (blank && gap) continue;
        gap = blank;
        ELBOW_TRY_OR_DONE(elbow_text_add(&text, "\n", 1));
        if (!blank) end = text.length;
    }
    fwrite(text.bytes, 1, end, stdout);
    /* The frame shows what there is; that it is not all is an error all the same. */
    for (size_t i = 0; i < w->count; i++)
        ELBOW_CHECK_OR_DONE(w->runs[i].other || w->runs[i].trouble[0] == '\0', ELBOW_FORMAT, "%s",
                            w->runs[i].trouble);
done:
    elbow_text_destroy(&text);
    elbow_canvas_destroy(&canvas);
    return status;
}

/* ------------------------------------------------------------------------------------------- live */

static elbow_status show_live(watching *w) {
    elbow_canvas canvas = {0}, before = {0};
    elbow_status status = ELBOW_OK;
    const elbow_canvas_style style = {elbow_terminal_utf8(), w->style.coloured};
    ELBOW_TRY_OR_DONE(refresh(w));
    ELBOW_TRY_OR_DONE(elbow_terminal_enter());
    for (;;) {
        int key = 0;
        ELBOW_TRY_OR_DONE(draw(w, &canvas));
        if (elbow_terminal_show(&canvas, &before, style) != ELBOW_OK)
            break; /* the terminal is gone: so are we */
        elbow_canvas_destroy(&before);
        before = canvas;
        canvas = (elbow_canvas){0};
        switch (elbow_terminal_wait(w->every, &key)) {
        case ELBOW_TERMINAL_END:
            goto done;
        case ELBOW_TERMINAL_SIZE:
            elbow_canvas_destroy(&before); /* the terminal may have moved what was there */
            break;
        case ELBOW_TERMINAL_KEY:
            if (key == 'q' || key == 'Q' || key == 4 /* Ctrl-D */) goto done;
            if (key == 'l' || key == 'L') w->style.logarithmic = !w->style.logarithmic;
            if (key == 12 /* Ctrl-L */) elbow_canvas_destroy(&before);
            break;
        case ELBOW_TERMINAL_TIME:
            ELBOW_TRY_OR_DONE(refresh(w));
            break;
        }
    }
done:
    elbow_terminal_leave();
    elbow_canvas_destroy(&canvas);
    elbow_canvas_destroy(&before);
    return status;
}

static elbow_status watch(watching *w, bool once) {
    elbow_status status = ELBOW_OK;
    w->runs = calloc(w->count, sizeof *w->runs);
    ELBOW_CHECK(w->runs, ELBOW_MEMORY, "no memory for %zu runs", w->count);
    ELBOW_TRY_OR_DONE(open_runs(w));
    once = once || !elbow_terminal_draws();
    w->style.keys = !once;
    w->style.coloured = !once && elbow_terminal_colour();
    status = once ? show_once(w) : show_live(w);
done:
    for (size_t i = 0; i < w->count; i++) elbow_watched_destroy(&w->runs[i]);
    free(w->runs);
    return status;
}

int cmd_watch(int argc, char **argv) {
    const char *every = NULL, *width = NULL, *height = NULL;
    bool once = false;
    watching w = {.every = 2};
    const elbow_cli_flag flags[] = {{"--once", NULL, NULL, &once},
                                    {"--every", NULL, &every, NULL},
                                    {"--width", NULL, &width, NULL},
                                    {"--height", NULL, &height, NULL}};
    elbow_cli_arguments arguments;
    int code = elbow_cli_parse(&arguments, argc, argv, flags, sizeof flags / sizeof *flags, false, help);
    if (code == ELBOW_CLI_GO) code = elbow_cli_real("watch", "--every", every, 0.1, 86400, &w.every);
    if (code == ELBOW_CLI_GO)
        code = elbow_cli_integer("watch", "--width", width, LEAST_WIDTH, MOST_CELLS, &w.width);
    if (code == ELBOW_CLI_GO)
        code = elbow_cli_integer("watch", "--height", height, LEAST_HEIGHT, MOST_CELLS, &w.height);
    if (code != ELBOW_CLI_GO) return code;
    if (arguments.count == 0) return elbow_cli_usage("watch", "give the directory of a RUN, or of several");
    w.names = arguments.plain;
    w.count = arguments.count;
    return elbow_cli_report(watch(&w, once));
}
