/* IDX: how MNIST and its kin are published. Big-endian; a magic (0, 0, type, dimensions), one 32-bit size per
 * dimension, the elements. Type 8 is unsigned bytes.
 *
 *     0x00000803  images  N, height, width              0x00000801  labels  N
 *     0x00000804  images  N, height, width, channels
 *
 * Headers are not believed: elements are read in blocks and must be exactly as many as the header says. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/h5.h"
#include "data/import_list.h"
#include "data/source.h"
#include "elbow/data/order.h"

enum { TYPE_BYTES = 8, DIMENSIONS_MOST = 4, GUESS_BYTES = 64, DEFLATE = 4, BLOCK_BYTES = 1 << 20 };
enum { IMAGE_MOST = 1 << 24 }; /* values in one image: 4096 × 4096 */

typedef struct idx_file {
    const char *path;
    elbow_source *source;
    size_t dims;
    size_t size[DIMENSIONS_MOST];
} idx_file;

typedef struct idx_import {
    const elbow_import_request *request;
    elbow_h5 *file;
    size_t count[ELBOW_SPLITS];
    size_t height, width, channels; /* of the first split's images */
    bool seen[256];                 /* values, over all splits */
    bool seen_label[256];
} idx_import;

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

/* The elements, `row` bytes an example, into the dataset `name`, whose size the header claims: nothing is
 * allotted for what does not come. */
static elbow_status copy_rows(idx_import *import, idx_file *idx, const char *name, size_t row,
                              bool seen[256]) {
    elbow_status status = ELBOW_OK;
    size_t rows = idx->size[0], done_rows = 0, got = 0;
    size_t block = row >= BLOCK_BYTES ? 1 : BLOCK_BYTES / row;
    if (row > 1 && block > ELBOW_ORDER_BLOCK) block = ELBOW_ORDER_BLOCK;
    elbow_h5_shape shape = {row > 1 ? 2 : 1, {rows, row}};
    XXH64_state_t *hash = XXH64_createState();
    unsigned char *values = malloc(block * row), more;
    ELBOW_CHECK_OR_DONE(values != NULL && hash != NULL, ELBOW_MEMORY, "%s: no memory to read it", idx->path);
    XXH64_reset(hash, 0);
    ELBOW_TRY_OR_DONE(elbow_h5_create_rows(import->file, name, ELBOW_H5_U8, shape, block, DEFLATE));
    for (; done_rows < rows; done_rows += block) {
        if (block > rows - done_rows) block = rows - done_rows;
        ELBOW_TRY_OR_DONE(elbow_source_read(idx->source, values, block * row, &got));
        ELBOW_CHECK_OR_DONE(
            got == block * row, ELBOW_FORMAT,
            "%s: its header says %zu examples and it ends after %zu; it is cut short: fetch it again",
            idx->path, rows, done_rows + got / row);
        for (size_t i = 0; i < got; i++) seen[values[i]] = true;
        XXH64_update(hash, values, got);
        ELBOW_TRY_OR_DONE(elbow_h5_write_rows(import->file, name, ELBOW_H5_U8, done_rows, block, values));
    }
    ELBOW_TRY_OR_DONE(elbow_source_read(idx->source, &more, 1, &got));
    ELBOW_CHECK_OR_DONE(
        got == 0, ELBOW_FORMAT,
        "%s: goes on after the %zu examples that its header says; its header or its end is wrong: "
        "fetch it again",
        idx->path, rows);
    ELBOW_TRY_OR_DONE(elbow_h5_set_checksum(import->file, name, XXH64_digest(hash)));
done:
    XXH64_freeState(hash);
    free(values);
    return status;
}

static elbow_status check_image_size(idx_import *import, const idx_file *idx) {
    size_t height = idx->size[1], width = idx->size[2], channels = idx->dims == 4 ? idx->size[3] : 1;
    ELBOW_CHECK(height > 0 && width > 0 && channels > 0 && height <= IMAGE_MOST &&
                    width <= IMAGE_MOST / height && channels <= IMAGE_MOST / height / width,
                ELBOW_FORMAT,
                "%s: its header says images of %zu×%zu×%zu values; 1 to %d are possible: fetch it again",
                idx->path, height, width, channels, IMAGE_MOST);
    if (import->height == 0) {
        import->height = height;
        import->width = width;
        import->channels = channels;
    }
    ELBOW_CHECK(import->height == height && import->width == width && import->channels == channels,
                ELBOW_FORMAT,
                "%s: images of %zu×%zu×%zu, but %s has %zu×%zu×%zu; all splits must have one size", idx->path,
                height, width, channels, import->request->inputs[ELBOW_TRAIN], import->height, import->width,
                import->channels);
    return ELBOW_OK;
}

static elbow_status import_images(idx_import *import, elbow_split split) {
    char name[32];
    idx_file idx;
    ELBOW_TRY(open_idx(&idx, import->request->inputs[split], true));
    elbow_status status = check_image_size(import, &idx);
    import->count[split] = idx.size[0];
    snprintf(name, sizeof name, "/%s/x", elbow_split_name(split));
    if (status == ELBOW_OK)
        status =
            copy_rows(import, &idx, name, import->height * import->width * import->channels, import->seen);
    elbow_source_close(&idx.source);
    return status;
}

