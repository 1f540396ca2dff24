#include "data/arrays.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/columns.h"
#include "data/field.h"
#include "data/writer.h"

enum { BLOCK_VALUES = 1 << 16, NUMBER_BYTES = 32 };

typedef enum array_stage { LEARN_ALL, LEARN_TRAIN, WRITE } array_stage;

typedef struct array_import {
    const elbow_import_request *request;
    const elbow_array_ops *ops;
    elbow_array x, y;  /* those that are read */
    elbow_array first; /* x of the first split */
    elbow_field field, labels;
    bool images, channels_first;
    elbow_column_facts *facts; /* (D) of a table */
    elbow_column_facts label_facts;
    bool labelled;
    double *values;       /* (block, D) */
    double *label_values; /* (block) */
    uint8_t *pixels;      /* (D) */
    size_t block;
    array_stage stage;
    elbow_bad_rows unseen;
    elbow_writer *writer;
} array_import;

static void free_import(array_import *a) {
    for (size_t d = 0; d < a->field.dimensions && a->facts != NULL; d++)
        elbow_column_facts_destroy(&a->facts[d]);
    elbow_column_facts_destroy(&a->label_facts);
    free(a->facts);
    free(a->values);
    free(a->label_values);
    free(a->pixels);
    elbow_field_destroy(&a->field);
    elbow_field_destroy(&a->labels);
    elbow_writer_discard(&a->writer);
}

/* ------------------------------------------------------------------------------------------- shape */

static const char *shape_text(const elbow_array *array, char text[160]) {
    size_t used = 0;
    for (size_t i = 0; i < array->dims; i++)
        used += (size_t)snprintf(text + used, 160 - used, "%s%zu", i > 0 ? ", " : "(", array->size[i]);
    snprintf(text + used, 160 - used, "%s", array->dims == 0 ? "()" : ")");
    return text;
}

static elbow_status count_row(elbow_array *array) {
    char text[160];
    ELBOW_CHECK(array->dims > 0, ELBOW_FORMAT,
                "%s: a single number; give an array whose first dimension is examples", array->name);
    array->row = 1;
    for (size_t i = 1; i < array->dims; i++) {
        bool fits = array->size[i] > 0 && array->row <= ELBOW_DIMENSIONS_MOST / array->size[i];
        ELBOW_CHECK(fits, ELBOW_FORMAT, "%s: its shape is %s; an example has 1 to %d values", array->name,
                    shape_text(array, text), (int)ELBOW_DIMENSIONS_MOST);
        array->row *= array->size[i];
    }
    return ELBOW_OK;
}

/* "28x28" or "32x32x3". */
static elbow_status read_shape(const char *text, const elbow_array *x, elbow_field *field) {
    int end = 0, found = sscanf(text, "%7zux%7zu%n", &field->height, &field->width, &end);
    field->channels = 1;
    if (found == 2 && text[end] == 'x') {
        int more = 0;
        found += sscanf(text + end, "x%7zu%n", &field->channels, &more);
        end += more;
    }
    ELBOW_CHECK(found >= 2 && text[end] == '\0' && strspn(text, "0123456789x") == strlen(text), ELBOW_USAGE,
                "--shape: `%.60s` is no size; give 28x28, or 32x32x3 with channels", text);
    size_t values = field->height * field->width * field->channels;
    ELBOW_CHECK(values == x->row, ELBOW_USAGE, "--shape: %s is %zu values, but an example of %s has %zu",
                text, values, x->name, x->row);
    return ELBOW_OK;
}

static elbow_status describe_images(array_import *a, const char *shape) {
    const elbow_array *x = &a->x;
    elbow_field *field = &a->field;
    char text[160];
    *field = (elbow_field){.kind = ELBOW_IMAGE, .height = 1, .width = x->row, .channels = 1};
    if (x->dims >= 3) {
        bool first = a->channels_first && x->dims == 4;
        field->height = x->size[first ? 2 : 1];
        field->width = x->size[first ? 3 : 2];
        field->channels = x->dims == 3 ? 1 : x->size[first ? 1 : 3];
    }
    if (shape != NULL) ELBOW_TRY(read_shape(shape, x, field));
    bool likely_first =
        x->dims == 4 && shape == NULL && !a->channels_first && x->size[1] <= 4 && x->size[3] > 4;
    ELBOW_CHECK(!likely_first, ELBOW_FORMAT,
                "%s: its shape is %s, so its channels seem to come first; give --channels first, or --shape "
                "where this is meant",
                x->name, shape_text(x, text));
    field->dimensions = x->row;
    return ELBOW_OK;
}

