#include "train/pulse.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "elbow/base/log.h"
#include "parallel/waits.h"
#include "train/hang.h"

enum { A_MOVE = 1 << 20 };        /* bytes read or written */
enum { SLOWEST_DISK = 20000000 }; /* bytes a second, while it writes a checkpoint */
static const double disk_patience =
    10; /* seconds that a disk may need for no bytes at all: fsync on a busy one */
static const double orphan_looks = 1; /* seconds between, at the most */
static const double alarm_looks = 5;  /* of those for the alarms of others */

struct elbow_pulse {
    elbow_world *world;
    double timeout, allowance; /* seconds; the latter beside it, for phases that read and write */
    double look, ask, grace;   /* seconds between looks at the pulse, at alarms; from alarm to verdict */
    elbow_hang_rank *ranks;
    bool draws;           /* rank 0 has a progress line on a terminal */
    pid_t parent;         /* that started this process */
    char thread[64];      /* /proc/PID/task/TID/stat of the thread that trains; "" unknown */
    char directory[4096]; /* "" before elbow_pulse_share */
    /* The pulse. */
    uint64_t beats;
    _Atomic uint64_t word; /* beats and phase */
    _Atomic int64_t step;
    /* What is between the two threads: `directory`, ranks[].apart, and */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool leave, running;
    pthread_t watchdog;
    /* The watchdog's own. */
    double looked, asked; /* when last */
    uint64_t seen_word, seen_waits, bytes;
    double standing; /* seconds that the pulse has not changed */
    double again;    /* the least of it for an alarm */
    double alarm;    /* seconds since this rank's; −1: none */
    int told;        /* elbow_hang_state that others were told; −1: none */
    bool said;       /* that it can only wait */
    elbow_hang_report *reports;
};

static const char *const names[ELBOW_PULSE_PHASES] = {
    [ELBOW_PHASE_DATA] = "the reading of its batch",
    [ELBOW_PHASE_ENCODER] = "the encoder",
    [ELBOW_PHASE_ESTIMATOR] = "the estimator",
    [ELBOW_PHASE_EXCHANGE] = "the exchange",
    [ELBOW_PHASE_UPDATE] = "the update",
    [ELBOW_PULSE_BETWEEN] = "the records and metrics",
    [ELBOW_PULSE_START] = "the start (data, model)",
    [ELBOW_PULSE_EVALUATION] = "the evaluation",
    [ELBOW_PULSE_CHECKPOINT] = "the checkpoint",
    [ELBOW_PULSE_PICTURES] = "the pictures",
};

const char *elbow_pulse_phase_name(int phase) {
    return phase >= 0 && phase < (int)ELBOW_PULSE_PHASES ? names[phase] : "an unknown phase";
}

const char *elbow_pulse_host(const elbow_pulse *pulse, size_t rank) { return pulse->ranks[rank].host; }

/* ------------------------------------------------------------------------------------ the thread that trains */

void elbow_pulse_set(elbow_pulse *p, int phase, int64_t step) {
    if (p == NULL) return;
    atomic_store_explicit(&p->step, step, memory_order_relaxed);
    atomic_store_explicit(&p->word, ++p->beats << 8 | (uint64_t)phase, memory_order_relaxed);
}

void elbow_pulse_move(elbow_pulse *p) {
    if (p == NULL) return;
    uint64_t phase = atomic_load_explicit(&p->word, memory_order_relaxed) & 0xff;
    atomic_store_explicit(&p->word, ++p->beats << 8 | phase, memory_order_relaxed);
}

/* ------------------------------------------------------------------------------------ how this rank is */

/* What this process has read and written, so far as the kernel tells: sockets and its own look too. */
static uint64_t bytes_moved(void) {
    unsigned long long in = 0, out = 0;
    FILE *file = fopen("/proc/self/io", "re");
    if (file == NULL) return 0;
    if (fscanf(file, "rchar: %llu wchar: %llu", &in, &out) != 2) in = out = 0;
    fclose(file);
    return in + out;
}

static bool moves_bytes(int phase) {
    return phase != ELBOW_PHASE_ENCODER && phase != ELBOW_PHASE_ESTIMATOR && phase != ELBOW_PHASE_EXCHANGE &&
           phase != ELBOW_PHASE_UPDATE;
}

static int phase_of(uint64_t word) { return (int)(word & 0xff); }

