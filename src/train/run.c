#include "elbow/train/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/team.h"
#include "elbow/base/arena.h"
#include "elbow/base/log.h"
#include "elbow/train/evaluate.h"
#include "elbow/train/step.h"
#include "store/saver.h"
#include "train/average.h"
#include "train/facts.h"
#include "train/fault.h"
#include "train/memory.h"
#include "train/pace.h"
#include "train/pulse.h"
#include "train/restore.h"
#include "train/resume.h"
#include "train/unread.h"
#include "vae/likelihood.h"
#include "vae/variance.h"

int64_t elbow_run_length(const elbow_options *options, int64_t epoch_steps) {
    int64_t epochs = options->train.epochs, steps = options->train.steps;
    int64_t by_epochs = epochs > INT64_MAX / epoch_steps ? INT64_MAX : epochs * epoch_steps;
    if (epochs == 0) return steps;
    return steps > 0 && steps < by_epochs ? steps : by_epochs;
}

/* A schedule's text, and that its values over the run are not negative (and not 0 where they divide). */
static elbow_status parse_schedule(elbow_schedule *schedule, const char *text, bool positive,
                                   int64_t run_steps) {
    double least = 0, most = 0;
    ELBOW_TRY(elbow_schedule_parse(schedule, text));
    elbow_schedule_range(schedule, run_steps, &least, &most);
    least = fmin(least, elbow_schedule_value(schedule, run_steps, run_steps)); /* the last evaluation's */
    ELBOW_CHECK(least > 0 || (least == 0 && !positive), ELBOW_USAGE,
                "it is %g %sin a run of %lld steps; keep it %s 0", least, least < most ? "at its least " : "",
                (long long)run_steps, positive ? "above" : "at or above");
    return ELBOW_OK;
}

/* The schedules of a run of that many steps, with the option to blame for each. */
static elbow_status parse_schedules(const elbow_options *options, int64_t run_steps,
                                    elbow_schedule *temperature, elbow_schedule *beta,
                                    elbow_schedule *learning_rate) {
    const struct {
        const char *key, *text;
        elbow_schedule *schedule;
        bool positive;
    } scheduled[] = {
        {"estimator.temperature", options->estimator.temperature, temperature, true},
        {"objective.beta", options->objective.beta, beta, false},
        {"optimizer.learning_rate", options->optimizer.learning_rate, learning_rate, false},
    };
    for (size_t i = 0; i < sizeof scheduled / sizeof *scheduled; i++) {
        elbow_status status =
            parse_schedule(scheduled[i].schedule, scheduled[i].text, scheduled[i].positive, run_steps);
        if (status != ELBOW_OK) return elbow_options_blame(options, scheduled[i].key, status);
    }
    return ELBOW_OK;
}

static void warn_unread(void *context, const char *text) {
    (void)context;
    elbow_warn("%s", text);
}

/* With an optimizer the field is what will be trained on, so that what nothing reads is worth a word. */
static elbow_status try_model(const elbow_options *options, const elbow_field *field,
                              const elbow_field *context, const elbow_optimizer *optimizer) {
    elbow_vae *vae = NULL;
    elbow_status status = elbow_vae_create(&vae, options, field, context);
    if (status == ELBOW_OK && optimizer != NULL)
        status = elbow_unread_find(options, vae, optimizer, warn_unread, NULL);
    elbow_vae_destroy(&vae);
    return status;
}

