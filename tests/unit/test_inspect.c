/* Data files whose checksums are right and whose values are not: each is found and named. */
#include "files.h"

#include <math.h>

#include "base/h5.h"
#include "elbow/data/inspect.h"

enum { N = 5, D = 6 };

/* Files as the importer would write them, but for values. */
static elbow_h5 *begin(const char *name) {
    elbow_h5 *file = NULL;
    OK(elbow_h5_create_disk(&file, in_folder(name), name));
    OK(elbow_h5_set_text(file, "/", "format", "elbow-data"));
    OK(elbow_h5_set_integer(file, "/", "version", 1));
    return file;
}

/* Left open, for what is to be changed. */
static elbow_h5 *write_images(const char *name, int64_t binary, const uint8_t *train) {
    static const char *const parts[] = {"/train/x", "/test/x"};
    static const uint8_t zeros[N * D];
    elbow_h5 *file = begin(name);
    for (int i = 0; i < 2; i++) {
        OK(elbow_h5_write(file, parts[i], ELBOW_H5_U8, (elbow_h5_shape){2, {N, D}}, N, 0, i ? zeros : train));
        OK(elbow_h5_set_text(file, parts[i], "kind", "image"));
        OK(elbow_h5_set_integer(file, parts[i], "height", 2));
        OK(elbow_h5_set_integer(file, parts[i], "width", D / 2));
        OK(elbow_h5_set_integer(file, parts[i], "channels", 1));
        OK(elbow_h5_set_integer(file, parts[i], "maximum", binary == 2 ? 255 : 1));
        OK(elbow_h5_set_integer(file, parts[i], "binary", binary != 0));
    }
    return file;
}

static void make_images(const char *name, int64_t binary, const uint8_t *train) {
    elbow_h5 *file = write_images(name, binary, train);
    OK(elbow_h5_close(&file));
}

static elbow_status inspect(const char *name, elbow_data_counts *counts) {
    elbow_dataset *dataset = NULL;
    OK(elbow_dataset_open(&dataset, in_folder(name)));
    elbow_status status = elbow_dataset_inspect(dataset, counts);
    elbow_dataset_close(&dataset);
    return status;
}

static void images(void **state) {
    (void)state;
    elbow_data_counts counts;
    uint8_t x[N * D] = {0, 1, 0, 1};
    make_images("good.h5", 1, x);
    OK(inspect("good.h5", &counts));
    assert_int_equal(counts.values, 2 * N * D);
    assert_int_equal(counts.missing, 0);
    x[3 * D + 4] = 7;
    x[4 * D] = 2;
    make_images("bright.h5", 1, x);
    FAILS(inspect("bright.h5", &counts), ELBOW_FORMAT,
          "/train/x: 2 of 30 values cannot be (the first: example 3, pixel 4 is 7, and the brightest is 1)");
    make_images("grey.h5", 2, x);
    FAILS(inspect("grey.h5", &counts), ELBOW_FORMAT, "example 0, pixel 1 is 1 where all are 0 or 255");
}

static void write_table(const char *name, const float *train, bool missing) {
    static const char *const parts[] = {"/train/x", "/test/x"};
    static const float zeros[N * 2];
    char a[] = "a", b[] = "b", first[] = "u", second[] = "v", third[] = "w",
         *words[] = {first, second, third};
    elbow_column columns[] = {{.name = a, .cardinality = 3, .words = words, .missing = missing},
                              {.name = b, .scale = 1, .missing = missing}};
    const elbow_field field = {.kind = ELBOW_TABLE, .dimensions = 2, .columns = columns};
    char *text = NULL;
    elbow_h5 *file = begin(name);
    OK(elbow_field_describe(&field, &text));
    OK(elbow_h5_write_text(file, "/x", text));
    free(text);
    for (int i = 0; i < 2; i++) {
        OK(elbow_h5_write(file, parts[i], ELBOW_H5_F32, (elbow_h5_shape){2, {N, 2}}, N, 0,
                          i ? zeros : train));
        OK(elbow_h5_set_text(file, parts[i], "kind", "table"));
    }
    OK(elbow_h5_close(&file));
}

static void tables(void **state) {
    (void)state;
    elbow_data_counts counts;
    float x[N * 2] = {0, -1.5F, 1, 2.5F, 2, NAN, NAN, 0};
    write_table("gaps.h5", x, true);
    OK(inspect("gaps.h5", &counts));
    assert_int_equal(counts.values, 2 * N * 2);
    assert_int_equal(counts.missing, 2);
    write_table("no-gaps.h5", x, false);
    FAILS(inspect("no-gaps.h5", &counts), ELBOW_FORMAT,
          "2 of 10 values cannot be (the first: example 2: column b is missing");
    x[1] = INFINITY;
    write_table("infinite.h5", x, true);
    FAILS(inspect("infinite.h5", &counts), ELBOW_FORMAT, "example 0: column b is infinite");
    x[1] = 0;
    static const float codes[] = {3, -1, 0.5F};
    for (int i = 0; i < 3; i++) {
        x[4 * 2] = codes[i];
        write_table("code.h5", x, true);
        FAILS(inspect("code.h5", &counts), ELBOW_FORMAT,
              "1 of 10 values cannot be (the first: example 4: column a has the code");
    }
}

