/* Attributes of groups and datasets: texts of fixed length, 64-bit integers, doubles. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/h5_inside.h"

enum { TEXT_MOST = 60000, DIGEST_BYTES = 17 };

static elbow_status fail_absent(const elbow_h5 *file, const char *object, const char *name) {
    return elbow_fail(ELBOW_FORMAT, "%s: %s has no attribute %s; this file is of another kind, or damaged",
                      file->name, object, name);
}

static elbow_status put(elbow_h5 *file, const char *object, const char *name, hid_t stored, hid_t memory,
                        const void *value) {
    elbow_status status = ELBOW_OK;
    hid_t space = H5I_INVALID_HID, attribute = H5I_INVALID_HID;
    elbow_h5_enter();
    hid_t id = H5Oopen(file->id, object, H5P_DEFAULT);
    if (id < 0) {
        status = elbow_h5_fail_write(file, object);
        goto done;
    }
    if (H5Aexists(id, name) > 0) H5Adelete(id, name);
    space = H5Screate(H5S_SCALAR);
    attribute = H5Acreate2(id, name, stored, space, H5P_DEFAULT, H5P_DEFAULT);
    status = elbow_h5_check_write(file, object, attribute < 0 ? -1 : H5Awrite(attribute, memory, value));
done:
    if (attribute >= 0) H5Aclose(attribute);
    if (space >= 0) H5Sclose(space);
    if (id >= 0) H5Oclose(id);
    elbow_h5_leave();
    return status;
}

/* Opens a scalar attribute. */
static elbow_status open_scalar(elbow_h5 *file, const char *object, const char *name, hid_t *attribute) {
    *attribute = H5I_INVALID_HID;
    hid_t id = elbow_h5_find(file, object) ? H5Oopen(file->id, object, H5P_DEFAULT) : H5I_INVALID_HID;
    ELBOW_CHECK(id >= 0, ELBOW_FORMAT, "%s: no %s; this file is of another kind, or damaged", file->name,
                object);
    if (H5Aexists(id, name) > 0) *attribute = H5Aopen(id, name, H5P_DEFAULT);
    H5Oclose(id);
    if (*attribute < 0) return fail_absent(file, object, name);
    hid_t space = H5Aget_space(*attribute);
    bool scalar = space >= 0 && H5Sget_simple_extent_npoints(space) == 1;
    if (space >= 0) H5Sclose(space);
    if (scalar) return ELBOW_OK;
    H5Aclose(*attribute);
    *attribute = H5I_INVALID_HID;
    return elbow_fail(ELBOW_FORMAT, "%s: the attribute %s of %s is not one value; the file is damaged",
                      file->name, name, object);
}

/* One number of class `class`, as `memory`. */
static elbow_status get_number(elbow_h5 *file, const char *object, const char *name, H5T_class_t class,
                               hid_t memory, void *value) {
    elbow_status status = ELBOW_OK;
    hid_t attribute = H5I_INVALID_HID, type = H5I_INVALID_HID;
    elbow_h5_enter();
    ELBOW_TRY_OR_DONE(open_scalar(file, object, name, &attribute));
    type = H5Aget_type(attribute);
    /* Eight bytes is what there is room for on every way of conversion. */
    ELBOW_CHECK_OR_DONE(type >= 0 && H5Tget_class(type) == class && H5Tget_size(type) <= 8, ELBOW_FORMAT,
                        "%s: the attribute %s of %s is not %s; the file is damaged", file->name, name, object,
                        class == H5T_INTEGER ? "an integer" : "a real number");
    if (H5Aread(attribute, memory, value) < 0) status = elbow_h5_fail_read(file, object);
done:
    if (type >= 0) H5Tclose(type);
    if (attribute >= 0) H5Aclose(attribute);
    elbow_h5_leave();
    return status;
}

hid_t elbow_h5_text_type(size_t bytes) {
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, bytes);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

