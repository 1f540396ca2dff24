/* The options as a table of rows, for the files that read, print and compare them. Made from options.def. */
#ifndef ELBOW_SRC_BASE_OPTIONS_TABLE_H
#define ELBOW_SRC_BASE_OPTIONS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elbow/base/options.h"

typedef enum option_type {
    OPTION_INTEGER,
    OPTION_REAL,
    OPTION_TEXT,
    OPTION_SCHEDULE,
    OPTION_CHOICE,
    OPTION_SWITCH,
    OPTION_DURATION
} option_type;

typedef struct option_row {
    const char *section, *key;
    size_t offset; /* of the value in struct elbow_options */
    option_type type;
    const char *initial;
    int64_t integer_least, integer_most;
    double real_least, real_most;
    const char *choices; /* "a, b"; of a text: what it may be, or "" */
    elbow_option_role role;
    const char *help;
} option_row;

typedef struct option_section {
    const char *name, *help;
} option_section;

enum {
#define ROW(section, key) OPTION_INDEX_##section##_##key,
#include "elbow/base/options.def"
    OPTION_COUNT
};

/* Where each value came from; NULL is the default. */
struct elbow_origins {
    char *text[OPTION_COUNT];
};

extern const option_row elbow_option_rows[OPTION_COUNT];
extern const option_section elbow_option_sections[];
extern const size_t elbow_option_section_count;

/* The section or row of that name; NULL when there is none. Names need no end at `length`. */
const option_section *elbow_option_section_find(const char *name, size_t length);
const option_row *elbow_option_row_find(const option_section *section, const char *key, size_t length);

/* "section.key" → its row, or ELBOW_USAGE with the nearest name, or with the section that the key belongs in. */
elbow_status elbow_option_find(const char *section_key, size_t length, const option_row **row);

/* The failures of a name that is not there. `section` is where the key was looked for. */
elbow_status elbow_option_section_unknown(const char *name, size_t length);
elbow_status elbow_option_key_unknown(const option_section *section, const char *key, size_t length);
elbow_status elbow_option_name_unknown(const char *name); /* of a section, or of a key in any */

/* Text → value, checked for type and range; ELBOW_USAGE says what is wrong with the value, and the options are as before. */
elbow_status elbow_option_read(elbow_options *options, const option_row *row, const char *text);

/* Value → the text that elbow_option_read reads back to it. */
void elbow_option_write(const elbow_options *options, const option_row *row, elbow_option_text text);

/* "a whole number, 1 to 100", "none, threshold or dynamic": what may stand there. */
void elbow_option_describe(const option_row *row, char *text, size_t room);

/* Takes a copy of `origin`. */
elbow_status elbow_option_set_origin(elbow_options *options, const option_row *row, const char *origin);

static inline size_t option_index(const option_row *row) { return (size_t)(row - elbow_option_rows); }

#endif
