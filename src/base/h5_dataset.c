/* Datasets: whole, by rows, and texts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/h5_inside.h"

/* zlib's best is 1032 : 1. */
enum { DEFLATE_MOST = 1100, CHUNK_CACHE_LEAST = 1 << 20, VERIFY_BYTES = 1 << 20 };
#define CHUNK_BYTES_MOST ((size_t)256 << 20)

typedef struct type_entry {
    size_t size;
    H5T_class_t class;
    bool is_signed;
} type_entry;

static const type_entry type_table[] = {
    [ELBOW_H5_U8] = {1, H5T_INTEGER, false}, [ELBOW_H5_U16] = {2, H5T_INTEGER, false},
    [ELBOW_H5_I64] = {8, H5T_INTEGER, true}, [ELBOW_H5_U64] = {8, H5T_INTEGER, false},
    [ELBOW_H5_F32] = {4, H5T_FLOAT, true},   [ELBOW_H5_F64] = {8, H5T_FLOAT, true},
};

size_t elbow_h5_type_size(elbow_h5_type type) { return type_table[type].size; }

static hid_t memory_type(elbow_h5_type type) {
    switch (type) {
    case ELBOW_H5_U8:
        return H5T_NATIVE_UINT8;
    case ELBOW_H5_U16:
        return H5T_NATIVE_UINT16;
    case ELBOW_H5_I64:
        return H5T_NATIVE_INT64;
    case ELBOW_H5_U64:
        return H5T_NATIVE_UINT64;
    case ELBOW_H5_F32:
        return H5T_NATIVE_FLOAT;
    case ELBOW_H5_F64:
        return H5T_NATIVE_DOUBLE;
    }
    return H5I_INVALID_HID;
}

static hid_t stored_type(elbow_h5_type type) {
    switch (type) {
    case ELBOW_H5_U8:
        return H5T_STD_U8LE;
    case ELBOW_H5_U16:
        return H5T_STD_U16LE;
    case ELBOW_H5_I64:
        return H5T_STD_I64LE;
    case ELBOW_H5_U64:
        return H5T_STD_U64LE;
    case ELBOW_H5_F32:
        return H5T_IEEE_F32LE;
    case ELBOW_H5_F64:
        return H5T_IEEE_F64LE;
    }
    return H5I_INVALID_HID;
}

static bool find_type(hid_t id, elbow_h5_type *type) {
    H5T_class_t class = H5Tget_class(id);
    bool is_signed = class == H5T_FLOAT || H5Tget_sign(id) == H5T_SGN_2;
    for (size_t i = 0; i < sizeof type_table / sizeof type_table[0]; i++) {
        const type_entry *entry = &type_table[i];
        if (entry->class != class || entry->size != H5Tget_size(id) || entry->is_signed != is_signed)
            continue;
        *type = (elbow_h5_type)i;
        return true;
    }
    return false;
}

/* false when the product overflows. */
static bool count_elements(const elbow_h5_shape *shape, size_t *count) {
    *count = 1;
    for (size_t i = 0; i < shape->dims; i++) {
        if (shape->size[i] != 0 && *count > SIZE_MAX / 16 / shape->size[i]) return false;
        *count *= shape->size[i];
    }
    return true;
}

static bool read_shape(hid_t dataset, elbow_h5_shape *shape) {
    hsize_t size[H5S_MAX_RANK];
    hid_t space = H5Dget_space(dataset);
    if (space < 0) return false;
    int dims = H5Sget_simple_extent_ndims(space);
    bool known = dims >= 0 && dims <= 4 && H5Sget_simple_extent_type(space) != H5S_NULL;
    known = known && (dims == 0 || H5Sget_simple_extent_dims(space, size, NULL) == dims);
    H5Sclose(space);
    if (!known) return false;
    *shape = (elbow_h5_shape){.dims = (size_t)dims};
    for (int i = 0; i < dims; i++) shape->size[i] = (size_t)size[i];
    return true;
}

/* Whether some filter of a dataset makes its chunks smaller. HDF5 does not look at how much filters give back, and reads
 * on behind it where a header calls deflated bytes shuffled ones. */
static bool is_compressed(hid_t creation) {
    for (int i = 0; i < H5Pget_nfilters(creation); i++) {
        unsigned flags = 0;
        size_t values = 0;
        H5Z_filter_t filter = H5Pget_filter2(creation, (unsigned)i, &flags, &values, NULL, 0, NULL, NULL);
        if (filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32) return true;
    }
    return false;
}

