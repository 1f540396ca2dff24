#include "data/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/import_common.h"
#include "data/source.h"

enum { LOOK_RECORDS = 1000 };

struct elbow_csv {
    char *path;
    elbow_lines *lines;
    elbow_csv_style style;
    elbow_line line; /* the one that is being read */
    size_t at;       /* in it */
    char *text;      /* the cells, one after the other, each with a 0 byte */
    size_t used, room;
    size_t *starts, *lengths; /* (count) */
    char **cells;
    size_t count, cell_room;
};

elbow_status elbow_csv_open(elbow_csv **csv, const char *path, elbow_csv_style style) {
    *csv = NULL;
    elbow_csv *made = calloc(1, sizeof *made);
    ELBOW_CHECK(made != NULL, ELBOW_MEMORY, "%s: no memory to read it", path);
    made->style = style;
    made->path = strdup(path);
    elbow_status status = made->path != NULL ? elbow_lines_open(&made->lines, path)
                                             : elbow_fail(ELBOW_MEMORY, "%s: no memory to read it", path);
    *csv = made;
    if (status != ELBOW_OK) elbow_csv_close(csv);
    return status;
}

void elbow_csv_close(elbow_csv **csv) {
    if (*csv == NULL) return;
    elbow_lines_close(&(*csv)->lines);
    free((*csv)->path);
    free((*csv)->text);
    free((*csv)->starts);
    free((*csv)->lengths);
    free((*csv)->cells);
    free(*csv);
    *csv = NULL;
}

static bool is_blank(const elbow_csv *csv, char c) {
    return c == ' ' || (c == '\t' && csv->style.separator != '\t');
}

static bool is_separator(const elbow_csv *csv, char c) {
    return csv->style.separator == ' ' ? is_blank(csv, c) : c == csv->style.separator;
}

static void skip_blanks(elbow_csv *csv) {
    while (csv->at < csv->line.length && is_blank(csv, csv->line.text[csv->at])) csv->at++;
}

/* Room for so many bytes more, and a 0. */
static elbow_status make_text_room(elbow_csv *csv, size_t count) {
    if (csv->room - csv->used > count) return ELBOW_OK;
    ELBOW_CHECK(
        csv->used + count <= ELBOW_LINE_MOST, ELBOW_FORMAT,
        "%s:%zu: a record of more than %d bytes ends here; a quote before it is not closed, or this is "
        "no table",
        csv->path, csv->line.number, (int)ELBOW_LINE_MOST);
    size_t room = 2 * (csv->used + count) + 256;
    char *larger = realloc(csv->text, room);
    ELBOW_CHECK(larger != NULL, ELBOW_MEMORY, "%s:%zu: no memory for a record of more than %zu bytes",
                csv->path, csv->line.number, csv->used + count);
    csv->text = larger;
    csv->room = room;
    return ELBOW_OK;
}

static elbow_status put(elbow_csv *csv, const char *bytes, size_t count) {
    ELBOW_TRY(make_text_room(csv, count));
    if (count > 0) memcpy(csv->text + csv->used, bytes, count);
    csv->used += count;
    csv->text[csv->used] = '\0';
    return ELBOW_OK;
}

static elbow_status begin_cell(elbow_csv *csv) {
    if (csv->count == csv->cell_room) {
        size_t room = 2 * csv->cell_room + 64;
        size_t *starts = realloc(csv->starts, room * sizeof *starts);
        if (starts != NULL) csv->starts = starts;
        size_t *lengths = realloc(csv->lengths, room * sizeof *lengths);
        if (lengths != NULL) csv->lengths = lengths;
        char **cells = realloc(csv->cells, room * sizeof *cells);
        if (cells != NULL) csv->cells = cells;
        ELBOW_CHECK(starts != NULL && lengths != NULL && cells != NULL, ELBOW_MEMORY,
                    "%s:%zu: no memory for a record of more than %zu cells", csv->path, csv->line.number,
                    csv->count);
        csv->cell_room = room;
    }
    csv->starts[csv->count++] = csv->used;
    return put(csv, "", 0);
}

static void end_cell(elbow_csv *csv) {
    csv->lengths[csv->count - 1] = csv->used - csv->starts[csv->count - 1];
    csv->used++; /* the 0 byte */
}

