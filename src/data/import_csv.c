/* CSV and TSV: a row is an example, a column a value of it.
 *
 * Three passes: one learns the words of all splits and so which columns are real; one the means, deviations and words of
 * the training split; one writes. A row whose word the training split lacks is bad, which the last pass finds. */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/choice.h"
#include "data/columns.h"
#include "data/csv.h"
#include "data/field.h"
#include "data/import_list.h"
#include "data/writer.h"

/* The columns that become one part. Those of x may be joined: `width` of the file are one of the field. */
typedef struct table_part {
    size_t *from; /* (count · width) columns of the file */
    size_t count, width;
    char **names;              /* (count) */
    elbow_column_facts *facts; /* (count) */
    double *row;               /* (count) */
    elbow_field field;
} table_part;

typedef enum table_stage { LEARN_WORDS, LEARN_TRAIN, WRITE } table_stage;

typedef struct table {
    const elbow_import_request *request;
    const char *subject; /* the first input */
    elbow_csv_style style;
    bool header;
    size_t columns;
    char **names; /* (columns) */
    elbow_words missing;
    table_part parts[ELBOW_PARTS];
    table_stage stage;
    size_t rows;  /* of the first pass */
    char *joined; /* scratch */
    size_t joined_room;
    elbow_bad_rows unseen; /* rows with words or values that the training split makes impossible */
    elbow_writer *writer;
} table;

static void free_table(table *t) {
    for (elbow_part part = 0; part < ELBOW_PARTS; part++) {
        table_part *p = &t->parts[part];
        for (size_t u = 0; u < p->count; u++) {
            if (p->names != NULL) free(p->names[u]);
            if (p->facts != NULL) elbow_column_facts_destroy(&p->facts[u]);
        }
        free(p->from);
        free(p->names);
        free(p->facts);
        free(p->row);
        elbow_field_destroy(&p->field);
    }
    for (size_t c = 0; c < t->columns && t->names != NULL; c++) free(t->names[c]);
    free(t->names);
    free(t->joined);
    elbow_words_destroy(&t->missing);
    elbow_writer_discard(&t->writer);
}

/* ------------------------------------------------------------------------------------ what is asked */

static elbow_status read_style(table *t) {
    static const struct {
        const char *word;
        char separator;
    } words[] = {{"auto", '\0'},     {"comma", ','}, {"tab", '\t'}, {"\\t", '\t'},
                 {"semicolon", ';'}, {"space", ' '}, {"bar", '|'}};
    const char *separator = elbow_import_value(t->request, "--separator");
    const char *quote = elbow_import_value(t->request, "--quote");
    bool known = strlen(separator) == 1 && separator[0] > 31 && separator[0] < 127;
    t->style.separator = separator[0];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(separator, words[i].word) != 0) continue;
        t->style.separator = words[i].separator;
        known = true;
    }
    ELBOW_CHECK(known, ELBOW_USAGE,
                "--separator: `%.60s` is not one character; give it, or comma, tab, semicolon, bar, space "
                "(any number "
                "of blanks) or auto",
                separator);
    bool none = strcmp(quote, "none") == 0;
    ELBOW_CHECK(none || (strlen(quote) == 1 && quote[0] > 32 && quote[0] < 127), ELBOW_USAGE,
                "--quote: `%.60s` is not one character; give it, or none", quote);
    t->style.quote = (char)(none ? '\0' : quote[0]);
    ELBOW_CHECK(none || t->style.quote != t->style.separator, ELBOW_USAGE,
                "--quote and --separator are both `%s`; give different ones", quote);
    return ELBOW_OK;
}

static elbow_status read_header_flag(table *t, bool seen) {
    const char *header = elbow_import_value(t->request, "--header");
    bool automatic = strcmp(header, "auto") == 0;
    t->header = automatic ? seen : strcmp(header, "yes") == 0;
    ELBOW_CHECK(automatic || t->header || strcmp(header, "no") == 0, ELBOW_USAGE,
                "--header: `%.60s` is none of yes, no, auto", header);
    return ELBOW_OK;
}

