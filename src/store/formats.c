#include "store/formats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { FORMAT_BYTES = 64 };

typedef struct format {
    const char *attribute, *name;
    int64_t version, oldest; /* the newest that this code reads, and the oldest */
} format;

static const format formats[] = {
    [ELBOW_KIND_DATA] = {"elbow-data", "a data file", 1, 1},
    [ELBOW_KIND_CHECKPOINT] = {"elbow-checkpoint", "a checkpoint", 3, 2},
    [ELBOW_KIND_METRICS] = {"elbow-metrics", "a metrics file", 1, 1},
    [ELBOW_KIND_RUN] = {"", "a run directory", 0, 0},
};

const char *elbow_kind_name(elbow_kind kind) { return formats[kind].name; }

static elbow_status find_kind(elbow_h5 *file, const char *path, elbow_kind *kind) {
    char text[FORMAT_BYTES];
    ELBOW_CHECK(
        elbow_h5_has_attribute(file, "/", "format"), ELBOW_FORMAT,
        "%s: an HDF5 file, but not one of elbow's (no attribute \"format\"); give a checkpoint, a metrics "
        "file, a run directory, or a data file made by `elbow import`",
        path);
    ELBOW_TRY(elbow_h5_get_text(file, "/", "format", text, sizeof text));
    for (int k = 0; k < ELBOW_KIND_RUN; k++)
        if (strcmp(text, formats[k].attribute) == 0) {
            *kind = (elbow_kind)k;
            return ELBOW_OK;
        }
    return elbow_fail(
        ELBOW_FORMAT,
        "%s: an HDF5 file of format \"%s\", which this elbow does not know; update elbow, or give a "
        "file that it made",
        path, text);
}

static bool is_run(const char *path) {
    static const char *const parts[] = {"checkpoints", "metrics.h5", "state"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char *part = NULL;
        bool there = elbow_path_join(path, parts[i], &part) == ELBOW_OK && elbow_file_exists(part);
        free(part);
        if (there) return true;
    }
    return false;
}

/* Whether a file begins as texts do, configs among them. */
static bool is_text(const char *path) {
    unsigned char bytes[512];
    FILE *file = fopen(path, "r");
    size_t count = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file) fclose(file);
    for (size_t i = 0; i < count; i++)
        if ((bytes[i] < ' ' && strchr("\t\n\r\f", bytes[i]) == NULL) || bytes[i] == 0 || bytes[i] == 0x7F)
            return false;
    return count > 0;
}

elbow_status elbow_kind_of(const char *path, elbow_kind *kind) {
    if (elbow_file_is_directory(path)) {
        ELBOW_CHECK(
            is_run(path), ELBOW_FORMAT,
            "%s: a directory, but not of a run (no checkpoints/, metrics.h5 or state in it); give the "
            "directory that `elbow train --out` made",
            path);
        *kind = ELBOW_KIND_RUN;
        return ELBOW_OK;
    }
    elbow_h5 *file = NULL;
    elbow_status status = elbow_h5_open(&file, path);
    if (status == ELBOW_FORMAT && is_text(path))
        return elbow_fail(
            ELBOW_FORMAT,
            "%s: a text, not an HDF5 file: if it is a config, `elbow config --check` checks it; else give a "
            "file that elbow made",
            path);
    ELBOW_TRY(status);
    status = elbow_h5_check_intact(file, find_kind(file, path, kind));
    elbow_h5_close(&file);
    return status;
}

static elbow_status check_format(elbow_stored *stored, elbow_kind wanted) {
    elbow_kind kind;
    ELBOW_TRY(find_kind(stored->file, stored->path, &kind));
    ELBOW_CHECK(kind == wanted, ELBOW_FORMAT, "%s: %s, not %s; give %s", stored->path, formats[kind].name,
                formats[wanted].name, formats[wanted].name);
    int64_t version;
    ELBOW_TRY(elbow_h5_get_integer(stored->file, "/", "version", &version));
    ELBOW_CHECK(version < 1 || version >= formats[wanted].oldest, ELBOW_FORMAT,
                "%s: %s of version %" PRId64 ", and this elbow reads version %" PRId64
                "; use the elbow that wrote it, or make it again with this one",
                stored->path, formats[wanted].name, version, formats[wanted].version);
    ELBOW_CHECK(version >= 1 && version <= formats[wanted].version, ELBOW_FORMAT,
                "%s: %s of version %" PRId64 ", and this elbow reads up to version %" PRId64
                "; use the elbow that wrote it, or a newer one",
                stored->path, formats[wanted].name, version, formats[wanted].version);
    stored->version = version;
    return ELBOW_OK;
}

