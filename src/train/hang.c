#include "train/hang.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "train/pulse.h"

enum { PATH = 4096, NAMED = 4, LIST = 256, SENTENCE = 256 };

/* ------------------------------------------------------------------------------------------- the words */

void elbow_hang_list(char *text, size_t room, const bool *wanted, size_t count) {
    size_t found = 0, at = 0;
    for (size_t r = 0; r < count; r++) found += wanted[r];
    at += (size_t)snprintf(text, room, "rank%s", found == 1 ? "" : "s");
    const char *between = " ";
    for (size_t r = 0; r < count && at < room; r++) {
        size_t last = r;
        if (!wanted[r]) continue;
        while (last + 1 < count && wanted[last + 1]) last++;
        if (at + 48 > room) { /* what does not fit any more is said to be there */
            snprintf(text + at, room - at, ", …");
            return;
        }
        at += (size_t)snprintf(text + at, room - at, last > r ? "%s%zu-%zu" : "%s%zu", between, r, last);
        between = ", ";
        r = last;
    }
}

/* " of step 1200", where the phase is of one. */
static void of_step(char text[48], const elbow_hang_report *report) {
    text[0] = 0;
    if (report->phase != ELBOW_PULSE_START) snprintf(text, 48, " of step %lld", (long long)report->step);
}

static const char *thread_words(char thread) {
    switch (thread) {
    case 'R':
        return ", computing";
    case 'S':
        return ", asleep";
    case 'D':
        return ", waiting for a disk or a network file system";
    case 'T':
    case 't':
        return ", stopped by a debugger or a signal";
    default:
        return "";
    }
}

void elbow_hang_describe(char *text, size_t room, size_t rank, const elbow_hang_rank *who,
                         const elbow_hang_report *report) {
    char step[48];
    of_step(step, report);
    snprintf(text, room, "rank %zu on %s (process %ld) has been in %s%s for %.3g s%s", rank, who->host,
             who->process, elbow_pulse_phase_name(report->phase), step, report->seconds,
             report->state == ELBOW_HANG_WAITS ? ", waiting for others" : thread_words(report->thread));
}

/* Text that is added to, and cut where it has no room. */
typedef struct sentence {
    char *text;
    size_t room;
} sentence;

static void add(sentence *s, const char *words) {
    size_t length = strlen(s->text);
    snprintf(s->text + length, s->room - length, "%s", words);
}

/* "; ranks 0-2 wait for it in the exchange of step 1200". */
static void add_waiting(sentence *s, const elbow_hang_report *reports, size_t count, size_t culprits,
                        bool *scratch) {
    char ranks[LIST], step[48], text[SENTENCE + LIST];
    const elbow_hang_report *first = NULL;
    size_t waiting = 0;
    bool together = true;
    for (size_t r = 0; r < count; r++) {
        scratch[r] = reports[r].state == ELBOW_HANG_WAITS;
        if (!scratch[r]) continue;
        if (first == NULL) first = &reports[r];
        together = together && reports[r].phase == first->phase && reports[r].step == first->step;
        waiting++;
    }
    if (first == NULL) return;
    elbow_hang_list(ranks, sizeof ranks, scratch, count);
    of_step(step, first);
    snprintf(text, sizeof text, "; %s wait%s for %s%s%s%s", ranks, waiting == 1 ? "s" : "",
             culprits == 1 ? "it" : "them", together ? " in " : "",
             together ? elbow_pulse_phase_name(first->phase) : "", together ? step : "");
    add(s, text);
}

/* The first few of those in that state, each by itself. Returns how many there are. */
static size_t add_culprits(sentence *s, const elbow_hang_rank *ranks, const elbow_hang_report *reports,
                           size_t count, elbow_hang_state state) {
    char text[SENTENCE];
    size_t found = 0;
    for (size_t r = 0; r < count; r++) {
        if (reports[r].state != state || found++ >= NAMED) continue;
        if (found > 1) add(s, "; ");
        if (state == ELBOW_HANG_SILENT)
            snprintf(text, sizeof text, "rank %zu on %s (process %ld) does not answer: %s", r, ranks[r].host,
                     ranks[r].process,
                     reports[r].thread == 'T' || reports[r].thread == 't'
                         ? "its process is stopped, by a signal or a debugger"
                         : "its process is stopped or gone, or its node is");
        else
            elbow_hang_describe(text, sizeof text, r, &ranks[r], &reports[r]);
        add(s, text);
    }
    if (found > NAMED) {
        snprintf(text, sizeof text, "; and %zu more", found - NAMED);
        add(s, text);
    }
    return found;
}