/* Whether `bytes` can be what the file holds for this dataset. Contiguous data must be there in full;
 * chunks may be deflated, and a chunk is allocated whole by HDF5, so its size is limited too. */
static bool can_hold(const elbow_h5 *file, hid_t dataset, size_t bytes) {
    bool plausible = false;
    hsize_t stored = H5Dget_storage_size(dataset), whole = 0, chunk[H5S_MAX_RANK];
    hid_t creation = H5Dget_create_plist(dataset), type = H5Dget_type(dataset);
    if (creation < 0 || type < 0 || H5Fget_filesize(file->id, &whole) < 0) goto done;
    /* A file being written has data that are in HDF5's caches still, and nobody else made its header. */
    if (file->medium.writing) stored = whole = SIZE_MAX;
    switch (H5Pget_layout(creation)) {
    case H5D_COMPACT:
        plausible = bytes <= stored;
        break;
    case H5D_CONTIGUOUS:
        plausible = bytes <= stored && stored <= whole && H5Pget_external_count(creation) == 0;
        break;
    case H5D_CHUNKED: {
        int dims = H5Pget_chunk(creation, H5S_MAX_RANK, chunk);
        size_t chunk_bytes = H5Tget_size(type);
        for (int i = 0; i < dims; i++) {
            if (chunk[i] == 0 || chunk_bytes > CHUNK_BYTES_MOST / chunk[i]) goto done;
            chunk_bytes *= (size_t)chunk[i];
        }
        hsize_t held = stored < whole ? stored : whole;
        hsize_t ratio = is_compressed(creation) ? DEFLATE_MOST : 1;
        /* A chunk is stored whole, so a dataset of any has at least one. */
        plausible = dims > 0 && bytes / ratio <= held && (bytes == 0 || chunk_bytes / ratio <= held);
        break;
    }
    default:
        break; /* virtual datasets lead to other files */
    }
done:
    if (type >= 0) H5Tclose(type);
    if (creation >= 0) H5Pclose(creation);
    return plausible;
}

elbow_status elbow_h5_open_any(elbow_h5 *file, const char *path, hid_t *dataset, hid_t *stored,
                               elbow_h5_shape *shape) {
    elbow_status status = ELBOW_OK;
    size_t count = 0;
    *stored = H5I_INVALID_HID;
    *dataset = elbow_h5_find(file, path) ? H5Dopen2(file->id, path, H5P_DEFAULT) : H5I_INVALID_HID;
    if (*dataset >= 0) *stored = H5Dget_type(*dataset);
    ELBOW_CHECK_OR_DONE(*stored >= 0, ELBOW_FORMAT,
                        "%s: no dataset %s; this file is of another kind, or damaged", file->name, path);
    ELBOW_CHECK_OR_DONE(
        read_shape(*dataset, shape), ELBOW_FORMAT,
        "%s: %s is of a shape that elbow does not read (up to 4 dimensions are); this file is of "
        "another kind, or damaged",
        file->name, path);
    size_t size = H5Tget_size(*stored);
    ELBOW_CHECK_OR_DONE(count_elements(shape, &count) && size > 0 && count <= SIZE_MAX / 16 / size &&
                            can_hold(file, *dataset, count * size),
                        ELBOW_FORMAT,
                        "%s: %s claims more elements than the file can hold; make or copy it again",
                        file->name, path);
done:
    if (status == ELBOW_OK) return status;
    if (*stored >= 0) H5Tclose(*stored);
    if (*dataset >= 0) H5Dclose(*dataset);
    *stored = *dataset = H5I_INVALID_HID;
    return status;
}

elbow_status elbow_h5_open_dataset(elbow_h5 *file, const char *path, hid_t *dataset, elbow_h5_type *type,
                                   elbow_h5_shape *shape) {
    hid_t stored = H5I_INVALID_HID;
    ELBOW_TRY(elbow_h5_open_any(file, path, dataset, &stored, shape));
    bool known = type != NULL ? find_type(stored, type)
                              : H5Tget_class(stored) == H5T_STRING && H5Tis_variable_str(stored) == 0;
    H5Tclose(stored);
    if (known) return ELBOW_OK;
    H5Dclose(*dataset);
    *dataset = H5I_INVALID_HID;
    return elbow_fail(
        ELBOW_FORMAT,
        "%s: %s is of a type that elbow does not write; this file is of another kind, or damaged", file->name,
        path);
}

