/* IDX files in, one data file out: what is there, and everything that may be wrong with what comes. */
#include "data_files.h"

#include <unistd.h>
#include <zlib.h>

#include "../tools/idx_files.h"
#include "base/file.h"

/* train and test of a known law, with labels; `white` is the value of a set pixel. */
static idx_request make_files(uint32_t train, uint32_t test, uint8_t white, bool gzip) {
    static char paths[5][1024];
    const char *names[5] = {"train", "train-labels", "test", "test-labels", "data.h5"};
    for (size_t i = 0; i < 5; i++) snprintf(paths[i], sizeof paths[0], "%s", in_folder(names[i]));
    assert_true(idx_make(paths[0], paths[1], train, 1, white, gzip));
    assert_true(idx_make(paths[2], paths[3], test, 2, white, gzip));
    return (idx_request){.inputs = {[ELBOW_TRAIN] = paths[0], [ELBOW_TEST] = paths[2]},
                         .labels = {[ELBOW_TRAIN] = paths[1], [ELBOW_TEST] = paths[3]},
                         .output = paths[4]};
}

static void assert_nothing_made(const idx_request *request, size_t files) {
    assert_false(elbow_file_exists(request->output));
    assert_int_equal(count_files(test_folder), files);
}

static void check_contents(const idx_request *request, uint32_t train, uint8_t white) {
    elbow_dataset *data = NULL;
    OK(elbow_dataset_open(&data, request->output));
    assert_int_equal(elbow_dataset_count(data, ELBOW_TRAIN), train);
    assert_int_equal(elbow_dataset_count(data, ELBOW_TEST), 10);
    assert_int_equal(elbow_dataset_count(data, ELBOW_VALID), 0);
    const elbow_field *field = elbow_dataset_field(data, ELBOW_X);
    assert_int_equal(field->kind, ELBOW_IMAGE);
    assert_int_equal(field->height, IDX_SIDE);
    assert_int_equal(field->width, IDX_SIDE);
    assert_int_equal(field->channels, 1);
    assert_int_equal(field->dimensions, IDX_PIXELS);
    assert_int_equal(field->maximum, white);
    assert_true(field->binary);
    assert_int_equal(classes_of(data), IDX_PATTERNS);
    uint64_t seed = 1;
    uint8_t *images = malloc((size_t)train * IDX_PIXELS);
    real *labels = malloc(train * sizeof *labels);
    assert_true(images != NULL && labels != NULL);
    read_pixels(data, ELBOW_TRAIN, 0, train, images);
    read_reals(data, ELBOW_TRAIN, ELBOW_Y, 0, train, labels);
    for (uint32_t i = 0; i < train; i++) {
        uint8_t expected[IDX_PIXELS], expected_label;
        idx_draw(&seed, white, expected, &expected_label);
        assert_memory_equal(images + i * IDX_PIXELS, expected, IDX_PIXELS);
        assert_true(labels[i] == (real)expected_label);
    }
    free(images);
    free(labels);
    OK(elbow_dataset_verify(data));
    elbow_dataset_close(&data);
}

/* Plain and gzip give the same bytes, over one chunk and several. */
static void test_contents(void **state) {
    (void)state;
    char *plain = NULL, *gzip = NULL;
    size_t plain_count = 0, gzip_count = 0;
    for (int white = 1; white < 256; white += 254) {
        idx_request request = make_files(600, 10, (uint8_t)white, false);
        request.overwrite = white != 1;
        OK(import_idx(&request));
        check_contents(&request, 600, (uint8_t)white);
        OK(elbow_file_read(request.output, 1 << 24, &plain, &plain_count));
        assert_int_equal(count_files(test_folder), 5);
        request = make_files(600, 10, (uint8_t)white, true);
        request.overwrite = true;
        OK(import_idx(&request));
        OK(elbow_file_read(request.output, 1 << 24, &gzip, &gzip_count));
        assert_int_equal(plain_count, gzip_count);
        assert_memory_equal(plain, gzip, plain_count);
        free(plain), free(gzip);
    }
}

/* `maximum` and `binary` are of all splits together: one grey pixel in the test split makes all grey. */
static void test_grey_anywhere(void **state) {
    (void)state;
    idx_request request = make_files(20, 10, 1, false);
    char *bytes = NULL;
    size_t count = 0;
    OK(elbow_file_read(request.inputs[ELBOW_TEST], 1 << 20, &bytes, &count));
    bytes[count - 1] = 7;
    put_file(request.inputs[ELBOW_TEST], bytes, count);
    free(bytes);
    OK(import_idx(&request));
    elbow_dataset *data = NULL;
    OK(elbow_dataset_open(&data, request.output));
    assert_int_equal(elbow_dataset_field(data, ELBOW_X)->maximum, 255);
    assert_false(elbow_dataset_field(data, ELBOW_X)->binary);
    elbow_dataset_close(&data);
}

