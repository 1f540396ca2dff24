#include "train/advice.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 512, MANY_CORES = 16 };

void elbow_seat_find(elbow_seat *seat, int node, const char *host) {
    memset(seat, 0, sizeof *seat);
    seat->node = node;
    snprintf(seat->host, sizeof seat->host, "%s", host);
    seat->online = elbow_cores_online();
    seat->bound = elbow_cores_bound();
    seat->quota = elbow_cores_quota(NULL);
    elbow_cores_mask(seat->mask);
}

/* The ranks of a node, and what of it they may use together. */
typedef struct table {
    const elbow_seat *seats; /* of all nodes */
    size_t count;
    int64_t node, ranks, online;
    int threads;
    const char *host;
    elbow_advice_say *say; /* NULL: a look only reports whether its trouble is there */
    void *context;
} table;

__attribute__((format(printf, 2, 3))) static void say(const table *t, const char *format, ...) {
    char text[LINE];
    va_list arguments;
    if (t->say == NULL) return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    t->say(t->context, text);
}

static const char *plural(int64_t n) { return n == 1 ? "" : "s"; }

static bool within(const uint64_t *a, const uint64_t *b) {
    for (int w = 0; w < ELBOW_CORE_WORDS; w++)
        if (a[w] & ~b[w]) return false;
    return true;
}

static bool has(const uint64_t *mask, int core) { return mask[core / 64] >> core % 64 & 1; }

/* "0-3,8" */
static void list_cores(char *text, size_t room, const uint64_t *mask) {
    size_t at = 0;
    *text = 0;
    for (int core = 0, end; core < ELBOW_CORE_WORDS * 64 && at < room; core = end) {
        for (end = core + 1; has(mask, core) && end < ELBOW_CORE_WORDS * 64 && has(mask, end);) end++;
        if (!has(mask, core)) continue;
        int length =
            snprintf(text + at, room - at, end - core > 1 ? "%s%d-%d" : "%s%d", at ? "," : "", core, end - 1);
        at += length > 0 ? (size_t)length : room;
    }
}

/* More threads than the node has cores. */
static bool crowded(const table *t) {
    int64_t wanted = t->ranks * t->threads, most = t->online > t->threads ? t->online / t->threads : 1;
    if (t->online == 0 || wanted <= t->online) return false;
    say(t,
        "%lld rank%s × %d thread%s on %s, a node of %lld core%s, take turns; start at most %lld rank%s a "
        "node "
        "(mpirun --map-by ppr:%lld:node), or set train.threads lower for a new run",
        (long long)t->ranks, plural(t->ranks), t->threads, plural(t->threads), t->host, (long long)t->online,
        plural(t->online), (long long)most, plural(most), (long long)most);
    return true;
}

/* Less time than threads: the kernel stops all of them for the rest of every period. */
static bool rationed(const table *t) {
    double quota = 0;
    for (size_t i = 0; i < t->count; i++)
        if (t->seats[i].node == t->node && t->seats[i].quota > 0 && (quota == 0 || t->seats[i].quota < quota))
            quota = t->seats[i].quota;
    if (quota == 0 || (double)(t->ranks * t->threads) <= quota * 1.001) return false;
    say(t,
        "on %s a control group allows %.3g core%s worth of time (cpu.max), and %lld rank%s × %d thread%s "
        "want more: "
        "they are stopped for part of every period; raise the limit (docker --cpus, the batch system's), or "
        "start "
        "fewer ranks",
        t->host, quota, quota == 1 ? "'s" : "s'", (long long)t->ranks, plural(t->ranks), t->threads,
        plural(t->threads));
    return true;
}

