/* Files that others wrote: numbers of whatever type, and what datasets there are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/h5_inside.h"

enum { LISTED_MOST = 12, DEPTH_MOST = 8 };

static bool find_numbers(hid_t type, elbow_h5_numbers *numbers) {
    H5T_class_t class = H5Tget_class(type);
    bool byte = H5Tget_size(type) == 1;
    *numbers = class == H5T_FLOAT ? ELBOW_H5_REALS : ELBOW_H5_INTEGERS;
    if (class == H5T_ENUM ? byte : class == H5T_INTEGER && byte && H5Tget_sign(type) == H5T_SGN_NONE)
        *numbers = ELBOW_H5_BYTES;
    return class == H5T_FLOAT || class == H5T_INTEGER || (class == H5T_ENUM && byte);
}

static elbow_status open_numbers(elbow_h5 *file, const char *path, hid_t *dataset, elbow_h5_numbers *numbers,
                                 elbow_h5_shape *shape) {
    hid_t stored = H5I_INVALID_HID;
    ELBOW_TRY(elbow_h5_open_any(file, path, dataset, &stored, shape));
    bool known = find_numbers(stored, numbers);
    H5Tclose(stored);
    if (known) return ELBOW_OK;
    H5Dclose(*dataset);
    *dataset = H5I_INVALID_HID;
    return elbow_fail(ELBOW_FORMAT, "%s: %s does not hold numbers; give a dataset of integers or reals",
                      file->name, path);
}

elbow_status elbow_h5_describe_numbers(elbow_h5 *file, const char *path, elbow_h5_numbers *numbers,
                                       elbow_h5_shape *shape) {
    hid_t dataset = H5I_INVALID_HID;
    elbow_h5_enter();
    elbow_status status = open_numbers(file, path, &dataset, numbers, shape);
    if (dataset >= 0) H5Dclose(dataset);
    elbow_h5_leave();
    return status;
}

/* The dataset kept open between calls, so that no chunk is inflated for every block. Its name in the list begins with a
 * `=`: what is read by conversion is not what is read as stored. */
static elbow_status find_open(elbow_h5 *file, const char *path, elbow_h5_rows **found) {
    elbow_status status = ELBOW_OK;
    hid_t dataset = H5I_INVALID_HID;
    elbow_h5_numbers numbers;
    for (*found = file->rows; *found != NULL; *found = (*found)->next)
        if ((*found)->path[0] == '=' && strcmp((*found)->path + 1, path) == 0) return ELBOW_OK;
    elbow_h5_rows *made = calloc(1, sizeof *made);
    ELBOW_CHECK(made != NULL, ELBOW_MEMORY, "%s: no memory to open %s", file->name, path);
    made->path = malloc(strlen(path) + 2);
    ELBOW_CHECK_OR_DONE(made->path != NULL, ELBOW_MEMORY, "%s: no memory to open %s", file->name, path);
    sprintf(made->path, "=%s", path);
    ELBOW_TRY_OR_DONE(open_numbers(file, path, &dataset, &numbers, &made->shape));
    made->id = elbow_h5_reopen(file, path, dataset);
    if (made->id < 0) {
        status = elbow_h5_fail_read(file, path);
        goto done;
    }
    made->next = file->rows;
    file->rows = *found = made;
    made = NULL;
done:
    if (made != NULL) free(made->path);
    free(made);
    return status;
}

elbow_status elbow_h5_read_numbers(elbow_h5 *file, const char *path, size_t first, size_t rows,
                                   double *values) {
    elbow_status status = ELBOW_OK;
    hid_t stored = H5I_INVALID_HID, memory = H5I_INVALID_HID;
    elbow_h5_rows *open = NULL;
    elbow_h5_enter();
    ELBOW_TRY_OR_DONE(find_open(file, path, &open));
    const elbow_h5_shape *shape = &open->shape;
    ELBOW_CHECK_OR_DONE(shape->dims > 0 && first <= shape->size[0] && rows <= shape->size[0] - first,
                        ELBOW_FORMAT, "%s: %s has no rows %zu to %zu", file->name, path, first, first + rows);
    hsize_t start[4] = {first}, size[4] = {rows};
    for (size_t i = 1; i < shape->dims; i++) size[i] = shape->size[i];
    stored = H5Dget_space(open->id);
    memory = H5Screate_simple((int)shape->dims, size, NULL);
    H5Sselect_hyperslab(stored, H5S_SELECT_SET, start, NULL, size, NULL);
    if (rows > 0 && H5Dread(open->id, H5T_NATIVE_DOUBLE, memory, stored, H5P_DEFAULT, values) < 0)
        status = elbow_h5_fail_read(file, path);
done:
    if (memory >= 0) H5Sclose(memory);
    if (stored >= 0) H5Sclose(stored);
    elbow_h5_leave();
    return status;
}

/* ----------------------------------------------------------------------------------------- listing */

typedef struct listing {
    char *text;
    size_t used, room, count;
} listing;

static void add(listing *list, const char *text) {
    int length = snprintf(list->text + list->used, list->room - list->used, "%s", text);
    list->used += (size_t)length;
    if (list->used >= list->room) list->used = list->room - 1;
}

static void add_dataset(listing *list, const char *path, elbow_h5_numbers numbers,
                        const elbow_h5_shape *shape) {
    static const char *const types[] = {
        [ELBOW_H5_BYTES] = "bytes", [ELBOW_H5_INTEGERS] = "integers", [ELBOW_H5_REALS] = "reals"};
    char size[32];
    if (list->count++ >= LISTED_MOST) return;
    if (list->count > 1) add(list, ", ");
    add(list, path);
    for (size_t i = 0; i < shape->dims; i++) {
        snprintf(size, sizeof size, "%s%zu", i == 0 ? " (" : ", ", shape->size[i]);
        add(list, size);
    }
    add(list, shape->dims > 0 ? ") " : " ");
    add(list, types[numbers]);
}

static void list_group(elbow_h5 *file, const char *group, size_t depth, listing *list) {
    char **names = NULL;
    size_t count = 0;
    if (depth > DEPTH_MOST || elbow_h5_list(file, group, &names, &count) != ELBOW_OK) return;
    for (size_t i = 0; i < count && list->count <= LISTED_MOST; i++) {
        char path[ELBOW_H5_PATH_BYTES];
        elbow_h5_numbers numbers;
        elbow_h5_shape shape;
        int length = snprintf(path, sizeof path, "%s/%s", depth > 0 ? group : "", names[i]);
        if (length < 0 || (size_t)length >= sizeof path) continue;
        if (elbow_h5_describe_numbers(file, path, &numbers, &shape) == ELBOW_OK)
            add_dataset(list, path, numbers, &shape);
        else
            list_group(file, path, depth + 1, list);
    }
    elbow_h5_list_free(&names, count);
}

void elbow_h5_list_numbers(elbow_h5 *file, char *text, size_t room) {
    listing list = {.text = text, .room = room};
    text[0] = '\0';
    list_group(file, "/", 0, &list);
    if (list.count > LISTED_MOST) add(&list, ", …");
    if (list.count == 0) add(&list, "nothing that can be read");
}