/* Feels the pulse: how long it has stood. A look that comes late counts little: the process itself was stopped. */
static void feel(elbow_pulse *p) {
    double now = elbow_now(), elapsed = fmin(now - p->looked, 2 * p->look);
    uint64_t word = atomic_load_explicit(&p->word, memory_order_relaxed), waits = elbow_world_waits(p->world);
    p->looked = now;
    if (p->alarm >= 0) p->alarm += elapsed;
    p->standing += elapsed;
    if (word == p->seen_word && waits == p->seen_waits) {
        if (p->standing < p->timeout / 4 || !moves_bytes(phase_of(word)) || waits % 2 == 1) return;
        uint64_t bytes = bytes_moved(), before = p->bytes;
        if (before > 0 && bytes - before < A_MOVE) return;
        p->bytes = bytes;
        if (before == 0) return;
    } else {
        p->bytes = 0;
    }
    p->seen_word = word;
    p->seen_waits = waits;
    p->standing = 0;
    p->again = p->timeout;
}

static elbow_hang_report report_of(const elbow_pulse *p) {
    elbow_hang_report report = {.state = ELBOW_HANG_MOVES,
                                .phase = phase_of(p->seen_word),
                                .step = atomic_load_explicit(&p->step, memory_order_relaxed),
                                .seconds = p->standing,
                                .thread = '?',
                                .alarmed = p->alarm >= 0};
    double limit = p->timeout + (moves_bytes(report.phase) ? p->allowance : 0);
    if (p->seen_waits % 2 == 1)
        report.state = p->standing >= p->timeout / 2 ? ELBOW_HANG_WAITS : ELBOW_HANG_MOVES;
    else if (p->standing >= limit)
        report.state = ELBOW_HANG_STUCK;
    if (report.state == ELBOW_HANG_STUCK) report.thread = elbow_hang_kernel_state(p->thread);
    return report;
}

/* ------------------------------------------------------------------------------------ the watchdog */

/* One write, to a stderr that may be gone; no lock of the C library, which the hanging thread may hold. */
static void say(const elbow_pulse *p, const char *kind, const char *message) {
    char text[ELBOW_HANG_MESSAGE + 64];
    int length = snprintf(text, sizeof text, "%selbow: %s%s\n", p->draws ? "\r\x1b[K" : "", kind, message);
    if (length >= (int)sizeof text) length = sizeof text - 1;
    if (write(STDERR_FILENO, text, (size_t)length) < 0) return;
}

static void end_with(const elbow_pulse *p, const char *message) {
    say(p, "", message);
    _exit(1);
}

static void look_for_launcher(const elbow_pulse *p) {
    char message[ELBOW_HANG_MESSAGE];
    if (!p->world->launched || getppid() == p->parent) return;
    snprintf(message, sizeof message,
             "rank %d on %s: what started it (process %ld) has ended, and so it ends too", p->world->rank,
             p->world->host, (long)p->parent);
    end_with(p, message);
}

/* A rank that cannot ask others. */
static void judge_alone(elbow_pulse *p, const elbow_hang_report *report) {
    char text[512], message[ELBOW_HANG_MESSAGE];
    if (report->state < ELBOW_HANG_WAITS || p->standing < p->again) return;
    elbow_hang_describe(text, sizeof text, (size_t)p->world->rank, &p->ranks[p->world->rank], report);
    if (report->state == ELBOW_HANG_STUCK) {
        snprintf(message, sizeof message,
                 "%s; parallel.timeout is %.10g s. Look at that node, then start or resume the run", text,
                 p->timeout);
        end_with(p, message);
    }
    if (!p->said) say(p, "warning: ", text);
    p->said = true;
    p->again = p->standing + p->timeout;
}

/* The grace is over: what the answers mean. The lowest rank that asked speaks; should it not, the others do. */
static void judge(elbow_pulse *p, const elbow_hang_report *own) {
    size_t rank = (size_t)p->world->rank, count = (size_t)p->world->size;
    char message[ELBOW_HANG_MESSAGE];
    elbow_hang_collect(p->directory, p->world->host, p->ranks, p->reports, count);
    p->reports[rank] = *own;
    for (size_t r = 0; r < rank && p->alarm < 2 * p->grace + 3; r++)
        if (p->reports[r].alarmed) return;
    if (elbow_hang_judge(message, p->ranks, p->reports, count, p->timeout, p->directory) ==
        ELBOW_HANG_IS_OVER) {
        say(p, "", message);
        elbow_hang_decide(p->directory, message);
        _exit(1);
    }
    if (message[0] != 0 && !p->said) say(p, "warning: ", message);
    p->said = p->said || message[0] != 0;
    elbow_hang_withdraw(p->directory, rank);
    p->alarm = -1;
    p->again = p->standing + p->timeout;
}

