/* IDX: how MNIST and its kin are published. Big-endian; a magic (0, 0, type, dimensions), one 32-bit size per
 * dimension, the elements. Type 8 is unsigned bytes.
 *
 *     0x00000803  images  N, height, width              0x00000801  labels  N
 *     0x00000804  images  N, height, width, channels
 *
 * Headers are not believed: elements are read in blocks and must be exactly as many as the header says. */
#include <stdlib.h>

#include "base/file.h"
#include "data/import_list.h"
#include "data/source.h"
#include "data/writer.h"

enum { TYPE_BYTES = 8, DIMENSIONS_MOST = 4, GUESS_BYTES = 64, BLOCK_BYTES = 1 << 20 };
enum { IMAGE_MOST = 1 << 24 }; /* values in one image: 4096 × 4096 */

typedef struct idx_file {
    const char *path;
    elbow_source *source;
    size_t dims;
    size_t size[DIMENSIONS_MOST];
} idx_file;

typedef struct idx_import {
    const elbow_import_request *request;
    elbow_writer *writer;
    elbow_field field; /* of the first split's images */
} idx_import;

static const char *const label_flags[ELBOW_SPLITS] = {
    [ELBOW_TRAIN] = "--train-labels", [ELBOW_VALID] = "--valid-labels", [ELBOW_TEST] = "--test-labels"};

static elbow_status fail_not_idx(const char *path, const unsigned char *start, size_t count) {
    const char *guess = elbow_source_guess(start, count);
    if (count == 0)
        return elbow_fail(ELBOW_FORMAT, "%s: an empty file, not an IDX file; fetch it again", path);
    if (guess != NULL) return elbow_fail(ELBOW_FORMAT, "%s: not an IDX file; it looks like %s", path, guess);
    return elbow_fail(ELBOW_FORMAT,
                      "%s: not an IDX file (it begins with %02x %02x %02x %02x); IDX images begin with "
                      "00 00 08 03, labels with 00 00 08 01",
                      path, start[0], count > 1 ? start[1] : 0, count > 2 ? start[2] : 0,
                      count > 3 ? start[3] : 0);
}

static elbow_status read_sizes(idx_file *idx) {
    unsigned char sizes[4 * DIMENSIONS_MOST];
    size_t got = 0;
    ELBOW_TRY(elbow_source_read(idx->source, sizes, 4 * idx->dims, &got));
    ELBOW_CHECK(got == 4 * idx->dims, ELBOW_FORMAT,
                "%s: ends within its header, the file is cut short; fetch it again", idx->path);
    for (size_t i = 0; i < idx->dims; i++) {
        const unsigned char *b = sizes + 4 * i;
        idx->size[i] = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | (size_t)b[3];
    }
    return ELBOW_OK;
}

static elbow_status read_header(idx_file *idx, bool images) {
    unsigned char start[GUESS_BYTES];
    size_t got = 0;
    ELBOW_TRY(elbow_source_read(idx->source, start, 4, &got));
    if (got < 4 || start[0] != 0 || start[1] != 0) {
        size_t more = 0;
        if (got == 4) ELBOW_TRY(elbow_source_read(idx->source, start + 4, sizeof start - 4, &more));
        return fail_not_idx(idx->path, start, got + more);
    }
    ELBOW_CHECK(
        start[2] == TYPE_BYTES, ELBOW_FORMAT,
        "%s: magic 0x%02x%02x%02x%02x is not IDX of unsigned bytes (0x000008..); other element types are not "
        "read: convert them first",
        idx->path, start[0], start[1], start[2], start[3]);
    ELBOW_CHECK(
        !images || start[3] != 1, ELBOW_FORMAT,
        "%s: these are labels (magic 0x00000801) where images are expected; give the images here, and these "
        "as the split's labels",
        idx->path);
    ELBOW_CHECK(images || start[3] < 3, ELBOW_FORMAT,
                "%s: these are images (magic 0x0000080%d) where labels are expected; give the labels here",
                idx->path, start[3]);
    ELBOW_CHECK(
        images ? start[3] == 3 || start[3] == 4 : start[3] == 1, ELBOW_FORMAT,
        "%s: magic 0x%02x%02x%02x%02x, %d dimensions; images have 3 or 4 (0x00000803, 0x00000804), labels 1 "
        "(0x00000801)",
        idx->path, start[0], start[1], start[2], start[3], start[3]);
    idx->dims = start[3];
    return read_sizes(idx);
}

