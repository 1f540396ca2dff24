/* Text in, sequences out: what the text was comes back, splits do not leak, and nonsense is refused by name. */
#include "import_files.h"

/* ------------------------------------------------------------------------------------------- tokenizers */

static void test_words(void **state) {
    (void)state;
    const elbow_tokenizer words = elbow_tokenizer_words;
    EXPECT_TOKENS(words, "", "");
    EXPECT_TOKENS(words, " \t\r\v ", "");
    EXPECT_TOKENS(words, "one", "one");
    EXPECT_TOKENS(words, "  Two words. ", "Two|words|.");
    EXPECT_TOKENS(words, "don't 'tis dogs' well-known -- a-b-", "don't|'|tis|dogs|'|well-known|-|-|a-b|-");
    EXPECT_TOKENS(words, "3.5 1,000,000. .5 3. v1.2 a.b", "3.5|1,000,000|.|.|5|3|.|v1.2|a|.|b");
    EXPECT_TOKENS(words, "<unk> <unk>s <unk <", "<unk>|<unk>|s|<|unk|<");
    EXPECT_TOKENS(words, "\u201CDon\u2019t\u201D\u00A0caf\u00E9\u2026",
                  "\u201C|Don\u2019t|\u201D|caf\u00E9|\u2026");
    EXPECT_TOKENS(words, "\u00BFqu\u00E9? \u65E5\u672C\u3002 snake_case",
                  "\u00BF|qu\u00E9|?|\u65E5\u672C|\u3002|snake_case");
    EXPECT_TOKENS(words, "a \xC3( b", "a|! is not UTF-8");
    EXPECT_TOKENS(words, "a\xFF", "a|! is not UTF-8");
}

static void test_characters(void **state) {
    (void)state;
    const elbow_tokenizer characters = elbow_tokenizer_characters;
    static const char *const wrong[] = {"\x80",
                                        "\xBF",
                                        "\xC0\x80",
                                        "\xC1\xBF",
                                        "\xE0\x9F\xBF",
                                        "\xED\xA0\x80",
                                        "\xF0\x8F\xBF\xBF",
                                        "\xF4\x90\x80\x80",
                                        "\xF5\x80\x80\x80",
                                        "\xC3",
                                        "\xE2\x82",
                                        "\xF0\x9F\x98",
                                        "\xE2\x28\xA1",
                                        "\xFE"};
    EXPECT_TOKENS(characters, "a b", "a| |b");
    EXPECT_TOKENS(characters, "e\u0301\u00E9\u20AC\U0001F600\U0010FFFF",
                  "e|\u0301|\u00E9|\u20AC|\U0001F600|\U0010FFFF");
    EXPECT_TOKENS(characters, "\xED\x9F\xBF\xEE\x80\x80\xC2\x80", "\xED\x9F\xBF|\xEE\x80\x80|\xC2\x80");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        EXPECT_TOKENS(characters, wrong[i], "! is not UTF-8");
    EXPECT_TOKENS(elbow_tokenizer_bytes, "\xC3\xA9!", "\xC3|\xA9|!");
}

static void test_find(void **state) {
    (void)state;
    const elbow_tokenizer *tokenizer = NULL;
    OK(elbow_tokenizer_find("words", &tokenizer));
    assert_ptr_equal(tokenizer, &elbow_tokenizer_words);
    FAILS(elbow_tokenizer_find("wrods", &tokenizer), ELBOW_USAGE, "words");
    assert_null(tokenizer);
}

/* ------------------------------------------------------------------------------------------------ lines */

