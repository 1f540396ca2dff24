#include "elbow/store/examples.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/number.h"

enum { DIGITS = 6 };
static const double rounding = 2e-7; /* of a float32, and a little */

/* ------------------------------------------------------------------------------------------ tables */

/* Room for a row of cells: texts that belong to the field, and numbers. */
typedef struct row {
    const char **cells;
    char (*numbers)[ELBOW_NUMBER_BYTES];
} row;

static elbow_status make_row(row *r, const elbow_field *field, size_t notes) {
    r->cells = calloc(field->dimensions + notes, sizeof *r->cells);
    r->numbers = calloc(field->dimensions, sizeof *r->numbers);
    ELBOW_CHECK(r->cells != NULL && r->numbers != NULL, ELBOW_MEMORY, "no memory for a row of %zu cells",
                field->dimensions + notes);
    return ELBOW_OK;
}

static void free_row(row *r) {
    free(r->cells);
    free(r->numbers);
}

static elbow_status add_header(elbow_text *text, row *r, const elbow_field *field, const char *const *names,
                               size_t notes) {
    for (size_t n = 0; n < notes; n++) r->cells[n] = names[n];
    for (size_t d = 0; d < field->dimensions; d++) r->cells[notes + d] = field->columns[d].name;
    return elbow_text_row(text, r->cells, notes + field->dimensions);
}

/* A value in its own units. It was stored as the difference from the mean, so that a 0 may come back as 5e-10: what is
 * below the rounding of the parts of the sum is none of it. */
static double own_value(const elbow_column *column, double value) {
    double part = value * column->scale, most = fmax(fabs(part), fabs(column->mean));
    if (!(most > 0)) return 0;
    double unit = pow(10, ceil(log10(rounding * most)));
    return nearbyint((part + column->mean) / unit) * unit;
}

static const char *cell_of(const elbow_column *column, real value, char number[ELBOW_NUMBER_BYTES]) {
    if (value != value) return "";
    if (column->cardinality > 0)
        return value >= 0 && value < (real)column->cardinality ? column->words[(size_t)value] : "";
    elbow_number_rounded_text(number, own_value(column, (double)value), DIGITS);
    return number;
}

static elbow_status add_values(elbow_text *text, row *r, const elbow_examples *examples, size_t i,
                               const char *const *cells, size_t notes) {
    const elbow_field *field = examples->field;
    size_t D = field->dimensions;
    for (size_t n = 0; n < notes; n++) r->cells[n] = cells[n];
    for (size_t d = 0; d < D; d++)
        r->cells[notes + d] = cell_of(&field->columns[d], examples->reals[i * D + d], r->numbers[d]);
    return elbow_text_row(text, r->cells, notes + D);
}

static elbow_status add_table(elbow_text *text, const elbow_examples *examples, const elbow_notes *notes) {
    elbow_status status = ELBOW_OK;
    size_t count = notes ? notes->count : 0;
    row r = {0};
    ELBOW_TRY_OR_DONE(make_row(&r, examples->field, count));
    ELBOW_TRY_OR_DONE(add_header(text, &r, examples->field, notes ? notes->names : NULL, count));
    for (size_t i = 0; i < examples->count; i++)
        ELBOW_TRY_OR_DONE(
            add_values(text, &r, examples, i, count > 0 ? notes->cells + i * count : NULL, count));
done:
    free_row(&r);
    return status;
}

static elbow_status add_table_pairs(elbow_text *text, const elbow_examples *originals,
                                    const elbow_examples *made, size_t first) {
    static const char *const names[] = {"example", "which"};
    elbow_status status = ELBOW_OK;
    row r = {0};
    ELBOW_TRY_OR_DONE(make_row(&r, made->field, 2));
    ELBOW_TRY_OR_DONE(add_header(text, &r, made->field, names, 2));
    for (size_t i = 0; i < made->count; i++) {
        char number[ELBOW_NUMBER_BYTES];
        snprintf(number, sizeof number, "%zu", first + i);
        const char *cells[] = {number, "original"};
        ELBOW_TRY_OR_DONE(add_values(text, &r, originals, i, cells, 2));
        cells[1] = "reconstruction";
        ELBOW_TRY_OR_DONE(add_values(text, &r, made, i, cells, 2));
    }
done:
    free_row(&r);
    return status;
}

/* --------------------------------------------------------------------------------------- sequences */

bool elbow_examples_take_lines(const elbow_field *field) {
    if (field->kind != ELBOW_SEQUENCE) return false;
    for (size_t v = field->terminated; v < field->vocabulary; v++)
        if (strpbrk(field->symbols[v], "\n\r") != NULL) return true;
    return false;
}

/* The example's own text and a line end. */
static elbow_status add_sequence(elbow_text *text, const elbow_examples *examples, size_t i) {
    char *line = NULL;
    ELBOW_TRY(elbow_field_write_tokens(examples->field, examples->tokens + i * examples->field->dimensions,
                                       examples->length[i], &line));
    elbow_status status = elbow_text_print(text, "%s\n", line);
    free(line);
    return status;
}

static elbow_status add_sequences(elbow_text *text, const elbow_examples *examples,
                                  const elbow_notes *notes) {
    bool lines = elbow_examples_take_lines(examples->field);
    size_t count = notes ? notes->count : 0;
    for (size_t i = 0; i < examples->count; i++) {
        if (lines) ELBOW_TRY(elbow_text_print(text, "---- %zu", i + 1));
        for (size_t n = 0; n < count; n++) {
            const char *cell = notes->cells[i * count + n];
            ELBOW_TRY(lines ? elbow_text_print(text, ", %s %s", notes->names[n], cell)
                            : elbow_text_print(text, "%s\t", cell));
        }
        if (lines) ELBOW_TRY(elbow_text_add(text, "\n", 1));
        ELBOW_TRY(add_sequence(text, examples, i));
    }
    return ELBOW_OK;
}

static elbow_status add_sequence_pairs(elbow_text *text, const elbow_examples *originals,
                                       const elbow_examples *made, size_t first) {
    bool lines = elbow_examples_take_lines(made->field);
    for (size_t i = 0; i < made->count; i++) {
        if (lines) ELBOW_TRY(elbow_text_print(text, "---- example %zu\n", first + i));
        ELBOW_TRY(add_sequence(text, originals, i));
        if (lines) ELBOW_TRY(elbow_text_print(text, "---- reconstruction of %zu\n", first + i));
        ELBOW_TRY(add_sequence(text, made, i));
        if (!lines) ELBOW_TRY(elbow_text_add(text, "\n", 1));
    }
    return ELBOW_OK;
}

/* -------------------------------------------------------------------------------------------- both */

elbow_status elbow_text_add_examples(elbow_text *text, const elbow_examples *examples,
                                     const elbow_notes *notes) {
    return examples->field->kind == ELBOW_SEQUENCE ? add_sequences(text, examples, notes)
                                                   : add_table(text, examples, notes);
}

elbow_status elbow_text_add_pairs(elbow_text *text, const elbow_examples *originals,
                                  const elbow_examples *made, size_t first) {
    return made->field->kind == ELBOW_SEQUENCE ? add_sequence_pairs(text, originals, made, first)
                                               : add_table_pairs(text, originals, made, first);
}
