/* What importers share beside the writer: passes over the inputs and where each example goes; lines; bad rows; words.
 *
 * Most formats need two passes: one to learn (how many examples, which words, which symbols), one to write. An importer
 * gives a function that reads one input and, for every good example, calls elbow_plan_next:
 *
 *     static elbow_status read(void *self, elbow_plan *plan, const char *path) {
 *         ELBOW_TRY(elbow_lines_open(&lines, path));
 *         while (elbow_lines_next(lines, &line) == ELBOW_OK && line.text != NULL) {
 *             if (what is wrong) { ELBOW_TRY(elbow_bad_row(&plan->bad, path, line.number, "…")); continue; }
 *             elbow_split split = elbow_plan_next(plan);
 *             plan->learning ? learn : elbow_writer_append_…(writer, split, …)
 *
 *     elbow_plan_begin(&plan, request);
 *     ELBOW_TRY(elbow_plan_pass(plan, true, read, self));
 *     … describe the fields …
 *     ELBOW_TRY(elbow_plan_pass(plan, false, read, self));
 *
 * Local. */
#ifndef ELBOW_SRC_DATA_IMPORT_COMMON_H
#define ELBOW_SRC_DATA_IMPORT_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elbow/data/import.h"

/* -------------------------------------------------------------------------------------- bad rows */

typedef struct elbow_bad_rows {
    bool skip;    /* they may be left out */
    bool quiet;   /* they were reported by an earlier pass */
    size_t count; /* of the pass */
    char first[1600];
} elbow_bad_rows;

/* "FILE:LINE: PROBLEM": counted; the first ones are warnings. `line` 0: the whole file is bad (of a folder's).
 * Always ELBOW_OK: the pass goes on, so that all are counted. */
elbow_status elbow_bad_row(elbow_bad_rows *bad, const char *path, size_t line, const char *format, ...)
    ELBOW_PRINTF(4, 5);

/* After the pass. ELBOW_FORMAT where there are some and they may not be skipped; a notice says how many were. */
elbow_status elbow_bad_rows_end(const elbow_bad_rows *bad);

/* ----------------------------------------------------------------------------------------- plans */

typedef struct elbow_plan {
    const elbow_import_request *request;
    bool learning; /* as told to elbow_plan_pass */
    size_t passes; /* done */
    elbow_bad_rows bad;
    elbow_split split;          /* of the input that is being read; of one that is cut, train */
    size_t read[ELBOW_SPLITS];  /* examples of this pass, by `split` of their input */
    size_t found[ELBOW_SPLITS]; /* the same of the first pass */
    size_t count[ELBOW_SPLITS]; /* examples by the split they go to; known after the first pass */
    uint8_t *of;                /* (examples) of an input that is cut: the split of each */
} elbow_plan;

void elbow_plan_begin(elbow_plan *plan, const elbow_import_request *request);
void elbow_plan_end(elbow_plan *plan);

/* Reads every input once: train, valid, test. After the first pass refuses bad rows and inputs without an example, and
 * cuts; after another one refuses inputs that have changed meanwhile. There may be several that learn: from the second
 * on the splits are known (a mean over train alone). */
elbow_status elbow_plan_pass(elbow_plan *plan, bool learning,
                             elbow_status (*read)(void *self, elbow_plan *plan, const char *path),
                             void *self);

/* Where the next good example goes. In the first pass over an input that is cut nobody knows yet: it says train. */
elbow_split elbow_plan_next(elbow_plan *plan);

/* The cut itself, as elbow/data/import.h defines it. */
elbow_status elbow_import_cut(uint8_t *split_of, size_t count, const double fractions[ELBOW_SPLITS],
                              uint64_t seed, size_t counts[ELBOW_SPLITS], const char *subject);

/* ----------------------------------------------------------------------------------------- lines */

typedef struct elbow_lines elbow_lines;

typedef struct elbow_line {
    char *
        text; /* without its line end, which is LF or CR LF, then a 0 byte; may be written to. NULL: no more */
    size_t length, number; /* number of the first is 1 */
} elbow_line;

/* Lines of a plain or gzip file. A last line needs no line end. A byte order mark (UTF-8) at the beginning is dropped. */
elbow_status elbow_lines_open(elbow_lines **lines, const char *path);
/* The next; valid until the one after. ELBOW_FORMAT, naming FILE:LINE, for a 0 byte (the file is no text) and for a
 * line longer than ELBOW_LINE_MOST. */
elbow_status elbow_lines_next(elbow_lines *lines, elbow_line *line);
void elbow_lines_close(elbow_lines **lines);

enum { ELBOW_LINE_MOST = 1 << 26 };

/* ----------------------------------------------------------------------------------------- words */

/* Words and how often each was seen: codes are given in the order in which words are first seen, until sorted. */
typedef struct elbow_words {
    char **words;    /* (count) */
    size_t *lengths; /* (count) */
    uint64_t *seen;  /* (count) */
    size_t count, room;
    uint32_t *table; /* open addressing: code + 1, or 0 */
    size_t table_room;
} elbow_words;

enum { ELBOW_WORD_ABSENT = -1 };

void elbow_words_destroy(elbow_words *words);
elbow_status elbow_words_add(elbow_words *words, const char *word, size_t length,
                             size_t times); /* ELBOW_MEMORY */
/* The code of a word, or ELBOW_WORD_ABSENT. */
int64_t elbow_words_find(const elbow_words *words, const char *word, size_t length);
/* Codes anew, by how the words are sorted: by bytes, or by how often seen (most first; ties by bytes). Words seen less
 * than `least` times are dropped, then all but the first `most` (0: all stay). */
typedef enum elbow_words_order { ELBOW_WORDS_BY_BYTES, ELBOW_WORDS_BY_COUNT } elbow_words_order;
elbow_status elbow_words_sort(elbow_words *words, elbow_words_order order, uint64_t least, size_t most);

#endif
