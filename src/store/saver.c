#include "store/saver.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "elbow/base/arena.h"

struct elbow_saver {
    char *directory;
    elbow_checkpoint snapshot;
    /* Room, NULL where none was asked for. */
    real *parameters, *slots[ELBOW_CHECKPOINT_SLOTS];
    elbow_metrics *metrics;
    elbow_saver_request request;
    bool busy, threaded;
    pthread_t thread;
    atomic_bool done;
    elbow_saved saved;
};

elbow_status elbow_saver_create(elbow_saver **saver, const char *directory, const elbow_params *layout) {
    elbow_saver *s = calloc(1, sizeof *s);
    char *copy = strdup(directory);
    *saver = s;
    if (s == NULL || copy == NULL) {
        free(copy);
        free(s);
        *saver = NULL;
        return elbow_fail(ELBOW_MEMORY, "no memory for the writer of checkpoints");
    }
    s->directory = copy;
    s->snapshot.layout = layout;
    return ELBOW_OK;
}

/* Frees the texts of a snapshot; the room stays. */
static void clear(elbow_saver *s) {
    free(s->snapshot.config);
    free(s->snapshot.field);
    free(s->snapshot.context);
    s->snapshot =
        (elbow_checkpoint){.layout = s->snapshot.layout, .parameters = s->parameters, .metrics = s->metrics};
    memcpy(s->snapshot.slot_values, s->slots, sizeof s->slots);
}

void elbow_saver_destroy(elbow_saver **saver) {
    elbow_saver *s = *saver;
    if (s == NULL) return;
    if (s->busy) elbow_saver_wait(s);
    clear(s);
    if (s->metrics != NULL) elbow_metrics_destroy(s->metrics);
    free(s->metrics);
    free(s->parameters);
    for (size_t i = 0; i < ELBOW_CHECKPOINT_SLOTS; i++) free(s->slots[i]);
    free(s->directory);
    free(s);
    *saver = NULL;
}

size_t elbow_saver_bytes(const elbow_params *layout, size_t slots, bool copies) {
    return (slots + copies) * layout->size * sizeof(real);
}

/* Zeroed, and so touched: the first use of memory takes the system longer than all the rest of a snapshot. */
static bool take(real **block, size_t size) {
    return *block != NULL || elbow_aligned_reals(size, block) == ELBOW_OK;
}

static bool take_metrics(elbow_metrics **metrics) {
    if (*metrics != NULL) return true;
    *metrics = calloc(1, sizeof **metrics);
    return *metrics != NULL && elbow_metrics_create(*metrics) == ELBOW_OK;
}

elbow_status elbow_saver_reserve(elbow_saver *s, size_t slots, bool copies) {
    size_t size = s->snapshot.layout->size;
    bool taken = !copies || (take(&s->parameters, size) && take_metrics(&s->metrics));
    for (size_t i = 0; i < slots; i++) taken = taken && take(&s->slots[i], size);
    ELBOW_CHECK(taken, ELBOW_MEMORY, "no memory for a snapshot of %.0f MB%s",
                (double)elbow_saver_bytes(s->snapshot.layout, slots, copies) / 1e6,
                copies ? "; checkpoint.background = no needs less" : "");
    clear(s);
    return ELBOW_OK;
}

elbow_checkpoint *elbow_saver_snapshot(elbow_saver *saver) { return &saver->snapshot; }

/* ------------------------------------------------------------------------------------------ the thread */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void add_warning(elbow_saved *saved, const char *prefix) {
    snprintf(saved->warning[saved->warnings++], ELBOW_SAVED_MESSAGE, "%s%.4000s", prefix,
             elbow_error_message());
}

static void write_metrics(elbow_saver *s) {
    char *path = NULL;
    if (s->snapshot.metrics == NULL) return;
    elbow_status status = elbow_path_join(s->directory, "metrics.h5", &path);
    if (status == ELBOW_OK) status = elbow_metrics_write(s->snapshot.metrics, path);
    s->saved.metrics = status == ELBOW_OK;
    if (status != ELBOW_OK)
        snprintf(s->saved.metrics_message, ELBOW_SAVED_MESSAGE, "%s", elbow_error_message());
    free(path);
}

static void mark_best(elbow_saver *s, const char *path) {
    elbow_saved *saved = &s->saved;
    if (!saved->written.healthy)
        snprintf(saved->warning[saved->warnings++], ELBOW_SAVED_MESSAGE,
                 "%.2000s is not healthy: %s is not finite; a resumed run takes the one before it%s", path,
                 saved->written.unhealthy, s->request.best ? ", and best.h5 stays as it was" : "");
    if (!s->request.best || !saved->written.healthy) return;
    saved->best = elbow_checkpoint_mark_best(s->directory, path) == ELBOW_OK;
    if (!saved->best) add_warning(saved, "best.h5 stays as it was: ");
}

/* The checkpoint, which alone decides; then what goes with it. The old ones go last. */
static elbow_status write_files(elbow_saver *s) {
    char *path = NULL;
    ELBOW_TRY(elbow_checkpoint_path(s->directory, s->snapshot.step, &path));
    elbow_status status = elbow_checkpoint_save(&s->snapshot, path, s->request.verify, &s->saved.written);
    if (status == ELBOW_OK) {
        mark_best(s, path);
        write_metrics(s);
        if (elbow_checkpoint_prune(s->directory, s->snapshot.step, s->request.keep, s->request.spared,
                                   ELBOW_SAVER_SPARED) != ELBOW_OK)
            add_warning(&s->saved, "old checkpoints stay: ");
    }
    free(path);
    return status;
}

static void *run(void *context) {
    elbow_saver *s = context;
    double began = now();
    s->saved = (elbow_saved){0};
    s->saved.status = write_files(s);
    if (s->saved.status != ELBOW_OK)
        snprintf(s->saved.message, sizeof s->saved.message, "%s", elbow_error_message());
    s->saved.seconds = now() - began;
    atomic_store(&s->done, true);
    return NULL;
}

/* Signals are for the thread that trains. A file that outgrows a limit is EFBIG here. */
static bool start_thread(elbow_saver *s) {
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) return false;
    bool started = pthread_create(&s->thread, NULL, run, s) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

void elbow_saver_start(elbow_saver *s, const elbow_saver_request *request) {
    s->request = *request;
    s->busy = true;
    atomic_store(&s->done, false);
    s->threaded = request->behind && start_thread(s);
    if (!s->threaded) run(s);
}

bool elbow_saver_busy(const elbow_saver *s) { return s->busy; }

bool elbow_saver_done(const elbow_saver *s) { return s->busy && atomic_load(&s->done); }

const elbow_saved *elbow_saver_wait(elbow_saver *s) {
    if (s->threaded) pthread_join(s->thread, NULL);
    s->busy = s->threaded = false;
    return &s->saved;
}
