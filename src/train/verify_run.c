/* The directory of a run: its files, and whether they are of one run. */
#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "elbow/data/dataset.h"
#include "train/protocol.h"
#include "train/verify_inside.h"

enum { STATE_MOST = 4096, WORD_BYTES = 32 };

/* What is kept of the newest checkpoint while the others are read. */
typedef struct newest {
    char *path; /* NULL: there is none */
    int64_t step, run_steps, best_step;
    double best, recorded; /* what it says; the best evaluation of its history */
    int64_t recorded_step;
    int64_t waited; /* evaluations since then */
    char *config;
} newest;

typedef struct run_check {
    const elbow_verification *v;
    const char *directory;
    elbow_metrics metrics; /* of metrics.h5 */
    bool has_metrics;
    size_t checkpoints, bad; /* step-*.h5 that are good; files that are not */
    newest newest;
} run_check;

static elbow_status conclude(run_check *run, const char *path, double began, elbow_status status,
                             const char *text) {
    if (status != ELBOW_OK) run->bad++;
    return elbow_verify_conclude(run->v, path, began, status, text);
}

/* ---------------------------------------------------------------------------------------- checkpoints */

/* The lowest −ELBO of the split that selects: validation where there is one. */
static void find_recorded(newest *n, const elbow_metrics *metrics) {
    const elbow_table *t = &metrics->evaluation;
    const double *steps = elbow_table_column(t, "step"), *splits = elbow_table_column(t, "split"),
                 *elbo = elbow_table_column(t, "elbo");
    elbow_split selects = elbow_protocol_selected(t);
    n->waited = elbow_protocol_waited(t, selects);
    n->recorded = INFINITY;
    n->recorded_step = 0;
    for (size_t r = 0; r < t->rows; r++) {
        if ((int)splits[r] != (int)selects || !(-elbo[r] < n->recorded)) continue;
        n->recorded = -elbo[r];
        n->recorded_step = (int64_t)steps[r];
    }
}

static elbow_status remember(run_check *run, const elbow_checkpoint *c, const char *path) {
    newest *n = &run->newest;
    if (n->path != NULL && n->step >= c->step) return ELBOW_OK;
    free(n->path);
    free(n->config);
    *n = (newest){.path = strdup(path),
                  .step = c->step,
                  .run_steps = c->run_steps,
                  .best = c->best,
                  .best_step = c->best_step,
                  .config = strdup(c->config)};
    ELBOW_CHECK(n->path && n->config, ELBOW_MEMORY, "%s: no memory to check it", path);
    if (c->metrics) find_recorded(n, c->metrics);
    return ELBOW_OK;
}

/* The history of a checkpoint beside metrics.h5, whose rows it may be ahead of: it is written first. */
static elbow_status check_history(run_check *run, const elbow_checkpoint *c, const char *path) {
    size_t behind = 0;
    if (!run->has_metrics || !c->metrics) return ELBOW_OK;
    ELBOW_TRY(elbow_verify_history(c->metrics, &run->metrics, path, &behind));
    if (behind > 0)
        elbow_verify_note(run->v, path,
                          "its history goes on after metrics.h5 ends: resuming writes that anew");
    return ELBOW_OK;
}

static elbow_status check_step(run_check *run, const char *path) {
    char text[ELBOW_VERIFY_TEXT] = "";
    elbow_checkpoint *c = NULL;
    double began = elbow_now();
    elbow_status status = elbow_verify_checkpoint(&c, path, text);
    if (status != ELBOW_OK && status != ELBOW_MEMORY && !elbow_file_exists(path))
        return ELBOW_OK; /* a running trainer prunes */
    if (status == ELBOW_OK) status = check_history(run, c, path);
    if (status == ELBOW_OK) {
        run->checkpoints++;
        status = remember(run, c, path);
    }
    elbow_checkpoint_destroy(&c);
    return conclude(run, path, began, status, text);
}

/* best.h5 against what the newest checkpoint says is the best so far. */
static elbow_status compare_best(const run_check *run, const elbow_checkpoint *c, const char *path) {
    const newest *n = &run->newest;
    if (n->path == NULL || c->step > n->step) return ELBOW_OK; /* of a time that is to come again */
    ELBOW_CHECK(c->step == n->best_step && c->best == n->best, ELBOW_MISMATCH,
                "%s: of step %" PRId64 " (-ELBO %.6g), and the best so far, by %s, is step %" PRId64
                " (%.6g); where checkpoints/ has that step, make best.h5 a link to it",
                path, c->step, c->best, n->path, n->best_step, n->best);
    return ELBOW_OK;
}

