/* Fields as text: a line each thing, its parts after tabs.
 *
 *     kind image            kind table                                     kind sequence
 *     height 28             columns 2                                      length 22
 *     width 28              column cap-shape categorical 2 complete        vocabulary 3
 *     channels 1            word bell                                      terminated 1
 *     maximum 255           word conical                                   joiner
 *     binary 0              column area real 12.5 3.25 missing             symbol <end>
 *                                                                          …
 *
 * Tabs, newlines, backslashes, control characters and bytes that are not UTF-8 are written \t, \n, \\, \xHH: the
 * text is always UTF-8, and any bytes come back. */
#include <float.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/field.h"
#include "elbow/base/number.h"

/* ------------------------------------------------------------------------------------------ writing */

typedef struct writer {
    char *bytes;
    size_t count, room;
    bool failed;
} writer;

static void put(writer *w, const char *bytes, size_t count) {
    if (w->failed) return;
    if (count >= w->room - w->count) {
        size_t room = 2 * (w->count + count) + 256;
        char *larger = realloc(w->bytes, room);
        if (larger == NULL) {
            w->failed = true;
            return;
        }
        w->bytes = larger;
        w->room = room;
    }
    memcpy(w->bytes + w->count, bytes, count);
    w->count += count;
    w->bytes[w->count] = '\0';
}

static void put_text(writer *w, const char *text) { put(w, text, strlen(text)); }

static void put_size(writer *w, const char *key, size_t value) {
    char line[96];
    int length = snprintf(line, sizeof line, "%s\t%zu\n", key, value);
    put(w, line, (size_t)length);
}

/* Bytes of the UTF-8 character at `text`, or 0 where there is none (Unicode 15, table 3-7). */
static size_t utf8_length(const unsigned char *text) {
    unsigned char a = text[0], least = 0x80, most = 0xBF;
    size_t length = a < 0x80                 ? 1
                    : a >= 0xC2 && a <= 0xDF ? 2
                    : (a & 0xF0) == 0xE0     ? 3
                    : a >= 0xF0 && a <= 0xF4 ? 4
                                             : 0;
    if (length < 2) return length;
    if (a == 0xE0) least = 0xA0;
    if (a == 0xED) most = 0x9F;
    if (a == 0xF0) least = 0x90;
    if (a == 0xF4) most = 0x8F;
    if (text[1] < least || text[1] > most) return 0;
    for (size_t i = 2; i < length; i++)
        if ((text[i] & 0xC0) != 0x80) return 0;
    return length;
}

static void put_escaped(writer *w, const char *text) {
    char code[8];
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
        size_t length = utf8_length(at);
        if (*at == '\\' || *at == '\t' || *at == '\n') {
            put_text(w, *at == '\\' ? "\\\\" : *at == '\t' ? "\\t" : "\\n");
            length = 1;
        } else if (length == 0 || *at < 32 || *at == 127) {
            snprintf(code, sizeof code, "\\x%02x", *at);
            put(w, code, 4);
            length = 1;
        } else {
            put(w, (const char *)at, length);
        }
        at += length;
    }
}

static void put_line(writer *w, const char *key, const char *text) {
    put_text(w, key);
    put_text(w, "\t");
    put_escaped(w, text);
    put_text(w, "\n");
}

static void put_column(writer *w, const elbow_column *column) {
    char numbers[96], mean[ELBOW_NUMBER_BYTES], scale[ELBOW_NUMBER_BYTES];
    if (column->cardinality > 0) {
        snprintf(numbers, sizeof numbers, "\tcategorical\t%zu", column->cardinality);
    } else {
        elbow_number_real_text(mean, column->mean);
        elbow_number_real_text(scale, column->scale);
        snprintf(numbers, sizeof numbers, "\treal\t%s\t%s", mean, scale);
    }
    put_text(w, "column\t");
    put_escaped(w, column->name);
    put_text(w, numbers);
    put_text(w, column->missing ? "\tmissing\n" : "\tcomplete\n");
    for (size_t k = 0; k < column->cardinality; k++) put_line(w, "word", column->words[k]);
}

elbow_status elbow_field_describe(const elbow_field *field, char **text) {
    writer w = {0};
    *text = NULL;
    put_line(&w, "kind", elbow_field_kind_name(field->kind));
    switch (field->kind) {
    case ELBOW_IMAGE:
        put_size(&w, "height", field->height);
        put_size(&w, "width", field->width);
        put_size(&w, "channels", field->channels);
        put_size(&w, "maximum", field->maximum);
        put_size(&w, "binary", field->binary);
        break;
    case ELBOW_TABLE:
        put_size(&w, "columns", field->dimensions);
        for (size_t d = 0; d < field->dimensions; d++) put_column(&w, &field->columns[d]);
        break;
    case ELBOW_SEQUENCE:
        put_size(&w, "length", field->dimensions);
        put_size(&w, "vocabulary", field->vocabulary);
        put_size(&w, "terminated", field->terminated);
        put_line(&w, "joiner", field->joiner);
        for (size_t v = 0; v < field->vocabulary; v++) put_line(&w, "symbol", field->symbols[v]);
        break;
    }
    if (w.failed) free(w.bytes);
    ELBOW_CHECK(!w.failed, ELBOW_MEMORY, "no memory to describe a field of %zu dimensions",
                field->dimensions);
    *text = w.bytes;
    return ELBOW_OK;
}

