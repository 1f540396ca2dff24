/* Text line by line. */
#include <stdlib.h>
#include <string.h>

#include "data/import_common.h"
#include "data/source.h"

enum { READ_BYTES = 1 << 16, GUESS_BYTES = 64 };

struct elbow_lines {
    char *path;
    elbow_source *source;
    char *bytes;
    size_t room, begin, end; /* what is read and not given yet; one byte beyond `end` is room, too */
    size_t number;
    bool ended; /* the file */
};

elbow_status elbow_lines_open(elbow_lines **lines, const char *path) {
    elbow_status status = ELBOW_OK;
    *lines = NULL;
    elbow_lines *made = calloc(1, sizeof *made);
    ELBOW_CHECK(made != NULL, ELBOW_MEMORY, "%s: no memory to read it", path);
    made->path = strdup(path);
    ELBOW_CHECK_OR_DONE(made->path != NULL, ELBOW_MEMORY, "%s: no memory to read it", path);
    ELBOW_TRY_OR_DONE(elbow_source_open(&made->source, path));
    *lines = made;
    made = NULL;
done:
    elbow_lines_close(&made);
    return status;
}

void elbow_lines_close(elbow_lines **lines) {
    if (*lines == NULL) return;
    elbow_source_close(&(*lines)->source);
    free((*lines)->path);
    free((*lines)->bytes);
    free(*lines);
    *lines = NULL;
}

/* More of the file behind what there is, which moves to the front of a larger buffer where needed. */
static elbow_status read_more(elbow_lines *lines) {
    size_t held = lines->end - lines->begin, got = 0;
    if (held > 0 && lines->begin > 0) memmove(lines->bytes, lines->bytes + lines->begin, held);
    lines->begin = 0;
    lines->end = held;
    if (lines->room < held + READ_BYTES + 1) {
        size_t room = 2 * held + READ_BYTES + 1;
        char *larger = realloc(lines->bytes, room);
        ELBOW_CHECK(larger != NULL, ELBOW_MEMORY, "%s:%zu: no memory for a line of more than %zu bytes",
                    lines->path, lines->number + 1, held);
        lines->bytes = larger;
        lines->room = room;
    }
    ELBOW_TRY(elbow_source_read(lines->source, lines->bytes + held, READ_BYTES, &got));
    lines->end += got;
    lines->ended = got < READ_BYTES;
    return ELBOW_OK;
}

/* How long the next line is, its end included; it is then whole in the buffer. 0: no more. */
static elbow_status find_end(elbow_lines *lines, size_t *length) {
    size_t seen = 0;
    for (;;) {
        size_t held = lines->end - lines->begin;
        const char *found =
            held > seen ? memchr(lines->bytes + lines->begin + seen, '\n', held - seen) : NULL;
        *length = found != NULL ? (size_t)(found - lines->bytes) - lines->begin + 1 : held;
        ELBOW_CHECK(*length <= ELBOW_LINE_MOST, ELBOW_FORMAT,
                    "%s:%zu: a line of more than %d bytes; this is no text, or its lines end in another way",
                    lines->path, lines->number + 1, (int)ELBOW_LINE_MOST);
        if (found != NULL || lines->ended) return ELBOW_OK;
        seen = held;
        ELBOW_TRY(read_more(lines));
    }
}

static elbow_status fail_zero(const elbow_lines *lines, const char *line, size_t length) {
    const char *guess =
        lines->number == 1 ? elbow_source_guess(line, length < GUESS_BYTES ? length : GUESS_BYTES) : NULL;
    return elbow_fail(
        ELBOW_FORMAT, "%s:%zu: a byte 0, so this is no text%s%s; give a text file, plain or gzip",
        lines->path, lines->number, guess != NULL ? ": it looks like " : "", guess != NULL ? guess : "");
}

elbow_status elbow_lines_next(elbow_lines *lines, elbow_line *line) {
    size_t length = 0;
    *line = (elbow_line){.number = lines->number};
    ELBOW_TRY(find_end(lines, &length));
    if (length == 0) return ELBOW_OK;
    char *text = lines->bytes + lines->begin;
    lines->begin += length;
    lines->number++;
    if (memchr(text, '\0', length) != NULL) return fail_zero(lines, text, length);
    if (text[length - 1] == '\n') length--;
    if (length > 0 && text[length - 1] == '\r') length--;
    text[length] = '\0';
    if (lines->number == 1 && length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        length -= 3;
    }
    *line = (elbow_line){.text = text, .length = length, .number = lines->number};
    return ELBOW_OK;
}
