#include "elbow/store/metrics.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/formats.h"
#include "store/metrics_h5.h"

/* COLUMN(name, unit, what a reader of the file should know). */
#define TRAIN_COLUMNS                                                                                        \
    COLUMN("step", "updates", "updates done at the row's last step")                                         \
    COLUMN("epoch", "passes", "passes over the training split done, with the fraction of the current one")   \
    COLUMN("seconds", "s", "seconds of training of the whole run, earlier lives included")                   \
    COLUMN("objective", "nats", "what is optimised, per example, with beta, free bits and relaxed samples")  \
    COLUMN("elbo", "nats", "reconstruction - kl per example, beta = 1 and no free bits, training samples")   \
    COLUMN("reconstruction", "nats", "log p(x|z) per example")                                               \
    COLUMN("kl", "nats", "KL(q(z|x) || p(z)) per example")                                                   \
    COLUMN("gradient_norm", "1", "Euclidean norm of the gradient before clipping")                           \
    COLUMN("temperature", "1", "temperature of relaxed samples")                                             \
    COLUMN("beta", "1", "weight of the KL term")                                                             \
    COLUMN("learning_rate", "1", "learning rate")                                                            \
    COLUMN("examples_per_second", "1/s", "examples of all ranks per second of training")                     \
    COLUMN("seconds_data", "s", "time in a step for the batch, mean over the row's steps")                   \
    COLUMN("seconds_encoder", "s", "time in a step for the encoder, both ways, mean over the row's steps")   \
    COLUMN("seconds_estimator", "s",                                                                         \
           "time in a step for samples, decoder and likelihood, both ways, mean over the row's steps")       \
    COLUMN("seconds_exchange", "s", "time in a step that waits for other ranks, mean over the row's steps")  \
    COLUMN("seconds_update", "s",                                                                            \
           "time in a step for norm, clipping and optimizer, mean over the row's steps")                     \
    COLUMN("seconds_checkpoint", "s",                                                                        \
           "time that the loop stands still for checkpoints, mean over the row's steps")                     \
    COLUMN("seconds_compute", "s",                                                                           \
           "time in a step before a rank waits for others, mean over ranks and the row's steps")             \
    COLUMN("seconds_compute_most", "s", "the same of the rank that takes longest in the row")                \
    COLUMN("straggler", "rank", "that rank")                                                                 \
    COLUMN("gradient_square", "1",                                                                           \
           "square of the true gradient's norm, unbiased from the shards' gradients, mean over the steps")   \
    COLUMN("gradient_noise", "1",                                                                            \
           "sum of the variances of one example's gradient, likewise; NaN where there is one shard")         \
    COLUMN("noise_scale", "examples", "gradient_noise / gradient_square; NaN where the latter is not above 0")

#define EVALUATION_COLUMNS                                                                                   \
    COLUMN("step", "updates", "updates done when it was evaluated")                                          \
    COLUMN("epoch", "passes", "passes over the training split done, with the fraction of the current one")   \
    COLUMN("seconds", "s", "seconds of training of the whole run, earlier lives included")                   \
    COLUMN("split", "0 train, 1 valid, 2 test", "the split that was evaluated")                              \
    COLUMN("samples", "1", "draws of z per example")                                                         \
    COLUMN("elbo", "nats", "reconstruction - kl per example, one-hot samples")                               \
    COLUMN("elbo_error", "nats", "standard error of elbo over the examples")                                 \
    COLUMN("reconstruction", "nats", "log p(x|z) per example, one-hot samples")                              \
    COLUMN("kl", "nats", "KL(q(z|x) || p(z)) per example")                                                   \
    COLUMN("soft_elbo", "nats", "reconstruction - kl per example, relaxed samples: not a bound")             \
    COLUMN("soft_reconstruction", "nats", "log p(x|z) per example, relaxed samples")                         \
    COLUMN("temperature", "1", "temperature of the relaxed samples")                                         \
    COLUMN("train_elbo", "nats", "elbo of the training steps since the evaluation before, per example")      \
    COLUMN("accuracy", "1", "share of labels that are the most probable by q(y|x), of a run with data.labels")

#define TEST_COLUMNS                                                                                         \
    COLUMN("step", "updates", "updates done of the weights that were evaluated: the best on valid")          \
    COLUMN("at", "updates", "updates done of the run when it ended, and they were evaluated")                \
    COLUMN("seconds", "s", "seconds of training of the whole run, earlier lives included")                   \
    COLUMN("examples", "1", "examples of the test split")                                                    \
    COLUMN("samples", "1", "draws of z per example")                                                         \
    COLUMN("elbo", "nats", "mean of single-sample bounds over examples and draws, one-hot samples")          \
    COLUMN("elbo_error", "nats", "standard error of elbo over the examples")                                 \
    COLUMN("reconstruction", "nats", "log p(x|z) per example")                                               \
    COLUMN("kl", "nats", "KL(q(z|x) || p(z)) per example")                                                   \
    COLUMN("iwae", "nats", "importance-weighted bound of all draws of an example together")                  \
    COLUMN("iwae_error", "nats", "standard error of iwae over the examples")

