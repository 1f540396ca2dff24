#include "data/writer.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/file.h"
#include "data/dataset_inside.h"
#include "data/field.h"
#include "data/halves.h"
#include "elbow/data/order.h"

/* A chunk of a dataset that grows is stored whole, however little is in it. */
enum { BLOCK_BYTES = 1 << 20, GROWING_BLOCK_BYTES = 1 << 17, DEFLATE = 4, VERSION = 1 };

/* Rows of one dataset: a block of them is held, which is also a chunk of the file. */
typedef struct stream {
    char name[ELBOW_OBJECT_BYTES];
    elbow_h5_type type;
    size_t row; /* elements */
    size_t block, held, count;
    size_t expected; /* rows, where known; 0: it grows */
    bool created, closed;
    unsigned char *rows; /* (block, row) */
    XXH64_state_t *hash;
} stream;

typedef struct part_state {
    elbow_field field;
    bool described, used;
    bool seen[256]; /* pixels; labels without a description */
    stream values[ELBOW_SPLITS], offsets[ELBOW_SPLITS];
    size_t expected[ELBOW_SPLITS];
    unsigned char *row; /* one row as stored */
} part_state;

struct elbow_writer {
    elbow_h5 *file;
    char *output;
    char temporary[PATH_MAX];
    part_state parts[ELBOW_PARTS];
    elbow_half context; /* of images: they are cut in two */
    elbow_field image;  /* the whole of them */
};

/* ----------------------------------------------------------------------------------------- streams */

static elbow_status open_stream(elbow_writer *writer, stream *s, elbow_split split, elbow_part part,
                                const char *member, elbow_h5_type type, size_t row) {
    size_t bytes = row * elbow_h5_type_size(type);
    size_t most = s->expected > 0 ? BLOCK_BYTES : GROWING_BLOCK_BYTES;
    elbow_dataset_object(s->name, split, part, member);
    s->type = type;
    s->row = row;
    s->block = bytes >= most ? 1 : most / bytes;
    if (row > 1 && s->block > ELBOW_ORDER_BLOCK) s->block = ELBOW_ORDER_BLOCK;
    s->rows = malloc(s->block * bytes);
    s->hash = XXH64_createState();
    ELBOW_CHECK(s->rows != NULL && s->hash != NULL, ELBOW_MEMORY, "%s: no memory to write it",
                writer->output);
    XXH64_reset(s->hash, 0);
    return ELBOW_OK;
}

static elbow_status create_dataset(elbow_writer *writer, stream *s) {
    elbow_h5_shape shape = {s->row > 1 ? 2 : 1, {s->expected, s->row}};
    s->created = true;
    if (s->expected > 0)
        return elbow_h5_create_rows(writer->file, s->name, s->type, shape,
                                    s->block < s->expected ? s->block : s->expected, DEFLATE);
    return elbow_h5_create_growing(writer->file, s->name, s->type, shape, s->block, DEFLATE);
}

static elbow_status flush(elbow_writer *writer, stream *s) {
    if (s->held == 0) return ELBOW_OK;
    if (!s->created) ELBOW_TRY(create_dataset(writer, s));
    XXH64_update(s->hash, s->rows, s->held * s->row * elbow_h5_type_size(s->type));
    if (s->expected > 0)
        ELBOW_TRY(elbow_h5_write_rows(writer->file, s->name, s->type, s->count - s->held, s->held, s->rows));
    else
        ELBOW_TRY(elbow_h5_append_rows(writer->file, s->name, s->type, s->held, s->rows));
    s->held = 0;
    return ELBOW_OK;
}

static elbow_status close_stream(elbow_writer *writer, stream *s) {
    if (s->closed) return ELBOW_OK;
    s->closed = true;
    ELBOW_TRY(flush(writer, s));
    ELBOW_CHECK(s->expected == 0 || s->count == s->expected, ELBOW_FORMAT,
                "%s: %zu examples of the %zu that were announced for %s; its input changed: import it again",
                writer->output, s->count, s->expected, s->name);
    return elbow_h5_set_checksum(writer->file, s->name, XXH64_digest(s->hash));
}

