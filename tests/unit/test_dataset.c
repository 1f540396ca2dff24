/* The one data layout: what a file that is not it says, and what damage does. */
#include "data_files.h"

#include "../tools/idx_files.h"
#include "base/file.h"
#include "base/h5.h"

enum { TRAIN = 700, TEST = 30 };

static const char *make_data(uint64_t seed) {
    const char *path = in_folder("data.h5");
    assert_true(idx_make(in_folder("train"), in_folder("train-labels"), TRAIN, seed, 255, false));
    assert_true(idx_make(in_folder("test"), in_folder("test-labels"), TEST, seed + 1, 255, false));
    idx_request request = {.inputs = {[ELBOW_TRAIN] = in_folder("train"), [ELBOW_TEST] = in_folder("test")},
                           .labels = {[ELBOW_TRAIN] = in_folder("train-labels")},
                           .output = path,
                           .overwrite = true};
    OK(import_idx(&request));
    return path;
}

static void test_rows(void **state) {
    (void)state;
    elbow_dataset *data = NULL;
    static uint8_t all[TRAIN][IDX_PIXELS], some[TRAIN][IDX_PIXELS];
    OK(elbow_dataset_open(&data, make_data(1)));
    read_pixels(data, ELBOW_TRAIN, 0, TRAIN, all[0]);
    /* Across chunks, one row, the last row, none. */
    const size_t parts[][2] = {{250, 20}, {0, 1}, {TRAIN - 1, 1}, {TRAIN, 0}, {255, 300}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        read_pixels(data, ELBOW_TRAIN, parts[i][0], parts[i][1], some[0]);
        assert_memory_equal(some, (const uint8_t *)all + parts[i][0] * IDX_PIXELS, parts[i][1] * IDX_PIXELS);
    }
    FAILS(try_slice(data, ELBOW_TRAIN, ELBOW_X, TRAIN - 1, 2), ELBOW_FORMAT, "700 rows");
    FAILS(try_slice(data, ELBOW_VALID, ELBOW_X, 0, 1), ELBOW_FORMAT, "no valid split");
    FAILS(try_slice(data, ELBOW_TEST, ELBOW_Y, 0, 1), ELBOW_FORMAT, "--test-labels");
    FAILS(try_slice(data, ELBOW_TRAIN, ELBOW_CONTEXT, 0, 1), ELBOW_FORMAT, "no field context");
    assert_true(elbow_dataset_has_labels(data, ELBOW_TRAIN));
    assert_false(elbow_dataset_has_labels(data, ELBOW_TEST));
    elbow_dataset_close(&data);
    assert_null(data);
}

/* The same data have the same checksum, others another: one pixel, one label. */
static void test_checksum(void **state) {
    (void)state;
    char sums[3][17];
    for (uint64_t i = 0; i < 3; i++) {
        elbow_dataset *data = NULL;
        OK(elbow_dataset_open(&data, make_data(i / 2)));
        snprintf(sums[i], sizeof sums[i], "%s", elbow_dataset_checksum(data));
        assert_int_equal(strlen(sums[i]), 16);
        elbow_dataset_close(&data);
    }
    assert_string_equal(sums[0], sums[1]);
    assert_string_not_equal(sums[1], sums[2]);
}

/* A data file written by hand; `wrong` says what is wrong with it. */
typedef struct hand {
    const char *format, *kind;
    int64_t version, height, maximum, test_height;
    size_t rows, columns, test_rows, labels;
    bool no_test;
} hand;

static const hand right = {"elbow-data", "image", 1, 2, 255, 2, 5, 6, 4, 5, false};

static void write_field(elbow_h5 *file, const char *name, const hand *made, size_t rows, int64_t height) {
    static const uint8_t zeros[4096];
    OK(elbow_h5_write(file, name, ELBOW_H5_U8, (elbow_h5_shape){2, {rows, made->columns}}, 0, 0, zeros));
    OK(elbow_h5_set_text(file, name, "kind", made->kind));
    OK(elbow_h5_set_integer(file, name, "height", height));
    OK(elbow_h5_set_integer(file, name, "width", 3));
    OK(elbow_h5_set_integer(file, name, "channels", 1));
    OK(elbow_h5_set_integer(file, name, "maximum", made->maximum));
}

static elbow_status open_hand(const hand *made) {
    static const uint8_t zeros[64];
    elbow_h5 *file = NULL;
    elbow_dataset *data = NULL;
    void *bytes = NULL;
    size_t count = 0;
    OK(elbow_h5_create_memory(&file, "by hand"));
    if (made->format != NULL) OK(elbow_h5_set_text(file, "/", "format", made->format));
    OK(elbow_h5_set_integer(file, "/", "version", made->version));
    write_field(file, "/train/x", made, made->rows, made->height);
    if (!made->no_test) write_field(file, "/test/x", made, made->test_rows, made->test_height);
    OK(elbow_h5_write(file, "/train/y", ELBOW_H5_U8, (elbow_h5_shape){1, {made->labels}}, 0, 0, zeros));
    OK(elbow_h5_set_text(file, "/train/y", "kind", "category"));
    OK(elbow_h5_set_integer(file, "/train/y", "cardinality", 3));
    OK(elbow_h5_image(file, &bytes, &count));
    OK(elbow_h5_close(&file));
    put_file(in_folder("hand.h5"), bytes, count);
    free(bytes);
    elbow_status status = elbow_dataset_open(&data, in_folder("hand.h5"));
    if (status != ELBOW_OK) assert_null(data);
    elbow_dataset_close(&data);
    return status;
}

