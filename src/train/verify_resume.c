/* Training straight, and stopped and resumed on every rank count: the same bits? */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "elbow/base/log.h"
#include "elbow/data/dataset.h"
#include "elbow/train/loop.h"
#include "elbow/train/run.h"
#include "elbow/train/verify.h"

enum { LOG_EVERY = 7, OPEN_FOLDERS = 16, TEXT_BYTES = 128 };

/* What one run is made of; the same on every rank. */
typedef struct plan {
    char what[16], name[32], how[TEXT_BYTES];
    int ranks;
    int64_t stop, from;      /* 0: the end; the beginning */
    const char *settings[4]; /* over the options, up to NULL */
} plan;

typedef struct trial_state {
    elbow_trial *trial;
    elbow_world *world;
    elbow_options *options; /* of every run, on every rank */
    char *directory;
    bool keep;
    elbow_checkpoint *straight; /* on rank 0: where the straight run ended */
    elbow_trial_say *say;       /* on rank 0 */
    void *context;
} trial_state;

/* ---------------------------------------------------------------------------------------- preparation */

static elbow_status set(elbow_options *options, const char *key, int64_t value) {
    char text[96];
    snprintf(text, sizeof text, "%s=%lld", key, (long long)value);
    return elbow_options_set(options, text);
}

/* Epochs of about a third of the steps, where the data's are longer: an epoch's end, its shuffle and batches that differ in
 * size come cheap. Off the epoch's end and in the middle of a row of the metrics is where it stops. */
static elbow_status choose_lengths(elbow_trial *trial, elbow_options *options, size_t examples) {
    int64_t all = (int64_t)examples, limit = options->data.limit, batch = options->train.batch;
    int64_t steps = trial->steps, most = steps / 3 + 1;
    if (limit > 0 && limit < all) all = limit;
    if (batch > all) batch = all;
    if ((all + batch - 1) / batch > most) {
        all = trial->limit = most * batch - batch / 3;
        ELBOW_TRY(set(options, "data.limit", all));
    }
    trial->examples = (size_t)all;
    trial->epoch_steps = (all + batch - 1) / batch;
    trial->stop = steps * 2 / 5 > 1 ? steps * 2 / 5 - 1 : 1;
    if (trial->stop % trial->epoch_steps == 0) trial->stop++;
    int64_t evaluate = steps * 2 / 3 > trial->stop ? steps * 2 / 3 : trial->stop + 1;
    ELBOW_TRY(set(options, "train.evaluate_every", evaluate));
    return set(options, "train.log_every", trial->stop % LOG_EVERY ? LOG_EVERY : LOG_EVERY - 2);
}

/* On rank 0: the options of the straight run. */
static elbow_status prepare(trial_state *state, const elbow_options *given) {
    static const char *const settings[] = {"train.epochs=0",           "train.pictures=no",
                                           "train.patience=0",         "train.test_samples=1",
                                           "checkpoint.every_steps=0", "checkpoint.every_minutes=0",
                                           "checkpoint.keep=1",        "checkpoint.time_limit=0"};
    elbow_dataset *dataset = NULL;
    elbow_trial *trial = state->trial;
    ELBOW_TRY(elbow_options_copy(&state->options, given));
    elbow_options *options = state->options;
    ELBOW_CHECK(options->data.file[0] != 0, ELBOW_USAGE,
                "data.file is not set; import data with `elbow import` and add --set data.file=FILE");
    ELBOW_TRY(elbow_dataset_open(&dataset, options->data.file));
    size_t examples = elbow_dataset_count(dataset, ELBOW_TRAIN);
    elbow_dataset_close(&dataset);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        ELBOW_TRY(elbow_options_set(options, settings[i]));
    ELBOW_TRY(set(options, "train.steps", trial->steps));
    if (options->parallel.shards == 0) ELBOW_TRY(set(options, "parallel.shards", state->world->size));
    return choose_lengths(trial, options, examples);
}