static void test_lines(void **state) {
    (void)state;
    const char *train = TEXT_FILE("train", "b\u00E9\na\n\n\ncab\n"), *test = TEXT_FILE("test", "\nab\u00E9");
    OK(IMPORT("text", "--train", train, "--test", test));
    EXPECT_SYMBOLS("<end> a b c \u00E9 ");
    EXPECT_TEXTS(ELBOW_TRAIN, "|", "b\u00E9|a|cab|");
    EXPECT_TEXTS(ELBOW_TEST, "|", "ab\u00E9|");
    elbow_dataset *data = open_data();
    assert_true(elbow_dataset_field(data, ELBOW_X)->terminated);
    assert_int_equal(elbow_dataset_field(data, ELBOW_X)->dimensions, 4);
    elbow_dataset_close(&data);
    OK(IMPORT("text", "--train", train, "--test", test, "--tokens", "bytes"));
    EXPECT_SYMBOLS("<end> a b c \xA9 \xC3 ");
    EXPECT_TEXTS(ELBOW_TRAIN, "|", "b\u00E9|a|cab|");
    FAILS(IMPORT("text", "--train", train, "--test", test, "--longest", "2"), ELBOW_FORMAT,
          "train:5: 3 symbols, and 2 are the most (2 bad rows in all)");
    OK(IMPORT("text", "--train", train, "--test", train, "--longest", "2", "--skip-bad", ""));
    EXPECT_TEXTS(ELBOW_TEST, "|", "b\u00E9|a|");
    OK(IMPORT("text", "--train", TEXT_FILE("train", "A\u00C9\nZz[\n"), "--test", TEXT_FILE("test", "a\nB[\n"),
              "--lower", "", "--skip-bad", ""));
    EXPECT_TEXTS(ELBOW_TRAIN, "|", "a\u00C9|zz[|");
    EXPECT_TEXTS(ELBOW_TEST, "|", "a|");
}

/* The same text however it is wrapped. */
static void test_line_ends(void **state) {
    (void)state;
    static const char *const forms[] = {"one\neon\nneo\n", "one\neon\nneo", "one\r\neon\r\nneo\r\n",
                                        "\xEF\xBB\xBFone\neon\nneo\n", "one\n\neon\nneo\n\n"};
    char first[17], other[17];
    for (size_t i = 0; i <= sizeof forms / sizeof *forms; i++) {
        const char *path = in_folder("text");
        if (i < sizeof forms / sizeof *forms)
            put_file(path, forms[i], strlen(forms[i]));
        else
            write_gzip(path, forms[0]);
        OK(IMPORT("text", "--input", path, "--split", "0.4,0.3,0.3"));
        copy_checksum(i == 0 ? first : other);
        if (i > 0) assert_string_equal(first, other);
    }
}

/* Cut at random by the seed; every line once, each split in the order of the file. */
static void test_cut(void **state) {
    (void)state;
    enum { LINES = 300 };
    char text[LINES * 6 + 1] = "", first[17], second[17];
    bool seen[LINES] = {false};
    for (int i = 0; i < LINES; i++) snprintf(text + 4 * i, 5, "%03d\n", i);
    const char *path = file_of("text", text, 4 * LINES);
    OK(IMPORT("text", "--input", path, "--split", "0.7,0.1,0.2"));
    copy_checksum(first);
    elbow_dataset *data = open_data();
    assert_int_equal(elbow_dataset_count(data, ELBOW_VALID), 30);
    assert_int_equal(elbow_dataset_count(data, ELBOW_TEST), 60);
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        size_t tokens = 0;
        char *texts = read_texts(data, split, "\n", &tokens);
        int before = -1;
        for (char *at = texts; *at != '\0'; at += 4) {
            int line = atoi(at);
            assert_true(line > before && line < LINES && !seen[line]);
            seen[line] = true;
            before = line;
        }
        free(texts);
    }
    for (int i = 0; i < LINES; i++) assert_true(seen[i]);
    elbow_dataset_close(&data);
    OK(IMPORT("text", "--input", path, "--split", "0.7,0.1,0.2", "--seed", "1"));
    copy_checksum(second);
    assert_string_equal(first, second);
    OK(IMPORT("text", "--input", path, "--split", "0.7,0.1,0.2", "--seed", "2"));
    copy_checksum(second);
    assert_string_not_equal(first, second);
}

