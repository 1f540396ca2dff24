#include "elbow/base/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { USUAL_COLUMNS = 80, MOST_ANCESTORS = 16, LINE_BYTES = 8192 };

/* How this process prints; no state of a run. */
static struct {
    bool speaks;
    elbow_log_level level;
    bool draws;             /* a person looks: the progress line is drawn */
    int terminal;           /* a descriptor to ask for the width, -1 for none */
    bool owned;             /* `terminal` is ours to close */
    bool shown;             /* the progress line is on the screen */
    bool errors_too;        /* stderr reaches the same screen by a way of its own, in no order with stdout */
    elbow_log_taker *taker; /* of warnings, and what it is called with */
    void *context;
} printer = {.level = ELBOW_LOG_NOTICE, .terminal = -1};

/* -------------------------------------------------------------------------------- does somebody look? */

/* The stdout of such a process says nothing about the person's. */
bool elbow_log_launched(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "MPI_LOCALRANKID",
                                        "SLURM_PROCID"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (getenv(names[i]) != NULL) return true;
    return false;
}

bool elbow_log_first(void) {
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *rank = getenv(names[i]);
        if (rank != NULL) return strtol(rank, NULL, 10) == 0; /* the innermost launcher's */
    }
    return true;
}

/* The name and the parent of a process, from /proc/PID/stat: "PID (NAME) STATE PARENT …", where NAME may hold
 * anything. false where there is none to read. */
static bool look_up(pid_t process, char name[32], pid_t *parent) {
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)process);
    FILE *file = fopen(path, "re");
    if (file == NULL) return false;
    size_t length = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[length] = '\0';
    char *open = strchr(line, '('), *close = strrchr(line, ')');
    if (open == NULL || close == NULL || close < open) return false;
    long number = 0;
    if (sscanf(close + 1, " %*c %ld", &number) != 1) return false;
    *close = '\0';
    snprintf(name, 32, "%.31s", open + 1);
    *parent = (pid_t)number;
    return true;
}

/* The kernel cuts names to 15 bytes. */
static bool is_among(const char *name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strncmp(names[i], name, 15) == 0) return true;
    return false;
}

/* Programs that a person starts and whose stdout is the person's, or that stand between those and the ranks. */
static bool is_launcher(const char *name) {
    static const char *const names[] = {"mpirun",         "mpiexec",         "orterun",
                                        "prterun",        "mpiexec.hydra",   "hydra_pmi_proxy",
                                        "mpirun.openmpi", "mpiexec.openmpi", "mpirun.mpich",
                                        "mpiexec.mpich",  "mpirun_rsh"};
    return is_among(name, names, sizeof names / sizeof names[0]);
}

/* Programs that start ranks where nobody looks. */
static bool is_daemon(const char *name) {
    static const char *const names[] = {"orted", "prted", "slurmstepd"};
    return is_among(name, names, sizeof names / sizeof names[0]);
}

/* The outermost launcher above this process, wrapper scripts between them or not; -1 below a daemon; 0 for
 * neither: a program started alone, which MPI_Init gives the environment of a launched one. */
static pid_t find_launcher(void) {
    pid_t process = getppid(), found = 0;
    for (int i = 0; i < MOST_ANCESTORS && process > 1; i++) {
        char name[32];
        pid_t parent = 0;
        if (!look_up(process, name, &parent)) break;
        if (is_launcher(name))
            found = process;
        else if (found != 0)
            break;
        else if (is_daemon(name))
            return -1;
        process = parent;
    }
    return found;
}