static elbow_status read_missing(table *t) {
    const char *at = elbow_import_value(t->request, "--missing");
    for (bool more = true; more;) {
        size_t length = strcspn(at, ",");
        if (length > 0) ELBOW_TRY(elbow_words_add(&t->missing, at, length, 1));
        more = at[length] == ',';
        at += length + more;
    }
    return ELBOW_OK;
}

/* How many columns there are, and what they are called. */
static elbow_status read_names(table *t) {
    elbow_status status = ELBOW_OK;
    elbow_csv *csv = NULL;
    elbow_record record;
    ELBOW_TRY(elbow_csv_open(&csv, t->subject, t->style));
    ELBOW_TRY_OR_DONE(elbow_csv_next(csv, &record));
    ELBOW_CHECK_OR_DONE(record.cells != NULL, ELBOW_FORMAT,
                        "%s: nothing in it; give a table with at least one row", t->subject);
    ELBOW_CHECK_OR_DONE(record.problem == NULL, ELBOW_FORMAT,
                        "%s:%zu: %s; the first row says how many columns there are: correct it", t->subject,
                        record.line, record.problem);
    t->names = calloc(record.count, sizeof *t->names);
    ELBOW_CHECK_OR_DONE(t->names != NULL, ELBOW_MEMORY, "%s: no memory for its columns", t->subject);
    t->columns = record.count;
    for (size_t c = 0; c < record.count; c++) {
        char number[32];
        snprintf(number, sizeof number, "column%zu", c + 1);
        t->names[c] = strdup(t->header && record.lengths[c] > 0 ? record.cells[c] : number);
        ELBOW_CHECK_OR_DONE(t->names[c] != NULL, ELBOW_MEMORY, "%s: no memory for its columns", t->subject);
    }
done:
    elbow_csv_close(&csv);
    return status;
}

/* ----------------------------------------------------------------------------------------- columns */

/* By flag that names columns: which of the file it names. */
typedef enum choice { COLUMNS, IGNORE, LABEL, CONTEXT, REAL, CATEGORICAL, CHOICES } choice;

static const char *const choice_flags[CHOICES] = {
    [COLUMNS] = "--columns", [IGNORE] = "--ignore", [LABEL] = "--label",
    [CONTEXT] = "--context", [REAL] = "--real",     [CATEGORICAL] = "--categorical"};

static elbow_status check_choices(const table *t, bool *const chosen[CHOICES]) {
    size_t labels = 0;
    for (size_t c = 0; c < t->columns; c++) {
        bool label = chosen[LABEL][c];
        labels += label;
        ELBOW_CHECK(!(label && chosen[CONTEXT][c]), ELBOW_USAGE,
                    "column `%.60s` is --label and --context; give it once", t->names[c]);
        ELBOW_CHECK(!(chosen[REAL][c] && (chosen[CATEGORICAL][c] || label)), ELBOW_USAGE,
                    "column `%.60s` is --real and --%s, which is of categories; give it once", t->names[c],
                    label ? "label" : "categorical");
    }
    ELBOW_CHECK(labels <= 1, ELBOW_USAGE,
                "--label: %zu columns; give one, the others as --context or --ignore", labels);
    return ELBOW_OK;
}

