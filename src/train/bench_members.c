#include "train/bench_members.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/team.h"
#include "elbow/base/arena.h"
#include "elbow/train/stop.h"
#include "train/blocks.h"

enum { MOST_ROWS = 1 << 15, LEAST_SAMPLES = 2 }; /* of the decoder; estimators' own least is 1 or 2 */

/* --- the batch --- */

static elbow_status open_data(elbow_bench_subject *s, size_t examples) {
    const elbow_options *options = s->model->options;
    size_t limit = (size_t)options->data.limit;
    ELBOW_TRY(elbow_model_data(&s->dataset, &s->view, s->model, options->data.file));
    s->view.labels = s->view.labelled = 0; /* nobody is told */
    ELBOW_TRY(elbow_view_limit(&s->view, options->data.memory, (size_t)s->world->node_size));
    size_t there = elbow_dataset_count(s->dataset, ELBOW_TRAIN);
    if (limit > 0 && limit < there) there = limit;
    if (examples == 0) examples = (size_t)options->train.batch;
    s->order = (elbow_order_spec){
        .seed = (uint64_t)options->run.seed,
        .shards = 1,
        .examples = there,
        .batch = examples < there ? examples : there,
        .window = strcmp(options->data.shuffle, "window") == 0 ? (size_t)options->data.window : 0};
    ELBOW_TRY(elbow_order_check(&s->order));
    return elbow_loader_create(&s->loader, &s->view, &s->order, 0, 1);
}

/* The first batch of an epoch. */
static elbow_status take_batch(elbow_bench_subject *s) {
    const elbow_vae *vae = s->model->vae;
    const elbow_field *context = elbow_vae_context(vae);
    size_t rows = elbow_order_most_examples(&s->order);
    ELBOW_TRY(elbow_blocks_reserve(&s->batch, &s->view, vae, rows, s->arena));
    ELBOW_TRY(elbow_blocks_reserve(&s->piece, &s->view, vae, rows, s->arena));
    ELBOW_TRY(elbow_blocks_reserve(&s->more, &s->view, vae, rows, s->arena));
    ELBOW_TRY(elbow_examples_reserve(&s->x, s->batch.x.field, rows, s->arena));
    if (context) ELBOW_TRY(elbow_examples_reserve(&s->context, context, rows, s->arena));
    elbow_loader_epoch(s->loader, 0);
    elbow_loader_batch(s->loader, 0, 0, 0, &s->batch);
    ELBOW_TRY(elbow_loader_status(s->loader));
    elbow_examples_from_values(&s->x, 0, &s->batch.x, s->batch.rows);
    if (context) elbow_examples_from_values(&s->context, 0, &s->batch.context, s->batch.rows);
    return ELBOW_OK;
}

static elbow_status find_objective(elbow_bench_subject *s, double temperature) {
    const elbow_checkpoint *checkpoint = s->model->checkpoint;
    const elbow_options *options = s->model->options;
    elbow_schedule beta;
    int64_t steps =
        checkpoint ? checkpoint->run_steps : elbow_run_length(options, (int64_t)elbow_order_steps(&s->order));
    ELBOW_TRY(elbow_schedule_parse(&beta, options->objective.beta));
    s->objective =
        (elbow_objective){.temperature = (real)(temperature > 0 ? temperature : s->model->temperature),
                          .beta = (real)elbow_schedule_value(&beta, checkpoint ? checkpoint->step : 0, steps),
                          .free_bits = (real)options->objective.free_bits,
                          .weight = (real)(1 / (double)s->batch.rows)};
    return ELBOW_OK;
}

elbow_status elbow_bench_subject_create(elbow_bench_subject *s, elbow_world *world, const elbow_model *model,
                                        const elbow_bench_estimators_request *request) {
    *s = (elbow_bench_subject){.world = world, .model = model};
    s->size = elbow_vae_estimator(model->vae).begin;
    s->compared = request->all ? s->size : elbow_vae_split(model->vae);
    ELBOW_TRY(elbow_arena_create(&s->arena));
    ELBOW_TRY(open_data(s, request->examples));
    ELBOW_TRY(take_batch(s));
    ELBOW_TRY(find_objective(s, request->temperature));
    return elbow_team_create(&s->team, (int)model->options->train.threads);
}

void elbow_bench_subject_destroy(elbow_bench_subject *s) {
    elbow_team_destroy(&s->team);
    elbow_loader_destroy(&s->loader);
    elbow_dataset_close(&s->dataset);
    elbow_arena_destroy(&s->arena);
    free(s->gradients);
    *s = (elbow_bench_subject){0};
}

/* --- an estimator --- */

/* What is said of the option without the option, without asides, and without the mend, which is for who wants to train with
 * it. */
static void shorten(char reason[ELBOW_BENCH_REASON], const char *message) {
    const char *text = strstr(message, ": ");
    if (text && strncmp(message, "--set ", 6) != 0)
        text = strstr(text + 2, ": "); /* ORIGIN: OPTION = VALUE: */
    text = text ? text + 2 : message;
    snprintf(reason, ELBOW_BENCH_REASON, "%.*s", (int)strcspn(text, ";("), text);
    for (size_t end = strlen(reason); end > 0 && reason[end - 1] == ' ';) reason[--end] = 0;
}

