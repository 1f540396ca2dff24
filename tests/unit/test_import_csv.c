/* Tables in, one data file out: which columns are what, their words and units, and everything untidy. */
#include "data_files.h"

#include <zlib.h>

#include "base/file.h"
#include "data/csv.h"
#include "elbow/base/log.h"

static const char *put_text(const char *name, const char *text) {
    const char *path = in_folder(name);
    put_file(path, text, strlen(text));
    return path;
}

/* Flags and values, NULL at the end; the output is data.h5. */
static elbow_status import_with(const char *const *arguments) {
    elbow_import_request request;
    OK(elbow_import_begin(&request, "csv"));
    for (; *arguments != NULL; arguments += 2) OK(elbow_import_set(&request, arguments[0], arguments[1]));
    request.output = in_folder("data.h5");
    request.overwrite = true;
    return elbow_import_run(&request);
}
#define IMPORT(...) import_with((const char *const[]){__VA_ARGS__, NULL})
/* The text is both splits. */
#define TABLE(...) import_both((const char *const[]){__VA_ARGS__, NULL})
static elbow_status import_both(const char *const *arguments) {
    const char *all[32] = {"--train", put_text("train", arguments[0]), "--test",
                           put_text("test", arguments[0])};
    for (size_t i = 1; arguments[i] != NULL || i % 2 == 0; i++) all[i + 3] = arguments[i];
    return import_with(all);
}

static elbow_dataset *open_data(void) {
    elbow_dataset *data = NULL;
    OK(elbow_dataset_open(&data, in_folder("data.h5")));
    OK(elbow_dataset_verify(data));
    return data;
}

static void assert_words(const elbow_field *field, size_t d, const char *name, const char *words) {
    const elbow_column *column = &field->columns[d];
    char text[1024] = "";
    assert_string_equal(column->name, name);
    for (size_t k = 0; k < column->cardinality; k++) {
        if (k > 0) strcat(text, " ");
        strcat(text, column->words[k]);
    }
    assert_string_equal(text, words);
}

static void test_words_and_reals(void **state) {
    (void)state;
    OK(TABLE("size,kind,n,weight\n10,b,1,1.5\n9,a,2,2.5\n10,?,,NA\n2,a,1,3.5\n", "--label", "kind"));
    elbow_dataset *data = open_data();
    const elbow_field *x = elbow_dataset_field(data, ELBOW_X), *y = elbow_dataset_field(data, ELBOW_Y);
    assert_int_equal(x->dimensions, 3);
    assert_words(x, 0, "size", "2 9 10"); /* as numbers */
    assert_words(x, 1, "n", "1 2");
    assert_true(x->columns[1].missing && !x->columns[0].missing && x->columns[2].missing);
    assert_int_equal(x->columns[2].cardinality, 0);
    assert_true(fabs(x->columns[2].mean - 2.5) < 1e-12);
    assert_true(fabs(x->columns[2].scale - sqrt(2.0 / 3)) < 1e-12);
    assert_words(y, 0, "kind", "a b");
    assert_true(y->columns[0].missing);
    real rows[12], labels[4];
    read_reals(data, ELBOW_TRAIN, ELBOW_X, 0, 4, rows);
    assert_true(rows[0] == 2 && rows[3] == 1 && rows[6] == 2 && rows[9] == 0);
    assert_true(rows[1] == 0 && rows[4] == 1 && rows[10] == 0);
    assert_true(fabs((double)rows[2] + sqrt(1.5)) < 1e-6 && fabs((double)rows[5]) < 1e-6);
    read_reals(data, ELBOW_TEST, ELBOW_Y, 0, 4, labels);
    assert_true(labels[0] == 1 && labels[1] == 0 && labels[3] == 0);
    elbow_dataset_close(&data);
}

/* Mean, deviation and words are the training split's alone. */
static void test_train_alone(void **state) {
    (void)state;
    OK(IMPORT("--train", put_text("a", "v,w\n1.0,a\n3.0,b\n"), "--test", put_text("b", "v,w\n101.0,a\n")));
    elbow_dataset *data = open_data();
    const elbow_column *v = &elbow_dataset_field(data, ELBOW_X)->columns[0];
    real row[2];
    read_reals(data, ELBOW_TEST, ELBOW_X, 0, 1, row);
    assert_true(v->mean == 2 && v->scale == 1 && row[0] == 99 && row[1] == 0);
    elbow_dataset_close(&data);

    const char *unseen = put_text("c", "v,w\n1.0,a\n2.0,c\n3.0,d\n");
    FAILS(IMPORT("--train", in_folder("a"), "--test", unseen), ELBOW_FORMAT,
          "c:3: column `w`: `c` is nowhere in the training split, so nothing can be learned about it (2 bad "
          "rows");
    assert_int_equal(count_files(test_folder), 4); /* the earlier output, and no temporary one */
    OK(IMPORT("--train", in_folder("a"), "--test", unseen, "--skip-bad", NULL));
    data = open_data();
    assert_int_equal(elbow_dataset_count(data, ELBOW_TEST), 1);
    assert_words(elbow_dataset_field(data, ELBOW_X), 1, "w", "a b");
    elbow_dataset_close(&data);
}

