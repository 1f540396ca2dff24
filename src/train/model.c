#include "elbow/train/model.h"

#include <stdlib.h>
#include <string.h>

#include "elbow/base/arena.h"
#include "elbow/base/log.h"
#include "elbow/optim/schedule.h"
#include "elbow/train/evaluate.h"
#include "elbow/train/run.h"
#include "math/gemm.h"

/* The model of the checkpoint's fields. */
static elbow_status create_vae(elbow_model *model) {
    elbow_field x, context;
    bool given = false;
    ELBOW_TRY(elbow_checkpoint_get_field(model->checkpoint, &x, model->file));
    elbow_status status = elbow_checkpoint_get_context(model->checkpoint, &context, &given, model->file);
    if (status == ELBOW_OK)
        status = elbow_vae_create(&model->vae, model->options, &x, given ? &context : NULL);
    elbow_field_destroy(&x);
    elbow_field_destroy(&context);
    return status;
}

/* What needs no other rank, once the file is chosen. */
static elbow_status read_model(elbow_model *model, const char *weights) {
    const real *values = NULL;
    bool averaged = false;
    elbow_schedule temperature;
    elbow_checkpoint *checkpoint = NULL;
    ELBOW_TRY(elbow_checkpoint_read(&model->checkpoint, model->file));
    checkpoint = model->checkpoint;
    ELBOW_TRY(elbow_options_create(&model->options));
    ELBOW_TRY(elbow_options_parse(model->options, checkpoint->config, model->file));
    elbow_blas_set_threads((int)model->options->train.threads); /* they change the rounding of products */
    ELBOW_TRY(create_vae(model));
    ELBOW_TRY(elbow_vae_reserve(model->vae, ELBOW_EVALUATE_BLOCK, false));
    const elbow_params *layout = elbow_vae_params(model->vae);
    ELBOW_TRY(elbow_aligned_reals(layout->size, &model->parameters));
    ELBOW_TRY(elbow_checkpoint_weights(checkpoint, weights, &values, &averaged, model->file));
    model->words = averaged ? ", average of the weights" : "";
    ELBOW_TRY(elbow_checkpoint_map(checkpoint->layout, values, layout, model->parameters, model->file));
    ELBOW_TRY(elbow_schedule_parse(&temperature, model->options->estimator.temperature));
    model->temperature = elbow_schedule_value(&temperature, checkpoint->step, checkpoint->run_steps);
    return ELBOW_OK;
}

/* Rank 0 decides which file, so that ranks that see a directory at different moments open the same. */
static elbow_status choose_file(elbow_model *model, elbow_world *world, const char *path) {
    elbow_status status = ELBOW_OK;
    size_t bytes = 0;
    if (world->rank == 0) {
        status = elbow_checkpoint_resolve(path, &model->file);
        if (status == ELBOW_OK) bytes = strlen(model->file) + 1;
    }
    ELBOW_TRY_ALL(world, status);
    void *copy = model->file;
    status = elbow_world_broadcast_new(world, &copy, &bytes, 0);
    model->file = copy;
    return status;
}

static elbow_status make_model(elbow_model **out, elbow_world *world) {
    *out = calloc(1, sizeof **out);
    return elbow_world_agree(world, *out ? ELBOW_OK : elbow_fail(ELBOW_MEMORY, "no memory for a model"));
}

static elbow_status same_blas(elbow_world *world) {
    return elbow_world_same(world, elbow_blas_describe(), "BLAS",
                            "their products round differently: set OPENBLAS_CORETYPE=Haswell for every rank");
}

elbow_status elbow_model_open(elbow_model **out, elbow_world *world, const char *path, const char *weights) {
    elbow_model *model = NULL;
    *out = NULL;
    elbow_status status = make_model(&model, world);
    if (status == ELBOW_OK) status = choose_file(model, world, path);
    if (status == ELBOW_OK) status = elbow_world_agree(world, read_model(model, weights));
    if (status == ELBOW_OK) status = same_blas(world);
    if (status != ELBOW_OK) elbow_model_close(&model);
    *out = model;
    return status;
}

/* What needs no other rank. */
static elbow_status begin_model(elbow_model *model, elbow_dataset **dataset) {
    const elbow_options *options = model->options;
    elbow_schedule temperature;
    elbow_view view;
    ELBOW_TRY(elbow_dataset_open(dataset, options->data.file));
    ELBOW_TRY(elbow_view_create(&view, *dataset, options->data.binarize, options->data.context));
    const elbow_field *x = elbow_dataset_field(*dataset, ELBOW_X), *context = elbow_view_context(&view);
    ELBOW_TRY(elbow_train_check(options, x, context));
    elbow_blas_set_threads((int)options->train.threads);
    ELBOW_TRY(elbow_vae_create(&model->vae, options, x, context));
    ELBOW_TRY(elbow_vae_reserve(model->vae, ELBOW_EVALUATE_BLOCK, false));
    const elbow_params *layout = elbow_vae_params(model->vae);
    ELBOW_TRY(elbow_aligned_reals(layout->size, &model->parameters));
    elbow_params_initialize(layout, (uint64_t)options->run.seed, model->parameters);
    ELBOW_TRY(elbow_schedule_parse(&temperature, options->estimator.temperature));
    model->temperature = elbow_schedule_value(&temperature, 0, elbow_run_length(options, 1));
    model->words = "";
    return ELBOW_OK;
}

