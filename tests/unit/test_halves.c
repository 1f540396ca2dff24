/* Images cut in two as they are imported: each half is x of one file and the context of another. */
#include "import_files.h"

#include "data/writer.h"

enum { HEIGHT = 5, WIDTH = 3, CHANNELS = 2, PIXELS = HEIGHT * WIDTH * CHANNELS, COUNT = 700 };

static uint8_t pixel(size_t example, size_t y, size_t x, size_t c) {
    return (uint8_t)(example * 7 + y * 31 + x * 5 + c);
}

static elbow_status write_halves(elbow_half context) {
    const elbow_field field = {
        .kind = ELBOW_IMAGE, .height = HEIGHT, .width = WIDTH, .channels = CHANNELS, .dimensions = PIXELS};
    const elbow_import_request request = {
        .output = in_folder("data.h5"), .overwrite = true, .context = context};
    elbow_writer *writer = NULL;
    uint8_t pixels[2 * PIXELS];
    OK(elbow_writer_create(&writer, &request));
    OK(elbow_writer_describe(writer, ELBOW_X, &field));
    elbow_writer_expect(writer, ELBOW_TRAIN, ELBOW_X, COUNT);
    for (size_t i = 0; i < COUNT; i += 2) {
        for (size_t p = 0; p < 2 * PIXELS; p++)
            pixels[p] =
                pixel(i + p / PIXELS, p % PIXELS / (WIDTH * CHANNELS), p / CHANNELS % WIDTH, p % CHANNELS);
        OK(elbow_writer_append_images(writer, ELBOW_TRAIN, ELBOW_X, pixels, 2));
        if (i == 0) OK(elbow_writer_append_images(writer, ELBOW_TEST, ELBOW_X, pixels, 1));
    }
    return elbow_writer_finish(&writer);
}

static void check_half(elbow_dataset *data, elbow_part part, size_t top, size_t left, size_t height,
                       size_t width) {
    const elbow_field *field = elbow_dataset_field(data, part);
    assert_true(field && field->height == height && field->width == width && field->channels == CHANNELS);
    assert_int_equal(field->maximum, 255);
    real *values = malloc(COUNT * field->dimensions * sizeof *values), *at = values;
    assert_non_null(values);
    read_reals(data, ELBOW_TRAIN, part, 0, COUNT, values);
    for (size_t i = 0; i < COUNT; i++)
        for (size_t y = 0; y < height; y++)
            for (size_t x = 0; x < width; x++)
                for (size_t c = 0; c < CHANNELS; c++)
                    assert_int_equal(lround((double)*at++ * 255), pixel(i, top + y, left + x, c));
    free(values);
}

static void test_halves(void **state) {
    (void)state;
    static const struct {
        elbow_half half;
        size_t given[4], rest[4]; /* top, left, height, width */
    } all[] = {{ELBOW_HALF_UPPER, {0, 0, 2, 3}, {2, 0, 3, 3}},
               {ELBOW_HALF_LOWER, {3, 0, 2, 3}, {0, 0, 3, 3}},
               {ELBOW_HALF_LEFT, {0, 0, 5, 1}, {0, 1, 5, 2}},
               {ELBOW_HALF_RIGHT, {0, 2, 5, 1}, {0, 0, 5, 2}}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const size_t *g = all[i].given, *r = all[i].rest;
        OK(write_halves(all[i].half));
        elbow_dataset *data = open_data();
        assert_int_equal(elbow_dataset_count(data, ELBOW_TRAIN), COUNT);
        assert_true(elbow_dataset_has_part(data, ELBOW_TEST, ELBOW_CONTEXT));
        check_half(data, ELBOW_CONTEXT, g[0], g[1], g[2], g[3]);
        check_half(data, ELBOW_X, r[0], r[1], r[2], r[3]);
        elbow_dataset_close(&data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_halves)};
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