static elbow_status describe_x(array_import *a) {
    const char *shape = elbow_import_value(a->request, "--shape");
    const char *channels = elbow_import_value(a->request, "--channels");
    a->channels_first = strcmp(channels, "first") == 0;
    ELBOW_CHECK(a->channels_first || strcmp(channels, "last") == 0, ELBOW_USAGE,
                "--channels: `%.60s` is neither first nor last", channels);
    a->images = a->x.dims >= 3 || a->x.kind == ELBOW_ARRAY_BYTES || shape != NULL;
    a->first = a->x;
    a->block = a->x.row >= BLOCK_VALUES ? 1 : BLOCK_VALUES / a->x.row;
    a->values = malloc(a->block * a->x.row * sizeof *a->values);
    a->label_values = malloc(a->block * sizeof *a->label_values);
    a->pixels = malloc(a->x.row);
    ELBOW_CHECK(a->values != NULL && a->label_values != NULL && a->pixels != NULL, ELBOW_MEMORY,
                "%s: no memory to read it", a->x.name);
    a->label_facts.kind = ELBOW_COLUMN_CATEGORICAL;
    if (a->images) return describe_images(a, shape);
    a->facts = calloc(a->x.row, sizeof *a->facts);
    ELBOW_CHECK(a->facts != NULL, ELBOW_MEMORY, "%s: no memory to read it", a->x.name);
    a->field = (elbow_field){.kind = ELBOW_TABLE, .dimensions = a->x.row};
    for (size_t d = 0; d < a->x.row; d++)
        a->facts[d].kind = a->x.kind == ELBOW_ARRAY_REALS ? ELBOW_COLUMN_REAL : ELBOW_COLUMN_CATEGORICAL;
    return ELBOW_OK;
}

/* All splits have one kind and size of examples. */
static elbow_status check_same(const array_import *a) {
    char found[160], expected[160];
    bool same = a->x.dims == a->first.dims && a->x.kind == a->first.kind;
    for (size_t i = 1; i < a->x.dims && same; i++) same = a->x.size[i] == a->first.size[i];
    ELBOW_CHECK(same, ELBOW_FORMAT,
                "%s: shape %s%s, but %s has %s; all splits must have examples of one kind and size",
                a->x.name, shape_text(&a->x, found),
                a->x.kind != a->first.kind ? " of another type of numbers" : "", a->first.name,
                shape_text(&a->first, expected));
    return ELBOW_OK;
}

static elbow_status check_labels(array_import *a) {
    char text[160];
    const elbow_array *y = &a->y;
    bool one = y->dims == 1 || (y->dims == 2 && y->size[1] == 1);
    ELBOW_CHECK(one, ELBOW_FORMAT, "%s: labels of shape %s; they are one number an example: (%zu)", y->name,
                shape_text(y, text), a->x.size[0]);
    ELBOW_CHECK(y->size[0] == a->x.size[0], ELBOW_FORMAT,
                "%s: %zu labels for the %zu examples of %s; give the arrays that belong together", y->name,
                y->size[0], a->x.size[0], a->x.name);
    a->y.row = 1;
    return ELBOW_OK;
}

/* -------------------------------------------------------------------------------------------- rows */

static double pixel_of(const array_import *a, double value) {
    return a->first.kind == ELBOW_ARRAY_REALS ? value * 255 : value;
}

/* What is wrong with a row, into `problem`; false: nothing. */
static bool is_bad(const array_import *a, const double *x, const double *label, char problem[200]) {
    for (size_t d = 0; d < a->first.row; d++) {
        bool reals = a->first.kind == ELBOW_ARRAY_REALS;
        if (a->images) {
            double pixel = pixel_of(a, x[d]);
            if (pixel >= 0 && pixel <= 255) continue;
            snprintf(problem, 200, "value %zu is %g, which is no pixel; %s", d, x[d],
                     reals ? "reals are to be within 0 and 1" : "integers are to be within 0 and 255");
            return true;
        }
        if (reals ? isnan(x[d]) || fabs(x[d]) <= 1e30 : fabs(x[d]) <= 9007199254740992.0) continue;
        snprintf(problem, 200, "value %zu is %g, which is too large", d, x[d]);
        return true;
    }
    if (label == NULL || (fabs(*label) <= 9007199254740992.0 && *label == floor(*label))) return false;
    snprintf(problem, 200, "its label is %g, which is no whole number", *label);
    return true;
}