static void assert_kinds(const char *kinds) {
    elbow_dataset *data = open_data();
    const elbow_field *x = elbow_dataset_field(data, ELBOW_X);
    assert_int_equal(x->dimensions, strlen(kinds));
    for (size_t d = 0; d < x->dimensions; d++)
        if ((x->columns[d].cardinality > 0) != (kinds[d] == 'c'))
            fail_msg("column %zu is not %c", d, kinds[d]);
    elbow_dataset_close(&data);
}

static void test_kinds(void **state) {
    (void)state;
    char text[4096] = "many,few,dot,exp,word,neg\n";
    size_t used = strlen(text);
    for (int i = 0; i < 34; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%d,%d,%d.,%de0,%s,%d\n", i % 17, i % 16,
                                 i % 2, i % 2, i == 3 ? "x" : "1.5", -i);
    OK(TABLE(text));
    assert_kinds("rcrrcr");
    OK(TABLE(text, "--real", "few", "--categorical", "many, 6"));
    assert_kinds("crrrcc");
    FAILS(
        TABLE(text, "--real", "word"), ELBOW_FORMAT,
        "train:5: column `word`: `x` is no number within ±1e30, nor a word for missing (2 bad rows in all)");
    OK(TABLE(text, "--real", "word", "--skip-bad", NULL));
    assert_kinds("rcrrrr");
    /* One number throughout goes with the others. */
    OK(TABLE("1.5,9\n2.5,9\n"));
    assert_kinds("rr");
    elbow_dataset *data = open_data();
    assert_true(elbow_dataset_field(data, ELBOW_X)->columns[1].scale == 1);
    assert_true(elbow_dataset_field(data, ELBOW_X)->columns[1].mean == 9);
    elbow_dataset_close(&data);
    OK(TABLE("1.5,9,1\n2.5,9,2\n"));
    assert_kinds("rcc");
    OK(TABLE("0,1\n0,0\n"));
    assert_kinds("cc");
    /* Neither hexadecimal, infinite, nor beyond what a float can hold. */
    OK(TABLE("0x10,inf,1e31,1e30,+1.5,1.\n0x11,1.5,1.5,1.5,1.5,.5\n"));
    assert_kinds("cccrrr");
}

static void test_quotes(void **state) {
    (void)state;
    OK(TABLE(
        "name,\"a, b\"\r\n\"x \"\"y\"\"\",1\r\n  \"two\r\nlines\" ,  2 \r\n\r\n a b \t,1\r\n5\" disk,2"));
    elbow_dataset *data = open_data();
    const elbow_field *x = elbow_dataset_field(data, ELBOW_X);
    assert_int_equal(elbow_dataset_count(data, ELBOW_TRAIN), 4);
    assert_words(x, 0, "name", "5\" disk a b two\nlines x \"y\"");
    assert_words(x, 1, "a, b", "1 2");
    elbow_dataset_close(&data);
    FAILS(TABLE("1,2\n\"3,4\n5,6\n"), ELBOW_FORMAT,
          "train:2: a quote that opens in the record that begins here is not closed before the file ends "
          "(line 3)");
    OK(TABLE("1,2\n\"3,4\n5,6\n", "--quote", "none"));
    FAILS(TABLE("1,2\n\"3\"x,4\n5,6\n"), ELBOW_FORMAT, "train:2: text follows a quote that closes");
    OK(TABLE("'a,b',2\n'c',4\n'a,b',2\n", "--quote", "'"));
    data = open_data();
    assert_words(elbow_dataset_field(data, ELBOW_X), 0, "column1", "a,b c");
    elbow_dataset_close(&data);
}

