#include "train/resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "elbow/base/log.h"

elbow_status elbow_run_find(elbow_checkpoint **checkpoint, const char *directory) {
    char *checkpoints = NULL, *file = NULL;
    *checkpoint = NULL;
    ELBOW_TRY(elbow_checkpoint_find(checkpoint, &file, directory));
    free(file);
    elbow_status status = elbow_path_join(directory, "checkpoints", &checkpoints);
    if (status == ELBOW_OK && !elbow_file_is_directory(checkpoints))
        status = elbow_fail(
            ELBOW_FORMAT,
            "%s is not the directory of a run; give that, or start a new run from the checkpoint by --from",
            directory);
    free(checkpoints);
    if (status != ELBOW_OK) elbow_checkpoint_destroy(checkpoint);
    return status;
}

static bool holds(const char *directory, const char *name) {
    char *path = NULL;
    bool there = elbow_path_join(directory, name, &path) == ELBOW_OK && elbow_file_exists(path);
    free(path);
    return there;
}

bool elbow_run_is_there(const char *directory) {
    return holds(directory, "config.ini") && holds(directory, "checkpoints");
}

elbow_status elbow_resume_shards(elbow_run *run, const elbow_checkpoint *checkpoint) {
    int64_t shards = checkpoint ? checkpoint->shards : (int64_t)run->world->size;
    ELBOW_TRY(elbow_world_broadcast(run->world, &shards, sizeof shards, 0));
    if (run->options->parallel.shards == 0) run->options->parallel.shards = shards;
    return ELBOW_OK;
}

/* What a comparison of options has met. */
typedef struct differences {
    size_t refused;
    char first[512]; /* the first that is refused */
} differences;

static void visit(void *context, const char *key, elbow_option_role role, const char *stored,
                  const char *now) {
    differences *found = context;
    if (role != ELBOW_OPTION_DEFINES) {
        elbow_notice("  changed  %s: %s → %s", key, stored, now);
        return;
    }
    if (found->refused++ == 0)
        snprintf(found->first, sizeof found->first, "%s = %s (the run has %s)", key, now, stored);
}

static elbow_status check_options(const elbow_run *run, const elbow_checkpoint *checkpoint,
                                  const char *subject) {
    elbow_options *stored = NULL;
    differences found = {0};
    elbow_status status = elbow_options_create(&stored);
    if (status == ELBOW_OK) status = elbow_options_parse(stored, checkpoint->config, subject);
    if (status == ELBOW_OK) elbow_options_compare(stored, run->options, visit, &found);
    elbow_options_destroy(&stored);
    ELBOW_TRY(status);
    ELBOW_CHECK(
        found.refused == 0, ELBOW_MISMATCH,
        "%s: %s%s; options that define a run stay as they are: leave them, or start a new run with --out "
        "and --from %s",
        subject, found.first, found.refused > 1 ? " and others differ" : " differs", subject);
    return ELBOW_OK;
}

/* What another length means for the schedules that span the run. */
static void say_extension(const elbow_run *run, const elbow_checkpoint *checkpoint) {
    const struct {
        const char *key;
        const elbow_schedule *schedule;
    } scheduled[] = {
        {"estimator.temperature", &run->temperature},
        {"objective.beta", &run->beta},
        {"optimizer.learning_rate", &run->learning_rate},
    };
    if (checkpoint->run_steps == run->run_steps) return;
    elbow_notice("  length   %lld steps → %lld", (long long)checkpoint->run_steps, (long long)run->run_steps);
    size_t spanning = 0;
    for (size_t i = 0; i < sizeof scheduled / sizeof *scheduled; i++) {
        if (!elbow_schedule_spans_run(scheduled[i].schedule)) continue;
        double was = elbow_schedule_value(scheduled[i].schedule, checkpoint->step, checkpoint->run_steps);
        double is = elbow_schedule_value(scheduled[i].schedule, checkpoint->step, run->run_steps);
        elbow_warn("%s spans the run: at step %lld it goes from %.4g to %.4g; a run of %lld steps from the "
                   "beginning would have other weights (give the schedule steps=N to fix its length)",
                   scheduled[i].key, (long long)checkpoint->step, was, is, (long long)run->run_steps);
        spanning++;
    }
    if (spanning == 0)
        elbow_notice(
            "           no schedule spans the run: the same bits as a run of that length from the beginning");
}

/* Bits depend on these; ranks, nodes and host do not matter. */
static void compare_facts(const elbow_facts *then, const elbow_facts *now) {
    const struct {
        const char *what, *then, *now;
    } facts[] = {
        {"build", then->build, now->build},
        {"instruction set", then->instruction_set, now->instruction_set},
        {"BLAS", then->blas, now->blas},
    };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        if (strcmp(facts[i].then, facts[i].now) != 0)
            elbow_warn(
                "the %s changed: %s → %s; from here on the bits may not be those of an undisturbed run",
                facts[i].what, facts[i].then, facts[i].now);
}

elbow_status elbow_resume_check(elbow_run *run, const elbow_checkpoint *checkpoint, const char *subject) {
    if (run->world->rank != 0) return ELBOW_OK;
    ELBOW_CHECK(strcmp(checkpoint->data_checksum, run->data_checksum) == 0, ELBOW_MISMATCH,
                "%s was trained on other data (checksum %s) than %s (%s); set data.file to the file it was "
                "trained on",
                subject, checkpoint->data_checksum, elbow_dataset_path(run->dataset), run->data_checksum);
    const char *slash = strrchr(checkpoint->file, '/');
    elbow_notice("resuming %s at step %lld, from %s (digest %s)", subject, (long long)checkpoint->step,
                 slash ? slash + 1 : checkpoint->file, checkpoint->digest);
    ELBOW_TRY(check_options(run, checkpoint, subject));
    ELBOW_CHECK(checkpoint->step <= run->run_steps, ELBOW_USAGE,
                "%s is at step %lld, past the %lld that train.epochs and train.steps ask for; ask for more",
                subject, (long long)checkpoint->step, (long long)run->run_steps);
    say_extension(run, checkpoint);
    compare_facts(&checkpoint->facts, &run->facts);
    return ELBOW_OK;
}