/* Raises, answers, takes back. */
static void tend(elbow_pulse *p) {
    size_t rank = (size_t)p->world->rank;
    elbow_hang_report report = report_of(p);
    if (p->directory[0] == 0 || p->ranks[rank].apart) {
        judge_alone(p, &report);
        return;
    }
    if (report.state == ELBOW_HANG_MOVES && p->alarm >= 0) {
        elbow_hang_withdraw(p->directory, rank);
        p->alarm = -1;
    }
    bool raises = report.state >= ELBOW_HANG_WAITS && p->standing >= p->again && p->alarm < 0;
    if (raises) p->alarm = 0;
    report.alarmed = p->alarm >= 0;
    bool looks = report.alarmed || p->looked - p->asked >= p->ask;
    if (!looks) return;
    p->asked = p->looked;
    if (report.alarmed || elbow_hang_asked(p->directory)) {
        if (elbow_hang_decided(p->directory)) _exit(1); /* another has said why */
        if (raises || p->told != (int)report.state) {
            bool written = elbow_hang_write(p->directory, rank, &report) == ELBOW_OK;
            p->told = written ? (int)report.state : -1;
            if (!written && report.state == ELBOW_HANG_STUCK) judge_alone(p, &report);
        }
    } else if (p->told >= 0) {
        elbow_hang_forget(p->directory, rank);
        p->told = -1;
    }
    if (p->alarm >= p->grace) judge(p, &report);
}

static void *watch(void *context) {
    elbow_pulse *p = context;
    pthread_mutex_lock(&p->mutex);
    while (!p->leave) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        double at = (double)until.tv_nsec * 1e-9 + p->look;
        until.tv_sec += (time_t)at;
        until.tv_nsec = (long)((at - floor(at)) * 1e9);
        pthread_cond_timedwait(&p->wake, &p->mutex, &until);
        if (p->leave) break;
        look_for_launcher(p);
        if (p->timeout <= 0) continue;
        feel(p);
        tend(p);
    }
    if (p->alarm >= 0) elbow_hang_withdraw(p->directory, (size_t)p->world->rank);
    if (p->told >= 0) elbow_hang_forget(p->directory, (size_t)p->world->rank);
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

/* ------------------------------------------------------------------------------------ beginning and end */

/* Signals are for the thread that trains; one that is sent to a stderr that is gone, for nobody. */
static bool start_watchdog(elbow_pulse *p) {
    sigset_t all, before;
    pthread_condattr_t clock;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&p->wake, &clock);
    pthread_condattr_destroy(&clock);
    if (p->timeout <= 0 && !p->world->launched) return true;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) return false;
    p->running = pthread_create(&p->watchdog, NULL, watch, p) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return p->running;
}

static void set_times(elbow_pulse *p) {
    double t = p->timeout;
    p->look = t > 0 ? fmin(fmax(t / 20, 0.05), orphan_looks) : orphan_looks;
    p->ask = fmin(fmax(t / 120, p->look), alarm_looks);
    p->grace = p->world->size > 1 ? 2 + 2 * p->ask + t / 8 : 0;
}

static void find_thread(elbow_pulse *p) {
    char target[48];
    ssize_t length = readlink("/proc/thread-self", target, sizeof target - 1);
    if (length <= 0) return;
    target[length] = 0;
    snprintf(p->thread, sizeof p->thread, "/proc/%s/stat", target);
}

/* What ranks tell each other of themselves. */
typedef struct introduction {
    elbow_hang_rank rank;
    bool draws;
} introduction;

static elbow_status introduce(elbow_pulse *p) {
    elbow_world *world = p->world;
    size_t count = (size_t)world->size, *counts = calloc(count, sizeof *counts);
    introduction *all = calloc(count, sizeof *all), own = {.draws = elbow_log_width() > 0};
    snprintf(own.rank.host, sizeof own.rank.host, "%s", world->host);
    own.rank.process = (long)getpid();
    elbow_status status =
        counts && all ? ELBOW_OK : elbow_fail(ELBOW_MEMORY, "no memory for a table of the ranks");
    status = elbow_world_agree(world, status);
    for (size_t r = 0; status == ELBOW_OK && r < count; r++) counts[r] = sizeof own;
    if (status == ELBOW_OK) status = elbow_world_allgather(world, &own, all, counts);
    for (size_t r = 0; status == ELBOW_OK && r < count; r++) p->ranks[r] = all[r].rank;
    p->draws = status == ELBOW_OK && all[0].draws;
    free(counts);
    free(all);
    return status;
}