static elbow_status push(elbow_writer *writer, stream *s, const void *rows, size_t count) {
    size_t bytes = s->row * elbow_h5_type_size(s->type);
    const unsigned char *from = rows;
    ELBOW_CHECK(
        s->expected == 0 || count <= s->expected - s->count, ELBOW_FORMAT,
        "%s: more than the %zu examples that were announced for %s; its input changed: import it again",
        writer->output, s->expected, s->name);
    while (count > 0) {
        size_t room = s->block - s->held, some = count < room ? count : room;
        memcpy(s->rows + s->held * bytes, from, some * bytes);
        from += some * bytes;
        count -= some;
        s->held += some;
        s->count += some;
        if (s->held == s->block) ELBOW_TRY(flush(writer, s));
    }
    return s->expected > 0 && s->count == s->expected ? close_stream(writer, s) : ELBOW_OK;
}

static void free_stream(stream *s) {
    free(s->rows);
    XXH64_freeState(s->hash);
}

/* ------------------------------------------------------------------------------ beginning and fields */

elbow_status elbow_writer_create(elbow_writer **writer, const elbow_import_request *request) {
    elbow_status status = ELBOW_OK;
    *writer = NULL;
    elbow_writer *made = calloc(1, sizeof *made);
    ELBOW_CHECK(made != NULL, ELBOW_MEMORY, "%s: no memory to write it", request->output);
    made->context = request->context;
    made->output = strdup(request->output);
    ELBOW_CHECK_OR_DONE(made->output != NULL, ELBOW_MEMORY, "%s: no memory to write it", request->output);
    ELBOW_TRY_OR_DONE(elbow_file_temporary(made->output, made->temporary, sizeof made->temporary));
    ELBOW_TRY_OR_DONE(elbow_h5_create_disk(&made->file, made->temporary, made->output));
    *writer = made;
    made = NULL;
done:
    elbow_writer_discard(&made);
    return status;
}

void elbow_writer_discard(elbow_writer **writer) {
    elbow_writer *w = *writer;
    if (w == NULL) return;
    if (w->file != NULL) unlink(w->temporary);
    elbow_h5_discard(&w->file);
    for (elbow_part part = 0; part < ELBOW_PARTS; part++) {
        for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
            free_stream(&w->parts[part].values[split]);
            free_stream(&w->parts[part].offsets[split]);
        }
        elbow_field_destroy(&w->parts[part].field);
        free(w->parts[part].row);
    }
    free(w->output);
    free(w);
    *writer = NULL;
}

/* What users can give too much of, in their words. */
static elbow_status check_size(const elbow_writer *writer, elbow_part part, const elbow_field *field) {
    ELBOW_CHECK(field->kind == ELBOW_SEQUENCE ||
                    (field->dimensions > 0 && field->dimensions <= ELBOW_DIMENSIONS_MOST),
                ELBOW_FORMAT, "%s: examples of %zu values; 1 to %d are possible", writer->output,
                field->dimensions, (int)ELBOW_DIMENSIONS_MOST);
    if (field->kind == ELBOW_SEQUENCE)
        ELBOW_CHECK(field->vocabulary > 0 && field->vocabulary <= ELBOW_VOCABULARY_MOST, ELBOW_FORMAT,
                    "%s: a vocabulary of %zu symbols; 1 to %d are possible", writer->output,
                    field->vocabulary, (int)ELBOW_VOCABULARY_MOST);
    for (size_t d = 0; field->kind == ELBOW_TABLE && d < field->dimensions; d++)
        ELBOW_CHECK(
            field->columns[d].cardinality <= ELBOW_CARDINALITY_MOST, ELBOW_FORMAT,
            "%s: column `%.60s` has %zu different words, and %d are possible; leave it out, or say that "
            "it is real",
            writer->output, field->columns[d].name, field->columns[d].cardinality,
            (int)ELBOW_CARDINALITY_MOST);
    bool labels = field->kind == ELBOW_TABLE && field->dimensions == 1 && field->columns[0].cardinality > 0;
    ELBOW_CHECK(part != ELBOW_Y || labels, ELBOW_FORMAT, "%s: labels are one categorical column",
                writer->output);
    return ELBOW_OK;
}

