/* What a column of a table holds, learned from its values as they are written; and what becomes of each value.
 *
 *     elbow_column_see, every present value of all splits
 *     →  elbow_column_decide           categorical or real
 *     →  elbow_column_see_train, those of the training split alone: its words, mean and standard deviation
 *     →  elbow_column_describe         to the field
 *     →  elbow_column_value, each      to what the writer takes
 *
 * A column is real where every present value is a number, and it has more than 16 different ones or one is written with
 * a decimal point or an exponent, or only one number where all other columns are real; else categorical. Its codes are in the order of its words: of numbers where all are,
 * else of bytes. Words that the training split lacks have no code: nothing could be learned about them. Local. */
#ifndef ELBOW_SRC_DATA_COLUMNS_H
#define ELBOW_SRC_DATA_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/import_common.h"
#include "elbow/data/field.h"

typedef enum elbow_column_kind {
    ELBOW_COLUMN_UNDECIDED,
    ELBOW_COLUMN_REAL,
    ELBOW_COLUMN_CATEGORICAL
} elbow_column_kind;

enum { ELBOW_COLUMN_WORDS = 16 }; /* so many different numbers may be categories */

/* Between the values of columns that are read as one. */
#define ELBOW_COLUMN_JOINER '\x1f'

typedef struct elbow_column_facts {
    elbow_column_kind kind; /* as asked for; then as decided */
    elbow_words words;      /* of all splits; none of a real column, or where there are too many */
    bool many;              /* there are too many */
    bool constant;          /* decided to be categorical, and all its values are one number */
    bool words_only;        /* some value is no number */
    bool pointed;           /* some number is not written as a whole one */
    bool wide;              /* joined ones: some part has more than one byte */
    size_t present;         /* values, of all splits */
    size_t trained;         /* of the training split */
    double mean, squares;   /* of the training split: mean, and sum of squared deviations from it */
    uint64_t *in_train;     /* (words) how often in the training split */
    int32_t *codes;         /* (words) or ELBOW_WORD_ABSENT */
    size_t cardinality;
} elbow_column_facts;

void elbow_column_facts_destroy(elbow_column_facts *facts);

elbow_status elbow_column_see(elbow_column_facts *facts, const char *text, size_t length);

/* ELBOW_FORMAT, "SUBJECT: column `NAME` …", for one that has no value or too many words. */
elbow_status elbow_column_decide(elbow_column_facts *facts, const char *subject, const char *name);

/* Decided columns of one table: where all others are real, those of one number throughout are, too. */
void elbow_columns_settle(elbow_column_facts *facts, size_t count);

void elbow_column_see_train(elbow_column_facts *facts, const char *text, size_t length);
void elbow_column_see_train_number(elbow_column_facts *facts, double value);

/* Fills a zeroed column: a constant one has scale 1, and a notice says so. ELBOW_FORMAT where the training split has
 * no value of it. */
elbow_status elbow_column_describe(elbow_column_facts *facts, const char *subject, const char *name,
                                   elbow_column *column);

/* The code, or the number. false: the training split has no such word, or, standardised, it is too large for any
 * use. */
bool elbow_column_value(const elbow_column_facts *facts, const elbow_column *column, const char *text,
                        size_t length, double *value);

#endif
