/* Options as text for people and for files: the dump that reruns a run, and explanations. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options_table.h"

enum { COMMENT_COLUMNS = 90 };

/* A text that grows. After a failure for memory it stays empty. */
typedef struct builder {
    char *text;
    size_t length, room;
    bool failed;
} builder;

static void add(builder *b, const char *format, ...) ELBOW_PRINTF(2, 3);

static void add(builder *b, const char *format, ...) {
    if (b->failed) return;
    for (;;) {
        va_list arguments;
        va_start(arguments, format);
        int need = vsnprintf(b->text + b->length, b->room - b->length, format, arguments);
        va_end(arguments);
        if (need >= 0 && (size_t)need < b->room - b->length) {
            b->length += (size_t)need;
            return;
        }
        size_t room = 2 * b->room + (need > 0 ? (size_t)need : 0);
        char *larger = realloc(b->text, room);
        if (larger == NULL) {
            b->failed = true;
            return;
        }
        b->text = larger;
        b->room = room;
    }
}

static elbow_status begin(builder *b) {
    *b = (builder){.text = malloc(4096), .room = 4096};
    ELBOW_CHECK(b->text != NULL, ELBOW_MEMORY, "no memory for the text of the options");
    b->text[0] = '\0';
    return ELBOW_OK;
}

static elbow_status finish(builder *b, char **text) {
    if (b->failed) {
        free(b->text);
        return elbow_fail(ELBOW_MEMORY, "no memory for the text of the options");
    }
    *text = b->text;
    return ELBOW_OK;
}

/* `text` in lines that begin with `before` and end before COMMENT_COLUMNS. */
static void add_wrapped(builder *b, const char *before, const char *text) {
    size_t column = 0;
    for (const char *word = text; *word != '\0';) {
        size_t length = strcspn(word, " ");
        if (column > 0 && column + 1 + length > COMMENT_COLUMNS) {
            add(b, "\n");
            column = 0;
        }
        if (column == 0) {
            add(b, "%s", before);
            column = strlen(before);
        } else {
            add(b, " ");
            column++;
        }
        add(b, "%.*s", (int)length, word);
        column += length;
        word += length + strspn(word + length, " ");
    }
    add(b, "\n");
}

static void add_help(builder *b, const char *before, const option_row *row) {
    static const char *const roles[] = {
        [ELBOW_OPTION_DEFINES] = "", /* the rule, said once at the top */
        [ELBOW_OPTION_EXTENDS] = "; may change on resume, and moves the end of the run",
        [ELBOW_OPTION_FREE] = "; may change on resume",
    };
    char what[512], facts[1024];
    elbow_option_describe(row, what, sizeof what);
    snprintf(facts, sizeof facts, "(%s; default %s%s)", what,
             row->initial[0] != '\0' ? row->initial : "empty", roles[row->role]);
    add_wrapped(b, before, row->help);
    add_wrapped(b, before, facts);
}

static void add_value(builder *b, const elbow_options *options, const option_row *row) {
    elbow_option_text value;
    elbow_option_write(options, row, value);
    add(b, "%s =%s%s\n", row->key, value[0] != '\0' ? " " : "", value);
}

elbow_status elbow_options_dump(const elbow_options *options, bool comments, char **text) {
    builder b;
    *text = NULL;
    ELBOW_TRY(begin(&b));
    if (comments)
        add_wrapped(
            &b, "# ",
            "Every option of elbow. A comment begins with # or ; at the start of a line, or with ; after a "
            "space behind a value. What defines a run may not change when it is resumed; options that may "
            "say so.");
    for (size_t s = 0; s < elbow_option_section_count; s++) {
        const option_section *section = &elbow_option_sections[s];
        if (b.length > 0) add(&b, "\n");
        if (comments) add_wrapped(&b, "# ", section->help);
        add(&b, "[%s]\n", section->name);
        for (size_t r = 0; r < OPTION_COUNT; r++) {
            const option_row *row = &elbow_option_rows[r];
            if (strcmp(row->section, section->name) != 0) continue;
            if (comments) {
                add(&b, "\n");
                add_help(&b, "# ", row);
            }
            add_value(&b, options, row);
        }
    }
    return finish(&b, text);
}

static void explain_row(builder *b, const option_row *row) {
    add(b, "%s.%s\n", row->section, row->key);
    add_help(b, "    ", row);
}

elbow_status elbow_options_explain(const char *name, char **text) {
    builder b;
    *text = NULL;
    size_t length = strlen(name);
    const option_section *section = elbow_option_section_find(name, length);
    const option_row *row = NULL;
    if (section == NULL && strchr(name, '.') != NULL) ELBOW_TRY(elbow_option_find(name, length, &row));
    ELBOW_TRY(begin(&b));
    if (section != NULL) add(&b, "[%s]: %s\n\n", section->name, section->help);
    for (size_t r = 0; r < OPTION_COUNT; r++) {
        const option_row *candidate = &elbow_option_rows[r];
        bool wanted = section != NULL ? strcmp(candidate->section, section->name) == 0
                      : row != NULL   ? candidate == row
                                      : strcmp(candidate->key, name) == 0;
        if (wanted) explain_row(&b, candidate);
    }
    if (b.length > 0) return finish(&b, text);
    free(b.text);
    return elbow_option_name_unknown(name);
}
