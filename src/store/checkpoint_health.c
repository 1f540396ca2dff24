#include <math.h>
#include <stdio.h>
#include <string.h>

#include "elbow/store/checkpoint.h"

enum { WHAT = 160 };

static bool all_finite(const real *values, size_t count) {
    bool finite = true;
    for (size_t i = 0; i < count; i++) finite &= isfinite(values[i]) != 0; /* no way out of the loop: lanes */
    return finite;
}

static bool block_is_finite(const elbow_params *layout, const real *values, const char *where, char *what) {
    for (size_t t = 0; t < layout->tensor_count; t++) {
        const elbow_tensor *tensor = &layout->tensors[t];
        if (all_finite(values + tensor->offset, tensor->count)) continue;
        if (what) snprintf(what, WHAT, "%s/%s", where, tensor->name);
        return false;
    }
    return true;
}

static bool value_is_finite(double value, const char *where, char *what) {
    if (isfinite(value)) return true;
    if (what) snprintf(what, WHAT, "%s", where);
    return false;
}

/* The last row's value in a column; 0 where there is none. */
static double last_of(const elbow_table *table, const char *column) {
    const double *values = elbow_table_column(table, column);
    return values && table->rows ? values[table->rows - 1] : 0;
}

/* Of training. An evaluation is of data that the weights have not seen: one value there may be out of all bounds, and the
 * weights none the worse. */
static bool metrics_are_finite(const elbow_metrics *metrics, char *what) {
    static const char *const losses[] = {"objective", "elbo", "reconstruction", "kl"};
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        if (!value_is_finite(last_of(&metrics->train, losses[i]), "the last row of the training metrics",
                             what))
            return false;
        for (size_t c = 0; c < metrics->train.columns; c++)
            if (strcmp(metrics->train.names[c], losses[i]) == 0 &&
                !value_is_finite(metrics->partial[c], "the training loss", what))
                return false;
    }
    return true;
}

bool elbow_checkpoint_is_finite(const elbow_checkpoint *checkpoint, char what[WHAT]) {
    const elbow_checkpoint *c = checkpoint;
    if (what) what[0] = '\0';
    if (!block_is_finite(c->layout, c->parameters, "/model", what)) return false;
    for (size_t s = 0; s < c->slots; s++) {
        char where[80];
        snprintf(where, sizeof where, "/optimizer/%.32s/%.32s", c->optimizer, c->slot_names[s]);
        if (!block_is_finite(c->layout, c->slot_values[s], where, what)) return false;
    }
    return c->metrics == NULL || metrics_are_finite(c->metrics, what);
}
