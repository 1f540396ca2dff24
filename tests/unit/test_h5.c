/* HDF5 behind one lock: round trips, the same bytes for the same contents, full disks, damaged files. */
#include "files.h"

#include <hdf5.h>
#include <pthread.h>
#include <xxhash.h>

#include "base/file.h"
#include "base/h5.h"
#include "fuzz/hdf5_headers.h"

static char where[512];

static int choose_file(void **state) {
    if (make_test_folder(state) != 0) return -1;
    snprintf(where, sizeof where, "%s", in_folder("a.h5"));
    return 0;
}

/* A file with one of everything, as bytes. */
static void make_image(void **bytes, size_t *count) {
    elbow_h5 *file = NULL;
    float weights[6][50];
    for (size_t i = 0; i < 300; i++) weights[i / 50][i % 50] = (float)i / 7;
    int64_t steps[5] = {1, -2, 3, INT64_MAX, INT64_MIN};
    uint8_t bits[1000];
    for (size_t i = 0; i < sizeof bits; i++) bits[i] = (uint8_t)(i * 7 % 251);
    OK(elbow_h5_create_memory(&file, "checkpoint"));
    OK(elbow_h5_write(file, "/model/encoder.0.weight", ELBOW_H5_F32, (elbow_h5_shape){2, {6, 50}}, 0, 0,
                      weights));
    OK(elbow_h5_write(file, "/metrics/train/step", ELBOW_H5_I64, (elbow_h5_shape){1, {5}}, 0, 0, steps));
    OK(elbow_h5_write(file, "/bits", ELBOW_H5_U8, (elbow_h5_shape){2, {100, 10}}, 32, 6, bits));
    OK(elbow_h5_write(file, "/empty", ELBOW_H5_F64, (elbow_h5_shape){1, {0}}, 16, 6, NULL));
    OK(elbow_h5_group(file, "/run"));
    OK(elbow_h5_set_integer(file, "/run", "step", INT64_MIN));
    OK(elbow_h5_set_real(file, "/run", "best", -1.0 / 3));
    OK(elbow_h5_set_text(file, "/run", "host", "nœud-1"));
    OK(elbow_h5_set_text(file, "/run", "nothing", ""));
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "fact %02d", i);
        OK(elbow_h5_set_integer(file, "/run", name, i));
    }
    OK(elbow_h5_write_text(file, "/config", "[run]\nseed = 1\n"));
    OK(elbow_h5_image(file, bytes, count));
    OK(elbow_h5_close(&file));
    assert_null(file);
}