static elbow_status open_idx(idx_file *idx, const char *path, bool images) {
    *idx = (idx_file){.path = path};
    ELBOW_TRY(elbow_source_open(&idx->source, path));
    elbow_status status = read_header(idx, images);
    if (status == ELBOW_OK && idx->size[0] == 0)
        status = elbow_fail(ELBOW_FORMAT,
                            "%s: an empty split: the header says 0 examples; leave the split out or fetch "
                            "the file again",
                            path);
    if (status != ELBOW_OK) elbow_source_close(&idx->source);
    return status;
}

/* The elements, `row` bytes an example, to the writer. Nothing is allotted for what the header claims and does not
 * come. */
static elbow_status copy_rows(idx_import *import, idx_file *idx, elbow_split split, elbow_part part,
                              size_t row) {
    elbow_status status = ELBOW_OK;
    size_t rows = idx->size[0], done_rows = 0, got = 0;
    size_t block = row >= BLOCK_BYTES ? 1 : BLOCK_BYTES / row;
    unsigned char *values = malloc(block * row), more;
    int32_t *codes = part == ELBOW_Y ? malloc(block * sizeof *codes) : NULL;
    ELBOW_CHECK_OR_DONE(values != NULL && (codes != NULL || part != ELBOW_Y), ELBOW_MEMORY,
                        "%s: no memory to read it", idx->path);
    elbow_writer_expect(import->writer, split, part, rows);
    for (; done_rows < rows; done_rows += block) {
        if (block > rows - done_rows) block = rows - done_rows;
        ELBOW_TRY_OR_DONE(elbow_source_read(idx->source, values, block * row, &got));
        ELBOW_CHECK_OR_DONE(
            got == block * row, ELBOW_FORMAT,
            "%s: its header says %zu examples and it ends after %zu; it is cut short: fetch it again",
            idx->path, rows, done_rows + got / row);
        for (size_t i = 0; i < block && codes != NULL; i++) codes[i] = values[i];
        ELBOW_TRY_OR_DONE(codes != NULL
                              ? elbow_writer_append_labels(import->writer, split, codes, block)
                              : elbow_writer_append_images(import->writer, split, part, values, block));
    }
    ELBOW_TRY_OR_DONE(elbow_source_read(idx->source, &more, 1, &got));
    ELBOW_CHECK_OR_DONE(
        got == 0, ELBOW_FORMAT,
        "%s: goes on after the %zu examples that its header says; its header or its end is wrong: "
        "fetch it again",
        idx->path, rows);
done:
    free(codes);
    free(values);
    return status;
}

static elbow_status check_image_size(idx_import *import, const idx_file *idx) {
    size_t height = idx->size[1], width = idx->size[2], channels = idx->dims == 4 ? idx->size[3] : 1;
    elbow_field *field = &import->field;
    ELBOW_CHECK(height > 0 && width > 0 && channels > 0 && height <= IMAGE_MOST &&
                    width <= IMAGE_MOST / height && channels <= IMAGE_MOST / height / width,
                ELBOW_FORMAT,
                "%s: its header says images of %zu×%zu×%zu values; 1 to %d are possible: fetch it again",
                idx->path, height, width, channels, IMAGE_MOST);
    if (field->height == 0) {
        *field = (elbow_field){.kind = ELBOW_IMAGE,
                               .height = height,
                               .width = width,
                               .channels = channels,
                               .dimensions = height * width * channels};
        ELBOW_TRY(elbow_writer_describe(import->writer, ELBOW_X, field));
    }
    ELBOW_CHECK(field->height == height && field->width == width && field->channels == channels, ELBOW_FORMAT,
                "%s: images of %zu×%zu×%zu, but %s has %zu×%zu×%zu; all splits must have one size", idx->path,
                height, width, channels, import->request->inputs[ELBOW_TRAIN], field->height, field->width,
                field->channels);
    return ELBOW_OK;
}

