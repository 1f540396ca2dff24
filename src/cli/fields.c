#include "fields.h"

#include <stdio.h>
#include <string.h>

enum { COLUMNS_SHOWN = 40, WORDS_SHOWN = 8, SYMBOLS_SHOWN = 40, NAME_WIDTH = 24 };

void elbow_cli_label(const char *name) { printf("  %-*s", ELBOW_LABEL_WIDTH, name); }

const char *elbow_cli_grouped(char text[ELBOW_COUNT_BYTES], size_t count) {
    char digits[ELBOW_COUNT_BYTES];
    int length = snprintf(digits, sizeof digits, "%zu", count);
    size_t at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

/* Words come from files of others: what could steer a terminal is shown as ?. Returns the columns taken. */
static int print_word(const char *word, size_t most) {
    int width = 0;
    if (word[0] == '\0') return printf("(empty)");
    for (const unsigned char *at = (const unsigned char *)word; *at != '\0'; at++) {
        if ((*at & 0xC0) != 0x80 && (size_t)width++ == most) {
            printf("…");
            break;
        }
        if (*at == '\n')
            printf("\\n");
        else if (*at == '\t')
            printf("\\t");
        else
            putchar(*at < 32 || *at == 127 ? '?' : *at);
    }
    return width;
}

static void print_words(char *const *words, size_t count, size_t most, const char *between) {
    for (size_t k = 0; k < count && k < most; k++) {
        printf("%s", k > 0 ? between : "");
        print_word(words[k], NAME_WIDTH);
    }
    if (count > most) printf("%s… %zu more", between, count - most);
}

static void print_column(const elbow_column *column) {
    printf("    ");
    for (int width = print_word(column->name, NAME_WIDTH); width < NAME_WIDTH; width++) putchar(' ');
    if (column->cardinality == 0) {
        printf("  real, mean %.6g, scale %.6g", column->mean, column->scale);
    } else {
        printf("  categorical, %zu: ", column->cardinality);
        print_words(column->words, column->cardinality, WORDS_SHOWN, " ");
    }
    printf(column->missing ? ", or missing\n" : "\n");
}

static void print_image(const elbow_field *field) {
    printf("image, %zu x %zu", field->height, field->width);
    if (field->channels > 1) printf(" x %zu channels", field->channels);
    printf(", values 0 to %u%s\n", field->maximum, field->binary ? ", black and white only" : "");
}

static void print_table(const elbow_field *field) {
    size_t categorical = 0;
    for (size_t d = 0; d < field->dimensions; d++) categorical += field->columns[d].cardinality > 0;
    printf("table, %zu column%s: %zu categorical, %zu real\n", field->dimensions,
           field->dimensions == 1 ? "" : "s", categorical, field->dimensions - categorical);
    for (size_t d = 0; d < field->dimensions && d < COLUMNS_SHOWN; d++) print_column(&field->columns[d]);
    if (field->dimensions > COLUMNS_SHOWN) printf("    … %zu more\n", field->dimensions - COLUMNS_SHOWN);
}

static void print_sequence(const elbow_field *field) {
    printf("sequence, up to %zu tokens, %zu symbols%s\n    ", field->dimensions, field->vocabulary,
           field->terminated ? ", the first of them ends a sequence" : "");
    print_words(field->symbols, field->vocabulary, SYMBOLS_SHOWN, " ");
    printf("\n");
}

void elbow_cli_print_field(const char *name, const elbow_field *field) {
    elbow_cli_label(name);
    switch (field->kind) {
    case ELBOW_IMAGE:
        print_image(field);
        break;
    case ELBOW_TABLE:
        print_table(field);
        break;
    case ELBOW_SEQUENCE:
        print_sequence(field);
        break;
    }
}

void elbow_cli_print_data(const elbow_dataset *dataset) {
    char text[ELBOW_COUNT_BYTES];
    const elbow_field *labels = elbow_dataset_field(dataset, ELBOW_Y);
    const elbow_field *context = elbow_dataset_field(dataset, ELBOW_CONTEXT);
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        size_t count = elbow_dataset_count(dataset, split);
        if (count == 0) continue;
        elbow_cli_label(elbow_split_name(split));
        printf("%s examples", elbow_cli_grouped(text, count));
        printf(elbow_dataset_has_labels(dataset, split) ? ", with labels" : "");
        printf(elbow_dataset_has_part(dataset, split, ELBOW_CONTEXT) ? ", with context\n" : "\n");
    }
    elbow_cli_print_field("x", elbow_dataset_field(dataset, ELBOW_X));
    if (labels != NULL) {
        elbow_cli_label("labels");
        printf("%zu classes: ", labels->columns[0].cardinality);
        print_words(labels->columns[0].words, labels->columns[0].cardinality, WORDS_SHOWN, " ");
        printf(labels->columns[0].missing ? ", or missing\n" : "\n");
    }
    if (context != NULL) elbow_cli_print_field("context", context);
    elbow_cli_label("checksum");
    printf("%s\n", elbow_dataset_checksum(dataset));
}