/* What a launcher's descriptor leads to: a path, or "pipe:[…]". */
static bool read_descriptor(char target[256], pid_t launcher, int descriptor) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)launcher, descriptor);
    ssize_t length = readlink(path, target, 255);
    target[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/* The terminal that a launcher's stdout is, opened; -1 where that is a file or a pipe. */
static int open_launcher_terminal(pid_t launcher, bool *errors_too) {
    char target[256], errors[256];
    if (!read_descriptor(target, launcher, STDOUT_FILENO)) return -1;
    if (strncmp(target, "/dev/pts/", 9) != 0 && strncmp(target, "/dev/tty", 8) != 0) return -1;
    *errors_too = read_descriptor(errors, launcher, STDERR_FILENO) && strcmp(errors, target) == 0;
    int terminal = open(target, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    struct winsize size;
    if (terminal >= 0 && ioctl(terminal, TIOCGWINSZ, &size) != 0) {
        close(terminal);
        terminal = -1;
    }
    return terminal;
}

static void look_for_terminal(void) {
    const char *wish = getenv("ELBOW_PROGRESS");
    if (wish != NULL && strcmp(wish, "0") == 0) return;
    bool forced = wish != NULL && strcmp(wish, "1") == 0;

    /* Open MPI gives a rank a pseudo-terminal, others a pipe; a regular file is the user's own redirection. */
    struct stat info;
    bool file = fstat(STDOUT_FILENO, &info) != 0 || S_ISREG(info.st_mode);
    pid_t launcher = elbow_log_launched() ? find_launcher() : 0;
    if (launcher == 0) {
        if (isatty(STDOUT_FILENO)) printer.terminal = STDOUT_FILENO;
    } else if (launcher > 0 && !file) {
        printer.terminal = open_launcher_terminal(launcher, &printer.errors_too);
        printer.owned = printer.terminal >= 0;
    }
    const char *kind = getenv("TERM");
    bool dumb = kind != NULL && strcmp(kind, "dumb") == 0;
    printer.draws = forced || (printer.terminal >= 0 && !dumb);
}

/* ------------------------------------------------------------------------------------------- printing */

void elbow_log_open(bool speaks, elbow_log_level level) {
    elbow_log_progress(NULL);
    if (printer.owned) close(printer.terminal);
    printer.speaks = speaks;
    printer.level = level;
    printer.draws = printer.owned = printer.shown = printer.errors_too = false;
    printer.terminal = -1;
    if (speaks) look_for_terminal();
}

bool elbow_log_speaks(void) { return printer.speaks; }

void elbow_log_divert(elbow_log_taker *taker, void *context) {
    printer.taker = taker;
    printer.context = context;
}

void elbow_log(elbow_log_level level, const char *format, ...) {
    if (!printer.speaks || level > printer.level) return;
    elbow_log_progress(NULL);
    bool warns = level == ELBOW_LOG_WARNING;
    char text[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (warns && printer.taker) {
        printer.taker(printer.context, text);
        return;
    }
    /* One write, which a launcher's own lines cannot cut in two. What was said before comes before it. */
    if (warns) fflush(stdout);
    fprintf(warns ? stderr : stdout, "%s%s\n", warns ? "elbow: warning: " : "", text);
    fflush(warns ? stderr : stdout); /* a log file grows while the run does */
}

int elbow_log_width(void) {
    if (!printer.draws) return 0;
    struct winsize size;
    bool known = printer.terminal >= 0 && ioctl(printer.terminal, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : USUAL_COLUMNS;
}

/* Bytes of the first `columns` characters of a line; a character is a byte that continues none. */
static size_t cut(const char *line, int columns) {
    size_t bytes = 0;
    for (; line[bytes] != '\0' && line[bytes] != '\n'; bytes++)
        if (((unsigned char)line[bytes] & 0xc0) != 0x80 && columns-- <= 0) break;
    return bytes;
}

static const char erase[] = "\r\x1b[K";

/* The last column stays free: a terminal that has just filled it may wrap. */
void elbow_log_progress(const char *line) {
    if (!printer.draws) return;
    bool clears = line == NULL || line[0] == '\0';
    if (clears && !printer.shown) return;
    fputs(erase, stdout);
    if (!clears) fwrite(line, 1, cut(line, elbow_log_width() - 1), stdout);
    fflush(stdout);
    /* What is printed next may go to stderr, and a launcher may bring that first: it erases the line as well. */
    if (clears && printer.errors_too) fputs(erase, stderr);
    printer.shown = !clears;
}
