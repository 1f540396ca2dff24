/* How sequences become packed values. */
#ifndef ELBOW_SRC_DATA_PACK_H
#define ELBOW_SRC_DATA_PACK_H

#include "elbow/data/batch.h"

/* Buffers for `rows` examples of a field; NULL: none. */
elbow_status elbow_values_reserve(elbow_values *values, const elbow_field *field, size_t rows,
                                  elbow_arena *arena);

/* From example_length, 1 … D each: order, length, begin and steps. Longest first, ties in the examples' order. What
 * is left is to put token t of the example at place p at tokens[begin[t] + p]. */
void elbow_values_arrange(elbow_values *values, size_t rows);

#endif
