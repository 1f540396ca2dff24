#include "data/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"

enum { INPUT_BYTES = 1 << 17, GZIP_OR_ZLIB_WINDOW = 15 + 16 };

struct elbow_source {
    char *path;
    int descriptor;
    bool compressed;
    bool inflating; /* `stream` is to be ended */
    bool within;    /* a gzip member has begun and not ended */
    bool ended;     /* of the file */
    z_stream stream;
    size_t begin, end; /* of what is left in `input` */
    unsigned char input[INPUT_BYTES];
};

/* Adds to what is left in `input`, which has room behind it. */
static elbow_status read_more(elbow_source *source) {
    ssize_t n;
    do n = read(source->descriptor, source->input + source->end, sizeof source->input - source->end);
    while (n < 0 && errno == EINTR);
    ELBOW_CHECK(n >= 0, ELBOW_IO, "%s: cannot be read (%s); check the file system and its mount",
                source->path, strerror(errno));
    source->end += (size_t)n;
    source->ended = n == 0;
    return ELBOW_OK;
}

/* More input, when there is none left. */
static elbow_status fill(elbow_source *source) {
    if (source->begin < source->end || source->ended) return ELBOW_OK;
    source->begin = source->end = 0;
    return read_more(source);
}

/* After fill: the end of the file. */
static bool is_empty(const elbow_source *source) { return source->begin == source->end; }

/* The two bytes that gzip begins with; a pipe may give one at a time. */
static elbow_status look_for_gzip(elbow_source *source) {
    while (source->end < 2 && !source->ended) ELBOW_TRY(read_more(source));
    source->compressed = source->end >= 2 && source->input[0] == 0x1f && source->input[1] == 0x8b;
    if (!source->compressed) return ELBOW_OK;
    ELBOW_CHECK(inflateInit2(&source->stream, GZIP_OR_ZLIB_WINDOW) == Z_OK, ELBOW_MEMORY,
                "%s: no memory to inflate it", source->path);
    source->inflating = source->within = true;
    return ELBOW_OK;
}

elbow_status elbow_source_open(elbow_source **source, const char *path) {
    elbow_status status = ELBOW_OK;
    *source = NULL;
    ELBOW_TRY(elbow_file_check_readable(path));
    elbow_source *made = calloc(1, sizeof *made);
    ELBOW_CHECK(made != NULL, ELBOW_MEMORY, "%s: no memory to read it", path);
    made->path = strdup(path);
    made->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    int error = errno;
    ELBOW_CHECK_OR_DONE(made->path != NULL, ELBOW_MEMORY, "%s: no memory to read it", path);
    ELBOW_CHECK_OR_DONE(made->descriptor >= 0, ELBOW_IO,
                        "%s: cannot be read (%s); check the file system and its mount", path,
                        strerror(error));
    ELBOW_TRY_OR_DONE(look_for_gzip(made));
    *source = made;
    made = NULL;
done:
    elbow_source_close(&made);
    return status;
}

void elbow_source_close(elbow_source **source) {
    if (*source == NULL) return;
    if ((*source)->inflating) inflateEnd(&(*source)->stream);
    if ((*source)->descriptor >= 0) close((*source)->descriptor);
    free((*source)->path);
    free(*source);
    *source = NULL;
}

/* Between members: the file ends here, or a next member begins. Zeros are padding (tapes, block devices). */
static elbow_status next_member(elbow_source *source) {
    for (;;) {
        ELBOW_TRY(fill(source));
        if (is_empty(source) || source->input[source->begin] != 0) break;
        source->begin++;
    }
    if (source->ended) return ELBOW_OK;
    ELBOW_CHECK(
        source->input[source->begin] == 0x1f, ELBOW_FORMAT,
        "%s: other bytes follow the end of the gzip data; the file is damaged or two files were put into "
        "one: fetch it again",
        source->path);
    inflateReset(&source->stream);
    source->within = true;
    return ELBOW_OK;
}

static elbow_status inflate_some(elbow_source *source) {
    ELBOW_TRY(fill(source));
    ELBOW_CHECK(!is_empty(source), ELBOW_FORMAT,
                "%s: the gzip data end too early, the file is cut short; fetch it again", source->path);
    source->stream.next_in = source->input + source->begin;
    source->stream.avail_in = (uInt)(source->end - source->begin);
    int result = inflate(&source->stream, Z_NO_FLUSH);
    source->begin = source->end - source->stream.avail_in;
    if (result == Z_STREAM_END) source->within = false;
    ELBOW_CHECK(result != Z_MEM_ERROR, ELBOW_MEMORY, "%s: no memory to inflate it", source->path);
    ELBOW_CHECK(result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR, ELBOW_FORMAT,
                "%s: the gzip data are damaged (%s); fetch the file again", source->path,
                source->stream.msg != NULL ? source->stream.msg : "no reason given");
    return ELBOW_OK;
}

static elbow_status read_inflated(elbow_source *source, unsigned char *bytes, size_t count, size_t *got) {
    while (*got < count) {
        if (!source->within) {
            ELBOW_TRY(next_member(source));
            if (!source->within) return ELBOW_OK;
        }
        size_t left = count - *got;
        uInt room = left < (1u << 30) ? (uInt)left : 1u << 30;
        source->stream.next_out = bytes + *got;
        source->stream.avail_out = room;
        ELBOW_TRY(inflate_some(source));
        *got += room - source->stream.avail_out;
    }
    return ELBOW_OK;
}

elbow_status elbow_source_read(elbow_source *source, void *bytes, size_t count, size_t *got) {
    *got = 0;
    if (source->compressed) return read_inflated(source, bytes, count, got);
    while (*got < count) {
        ELBOW_TRY(fill(source));
        if (is_empty(source)) break;
        size_t part = source->end - source->begin < count - *got ? source->end - source->begin : count - *got;
        memcpy((char *)bytes + *got, source->input + source->begin, part);
        source->begin += part;
        *got += part;
    }
    return ELBOW_OK;
}

const char *elbow_source_guess(const void *bytes, size_t count) {
    static const struct {
        const char *start;
        size_t length;
        const char *what;
    } known[] = {
        {"\x89PNG", 4, "a PNG picture"},
        {"\xff\xd8\xff", 3, "a JPEG picture"},
        {"\x89HDF", 4, "an HDF5 file"},
        {"\x93NUMPY", 6, "a NumPy array (.npy)"},
        {"PK\x03\x04", 4, "a zip archive; unpack it first"},
        {"BZh", 3, "a bzip2 file; unpack it first"},
        {"\xfd"
         "7zXZ",
         5, "an xz file; unpack it first"},
        {"\x28\xb5\x2f\xfd", 4, "a zstd file; unpack it first"},
        {"\x1f\x8b", 2, "gzip data within gzip data; unpack it once"},
        {"\x80\x02", 2, "a Python pickle"},
        {"%PDF", 4, "a PDF document"},
        {"<!DOCTYPE", 9, "a web page: the download failed"},
        {"<!doctype", 9, "a web page: the download failed"},
        {"<html", 5, "a web page: the download failed"},
        {"version https://git-lfs", 23, "a Git LFS pointer: the download failed"},
    };
    const unsigned char *text = bytes;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (count >= known[i].length && memcmp(bytes, known[i].start, known[i].length) == 0)
            return known[i].what;
    size_t printable = 0;
    while (printable < count &&
           ((text[printable] >= 32 && text[printable] < 127) || text[printable] == '\n' ||
            text[printable] == '\r' || text[printable] == '\t'))
        printable++;
    return count > 0 && printable == count ? "text" : NULL;
}
