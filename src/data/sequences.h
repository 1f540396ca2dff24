/* What importers of lines of text share: every line is cut into symbols, and a line, or a window of what the lines hold
 * together, is an example.
 *
 * Three passes over the inputs: one counts the examples and finds bad rows, one learns the vocabulary from the training
 * split alone, one writes. Bad rows are lines that cannot be read and lines that are too long; and, where the
 * vocabulary is closed, examples of other splits with a symbol that the training split lacks. Local. */
#ifndef ELBOW_SRC_DATA_SEQUENCES_H
#define ELBOW_SRC_DATA_SEQUENCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/tokenizer.h"
#include "elbow/data/import.h"

typedef struct elbow_sequences_how {
    const elbow_tokenizer *tokenizer;
    bool first_word;   /* what follows a blank in a line is no part of it */
    bool lower;        /* A to Z become a to z */
    size_t window;     /* symbols of an example, ≥ 2; 0: a line is an example, ended by the end symbol */
    size_t longest;    /* symbols of a line that is an example; 0: as many as a data file can hold */
    uint64_t cutoff;   /* of an open vocabulary: symbols seen less often are <unk> */
    size_t vocabulary; /* of an open vocabulary: so many symbols have codes of their own; 0: all */
} elbow_sequences_how;

/* A line without symbols is no example and no bad row; a notice says how many there were.
 *
 * Windows run over line ends (the symbol `line` of the tokenizer; the last line has one too) but not from one file to
 * the next, do not overlap, and are not terminated; what is left at the end of a file is an example if it is two
 * symbols or more. One input is cut in order, the first windows for train, then valid, then test, for windows that
 * touch are alike. */
elbow_status elbow_sequences_import(const elbow_import_request *request, const elbow_sequences_how *how);

#endif
