/* Characters of UTF-8 text. */
#ifndef ELBOW_SRC_DATA_UTF8_H
#define ELBOW_SRC_DATA_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that `text`, of `length` ≥ 1 bytes, begins with, and its code point; 0 where it begins with
 * no well-formed one (Unicode 15, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF). */
size_t elbow_utf8_next(const char *text, size_t length, uint32_t *code);

#endif