static void test_separators(void **state) {
    (void)state;
    const char *const same[] = {"a,b,b\nb,b,a\n",        "a\tb\tb\nb\tb\ta\n",
                                "a;b;b\nb;b;a\n",        "a|b|b\nb|b|a\n",
                                " a, b ,b\n\n  \nb,b,a", "\xEF\xBB\xBF\x61,b,b\r\nb,b,a\r\n"};
    char *first = NULL, *other = NULL;
    size_t first_count = 0, count = 0;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        OK(TABLE(same[i], "--header", "no"));
        OK(elbow_file_read(in_folder("data.h5"), 1 << 24, i == 0 ? &first : &other,
                           i == 0 ? &first_count : &count));
        if (i == 0) continue;
        assert_int_equal(count, first_count);
        assert_memory_equal(first, other, count);
        free(other);
    }
    free(first);
    OK(TABLE("a   b\tc\n  b b c\n", "--separator", "space"));
    assert_kinds("ccc");
    OK(TABLE("a,b:c\nb,b:c\n", "--separator", ":"));
    assert_kinds("cc");
    OK(TABLE("a,,\n,b,\na,b,c\n", "--header", "no")); /* empty ones at the end, too */
    assert_kinds("ccc");
    FAILS(TABLE("a\n", "--separator", "::"), ELBOW_USAGE, "--separator: `::` is not one character");
    FAILS(TABLE("a\n", "--separator", "\""), ELBOW_USAGE, "both `\"`");
    FAILS(TABLE("a\n", "--quote", "ab"), ELBOW_USAGE, "--quote: `ab`");
}

static bool header_of(const char *text) {
    elbow_csv_look look;
    OK(elbow_csv_look_at(&look, put_text("look", text), (elbow_csv_style){.quote = '"'}));
    return look.header;
}

static void test_header(void **state) {
    (void)state;
    assert_true(header_of("a,b\n1,2\n"));
    assert_true(header_of(",b\n1,2\n")); /* an index without a name */
    assert_true(header_of("a,b\nx,y\nx,z\n"));
    assert_false(header_of("a,b\nx,y\nx,b\n")); /* b comes again */
    assert_true(header_of("a,b\nb,a\n"));       /* in another column */
    assert_false(header_of("1,b\nx,y\n"));
    assert_false(header_of("1.5,-2\n"));
    assert_false(header_of(",\n1,2\n"));
    FAILS(IMPORT("--train", put_text("a", "x,y\n1,2\n1,3\n"), "--test", put_text("b", "x,z\n1,2\n")),
          ELBOW_FORMAT, "b:1: its header has `z` where ");
    FAILS(IMPORT("--train", in_folder("a"), "--test", put_text("b", "x\n1\n")), ELBOW_FORMAT,
          "a header of 1 columns");
    FAILS(IMPORT("--train", in_folder("a"), "--test", put_text("b", "1,2\n")), ELBOW_FORMAT,
          "its header has `1`");
    FAILS(TABLE("a,b\n", "--header", "yes"), ELBOW_FORMAT, "train: no example in it");
    FAILS(TABLE("a,b\n", "--header", "maybe"), ELBOW_USAGE, "`maybe` is none of yes, no, auto");
    OK(TABLE("1990,1991\n1,2\n2,2\n", "--header", "yes", "--ignore", "1990"));
    assert_kinds("c");
}

static void test_choices(void **state) {
    (void)state;
    const char *text = "id,a,b,c,y\n1,p,q,r,u\n2,p,s,r,v\n3,t,q,r,u\n";
    OK(TABLE(text, "--ignore", "id", "--label", "y", "--context", "b,c"));
    elbow_dataset *data = open_data();
    assert_words(elbow_dataset_field(data, ELBOW_X), 0, "a", "p t");
    assert_words(elbow_dataset_field(data, ELBOW_Y), 0, "y", "u v");
    assert_int_equal(elbow_dataset_field(data, ELBOW_CONTEXT)->dimensions, 2);
    assert_words(elbow_dataset_field(data, ELBOW_CONTEXT), 0, "b", "q s");
    real context[6];
    read_reals(data, ELBOW_TRAIN, ELBOW_CONTEXT, 0, 3, context);
    assert_true(context[0] == 0 && context[2] == 1 && context[4] == 0);
    elbow_dataset_close(&data);
    OK(TABLE(text, "--columns", "c, a"));
    assert_kinds("cc");
    OK(TABLE(text, "--columns", "2-4,y", "--label", "5"));
    assert_kinds("ccc");
    FAILS(TABLE(text, "--label", "yy"), ELBOW_USAGE, "--label: no column `yy`; did you mean `y`");
    FAILS(TABLE(text, "--label", "6"), ELBOW_USAGE, "no column `6`");
    FAILS(TABLE(text, "--label", "0"), ELBOW_USAGE, "no column `0`");
    FAILS(TABLE(text, "--label", "4-2"), ELBOW_USAGE, "no column `4-2`");
    FAILS(TABLE(text, "--label", "a,b"), ELBOW_USAGE, "2 columns");
    FAILS(TABLE(text, "--label", "a,"), ELBOW_USAGE, "empty name");
    FAILS(TABLE(text, "--label", "a", "--context", "a"), ELBOW_USAGE, "`a` is --label and --context");
    FAILS(TABLE(text, "--label", "a", "--real", "a"), ELBOW_USAGE, "--real and --label");
    FAILS(TABLE(text, "--ignore", "1-5"), ELBOW_USAGE, "no column is left for x");
    FAILS(TABLE(text, "--header", "no", "--label", "y"), ELBOW_USAGE, "no names");
    FAILS(TABLE("a,a,b\n1,2,3\n", "--label", "a"), ELBOW_USAGE, "2 columns are called `a`");
}

