/* Small data files made of a test's own numbers, and models over them with parameters that a test sets. */
#ifndef ELBOW_TESTS_TOOLS_SMALL_DATA_H
#define ELBOW_TESTS_TOOLS_SMALL_DATA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/writer.h"
#include "elbow/data/loader.h"
#include "elbow/vae/vae.h"

/* A column: `real`, standardised by that scale, where the cardinality is 0. Words are a, b, c, … */
static inline elbow_column small_column(size_t cardinality, double scale) {
    static char letters[26][2];
    static char *words[26];
    static char name[] = "column";
    for (int k = 0; k < 26; k++) letters[k][0] = (char)('a' + k), words[k] = letters[k];
    return (elbow_column){
        .name = name, .cardinality = cardinality, .words = cardinality ? words : NULL, .scale = scale};
}

static inline elbow_field small_table(elbow_column *columns, size_t count) {
    return (elbow_field){.kind = ELBOW_TABLE, .dimensions = count, .columns = columns};
}

/* A part's values by split; rows, and for sequences their lengths. */
typedef struct small_part {
    const elbow_field *field;
    const double *values[ELBOW_SPLITS];   /* (rows, D) of tables */
    const uint16_t *tokens[ELBOW_SPLITS]; /* of sequences, one after the other */
    const size_t *lengths[ELBOW_SPLITS];  /* (rows) */
    const int32_t *labels[ELBOW_SPLITS];  /* (rows), of y */
    size_t rows[ELBOW_SPLITS];
} small_part;

static inline elbow_status small_write(const char *path, const small_part *x, const small_part *y) {
    elbow_writer *writer = NULL;
    elbow_status status = elbow_writer_create(&writer, &(elbow_import_request){.output = path});
    if (status == ELBOW_OK) status = elbow_writer_describe(writer, ELBOW_X, x->field);
    if (status == ELBOW_OK && y && y->field) status = elbow_writer_describe(writer, ELBOW_Y, y->field);
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        const uint16_t *tokens = x->tokens[split];
        if (status == ELBOW_OK && x->values[split])
            status = elbow_writer_append_table(writer, split, ELBOW_X, x->values[split], x->rows[split]);
        for (size_t i = 0; status == ELBOW_OK && tokens && i < x->rows[split]; i++) {
            status = elbow_writer_append_tokens(writer, split, ELBOW_X, tokens, x->lengths[split][i]);
            tokens += x->lengths[split][i];
        }
        if (status == ELBOW_OK && y && y->labels[split])
            status = elbow_writer_append_labels(writer, split, y->labels[split], x->rows[split]);
    }
    if (status == ELBOW_OK) return elbow_writer_finish(&writer);
    elbow_writer_discard(&writer);
    return status;
}

/* A file of this process alone. */
static inline const char *small_path(char path[512], const char *name) {
    const char *root = getenv("TMPDIR");
    snprintf(path, 512, "%s/elbow-%ld-%s", root ? root : "/tmp", (long)getpid(), name);
    return path;
}

typedef struct small_model {
    elbow_options *options;
    elbow_dataset *dataset;
    elbow_view view;
    elbow_vae *vae;
    real *parameters;
} small_model;

/* `settings` are "section.key=value", ending in NULL. Parameters are initialised, times `spread`. */
static inline elbow_status small_open(small_model *m, const char *path, const char *const *settings,
                                      double spread) {
    *m = (small_model){0};
    ELBOW_TRY(elbow_options_create(&m->options));
    for (size_t i = 0; settings[i]; i++) ELBOW_TRY(elbow_options_set(m->options, settings[i]));
    ELBOW_TRY(elbow_dataset_open(&m->dataset, path));
    ELBOW_TRY(elbow_view_create(&m->view, m->dataset, "none", m->options->data.context));
    ELBOW_TRY(elbow_vae_create(&m->vae, m->options, elbow_dataset_field(m->dataset, ELBOW_X),
                               elbow_view_context(&m->view)));
    ELBOW_TRY(elbow_vae_reserve(m->vae, 256, false));
    const elbow_params *params = elbow_vae_params(m->vae);
    ELBOW_TRY(elbow_aligned_reals(params->size, &m->parameters));
    elbow_params_initialize(params, 7, m->parameters);
    for (size_t i = 0; i < params->size; i++) m->parameters[i] *= (real)spread;
    return ELBOW_OK;
}

/* The values of a tensor; aborts where there is none. */
static inline real *small_tensor(const small_model *m, const char *name) {
    const elbow_tensor *tensor = elbow_params_find(elbow_vae_params(m->vae), name);
    if (tensor == NULL) {
        fprintf(stderr, "no tensor %s\n", name);
        abort();
    }
    return m->parameters + tensor->offset;
}

static inline void small_close(small_model *m) {
    elbow_vae_destroy(&m->vae);
    elbow_dataset_close(&m->dataset);
    elbow_options_destroy(&m->options);
    free(m->parameters);
}

#endif
