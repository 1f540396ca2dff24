/* NumPy arrays (.npy), as numpy.save writes them, versions 1 to 3, plain or gzip.
 *
 *     93 'N' 'U' 'M' 'P' 'Y'  major minor  length (2 bytes; from version 2 on 4, little-endian)
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (60000, 784), }   the elements
 *
 * The header is not believed: elements are read in blocks and must be exactly as many as it says. */
#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/arrays.h"
#include "data/import_list.h"
#include "data/source.h"

enum { HEADER_MOST = 1 << 16, START_BYTES = 8, GUESS_BYTES = 64 };

typedef struct npy_file {
    elbow_source *source;
    char type;            /* 'b' of truth values, 'u', 'i', 'f' */
    size_t size;          /* bytes of an element */
    bool swap;            /* big-endian */
    size_t read;          /* examples */
    unsigned char *bytes; /* of a block */
    size_t room;
} npy_file;

static const char *const label_flags[ELBOW_SPLITS] = {
    [ELBOW_TRAIN] = "--train-labels", [ELBOW_VALID] = "--valid-labels", [ELBOW_TEST] = "--test-labels"};

/* ----------------------------------------------------------------------------------------- header */

static elbow_status fail_not_npy(const elbow_array *array, npy_file *npy, unsigned char *start, size_t got) {
    unsigned char more[GUESS_BYTES] = {0};
    size_t rest = 0;
    if (got > 0) memcpy(more, start, got);
    if (got == START_BYTES) ELBOW_TRY(elbow_source_read(npy->source, more + got, sizeof more - got, &rest));
    const char *guess = elbow_source_guess(more, got + rest);
    return elbow_fail(ELBOW_FORMAT, "%s: %s, not a NumPy array%s%s; give what numpy.save writes", array->name,
                      got == 0 ? "an empty file" : "begins otherwise",
                      guess != NULL ? ": it looks like " : "", guess != NULL ? guess : "");
}

/* What stands after 'KEY': in the header's dictionary, or NULL. */
static const char *find_value(const char *header, const char *key) {
    char quoted[40];
    snprintf(quoted, sizeof quoted, "'%s'", key);
    const char *at = strstr(header, quoted);
    if (at == NULL) return NULL;
    at += strlen(quoted);
    at += strspn(at, " ");
    if (*at != ':') return NULL;
    at++;
    return at + strspn(at, " ");
}

static elbow_status read_type(elbow_array *array, npy_file *npy, const char *descr) {
    char order = (char)(descr[0] == '\'' ? descr[1] : '\0');
    int end = 0;
    bool sound = strchr("<>|=", order) != NULL && order != '\0' &&
                 sscanf(descr + 2, "%c%3zu%n", &npy->type, &npy->size, &end) == 2 && descr[2 + end] == '\'';
    bool known = sound && ((strchr("ui", npy->type) != NULL && strchr("\1\2\4\10", (int)npy->size) != NULL) ||
                           (npy->type == 'f' && strchr("\2\4\10", (int)npy->size) != NULL) ||
                           (npy->type == 'b' && npy->size == 1));
    ELBOW_CHECK(known && npy->size > 0, ELBOW_FORMAT,
                "%s: elements of type %.*s; booleans, integers and reals of up to 64 bits are read: save "
                "a.astype('float32'), say",
                array->name, (int)strcspn(descr, ",}"), descr);
    npy->swap = order == '>';
    array->kind = npy->type == 'f'                     ? ELBOW_ARRAY_REALS
                  : npy->size == 1 && npy->type != 'i' ? ELBOW_ARRAY_BYTES
                                                       : ELBOW_ARRAY_INTEGERS;
    return ELBOW_OK;
}

/* "(60000, 28, 28)", "(5,)", "()" */
static bool read_shape(elbow_array *array, const char *text) {
    if (*text++ != '(') return false;
    for (array->dims = 0;;) {
        text += strspn(text, " ");
        if (*text == ')') return true;
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > 15 || array->dims == ELBOW_ARRAY_DIMENSIONS) return false;
        array->size[array->dims++] = (size_t)strtoull(text, NULL, 10);
        text += digits;
        text += *text == 'L'; /* Python 2 */
        text += strspn(text, " ");
        if (*text == ',') text++;
    }
}