static elbow_status check_best(run_check *run, const char *path) {
    char text[ELBOW_VERIFY_TEXT] = "", line[ELBOW_VERIFY_TEXT + 64];
    elbow_checkpoint *c = NULL;
    const newest *n = &run->newest;
    double began = elbow_now();
    elbow_status status = ELBOW_OK;
    if (!elbow_file_exists(path)) {
        if (n->path == NULL || !isfinite(n->best)) return ELBOW_OK;
        status = elbow_fail(ELBOW_MISMATCH,
                            "%s: not there, and %s says that step %" PRId64
                            " is the best; where checkpoints/ has that step, make best.h5 a link to it",
                            path, n->path, n->best_step);
        return conclude(run, path, began, status, "");
    }
    status = elbow_verify_checkpoint(&c, path, text);
    if (status == ELBOW_OK) status = check_history(run, c, path);
    if (status == ELBOW_OK) status = compare_best(run, c, path);
    if (status == ELBOW_OK) snprintf(line, sizeof line, "the best, -ELBO %.6g: %s", c->best, text);
    elbow_checkpoint_destroy(&c);
    ELBOW_TRY(conclude(run, path, began, status, line));
    if (status == ELBOW_OK && n->path && n->recorded < n->best) {
        snprintf(line, sizeof line,
                 "an evaluation was better, -ELBO %.6g at step %" PRId64
                 ": its checkpoint could not be written",
                 n->recorded, n->recorded_step);
        elbow_verify_note(run->v, path, line);
    }
    return ELBOW_OK;
}

/* ---------------------------------------------------------------------------------------- directories */

static bool is_temporary(const char *name) { return name[0] == '.' && strstr(name, ".tmp-") != NULL; }

static int wanted(const struct dirent *entry) {
    const char *name = entry->d_name, *end = strrchr(name, '.');
    return is_temporary(name) || (strncmp(name, "step-", 5) == 0 && end && strcmp(end, ".h5") == 0);
}

/* Left-overs are named, and, with `steps`, checkpoints checked, in the order of their names. */
static elbow_status check_folder(run_check *run, const char *folder, bool steps) {
    struct dirent **entries = NULL;
    elbow_status status = ELBOW_OK;
    int count = elbow_file_is_directory(folder) ? scandir(folder, &entries, wanted, alphasort) : 0;
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        const char *name = entries[i]->d_name;
        if (status == ELBOW_OK) status = elbow_path_join(folder, name, &path);
        if (status == ELBOW_OK && is_temporary(name))
            elbow_verify_note(run->v, path,
                              "being written, or left over from a writing that was killed: the run's next "
                              "checkpoint removes it then");
        else if (status == ELBOW_OK && steps)
            status = check_step(run, path);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return status;
}

/* --------------------------------------------------------------------------------------- single files */

static elbow_status check_metrics(run_check *run, const char *path) {
    char text[ELBOW_VERIFY_TEXT] = "", size[32];
    double began = elbow_now();
    elbow_status status = elbow_metrics_read(&run->metrics, path);
    if (status == ELBOW_OK) {
        run->has_metrics = true;
        status = elbow_verify_metrics(&run->metrics, -1, path);
        snprintf(text, sizeof text, "metrics: %zu rows of training, %zu of evaluation, %zu events, %s",
                 run->metrics.train.rows, run->metrics.evaluation.rows, run->metrics.events.rows,
                 elbow_verify_size(size, path));
    }
    return conclude(run, path, began, status, text);
}

typedef struct visiting {
    const char *path, *checkpoint;
    elbow_status status;
    size_t free; /* differences that no bit depends on */
} visiting;

static void visit(void *context, const char *key, elbow_option_role role, const char *here,
                  const char *there) {
    visiting *v = context;
    if (role != ELBOW_OPTION_DEFINES)
        v->free++;
    else if (v->status == ELBOW_OK)
        v->status = elbow_fail(ELBOW_MISMATCH,
                               "%s: %s is %s here and %s in %s; put back what the run was trained with "
                               "(`elbow info --config`)",
                               v->path, key, here, there, v->checkpoint);
}

static elbow_status check_config(run_check *run, const char *path) {
    char text[ELBOW_VERIFY_TEXT] = "config: no checkpoint to compare it with";
    elbow_options *here = NULL, *there = NULL;
    const newest *n = &run->newest;
    double began = elbow_now();
    visiting v = {.path = path, .checkpoint = n->path};
    elbow_status status = elbow_options_create(&here);
    if (status == ELBOW_OK) status = elbow_options_load(here, path);
    if (status == ELBOW_OK && n->path) {
        status = elbow_options_create(&there);
        if (status == ELBOW_OK) status = elbow_options_parse(there, n->config, n->path);
        if (status == ELBOW_OK) {
            elbow_options_compare(here, there, visit, &v);
            status = v.status;
        }
        snprintf(text, sizeof text, "config: that of the newest checkpoint");
        if (v.free > 0)
            snprintf(text, sizeof text,
                     "config: that of the newest checkpoint, but for %zu options that change no bit or the "
                     "length alone",
                     v.free);
    }
    elbow_options_destroy(&here);
    elbow_options_destroy(&there);
    return conclude(run, path, began, status, text);
}