static void test_join(void **state) {
    (void)state;
    OK(TABLE("0,0,1,0,7\n0,1,1,0,7\n0,0,1,?,7\n", "--join", "2", "--ignore", "5"));
    elbow_dataset *data = open_data();
    const elbow_field *x = elbow_dataset_field(data, ELBOW_X);
    assert_words(x, 0, "column1..column2", "00 01");
    assert_words(x, 1, "column3..column4", "10");
    assert_true(x->columns[1].missing && !x->columns[0].missing);
    elbow_dataset_close(&data);
    OK(TABLE("1,11\n11,1\n", "--join", "2")); /* not the same */
    data = open_data();
    assert_words(elbow_dataset_field(data, ELBOW_X), 0, "column1..column2", "1/11 11/1");
    elbow_dataset_close(&data);
    FAILS(TABLE("1,2,3\n", "--join", "2"), ELBOW_USAGE, "3 columns are left, which cannot be joined 2 by 2");
    FAILS(TABLE("1,2\n", "--join", "2", "--real", "2"), ELBOW_USAGE, "only categories can be joined");
    FAILS(TABLE("1,2\n", "--join", "1"), ELBOW_USAGE, "--join");
}

static void test_missing(void **state) {
    (void)state;
    OK(TABLE("a,-,1.5\nb,x,-9\nn/a,y,2.5\n", "--missing", "-,n/a,-9", "--header", "no"));
    elbow_dataset *data = open_data();
    const elbow_field *x = elbow_dataset_field(data, ELBOW_X);
    assert_words(x, 0, "column1", "a b");
    assert_words(x, 1, "column2", "x y");
    assert_true(x->columns[2].cardinality == 0 && x->columns[2].mean == 2);
    assert_true(x->columns[0].missing && x->columns[1].missing && x->columns[2].missing);
    elbow_dataset_close(&data);
    FAILS(TABLE("a,?\nb,\na,NA\n"), ELBOW_FORMAT, "column `column2` has no value, all are missing");
    FAILS(IMPORT("--train", put_text("a", "1,?\n2,?\n"), "--test", put_text("b", "1,5\n")), ELBOW_FORMAT,
          "column `column2` has no value in the training split");
}

