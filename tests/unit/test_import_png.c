/* Folders of PNG pictures: sizes, colours, depths, classes, splits, and files that are none. */
#include "data_files.h"

#ifdef ELBOW_HAVE_PNG
#include <png.h>

#include "base/file.h"

static elbow_status import_with(const char *const *arguments) {
    elbow_import_request request;
    OK(elbow_import_begin(&request, "png"));
    for (; *arguments != NULL; arguments += 2) OK(elbow_import_set(&request, arguments[0], arguments[1]));
    request.output = in_folder("data.h5");
    request.overwrite = true;
    return elbow_import_run(&request);
}
#define IMPORT(...) import_with((const char *const[]){__VA_ARGS__, NULL})

/* A picture below the folder, whose folders are made; its pixels are first, first + 1, … */
static void put_picture(const char *name, size_t height, size_t width, int color, int depth, unsigned first) {
    char path[1024];
    snprintf(path, sizeof path, "%s", in_folder(name));
    *strrchr(path, '/') = '\0';
    OK(elbow_directory_make(path, true));
    FILE *file = fopen(in_folder(name), "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    assert_true(file != NULL && png != NULL && info != NULL);
    png_init_io(png, file);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, depth, color, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_color palette[2] = {{10, 20, 30}, {40, 50, 60}};
    if (color == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, 2);
    png_write_info(png, info);
    size_t channels = png_get_channels(png, info), bytes = width * channels * (size_t)depth / 8;
    for (size_t y = 0; y < height; y++) {
        unsigned char row[256] = {0};
        for (size_t i = 0; i < bytes; i++) row[i] = (unsigned char)first++;
        if (depth == 1) row[0] = 0xA0; /* 1 0 1 0 … */
        png_write_row(png, row);
    }
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    assert_int_equal(fclose(file), 0);
}

static void assert_images(size_t height, size_t width, size_t channels, const uint8_t *pixels, size_t count) {
    elbow_dataset *data = NULL;
    uint8_t found[512];
    OK(elbow_dataset_open(&data, in_folder("data.h5")));
    OK(elbow_dataset_verify(data));
    const elbow_field *x = elbow_dataset_field(data, ELBOW_X);
    assert_true(x->height == height && x->width == width && x->channels == channels);
    assert_int_equal(elbow_dataset_count(data, ELBOW_TRAIN), count);
    read_pixels(data, ELBOW_TRAIN, 0, count, found);
    assert_memory_equal(found, pixels, count * height * width * channels);
    elbow_dataset_close(&data);
}

static void test_kinds(void **state) {
    (void)state;
    put_picture("d/test/a.png", 2, 4, PNG_COLOR_TYPE_GRAY, 8, 100);
    /* In the order of names; grey only. */
    put_picture("d/train/b.png", 2, 4, PNG_COLOR_TYPE_GRAY, 8, 1);
    put_picture("d/train/a.PNG", 2, 4, PNG_COLOR_TYPE_GRAY, 1, 0);
    put_picture("d/train/c.png", 2, 4, PNG_COLOR_TYPE_GRAY_ALPHA, 8, 20);
    put_picture("d/train/d.png", 2, 4, PNG_COLOR_TYPE_GRAY, 16, 0);
    put_file(in_folder("d/train/notes.txt"), "no", 2);
    put_file(in_folder("d/train/.hidden.png"), "no", 2);
    static const uint8_t grey[] = {255, 0,  255, 0,  255, 0,  255, 0,  1, 2, 3, 4, 5, 6,  7,  8,
                                   20,  22, 24,  26, 28,  30, 32,  34, 0, 2, 4, 6, 8, 10, 12, 14};
    OK(IMPORT("--input", in_folder("d")));
    assert_images(2, 4, 1, grey, 4);
    /* One with colours, and all have them. */
    empty_folder(in_folder("d/train"));
    put_picture("d/train/a.png", 2, 4, PNG_COLOR_TYPE_GRAY, 8, 7);
    put_picture("d/train/b.png", 2, 4, PNG_COLOR_TYPE_PALETTE, 1, 0);
    put_picture("d/train/c.png", 2, 4, PNG_COLOR_TYPE_RGB_ALPHA, 8, 0);
    uint8_t colours[72];
    for (int i = 0; i < 24; i++) {
        colours[i] = (uint8_t)(7 + i / 3);
        colours[24 + i] = (uint8_t)(10 * (i % 3 + 1) + (i / 3 % 2 == 0 ? 30 : 0));
        colours[48 + i] = (uint8_t)(i / 3 * 4 + i % 3);
    }
    OK(IMPORT("--input", in_folder("d")));
    assert_images(2, 4, 3, colours, 3);
    FAILS(IMPORT("--input", in_folder("d"), "--seed", "2"), ELBOW_USAGE, "has folders train and test");
}

static void test_classes(void **state) {
    (void)state;
    char name[64];
    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "d/%s/%02u.png", i % 2 == 0 ? "dog" : "cat", i);
        put_picture(name, 1, 1, PNG_COLOR_TYPE_GRAY, 8, i);
    }
    OK(elbow_directory_make(in_folder("d/empty"), true));
    OK(IMPORT("--input", in_folder("d"), "--split", "0.5,0.25,0.25"));
    elbow_dataset *data = NULL;
    OK(elbow_dataset_open(&data, in_folder("data.h5")));
    const elbow_column *label = elbow_dataset_field(data, ELBOW_Y)->columns;
    assert_int_equal(label->cardinality, 2);
    assert_string_equal(label->words[0], "cat");
    uint8_t pixels[10];
    real labels[10];
    read_pixels(data, ELBOW_TRAIN, 0, 10, pixels);
    read_reals(data, ELBOW_TRAIN, ELBOW_Y, 0, 10, labels);
    for (size_t i = 0; i < 10; i++) assert_true(labels[i] == (real)(1 - pixels[i] % 2));
    elbow_dataset_close(&data);

    put_picture("t/rat/1.png", 1, 1, PNG_COLOR_TYPE_GRAY, 8, 1);
    put_picture("t/cat/1.png", 1, 1, PNG_COLOR_TYPE_GRAY, 8, 1);
    FAILS(IMPORT("--train", in_folder("d"), "--test", in_folder("t")), ELBOW_FORMAT,
          "rat/1.png: its class `rat` is nowhere in the training split");
    put_picture("t/1.png", 1, 1, PNG_COLOR_TYPE_GRAY, 8, 1);
    FAILS(IMPORT("--train", in_folder("d"), "--test", in_folder("t")), ELBOW_FORMAT,
          "1 pictures beside the folder cat");
    FAILS(IMPORT("--train", in_folder("d"), "--test", in_folder("d/cat")), ELBOW_FORMAT,
          "other splits are otherwise");
}