/* Where no data say what examples are, a model that can be made of some kind of them is no mistake. */
static elbow_status try_stand_ins(const elbow_options *options) {
    char *words[] = {"0", "1"}, *symbols[] = {"", "A", "C", "G"};
    elbow_column columns[] = {{.name = "a", .cardinality = 2, .words = words},
                              {.name = "b", .cardinality = 2, .words = words},
                              {.name = "c", .scale = 1},
                              {.name = "d", .scale = 1}};
    const elbow_field fields[] = {
        {.kind = ELBOW_IMAGE, .height = 28, .width = 28, .channels = 1, .dimensions = 784, .maximum = 255},
        {.kind = ELBOW_TABLE, .dimensions = 2, .columns = columns},
        {.kind = ELBOW_TABLE, .dimensions = 2, .columns = columns + 2},
        {.kind = ELBOW_TABLE, .dimensions = 4, .columns = columns},
        {.kind = ELBOW_SEQUENCE, .dimensions = 16, .vocabulary = 4, .symbols = symbols, .terminated = true}};
    const char *context = options->data.context;
    const elbow_field *given = strcmp(context, "none") == 0 ? NULL : &fields[1];
    char name[64], known[256];
    elbow_status status = try_model(options, &fields[0], given, NULL); /* also where the name is unknown */
    if (status != ELBOW_OK && strcmp(context, "context") == 0)
        status = try_model(options, &fields[0], &fields[0], NULL); /* as layers of images want it */
    snprintf(name, sizeof name, "%.*s", (int)strcspn(options->model.likelihood, " \t"),
             options->model.likelihood);
    for (size_t i = 1; i < sizeof fields / sizeof *fields && status != ELBOW_OK; i++) {
        elbow_likelihood_list(&fields[i], known, sizeof known);
        if (strstr(known, name) != NULL) status = try_model(options, &fields[i], given, NULL);
    }
    return status;
}

elbow_status elbow_train_check(const elbow_options *options, const elbow_field *field,
                               const elbow_field *context) {
    elbow_schedule temperature, beta, learning_rate;
    elbow_binarize binarize;
    elbow_optimizer *optimizer = NULL;
    elbow_variance variance;
    ELBOW_TRY(elbow_binarize_find(options->data.binarize, &binarize));
    ELBOW_TRY(elbow_pace_check(options));
    ELBOW_CHECK(options->train.epochs > 0 || options->train.steps > 0, ELBOW_USAGE,
                "train.epochs and train.steps are both 0: nothing to do; set one of them");
    ELBOW_CHECK(
        options->parallel.shards <= options->train.batch, ELBOW_USAGE,
        "parallel.shards = %lld is more than train.batch = %lld: a shard would have no example in a step; "
        "make the batch larger or the shards fewer",
        (long long)options->parallel.shards, (long long)options->train.batch);
    if (strcmp(options->train.nonfinite, "rollback") == 0 && options->checkpoint.every_steps == 0)
        return elbow_options_blame(
            options, "train.nonfinite",
            elbow_fail(ELBOW_USAGE,
                       "it goes back to the checkpoints of checkpoint.every_steps, which is 0: set "
                       "that too (1000, say), or choose skip"));
    /* How many steps an epoch has, only the data says: at least one. */
    ELBOW_TRY(parse_schedules(options, elbow_run_length(options, 1), &temperature, &beta, &learning_rate));
    ELBOW_TRY(elbow_variance_create(&variance, 0, options, NULL)); /* whatever the likelihood */
    ELBOW_TRY(elbow_optimizer_create(&optimizer, options, 0, 0));
    elbow_status status = field ? try_model(options, field, context, optimizer) : try_stand_ins(options);
    elbow_optimizer_destroy(&optimizer);
    return status;
}