elbow_hang_verdict elbow_hang_judge(char message[ELBOW_HANG_MESSAGE], const elbow_hang_rank *ranks,
                                    const elbow_hang_report *reports, size_t count, double timeout,
                                    const char *directory) {
    size_t of[ELBOW_HANG_STUCK + 1] = {0}, culprits = 0;
    char text[PATH];
    sentence s = {message, ELBOW_HANG_MESSAGE};
    bool *scratch = calloc(count, sizeof *scratch);
    message[0] = 0;
    for (size_t r = 0; r < count; r++) of[reports[r].state]++;
    if (scratch == NULL || (of[ELBOW_HANG_STUCK] == 0 && of[ELBOW_HANG_MOVES] > 0)) goto goes_on;
    if (of[ELBOW_HANG_STUCK] > 0) {
        culprits = add_culprits(&s, ranks, reports, count, ELBOW_HANG_STUCK);
        add_waiting(&s, reports, count, culprits, scratch);
    } else if (of[ELBOW_HANG_SILENT] > 0) {
        culprits = add_culprits(&s, ranks, reports, count, ELBOW_HANG_SILENT);
        add_waiting(&s, reports, count, culprits, scratch);
    } else if (of[ELBOW_HANG_APART] > 0) {
        for (size_t r = 0; r < count; r++) scratch[r] = reports[r].state == ELBOW_HANG_APART;
        elbow_hang_list(text, LIST, scratch, count);
        add(&s, "nothing has moved for parallel.timeout where it can be seen, and ");
        add(&s, text);
        add(&s, " cannot be asked: no access to the run's directory there");
        goto goes_on;
    } else {
        add(&s, "all ranks wait for each other, their messages do not arrive: ");
        elbow_hang_describe(text, sizeof text, 0, &ranks[0], &reports[0]);
        add(&s, text);
    }
    snprintf(text, sizeof text,
             "; parallel.timeout is %.10g s. Look at %s, then go on with: elbow train --resume %s", timeout,
             culprits == 0   ? "the network, or try another transport of MPI"
             : culprits == 1 ? "that node"
                             : "those nodes",
             directory);
    add(&s, text);
    free(scratch);
    return ELBOW_HANG_IS_OVER;
goes_on:
    free(scratch);
    return ELBOW_HANG_GOES_ON;
}

/* ------------------------------------------------------------------------------------------- the files */

static void path_of(char path[PATH], const char *directory, const char *kind, size_t rank) {
    snprintf(path, PATH, "%s/hang/%s-%zu", directory, kind, rank);
}

static bool there(const char *directory, const char *name) {
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return access(path, F_OK) == 0;
}

bool elbow_hang_decided(const char *directory) { return there(directory, "hang/verdict"); }

/* Opened anew, so that a network file system looks anew too. */
bool elbow_hang_asked(const char *directory) {
    char path[PATH];
    snprintf(path, sizeof path, "%s/hang", directory);
    DIR *open = opendir(path);
    bool asked = false;
    if (open == NULL) return false;
    for (struct dirent *entry = readdir(open); entry != NULL && !asked; entry = readdir(open))
        asked = strncmp(entry->d_name, "alarm-", 6) == 0;
    closedir(open);
    return asked;
}