static void test_channels_and_valid(void **state) {
    (void)state;
    uint8_t bytes[4 + 16 + 2 * 3 * 2 * 3];
    size_t header = idx_header(bytes, 4, (const uint32_t[]){2, 3, 2, 3});
    for (size_t i = header; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 5);
    const char *path = in_folder("colour");
    assert_true(idx_put(path, bytes, sizeof bytes, true));
    idx_request request = {.inputs = {path, path, path}, .output = in_folder("data.h5")};
    OK(import_idx(&request));
    elbow_dataset *data = NULL;
    OK(elbow_dataset_open(&data, request.output));
    const elbow_field *field = elbow_dataset_field(data, ELBOW_X);
    assert_true(field->height == 3 && field->width == 2 && field->channels == 3 && field->dimensions == 18);
    uint8_t values[36];
    read_pixels(data, ELBOW_VALID, 0, 2, values);
    assert_memory_equal(values, bytes + header, 36);
    FAILS(try_slice(data, ELBOW_TRAIN, ELBOW_Y, 0, 1), ELBOW_FORMAT, "--train-labels");
    assert_int_equal(classes_of(data), 0);
    elbow_dataset_close(&data);
}

/* Replaces the training images by `bytes` and expects the import to fail and leave nothing. */
static void expect(const void *bytes, size_t count, elbow_status expected, const char *words) {
    idx_request request = make_files(20, 10, 255, true);
    put_file(request.inputs[ELBOW_TRAIN], bytes, count);
    FAILS(import_idx(&request), expected, words);
    FAILS(expected, expected, request.inputs[ELBOW_TRAIN]);
    assert_nothing_made(&request, 4);
}

static void test_not_idx(void **state) {
    (void)state;
    static const char float_magic[] = "\0\0\x0d\x03\0\0\0\1\0\0\0\1\0\0\0\1abcd",
                      two[] = "\0\0\x08\x02\0\0\0\1\0\0\0\1a";
    expect("\x89PNG\r\n\x1a\n....", 12, ELBOW_FORMAT, "a PNG picture");
    expect("<!DOCTYPE html><html>404", 24, ELBOW_FORMAT, "a web page");
    expect("one,two,three\n1,2,3\n", 20, ELBOW_FORMAT, "text");
    expect("\xde\xad\xbe\xef\1\2\3\4", 8, ELBOW_FORMAT, "de ad be ef");
    expect("", 0, ELBOW_FORMAT, "empty file");
    expect("\0", 1, ELBOW_FORMAT, "not an IDX file");
    expect("\0\0\x08", 3, ELBOW_FORMAT, "not an IDX file");
    expect(float_magic, sizeof float_magic - 1, ELBOW_FORMAT, "unsigned bytes");
    expect(two, sizeof two - 1, ELBOW_FORMAT, "0x00000802");
    expect("\0\0\x08\x03\0\0\0\1\0\0", 10, ELBOW_FORMAT, "ends within its header");
}

static void expect_header(uint32_t n, uint32_t height, uint32_t width, size_t bytes_after,
                          const char *words) {
    static uint8_t bytes[16 + 4096];
    idx_header(bytes, 3, (const uint32_t[]){n, height, width});
    expect(bytes, 16 + bytes_after, ELBOW_FORMAT, words);
}

/* Sizes are claims: seen to be wrong at once, and without the memory that they would take. */
static void test_sizes_that_lie(void **state) {
    (void)state;
    struct rlimit before, small;
    getrlimit(RLIMIT_AS, &before);
    small = before;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
    small.rlim_cur = (rlim_t)1 << 30;
#endif
    setrlimit(RLIMIT_AS, &small);
    expect_header(1u << 31, 28, 28, 10, "2147483648 examples and it ends after 0");
    expect_header(UINT32_MAX, 1, 1, 4000, "ends after 4000");
    expect_header(1, 4096, 4096, 10, "ends after 0");
    expect_header(1, UINT32_MAX, UINT32_MAX, 10, "are possible");
    expect_header(1, 1 << 16, 1 << 16, 10, "are possible");
    expect_header(1, 0, 28, 0, "are possible");
    expect_header(0, 28, 28, 0, "empty split");
    expect_header(3, 12, 12, 3 * 144 - 1, "says 3 examples and it ends after 2");
    expect_header(3, 12, 12, 3 * 144 + 1, "goes on after the 3 examples");
    setrlimit(RLIMIT_AS, &before);
}