static elbow_status make_part(table *t, elbow_part part, bool *const chosen[CHOICES], size_t width) {
    table_part *p = &t->parts[part];
    size_t taken = 0;
    p->width = width;
    p->from = calloc(t->columns, sizeof *p->from);
    p->names = calloc(t->columns, sizeof *p->names);
    p->facts = calloc(t->columns, sizeof *p->facts);
    p->row = calloc(t->columns, sizeof *p->row);
    ELBOW_CHECK(p->from != NULL && p->names != NULL && p->facts != NULL && p->row != NULL, ELBOW_MEMORY,
                "%s: no memory for its columns", t->subject);
    for (size_t c = 0; c < t->columns; c++) {
        bool label = chosen[LABEL][c], context = chosen[CONTEXT][c];
        bool is_x = chosen[COLUMNS][c] && !chosen[IGNORE][c] && !label && !context;
        if (part == ELBOW_Y ? label : part == ELBOW_CONTEXT ? context : is_x) p->from[taken++] = c;
    }
    ELBOW_CHECK(
        taken % width == 0, ELBOW_USAGE,
        "--join %zu: %zu columns are left, which cannot be joined %zu by %zu; leave some out by --ignore",
        width, taken, width, width);
    p->count = taken / width;
    for (size_t u = 0; u < p->count; u++) {
        const size_t *from = p->from + u * width;
        const char *first = t->names[from[0]], *last = t->names[from[width - 1]];
        bool categorical = width > 1 || part == ELBOW_Y || chosen[CATEGORICAL][from[0]];
        p->facts[u].kind = categorical             ? ELBOW_COLUMN_CATEGORICAL
                           : chosen[REAL][from[0]] ? ELBOW_COLUMN_REAL
                                                   : ELBOW_COLUMN_UNDECIDED;
        size_t room = strlen(first) + strlen(last) + 3;
        p->names[u] = malloc(room);
        ELBOW_CHECK(p->names[u] != NULL, ELBOW_MEMORY, "%s: no memory for its columns", t->subject);
        snprintf(p->names[u], room, "%s%s%s", first, width > 1 ? ".." : "", width > 1 ? last : "");
        for (size_t i = 0; i < width; i++)
            ELBOW_CHECK(width == 1 || !chosen[REAL][from[i]], ELBOW_USAGE,
                        "--join: column `%.60s` is --real; only categories can be joined", t->names[from[i]]);
    }
    return ELBOW_OK;
}

static elbow_status make_parts(table *t) {
    elbow_status status = ELBOW_OK;
    bool *chosen[CHOICES] = {NULL};
    int64_t join = 1;
    ELBOW_TRY(elbow_import_integer(t->request, "--join", 2, ELBOW_CSV_CELLS_MOST, &join));
    for (choice i = 0; i < CHOICES; i++) {
        const char *text = elbow_import_value(t->request, choice_flags[i]);
        chosen[i] = calloc(t->columns, sizeof(bool));
        ELBOW_CHECK_OR_DONE(chosen[i] != NULL, ELBOW_MEMORY, "%s: no memory for its columns", t->subject);
        if (text != NULL)
            ELBOW_TRY_OR_DONE(
                elbow_choose_columns(chosen[i], t->names, t->columns, t->header, choice_flags[i], text));
        for (size_t c = 0; c < t->columns && i == COLUMNS && text == NULL; c++) chosen[i][c] = true;
    }
    ELBOW_TRY_OR_DONE(check_choices(t, chosen));
    for (elbow_part part = 0; part < ELBOW_PARTS; part++)
        ELBOW_TRY_OR_DONE(make_part(t, part, chosen, part == ELBOW_X ? (size_t)join : 1));
    ELBOW_CHECK_OR_DONE(t->parts[ELBOW_X].count > 0, ELBOW_USAGE,
                        "no column is left for x: all %zu of %s are labels, context or ignored", t->columns,
                        t->subject);
done:
    for (choice i = 0; i < CHOICES; i++) free(chosen[i]);
    return status;
}

/* -------------------------------------------------------------------------------------------- rows */

/* The text of a column of a part in a record; NULL where it is missing. */
static const char *find_text(table *t, table_part *p, size_t u, const elbow_record *record, size_t *length) {
    const size_t *from = p->from + u * p->width;
    size_t used = 0;
    for (size_t i = 0; i < p->width; i++) {
        const char *cell = record->cells[from[i]];
        *length = record->lengths[from[i]];
        if (*length == 0 || elbow_words_find(&t->missing, cell, *length) != ELBOW_WORD_ABSENT) return NULL;
        if (p->width == 1) return cell;
        if (*length > 1) p->facts[u].wide = true;
        if (i > 0) t->joined[used++] = ELBOW_COLUMN_JOINER;
        memcpy(t->joined + used, cell, *length);
        used += *length;
    }
    t->joined[used] = '\0';
    *length = used;
    return t->joined;
}

