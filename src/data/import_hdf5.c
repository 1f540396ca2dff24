/* HDF5 files that others wrote: the datasets are named. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/h5.h"
#include "data/arrays.h"
#include "data/import_list.h"

enum { LIST_BYTES = 1000 };

typedef struct h5_array {
    elbow_h5 *file;
    char path[1024];
    size_t read; /* examples */
} h5_array;

/* By split; those of one input, or of files each with the same names, are --x and --y. */
static const char *const split_flags[ELBOW_SPLITS][2] = {
    [ELBOW_TRAIN] = {"--train-x", "--train-y"},
    [ELBOW_VALID] = {"--valid-x", "--valid-y"},
    [ELBOW_TEST] = {"--test-x", "--test-y"},
};

/* The dataset's name: of the split, else of all. NULL: none. */
static const char *find_name(const elbow_import_request *request, elbow_split split, elbow_part part) {
    const char *own = elbow_import_value(request, split_flags[split][part == ELBOW_Y]);
    return own != NULL ? own : elbow_import_value(request, part == ELBOW_Y ? "--y" : "--x");
}

static elbow_status fail_unnamed(elbow_h5 *file, const char *path) {
    char list[LIST_BYTES];
    elbow_h5_list_numbers(file, list, sizeof list);
    return elbow_fail(ELBOW_USAGE, "%s: say by --x which dataset holds the examples; it has %s", path, list);
}

static elbow_status open_dataset(elbow_array *array, const char *path, const char *name) {
    h5_array *h5 = array->self;
    elbow_h5_numbers numbers;
    elbow_h5_shape shape;
    char list[LIST_BYTES];
    static const elbow_array_kind kinds[] = {[ELBOW_H5_BYTES] = ELBOW_ARRAY_BYTES,
                                             [ELBOW_H5_INTEGERS] = ELBOW_ARRAY_INTEGERS,
                                             [ELBOW_H5_REALS] = ELBOW_ARRAY_REALS};
    ELBOW_TRY(elbow_h5_open(&h5->file, path));
    if (name == NULL) return fail_unnamed(h5->file, path);
    int length = snprintf(h5->path, sizeof h5->path, "%s%s", name[0] == '/' ? "" : "/", name);
    ELBOW_CHECK(length > 0 && (size_t)length < sizeof h5->path, ELBOW_USAGE,
                "%s: the dataset name `%.60s…` is too long", path, name);
    snprintf(array->name, sizeof array->name, "%.600s: %.500s", path, h5->path);
    if (!elbow_h5_has(h5->file, h5->path)) {
        ELBOW_TRY(elbow_h5_check_intact(h5->file, ELBOW_OK));
        elbow_h5_list_numbers(h5->file, list, sizeof list);
        return elbow_fail(ELBOW_USAGE,
                          "%s: no dataset `%.200s` (links to elsewhere are not followed); it has %s", path,
                          h5->path, list);
    }
    ELBOW_TRY(elbow_h5_describe_numbers(h5->file, h5->path, &numbers, &shape));
    array->kind = kinds[numbers];
    array->dims = shape.dims;
    memcpy(array->size, shape.size, sizeof array->size);
    return ELBOW_OK;
}

static elbow_status open_h5(elbow_array *array, const elbow_import_request *request, elbow_split split,
                            elbow_part part) {
    const char *path = request->input != NULL ? request->input : request->inputs[split];
    const char *name = find_name(request, split, part);
    if (part == ELBOW_Y && name == NULL) return ELBOW_OK;
    snprintf(array->name, sizeof array->name, "%.1000s", path);
    array->self = calloc(1, sizeof(h5_array));
    ELBOW_CHECK(array->self != NULL, ELBOW_MEMORY, "%s: no memory to read it", path);
    return open_dataset(array, path, name);
}

static void close_h5(elbow_array *array) {
    h5_array *h5 = array->self;
    elbow_h5_discard(&h5->file);
    free(h5);
    array->self = NULL;
}