/* A description must be one that comes back; lengths and flags that are found later aside. */
static elbow_status check_description(const elbow_writer *writer, const elbow_field *field) {
    char *text = NULL;
    elbow_field shown = *field, back;
    if (shown.kind == ELBOW_SEQUENCE) shown.dimensions = 1;
    if (shown.kind == ELBOW_IMAGE) shown.maximum = 255;
    ELBOW_TRY(elbow_field_describe(&shown, &text));
    elbow_status status = elbow_field_parse(&back, text, writer->output);
    if (status == ELBOW_OK) elbow_field_destroy(&back);
    free(text);
    return status;
}

static elbow_status describe_field(elbow_writer *writer, elbow_part part, const elbow_field *field) {
    part_state *p = &writer->parts[part];
    ELBOW_TRY(check_size(writer, part, field));
    ELBOW_TRY(check_description(writer, field));
    ELBOW_TRY(elbow_field_copy(&p->field, field));
    p->described = true;
    if (field->kind == ELBOW_SEQUENCE) {
        p->field.dimensions = 0;
        return ELBOW_OK;
    }
    p->row = calloc(field->dimensions, sizeof(float));
    ELBOW_CHECK(p->row != NULL, ELBOW_MEMORY, "%s: no memory to write it", writer->output);
    return ELBOW_OK;
}

/* x and the context of images that are cut in two. */
static elbow_status describe_halves(elbow_writer *writer, const elbow_field *image) {
    static const elbow_part halves[] = {ELBOW_X, ELBOW_CONTEXT};
    ELBOW_CHECK(image->kind == ELBOW_IMAGE, ELBOW_USAGE,
                "--context cuts images in two, and these examples are a %s; leave it away",
                elbow_field_kind_name(image->kind));
    writer->image = *image;
    for (size_t i = 0; i < 2; i++) {
        elbow_field field = *image;
        elbow_piece_of piece = elbow_half_piece(writer->context, halves[i], image);
        field.height = piece.height;
        field.width = piece.width;
        field.dimensions = piece.height * piece.width * image->channels;
        ELBOW_CHECK(
            field.dimensions > 0, ELBOW_USAGE,
            "--context: images of %zu rows and %zu columns cannot be cut that way; leave it away, or say "
            "their size by --shape where they are flat",
            image->height, image->width);
        ELBOW_TRY(describe_field(writer, halves[i], &field));
    }
    return ELBOW_OK;
}

elbow_status elbow_writer_describe(elbow_writer *writer, elbow_part part, const elbow_field *field) {
    if (part == ELBOW_X && writer->context != ELBOW_HALF_NONE) return describe_halves(writer, field);
    return describe_field(writer, part, field);
}

void elbow_writer_expect(elbow_writer *writer, elbow_split split, elbow_part part, size_t examples) {
    writer->parts[part].expected[split] = examples;
    if (part == ELBOW_X && writer->context != ELBOW_HALF_NONE)
        writer->parts[ELBOW_CONTEXT].expected[split] = examples;
}

static bool is_categorical(const elbow_field *field) {
    for (size_t d = 0; d < field->dimensions; d++)
        if (field->columns[d].cardinality == 0) return false;
    return true;
}

static elbow_h5_type stored_type(const part_state *p, elbow_part part) {
    const elbow_field *field = &p->field;
    if (field->kind == ELBOW_IMAGE || (part == ELBOW_Y && !p->described)) return ELBOW_H5_U8;
    if (field->kind == ELBOW_SEQUENCE) return ELBOW_H5_U16;
    if (part == ELBOW_Y && field->columns[0].cardinality <= 256 && !field->columns[0].missing)
        return ELBOW_H5_U8;
    return is_categorical(field) ? ELBOW_H5_U16 : ELBOW_H5_F32;
}