elbow_status elbow_hang_write(const char *directory, size_t rank, const elbow_hang_report *report) {
    char path[PATH], text[128];
    snprintf(path, sizeof path, "%s/hang", directory);
    ELBOW_TRY(elbow_directory_make(path, false));
    int length = snprintf(text, sizeof text, "%d %d %lld %.3f %c\n", (int)report->state, report->phase,
                          (long long)report->step, report->seconds, report->thread);
    path_of(path, directory, "rank", rank);
    ELBOW_TRY(elbow_file_replace(path, text, (size_t)length));
    if (!report->alarmed) return ELBOW_OK;
    path_of(path, directory, "alarm", rank);
    return access(path, F_OK) == 0 ? ELBOW_OK : elbow_file_replace(path, "", 0);
}

void elbow_hang_withdraw(const char *directory, size_t rank) {
    char path[PATH];
    path_of(path, directory, "alarm", rank);
    unlink(path);
}

void elbow_hang_forget(const char *directory, size_t rank) {
    char path[PATH];
    path_of(path, directory, "rank", rank);
    unlink(path);
    snprintf(path, sizeof path, "%s/hang", directory);
    rmdir(path);
}

static elbow_hang_report read_report(const char *directory, size_t rank) {
    elbow_hang_report report = {.state = ELBOW_HANG_SILENT};
    char path[PATH], *text = NULL;
    size_t length = 0;
    int state = 0;
    long long step = 0;
    path_of(path, directory, "rank", rank);
    if (elbow_file_read(path, 128, &text, &length) != ELBOW_OK) return report;
    if (sscanf(text, "%d %d %lld %lf %c", &state, &report.phase, &step, &report.seconds, &report.thread) ==
            5 &&
        state >= ELBOW_HANG_MOVES && state <= ELBOW_HANG_STUCK) {
        report.state = (elbow_hang_state)state;
        report.step = step;
        path_of(path, directory, "alarm", rank);
        report.alarmed = access(path, F_OK) == 0;
    }
    free(text);
    return report;
}

char elbow_hang_kernel_state(const char *stat_file) {
    char line[512], state = '?';
    FILE *file = fopen(stat_file, "re");
    if (file == NULL) return '?';
    size_t length = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[length] = 0;
    const char *end = strrchr(line, ')'); /* of the name, which may hold anything */
    if (end != NULL && end[1] == ' ' && end[2] != 0) state = end[2];
    return state;
}

/* Of another process here, that of the same program: in a container of its own, the number may be somebody else's. */
static char state_of(long process) {
    char path[64], own[PATH], other[PATH];
    snprintf(path, sizeof path, "/proc/%ld/exe", process);
    ssize_t a = readlink("/proc/self/exe", own, sizeof own), b = readlink(path, other, sizeof other);
    if (a <= 0 || a != b || memcmp(own, other, (size_t)a) != 0) return '?';
    snprintf(path, sizeof path, "/proc/%ld/stat", process);
    return elbow_hang_kernel_state(path);
}

void elbow_hang_collect(const char *directory, const char *host, const elbow_hang_rank *ranks,
                        elbow_hang_report *reports, size_t count) {
    (void)elbow_hang_asked(directory); /* looks anew */
    for (size_t r = 0; r < count; r++) {
        reports[r] =
            ranks[r].apart ? (elbow_hang_report){.state = ELBOW_HANG_APART} : read_report(directory, r);
        if (reports[r].state == ELBOW_HANG_SILENT && strcmp(ranks[r].host, host) == 0)
            reports[r].thread = state_of(ranks[r].process);
    }
}

void elbow_hang_decide(const char *directory, const char *message) {
    char path[PATH], text[ELBOW_HANG_MESSAGE + 16];
    int length = snprintf(text, sizeof text, "failed\n%s\n", message);
    snprintf(path, sizeof path, "%s/state", directory);
    (void)elbow_file_replace(path, text, (size_t)length);
    snprintf(path, sizeof path, "%s/hang/verdict", directory);
    (void)elbow_file_replace(path, message, strlen(message));
}

void elbow_hang_clear(const char *directory) {
    char path[PATH], file[PATH + 300];
    snprintf(path, sizeof path, "%s/hang", directory);
    DIR *open = opendir(path);
    if (open == NULL) return;
    for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open)) {
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' || strchr(entry->d_name, '-') != NULL) unlink(file);
    }
    closedir(open);
    rmdir(path);
}