/* ---------------------------------------------------------------------------------------------- windows */

/* The three splits after one another are the text, its last line end included. */
static void expect_whole(const char *text, size_t window, bool ends) {
    elbow_dataset *data = open_data();
    const elbow_field *field = elbow_dataset_field(data, ELBOW_X);
    size_t used = 0, length = strlen(text);
    assert_false(field->terminated);
    assert_int_equal(field->dimensions, window);
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        size_t tokens = 0;
        char *part = read_texts(data, split, "", &tokens);
        assert_memory_equal(part, text + used, strlen(part));
        used += strlen(part);
        if (split == ELBOW_TRAIN) assert_int_equal(tokens, window * elbow_dataset_count(data, split));
        free(part);
    }
    assert_int_equal(used + (size_t)ends, length);
    elbow_dataset_close(&data);
}

static void test_windows(void **state) {
    (void)state;
    static const char text[] = "a b\nc\n\ncab acb\n \nbca ab c\n";
    char digits[16];
    for (size_t window = 2; window < 12; window++) {
        bool alone = (sizeof text - 1) % window == 1; /* one symbol is left, and is no example */
        snprintf(digits, sizeof digits, "%zu", window);
        OK(IMPORT("text", "--input", TEXT_FILE("text", text), "--example", "window", "--window", digits,
                  "--split", "0.4,0.3,0.3"));
        expect_whole(text, window, alone);
    }
    OK(IMPORT("text", "--train", TEXT_FILE("train", "aaaaa"), "--test", TEXT_FILE("test", "aa\r\na"),
              "--example", "window", "--window", "4"));
    EXPECT_SYMBOLS("\n a ");
    EXPECT_TEXTS(ELBOW_TRAIN, "|", "aaaa|a\n|");
    EXPECT_TEXTS(ELBOW_TEST, "|", "aa\na|");
    OK(IMPORT("text", "--train", TEXT_FILE("train", "a b,\nc\n\nd e a b c d e\n"), "--test",
              TEXT_FILE("test", "a ,"), "--tokens", "words", "--example", "window", "--window", "3",
              "--cutoff", "1"));
    EXPECT_SYMBOLS("<unk> a b c d e , ");
    EXPECT_TEXTS(ELBOW_TRAIN, "|", "a b ,|c d e|a b c|d e|");
    FAILS(IMPORT("text", "--input", TEXT_FILE("text", "ab"), "--example", "window", "--window", "9"),
          ELBOW_FORMAT, "1 example cannot be cut");
}

/* ---------------------------------------------------------------------------------------------- leakage */

static void test_vocabulary_is_of_train(void **state) {
    (void)state;
    const char *train = TEXT_FILE("train", "abc\nbc\n"), *test = TEXT_FILE("test", "ab\nxa\nb\ncy\u00FC\n");
    FAILS(IMPORT("text", "--train", train, "--test", test), ELBOW_FORMAT,
          "test:2: `x` in test does not occur in the training split (2 bad rows in all)");
    OK(IMPORT("text", "--train", train, "--test", test, "--skip-bad", ""));
    EXPECT_SYMBOLS("<end> a b c ");
    EXPECT_TEXTS(ELBOW_TEST, "|", "ab|b|");
    FAILS(IMPORT("text", "--train", train, "--test", test, "--example", "window", "--window", "3"),
          ELBOW_FORMAT, "test:2: `x`");
    OK(IMPORT("text", "--train", train, "--test", test, "--example", "window", "--window", "3", "--skip-bad",
              ""));
    EXPECT_TEXTS(ELBOW_TEST, "|", "ab\n|b\nc|");
    OK(IMPORT("text", "--train", train, "--test", test, "--tokens", "words", "--cutoff", "1"));
    EXPECT_SYMBOLS("<end> <unk> abc bc ");
    EXPECT_TEXTS(ELBOW_TEST, "|", "<unk>|<unk>|<unk>|<unk>|");
    /* None of the test split is good. */
    FAILS(IMPORT("text", "--train", train, "--test", TEXT_FILE("test", "x\n"), "--skip-bad", ""),
          ELBOW_FORMAT, "no example for test");
    /* Of a cut file, too: exactly the lines of train make the vocabulary. */
    char text[5 * 90 + 1];
    size_t tokens = 0, symbols = 0;
    for (int i = 0; i < 90; i++) snprintf(text + 2 * i, 3, "%c\n", i < 60 ? 'a' : '!' + i - 60);
    OK(IMPORT("text", "--input", file_of("text", text, 180), "--skip-bad", ""));
    elbow_dataset *data = open_data();
    char *found = read_texts(data, ELBOW_TRAIN, "", &tokens);
    for (const char *at = found; *at != '\0'; at++) symbols += *at != 'a';
    assert_int_equal(elbow_dataset_field(data, ELBOW_X)->vocabulary, symbols + 2);
    assert_in_range(symbols, 1, 29);
    free(found);
    elbow_dataset_close(&data);
}

