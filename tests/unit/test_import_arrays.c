/* NumPy arrays and datasets of HDF5 files: what they become, and headers that lie. */
#include "data_files.h"

#include "base/file.h"
#include "base/h5.h"

static elbow_status import_with(const char *importer, const char *const *arguments) {
    elbow_import_request request;
    OK(elbow_import_begin(&request, importer));
    for (; *arguments != NULL; arguments += 2) OK(elbow_import_set(&request, arguments[0], arguments[1]));
    request.output = in_folder("data.h5");
    request.overwrite = true;
    return elbow_import_run(&request);
}
#define NPY(...)  import_with("npy", (const char *const[]){__VA_ARGS__, NULL})
#define HDF5(...) import_with("hdf5", (const char *const[]){__VA_ARGS__, NULL})

/* in_folder, for more paths at once than that has room for. */
static const char *at(const char *name) {
    static char paths[64][1024];
    static unsigned turn;
    return strcpy(paths[turn++ % 64], in_folder(name));
}

/* As numpy.save writes it, of a version of the format; `header` is the dictionary. */
static const char *put_npy(const char *name, int version, const char *header, const void *values,
                           size_t bytes) {
    const char *path = at(name);
    size_t length = strlen(header), wide = version > 1 ? 4 : 2;
    unsigned char start[12] = {0x93,
                               'N',
                               'U',
                               'M',
                               'P',
                               'Y',
                               (unsigned char)version,
                               0,
                               (unsigned char)length,
                               (unsigned char)(length >> 8)};
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(start, 1, 8 + wide, file), 8 + wide);
    assert_int_equal(fwrite(header, 1, length, file), length);
    assert_int_equal(fwrite(values, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
    return path;
}
#define HEADER(type, shape) "{'descr': '" type "', 'fortran_order': False, 'shape': " shape ", }   \n"

static elbow_dataset *open_data(void) {
    elbow_dataset *data = NULL;
    OK(elbow_dataset_open(&data, at("data.h5")));
    OK(elbow_dataset_verify(data));
    return data;
}

static elbow_status both(const char *path, const char *flag, const char *value) {
    return NPY("--train", path, "--test", path, flag, value);
}

static void assert_images(size_t height, size_t width, size_t channels, const uint8_t *pixels, size_t count) {
    elbow_dataset *data = open_data();
    const elbow_field *x = elbow_dataset_field(data, ELBOW_X);
    uint8_t found[256];
    assert_int_equal(x->kind, ELBOW_IMAGE);
    assert_true(x->height == height && x->width == width && x->channels == channels);
    assert_int_equal(elbow_dataset_count(data, ELBOW_TRAIN), count);
    read_pixels(data, ELBOW_TRAIN, 0, count, found);
    assert_memory_equal(found, pixels, count * height * width * channels);
    elbow_dataset_close(&data);
}

static void test_images(void **state) {
    (void)state;
    uint8_t pixels[24];
    float reals[24];
    int64_t integers[24];
    for (int i = 0; i < 24; i++) {
        pixels[i] = (uint8_t)(255 - 10 * i);
        reals[i] = (float)pixels[i] / 255;
        integers[i] = pixels[i];
    }
    for (int version = 1; version <= 3; version++) {
        OK(both(put_npy("x", version, HEADER("|u1", "(4, 2, 3)"), pixels, 24), NULL, NULL));
        assert_images(2, 3, 1, pixels, 4);
    }
    OK(both(put_npy("x", 1, HEADER("<f4", "(2, 2, 2, 3)"), reals, sizeof reals), NULL, NULL));
    assert_images(2, 2, 3, pixels, 2);
    OK(both(put_npy("x", 1, HEADER("<i8", "(2, 4, 3)"), integers, sizeof integers), NULL, NULL));
    assert_images(4, 3, 1, pixels, 2);
    OK(both(put_npy("x", 1, HEADER("|u1", "(2L, 12L)"), pixels, 24), NULL, NULL));
    assert_images(1, 12, 1, pixels, 2);
    OK(both(at("x"), "--shape", "2x2x3"));
    assert_images(2, 2, 3, pixels, 2);
    FAILS(both(at("x"), "--shape", "5x2"), ELBOW_USAGE, "5x2 is 10 values, but an example of ");
    FAILS(both(at("x"), "--shape", "12"), ELBOW_USAGE, "is no size; give 28x28");
    FAILS(both(at("x"), "--shape", "-3x-4"), ELBOW_USAGE, "is no size");
    FAILS(both(at("x"), "--channels", "middle"), ELBOW_USAGE, "neither first nor last");
    /* (N, C, H, W): channel c of pixel p is at c · 4 + p. */
    uint8_t moved[24];
    for (int n = 0; n < 2; n++)
        for (int c = 0; c < 3; c++)
            for (int p = 0; p < 4; p++) moved[n * 12 + p * 3 + c] = pixels[n * 12 + c * 4 + p];
    OK(both(put_npy("x", 1, HEADER("|u1", "(2, 3, 2, 2)"), pixels, 24), "--channels", "first"));
    assert_images(2, 2, 3, moved, 2);
    FAILS(both(put_npy("x", 1, HEADER("|u1", "(2, 1, 2, 6)"), pixels, 24), NULL, NULL), ELBOW_FORMAT,
          "give --channels first");
    /* No pixels. */
    reals[7] = 1.01F;
    FAILS(both(put_npy("x", 1, HEADER("<f4", "(2, 4, 3)"), reals, sizeof reals), NULL, NULL), ELBOW_FORMAT,
          "row 0 (from 0): value 7 is 1.01, which is no pixel; reals are to be within 0 and 1 (2 bad rows");
    integers[20] = 256;
    put_npy("x", 1, HEADER("<i8", "(8, 3, 1)"), integers, sizeof integers);
    FAILS(both(at("x"), NULL, NULL), ELBOW_FORMAT, "row 6 (from 0): value 2 is 256");
    OK(NPY("--train", at("x"), "--test", at("x"), "--skip-bad", NULL));
    memcpy(pixels + 18, pixels + 21, 3); /* the seventh of eight is left out */
    assert_images(3, 1, 1, pixels, 7);
}

static void test_tables(void **state) {
    (void)state;
    const double reals[] = {1, (double)NAN, 3, 7, 5, 7};
    OK(both(put_npy("x", 1, HEADER("<f8", "(3, 2)"), reals, sizeof reals), NULL, NULL));
    elbow_dataset *data = open_data();
    const elbow_column *columns = elbow_dataset_field(data, ELBOW_X)->columns;
    real rows[6];
    assert_true(columns[0].mean == 3 && fabs(columns[0].scale - sqrt(8.0 / 3)) < 1e-12 &&
                !columns[0].missing);
    assert_true(columns[1].mean == 7 && columns[1].scale == 1 && columns[1].missing);
    read_reals(data, ELBOW_TEST, ELBOW_X, 0, 3, rows);
    assert_true(fabs((double)rows[0] + sqrt(1.5)) < 1e-6 && rows[2] == 0 && rows[3] == 0);
    elbow_dataset_close(&data);
    OK(both(at("x"), "--as-is", NULL));
    data = open_data();
    read_reals(data, ELBOW_TEST, ELBOW_X, 0, 3, rows);
    assert_true(rows[0] == 1 && rows[2] == 3 && rows[5] == 7);
    elbow_dataset_close(&data);

    const int16_t integers[] = {-300, 10, 9, 10, -300, 9};
    OK(both(put_npy("x", 1, HEADER("<i2", "(3, 2)"), integers, sizeof integers), NULL, NULL));
    data = open_data();
    columns = elbow_dataset_field(data, ELBOW_X)->columns;
    assert_true(columns[0].cardinality == 2 && strcmp(columns[0].words[0], "-300") == 0);
    assert_true(columns[1].cardinality == 2 && strcmp(columns[1].words[1], "10") == 0);
    read_reals(data, ELBOW_TEST, ELBOW_X, 0, 3, rows);
    assert_true(rows[0] == 0 && rows[1] == 1 && rows[2] == 1 && rows[5] == 0);
    elbow_dataset_close(&data);
}

/* Every type of element says the same numbers. */
static void test_types(void **state) {
    (void)state;
    static const struct {
        const char *header, *bytes;
        size_t count;
    } same[] = {{HEADER("<f4", "(2,)"), "\0\0\xa0\x3f\0\0\x20\xc0", 8},
                {HEADER(">f4", "(2,)"), "\x3f\xa0\0\0\xc0\x20\0\0", 8},
                {HEADER("<f8", "(2,)"), "\0\0\0\0\0\0\xf4\x3f\0\0\0\0\0\0\x04\xc0", 16},
                {HEADER("<f2", "(2,)"), "\0\x3d\0\xc1", 4},
                {HEADER(">f2", "(2, 1)"), "\x3d\0\xc1\0", 4}};
    real found[2];
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        OK(both(put_npy("x", 1, same[i].header, same[i].bytes, same[i].count), "--as-is", NULL));
        elbow_dataset *data = open_data();
        read_reals(data, ELBOW_TRAIN, ELBOW_X, 0, 2, found);
        assert_true(found[0] == (real)1.25 && found[1] == (real)-2.5);
        elbow_dataset_close(&data);
    }
    OK(both(put_npy("x", 1, HEADER(">i4", "(2,)"), "\xff\xff\xff\xfe\0\0\1\0", 8), NULL, NULL));
    elbow_dataset *data = open_data();
    const elbow_column *column = elbow_dataset_field(data, ELBOW_X)->columns;
    assert_string_equal(column->words[0], "-2");
    assert_string_equal(column->words[1], "256");
    elbow_dataset_close(&data);
}

