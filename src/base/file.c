#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BLOCK = 1 << 16 };

elbow_status elbow_file_fail_write(const char *path, int error, size_t bytes) {
    char amount[64] = "";
    if (bytes >= 100000)
        snprintf(amount, sizeof amount, " (%.1f MB were to be written)", (double)bytes / 1e6);
    else if (bytes > 0)
        snprintf(amount, sizeof amount, " (%.1f kB were to be written)", (double)bytes / 1e3);
    switch (error) {
    case ENOSPC:
        return elbow_fail(ELBOW_IO, "%s: the disk is full%s; free some space or write elsewhere", path,
                          amount);
    case EDQUOT:
        return elbow_fail(ELBOW_IO, "%s: your disk quota is used up%s; free some space or write elsewhere",
                          path, amount);
    case EFBIG:
        return elbow_fail(
            ELBOW_IO, "%s: larger than a file may be here%s; raise the limit (ulimit -f) or write elsewhere",
            path, amount);
    case ENOENT:
    case ENOTDIR:
        return elbow_fail(ELBOW_IO, "%s: its directory does not exist; make it first (mkdir -p)", path);
    case EACCES:
    case EPERM:
    case EROFS:
        return elbow_fail(ELBOW_IO,
                          "%s: cannot be written (%s); see who owns its directory, or write elsewhere", path,
                          strerror(error));
    case EISDIR:
        return elbow_fail(ELBOW_IO, "%s: is a directory; name a file", path);
    case ENAMETOOLONG:
        return elbow_fail(ELBOW_IO, "%s: the name is too long; choose a shorter one", path);
    default:
        return elbow_fail(ELBOW_IO, "%s: cannot be written (%s)%s; check the file system and its mount", path,
                          error != 0 ? strerror(error) : "no reason given", amount);
    }
}

/* The part of a path before its name, as a path that can be opened: "a/b" → "a", "b" → ".", "/b" → "/". */
static elbow_status directory_of(const char *path, char **directory) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        *directory = strdup(".");
    else if (slash == path)
        *directory = strdup("/");
    else
        *directory = strndup(path, (size_t)(slash - path));
    return *directory != NULL ? ELBOW_OK : elbow_fail(ELBOW_MEMORY, "no memory for a path");
}

/* A rename would put a file where a device or a pipe was, or the link to one: for every program of the machine. */
static elbow_status check_replaceable(const char *path) {
    struct stat info;
    bool device = strncmp(path, "/dev/", 5) == 0 && strncmp(path, "/dev/shm/", 9) != 0;
    if (stat(path, &info) != 0) return ELBOW_OK;
    ELBOW_CHECK((S_ISREG(info.st_mode) && !device) || S_ISDIR(info.st_mode), ELBOW_IO,
                "%s: is no regular file, and would be replaced by one; name a file", path);
    return ELBOW_OK;
}

elbow_status elbow_file_temporary(const char *path, char *temporary, size_t room) {
    const char *slash = strrchr(path, '/');
    int before = slash != NULL ? (int)(slash - path + 1) : 0;
    ELBOW_TRY(check_replaceable(path));
    ELBOW_CHECK(path[before] != '\0', ELBOW_IO, "%s: is a directory; name a file", path);
    int length = snprintf(temporary, room, "%.*s.%s.tmp-%ld", before, path, path + before, (long)getpid());
    ELBOW_CHECK(length > 0 && (size_t)length < room, ELBOW_IO,
                "%s: the name is too long; choose a shorter one", path);
    return ELBOW_OK;
}

static elbow_status write_all(int descriptor, const char *path, const char *bytes, size_t count) {
    for (size_t written = 0; written < count;) {
        size_t left = count - written;
        ssize_t n = write(descriptor, bytes + written, left < (1u << 30) ? left : (1u << 30));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return elbow_file_fail_write(path, errno, count);
        written += (size_t)n;
    }
    return ELBOW_OK;
}

/* A rename is lasting only when its directory is. Some file systems cannot sync directories and say EINVAL or
 * ENOTSUP: nothing is left to do there. */
static elbow_status sync_directory(const char *path) {
    char *directory = NULL;
    ELBOW_TRY(directory_of(path, &directory));
    int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(directory);
    /* A directory may be writable and not readable; the file itself is safe by now. */
    if (descriptor < 0) return ELBOW_OK;
    int error = fsync(descriptor) == 0 ? 0 : errno;
    close(descriptor);
    if (error == 0 || error == EINVAL || error == ENOTSUP || error == EROFS) return ELBOW_OK;
    return elbow_file_fail_write(path, error, 0);
}

elbow_status elbow_file_commit(const char *temporary, const char *path) {
    elbow_status status = ELBOW_OK;
    int descriptor = open(temporary, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) {
        status = elbow_file_fail_write(path, errno, 0);
        goto done;
    }
    if (fsync(descriptor) != 0) {
        struct stat info;
        int error = errno;
        status = elbow_file_fail_write(path, error, fstat(descriptor, &info) == 0 ? (size_t)info.st_size : 0);
        goto done;
    }
    if (rename(temporary, path) != 0) {
        status = elbow_file_fail_write(path, errno, 0);
        goto done;
    }
done:
    if (descriptor >= 0) close(descriptor);
    if (status != ELBOW_OK)
        unlink(temporary);
    else
        status = sync_directory(path);
    return status;
}