/* Data, order and length: what needs no model. Collective only in its end. */
static elbow_status open_data(elbow_run *run) {
    const elbow_options *options = run->options;
    ELBOW_CHECK(options->data.file[0] != 0, ELBOW_USAGE,
                "data.file is not set; import data with `elbow import` and add --set data.file=FILE");
    ELBOW_TRY(elbow_dataset_open(&run->dataset, options->data.file));
    ELBOW_TRY(elbow_view_create(&run->view, run->dataset, options->data.binarize, options->data.context));
    ELBOW_TRY(elbow_view_limit(&run->view, options->data.memory, (size_t)run->world->node_size));
    ELBOW_TRY(
        elbow_view_label(&run->view, options->data.labels, options->train.labelled, options->train.batch));
    ELBOW_TRY(elbow_train_check(options, elbow_dataset_field(run->dataset, ELBOW_X),
                                elbow_view_context(&run->view)));
    if (options->train.patience > 0 && elbow_dataset_count(run->dataset, ELBOW_VALID) == 0 &&
        elbow_dataset_count(run->dataset, ELBOW_TEST) == 0)
        return elbow_options_blame(options, "train.patience",
                                   elbow_fail(ELBOW_USAGE,
                                              "%s has neither a valid nor a test split, and nothing is "
                                              "evaluated that could be waited for; leave it 0",
                                              elbow_dataset_path(run->dataset)));
    size_t examples = elbow_dataset_count(run->dataset, ELBOW_TRAIN), limit = (size_t)options->data.limit;
    run->order = (elbow_order_spec){
        .seed = (uint64_t)options->run.seed,
        .shards = (size_t)options->parallel.shards,
        .examples = limit > 0 && limit < examples ? limit : examples,
        .batch = (size_t)options->train.batch,
        .window = strcmp(options->data.shuffle, "window") == 0 ? (size_t)options->data.window : 0,
    };
    if (run->order.batch > run->order.examples) run->order.batch = run->order.examples;
    ELBOW_TRY(elbow_order_check(&run->order));
    run->epoch_steps = (int64_t)elbow_order_steps(&run->order);
    run->run_steps = elbow_run_length(options, run->epoch_steps);
    ELBOW_TRY(parse_schedules(options, run->run_steps, &run->temperature, &run->beta, &run->learning_rate));
    snprintf(run->data_checksum, sizeof run->data_checksum, "%s", elbow_dataset_checksum(run->dataset));
    return ELBOW_OK;
}

/* The label latent has a category for each class of the data. */
static elbow_status check_classes(const elbow_run *run) {
    const elbow_field *labels = elbow_view_labels(&run->view);
    if (labels == NULL || labels->columns[0].cardinality == elbow_vae_classes(run->vae)) return ELBOW_OK;
    return elbow_options_blame(run->options, "model.latent",
                               elbow_fail(ELBOW_MISMATCH,
                                          "the first group, of the top layer, is the label (data.labels), "
                                          "with %zu categories, and %s has %zu classes; "
                                          "make it `categorical 1x%zu`",
                                          elbow_vae_classes(run->vae), elbow_dataset_path(run->dataset),
                                          labels->columns[0].cardinality, labels->columns[0].cardinality));
}

static elbow_status reserve_model(elbow_run *run) {
    size_t rows = elbow_view_most_rows(&run->view, &run->order);
    const elbow_field *labels = elbow_view_labels(&run->view);
    _Static_assert((int)ELBOW_VAE_EVALUATION_ROWS >= (int)ELBOW_EVALUATE_BLOCK,
                   "evaluation takes whole blocks");
    ELBOW_TRY(elbow_vae_reserve(run->vae, rows, true));
    ELBOW_TRY(elbow_arena_create(&run->arena));
    ELBOW_TRY(elbow_batch_reserve(&run->batch, elbow_vae_field(run->vae), elbow_vae_context(run->vae), rows,
                                  run->arena));
    return labels ? elbow_batch_reserve_labels(&run->batch, labels, rows, run->arena) : ELBOW_OK;
}

static elbow_status create_saver(elbow_run *run) {
    if (run->world->rank != 0) return ELBOW_OK;
    return elbow_saver_create(&run->saver, run->directory, elbow_vae_params(run->vae));
}