static elbow_status make_vae(elbow_vae **vae, const elbow_options *options, const elbow_vae *like,
                             const char *name, size_t samples) {
    char assignment[128];
    elbow_options *copy = NULL;
    elbow_status status = elbow_options_copy(&copy, options);
    snprintf(assignment, sizeof assignment, "estimator.name=%.60s", name);
    if (status == ELBOW_OK) status = elbow_options_set(copy, assignment);
    snprintf(assignment, sizeof assignment, "estimator.samples=%zu", samples);
    if (status == ELBOW_OK) status = elbow_options_set(copy, assignment);
    if (status == ELBOW_OK)
        status = elbow_vae_create(vae, copy, elbow_vae_field(like), elbow_vae_context(like));
    elbow_options_destroy(&copy);
    return status;
}

/* --set may ask for another model than the checkpoint's. */
static elbow_status check_layout(const elbow_bench_subject *s, const elbow_vae *vae) {
    const elbow_params *have = elbow_vae_params(s->model->vae), *want = elbow_vae_params(vae);
    bool same = elbow_vae_estimator(vae).begin == s->size;
    for (size_t i = 0; same && i < have->tensor_count && have->tensors[i].offset < s->size; i++) {
        const elbow_tensor *a = &have->tensors[i], *b = &want->tensors[i];
        same = i < want->tensor_count && strcmp(a->name, b->name) == 0 && a->offset == b->offset &&
               a->dims == b->dims && memcmp(a->shape, b->shape, a->dims * sizeof *a->shape) == 0;
    }
    ELBOW_CHECK(same, ELBOW_MISMATCH,
                "%s: --set asks for other parameters than it has; leave [model] as it was trained",
                s->model->file ? s->model->file : "the model");
    return ELBOW_OK;
}

static bool same_tensor(const elbow_tensor *a, const elbow_tensor *b) {
    return a->dims == b->dims && memcmp(a->shape, b->shape, a->dims * sizeof *a->shape) == 0;
}

/* The model's weights; an estimator's own from the checkpoint, where it was trained by the same. */
static elbow_status fill_parameters(elbow_bench_member *member, elbow_bench_estimator *row) {
    const elbow_bench_subject *s = member->subject;
    const elbow_params *layout = elbow_vae_params(member->vae);
    const elbow_checkpoint *checkpoint = s->model->checkpoint;
    ELBOW_TRY(elbow_aligned_reals(layout->size, &member->parameters));
    elbow_params_initialize(layout, s->order.seed, member->parameters);
    memcpy(member->parameters, s->model->parameters, s->size * sizeof(real));
    row->own = row->tuned = 0;
    for (size_t i = 0; i < layout->tensor_count; i++) {
        const elbow_tensor *tensor = &layout->tensors[i], *there = NULL;
        if (tensor->offset < s->size) continue;
        row->own += tensor->count;
        if (checkpoint) there = elbow_params_find(checkpoint->layout, tensor->name);
        if (there == NULL || !same_tensor(tensor, there)) continue;
        memcpy(member->parameters + tensor->offset, checkpoint->parameters + there->offset,
               tensor->count * sizeof(real));
        row->tuned += tensor->count;
    }
    return ELBOW_OK;
}

static elbow_status reserve(elbow_bench_member *member) {
    elbow_bench_subject *s = member->subject;
    size_t draws = elbow_vae_estimator(member->vae).draws, size = elbow_vae_params(member->vae)->size;
    size_t rows = MOST_ROWS / draws > 0 ? MOST_ROWS / draws : 1, most = elbow_order_most_examples(&s->order);
    member->rows = rows < most ? rows : most;
    ELBOW_TRY(elbow_vae_reserve(member->vae, member->rows, true));
    if (size <= s->gradient_room) return ELBOW_OK;
    free(s->gradients);
    s->gradient_room = 0;
    ELBOW_TRY(elbow_aligned_reals(size, &s->gradients));
    s->gradient_room = size;
    return ELBOW_OK;
}

elbow_status elbow_bench_member_create(elbow_bench_member *member, elbow_bench_subject *subject,
                                       const char *name, size_t samples, elbow_bench_estimator *row) {
    const elbow_model *model = subject->model;
    *member = (elbow_bench_member){.subject = subject, .purpose = "bench."};
    *row = (elbow_bench_estimator){.name = name, .finite = true};
    elbow_status status = ELBOW_USAGE;
    size_t most = samples > 0 ? samples : LEAST_SAMPLES;
    for (size_t S = samples > 0 ? samples : 1; S <= most && status == ELBOW_USAGE; S++) {
        row->samples = S;
        status = make_vae(&member->vae, model->options, model->vae, name, S);
    }
    if (status == ELBOW_USAGE) { /* no failure: it is for other models */
        shorten(row->reason, elbow_error_message());
        return ELBOW_OK;
    }
    ELBOW_TRY(status);
    ELBOW_TRY_OR_DONE(check_layout(subject, member->vae));
    ELBOW_TRY_OR_DONE(fill_parameters(member, row));
    ELBOW_TRY_OR_DONE(reserve(member));
    row->unbiased = elbow_vae_estimator(member->vae).unbiased;
done:
    if (status != ELBOW_OK) elbow_bench_member_destroy(member);
    return status;
}

