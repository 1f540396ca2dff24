/* Fields: their text gives them back, whatever the words, and says no to everything else. */
#include "files.h"

#include <float.h>
#include <math.h>

#include "data/field.h"

static char *text_of(const char *text) {
    char *copy = NULL;
    OK(elbow_text_copy(&copy, text, strlen(text)));
    return copy;
}

/* Words that text formats trip over. */
static const char *const hard[] = {"",
                                   "\t",
                                   "\n",
                                   "\\",
                                   "\\n",
                                   "a\tb\nc\\d",
                                   "\x01\x1b[31m",
                                   "\xff\xfe",
                                   "\xc3",
                                   "\xc3\xa9",
                                   "e\xcc",
                                   "\xed\xa0\x80",
                                   " word ",
                                   "word",
                                   "\r",
                                   "\x7f",
                                   "\xf0\x9f\x98\x80",
                                   "=",
                                   "\"",
                                   "\\x00"};
enum { HARD = sizeof hard / sizeof *hard };

static void fill_words(elbow_column *column, size_t count) {
    OK(elbow_column_take_words(column, count));
    for (size_t k = 0; k < count; k++) column->words[k] = text_of(hard[k % HARD]);
}

/* mixed: a categorical column, a real one, a categorical one that may be missing. */
static elbow_field make_table(void) {
    elbow_field field = {.kind = ELBOW_TABLE};
    OK(elbow_field_take_columns(&field, 3));
    for (size_t d = 0; d < 3; d++) field.columns[d].name = text_of(hard[5 + d]);
    fill_words(&field.columns[0], HARD);
    field.columns[1].mean = -1.0 / 3;
    field.columns[1].scale = DBL_MIN;
    field.columns[1].missing = true;
    fill_words(&field.columns[2], 2);
    field.columns[2].missing = true;
    return field;
}

static elbow_field make_sequence(void) {
    elbow_field field = {.kind = ELBOW_SEQUENCE, .dimensions = 7, .joiner = " ", .terminated = true};
    OK(elbow_field_take_symbols(&field, HARD));
    for (size_t v = 0; v < HARD; v++) field.symbols[v] = text_of(hard[v]);
    return field;
}

static elbow_field make_image(void) {
    return (elbow_field){.kind = ELBOW_IMAGE,
                         .height = 5,
                         .width = 4,
                         .channels = 3,
                         .dimensions = 60,
                         .maximum = 255,
                         .binary = true};
}

static elbow_field (*const makers[])(void) = {make_image, make_table, make_sequence};
enum { MAKERS = sizeof makers / sizeof *makers };

static void check_same(const elbow_field *a, const elbow_field *b) {
    char *of_a = NULL, *of_b = NULL;
    OK(elbow_field_match(a, b, "b"));
    OK(elbow_field_describe(a, &of_a));
    OK(elbow_field_describe(b, &of_b));
    assert_string_equal(of_a, of_b);
    assert_int_equal(elbow_field_input_width(a), elbow_field_input_width(b));
    free(of_a), free(of_b);
}

static void test_text_and_back(void **state) {
    (void)state;
    for (size_t m = 0; m < MAKERS; m++) {
        elbow_field field = makers[m](), back, copy;
        char *text = NULL;
        OK(elbow_field_describe(&field, &text));
        OK(elbow_field_parse(&back, text, "a.h5"));
        OK(elbow_field_copy(&copy, &field));
        check_same(&field, &back);
        check_same(&field, &copy);
        if (m == 1) {
            for (size_t k = 0; k < HARD; k++) {
                assert_string_equal(back.columns[0].words[k], hard[k]);
                assert_ptr_not_equal(copy.columns[0].words[k], field.columns[0].words[k]);
            }
            assert_true(back.columns[1].mean == -1.0 / 3 && back.columns[1].scale == DBL_MIN);
            assert_true(back.columns[1].missing && !back.columns[0].missing);
        }
        if (m == 2)
            for (size_t v = 0; v < HARD; v++) assert_string_equal(back.symbols[v], hard[v]);
        /* One thing a line, and UTF-8 whatever the bytes. */
        for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++)
            assert_true(*at >= 32 || *at == '\n' || *at == '\t');
        assert_null(strstr(text, "\xff"));
        free(text);
        elbow_field_destroy(&field);
        elbow_field_destroy(&back);
        elbow_field_destroy(&copy);
        assert_null(copy.columns);
    }
}

