#include "elbow/store/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { FIRST_ROOM = 4096 };

void elbow_text_destroy(elbow_text *text) {
    free(text->bytes);
    *text = (elbow_text){0};
}

static elbow_status make_room(elbow_text *text, size_t count) {
    if (text->room - text->length >= count) return ELBOW_OK;
    size_t room = text->room > 0 ? text->room : FIRST_ROOM;
    while (room - text->length < count && room <= SIZE_MAX / 2) room *= 2;
    char *bytes = room - text->length < count ? NULL : realloc(text->bytes, room);
    ELBOW_CHECK(bytes != NULL, ELBOW_MEMORY, "no memory for a text of %zu bytes; make fewer examples",
                text->length + count);
    text->bytes = bytes;
    text->room = room;
    return ELBOW_OK;
}

elbow_status elbow_text_add(elbow_text *text, const char *bytes, size_t count) {
    if (count == 0) return ELBOW_OK;
    ELBOW_TRY(make_room(text, count));
    memcpy(text->bytes + text->length, bytes, count);
    text->length += count;
    return ELBOW_OK;
}

elbow_status elbow_text_print(elbow_text *text, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    elbow_status status = length < 0
                              ? elbow_fail(ELBOW_FORMAT, "a text cannot be printed; its bytes are damaged")
                              : make_room(text, (size_t)length + 1);
    if (status == ELBOW_OK) {
        vsnprintf(text->bytes + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
    return status;
}

static bool needs_quotes(const char *cell) {
    size_t length = strlen(cell);
    return length > 0 && (cell[0] == ' ' || cell[length - 1] == ' ' || strpbrk(cell, ",\"\r\n") != NULL);
}

static elbow_status add_quoted(elbow_text *text, const char *cell) {
    ELBOW_TRY(elbow_text_add(text, "\"", 1));
    for (const char *quote; (quote = strchr(cell, '"')) != NULL; cell = quote + 1) {
        ELBOW_TRY(elbow_text_add(text, cell, (size_t)(quote - cell)));
        ELBOW_TRY(elbow_text_add(text, "\"\"", 2));
    }
    ELBOW_TRY(elbow_text_add(text, cell, strlen(cell)));
    return elbow_text_add(text, "\"", 1);
}

elbow_status elbow_text_row(elbow_text *text, const char *const *cells, size_t count) {
    /* An only cell that is empty would be an empty line, which readers skip. */
    bool blank = count == 1 && cells[0][0] == '\0';
    for (size_t i = 0; i < count; i++) {
        if (i > 0) ELBOW_TRY(elbow_text_add(text, ",", 1));
        if (blank || needs_quotes(cells[i]))
            ELBOW_TRY(add_quoted(text, cells[i]));
        else
            ELBOW_TRY(elbow_text_add(text, cells[i], strlen(cells[i])));
    }
    return elbow_text_add(text, "\n", 1);
}

elbow_status elbow_text_write(const elbow_text *text, const char *path) {
    if (strcmp(path, "-") != 0) return elbow_file_replace(path, text->bytes, text->length);
    bool written = fwrite(text->bytes, 1, text->length, stdout) == text->length && fflush(stdout) == 0;
    return written ? ELBOW_OK : elbow_file_fail_write("standard output", errno, text->length);
}