static void test_round_trip(void **state) {
    (void)state;
    void *bytes = NULL;
    size_t count = 0;
    make_image(&bytes, &count);
    put_file(where, bytes, count);
    elbow_h5 *file = NULL;
    OK(elbow_h5_open(&file, where));

    elbow_h5_type type;
    elbow_h5_shape shape;
    OK(elbow_h5_describe(file, "/model/encoder.0.weight", &type, &shape));
    assert_int_equal(type, ELBOW_H5_F32);
    assert_int_equal(shape.dims, 2);
    assert_int_equal(shape.size[0], 6);
    assert_int_equal(shape.size[1], 50);
    float weights[300];
    double wide[300];
    OK(elbow_h5_read(file, "/model/encoder.0.weight", ELBOW_H5_F32, 300, true, weights));
    OK(elbow_h5_read(file, "/model/encoder.0.weight", ELBOW_H5_F64, 300, true, wide));
    for (size_t i = 0; i < 300; i++) {
        assert_true(weights[i] == (float)i / 7);
        assert_true(wide[i] == (double)weights[i]);
    }
    int64_t steps[5];
    OK(elbow_h5_read(file, "/metrics/train/step", ELBOW_H5_I64, 5, true, steps));
    assert_true(steps[3] == INT64_MAX && steps[4] == INT64_MIN);
    uint8_t bits[1000], rows[30];
    OK(elbow_h5_read(file, "/bits", ELBOW_H5_U8, 1000, true, bits));
    for (size_t i = 0; i < sizeof bits; i++) assert_int_equal(bits[i], i * 7 % 251);
    OK(elbow_h5_read_rows(file, "/bits", ELBOW_H5_U8, 31, 3, rows));
    assert_memory_equal(rows, bits + 310, 30);
    OK(elbow_h5_read_rows(file, "/bits", ELBOW_H5_U8, 100, 0, rows));
    FAILS(elbow_h5_read_rows(file, "/bits", ELBOW_H5_U8, 98, 3, rows), ELBOW_FORMAT, where);
    FAILS(elbow_h5_read_rows(file, "/bits", ELBOW_H5_U8, SIZE_MAX, 2, rows), ELBOW_FORMAT, where);
    OK(elbow_h5_read(file, "/empty", ELBOW_H5_F64, 0, true, NULL));

    int64_t step = 0;
    double best = 0;
    char text[16];
    OK(elbow_h5_get_integer(file, "/run", "step", &step));
    assert_true(step == INT64_MIN);
    OK(elbow_h5_get_real(file, "/run", "best", &best));
    assert_true(best == -1.0 / 3);
    OK(elbow_h5_get_text(file, "/run", "host", text, sizeof text));
    assert_string_equal(text, "nœud-1");
    OK(elbow_h5_get_text(file, "/run", "nothing", text, sizeof text));
    assert_string_equal(text, "");
    OK(elbow_h5_get_integer(file, "/run", "fact 19", &step));
    assert_int_equal(step, 19);
    char *config = NULL;
    OK(elbow_h5_read_text(file, "/config", &config));
    assert_string_equal(config, "[run]\nseed = 1\n");
    free(config);

    char **names = NULL;
    size_t members = 0;
    OK(elbow_h5_list(file, "/", &names, &members));
    const char *expected[] = {"bits", "config", "empty", "metrics", "model", "run"};
    assert_int_equal(members, 6);
    for (size_t i = 0; i < 6; i++) assert_string_equal(names[i], expected[i]);
    elbow_h5_list_free(&names, members);
    assert_null(names);
    OK(elbow_h5_close(&file));
    free(bytes);
}

static void test_what_is_not_there(void **state) {
    (void)state;
    void *bytes = NULL;
    size_t count = 0;
    make_image(&bytes, &count);
    put_file(where, bytes, count);
    free(bytes);
    elbow_h5 *file = NULL;
    OK(elbow_h5_open(&file, where));
    assert_true(elbow_h5_has(file, "/model"));
    assert_true(elbow_h5_has(file, "/model/encoder.0.weight"));
    assert_false(elbow_h5_has(file, "/model/encoder.0.bias"));
    assert_false(elbow_h5_has(file, "/no/such/group"));
    assert_true(elbow_h5_has_attribute(file, "/run", "step"));
    assert_false(elbow_h5_has_attribute(file, "/run", "stop"));
    assert_false(elbow_h5_has_attribute(file, "/walk", "step"));
    double reals[300];
    int64_t number;
    char text[4], *long_text;
    char **names;
    elbow_h5_type type;
    elbow_h5_shape shape;
    FAILS(elbow_h5_read(file, "/none", ELBOW_H5_F64, 3, true, reals), ELBOW_FORMAT, "/none");
    FAILS(elbow_h5_read(file, "/run", ELBOW_H5_F64, 3, true, reals), ELBOW_FORMAT, "/run");
    FAILS(elbow_h5_read(file, "/model/encoder.0.weight", ELBOW_H5_F64, 299, true, reals), ELBOW_FORMAT,
          "300 elements where 299");
    FAILS(elbow_h5_read(file, "/metrics/train/step", ELBOW_H5_F64, 5, true, reals), ELBOW_FORMAT, where);
    FAILS(elbow_h5_read(file, "/metrics/train/step", ELBOW_H5_U64, 5, true, reals), ELBOW_FORMAT, where);
    FAILS(elbow_h5_get_text(file, "/run", "host", text, sizeof text), ELBOW_FORMAT, where);
    FAILS(elbow_h5_get_integer(file, "/run", "host", &number), ELBOW_FORMAT, where);
    FAILS(elbow_h5_get_integer(file, "/run", "best", &number), ELBOW_FORMAT, where);
    FAILS(elbow_h5_get_integer(file, "/run", "none", &number), ELBOW_FORMAT, "none");
    FAILS(elbow_h5_read_text(file, "/bits", &long_text), ELBOW_FORMAT, where);
    assert_null(long_text);
    FAILS(elbow_h5_describe(file, "/config", &type, &shape), ELBOW_FORMAT, where);
    FAILS(elbow_h5_list(file, "/none", &names, &(size_t){0}), ELBOW_FORMAT, where);
    OK(elbow_h5_close(&file));

    FAILS(elbow_h5_open(&file, "no/such/file.h5"), ELBOW_IO, "no/such/file.h5");
    FAILS(elbow_h5_open(&file, test_folder), ELBOW_IO, "directory");
    put_file(where, "\x89PNG", 4);
    FAILS(elbow_h5_open(&file, where), ELBOW_FORMAT, "not an HDF5 file");
    assert_null(file);
    put_file(where, "", 0);
    FAILS(elbow_h5_open(&file, where), ELBOW_FORMAT, where);
}

