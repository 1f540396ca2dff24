/* What every importer writes a data file with (elbow/data/dataset.h): a stream of examples for each part of each split.
 *
 *     elbow_writer_create  →  elbow_writer_describe, each part  →  elbow_writer_append_…, in any order of splits
 *     →  elbow_writer_finish                        or, at any moment:  elbow_writer_discard
 *
 * What can only be known at the end the writer finds itself, over all splits: `maximum` and `binary` of images, `missing`
 * of columns, D of sequences, and, for labels that are not described, their cardinality. The rest of a field is said before
 * its first example. Where request->context says so, images of x are cut in two as they come: the other half becomes the
 * context. The file has a temporary name until it is finished. Messages name the output. */
#ifndef ELBOW_SRC_DATA_WRITER_H
#define ELBOW_SRC_DATA_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "elbow/data/dataset.h"
#include "elbow/data/import.h"

typedef struct elbow_writer elbow_writer;

/* Makes the temporary file of request->output. */
elbow_status elbow_writer_create(elbow_writer **writer, const elbow_import_request *request);

/* What a part holds; the field is copied. y is a table of one categorical column, and need not be described. */
elbow_status elbow_writer_describe(elbow_writer *writer, elbow_part part, const elbow_field *field);

/* How many examples a part of a split will get, where that is known: such a file is a little smaller. Before the
 * first. */
void elbow_writer_expect(elbow_writer *writer, elbow_split split, elbow_part part, size_t examples);

/* (rows, D) pixels. */
elbow_status elbow_writer_append_images(elbow_writer *writer, elbow_split split, elbow_part part,
                                        const uint8_t *pixels, size_t rows);

/* (rows, D): codes, and values in their own units, which are standardised here by the column's mean and scale; NaN is
 * missing. */
elbow_status elbow_writer_append_table(elbow_writer *writer, elbow_split split, elbow_part part,
                                       const double *values, size_t rows);

/* One example of `count` ≥ 1 tokens, the end symbol included where the field is terminated. */
elbow_status elbow_writer_append_tokens(elbow_writer *writer, elbow_split split, elbow_part part,
                                        const uint16_t *tokens, size_t count);

/* Labels: codes, or -1 for a missing one (only where y is described, and its column says `missing`). */
elbow_status elbow_writer_append_labels(elbow_writer *writer, elbow_split split, const int32_t *codes,
                                        size_t rows);

size_t elbow_writer_count(const elbow_writer *writer, elbow_split split,
                          elbow_part part); /* examples so far */

/* Checks that the parts have the same number of examples and that train and test have some, writes what is left, and
 * gives the file its name. The writer is gone either way. */
elbow_status elbow_writer_finish(elbow_writer **writer);

/* Removes the temporary file. NULL is fine. */
void elbow_writer_discard(elbow_writer **writer);

#endif
