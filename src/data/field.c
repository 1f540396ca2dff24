#include "data/field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
    [ELBOW_IMAGE] = "image", [ELBOW_TABLE] = "table", [ELBOW_SEQUENCE] = "sequence"};

const char *elbow_field_kind_name(elbow_field_kind kind) { return kind_names[kind]; }

elbow_status elbow_text_copy(char **copy, const char *bytes, size_t count) {
    *copy = malloc(count + 1);
    ELBOW_CHECK(*copy != NULL, ELBOW_MEMORY, "no memory for a text of %zu bytes", count);
    if (count > 0) memcpy(*copy, bytes, count);
    (*copy)[count] = '\0';
    return ELBOW_OK;
}

elbow_status elbow_field_take_columns(elbow_field *field, size_t count) {
    field->columns = calloc(count + 1, sizeof *field->columns);
    ELBOW_CHECK(field->columns != NULL, ELBOW_MEMORY, "no memory for %zu columns", count);
    field->dimensions = count;
    return ELBOW_OK;
}

elbow_status elbow_column_take_words(elbow_column *column, size_t count) {
    column->words = calloc(count + 1, sizeof *column->words);
    ELBOW_CHECK(column->words != NULL, ELBOW_MEMORY, "no memory for %zu words", count);
    column->cardinality = count;
    return ELBOW_OK;
}

elbow_status elbow_field_take_symbols(elbow_field *field, size_t count) {
    field->symbols = calloc(count + 1, sizeof *field->symbols);
    ELBOW_CHECK(field->symbols != NULL, ELBOW_MEMORY, "no memory for %zu symbols", count);
    field->vocabulary = count;
    return ELBOW_OK;
}

static void free_texts(char **texts, size_t count) {
    if (texts == NULL) return;
    for (size_t i = 0; i < count; i++) free(texts[i]);
    free(texts);
}

void elbow_field_destroy(elbow_field *field) {
    if (field->columns != NULL)
        for (size_t d = 0; d < field->dimensions; d++) {
            free(field->columns[d].name);
            free_texts(field->columns[d].words, field->columns[d].cardinality);
        }
    free(field->columns);
    free_texts(field->symbols, field->vocabulary);
    memset(field, 0, sizeof *field);
}

/* ------------------------------------------------------------------------------------------- copies */

static elbow_status copy_texts(char **to, char *const *from, size_t count) {
    for (size_t i = 0; i < count; i++) ELBOW_TRY(elbow_text_copy(&to[i], from[i], strlen(from[i])));
    return ELBOW_OK;
}

static elbow_status copy_column(elbow_column *to, const elbow_column *from) {
    to->mean = from->mean;
    to->scale = from->scale;
    to->missing = from->missing;
    ELBOW_TRY(elbow_text_copy(&to->name, from->name, strlen(from->name)));
    if (from->cardinality == 0) return ELBOW_OK;
    ELBOW_TRY(elbow_column_take_words(to, from->cardinality));
    return copy_texts(to->words, from->words, from->cardinality);
}

static elbow_status copy_parts(elbow_field *to, const elbow_field *from) {
    if (from->kind == ELBOW_TABLE) {
        ELBOW_TRY(elbow_field_take_columns(to, from->dimensions));
        for (size_t d = 0; d < from->dimensions; d++)
            ELBOW_TRY(copy_column(&to->columns[d], &from->columns[d]));
    }
    if (from->kind == ELBOW_SEQUENCE) {
        ELBOW_TRY(elbow_field_take_symbols(to, from->vocabulary));
        return copy_texts(to->symbols, from->symbols, from->vocabulary);
    }
    return ELBOW_OK;
}

elbow_status elbow_field_copy(elbow_field *to, const elbow_field *from) {
    *to = *from;
    to->columns = NULL;
    to->symbols = NULL;
    elbow_status status = copy_parts(to, from);
    if (status != ELBOW_OK) elbow_field_destroy(to);
    return status;
}

elbow_status elbow_field_make_labels(elbow_field *field, const char *name, size_t cardinality) {
    elbow_status status = ELBOW_OK;
    char word[32];
    *field = (elbow_field){.kind = ELBOW_TABLE};
    ELBOW_TRY_OR_DONE(elbow_field_take_columns(field, 1));
    ELBOW_TRY_OR_DONE(elbow_text_copy(&field->columns[0].name, name, strlen(name)));
    ELBOW_TRY_OR_DONE(elbow_column_take_words(&field->columns[0], cardinality));
    for (size_t k = 0; k < cardinality; k++) {
        int length = snprintf(word, sizeof word, "%zu", k);
        ELBOW_TRY_OR_DONE(elbow_text_copy(&field->columns[0].words[k], word, (size_t)length));
    }
done:
    if (status != ELBOW_OK) elbow_field_destroy(field);
    return status;
}

/* ------------------------------------------------------------------------------------------ matching */

static elbow_status match_images(const elbow_field *expected, const elbow_field *found, const char *subject) {
    ELBOW_CHECK(expected->height == found->height && expected->width == found->width &&
                    expected->channels == found->channels,
                ELBOW_MISMATCH,
                "%s: images of %zu x %zu x %zu where %zu x %zu x %zu are expected; use data of the same size",
                subject, found->height, found->width, found->channels, expected->height, expected->width,
                expected->channels);
    return ELBOW_OK;
}