elbow_status elbow_h5_set_text(elbow_h5 *file, const char *object, const char *name, const char *text) {
    elbow_h5_enter();
    hid_t type = elbow_h5_text_type(strlen(text) + 1);
    elbow_status status = put(file, object, name, type, type, text);
    H5Tclose(type);
    elbow_h5_leave();
    return status;
}

elbow_status elbow_h5_set_integer(elbow_h5 *file, const char *object, const char *name, int64_t value) {
    return put(file, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value);
}

elbow_status elbow_h5_set_real(elbow_h5 *file, const char *object, const char *name, double value) {
    return put(file, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
}

bool elbow_h5_has_attribute(elbow_h5 *file, const char *object, const char *name) {
    elbow_h5_enter();
    bool found = elbow_h5_find(file, object) && H5Aexists_by_name(file->id, object, name, H5P_DEFAULT) > 0;
    elbow_h5_leave();
    return found;
}

elbow_status elbow_h5_get_text(elbow_h5 *file, const char *object, const char *name, char *text,
                               size_t room) {
    elbow_status status = ELBOW_OK;
    hid_t attribute = H5I_INVALID_HID, type = H5I_INVALID_HID;
    char *stored = NULL;
    if (room > 0) text[0] = '\0';
    elbow_h5_enter();
    ELBOW_TRY_OR_DONE(open_scalar(file, object, name, &attribute));
    type = H5Aget_type(attribute);
    size_t bytes = type >= 0 && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0
                       ? H5Tget_size(type)
                       : 0;
    ELBOW_CHECK_OR_DONE(bytes > 0 && bytes <= TEXT_MOST, ELBOW_FORMAT,
                        "%s: the attribute %s of %s is not a text of fixed length; write it so "
                        "(numpy.bytes_ in Python), or make the file again",
                        file->name, name, object);
    stored = calloc(bytes + 1, 1);
    ELBOW_CHECK_OR_DONE(stored != NULL, ELBOW_MEMORY, "%s: no memory for a text", file->name);
    if (H5Aread(attribute, type, stored) < 0) {
        status = elbow_h5_fail_read(file, object);
        goto done;
    }
    ELBOW_CHECK_OR_DONE(strlen(stored) < room, ELBOW_FORMAT,
                        "%s: the attribute %s of %s is longer than %zu bytes; the file is damaged",
                        file->name, name, object, room);
    memcpy(text, stored, strlen(stored) + 1);
done:
    free(stored);
    if (type >= 0) H5Tclose(type);
    if (attribute >= 0) H5Aclose(attribute);
    elbow_h5_leave();
    return status;
}

elbow_status elbow_h5_get_integer(elbow_h5 *file, const char *object, const char *name, int64_t *value) {
    *value = 0;
    return get_number(file, object, name, H5T_INTEGER, H5T_NATIVE_INT64, value);
}

elbow_status elbow_h5_get_real(elbow_h5 *file, const char *object, const char *name, double *value) {
    *value = 0;
    return get_number(file, object, name, H5T_FLOAT, H5T_NATIVE_DOUBLE, value);
}

elbow_status elbow_h5_put_checksum(elbow_h5 *file, const char *path, uint64_t checksum) {
    char text[DIGEST_BYTES];
    snprintf(text, sizeof text, "%016" PRIx64, checksum);
    return elbow_h5_set_text(file, path, "checksum", text);
}

elbow_status elbow_h5_match_checksum(elbow_h5 *file, const char *path, uint64_t checksum) {
    char expected[DIGEST_BYTES], found[DIGEST_BYTES];
    ELBOW_TRY(elbow_h5_get_text(file, path, "checksum", expected, sizeof expected));
    snprintf(found, sizeof found, "%016" PRIx64, checksum);
    ELBOW_CHECK(strcmp(expected, found) == 0, ELBOW_FORMAT,
                "%s: %s is damaged: its checksum is %s and should be %s; make or copy the file again",
                file->name, path, found, expected);
    return ELBOW_OK;
}