static void test_labels(void **state) {
    (void)state;
    const uint8_t pixels[] = {1, 2, 3, 4, 5, 6};
    const int64_t labels[] = {7, 2, 7}, others[] = {2, 3, 7};
    const double halves[] = {1, 2.5, 1};
    put_npy("x", 1, HEADER("|u1", "(3, 2)"), pixels, 6);
    put_npy("y", 1, HEADER("<i8", "(3,)"), labels, sizeof labels);
    put_npy("z", 1, HEADER("<i8", "(3, 1)"), others, sizeof others);
    put_npy("w", 1, HEADER("<f8", "(3,)"), halves, sizeof halves);
    const char *x = at("x"), *y = at("y"), *z = at("z");
    OK(NPY("--train", x, "--train-labels", y, "--test", x, "--test-labels", y));
    elbow_dataset *data = open_data();
    const elbow_column *column = elbow_dataset_field(data, ELBOW_Y)->columns;
    real codes[3];
    assert_true(column->cardinality == 2 && strcmp(column->words[0], "2") == 0);
    read_reals(data, ELBOW_TEST, ELBOW_Y, 0, 3, codes);
    assert_true(codes[0] == 1 && codes[1] == 0 && codes[2] == 1);
    elbow_dataset_close(&data);
    FAILS(NPY("--train", x, "--train-labels", y, "--test", x, "--test-labels", z), ELBOW_FORMAT,
          "z: row 1 (from 0): its label 3 is nowhere in the training split");
    FAILS(NPY("--input", x, "--labels", x), ELBOW_FORMAT, "labels of shape (3, 2)");
    FAILS(NPY("--input", x, "--labels", at("w")), ELBOW_FORMAT, "its label is 2.5");
    FAILS(NPY("--train", x, "--test", x, "--labels", y), ELBOW_USAGE, "--labels are of --input");
    FAILS(NPY("--train", x, "--test", x, "--valid-labels", y), ELBOW_USAGE, "give --valid too");
    put_npy("y", 1, HEADER("<i8", "(2,)"), labels, 16);
    FAILS(NPY("--input", x, "--labels", at("y")), ELBOW_FORMAT, "2 labels for the 3 examples");
    OK(NPY("--input", x));
}