static elbow_status make_joined_room(table *t, const elbow_record *record) {
    size_t room = 1;
    if (t->parts[ELBOW_X].width == 1) return ELBOW_OK;
    for (size_t c = 0; c < record->count; c++) room += record->lengths[c] + 1;
    if (room <= t->joined_room) return ELBOW_OK;
    char *larger = realloc(t->joined, room);
    ELBOW_CHECK(larger != NULL, ELBOW_MEMORY, "%s: no memory to join its columns", t->subject);
    t->joined = larger;
    t->joined_room = room;
    return ELBOW_OK;
}

/* What is wrong with a row, whatever else is in the file. It says so, too. */
static bool is_bad(table *t, elbow_plan *plan, const char *path, const elbow_record *record) {
    if (record->problem != NULL) {
        elbow_bad_row(&plan->bad, path, record->line, "%s", record->problem);
        return true;
    }
    if (record->count != t->columns) {
        elbow_bad_row(&plan->bad, path, record->line, "%zu cell%s in a table of %zu columns", record->count,
                      record->count == 1 ? "" : "s", t->columns);
        return true;
    }
    for (elbow_part part = 0; part < ELBOW_PARTS; part++) {
        table_part *p = &t->parts[part];
        for (size_t u = 0; u < p->count; u++) {
            size_t length = 0;
            double value = 0;
            bool pointed = false;
            if (p->facts[u].kind != ELBOW_COLUMN_REAL) continue;
            const char *text = find_text(t, p, u, record, &length);
            if (text == NULL || elbow_cell_number(text, &value, &pointed)) continue;
            elbow_bad_row(&plan->bad, path, record->line,
                          "column `%.60s`: `%.60s` is no number within ±1e30, nor a word for missing",
                          p->names[u], text);
            return true;
        }
    }
    return false;
}

static elbow_status learn_row(table *t, const elbow_record *record, elbow_split split) {
    for (elbow_part part = 0; part < ELBOW_PARTS; part++) {
        table_part *p = &t->parts[part];
        for (size_t u = 0; u < p->count; u++) {
            size_t length = 0;
            const char *text = find_text(t, p, u, record, &length);
            if (text == NULL) continue;
            if (t->stage == LEARN_WORDS)
                ELBOW_TRY(elbow_column_see(&p->facts[u], text, length));
            else if (split == ELBOW_TRAIN)
                elbow_column_see_train(&p->facts[u], text, length);
        }
    }
    t->rows += t->stage == LEARN_WORDS;
    return ELBOW_OK;
}

static elbow_status write_row(table *t, const char *path, const elbow_record *record, elbow_split split) {
    for (elbow_part part = 0; part < ELBOW_PARTS; part++) {
        table_part *p = &t->parts[part];
        for (size_t u = 0; u < p->count; u++) {
            size_t length = 0;
            const char *text = find_text(t, p, u, record, &length);
            p->row[u] = (double)NAN;
            if (text == NULL ||
                elbow_column_value(&p->facts[u], &p->field.columns[u], text, length, &p->row[u]))
                continue;
            return elbow_bad_row(&t->unseen, path, record->line, "column `%.60s`: `%.60s` is %s", p->names[u],
                                 text,
                                 p->facts[u].kind == ELBOW_COLUMN_REAL
                                     ? "too far from all values of the training split"
                                     : "nowhere in the training split, so nothing can be learned about it");
        }
    }
    ELBOW_TRY(elbow_writer_append_table(t->writer, split, ELBOW_X, t->parts[ELBOW_X].row, 1));
    if (t->parts[ELBOW_CONTEXT].count > 0)
        ELBOW_TRY(elbow_writer_append_table(t->writer, split, ELBOW_CONTEXT, t->parts[ELBOW_CONTEXT].row, 1));
    if (t->parts[ELBOW_Y].count == 0) return ELBOW_OK;
    double label = t->parts[ELBOW_Y].row[0];
    int32_t code = isnan(label) ? -1 : (int32_t)label;
    return elbow_writer_append_labels(t->writer, split, &code, 1);
}

