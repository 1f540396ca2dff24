/* One option's value between text and struct. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "elbow/base/number.h"
#include "options_table.h"

static void *place(elbow_options *options, const option_row *row) { return (char *)options + row->offset; }

static const void *place_of(const elbow_options *options, const option_row *row) {
    return (const char *)options + row->offset;
}

/* Splits "a, b" into names that point into `storage`. */
static size_t split_choices(const char *choices, char storage[256], const char *names[16]) {
    size_t count = 0;
    snprintf(storage, 256, "%s", choices);
    for (char *name = storage; name != NULL && count < 16;) {
        names[count++] = name;
        name = strstr(name, ", ");
        if (name != NULL) {
            *name = '\0';
            name += 2;
        }
    }
    return count;
}

static elbow_status read_choice(const option_row *row, const char *text) {
    char storage[256];
    const char *names[16];
    size_t count = split_choices(row->choices, storage, names);
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], text) == 0) return ELBOW_OK;
    const char *nearest = elbow_nearest_name(text, names, count);
    return elbow_fail(ELBOW_USAGE, "`%.60s` is not one of %s%s%s%s", text, row->choices,
                      nearest ? "; did you mean `" : "", nearest ? nearest : "", nearest ? "`?" : "");
}

static elbow_status read_switch(const char *text, bool *value) {
    static const char *const words[] = {"no", "yes", "off", "on", "false", "true"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], text) != 0) continue;
        *value = i % 2 == 1;
        return ELBOW_OK;
    }
    return elbow_fail(ELBOW_USAGE, "`%.60s` is neither yes nor no", text);
}

/* Cuts the spaces around, and refuses what the line of an INI file could not carry back. */
static elbow_status trim(const char *text, elbow_option_text value) {
    while (*text == ' ' || *text == '\t') text++;
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t')) length--;
    ELBOW_CHECK(length < ELBOW_OPTION_BYTES, ELBOW_USAGE, "the value has %zu bytes; the most is %d", length,
                (int)ELBOW_OPTION_BYTES - 1);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        ELBOW_CHECK((c >= 0x20 && c != 0x7f) || c == '\t', ELBOW_USAGE,
                    "the value holds the control character 0x%02x at byte %zu; remove it", c, i + 1);
        ELBOW_CHECK(
            c != ';' || (i > 0 && text[i - 1] != ' ' && text[i - 1] != '\t'), ELBOW_USAGE,
            "the value holds `;` at a word's beginning, where a comment begins in a config; remove it");
    }
    memcpy(value, text, length);
    value[length] = '\0';
    return ELBOW_OK;
}

static elbow_status read_value(void *value, const option_row *row, const char *text) {
    switch (row->type) {
    case OPTION_INTEGER:
        return elbow_number_integer(text, row->integer_least, row->integer_most, value);
    case OPTION_REAL:
        return elbow_number_real(text, row->real_least, row->real_most, value);
    case OPTION_DURATION:
        return elbow_number_duration(text, value);
    case OPTION_SWITCH:
        return read_switch(text, value);
    case OPTION_CHOICE:
        ELBOW_TRY(read_choice(row, text));
        break;
    case OPTION_SCHEDULE:
        ELBOW_CHECK(text[0] != '\0', ELBOW_USAGE, "there is no value; give a schedule");
        break;
    case OPTION_TEXT:
        break;
    }
    memcpy(value, text, strlen(text) + 1);
    return ELBOW_OK;
}

elbow_status elbow_option_read(elbow_options *options, const option_row *row, const char *text) {
    elbow_option_text trimmed;
    elbow_status status = trim(text, trimmed);
    return status == ELBOW_OK ? read_value(place(options, row), row, trimmed) : status;
}

void elbow_option_write(const elbow_options *options, const option_row *row, elbow_option_text text) {
    const void *value = place_of(options, row);
    switch (row->type) {
    case OPTION_INTEGER:
        snprintf(text, ELBOW_OPTION_BYTES, "%" PRId64, *(const int64_t *)value);
        break;
    case OPTION_REAL:
        elbow_number_real_text(text, *(const double *)value);
        break;
    case OPTION_DURATION:
        elbow_number_duration_text(text, *(const double *)value);
        break;
    case OPTION_SWITCH:
        strcpy(text, *(const bool *)value ? "yes" : "no");
        break;
    case OPTION_CHOICE:
    case OPTION_SCHEDULE:
    case OPTION_TEXT:
        snprintf(text, ELBOW_OPTION_BYTES, "%s", (const char *)value);
        break;
    }
}

void elbow_option_describe(const option_row *row, char *text, size_t room) {
    char low[ELBOW_NUMBER_BYTES], high[ELBOW_NUMBER_BYTES];
    switch (row->type) {
    case OPTION_INTEGER:
        if (row->integer_most == INT64_MAX)
            snprintf(text, room, "a whole number, at least %" PRId64, row->integer_least);
        else
            snprintf(text, room, "a whole number, %" PRId64 " to %" PRId64, row->integer_least,
                     row->integer_most);
        break;
    case OPTION_REAL:
        elbow_number_real_text(low, row->real_least);
        elbow_number_real_text(high, row->real_most);
        snprintf(text, room, "a number, %s to %s", low, high);
        break;
    case OPTION_DURATION:
        snprintf(text, room, "a duration: 90, 90s, 30m, 2h, 1d or 1:30:00");
        break;
    case OPTION_SWITCH:
        snprintf(text, room, "yes or no");
        break;
    case OPTION_CHOICE:
        snprintf(text, room, "one of %s", row->choices);
        break;
    case OPTION_SCHEDULE:
        snprintf(text, room, "a schedule over the global step");
        break;
    case OPTION_TEXT:
        snprintf(text, room, "%s", row->choices[0] ? row->choices : "a text");
        break;
    }
}
