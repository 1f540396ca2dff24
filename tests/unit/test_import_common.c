/* What importers share: flags, cuts, passes, lines, words, bad rows. */
#include "data_files.h"

#include <zlib.h>

#include "data/import_common.h"
#include "data/import_list.h"

/* ------------------------------------------------------------------------------------------- flags */

static const elbow_import_flag flags[] = {
    {"--delimiter", "CHARACTER", ",", "what stands between"},
    {"--header", NULL, NULL, "the first line has names"},
    {"--length", "NUMBER", NULL, "of a window"},
    {NULL, NULL, NULL, NULL},
};

static elbow_status never(const elbow_import_request *request) {
    (void)request;
    return elbow_fail(ELBOW_IO, "it ran");
}

static const elbow_importer importer = {.name = "test",
                                        .input = "FILE",
                                        .takes = ELBOW_IMPORT_SPLITS | ELBOW_IMPORT_CUT |
                                                 ELBOW_IMPORT_BAD_ROWS | ELBOW_IMPORT_HALVES,
                                        .flags = flags,
                                        .import = never};

static elbow_import_request begin(void) {
    elbow_import_request request;
    OK(elbow_import_begin(&request, "idx"));
    request.importer = &importer;
    return request;
}

static void test_flags(void **state) {
    (void)state;
    elbow_import_request request = begin();
    int64_t length = 7;
    double real_length = 7;
    assert_string_equal(elbow_import_value(&request, "--delimiter"), ",");
    assert_false(elbow_import_given(&request, "--delimiter"));
    assert_null(elbow_import_value(&request, "--length"));
    OK(elbow_import_integer(&request, "--length", 1, 9, &length));
    assert_int_equal(length, 7);
    OK(elbow_import_set(&request, "--delimiter", ";"));
    OK(elbow_import_set(&request, "--header", NULL));
    OK(elbow_import_set(&request, "--length", "8"));
    assert_string_equal(elbow_import_value(&request, "--delimiter"), ";");
    assert_true(elbow_import_given(&request, "--header"));
    OK(elbow_import_integer(&request, "--length", 1, 9, &length));
    OK(elbow_import_real(&request, "--length", 1, 9, &real_length));
    assert_true(length == 8 && real_length == 8);
    FAILS(elbow_import_integer(&request, "--length", 1, 7, &length), ELBOW_USAGE, "--length: `8`");
    FAILS(elbow_import_set(&request, "--heade", ""), ELBOW_USAGE, "did you mean --header");
    FAILS(elbow_import_set(&request, "--inptu", ""), ELBOW_USAGE, "did you mean --input");
    assert_int_equal(ELBOW_IMPORT_COMMON,
                     elbow_import_common(&importer, (elbow_import_flag[ELBOW_IMPORT_COMMON]){0}));

    OK(elbow_import_set(&request, "--split", "0.5,0,0.5"));
    assert_true(request.fractions[ELBOW_VALID] == 0 && request.fractions[ELBOW_TEST] == 0.5);
    const char *const wrong[] = {"",      "0.5,0.5",   "0.5,0.25,0.25,0", "0.5,0.2,0.2",
                                 "1,0,0", "0,0.5,0.5", "a,b,c",           "1.2,-0.1,-0.1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        FAILS(elbow_import_set(&request, "--split", wrong[i]), ELBOW_USAGE, "three fractions");
    FAILS(elbow_import_set(&request, "--seed", "-1"), ELBOW_USAGE, "--seed: ");
    OK(elbow_import_set(&request, "--context", "lower"));
    assert_int_equal(request.context, ELBOW_HALF_LOWER);
    FAILS(elbow_import_set(&request, "--context", "uper"), ELBOW_USAGE, "upper, lower, left or right");

    /* idx takes no cut */
    OK(elbow_import_begin(&request, "idx"));
    FAILS(elbow_import_set(&request, "--input", "a"), ELBOW_USAGE, "has no flag `--input`");
}

static void test_requests(void **state) {
    (void)state;
    elbow_import_request request = begin(), other;
    FAILS(elbow_import_run(&request), ELBOW_USAGE, "--input FILE is missing; give it, or --train and --test");
    request.output = in_folder("out.h5");
    request.inputs[ELBOW_TEST] = "a";
    FAILS(elbow_import_run(&request), ELBOW_USAGE, "--train FILE is missing");
    request.inputs[ELBOW_TRAIN] = "a";
    FAILS(elbow_import_run(&request), ELBOW_IO, "it ran");
    other = request;
    OK(elbow_import_set(&other, "--seed", "3"));
    FAILS(elbow_import_run(&other), ELBOW_USAGE, "of --input, which is missing");
    OK(elbow_import_set(&other, "--input", "b"));
    FAILS(elbow_import_run(&other), ELBOW_USAGE, "give --input, or --train and --test");
    other.inputs[ELBOW_TRAIN] = other.inputs[ELBOW_TEST] = NULL;
    FAILS(elbow_import_run(&other), ELBOW_IO, "it ran");
    put_file(request.output, "mine", 4);
    FAILS(elbow_import_run(&other), ELBOW_IO, "--force");
    OK(elbow_import_set(&other, "--force", NULL));
    FAILS(elbow_import_run(&other), ELBOW_IO, "it ran");
    other.input = other.output;
    FAILS(elbow_import_run(&other), ELBOW_USAGE, "is an input too");
}

/* --------------------------------------------------------------------------------------------- cut */

static void test_cut(void **state) {
    (void)state;
    enum { N = 1000 };
    const double fractions[] = {0.7, 0.1, 0.2};
    static uint8_t a[N], b[N];
    size_t counts[ELBOW_SPLITS], differ = 0, early = 0;
    OK(elbow_import_cut(a, N, fractions, 1, counts, "a"));
    assert_true(counts[ELBOW_TRAIN] == 700 && counts[ELBOW_VALID] == 100 && counts[ELBOW_TEST] == 200);
    size_t found[ELBOW_SPLITS] = {0};
    for (size_t i = 0; i < N; i++) found[a[i]]++;
    assert_memory_equal(found, counts, sizeof counts);
    OK(elbow_import_cut(b, N, fractions, 1, counts, "a"));
    assert_memory_equal(a, b, N);
    OK(elbow_import_cut(b, N, fractions, 2, counts, "a"));
    for (size_t i = 0; i < N; i++) differ += a[i] != b[i], early += i < N / 2 && a[i] == ELBOW_TEST;
    assert_true(differ > N / 4);
    assert_in_range(early, 70, 130);

    /* As documented: the first by keys are the test split. */
    uint64_t least = UINT64_MAX;
    size_t first = 0;
    for (uint32_t i = 0; i < N; i++) {
        uint32_t words[4];
        elbow_stream_block(elbow_stream_make(2, ELBOW_SHARD_NONE, "import.split"), 0, i, 0, words);
        uint64_t key = words[0] | (uint64_t)words[1] << 32;
        if (key < least) least = key, first = i;
    }
    assert_int_equal(b[first], ELBOW_TEST);

    OK(elbow_import_cut(a, 3, (double[]){0.98, 0.01, 0.01}, 1, counts, "a")); /* at least one each */
    assert_true(counts[0] == 1 && counts[1] == 1 && counts[2] == 1);
    OK(elbow_import_cut(a, 2, (double[]){0.9, 0, 0.1}, 1, counts, "a"));
    assert_true(counts[0] == 1 && counts[1] == 0 && counts[2] == 1);
    FAILS(elbow_import_cut(a, 2, (double[]){0.8, 0.1, 0.1}, 1, counts, "a.csv"), ELBOW_FORMAT,
          "a.csv: 2 examples cannot");
    FAILS(elbow_import_cut(a, 0, (double[]){0.8, 0, 0.2}, 1, counts, "a"), ELBOW_FORMAT, "0 examples");
}

/* ------------------------------------------------------------------------------------------- lines */

static void put(const char *path, const char *bytes, size_t count, bool gzip) {
    gzFile file = gzopen(path, gzip ? "wb" : "wbT");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)count), (int)count);
    assert_int_equal(gzclose(file), Z_OK);
}