#define EVENT_COLUMNS                                                                                        \
    COLUMN("step", "updates", "updates done before the step that was passed over")                           \
    COLUMN("seconds", "s", "seconds of training of the whole run, earlier lives included")                   \
    COLUMN("action", "0 stop, 1 skip, 2 rollback", "what was done")                                          \
    COLUMN("target", "updates",                                                                              \
           "the step whose weights were taken instead; that of the row but for rollback")                    \
    COLUMN("shard", "shard", "whose loss was not finite; -1 where only the gradient was not")                \
    COLUMN("example", "row of /train", "an example whose loss was not finite; -1 where none can be named")   \
    COLUMN("objective", "nats", "the step's, per example")                                                   \
    COLUMN("gradient_norm", "1", "the step's")

#define COLUMN(name, unit, description) name,
const char *const elbow_train_columns[] = {TRAIN_COLUMNS NULL};
const char *const elbow_evaluation_columns[] = {EVALUATION_COLUMNS NULL};
const char *const elbow_event_columns[] = {EVENT_COLUMNS NULL};
const char *const elbow_test_columns[] = {TEST_COLUMNS NULL};
#undef COLUMN

typedef struct column_note {
    const char *unit, *description;
} column_note;

#define COLUMN(name, unit, description) {unit, description},
static const column_note train_notes[] = {TRAIN_COLUMNS};
static const column_note evaluation_notes[] = {EVALUATION_COLUMNS};
static const column_note event_notes[] = {EVENT_COLUMNS};
static const column_note test_notes[] = {TEST_COLUMNS};
#undef COLUMN

elbow_status elbow_table_create(elbow_table *table, const char *const *names) {
    *table = (elbow_table){0};
    for (; names[table->columns]; table->columns++) {
        ELBOW_CHECK(table->columns < ELBOW_METRICS_COLUMNS, ELBOW_FORMAT,
                    "metrics: more than %d columns; raise ELBOW_METRICS_COLUMNS", ELBOW_METRICS_COLUMNS);
        int length = snprintf(table->names[table->columns], ELBOW_METRICS_NAME, "%s", names[table->columns]);
        ELBOW_CHECK(length > 0 && length < ELBOW_METRICS_NAME, ELBOW_FORMAT,
                    "metrics: \"%s\" cannot name a column; use 1 to %d bytes", names[table->columns],
                    ELBOW_METRICS_NAME - 1);
    }
    return ELBOW_OK;
}

void elbow_table_destroy(elbow_table *table) {
    for (size_t c = 0; c < table->columns; c++) free(table->values[c]);
    *table = (elbow_table){0};
}

/* Room for `rows` rows in all. Columns that grew before one that could not just have room to spare. */
static elbow_status reserve(elbow_table *table, size_t rows) {
    if (rows <= table->room) return ELBOW_OK;
    size_t room = table->room ? 2 * table->room : 64;
    if (room < rows) room = rows;
    for (size_t c = 0; c < table->columns; c++) {
        double *grown =
            room > SIZE_MAX / sizeof(double) ? NULL : realloc(table->values[c], room * sizeof(double));
        ELBOW_CHECK(grown, ELBOW_MEMORY, "metrics: no memory for %zu rows; log less often (train.log_every)",
                    room);
        table->values[c] = grown;
    }
    table->room = room;
    return ELBOW_OK;
}

elbow_status elbow_table_append(elbow_table *table, const double *row) {
    ELBOW_TRY(reserve(table, table->rows + 1));
    for (size_t c = 0; c < table->columns; c++) table->values[c][table->rows] = row[c];
    table->rows++;
    return ELBOW_OK;
}

const double *elbow_table_column(const elbow_table *table, const char *name) {
    static const double none[1]; /* a column that is there but has no row yet is not NULL */
    for (size_t c = 0; c < table->columns; c++)
        if (strcmp(table->names[c], name) == 0) return table->values[c] ? table->values[c] : none;
    return NULL;
}

elbow_status elbow_metrics_create(elbow_metrics *metrics) {
    *metrics = (elbow_metrics){0};
    ELBOW_TRY(elbow_table_create(&metrics->train, elbow_train_columns));
    ELBOW_TRY(elbow_table_create(&metrics->evaluation, elbow_evaluation_columns));
    ELBOW_TRY(elbow_table_create(&metrics->events, elbow_event_columns));
    return elbow_table_create(&metrics->test, elbow_test_columns);
}

