#include "train/advice.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LINE = 768, MANY_CORES = 16 };

/* OpenMP binds the threads of a process without a look at the node's other processes. */
static void find_binder(elbow_seat *seat) {
    static const char *const names[] = {"OMP_PROC_BIND", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value == NULL || *value == 0 || strcasecmp(value, "false") == 0 || strcasecmp(value, "none") == 0)
            continue;
        snprintf(seat->binder, sizeof seat->binder, "%s=%.40s", names[i], value);
        return;
    }
}

void elbow_seat_find(elbow_seat *seat, int node, const char *host) {
    memset(seat, 0, sizeof *seat);
    seat->node = node;
    snprintf(seat->host, sizeof seat->host, "%s", host);
    seat->online = elbow_cores_online();
    seat->bound = elbow_cores_bound();
    seat->quota = elbow_cores_quota(NULL);
    seat->granted = elbow_cores_granted();
    elbow_cores_mask(seat->mask);
    elbow_cores_whole(seat->mask, seat->whole, NULL);
    find_binder(seat);
}

/* The ranks of a node, and what of it they may use together. */
typedef struct table {
    const elbow_seat *seats; /* of all nodes */
    size_t count;
    int64_t node, ranks;
    int64_t online, all; /* cores that the job has here, and that the node has */
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
    if (t->online < t->all) {
        say(t,
            "%lld rank%s × %d thread%s on %s take turns, where the job has %lld of the node's %lld cores "
            "(its cpuset); "
            "start at most %lld rank%s a node, or ask for more cores (sbatch --ntasks-per-node, "
            "--cpus-per-task)",
            (long long)t->ranks, plural(t->ranks), t->threads, plural(t->threads), t->host,
            (long long)t->online, (long long)t->all, (long long)most, plural(most));
        return true;
    }
    say(t,
        "%lld rank%s × %d thread%s on %s, a node of %lld core%s, take turns; start at most %lld rank%s a "
        "node (mpirun --map-by ppr:%lld:node)%s",
        (long long)t->ranks, plural(t->ranks), t->threads, plural(t->threads), t->host, (long long)t->online,
        plural(t->online), (long long)most, plural(most), (long long)most,
        t->threads > 1 ? ", or set train.threads lower for a new run" : "");
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
    char cores[64], binder[160] = "";
    int64_t ranks = 0;
    for (size_t i = 0; i < t->count; i++)
        if (t->seats[i].node == t->node && within(t->seats[i].mask, seat->mask)) ranks++;
    if (seat->bound == 0 || seat->bound >= t->online || ranks * t->threads <= seat->bound) return false;
    list_cores(cores, sizeof cores, seat->mask);
    if (seat->binder[0])
        snprintf(binder, sizeof binder,
                 "; %s may be what binds them, each rank to the first cores it sees: unset it", seat->binder);
    if (ranks == 1)
        say(t,
            "%d threads a rank, and on %s one is bound to %lld core%s (%s); give each rank its cores: mpirun "
            "--map-by "
            "slot:PE=%d (Open MPI binds each of one or two ranks to a single core unless told), srun "
            "--cpus-per-task=%d%s",
            t->threads, t->host, (long long)seat->bound, plural(seat->bound), cores, t->threads, t->threads,
            binder);
    else
        say(t,
            "%lld ranks × %d thread%s on %s are bound to the same %lld core%s (%s) and take turns; give each "
            "its own: "
            "mpirun --bind-to core%s, srun --cpu-bind=cores%s",
            (long long)ranks, t->threads, plural(t->threads), t->host, (long long)seat->bound,
            plural(seat->bound), cores, t->threads > 1 ? " with --map-by slot:PE=THREADS" : "", binder);
    return true;
}

static bool squeezed(const table *t) {
    for (size_t i = 0; i < t->count; i++)
        if (t->seats[i].node == t->node && squeezed_at(t, &t->seats[i])) return true;
    return false;
}

static int64_t count_bits(const uint64_t *mask) {
    int64_t count = 0;
    for (int w = 0; w < ELBOW_CORE_WORDS; w++)
        for (uint64_t m = mask[w]; m != 0; m &= m - 1) count++;
    return count;
}

/* Enough hardware threads, and too few cores: two threads share one's arithmetic, which products keep busy alone. */
static bool paired(const table *t) {
    uint64_t threads[ELBOW_CORE_WORDS] = {0}, cores[ELBOW_CORE_WORDS] = {0};
    int64_t wanted = t->ranks * t->threads;
    for (size_t i = 0; i < t->count; i++) {
        if (t->seats[i].node != t->node) continue;
        if (count_bits(t->seats[i].whole) == 0) return false;
        for (int w = 0; w < ELBOW_CORE_WORDS; w++) {
            threads[w] |= t->seats[i].mask[w];
            cores[w] |= t->seats[i].whole[w];
        }
    }
    int64_t there = count_bits(cores), least = there > t->threads ? there / t->threads : 1;
    if (there >= wanted || count_bits(threads) < wanted) return false;
    say(t,
        "%lld rank%s × %d thread%s on %s have %lld cores, with several hardware threads each: those share a "
        "core's "
        "arithmetic, and matrix products gain little by it; give each thread a core: srun "
        "--hint=nomultithread, mpirun "
        "--map-by slot:PE=%d --bind-to core; or start %lld rank%s a node",
        (long long)t->ranks, plural(t->ranks), t->threads, plural(t->threads), t->host, (long long)there,
        t->threads, (long long)least, plural(least));
    return true;
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
    bool (*const looks[])(const table *) = {crowded, squeezed, paired, adrift, rationed};
    enum { LOOKS = sizeof looks / sizeof *looks };
    bool said[LOOKS] = {false};
    for (size_t i = 0; i < count; i++) {
        if (!first_of_node(seats, i)) continue;
        table t = {.seats = seats,
                   .count = count,
                   .node = seats[i].node,
                   .online = seats[i].online,
                   .all = seats[i].online,
                   .threads = threads,
                   .host = seats[i].host,
                   .context = context};
        for (size_t j = i; j < count; j++) t.ranks += seats[j].node == t.node;
        if (seats[i].granted > 0 && seats[i].granted < t.online) t.online = seats[i].granted;
        for (size_t k = 0; k < LOOKS - 1; k++)
            if (find(looks[k], &t, say_line, &said[k])) break;
        find(rationed, &t, say_line, &said[LOOKS - 1]);
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

void elbow_advise_memory(const elbow_need *needs, size_t count, elbow_advice_say *say_line, void *context) {
    char text[LINE];
    for (size_t i = 0; i < count; i++) {
        double bytes = 0, limit = HUGE_VAL;
        int64_t ranks = 0;
        for (size_t j = 0; j < count; j++) {
            if (needs[j].node != needs[i].node) continue;
            bytes += needs[j].bytes;
            limit = fmin(limit, needs[j].limit);
            ranks++;
        }
        if (!(bytes > limit)) continue;
        snprintf(text, sizeof text,
                 "%lld rank%s on %s will hold about %.3g GB, and %.3g GB is all that the node, or the job's "
                 "limit, has: the "
                 "kernel will kill %s; start fewer ranks a node, ask for more memory (sbatch --mem), or make "
                 "data.memory, "
                 "train.batch or the model smaller",
                 (long long)ranks, plural(ranks), needs[i].host, bytes / 1e9, limit / 1e9,
                 ranks == 1 ? "it" : "one");
        say_line(context, text);
        return;
    }
}