static void check_lines(const char *bytes, size_t count, const char *const *expected) {
    for (int gzip = 0; gzip < 2; gzip++) {
        elbow_lines *lines = NULL;
        elbow_line line;
        put(in_folder("lines"), bytes, count, gzip);
        OK(elbow_lines_open(&lines, in_folder("lines")));
        for (size_t i = 0; expected[i] != NULL; i++) {
            OK(elbow_lines_next(lines, &line));
            assert_non_null(line.text);
            assert_string_equal(line.text, expected[i]);
            assert_int_equal(line.length, strlen(expected[i]));
            assert_int_equal(line.number, i + 1);
        }
        for (int i = 0; i < 2; i++) {
            OK(elbow_lines_next(lines, &line));
            assert_null(line.text);
        }
        elbow_lines_close(&lines);
    }
}

static void test_lines(void **state) {
    (void)state;
#define LINES(text, ...) check_lines(text, sizeof text - 1, (const char *const[]){__VA_ARGS__, NULL})
    LINES("a\nbc\n", "a", "bc");
    LINES("a\nbc", "a", "bc");
    LINES("a\r\nb\rc\r\n\r\n", "a", "b\rc", "");
    LINES("\n\n", "", "");
    LINES("\xEF\xBB\xBFname\n\xEF\xBB\xBF", "name", "\xEF\xBB\xBF");
    LINES("\r", "");
    check_lines("", 0, (const char *const[]){NULL});
    /* Lines longer than what is read at once, ending on every byte near the borders. */
    for (size_t length = 65530; length < 65545; length++) {
        char *text = malloc(2 * length + 3);
        assert_non_null(text);
        memset(text, 'x', 2 * length + 3);
        text[length] = '\n';
        text[2 * length + 1] = '\r';
        text[2 * length + 2] = '\n';
        char *line = calloc(length + 1, 1);
        assert_non_null(line);
        memset(line, 'x', length);
        check_lines(text, 2 * length + 3, (const char *const[]){line, line, NULL});
        free(line), free(text);
    }
}

