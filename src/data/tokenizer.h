/* How text becomes symbols.
 *
 * A family: each member is one file that ends in its table, a line below, and a line in tokenizer.c. A tokenizer only
 * says where the next symbol of a text begins and ends; which symbols there are is found by those who count them
 * (symbols.h). Local. */
#ifndef ELBOW_SRC_DATA_TOKENIZER_H
#define ELBOW_SRC_DATA_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/error.h"

typedef struct elbow_token {
    size_t begin, length; /* bytes of the text; length 0: there are no more symbols */
    const char *wrong;    /* NULL, or what is wrong with these bytes: "is not UTF-8" */
} elbow_token;

typedef struct elbow_tokenizer {
    const char *name;   /* "characters" */
    const char *joiner; /* what stands between symbols when they become text again: "", or " " */
    const char *line;   /* the symbol of a line end where lines are run together; NULL: a line end is none */
    bool open;          /* any text may have new symbols: rare ones are all <unk>, the commonest come first */
    elbow_token (*next)(const char *text, size_t length, size_t at); /* the first symbol at or after `at` */
} elbow_tokenizer;

extern const elbow_tokenizer elbow_tokenizer_bytes;
extern const elbow_tokenizer elbow_tokenizer_characters;
extern const elbow_tokenizer elbow_tokenizer_words;
extern const elbow_tokenizer elbow_tokenizer_smiles;

/* NULL and ELBOW_USAGE with the nearest known name. */
elbow_status elbow_tokenizer_find(const char *name, const elbow_tokenizer **tokenizer);

#endif
