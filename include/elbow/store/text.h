/* Text that is put together in memory and written whole: lines, and rows of comma-separated values (RFC 4180, lines
 * ending in a line feed alone). A text begins as {0}; ELBOW_MEMORY where it cannot grow. All functions are Local. */
#ifndef ELBOW_STORE_TEXT_H
#define ELBOW_STORE_TEXT_H

#include <stddef.h>

#include "elbow/base/error.h"

typedef struct elbow_text {
    char *bytes; /* no 0 at the end */
    size_t length, room;
} elbow_text;

void elbow_text_destroy(elbow_text *text);

elbow_status elbow_text_add(elbow_text *text, const char *bytes, size_t count);
elbow_status elbow_text_print(elbow_text *text, const char *format, ...) ELBOW_PRINTF(2, 3);

/* A row of a table: the cells with commas between. One that holds a comma, a quote, a line end or a space at either
 * end is quoted. */
elbow_status elbow_text_row(elbow_text *text, const char *const *cells, size_t count);

/* Writes the file whole or not at all; "-" is standard output. ELBOW_IO. */
elbow_status elbow_text_write(const elbow_text *text, const char *path);

#endif