static void test_gzip_damaged(void **state) {
    (void)state;
    idx_request request = make_files(300, 10, 255, true);
    char *bytes = NULL;
    size_t count = 0;
    OK(elbow_file_read(request.inputs[ELBOW_TRAIN], 1 << 24, &bytes, &count));
    const size_t lengths[] = {2, 5, 11, 20, count / 2, count - 9, count - 1};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        expect(bytes, lengths[i], ELBOW_FORMAT, "cut short");
    char *longer = malloc(count + 512);
    memcpy(longer, bytes, count);
    memset(longer + count, 'x', 512);
    expect(longer, count + 512, ELBOW_FORMAT, "other bytes follow");
    longer[count / 2] ^= 0x10;
    expect(longer, count, ELBOW_FORMAT, "train");
    memcpy(longer, bytes, count);
    longer[count - 6] ^= 1; /* the CRC */
    expect(longer, count, ELBOW_FORMAT, "damaged");
    /* Zeros to the end of a block are what some media add. */
    request = make_files(300, 10, 255, true);
    memcpy(longer, bytes, count);
    memset(longer + count, 0, 512);
    put_file(request.inputs[ELBOW_TRAIN], longer, count + 512);
    OK(import_idx(&request));
    check_contents(&request, 300, 255);
    free(longer);
    free(bytes);
}

/* Two gzip members after one another are one file (pigz and bgzip write so). */
static void test_gzip_members(void **state) {
    (void)state;
    idx_request request = make_files(300, 10, 255, false);
    char *bytes = NULL;
    size_t count = 0;
    OK(elbow_file_read(request.inputs[ELBOW_TRAIN], 1 << 24, &bytes, &count));
    for (size_t half = 0; half < 2; half++) {
        gzFile file = gzopen(request.inputs[ELBOW_TRAIN], half ? "ab" : "wb");
        const char *part = half ? bytes + count / 2 : bytes;
        size_t part_count = half ? count - count / 2 : count / 2;
        assert_int_equal(gzwrite(file, part, (unsigned)part_count), part_count);
        assert_int_equal(gzclose(file), Z_OK);
    }
    free(bytes);
    OK(import_idx(&request));
    check_contents(&request, 300, 255);
}

static void test_files_that_do_not_belong_together(void **state) {
    (void)state;
    idx_request request = make_files(20, 10, 255, true), other = request;
    other.labels[ELBOW_TRAIN] = request.labels[ELBOW_TEST];
    FAILS(import_idx(&other), ELBOW_FORMAT, "10 labels for the 20 images");
    other = request;
    other.labels[ELBOW_TRAIN] = request.inputs[ELBOW_TRAIN];
    FAILS(import_idx(&other), ELBOW_FORMAT, "these are images");
    other = request;
    other.inputs[ELBOW_TEST] = request.labels[ELBOW_TEST];
    FAILS(import_idx(&other), ELBOW_FORMAT, "these are labels");
    other = request;
    other.inputs[ELBOW_TEST] = in_folder("none");
    FAILS(import_idx(&other), ELBOW_IO, "none: no such file");
    other.inputs[ELBOW_TEST] = test_folder;
    FAILS(import_idx(&other), ELBOW_IO, "is a directory");
    uint8_t small[16 + 4];
    idx_header(small, 3, (const uint32_t[]){1, 2, 2});
    memset(small + 16, 0, 4);
    put_file(request.inputs[ELBOW_TEST], small, sizeof small);
    FAILS(import_idx(&request), ELBOW_FORMAT, "images of 2×2×1");
    assert_nothing_made(&request, 4);
}

static void test_output(void **state) {
    (void)state;
    idx_request request = make_files(20, 10, 255, true), other = request;
    other.output = in_folder("none/data.h5");
    FAILS(import_idx(&other), ELBOW_IO, "directory does not exist");
    other.output = test_folder;
    FAILS(import_idx(&other), ELBOW_IO, "is a directory");
    other.output = NULL;
    FAILS(import_idx(&other), ELBOW_USAGE, "-o");
    other = request;
    other.inputs[ELBOW_TEST] = NULL;
    FAILS(import_idx(&other), ELBOW_USAGE, "--test");
    other = request;
    other.labels[ELBOW_VALID] = request.labels[ELBOW_TEST];
    FAILS(import_idx(&other), ELBOW_USAGE, "--valid");
    assert_nothing_made(&request, 4);

    put_file(request.output, "mine", 4);
    FAILS(import_idx(&request), ELBOW_IO, "--force");
    char *bytes = NULL;
    size_t count = 0;
    OK(elbow_file_read(request.output, 100, &bytes, &count));
    assert_string_equal(bytes, "mine");
    free(bytes);
    request.overwrite = true;
    other = request;
    other.inputs[ELBOW_TRAIN] = request.labels[ELBOW_TRAIN]; /* fails: the old file stays */
    FAILS(import_idx(&other), ELBOW_FORMAT, "labels");
    OK(elbow_file_read(request.output, 100, &bytes, &count));
    assert_string_equal(bytes, "mine");
    free(bytes);
    OK(import_idx(&request));
    check_contents(&request, 20, 255);
    other = request;
    other.output = request.inputs[ELBOW_TRAIN];
    FAILS(import_idx(&other), ELBOW_USAGE, "is an input too");
}

