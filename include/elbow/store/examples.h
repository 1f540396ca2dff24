/* Examples as text: what a model made, or was shown, in the words and units of its data.
 *
 *     table      a header and a row each, comma-separated: words for codes, reals in their own units, nothing where a
 *                value is missing
 *     sequence   a line each; where symbols may hold line ends (windows of a text) each stands under a line of its
 *                own that begins with dashes
 *
 * All functions are Local and add to a text. */
#ifndef ELBOW_STORE_EXAMPLES_H
#define ELBOW_STORE_EXAMPLES_H

#include <stdbool.h>

#include "elbow/data/batch.h"
#include "elbow/store/text.h"

/* What is said of each example beside its values: further columns of a table, before its own; before the line of a
 * sequence, with tabs between; or in the line above it. */
typedef struct elbow_notes {
    size_t count;             /* columns */
    const char *const *names; /* (count) */
    const char *const *cells; /* (examples, count) */
} elbow_notes;

/* Whether examples take more than a line: some symbol holds a line end. */
bool elbow_examples_take_lines(const elbow_field *field);

/* Tables and sequences. notes may be NULL. */
elbow_status elbow_text_add_examples(elbow_text *text, const elbow_examples *examples,
                                     const elbow_notes *notes);

/* Each original above what was made of it: rows that say which, of tables; lines with an empty one after each pair, of
 * sequences. As many as `made` has; `first` is the number of the first. */
elbow_status elbow_text_add_pairs(elbow_text *text, const elbow_examples *originals,
                                  const elbow_examples *made, size_t first);

#endif
