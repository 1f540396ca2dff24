#include "base/h5.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/h5_inside.h"

enum { REASON_BYTES = 256 };

static pthread_mutex_t lock;
static pthread_once_t lock_once = PTHREAD_ONCE_INIT;
static int depth;
static H5E_auto2_t callers_printer;
static void *callers_context;

/* After a damaged file HDF5 1.10 has lost count of its own memory, and would say so on stderr at exit.
 * elbow closes its files itself, so there is nothing to be done at exit, unless the program used HDF5
 * before. */
static void prepare(void) {
    H5dont_atexit();
    /* HDF5 1.10 loses the header of an object whose checksum does not fit, and at exit waits for it in
     * vain and prints "infinite loop closing library". Every file is closed by its owner: nothing is left
     * to do then. */
    H5dont_atexit();
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&lock, &kind);
    pthread_mutexattr_destroy(&kind);
}

void elbow_h5_enter(void) {
    pthread_once(&lock_once, prepare);
    pthread_mutex_lock(&lock);
    if (depth++ > 0) return;
    H5Eget_auto2(H5E_DEFAULT, &callers_printer, &callers_context);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void elbow_h5_leave(void) {
    if (--depth == 0) H5Eset_auto2(H5E_DEFAULT, callers_printer, callers_context);
    pthread_mutex_unlock(&lock);
}

/* The innermost sentence of the error stack: HDF5 has no other way to say why. */
static herr_t look_at_error(unsigned n, const H5E_error2_t *entry, void *context) {
    char *text = context;
    (void)n;
    if (entry->desc != NULL && text[0] == '\0') snprintf(text, REASON_BYTES, "%s", entry->desc);
    return 0;
}

typedef struct reason {
    char text[REASON_BYTES];
} reason;

static reason why_it_failed(void) {
    reason why = {""};
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, look_at_error, why.text);
    if (why.text[0] == '\0') snprintf(why.text, sizeof why.text, "HDF5 gives no reason");
    return why;
}

/* The first block that is not what was written; `object` is what was being read, "" where that says nothing. */
static elbow_status fail_damaged(const elbow_h5 *file, const char *object) {
    const elbow_h5_medium *medium = &file->medium;
    return elbow_fail(ELBOW_FORMAT,
                      "%s: %s%sdamaged: bytes %zu to %zu are not those that were written; copy the file "
                      "again, or take an earlier one",
                      file->name, object, object[0] != '\0' ? " is " : "", medium->damage,
                      medium->damage + medium->damage_bytes - 1);
}

elbow_status elbow_h5_fail_read(elbow_h5 *file, const char *object) {
    if (file->medium.error != 0)
        return elbow_fail(ELBOW_IO, "%s: %s cannot be read (%s); check the file system and its mount",
                          file->name, object, strerror(file->medium.error));
    file->told = file->medium.damage_bytes > 0;
    if (file->told) return fail_damaged(file, object);
    return elbow_fail(ELBOW_FORMAT, "%s: %s is damaged (%s%s); make or copy the file again", file->name,
                      object, why_it_failed().text,
                      file->medium.seal == NULL ? "; the file has no seal of elbow's, which would say where"
                                                : "");
}

elbow_status elbow_h5_check_intact(const elbow_h5 *file, elbow_status status) {
    const elbow_h5_medium *medium = &file->medium;
    if (medium->error != 0 && !medium->writing)
        return elbow_fail(ELBOW_IO, "%s: cannot be read (%s); check the file system and its mount",
                          file->name, strerror(medium->error));
    if (medium->damage_bytes > 0 && (status == ELBOW_OK || !file->told)) return fail_damaged(file, "");
    return status;
}

elbow_status elbow_h5_fail_write(const elbow_h5 *file, const char *object) {
    if (file->medium.error == ENOMEM)
        return elbow_fail(ELBOW_MEMORY, "%s: no memory to make it (%.1f MB so far); use fewer ranks a node",
                          file->name, (double)file->medium.size / 1e6);
    if (file->medium.error != 0)
        return elbow_file_fail_write(file->name, file->medium.error,
                                     file->medium.descriptor < 0 ? file->medium.size : 0);
    return elbow_fail(ELBOW_IO, "%s: %s cannot be written (%s)", file->name, object, why_it_failed().text);
}

elbow_status elbow_h5_check_write(const elbow_h5 *file, const char *object, herr_t result) {
    return result < 0 || file->medium.error != 0 ? elbow_h5_fail_write(file, object) : ELBOW_OK;
}

static elbow_status make_handle(elbow_h5 **file, const char *name) {
    *file = calloc(1, sizeof **file);
    char *copy = strdup(name);
    if (*file == NULL || copy == NULL) {
        free(copy);
        free(*file);
        *file = NULL;
        return elbow_fail(ELBOW_MEMORY, "%s: no memory to open it", name);
    }
    **file = (elbow_h5){.id = H5I_INVALID_HID, .name = copy, .medium.descriptor = -1};
    return ELBOW_OK;
}

