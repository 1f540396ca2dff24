/* Biological sequences → a table of one categorical column a position, or sequences.
 *
 * The vocabulary is the alphabet's symbols, then what else of it occurs anywhere, by letters: which letters can occur
 * is known before the data, so it is no secret of the test split. Only that of `any` is learned from train. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/field.h"
#include "data/import_list.h"
#include "data/records.h"
#include "data/writer.h"
#include "elbow/base/log.h"

typedef enum pass_kind { COUNT, LEARN, WRITE } pass_kind;
typedef enum shape_kind { EITHER, TABLE, SEQUENCE } shape_kind;
typedef enum ambiguous_kind { BY_SHAPE, MISSING, SYMBOL, REFUSE } ambiguous_kind;

enum { NO_CODE = -1, LETTERS = 256 };

typedef struct fasta_import {
    elbow_records_how how;
    shape_kind shape;
    ambiguous_kind ambiguous;
    pass_kind pass;
    elbow_plan plan;
    elbow_writer *writer;
    elbow_bad_rows unknown;    /* letters or classes that the training split lacks */
    size_t first, least, most; /* lengths: of the first record, and of all */
    bool seen[LETTERS];        /* anywhere; of `any`, in train */
    size_t count;              /* symbols */
    char symbols[LETTERS];     /* (count) */
    int code_of[LETTERS];
    elbow_words classes;
    double *values;   /* (room): a row of a table */
    uint16_t *tokens; /* (room) */
    size_t room;
} fasta_import;

/* ----------------------------------------------------------------------------------------------- fields */

static bool is_closed(const fasta_import *import) { return import->how.alphabet->symbols[0] != '\0'; }

static void number_symbols(fasta_import *import) {
    const elbow_alphabet *alphabet = import->how.alphabet;
    bool missing = import->ambiguous == MISSING;
    for (size_t c = 0; c < LETTERS; c++) import->code_of[c] = NO_CODE;
    for (const char *c = alphabet->symbols; *c != '\0'; c++) import->symbols[import->count++] = *c;
    for (size_t c = 0; c < LETTERS; c++) {
        char letter = (char)(unsigned char)c;
        bool has = memchr(import->symbols, letter, import->count) != NULL;
        if (import->seen[c] && !has && !(missing && elbow_alphabet_is_ambiguous(alphabet, letter)))
            import->symbols[import->count++] = letter;
    }
    for (size_t k = 0; k < import->count; k++) import->code_of[(unsigned char)import->symbols[k]] = (int)k;
}

static elbow_status make_table(const fasta_import *import, elbow_field *field) {
    char name[32];
    *field = (elbow_field){.kind = ELBOW_TABLE};
    ELBOW_TRY(elbow_field_take_columns(field, import->most));
    for (size_t d = 0; d < import->most; d++) {
        elbow_column *column = &field->columns[d];
        snprintf(name, sizeof name, "%zu", d + 1);
        ELBOW_TRY(elbow_text_copy(&column->name, name, strlen(name)));
        ELBOW_TRY(elbow_column_take_words(column, import->count));
        for (size_t k = 0; k < import->count; k++)
            ELBOW_TRY(elbow_text_copy(&column->words[k], &import->symbols[k], 1));
    }
    return ELBOW_OK;
}

static elbow_status make_sequence(const fasta_import *import, elbow_field *field) {
    *field = (elbow_field){.kind = ELBOW_SEQUENCE, .dimensions = 1, .terminated = true};
    ELBOW_TRY(elbow_field_take_symbols(field, import->count + 1));
    ELBOW_TRY(elbow_text_copy(&field->symbols[0], "<end>", 5));
    for (size_t k = 0; k < import->count; k++)
        ELBOW_TRY(elbow_text_copy(&field->symbols[k + 1], &import->symbols[k], 1));
    return ELBOW_OK;
}

static elbow_status make_classes(const fasta_import *import, elbow_field *field) {
    const elbow_words *classes = &import->classes;
    *field = (elbow_field){.kind = ELBOW_TABLE};
    ELBOW_TRY(elbow_field_take_columns(field, 1));
    ELBOW_TRY(elbow_text_copy(&field->columns[0].name, "class", 5));
    ELBOW_TRY(elbow_column_take_words(&field->columns[0], classes->count));
    for (size_t k = 0; k < classes->count; k++)
        ELBOW_TRY(elbow_text_copy(&field->columns[0].words[k], classes->words[k], classes->lengths[k]));
    return ELBOW_OK;
}

static elbow_status describe(fasta_import *import, elbow_part part,
                             elbow_status (*make)(const fasta_import *import, elbow_field *field)) {
    elbow_field field;
    elbow_status status = make(import, &field);
    if (status == ELBOW_OK) status = elbow_writer_describe(import->writer, part, &field);
    elbow_field_destroy(&field);
    return status;
}

/* ---------------------------------------------------------------------------------------------- records */