static void test_no_lines(void **state) {
    (void)state;
    elbow_lines *lines = NULL;
    elbow_line line;
    put(in_folder("lines"), "a\nb\0c\n", 6, false);
    OK(elbow_lines_open(&lines, in_folder("lines")));
    OK(elbow_lines_next(lines, &line));
    FAILS(elbow_lines_next(lines, &line), ELBOW_FORMAT, "lines:2: a byte 0");
    assert_null(line.text);
    elbow_lines_close(&lines);
    put(in_folder("lines"), "\x89PNG\r\n\x1a\n\0\0", 10, false);
    OK(elbow_lines_open(&lines, in_folder("lines")));
    OK(elbow_lines_next(lines, &line));
    elbow_lines_close(&lines);
    put(in_folder("lines"), "\x93NUMPY\1\0v\0", 10, false);
    OK(elbow_lines_open(&lines, in_folder("lines")));
    FAILS(elbow_lines_next(lines, &line), ELBOW_FORMAT, "it looks like a NumPy array");
    elbow_lines_close(&lines);
    FAILS(elbow_lines_open(&lines, in_folder("none")), ELBOW_IO, "no such file");
    assert_null(lines);

    /* A line without end, which gzip makes small. */
    gzFile file = gzopen(in_folder("long"), "wb1");
    static char block[1 << 16];
    memset(block, 'x', sizeof block);
    for (size_t bytes = 0; bytes <= ELBOW_LINE_MOST; bytes += sizeof block)
        assert_int_equal(gzwrite(file, block, sizeof block), (int)sizeof block);
    assert_int_equal(gzclose(file), Z_OK);
    OK(elbow_lines_open(&lines, in_folder("long")));
    FAILS(elbow_lines_next(lines, &line), ELBOW_FORMAT, "long:1: a line of more than");
    elbow_lines_close(&lines);
}

/* ------------------------------------------------------------------------------------------- words */

static void test_words(void **state) {
    (void)state;
    elbow_words words = {0};
    char word[32];
    assert_int_equal(elbow_words_find(&words, "a", 1), ELBOW_WORD_ABSENT);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < 5000; i++) {
            int length = snprintf(word, sizeof word, "w%zu", i * 7919 % 5000);
            OK(elbow_words_add(&words, word, (size_t)length, i == 3 ? 5 : 1));
        }
    OK(elbow_words_add(&words, "", 0, 1));
    assert_int_equal(words.count, 5001);
    assert_int_equal(elbow_words_find(&words, "w0", 2), 0);
    assert_int_equal(elbow_words_find(&words, "w7919", 5), ELBOW_WORD_ABSENT);
    assert_int_equal(words.seen[3], 10);
    OK(elbow_words_sort(&words, ELBOW_WORDS_BY_BYTES, 0, 0));
    assert_string_equal(words.words[0], "");
    for (size_t i = 1; i < words.count; i++) {
        assert_true(strcmp(words.words[i - 1], words.words[i]) < 0);
        assert_int_equal(elbow_words_find(&words, words.words[i], words.lengths[i]), (int64_t)i);
    }
    OK(elbow_words_sort(&words, ELBOW_WORDS_BY_COUNT, 2, 100));
    assert_int_equal(words.count, 100);
    assert_int_equal(words.seen[0], 10);
    assert_int_equal(elbow_words_find(&words, "", 0), ELBOW_WORD_ABSENT);
    for (size_t i = 2; i < words.count; i++) assert_true(strcmp(words.words[i - 1], words.words[i]) < 0);
    OK(elbow_words_add(&words, "new", 3, 1));
    assert_int_equal(elbow_words_find(&words, "new", 3), 100);
    elbow_words_destroy(&words);
    assert_int_equal(words.count, 0);
}

