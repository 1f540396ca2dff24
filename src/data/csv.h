/* Records of a CSV or TSV file (RFC 4180), plain or gzip.
 *
 * A cell that begins with a quote ends at the next single one: within, two quotes are one, and separators and line ends
 * are part of it. In other cells quotes are ordinary characters. Blanks around a cell are not part of it, those within
 * quotes are. Lines with nothing but blanks are no records. Local. */
#ifndef ELBOW_SRC_DATA_CSV_H
#define ELBOW_SRC_DATA_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/error.h"

typedef struct elbow_csv elbow_csv;

typedef struct elbow_csv_style {
    char separator; /* ' ': any number of blanks and tabs; 0: not known yet */
    char quote;     /* 0: none */
} elbow_csv_style;

typedef struct elbow_record {
    char **cells; /* (count), each with a 0 byte behind it; valid until the next record. NULL: no more */
    size_t *lengths;
    size_t count, line;  /* of its first line, from 1 */
    const char *problem; /* what is wrong with it, or NULL; the cells before it are there */
} elbow_record;

/* More cells than a record may have. */
enum { ELBOW_CSV_CELLS_MOST = 1 << 18 };

elbow_status elbow_csv_open(elbow_csv **csv, const char *path, elbow_csv_style style);
void elbow_csv_close(elbow_csv **csv);

/* ELBOW_FORMAT, naming FILE:LINE, for what is no text and for a quote that is never closed: nobody knows where the
 * next record begins. */
elbow_status elbow_csv_next(elbow_csv *csv, elbow_record *record);

/* What the beginning of a file says. */
typedef struct elbow_csv_look {
    char
        separator; /* the one of , TAB ; | that its first line has most of, outside quotes; 0: none of them */
    bool header;   /* no cell of the first record is a number, and none is met again below it in its column */
} elbow_csv_look;

/* Uses style->separator where it is known, and finds it where not. */
elbow_status elbow_csv_look_at(elbow_csv_look *look, const char *path, elbow_csv_style style);

/* Whether the text is a finite number (in a locale with decimal points), of at most 1e30. *pointed: it is not written
 * as a whole one. */
bool elbow_cell_number(const char *text, double *value, bool *pointed);

#endif
