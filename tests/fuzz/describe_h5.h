/* HDF5 files from descriptions: what fuzz targets of HDF5 readers mutate. Bytes flipped in a file end at its seal, or at
 * HDF5; a description that changed becomes a sound file of any content, and reaches the readers themselves.
 *
 *     g PATH                      a group
 *     d PATH TYPE SIZE VALUES     a dataset. SIZE: - (scalar), 10, 10x3; 10x3/4 in deflated chunks of 4 rows, 10x3/0 in one
 *                                 chunk. VALUES: numbers with commas, repeated as often as needed; a text for type s
 *     a PATH NAME TYPE VALUE      an attribute, instead of one of that name
 *     l PATH TARGET               a soft link;  h: a hard one;  x: an external one, into TARGET's file of the same path
 *
 * Types: u8 u16 u32 u64 i8 i16 i32 i64 f32 f64, each with `be` behind it for the other order of bytes; b, truth values as
 * h5py has them; s, a text; v, a text of any length; p, two numbers in one. In texts \n is a line end, \s a space. Every
 * dataset gets its checksum; an attribute line replaces it. What cannot be made is left out. */
#ifndef ELBOW_FUZZ_DESCRIBE_H5_H
#define ELBOW_FUZZ_DESCRIBE_H5_H

#include <inttypes.h>
#include <xxhash.h>

#include "base/h5_inside.h"
#include "fuzz/frame.h"

enum { FUZZ_LINES = 400, FUZZ_WRITTEN = 1 << 18 };

typedef struct fuzz_type {
    hid_t stored, memory; /* both to be closed */
    bool text;
} fuzz_type;

static inline hid_t fuzz_number_type(const char *name) {
    static const struct {
        const char *name;
        hid_t *little, *big;
    } known[] = {
        {"u8", &H5T_STD_U8LE_g, &H5T_STD_U8BE_g},      {"u16", &H5T_STD_U16LE_g, &H5T_STD_U16BE_g},
        {"u32", &H5T_STD_U32LE_g, &H5T_STD_U32BE_g},   {"u64", &H5T_STD_U64LE_g, &H5T_STD_U64BE_g},
        {"i8", &H5T_STD_I8LE_g, &H5T_STD_I8BE_g},      {"i16", &H5T_STD_I16LE_g, &H5T_STD_I16BE_g},
        {"i32", &H5T_STD_I32LE_g, &H5T_STD_I32BE_g},   {"i64", &H5T_STD_I64LE_g, &H5T_STD_I64BE_g},
        {"f32", &H5T_IEEE_F32LE_g, &H5T_IEEE_F32BE_g}, {"f64", &H5T_IEEE_F64LE_g, &H5T_IEEE_F64BE_g},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t length = strlen(known[i].name);
        if (strncmp(name, known[i].name, length) != 0) continue;
        if (name[length] == '\0') return H5Tcopy(*known[i].little);
        if (strcmp(name + length, "be") == 0) return H5Tcopy(*known[i].big);
    }
    return H5I_INVALID_HID;
}

static inline fuzz_type fuzz_find_type(const char *name, const char *value) {
    fuzz_type type = {H5I_INVALID_HID, H5I_INVALID_HID, false};
    if (strcmp(name, "s") == 0) {
        type.text = true;
        type.stored = elbow_h5_text_type(strlen(value) + 1);
    } else if (strcmp(name, "v") == 0) {
        type.stored = H5Tcopy(H5T_C_S1);
        H5Tset_size(type.stored, H5T_VARIABLE);
    } else if (strcmp(name, "b") == 0) {
        const int8_t yes = 1, no = 0;
        type.stored = H5Tenum_create(H5T_STD_I8LE);
        H5Tenum_insert(type.stored, "FALSE", &no);
        H5Tenum_insert(type.stored, "TRUE", &yes);
    } else if (strcmp(name, "p") == 0) {
        type.stored = H5Tcreate(H5T_COMPOUND, 16);
        H5Tinsert(type.stored, "a", 0, H5T_IEEE_F64LE);
        H5Tinsert(type.stored, "b", 8, H5T_STD_I64LE);
    } else {
        type.stored = fuzz_number_type(name);
    }
    type.memory = type.stored >= 0 ? H5Tcopy(type.stored) : H5I_INVALID_HID;
    return type;
}