elbow_status elbow_file_settle(const char *temporary, const char *path) {
    struct stat info;
    int error = 0, descriptor = open(temporary, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return elbow_file_fail_write(path, errno, 0);
    if (fsync(descriptor) != 0) error = errno;
    size_t bytes = fstat(descriptor, &info) == 0 ? (size_t)info.st_size : 0;
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED); /* advice: it may be declined */
    close(descriptor);
    return error == 0 ? ELBOW_OK : elbow_file_fail_write(path, error, bytes);
}

elbow_status elbow_file_replace(const char *path, const void *bytes, size_t count) {
    elbow_status status = ELBOW_OK;
    int descriptor = -1;
    char temporary[PATH_MAX];
    ELBOW_TRY(elbow_file_temporary(path, temporary, sizeof temporary));
    ELBOW_CHECK(!elbow_file_is_directory(path), ELBOW_IO, "%s: is a directory; name a file", path);
    descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0) return elbow_file_fail_write(path, errno, count);
    ELBOW_TRY_OR_DONE(write_all(descriptor, path, bytes, count));
    /* Network file systems may say only now that a quota is used up. */
    int closed = close(descriptor);
    descriptor = -1;
    if (closed != 0) status = elbow_file_fail_write(path, errno, count);
done:
    if (descriptor >= 0) close(descriptor);
    if (status != ELBOW_OK) {
        unlink(temporary);
        return status;
    }
    return elbow_file_commit(temporary, path);
}

static elbow_status fail_read(const char *path, int error) {
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return elbow_fail(ELBOW_IO, "%s: no such file; check the path", path);
    case EACCES:
    case EPERM:
        return elbow_fail(ELBOW_IO, "%s: may not be read (%s); check its owner and mode", path,
                          strerror(error));
    case EISDIR:
        return elbow_fail(ELBOW_IO, "%s: is a directory; name a file", path);
    default:
        return elbow_fail(ELBOW_IO, "%s: cannot be read (%s); check the file system and its mount", path,
                          strerror(error));
    }
}

elbow_status elbow_file_check_readable(const char *path) {
    struct stat info;
    /* Not opened before stat: opening a pipe nobody writes to would wait for ever. */
    if (stat(path, &info) != 0) return fail_read(path, errno);
    if (S_ISDIR(info.st_mode)) return fail_read(path, EISDIR);
    if (access(path, R_OK) != 0) return fail_read(path, errno);
    return ELBOW_OK;
}

elbow_status elbow_file_read(const char *path, size_t most, char **bytes, size_t *count) {
    elbow_status status = ELBOW_OK;
    char *text = NULL;
    size_t length = 0, room = 0;
    *bytes = NULL;
    *count = 0;
    ELBOW_TRY(elbow_file_check_readable(path));
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return fail_read(path, errno);
    for (;;) {
        if (room - length < READ_BLOCK + 1) {
            room = room * 2 + READ_BLOCK + 1;
            char *grown = realloc(text, room);
            ELBOW_CHECK_OR_DONE(grown != NULL, ELBOW_MEMORY, "%s: no memory to read it", path);
            text = grown;
        }
        ssize_t n = read(descriptor, text + length, READ_BLOCK);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            status = fail_read(path, errno);
            goto done;
        }
        if (n == 0) break;
        length += (size_t)n;
        ELBOW_CHECK_OR_DONE(length <= most, ELBOW_FORMAT,
                            "%s: longer than %.1f MB, which no such file is; check that it is the right one",
                            path, (double)most / 1e6);
    }
    text[length] = '\0';
    *bytes = text;
    *count = length;
    text = NULL;
done:
    free(text);
    close(descriptor);
    return status;
}

bool elbow_file_exists(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0;
}

bool elbow_file_same(const char *a, const char *b) {
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

bool elbow_file_is_directory(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static elbow_status make_one(const char *path) {
    if (mkdir(path, 0777) == 0) return ELBOW_OK;
    int error = errno;
    if (error == EEXIST) {
        ELBOW_CHECK(elbow_file_is_directory(path), ELBOW_IO,
                    "%s: exists and is not a directory; choose another name", path);
        return ELBOW_OK;
    }
    ELBOW_CHECK(error != ENOENT, ELBOW_IO,
                "%s: cannot make it, the directory above does not exist; make that first", path);
    return elbow_fail(ELBOW_IO, "%s: cannot make this directory (%s); choose a place that you may write to",
                      path, strerror(error));
}

elbow_status elbow_directory_make(const char *path, bool parents) {
    elbow_status status = ELBOW_OK;
    char *part = strdup(path);
    ELBOW_CHECK(part != NULL, ELBOW_MEMORY, "no memory for a path");
    for (char *slash = part; parents && (slash = strchr(slash + 1, '/')) != NULL;) {
        *slash = '\0';
        if (!elbow_file_is_directory(part)) ELBOW_TRY_OR_DONE(make_one(part));
        *slash = '/';
    }
    status = make_one(path);
done:
    free(part);
    return status;
}

elbow_status elbow_path_join(const char *directory, const char *name, char **path) {
    size_t length = strlen(directory);
    const char *between = length > 0 && directory[length - 1] != '/' ? "/" : "";
    size_t room = length + strlen(name) + 2;
    *path = malloc(room);
    ELBOW_CHECK(*path != NULL, ELBOW_MEMORY, "no memory for a path");
    snprintf(*path, room, "%s%s%s", directory, between, name);
    return ELBOW_OK;
}
