/* What an example is: a field of a data set. Three kinds of values,
 *
 *     image      D = height · width · channels pixels, row-major, channels last
 *     table      D columns, each categorical (codes 0 … cardinality − 1) or real (standardised); any may be missing
 *     sequence   up to D tokens out of a vocabulary of V symbols
 *
 * and what it takes to say values in the words and units of their source. A field owns its columns and symbols;
 * copies are deep. All functions are Local. */
#ifndef ELBOW_DATA_FIELD_H
#define ELBOW_DATA_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/error.h"

typedef enum elbow_field_kind { ELBOW_IMAGE, ELBOW_TABLE, ELBOW_SEQUENCE } elbow_field_kind;

typedef struct elbow_column {
    char *name;
    size_t cardinality; /* K of a categorical column; 0: a real one */
    char **words;       /* (cardinality): what the source wrote for each code */
    double mean, scale; /* of a real column: stored value = (value in its own units − mean) / scale */
    bool missing;       /* some value in some split is missing */
} elbow_column;

typedef struct elbow_field {
    elbow_field_kind kind;
    size_t dimensions;              /* D: pixels, columns, or the most tokens of an example in any split */
    size_t height, width, channels; /* of an image */
    unsigned maximum;               /* of an image: the stored value that means 1.0, 255 or 1 */
    bool binary;                    /* of an image: every value is 0 or maximum */
    elbow_column *columns;          /* (D), of a table */
    size_t vocabulary;              /* V, of a sequence */
    char **symbols;                 /* (V): the text of each token */
    char joiner[8];                 /* put between symbols in text: " " for words, "" else */
    bool terminated; /* token 0 is the end of a sequence, ends every example and is nowhere else */
} elbow_field;

const char *elbow_field_kind_name(elbow_field_kind kind); /* "image", "table", "sequence" */

elbow_status elbow_field_copy(elbow_field *to, const elbow_field *from); /* ELBOW_MEMORY */
void elbow_field_destroy(elbow_field *field); /* frees what it owns, and zeroes it */

/* A malloc'd text that holds all of it, a line each thing, readable; and back. ELBOW_FORMAT names `subject`. */
elbow_status elbow_field_describe(const elbow_field *field, char **text);
elbow_status elbow_field_parse(elbow_field *field, const char *text, const char *subject);

/* Whether examples of one can be used where the other's are expected: kinds, sizes, columns with their words and
 * scales, symbols. ELBOW_MISMATCH says the first difference, "SUBJECT: …". `binary`, `missing` and, for sequences,
 * D may differ. */
elbow_status elbow_field_match(const elbow_field *expected, const elbow_field *found, const char *subject);

/* Reals that an example becomes as the input of a dense layer: pixels; of a table, the columns one after the other,
 * categorical ones one-hot (all zeros when missing), real ones as they are (0 when missing), followed, where
 * column.missing, by 1 when missing and 0 else. Of a sequence: D · V, one-hot, zeros after its end. */
size_t elbow_field_input_width(const elbow_field *field);

/* Text of tokens: symbols with the joiner between, the end-of-sequence symbol left out. malloc'd. */
elbow_status elbow_field_write_tokens(const elbow_field *field, const unsigned *tokens, size_t count,
                                      char **text);

#endif
