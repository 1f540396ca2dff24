/* INI files into options, by inih.
 *
 * inih knows neither line numbers in its handler nor lines beyond its buffer (200 bytes where a distribution
 * builds it), drops what follows a section's `]`, and takes an indented line for more of the value before it. So
 * it reads through next_line(), which counts lines, cuts the indent, looks at sections itself, and passes a long
 * value behind inih's back. What a line is worth is seen when the next one is asked for: end_line(). */
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "options_table.h"

enum { MOST_FILE_BYTES = 1 << 20 };

typedef struct reader {
    elbow_options *options;
    const char *file; /* for messages */
    const char *rest; /* of the text */
    size_t line;      /* the number of the one in hand, from 1 */
    elbow_status status;
    const option_section *section;
    size_t given[OPTION_COUNT]; /* the line that gave the option, 0 for none */

    /* The line in hand, when it should be key = value. */
    bool waiting;          /* inih has it and has not called the handler yet */
    const char *long_text; /* the value, where inih has a stand-in; not ended */
    size_t long_length;
    const option_row *row; /* NULL where the handler has not been called */
    elbow_option_text value;
} reader;

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

static void fail_here(reader *r, elbow_status status) {
    if (r->status == ELBOW_OK) r->status = elbow_fail_prefix(status, "%s:%zu", r->file, r->line);
}

/* Puts the value of the line in hand into the options. */
static void end_line(reader *r) {
    if (r->status != ELBOW_OK || r->row == NULL) {
        if (r->waiting)
            fail_here(r, elbow_fail(ELBOW_USAGE,
                                    "neither a [section], nor key = value, nor a comment; a comment "
                                    "begins with `;` or `#`, and a value does not go on to the next "
                                    "line"));
        r->waiting = false;
        return;
    }
    const option_row *row = r->row;
    r->row = NULL;
    r->waiting = false;
    size_t *given = &r->given[option_index(row)];
    if (*given != 0) {
        fail_here(r, elbow_fail(ELBOW_USAGE, "%s.%s is given a second time; line %zu gives it first",
                                row->section, row->key, *given));
        return;
    }
    *given = r->line;
    elbow_status status = elbow_option_read(r->options, row, r->value);
    if (status != ELBOW_OK) status = elbow_fail_prefix(status, "%s.%s", row->section, row->key);
    char origin[4096];
    snprintf(origin, sizeof origin, "%.3900s:%zu", r->file, r->line);
    if (status == ELBOW_OK) status = elbow_option_set_origin(r->options, row, origin);
    if (status != ELBOW_OK) fail_here(r, status);
}

/* inih's handler: one key = value. Returns nonzero always; failures are kept in the reader. */
static int take_pair(void *context, const char *section, const char *key, const char *value) {
    reader *r = context;
    (void)section; /* next_line has it, at full length */
    r->waiting = false;
    if (r->status != ELBOW_OK) return 1;
    size_t length = strlen(key);
    if (length == 0) {
        fail_here(r, elbow_fail(ELBOW_USAGE, "there is no key before the `=`; write key = value"));
        return 1;
    }
    if (r->section == NULL) {
        fail_here(r, elbow_fail(ELBOW_USAGE,
                                "`%.60s` stands before any [section]; begin with one, e.g. [train]", key));
        return 1;
    }
    const option_row *row = elbow_option_row_find(r->section, key, length);
    if (row == NULL) {
        fail_here(r, elbow_option_key_unknown(r->section, key, length));
        return 1;
    }
    if (r->long_text != NULL) {
        value = r->long_text;
        length = r->long_length;
    } else {
        length = strlen(value);
    }
    if (length >= ELBOW_OPTION_BYTES) {
        fail_here(r, elbow_fail(ELBOW_USAGE, "%s.%s: the value has %zu bytes; the most is %d", row->section,
                                row->key, length, (int)ELBOW_OPTION_BYTES - 1));
        return 1;
    }
    memcpy(r->value, value, length);
    r->value[length] = '\0';
    r->row = row;
    return 1;
}