/* The streams of a part, opened at its first example in the split. */
static elbow_status begin_part(elbow_writer *writer, elbow_split split, elbow_part part) {
    part_state *p = &writer->parts[part];
    stream *values = &p->values[split], *offsets = &p->offsets[split];
    uint64_t zero = 0;
    if (values->rows != NULL) return ELBOW_OK;
    p->used = true;
    bool sequence = p->described && p->field.kind == ELBOW_SEQUENCE;
    size_t row = sequence || part == ELBOW_Y ? 1 : p->field.dimensions;
    values->expected = sequence ? 0 : p->expected[split];
    ELBOW_TRY(
        open_stream(writer, values, split, part, sequence ? "tokens" : NULL, stored_type(p, part), row));
    if (!sequence) return ELBOW_OK;
    offsets->expected = p->expected[split] > 0 ? p->expected[split] + 1 : 0;
    ELBOW_TRY(open_stream(writer, offsets, split, part, "offsets", ELBOW_H5_U64, 1));
    return push(writer, offsets, &zero, 1);
}

/* --------------------------------------------------------------------------------------- appending */

/* A part of whole images. Its scale is theirs: all of their values are seen. */
static elbow_status append_half(elbow_writer *writer, elbow_split split, elbow_part part,
                                const uint8_t *pixels, size_t rows) {
    part_state *p = &writer->parts[part];
    const elbow_piece_of piece = elbow_half_piece(writer->context, part, &writer->image);
    size_t whole = writer->image.dimensions;
    ELBOW_TRY(begin_part(writer, split, part));
    for (size_t i = 0; i < rows * whole; i++) p->seen[pixels[i]] = true;
    for (size_t r = 0; r < rows; r++) {
        elbow_half_take(p->row, &piece, &writer->image, pixels + r * whole);
        ELBOW_TRY(push(writer, &p->values[split], p->row, 1));
    }
    return ELBOW_OK;
}

elbow_status elbow_writer_append_images(elbow_writer *writer, elbow_split split, elbow_part part,
                                        const uint8_t *pixels, size_t rows) {
    part_state *p = &writer->parts[part];
    if (part == ELBOW_X && writer->context != ELBOW_HALF_NONE) {
        ELBOW_TRY(append_half(writer, split, ELBOW_X, pixels, rows));
        return append_half(writer, split, ELBOW_CONTEXT, pixels, rows);
    }
    ELBOW_TRY(begin_part(writer, split, part));
    for (size_t i = 0; i < rows * p->field.dimensions; i++) p->seen[pixels[i]] = true;
    return push(writer, &p->values[split], pixels, rows);
}

static elbow_status fail_value(const elbow_writer *writer, const elbow_column *column, double value) {
    return elbow_fail(ELBOW_FORMAT, "%s: column `%.60s` cannot have the value %g; the importer is wrong",
                      writer->output, column->name, value);
}

static elbow_status store_row(elbow_writer *writer, part_state *p, elbow_h5_type type, const double *values) {
    uint16_t *codes = (uint16_t *)(void *)p->row;
    float *reals = (float *)(void *)p->row;
    for (size_t d = 0; d < p->field.dimensions; d++) {
        elbow_column *column = &p->field.columns[d];
        double value = values[d];
        bool missing = isnan(value), real_column = column->cardinality == 0;
        if (missing) column->missing = true;
        if (!missing && real_column) value = (value - column->mean) / column->scale;
        bool possible = missing || (real_column ? fabs(value) <= 3e38
                                                : value >= 0 && value < (double)column->cardinality &&
                                                      value == floor(value));
        if (!possible) return fail_value(writer, column, values[d]);
        if (type == ELBOW_H5_F32)
            reals[d] = (float)value;
        else
            codes[d] = missing ? ELBOW_CODE_MISSING : (uint16_t)value;
    }
    return ELBOW_OK;
}

elbow_status elbow_writer_append_table(elbow_writer *writer, elbow_split split, elbow_part part,
                                       const double *values, size_t rows) {
    part_state *p = &writer->parts[part];
    ELBOW_TRY(begin_part(writer, split, part));
    for (size_t i = 0; i < rows; i++) {
        ELBOW_TRY(store_row(writer, p, p->values[split].type, values + i * p->field.dimensions));
        ELBOW_TRY(push(writer, &p->values[split], p->row, 1));
    }
    return ELBOW_OK;
}