static elbow_status parse_header(elbow_array *array, npy_file *npy, const char *header) {
    const char *descr = find_value(header, "descr"), *fortran = find_value(header, "fortran_order"),
               *shape = find_value(header, "shape");
    ELBOW_CHECK(descr != NULL && fortran != NULL && shape != NULL, ELBOW_FORMAT,
                "%s: its header lacks descr, fortran_order or shape; it is damaged: save it again",
                array->name);
    ELBOW_TRY(read_type(array, npy, descr));
    ELBOW_CHECK(strncmp(fortran, "True", 4) != 0, ELBOW_FORMAT,
                "%s: in Fortran order, in which examples are not one after the other; save "
                "numpy.ascontiguousarray(a)",
                array->name);
    ELBOW_CHECK(strncmp(fortran, "False", 5) == 0 && read_shape(array, shape), ELBOW_FORMAT,
                "%s: its shape %.*s cannot be used; give 1 to %d dimensions, examples first", array->name,
                (int)strcspn(shape, ")") + 1, shape, ELBOW_ARRAY_DIMENSIONS);
    return ELBOW_OK;
}

static elbow_status read_header(elbow_array *array, npy_file *npy) {
    unsigned char start[START_BYTES] = {0}, size[4] = {0};
    size_t got = 0, length = 0;
    ELBOW_TRY(elbow_source_read(npy->source, start, sizeof start, &got));
    if (got < sizeof start || memcmp(start, "\x93NUMPY", 6) != 0) return fail_not_npy(array, npy, start, got);
    ELBOW_CHECK(start[6] >= 1 && start[6] <= 3, ELBOW_FORMAT,
                "%s: version %d.%d of the format, and 1 to 3 are known; save it again with numpy.save",
                array->name, start[6], start[7]);
    size_t bytes = start[6] == 1 ? 2 : 4;
    ELBOW_TRY(elbow_source_read(npy->source, size, bytes, &got));
    for (size_t i = bytes; i-- > 0;) length = length << 8 | size[i];
    ELBOW_CHECK(got == bytes && length <= HEADER_MOST, ELBOW_FORMAT,
                "%s: a header of %zu bytes cannot be; the file is damaged: save it again", array->name,
                length);
    char *header = calloc(length + 1, 1);
    ELBOW_CHECK(header != NULL, ELBOW_MEMORY, "%s: no memory to read it", array->name);
    elbow_status status = elbow_source_read(npy->source, header, length, &got);
    if (status == ELBOW_OK && got < length)
        status = elbow_fail(
            ELBOW_FORMAT, "%s: ends within its header, it is cut short; fetch or save it again", array->name);
    if (status == ELBOW_OK) status = parse_header(array, npy, header);
    free(header);
    return status;
}

/* -------------------------------------------------------------------------------------- elements */

/* IEEE 754 binary16. */
static double half(uint16_t bits) {
    int exponent = bits >> 10 & 31;
    double fraction = bits & 1023, magnitude = exponent == 0 ? ldexp(fraction, -24)
                                               : exponent == 31
                                                   ? (fraction > 0 ? (double)NAN : (double)INFINITY)
                                                   : ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 != 0 ? -magnitude : magnitude;
}