static void free_handle(elbow_h5 **file) {
    elbow_h5_close_medium(&(*file)->medium);
    free((*file)->name);
    free(*file);
    *file = NULL;
}

/* What others wrote is read in whatever format this HDF5 knows. */
static hid_t make_access(elbow_h5_medium *medium) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    /* The 1.8 format: every HDF5 since 2008 reads it, and its headers carry checksums, so that a flipped
     * bit in one is seen before it is believed. What others wrote may be newer. */
#if H5_VERSION_GE(1, 10, 2)
    if (medium->writing) H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18);
#else
    if (medium->writing) H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
#endif
    elbow_h5_use_medium(access, medium);
    return access;
}

/* Times of making are left out: the same contents are the same bytes. */
static hid_t make_untimed(hid_t class) {
    hid_t list = H5Pcreate(class);
    H5Pset_obj_track_times(list, false);
    return list;
}

static bool starts_as_hdf5(int descriptor) {
    static const char signature[8] = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
    char bytes[sizeof signature] = "";
    return pread(descriptor, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes &&
           memcmp(bytes, signature, sizeof bytes) == 0;
}

elbow_status elbow_h5_open(elbow_h5 **file, const char *path) {
    elbow_status status = ELBOW_OK;
    hid_t access = H5I_INVALID_HID;
    *file = NULL;
    ELBOW_TRY(elbow_file_check_readable(path));
    ELBOW_TRY(make_handle(file, path));
    elbow_h5_enter();
    int error = elbow_h5_open_medium(&(*file)->medium, path, false);
    ELBOW_CHECK_OR_DONE(error == 0, ELBOW_IO, "%s: cannot be read (%s); check the file system and its mount",
                        path, strerror(error));
    ELBOW_CHECK_OR_DONE(starts_as_hdf5((*file)->medium.descriptor), ELBOW_FORMAT,
                        "%s: not an HDF5 file; give one that elbow made", path);
    ELBOW_TRY_OR_DONE(elbow_h5_find_seal(&(*file)->medium, path));
    access = make_access(&(*file)->medium);
    (*file)->id = H5Fopen(path, H5F_ACC_RDONLY, access);
    ELBOW_TRY_OR_DONE(elbow_h5_check_intact(*file, ELBOW_OK));
    ELBOW_CHECK_OR_DONE((*file)->id >= 0, ELBOW_FORMAT,
                        "%s: an HDF5 file, damaged or cut short (%s); make or copy it again", path,
                        why_it_failed().text);
done:
    if (status != ELBOW_OK && (*file)->id >= 0) H5Fclose((*file)->id);
    if (status != ELBOW_OK) free_handle(file);
    if (access >= 0) H5Pclose(access);
    elbow_h5_leave();
    return status;
}

/* `path` NULL: in memory. */
static elbow_status create(elbow_h5 **file, const char *name, const char *path) {
    elbow_status status = ELBOW_OK;
    hid_t access = H5I_INVALID_HID, creation = H5I_INVALID_HID;
    ELBOW_TRY(make_handle(file, name));
    elbow_h5_enter();
    int error = elbow_h5_open_medium(&(*file)->medium, path, true);
    if (error != 0) {
        status = elbow_file_fail_write(name, error, 0);
        goto done;
    }
    access = make_access(&(*file)->medium);
    creation = make_untimed(H5P_FILE_CREATE);
    (*file)->id = H5Fcreate(name, H5F_ACC_TRUNC, creation, access);
    status = elbow_h5_check_write(*file, "the file", (*file)->id < 0 ? -1 : 0);
    if (status != ELBOW_OK && (*file)->id >= 0) H5Fclose((*file)->id);
done:
    if (status != ELBOW_OK) free_handle(file);
    if (creation >= 0) H5Pclose(creation);
    if (access >= 0) H5Pclose(access);
    elbow_h5_leave();
    return status;
}

elbow_status elbow_h5_create_memory(elbow_h5 **file, const char *name_for_messages) {
    return create(file, name_for_messages, NULL);
}

elbow_status elbow_h5_create_disk(elbow_h5 **file, const char *path, const char *name) {
    return create(file, name, path);
}

/* Lets HDF5 write what it still holds. */
static elbow_status finish(elbow_h5 *file) {
    if (file->id < 0) return ELBOW_OK;
    elbow_h5_close_rows(file);
    herr_t result = H5Fclose(file->id);
    file->id = H5I_INVALID_HID;
    return file->medium.writing ? elbow_h5_check_write(file, "the file", result) : ELBOW_OK;
}

elbow_status elbow_h5_close(elbow_h5 **file) {
    if (*file == NULL) return ELBOW_OK;
    elbow_h5_enter();
    elbow_status status = finish(*file);
    bool on_disk = (*file)->medium.descriptor >= 0 && (*file)->medium.writing;
    elbow_h5_leave();
    /* Outside of the lock: a large file takes a while. */
    if (on_disk && status == ELBOW_OK) elbow_h5_seal_descriptor(&(*file)->medium);
    elbow_h5_enter();
    /* Network file systems may say only now that a quota is used up. */
    if (elbow_h5_close_medium(&(*file)->medium) != 0 && on_disk && status == ELBOW_OK)
        status = elbow_h5_fail_write(*file, "the file");
    free_handle(file);
    elbow_h5_leave();
    return status;
}

void elbow_h5_discard(elbow_h5 **file) {
    if (*file == NULL) return;
    elbow_h5_enter();
    elbow_h5_close_rows(*file);
    if ((*file)->id >= 0) H5Fclose((*file)->id);
    free_handle(file);
    elbow_h5_leave();
}

/* Only a closed file is one that others can open: HDF5 1.10's own H5Fget_file_image gives the newer formats a
 * checksum that does not fit. */
elbow_status elbow_h5_image(elbow_h5 *file, void **bytes, size_t *count) {
    *bytes = NULL;
    *count = 0;
    elbow_h5_enter();
    elbow_status status = finish(file);
    if (status == ELBOW_OK && elbow_h5_seal_memory(&file->medium) != 0)
        status = elbow_h5_fail_write(file, "the file");
    if (status == ELBOW_OK) {
        *bytes = file->medium.memory;
        *count = file->medium.size;
        file->medium.memory = NULL;
        file->medium.size = file->medium.room = 0;
    }
    elbow_h5_leave();
    return status;
}

/* Calls `step` for "/a", "/a/b", … of "/a/b/…"; false when one says false or the path is too long. */
static bool each_part(const elbow_h5 *file, const char *path, bool (*step)(const elbow_h5 *, const char *)) {
    char part[ELBOW_H5_PATH_BYTES];
    size_t length = strlen(path);
    if (length >= sizeof part) return false;
    for (size_t i = 1; i <= length; i++) {
        if ((path[i] != '/' && path[i] != '\0') || path[i - 1] == '/') continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (!step(file, part)) return false;
    }
    return true;
}

static bool is_plain_link(const elbow_h5 *file, const char *path) {
    H5L_info_t link;
    return H5Lexists(file->id, path, H5P_DEFAULT) > 0 &&
           H5Lget_info(file->id, path, &link, H5P_DEFAULT) >= 0 && link.type == H5L_TYPE_HARD;
}

bool elbow_h5_find(const elbow_h5 *file, const char *path) { return each_part(file, path, is_plain_link); }

bool elbow_h5_has(elbow_h5 *file, const char *object) {
    elbow_h5_enter();
    bool found = elbow_h5_find(file, object) && H5Oexists_by_name(file->id, object, H5P_DEFAULT) > 0;
    elbow_h5_leave();
    return found;
}

static bool make_group(const elbow_h5 *file, const char *path) {
    if (is_plain_link(file, path)) return true;
    hid_t creation = make_untimed(H5P_GROUP_CREATE);
    hid_t group = H5Gcreate2(file->id, path, H5P_DEFAULT, creation, H5P_DEFAULT);
    H5Pclose(creation);
    if (group >= 0) H5Gclose(group);
    return group >= 0;
}

elbow_status elbow_h5_group(elbow_h5 *file, const char *path) {
    elbow_h5_enter();
    elbow_status status = elbow_h5_check_write(file, path, each_part(file, path, make_group) ? 0 : -1);
    elbow_h5_leave();
    return status;
}

elbow_status elbow_h5_make_parents(elbow_h5 *file, const char *path) {
    char parent[ELBOW_H5_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path) return ELBOW_OK;
    snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
    return elbow_h5_group(file, parent);
}

typedef struct name_list {
    char **names;
    size_t count;
} name_list;

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *info, void *context) {
    name_list *list = context;
    (void)group;
    (void)info;
    char **grown = realloc(list->names, (list->count + 1) * sizeof *grown);
    if (grown == NULL) return -1;
    list->names = grown;
    grown[list->count] = strdup(name);
    if (grown[list->count] == NULL) return -1;
    list->count++;
    return 0;
}

elbow_status elbow_h5_list(elbow_h5 *file, const char *group, char ***names, size_t *count) {
    elbow_status status = ELBOW_OK;
    name_list list = {0};
    *names = NULL;
    *count = 0;
    elbow_h5_enter();
    hid_t id = elbow_h5_find(file, group) ? H5Gopen2(file->id, group, H5P_DEFAULT) : H5I_INVALID_HID;
    ELBOW_CHECK_OR_DONE(id >= 0, ELBOW_FORMAT, "%s: no group %s; this file is of another kind, or damaged",
                        file->name, group);
    if (H5Literate(id, H5_INDEX_NAME, H5_ITER_INC, NULL, add_name, &list) < 0) {
        status = elbow_h5_fail_read(file, group);
        elbow_h5_list_free(&list.names, list.count);
        goto done;
    }
    *names = list.names;
    *count = list.count;
done:
    if (id >= 0) H5Gclose(id);
    elbow_h5_leave();
    return status;
}

void elbow_h5_list_free(char ***names, size_t count) {
    for (size_t i = 0; *names != NULL && i < count; i++) free((*names)[i]);
    free(*names);
    *names = NULL;
}