elbow_status elbow_writer_append_tokens(elbow_writer *writer, elbow_split split, elbow_part part,
                                        const uint16_t *tokens, size_t count) {
    part_state *p = &writer->parts[part];
    elbow_field *field = &p->field;
    ELBOW_TRY(begin_part(writer, split, part));
    bool good = count > 0 && count <= ELBOW_DIMENSIONS_MOST;
    for (size_t t = 0; t < count && good; t++)
        good = tokens[t] < field->vocabulary && (!field->terminated || (tokens[t] == 0) == (t == count - 1));
    ELBOW_CHECK(
        good, ELBOW_FORMAT,
        "%s: an example of %zu tokens that are not of its vocabulary, or do not end as they should; the "
        "importer is wrong",
        writer->output, count);
    if (count > field->dimensions) field->dimensions = count;
    ELBOW_TRY(push(writer, &p->values[split], tokens, count));
    uint64_t end = p->values[split].count;
    return push(writer, &p->offsets[split], &end, 1);
}

elbow_status elbow_writer_append_labels(elbow_writer *writer, elbow_split split, const int32_t *codes,
                                        size_t rows) {
    part_state *p = &writer->parts[ELBOW_Y];
    ELBOW_TRY(begin_part(writer, split, ELBOW_Y));
    const elbow_column *column = p->described ? &p->field.columns[0] : NULL;
    int32_t cardinality = column != NULL ? (int32_t)column->cardinality : 256;
    for (size_t i = 0; i < rows; i++) {
        bool missing = codes[i] < 0;
        ELBOW_CHECK(missing ? column != NULL && column->missing : codes[i] < cardinality, ELBOW_FORMAT,
                    "%s: label %" PRId32 " of %" PRId32 "; the importer is wrong", writer->output, codes[i],
                    cardinality);
        uint16_t wide = missing ? ELBOW_CODE_MISSING : (uint16_t)codes[i];
        uint8_t narrow = (uint8_t)wide;
        p->seen[narrow] = true;
        const void *value =
            p->values[split].type == ELBOW_H5_U8 ? (const void *)&narrow : (const void *)&wide;
        ELBOW_TRY(push(writer, &p->values[split], value, 1));
    }
    return ELBOW_OK;
}

size_t elbow_writer_count(const elbow_writer *writer, elbow_split split, elbow_part part) {
    const part_state *p = &writer->parts[part];
    size_t offsets = p->offsets[split].count;
    return offsets > 0 ? offsets - 1 : p->values[split].count;
}

/* --------------------------------------------------------------------------------------- finishing */

static elbow_status check_counts(const elbow_writer *writer) {
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        size_t count = elbow_writer_count(writer, split, ELBOW_X);
        ELBOW_CHECK(count > 0 || split == ELBOW_VALID, ELBOW_FORMAT, "%s: no example for %s; give more",
                    writer->output, elbow_split_name(split));
        ELBOW_CHECK(count <= UINT32_MAX, ELBOW_FORMAT, "%s: %zu examples for %s are more than %lu",
                    writer->output, count, elbow_split_name(split), (unsigned long)UINT32_MAX);
        for (elbow_part part = ELBOW_Y; part < ELBOW_PARTS; part++) {
            size_t found = elbow_writer_count(writer, split, part);
            ELBOW_CHECK(found == 0 || found == count, ELBOW_FORMAT,
                        "%s: %zu of %s for the %zu examples of %s; give those that belong together",
                        writer->output, found, elbow_part_name(part), count, elbow_split_name(split));
        }
    }
    return ELBOW_OK;
}

static elbow_status close_streams(elbow_writer *writer) {
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++)
        for (elbow_part part = 0; part < ELBOW_PARTS; part++) {
            part_state *p = &writer->parts[part];
            if (p->values[split].rows == NULL) continue;
            ELBOW_TRY(close_stream(writer, &p->values[split]));
            if (p->offsets[split].rows != NULL) ELBOW_TRY(close_stream(writer, &p->offsets[split]));
        }
    return ELBOW_OK;
}