elbow_status elbow_model_untrained(elbow_model **out, elbow_world *world, elbow_options *options) {
    elbow_model *model = NULL;
    elbow_dataset *dataset = NULL;
    *out = NULL;
    elbow_status status = make_model(&model, world);
    if (status == ELBOW_OK) {
        model->options = options;
        status = elbow_world_agree(world, begin_model(model, &dataset));
        elbow_dataset_close(&dataset);
        if (status == ELBOW_OK) status = same_blas(world);
    } else {
        elbow_options_destroy(&options);
    }
    if (status != ELBOW_OK) elbow_model_close(&model);
    *out = model;
    return status;
}

void elbow_model_close(elbow_model **model) {
    if (*model == NULL) return;
    elbow_vae_destroy(&(*model)->vae);
    elbow_options_destroy(&(*model)->options);
    elbow_checkpoint_destroy(&(*model)->checkpoint);
    free((*model)->parameters);
    free((*model)->file);
    free(*model);
    *model = NULL;
}

/* Layers and likelihoods have room for what they were made for. */
static elbow_status check_length(const elbow_field *expected, const elbow_field *found, const char *path) {
    ELBOW_CHECK(
        expected->kind != ELBOW_SEQUENCE || found->dimensions <= expected->dimensions, ELBOW_MISMATCH,
        "%s: has sequences of up to %zu tokens, and the model has room for %zu; import it with --longest, or "
        "train a model on data that hold as long ones",
        path, found->dimensions, expected->dimensions);
    return ELBOW_OK;
}

/* Of a semi-supervised model labels are looked at where they can be its classes. */
static void look_at_labels(elbow_view *view, const elbow_model *model) {
    const elbow_field *y = elbow_dataset_field(view->dataset, ELBOW_Y);
    size_t classes = elbow_vae_classes(model->vae);
    if (classes > 0 && y != NULL && y->columns[0].cardinality == classes)
        view->labels = (size_t)model->options->data.labels;
}

/* A model of pixels that are 0 or 1 knows no others. */
static elbow_status check_binary(const elbow_model *model, const elbow_field *found, const char *path) {
    const elbow_field *expected = elbow_vae_field(model->vae);
    ELBOW_CHECK(expected->kind != ELBOW_IMAGE || !expected->binary || found->binary ||
                    strcmp(model->options->data.binarize, "none") != 0,
                ELBOW_MISMATCH,
                "%s: has grey pixels, and the model was trained on pixels that are 0 or 1; give it data that "
                "are, or train a model with data.binarize = threshold or dynamic, which takes grey ones",
                path);
    return ELBOW_OK;
}

elbow_status elbow_model_data(elbow_dataset **dataset, elbow_view *view, const elbow_model *model,
                              const char *path) {
    const elbow_field *context = elbow_vae_context(model->vae);
    elbow_status status = elbow_dataset_open(dataset, path ? path : model->options->data.file);
    if (status != ELBOW_OK && path == NULL)
        return elbow_fail_prefix(status, "the run's data.file (--data names another)");
    ELBOW_TRY(status);
    status = elbow_field_match(elbow_vae_field(model->vae), elbow_dataset_field(*dataset, ELBOW_X),
                               elbow_dataset_path(*dataset));
    if (status == ELBOW_OK)
        status = check_length(elbow_vae_field(model->vae), elbow_dataset_field(*dataset, ELBOW_X),
                              elbow_dataset_path(*dataset));
    if (status == ELBOW_OK)
        status = check_binary(model, elbow_dataset_field(*dataset, ELBOW_X), elbow_dataset_path(*dataset));
    if (status == ELBOW_OK)
        status =
            elbow_view_create(view, *dataset, model->options->data.binarize, model->options->data.context);
    if (status == ELBOW_OK) look_at_labels(view, model);
    if (status == ELBOW_OK && context)
        status = elbow_field_match(context, elbow_view_context(view), elbow_dataset_path(*dataset));
    if (status == ELBOW_OK && model->checkpoint &&
        strcmp(elbow_dataset_checksum(*dataset), model->checkpoint->data_checksum) != 0)
        elbow_notice("note: %s is not the data that the model was trained on", elbow_dataset_path(*dataset));
    if (status != ELBOW_OK) elbow_dataset_close(dataset);
    return status;
}
