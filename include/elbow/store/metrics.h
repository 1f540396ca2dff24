/* What happened in a run: two tables of columns, kept in memory, written whole.
 *
 * /train has a row per `train.log_every` steps (means over them, and over a shorter rest at the end of an epoch),
 * /evaluation a row per evaluation, /events a row per step that was passed over, or stopped the run, because it was not
 * finite, /test (where it has any) a row per look at the test split at an end of the run. One 1-D dataset a column, equal lengths. The file is rewritten under a
 * temporary name and renamed, never left open: any reader may open it at any moment. Checkpoints carry the
 * tables too, with the running sums of the unfinished rows, so a resumed run continues without gap or repeat.
 * What a file of an earlier elbow does not have yet (/events, seconds_checkpoint, seconds_compute, …) is read as zeros, what it
 * does not tell of gradient noise as NaN.
 * Nats per example; seconds of the whole run, earlier lives included. Local. */
#ifndef ELBOW_STORE_METRICS_H
#define ELBOW_STORE_METRICS_H

#include <stddef.h>

#include "elbow/base/error.h"

enum { ELBOW_METRICS_COLUMNS = 32, ELBOW_METRICS_NAME = 32 };

typedef struct elbow_table {
    size_t columns, rows, room;
    char names[ELBOW_METRICS_COLUMNS][ELBOW_METRICS_NAME];
    double *values[ELBOW_METRICS_COLUMNS]; /* (rows) each */
} elbow_table;

/* `names` ends in NULL. */
elbow_status elbow_table_create(elbow_table *table, const char *const *names);
void elbow_table_destroy(elbow_table *table);
elbow_status elbow_table_append(elbow_table *table, const double *row);       /* (columns) */
const double *elbow_table_column(const elbow_table *table, const char *name); /* NULL if absent */

typedef struct elbow_metrics {
    elbow_table train, evaluation, events, test;
    double partial[ELBOW_METRICS_COLUMNS]; /* running sums of the row being filled; partial_steps of them */
    double partial_steps;
    double since_elbo, since_examples; /* sums over the training steps since the last evaluation */
} elbow_metrics;

elbow_status elbow_metrics_create(elbow_metrics *metrics); /* the standard columns, below */
void elbow_metrics_destroy(elbow_metrics *metrics);

/* `to`, made by create, becomes what `from` is; its room is kept and grows. ELBOW_MEMORY. */
elbow_status elbow_metrics_copy(elbow_metrics *to, const elbow_metrics *from);

/* The columns of /train, /evaluation, /events and /test; each list ends in NULL. `step` and `epoch` (fraction of passes done) are as of the row's
 * last step. split is 0, 1, 2 = train, valid, test (dataset.h). */
extern const char *const elbow_train_columns[];
extern const char *const elbow_evaluation_columns[];
extern const char *const elbow_event_columns[];
extern const char *const elbow_test_columns[];

/* Writes metrics.h5 (rewritten whole), and reads one back. */
elbow_status elbow_metrics_write(const elbow_metrics *metrics, const char *path);
elbow_status elbow_metrics_read(elbow_metrics *metrics, const char *path);

#endif
