/* The log: who speaks, what goes where, and when the progress line is drawn. Each case prints in a child whose
 * stdout is a pseudo-terminal, a pipe or a file, alone or below a process that is called mpirun. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "elbow/base/log.h"

enum { COLUMNS = 24 };

typedef struct screen {
    int reader, writer; /* what the child prints comes out of `reader` */
} screen;

static screen open_pipe(void) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    return (screen){ends[0], ends[1]};
}

/* A terminal that passes bytes on as they are. */
static screen open_terminal(void) {
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0) {
        print_message("no pseudo-terminal can be had here (is /dev/pts mounted?)\n");
        skip();
    }
    assert_true(grantpt(master) == 0 && unlockpt(master) == 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(slave >= 0);
    struct winsize size = {.ws_row = 10, .ws_col = COLUMNS};
    struct termios modes;
    assert_int_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
    assert_int_equal(tcgetattr(slave, &modes), 0);
    modes.c_oflag &= ~(tcflag_t)OPOST;
    assert_int_equal(tcsetattr(slave, TCSANOW, &modes), 0);
    return (screen){master, slave};
}

static void close_screen(screen s) {
    close(s.reader);
    close(s.writer);
}

/* What has been printed; the amount is small enough to wait in the pipe or terminal. */
static void read_screen(screen s, char text[4096]) {
    fcntl(s.reader, F_SETFL, O_NONBLOCK);
    size_t length = 0;
    ssize_t n;
    while (length < 4095 && (n = read(s.reader, text + length, 4095 - length)) > 0) length += (size_t)n;
    text[length] = '\0';
}

static void forget_environment(void) {
    static const char *const names[] = {
        "OMPI_COMM_WORLD_RANK", "PMIX_RANK",      "PMI_RANK", "MPI_LOCALRANKID",
        "SLURM_PROCID",         "ELBOW_PROGRESS", "TERM"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) unsetenv(names[i]);
}

