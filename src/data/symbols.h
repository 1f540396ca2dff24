/* The vocabulary of a sequence field while it is made: what was seen, then sorted, then numbered.
 *
 *     code 0      <end>, where sequences are terminated
 *     the next    <unk>, where the vocabulary is open: what it lacks
 *     then        the symbols; by bytes, which for UTF-8 is by code point, or, of an open one, the commonest first (as
 *                 often seen: by bytes)
 *
 * Local. */
#ifndef ELBOW_SRC_DATA_SYMBOLS_H
#define ELBOW_SRC_DATA_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/import_common.h"
#include "elbow/data/field.h"

typedef struct elbow_symbols {
    bool terminated, open; /* as told to begin */
    elbow_words words;     /* without <end> and <unk> */
    uint64_t seen, kept;   /* symbols of the text: all, and those that have codes of their own */
} elbow_symbols;

void elbow_symbols_begin(elbow_symbols *symbols, bool terminated, bool open);
void elbow_symbols_destroy(elbow_symbols *symbols);

/* One more of a symbol; the text "<unk>" is not counted in an open vocabulary. ELBOW_MEMORY. */
elbow_status elbow_symbols_add(elbow_symbols *symbols, const char *text, size_t length);

/* Gives the codes. Of an open vocabulary those seen less than `least` times are dropped, then all but the `most` (0:
 * all) commonest. ELBOW_FORMAT, naming `subject`, where there are more than a data file can hold. */
elbow_status elbow_symbols_sort(elbow_symbols *symbols, uint64_t least, size_t most, const char *subject);

/* The code, that of <unk> included; ELBOW_WORD_ABSENT for a symbol that a closed vocabulary lacks. */
int64_t elbow_symbols_code(const elbow_symbols *symbols, const char *text, size_t length);

/* A sequence field of the vocabulary; its caller destroys it. */
elbow_status elbow_symbols_describe(const elbow_symbols *symbols, const char *joiner, elbow_field *field);

#endif
