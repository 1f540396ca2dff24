/* Pictures: what is written is what a PNG reader sees, pixel by pixel. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "elbow/store/picture.h"

#ifdef ELBOW_HAVE_PNG
#include <png.h>

static char directory[] = "/tmp/elbow-picture-XXXXXX";
static char path[256];

static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(directory)) return -1;
    snprintf(path, sizeof path, "%s/a.png", directory);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    unlink(path);
    return rmdir(directory); /* fails when a temporary file was left */
}

typedef struct pixels {
    size_t width, height, channels;
    uint8_t *bytes;
} pixels;

static pixels load(size_t channels) {
    png_image png = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_file(&png, path));
    assert_int_equal((png.format & PNG_FORMAT_FLAG_COLOR) != 0, channels == 3);
    png.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    pixels p = {png.width, png.height, channels, malloc(PNG_IMAGE_SIZE(png))};
    assert_non_null(p.bytes);
    assert_true(png_image_finish_read(&png, NULL, p.bytes, 0, NULL));
    return p;
}

static int at(const pixels *p, size_t y, size_t x, size_t k) {
    return p->bytes[(y * p->width + x) * p->channels + k];
}

static void places_every_value(void **state) {
    (void)state;
    enum { ROWS = 2, COLUMNS = 3, H = 2, W = 4, SCALE = 3, GAP = 2 };
    for (size_t channels = 1; channels <= 3; channels += 2) {
        real images[ROWS * COLUMNS * H * W * 3];
        size_t size = H * W * channels;
        for (size_t i = 0; i < ROWS * COLUMNS * size; i++) images[i] = (real)(i % 256) / 255;
        assert_int_equal(elbow_picture_write(path, images, ROWS, COLUMNS, H, W, channels, SCALE), ELBOW_OK);
        pixels p = load(channels);
        assert_int_equal(p.width, GAP + COLUMNS * (W * SCALE + GAP));
        assert_int_equal(p.height, GAP + ROWS * (H * SCALE + GAP));
        for (size_t y = 0; y < p.height; y++)
            for (size_t x = 0; x < p.width; x++)
                for (size_t k = 0; k < channels; k++) {
                    size_t row = y / (H * SCALE + GAP), column = x / (W * SCALE + GAP);
                    size_t cy = y % (H * SCALE + GAP), cx = x % (W * SCALE + GAP);
                    if (cy < GAP || cx < GAP) {
                        assert_in_range(at(&p, y, x, k), 96, 160); /* the line: a mid grey */
                        continue;
                    }
                    size_t i = (row * COLUMNS + column) * size +
                               ((cy - GAP) / SCALE * W + (cx - GAP) / SCALE) * channels + k;
                    assert_int_equal(at(&p, y, x, k), i % 256);
                }
        free(p.bytes);
    }
}

static void clamps_what_is_no_grey(void **state) {
    (void)state;
    real images[8] = {(real)NAN, (real)-INFINITY, (real)-0.01, 0, (real)0.5, 1, (real)1.01, (real)INFINITY};
    static const int expected[8] = {0, 0, 0, 0, 128, 255, 255, 255};
    assert_int_equal(elbow_picture_write(path, images, 1, 1, 1, 8, 1, 1), ELBOW_OK);
    pixels p = load(1);
    for (size_t x = 0; x < 8; x++) assert_int_equal(at(&p, 1, 1 + x, 0), expected[x]);
    free(p.bytes);
}

/* 5 pairs, 3 to a line: two lines of two rows, the last cell of the second empty. */
static void puts_reconstructions_below(void **state) {
    (void)state;
    enum { COUNT = 5, COLUMNS = 3 };
    real originals[COUNT], reconstructions[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        originals[i] = (real)(10 + i) / 255;
        reconstructions[i] = (real)(200 + i) / 255;
    }
    assert_int_equal(elbow_picture_write_pairs(path, originals, reconstructions, COUNT, COLUMNS, 1, 1, 1, 1),
                     ELBOW_OK);
    pixels p = load(1);
    assert_int_equal(p.width, 1 + COLUMNS * 2);
    assert_int_equal(p.height, 1 + 4 * 2 + 2);
    for (size_t i = 0; i < COUNT; i++) {
        size_t y = 1 + i / COLUMNS * (2 * 2 + 2), x = 1 + i % COLUMNS * 2;
        assert_int_equal(at(&p, y, x, 0), 10 + i);
        assert_int_equal(at(&p, y + 2, x, 0), 200 + i);
    }
    assert_int_equal(at(&p, 7, 5, 0), at(&p, 0, 0, 0));
    assert_int_equal(at(&p, 9, 5, 0), at(&p, 0, 0, 0));
    free(p.bytes);

    /* fewer than a line: no empty columns */
    assert_int_equal(elbow_picture_write_pairs(path, originals, reconstructions, 2, 10, 1, 1, 1, 1),
                     ELBOW_OK);
    p = load(1);
    assert_int_equal(p.width, 1 + 2 * 2);
    free(p.bytes);
}

static void refuses_what_cannot_be_drawn(void **state) {
    (void)state;
    real image[3] = {0};
    unlink(path);
    assert_int_equal(elbow_picture_write(path, image, 0, 1, 1, 1, 1, 1), ELBOW_USAGE);
    assert_int_equal(elbow_picture_write(path, image, 1, 1, 1, 1, 2, 1), ELBOW_USAGE);
    assert_int_equal(elbow_picture_write(path, image, 1, 1, 1, 1, 1, 0), ELBOW_USAGE);
    assert_int_equal(elbow_picture_write(path, image, 1, 1, 1, 1, 1, SIZE_MAX), ELBOW_USAGE);
    assert_int_equal(elbow_picture_write(path, image, SIZE_MAX, 1, 1, 1, 1, 1), ELBOW_USAGE);
    assert_int_equal(elbow_picture_write(path, image, 1, (size_t)1 << 62, 4, 4, 1, 4), ELBOW_USAGE);
    assert_int_equal(elbow_picture_write_pairs(path, image, image, 0, 1, 1, 1, 1, 1), ELBOW_USAGE);
    assert_int_equal(elbow_picture_write_pairs(path, image, image, SIZE_MAX, 1, 1, 1, 1, 1), ELBOW_USAGE);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(elbow_picture_write("/nonexistent/a.png", image, 1, 1, 1, 1, 1, 1), ELBOW_IO);
    assert_non_null(strstr(elbow_error_message(), "/nonexistent/a.png"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_every_value),
        cmocka_unit_test(clamps_what_is_no_grey),
        cmocka_unit_test(puts_reconstructions_below),
        cmocka_unit_test(refuses_what_cannot_be_drawn),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

#else

static void says_that_it_cannot(void **state) {
    (void)state;
    real image[1] = {0};
    assert_false(elbow_pictures_available());
    assert_int_equal(elbow_picture_write("a.png", image, 1, 1, 1, 1, 1, 1), ELBOW_USAGE);
    assert_non_null(strstr(elbow_error_message(), "libpng"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_that_it_cannot)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