static void refuse(const char *text, const char *words) {
    elbow_field field;
    FAILS(elbow_field_parse(&field, text, "a.h5: /x"), ELBOW_FORMAT, words);
    assert_non_null(strstr(elbow_error_message(), "a.h5: /x"));
    assert_null(field.columns);
    assert_null(field.symbols);
}

static void test_refusals(void **state) {
    (void)state;
    refuse("", "line 1");
    refuse("kind\timage", "ends where `kind`");
    refuse("kind\tsound\n", "kind `sound`");
    refuse("kind\n", "0 parts");
    refuse("kind\timage\nwidth\t2\n", "`width` where `height`");
    refuse("kind\timage\nheight\t0\n", "line 2");
    refuse("kind\timage\nheight\t99999999999999999999\n", "line 2");
    refuse("kind\timage\nheight\t16777216\nwidth\t2\n", "line 3");
    refuse("kind\timage\nheight\t1\nwidth\t1\nchannels\t1\nmaximum\t256\nbinary\t0\n", "line 5");
    refuse("kind\timage\nheight\t1\nwidth\t1\nchannels\t1\nmaximum\t1\nbinary\t2\n", "line 6");
    refuse("kind\timage\nheight\t1\nwidth\t1\nchannels\t1\nmaximum\t1\nbinary\t1\nmore\n", "goes on");
    refuse("kind\ttable\ncolumns\t16777216\n", "do not follow");
    refuse("kind\ttable\ncolumns\t1\n", "1 columns do not follow");
    refuse("kind\ttable\ncolumns\t1\ncolumn\ta\tcategorical\t65535\tcomplete\nword\tx\n", "do not follow");
    refuse("kind\ttable\ncolumns\t1\ncolumn\ta\tcategorical\t65536\tcomplete\nword\tx\n", "65535");
    refuse("kind\ttable\ncolumns\t1\ncolumn\ta\tcategorical\t2\tcomplete\nword\tx\n", "ends where `word`");
    refuse("kind\ttable\ncolumns\t1\ncolumn\ta\tcategorical\t2\tperhaps\nword\tx\n", "perhaps");
    refuse("kind\ttable\ncolumns\t1\ncolumn\ta\treal\t0\t0\tcomplete\n", "no number");
    refuse("kind\ttable\ncolumns\t1\ncolumn\ta\treal\tnan\t1\tcomplete\n", "no number");
    refuse("kind\ttable\ncolumns\t1\ncolumn\ta\treal\t0\tcomplete\n", "parts after");
    refuse("kind\ttable\ncolumns\t1\ncolumn\ta\\q\treal\t0\t1\tcomplete\n", "unknown escape");
    refuse("kind\ttable\ncolumns\t1\ncolumn\ta\\x00\treal\t0\t1\tcomplete\n", "unknown escape");
    refuse("kind\ttable\ncolumns\t1\ncolumn\ta\\xg0\treal\t0\t1\tcomplete\n", "unknown escape");
    refuse("kind\ttable\ncolumns\t1\ncolumn\ta\\x\treal\t0\t1\tcomplete\n", "unknown escape");
    refuse("kind\tsequence\nlength\t1\nvocabulary\t65537\nterminated\t1\njoiner\t\n", "line 3");
    refuse("kind\tsequence\nlength\t1\nvocabulary\t1\nterminated\t1\njoiner\t12345678\nsymbol\ta\n",
           "joiner");
}

/* Every beginning of a text, and every text with a byte changed: a refusal or another field, never a crash. */
static void test_damage(void **state) {
    (void)state;
    size_t refusals = 0, tries = 0;
    for (size_t m = 0; m < MAKERS; m++) {
        elbow_field field = makers[m](), back;
        char *text = NULL;
        OK(elbow_field_describe(&field, &text));
        for (size_t at = 0; text[at] != '\0'; at++) {
            char before = text[at];
            const char others[] = {'\0', '\n', '\t', '9', (char)(before ^ 1), '\\'};
            for (size_t i = 0; i < sizeof others; i++, tries++) {
                text[at] = others[i];
                if (elbow_field_parse(&back, text, "a") == ELBOW_OK)
                    elbow_field_destroy(&back);
                else
                    refusals++;
            }
            text[at] = before;
        }
        free(text);
        elbow_field_destroy(&field);
    }
    assert_true(refusals > tries / 2);
}

