/* Numbers between text and machine, the same for options, schedules, specs and the command line.
 *
 * Reading takes the whole text or nothing: no trailing garbage, no hexadecimal, no nan, no inf, no overflow.
 * Decimal points are points whatever the locale. Failures record "`TEXT` is …; …" (ELBOW_USAGE), to which the
 * caller puts its own subject. All functions are Local. */
#ifndef ELBOW_BASE_NUMBER_H
#define ELBOW_BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#include "elbow/base/error.h"

/* A whole number in decimal digits within [least, most]. */
elbow_status elbow_number_integer(const char *text, int64_t least, int64_t most, int64_t *value);

/* A finite number within [least, most]. */
elbow_status elbow_number_real(const char *text, double least, double most, double *value);

/* Seconds from 90, 90s, 30m, 2h, 1d (fractions allowed) or 1:30:00; at most 1e9. */
elbow_status elbow_number_duration(const char *text, double *seconds);

enum { ELBOW_NUMBER_BYTES = 32 };

/* The shortest text that elbow_number_real, or elbow_number_duration, reads back to the same bits. */
void elbow_number_real_text(char text[ELBOW_NUMBER_BYTES], double value);
void elbow_number_duration_text(char text[ELBOW_NUMBER_BYTES], double seconds);

/* The value rounded to that many significant digits, 1 to 17, without zeros that say nothing. */
void elbow_number_rounded_text(char text[ELBOW_NUMBER_BYTES], double value, int digits);

/* A size as people say it: 91 kB, 4.5 MB, 408 MB, 1.63 GB. Returns the text. */
const char *elbow_number_size_text(char text[ELBOW_NUMBER_BYTES], double bytes);

#endif