static elbow_status match_column(const elbow_column *expected, const elbow_column *found, size_t d,
                                 const char *subject) {
    ELBOW_CHECK(strcmp(expected->name, found->name) == 0, ELBOW_MISMATCH,
                "%s: column %zu is `%.60s` where `%.60s` is expected; use data with the same columns",
                subject, d + 1, found->name, expected->name);
    ELBOW_CHECK((expected->cardinality == 0) == (found->cardinality == 0), ELBOW_MISMATCH,
                "%s: column `%.60s` is %s where a %s one is expected; import it as the model's data were",
                subject, found->name, found->cardinality == 0 ? "real" : "categorical",
                expected->cardinality == 0 ? "real" : "categorical");
    ELBOW_CHECK(expected->cardinality == found->cardinality, ELBOW_MISMATCH,
                "%s: column `%.60s` has %zu words where %zu are expected; import it as the model's data were",
                subject, found->name, found->cardinality, expected->cardinality);
    for (size_t k = 0; k < found->cardinality; k++)
        ELBOW_CHECK(
            strcmp(expected->words[k], found->words[k]) == 0, ELBOW_MISMATCH,
            "%s: column `%.60s` writes code %zu as `%.60s` where `%.60s` is expected; import it as the "
            "model's data were",
            subject, found->name, k, found->words[k], expected->words[k]);
    ELBOW_CHECK(
        found->cardinality > 0 || (expected->mean == found->mean && expected->scale == found->scale),
        ELBOW_MISMATCH,
        "%s: column `%.60s` is standardised by mean %g and scale %g where %g and %g are expected; import "
        "it as the model's data were",
        subject, found->name, found->mean, found->scale, expected->mean, expected->scale);
    return ELBOW_OK;
}

static elbow_status match_tables(const elbow_field *expected, const elbow_field *found, const char *subject) {
    ELBOW_CHECK(expected->dimensions == found->dimensions, ELBOW_MISMATCH,
                "%s: %zu columns where %zu are expected; use data with the same columns", subject,
                found->dimensions, expected->dimensions);
    for (size_t d = 0; d < found->dimensions; d++)
        ELBOW_TRY(match_column(&expected->columns[d], &found->columns[d], d, subject));
    return ELBOW_OK;
}

static elbow_status match_sequences(const elbow_field *expected, const elbow_field *found,
                                    const char *subject) {
    ELBOW_CHECK(expected->vocabulary == found->vocabulary, ELBOW_MISMATCH,
                "%s: a vocabulary of %zu symbols where %zu are expected; import it as the model's data were",
                subject, found->vocabulary, expected->vocabulary);
    for (size_t v = 0; v < found->vocabulary; v++)
        ELBOW_CHECK(strcmp(expected->symbols[v], found->symbols[v]) == 0, ELBOW_MISMATCH,
                    "%s: symbol %zu is `%.60s` where `%.60s` is expected; import it as the model's data were",
                    subject, v, found->symbols[v], expected->symbols[v]);
    ELBOW_CHECK(expected->terminated == found->terminated, ELBOW_MISMATCH,
                "%s: sequences %s end symbol where they are expected %s; import it as the model's data were",
                subject, found->terminated ? "with an" : "without an",
                found->terminated ? "without" : "with one");
    return ELBOW_OK;
}

elbow_status elbow_field_match(const elbow_field *expected, const elbow_field *found, const char *subject) {
    ELBOW_CHECK(expected->kind == found->kind, ELBOW_MISMATCH,
                "%s: examples are of kind %s where %s is expected; use data of the same kind", subject,
                kind_names[found->kind], kind_names[expected->kind]);
    switch (found->kind) {
    case ELBOW_IMAGE:
        return match_images(expected, found, subject);
    case ELBOW_TABLE:
        return match_tables(expected, found, subject);
    case ELBOW_SEQUENCE:
        return match_sequences(expected, found, subject);
    }
    return ELBOW_OK;
}

/* ----------------------------------------------------------------------------------- in other words */

size_t elbow_field_input_width(const elbow_field *field) {
    size_t width = 0;
    if (field->kind == ELBOW_IMAGE) return field->dimensions;
    if (field->kind == ELBOW_SEQUENCE) return field->dimensions * field->vocabulary;
    for (size_t d = 0; d < field->dimensions; d++) {
        const elbow_column *column = &field->columns[d];
        width += (column->cardinality > 0 ? column->cardinality : 1) + column->missing;
    }
    return width;
}

elbow_status elbow_field_write_tokens(const elbow_field *field, const unsigned *tokens, size_t count,
                                      char **text) {
    size_t joint = strlen(field->joiner), length = 0, written = 0;
    *text = NULL;
    for (size_t i = 0; i < count; i++) {
        ELBOW_CHECK(tokens[i] < field->vocabulary, ELBOW_FORMAT,
                    "token %u is not one of the vocabulary's %zu; the values are damaged", tokens[i],
                    field->vocabulary);
        length += strlen(field->symbols[tokens[i]]) + joint;
    }
    char *made = malloc(length + 1);
    ELBOW_CHECK(made != NULL, ELBOW_MEMORY, "no memory for a text of %zu bytes", length);
    for (size_t i = 0; i < count; i++) {
        if (field->terminated && tokens[i] == 0) continue;
        const char *symbol = field->symbols[tokens[i]];
        size_t bytes = strlen(symbol);
        if (written > 0) {
            memcpy(made + written, field->joiner, joint);
            written += joint;
        }
        memcpy(made + written, symbol, bytes);
        written += bytes;
    }
    made[written] = '\0';
    *text = made;
    return ELBOW_OK;
}