typedef struct sequences {
    uint16_t tokens[9];
    uint64_t offsets[4];
} sequences;

static void write_sequences(const char *name, const sequences *train) {
    static const uint16_t tokens[] = {1, 0};
    static const uint64_t offsets[] = {0, 2};
    char end[] = "", a[] = "A", c[] = "C", *symbols[] = {end, a, c};
    const elbow_field field = {
        .kind = ELBOW_SEQUENCE, .dimensions = 4, .vocabulary = 3, .symbols = symbols, .terminated = true};
    char *text = NULL;
    elbow_h5 *file = begin(name);
    OK(elbow_field_describe(&field, &text));
    OK(elbow_h5_write_text(file, "/x", text));
    free(text);
    OK(elbow_h5_write(file, "/train/x/tokens", ELBOW_H5_U16, (elbow_h5_shape){1, {9}}, 9, 0, train->tokens));
    OK(elbow_h5_write(file, "/train/x/offsets", ELBOW_H5_U64, (elbow_h5_shape){1, {4}}, 4, 0,
                      train->offsets));
    OK(elbow_h5_write(file, "/test/x/tokens", ELBOW_H5_U16, (elbow_h5_shape){1, {2}}, 2, 0, tokens));
    OK(elbow_h5_write(file, "/test/x/offsets", ELBOW_H5_U64, (elbow_h5_shape){1, {2}}, 2, 0, offsets));
    OK(elbow_h5_set_text(file, "/train/x", "kind", "sequence"));
    OK(elbow_h5_set_text(file, "/test/x", "kind", "sequence"));
    OK(elbow_h5_close(&file));
}

static void sequences_and_offsets(void **state) {
    (void)state;
    const sequences good = {{1, 2, 1, 0, 2, 2, 0, 1, 0}, {0, 4, 7, 9}};
    const struct {
        uint64_t offsets[4];
        const char *words;
    } bad[] = {
        {{1, 4, 7, 9}, "the first example begins at token 1"},
        {{0, 7, 4, 9}, "example 0 has 7 tokens, and the longest has 4"},
        {{0, 4, 4, 9}, "example 1 goes from token 4 to 4 of 9"},
        {{0, 4, UINT64_MAX, 9}, "example 1 goes from token 4 to 18446744073709551615 of 9"},
        {{0, 4, 7, 8}, "the last example ends at token 8 of 9"},
    };
    elbow_data_counts counts;
    write_sequences("good-sequences.h5", &good);
    OK(inspect("good-sequences.h5", &counts));
    assert_int_equal(counts.values, 11);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sequences changed = good;
        memcpy(changed.offsets, bad[i].offsets, sizeof changed.offsets);
        write_sequences("offsets.h5", &changed);
        FAILS(inspect("offsets.h5", &counts), ELBOW_FORMAT, bad[i].words);
    }
    sequences changed = good;
    changed.tokens[5] = 3;
    write_sequences("token.h5", &changed);
    FAILS(
        inspect("token.h5", &counts), ELBOW_FORMAT,
        "1 of 9 values cannot be (the first: token 5, of example 1, is 3, and the vocabulary has 3 symbols)");
    changed.tokens[5] = 0;
    write_sequences("early.h5", &changed);
    FAILS(inspect("early.h5", &counts), ELBOW_FORMAT,
          "example 1 has an end of a sequence before its last token");
    changed = good;
    changed.tokens[8] = 1;
    write_sequences("endless.h5", &changed);
    FAILS(inspect("endless.h5", &counts), ELBOW_FORMAT, "example 2 does not end in the end of a sequence");
}

/* Values that can be, and are not those that the checksum was made of. */
static void checksums(void **state) {
    (void)state;
    static const uint8_t x[N * D] = {1};
    static const char *const parts[] = {"/train/x", "/test/x"};
    elbow_data_counts counts;
    for (int i = 0; i < 2; i++) {
        elbow_h5 *file = write_images("checksum.h5", 1, x);
        OK(elbow_h5_set_checksum(file, parts[i], 12345));
        OK(elbow_h5_close(&file));
        FAILS(inspect("checksum.h5", &counts), ELBOW_FORMAT, "stored 0000000000003039");
        FAILS(inspect("checksum.h5", &counts), ELBOW_FORMAT, parts[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images),
        cmocka_unit_test(tables),
        cmocka_unit_test(sequences_and_offsets),
        cmocka_unit_test(checksums),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