static elbow_status write_record(fasta_import *import, elbow_split split, const elbow_record *record,
                                 int32_t label) {
    size_t end = record->length;
    if (record->label != NULL) ELBOW_TRY(elbow_writer_append_labels(import->writer, split, &label, 1));
    for (size_t i = 0; i < end; i++) {
        int code = import->code_of[(unsigned char)record->letters[i]];
        if (import->shape == TABLE)
            import->values[i] = code == NO_CODE ? (double)NAN : code;
        else
            import->tokens[i] = (uint16_t)(code + 1);
    }
    if (import->shape == TABLE)
        return elbow_writer_append_table(import->writer, split, ELBOW_X, import->values, 1);
    import->tokens[end] = 0;
    return elbow_writer_append_tokens(import->writer, split, ELBOW_X, import->tokens, end + 1);
}

/* Whether all of it is known; of a closed alphabet only classes may not be. */
static elbow_status check_and_write(fasta_import *import, elbow_split split, const elbow_record *record) {
    int64_t label = 0;
    if (record->label != NULL)
        label = elbow_words_find(&import->classes, record->label, record->label_length);
    if (label == ELBOW_WORD_ABSENT)
        return elbow_bad_row(&import->unknown, record->path, record->line,
                             "class `%.*s` in %s does not occur in the training split",
                             (int)(record->label_length < 60 ? record->label_length : 60), record->label,
                             elbow_split_name(split));
    for (size_t i = 0; i < record->length && !is_closed(import); i++)
        if (import->code_of[(unsigned char)record->letters[i]] == NO_CODE)
            return elbow_bad_row(&import->unknown, record->path, record->line,
                                 "`%c` in %s does not occur in the training split", record->letters[i],
                                 elbow_split_name(split));
    return write_record(import, split, record, (int32_t)label);
}

static void see(fasta_import *import, const elbow_record *record) {
    for (size_t i = 0; i < record->length; i++) import->seen[(unsigned char)record->letters[i]] = true;
}

static elbow_status take(void *self, const elbow_record *record) {
    fasta_import *import = self;
    if (import->first == 0) import->first = record->length;
    if (import->shape == TABLE && record->length != import->first)
        return elbow_bad_row(&import->plan.bad, record->path, record->line,
                             "%zu symbols, and the first record has %zu: no table", record->length,
                             import->first);
    elbow_split split = elbow_plan_next(&import->plan);
    if (import->pass == WRITE) return check_and_write(import, split, record);
    if (import->pass == COUNT) {
        if (import->least == 0 || record->length < import->least) import->least = record->length;
        if (record->length > import->most) import->most = record->length;
    }
    if (is_closed(import) ? import->pass == COUNT : import->pass == LEARN && split == ELBOW_TRAIN)
        see(import, record);
    if (import->pass == COUNT || split != ELBOW_TRAIN || record->label == NULL) return ELBOW_OK;
    return elbow_words_add(&import->classes, record->label, record->label_length, 1);
}

static elbow_status read_file(void *self, elbow_plan *plan, const char *path) {
    fasta_import *import = self;
    return elbow_records_read(&import->how, &plan->bad, path, take, import);
}

static elbow_status run_pass(fasta_import *import, pass_kind pass) {
    import->pass = pass;
    return elbow_plan_pass(&import->plan, pass != WRITE, read_file, import);
}

/* ------------------------------------------------------------------------------------------------ flags */

/* After the first pass: what may depend on the lengths. */
static elbow_status decide(fasta_import *import) {
    bool even = import->least == import->most;
    if (import->shape == EITHER && !even)
        elbow_notice("lengths from %zu to %zu: sequences, not a table", import->least, import->most);
    if (import->shape == EITHER) import->shape = even ? TABLE : SEQUENCE;
    ELBOW_CHECK(import->shape == TABLE || import->ambiguous != MISSING, ELBOW_USAGE,
                "--ambiguous missing is for tables, and %s; give --ambiguous symbol, or refuse",
                even ? "--as says sequence" : "these have several lengths");
    if (import->ambiguous == BY_SHAPE) import->ambiguous = import->shape == TABLE ? MISSING : SYMBOL;
    import->room = import->most + 1;
    import->values = malloc(import->room * sizeof *import->values);
    import->tokens = malloc(import->room * sizeof *import->tokens);
    ELBOW_CHECK(import->values != NULL && import->tokens != NULL, ELBOW_MEMORY,
                "no memory for a sequence of %zu symbols", import->most);
    return ELBOW_OK;
}

/* The place of a flag's value in a list that ends in NULL, counted from 1; 0 where it is not given. */
static elbow_status choose(const elbow_import_request *request, const char *flag, const char *const *words,
                           const char *known, int *choice) {
    const char *value = elbow_import_value(request, flag);
    *choice = 0;
    if (value == NULL) return ELBOW_OK;
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(value, words[i]) == 0) *choice = i + 1;
    ELBOW_CHECK(*choice > 0, ELBOW_USAGE, "%s: `%.40s` is not known; known: %s", flag, value, known);
    return ELBOW_OK;
}