static elbow_status read_plain(elbow_csv *csv) {
    size_t begin = csv->at;
    while (csv->at < csv->line.length && !is_separator(csv, csv->line.text[csv->at])) csv->at++;
    size_t end = csv->at;
    while (end > begin && is_blank(csv, csv->line.text[end - 1])) end--;
    return put(csv, csv->line.text + begin, end - begin);
}

/* From behind the quote that opens to behind the one that closes, over lines if need be. */
static elbow_status read_quoted(elbow_csv *csv, size_t first_line) {
    for (;;) {
        const char *text = csv->line.text + csv->at,
                   *quote = memchr(text, csv->style.quote, csv->line.length - csv->at);
        size_t some = quote != NULL ? (size_t)(quote - text) : csv->line.length - csv->at;
        ELBOW_TRY(put(csv, text, some));
        csv->at += some;
        if (quote == NULL) {
            ELBOW_TRY(put(csv, "\n", 1));
            size_t last = csv->line.number;
            ELBOW_TRY(elbow_lines_next(csv->lines, &csv->line));
            csv->at = 0;
            ELBOW_CHECK(
                csv->line.text != NULL, ELBOW_FORMAT,
                "%s:%zu: a quote that opens in the record that begins here is not closed before the file "
                "ends (line %zu); close it, or give --quote none where quotes are ordinary characters",
                csv->path, first_line, last);
        } else if (csv->at + 1 < csv->line.length && quote[1] == csv->style.quote) {
            ELBOW_TRY(put(csv, quote, 1));
            csv->at += 2;
        } else {
            csv->at++;
            return ELBOW_OK;
        }
    }
}

/* One cell, and the separator behind it; *more: there was one. */
static elbow_status read_cell(elbow_csv *csv, elbow_record *record, bool *more) {
    *more = false;
    skip_blanks(csv);
    ELBOW_TRY(begin_cell(csv));
    bool quoted =
        csv->style.quote != '\0' && csv->at < csv->line.length && csv->line.text[csv->at] == csv->style.quote;
    if (quoted) {
        csv->at++;
        ELBOW_TRY(read_quoted(csv, record->line));
    } else {
        ELBOW_TRY(read_plain(csv));
    }
    end_cell(csv);
    size_t behind = csv->at;
    skip_blanks(csv);
    if (csv->at == csv->line.length) return ELBOW_OK;
    if (csv->style.separator == ' ') {
        *more = csv->at > behind;
    } else {
        *more = is_separator(csv, csv->line.text[csv->at]);
        csv->at += *more;
    }
    if (!*more) record->problem = "text follows a quote that closes, before the separator";
    return ELBOW_OK;
}

/* The next line with something in it; its text is NULL at the end. */
static elbow_status find_line(elbow_csv *csv) {
    do {
        ELBOW_TRY(elbow_lines_next(csv->lines, &csv->line));
        csv->at = 0;
    } while (csv->line.text != NULL && csv->line.text[strspn(csv->line.text, " \t")] == '\0');
    return ELBOW_OK;
}

elbow_status elbow_csv_next(elbow_csv *csv, elbow_record *record) {
    *record = (elbow_record){.cells = NULL};
    ELBOW_TRY(find_line(csv));
    if (csv->line.text == NULL) return ELBOW_OK;
    record->line = csv->line.number;
    csv->used = csv->count = 0;
    for (bool more = true; more && record->problem == NULL;) {
        ELBOW_TRY(read_cell(csv, record, &more));
        if (csv->count > ELBOW_CSV_CELLS_MOST)
            record->problem = "more than 262144 cells, too many for a table";
    }
    for (size_t c = 0; c < csv->count; c++) csv->cells[c] = csv->text + csv->starts[c];
    record->cells = csv->cells;
    record->lengths = csv->lengths;
    record->count = csv->count;
    return ELBOW_OK;
}

/* --------------------------------------------------------------------------------------- looking */

/* Letters and dots are seen before strtod is asked, which also knows hexadecimal, nan and inf. */
bool elbow_cell_number(const char *text, double *value, bool *pointed) {
    static const double most = 1e30;
    size_t whole = strspn(text, "+-0123456789");
    *pointed = text[whole] != '\0';
    if (text[0] == '\0' || text[whole + strspn(text + whole, "+-.0123456789eE")] != '\0') return false;
    char *end = NULL;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && fabs(*value) <= most;
}