elbow_status elbow_stored_open(elbow_stored *stored, const char *path, elbow_kind kind) {
    *stored = (elbow_stored){.path = path};
    ELBOW_CHECK(!elbow_file_is_directory(path), ELBOW_FORMAT, "%s: a directory, not %s; give a file in it",
                path, formats[kind].name);
    struct stat facts;
    ELBOW_CHECK(stat(path, &facts) == 0, ELBOW_IO, "%s: cannot be read (%s); check the path", path,
                strerror(errno));
    stored->bytes = (size_t)facts.st_size;
    elbow_status status = elbow_h5_open(&stored->file, path);
    if (status == ELBOW_OK) status = elbow_h5_check_intact(stored->file, check_format(stored, kind));
    if (status != ELBOW_OK) elbow_stored_close(stored);
    return status;
}

void elbow_stored_close(elbow_stored *stored) { elbow_h5_close(&stored->file); }

static const char *type_name(elbow_h5_type type) {
    static const char *const names[] = {[ELBOW_H5_U8] = "bytes",
                                        [ELBOW_H5_U16] = "16-bit integers without sign",
                                        [ELBOW_H5_I64] = "64-bit integers",
                                        [ELBOW_H5_U64] = "64-bit integers without sign",
                                        [ELBOW_H5_F32] = "32-bit floats",
                                        [ELBOW_H5_F64] = "64-bit floats"};
    return names[type];
}

elbow_status elbow_stored_describe(const elbow_stored *stored, const char *dataset, elbow_h5_type type,
                                   elbow_h5_shape *shape) {
    elbow_h5_type found;
    ELBOW_CHECK(elbow_h5_has(stored->file, dataset), ELBOW_FORMAT,
                "%s: %s is missing; the file is damaged, take an earlier one", stored->path, dataset);
    ELBOW_TRY(elbow_h5_describe(stored->file, dataset, &found, shape));
    ELBOW_CHECK(found == type, ELBOW_FORMAT,
                "%s: %s holds %s where this elbow reads %s; take an earlier file, or "
                "the elbow that wrote it",
                stored->path, dataset, type_name(found), type_name(type));
    return ELBOW_OK;
}

static elbow_status put_format(elbow_h5 *file, elbow_kind kind) {
    ELBOW_TRY(elbow_h5_set_text(file, "/", "format", formats[kind].attribute));
    return elbow_h5_set_integer(file, "/", "version", formats[kind].version);
}

elbow_status elbow_stored_create(elbow_h5 **file, const char *path, elbow_kind kind) {
    ELBOW_TRY(elbow_h5_create_memory(file, path));
    return put_format(*file, kind);
}

elbow_status elbow_stored_save(elbow_h5 *file, const char *path) {
    void *bytes = NULL;
    size_t count = 0;
    ELBOW_TRY(elbow_h5_image(file, &bytes, &count));
    elbow_status status = elbow_file_replace(path, bytes, count);
    free(bytes);
    return status;
}

elbow_status elbow_stored_begin(elbow_h5 **file, char temporary[PATH_MAX], const char *path,
                                elbow_kind kind) {
    *file = NULL;
    ELBOW_TRY(elbow_file_temporary(path, temporary, PATH_MAX));
    ELBOW_CHECK(!elbow_file_is_directory(path), ELBOW_IO, "%s: is a directory; name a file", path);
    ELBOW_TRY(elbow_h5_create_disk(file, temporary, path));
    elbow_status status = put_format(*file, kind);
    return status == ELBOW_OK ? status : elbow_stored_end(file, temporary, path, status);
}

elbow_status elbow_stored_end(elbow_h5 **file, const char *temporary, const char *path, elbow_status status) {
    status = elbow_stored_finish(file, temporary, status);
    return status == ELBOW_OK ? elbow_file_commit(temporary, path) : status;
}

elbow_status elbow_stored_finish(elbow_h5 **file, const char *temporary, elbow_status status) {
    if (status == ELBOW_OK)
        status = elbow_h5_close(file);
    else
        elbow_h5_discard(file);
    if (status != ELBOW_OK) unlink(temporary);
    return status;
}