/* The parts that depend on how shards and parameters fall on ranks. */
static elbow_status create_parts(elbow_run *run) {
    elbow_world *world = run->world;
    const elbow_options *options = run->options;
    size_t prior_begin = 0, prior_end = 0;
    size_t first = 0, count = 0, begin = 0, end = 0;
    ELBOW_TRY_ALL(world, elbow_vae_create(&run->vae, options, elbow_dataset_field(run->dataset, ELBOW_X),
                                          elbow_view_context(&run->view)));
    ELBOW_TRY_ALL(world, check_classes(run));
    elbow_exchange_spec spec = {
        .name = options->parallel.allreduce,
        .replica = options->parallel.replica,
        .node_ranks = (size_t)options->parallel.node_ranks,
        .shards = run->order.shards,
        .size = elbow_vae_params(run->vae)->size,
    };
    ELBOW_TRY(elbow_exchange_create(&run->exchange, world, &spec));
    elbow_exchange_shards(run->exchange, &first, &count);
    elbow_exchange_owned(run->exchange, &begin, &end);
    ELBOW_TRY_ALL(world, reserve_model(run));
    ELBOW_TRY_ALL(world, elbow_team_create(&run->team, (int)options->train.threads));
    ELBOW_TRY_ALL(world, elbow_optimizer_create(&run->optimizer, options, begin, end));
    elbow_optimizer_share(run->optimizer, run->team);
    elbow_vae_prior_range(run->vae, &prior_begin, &prior_end);
    elbow_optimizer_pace(run->optimizer, prior_begin, prior_end, options->optimizer.prior_rate);
    ELBOW_TRY_ALL(world, elbow_loader_create(&run->loader, &run->view, &run->order, first, count));
    ELBOW_TRY_ALL(world, elbow_summary_create(&run->summary, run));
    ELBOW_TRY_ALL(world, elbow_metrics_create(&run->metrics));
    ELBOW_TRY_ALL(world, create_saver(run));
    for (elbow_split split = ELBOW_VALID; split < ELBOW_SPLITS; split++) {
        if (elbow_dataset_count(run->dataset, split) == 0) continue;
        ELBOW_TRY(elbow_evaluator_create(&run->evaluators[split], world, &run->view, split, run->vae,
                                         run->order.seed));
        elbow_evaluator_beats(run->evaluators[split], run->pulse);
    }
    return ELBOW_OK;
}

/* Rank 0 makes the directory of a run and its config. */
static elbow_status make_directory(const elbow_run *run, const elbow_start *start) {
    elbow_status status = ELBOW_OK;
    char *path = NULL, *text = NULL;
    if (run->world->rank != 0 || run->directory[0] == 0) return ELBOW_OK;
    if (start->out != NULL) {
        bool there = start->reuse && elbow_file_is_directory(run->directory);
        ELBOW_CHECK(elbow_file_is_directory(run->directory) || !elbow_file_exists(run->directory),
                    ELBOW_USAGE, "%s exists and is no directory; choose another --out", run->directory);
        ELBOW_CHECK(there || !elbow_file_exists(run->directory) || elbow_run_is_there(run->directory),
                    ELBOW_USAGE, "%s exists and holds no run; choose another --out, or remove it",
                    run->directory);
        ELBOW_CHECK(there || !elbow_file_exists(run->directory), ELBOW_USAGE,
                    "%s exists; choose another --out, or go on with that run by --resume %s", run->directory,
                    run->directory);
        ELBOW_TRY(elbow_directory_make(run->directory, true));
    }
    static const char *const folders[] = {"checkpoints", "pictures"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        free(path);
        path = NULL;
        ELBOW_TRY_OR_DONE(elbow_path_join(run->directory, folders[i], &path));
        ELBOW_TRY_OR_DONE(elbow_directory_make(path, false));
    }
    free(path);
    path = NULL;
    ELBOW_TRY_OR_DONE(elbow_path_join(run->directory, "config.ini", &path));
    ELBOW_TRY_OR_DONE(elbow_options_dump(run->options, true, &text));
    ELBOW_TRY_OR_DONE(elbow_file_replace(path, text, strlen(text)));
done:
    free(path);
    free(text);
    return status;
}

elbow_status elbow_run_write_state(const elbow_run *run, const char *word, const char *reason) {
    char text[2048], *path = NULL;
    if (run->world->rank != 0) return ELBOW_OK;
    int length = snprintf(text, sizeof text, "%s\n%s\n", word, reason);
    if (length < 0 || (size_t)length >= sizeof text) length = (int)sizeof text - 1;
    ELBOW_TRY(elbow_path_join(run->directory, "state", &path));
    elbow_status status = elbow_file_replace(path, text, (size_t)length);
    free(path);
    return status;
}

/* Before a resumed run changes anything: that it may write where it was. Rank 0's. */
static elbow_status prove_place(const elbow_run *run) {
    size_t room = 0;
    return run->world->rank == 0 ? elbow_checkpoint_probe(run->directory, 0, false, &room) : ELBOW_OK;
}

