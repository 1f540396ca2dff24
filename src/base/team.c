#include "base/team.h"

#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cores.h"

enum {
    LINE = 64,         /* bytes that cores pass around as one */
    WATCH = 20000,     /* ns that a helper watches its seat before it sleeps */
    PATIENCE = 100000, /* ns that the caller watches for the last helper before it sleeps */
    GLANCES = 32,      /* looks between two at the clock */
};

/* Where a helper is given its part, and waits for it.
 *
 *     empty ──caller posts──▶ posted ──helper takes──▶ empty
 *       └──helper tires──▶ asleep ──caller posts, and signals──▶ posted */
enum { EMPTY, POSTED, ASLEEP };

typedef struct seat {
    alignas(LINE) _Atomic int state;
    size_t begin, end;
    struct elbow_team *team;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t posted;
} seat;

struct elbow_team {
    alignas(LINE) _Atomic int busy;     /* helpers that are not done with their part */
    alignas(LINE) _Atomic bool waiting; /* the caller sleeps until the last of them is */
    pthread_mutex_t lock;
    pthread_cond_t done;
    elbow_team_work *work; /* NULL: go home */
    void *context;
    int64_t watch, patience;
    int threads, helpers; /* threads − 1; fewer while it is made */
    seat *seats;          /* [helpers] */
};

static int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Watches for the value, that long; whether it came. */
static bool watch_for(_Atomic int *word, int value, int64_t how_long) {
    if (atomic_load_explicit(word, memory_order_acquire) == value) return true;
    if (how_long == 0) return false;
    int64_t until = nanoseconds() + how_long;
    do {
        for (int i = 0; i < GLANCES; i++) {
            if (atomic_load_explicit(word, memory_order_acquire) == value) return true;
            relax();
        }
    } while (nanoseconds() < until);
    return false;
}

/* ---------------------------------------------------------------------------------------- helpers */

static void await_part(seat *s) {
    int empty = EMPTY;
    if (watch_for(&s->state, POSTED, s->team->watch)) return;
    if (!atomic_compare_exchange_strong(&s->state, &empty, ASLEEP)) return; /* posted just now */
    pthread_mutex_lock(&s->lock);
    while (atomic_load(&s->state) != POSTED) pthread_cond_wait(&s->posted, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

/* The last one out wakes the caller, if that sleeps: it says so before it looks at `busy` for the last time, and the helper
 * looks after having changed it, so one of them sees the other. */
static void report_done(elbow_team *team) {
    if (atomic_fetch_sub(&team->busy, 1) != 1 || !atomic_load(&team->waiting)) return;
    pthread_mutex_lock(&team->lock);
    pthread_cond_signal(&team->done);
    pthread_mutex_unlock(&team->lock);
}

static void *help(void *argument) {
    seat *s = argument;
    elbow_team *team = s->team;
    for (;;) {
        await_part(s);
        atomic_store_explicit(&s->state, EMPTY,
                              memory_order_relaxed); /* nothing is posted while it is busy */
        if (team->work == NULL) return NULL;
        team->work(team->context, s->begin, s->end);
        report_done(team);
    }
}

/* ----------------------------------------------------------------------------------------- caller */

static void post(seat *s, size_t begin, size_t end) {
    s->begin = begin;
    s->end = end;
    if (atomic_exchange(&s->state, POSTED) != ASLEEP) return;
    pthread_mutex_lock(&s->lock);
    pthread_cond_signal(&s->posted);
    pthread_mutex_unlock(&s->lock);
}

static void await_all(elbow_team *team) {
    if (watch_for(&team->busy, 0, team->patience)) return;
    pthread_mutex_lock(&team->lock);
    atomic_store(&team->waiting, true);
    while (atomic_load(&team->busy) != 0) pthread_cond_wait(&team->done, &team->lock);
    atomic_store(&team->waiting, false);
    pthread_mutex_unlock(&team->lock);
}

/* Grains before part p of `parts`: their sizes differ by one at most. */
static size_t cut(size_t grains, size_t p, size_t parts) {
    size_t rest = grains % parts;
    return grains / parts * p + (p < rest ? p : rest);
}

void elbow_team_run(elbow_team *team, size_t count, size_t grain, elbow_team_work *work, void *context) {
    if (count == 0) return;
    if (grain == 0) grain = 1;
    size_t grains = count / grain + (count % grain != 0), parts = (size_t)elbow_team_threads(team);
    if (parts > grains) parts = grains;
    if (parts == 1) {
        work(context, 0, count);
        return;
    }
    team->work = work;
    team->context = context;
    atomic_store_explicit(&team->busy, (int)parts - 1, memory_order_relaxed); /* published by each post */
    for (size_t p = 1; p < parts; p++)
        post(&team->seats[p - 1], cut(grains, p, parts) * grain,
             p + 1 == parts ? count : cut(grains, p + 1, parts) * grain);
    work(context, 0, cut(grains, 1, parts) * grain);
    await_all(team);
}

int elbow_team_threads(const elbow_team *team) { return team ? team->threads : 1; }

/* ------------------------------------------------------------------------------------ coming, going */

static void *aligned_zeros(size_t bytes) {
    void *memory = NULL;
    if (posix_memalign(&memory, LINE, bytes) != 0) return NULL;
    return memset(memory, 0, bytes);
}

/* Signals are for the thread that looks at them. */
static int start(seat *s) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&s->thread, NULL, help, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static elbow_status start_all(elbow_team *team) {
    for (int i = 0; i < team->threads - 1; i++) {
        seat *s = &team->seats[i];
        s->team = team;
        pthread_mutex_init(&s->lock, NULL);
        pthread_cond_init(&s->posted, NULL);
        int error = start(s);
        if (error != 0) {
            pthread_cond_destroy(&s->posted);
            pthread_mutex_destroy(&s->lock);
            return elbow_fail(ELBOW_USAGE,
                              "train.threads = %d: no more than %d could be started (%s); set it lower",
                              team->threads, i + 1, strerror(error));
        }
        team->helpers++;
    }
    return ELBOW_OK;
}

elbow_status elbow_team_create(elbow_team **out, int threads) {
    *out = NULL;
    elbow_team *team = aligned_zeros(sizeof *team);
    ELBOW_CHECK(team != NULL, ELBOW_MEMORY, "no memory for a team of threads");
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->done, NULL);
    team->threads = threads;
    /* Who watches on a core that another thread needs only keeps it from what is watched for. */
    bool room = elbow_cores_bound() == 0 || elbow_cores_bound() >= threads;
    team->watch = room ? WATCH : 0;
    team->patience = room ? PATIENCE : 0;
    elbow_status status = ELBOW_OK;
    if (threads > 1) {
        team->seats = aligned_zeros((size_t)(threads - 1) * sizeof *team->seats);
        status = team->seats ? start_all(team)
                             : elbow_fail(ELBOW_MEMORY, "no memory for a team of %d threads", threads);
    }
    if (status != ELBOW_OK) elbow_team_destroy(&team);
    *out = team;
    return status;
}

void elbow_team_destroy(elbow_team **team_at) {
    elbow_team *team = *team_at;
    if (team == NULL) return;
    team->work = NULL;
    for (int i = 0; i < team->helpers; i++) {
        seat *s = &team->seats[i];
        post(s, 0, 0);
        pthread_join(s->thread, NULL);
        pthread_cond_destroy(&s->posted);
        pthread_mutex_destroy(&s->lock);
    }
    pthread_cond_destroy(&team->done);
    pthread_mutex_destroy(&team->lock);
    free(team->seats);
    free(team);
    *team_at = NULL;
}