elbow_status elbow_pulse_create(elbow_pulse **out, elbow_world *world, double timeout) {
    size_t count = (size_t)world->size;
    elbow_pulse *p = calloc(1, sizeof *p);
    *out = NULL;
    if (p != NULL) {
        p->ranks = calloc(count, sizeof *p->ranks);
        p->reports = calloc(count, sizeof *p->reports);
    }
    bool made = p != NULL && p->ranks != NULL && p->reports != NULL;
    elbow_status status =
        elbow_world_agree(world, made ? ELBOW_OK : elbow_fail(ELBOW_MEMORY, "no memory for a watchdog"));
    if (status == ELBOW_OK) {
        p->world = world;
        p->timeout = p->again = timeout;
        p->allowance = disk_patience;
        p->alarm = p->told = -1;
        p->looked = elbow_now();
        p->parent = getppid();
        set_times(p);
        find_thread(p);
        status = introduce(p);
    }
    if (status != ELBOW_OK) {
        if (p != NULL) free(p->ranks), free(p->reports);
        free(p);
        return status;
    }
    elbow_pulse_set(p, ELBOW_PULSE_START, 0);
    if (!start_watchdog(p)) elbow_warn("no thread for the watchdog: parallel.timeout is without effect");
    *out = p;
    return ELBOW_OK;
}

void elbow_pulse_destroy(elbow_pulse **pulse) {
    elbow_pulse *p = *pulse;
    if (p == NULL) return;
    pthread_mutex_lock(&p->mutex);
    p->leave = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->mutex);
    if (p->running) pthread_join(p->watchdog, NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->mutex);
    free(p->ranks);
    free(p->reports);
    free(p);
    *pulse = NULL;
}

/* Whether this rank reads what rank 0 has written: a word that no other directory of that name holds. */
static bool sees(const char *path, const char *word) {
    char *text = NULL;
    size_t length = 0;
    if (elbow_file_read(path, 256, &text, &length) != ELBOW_OK) return false;
    bool same = strcmp(text, word) == 0;
    free(text);
    return same;
}

/* Every rank's word on that, in `apart`. Collective. */
static elbow_status find_apart(elbow_pulse *p, bool apart, bool *all) {
    elbow_world *world = p->world;
    size_t count = (size_t)world->size, *counts = calloc(count, sizeof *counts);
    elbow_status status =
        elbow_world_agree(world, counts ? ELBOW_OK : elbow_fail(ELBOW_MEMORY, "no memory for a table"));
    for (size_t r = 0; status == ELBOW_OK && r < count; r++) counts[r] = sizeof apart;
    if (status == ELBOW_OK) status = elbow_world_allgather(world, &apart, all, counts);
    free(counts);
    return status;
}

elbow_status elbow_pulse_share(elbow_pulse *p, const char *directory, double bytes) {
    if (p == NULL) return ELBOW_OK;
    elbow_world *world = p->world;
    size_t count = (size_t)world->size, strangers = 0;
    char path[4300], folder[4200], word[128];
    snprintf(folder, sizeof folder, "%s/hang", directory);
    snprintf(path, sizeof path, "%s/token", folder);
    snprintf(word, sizeof word, "%s %ld %.9f", world->host, (long)getpid(), elbow_now());
    ELBOW_TRY(elbow_world_broadcast(world, word, sizeof word, 0));
    if (world->rank == 0) {
        elbow_hang_clear(directory);
        if (elbow_directory_make(folder, false) == ELBOW_OK)
            (void)elbow_file_replace(path, word, strlen(word)); /* a failure is seen by all as that */
    }
    elbow_world_barrier(world);
    bool apart = strlen(directory) >= sizeof p->directory || !sees(path, word) || access(folder, W_OK) != 0;
    bool *all = calloc(count, sizeof *all);
    elbow_status status =
        elbow_world_agree(world, all ? ELBOW_OK : elbow_fail(ELBOW_MEMORY, "no memory for a table"));
    if (status == ELBOW_OK) status = find_apart(p, apart, all);
    if (world->rank == 0) elbow_hang_clear(directory);
    if (status == ELBOW_OK) {
        pthread_mutex_lock(&p->mutex);
        for (size_t r = 0; r < count; r++) strangers += p->ranks[r].apart = all[r];
        if (!apart) memcpy(p->directory, directory, strlen(directory) + 1);
        p->allowance = disk_patience + bytes / SLOWEST_DISK;
        pthread_mutex_unlock(&p->mutex);
        if (strangers > 0)
            elbow_detail("%zu of %zu ranks do not see %s: a rank there that hangs speaks for itself alone",
                         strangers, count, directory);
    }
    free(all);
    return status;
}
