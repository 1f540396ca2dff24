/* What data hold, for people: shared by import and info. */
#ifndef ELBOW_SRC_CLI_FIELDS_H
#define ELBOW_SRC_CLI_FIELDS_H

#include <stddef.h>

#include "elbow/data/dataset.h"
#include "elbow/data/field.h"

enum { ELBOW_LABEL_WIDTH = 14, ELBOW_COUNT_BYTES = 32 };

/* "  NAME          ", what every line of a summary begins with. */
void elbow_cli_label(const char *name);

/* 1234567 → "1,234,567" */
const char *elbow_cli_grouped(char text[ELBOW_COUNT_BYTES], size_t count);

/* A line for the field, and more for columns and symbols. */
void elbow_cli_print_field(const char *name, const elbow_field *field);

/* Splits and fields of a data set, and its checksum. */
void elbow_cli_print_data(const elbow_dataset *dataset);

#endif
