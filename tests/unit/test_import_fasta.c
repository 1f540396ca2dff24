/* FASTA and plain tables of sequences in; tables of positions, or sequences, out. */
#include "import_files.h"

#include "data/records.h"

/* A table of categorical columns as its words, missing ones as `_`, a row each line. */
static void expect_rows_at(elbow_split split, const char *expected, int line) {
    elbow_dataset *data = open_data();
    const elbow_field *field = elbow_dataset_field(data, ELBOW_X);
    size_t rows = elbow_dataset_count(data, split), columns = field->dimensions, used = 0;
    char found[4096];
    real *codes = malloc(rows * columns * sizeof *codes);
    assert_true(codes != NULL && rows * (columns + 1) < sizeof found && field->kind == ELBOW_TABLE);
    read_reals(data, split, ELBOW_X, 0, rows, codes);
    for (size_t i = 0; i < rows; i++) {
        for (size_t d = 0; d < columns; d++) {
            real code = codes[i * columns + d];
            assert_true(!isnan(code) || field->columns[d].missing);
            found[used++] = isnan(code) ? '_' : field->columns[d].words[(size_t)code][0];
        }
        found[used++] = '|';
    }
    found[used] = '\0';
    if (strcmp(found, expected) != 0) fail_msg("line %d: \"%s\", not \"%s\"", line, found, expected);
    free(codes);
    elbow_dataset_close(&data);
}
#define EXPECT_ROWS(split, expected) expect_rows_at((split), (expected), __LINE__)

static void expect_labels_at(elbow_split split, const char *expected, int line) {
    elbow_dataset *data = open_data();
    const elbow_field *field = elbow_dataset_field(data, ELBOW_Y);
    size_t rows = elbow_dataset_count(data, split);
    char found[1024] = "";
    real codes[64];
    assert_true(field != NULL && rows <= 64);
    read_reals(data, split, ELBOW_Y, 0, rows, codes);
    for (size_t i = 0; i < rows; i++) strcat(strcat(found, field->columns[0].words[(size_t)codes[i]]), " ");
    if (strcmp(found, expected) != 0) fail_msg("line %d: \"%s\", not \"%s\"", line, found, expected);
    elbow_dataset_close(&data);
}
#define EXPECT_LABELS(split, expected) expect_labels_at((split), (expected), __LINE__)

static const char *column_words(size_t d) {
    static char found[256];
    elbow_dataset *data = open_data();
    const elbow_column *column = &elbow_dataset_field(data, ELBOW_X)->columns[d];
    found[0] = '\0';
    for (size_t k = 0; k < column->cardinality; k++) strcat(found, column->words[k]);
    elbow_dataset_close(&data);
    return found;
}

/* ------------------------------------------------------------------------------------------------ roles */

