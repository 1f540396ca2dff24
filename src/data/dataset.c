#include "elbow/data/dataset.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/h5.h"
#include "elbow/base/options.h"

enum { VERSION = 1, DIGEST_BYTES = 17, SIDE_MOST = 1 << 24 };

struct elbow_dataset {
    char *path;
    elbow_h5 *file;
    elbow_field field;
    size_t count[ELBOW_SPLITS];
    bool labelled[ELBOW_SPLITS];
    size_t classes;
    char checksum[DIGEST_BYTES];
};

static const char *const split_names[ELBOW_SPLITS] = {
    [ELBOW_TRAIN] = "train", [ELBOW_VALID] = "valid", [ELBOW_TEST] = "test"};
static const char *const binarize_names[] = {[ELBOW_BINARIZE_NONE] = "none",
                                             [ELBOW_BINARIZE_THRESHOLD] = "threshold",
                                             [ELBOW_BINARIZE_DYNAMIC] = "dynamic"};

/* The index of a word among names; ELBOW_USAGE with the nearest. */
static elbow_status find_name(const char *what, const char *word, const char *const *names, size_t count,
                              size_t *index) {
    for (*index = 0; *index < count; ++*index)
        if (strcmp(word, names[*index]) == 0) return ELBOW_OK;
    *index = 0;
    const char *near = elbow_nearest_name(word, names, count);
    return elbow_fail(ELBOW_USAGE, "no %s is called %s; did you mean %s?", what, word,
                      near != NULL ? near : names[0]);
}

const char *elbow_split_name(elbow_split split) { return split_names[split]; }

elbow_status elbow_split_find(const char *name, elbow_split *split) {
    size_t index;
    elbow_status status = find_name("split", name, split_names, ELBOW_SPLITS, &index);
    *split = (elbow_split)index;
    return status;
}

elbow_status elbow_binarize_find(const char *name, elbow_binarize *binarize) {
    size_t index;
    elbow_status status = find_name("binarisation", name, binarize_names,
                                    sizeof binarize_names / sizeof binarize_names[0], &index);
    *binarize = (elbow_binarize)index;
    return status;
}

static void object_name(char *name, size_t room, elbow_split split, const char *field) {
    snprintf(name, room, "/%s/%s", split_names[split], field);
}

static elbow_status check_format(const elbow_dataset *dataset) {
    char format[64] = "";
    int64_t version = 0;
    if (elbow_h5_has_attribute(dataset->file, "/", "format") &&
        elbow_h5_get_text(dataset->file, "/", "format", format, sizeof format) != ELBOW_OK)
        format[0] = 0;
    bool ours = strncmp(format, "elbow-", 6) == 0;
    ELBOW_CHECK(strcmp(format, "elbow-data") == 0, ELBOW_FORMAT,
                "%s: %s%s, not a data file; make one with elbow import", dataset->path,
                ours ? "one of elbow's files, but of the kind " : "an HDF5 file of others",
                ours ? format + 6 : "");
    ELBOW_TRY(elbow_h5_get_integer(dataset->file, "/", "version", &version));
    ELBOW_CHECK(version == VERSION, ELBOW_FORMAT,
                "%s: data of version %" PRId64
                ", and this elbow reads version %d; import the data again with it",
                dataset->path, version, VERSION);
    return ELBOW_OK;
}

static elbow_status read_size(const elbow_dataset *dataset, const char *name, const char *attribute,
                              size_t *size) {
    int64_t value = 0;
    ELBOW_TRY(elbow_h5_get_integer(dataset->file, name, attribute, &value));
    ELBOW_CHECK(value >= 1 && value <= SIDE_MOST, ELBOW_FORMAT,
                "%s: %s of %s is %" PRId64 ", which cannot be; import the data again", dataset->path,
                attribute, name, value);
    *size = (size_t)value;
    return ELBOW_OK;
}