/* ------------------------------------------------------------------------------------------ reading */

enum { PARTS_MOST = 6 };

typedef struct reader {
    const char *subject;
    char *rest; /* what is not read yet; lines and their parts are cut where they lie */
    const char *end;
    size_t line;
    char *parts[PARTS_MOST];
    size_t count;
} reader;

static elbow_status fail_line(const reader *r, const char *format, ...) ELBOW_PRINTF(2, 3);
static elbow_status fail_line(const reader *r, const char *format, ...) {
    char problem[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem, sizeof problem, format, arguments);
    va_end(arguments);
    return elbow_fail(ELBOW_FORMAT, "%s: line %zu of its description: %s; make or copy the file again",
                      r->subject, r->line, problem);
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place: no escape is shorter than what it stands for. */
static bool unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from != '\0';) {
        if (*from != '\\') {
            *to++ = *from++;
            continue;
        }
        char kind = from[1];
        int high = kind == 'x' ? hex_digit(from[2]) : -1, low = high >= 0 ? hex_digit(from[3]) : -1;
        if (kind == '\\' || kind == 't' || kind == 'n') {
            *to++ = (char)(kind == '\\' ? '\\' : kind == 't' ? '\t' : '\n');
            from += 2;
        } else if (low >= 0 && high + low > 0) {
            *to++ = (char)(unsigned char)(high * 16 + low);
            from += 4;
        } else {
            return false;
        }
    }
    *to = '\0';
    return true;
}

/* The next line, which is to be KEY and `least` to `most` parts. */
static elbow_status take_line(reader *r, const char *key, size_t least, size_t most) {
    r->line++;
    r->count = 0;
    char *end = strchr(r->rest, '\n');
    if (end == NULL) return fail_line(r, "it ends where `%s` is expected", key);
    *end = '\0';
    for (char *at = r->rest; at != NULL && r->count < PARTS_MOST;) {
        char *tab = strchr(at, '\t');
        if (tab != NULL) *tab = '\0';
        r->parts[r->count++] = at;
        at = tab == NULL ? NULL : tab + 1;
    }
    r->rest = end + 1;
    if (strcmp(r->parts[0], key) != 0)
        return fail_line(r, "`%.40s` where `%s` is expected", r->parts[0], key);
    for (size_t i = 1; i < r->count; i++)
        if (!unescape(r->parts[i])) return fail_line(r, "`%.40s` has an unknown escape", r->parts[i]);
    if (r->count < least + 1 || r->count > most + 1)
        return fail_line(r, "%zu parts after `%s`", r->count - 1, key);
    return ELBOW_OK;
}

static elbow_status take_text(reader *r, const char *key, char **text) {
    ELBOW_TRY(take_line(r, key, 1, 1));
    return elbow_text_copy(text, r->parts[1], strlen(r->parts[1]));
}

static elbow_status read_size(const reader *r, const char *text, size_t least, size_t most, size_t *size) {
    int64_t value = 0;
    if (elbow_number_integer(text, (int64_t)least, (int64_t)most, &value) != ELBOW_OK)
        return fail_line(r, "`%.40s` where a number from %zu to %zu is expected", text, least, most);
    *size = (size_t)value;
    return ELBOW_OK;
}

static elbow_status take_size(reader *r, const char *key, size_t least, size_t most, size_t *size) {
    ELBOW_TRY(take_line(r, key, 1, 1));
    return read_size(r, r->parts[1], least, most, size);
}

static elbow_status read_real(const reader *r, const char *text, double least, double *value) {
    if (elbow_number_real(text, least, DBL_MAX, value) != ELBOW_OK)
        return fail_line(r, "`%.40s` is no number that can be there", text);
    return ELBOW_OK;
}

/* Whether so many lines can follow: nothing is allotted for a count that cannot be. */
static bool can_follow(const reader *r, size_t lines) { return lines <= (size_t)(r->end - r->rest); }

static elbow_status take_flag(reader *r, const char *key, bool *flag) {
    size_t value = 0;
    ELBOW_TRY(take_size(r, key, 0, 1, &value));
    *flag = value == 1;
    return ELBOW_OK;
}