static void test_same_contents_same_bytes(void **state) {
    (void)state;
    void *a = NULL, *b = NULL;
    size_t a_count = 0, b_count = 0;
    make_image(&a, &a_count);
    sleep(1); /* a time of making would differ */
    make_image(&b, &b_count);
    assert_int_equal(a_count, b_count);
    assert_memory_equal(a, b, a_count);
    free(a);
    free(b);
}

/* Everything a reader does; true when all of it worked. */
static bool read_all(const char *path) {
    elbow_h5 *file = NULL;
    char text[64], *config = NULL, **names = NULL;
    double best;
    int64_t step, steps[5];
    float weights[300];
    uint8_t bits[1000];
    size_t count = 0;
    elbow_h5_type type;
    elbow_h5_shape shape;
    if (elbow_h5_open(&file, path) != ELBOW_OK) return false;
    bool good = elbow_h5_list(file, "/model", &names, &count) == ELBOW_OK && count == 1;
    elbow_h5_list_free(&names, count);
    good = elbow_h5_describe(file, "/bits", &type, &shape) == ELBOW_OK && shape.size[0] == 100 && good;
    good =
        elbow_h5_read(file, "/model/encoder.0.weight", ELBOW_H5_F32, 300, true, weights) == ELBOW_OK && good;
    good = elbow_h5_read(file, "/metrics/train/step", ELBOW_H5_I64, 5, true, steps) == ELBOW_OK && good;
    good = elbow_h5_read(file, "/bits", ELBOW_H5_U8, 1000, true, bits) == ELBOW_OK && good;
    good = elbow_h5_get_text(file, "/run", "host", text, sizeof text) == ELBOW_OK && good;
    good = elbow_h5_get_real(file, "/run", "best", &best) == ELBOW_OK && good;
    good = elbow_h5_get_integer(file, "/run", "step", &step) == ELBOW_OK && good;
    good = elbow_h5_read_text(file, "/config", &config) == ELBOW_OK && good;
    /* What is called good is right: checksums and the format's own see to it. */
    if (good)
        good = weights[299] == 299.0f / 7 && bits[999] == 999 * 7 % 251 && steps[1] == -2 &&
               strcmp(config, "[run]\nseed = 1\n") == 0;
    free(config);
    elbow_h5_close(&file);
    return good;
}

/* Bytes before the seal. */
static size_t sealed_size(const unsigned char *bytes, size_t count) {
    uint64_t size;
    assert_memory_equal(bytes + count - 32, "elbowsum", 8);
    memcpy(&size, bytes + count - 16, sizeof size);
    return (size_t)size;
}

