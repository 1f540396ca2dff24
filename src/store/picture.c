#include "elbow/store/picture.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#ifdef ELBOW_HAVE_PNG
#include <png.h>
#endif

enum { GREY = 128, SIDE_LIMIT = 32768 }; /* pixels; PNG row strides and sizes stay within 32 bits */

typedef struct canvas {
    size_t width, height, channels;
    uint8_t *pixels; /* (height, width, channels) */
} canvas;

/* What an image looks like on a canvas. */
typedef struct cell {
    size_t height, width, channels; /* as the model has it */
    size_t scale, gap;              /* enlargement, and pixels between cells */
} cell;

/* In pixels; saturates so that no product of a caller's sizes can wrap around. */
static size_t pixels_of(size_t cells, size_t side, const cell *c) {
    if (cells > SIDE_LIMIT || side > SIDE_LIMIT || c->scale > SIDE_LIMIT) return SIZE_MAX / 2;
    size_t cell_side = side * c->scale + c->gap;
    return cells > (SIZE_MAX / 4) / cell_side ? SIZE_MAX / 2 : cells * cell_side + c->gap;
}

static elbow_status make_cell(cell *c, const char *path, size_t height, size_t width, size_t channels,
                              size_t scale) {
    ELBOW_CHECK(channels == 1 || channels == 3, ELBOW_USAGE,
                "%s: images of %zu channels cannot be drawn; pictures are grey (1) or red, green, blue (3)",
                path, channels);
    ELBOW_CHECK(height > 0 && width > 0 && scale > 0, ELBOW_USAGE,
                "%s: a picture of %zux%zu images at scale %zu is empty; give sizes of at least 1", path,
                height, width, scale);
    *c = (cell){.height = height, .width = width, .channels = channels, .scale = scale};
    c->gap = scale > 1 ? 2 : 1;
    return ELBOW_OK;
}

static elbow_status make_canvas(canvas *picture, const char *path, size_t height, size_t width,
                                size_t channels) {
    ELBOW_CHECK(height <= SIDE_LIMIT && width <= SIDE_LIMIT, ELBOW_USAGE,
                "%s: the picture would be more than %d pixels wide or high; draw fewer images or a smaller "
                "scale",
                path, SIDE_LIMIT);
    *picture = (canvas){.width = width, .height = height, .channels = channels};
    size_t bytes = width * height * channels;
    picture->pixels = malloc(bytes);
    ELBOW_CHECK(picture->pixels, ELBOW_MEMORY,
                "%s: no memory for a picture of %zu bytes; draw fewer images or a smaller scale", path,
                bytes);
    memset(picture->pixels, GREY, bytes);
    return ELBOW_OK;
}

/* A NaN fails both comparisons and becomes 0. */
static uint8_t to_byte(real value) {
    double v = (double)value;
    return v > 0 ? (v < 1 ? (uint8_t)(v * 255.0 + 0.5) : 255) : 0;
}

static void draw(canvas *picture, size_t top, size_t left, const cell *c, const real *image) {
    for (size_t y = 0; y < c->height * c->scale; y++) {
        const real *row = image + y / c->scale * c->width * c->channels;
        uint8_t *out = picture->pixels + ((top + y) * picture->width + left) * c->channels;
        for (size_t x = 0; x < c->width * c->scale; x++)
            for (size_t k = 0; k < c->channels; k++) *out++ = to_byte(row[x / c->scale * c->channels + k]);
    }
}

#ifdef ELBOW_HAVE_PNG

bool elbow_pictures_available(void) { return true; }

static elbow_status save(const canvas *picture, const char *path) {
    elbow_status status = ELBOW_OK;
    png_image png = {.version = PNG_IMAGE_VERSION,
                     .width = (png_uint_32)picture->width,
                     .height = (png_uint_32)picture->height,
                     .format = picture->channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY};
    png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(png);
    void *file = malloc(bytes);
    ELBOW_CHECK_OR_DONE(file, ELBOW_MEMORY, "%s: no memory for a picture of %zu bytes; draw fewer images",
                        path, (size_t)bytes);
    ELBOW_CHECK_OR_DONE(png_image_write_to_memory(&png, file, &bytes, 0, picture->pixels, 0, NULL), ELBOW_IO,
                        "%s: the picture cannot be encoded: %s; draw fewer images or a smaller scale", path,
                        png.message);
    status = elbow_file_replace(path, file, bytes);
done:
    free(file);
    png_image_free(&png);
    return status;
}

#else

bool elbow_pictures_available(void) { return false; }

static elbow_status save(const canvas *picture, const char *path) {
    (void)picture;
    return elbow_fail(ELBOW_USAGE,
                      "%s: this elbow was built without libpng and cannot draw; install libpng's development "
                      "files and build again",
                      path);
}

#endif

elbow_status elbow_picture_write(const char *path, const real *images, size_t rows, size_t columns,
                                 size_t height, size_t width, size_t channels, size_t scale) {
    cell c;
    ELBOW_TRY(make_cell(&c, path, height, width, channels, scale));
    ELBOW_CHECK(rows > 0 && columns > 0, ELBOW_USAGE, "%s: a picture of no images; draw at least one", path);

    canvas picture;
    ELBOW_TRY(
        make_canvas(&picture, path, pixels_of(rows, height, &c), pixels_of(columns, width, &c), channels));
    for (size_t i = 0; i < rows * columns; i++)
        draw(&picture, c.gap + i / columns * (height * scale + c.gap),
             c.gap + i % columns * (width * scale + c.gap), &c, images + i * height * width * channels);
    elbow_status status = save(&picture, path);
    free(picture.pixels);
    return status;
}

/* A line of the picture is two rows of cells, and lines are set apart:
 *
 *     gap | originals 0 … columns−1 | gap | their reconstructions | 3 gaps | originals columns … | gap | … | gap
 */
elbow_status elbow_picture_write_pairs(const char *path, const real *originals, const real *reconstructions,
                                       size_t count, size_t columns, size_t height, size_t width,
                                       size_t channels, size_t scale) {
    cell c;
    ELBOW_TRY(make_cell(&c, path, height, width, channels, scale));
    ELBOW_CHECK(count > 0 && columns > 0, ELBOW_USAGE, "%s: a picture of no images; draw at least one", path);
    if (columns > count) columns = count;
    size_t lines = (count + columns - 1) / columns, apart = 2 * c.gap;

    canvas picture;
    size_t total = lines > SIDE_LIMIT ? SIZE_MAX / 2 : pixels_of(2 * lines, height, &c) + (lines - 1) * apart;
    ELBOW_TRY(make_canvas(&picture, path, total, pixels_of(columns, width, &c), channels));
    size_t row = height * scale + c.gap, size = height * width * channels;
    for (size_t i = 0; i < count; i++) {
        size_t top = c.gap + i / columns * (2 * row + apart),
               left = c.gap + i % columns * (width * scale + c.gap);
        draw(&picture, top, left, &c, originals + i * size);
        draw(&picture, top + row, left, &c, reconstructions + i * size);
    }
    elbow_status status = save(&picture, path);
    free(picture.pixels);
    return status;
}