static void test_bad_pictures(void **state) {
    (void)state;
    char name[64], *bytes = NULL;
    size_t count = 0;
    for (unsigned i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "d/%02u.png", i);
        put_picture(name, 3, 2, PNG_COLOR_TYPE_GRAY, 8, i);
    }
    put_picture("d/5.png", 2, 3, PNG_COLOR_TYPE_GRAY, 8, 0);
    FAILS(IMPORT("--input", in_folder("d")), ELBOW_FORMAT, "5.png: 2 x 3 pixels (height, width), but ");
    OK(elbow_file_read(in_folder("d/5.png"), 1 << 20, &bytes, &count));
    for (size_t cut = 0; cut < count; cut += 3) { /* wherever it ends, and with a byte wrong */
        put_file(in_folder("d/5.png"), bytes, cut);
        FAILS(IMPORT("--input", in_folder("d")), ELBOW_FORMAT, "5.png: ");
    }
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (char)(bytes[i] ^ 0x55);
        put_file(in_folder("d/5.png"), bytes, count);
        (void)IMPORT("--input", in_folder("d"), "--skip-bad", NULL);
        bytes[i] = (char)(bytes[i] ^ 0x55);
    }
    free(bytes);
    put_file(in_folder("d/5.png"), "\xff\xd8\xff\xe0", 4);
    FAILS(IMPORT("--input", in_folder("d")), ELBOW_FORMAT, "5.png: not a PNG picture; it looks like a JPEG");
    OK(IMPORT("--input", in_folder("d"), "--skip-bad", NULL));
    FAILS(IMPORT("--input", in_folder("none")), ELBOW_IO, "no such folder");
    FAILS(IMPORT("--input", in_folder("d/5.png")), ELBOW_IO, "not a folder");
    empty_folder(in_folder("d"));
    FAILS(IMPORT("--input", in_folder("d")), ELBOW_FORMAT, "no .png picture in it");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_kinds, empty_test_folder),
        cmocka_unit_test_teardown(test_classes, empty_test_folder),
        cmocka_unit_test_teardown(test_bad_pictures, empty_test_folder),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}

#else

static void test_absent(void **state) {
    (void)state;
    elbow_import_request request;
    OK(elbow_import_begin(&request, "png"));
    request.input = test_folder;
    request.output = in_folder("data.h5");
    FAILS(elbow_import_run(&request), ELBOW_USAGE, "built without libpng");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_absent)};
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}

#endif
