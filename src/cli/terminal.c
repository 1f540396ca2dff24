#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* A terminal belongs to the process, and signal handlers have no argument: these are its state, not a run's. */
static struct {
    bool entered, keyed; /* the alternate screen is on; the keys come at once */
    bool deaf;           /* stdin has ended */
    struct termios usual;
    int pipe[2]; /* handlers write what came, the wait reads it */
} terminal = {.pipe = {-1, -1}};

static const char enter_text[] = "\033[?1049h\033[?25l\033[?7l\033[2J\033[H";
static const char leave_text[] = "\033[0m\033[?7h\033[?25h\033[?1049l";

bool elbow_terminal_utf8(void) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    const char *term = getenv("TERM");
    if (term != NULL && (strcmp(term, "dumb") == 0 || strcmp(term, "linux") == 0))
        return false; /* few glyphs */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value == NULL || value[0] == '\0') continue;
        const char *codeset = strrchr(value, '.');
        return codeset != NULL &&
               (strncasecmp(codeset, ".utf-8", 6) == 0 || strncasecmp(codeset, ".utf8", 5) == 0);
    }
    return false;
}

bool elbow_terminal_colour(void) {
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    if (no != NULL && no[0] != '\0') return false;
    return term != NULL && strcmp(term, "dumb") != 0 && strncmp(term, "vt1", 3) != 0 &&
           strncmp(term, "vt2", 3) != 0;
}

bool elbow_terminal_draws(void) {
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

void elbow_terminal_size(int *width, int *height) {
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return;
    if (size.ws_col > 0) *width = size.ws_col;
    if (size.ws_row > 0) *height = size.ws_row;
}

/* -------------------------------------------------------------------------------- there and back */

/* All bytes, whatever interrupts; false where nobody takes them. */
static bool write_all(const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, count);
        if (written > 0) {
            bytes += written;
            count -= (size_t)written;
        } else if (errno == EAGAIN) {
            struct pollfd ready = {STDOUT_FILENO, POLLOUT, 0};
            if (poll(&ready, 1, 1000) == 0) return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static void note(int number) {
    int error = errno;
    char byte = (char)number;
    if (write(terminal.pipe[1], &byte, 1) < 0) errno = error; /* a full pipe has woken the wait already */
    errno = error;
}

/* Our own mistakes: the person gets the terminal back, and the message is not lost on the alternate screen. */
static void crash(int number) {
    elbow_terminal_leave();
    signal(number, SIG_DFL);
    raise(number);
}

static void catch_signals(void) {
    static const int noted[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof noted / sizeof *noted; i++) sigaction(noted[i], &action, NULL);
    action.sa_handler = crash;
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) sigaction(crashes[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* a write says so */
}

/* Keys one by one and unseen; Ctrl-C and Ctrl-Z remain signals. */
static void take_keys(void) {
    struct termios raw;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &terminal.usual) != 0) {
        terminal.deaf = true;
        return;
    }
    raw = terminal.usual;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    terminal.keyed = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

elbow_status elbow_terminal_enter(void) {
    if (terminal.pipe[0] < 0) {
        ELBOW_CHECK(pipe(terminal.pipe) == 0, ELBOW_IO, "no pipe for signals: %s", strerror(errno));
        for (int i = 0; i < 2; i++) {
            fcntl(terminal.pipe[i], F_SETFL, O_NONBLOCK);
            fcntl(terminal.pipe[i], F_SETFD, FD_CLOEXEC);
        }
        catch_signals();
        atexit(elbow_terminal_leave);
    }
    terminal.entered = true;
    take_keys();
    ELBOW_CHECK(write_all(enter_text, sizeof enter_text - 1), ELBOW_IO, "the terminal takes no text: %s",
                strerror(errno));
    return ELBOW_OK;
}

/* Also from signal handlers: write and tcsetattr only. */
void elbow_terminal_leave(void) {
    if (!terminal.entered) return;
    terminal.entered = false;
    write_all(leave_text, sizeof leave_text - 1);
    if (terminal.keyed) tcsetattr(STDIN_FILENO, TCSANOW, &terminal.usual);
    terminal.keyed = false;
}

elbow_status elbow_terminal_show(const elbow_canvas *canvas, const elbow_canvas *before,
                                 elbow_canvas_style style) {
    elbow_text text = {0};
    elbow_status status = ELBOW_OK;
    bool alike = before != NULL && before->cells != NULL && before->width == canvas->width &&
                 before->height == canvas->height;
    for (int y = 0; y < canvas->height; y++) {
        if (alike && elbow_canvas_same_row(canvas, before, y)) continue;
        ELBOW_TRY_OR_DONE(elbow_text_print(&text, "\033[%d;1H", y + 1));
        ELBOW_TRY_OR_DONE(elbow_canvas_row(canvas, y, style, &text));
        /* Behind a full row the cursor stands on its last letter, which this would erase. */
        bool full = canvas->cells[(size_t)(y + 1) * (size_t)canvas->width - 1].letter != ' ';
        if (!full) ELBOW_TRY_OR_DONE(elbow_text_add(&text, "\033[K", 3));
    }
    ELBOW_CHECK_OR_DONE(write_all(text.bytes, text.length), ELBOW_IO, "the terminal takes no text: %s",
                        strerror(errno));
done:
    elbow_text_destroy(&text);
    return status;
}

/* ------------------------------------------------------------------------------------- what happens */

/* Back to the shell until `fg`. */
static void suspend(void) {
    elbow_terminal_leave();
    kill(getpid(), SIGSTOP);
    elbow_terminal_enter();
}

/* What the noted signals ask for; TIME where nothing. */
static elbow_terminal_event heed_signals(void) {
    elbow_terminal_event event = ELBOW_TERMINAL_TIME;
    char byte;
    while (read(terminal.pipe[0], &byte, 1) == 1) {
        if (byte == SIGWINCH || byte == SIGCONT) {
            event = ELBOW_TERMINAL_SIZE;
        } else if (byte == SIGTSTP) {
            suspend();
            event = ELBOW_TERMINAL_SIZE;
        } else {
            return ELBOW_TERMINAL_END;
        }
    }
    return event;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

elbow_terminal_event elbow_terminal_wait(double seconds, int *key) {
    double until = now() + seconds;
    for (;;) {
        double left = until - now();
        struct pollfd sources[] = {{terminal.pipe[0], POLLIN, 0},
                                   {terminal.deaf ? -1 : STDIN_FILENO, POLLIN, 0}};
        int ready = poll(sources, 2, left > 0 ? (int)(left * 1000) + 1 : 0);
        elbow_terminal_event event = heed_signals();
        if (event != ELBOW_TERMINAL_TIME) return event;
        if (ready > 0 && sources[1].revents != 0) {
            unsigned char byte;
            ssize_t count = read(STDIN_FILENO, &byte, 1);
            if (count == 1) {
                *key = byte;
                return ELBOW_TERMINAL_KEY;
            }
            if (count == 0 || errno != EINTR) terminal.deaf = true; /* it would be ready for ever */
        }
        if (left <= 0) return ELBOW_TERMINAL_TIME;
    }
}