static void test_word_vocabulary(void **state) {
    (void)state;
    const char *train = TEXT_FILE("train", "the cat\nthe dog. <unk>\nthe cat, dog\n"),
               *test = TEXT_FILE("test", "The cat. cow");
    OK(IMPORT("text", "--train", train, "--test", test, "--tokens", "words"));
    EXPECT_SYMBOLS("<end> <unk> the cat dog ");
    EXPECT_TEXTS(ELBOW_TRAIN, "|", "the cat|the dog <unk> <unk>|the cat <unk> dog|");
    EXPECT_TEXTS(ELBOW_TEST, "|", "<unk> cat <unk> <unk>|");
    OK(IMPORT("text", "--train", train, "--test", test, "--tokens", "words", "--cutoff", "1"));
    EXPECT_SYMBOLS("<end> <unk> the cat dog , . ");
    OK(IMPORT("text", "--train", train, "--test", test, "--tokens", "words", "--vocabulary", "2", "--lower",
              ""));
    EXPECT_SYMBOLS("<end> <unk> the cat ");
    EXPECT_TEXTS(ELBOW_TEST, "|", "the cat <unk> <unk>|");
    OK(IMPORT("text", "--train", train, "--test", test, "--tokens", "words", "--cutoff", "99"));
    EXPECT_SYMBOLS("<end> <unk> ");
}

/* --------------------------------------------------------------------------------------------- bad rows */

static void test_bad_rows(void **state) {
    (void)state;
    static const char text[] = "good\nba\xE9"
                               "d\ngood\n\xFF\xFE\ngood\n";
    const char *path = TEXT_FILE("text", text);
    FAILS(IMPORT("text", "--input", path), ELBOW_FORMAT,
          "text:2: byte 0xE9 at its byte 3 is not UTF-8 (2 bad rows in all)");
    FAILS(IMPORT("text", "--input", path), ELBOW_FORMAT, "--skip-bad");
    OK(IMPORT("text", "--input", path, "--skip-bad", ""));
    elbow_dataset *data = open_data();
    assert_int_equal(elbow_dataset_count(data, ELBOW_TRAIN), 1);
    elbow_dataset_close(&data);
    OK(IMPORT("text", "--train", path, "--test", path, "--skip-bad", "", "--example", "window", "--window",
              "10"));
    EXPECT_TEXTS(ELBOW_TRAIN, "|", "good\ngood\n|good\n|");
    OK(IMPORT("text", "--train", path, "--test", path, "--tokens", "bytes"));
    EXPECT_TEXTS(ELBOW_TRAIN, "\n", text);
    FAILS(IMPORT("text", "--train", path, "--test", path, "--tokens", "words"), ELBOW_FORMAT, "text:2:");
}