static void in_child(void (*print)(void), int out, int error) {
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(out, STDOUT_FILENO);
        dup2(error, STDERR_FILENO);
        print();
        fflush(stdout);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The same below a process with the name and the descriptors of a launcher. */
static void in_launched_child(const char *name, void (*print)(void), screen launcher, screen error,
                              screen rank) {
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        prctl(PR_SET_NAME, name);
        dup2(launcher.writer, STDOUT_FILENO);
        dup2(error.writer, STDERR_FILENO);
        setenv("OMPI_COMM_WORLD_RANK", "0", 1);
        pid_t below = fork();
        if (below == 0) {
            prctl(PR_SET_NAME, "elbow");
            dup2(rank.writer, STDOUT_FILENO);
            dup2(rank.writer, STDERR_FILENO);
            print();
            fflush(stdout);
            _exit(0);
        }
        int status = 0;
        waitpid(below, &status, 0);
        _exit(status == 0 ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void print_all(void) {
    elbow_log_open(true, ELBOW_LOG_NOTICE);
    printf("width %d\n", elbow_log_width());
    elbow_log_progress("step 1");
    elbow_notice("a %s", "notice");
    elbow_detail("a detail");
    elbow_log_progress("step 2");
    elbow_warn("a warning");
    elbow_log_progress("");
    elbow_log_progress("step 3");
    elbow_log_progress(NULL);
}

static const char plain[] = "width 0\na notice\n";
static const char drawn[] =
    "width 24\n\r\x1b[Kstep 1\r\x1b[Ka notice\n\r\x1b[Kstep 2\r\x1b[K\r\x1b[Kstep 3\r\x1b[K";

static void expect_screen(screen s, const char *expected) {
    char text[4096];
    read_screen(s, text);
    assert_string_equal(text, expected);
}

static void test_alone(void **state) {
    (void)state;
    forget_environment();
    screen terminal = open_terminal(), pipe = open_pipe(), errors = open_pipe();
    in_child(print_all, terminal.writer, errors.writer);
    expect_screen(terminal, drawn);
    expect_screen(errors, "elbow: warning: a warning\n");

    in_child(print_all, pipe.writer, errors.writer);
    expect_screen(pipe, plain);
    expect_screen(errors, "elbow: warning: a warning\n");

    setenv("ELBOW_PROGRESS", "0", 1);
    in_child(print_all, terminal.writer, errors.writer);
    expect_screen(terminal, plain);
    setenv("ELBOW_PROGRESS", "1", 1);
    in_child(print_all, pipe.writer, errors.writer);
    char text[4096];
    read_screen(pipe, text);
    assert_non_null(strstr(text, "width 80\n\r\x1b[Kstep 1"));
    unsetenv("ELBOW_PROGRESS");
    setenv("TERM", "dumb", 1);
    in_child(print_all, terminal.writer, errors.writer);
    expect_screen(terminal, plain);

    /* MPI_Init gives a program started alone a launcher's environment. */
    forget_environment();
    setenv("OMPI_COMM_WORLD_RANK", "0", 1);
    in_child(print_all, terminal.writer, errors.writer);
    expect_screen(terminal, drawn);
    forget_environment();
    close_screen(terminal);
    close_screen(pipe);
    close_screen(errors);
}

/* The rank's own stdout is a terminal in all of these, as under Open MPI. */
static void test_launched(void **state) {
    (void)state;
    forget_environment();
    screen rank = open_terminal(), terminal = open_terminal(), pipe = open_pipe();
    char file[] = "/tmp/elbow-log-XXXXXX", text[4096];
    int descriptor = mkstemp(file);
    assert_true(descriptor >= 0);

    in_launched_child("mpirun", print_all, terminal, pipe, rank);
    read_screen(rank, text);
    assert_memory_equal(text, drawn, strlen("width 24\n\r\x1b[Kstep 1"));
    assert_non_null(strstr(text, "\r\x1b[Kelbow: warning: a warning\n"));
    assert_null(strstr(text, "\r\x1b[K\r\x1b[Kelbow: warning"));

    /* stderr on the same screen erases the line itself: a launcher may bring it first. */
    in_launched_child("prterun", print_all, terminal, terminal, rank);
    read_screen(rank, text);
    assert_non_null(strstr(text, "\r\x1b[K\r\x1b[Kelbow: warning: a warning\n"));

    const screen no_terminals[] = {pipe, {-1, descriptor}};
    for (size_t i = 0; i < 2; i++) {
        in_launched_child("mpiexec", print_all, no_terminals[i], terminal, rank);
        expect_screen(rank, "width 0\na notice\nelbow: warning: a warning\n");
    }
    in_launched_child("orted", print_all, terminal, terminal, rank);
    expect_screen(rank, "width 0\na notice\nelbow: warning: a warning\n");
    in_launched_child("slurmstepd", print_all, terminal, terminal, rank);
    expect_screen(rank, "width 0\na notice\nelbow: warning: a warning\n");
    close(descriptor);
    unlink(file);
    close_screen(rank);
    close_screen(terminal);
    close_screen(pipe);
}

static void print_silent(void) {
    elbow_notice("too early");
    elbow_log_open(false, ELBOW_LOG_DETAIL);
    elbow_notice("a notice");
    elbow_warn("a warning");
    elbow_log_progress("step 1");
    if (elbow_log_width() != 0 || elbow_log_speaks()) _exit(1);
    elbow_log_open(true, ELBOW_LOG_DETAIL);
    if (!elbow_log_speaks()) _exit(1);
    elbow_detail("now");
    elbow_log_open(true, ELBOW_LOG_WARNING);
    elbow_notice("not now");
}

static void test_silence_and_levels(void **state) {
    (void)state;
    forget_environment();
    screen terminal = open_terminal();
    in_child(print_silent, terminal.writer, terminal.writer);
    expect_screen(terminal, "now\n");
    close_screen(terminal);
}

static void print_wide(void) {
    elbow_log_open(true, ELBOW_LOG_NOTICE);
    elbow_log_progress("12345678901234567890123");
    elbow_log_progress("123456789012345678901234");
    elbow_log_progress("\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588"
                       "\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2592\u2593");
    elbow_log_progress("one\ntwo");
}

static void test_cut(void **state) {
    (void)state;
    forget_environment();
    screen terminal = open_terminal();
    in_child(print_wide, terminal.writer, terminal.writer);
    expect_screen(terminal, "\r\x1b[K12345678901234567890123\r\x1b[K12345678901234567890123\r\x1b[K"
                            "\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588"
                            "\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2592\r\x1b[Kone");
    close_screen(terminal);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_launched),
        cmocka_unit_test(test_silence_and_levels),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