/* On rank 0. */
static elbow_status make_directory(trial_state *state, const char *keep) {
    state->keep = keep != NULL;
    if (keep != NULL) {
        ELBOW_CHECK(!elbow_file_exists(keep), ELBOW_USAGE, "%s exists; choose another --keep", keep);
        ELBOW_TRY(elbow_directory_make(keep, true));
        state->directory = strdup(keep);
    } else {
        const char *root = getenv("TMPDIR");
        ELBOW_TRY(elbow_path_join(root && *root ? root : "/tmp", "elbow-verify-XXXXXX", &state->directory));
        if (mkdtemp(state->directory) == NULL) {
            int error = errno;
            elbow_status status = elbow_fail(
                ELBOW_IO, "%s: cannot be made (%s); set TMPDIR to a directory with room, or give --keep",
                state->directory, strerror(error));
            free(state->directory);
            state->directory = NULL;
            return status;
        }
    }
    ELBOW_CHECK(state->directory, ELBOW_MEMORY, "no memory for a path");
    return ELBOW_OK;
}

/* Rank 0's options, directory and lengths, everywhere. */
static elbow_status share(trial_state *state) {
    elbow_world *world = state->world;
    elbow_status status = ELBOW_OK;
    char *dump = NULL;
    size_t bytes = 0;
    if (world->rank == 0) {
        status = elbow_options_dump(state->options, false, &dump);
        if (status == ELBOW_OK) bytes = strlen(dump) + 1;
    }
    void *text = dump, *directory = state->directory;
    status = elbow_world_agree(world, status);
    if (status == ELBOW_OK) status = elbow_world_broadcast_new(world, &text, &bytes, 0);
    if (status == ELBOW_OK && world->rank != 0) status = elbow_options_create(&state->options);
    if (status == ELBOW_OK && world->rank != 0)
        status = elbow_options_parse(state->options, text, "the options of rank 0");
    free(text);
    ELBOW_TRY_ALL(world, status);
    bytes = directory ? strlen(directory) + 1 : 0;
    status = elbow_world_broadcast_new(world, &directory, &bytes, 0);
    state->directory = directory;
    ELBOW_TRY(status);
    return elbow_world_broadcast(world, state->trial, sizeof *state->trial, 0);
}

/* ----------------------------------------------------------------------------------------- directories */

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *where) {
    (void)facts;
    (void)kind;
    (void)where;
    remove(path);
    return 0;
}

/* On rank 0, which wrote all that is there; what cannot be removed is named by what stays. */
static void remove_directory(const trial_state *state, const char *path) {
    if (state->keep || state->world->rank != 0) return;
    nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
    if (elbow_file_exists(path)) elbow_warn("%s: could not be removed; remove it by hand", path);
}

/* On rank 0: a directory with the stopped run's checkpoint, as a copy of the run would have it. */
static elbow_status copy_stopped(const trial_state *state, const char *directory) {
    char *stopped = NULL, *from = NULL, *to = NULL, *folder = NULL, *bytes = NULL;
    size_t count = 0;
    elbow_status status = ELBOW_OK;
    ELBOW_TRY_OR_DONE(elbow_path_join(state->directory, "stopped", &stopped));
    ELBOW_TRY_OR_DONE(elbow_checkpoint_path(stopped, state->trial->stop, &from));
    ELBOW_TRY_OR_DONE(elbow_checkpoint_path(directory, state->trial->stop, &to));
    ELBOW_TRY_OR_DONE(elbow_path_join(directory, "checkpoints", &folder));
    ELBOW_TRY_OR_DONE(elbow_directory_make(folder, true));
    if (link(from, to) == 0) goto done; /* checkpoints are replaced, never changed */
    ELBOW_TRY_OR_DONE(elbow_file_read(from, SIZE_MAX, &bytes, &count));
    ELBOW_TRY_OR_DONE(elbow_file_replace(to, bytes, count));
done:
    free(stopped);
    free(from);
    free(to);
    free(folder);
    free(bytes);
    return status;
}

/* --------------------------------------------------------------------------------------------- one run */

