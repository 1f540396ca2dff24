/* What makes and checks fields. */
#ifndef ELBOW_SRC_DATA_FIELD_H
#define ELBOW_SRC_DATA_FIELD_H

#include "elbow/data/field.h"

/* 65535 is a missing code, so codes end below it; symbols and words are known by 16 bits. */
enum { ELBOW_CARDINALITY_MOST = 65535, ELBOW_VOCABULARY_MOST = 65536, ELBOW_DIMENSIONS_MOST = 1 << 24 };

/* `count` zeroed columns, words or symbols, in a field that has none yet: what destroy frees. ELBOW_MEMORY. */
elbow_status elbow_field_take_columns(elbow_field *field, size_t count);
elbow_status elbow_column_take_words(elbow_column *column, size_t count);
elbow_status elbow_field_take_symbols(elbow_field *field, size_t count);

/* A copy of `count` bytes and a 0. ELBOW_MEMORY. */
elbow_status elbow_text_copy(char **copy, const char *bytes, size_t count);

/* A table of one categorical column, whose words are the codes themselves: what labels are without names. */
elbow_status elbow_field_make_labels(elbow_field *field, const char *name, size_t cardinality);

#endif