void elbow_bench_member_destroy(elbow_bench_member *member) {
    elbow_vae_destroy(&member->vae);
    free(member->parameters);
    *member = (elbow_bench_member){0};
}

/* --- gradients --- */

/* Into subject->gradients, from zero: of a batch's gradient so far. */
static void add_gradient(elbow_bench_member *member, const elbow_batch *batch, size_t first, uint64_t step,
                         const char *purpose) {
    elbow_bench_subject *s = member->subject;
    elbow_terms terms;
    const elbow_pass pass = {.parameters = member->parameters,
                             .gradients = s->gradients,
                             .seed = s->order.seed,
                             .step = step,
                             .example = (uint32_t)first,
                             .purpose = purpose,
                             .team = s->team};
    elbow_vae_encode(member->vae, &pass, batch);
    elbow_vae_estimate(member->vae, &pass, &s->objective, &terms);
    elbow_vae_encode_backward(member->vae, &pass, NULL);
    const elbow_estimator_view seen = elbow_vae_estimator(member->vae);
    member->forward += seen.forward;
    member->backward += seen.backward;
}

/* Of as many examples at a time as the member has room for. */
static void find_gradient(elbow_bench_member *member, const elbow_batch *batch, uint64_t step,
                          const char *purpose) {
    elbow_bench_subject *s = member->subject;
    memset(s->gradients, 0, elbow_vae_params(member->vae)->size * sizeof *s->gradients);
    if (member->rows >= batch->rows) {
        add_gradient(member, batch, 0, step, purpose);
        return;
    }
    for (size_t first = 0; first < batch->rows; first += member->rows) {
        size_t left = batch->rows - first;
        s->piece.rows = left < member->rows ? left : member->rows;
        elbow_values_from_examples(&s->piece.x, &s->x, first, s->piece.rows);
        if (s->context.field)
            elbow_values_from_examples(&s->piece.context, &s->context, first, s->piece.rows);
        add_gradient(member, &s->piece, first, step, purpose);
    }
}

const real *elbow_bench_member_draw(void *context, size_t draw) {
    elbow_bench_member *member = context;
    find_gradient(member, &member->subject->batch, draw, member->purpose);
    return member->subject->gradients;
}

elbow_status elbow_bench_member_tune(elbow_bench_member *member, size_t steps,
                                     void (*progress)(const char *what, size_t done, size_t of)) {
    elbow_bench_subject *s = member->subject;
    const elbow_estimator_view estimator = elbow_vae_estimator(member->vae);
    size_t size = elbow_vae_params(member->vae)->size, epoch_steps = elbow_order_steps(&s->order);
    double least = 0, rate = 0;
    elbow_options *options = NULL;
    elbow_optimizer *optimizer = NULL;
    elbow_schedule schedule;
    ELBOW_CHECK(member->rows >= elbow_order_most_examples(&s->order), ELBOW_USAGE,
                "%s has %zu draws an example, too many to learn by; leave out --tune", estimator.name,
                estimator.draws);
    ELBOW_TRY(elbow_options_copy(&options, s->model->options));
    elbow_status status = elbow_options_set(options, "optimizer.name=adam");
    if (status == ELBOW_OK) status = elbow_options_set(options, "optimizer.weight_decay=0");
    if (status == ELBOW_OK) status = elbow_schedule_parse(&schedule, options->optimizer.learning_rate);
    if (status == ELBOW_OK) status = elbow_optimizer_create(&optimizer, options, estimator.begin, size);
    if (status == ELBOW_OK) elbow_schedule_range(&schedule, (int64_t)steps, &least, &rate);
    for (size_t t = 0; status == ELBOW_OK && t < steps; t++) {
        elbow_loader_epoch(s->loader, t / epoch_steps);
        elbow_loader_batch(s->loader, 0, t % epoch_steps, t, &s->more);
        status = elbow_loader_status(s->loader);
        if (status != ELBOW_OK) break;
        find_gradient(member, &s->more, t, "bench.tune.");
        elbow_optimizer_step(optimizer, (int64_t)t + 1, rate, 1, s->gradients + estimator.begin,
                             member->parameters + estimator.begin);
        if (progress) progress("learning of its own parameters", t + 1, steps);
        const char *reason = elbow_stop_reason(NULL, NULL, 0);
        if (reason) status = elbow_fail(ELBOW_STOPPED, "stopped by %s", reason);
    }
    elbow_optimizer_destroy(&optimizer);
    elbow_options_destroy(&options);
    return status;
}