/* Trains on the ranks of `world`. Collective over it. */
static elbow_status train(const trial_state *state, elbow_world *world, const plan *p, char *directory) {
    elbow_options *options = NULL;
    elbow_start start = {.out = p->from > 0 ? NULL : directory, .resume = p->from > 0 ? directory : NULL};
    elbow_run *run = NULL;
    elbow_status status = elbow_options_copy(&options, state->options);
    for (size_t i = 0; status == ELBOW_OK && p->settings[i]; i++)
        status = elbow_options_set(options, p->settings[i]);
    if (status == ELBOW_OK && world->rank == 0 && p->from > 0) {
        status = copy_stopped(state, directory);
        if (status == ELBOW_OK) status = elbow_run_find(&start.checkpoint, directory);
    }
    status = elbow_world_agree(world, status);
    if (status != ELBOW_OK) {
        elbow_options_destroy(&options);
        elbow_checkpoint_destroy(&start.checkpoint);
        return status;
    }
    ELBOW_TRY(elbow_run_create(&run, world, options, &start));
    run->stop_step = p->stop;
    status = elbow_train(run);
    if (status == ELBOW_STOPPED && p->stop > 0 && run->step == p->stop) status = ELBOW_OK;
    elbow_run_destroy(&run);
    return status;
}

/* On rank 0: what the run ended in, beside what the straight one did. */
static elbow_status compare(trial_state *state, const char *directory, elbow_comparison **comparison) {
    elbow_checkpoint *c = NULL;
    char *file = NULL;
    ELBOW_TRY(elbow_checkpoint_find(&c, &file, directory));
    free(file);
    if (state->straight == NULL) {
        elbow_checkpoint_digest(c, state->trial->digest);
        elbow_verify_order(c);
        state->straight = c;
        return ELBOW_OK;
    }
    elbow_status status = elbow_checkpoint_compare(comparison, state->straight, c);
    if (status == ELBOW_OK && !(*comparison)->same) state->trial->same = false;
    elbow_checkpoint_destroy(&c);
    return status;
}

/* Runs a plan on the first ranks; the others wait asleep. Collective over all. */
static elbow_status run_plan(trial_state *state, const plan *p) {
    elbow_world *world = state->world, *sub = NULL;
    elbow_comparison *comparison = NULL;
    char *directory = NULL;
    elbow_trial_run run = {.what = p->what,
                           .how = p->how,
                           .ranks = p->ranks,
                           .from = p->from,
                           .to = p->stop > 0 ? p->stop : state->trial->steps};
    bool first = world->rank == 0;
    double began = elbow_now();
    ELBOW_TRY_ALL(world, elbow_path_join(state->directory, p->name, &directory));

    elbow_status status = elbow_world_sub(world, p->ranks, &sub);
    /* What is to be warned of, the straight run warns of. */
    elbow_log_open(first, first && state->straight == NULL ? ELBOW_LOG_WARNING : ELBOW_LOG_NOTHING);
    if (first && state->say) state->say(state->context, &run, false);
    if (status == ELBOW_OK && sub != NULL) status = train(state, sub, p, directory);
    elbow_world_rest(world);
    elbow_log_open(first, ELBOW_LOG_NOTICE);
    if (sub != NULL) elbow_world_close(&sub);
    run.seconds = elbow_now() - began;
    if (status == ELBOW_OK && first && p->stop == 0) status = compare(state, directory, &comparison);
    run.comparison = comparison;
    if (status != ELBOW_OK && status != ELBOW_STOPPED)
        elbow_fail_prefix(status, "the %s run on %d rank%s", p->what, p->ranks, p->ranks == 1 ? "" : "s");
    status = elbow_world_agree(world, status);
    if (status == ELBOW_OK && first && state->say) state->say(state->context, &run, true);
    elbow_comparison_destroy(&comparison);
    if (p->stop == 0) remove_directory(state, directory);
    free(directory);
    return status;
}

/* --------------------------------------------------------------------------------------------- all runs */