/* Weights at the beginning: initialised, of another run, or where this run stopped. */
static elbow_status begin(elbow_run *run, const elbow_start *start, elbow_checkpoint *checkpoint) {
    if (start->resume) {
        ELBOW_TRY_ALL(run->world, elbow_resume_check(run, checkpoint, start->resume));
        ELBOW_TRY_ALL(run->world, prove_place(run));
        return elbow_run_restore(run, checkpoint, start->resume);
    }
    if (start->from) {
        ELBOW_TRY(elbow_run_restore_model(run, checkpoint, start->weights, start->from));
    } else {
        if (run->world->rank == 0)
            elbow_params_initialize(elbow_vae_params(run->vae), run->order.seed,
                                    elbow_exchange_parameters(run->exchange));
        ELBOW_TRY(elbow_exchange_spread(run->exchange));
    }
    elbow_average_begin(run);
    return ELBOW_OK;
}

static elbow_status set_up(elbow_run *run, const elbow_start *start) {
    ELBOW_TRY_ALL(run->world, elbow_faults_create(&run->faults, run->world->rank));
    if (run->directory[0] != 0)
        ELBOW_TRY(elbow_pulse_create(&run->pulse, run->world, run->options->parallel.timeout));
    ELBOW_TRY(elbow_resume_shards(run, start->resume ? start->checkpoint : NULL));
    ELBOW_TRY_ALL(run->world, open_data(run));
    ELBOW_TRY(elbow_world_same(run->world, run->data_checksum, "training data (by checksum)",
                               "give data.file as a path that means the same file on every node"));
    ELBOW_TRY(elbow_facts_agree(run));
    ELBOW_TRY(create_parts(run));
    ELBOW_TRY(elbow_memory_warn(run));
    ELBOW_TRY(begin(run, start, start->checkpoint));
    return elbow_world_agree(run->world, make_directory(run, start));
}

elbow_status elbow_run_create(elbow_run **out, elbow_world *world, elbow_options *options,
                              elbow_start *start) {
    const char *directory = start->resume ? start->resume : start->out;
    elbow_run *run = calloc(1, sizeof *run);
    if (run != NULL) run->directory = strdup(directory ? directory : "");
    bool made = run != NULL && run->directory != NULL;
    elbow_status status =
        elbow_world_agree(world, made ? ELBOW_OK : elbow_fail(ELBOW_MEMORY, "no memory for a run"));
    if (status == ELBOW_OK) {
        run->world = world;
        run->options = options;
        run->born = elbow_now();
        run->saved_step = run->tried_step = run->saving_step = run->previous_step = -1;
        run->suspect.step = run->checked_step = -1;
        run->best = INFINITY;
        status = set_up(run, start);
    } else {
        elbow_options_destroy(&options);
    }
    if (status != ELBOW_OK) elbow_run_destroy(&run);
    elbow_checkpoint_destroy(&start->checkpoint);
    *out = run;
    return status;
}

void elbow_run_destroy(elbow_run **out) {
    elbow_run *run = *out;
    if (run == NULL) return;
    elbow_pulse_destroy(&run->pulse);
    for (int split = 0; split < ELBOW_SPLITS; split++) elbow_evaluator_destroy(&run->evaluators[split]);
    elbow_saver_destroy(&run->saver); /* first: it may be writing still, and needs the layout */
    elbow_metrics_destroy(&run->metrics);
    elbow_summary_destroy(&run->summary);
    elbow_loader_destroy(&run->loader);
    elbow_optimizer_destroy(&run->optimizer);
    elbow_exchange_destroy(&run->exchange);
    elbow_vae_destroy(&run->vae);
    elbow_dataset_close(&run->dataset);
    elbow_options_destroy(&run->options);
    free(run->directory);
    free(run->advice);
    elbow_faults_destroy(&run->faults);
    elbow_team_destroy(&run->team);
    elbow_arena_destroy(&run->arena);
    free(run);
    *out = NULL;
}
