/* Examples as files that people open, by the kind of data: images become a picture (.png), tables comma-separated
 * values (.csv), sequences lines of text (.txt). `path` "-" is standard output, for text. All functions are Local. */
#ifndef ELBOW_TRAIN_DRAW_H
#define ELBOW_TRAIN_DRAW_H

#include "elbow/store/examples.h"

/* ".png", ".csv" or ".txt": what the name of a file of such examples ends in. */
const char *elbow_draw_ending(const elbow_field *field);
/* ELBOW_USAGE where `path` ends in something else, or pictures cannot be drawn. */
elbow_status elbow_draw_check(const elbow_field *field, const char *path);

/* Images in rows of `columns`, 0 for a square; cells that are left are grey. notes: of tables and sequences; or NULL. */
elbow_status elbow_draw_examples(const elbow_examples *examples, size_t columns, const elbow_notes *notes,
                                 const char *path);

/* Originals above what was made of them; `first` is the number of the first (examples.h). */
elbow_status elbow_draw_pairs(const elbow_examples *originals, const elbow_examples *made, size_t first,
                              const char *path);

#endif