/* Makes an empty dataset; `type` is the stored one. `grows`: the first dimension has no end. */
static elbow_status create(elbow_h5 *file, const char *path, hid_t type, elbow_h5_shape shape,
                           size_t chunk_rows, int deflate, bool grows, hid_t *dataset) {
    hsize_t size[4] = {0}, chunk[4] = {0}, most[4] = {0};
    size_t count = 0;
    *dataset = H5I_INVALID_HID;
    ELBOW_CHECK(shape.dims <= 4 && count_elements(&shape, &count), ELBOW_FORMAT,
                "%s: %s is too large to be written", file->name, path);
    ELBOW_TRY(elbow_h5_make_parents(file, path));
    for (size_t i = 0; i < shape.dims; i++) size[i] = chunk[i] = most[i] = shape.size[i];
    if (grows) most[0] = H5S_UNLIMITED;
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(creation, false);
    if (chunk_rows > 0 && shape.dims > 0 && (count > 0 || grows)) {
        if (grows || chunk_rows < chunk[0]) chunk[0] = chunk_rows;
        H5Pset_chunk(creation, (int)shape.dims, chunk);
        if (deflate > 0 && H5Zfilter_avail(H5Z_FILTER_DEFLATE) > 0)
            H5Pset_deflate(creation, (unsigned)deflate);
    }
    hid_t space = shape.dims == 0 ? H5Screate(H5S_SCALAR)
                                  : H5Screate_simple((int)shape.dims, size, grows ? most : NULL);
    *dataset = H5Dcreate2(file->id, path, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    elbow_status status = elbow_h5_check_write(file, path, *dataset >= 0 ? 0 : -1);
    H5Sclose(space);
    H5Pclose(creation);
    return status;
}

elbow_status elbow_h5_write(elbow_h5 *file, const char *path, elbow_h5_type type, elbow_h5_shape shape,
                            size_t chunk_rows, int deflate, const void *values) {
    elbow_status status = ELBOW_OK;
    hid_t dataset = H5I_INVALID_HID;
    size_t count = 0;
    elbow_h5_enter();
    ELBOW_TRY_OR_DONE(create(file, path, stored_type(type), shape, chunk_rows, deflate, false, &dataset));
    (void)count_elements(&shape, &count);
    if (count > 0)
        ELBOW_TRY_OR_DONE(elbow_h5_check_write(
            file, path, H5Dwrite(dataset, memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, values)));
    status = elbow_h5_put_checksum(
        file, path, count > 0 ? XXH64(values, count * elbow_h5_type_size(type), 0) : XXH64("", 0, 0));
done:
    if (dataset >= 0) H5Dclose(dataset);
    elbow_h5_leave();
    return status;
}

/* Whether every value of `stored` is one of `wanted`; between floats, rounding is the reader's wish. */
static bool converts(elbow_h5_type stored, elbow_h5_type wanted) {
    return stored == wanted || stored == ELBOW_H5_U8
               ? type_table[wanted].class == type_table[stored].class
               : type_table[stored].class == H5T_FLOAT && type_table[wanted].class == H5T_FLOAT;
}

elbow_status elbow_h5_read(elbow_h5 *file, const char *path, elbow_h5_type type, size_t count, bool checked,
                           void *values) {
    elbow_status status = ELBOW_OK;
    hid_t dataset = H5I_INVALID_HID;
    elbow_h5_type stored = type;
    elbow_h5_shape shape = {0};
    size_t found = 0;
    void *room = NULL; /* the elements as stored: what the checksum is of */
    elbow_h5_enter();
    ELBOW_TRY_OR_DONE(elbow_h5_open_dataset(file, path, &dataset, &stored, &shape));
    (void)count_elements(&shape, &found);
    ELBOW_CHECK_OR_DONE(
        found == count, ELBOW_FORMAT,
        "%s: %s has %zu elements where %zu are expected; this file is of another kind, or damaged",
        file->name, path, found, count);
    ELBOW_CHECK_OR_DONE(converts(stored, type), ELBOW_FORMAT,
                        "%s: %s is of another type than expected; this file is of another kind, or damaged",
                        file->name, path);
    size_t widest = elbow_h5_type_size(stored) > elbow_h5_type_size(type) ? elbow_h5_type_size(stored)
                                                                          : elbow_h5_type_size(type);
    room = stored == type ? NULL : calloc(count + 1, widest);
    ELBOW_CHECK_OR_DONE(stored == type || room != NULL, ELBOW_MEMORY, "%s: no memory to read %s", file->name,
                        path);
    void *target = room != NULL ? room : values;
    if (count > 0 && H5Dread(dataset, memory_type(stored), H5S_ALL, H5S_ALL, H5P_DEFAULT, target) < 0) {
        status = elbow_h5_fail_read(file, path);
        goto done;
    }
    size_t bytes = count * elbow_h5_type_size(stored);
    if (checked)
        ELBOW_TRY_OR_DONE(elbow_h5_match_checksum(file, path, XXH64(count > 0 ? target : "", bytes, 0)));
    if (room != NULL && count > 0) {
        H5Tconvert(memory_type(stored), memory_type(type), count, room, NULL, H5P_DEFAULT);
        memcpy(values, room, count * elbow_h5_type_size(type));
    }
done:
    free(room);
    if (dataset >= 0) H5Dclose(dataset);
    elbow_h5_leave();
    return status;
}

elbow_status elbow_h5_describe(elbow_h5 *file, const char *path, elbow_h5_type *type, elbow_h5_shape *shape) {
    hid_t dataset = H5I_INVALID_HID;
    elbow_h5_enter();
    elbow_status status = elbow_h5_open_dataset(file, path, &dataset, type, shape);
    if (dataset >= 0) H5Dclose(dataset);
    elbow_h5_leave();
    return status;
}

static elbow_status create_rows(elbow_h5 *file, const char *path, elbow_h5_type type, elbow_h5_shape shape,
                                size_t chunk_rows, int deflate, bool grows) {
    hid_t dataset = H5I_INVALID_HID;
    elbow_h5_enter();
    elbow_status status = create(file, path, stored_type(type), shape, chunk_rows, deflate, grows, &dataset);
    if (dataset >= 0) H5Dclose(dataset);
    elbow_h5_leave();
    return status;
}

elbow_status elbow_h5_create_rows(elbow_h5 *file, const char *path, elbow_h5_type type, elbow_h5_shape shape,
                                  size_t chunk_rows, int deflate) {
    return create_rows(file, path, type, shape, chunk_rows, deflate, false);
}

elbow_status elbow_h5_create_growing(elbow_h5 *file, const char *path, elbow_h5_type type,
                                     elbow_h5_shape shape, size_t chunk_rows, int deflate) {
    return create_rows(file, path, type, shape, chunk_rows, deflate, true);
}

elbow_status elbow_h5_set_checksum(elbow_h5 *file, const char *path, uint64_t checksum) {
    return elbow_h5_put_checksum(file, path, checksum);
}

void elbow_h5_close_rows(elbow_h5 *file) {
    for (elbow_h5_rows *rows = file->rows, *next; rows != NULL; rows = next) {
        next = rows->next;
        H5Dclose(rows->id);
        free(rows->path);
        free(rows);
    }
    file->rows = NULL;
}

/* Room for two chunks: a smaller cache would inflate a chunk anew for every call. */
static size_t cache_bytes(hid_t dataset, size_t element) {
    hsize_t chunk[H5S_MAX_RANK];
    size_t bytes = 2 * element;
    hid_t creation = H5Dget_create_plist(dataset);
    int dims = H5Pget_layout(creation) == H5D_CHUNKED ? H5Pget_chunk(creation, H5S_MAX_RANK, chunk) : 0;
    for (int i = 0; i < dims; i++) bytes *= (size_t)chunk[i];
    H5Pclose(creation);
    return bytes > CHUNK_CACHE_LEAST ? bytes : CHUNK_CACHE_LEAST;
}

hid_t elbow_h5_reopen(const elbow_h5 *file, const char *path, hid_t dataset) {
    hid_t stored = H5Dget_type(dataset), access = H5Pcreate(H5P_DATASET_ACCESS);
    H5Pset_chunk_cache(access, H5D_CHUNK_CACHE_NSLOTS_DEFAULT, cache_bytes(dataset, H5Tget_size(stored)),
                       1.0);
    H5Tclose(stored);
    /* Closed first: a dataset that is open already keeps the cache it has. */
    H5Dclose(dataset);
    hid_t again = H5Dopen2(file->id, path, access);
    H5Pclose(access);
    return again;
}

static elbow_status find_rows(elbow_h5 *file, const char *path, elbow_h5_rows **found) {
    elbow_status status = ELBOW_OK;
    hid_t dataset = H5I_INVALID_HID;
    for (*found = file->rows; *found != NULL; *found = (*found)->next)
        if (strcmp((*found)->path, path) == 0) return ELBOW_OK;
    elbow_h5_rows *rows = calloc(1, sizeof *rows);
    ELBOW_CHECK(rows != NULL, ELBOW_MEMORY, "%s: no memory to open %s", file->name, path);
    rows->path = strdup(path);
    ELBOW_CHECK_OR_DONE(rows->path != NULL, ELBOW_MEMORY, "%s: no memory to open %s", file->name, path);
    ELBOW_TRY_OR_DONE(elbow_h5_open_dataset(file, path, &dataset, &rows->type, &rows->shape));
    ELBOW_CHECK_OR_DONE(rows->shape.dims > 0, ELBOW_FORMAT, "%s: %s has no rows; the file is damaged",
                        file->name, path);
    rows->id = elbow_h5_reopen(file, path, dataset);
    dataset = H5I_INVALID_HID;
    if (rows->id < 0) {
        status = elbow_h5_fail_read(file, path);
        goto done;
    }
    rows->next = file->rows;
    file->rows = *found = rows;
    rows = NULL;
done:
    if (dataset >= 0) H5Dclose(dataset);
    if (rows != NULL) free(rows->path);
    free(rows);
    return status;
}

/* The rows [first, first + count) in the file (*stored) and in memory (*memory). */
static elbow_status select_rows(const elbow_h5 *file, const elbow_h5_rows *rows, size_t first, size_t count,
                                hid_t *stored, hid_t *memory) {
    hsize_t start[4] = {first}, size[4] = {count};
    const elbow_h5_shape *shape = &rows->shape;
    ELBOW_CHECK(first <= shape->size[0] && count <= shape->size[0] - first, ELBOW_FORMAT,
                "%s: %s has %zu rows, and rows %zu to %zu were asked for", file->name, rows->path,
                shape->size[0], first, first + count);
    for (size_t i = 1; i < shape->dims; i++) size[i] = shape->size[i];
    *stored = H5Dget_space(rows->id);
    *memory = H5Screate_simple((int)shape->dims, size, NULL);
    H5Sselect_hyperslab(*stored, H5S_SELECT_SET, start, NULL, size, NULL);
    return ELBOW_OK;
}

/* Both directions: `out` or `in` is NULL. */
static elbow_status move_rows(elbow_h5 *file, const char *path, elbow_h5_type type, size_t first,
                              size_t count, void *out, const void *in) {
    elbow_status status = ELBOW_OK;
    hid_t stored = H5I_INVALID_HID, memory = H5I_INVALID_HID;
    elbow_h5_rows *rows = NULL;
    elbow_h5_enter();
    ELBOW_TRY_OR_DONE(find_rows(file, path, &rows));
    ELBOW_CHECK_OR_DONE(rows->type == type, ELBOW_FORMAT,
                        "%s: %s is of another type than expected; this file is of another kind, or damaged",
                        file->name, path);
    ELBOW_TRY_OR_DONE(select_rows(file, rows, first, count, &stored, &memory));
    if (count == 0) goto done;
    if (out != NULL && H5Dread(rows->id, memory_type(type), memory, stored, H5P_DEFAULT, out) < 0)
        status = elbow_h5_fail_read(file, path);
    if (in != NULL)
        status = elbow_h5_check_write(file, path,
                                      H5Dwrite(rows->id, memory_type(type), memory, stored, H5P_DEFAULT, in));
done:
    if (memory >= 0) H5Sclose(memory);
    if (stored >= 0) H5Sclose(stored);
    elbow_h5_leave();
    return status;
}

elbow_status elbow_h5_write_rows(elbow_h5 *file, const char *path, elbow_h5_type type, size_t first,
                                 size_t rows, const void *values) {
    return move_rows(file, path, type, first, rows, NULL, values);
}

elbow_status elbow_h5_append_rows(elbow_h5 *file, const char *path, elbow_h5_type type, size_t rows,
                                  const void *values) {
    elbow_h5_rows *kept = NULL;
    hsize_t size[4] = {0};
    size_t first = 0;
    elbow_h5_enter();
    elbow_status status = find_rows(file, path, &kept);
    if (status == ELBOW_OK) {
        first = kept->shape.size[0];
        for (size_t i = 0; i < kept->shape.dims; i++) size[i] = kept->shape.size[i];
        size[0] += rows;
        status = elbow_h5_check_write(file, path, H5Dset_extent(kept->id, size));
    }
    if (status == ELBOW_OK) {
        kept->shape.size[0] = first + rows;
        status = move_rows(file, path, type, first, rows, NULL, values);
    }
    elbow_h5_leave();
    return status;
}

elbow_status elbow_h5_read_rows(elbow_h5 *file, const char *path, elbow_h5_type type, size_t first,
                                size_t rows, void *values) {
    return move_rows(file, path, type, first, rows, values, NULL);
}

elbow_status elbow_h5_verify(elbow_h5 *file, const char *path) {
    elbow_status status = ELBOW_OK;
    elbow_h5_rows *rows = NULL;
    unsigned char *values = NULL;
    XXH64_state_t *hash = XXH64_createState();
    elbow_h5_enter();
    ELBOW_TRY_OR_DONE(find_rows(file, path, &rows));
    size_t row = elbow_h5_type_size(rows->type), all = rows->shape.size[0];
    for (size_t i = 1; i < rows->shape.dims; i++) row *= rows->shape.size[i];
    size_t block = row == 0 || row >= VERIFY_BYTES ? 1 : VERIFY_BYTES / row;
    values = malloc(block * row + 1);
    ELBOW_CHECK_OR_DONE(hash != NULL && values != NULL, ELBOW_MEMORY, "%s: no memory to check it",
                        file->name);
    XXH64_reset(hash, 0);
    for (size_t first = 0; first < all && row > 0; first += block) {
        if (block > all - first) block = all - first;
        ELBOW_TRY_OR_DONE(move_rows(file, path, rows->type, first, block, values, NULL));
        XXH64_update(hash, values, block * row);
    }
    status = elbow_h5_match_checksum(file, path, XXH64_digest(hash));
done:
    elbow_h5_leave();
    XXH64_freeState(hash);
    free(values);
    return status;
}

elbow_status elbow_h5_write_text(elbow_h5 *file, const char *path, const char *text) {
    elbow_status status = ELBOW_OK;
    hid_t dataset = H5I_INVALID_HID;
    elbow_h5_enter();
    hid_t type = elbow_h5_text_type(strlen(text) + 1);
    ELBOW_TRY_OR_DONE(create(file, path, type, (elbow_h5_shape){0}, 0, 0, false, &dataset));
    ELBOW_TRY_OR_DONE(
        elbow_h5_check_write(file, path, H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text)));
    status = elbow_h5_put_checksum(file, path, XXH64(text, strlen(text), 0));
done:
    if (dataset >= 0) H5Dclose(dataset);
    H5Tclose(type);
    elbow_h5_leave();
    return status;
}