static inline void fuzz_close_type(fuzz_type type) {
    if (type.stored >= 0) H5Tclose(type.stored);
    if (type.memory >= 0) H5Tclose(type.memory);
}

/* "\n" and "\s" in place. */
static inline void fuzz_unescape(char *text) {
    char *to = text;
    for (const char *at = text; *at != '\0'; at++) {
        bool escaped = at[0] == '\\' && (at[1] == 'n' || at[1] == 's');
        *to++ = (char)(!escaped ? *at : at[1] == 'n' ? '\n' : ' ');
        at += escaped;
    }
    *to = '\0';
}

/* `count` elements of a stored number type, converted from the doubles or integers of the list. */
static inline void *fuzz_make_values(hid_t stored, const char *list, size_t count) {
    size_t size = H5Tget_size(stored), room = (count + 1) * (size > 8 ? size : 8);
    char *values = calloc(1, room);
    const char *at = list;
    bool floating = H5Tget_class(stored) == H5T_FLOAT, integer = H5Tget_class(stored) == H5T_INTEGER;
    DEMAND(values != NULL);
    for (size_t i = 0; i < count && (floating || integer) && list[0] != '\0'; i++) {
        char *end = NULL;
        double number = floating ? strtod(at, &end) : 0;
        int64_t whole = floating         ? 0
                        : list[0] == '-' ? strtoll(at, &end, 10)
                                         : (int64_t)strtoull(at, &end, 10);
        memcpy(values + i * 8, floating ? (const void *)&number : (const void *)&whole, 8);
        at = *end == ',' ? end + 1 : list;
    }
    if (floating || integer)
        H5Tconvert(floating ? H5T_NATIVE_DOUBLE : H5T_NATIVE_UINT64, stored, count, values, NULL,
                   H5P_DEFAULT);
    return values;
}

typedef struct fuzz_size {
    int dims;
    hsize_t size[5], chunk[5];
    bool chunked;
    size_t count;
} fuzz_size;

static inline bool fuzz_read_size(const char *text, fuzz_size *size) {
    *size = (fuzz_size){.count = 1};
    if (text[0] == '-') return true;
    for (;;) {
        char *end = NULL;
        if (size->dims == 5) return false;
        hsize_t one = strtoull(text, &end, 10);
        if (end == text) return false;
        size->size[size->dims] = one;
        size->chunk[size->dims++] = one;
        size->count =
            one != 0 && size->count > SIZE_MAX / 16 / one ? SIZE_MAX / 16 : size->count * (size_t)one;
        text = end;
        if (*text != 'x') break;
        text++;
    }
    size->chunked = *text == '/';
    if (size->chunked && strtoull(text + 1, NULL, 10) > 0) size->chunk[0] = strtoull(text + 1, NULL, 10);
    return true;
}

static inline hid_t fuzz_creation(const fuzz_size *size) {
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    if (size->chunked && size->count > 0 && H5Pset_chunk(creation, size->dims, size->chunk) >= 0)
        H5Pset_deflate(creation, 1);
    return creation;
}

static inline void fuzz_put_checksum(elbow_h5 *file, const char *path, const void *values, size_t bytes) {
    elbow_h5_put_checksum(file, path, XXH64(values, bytes, 0));
}

