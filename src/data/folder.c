#include "data/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"

typedef struct listing {
    char **names;
    size_t count, room;
} listing;

static void free_listing(listing *list) {
    for (size_t i = 0; i < list->count; i++) free(list->names[i]);
    free(list->names);
    *list = (listing){.names = NULL};
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static elbow_status add_name(listing *list, const char *name, const char *path) {
    if (list->count == list->room) {
        size_t room = 2 * list->room + 64;
        char **larger = realloc(list->names, room * sizeof *larger);
        ELBOW_CHECK(larger != NULL, ELBOW_MEMORY, "%s: no memory to list it", path);
        list->names = larger;
        list->room = room;
    }
    list->names[list->count] = strdup(name);
    ELBOW_CHECK(list->names[list->count] != NULL, ELBOW_MEMORY, "%s: no memory to list it", path);
    list->count++;
    return ELBOW_OK;
}

/* What is in a folder and not hidden, in order. */
static elbow_status list_folder(listing *list, const char *path) {
    elbow_status status = ELBOW_OK;
    *list = (listing){.names = NULL};
    DIR *entries = opendir(path);
    ELBOW_CHECK(entries != NULL, ELBOW_IO, "%s: %s; give a folder of pictures", path,
                errno == ENOENT    ? "no such folder"
                : errno == ENOTDIR ? "not a folder"
                                   : strerror(errno));
    while (status == ELBOW_OK) {
        errno = 0;
        const struct dirent *entry = readdir(entries); // NOLINT(concurrency-mt-unsafe)
        if (entry == NULL) break;
        if (entry->d_name[0] != '.') status = add_name(list, entry->d_name, path);
    }
    if (status == ELBOW_OK && errno != 0)
        status = elbow_fail(ELBOW_IO, "%s: cannot be read (%s); check the file system and its mount", path,
                            strerror(errno));
    closedir(entries);
    if (list->count > 0) qsort(list->names, list->count, sizeof *list->names, compare_names);
    return status;
}

static elbow_status add_picture(elbow_folder *folder, size_t *room, char *path) {
    if (folder->count == *room) {
        *room = 2 * *room + 256;
        char **paths = realloc(folder->paths, *room * sizeof *paths);
        if (paths != NULL) folder->paths = paths;
        size_t *classes = realloc(folder->classes, *room * sizeof *classes);
        if (classes != NULL) folder->classes = classes;
        if (paths == NULL || classes == NULL) {
            elbow_status status = elbow_fail(ELBOW_MEMORY, "%s: no memory to list it", path);
            free(path);
            return status;
        }
    }
    folder->classes[folder->count] = folder->named;
    folder->paths[folder->count++] = path;
    return ELBOW_OK;
}

static bool ends_in(const char *name, const char *ending) {
    size_t length = strlen(name), tail = strlen(ending);
    return length > tail && strcasecmp(name + length - tail, ending) == 0;
}

/* The pictures of one folder; folders in it go to `inner`, where they may be. */
static elbow_status add_folder(elbow_folder *folder, size_t *room, const char *path, const char *ending,
                               listing *inner) {
    listing list;
    elbow_status status = list_folder(&list, path);
    for (size_t i = 0; i < list.count && status == ELBOW_OK; i++) {
        char *full = NULL;
        status = elbow_path_join(path, list.names[i], &full);
        if (status != ELBOW_OK) break;
        if (elbow_file_is_directory(full)) {
            if (inner != NULL)
                status = add_name(inner, list.names[i], path);
            else
                folder->others++;
        } else if (ends_in(list.names[i], ending)) {
            status = add_picture(folder, room, full);
            full = NULL;
        } else {
            folder->others++;
        }
        free(full);
    }
    free_listing(&list);
    return status;
}

static elbow_status add_classes(elbow_folder *folder, size_t *room, const char *path, const char *ending,
                                const listing *classes) {
    folder->names = calloc(classes->count, sizeof *folder->names);
    ELBOW_CHECK(folder->names != NULL, ELBOW_MEMORY, "%s: no memory to list it", path);
    for (size_t c = 0; c < classes->count; c++) {
        char *inner = NULL;
        size_t before = folder->count;
        ELBOW_TRY(elbow_path_join(path, classes->names[c], &inner));
        elbow_status status = add_folder(folder, room, inner, ending, NULL);
        free(inner);
        if (status != ELBOW_OK) return status;
        if (folder->count == before) continue; /* no pictures in it, no class */
        folder->names[folder->named] = strdup(classes->names[c]);
        ELBOW_CHECK(folder->names[folder->named] != NULL, ELBOW_MEMORY, "%s: no memory to list it", path);
        folder->named++;
    }
    return ELBOW_OK;
}

elbow_status elbow_folder_read(elbow_folder *folder, const char *path, const char *ending) {
    size_t room = 0;
    listing inner = {.names = NULL};
    *folder = (elbow_folder){.paths = NULL};
    elbow_status status = add_folder(folder, &room, path, ending, &inner);
    size_t beside = folder->count;
    if (status == ELBOW_OK && inner.count > 0) status = add_classes(folder, &room, path, ending, &inner);
    if (status == ELBOW_OK && beside > 0 && folder->named > 0)
        status = elbow_fail(
            ELBOW_FORMAT,
            "%s: %zu pictures beside the folder %s, which has some too; put each into the folder of its "
            "class, or all into one",
            path, beside, folder->names[0]);
    free_listing(&inner);
    return status;
}

void elbow_folder_destroy(elbow_folder *folder) {
    for (size_t i = 0; i < folder->count; i++) free(folder->paths[i]);
    for (size_t i = 0; i < folder->named; i++) free(folder->names[i]);
    free(folder->paths);
    free(folder->classes);
    free(folder->names);
    *folder = (elbow_folder){.paths = NULL};
}