static void test_truncated(void **state) {
    (void)state;
    void *bytes = NULL;
    size_t count = 0;
    make_image(&bytes, &count);
    put_file(where, bytes, count);
    assert_true(read_all(where));
    for (size_t length = 0; length < count; length += length < 200 ? 1 : count / 97) {
        if (length == sealed_size(bytes, count)) continue;
        put_file(where, bytes, length);
        elbow_h5 *file = NULL;
        FAILS(elbow_h5_open(&file, where), ELBOW_FORMAT, where);
        assert_null(file);
    }
    free(bytes);
}

/* One bit in every region of the file: never a crash, and every flip is seen. */
static void test_flipped_bits(void **state) {
    (void)state;
    void *bytes = NULL;
    size_t count = 0, seen = 0, tried = 0;
    make_image(&bytes, &count);
    unsigned char *image = bytes;
    for (size_t at = 0; at < count; at += 1 + count / 1009, tried++) {
        image[at] ^= (unsigned char)(1u << (at % 8));
        put_file(where, bytes, count);
        seen += !read_all(where);
        image[at] ^= (unsigned char)(1u << (at % 8));
    }
    assert_int_equal(seen, tried);
    free(bytes);
}

/* Blocks are compared when they are first read: what is sound can be read, what is not is named. */
static void test_seal_of_blocks(void **state) {
    (void)state;
    enum { ROWS = 3000, ROW = 97, AT = 200000 };
    static uint8_t values[ROWS][ROW], rows[ROWS][ROW];
    elbow_h5 *file = NULL;
    unsigned char *bytes = NULL;
    size_t count = 0, found = 0;
    for (size_t i = 0; i < sizeof values; i++) values[i / ROW][i % ROW] = (uint8_t)(i * 2654435761u >> 20);
    OK(elbow_h5_create_disk(&file, where, where));
    OK(elbow_h5_write(file, "/x", ELBOW_H5_U8, (elbow_h5_shape){2, {ROWS, ROW}}, 0, 0, values));
    OK(elbow_h5_close(&file));
    OK(elbow_file_read(where, SIZE_MAX, (char **)&bytes, &count));
    assert_int_equal(count, sealed_size(bytes, count) + (sealed_size(bytes, count) / 65536 + 1) * 8 + 32);
    while (memcmp(bytes + found, values, 64) != 0) found++;
    bytes[found + AT] ^= 1;
    put_file(where, bytes, count);
    OK(elbow_h5_open(&file, where));
    OK(elbow_h5_read_rows(file, "/x", ELBOW_H5_U8, 0, 1000, rows));
    assert_memory_equal(rows, values, 1000 * ROW);
    OK(elbow_h5_check_intact(file, ELBOW_OK));
    FAILS(elbow_h5_read_rows(file, "/x", ELBOW_H5_U8, 1000, 2000, rows), ELBOW_FORMAT,
          "/x is damaged: bytes 196608 to 262143 are not those that were written");
    FAILS(elbow_h5_check_intact(file, ELBOW_OK), ELBOW_FORMAT, "bytes 196608 to 262143");
    FAILS(elbow_h5_verify(file, "/x"), ELBOW_FORMAT, "damaged");
    OK(elbow_h5_close(&file));
    free(bytes);
}