static void test_match(void **state) {
    (void)state;
    elbow_field a = make_table(), b = make_table();
    OK(elbow_field_match(&a, &b, "b"));
    b.columns[0].missing = true;
    OK(elbow_field_match(&a, &b, "b"));
    b.columns[0].words[2][0] = 'x';
    FAILS(elbow_field_match(&a, &b, "b"), ELBOW_MISMATCH, "code 2");
    b.columns[0].words[2][0] = '\n';
    b.columns[1].mean = 0;
    FAILS(elbow_field_match(&a, &b, "b.h5"), ELBOW_MISMATCH, "b.h5: column");
    b.columns[1].mean = a.columns[1].mean;
    b.columns[1].name[0] = 'y';
    FAILS(elbow_field_match(&a, &b, "b"), ELBOW_MISMATCH, "column 2");
    b.columns[1].name[0] = a.columns[1].name[0];
    b.dimensions = 2; /* as far as match can see */
    FAILS(elbow_field_match(&a, &b, "b"), ELBOW_MISMATCH, "2 columns where 3");
    b.dimensions = 3;
    elbow_field_destroy(&b);
    b = make_sequence();
    FAILS(elbow_field_match(&a, &b, "b"), ELBOW_MISMATCH, "kind sequence where table");
    elbow_field_destroy(&a);
    a = make_sequence();
    b.dimensions = 100;
    OK(elbow_field_match(&a, &b, "b"));
    b.terminated = false;
    FAILS(elbow_field_match(&a, &b, "b"), ELBOW_MISMATCH,
          "without an end symbol where they are expected with one");
    FAILS(elbow_field_match(&b, &a, "b"), ELBOW_MISMATCH,
          "with an end symbol where they are expected without");
    elbow_field_destroy(&a);
    elbow_field_destroy(&b);
    a = b = make_image();
    b.maximum = 1;
    b.binary = false;
    OK(elbow_field_match(&a, &b, "b"));
    b.width = 5;
    FAILS(elbow_field_match(&a, &b, "b"), ELBOW_MISMATCH, "5 x 5 x 3 where 5 x 4 x 3");
}

static void test_widths_and_tokens(void **state) {
    (void)state;
    elbow_field table = make_table(), sequence = make_sequence(), image = make_image();
    char *text = NULL;
    assert_int_equal(elbow_field_input_width(&image), 60);
    assert_int_equal(elbow_field_input_width(&table), HARD + 2 + 3);
    assert_int_equal(elbow_field_input_width(&sequence), 7 * HARD);
    const unsigned tokens[] = {13, 9, 0}, wrong[] = {HARD};
    OK(elbow_field_write_tokens(&sequence, tokens, 3, &text));
    assert_string_equal(text, "word \xc3\xa9"); /* the end is not shown, nor joined */
    free(text);
    OK(elbow_field_write_tokens(&sequence, tokens, 0, &text));
    assert_string_equal(text, "");
    free(text);
    sequence.terminated = false;
    sequence.joiner[0] = '\0';
    OK(elbow_field_write_tokens(&sequence, (const unsigned[]){13, 13, 0}, 3, &text));
    assert_string_equal(text, "wordword");
    free(text);
    FAILS(elbow_field_write_tokens(&sequence, wrong, 1, &text), ELBOW_FORMAT, "not one of the vocabulary");
    assert_null(text);
    elbow_field_destroy(&table);
    elbow_field_destroy(&sequence);
}

static void test_labels(void **state) {
    (void)state;
    elbow_field labels;
    OK(elbow_field_make_labels(&labels, "label", 12));
    assert_int_equal(labels.columns[0].cardinality, 12);
    assert_string_equal(labels.columns[0].words[11], "11");
    elbow_field_destroy(&labels);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_and_back),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_widths_and_tokens),
        cmocka_unit_test(test_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