static void test_roles(void **state) {
    (void)state;
    elbow_roles roles;
    OK(elbow_roles_parse(&roles, "name,x*60,class"));
    assert_true(roles.parts == 3 && roles.fields == 62 && roles.labelled && roles.times[1] == 60);
    OK(elbow_roles_parse(&roles, "x"));
    assert_true(roles.parts == 1 && roles.fields == 1 && !roles.labelled);
    OK(elbow_roles_parse(&roles, "x,skip*3,x"));
    assert_true(roles.fields == 5);
    static const struct {
        const char *text, *words;
    } wrong[] = {{"", "`` is no role"},
                 {"name,,x", "`` is no role"},
                 {"x,", "`` is no role"},
                 {"sequence", "known: name"},
                 {"name,class", "no field is x"},
                 {"class,x,class", "two classes"},
                 {"x,class*2", "two classes"},
                 {"x*0", "x*"},
                 {"x*", "x*"},
                 {"x*-1", "x*"},
                 {"x*1e9", "x*"},
                 {"x*99999999999999999999", "x*"},
                 {"x*16777216,x*16777216", "too many"},
                 {"x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x", "too many"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        FAILS(elbow_roles_parse(&roles, wrong[i].text), ELBOW_USAGE, wrong[i].words);
}

/* ------------------------------------------------------------------------------------------------ FASTA */

static void test_fasta(void **state) {
    (void)state;
    const char *train = TEXT_FILE("train", "\n>one of two\nAC gt\n\n; a remark\nacgt\n>two\r\nNNNNRR--\r\n"),
               *test = TEXT_FILE("test", ">x\nTTTT\nTTTT"),
               *longer = TEXT_FILE("longer", ">x\nTTTTTTTTT\n>\nA\n");
    OK(IMPORT("fasta", "--train", train, "--test", test));
    EXPECT_ROWS(ELBOW_TRAIN, "ACGTACGT|______--|");
    EXPECT_ROWS(ELBOW_TEST, "TTTTTTTT|");
    assert_string_equal(column_words(0), "ACGT-");
    OK(IMPORT("fasta", "--train", train, "--test", test, "--ambiguous", "symbol"));
    EXPECT_ROWS(ELBOW_TRAIN, "ACGTACGT|NNNNRR--|");
    assert_string_equal(column_words(7), "ACGT-NR");
    OK(IMPORT("fasta", "--train", train, "--test", test, "--as", "sequence"));
    EXPECT_SYMBOLS("<end> A C G T - N R ");
    EXPECT_TEXTS(ELBOW_TRAIN, "|", "ACGTACGT|NNNNRR--|");
    FAILS(IMPORT("fasta", "--train", train, "--test", test, "--ambiguous", "refuse"), ELBOW_FORMAT,
          "train:8: `N` is ambiguous (1 bad row in all)");
    /* Of several lengths: sequences. */
    OK(IMPORT("fasta", "--train", train, "--test", longer));
    EXPECT_SYMBOLS("<end> A C G T - N R ");
    EXPECT_TEXTS(ELBOW_TEST, "|", "TTTTTTTTT|A|");
    FAILS(IMPORT("fasta", "--train", train, "--test", longer, "--as", "table"), ELBOW_FORMAT,
          "longer:1: 9 symbols, and the first record has 8: no table (2 bad rows in all)");
    FAILS(IMPORT("fasta", "--train", train, "--test", longer, "--ambiguous", "missing"), ELBOW_USAGE,
          "several lengths");
    FAILS(IMPORT("fasta", "--train", train, "--test", test, "--ambiguous", "missing", "--as", "sequence"),
          ELBOW_USAGE, "--as says sequence");
    FAILS(IMPORT("fasta", "--train", train, "--test", longer, "--longest", "8"), ELBOW_FORMAT,
          "longer:1: 9 symbols");
}

/* Letters that only another split has are of the alphabet all the same; those of `any` are learned. */
static void test_alphabets(void **state) {
    (void)state;
    const char *acgt = TEXT_FILE("acgt", ">a\nAC\n>b\nCA\n"), *n = TEXT_FILE("n", ">a\nNC\n>b\nCT\n"),
               *u = TEXT_FILE("u", ">a\nUC\n"), *peptide = TEXT_FILE("peptide", ">a\nmkVX*\n>b\nUUUUU\n");
    OK(IMPORT("fasta", "--train", acgt, "--test", n, "--as", "sequence"));
    EXPECT_SYMBOLS("<end> A C G T N ");
    EXPECT_TEXTS(ELBOW_TEST, "|", "NC|CT|");
    FAILS(IMPORT("fasta", "--train", acgt, "--test", u), ELBOW_FORMAT,
          "u:2: `U` is no letter of the alphabet dna");
    OK(IMPORT("fasta", "--train", u, "--test", u, "--alphabet", "rna"));
    assert_string_equal(column_words(0), "ACGU");
    OK(IMPORT("fasta", "--train", peptide, "--test", peptide, "--alphabet", "protein"));
    EXPECT_ROWS(ELBOW_TRAIN, "MKV_*|UUUUU|");
    assert_string_equal(column_words(0), "ACDEFGHIKLMNPQRSTVWY*U");
    FAILS(IMPORT("fasta", "--train", acgt, "--test", n, "--alphabet", "any"), ELBOW_FORMAT,
          "n:1: `N` in test does not occur in the training split (2 bad rows in all)");
    OK(IMPORT("fasta", "--train", TEXT_FILE("mixed", ">a\na!\n>b\nAb\n"), "--test", TEXT_FILE("t", ">\nb!"),
              "--alphabet", "any", "--as", "sequence"));
    EXPECT_SYMBOLS("<end> ! A a b ");
    FAILS(IMPORT("fasta", "--train", acgt, "--test", n, "--alphabet", "any", "--ambiguous", "symbol"),
          ELBOW_USAGE, "--ambiguous");
    FAILS(IMPORT("fasta", "--train", acgt, "--test", n, "--alphabet", "dnaa"), ELBOW_USAGE, "dna");
    FAILS(IMPORT("fasta", "--train", acgt, "--test", n, "--as", "tables"), ELBOW_USAGE,
          "known: table, sequence");
    FAILS(IMPORT("fasta", "--train", acgt, "--test", n, "--ambiguous", "x"), ELBOW_USAGE, "known: missing");
}

static void test_bad_records(void **state) {
    (void)state;
    static const char text[] =
        "ACGT\nAC\n>empty\n>wrong\nACGT\nAC4T\nACXX\n>good\nAC\n>bytes\nA\xC3\xA9\n>last\n";
    const char *path = TEXT_FILE("text", text);
    FAILS(IMPORT("fasta", "--train", path, "--test", path), ELBOW_FORMAT,
          "text:1: a sequence without a line `>NAME`");
    FAILS(IMPORT("fasta", "--train", path, "--test", path), ELBOW_FORMAT, "(10 bad rows in all)");
    OK(IMPORT("fasta", "--train", path, "--test", path, "--skip-bad", ""));
    EXPECT_ROWS(ELBOW_TRAIN, "AC|");
    FAILS(IMPORT("fasta", "--input", path, "--skip-bad", ""), ELBOW_FORMAT, "1 example cannot be cut");
}

/* ----------------------------------------------------------------------------------------------- tables */

static void test_table(void **state) {
    (void)state;
    const char *untidy = TEXT_FILE("untidy", "+,S10,\t\tacgt\r\n-, b ,  AC;GT\n\n-;c\tnn tt"),
               *test = TEXT_FILE("test", "-,z,ACGT\n");
    FAILS(IMPORT("fasta", "--train", untidy, "--test", test, "--table", "class,name,x"), ELBOW_FORMAT,
          "untidy:2: 4 fields, and --table says 3 (2 bad rows in all)");
    TEXT_FILE("untidy", "+,S10,\t\tacgt\r\n-, b ,  ACGT\n\n-;c\tnntt");
    OK(IMPORT("fasta", "--train", untidy, "--test", test, "--table", "class,name,x"));
    EXPECT_ROWS(ELBOW_TRAIN, "ACGT|ACGT|__TT|");
    EXPECT_LABELS(ELBOW_TRAIN, "+ - - ");
    EXPECT_LABELS(ELBOW_TEST, "- ");
    OK(IMPORT("fasta", "--train", untidy, "--test", test, "--table", "class,name,x", "--as", "sequence"));
    EXPECT_TEXTS(ELBOW_TRAIN, "|", "ACGT|ACGT|NNTT|");
    EXPECT_LABELS(ELBOW_TRAIN, "+ - - ");
    OK(IMPORT("fasta", "--train", untidy, "--test", test, "--table", "skip,skip,x"));
    elbow_dataset *data = open_data();
    assert_null(elbow_dataset_field(data, ELBOW_Y));
    elbow_dataset_close(&data);
    OK(IMPORT("fasta", "--train", TEXT_FILE("wide", "n,A,C,gT,EI\nn,T,T,TT,IE\n"), "--test",
              TEXT_FILE("test", "n,A,A,AA,IE\n"), "--table", "name,x*3,class"));
    EXPECT_ROWS(ELBOW_TRAIN, "ACGT|TTTT|");
    EXPECT_LABELS(ELBOW_TRAIN, "EI IE ");
    FAILS(IMPORT("fasta", "--train", TEXT_FILE("wide", "A,EI\nC,EI\n"), "--test",
                 TEXT_FILE("test", "A,EI\nA,IE\nA,IF\n"), "--table", "x,class"),
          ELBOW_FORMAT,
          "test:2: class `IE` in test does not occur in the training split (2 bad rows in all)");
    OK(IMPORT("fasta", "--train", in_folder("wide"), "--test", in_folder("test"), "--table", "x,class",
              "--skip-bad", ""));
    EXPECT_ROWS(ELBOW_TEST, "A|");
    EXPECT_LABELS(ELBOW_TEST, "EI ");
    FAILS(IMPORT("fasta", "--train", in_folder("wide"), "--test", in_folder("test"), "--table", "x,clas"),
          ELBOW_USAGE, "`clas` is no role");
}

static void test_nonsense(void **state) {
    (void)state;
    expect_nonsense_refused("fasta", ">a\nACGT\n>b\nTGCA\n");
}

/* ------------------------------------------------------------------------------------------------- real */

/* Ambiguous letters of splice.data: 56 N, 2 D, 1 R, 1 S. */
static void test_splice(void **state) {
    (void)state;
    const char *path = real_data("dna/splice.data.gz");
    OK(IMPORT("fasta", "--input", path, "--table", "name,x*60,class"));
    elbow_dataset *data = open_data();
    const elbow_field *field = elbow_dataset_field(data, ELBOW_X);
    size_t missing = 0, rows = 0, tokens = 0, all = 0;
    assert_int_equal(field->kind, ELBOW_TABLE);
    assert_int_equal(field->dimensions, 60);
    assert_int_equal(classes_of(data), 3);
    for (size_t d = 0; d < 60; d++) assert_int_equal(field->columns[d].cardinality, 4);
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        size_t count = elbow_dataset_count(data, split);
        real *codes = malloc(count * 60 * sizeof *codes);
        read_reals(data, split, ELBOW_X, 0, count, codes);
        for (size_t i = 0; i < count * 60; i++) missing += isnan(codes[i]) != 0;
        free(codes);
        rows += count;
    }
    assert_int_equal(rows, 3190);
    assert_int_equal(missing, 60);
    elbow_dataset_close(&data);
    for (int seed = 1; seed < 4; seed++) {
        char digits[8];
        snprintf(digits, sizeof digits, "%d", seed);
        OK(IMPORT("fasta", "--input", path, "--table", "name,x*60,class", "--as", "sequence", "--seed",
                  digits));
        EXPECT_SYMBOLS("<end> A C G T D N R S ");
    }
    data = open_data();
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++, all += tokens)
        free(read_texts(data, split, "", &tokens));
    assert_int_equal(all, 3190 * 61);
    elbow_dataset_close(&data);
}

static void test_promoters(void **state) {
    (void)state;
    OK(IMPORT("fasta", "--input", real_data("dna/promoters.data"), "--table", "class,name,x"));
    elbow_dataset *data = open_data();
    assert_int_equal(elbow_dataset_count(data, ELBOW_TRAIN), 84);
    assert_int_equal(elbow_dataset_field(data, ELBOW_X)->dimensions, 57);
    assert_int_equal(classes_of(data), 2);
    elbow_dataset_close(&data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roles),
        cmocka_unit_test_teardown(test_fasta, empty_test_folder),
        cmocka_unit_test_teardown(test_alphabets, empty_test_folder),
        cmocka_unit_test_teardown(test_bad_records, empty_test_folder),
        cmocka_unit_test_teardown(test_table, empty_test_folder),
        cmocka_unit_test_teardown(test_nonsense, empty_test_folder),
        cmocka_unit_test_teardown(test_splice, empty_test_folder),
        cmocka_unit_test_teardown(test_promoters, empty_test_folder),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