static inline void fuzz_add_dataset(elbow_h5 *file, char *words[5]) {
    fuzz_size size;
    fuzz_unescape(words[4]);
    fuzz_type type = fuzz_find_type(words[2], words[4]);
    if (type.stored < 0 || !fuzz_read_size(words[3], &size) ||
        elbow_h5_make_parents(file, words[1]) != ELBOW_OK) {
        fuzz_close_type(type);
        return;
    }
    hid_t space = size.dims == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(size.dims, size.size, size.size);
    hid_t creation = fuzz_creation(&size);
    hid_t dataset =
        space < 0 ? H5I_INVALID_HID
                  : H5Dcreate2(file->id, words[1], type.stored, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    size_t bytes = size.count * H5Tget_size(type.stored);
    if (dataset >= 0 && size.count <= FUZZ_WRITTEN && bytes <= FUZZ_WRITTEN && strcmp(words[2], "v") != 0) {
        bool scalar_text = type.text && size.dims == 0;
        void *values = scalar_text ? strdup(words[4]) : fuzz_make_values(type.stored, words[4], size.count);
        DEMAND(values != NULL);
        if (size.count > 0) H5Dwrite(dataset, type.memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
        fuzz_put_checksum(file, words[1], values, scalar_text ? strlen(words[4]) : bytes);
        free(values);
    }
    if (dataset >= 0) H5Dclose(dataset);
    if (space >= 0) H5Sclose(space);
    H5Pclose(creation);
    fuzz_close_type(type);
}

static inline void fuzz_add_attribute(elbow_h5 *file, char *words[5]) {
    fuzz_unescape(words[4]);
    fuzz_type type = fuzz_find_type(words[3], words[4]);
    hid_t object = H5Oopen(file->id, words[1], H5P_DEFAULT), space = H5Screate(H5S_SCALAR);
    if (type.stored >= 0 && object >= 0) {
        if (H5Aexists(object, words[2]) > 0) H5Adelete(object, words[2]);
        hid_t attribute = H5Acreate2(object, words[2], type.stored, space, H5P_DEFAULT, H5P_DEFAULT);
        const char *text = words[4];
        void *values = type.text ? NULL : fuzz_make_values(type.stored, words[4], 1);
        const void *given = strcmp(words[3], "v") == 0 ? (const void *)&text : type.text ? text : values;
        if (attribute >= 0) H5Awrite(attribute, type.memory, given);
        if (attribute >= 0) H5Aclose(attribute);
        free(values);
    }
    H5Sclose(space);
    if (object >= 0) H5Oclose(object);
    fuzz_close_type(type);
}

static inline void fuzz_add_line(elbow_h5 *file, char *line) {
    char none[1] = "", *words[5] = {line, none, none, none, none};
    size_t count = line[0] == 'd' || line[0] == 'a' ? 5 : 3;
    for (size_t i = 1; i < count; i++) {
        char *space = strchr(words[i - 1], ' ');
        if (space == NULL) break;
        *space = '\0';
        words[i] = space + 1;
    }
    if (line[1] != '\0' || words[1][0] != '/' || strlen(words[1]) > 300 || strchr(words[2], '\n') != NULL)
        return;
    if (line[0] == 'g') elbow_h5_group(file, words[1]);
    if (line[0] == 'd') fuzz_add_dataset(file, words);
    if (line[0] == 'a') fuzz_add_attribute(file, words);
    if (line[0] == 'l') H5Lcreate_soft(words[2], file->id, words[1], H5P_DEFAULT, H5P_DEFAULT);
    if (line[0] == 'x') H5Lcreate_external(words[2], words[1], file->id, words[1], H5P_DEFAULT, H5P_DEFAULT);
    if (line[0] == 'h') H5Lcreate_hard(file->id, words[2], file->id, words[1], H5P_DEFAULT, H5P_DEFAULT);
}

/* Makes fuzz_input; `last` is one more line, or NULL. */
static inline void fuzz_make_h5(const uint8_t *bytes, size_t count, const char *last) {
    elbow_h5 *file = NULL;
    void *image = NULL;
    size_t size = 0, lines = 0, more = last != NULL ? strlen(last) : 0;
    char *text = malloc(count + more + 3);
    DEMAND(text != NULL);
    if (count > 0) memcpy(text, bytes, count);
    for (size_t i = 0; i < count; i++)
        if (text[i] == '\0') text[i] = '0';
    snprintf(text + count, more + 3, "\n%s", last != NULL ? last : "");
    DEMAND(elbow_h5_create_memory(&file, "fuzz") == ELBOW_OK);
    elbow_h5_enter();
    for (char *line = text; line != NULL && lines < FUZZ_LINES; lines++) {
        char *end = strchr(line, '\n');
        if (end != NULL) *end++ = '\0';
        if (line[0] != '\0') fuzz_add_line(file, line);
        line = end;
    }
    elbow_h5_leave();
    DEMAND(elbow_h5_image(file, &image, &size) == ELBOW_OK);
    fuzz_put(fuzz_input, image, size);
    free(image);
    elbow_h5_close(&file);
    free(text);
}

#endif