static void test_by_hand(void **state) {
    (void)state;
    OK(open_hand(&right));
    hand made = right;
    made.format = "elbow-checkpoint";
    FAILS(open_hand(&made), ELBOW_FORMAT, "elbow import");
    made.format = NULL;
    FAILS(open_hand(&made), ELBOW_FORMAT, "elbow import");
    made = right, made.version = 2;
    FAILS(open_hand(&made), ELBOW_FORMAT, "version 2");
    made = right, made.kind = "sequence";
    FAILS(open_hand(&made), ELBOW_FORMAT, "no dataset /x");
    made = right, made.kind = "sound";
    FAILS(open_hand(&made), ELBOW_FORMAT, "kind sound");
    made = right, made.height = made.test_height = 3;
    FAILS(open_hand(&made), ELBOW_FORMAT, "/train/x is not (examples, 9)");
    made = right, made.height = made.test_height = -1;
    FAILS(open_hand(&made), ELBOW_FORMAT, "height of /train/x is -1");
    made = right, made.height = made.test_height = INT64_MAX;
    FAILS(open_hand(&made), ELBOW_FORMAT, "cannot be");
    made = right, made.height = made.test_height = 1 << 24;
    FAILS(open_hand(&made), ELBOW_FORMAT, "too large");
    made = right, made.test_height = 1;
    FAILS(open_hand(&made), ELBOW_FORMAT, "/test/x is not described as");
    made = right, made.maximum = 16;
    FAILS(open_hand(&made), ELBOW_FORMAT, "maximum");
    made = right, made.rows = made.labels = 0;
    FAILS(open_hand(&made), ELBOW_FORMAT, "/train/x");
    made = right, made.labels = 4;
    FAILS(open_hand(&made), ELBOW_FORMAT, "/train/y");
    made = right, made.no_test = true;
    FAILS(open_hand(&made), ELBOW_FORMAT, "/test/x");
}

/* Whatever bit of a data file is flipped: nothing crashes, and a value that changed is seen by verify. */
static void test_flipped_bits(void **state) {
    (void)state;
    char *bytes = NULL;
    size_t count = 0, seen = 0, tried = 0;
    static uint8_t right_values[TRAIN * IDX_PIXELS], values[TRAIN * IDX_PIXELS];
    const char *path = make_data(1);
    elbow_dataset *data = NULL;
    OK(elbow_dataset_open(&data, path));
    read_pixels(data, ELBOW_TRAIN, 0, TRAIN, right_values);
    elbow_dataset_close(&data);
    OK(elbow_file_read(path, 1 << 24, &bytes, &count));
    for (size_t at = 0; at < count; at += 1 + count / 400, tried++) {
        bytes[at] = (char)(bytes[at] ^ 1 << at % 8);
        put_file(path, bytes, count);
        bytes[at] = (char)(bytes[at] ^ 1 << at % 8);
        bool good = elbow_dataset_open(&data, path) == ELBOW_OK && elbow_dataset_verify(data) == ELBOW_OK;
        if (good) {
            read_pixels(data, ELBOW_TRAIN, 0, TRAIN, values);
            assert_int_equal(elbow_dataset_count(data, ELBOW_TRAIN), TRAIN);
            assert_memory_equal(values, right_values, sizeof values);
        }
        seen += !good;
        elbow_dataset_close(&data);
    }
    print_message("%zu of %zu flipped bits were seen; the others changed no value\n", seen, tried);
    assert_true(seen > tried / 3);
    for (size_t length = 0; length < count; length += 1 + count / 40) {
        put_file(path, bytes, length);
        FAILS(elbow_dataset_open(&data, path), ELBOW_FORMAT, path);
        assert_null(data);
    }
    free(bytes);
}

static void test_names(void **state) {
    (void)state;
    elbow_split split = ELBOW_TRAIN;
    elbow_binarize binarize = ELBOW_BINARIZE_NONE;
    for (elbow_split s = 0; s < ELBOW_SPLITS; s++) {
        OK(elbow_split_find(elbow_split_name(s), &split));
        assert_int_equal(split, s);
    }
    FAILS(elbow_split_find("tset", &split), ELBOW_USAGE, "did you mean test?");
    OK(elbow_binarize_find("dynamic", &binarize));
    assert_int_equal(binarize, ELBOW_BINARIZE_DYNAMIC);
    FAILS(elbow_binarize_find("dinamic", &binarize), ELBOW_USAGE, "dynamic");
    elbow_dataset *data = NULL;
    FAILS(elbow_dataset_open(&data, in_folder("none.h5")), ELBOW_IO, "no such file");
    assert_null(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_rows, empty_test_folder),
        cmocka_unit_test_teardown(test_checksum, empty_test_folder),
        cmocka_unit_test_teardown(test_by_hand, empty_test_folder),
        cmocka_unit_test_teardown(test_flipped_bits, empty_test_folder),
        cmocka_unit_test_teardown(test_names, empty_test_folder),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