void elbow_metrics_destroy(elbow_metrics *metrics) {
    elbow_table_destroy(&metrics->train);
    elbow_table_destroy(&metrics->evaluation);
    elbow_table_destroy(&metrics->events);
    elbow_table_destroy(&metrics->test);
    *metrics = (elbow_metrics){0};
}

static elbow_status copy_table(elbow_table *to, const elbow_table *from) {
    ELBOW_TRY(reserve(to, from->rows));
    for (size_t c = 0; c < from->columns && from->rows > 0; c++)
        memcpy(to->values[c], from->values[c], from->rows * sizeof *to->values[c]);
    to->rows = from->rows;
    return ELBOW_OK;
}

elbow_status elbow_metrics_copy(elbow_metrics *to, const elbow_metrics *from) {
    ELBOW_TRY(copy_table(&to->train, &from->train));
    ELBOW_TRY(copy_table(&to->evaluation, &from->evaluation));
    ELBOW_TRY(copy_table(&to->events, &from->events));
    ELBOW_TRY(copy_table(&to->test, &from->test));
    elbow_table train = to->train, evaluation = to->evaluation, events = to->events, test = to->test;
    *to = *from;
    to->train = train;
    to->evaluation = evaluation;
    to->events = events;
    to->test = test;
    return ELBOW_OK;
}

/* The unit and description of a standard column, or NULL for one of a caller's own. */
static const column_note *find_note(const char *const *names, const column_note *notes, const char *name) {
    for (size_t c = 0; names[c]; c++)
        if (strcmp(names[c], name) == 0) return &notes[c];
    return NULL;
}

enum { PATH_BYTES = 128 };

static elbow_status put_table(const elbow_table *table, elbow_h5 *file, const char *group, const char *name,
                              const char *const *names, const column_note *notes) {
    static const double none[1];
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", group, name);
    ELBOW_TRY(elbow_h5_group(file, path));
    for (size_t c = 0; c < table->columns; c++) {
        const double *values = table->values[c] ? table->values[c] : none;
        snprintf(path, sizeof path, "%s/%s/%s", group, name, table->names[c]);
        ELBOW_TRY(elbow_h5_write(file, path, ELBOW_H5_F64, (elbow_h5_shape){1, {table->rows}}, 0, 0, values));
        const column_note *note = find_note(names, notes, table->names[c]);
        if (!note) continue;
        ELBOW_TRY(elbow_h5_set_text(file, path, "unit", note->unit));
        ELBOW_TRY(elbow_h5_set_text(file, path, "description", note->description));
    }
    return ELBOW_OK;
}

elbow_status elbow_metrics_put(const elbow_metrics *metrics, elbow_h5 *file, const char *group) {
    ELBOW_TRY(put_table(&metrics->train, file, group, "train", elbow_train_columns, train_notes));
    ELBOW_TRY(put_table(&metrics->evaluation, file, group, "evaluation", elbow_evaluation_columns,
                        evaluation_notes));
    ELBOW_TRY(put_table(&metrics->events, file, group, "events", elbow_event_columns, event_notes));
    if (metrics->test.rows == 0) return ELBOW_OK;
    return put_table(&metrics->test, file, group, "test", elbow_test_columns, test_notes);
}

/* Columns that came after the format: the last ones of their tables. Files from before lack the last few of them, which are read as
 * zeros, or as what says that there is nothing to say. */
static const struct {
    const char *name;
    double absent;
} new_columns[] = {{"seconds_checkpoint", 0}, {"seconds_compute", 0},   {"seconds_compute_most", 0},
                   {"straggler", 0},          {"gradient_square", NAN}, {"gradient_noise", NAN},
                   {"noise_scale", NAN},      {"accuracy", NAN}};
enum { NEW_COLUMNS = sizeof new_columns / sizeof *new_columns };

static bool is_new(const char *name, double *absent) {
    for (size_t i = 0; i < NEW_COLUMNS; i++) {
        *absent = new_columns[i].absent;
        if (strcmp(name, new_columns[i].name) == 0) return true;
    }
    return false;
}