static size_t write_integer(char text[NUMBER_BYTES], double value) {
    return (size_t)snprintf(text, NUMBER_BYTES, "%" PRId64, (int64_t)value);
}

static elbow_status learn_word(const array_import *a, elbow_column_facts *facts, double value) {
    char text[NUMBER_BYTES];
    size_t length = write_integer(text, value);
    if (a->stage == LEARN_ALL) return elbow_column_see(facts, text, length);
    elbow_column_see_train(facts, text, length);
    return ELBOW_OK;
}

static elbow_status learn_row(array_import *a, elbow_split split, const double *x, const double *label) {
    if (a->stage == LEARN_TRAIN && split != ELBOW_TRAIN) return ELBOW_OK;
    for (size_t d = 0; d < a->first.row && !a->images; d++) {
        if (isnan(x[d])) continue;
        if (a->first.kind == ELBOW_ARRAY_INTEGERS)
            ELBOW_TRY(learn_word(a, &a->facts[d], x[d]));
        else if (a->stage == LEARN_TRAIN)
            elbow_column_see_train_number(&a->facts[d], x[d]);
        else
            a->facts[d].present++;
    }
    return label != NULL ? learn_word(a, &a->label_facts, *label) : ELBOW_OK;
}

/* The code of an integer; false: the training split has none such. */
static bool find_code(const elbow_column_facts *facts, const elbow_column *column, double *value) {
    char text[NUMBER_BYTES];
    size_t length = write_integer(text, *value);
    return elbow_column_value(facts, column, text, length, value);
}

static void take_pixels(array_import *a, const double *x) {
    size_t channels = a->field.channels, plane = a->field.dimensions / channels;
    bool first = a->channels_first && a->first.dims == 4;
    for (size_t p = 0; p < plane; p++)
        for (size_t c = 0; c < channels; c++)
            a->pixels[p * channels + c] =
                (uint8_t)lround(pixel_of(a, first ? x[c * plane + p] : x[p * channels + c]));
}

static elbow_status write_row(array_import *a, elbow_split split, size_t row, double *x,
                              const double *label) {
    double code = label != NULL ? *label : 0;
    if (label != NULL && !find_code(&a->label_facts, &a->labels.columns[0], &code))
        return elbow_bad_row(&a->unseen, a->y.name, 0,
                             "row %zu (from 0): its label %.0f is nowhere in the training split", row,
                             *label);
    for (size_t d = 0; d < a->first.row && !a->images; d++) {
        const elbow_column *column = &a->field.columns[d];
        double value = x[d];
        if (isnan(x[d])) continue;
        bool possible = a->first.kind == ELBOW_ARRAY_INTEGERS
                            ? find_code(&a->facts[d], column, &x[d])
                            : fabs((x[d] - column->mean) / column->scale) <= 1e30;
        if (!possible)
            return elbow_bad_row(
                &a->unseen, a->x.name, 0,
                "row %zu (from 0): its value %zu, %g, is nowhere near what the training split has", row, d,
                value);
    }
    if (a->images) {
        take_pixels(a, x);
        ELBOW_TRY(elbow_writer_append_images(a->writer, split, ELBOW_X, a->pixels, 1));
    } else {
        ELBOW_TRY(elbow_writer_append_table(a->writer, split, ELBOW_X, x, 1));
    }
    int32_t number = (int32_t)code;
    return label != NULL ? elbow_writer_append_labels(a->writer, split, &number, 1) : ELBOW_OK;
}

static elbow_status take_row(array_import *a, elbow_plan *plan, size_t row, double *x, const double *label) {
    char problem[200];
    if (is_bad(a, x, label, problem))
        return elbow_bad_row(&plan->bad, a->x.name, 0, "row %zu (from 0): %s", row, problem);
    elbow_split split = elbow_plan_next(plan);
    return a->stage == WRITE ? write_row(a, split, row, x, label) : learn_row(a, split, x, label);
}

static elbow_status open_arrays(array_import *a, elbow_split split) {
    a->x = a->y = (elbow_array){.self = NULL};
    ELBOW_TRY(a->ops->open(&a->x, a->request, split, ELBOW_X));
    ELBOW_TRY(count_row(&a->x));
    if (a->first.row == 0) ELBOW_TRY(describe_x(a));
    ELBOW_TRY(check_same(a));
    ELBOW_TRY(a->ops->open(&a->y, a->request, split, ELBOW_Y));
    if (a->y.self == NULL) return ELBOW_OK;
    a->labelled = true;
    return check_labels(a);
}

