#include "train/rollback.h"

#include <stdlib.h>
#include <string.h>

#include "elbow/base/log.h"
#include "train/record.h"
#include "train/restore.h"

bool elbow_rollback_wanted(const elbow_run *run) {
    return strcmp(run->options->train.nonfinite, "rollback") == 0;
}

/* -------------------------------------------------------------------------------------------- ancestors */

static int64_t value_of(const elbow_table *events, const char *column, size_t row) {
    return (int64_t)elbow_table_column(events, column)[row];
}

/* How many of the first `count` events a checkpoint of that step has in its own history. */
static size_t events_before(const elbow_table *events, size_t count, int64_t step) {
    while (count > 0 && value_of(events, "step", count - 1) >= step) count--;
    return count;
}

/* Ancestors of some weights, newest first: the steps [first, last] between two events, or before all. */
typedef struct stretch {
    int64_t first, last;
    size_t events; /* before them */
} stretch;

static stretch stretch_to(const elbow_table *events, size_t count, int64_t last) {
    return (stretch){count > 0 ? value_of(events, "step", count - 1) + 1 : 0, last, count};
}

static bool go_back(const elbow_table *events, stretch *s) {
    if (s->events == 0) return false;
    size_t event = s->events - 1;
    bool jumped = value_of(events, "action", event) == ELBOW_EVENT_ROLLBACK;
    int64_t last = value_of(events, "target", event); /* of a skip: the step itself */
    *s = stretch_to(events, jumped ? events_before(events, event, last) : event, last);
    return true;
}

int64_t elbow_rollback_lag(const elbow_table *events, size_t count) {
    int64_t lag = 0;
    stretch s = stretch_to(events, count, 0);
    for (int64_t first = s.first; go_back(events, &s); first = s.first) lag += first - s.last;
    return lag;
}

/* Whether the first step from there was not finite. */
static bool failed_at_once(const elbow_table *events, size_t count, int64_t step) {
    for (size_t r = 0; r < count; r++)
        if (value_of(events, "step", r) == step) return true;
    return false;
}

/* The newest regular ancestor of step `now`, itself included, at or below `most`, that has not failed at once. */
static int64_t find_ancestor(const elbow_table *events, size_t count, int64_t now, int64_t every,
                             int64_t most) {
    stretch s = stretch_to(events, count, now);
    do {
        int64_t step = (s.last < most ? s.last : most) / every * every;
        for (; step >= s.first; step -= every)
            if (!failed_at_once(events, count, step)) return step;
    } while (go_back(events, &s));
    return -1;
}

int64_t elbow_rollback_target(const elbow_table *events, size_t count, int64_t now, int64_t every,
                              int64_t most) {
    if (most < 0 || now == 0) return -1;
    return find_ancestor(events, count, now, every, most < now ? most : now - 1);
}

void elbow_rollback_spare(const elbow_run *run, int64_t steps[ELBOW_ROLLBACK_SPARED]) {
    const elbow_table *events = &run->metrics.events;
    int64_t every = run->options->checkpoint.every_steps, now = run->step;
    steps[0] = steps[1] = -1;
    if (!elbow_rollback_wanted(run)) return;
    steps[0] = find_ancestor(events, events->rows, now, every, now);
    steps[1] = elbow_rollback_target(events, events->rows, now, every, now); /* should it fail at once */
}

/* ----------------------------------------------------------------------------------------- going back */

static elbow_status read_step(elbow_checkpoint **checkpoint, const elbow_run *run, int64_t step) {
    char *path = NULL;
    ELBOW_TRY(elbow_checkpoint_path(run->directory, step, &path));
    elbow_status status = elbow_checkpoint_read(checkpoint, path);
    if (status == ELBOW_OK && (*checkpoint)->step != step) {
        status = elbow_fail(ELBOW_FORMAT, "%s: it is of step %lld", path, (long long)(*checkpoint)->step);
        elbow_checkpoint_destroy(checkpoint);
    }
    free(path);
    return status;
}

/* On rank 0: the checkpoint of *target, or what is older and can be read. */
static elbow_status read_target(elbow_checkpoint **checkpoint, const elbow_run *run, int64_t *target) {
    const elbow_table *events = &run->metrics.events;
    size_t count = events->rows - 1;
    int64_t bad = value_of(events, "step", count);
    if (run->world->rank != 0) return ELBOW_OK;
    while (*target >= 0) {
        elbow_status status = read_step(checkpoint, run, *target);
        if (status == ELBOW_OK || status == ELBOW_MEMORY) return status;
        elbow_warn("%s. The rollback goes further back: the run will have other bits than one that has this "
                   "checkpoint",
                   elbow_error_message());
        *target =
            elbow_rollback_target(events, count, bad, run->options->checkpoint.every_steps, *target - 1);
    }
    return elbow_fail(ELBOW_ABSENT,
                      "%s: no checkpoint is left to go back to from step %lld; go on by --resume %s --set "
                      "train.nonfinite=skip, or start a new run with a lower optimizer.learning_rate",
                      run->directory, (long long)bad, run->directory);
}

elbow_status elbow_rollback(elbow_run *run) {
    elbow_table *events = &run->metrics.events;
    elbow_checkpoint *checkpoint = NULL;
    size_t last = events->rows - 1;
    int64_t planned = value_of(events, "target", last), target = planned;
    ELBOW_TRY_ALL(run->world, read_target(&checkpoint, run, &target));
    elbow_status status = elbow_world_broadcast(run->world, &target, sizeof target, 0);
    for (size_t c = 0; c < events->columns && target != planned; c++)
        if (strcmp(events->names[c], "target") == 0) events->values[c][last] = (double)target;
    if (status == ELBOW_OK) status = elbow_run_restore_weights(run, checkpoint, run->directory);
    elbow_checkpoint_destroy(&checkpoint);
    run->lag = elbow_rollback_lag(events, events->rows);
    return status;
}
