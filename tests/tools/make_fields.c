/* make_fields KIND FILE N: a data file of a known law with N training and N/5 test examples, of a kind:
 *
 *     table       colour (3 words, one with a comma), shape (2 words, one with quotes; sometimes missing), weight (a real
 *                 that follows from the shape), and the class as labels
 *     codes       the first two columns only, never missing
 *     smiles      chains of carbons, oxygens and nitrogens with branches and rings, all valid
 *     text        windows of two lines
 *
 * Shape follows colour, so that there is something to learn. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/field.h"
#include "data/writer.h"
#include "elbow/base/random.h"

static uint32_t draw(elbow_split split, size_t example, uint32_t what, uint32_t below) {
    uint32_t words[4];
    elbow_stream_block(elbow_stream_make(3, split, "fields"), what, (uint32_t)example, 0, words);
    return words[0] % below;
}

static elbow_status put(char **to, const char *text) { return elbow_text_copy(to, text, strlen(text)); }

static elbow_status make_column(elbow_column *column, const char *name, const char *const *words) {
    size_t count = 0;
    ELBOW_TRY(put(&column->name, name));
    while (words[count] != NULL) count++;
    ELBOW_TRY(elbow_column_take_words(column, count));
    for (size_t k = 0; k < count; k++) ELBOW_TRY(put(&column->words[k], words[k]));
    return ELBOW_OK;
}

static elbow_status describe_table(elbow_field *field, bool reals) {
    static const char *const colours[] = {"red", "green, dark", "blue", NULL};
    static const char *const shapes[] = {"round", "\"odd\"", NULL};
    field->kind = ELBOW_TABLE;
    ELBOW_TRY(elbow_field_take_columns(field, reals ? 3 : 2));
    ELBOW_TRY(make_column(&field->columns[0], "colour", colours));
    ELBOW_TRY(make_column(&field->columns[1], "shape", shapes));
    if (!reals) return ELBOW_OK;
    field->columns[2].mean = 150;
    field->columns[2].scale = 50;
    return put(&field->columns[2].name, "weight, g");
}

static elbow_status append_row(elbow_writer *writer, elbow_split split, size_t i, bool reals) {
    uint32_t colour = draw(split, i, 0, 3), odd = colour == 2 || draw(split, i, 1, 8) == 0;
    double row[] = {colour, odd, (odd ? 200 : 100) + draw(split, i, 2, 21) - 10.0};
    if (reals && draw(split, i, 3, 10) == 0) row[1] = NAN;
    return elbow_writer_append_table(writer, split, ELBOW_X, row, 1);
}

static elbow_status append_label(elbow_writer *writer, elbow_split split, size_t i) {
    int32_t label = (int32_t)draw(split, i, 0, 3);
    return elbow_writer_append_labels(writer, split, &label, 1);
}

static const char *const molecule_symbols[] = {"", "C", "O", "N", "(", ")", "=", "1", "Cl", NULL};
static const char *const text_symbols[] = {"", "\n", "a", "b", "c", " ", NULL};

static elbow_status describe_sequences(elbow_field *field, const char *const *symbols) {
    size_t count = 0;
    field->kind = ELBOW_SEQUENCE;
    field->terminated = true;
    while (symbols[count] != NULL) count++;
    ELBOW_TRY(elbow_field_take_symbols(field, count));
    for (size_t v = 0; v < count; v++) ELBOW_TRY(put(&field->symbols[v], symbols[v]));
    return ELBOW_OK;
}

static elbow_status append_text(elbow_writer *writer, elbow_split split, const char *const *symbols,
                                const char *text) {
    uint16_t tokens[64];
    size_t count = 0;
    for (size_t at = 0; text[at] != '\0';) {
        uint16_t token = 1;
        while (strncmp(symbols[token], text + at, strlen(symbols[token])) != 0 ||
               (text[at] == 'C' && text[at + 1] == 'l' && symbols[token][1] == '\0'))
            token++;
        tokens[count++] = token;
        at += strlen(symbols[token]);
    }
    tokens[count++] = 0;
    return elbow_writer_append_tokens(writer, split, ELBOW_X, tokens, count);
}

static elbow_status append_molecule(elbow_writer *writer, elbow_split split, size_t i) {
    static const char *const pieces[] = {"C", "CC", "O", "N", "C(C)", "C(=O)", "C(Cl)", "C1CC1"};
    char text[64] = "C";
    uint32_t count = 1 + draw(split, i, 0, 4);
    for (uint32_t p = 0; p < count; p++) strcat(text, pieces[draw(split, i, 1 + p, 8)]);
    return append_text(writer, split, molecule_symbols, text);
}

static elbow_status append_window(elbow_writer *writer, elbow_split split, size_t i) {
    static const char *const lines[] = {"a b c", "cab", "b", "abba"};
    char text[64];
    snprintf(text, sizeof text, "%s\n%s", lines[draw(split, i, 0, 4)], lines[draw(split, i, 1, 4)]);
    return append_text(writer, split, text_symbols, text);
}

static elbow_status make(const char *kind, const char *path, size_t count) {
    elbow_status status = ELBOW_OK;
    elbow_field field = {0};
    elbow_writer *writer = NULL;
    const elbow_import_request request = {.output = path};
    bool codes = strcmp(kind, "codes") == 0, table = codes || strcmp(kind, "table") == 0;
    bool smiles = strcmp(kind, "smiles") == 0;
    ELBOW_TRY_OR_DONE(table ? describe_table(&field, !codes)
                            : describe_sequences(&field, smiles ? molecule_symbols : text_symbols));
    ELBOW_TRY_OR_DONE(elbow_writer_create(&writer, &request));
    ELBOW_TRY_OR_DONE(elbow_writer_describe(writer, ELBOW_X, &field));
    for (int part = 0; part < 2; part++) {
        elbow_split split = part == 0 ? ELBOW_TRAIN : ELBOW_TEST;
        for (size_t i = 0; i < (part == 0 ? count : count / 5); i++) {
            ELBOW_TRY_OR_DONE(table    ? append_row(writer, split, i, !codes)
                              : smiles ? append_molecule(writer, split, i)
                                       : append_window(writer, split, i));
            if (table) ELBOW_TRY_OR_DONE(append_label(writer, split, i));
        }
    }
    status = elbow_writer_finish(&writer);
done:
    elbow_writer_discard(&writer);
    elbow_field_destroy(&field);
    return status;
}

int main(int argc, char **argv) {
    unsigned long count = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (count < 5) {
        fprintf(stderr, "usage: make_fields table|codes|smiles|text FILE N   (N from 5)\n");
        return 2;
    }
    if (make(argv[1], argv[2], count) == ELBOW_OK) return 0;
    fprintf(stderr, "make_fields: %s\n", elbow_error_message());
    return 1;
}