static elbow_status parse_image(reader *r, elbow_field *field) {
    size_t maximum = 0;
    ELBOW_TRY(take_size(r, "height", 1, ELBOW_DIMENSIONS_MOST, &field->height));
    ELBOW_TRY(take_size(r, "width", 1, ELBOW_DIMENSIONS_MOST / field->height, &field->width));
    ELBOW_TRY(
        take_size(r, "channels", 1, ELBOW_DIMENSIONS_MOST / field->height / field->width, &field->channels));
    ELBOW_TRY(take_size(r, "maximum", 1, 255, &maximum));
    ELBOW_TRY(take_flag(r, "binary", &field->binary));
    field->maximum = (unsigned)maximum;
    field->dimensions = field->height * field->width * field->channels;
    return ELBOW_OK;
}

static elbow_status parse_column(reader *r, elbow_column *column) {
    size_t words = 0;
    ELBOW_TRY(take_line(r, "column", 4, 5));
    bool categorical = strcmp(r->parts[2], "categorical") == 0;
    if (!categorical && strcmp(r->parts[2], "real") != 0)
        return fail_line(r, "a column of `%.40s`; categorical and real are known", r->parts[2]);
    if (r->count != (categorical ? 5u : 6u)) return fail_line(r, "%zu parts after `column`", r->count - 1);
    const char *last = r->parts[r->count - 1];
    column->missing = strcmp(last, "missing") == 0;
    if (!column->missing && strcmp(last, "complete") != 0)
        return fail_line(r, "`%.40s` where `missing` or `complete` is expected", last);
    ELBOW_TRY(elbow_text_copy(&column->name, r->parts[1], strlen(r->parts[1])));
    if (!categorical) {
        ELBOW_TRY(read_real(r, r->parts[3], -DBL_MAX, &column->mean));
        return read_real(r, r->parts[4], DBL_MIN, &column->scale);
    }
    ELBOW_TRY(read_size(r, r->parts[3], 1, ELBOW_CARDINALITY_MOST, &words));
    if (!can_follow(r, words)) return fail_line(r, "%zu words do not follow", words);
    ELBOW_TRY(elbow_column_take_words(column, words));
    for (size_t k = 0; k < words; k++) ELBOW_TRY(take_text(r, "word", &column->words[k]));
    return ELBOW_OK;
}

static elbow_status parse_table(reader *r, elbow_field *field) {
    size_t columns = 0;
    ELBOW_TRY(take_size(r, "columns", 1, ELBOW_DIMENSIONS_MOST, &columns));
    if (!can_follow(r, columns)) return fail_line(r, "%zu columns do not follow", columns);
    ELBOW_TRY(elbow_field_take_columns(field, columns));
    for (size_t d = 0; d < columns; d++) ELBOW_TRY(parse_column(r, &field->columns[d]));
    return ELBOW_OK;
}

static elbow_status parse_sequence(reader *r, elbow_field *field) {
    size_t symbols = 0;
    ELBOW_TRY(take_size(r, "length", 1, ELBOW_DIMENSIONS_MOST, &field->dimensions));
    ELBOW_TRY(take_size(r, "vocabulary", 1, ELBOW_VOCABULARY_MOST, &symbols));
    ELBOW_TRY(take_flag(r, "terminated", &field->terminated));
    ELBOW_TRY(take_line(r, "joiner", 1, 1));
    if (strlen(r->parts[1]) >= sizeof field->joiner) return fail_line(r, "a joiner of too many bytes");
    memcpy(field->joiner, r->parts[1], strlen(r->parts[1]) + 1);
    if (!can_follow(r, symbols)) return fail_line(r, "%zu symbols do not follow", symbols);
    ELBOW_TRY(elbow_field_take_symbols(field, symbols));
    for (size_t v = 0; v < symbols; v++) ELBOW_TRY(take_text(r, "symbol", &field->symbols[v]));
    return ELBOW_OK;
}

static elbow_status parse_all(reader *r, elbow_field *field) {
    ELBOW_TRY(take_line(r, "kind", 1, 1));
    elbow_status (*const parse[])(reader *, elbow_field *) = {
        [ELBOW_IMAGE] = parse_image, [ELBOW_TABLE] = parse_table, [ELBOW_SEQUENCE] = parse_sequence};
    for (size_t k = 0; k < sizeof parse / sizeof *parse; k++) {
        if (strcmp(r->parts[1], elbow_field_kind_name((elbow_field_kind)k)) != 0) continue;
        field->kind = (elbow_field_kind)k;
        ELBOW_TRY(parse[k](r, field));
        r->line++;
        return r->rest[0] == '\0' ? ELBOW_OK : fail_line(r, "it goes on after its end");
    }
    return fail_line(r, "kind `%.40s`, which this elbow does not know", r->parts[1]);
}

elbow_status elbow_field_parse(elbow_field *field, const char *text, const char *subject) {
    char *copy = NULL;
    *field = (elbow_field){.kind = ELBOW_IMAGE};
    ELBOW_TRY(elbow_text_copy(&copy, text, strlen(text)));
    reader r = {.subject = subject, .rest = copy, .end = copy + strlen(copy)};
    elbow_status status = parse_all(&r, field);
    if (status != ELBOW_OK) elbow_field_destroy(field);
    free(copy);
    return status;
}