static char find_separator(const char *line, char quote) {
    static const char candidates[] = ",\t;|";
    size_t seen[sizeof candidates] = {0}, best = 0;
    bool within = false;
    for (; *line != '\0'; line++) {
        if (quote != '\0' && *line == quote) within = !within;
        const char *found = strchr(candidates, *line);
        if (!within && found != NULL) seen[found - candidates]++;
    }
    for (size_t i = 1; i + 1 < sizeof candidates; i++)
        if (seen[i] > seen[best]) best = i;
    return (char)(seen[best] > 0 ? candidates[best] : '\0');
}

static elbow_status look_for_separator(elbow_csv_look *look, const char *path, char quote) {
    elbow_lines *lines = NULL;
    elbow_line line;
    ELBOW_TRY(elbow_lines_open(&lines, path));
    elbow_status status = ELBOW_OK;
    do status = elbow_lines_next(lines, &line);
    while (status == ELBOW_OK && line.text != NULL && line.text[strspn(line.text, " \t")] == '\0');
    if (status == ELBOW_OK && line.text == NULL)
        status = elbow_fail(ELBOW_FORMAT, "%s: nothing in it; give a table with at least one row", path);
    const char *guess = status == ELBOW_OK ? elbow_source_guess(line.text, line.length) : NULL;
    if (guess != NULL && strcmp(guess, "text") != 0)
        status = elbow_fail(ELBOW_FORMAT, "%s: no table; it looks like %s", path, guess);
    if (status == ELBOW_OK) look->separator = find_separator(line.text, quote);
    elbow_lines_close(&lines);
    return status;
}

/* A copy of the first record's words that could be names; NULL where one of them is a number. */
static elbow_status copy_names(const elbow_record *record, char ***names) {
    double value = 0;
    bool pointed = false, any = false;
    *names = NULL;
    for (size_t c = 0; c < record->count; c++) {
        any = any || record->lengths[c] > 0;
        if (elbow_cell_number(record->cells[c], &value, &pointed)) return ELBOW_OK;
    }
    if (!any || record->problem != NULL) return ELBOW_OK;
    char **copies = calloc(record->count, sizeof *copies);
    ELBOW_CHECK(copies != NULL, ELBOW_MEMORY, "no memory for the names of %zu columns", record->count);
    *names = copies;
    for (size_t c = 0; c < record->count; c++) {
        copies[c] = strdup(record->cells[c]);
        ELBOW_CHECK(copies[c] != NULL, ELBOW_MEMORY, "no memory for the names of %zu columns", record->count);
    }
    return ELBOW_OK;
}

/* Words that a data row has come again below it; names do not. */
static elbow_status look_for_header(elbow_csv_look *look, elbow_csv *csv) {
    elbow_status status = ELBOW_OK;
    elbow_record record;
    char **names = NULL;
    size_t count = 0;
    ELBOW_TRY_OR_DONE(elbow_csv_next(csv, &record));
    count = record.cells != NULL ? record.count : 0;
    if (count > 0) ELBOW_TRY_OR_DONE(copy_names(&record, &names));
    look->header = names != NULL;
    for (size_t r = 0; r < LOOK_RECORDS && look->header; r++) {
        ELBOW_TRY_OR_DONE(elbow_csv_next(csv, &record));
        if (record.cells == NULL) break;
        for (size_t c = 0; c < count && c < record.count; c++)
            if (names[c][0] != '\0' && strcmp(names[c], record.cells[c]) == 0) look->header = false;
    }
done:
    for (size_t c = 0; c < count && names != NULL; c++) free(names[c]);
    free(names);
    return status;
}

elbow_status elbow_csv_look_at(elbow_csv_look *look, const char *path, elbow_csv_style style) {
    elbow_csv *csv = NULL;
    *look = (elbow_csv_look){.separator = style.separator};
    if (style.separator == '\0') ELBOW_TRY(look_for_separator(look, path, style.quote));
    style.separator = look->separator;
    ELBOW_TRY(elbow_csv_open(&csv, path, style));
    elbow_status status = look_for_header(look, csv);
    elbow_csv_close(&csv);
    return status;
}