static elbow_status read_examples(void *self, elbow_plan *plan, const char *path) {
    array_import *a = self;
    elbow_status status = ELBOW_OK;
    (void)path;
    ELBOW_TRY_OR_DONE(open_arrays(a, plan->split));
    for (size_t done_rows = 0, rows = a->x.size[0]; done_rows < rows;) {
        size_t some = rows - done_rows < a->block ? rows - done_rows : a->block;
        ELBOW_TRY_OR_DONE(a->ops->read(&a->x, some, a->values));
        if (a->y.self != NULL) ELBOW_TRY_OR_DONE(a->ops->read(&a->y, some, a->label_values));
        for (size_t i = 0; i < some; i++)
            ELBOW_TRY_OR_DONE(take_row(a, plan, done_rows + i, a->values + i * a->x.row,
                                       a->y.self != NULL ? &a->label_values[i] : NULL));
        done_rows += some;
    }
    ELBOW_TRY_OR_DONE(a->ops->end(&a->x));
    if (a->y.self != NULL) ELBOW_TRY_OR_DONE(a->ops->end(&a->y));
done:
    if (a->x.self != NULL) a->ops->close(&a->x);
    if (a->y.self != NULL) a->ops->close(&a->y);
    return status;
}

/* ------------------------------------------------------------------------------------------ import */

static elbow_status decide(array_import *a) {
    char name[NUMBER_BYTES];
    for (size_t d = 0; d < a->first.row && !a->images; d++) {
        snprintf(name, sizeof name, "column%zu", d + 1);
        ELBOW_TRY(elbow_column_decide(&a->facts[d], a->first.name, name));
    }
    return a->labelled ? elbow_column_decide(&a->label_facts, a->first.name, "label") : ELBOW_OK;
}

static elbow_status describe_table(array_import *a) {
    char name[NUMBER_BYTES];
    ELBOW_TRY(elbow_field_take_columns(&a->field, a->first.row));
    for (size_t d = 0; d < a->first.row; d++) {
        snprintf(name, sizeof name, "column%zu", d + 1);
        ELBOW_TRY(elbow_column_describe(&a->facts[d], a->first.name, name, &a->field.columns[d]));
        if (!elbow_import_given(a->request, "--as-is")) continue;
        a->field.columns[d].mean = 0;
        a->field.columns[d].scale = 1;
    }
    return ELBOW_OK;
}

static elbow_status describe(array_import *a) {
    ELBOW_TRY(elbow_writer_create(&a->writer, a->request));
    if (!a->images) ELBOW_TRY(describe_table(a));
    ELBOW_TRY(elbow_writer_describe(a->writer, ELBOW_X, &a->field));
    if (!a->labelled) return ELBOW_OK;
    a->labels = (elbow_field){.kind = ELBOW_TABLE};
    ELBOW_TRY(elbow_field_take_columns(&a->labels, 1));
    ELBOW_TRY(elbow_column_describe(&a->label_facts, a->first.name, "label", &a->labels.columns[0]));
    return elbow_writer_describe(a->writer, ELBOW_Y, &a->labels);
}

static elbow_status run_passes(array_import *a, elbow_plan *plan) {
    a->stage = LEARN_ALL;
    ELBOW_TRY(elbow_plan_pass(plan, true, read_examples, a));
    ELBOW_TRY(decide(a));
    a->stage = LEARN_TRAIN;
    if (!a->images || a->labelled) ELBOW_TRY(elbow_plan_pass(plan, true, read_examples, a));
    ELBOW_TRY(describe(a));
    a->stage = WRITE;
    ELBOW_TRY(elbow_plan_pass(plan, false, read_examples, a));
    ELBOW_TRY(elbow_bad_rows_end(&a->unseen));
    return elbow_writer_finish(&a->writer);
}

elbow_status elbow_import_arrays(const elbow_import_request *request, const elbow_array_ops *ops) {
    elbow_plan plan;
    array_import a = {.request = request, .ops = ops, .unseen = {.skip = request->skip_bad}};
    elbow_plan_begin(&plan, request);
    elbow_status status = run_passes(&a, &plan);
    elbow_plan_end(&plan);
    free_import(&a);
    return status;
}