static elbow_status read_field(const elbow_dataset *dataset, const char *name, elbow_field *field) {
    size_t maximum = 0;
    int64_t binary = 0;
    *field = (elbow_field){0};
    ELBOW_TRY(elbow_h5_get_text(dataset->file, name, "kind", field->kind, sizeof field->kind));
    ELBOW_CHECK(strcmp(field->kind, "image") == 0, ELBOW_FORMAT,
                "%s: %s holds values of kind %s, which this elbow cannot train on; import images",
                dataset->path, name, field->kind);
    ELBOW_TRY(read_size(dataset, name, "height", &field->height));
    ELBOW_TRY(read_size(dataset, name, "width", &field->width));
    ELBOW_TRY(read_size(dataset, name, "channels", &field->channels));
    ELBOW_TRY(read_size(dataset, name, "maximum", &maximum));
    ELBOW_CHECK(field->height <= SIDE_MOST / field->width &&
                    field->channels <= SIDE_MOST / field->height / field->width,
                ELBOW_FORMAT, "%s: %s has images of %zu×%zu×%zu, which is too large; import the data again",
                dataset->path, name, field->height, field->width, field->channels);
    ELBOW_CHECK(maximum == 1 || maximum == 255, ELBOW_FORMAT,
                "%s: maximum of %s is %zu, and can be 1 or 255; import the data again", dataset->path, name,
                maximum);
    if (elbow_h5_has_attribute(dataset->file, name, "binary"))
        ELBOW_TRY(elbow_h5_get_integer(dataset->file, name, "binary", &binary));
    field->dimensions = field->height * field->width * field->channels;
    field->maximum = (unsigned)maximum;
    field->binary = maximum == 1 || binary == 1;
    return ELBOW_OK;
}

static bool same_field(const elbow_field *a, const elbow_field *b) {
    return a->height == b->height && a->width == b->width && a->channels == b->channels &&
           a->maximum == b->maximum && a->binary == b->binary;
}

static elbow_status check_labels(elbow_dataset *dataset, elbow_split split) {
    char name[32];
    elbow_h5_type type;
    elbow_h5_shape shape;
    object_name(name, sizeof name, split, "y");
    dataset->labelled[split] = elbow_h5_has(dataset->file, name);
    if (!dataset->labelled[split]) return ELBOW_OK;
    ELBOW_TRY(elbow_h5_describe(dataset->file, name, &type, &shape));
    ELBOW_CHECK(type == ELBOW_H5_U8 && shape.dims == 1 && shape.size[0] == dataset->count[split],
                ELBOW_FORMAT, "%s: %s is not one byte for each of the %zu examples; import the data again",
                dataset->path, name, dataset->count[split]);
    size_t classes = 0;
    ELBOW_TRY(read_size(dataset, name, "cardinality", &classes));
    ELBOW_CHECK(dataset->classes == 0 || classes == dataset->classes, ELBOW_FORMAT,
                "%s: %s has %zu classes and another split %zu; import the data again", dataset->path, name,
                classes, dataset->classes);
    dataset->classes = classes;
    return ELBOW_OK;
}

static elbow_status open_split(elbow_dataset *dataset, elbow_split split) {
    char name[32];
    elbow_h5_type type;
    elbow_h5_shape shape;
    elbow_field field;
    object_name(name, sizeof name, split, "x");
    if (split == ELBOW_VALID && !elbow_h5_has(dataset->file, name)) return ELBOW_OK;
    ELBOW_TRY(elbow_h5_describe(dataset->file, name, &type, &shape));
    ELBOW_TRY(read_field(dataset, name, &field));
    if (split == ELBOW_TRAIN) dataset->field = field;
    ELBOW_CHECK(same_field(&field, &dataset->field), ELBOW_FORMAT,
                "%s: %s is not described as /train/x is; import the data again", dataset->path, name);
    ELBOW_CHECK(type == ELBOW_H5_U8 && shape.dims >= 1 && shape.dims <= 2 && shape.size[0] > 0 &&
                    shape.size[0] <= UINT32_MAX && (shape.dims == 2 ? shape.size[1] : 1) == field.dimensions,
                ELBOW_FORMAT, "%s: %s is not (examples, %zu) bytes; import the data again", dataset->path,
                name, field.dimensions);
    dataset->count[split] = shape.size[0];
    return check_labels(dataset, split);
}