/* [name] with nothing behind it but a comment. */
static void take_section(reader *r, const char *text, size_t length) {
    const char *close = memchr(text, ']', length);
    if (close == NULL) {
        fail_here(r, elbow_fail(ELBOW_USAGE, "the section's name has no end; write [name]"));
        return;
    }
    const char *name = text + 1, *end = close, *after = close + 1;
    while (name < end && is_space(*name)) name++;
    while (end > name && is_space(end[-1])) end--;
    while (after < text + length && is_space(*after)) after++;
    if (after < text + length && *after != ';' && *after != '#') {
        fail_here(r,
                  elbow_fail(ELBOW_USAGE, "something stands behind the section's `]`; give it its own line"));
        return;
    }
    r->section = elbow_option_section_find(name, (size_t)(end - name));
    if (r->section == NULL) fail_here(r, elbow_option_section_unknown(name, (size_t)(end - name)));
}

/* A line beyond inih's buffer: inih gets the key and a stand-in, the value waits in long_text, its comment and
 * the spaces around it cut as inih would. */
static void take_long_line(reader *r, char *buffer, size_t room, const char *text, size_t length) {
    size_t key = 0;
    while (key < length && text[key] != '=' && text[key] != ':') key++;
    if (key + sizeof "=-\n" > room || key == length) {
        fail_here(r, elbow_fail(ELBOW_USAGE, "a line of %zu bytes that begins with no key; write key = value",
                                length));
        return;
    }
    const char *value = text + key + 1, *end = text + length;
    for (const char *c = value; c + 1 < end; c++)
        if (is_space(c[0]) && c[1] == ';') end = c;
    while (value < end && is_space(*value)) value++;
    while (end > value && is_space(end[-1])) end--;
    r->long_text = value;
    r->long_length = (size_t)(end - value);
    memcpy(buffer, text, key);
    memcpy(buffer + key, "=-\n", sizeof "=-\n");
}

/* inih's reader, as fgets: the next line into `buffer`, NULL at the end or after a failure. */
static char *next_line(char *buffer, int room, void *context) {
    reader *r = context;
    end_line(r);
    if (r->status != ELBOW_OK || *r->rest == '\0') return NULL;

    const char *text = r->rest;
    size_t length = strcspn(text, "\n");
    r->rest += length + (text[length] == '\n');
    r->line++;
    r->long_text = NULL;
    while (length > 0 && is_space(*text)) {
        text++;
        length--;
    }
    strcpy(buffer, "\n");
    if (length == 0 || *text == ';' || *text == '#') return buffer;
    if (*text == '[') {
        take_section(r, text, length);
    } else {
        r->waiting = true;
        if (length + sizeof "\n" > (size_t)room) {
            take_long_line(r, buffer, (size_t)room, text, length);
        } else {
            memcpy(buffer, text, length);
            memcpy(buffer + length, "\n", sizeof "\n");
        }
    }
    return r->status == ELBOW_OK ? buffer : NULL;
}

/* A copy is filled and taken over when all is well: a failure leaves the options as they were. */
elbow_status elbow_options_parse(elbow_options *options, const char *text, const char *name) {
    elbow_options *copy = NULL;
    ELBOW_TRY(elbow_options_copy(&copy, options));
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    size_t skip = strncmp(text, byte_order_mark, 3) == 0 ? 3 : 0;
    reader r = {.options = copy, .file = name, .rest = text + skip};
    int code = ini_parse_stream(next_line, &r, take_pair, &r);
    if (code == -2 && r.status == ELBOW_OK)
        r.status = elbow_fail(ELBOW_MEMORY, "%s: no memory to read it", name);
    if (r.status == ELBOW_OK) {
        elbow_options former = *options;
        *options = *copy;
        *copy = former;
    }
    elbow_options_destroy(&copy);
    return r.status;
}

elbow_status elbow_options_load(elbow_options *options, const char *path) {
    char *text = NULL;
    size_t count = 0;
    ELBOW_CHECK(!elbow_file_is_directory(path), ELBOW_IO,
                "%s: is a directory; give a config file, e.g. %s/config.ini", path, path);
    ELBOW_TRY(elbow_file_read(path, MOST_FILE_BYTES, &text, &count));
    elbow_status status = ELBOW_OK;
    const char *zero = memchr(text, '\0', count);
    if (zero != NULL) {
        size_t line = 1;
        for (const char *c = text; c < zero; c++) line += *c == '\n';
        status = elbow_fail(ELBOW_USAGE, "%s:%zu: a zero byte; a config is plain text in UTF-8", path, line);
    } else {
        status = elbow_options_parse(options, text, path);
    }
    free(text);
    return status;
}
