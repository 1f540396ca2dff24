/* change_checkpoint FILE WHAT [NAME INDEX]: changes one thing of a checkpoint, and writes it by the library, every checksum
 * and the seal right, as a fault in memory would have it.
 *
 *     flip TENSOR INDEX       the last bit of a parameter           nan TENSOR INDEX     a parameter
 *     negative TENSOR INDEX   a second moment                       drop                 the last tensor
 *     row                     the last row of /train is there twice best                 another best so far */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/store/checkpoint.h"

static elbow_status repeat_row(elbow_table *table) {
    double row[ELBOW_METRICS_COLUMNS];
    for (size_t c = 0; c < table->columns; c++) row[c] = table->values[c][table->rows - 1];
    return elbow_table_append(table, row);
}

static real *find(elbow_checkpoint *c, real *values, const char *name, const char *index) {
    const elbow_tensor *t = name && index ? elbow_params_find(c->layout, name) : NULL;
    size_t i = index ? (size_t)strtoul(index, NULL, 10) : 0;
    return t && i < t->count ? values + t->offset + i : NULL;
}

static elbow_status change(elbow_checkpoint *c, const char *what, const char *name, const char *index) {
    if (strcmp(what, "row") == 0) return repeat_row(&c->metrics->train);
    if (strcmp(what, "drop") == 0) {
        c->own_layout.tensor_count--;
        return ELBOW_OK;
    }
    if (strcmp(what, "best") == 0) {
        c->best_step--;
        return ELBOW_OK;
    }
    size_t second = 0;
    while (second < c->slots && strcmp(c->slot_names[second], "second_moment") != 0) second++;
    bool moment = strcmp(what, "negative") == 0;
    real *value = moment && second == c->slots
                      ? NULL
                      : find(c, moment ? c->slot_values[second] : c->parameters, name, index);
    if (value == NULL) return elbow_fail(ELBOW_USAGE, "no such value; give one that there is");
    if (strcmp(what, "flip") == 0)
        ((unsigned char *)value)[0] ^= 1; /* little-endian, as the files are */
    else
        *value = moment ? (real)-1 : (real)NAN;
    return ELBOW_OK;
}

int main(int argc, char **argv) {
    elbow_checkpoint *c = NULL;
    if (argc < 3) {
        fprintf(stderr, "usage: change_checkpoint FILE WHAT [NAME INDEX]\n");
        return 2;
    }
    elbow_status status = elbow_checkpoint_read(&c, argv[1]);
    if (status == ELBOW_OK) status = change(c, argv[2], argc > 4 ? argv[3] : NULL, argc > 4 ? argv[4] : NULL);
    if (status == ELBOW_OK) status = elbow_checkpoint_write(c, argv[1]);
    elbow_checkpoint_destroy(&c);
    if (status != ELBOW_OK) fprintf(stderr, "change_checkpoint: %s\n", elbow_error_message());
    return status == ELBOW_OK ? 0 : 1;
}