/* Over what training can see: each field's name, count and checksum, and what the values mean. */
static elbow_status make_digest(elbow_dataset *dataset) {
    char name[32], text[256], checksum[DIGEST_BYTES];
    elbow_status status = ELBOW_OK;
    XXH64_state_t *hash = XXH64_createState();
    ELBOW_CHECK(hash != NULL, ELBOW_MEMORY, "%s: no memory to open it", dataset->path);
    XXH64_reset(hash, 0);
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        for (int labels = 0; labels < 2; labels++) {
            if (labels ? !dataset->labelled[split] : dataset->count[split] == 0) continue;
            object_name(name, sizeof name, split, labels ? "y" : "x");
            ELBOW_TRY_OR_DONE(elbow_h5_get_text(dataset->file, name, "checksum", checksum, sizeof checksum));
            int length = snprintf(text, sizeof text, "%s %zu %zu %zu %zu %u %s\n", name,
                                  dataset->count[split], dataset->field.height, dataset->field.width,
                                  dataset->field.channels, dataset->field.maximum, checksum);
            XXH64_update(hash, text, (size_t)length);
        }
    }
    snprintf(dataset->checksum, sizeof dataset->checksum, "%016" PRIx64, (uint64_t)XXH64_digest(hash));
done:
    XXH64_freeState(hash);
    return status;
}

elbow_status elbow_dataset_open(elbow_dataset **dataset, const char *path) {
    elbow_status status = ELBOW_OK;
    *dataset = NULL;
    elbow_dataset *made = calloc(1, sizeof *made);
    ELBOW_CHECK(made != NULL, ELBOW_MEMORY, "%s: no memory to open it", path);
    made->path = strdup(path);
    ELBOW_CHECK_OR_DONE(made->path != NULL, ELBOW_MEMORY, "%s: no memory to open it", path);
    ELBOW_TRY_OR_DONE(elbow_h5_open(&made->file, path));
    ELBOW_TRY_OR_DONE(check_format(made));
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) ELBOW_TRY_OR_DONE(open_split(made, split));
    ELBOW_TRY_OR_DONE(make_digest(made));
    *dataset = made;
    made = NULL;
done:
    elbow_dataset_close(&made);
    return status;
}

void elbow_dataset_close(elbow_dataset **dataset) {
    if (*dataset == NULL) return;
    elbow_h5_discard(&(*dataset)->file);
    free((*dataset)->path);
    free(*dataset);
    *dataset = NULL;
}

const char *elbow_dataset_path(const elbow_dataset *dataset) { return dataset->path; }

const elbow_field *elbow_dataset_field(const elbow_dataset *dataset) { return &dataset->field; }

size_t elbow_dataset_classes(const elbow_dataset *dataset) { return dataset->classes; }

bool elbow_dataset_has_labels(const elbow_dataset *dataset, elbow_split split) {
    return dataset->labelled[split];
}

size_t elbow_dataset_count(const elbow_dataset *dataset, elbow_split split) { return dataset->count[split]; }

const char *elbow_dataset_checksum(const elbow_dataset *dataset) { return dataset->checksum; }

elbow_status elbow_dataset_read(elbow_dataset *dataset, elbow_split split, size_t first, size_t count,
                                uint8_t *values) {
    char name[32];
    ELBOW_CHECK(dataset->count[split] > 0, ELBOW_FORMAT, "%s: has no %s split; import one or use another",
                dataset->path, split_names[split]);
    object_name(name, sizeof name, split, "x");
    return elbow_h5_read_rows(dataset->file, name, ELBOW_H5_U8, first, count, values);
}

elbow_status elbow_dataset_read_labels(elbow_dataset *dataset, elbow_split split, size_t first, size_t count,
                                       uint8_t *labels) {
    char name[32];
    ELBOW_CHECK(dataset->labelled[split], ELBOW_FORMAT,
                "%s: has no labels for %s; import them with --%s-labels", dataset->path, split_names[split],
                split_names[split]);
    object_name(name, sizeof name, split, "y");
    return elbow_h5_read_rows(dataset->file, name, ELBOW_H5_U8, first, count, labels);
}

elbow_status elbow_dataset_verify(elbow_dataset *dataset) {
    char name[32];
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        object_name(name, sizeof name, split, "x");
        if (dataset->count[split] > 0) ELBOW_TRY(elbow_h5_verify(dataset->file, name));
        object_name(name, sizeof name, split, "y");
        if (dataset->labelled[split]) ELBOW_TRY(elbow_h5_verify(dataset->file, name));
    }
    return ELBOW_OK;
}