static double to_double(const npy_file *npy, const unsigned char *bytes) {
    uint64_t bits = 0;
    for (size_t i = 0; i < npy->size; i++)
        bits |= (uint64_t)bytes[npy->swap ? npy->size - 1 - i : i] << (8 * i);
    if (npy->type == 'b') return bits != 0;
    if (npy->type == 'u') return (double)bits;
    if (npy->type == 'i') {
        uint64_t sign = (uint64_t)1 << (8 * npy->size - 1);
        return bits >= sign ? -(double)((~bits & (sign - 1)) + 1) : (double)bits;
    }
    if (npy->size == 2) return half((uint16_t)bits);
    if (npy->size == 4) {
        uint32_t narrow = (uint32_t)bits;
        float value;
        memcpy(&value, &narrow, sizeof value);
        return (double)value;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static elbow_status read_npy(elbow_array *array, size_t rows, double *values) {
    npy_file *npy = array->self;
    size_t count = rows * array->row, got = 0, bytes = count * npy->size;
    if (bytes > npy->room) {
        unsigned char *larger = realloc(npy->bytes, bytes);
        ELBOW_CHECK(larger != NULL, ELBOW_MEMORY, "%s: no memory to read it", array->name);
        npy->bytes = larger;
        npy->room = bytes;
    }
    ELBOW_TRY(elbow_source_read(npy->source, npy->bytes, bytes, &got));
    ELBOW_CHECK(
        got == bytes, ELBOW_FORMAT,
        "%s: its header says %zu examples and it ends after %zu; it is cut short: fetch or save it again",
        array->name, array->size[0], npy->read + got / (array->row * npy->size));
    npy->read += rows;
    for (size_t i = 0; i < count; i++) values[i] = to_double(npy, npy->bytes + i * npy->size);
    return ELBOW_OK;
}

static elbow_status end_npy(elbow_array *array) {
    npy_file *npy = array->self;
    unsigned char more = 0;
    size_t got = 0;
    ELBOW_TRY(elbow_source_read(npy->source, &more, 1, &got));
    ELBOW_CHECK(
        got == 0, ELBOW_FORMAT,
        "%s: goes on after the %zu examples that its header says; one of them is wrong: save it again",
        array->name, array->size[0]);
    return ELBOW_OK;
}

static void close_npy(elbow_array *array) {
    npy_file *npy = array->self;
    elbow_source_close(&npy->source);
    free(npy->bytes);
    free(npy);
    array->self = NULL;
}

static elbow_status open_npy(elbow_array *array, const elbow_import_request *request, elbow_split split,
                             elbow_part part) {
    const char *flag = request->input != NULL ? "--labels" : label_flags[split];
    const char *path = request->input != NULL ? request->input : request->inputs[split];
    if (part == ELBOW_Y) path = elbow_import_value(request, flag);
    if (path == NULL) return ELBOW_OK;
    snprintf(array->name, sizeof array->name, "%.1000s", path);
    npy_file *npy = calloc(1, sizeof *npy);
    ELBOW_CHECK(npy != NULL, ELBOW_MEMORY, "%s: no memory to read it", path);
    array->self = npy;
    ELBOW_TRY(elbow_source_open(&npy->source, path));
    return read_header(array, npy);
}

/* ------------------------------------------------------------------------------------------ import */

static const elbow_array_ops ops = {.open = open_npy, .close = close_npy, .read = read_npy, .end = end_npy};

static elbow_status import_npy(const elbow_import_request *request) {
    const char *labels = elbow_import_value(request, "--labels");
    ELBOW_CHECK(labels == NULL || request->input != NULL, ELBOW_USAGE,
                "--labels are of --input; of splits they are --train-labels and so on");
    ELBOW_CHECK(labels == NULL || !elbow_file_same(labels, request->output), ELBOW_USAGE,
                "%s: is an input too, and would be replaced; choose another name", request->output);
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        const char *path = elbow_import_value(request, label_flags[split]);
        ELBOW_CHECK(path == NULL || request->inputs[split] != NULL, ELBOW_USAGE,
                    "%s without examples; give --%s too", label_flags[split], elbow_split_name(split));
        ELBOW_CHECK(path == NULL || !elbow_file_same(path, request->output), ELBOW_USAGE,
                    "%s: is an input too, and would be replaced; choose another name", request->output);
    }
    return elbow_import_arrays(request, &ops);
}

static const elbow_import_flag flags[] = {
    {"--labels", "LABELS", NULL, "labels of --input: one whole number an example"},
    {"--train-labels", "LABELS", NULL, "labels of --train, and so on"},
    {"--test-labels", "LABELS", NULL, NULL},
    {"--valid-labels", "LABELS", NULL, NULL},
    ELBOW_ARRAY_FLAGS,
    {NULL, NULL, NULL, NULL},
};

const elbow_importer elbow_import_npy = {
    .name = "npy",
    .summary = "NumPy arrays: images, real tables, categories",
    .input = "ARRAY",
    .about = "Makes a data file from NumPy arrays (.npy), plain or gzip; the first dimension is examples.\n"
             "  (N, H, W), (N, H, W, C)   images: bytes, or reals in [0, 1]\n"
             "  (N, D) of bytes           images of height 1, or of --shape\n"
             "  (N, D) of reals           a real table, standardised by the training split; NaN is missing\n"
             "  (N, D) of integers        a categorical table\n",
    .examples = "  elbow import npy --train x.npy --train-labels y.npy --test x2.npy --test-labels y2.npy -o "
                "data.h5\n"
                "  elbow import npy codes.npy --split 0.8,0.1,0.1 -o codes.h5\n"
                "  elbow import npy flat.npy --shape 28x28 -o images.h5\n",
    .takes = ELBOW_IMPORT_SPLITS | ELBOW_IMPORT_CUT | ELBOW_IMPORT_BAD_ROWS | ELBOW_IMPORT_HALVES,
    .flags = flags,
    .import = import_npy,
};