/* From all ranks down to one; of many, those next to where something changes: one less, half, a few. */
static size_t choose_counts(int counts[ELBOW_TRIAL_RUNS], int ranks) {
    const int some[] = {ranks, ranks - 1, (ranks + 1) / 2, 3, 2, 1};
    size_t count = 0;
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        if (some[i] >= 1 && (count == 0 || some[i] < counts[count - 1])) counts[count++] = some[i];
    return count;
}

/* Every other run, from the first that is stopped on, does it the other way. */
static void vary(trial_state *state, plan *p, bool other) {
    const elbow_options *o = state->options;
    bool rank = (strcmp(o->parallel.replica, "rank") == 0) != other,
         behind = o->checkpoint.background != other;
    bool streams = strcmp(o->data.shuffle, "window") == 0;
    bool stream = streams && (strcmp(o->data.memory, "stream") == 0) != other;
    bool ordered = strcmp(o->parallel.allreduce, "ordered") == 0;
    size_t count = 0;
    p->settings[count++] = rank ? "parallel.replica=rank" : "parallel.replica=node";
    p->settings[count++] = behind ? "checkpoint.background=yes" : "checkpoint.background=no";
    if (streams) p->settings[count++] = stream ? "data.memory=stream" : "data.memory=all";
    snprintf(p->how, sizeof p->how, "%s, checkpoints %s%s",
             !ordered        ? "MPI_Iallreduce"
             : p->ranks == 1 ? "no exchange"
             : rank          ? "messages"
                             : "shared memory",
             behind ? "behind the steps" : "between steps",
             !streams ? ""
             : stream ? ", data streamed"
                      : ", data in memory");
    if (p->ranks > 1 && ordered && rank) state->trial->messages = true;
    if (p->ranks > 1 && ordered && !rank) state->trial->shared = true;
}

static plan make_plan(trial_state *state, const char *what, int ranks, int64_t from, int64_t stop,
                      bool other) {
    plan p = {.ranks = ranks, .from = from, .stop = stop};
    snprintf(p.what, sizeof p.what, "%s", what);
    snprintf(p.name, sizeof p.name, from > 0 ? "%s-%d" : "%s", what, ranks);
    vary(state, &p, other);
    return p;
}

static elbow_status run_all(trial_state *state) {
    elbow_trial *trial = state->trial;
    int64_t shards = state->options->parallel.shards, stop = trial->stop;
    trial->ranks = shards < state->world->size ? (int)shards : state->world->size;
    trial->count = choose_counts(trial->counts, trial->ranks);
    plan p = make_plan(state, "straight", trial->ranks, 0, 0, false);
    ELBOW_TRY(run_plan(state, &p));
    p = make_plan(state, "stopped", trial->ranks, 0, stop, true);
    ELBOW_TRY(run_plan(state, &p));
    for (size_t i = 0; i < trial->count; i++) {
        p = make_plan(state, "resumed", trial->counts[i], stop, 0, i % 2 == 0);
        ELBOW_TRY(run_plan(state, &p));
    }
    return elbow_world_broadcast(state->world, trial, sizeof *trial, 0);
}

elbow_status elbow_verify_resume(elbow_trial *trial, elbow_world *world, const elbow_options *options,
                                 const elbow_trial_spec *spec, elbow_trial_say *say, void *context) {
    trial_state state = {.trial = trial, .world = world, .say = say, .context = context};
    elbow_status status = ELBOW_OK;
    *trial = (elbow_trial){.same = true, .steps = spec->steps};
    if (world->rank == 0) {
        if (spec->steps < 4)
            status = elbow_fail(ELBOW_USAGE, "%lld steps are too few to stop among; take at least 4",
                                (long long)spec->steps);
        if (status == ELBOW_OK) status = prepare(&state, options);
        if (status == ELBOW_OK) status = make_directory(&state, spec->keep);
    }
    status = elbow_world_agree(world, status);
    if (status == ELBOW_OK) status = share(&state);
    if (status == ELBOW_OK) status = run_all(&state);

    elbow_checkpoint_destroy(&state.straight);
    elbow_options_destroy(&state.options);
    if (state.directory) remove_directory(&state, state.directory);
    free(state.directory);
    return status;
}