static elbow_status get_table(elbow_table *table, const elbow_stored *stored, const char *group,
                              const char *name) {
    char path[PATH_BYTES];
    double absent = 0;
    for (size_t c = 0; c < table->columns; c++) {
        elbow_h5_shape shape;
        snprintf(path, sizeof path, "%s/%s/%s", group, name, table->names[c]);
        if (c > 0 && is_new(table->names[c], &absent) && !elbow_h5_has(stored->file, path)) {
            for (size_t r = 0; r < table->rows; r++) table->values[c][r] = absent;
            continue;
        }
        ELBOW_TRY(elbow_stored_describe(stored, path, ELBOW_H5_F64, &shape));
        if (c == 0) {
            ELBOW_TRY(reserve(table, shape.size[0]));
            table->rows = shape.size[0];
        }
        ELBOW_CHECK(shape.dims == 1 && shape.size[0] == table->rows, ELBOW_FORMAT,
                    "%s: %s has not the %zu rows of column %s; the file is damaged, take an earlier one",
                    stored->path, path, table->rows, table->names[0]);
        if (table->rows > 0)
            ELBOW_TRY(elbow_h5_read(stored->file, path, ELBOW_H5_F64, table->rows, true, table->values[c]));
    }
    return ELBOW_OK;
}

elbow_status elbow_metrics_get(elbow_metrics *metrics, const elbow_stored *stored, const char *group) {
    char path[PATH_BYTES];
    elbow_status status = elbow_metrics_create(metrics);
    if (status == ELBOW_OK) status = get_table(&metrics->train, stored, group, "train");
    if (status == ELBOW_OK) status = get_table(&metrics->evaluation, stored, group, "evaluation");
    snprintf(path, sizeof path, "%s/events", group); /* which earlier files lack */
    if (status == ELBOW_OK && elbow_h5_has(stored->file, path))
        status = get_table(&metrics->events, stored, group, "events");
    snprintf(path, sizeof path, "%s/test", group); /* there where it has a row */
    if (status == ELBOW_OK && elbow_h5_has(stored->file, path))
        status = get_table(&metrics->test, stored, group, "test");
    if (status != ELBOW_OK) elbow_metrics_destroy(metrics);
    return status;
}

enum { PARTIAL_MORE = 3 }; /* numbers stored after a sum for each column */

elbow_status elbow_metrics_put_partial(const elbow_metrics *metrics, elbow_h5 *file, const char *path) {
    double values[ELBOW_METRICS_COLUMNS + PARTIAL_MORE];
    size_t columns = metrics->train.columns;
    memcpy(values, metrics->partial, columns * sizeof *values);
    values[columns] = metrics->partial_steps;
    values[columns + 1] = metrics->since_elbo;
    values[columns + 2] = metrics->since_examples;
    const elbow_h5_shape shape = {1, {columns + PARTIAL_MORE}};
    ELBOW_TRY(elbow_h5_write(file, path, ELBOW_H5_F64, shape, 0, 0, values));
    return elbow_h5_set_text(
        file, path, "description",
        "the row of /train that is not full yet: a running sum for each of its columns, in "
        "the order step, epoch, seconds, ... of elbow's metrics.h, then the steps summed; then elbo and "
        "examples, summed since the last evaluation");
}

elbow_status elbow_metrics_get_partial(elbow_metrics *metrics, const elbow_stored *stored, const char *path) {
    double values[ELBOW_METRICS_COLUMNS + PARTIAL_MORE];
    size_t columns = metrics->train.columns;
    elbow_h5_shape shape;
    ELBOW_TRY(elbow_stored_describe(stored, path, ELBOW_H5_F64, &shape));
    size_t stored_columns =
        shape.dims == 1 && shape.size[0] > PARTIAL_MORE ? shape.size[0] - PARTIAL_MORE : 0;
    if (stored_columns < columns && stored_columns + NEW_COLUMNS >= columns) columns = stored_columns;
    ELBOW_TRY(elbow_h5_read(stored->file, path, ELBOW_H5_F64, columns + PARTIAL_MORE, true, values));
    memcpy(metrics->partial, values, columns * sizeof *values);
    metrics->partial_steps = values[columns];
    metrics->since_elbo = values[columns + 1];
    metrics->since_examples = values[columns + 2];
    return ELBOW_OK;
}

elbow_status elbow_metrics_write(const elbow_metrics *metrics, const char *path) {
    elbow_h5 *file = NULL;
    elbow_status status = elbow_stored_create(&file, path, ELBOW_KIND_METRICS);
    if (status == ELBOW_OK) status = elbow_metrics_put(metrics, file, "");
    if (status == ELBOW_OK) status = elbow_stored_save(file, path);
    elbow_h5_close(&file);
    return status;
}

elbow_status elbow_metrics_read(elbow_metrics *metrics, const char *path) {
    elbow_stored stored;
    *metrics = (elbow_metrics){0};
    ELBOW_TRY(elbow_stored_open(&stored, path, ELBOW_KIND_METRICS));
    elbow_status status = elbow_h5_check_intact(stored.file, elbow_metrics_get(metrics, &stored, ""));
    if (status != ELBOW_OK) elbow_metrics_destroy(metrics);
    elbow_stored_close(&stored);
    return status;
}