/* All files have the header of the first. */
static elbow_status check_header(const table *t, const char *path, const elbow_record *record) {
    ELBOW_CHECK(record->problem == NULL && record->count == t->columns, ELBOW_FORMAT,
                "%s:%zu: a header of %zu columns, but %s has %zu; all splits must have the same columns",
                path, record->line, record->count, t->subject, t->columns);
    for (size_t c = 0; c < t->columns; c++)
        ELBOW_CHECK(
            record->lengths[c] == 0 || strcmp(record->cells[c], t->names[c]) == 0, ELBOW_FORMAT,
            "%s:%zu: its header has `%.60s` where %s has `%.60s`; all splits must have the same header, or "
            "say --header no",
            path, record->line, record->cells[c], t->subject, t->names[c]);
    return ELBOW_OK;
}

static elbow_status read_rows(void *self, elbow_plan *plan, const char *path) {
    table *t = self;
    elbow_status status = ELBOW_OK;
    elbow_csv *csv = NULL;
    elbow_record record;
    ELBOW_TRY(elbow_csv_open(&csv, path, t->style));
    if (t->header) {
        ELBOW_TRY_OR_DONE(elbow_csv_next(csv, &record));
        if (record.cells != NULL) ELBOW_TRY_OR_DONE(check_header(t, path, &record));
    }
    for (;;) {
        ELBOW_TRY_OR_DONE(elbow_csv_next(csv, &record));
        if (record.cells == NULL) break;
        ELBOW_TRY_OR_DONE(make_joined_room(t, &record));
        if (is_bad(t, plan, path, &record)) continue;
        elbow_split split = elbow_plan_next(plan);
        ELBOW_TRY_OR_DONE(t->stage == WRITE ? write_row(t, path, &record, split)
                                            : learn_row(t, &record, split));
    }
done:
    elbow_csv_close(&csv);
    return status;
}

/* ------------------------------------------------------------------------------------------ import */

static elbow_status decide_columns(table *t) {
    for (elbow_part part = 0; part < ELBOW_PARTS; part++) {
        const table_part *p = &t->parts[part];
        for (size_t u = 0; u < p->count; u++)
            ELBOW_TRY(elbow_column_decide(&p->facts[u], t->subject, p->names[u]));
        elbow_columns_settle(p->facts, p->count);
    }
    return ELBOW_OK;
}

static elbow_status describe_columns(table *t) {
    ELBOW_TRY(elbow_writer_create(&t->writer, t->request));
    for (elbow_part part = 0; part < ELBOW_PARTS; part++) {
        table_part *p = &t->parts[part];
        if (p->count == 0) continue;
        p->field = (elbow_field){.kind = ELBOW_TABLE};
        ELBOW_TRY(elbow_field_take_columns(&p->field, p->count));
        for (size_t u = 0; u < p->count; u++)
            ELBOW_TRY(elbow_column_describe(&p->facts[u], t->subject, p->names[u], &p->field.columns[u]));
        if (part == ELBOW_Y) p->field.columns[0].missing = p->facts[0].present < t->rows;
        ELBOW_TRY(elbow_writer_describe(t->writer, part, &p->field));
    }
    return ELBOW_OK;
}

static elbow_status run_passes(table *t, elbow_plan *plan) {
    t->stage = LEARN_WORDS;
    ELBOW_TRY(elbow_plan_pass(plan, true, read_rows, t));
    ELBOW_TRY(decide_columns(t));
    t->stage = LEARN_TRAIN;
    ELBOW_TRY(elbow_plan_pass(plan, true, read_rows, t));
    ELBOW_TRY(describe_columns(t));
    t->stage = WRITE;
    ELBOW_TRY(elbow_plan_pass(plan, false, read_rows, t));
    ELBOW_TRY(elbow_bad_rows_end(&t->unseen));
    return elbow_writer_finish(&t->writer);
}