static elbow_status import_labels(idx_import *import, elbow_split split) {
    char name[32];
    idx_file idx;
    ELBOW_TRY(open_idx(&idx, import->request->labels[split], false));
    elbow_status status = ELBOW_OK;
    if (idx.size[0] != import->count[split])
        status = elbow_fail(ELBOW_FORMAT,
                            "%s: %zu labels for the %zu images of %s; give the files that belong together",
                            idx.path, idx.size[0], import->count[split], import->request->inputs[split]);
    snprintf(name, sizeof name, "/%s/y", elbow_split_name(split));
    if (status == ELBOW_OK) status = copy_rows(import, &idx, name, 1, import->seen_label);
    elbow_source_close(&idx.source);
    return status;
}

/* What all values together say: 0 and 1 only, as some publish binarised images, or grey values up to 255. */
static elbow_status describe_images(idx_import *import, const char *name) {
    bool grey = false, binary = true;
    for (size_t value = 2; value < 256; value++) grey = grey || import->seen[value];
    int64_t maximum = grey ? 255 : 1;
    for (int64_t value = 1; value < maximum; value++) binary = binary && !import->seen[value];
    ELBOW_TRY(elbow_h5_set_text(import->file, name, "kind", "image"));
    ELBOW_TRY(elbow_h5_set_integer(import->file, name, "height", (int64_t)import->height));
    ELBOW_TRY(elbow_h5_set_integer(import->file, name, "width", (int64_t)import->width));
    ELBOW_TRY(elbow_h5_set_integer(import->file, name, "channels", (int64_t)import->channels));
    ELBOW_TRY(elbow_h5_set_integer(import->file, name, "maximum", maximum));
    return elbow_h5_set_integer(import->file, name, "binary", binary);
}

static elbow_status describe_labels(idx_import *import, const char *name) {
    int64_t cardinality = 0;
    for (int64_t value = 0; value < 256; value++)
        if (import->seen_label[value]) cardinality = value + 1;
    ELBOW_TRY(elbow_h5_set_text(import->file, name, "kind", "category"));
    return elbow_h5_set_integer(import->file, name, "cardinality", cardinality);
}

static elbow_status import_splits(idx_import *import) {
    const elbow_import_request *request = import->request;
    char name[32];
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        if (request->inputs[split] != NULL) ELBOW_TRY(import_images(import, split));
        if (request->labels[split] != NULL) ELBOW_TRY(import_labels(import, split));
    }
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        snprintf(name, sizeof name, "/%s/x", elbow_split_name(split));
        if (request->inputs[split] != NULL) ELBOW_TRY(describe_images(import, name));
        snprintf(name, sizeof name, "/%s/y", elbow_split_name(split));
        if (request->labels[split] != NULL) ELBOW_TRY(describe_labels(import, name));
    }
    ELBOW_TRY(elbow_h5_set_text(import->file, "/", "format", "elbow-data"));
    return elbow_h5_set_integer(import->file, "/", "version", 1);
}

static elbow_status check_request(const elbow_import_request *request) {
    ELBOW_CHECK(request->output != NULL && request->inputs[ELBOW_TRAIN] != NULL &&
                    request->inputs[ELBOW_TEST] != NULL,
                ELBOW_USAGE,
                "import idx needs training images, test images and an output; give --train, --test and -o");
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++)
        ELBOW_CHECK(request->labels[split] == NULL || request->inputs[split] != NULL, ELBOW_USAGE,
                    "labels without images for %s; give --%s too", elbow_split_name(split),
                    elbow_split_name(split));
    ELBOW_CHECK(!elbow_file_is_directory(request->output), ELBOW_IO, "%s: is a directory; name a file in it",
                request->output);
    ELBOW_CHECK(request->overwrite || !elbow_file_exists(request->output), ELBOW_IO,
                "%s: exists already; choose another name, or add --force to replace it", request->output);
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        const char *inputs[2] = {request->inputs[split], request->labels[split]};
        for (size_t i = 0; i < 2; i++)
            ELBOW_CHECK(inputs[i] == NULL || !elbow_file_same(inputs[i], request->output), ELBOW_USAGE,
                        "%s: is an input too, and would be replaced; choose another name", request->output);
    }
    return ELBOW_OK;
}

static elbow_status import_idx(const elbow_import_request *request) {
    elbow_status status = ELBOW_OK;
    idx_import import = {.request = request};
    char temporary[PATH_MAX];
    ELBOW_TRY(check_request(request));
    ELBOW_TRY(elbow_file_temporary(request->output, temporary, sizeof temporary));
    ELBOW_TRY(elbow_h5_create_disk(&import.file, temporary, request->output));
    ELBOW_TRY_OR_DONE(import_splits(&import));
    ELBOW_TRY_OR_DONE(elbow_h5_close(&import.file));
    return elbow_file_commit(temporary, request->output);
done:
    elbow_h5_discard(&import.file);
    unlink(temporary);
    return status;
}

const elbow_importer elbow_import_idx = {
    .name = "idx",
    .summary = "IDX files of unsigned bytes, plain or gzip: MNIST, Fashion-MNIST and their kin",
    .import = import_idx,
};
