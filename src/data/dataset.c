#include "elbow/data/dataset.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "data/dataset_inside.h"
#include "data/field.h"

enum { VERSION = 1, KIND_BYTES = 16 };

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

/* ------------------------------------------------------------------------------------ descriptions */

static elbow_status read_size(const elbow_dataset *dataset, const char *name, const char *attribute,
                              size_t most, size_t *size) {
    int64_t value = 0;
    ELBOW_TRY(elbow_h5_get_integer(dataset->file, name, attribute, &value));
    ELBOW_CHECK(value >= 1 && value <= (int64_t)most, ELBOW_FORMAT,
                "%s: %s of %s is %" PRId64 ", which cannot be; import the data again", dataset->path,
                attribute, name, value);
    *size = (size_t)value;
    return ELBOW_OK;
}

static elbow_status read_image(const elbow_dataset *dataset, const char *name, elbow_field *field) {
    size_t maximum = 0, most = ELBOW_DIMENSIONS_MOST;
    int64_t binary = 0;
    *field = (elbow_field){.kind = ELBOW_IMAGE};
    ELBOW_TRY(read_size(dataset, name, "height", most, &field->height));
    ELBOW_TRY(read_size(dataset, name, "width", most, &field->width));
    ELBOW_TRY(read_size(dataset, name, "channels", most, &field->channels));
    ELBOW_TRY(read_size(dataset, name, "maximum", most, &maximum));
    ELBOW_CHECK(field->height > 0 && field->width > 0 && field->height <= most / field->width &&
                    field->channels <= most / field->height / field->width,
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

/* From the text /PART. */
static elbow_status read_description(const elbow_dataset *dataset, elbow_part part, elbow_field *field) {
    char name[ELBOW_OBJECT_BYTES], subject[4096], *text = NULL;
    snprintf(name, sizeof name, "/%s", elbow_part_name(part));
    snprintf(subject, sizeof subject, "%.4000s: %s", dataset->path, name);
    ELBOW_TRY(elbow_h5_read_text(dataset->file, name, &text));
    elbow_status status = elbow_field_parse(field, text, subject);
    free(text);
    return status;
}

static elbow_status read_labels(const elbow_dataset *dataset, const char *name, elbow_field *field) {
    size_t classes = 0;
    ELBOW_TRY(read_size(dataset, name, "cardinality", ELBOW_CARDINALITY_MOST, &classes));
    if (!elbow_h5_has(dataset->file, "/y")) return elbow_field_make_labels(field, "label", classes);
    ELBOW_TRY(read_description(dataset, ELBOW_Y, field));
    bool labels =
        field->kind == ELBOW_TABLE && field->dimensions == 1 && field->columns[0].cardinality == classes;
    if (!labels) elbow_field_destroy(field);
    ELBOW_CHECK(labels, ELBOW_FORMAT,
                "%s: /y does not describe one column of %zu classes; import the data again", dataset->path,
                classes);
    return ELBOW_OK;
}

static const char *stored_kind(const elbow_field *field) {
    if (field->kind != ELBOW_TABLE) return elbow_field_kind_name(field->kind);
    size_t categorical = 0;
    for (size_t d = 0; d < field->dimensions; d++) categorical += field->columns[d].cardinality > 0;
    return categorical == field->dimensions ? "category" : categorical == 0 ? "real" : "table";
}

static elbow_status read_field(const elbow_dataset *dataset, elbow_part part, const char *name,
                               const char *kind, elbow_field *field) {
    if (part == ELBOW_Y) {
        ELBOW_CHECK(strcmp(kind, "category") == 0, ELBOW_FORMAT,
                    "%s: %s holds values of kind %s, and labels are of kind category; import the data again",
                    dataset->path, name, kind);
        return read_labels(dataset, name, field);
    }
    if (strcmp(kind, "image") == 0) return read_image(dataset, name, field);
    bool known = strcmp(kind, "category") == 0 || strcmp(kind, "real") == 0 || strcmp(kind, "table") == 0 ||
                 strcmp(kind, "sequence") == 0;
    ELBOW_CHECK(known, ELBOW_FORMAT,
                "%s: %s holds values of kind %.40s, which this elbow does not know; import the data with it",
                dataset->path, name, kind);
    return read_description(dataset, part, field);
}

/* ------------------------------------------------------------------------------------------- parts */

static bool same_image(const elbow_field *a, const elbow_field *b) {
    return a->height == b->height && a->width == b->width && a->channels == b->channels &&
           a->maximum == b->maximum && a->binary == b->binary;
}

/* Images and labels have attributes in every split: they must be those of the field. */
static elbow_status check_attributes(const elbow_dataset *dataset, elbow_part part, const char *name,
                                     const elbow_field *field) {
    elbow_field found = {0};
    size_t classes = 0;
    if (field->kind == ELBOW_IMAGE) {
        ELBOW_TRY(read_image(dataset, name, &found));
        ELBOW_CHECK(same_image(&found, field), ELBOW_FORMAT,
                    "%s: %s is not described as /train/%s is; import the data again", dataset->path, name,
                    elbow_part_name(part));
    }
    if (part == ELBOW_Y) {
        ELBOW_TRY(read_size(dataset, name, "cardinality", ELBOW_CARDINALITY_MOST, &classes));
        ELBOW_CHECK(classes == field->columns[0].cardinality, ELBOW_FORMAT,
                    "%s: %s has %zu classes and another split %zu; import the data again", dataset->path,
                    name, classes, field->columns[0].cardinality);
    }
    return ELBOW_OK;
}

static bool can_store(elbow_part part, const elbow_field *field, elbow_h5_type type) {
    if (field->kind == ELBOW_IMAGE) return type == ELBOW_H5_U8;
    if (part == ELBOW_Y && type == ELBOW_H5_U8) return true;
    return type == (strcmp(stored_kind(field), "category") == 0 ? ELBOW_H5_U16 : ELBOW_H5_F32);
}

static elbow_status check_rows(elbow_dataset *dataset, elbow_split split, elbow_part part, const char *name,
                               size_t *rows) {
    const elbow_field *field = &dataset->field[part];
    elbow_stored_part *stored = &dataset->stored[split][part];
    elbow_h5_shape shape;
    ELBOW_TRY(elbow_h5_describe(dataset->file, name, &stored->type, &shape));
    bool fits =
        shape.dims >= 1 && shape.dims <= 2 && (shape.dims == 2 ? shape.size[1] : 1) == field->dimensions;
    ELBOW_CHECK(fits && can_store(part, field, stored->type), ELBOW_FORMAT,
                "%s: %s is not (examples, %zu) %s; import the data again", dataset->path, name,
                field->dimensions,
                field->kind == ELBOW_IMAGE                    ? "bytes"
                : strcmp(stored_kind(field), "category") == 0 ? "codes"
                                                              : "32-bit floats");
    *rows = shape.size[0];
    return ELBOW_OK;
}

static elbow_status check_sequences(elbow_dataset *dataset, elbow_split split, elbow_part part,
                                    size_t *rows) {
    char tokens[ELBOW_OBJECT_BYTES], offsets[ELBOW_OBJECT_BYTES];
    elbow_h5_type type;
    elbow_h5_shape shape;
    elbow_stored_part *stored = &dataset->stored[split][part];
    elbow_dataset_object(tokens, split, part, "tokens");
    elbow_dataset_object(offsets, split, part, "offsets");
    ELBOW_TRY(elbow_h5_describe(dataset->file, tokens, &stored->type, &shape));
    stored->tokens = shape.size[0];
    ELBOW_CHECK(stored->type == ELBOW_H5_U16 && shape.dims == 1, ELBOW_FORMAT,
                "%s: %s is not one 16-bit number a token; import the data again", dataset->path, tokens);
    ELBOW_TRY(elbow_h5_describe(dataset->file, offsets, &type, &shape));
    ELBOW_CHECK(type == ELBOW_H5_U64 && shape.dims == 1 && shape.size[0] >= 1, ELBOW_FORMAT,
                "%s: %s is not one 64-bit number an example and one more; import the data again",
                dataset->path, offsets);
    *rows = shape.size[0] - 1;
    return ELBOW_OK;
}

static elbow_status open_part(elbow_dataset *dataset, elbow_split split, elbow_part part) {
    char name[ELBOW_OBJECT_BYTES], kind[KIND_BYTES];
    elbow_field *field = &dataset->field[part];
    size_t rows = 0;
    elbow_dataset_object(name, split, part, NULL);
    ELBOW_CHECK(part != ELBOW_X || elbow_h5_has(dataset->file, name), ELBOW_FORMAT,
                "%s: no %s, which a data file has; import the data again", dataset->path, name);
    ELBOW_TRY(elbow_h5_get_text(dataset->file, name, "kind", kind, sizeof kind));
    if (!dataset->has[part]) {
        ELBOW_TRY(read_field(dataset, part, name, kind, field));
        dataset->has[part] = true;
    }
    ELBOW_CHECK(strcmp(kind, stored_kind(field)) == 0, ELBOW_FORMAT,
                "%s: %s holds values of kind %s, and /%s describes %s; import the data again", dataset->path,
                name, kind, elbow_part_name(part), stored_kind(field));
    ELBOW_TRY(check_attributes(dataset, part, name, field));
    if (field->kind == ELBOW_SEQUENCE)
        ELBOW_TRY(check_sequences(dataset, split, part, &rows));
    else
        ELBOW_TRY(check_rows(dataset, split, part, name, &rows));
    ELBOW_CHECK(rows > 0 && rows <= UINT32_MAX, ELBOW_FORMAT,
                "%s: %s has %zu examples, and 1 to %lu can be; import the data again", dataset->path, name,
                rows, (unsigned long)UINT32_MAX);
    if (part == ELBOW_X) dataset->count[split] = rows;
    ELBOW_CHECK(rows == dataset->count[split], ELBOW_FORMAT,
                "%s: %s has %zu rows for the split's %zu examples; import the data again", dataset->path,
                name, rows, dataset->count[split]);
    dataset->stored[split][part].present = true;
    return ELBOW_OK;
}

static elbow_status open_split(elbow_dataset *dataset, elbow_split split) {
    char name[ELBOW_OBJECT_BYTES];
    for (elbow_part part = 0; part < ELBOW_PARTS; part++) {
        elbow_dataset_object(name, split, part, NULL);
        bool needed = part == ELBOW_X && split != ELBOW_VALID;
        if (needed || elbow_h5_has(dataset->file, name)) ELBOW_TRY(open_part(dataset, split, part));
        if (dataset->count[split] == 0) break;
    }
    return ELBOW_OK;
}

/* ------------------------------------------------------------------------------------------ digest */

/* The checksum of what a part's elements are, and a number that stands for all of a sequence's. */
static elbow_status part_checksum(elbow_dataset *dataset, elbow_split split, elbow_part part,
                                  char checksum[2 * ELBOW_DIGEST_BYTES]) {
    char name[ELBOW_OBJECT_BYTES];
    bool sequence = dataset->field[part].kind == ELBOW_SEQUENCE;
    elbow_dataset_object(name, split, part, sequence ? "tokens" : NULL);
    ELBOW_TRY(elbow_h5_get_text(dataset->file, name, "checksum", checksum, ELBOW_DIGEST_BYTES));
    if (!sequence) return ELBOW_OK;
    elbow_dataset_object(name, split, part, "offsets");
    return elbow_h5_get_text(dataset->file, name, "checksum", checksum + strlen(checksum),
                             ELBOW_DIGEST_BYTES);
}

/* Over what training can see: each field's name, count and checksum, and what the values mean. Images say it in
 * every line, labels' too; other fields in their text. */
static elbow_status add_part(elbow_dataset *dataset, XXH64_state_t *hash, elbow_split split,
                             elbow_part part) {
    char name[ELBOW_OBJECT_BYTES], line[256], checksum[2 * ELBOW_DIGEST_BYTES];
    const elbow_field *x = &dataset->field[ELBOW_X];
    int length;
    elbow_dataset_object(name, split, part, NULL);
    ELBOW_TRY(part_checksum(dataset, split, part, checksum));
    if (x->kind == ELBOW_IMAGE)
        length = snprintf(line, sizeof line, "%s %zu %zu %zu %zu %u %s\n", name, dataset->count[split],
                          x->height, x->width, x->channels, x->maximum, checksum);
    else
        length = snprintf(line, sizeof line, "%s %zu %s\n", name, dataset->count[split], checksum);
    XXH64_update(hash, line, (size_t)length);
    return ELBOW_OK;
}

static elbow_status add_description(elbow_dataset *dataset, XXH64_state_t *hash, elbow_part part) {
    char name[ELBOW_OBJECT_BYTES], line[256], checksum[ELBOW_DIGEST_BYTES];
    const elbow_field *field = &dataset->field[part];
    snprintf(name, sizeof name, "/%s", elbow_part_name(part));
    if (!dataset->has[part]) return ELBOW_OK;
    int length = 0;
    if (field->kind == ELBOW_IMAGE && part != ELBOW_X) {
        length = snprintf(line, sizeof line, "%s %zu %zu %zu %u\n", name, field->height, field->width,
                          field->channels, field->maximum);
    } else if (field->kind != ELBOW_IMAGE && elbow_h5_has(dataset->file, name)) {
        ELBOW_TRY(elbow_h5_get_text(dataset->file, name, "checksum", checksum, sizeof checksum));
        length = snprintf(line, sizeof line, "%s %s\n", name, checksum);
    } else if (part == ELBOW_Y && dataset->field[ELBOW_X].kind != ELBOW_IMAGE) {
        length = snprintf(line, sizeof line, "%s %zu\n", name, field->columns[0].cardinality);
    }
    XXH64_update(hash, line, (size_t)length);
    return ELBOW_OK;
}

static elbow_status make_digest(elbow_dataset *dataset) {
    elbow_status status = ELBOW_OK;
    XXH64_state_t *hash = XXH64_createState();
    ELBOW_CHECK(hash != NULL, ELBOW_MEMORY, "%s: no memory to open it", dataset->path);
    XXH64_reset(hash, 0);
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++)
        for (elbow_part part = 0; part < ELBOW_PARTS; part++)
            if (dataset->stored[split][part].present) ELBOW_TRY_OR_DONE(add_part(dataset, hash, split, part));
    for (elbow_part part = 0; part < ELBOW_PARTS; part++)
        ELBOW_TRY_OR_DONE(add_description(dataset, hash, part));
    snprintf(dataset->checksum, sizeof dataset->checksum, "%016" PRIx64, (uint64_t)XXH64_digest(hash));
done:
    XXH64_freeState(hash);
    return status;
}

/* ------------------------------------------------------------------------------------ open and close */

static elbow_status read_headers(elbow_dataset *dataset) {
    ELBOW_TRY(check_format(dataset));
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) ELBOW_TRY(open_split(dataset, split));
    return make_digest(dataset);
}

