#include "data/columns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "data/field.h"
#include "elbow/base/log.h"

void elbow_column_facts_destroy(elbow_column_facts *facts) {
    elbow_words_destroy(&facts->words);
    free(facts->in_train);
    free(facts->codes);
    *facts = (elbow_column_facts){.kind = ELBOW_COLUMN_UNDECIDED};
}

elbow_status elbow_column_see(elbow_column_facts *facts, const char *text, size_t length) {
    double value = 0;
    bool pointed = false;
    facts->present++;
    if (facts->kind == ELBOW_COLUMN_REAL) return ELBOW_OK;
    if (!facts->words_only) {
        facts->words_only = !elbow_cell_number(text, &value, &pointed);
        facts->pointed = facts->pointed || pointed;
    }
    if (facts->many) return ELBOW_OK;
    ELBOW_TRY(elbow_words_add(&facts->words, text, length, 1));
    facts->many = facts->words.count > ELBOW_CARDINALITY_MOST;
    if (facts->many) elbow_words_destroy(&facts->words);
    return ELBOW_OK;
}

elbow_status elbow_column_decide(elbow_column_facts *facts, const char *subject, const char *name) {
    ELBOW_CHECK(facts->present > 0, ELBOW_FORMAT,
                "%s: column `%.60s` has no value, all are missing; leave it out", subject, name);
    if (facts->kind == ELBOW_COLUMN_UNDECIDED) {
        bool numerous = facts->many || facts->pointed || facts->words.count > ELBOW_COLUMN_WORDS;
        facts->kind = !facts->words_only && numerous ? ELBOW_COLUMN_REAL : ELBOW_COLUMN_CATEGORICAL;
        facts->constant = !facts->words_only && facts->words.count == 1;
    }
    if (facts->kind == ELBOW_COLUMN_REAL) {
        elbow_words_destroy(&facts->words);
        return ELBOW_OK;
    }
    ELBOW_CHECK(!facts->many, ELBOW_FORMAT,
                "%s: column `%.60s` has more than %d different words%s; leave it out%s", subject, name,
                (int)ELBOW_CARDINALITY_MOST, facts->words_only ? ", not all of them numbers" : "",
                facts->words_only ? "" : ", or give it as --real");
    facts->in_train = calloc(facts->words.count, sizeof *facts->in_train);
    ELBOW_CHECK(facts->in_train != NULL, ELBOW_MEMORY, "%s: no memory for the %zu words of column `%.60s`",
                subject, facts->words.count, name);
    return ELBOW_OK;
}

void elbow_columns_settle(elbow_column_facts *facts, size_t count) {
    bool any = false, all = true;
    for (size_t c = 0; c < count; c++) {
        any = any || facts[c].kind == ELBOW_COLUMN_REAL;
        all = all && (facts[c].kind == ELBOW_COLUMN_REAL || facts[c].constant);
    }
    for (size_t c = 0; c < count && any && all; c++) {
        if (facts[c].kind == ELBOW_COLUMN_REAL) continue;
        facts[c].kind = ELBOW_COLUMN_REAL;
        elbow_words_destroy(&facts[c].words);
    }
}

void elbow_column_see_train_number(elbow_column_facts *facts, double value) {
    double deviation = value - facts->mean;
    facts->mean += deviation / (double)++facts->trained;
    facts->squares += deviation * (value - facts->mean);
}

void elbow_column_see_train(elbow_column_facts *facts, const char *text, size_t length) {
    double value = 0;
    bool pointed = false;
    if (facts->kind == ELBOW_COLUMN_REAL) {
        if (elbow_cell_number(text, &value, &pointed)) elbow_column_see_train_number(facts, value);
        return;
    }
    int64_t word = elbow_words_find(&facts->words, text, length);
    if (word == ELBOW_WORD_ABSENT) return;
    facts->in_train[word]++;
    facts->trained++;
}

/* ------------------------------------------------------------------------------------- describing */

