/* The options of a run: INI files, command line, defaults, and the dump that reruns it.
 *
 *     elbow_options *options;
 *     ELBOW_TRY(elbow_options_create(&options));                            every default
 *     ELBOW_TRY(elbow_options_load(options, "configs/categorical-mnist.ini"));
 *     ELBOW_TRY(elbow_options_set(options, "data.file=mnist.h5"));
 *     size_t batch = (size_t)options->train.batch;
 *
 * Values keep where they came from, so that a part that finds one wrong later (a schedule, a layer spec)
 * can still say file and line: elbow_options_origin. All functions are Local; none touches MPI. */
#ifndef ELBOW_BASE_OPTIONS_H
#define ELBOW_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elbow/base/error.h"

enum { ELBOW_OPTION_BYTES = 1024 }; /* the longest text value, its end included */

typedef char elbow_option_text[ELBOW_OPTION_BYTES];

typedef enum elbow_option_role {
    ELBOW_OPTION_DEFINES,
    ELBOW_OPTION_EXTENDS,
    ELBOW_OPTION_FREE
} elbow_option_role;

/* One struct per section, made from options.def: options->train.batch. The sections in their order: */
typedef struct elbow_options elbow_options;

#include "elbow/base/options_struct.h"

elbow_status elbow_options_create(elbow_options **options);
void elbow_options_destroy(elbow_options **options);
elbow_status elbow_options_copy(elbow_options **copy, const elbow_options *options);

/* An INI file over what is there. ELBOW_IO, or ELBOW_USAGE with "FILE:LINE: ..." for an unknown section or
 * key (and the nearest known one), a key given twice in the file, a bad or out-of-range value, a line that
 * is none of section, key = value, comment. */
elbow_status elbow_options_load(elbow_options *options, const char *path);

/* The same from memory; `name` stands for the file in messages. After a failure the options are as before.
 *
 * What a file may hold: [section] lines, `key = value` (or `key: value`) lines, comments. A line that begins with
 * `;` or `#` is a comment; behind a value or a section, ` ;` begins one (`;` after a space) and `#` does not, so
 * that a path may hold it. A value does not go on to the next line; an indent means nothing; `\r\n` and a
 * byte-order mark are fine. A value is the text between the spaces around it, at most ELBOW_OPTION_BYTES - 1
 * bytes, without control characters and without a `;` at a word's beginning. */
elbow_status elbow_options_parse(elbow_options *options, const char *text, const char *name);

/* "section.key=value", as --set gives it. Given again, the last holds. */
elbow_status elbow_options_set(elbow_options *options, const char *assignment);

/* Where an option's value came from: "configs/a.ini:12", "--set train.batch=3", or "default". */
const char *elbow_options_origin(const elbow_options *options, const char *section_key);

/* Records "ORIGIN: section.key = VALUE: " before the last error message ("--set section.key=VALUE: " says all
 * alone) and returns `status`: for parts that find a value wrong after parsing. */
elbow_status elbow_options_blame(const elbow_options *options, const char *section_key, elbow_status status);

/* Every option in force as an INI text that elbow_options_parse reads back to the same values; with
 * `comments`, each key's help, bounds and default above it. malloc'd; the caller frees. */
elbow_status elbow_options_dump(const elbow_options *options, bool comments, char **text);

/* What `elbow config NAME` says: for a section, "section.key" or a key its help, bounds and default. malloc'd; the
 * caller frees. ELBOW_USAGE with the nearest name. */
elbow_status elbow_options_explain(const char *name, char **text);

/* Calls `visit` for each option whose values differ (as texts "section.key", in a, in b); in texts the number of spaces
 * between words is no difference. */
typedef void elbow_options_visit(void *context, const char *section_key, elbow_option_role role,
                                 const char *value_a, const char *value_b);
void elbow_options_compare(const elbow_options *a, const elbow_options *b, elbow_options_visit *visit,
                           void *context);

/* The nearest of `count` names to `word` by edits, or NULL when none is near: for "did you mean". */
const char *elbow_nearest_name(const char *word, const char *const *names, size_t count);

#endif