static void test_headers_that_lie(void **state) {
    (void)state;
    static const struct {
        int version;
        const char *header, *words;
    } wrong[] = {
        {1, HEADER("<f4", "(3, 1)"), "its header says 3 examples and it ends after 2"},
        {1, HEADER("<f4", "(1, 1)"), "goes on after the 1 examples"},
        {1, HEADER("<f4", "(2, 99999, 99999)"), "an example has 1 to"},
        {1, HEADER("<f4", "(999999999999999, 2)"), "it ends after 1"},
        {1, HEADER("<f4", "(0, 2)"), "goes on after the 0"},
        {1, HEADER("<f4", "(2, 0)"), "its shape is (2, 0)"},
        {1, HEADER("<f4", "()"), "a single number"},
        {1, HEADER("<f4", "(1, 1, 1, 1, 2)"), "its shape (1, 1, 1, 1, 2) cannot be used"},
        {1, HEADER("<f4", "(2, -1)"), "cannot be used"},
        {1, HEADER("<f4", "(2"), "cannot be used"},
        {1, HEADER("|O", "(2,)"), "elements of type '|O'"},
        {1, HEADER("<U7", "(2,)"), "elements of type"},
        {1, HEADER("<c8", "(2,)"), "elements of type"},
        {1, HEADER("<f0", "(2,)"), "elements of type"},
        {1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", "elements of type"},
        {1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 1)}", "numpy.ascontiguousarray"},
        {1, "{'descr': '<f4', 'shape': (2,)}", "its header lacks"},
        {1, "", "its header lacks"},
        {4, HEADER("<f4", "(2,)"), "version 4.0"},
    };
    const float values[] = {1, 2};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        put_npy("x", wrong[i].version, wrong[i].header, values, sizeof values);
        FAILS(both(at("x"), NULL, NULL), ELBOW_FORMAT, wrong[i].words);
    }
    assert_false(elbow_file_exists(at("data.h5")));
    put_file(at("x"), "\x93NUMPY\1\0\xff\xff{", 11);
    FAILS(both(at("x"), NULL, NULL), ELBOW_FORMAT, "ends within its header");
    put_file(at("x"), "\x93NUMPY\2\0\xff\xff\xff\xff", 12);
    FAILS(both(at("x"), NULL, NULL), ELBOW_FORMAT, "a header of 4294967295 bytes");
    put_file(at("x"), "a,b\n1,2\n", 8);
    FAILS(both(at("x"), NULL, NULL), ELBOW_FORMAT, "not a NumPy array: it looks like text");
    put_file(at("x"), "", 0);
    FAILS(both(at("x"), NULL, NULL), ELBOW_FORMAT, "an empty file");
    FAILS(both(at("none"), NULL, NULL), ELBOW_IO, "no such file");
    put_npy("x", 1, HEADER("<f4", "(2,)"), values, 8);
    put_npy("y", 1, HEADER("<f4", "(1, 2)"), values, 8);
    FAILS(NPY("--train", at("x"), "--test", at("y")), ELBOW_FORMAT, "shape (1, 2), but ");
}