static elbow_status import_images(idx_import *import, elbow_split split) {
    idx_file idx;
    ELBOW_TRY(open_idx(&idx, import->request->inputs[split], true));
    elbow_status status = check_image_size(import, &idx);
    if (status == ELBOW_OK) status = copy_rows(import, &idx, split, ELBOW_X, import->field.dimensions);
    elbow_source_close(&idx.source);
    return status;
}

static elbow_status import_labels(idx_import *import, elbow_split split, const char *path) {
    idx_file idx;
    ELBOW_TRY(open_idx(&idx, path, false));
    elbow_status status = ELBOW_OK;
    size_t images = elbow_writer_count(import->writer, split, ELBOW_X);
    if (idx.size[0] != images)
        status = elbow_fail(ELBOW_FORMAT,
                            "%s: %zu labels for the %zu images of %s; give the files that belong together",
                            idx.path, idx.size[0], images, import->request->inputs[split]);
    if (status == ELBOW_OK) status = copy_rows(import, &idx, split, ELBOW_Y, 1);
    elbow_source_close(&idx.source);
    return status;
}

static elbow_status check_labels(const elbow_import_request *request) {
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        const char *labels = elbow_import_value(request, label_flags[split]);
        ELBOW_CHECK(labels == NULL || request->inputs[split] != NULL, ELBOW_USAGE,
                    "labels without images for %s; give --%s too", elbow_split_name(split),
                    elbow_split_name(split));
        ELBOW_CHECK(labels == NULL || !elbow_file_same(labels, request->output), ELBOW_USAGE,
                    "%s: is an input too, and would be replaced; choose another name", request->output);
    }
    return ELBOW_OK;
}

static elbow_status import_idx(const elbow_import_request *request) {
    elbow_status status = ELBOW_OK;
    idx_import import = {.request = request};
    ELBOW_TRY(check_labels(request));
    ELBOW_TRY(elbow_writer_create(&import.writer, request));
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        const char *labels = elbow_import_value(request, label_flags[split]);
        if (request->inputs[split] != NULL) ELBOW_TRY_OR_DONE(import_images(&import, split));
        if (labels != NULL) ELBOW_TRY_OR_DONE(import_labels(&import, split, labels));
    }
    return elbow_writer_finish(&import.writer);
done:
    elbow_writer_discard(&import.writer);
    return status;
}

static const elbow_import_flag flags[] = {
    {"--train-labels", "LABELS", NULL, "labels of the same examples (magic 0x00000801); optional"},
    {"--test-labels", "LABELS", NULL, NULL},
    {"--valid-labels", "LABELS", NULL, NULL},
    {NULL, NULL, NULL, NULL},
};

const elbow_importer elbow_import_idx = {
    .name = "idx",
    .summary = "IDX files of unsigned bytes, plain or gzip: MNIST, Fashion-MNIST and their kin",
    .input = "IMAGES",
    .about = "Makes a data file from IDX files (MNIST, Fashion-MNIST, binarised MNIST and their kin), plain "
             "or gzip.\n"
             "Images have magic 0x00000803, or 0x00000804 with channels.\n"
             "Where all values of all splits are 0 and 1, 1 is full white; else 255 is.\n",
    .examples =
        "  elbow import idx --train train-images-idx3-ubyte.gz --train-labels train-labels-idx1-ubyte.gz \\\n"
        "                   --test t10k-images-idx3-ubyte.gz --test-labels t10k-labels-idx1-ubyte.gz -o "
        "mnist.h5\n"
        "  elbow import idx --train train.gz --valid valid.gz --test test.gz -o binarized-mnist.h5\n"
        "  elbow import idx --train train.gz --valid valid.gz --test test.gz --context upper -o halves.h5\n",
    .takes = ELBOW_IMPORT_SPLITS | ELBOW_IMPORT_HALVES,
    .flags = flags,
    .import = import_idx,
};