/* Threads of ranks that may only use what this rank may use: more than that is. Ranks with more room make way. */
static bool squeezed_at(const table *t, const elbow_seat *seat) {
    char cores[64];
    int64_t ranks = 0;
    for (size_t i = 0; i < t->count; i++)
        if (t->seats[i].node == t->node && within(t->seats[i].mask, seat->mask)) ranks++;
    if (seat->bound == 0 || seat->bound >= t->online || ranks * t->threads <= seat->bound) return false;
    list_cores(cores, sizeof cores, seat->mask);
    if (ranks == 1)
        say(t,
            "%d threads a rank, and on %s one is bound to %lld core%s (%s); give each rank its cores: mpirun "
            "--map-by "
            "slot:PE=%d (Open MPI binds each of one or two ranks to a single core unless told), srun "
            "--cpus-per-task=%d",
            t->threads, t->host, (long long)seat->bound, plural(seat->bound), cores, t->threads, t->threads);
    else
        say(t,
            "%lld ranks × %d thread%s on %s are bound to the same %lld core%s (%s) and take turns; give each "
            "its own: "
            "mpirun --bind-to core%s, srun --cpu-bind=cores",
            (long long)ranks, t->threads, plural(t->threads), t->host, (long long)seat->bound,
            plural(seat->bound), cores, t->threads > 1 ? " with --map-by slot:PE=THREADS" : "");
    return true;
}

static bool squeezed(const table *t) {
    for (size_t i = 0; i < t->count; i++)
        if (t->seats[i].node == t->node && squeezed_at(t, &t->seats[i])) return true;
    return false;
}

/* Several ranks that the kernel may move, and with them their caches and the memory they touched first. */
static bool adrift(const table *t) {
    if (t->ranks < 2 || t->online < MANY_CORES) return false;
    for (size_t i = 0; i < t->count; i++)
        if (t->seats[i].node == t->node && t->seats[i].bound < t->online) return false;
    say(t,
        "the %lld ranks on %s are bound to none of its %lld cores, and move away from their caches and "
        "memory; mpirun "
        "--map-by slot:PE=%d --bind-to core, or srun --cpu-bind=cores, keeps them",
        (long long)t->ranks, t->host, (long long)t->online, t->threads);
    return true;
}

/* Whether a node has this trouble, which is said of the first that has it. */
static bool find(bool (*look)(const table *), table *t, elbow_advice_say *say_line, bool *said) {
    t->say = *said ? NULL : say_line;
    bool there = look(t);
    *said = *said || there;
    return there;
}

/* The ranks of a node are counted once: where its first one sits. */
static bool first_of_node(const elbow_seat *seats, size_t i) {
    for (size_t j = i; j-- > 0;)
        if (seats[j].node == seats[i].node) return false;
    return true;
}

void elbow_advise(const elbow_seat *seats, size_t count, int threads, elbow_advice_say *say_line,
                  void *context) {
    /* Too many threads for the node are squeezed wherever they sit, so that is not said too. */
    bool (*const looks[])(const table *) = {crowded, squeezed, adrift, rationed};
    bool said[4] = {false};
    for (size_t i = 0; i < count; i++) {
        if (!first_of_node(seats, i)) continue;
        table t = {.seats = seats,
                   .count = count,
                   .node = seats[i].node,
                   .online = seats[i].online,
                   .threads = threads,
                   .host = seats[i].host,
                   .context = context};
        for (size_t j = i; j < count; j++) t.ranks += seats[j].node == t.node;
        for (size_t k = 0; k < 3; k++)
            if (find(looks[k], &t, say_line, &said[k])) break;
        find(looks[3], &t, say_line, &said[3]);
    }
}

/* Of OMP_NUM_THREADS=4,2 the first; 0 where it is no number. */
static long number_of(const char *value) { return value ? strtol(value, NULL, 10) : 0; }

void elbow_advise_environment(const char *omp, const char *openblas, int threads, int obeys,
                              elbow_advice_say *say_line, void *context) {
    const struct {
        const char *name, *value;
    } variables[] = {{"OPENBLAS_NUM_THREADS", openblas}, {"OMP_NUM_THREADS", omp}};
    char text[LINE];
    if (!obeys) {
        if (number_of(omp) == threads) return;
        snprintf(text, sizeof text,
                 "this BLAS cannot be told its threads, and may take every core: set OMP_NUM_THREADS=%d, or "
                 "its own "
                 "variable, for every rank",
                 threads);
        say_line(context, text);
        return;
    }
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        long number = number_of(variables[i].value);
        if (number <= 0 || number == threads) continue;
        snprintf(text, sizeof text,
                 "%s=%ld is set, and train.threads = %d wins (it defines the run's bits); a new run takes "
                 "--set train.threads=%ld",
                 variables[i].name, number, threads, number);
        say_line(context, text);
        return;
    }
}