static elbow_status read_flags(fasta_import *import, const elbow_import_request *request) {
    static const char *const shapes[] = {"table", "sequence", NULL};
    static const char *const treatments[] = {"missing", "symbol", "refuse", NULL};
    const char *table = elbow_import_value(request, "--table");
    int shape = 0, ambiguous = 0;
    int64_t longest = ELBOW_DIMENSIONS_MOST - 1;
    if (elbow_alphabet_find(elbow_import_value(request, "--alphabet"), &import->how.alphabet) != ELBOW_OK)
        return elbow_fail_prefix(ELBOW_USAGE, "--alphabet");
    ELBOW_TRY(choose(request, "--as", shapes, "table, sequence", &shape));
    ELBOW_TRY(choose(request, "--ambiguous", treatments, "missing, symbol, refuse", &ambiguous));
    ELBOW_CHECK(ambiguous == 0 || is_closed(import), ELBOW_USAGE,
                "--ambiguous: the alphabet any has no letters that are; leave it out, or say --alphabet dna");
    ELBOW_TRY(elbow_import_integer(request, "--longest", 1, ELBOW_DIMENSIONS_MOST - 1, &longest));
    if (table != NULL) ELBOW_TRY(elbow_roles_parse(&import->how.roles, table));
    import->shape = (shape_kind)shape;
    import->ambiguous = (ambiguous_kind)ambiguous;
    import->how.refuse = import->ambiguous == REFUSE;
    import->how.longest = (size_t)longest;
    return ELBOW_OK;
}

/* ----------------------------------------------------------------------------------------------- import */

static elbow_status run_passes(fasta_import *import) {
    ELBOW_TRY(run_pass(import, COUNT));
    ELBOW_TRY(decide(import));
    ELBOW_TRY(run_pass(import, LEARN));
    number_symbols(import);
    ELBOW_TRY(elbow_words_sort(&import->classes, ELBOW_WORDS_BY_BYTES, 0, 0));
    ELBOW_TRY(describe(import, ELBOW_X, import->shape == TABLE ? make_table : make_sequence));
    if (import->how.roles.labelled) ELBOW_TRY(describe(import, ELBOW_Y, make_classes));
    ELBOW_TRY(run_pass(import, WRITE));
    return elbow_bad_rows_end(&import->unknown);
}

static elbow_status import_fasta(const elbow_import_request *request) {
    fasta_import import = {.unknown = {.skip = request->skip_bad}};
    ELBOW_TRY(read_flags(&import, request));
    ELBOW_TRY(elbow_writer_create(&import.writer, request));
    elbow_plan_begin(&import.plan, request);
    elbow_status status = run_passes(&import);
    if (status == ELBOW_OK) status = elbow_writer_finish(&import.writer);
    elbow_writer_discard(&import.writer);
    elbow_words_destroy(&import.classes);
    elbow_plan_end(&import.plan);
    free(import.values);
    free(import.tokens);
    return status;
}

static const elbow_import_flag flags[] = {
    {"--alphabet", "NAME", "dna", "dna, rna, protein, or any: every letter is a symbol as it stands"},
    {"--ambiguous", "HOW", NULL,
     "what to do with letters that stand for several (N, R, …; of\n"
     "protein B, J, X, Z): missing values (of tables, where that is the\n"
     "default), symbol (each is one of its own; else the default), or\n"
     "refuse (they make a bad row)"},
    {"--as", "KIND", NULL,
     "table (a column each position) or sequence; a table where all\n"
     "sequences have one length, if not given"},
    {"--longest", "N", NULL, "letters of a sequence; longer ones are bad rows"},
    {"--table", "ROLES", NULL,
     "the file is no FASTA but has a sequence a line, its fields\n"
     "separated by any blanks, tabs, commas and semicolons. ROLES says\n"
     "what they are: name or skip (nothing), x (letters of the\n"
     "sequence), class (the label); ROLE*N stands for N of them"},
    {NULL, NULL, NULL, NULL},
};

const elbow_importer elbow_import_fasta = {
    .name = "fasta",
    .summary = "DNA, RNA and proteins, plain or gzip: FASTA, or a sequence a line",
    .input = "FILE",
    .about =
        "Makes a table or sequences of DNA, RNA or proteins: FASTA, or with --table a sequence a line.\n"
        "Small letters are read as capitals. The symbols are those of the alphabet in its order (ACGT), "
        "then\n"
        "what else occurs by letters: gaps (-), stops (*), ambiguous letters. Sequences end in a symbol "
        "<end>,\n"
        "which is the first. Classes are the words of the training split; rows of other splits with another\n"
        "class are bad rows, as are records with other letters or none, and rows with more or fewer "
        "fields.\n",
    .examples = "  elbow import fasta splice.data.gz --table 'name,x*60,class' -o splice.h5\n"
                "  elbow import fasta promoters.data --table class,name,x --as sequence -o promoters.h5\n"
                "  elbow import fasta --train train.fa.gz --test test.fa.gz --alphabet protein --longest 500 "
                "-o proteins.h5\n",
    .takes = ELBOW_IMPORT_SPLITS | ELBOW_IMPORT_CUT | ELBOW_IMPORT_BAD_ROWS,
    .flags = flags,
    .import = import_fasta,
};