elbow_status elbow_h5_read_text(elbow_h5 *file, const char *path, char **text) {
    elbow_status status = ELBOW_OK;
    hid_t dataset = H5I_INVALID_HID, type = H5I_INVALID_HID;
    elbow_h5_shape shape = {0};
    char *bytes = NULL;
    *text = NULL;
    elbow_h5_enter();
    ELBOW_TRY_OR_DONE(elbow_h5_open_dataset(file, path, &dataset, NULL, &shape));
    ELBOW_CHECK_OR_DONE(shape.dims == 0, ELBOW_FORMAT, "%s: %s is not one text; the file is damaged",
                        file->name, path);
    type = H5Dget_type(dataset);
    bytes = calloc(H5Tget_size(type) + 1, 1);
    ELBOW_CHECK_OR_DONE(bytes != NULL, ELBOW_MEMORY, "%s: no memory to read %s", file->name, path);
    if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) < 0) {
        status = elbow_h5_fail_read(file, path);
        goto done;
    }
    ELBOW_TRY_OR_DONE(elbow_h5_match_checksum(file, path, XXH64(bytes, strlen(bytes), 0)));
    *text = bytes;
    bytes = NULL;
done:
    free(bytes);
    if (type >= 0) H5Tclose(type);
    if (dataset >= 0) H5Dclose(dataset);
    elbow_h5_leave();
    return status;
}
