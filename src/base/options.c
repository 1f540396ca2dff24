#include "elbow/base/options.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options_table.h"

#define AT(section, key) #section, #key, offsetof(struct elbow_options, section.key)

/* The columns: where, type, default, whole bounds, real bounds, choices, role, help. */
const option_row elbow_option_rows[OPTION_COUNT] = {
#define INTEGER(section, key, value, least, most, role, help)                                                \
    {AT(section, key), OPTION_INTEGER, #value, least, most, 0, 0, "", ELBOW_OPTION_##role, help},
#define REAL(section, key, value, least, most, role, help)                                                   \
    {AT(section, key), OPTION_REAL, #value, 0, 0, least, most, "", ELBOW_OPTION_##role, help},
#define TEXT(section, key, value, role, help)                                                                \
    {AT(section, key), OPTION_TEXT, value, 0, 0, 0, 0, "", ELBOW_OPTION_##role, help},
#define MINUTES(section, key, value, role, help)                                                             \
    {AT(section, key), OPTION_TEXT, value, 0, 0, 0, 0, "minutes, or auto", ELBOW_OPTION_##role, help},
#define SCHEDULE(section, key, value, role, help)                                                            \
    {AT(section, key), OPTION_SCHEDULE, value, 0, 0, 0, 0, "", ELBOW_OPTION_##role, help},
#define CHOICE(section, key, value, choices, role, help)                                                     \
    {AT(section, key), OPTION_CHOICE, value, 0, 0, 0, 0, choices, ELBOW_OPTION_##role, help},
#define SWITCH(section, key, value, role, help)                                                              \
    {AT(section, key), OPTION_SWITCH, value, 0, 0, 0, 0, "", ELBOW_OPTION_##role, help},
#define DURATION(section, key, value, role, help)                                                            \
    {AT(section, key), OPTION_DURATION, value, 0, 0, 0, 0, "", ELBOW_OPTION_##role, help},
#include "elbow/base/options.def"
};

const option_section elbow_option_sections[] = {
#define SECTION(section, help) {#section, help},
#include "elbow/base/options.def"
};
const size_t elbow_option_section_count = sizeof elbow_option_sections / sizeof elbow_option_sections[0];

enum { MOST_SECTIONS = sizeof elbow_option_sections / sizeof elbow_option_sections[0] };

static bool same(const char *name, const char *text, size_t length) {
    return strlen(name) == length && memcmp(name, text, length) == 0;
}

const option_section *elbow_option_section_find(const char *name, size_t length) {
    for (size_t s = 0; s < MOST_SECTIONS; s++)
        if (same(elbow_option_sections[s].name, name, length)) return &elbow_option_sections[s];
    return NULL;
}

const option_row *elbow_option_row_find(const option_section *section, const char *key, size_t length) {
    for (size_t r = 0; r < OPTION_COUNT; r++)
        if (strcmp(elbow_option_rows[r].section, section->name) == 0 &&
            same(elbow_option_rows[r].key, key, length))
            return &elbow_option_rows[r];
    return NULL;
}

/* What is shown of a name that a person got wrong. */
enum { SHOWN = 60 };

static const char *shown(char text[SHOWN + 1], const char *name, size_t length) {
    if (length > SHOWN) length = SHOWN;
    for (size_t i = 0; i < length; i++) text[i] = iscntrl((unsigned char)name[i]) ? '?' : name[i];
    text[length] = '\0';
    return text;
}

elbow_status elbow_option_section_unknown(const char *name, size_t length) {
    char text[SHOWN + 1];
    const char *names[MOST_SECTIONS];
    for (size_t s = 0; s < MOST_SECTIONS; s++) names[s] = elbow_option_sections[s].name;
    const char *nearest = elbow_nearest_name(shown(text, name, length), names, MOST_SECTIONS);
    if (nearest != NULL)
        return elbow_fail(ELBOW_USAGE, "unknown section `%s`; did you mean `%s`?", text, nearest);
    return elbow_fail(ELBOW_USAGE, "unknown section `%s`; `elbow config` lists all", text);
}

elbow_status elbow_option_key_unknown(const option_section *section, const char *key, size_t length) {
    char text[SHOWN + 1];
    shown(text, key, length);
    for (size_t s = 0; s < MOST_SECTIONS; s++)
        if (elbow_option_row_find(&elbow_option_sections[s], key, length) != NULL)
            return elbow_fail(ELBOW_USAGE, "`%s` belongs in [%s], and stands in [%s]; move it", text,
                              elbow_option_sections[s].name, section->name);
    const char *names[OPTION_COUNT];
    size_t count = 0;
    for (size_t r = 0; r < OPTION_COUNT; r++)
        if (strcmp(elbow_option_rows[r].section, section->name) == 0)
            names[count++] = elbow_option_rows[r].key;
    const char *nearest = elbow_nearest_name(text, names, count);
    if (nearest != NULL)
        return elbow_fail(ELBOW_USAGE, "unknown key `%s` in [%s]; did you mean `%s`?", text, section->name,
                          nearest);
    for (size_t r = 0; r < OPTION_COUNT; r++) names[r] = elbow_option_rows[r].key;
    nearest = elbow_nearest_name(text, names, OPTION_COUNT);
    for (size_t r = 0; nearest != NULL && r < OPTION_COUNT; r++)
        if (names[r] == nearest)
            return elbow_fail(ELBOW_USAGE, "unknown key `%s` in [%s]; did you mean `%s` in [%s]?", text,
                              section->name, nearest, elbow_option_rows[r].section);
    return elbow_fail(ELBOW_USAGE, "unknown key `%s` in [%s]; `elbow config %s` lists its keys", text,
                      section->name, section->name);
}

elbow_status elbow_option_name_unknown(const char *name) {
    char text[SHOWN + 1];
    const char *names[MOST_SECTIONS + OPTION_COUNT];
    for (size_t s = 0; s < MOST_SECTIONS; s++) names[s] = elbow_option_sections[s].name;
    for (size_t r = 0; r < OPTION_COUNT; r++) names[MOST_SECTIONS + r] = elbow_option_rows[r].key;
    const char *nearest =
        elbow_nearest_name(shown(text, name, strlen(name)), names, MOST_SECTIONS + OPTION_COUNT);
    if (nearest != NULL)
        return elbow_fail(ELBOW_USAGE, "`%s` is no section or key; did you mean `%s`?", text, nearest);
    return elbow_fail(ELBOW_USAGE, "`%s` is no section or key; `elbow config` lists all", text);
}

elbow_status elbow_option_find(const char *section_key, size_t length, const option_row **row) {
    char text[SHOWN + 1];
    *row = NULL;
    const char *dot = memchr(section_key, '.', length);
    if (dot == NULL) {
        for (size_t r = 0; r < OPTION_COUNT; r++)
            if (same(elbow_option_rows[r].key, section_key, length))
                return elbow_fail(ELBOW_USAGE, "`%s` lacks its section; write %s.%s",
                                  elbow_option_rows[r].key, elbow_option_rows[r].section,
                                  elbow_option_rows[r].key);
        return elbow_fail(ELBOW_USAGE, "`%s` is not section.key; e.g. train.batch",
                          shown(text, section_key, length));
    }
    size_t before = (size_t)(dot - section_key), after = length - before - 1;
    const option_section *section = elbow_option_section_find(section_key, before);
    if (section == NULL) return elbow_option_section_unknown(section_key, before);
    *row = elbow_option_row_find(section, dot + 1, after);
    return *row != NULL ? ELBOW_OK : elbow_option_key_unknown(section, dot + 1, after);
}

elbow_status elbow_options_create(elbow_options **options) {
    *options = calloc(1, sizeof **options);
    ELBOW_CHECK(*options != NULL, ELBOW_MEMORY, "no memory for the options");
    (*options)->origins = calloc(1, sizeof *(*options)->origins);
    if ((*options)->origins == NULL) {
        elbow_options_destroy(options);
        return elbow_fail(ELBOW_MEMORY, "no memory for the options");
    }
    for (size_t r = 0; r < OPTION_COUNT; r++) {
        elbow_status status =
            elbow_option_read(*options, &elbow_option_rows[r], elbow_option_rows[r].initial);
        assert(status == ELBOW_OK && "a default in options.def is not within its own bounds");
        (void)status;
    }
    return ELBOW_OK;
}

void elbow_options_destroy(elbow_options **options) {
    if (*options == NULL) return;
    if ((*options)->origins != NULL)
        for (size_t r = 0; r < OPTION_COUNT; r++) free((*options)->origins->text[r]);
    free((*options)->origins);
    free(*options);
    *options = NULL;
}

elbow_status elbow_options_copy(elbow_options **copy, const elbow_options *options) {
    ELBOW_TRY(elbow_options_create(copy));
    struct elbow_origins *origins = (*copy)->origins;
    **copy = *options;
    (*copy)->origins = origins;
    elbow_status status = ELBOW_OK;
    for (size_t r = 0; r < OPTION_COUNT; r++)
        if (options->origins->text[r] != NULL)
            ELBOW_TRY_OR_DONE(
                elbow_option_set_origin(*copy, &elbow_option_rows[r], options->origins->text[r]));
done:
    if (status != ELBOW_OK) elbow_options_destroy(copy);
    return status;
}

elbow_status elbow_option_set_origin(elbow_options *options, const option_row *row, const char *origin) {
    char *text = strdup(origin);
    ELBOW_CHECK(text != NULL, ELBOW_MEMORY, "no memory for the options");
    free(options->origins->text[option_index(row)]);
    options->origins->text[option_index(row)] = text;
    return ELBOW_OK;
}

elbow_status elbow_options_set(elbow_options *options, const char *assignment) {
    const char *equals = strchr(assignment, '=');
    ELBOW_CHECK(equals != NULL, ELBOW_USAGE, "--set %.100s: there is no `=`; write --set section.key=value",
                assignment);
    size_t skip = strspn(assignment, " \t"), length = (size_t)(equals - assignment);
    if (skip > length) skip = length;
    while (length > skip && (assignment[length - 1] == ' ' || assignment[length - 1] == '\t')) length--;

    const option_row *row = NULL;
    elbow_status status = elbow_option_find(assignment + skip, length - skip, &row);
    if (status == ELBOW_OK) status = elbow_option_read(options, row, equals + 1);
    if (status != ELBOW_OK) return elbow_fail_prefix(status, "--set %.100s", assignment);

    char origin[ELBOW_OPTION_BYTES + 128];
    snprintf(origin, sizeof origin, "--set %s", assignment);
    return elbow_option_set_origin(options, row, origin);
}

/* The row of a name that a part of the program gives, which must be right. */
static const option_row *known_row(const char *section_key) {
    const option_row *row = NULL;
    bool known = elbow_option_find(section_key, strlen(section_key), &row) == ELBOW_OK;
    assert(known);
    return known ? row : &elbow_option_rows[0];
}

const char *elbow_options_origin(const elbow_options *options, const char *section_key) {
    const char *origin = options->origins->text[option_index(known_row(section_key))];
    return origin != NULL ? origin : "default";
}

elbow_status elbow_options_blame(const elbow_options *options, const char *section_key, elbow_status status) {
    const char *origin = elbow_options_origin(options, section_key);
    if (strncmp(origin, "--set ", 6) == 0) return elbow_fail_prefix(status, "%s", origin);
    elbow_option_text value;
    elbow_option_write(options, known_row(section_key), value);
    return elbow_fail_prefix(status, "%s: %s = %s", origin, section_key, value);
}

/* Specs that differ in the number of spaces only are the same. */
static bool same_words(const char *a, const char *b) {
    for (;;) {
        size_t spaces_a = strspn(a, " \t"), spaces_b = strspn(b, " \t");
        if ((spaces_a == 0) != (spaces_b == 0)) return false;
        a += spaces_a;
        b += spaces_b;
        if (*a != *b) return false;
        if (*a == '\0') return true;
        a++;
        b++;
    }
}

void elbow_options_compare(const elbow_options *a, const elbow_options *b, elbow_options_visit *visit,
                           void *context) {
    for (size_t r = 0; r < OPTION_COUNT; r++) {
        const option_row *row = &elbow_option_rows[r];
        elbow_option_text value_a, value_b;
        elbow_option_write(a, row, value_a);
        elbow_option_write(b, row, value_b);
        if (same_words(value_a, value_b)) continue;
        char name[2 * SHOWN];
        snprintf(name, sizeof name, "%s.%s", row->section, row->key);
        visit(context, name, row->role, value_a, value_b);
    }
}