static elbow_status import_table(const elbow_import_request *request) {
    elbow_status status = ELBOW_OK;
    elbow_plan plan;
    elbow_csv_look look;
    table t = {.request = request,
               .subject = request->input != NULL ? request->input : request->inputs[ELBOW_TRAIN],
               .unseen = {.skip = request->skip_bad}};
    elbow_plan_begin(&plan, request);
    ELBOW_TRY_OR_DONE(read_style(&t));
    ELBOW_TRY_OR_DONE(read_header_flag(&t, false)); /* wrong values first, before any file is read */
    ELBOW_TRY_OR_DONE(read_missing(&t));
    ELBOW_TRY_OR_DONE(elbow_csv_look_at(&look, t.subject, t.style));
    t.style.separator = look.separator;
    ELBOW_TRY_OR_DONE(read_header_flag(&t, look.header));
    ELBOW_TRY_OR_DONE(read_names(&t));
    ELBOW_TRY_OR_DONE(make_parts(&t));
    status = run_passes(&t, &plan);
done:
    elbow_plan_end(&plan);
    free_table(&t);
    return status;
}

/* Numbers have decimal points, whatever the locale of a program that embeds the library. */
static elbow_status import_csv(const elbow_import_request *request) {
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    ELBOW_CHECK(plain != (locale_t)0, ELBOW_MEMORY, "no memory for the C locale");
    locale_t before = uselocale(plain);
    elbow_status status = import_table(request);
    uselocale(before);
    freelocale(plain);
    return status;
}

static const elbow_import_flag flags[] = {
    {"--separator", "CHARACTER", "auto",
     "between cells: one character, or comma, tab, semicolon, bar, space"},
    {"--quote", "CHARACTER", "\"", "around cells with separators in them; none: there are no quotes"},
    {"--header", "WORD", "auto",
     "the first line has names: yes, no; auto: it has no number, and nothing\nthat is met again below it"},
    {"--missing", "WORDS", "?,NA,NaN,nan", "what stands for a missing value, beside an empty cell"},
    {"--columns", "NAMES", NULL, "only these; names, or numbers from 1: age,sex or 1,4-7"},
    {"--ignore", "NAMES", NULL, "all but these"},
    {"--label", "NAME", NULL, "the column of labels (y)"},
    {"--context", "NAMES", NULL, "what a conditional model is given"},
    {"--categorical", "NAMES", NULL, "columns of categories, whatever is in them"},
    {"--real", "NAMES", NULL, "columns of real numbers, whatever is in them"},
    {"--join", "N", NULL, "each N neighbouring columns are one: its words are their values together"},
    {NULL, NULL, NULL, NULL},
};

const elbow_importer elbow_import_csv = {
    .name = "csv",
    .summary = "tables of categorical and real columns, CSV or TSV, plain or gzip",
    .input = "FILE",
    .about =
        "Makes a data file from tables (CSV, TSV), plain or gzip: a row is an example.\n"
        "A column is real where every value in it is a number, and it has more than 16 different\n"
        "ones or one of them is written with a decimal point, or only one and all other columns are\n"
        "real; else it is categorical, its words in the order of numbers or of bytes. Real columns are "
        "standardised\n"
        "by the mean and standard deviation of the training split, which are kept in the file. A row is\n"
        "bad when it has too few or too many cells, no number in a column given as real, or a word that\n"
        "no row of the training split has. Blank lines are nothing.\n",
    .examples = "  elbow import csv segment.csv.gz --label class -o segment.h5\n"
                "  elbow import csv --train a.tsv --test b.tsv --ignore 1 --real 3-7 -o table.h5\n"
                "  elbow import csv bits.csv --join 3 --split 0.7,0.1,0.2 -o symbols.h5\n",
    .takes = ELBOW_IMPORT_SPLITS | ELBOW_IMPORT_CUT | ELBOW_IMPORT_BAD_ROWS,
    .flags = flags,
    .import = import_csv,
};