elbow_status elbow_dataset_open(elbow_dataset **dataset, const char *path) {
    elbow_status status = ELBOW_OK;
    *dataset = NULL;
    elbow_dataset *made = calloc(1, sizeof *made);
    ELBOW_CHECK(made != NULL, ELBOW_MEMORY, "%s: no memory to open it", path);
    made->path = strdup(path);
    ELBOW_CHECK_OR_DONE(made->path != NULL, ELBOW_MEMORY, "%s: no memory to open it", path);
    ELBOW_TRY_OR_DONE(elbow_h5_open(&made->file, path));
    status = read_headers(made);
    ELBOW_TRY_OR_DONE(elbow_h5_check_intact(made->file, status));
    *dataset = made;
    made = NULL;
done:
    elbow_dataset_close(&made);
    return status;
}

void elbow_dataset_close(elbow_dataset **dataset) {
    if (*dataset == NULL) return;
    elbow_h5_discard(&(*dataset)->file);
    for (elbow_part part = 0; part < ELBOW_PARTS; part++) elbow_field_destroy(&(*dataset)->field[part]);
    free((*dataset)->path);
    free(*dataset);
    *dataset = NULL;
}

const char *elbow_dataset_path(const elbow_dataset *dataset) { return dataset->path; }

const elbow_field *elbow_dataset_field(const elbow_dataset *dataset, elbow_part part) {
    return part < ELBOW_PARTS && dataset->has[part] ? &dataset->field[part] : NULL;
}

bool elbow_dataset_has_labels(const elbow_dataset *dataset, elbow_split split) {
    return elbow_dataset_has_part(dataset, split, ELBOW_Y);
}

bool elbow_dataset_has_part(const elbow_dataset *dataset, elbow_split split, elbow_part part) {
    return dataset->stored[split][part].present;
}

size_t elbow_dataset_count(const elbow_dataset *dataset, elbow_split split) { return dataset->count[split]; }

const char *elbow_dataset_checksum(const elbow_dataset *dataset) { return dataset->checksum; }

elbow_status elbow_dataset_verify(elbow_dataset *dataset) {
    char name[ELBOW_OBJECT_BYTES];
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++)
        for (elbow_part part = 0; part < ELBOW_PARTS; part++) {
            if (!dataset->stored[split][part].present) continue;
            bool sequence = dataset->field[part].kind == ELBOW_SEQUENCE;
            elbow_dataset_object(name, split, part, sequence ? "tokens" : NULL);
            ELBOW_TRY(elbow_h5_verify(dataset->file, name));
            elbow_dataset_object(name, split, part, "offsets");
            if (sequence) ELBOW_TRY(elbow_h5_verify(dataset->file, name));
        }
    return ELBOW_OK;
}