/* The word in the state file; a run that was killed before it had one has "". */
static elbow_status read_state(const run_check *run, char word[WORD_BYTES]) {
    static const char *const known[] = {"running", "stopped", "finished", "failed"};
    char *path = NULL, *bytes = NULL;
    size_t count = 0;
    word[0] = '\0';
    ELBOW_TRY(elbow_path_join(run->directory, "state", &path));
    elbow_status status = elbow_file_read(path, STATE_MOST, &bytes, &count);
    free(path);
    ELBOW_TRY(status);
    snprintf(word, WORD_BYTES, "%.*s", (int)strcspn(bytes, "\n"), bytes);
    free(bytes);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(word, known[i]) == 0) return ELBOW_OK;
    return elbow_fail(
        ELBOW_FORMAT,
        "%s: state is \"%s\", which is none of running, stopped, finished and failed; resume the "
        "run, which writes it anew",
        run->directory, word);
}

/* Whether the newest checkpoint's run was over before its last step: out of patience. */
static bool out_of_patience(const newest *n) {
    elbow_options *options = NULL;
    bool parsed = elbow_options_create(&options) == ELBOW_OK &&
                  elbow_options_parse(options, n->config, n->path) == ELBOW_OK;
    bool over = parsed && options->train.patience > 0 && n->waited >= options->train.patience;
    elbow_options_destroy(&options);
    return over;
}

/* The run as a whole. */
static elbow_status check_whole(run_check *run, double began) {
    char word[WORD_BYTES] = "", text[ELBOW_VERIFY_TEXT], progress[96] = "no checkpoint yet";
    const newest *n = &run->newest;
    elbow_status status = read_state(run, word);
    bool running = strcmp(word, "running") == 0;
    if (n->path)
        snprintf(progress, sizeof progress,
                 "%zu good checkpoint%s, the newest of step %" PRId64 " of %" PRId64, run->checkpoints,
                 run->checkpoints == 1 ? "" : "s", n->step, n->run_steps);
    if (status == ELBOW_OK && n->path == NULL && !running)
        status = elbow_fail(ELBOW_MISMATCH, "%s: %s, and has no good checkpoint; restore one, or start anew",
                            run->directory, word);
    if (status == ELBOW_OK && strcmp(word, "finished") == 0 && n->step < n->run_steps && !out_of_patience(n))
        status = elbow_fail(ELBOW_MISMATCH,
                            "%s: finished by its state, and its newest good checkpoint is of step %" PRId64
                            " of %" PRId64 "; resume it: the same bits come again",
                            run->directory, n->step, n->run_steps);
    if (status == ELBOW_OK && n->path && !run->has_metrics)
        status =
            elbow_fail(ELBOW_MISMATCH,
                       "%s: no good metrics.h5; resume the run, which writes it anew from its checkpoint",
                       run->directory);
    snprintf(text, sizeof text, "run: %s, %s", running ? "running, or killed while it did" : word, progress);
    return conclude(run, run->directory, began, status, text);
}

/* One part of the run by name; absent ones are said where they `must` be. */
static elbow_status check_part(run_check *run, const char *name, bool must,
                               elbow_status (*check)(run_check *run, const char *path)) {
    char *path = NULL;
    ELBOW_TRY(elbow_path_join(run->directory, name, &path));
    elbow_status status = ELBOW_OK;
    if (must || elbow_file_exists(path)) status = check(run, path);
    free(path);
    return status;
}

static elbow_status check_checkpoints(run_check *run, const char *path) {
    return check_folder(run, path, true);
}

elbow_status elbow_verify_run(const elbow_verification *v, const char *directory) {
    run_check run = {.v = v, .directory = directory, .newest = {.best = INFINITY, .recorded = INFINITY}};
    double began = elbow_now();
    elbow_status status = ELBOW_OK;
    /* metrics.h5 first: what is written meanwhile, by a running trainer, is newer in checkpoints. */
    if (status == ELBOW_OK) status = check_part(&run, "metrics.h5", false, check_metrics);
    if (status == ELBOW_OK) status = check_part(&run, "checkpoints", false, check_checkpoints);
    if (status == ELBOW_OK) status = check_part(&run, "checkpoints/best.h5", true, check_best);
    if (status == ELBOW_OK) status = check_part(&run, "config.ini", true, check_config);
    if (status == ELBOW_OK) status = check_folder(&run, directory, false);
    if (status == ELBOW_OK) status = check_whole(&run, began);
    if (run.has_metrics) elbow_metrics_destroy(&run.metrics);
    free(run.newest.path);
    free(run.newest.config);
    return status;
}