/* -------------------------------------------------------------------------------------------- HDF5 */

static const char *put_h5(void) {
    elbow_h5 *file = NULL;
    const char *path = at("f.h5");
    uint8_t pixels[24];
    float reals[24];
    int64_t labels[4] = {1, 0, 1, 0};
    for (int i = 0; i < 24; i++) pixels[i] = (uint8_t)(10 * i), reals[i] = (float)i;
    OK(elbow_h5_create_disk(&file, path, path));
    OK(elbow_h5_write(file, "/images", ELBOW_H5_U8, (elbow_h5_shape){3, {4, 2, 3}}, 0, 0, pixels));
    OK(elbow_h5_write(file, "/labels", ELBOW_H5_I64, (elbow_h5_shape){1, {4}}, 0, 0, labels));
    OK(elbow_h5_write(file, "/deep/reals", ELBOW_H5_F32, (elbow_h5_shape){2, {12, 2}}, 5, 4, reals));
    OK(elbow_h5_write_text(file, "/text", "words"));
    OK(elbow_h5_close(&file));
    return path;
}

static void test_h5(void **state) {
    (void)state;
    const char *path = put_h5();
    static const char list[] =
        "it has /deep/reals (12, 2) reals, /images (4, 2, 3) bytes, /labels (4) integers";
    uint8_t pixels[24];
    for (int i = 0; i < 24; i++) pixels[i] = (uint8_t)(10 * i);
    FAILS(HDF5("--input", path), ELBOW_USAGE, list);
    FAILS(HDF5("--input", path, "--x", "image"), ELBOW_USAGE, list);
    OK(HDF5("--train", path, "--test", path, "--x", "images", "--y", "labels"));
    assert_images(2, 3, 1, pixels, 4);
    elbow_dataset *data = open_data();
    assert_int_equal(classes_of(data), 2);
    elbow_dataset_close(&data);
    OK(HDF5("--input", path, "--train-x", "/deep/reals", "--test-x", "deep/reals", "--as-is", NULL));
    data = open_data();
    real rows[24];
    read_reals(data, ELBOW_TEST, ELBOW_X, 0, 12, rows);
    for (int i = 0; i < 24; i++) assert_true(rows[i] == (real)i);
    elbow_dataset_close(&data);
    OK(HDF5("--input", path, "--x", "labels", "--split", "0.5,0,0.5"));
    FAILS(HDF5("--input", path, "--x", "text"), ELBOW_FORMAT, "/text does not hold numbers");
    FAILS(HDF5("--input", path, "--x", "images", "--y", "deep/reals"), ELBOW_FORMAT,
          "labels of shape (12, 2)");
    FAILS(HDF5("--input", path, "--train-x", "images"), ELBOW_USAGE, "--test-x is missing");
    FAILS(HDF5("--input", path, "--x", "images", "--test-y", "labels"), ELBOW_USAGE, "give --test-x too");
    FAILS(HDF5("--input", path, "--x", "images", "--train-x", "images", "--test-x", "images"), ELBOW_USAGE,
          "give one of the two");
    char *bytes = NULL;
    size_t count = 0;
    OK(elbow_file_read(path, 1 << 20, &bytes, &count));
    put_file(at("cut.h5"), bytes, count / 2);
    free(bytes);
    assert_int_not_equal(HDF5("--input", at("cut.h5"), "--x", "images"), ELBOW_OK);
}

