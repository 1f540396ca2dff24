/* A small whole checkpoint, and a directory to write it in. Included by one test program each. */
#ifndef ELBOW_TEST_CHECKPOINTS_H
#define ELBOW_TEST_CHECKPOINTS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "elbow/store/checkpoint.h"

static char directory[] = "/tmp/elbow-checkpoint-XXXXXX";
static char path[256];

static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(directory)) return -1;
    snprintf(path, sizeof path, "%s/a.h5", directory);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command);
}

static const struct {
    const char *name;
    size_t dims, shape[4];
} tensors[] = {{"encoder.0.weight", 2, {7, 5}},
               {"encoder.0.bias", 1, {7}},
               {"decoder.1.weight", 3, {2, 3, 4}},
               {"decoder.1.scale", 4, {1, 1, 1, 1}}};
enum { TENSORS = sizeof tensors / sizeof *tensors };

static real *block(const elbow_params *layout, double seed) {
    real *values = calloc(layout->size, sizeof *values);
    assert_non_null(values);
    for (size_t t = 0; t < layout->tensor_count; t++) {
        /* by name, so that layouts of another order hold the same */
        double base = seed;
        for (const char *c = layout->tensors[t].name; *c; c++) base = base * 1.01 + *c;
        for (size_t i = 0; i < layout->tensors[t].count; i++)
            values[layout->tensors[t].offset + i] = (real)sin(base + (double)i);
    }
    return values;
}

/* A whole one, its tensors declared in order or in reverse. The caller destroys it. */
static elbow_checkpoint *make(bool reverse) {
    elbow_checkpoint *c = calloc(1, sizeof *c);
    assert_non_null(c);
    *c = (elbow_checkpoint){.step = 1200,
                            .epoch = 2,
                            .seed = INT64_MAX,
                            .shards = 5,
                            .run_steps = 5400,
                            .seconds = 34.1,
                            .best = 104.25,
                            .best_step = 1000,
                            .data_checksum = "0123456789abcdef",
                            .optimizer = "adam",
                            .slots = 2};
    const elbow_field x = {.kind = ELBOW_IMAGE,
                           .height = 28,
                           .width = 27,
                           .channels = 3,
                           .dimensions = (size_t)28 * 27 * 3,
                           .maximum = 255,
                           .binary = true};
    const elbow_field given = {.kind = ELBOW_IMAGE,
                               .height = 1,
                               .width = 2,
                               .channels = 1,
                               .dimensions = 2,
                               .maximum = 1,
                               .binary = true};
    assert_int_equal(elbow_checkpoint_put_fields(c, &x, &given), ELBOW_OK);
    c->facts = (elbow_facts){.build = "elbow 0.1, gcc",
                             .instruction_set = "avx2",
                             .blas = "OpenBLAS Haswell",
                             .host = "",
                             .threads = 1,
                             .ranks = 4,
                             .nodes = 2};
    c->layout = &c->own_layout;
    for (size_t i = 0; i < TENSORS; i++) {
        size_t t = reverse ? TENSORS - 1 - i : i, offset;
        assert_int_equal(elbow_params_declare(&c->own_layout, tensors[t].name, tensors[t].dims,
                                              tensors[t].shape, 0.1, &offset),
                         ELBOW_OK);
    }
    c->parameters = block(c->layout, 1);
    for (size_t s = 0; s < c->slots; s++) {
        size_t slot = reverse ? 1 - s : s;
        snprintf(c->slot_names[s], sizeof c->slot_names[s], "%s_moment", slot ? "second" : "first");
        c->slot_values[s] = block(c->layout, 2.0 + (double)slot);
    }
    c->config = strdup("[run]\nseed = 3\n\n[model]\nencoder = 512 256 ; \xC3\xA9\n");
    c->metrics = calloc(1, sizeof *c->metrics);
    assert_true(c->config && c->metrics);
    assert_int_equal(elbow_metrics_create(c->metrics), ELBOW_OK);
    double row[ELBOW_METRICS_COLUMNS];
    for (size_t r = 0; r < 3; r++) {
        for (size_t i = 0; i < ELBOW_METRICS_COLUMNS; i++) row[i] = (double)(r * 100 + i) / 7;
        assert_int_equal(elbow_table_append(&c->metrics->train, row), ELBOW_OK);
    }
    memcpy(c->metrics->partial, row, c->metrics->train.columns * sizeof *row);
    c->metrics->partial_steps = 13;
    c->metrics->since_elbo = -1234.5;
    c->metrics->since_examples = 99;
    return c;
}

#endif