/* What all values together say: 0 and 1 only, as some publish binarised images, or grey values up to 255. */
static elbow_status describe_images(elbow_writer *writer, const part_state *p, const char *name) {
    bool grey = false, binary = true;
    for (size_t value = 2; value < 256; value++) grey = grey || p->seen[value];
    int64_t maximum = grey ? 255 : 1;
    for (int64_t value = 1; value < maximum; value++) binary = binary && !p->seen[value];
    ELBOW_TRY(elbow_h5_set_text(writer->file, name, "kind", "image"));
    ELBOW_TRY(elbow_h5_set_integer(writer->file, name, "height", (int64_t)p->field.height));
    ELBOW_TRY(elbow_h5_set_integer(writer->file, name, "width", (int64_t)p->field.width));
    ELBOW_TRY(elbow_h5_set_integer(writer->file, name, "channels", (int64_t)p->field.channels));
    ELBOW_TRY(elbow_h5_set_integer(writer->file, name, "maximum", maximum));
    return elbow_h5_set_integer(writer->file, name, "binary", binary);
}

static elbow_status describe_labels(elbow_writer *writer, const part_state *p, const char *name) {
    int64_t cardinality = p->described ? (int64_t)p->field.columns[0].cardinality : 0;
    for (int64_t value = 0; value < 256 && !p->described; value++)
        if (p->seen[value]) cardinality = value + 1;
    ELBOW_TRY(elbow_h5_set_text(writer->file, name, "kind", "category"));
    return elbow_h5_set_integer(writer->file, name, "cardinality", cardinality);
}

static const char *kind_of(const elbow_field *field) {
    if (field->kind != ELBOW_TABLE) return elbow_field_kind_name(field->kind);
    size_t categorical = 0;
    for (size_t d = 0; d < field->dimensions; d++) categorical += field->columns[d].cardinality > 0;
    return categorical == field->dimensions ? "category" : categorical == 0 ? "real" : "table";
}

static elbow_status describe_part(elbow_writer *writer, elbow_split split, elbow_part part) {
    const part_state *p = &writer->parts[part];
    char name[ELBOW_OBJECT_BYTES];
    if (p->values[split].rows == NULL) return ELBOW_OK;
    elbow_dataset_object(name, split, part, NULL);
    if (part == ELBOW_Y) return describe_labels(writer, p, name);
    if (p->field.kind == ELBOW_IMAGE) return describe_images(writer, p, name);
    return elbow_h5_set_text(writer->file, name, "kind", kind_of(&p->field));
}

static elbow_status write_description(elbow_writer *writer, elbow_part part) {
    const part_state *p = &writer->parts[part];
    char name[ELBOW_OBJECT_BYTES], *text = NULL;
    if (!p->used || !p->described || p->field.kind == ELBOW_IMAGE) return ELBOW_OK;
    snprintf(name, sizeof name, "/%s", elbow_part_name(part));
    ELBOW_TRY(elbow_field_describe(&p->field, &text));
    elbow_status status = elbow_h5_write_text(writer->file, name, text);
    free(text);
    return status;
}

static elbow_status finish(elbow_writer *writer) {
    ELBOW_TRY(check_counts(writer));
    ELBOW_TRY(close_streams(writer));
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++)
        for (elbow_part part = 0; part < ELBOW_PARTS; part++) ELBOW_TRY(describe_part(writer, split, part));
    for (elbow_part part = 0; part < ELBOW_PARTS; part++) ELBOW_TRY(write_description(writer, part));
    ELBOW_TRY(elbow_h5_set_text(writer->file, "/", "format", "elbow-data"));
    ELBOW_TRY(elbow_h5_set_integer(writer->file, "/", "version", VERSION));
    /* Closing is where the last write errors come out; the file is closed then, and discard must remove it. */
    elbow_status status = elbow_h5_close(&writer->file);
    if (status == ELBOW_OK) return elbow_file_commit(writer->temporary, writer->output);
    unlink(writer->temporary);
    return status;
}

elbow_status elbow_writer_finish(elbow_writer **writer) {
    elbow_status status = finish(*writer);
    elbow_writer_discard(writer);
    return status;
}