typedef struct entry {
    const char *word;
    size_t length, index;
    double number; /* 0 where not all words are numbers */
} entry;

static int compare_entries(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->number != y->number) return x->number < y->number ? -1 : 1;
    int order = memcmp(x->word, y->word, x->length < y->length ? x->length : y->length);
    return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

/* Joined values as people read them: 010, or red/small. */
static void show_joiners(const elbow_column_facts *facts, char *word) {
    char *to = word;
    for (const char *from = word; *from != '\0'; from++) {
        if (*from != ELBOW_COLUMN_JOINER)
            *to++ = *from;
        else if (facts->wide)
            *to++ = '/';
    }
    *to = '\0';
}

static elbow_status describe_words(elbow_column_facts *facts, const entry *entries, size_t count,
                                   elbow_column *column) {
    ELBOW_TRY(elbow_column_take_words(column, count));
    for (size_t code = 0; code < count; code++) {
        const entry *e = &entries[code];
        ELBOW_TRY(elbow_text_copy(&column->words[code], e->word, e->length));
        show_joiners(facts, column->words[code]);
        facts->codes[e->index] = (int32_t)code;
    }
    facts->cardinality = count;
    return ELBOW_OK;
}

static elbow_status describe_categories(elbow_column_facts *facts, elbow_column *column) {
    size_t count = 0, words = facts->words.count;
    entry *entries = malloc(words * sizeof *entries);
    facts->codes = malloc(words * sizeof *facts->codes);
    elbow_status status = entries != NULL && facts->codes != NULL
                              ? ELBOW_OK
                              : elbow_fail(ELBOW_MEMORY, "no memory for a column of %zu words", words);
    for (size_t i = 0; i < words && status == ELBOW_OK; i++) {
        entry e = {.word = facts->words.words[i], .length = facts->words.lengths[i], .index = i};
        bool pointed = false;
        facts->codes[i] = ELBOW_WORD_ABSENT;
        if (!facts->words_only && !elbow_cell_number(e.word, &e.number, &pointed)) e.number = 0;
        if (facts->in_train[i] > 0) entries[count++] = e;
    }
    if (status == ELBOW_OK) {
        qsort(entries, count, sizeof *entries, compare_entries);
        status = describe_words(facts, entries, count, column);
    }
    free(entries);
    return status;
}

elbow_status elbow_column_describe(elbow_column_facts *facts, const char *subject, const char *name,
                                   elbow_column *column) {
    ELBOW_CHECK(facts->trained > 0, ELBOW_FORMAT,
                "%s: column `%.60s` has no value in the training split, all are missing; leave it out",
                subject, name);
    ELBOW_TRY(elbow_text_copy(&column->name, name, strlen(name)));
    if (facts->kind == ELBOW_COLUMN_CATEGORICAL) return describe_categories(facts, column);
    double deviation = sqrt(facts->squares / (double)facts->trained);
    column->mean = facts->mean;
    column->scale = deviation;
    /* A mean of equal numbers is off by rounding, and so would be what is left of them. */
    if (deviation <= 1e-14 * fabs(facts->mean) || deviation < 1e-30) {
        column->scale = 1;
        elbow_notice("%s: column `%.60s` is constant (%g) in the training split; its scale is 1", subject,
                     name, facts->mean);
    }
    return ELBOW_OK;
}

bool elbow_column_value(const elbow_column_facts *facts, const elbow_column *column, const char *text,
                        size_t length, double *value) {
    static const double most = 1e30;
    bool pointed = false;
    if (facts->kind == ELBOW_COLUMN_REAL)
        return elbow_cell_number(text, value, &pointed) &&
               fabs((*value - column->mean) / column->scale) <= most;
    int64_t word = elbow_words_find(&facts->words, text, length);
    int32_t code = word == ELBOW_WORD_ABSENT ? ELBOW_WORD_ABSENT : facts->codes[word];
    *value = (double)code;
    return code != ELBOW_WORD_ABSENT;
}