/* A black upper and a white lower half: both have the scale of the whole. */
static void test_halves(void **state) {
    (void)state;
    static const uint8_t pixels[4] = {0, 0, 255, 255};
    static const float reals[4] = {0, 1, 2, 3};
    const char *images = put_npy("images.npy", 1, HEADER("|u1", "(1, 2, 2)"), pixels, sizeof pixels);
    const char *table = put_npy("table.npy", 1, HEADER("<f4", "(2, 2)"), reals, sizeof reals);
    OK(both(images, "--context", "upper"));
    elbow_dataset *data = open_data();
    for (size_t i = 0; i < 2; i++) {
        const elbow_field *field = elbow_dataset_field(data, i == 0 ? ELBOW_X : ELBOW_CONTEXT);
        assert_true(field->height == 1 && field->width == 2 && field->maximum == 255 && field->binary);
    }
    elbow_dataset_close(&data);
    FAILS(both(table, "--context", "upper"), ELBOW_USAGE, "these examples are a table");
    images = put_npy("flat.npy", 1, HEADER("|u1", "(1, 4)"), pixels, sizeof pixels);
    FAILS(both(images, "--context", "upper"), ELBOW_USAGE, "1 rows and 4 columns");
    OK(both(images, "--context", "left"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_images, empty_test_folder),
        cmocka_unit_test_teardown(test_tables, empty_test_folder),
        cmocka_unit_test_teardown(test_types, empty_test_folder),
        cmocka_unit_test_teardown(test_labels, empty_test_folder),
        cmocka_unit_test_teardown(test_headers_that_lie, empty_test_folder),
        cmocka_unit_test_teardown(test_h5, empty_test_folder),
        cmocka_unit_test_teardown(test_halves, empty_test_folder),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