/* The seal itself changed or cut: not a file that never had one. Without it, at the end of what HDF5 wrote, it is. */
static void test_seal_is_whole(void **state) {
    (void)state;
    void *image = NULL;
    size_t count = 0;
    elbow_h5 *file = NULL;
    make_image(&image, &count);
    unsigned char *bytes = image;
    size_t size = sealed_size(bytes, count);
    for (size_t at = size; at < count; at++) {
        bytes[at] ^= 16;
        put_file(where, bytes, count);
        FAILS(elbow_h5_open(&file, where), ELBOW_FORMAT, "no sound seal");
        bytes[at] ^= 16;
        put_file(where, bytes, at);
        if (at > size) FAILS(elbow_h5_open(&file, where), ELBOW_FORMAT, "no sound seal");
    }
    put_file(where, bytes, size - 1);
    FAILS(elbow_h5_open(&file, where), ELBOW_FORMAT, "cut short");
    put_file(where, bytes, size);
    assert_true(read_all(where));

    /* Another program opens a sealed file, and changes it. */
    put_file(where, bytes, count);
    hid_t other = H5Fopen(where, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(other >= 0);
    hid_t group = H5Gcreate2(other, "more", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(group);
    H5Fclose(other);
    assert_true(read_all(where));
    free(image);
}

/* Headers changed with care, their checksums made right, in a file without a seal: HDF5 1.10 alone crashes on one in
 * twenty. What it reads is refused, or is right. */
static void test_headers_made_with_care(void **state) {
    (void)state;
    void *image = NULL;
    size_t count = 0, headers = 0, refused = 0, tried = 0;
    make_image(&image, &count);
    unsigned char *bytes = image;
    size_t size = sealed_size(bytes, count), end = 0;
    for (size_t begin = 0; begin + 12 < size; begin = end > 0 ? end : begin + 1) {
        end = find_checksum(bytes, size, begin);
        headers += end > 0;
        for (size_t at = begin + 4; at < end; at += 9, tried++) {
            const unsigned char was = bytes[at], values[] = {0xff, 0, 0x80, (unsigned char)(was + 1)};
            bytes[at] = values[tried % 4];
            uint32_t sum = lookup3(bytes + begin, end - begin);
            memcpy(bytes + end, &sum, 4);
            put_file(where, bytes, size);
            refused += !read_all(where);
            bytes[at] = was;
            sum = lookup3(bytes + begin, end - begin);
            memcpy(bytes + end, &sum, 4);
        }
    }
    print_message("%zu changes of %zu headers, %zu of them refused\n", tried, headers, refused);
    assert_true(headers > 10 && refused > 50);
    free(image);
}

/* A chunk that HDF5 would allocate whole, larger than all there is. */
static void test_invented_chunk(void **state) {
    (void)state;
    hsize_t size[1] = {10}, most[1] = {H5S_UNLIMITED}, chunk[1] = {100 << 20};
    hid_t id = H5Fcreate(where, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(1, size, most), plain = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(plain, 1, chunk);
    H5Pset_deflate(plain, 1);
    H5Dclose(H5Dcreate2(id, "x", H5T_STD_U8LE, space, H5P_DEFAULT, plain, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(plain);
    H5Fclose(id);
    elbow_h5 *file = NULL;
    elbow_h5_type type;
    elbow_h5_shape shape;
    OK(elbow_h5_open(&file, where));
    FAILS(elbow_h5_describe(file, "/x", &type, &shape), ELBOW_FORMAT, "claims more");
    OK(elbow_h5_close(&file));
}

/* Of the newest format that this library writes, too. */
static void test_newer_format(void **state) {
    (void)state;
    elbow_h5 *file = NULL;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    hid_t id = H5Fcreate(where, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Gclose(H5Gcreate2(id, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(id);
    H5Pclose(access);
    OK(elbow_h5_open(&file, where));
    assert_true(elbow_h5_has(file, "/g"));
    OK(elbow_h5_close(&file));
}

/* A header may say what it likes. */
static void test_invented_sizes(void **state) {
    (void)state;
    hsize_t size[2] = {(hsize_t)1 << 40, 784}, chunk[2] = {256, 784}, big_chunk[2] = {1 << 20, 784};
    hid_t id = H5Fcreate(where, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(2, size, NULL), plain = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(plain, 2, chunk);
    H5Dclose(H5Dcreate2(id, "x", H5T_STD_U8LE, space, H5P_DEFAULT, plain, H5P_DEFAULT));
    H5Pset_chunk(plain, 2, big_chunk);
    size[0] = 1 << 20;
    hid_t less = H5Screate_simple(2, size, NULL);
    H5Dclose(H5Dcreate2(id, "y", H5T_STD_U8LE, less, H5P_DEFAULT, plain, H5P_DEFAULT));
    H5Dclose(H5Dcreate2(id, "z", H5T_STD_U8LE, less, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Lcreate_external("/etc/hostname", "/", id, "out", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/x", id, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Sclose(less);
    H5Sclose(space);
    H5Pclose(plain);
    H5Fclose(id);
    elbow_h5 *file = NULL;
    elbow_h5_type type;
    elbow_h5_shape shape;
    OK(elbow_h5_open(&file, where));
    const char *names[] = {"/x", "/y", "/z"};
    for (size_t i = 0; i < 3; i++) {
        FAILS(elbow_h5_describe(file, names[i], &type, &shape), ELBOW_FORMAT, "claims more");
    }
    assert_false(elbow_h5_has(file, "/out"));
    assert_false(elbow_h5_has(file, "/soft"));
    FAILS(elbow_h5_describe(file, "/soft", &type, &shape), ELBOW_FORMAT, where);
    OK(elbow_h5_close(&file));
}

static elbow_status write_on_disk(size_t rows, uint64_t *checksum) {
    elbow_h5 *file = NULL;
    elbow_status status = elbow_h5_create_disk(&file, where, where);
    if (status != ELBOW_OK) return status;
    static uint8_t block[256 * 784];
    *checksum = rows;
    status = elbow_h5_create_rows(file, "/train/x", ELBOW_H5_U8, (elbow_h5_shape){2, {rows, 784}}, 256, 0);
    for (size_t first = 0; status == ELBOW_OK && first < rows; first += 256) {
        size_t count = rows - first < 256 ? rows - first : 256;
        for (size_t i = 0; i < sizeof block; i++) block[i] = (uint8_t)((i + first) * 2654435761u >> 24);
        status = elbow_h5_write_rows(file, "/train/x", ELBOW_H5_U8, first, count, block);
    }
    if (status == ELBOW_OK) status = elbow_h5_set_checksum(file, "/train/x", *checksum);
    elbow_status closed = elbow_h5_close(&file);
    assert_null(file);
    return status != ELBOW_OK ? status : closed;
}

static void test_disk(void **state) {
    (void)state;
    uint64_t checksum;
    OK(write_on_disk(1000, &checksum));
    elbow_h5 *file = NULL;
    OK(elbow_h5_open(&file, where));
    static uint8_t rows[300][784];
    OK(elbow_h5_read_rows(file, "/train/x", ELBOW_H5_U8, 700, 300, rows));
    for (size_t r = 0; r < 300; r++) {
        size_t first = (700 + r) / 256 * 256, i = (700 + r - first) * 784;
        for (size_t c = 0; c < 784; c++)
            assert_int_equal(rows[r][c], (uint8_t)((i + c + first) * 2654435761u >> 24));
    }
    OK(elbow_h5_close(&file));
    FAILS(elbow_h5_create_disk(&file, "no/such/directory/a.h5", "a.h5"), ELBOW_IO,
          "directory does not exist");
}

/* The disk is full at every point of the writing: each time an error, no crash, no file left open, and the
 * next file is written as if nothing had been. */
static void test_full_disk(void **state) {
    (void)state;
    uint64_t checksum;
    int before = dup(0);
    close(before);
    for (size_t bytes = 0; bytes < 700 * 784; bytes += bytes < 4096 ? 512 : 50001) {
        limit_files(bytes);
        elbow_status status = write_on_disk(700, &checksum);
        limit_files(RLIM_INFINITY);
        FAILS(status, ELBOW_IO, "ulimit");
        FAILS(status, ELBOW_IO, where);
    }
    int after = dup(0);
    close(after);
    assert_int_equal(after, before);
    assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
    OK(write_on_disk(700, &checksum));
}

/* Rows appended in pieces, over chunks, are those of one write; more can be asked for while it grows. */
static elbow_status write_growing(size_t rows, size_t piece) {
    elbow_h5 *file = NULL;
    static uint16_t values[3000][3];
    for (size_t i = 0; i < 3000 * 3; i++) values[i / 3][i % 3] = (uint16_t)(i * 40503u);
    ELBOW_TRY(elbow_h5_create_disk(&file, where, where));
    elbow_status status =
        elbow_h5_create_growing(file, "/train/x", ELBOW_H5_U16, (elbow_h5_shape){2, {0, 3}}, 256, 4);
    for (size_t first = 0; status == ELBOW_OK && first < rows; first += piece) {
        if (piece > rows - first) piece = rows - first;
        status = elbow_h5_append_rows(file, "/train/x", ELBOW_H5_U16, piece, values[first]);
    }
    if (status == ELBOW_OK)
        status = elbow_h5_set_checksum(file, "/train/x", XXH64(values, rows * sizeof values[0], 0));
    elbow_status closed = elbow_h5_close(&file);
    return status != ELBOW_OK ? status : closed;
}

static void test_growing(void **state) {
    (void)state;
    const size_t pieces[] = {1, 7, 255, 256, 257, 3000};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        elbow_h5 *file = NULL;
        elbow_h5_type type;
        elbow_h5_shape shape;
        uint16_t rows[600][3];
        OK(write_growing(1000, pieces[i]));
        OK(elbow_h5_open(&file, where));
        OK(elbow_h5_describe(file, "/train/x", &type, &shape));
        assert_true(type == ELBOW_H5_U16 && shape.dims == 2 && shape.size[0] == 1000 && shape.size[1] == 3);
        OK(elbow_h5_verify(file, "/train/x"));
        OK(elbow_h5_read_rows(file, "/train/x", ELBOW_H5_U16, 400, 600, rows));
        for (size_t k = 0; k < 1800; k++)
            assert_int_equal(rows[k / 3][k % 3], (uint16_t)((1200 + k) * 40503u));
        FAILS(elbow_h5_read_rows(file, "/train/x", ELBOW_H5_U8, 0, 1, rows), ELBOW_FORMAT, "another type");
        OK(elbow_h5_close(&file));
    }
    for (size_t bytes = 0; bytes < 12000; bytes += bytes < 4096 ? 512 : 1501) {
        limit_files(bytes);
        elbow_status status = write_growing(3000, 100);
        limit_files(RLIM_INFINITY);
        FAILS(status, ELBOW_IO, "ulimit");
    }
    assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
    OK(write_growing(3000, 100));
}

static herr_t count_print(hid_t stack, void *context) {
    (void)stack;
    ++*(int *)context;
    return 0;
}

/* HDF5's messages are off within elbow, and in a program that embeds it as they were. */
static void test_printing_is_the_callers(void **state) {
    (void)state;
    int printed = 0;
    H5E_auto2_t old;
    void *context;
    elbow_h5 *file = NULL;
    H5Eget_auto2(H5E_DEFAULT, &old, &context);
    H5Eset_auto2(H5E_DEFAULT, count_print, &printed);
    put_file(where, "\x89HDF\r\n\x1a\n and then nothing", 20);
    FAILS(elbow_h5_open(&file, where), ELBOW_FORMAT, where);
    assert_int_equal(printed, 0);
    H5Fopen("no/such/file", H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_int_equal(printed, 1);
    H5Eset_auto2(H5E_DEFAULT, old, context);
}

static void *read_again_and_again(void *arg) {
    bool *good = arg;
    for (int i = 0; i < 50 && *good; i++) *good = read_all(where);
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    void *bytes = NULL;
    size_t count = 0;
    make_image(&bytes, &count);
    put_file(where, bytes, count);
    free(bytes);
    pthread_t threads[4];
    bool good[4] = {true, true, true, true};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_again_and_again, &good[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_true(good[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_what_is_not_there),
        cmocka_unit_test(test_same_contents_same_bytes),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_seal_of_blocks),
        cmocka_unit_test(test_seal_is_whole),
        cmocka_unit_test(test_headers_made_with_care),
        cmocka_unit_test(test_invented_sizes),
        cmocka_unit_test(test_invented_chunk),
        cmocka_unit_test(test_newer_format),
        cmocka_unit_test(test_disk),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_growing),
        cmocka_unit_test(test_printing_is_the_callers),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, choose_file, remove_test_folder);
}