static elbow_status read_h5(elbow_array *array, size_t rows, double *values) {
    h5_array *h5 = array->self;
    ELBOW_TRY(elbow_h5_read_numbers(h5->file, h5->path, h5->read, rows, values));
    h5->read += rows;
    return ELBOW_OK;
}

static elbow_status end_h5(elbow_array *array) {
    (void)array;
    return ELBOW_OK;
}

/* ------------------------------------------------------------------------------------------ import */

static const elbow_array_ops ops = {.open = open_h5, .close = close_h5, .read = read_h5, .end = end_h5};

/* One file with a dataset a split is that file for each of them. */
static elbow_status spread_input(elbow_import_request *request) {
    bool named = false;
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        bool x = elbow_import_given(request, split_flags[split][0]);
        bool y = elbow_import_given(request, split_flags[split][1]);
        ELBOW_CHECK(x || !y || request->inputs[split] != NULL, ELBOW_USAGE,
                    "%s without examples; give %s too", split_flags[split][1], split_flags[split][0]);
        named = named || x;
    }
    if (request->input == NULL || !named) return ELBOW_OK;
    ELBOW_CHECK(
        !request->cuts && !elbow_import_given(request, "--x"), ELBOW_USAGE,
        "the splits are named, and --x, --split or --seed are of one that is to be cut; give one of the two");
    ELBOW_CHECK(elbow_import_given(request, "--train-x") && elbow_import_given(request, "--test-x"),
                ELBOW_USAGE, "%s is missing; give the datasets of train and test, or --x alone to cut it",
                elbow_import_given(request, "--train-x") ? "--test-x" : "--train-x");
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++)
        if (elbow_import_given(request, split_flags[split][0])) request->inputs[split] = request->input;
    request->input = NULL;
    return ELBOW_OK;
}

static elbow_status import_hdf5(const elbow_import_request *request) {
    elbow_import_request spread = *request;
    ELBOW_TRY(spread_input(&spread));
    return elbow_import_arrays(&spread, &ops);
}

static const elbow_import_flag flags[] = {
    {"--x", "DATASET", NULL, "the examples, of --input or of each split's file"},
    {"--y", "DATASET", NULL, "their labels: one whole number an example"},
    {"--train-x", "DATASET", NULL, "the examples of a split, where one file has them all"},
    {"--train-y", "DATASET", NULL, "their labels"},
    {"--test-x", "DATASET", NULL, NULL},
    {"--test-y", "DATASET", NULL, NULL},
    {"--valid-x", "DATASET", NULL, NULL},
    {"--valid-y", "DATASET", NULL, NULL},
    ELBOW_ARRAY_FLAGS,
    {NULL, NULL, NULL, NULL},
};

const elbow_importer elbow_import_hdf5 = {
    .name = "hdf5",
    .summary = "HDF5 files that others wrote: images, real tables, categories",
    .input = "FILE",
    .about =
        "Makes a data file from datasets of HDF5 files that others wrote; the first dimension is examples.\n"
        "  (N, H, W), (N, H, W, C)   images: bytes, or reals in [0, 1]\n"
        "  (N, D) of bytes           images of height 1, or of --shape\n"
        "  (N, D) of reals           a real table, standardised by the training split; NaN is missing\n"
        "  (N, D) of integers        a categorical table\n"
        "Without --x it says what datasets there are.\n",
    .examples = "  elbow import hdf5 digits.h5 --x images --y labels --split 0.8,0.1,0.1 -o digits-data.h5\n"
                "  elbow import hdf5 all.h5 --train-x train/x --test-x test/x -o data.h5\n"
                "  elbow import hdf5 --train a.h5 --test b.h5 --x features -o data.h5\n",
    .takes = ELBOW_IMPORT_SPLITS | ELBOW_IMPORT_CUT | ELBOW_IMPORT_BAD_ROWS | ELBOW_IMPORT_HALVES,
    .flags = flags,
    .import = import_hdf5,
};