static void test_flags(void **state) {
    (void)state;
    const char *path = TEXT_FILE("text", "a\na\na\na\n");
    const struct {
        const char *flag, *value, *words;
    } wrong[] = {
        {"--tokens", "bites", "bytes"},         {"--example", "page", "line, window"},
        {"--example", "window", "--window 64"}, {"--window", "8", "--example window"},
        {"--cutoff", "3", "--tokens words"},    {"--vocabulary", "3", "--tokens words"},
        {"--longest", "0", "--longest"},        {"--longest", "many", "--longest"},
        {"--windows", "3", "--window"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        FAILS(IMPORT("text", "--input", path, wrong[i].flag, wrong[i].value), ELBOW_USAGE, wrong[i].words);
    FAILS(IMPORT("text", "--input", path, "--example", "window", "--window", "1"), ELBOW_USAGE, "--window");
    FAILS(IMPORT("text", "--input", path, "--example", "window", "--window", "2", "--longest", "2"),
          ELBOW_USAGE, "--longest is for lines");
    FAILS(IMPORT("text", "--input", path, "--example", "window", "--window", "2", "--seed", "2"), ELBOW_USAGE,
          "--seed is for lines");
    assert_int_equal(count_files(test_folder), 1);
}

static void test_nonsense(void **state) {
    (void)state;
    expect_nonsense_refused("text", "abc\nd\xC3\xA9"
                                    "f\n");
    FAILS(IMPORT("text", "--input", TEXT_FILE("bytes", "\x1f\x8bno gzip at all")), ELBOW_FORMAT, "gzip");
}

/* A line of many megabytes is an example like others, or a bad row; neither hangs nor crashes. */
static void test_long_line(void **state) {
    (void)state;
    size_t count = ((size_t)1 << 24) + 5;
    char *text = malloc(count + 3);
    assert_non_null(text);
    memset(text, 'a', count);
    memcpy(text + count, "\na\n", 3);
    const char *path = file_of("text", text, count + 3), *test = TEXT_FILE("test", "a\n");
    free(text);
    FAILS(IMPORT("text", "--train", path, "--test", test), ELBOW_FORMAT, "text:1: 16777221 symbols");
    OK(IMPORT("text", "--train", path, "--test", test, "--example", "window", "--window", "1000000"));
    elbow_dataset *data = open_data();
    assert_int_equal(elbow_dataset_count(data, ELBOW_TRAIN), 17);
    elbow_dataset_close(&data);
}

/* ------------------------------------------------------------------------------------------------- real */

static void test_shakespeare(void **state) {
    (void)state;
    const char *path = real_data("text/tinyshakespeare.txt.gz");
    char *text = read_gzip(path, 1 << 22);
    OK(IMPORT("text", "--input", path, "--example", "window", "--window", "64"));
    bool alone = strlen(text) % 64 == 1;
    expect_whole(text, 64, alone);
    elbow_dataset *data = open_data();
    assert_int_equal(elbow_dataset_field(data, ELBOW_X)->vocabulary, 65);
    assert_int_equal(elbow_dataset_count(data, ELBOW_TEST), 1743);
    elbow_dataset_close(&data);
    OK(IMPORT("text", "--input", path, "--example", "window", "--window", "64", "--tokens", "bytes"));
    expect_whole(text, 64, alone);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_find),
        cmocka_unit_test_teardown(test_lines, empty_test_folder),
        cmocka_unit_test_teardown(test_line_ends, empty_test_folder),
        cmocka_unit_test_teardown(test_cut, empty_test_folder),
        cmocka_unit_test_teardown(test_windows, empty_test_folder),
        cmocka_unit_test_teardown(test_vocabulary_is_of_train, empty_test_folder),
        cmocka_unit_test_teardown(test_word_vocabulary, empty_test_folder),
        cmocka_unit_test_teardown(test_bad_rows, empty_test_folder),
        cmocka_unit_test_teardown(test_flags, empty_test_folder),
        cmocka_unit_test_teardown(test_nonsense, empty_test_folder),
        cmocka_unit_test_teardown(test_long_line, empty_test_folder),
        cmocka_unit_test_teardown(test_shakespeare, empty_test_folder),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