static void test_full_disk(void **state) {
    (void)state;
    idx_request request = make_files(2000, 10, 255, true);
    for (rlim_t bytes = 0; bytes < 40000; bytes += 3999) {
        limit_files(bytes);
        elbow_status status = import_idx(&request);
        limit_files(RLIM_INFINITY);
        FAILS(status, ELBOW_IO, "ulimit");
        assert_nothing_made(&request, 4);
    }
    OK(import_idx(&request));
    check_contents(&request, 2000, 255);
}

static void test_find(void **state) {
    (void)state;
    const elbow_importer *importer = NULL;
    FAILS(elbow_importer_find("idxx", &importer), ELBOW_USAGE, "did you mean `idx`");
    assert_null(importer);
    FAILS(elbow_importer_find("wholly-other", &importer), ELBOW_USAGE, "known: ");
    assert_non_null(elbow_importers()[0]);
}

static void check_real(const char *folder, const char *const names[ELBOW_SPLITS], const char *labels,
                       size_t train, unsigned maximum, bool binary) {
    const char *data_folder = getenv("ELBOW_TEST_DATA");
    char paths[ELBOW_SPLITS][1024] = {{0}}, label_path[1024];
    idx_request request = {.output = in_folder("real.h5")};
    if (data_folder == NULL) {
        print_message("ELBOW_TEST_DATA is not set: no real %s\n", folder);
        skip();
    }
    for (size_t i = 0; i < ELBOW_SPLITS; i++) {
        if (names[i] == NULL) continue;
        snprintf(paths[i], sizeof paths[i], "%s/%s/%s", data_folder, folder, names[i]);
        request.inputs[i] = paths[i];
    }
    snprintf(label_path, sizeof label_path, "%s/%s/%s", data_folder, folder, labels != NULL ? labels : "");
    if (labels != NULL) request.labels[ELBOW_TRAIN] = label_path;
    elbow_dataset *data = NULL;
    OK(import_idx(&request));
    OK(elbow_dataset_open(&data, request.output));
    assert_int_equal(elbow_dataset_count(data, ELBOW_TRAIN), train);
    assert_int_equal(elbow_dataset_count(data, ELBOW_TEST), 10000);
    assert_int_equal(elbow_dataset_field(data, ELBOW_X)->dimensions, 784);
    assert_int_equal(elbow_dataset_field(data, ELBOW_X)->maximum, maximum);
    assert_int_equal(elbow_dataset_field(data, ELBOW_X)->binary, binary);
    assert_int_equal(classes_of(data), labels != NULL ? 10 : 0);
    OK(elbow_dataset_verify(data));
    elbow_dataset_close(&data);
}

static void test_mnist(void **state) {
    (void)state;
    const char *const names[ELBOW_SPLITS] = {
        [ELBOW_TRAIN] = "train-images-idx3-ubyte.gz", [ELBOW_TEST] = "t10k-images-idx3-ubyte.gz"};
    check_real("mnist", names, "train-labels-idx1-ubyte.gz", 60000, 255, false);
}

static void test_binarized_mnist(void **state) {
    (void)state;
    const char *const names[ELBOW_SPLITS] = {[ELBOW_TRAIN] = "train-images-idx3-ubyte.gz",
                                             [ELBOW_VALID] = "valid-images-idx3-ubyte.gz",
                                             [ELBOW_TEST] = "test-images-idx3-ubyte.gz"};
    check_real("binarized-mnist", names, NULL, 50000, 1, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_contents, empty_test_folder),
        cmocka_unit_test_teardown(test_grey_anywhere, empty_test_folder),
        cmocka_unit_test_teardown(test_channels_and_valid, empty_test_folder),
        cmocka_unit_test_teardown(test_not_idx, empty_test_folder),
        cmocka_unit_test_teardown(test_sizes_that_lie, empty_test_folder),
        cmocka_unit_test_teardown(test_gzip_damaged, empty_test_folder),
        cmocka_unit_test_teardown(test_gzip_members, empty_test_folder),
        cmocka_unit_test_teardown(test_files_that_do_not_belong_together, empty_test_folder),
        cmocka_unit_test_teardown(test_output, empty_test_folder),
        cmocka_unit_test_teardown(test_full_disk, empty_test_folder),
        cmocka_unit_test(test_find),
        cmocka_unit_test_teardown(test_mnist, empty_test_folder),
        cmocka_unit_test_teardown(test_binarized_mnist, empty_test_folder),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