static void test_nonsense(void **state) {
    (void)state;
    FAILS(TABLE(""), ELBOW_FORMAT, "train: nothing in it");
    FAILS(TABLE("\n \n\t\n"), ELBOW_FORMAT, "train: nothing in it");
    FAILS(TABLE("1,2\n3\n4,5,6\n7,8\n"), ELBOW_FORMAT,
          "train:2: 1 cell in a table of 2 columns (4 bad rows in all)");
    OK(TABLE("1,2\n3\n4,5,6\n7,8\n", "--skip-bad", NULL));
    elbow_dataset *data = open_data();
    assert_int_equal(elbow_dataset_count(data, ELBOW_TRAIN), 2);
    elbow_dataset_close(&data);
    put_file(in_folder("zero"), "1,2\n3,\0\n", 8);
    FAILS(IMPORT("--train", in_folder("zero"), "--test", in_folder("zero")), ELBOW_FORMAT,
          "zero:2: a byte 0");
    put_file(in_folder("png"), "\x89PNG\r\n\x1a\n\0\0\0\0", 12);
    FAILS(IMPORT("--train", in_folder("png"), "--test", in_folder("png")), ELBOW_FORMAT,
          "png: no table; it looks like a PNG picture");
    FAILS(IMPORT("--train", in_folder("none"), "--test", in_folder("none")), ELBOW_IO, "no such file");
    FAILS(IMPORT("--input", put_text("one", "1,2\n")), ELBOW_FORMAT, "1 example cannot be cut");
    FAILS(
        IMPORT("--train", put_text("a", "1,2\n1,3\n"), "--test", put_text("b", "1,4\n"), "--skip-bad", NULL),
        ELBOW_FORMAT, "no example for test");

    /* More words than codes, in a column of words and in one of numbers; and a cell of a megabyte. */
    size_t room = 3 << 20, used = 0;
    char *text = malloc(room);
    assert_non_null(text);
    for (int i = 0; i < 66000; i++) used += (size_t)snprintf(text + used, room - used, "w%d,%d\n", i, i);
    FAILS(TABLE(text), ELBOW_FORMAT,
          "`column1` has more than 65535 different words, not all of them numbers");
    OK(TABLE(text, "--ignore", "1"));
    assert_kinds("r");
    FAILS(TABLE(text, "--ignore", "1", "--categorical", "2"), ELBOW_FORMAT, "or give it as --real");
    memset(text, 'x', 1 << 20);
    memcpy(text + (1 << 20), ",1\nx,1\n", 8);
    OK(TABLE(text, "--header", "no"));
    assert_kinds("cc");
    free(text);

    gzFile file = gzopen(in_folder("gz"), "wb");
    for (int i = 0; i < 2000; i++) gzprintf(file, "%d,%d\n", i * 7919 % 1000, i);
    assert_int_equal(gzclose(file), Z_OK);
    char *bytes = NULL;
    size_t count = 0;
    OK(elbow_file_read(in_folder("gz"), 1 << 20, &bytes, &count));
    put_file(in_folder("cut"), bytes, count / 2);
    free(bytes);
    FAILS(IMPORT("--input", in_folder("cut")), ELBOW_FORMAT, "cut short");
    OK(IMPORT("--input", in_folder("gz")));
    assert_kinds("rr");
}

static void test_real_tables(void **state) {
    (void)state;
    const char *root = getenv("ELBOW_TEST_DATA");
    char path[1024];
    snprintf(path, sizeof path, "%s/table/segment.csv.gz", root != NULL ? root : "");
    if (root == NULL || access(path, R_OK) != 0) {
        print_message("no tables in ELBOW_TEST_DATA\n");
        skip();
    }
    OK(IMPORT("--input", path, "--label", "class"));
    elbow_dataset *data = open_data();
    assert_kinds("rrrrrrrrrrrrrrrrrrr");
    assert_int_equal(classes_of(data), 7);
    assert_true(elbow_dataset_field(data, ELBOW_X)->columns[2].mean == 9);
    elbow_dataset_close(&data);
    snprintf(path, sizeof path, "%s/table/agaricus-lepiota.csv.gz", root);
    OK(IMPORT("--input", path));
    assert_kinds("ccccccccccccccccccccccc");
    data = open_data();
    assert_words(elbow_dataset_field(data, ELBOW_X), 0, "column1", "e p");
    assert_words(elbow_dataset_field(data, ELBOW_X), 11, "column12", "b c e r");
    assert_true(elbow_dataset_field(data, ELBOW_X)->columns[11].missing);
    assert_false(elbow_dataset_field(data, ELBOW_X)->columns[10].missing);
    elbow_dataset_close(&data);
    char splits[3][1024];
    const char *const names[] = {"train", "valid", "test"};
    for (size_t i = 0; i < 3; i++)
        snprintf(splits[i], sizeof splits[i], "%s/table/dna.%s.csv.gz", root, names[i]);
    OK(IMPORT("--train", splits[0], "--valid", splits[1], "--test", splits[2], "--join", "3"));
    data = open_data();
    const elbow_field *x = elbow_dataset_field(data, ELBOW_X);
    assert_int_equal(x->dimensions, 60);
    for (size_t d = 0; d < 60; d++) assert_int_equal(x->columns[d].cardinality, 4);
    assert_int_equal(elbow_dataset_count(data, ELBOW_VALID), 400);
    elbow_dataset_close(&data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_words_and_reals, empty_test_folder),
        cmocka_unit_test_teardown(test_train_alone, empty_test_folder),
        cmocka_unit_test_teardown(test_kinds, empty_test_folder),
        cmocka_unit_test_teardown(test_quotes, empty_test_folder),
        cmocka_unit_test_teardown(test_separators, empty_test_folder),
        cmocka_unit_test_teardown(test_header, empty_test_folder),
        cmocka_unit_test_teardown(test_choices, empty_test_folder),
        cmocka_unit_test_teardown(test_join, empty_test_folder),
        cmocka_unit_test_teardown(test_missing, empty_test_folder),
        cmocka_unit_test_teardown(test_nonsense, empty_test_folder),
        cmocka_unit_test_teardown(test_real_tables, empty_test_folder),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