/* ------------------------------------------------------------------------------------------- plans */

/* An importer of numbers, one a line; what it saw of each pass. */
typedef struct seen {
    size_t in[ELBOW_SPLITS], sum[ELBOW_SPLITS];
    bool vanish; /* in later passes */
} seen;

static elbow_status read_numbers(void *self, elbow_plan *plan, const char *path) {
    seen *s = self;
    elbow_lines *lines = NULL;
    elbow_line line;
    elbow_status status = elbow_lines_open(&lines, path);
    while (status == ELBOW_OK) {
        status = elbow_lines_next(lines, &line);
        if (status != ELBOW_OK || line.text == NULL) break;
        if (s->vanish && plan->passes > 0 && line.number == 1) continue;
        if (line.text[strspn(line.text, "0123456789")] != '\0') {
            status = elbow_bad_row(&plan->bad, path, line.number, "`%s` is no number", line.text);
            continue;
        }
        elbow_split split = elbow_plan_next(plan);
        s->in[split]++;
        s->sum[split] += (size_t)strtoul(line.text, NULL, 10);
    }
    elbow_lines_close(&lines);
    return status;
}

static void test_plans(void **state) {
    (void)state;
    static char text[8192];
    size_t length = 0;
    for (int i = 0; i < 100; i++) length += (size_t)snprintf(text + length, sizeof text - length, "%d\n", i);
    put_file(in_folder("all"), text, length);
    elbow_import_request request = begin();
    elbow_plan plan;
    seen first = {.in = {0}}, second = {.in = {0}};
    request.input = in_folder("all");
    elbow_plan_begin(&plan, &request);
    OK(elbow_plan_pass(&plan, true, read_numbers, &first));
    assert_int_equal(first.in[ELBOW_TRAIN], 100);
    assert_int_equal(plan.count[ELBOW_TRAIN], 80);
    OK(elbow_plan_pass(&plan, false, read_numbers, &second));
    for (size_t s = 0; s < ELBOW_SPLITS; s++) assert_int_equal(second.in[s], plan.count[s]);
    assert_int_equal(second.sum[0] + second.sum[1] + second.sum[2], 99 * 50);
    assert_true(second.sum[2] != 9 * 5 &&
                second.sum[2] != 9 * 5 + 900); /* neither the first nor the last ten */
    second.vanish = true;
    FAILS(elbow_plan_pass(&plan, false, read_numbers, &second), ELBOW_FORMAT,
          "100 examples at first and then 99");
    elbow_plan_end(&plan);

    put_file(in_folder("bad"), "1\ntwo\n3\nfour\n", 13);
    request = begin();
    request.inputs[ELBOW_TRAIN] = in_folder("all");
    request.inputs[ELBOW_TEST] = in_folder("bad");
    elbow_plan_begin(&plan, &request);
    FAILS(elbow_plan_pass(&plan, true, read_numbers, &first), ELBOW_FORMAT,
          "bad:2: `two` is no number (2 bad rows in all); correct them, or leave them out by --skip-bad");
    elbow_plan_end(&plan);
    request.skip_bad = true;
    first = second = (seen){.in = {0}};
    elbow_plan_begin(&plan, &request);
    OK(elbow_plan_pass(&plan, true, read_numbers, &first));
    OK(elbow_plan_pass(&plan, false, read_numbers, &second));
    assert_true(second.in[ELBOW_TRAIN] == 100 && second.in[ELBOW_TEST] == 2 && second.sum[ELBOW_TEST] == 4);
    elbow_plan_end(&plan);

    put_file(in_folder("bad"), "two\n", 4);
    elbow_plan_begin(&plan, &request);
    FAILS(elbow_plan_pass(&plan, true, read_numbers, &first), ELBOW_FORMAT, "no example in it");
    elbow_plan_end(&plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags),
        cmocka_unit_test_teardown(test_requests, empty_test_folder),
        cmocka_unit_test(test_cut),
        cmocka_unit_test_teardown(test_lines, empty_test_folder),
        cmocka_unit_test_teardown(test_no_lines, empty_test_folder),
        cmocka_unit_test(test_words),
        cmocka_unit_test_teardown(test_plans, empty_test_folder),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
