/* Text that is written whole, and examples in the words and units of their data. */
#include "unit/files.h"

#include <math.h>

#include "base/file.h"
#include "data/field.h"
#include "data/pack.h"
#include "elbow/base/number.h"
#include "elbow/store/examples.h"
#include "elbow/store/picture.h"
#include "elbow/train/draw.h"

static void assert_text(elbow_text *text, const char *expected) {
    OK(elbow_text_add(text, "", 1)); /* its end, for comparison */
    assert_string_equal(text->bytes, expected);
    elbow_text_destroy(text);
    assert_null(text->bytes);
}

/* --------------------------------------------------------------------------------------------- text */

static void text_grows_as_it_is_added_to(void **state) {
    (void)state;
    elbow_text text = {0};
    char expected[40 * 1024] = "";
    size_t at = 0;
    for (int i = 0; i < 3000; i++) {
        OK(elbow_text_print(&text, "%d %s;", i, "word"));
        OK(elbow_text_add(&text, "", 0));
        at += (size_t)snprintf(expected + at, sizeof expected - at, "%d %s;", i, "word");
    }
    assert_int_equal(text.length, at);
    assert_text(&text, expected);
}

static void cells_are_quoted_where_they_must_be(void **state) {
    (void)state;
    elbow_text text = {0};
    const char *cells[] = {"plain",   "",       "a,b",     "say \"no\"", "two\nlines",
                           " before", "after ", "in side", "\"",         "1.5"};
    const char *empty[] = {"", ""};
    OK(elbow_text_row(&text, cells, 10));
    OK(elbow_text_row(&text, empty, 1)); /* an empty line would be no row */
    OK(elbow_text_row(&text, empty, 2));
    assert_text(
        &text,
        "plain,,\"a,b\",\"say \"\"no\"\"\",\"two\nlines\",\" before\",\"after \",in side,\"\"\"\",1.5\n"
        "\"\"\n"
        ",\n");
}

static void files_are_written_whole_or_not_at_all(void **state) {
    (void)state;
    elbow_text text = {0};
    char path[4096], *bytes = NULL;
    size_t count = 0;
    snprintf(path, sizeof path, "%s/made.txt", test_folder);
    OK(elbow_text_write(&text, path)); /* nothing at all is a text too */
    OK(elbow_text_print(&text, "one\ntwo\n"));
    OK(elbow_text_write(&text, path));
    OK(elbow_file_read(path, 100, &bytes, &count));
    assert_int_equal(count, 8);
    assert_string_equal(bytes, "one\ntwo\n");
    free(bytes);
    snprintf(path, sizeof path, "%s/nowhere/made.txt", test_folder);
    assert_int_equal(elbow_text_write(&text, path), ELBOW_IO);
    assert_non_null(strstr(elbow_error_message(), "nowhere"));
    elbow_text_destroy(&text);
}

static void numbers_are_rounded(void **state) {
    (void)state;
    static const struct {
        double value;
        int digits;
        const char *text;
    } cases[] = {{140.00000012, 6, "140"},
                 {0.1, 6, "0.1"},
                 {1.0 / 3, 6, "0.333333"},
                 {-0.0, 6, "0"},
                 {1e-5, 6, "1e-5"},
                 {123456789, 6, "1.23457e8"},
                 {2.5, 1, "2"},
                 {-17, 4, "-17"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[ELBOW_NUMBER_BYTES];
        elbow_number_rounded_text(text, cases[i].value, cases[i].digits);
        assert_string_equal(text, cases[i].text);
    }
}

/* ------------------------------------------------------------------------------------------ examples */

static char *copy(const char *text) {
    char *made = NULL;
    OK(elbow_text_copy(&made, text, strlen(text)));
    return made;
}

static elbow_field make_table(void) {
    elbow_field field = {.kind = ELBOW_TABLE};
    OK(elbow_field_take_columns(&field, 2));
    field.columns[0].name = copy("a, b");
    OK(elbow_column_take_words(&field.columns[0], 2));
    field.columns[0].words[0] = copy("no");
    field.columns[0].words[1] = copy("yes, \"so\"");
    field.columns[1].name = copy("length");
    field.columns[1].mean = 100;
    field.columns[1].scale = 20;
    return field;
}

static void tables_are_in_their_own_words_and_units(void **state) {
    (void)state;
    elbow_field field = make_table();
    real values[] = {0, (real)0.5, 1, -3, (real)NAN, (real)NAN, 7, 0}; /* 7 is no code: nothing to say */
    const elbow_examples examples = {.field = &field, .count = 4, .reals = values};
    elbow_text text = {0};
    OK(elbow_text_add_examples(&text, &examples, NULL));
    assert_text(&text, "\"a, b\",length\nno,110\n\"yes, \"\"so\"\"\",40\n,\n,100\n");

    const char *names[] = {"latent", "value"}, *cells[] = {"0", "1", "0", "2,5", "1", "0", "1", "1"};
    const elbow_notes notes = {.count = 2, .names = names, .cells = cells};
    OK(elbow_text_add_examples(&text, &examples, &notes));
    assert_text(
        &text,
        "latent,value,\"a, b\",length\n0,1,no,110\n0,\"2,5\",\"yes, \"\"so\"\"\",40\n1,0,,\n1,1,,100\n");

    const elbow_examples made = {.field = &field, .count = 1, .reals = values + 2};
    OK(elbow_text_add_pairs(&text, &examples, &made, 7));
    assert_text(&text, "example,which,\"a, b\",length\n7,original,no,110\n"
                       "7,reconstruction,\"yes, \"\"so\"\"\",40\n");
    elbow_field_destroy(&field);
}

/* What was stored as a float comes back as it was written, a 0 too. */
static void stored_values_come_back(void **state) {
    (void)state;
    static const double values[] = {0, 0.1111, 243, 1e-3, -0.25, 1.5, 100000, -8.75};
    static const double scales[][2] = {{0.0144, 0.0267}, {125, 73.5}, {-1.36316, 1.54245},
                                       {0, 1},           {0, 30},     {9, 1}};
    elbow_field field = make_table();
    for (size_t s = 0; s < sizeof scales / sizeof *scales; s++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            double mean = scales[s][0], scale = scales[s][1], magnitude = fmax(fabs(mean), fabs(values[v]));
            if (values[v] != 0 && fabs(values[v]) < 1e-2 * magnitude)
                continue; /* its digits are not all there */
            real row[] = {0, (real)(float)((values[v] - mean) / scale)};
            const elbow_examples examples = {.field = &field, .count = 1, .reals = row};
            char expected[128];
            elbow_text text = {0};
            field.columns[1].mean = mean;
            field.columns[1].scale = scale;
            snprintf(expected, sizeof expected, "\"a, b\",length\nno,%g\n", values[v]);
            OK(elbow_text_add_examples(&text, &examples, NULL));
            assert_text(&text, expected);
        }
    elbow_field_destroy(&field);
}

static elbow_field make_sequences(const char *second) {
    elbow_field field = {.kind = ELBOW_SEQUENCE, .dimensions = 4, .terminated = true};
    const char *symbols[] = {"", "C", second, "Cl"};
    OK(elbow_field_take_symbols(&field, 4));
    for (size_t v = 0; v < 4; v++) field.symbols[v] = copy(symbols[v]);
    return field;
}

static uint32_t tokens[] = {1, 3, 2, 0, /* one without its end, and one of nothing but that */ 2, 1, 1, 1,
                            0, 0, 0, 0};
static uint32_t lengths[] = {4, 4, 1};

static void sequences_are_lines(void **state) {
    (void)state;
    elbow_field field = make_sequences("=");
    elbow_examples examples = {.field = &field, .count = 3, .tokens = tokens, .length = lengths};
    const char *names[] = {"at"}, *cells[] = {"from", "0.5", "to"};
    const elbow_notes notes = {.count = 1, .names = names, .cells = cells};
    elbow_text text = {0};
    OK(elbow_text_add_examples(&text, &examples, NULL));
    assert_text(&text, "CCl=\n=CCC\n\n");
    OK(elbow_text_add_examples(&text, &examples, &notes));
    assert_text(&text, "from\tCCl=\n0.5\t=CCC\nto\t\n");
    examples.count = 2;
    OK(elbow_text_add_pairs(&text, &examples, &examples, 0));
    assert_text(&text, "CCl=\nCCl=\n\n=CCC\n=CCC\n\n");
    assert_false(elbow_examples_take_lines(&field));
    elbow_field_destroy(&field);
}

static void windows_stand_under_lines_of_their_own(void **state) {
    (void)state;
    elbow_field field = make_sequences("\n");
    const elbow_examples examples = {.field = &field, .count = 2, .tokens = tokens, .length = lengths};
    const char *names[] = {"latent", "value"}, *cells[] = {"0", "1", "0", "2"};
    const elbow_notes notes = {.count = 2, .names = names, .cells = cells};
    elbow_text text = {0};
    assert_true(elbow_examples_take_lines(&field));
    OK(elbow_text_add_examples(&text, &examples, &notes));
    assert_text(&text, "---- 1, latent 0, value 1\nCCl\n\n---- 2, latent 0, value 2\n\nCCC\n");
    OK(elbow_text_add_pairs(&text, &examples, &examples, 5));
    assert_text(&text, "---- example 5\nCCl\n\n---- reconstruction of 5\nCCl\n\n"
                       "---- example 6\n\nCCC\n---- reconstruction of 6\n\nCCC\n");
    elbow_field_destroy(&field);
}

static void damaged_tokens_are_refused(void **state) {
    (void)state;
    elbow_field field = make_sequences("=");
    uint32_t wrong[] = {1, 9, 0, 0}, length[] = {3};
    const elbow_examples examples = {.field = &field, .count = 1, .tokens = wrong, .length = length};
    elbow_text text = {0};
    assert_int_equal(elbow_text_add_examples(&text, &examples, NULL), ELBOW_FORMAT);
    elbow_text_destroy(&text);
    elbow_field_destroy(&field);
}

/* Packed by time and back, into the middle of others and into rows of more room. */
static void examples_come_back_from_values(void **state) {
    (void)state;
    elbow_field field = make_sequences("="), wide = make_sequences("=");
    const elbow_examples examples = {.field = &field, .count = 3, .tokens = tokens, .length = lengths};
    elbow_arena *arena = NULL;
    elbow_values values;
    elbow_examples back;
    wide.dimensions = 6;
    OK(elbow_arena_create(&arena));
    OK(elbow_values_reserve(&values, &field, 3, arena));
    OK(elbow_examples_reserve(&back, &wide, 5, arena));
    elbow_values_from_examples(&values, &examples, 0, 3);
    elbow_examples_from_values(&back, 1, &values, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(back.length[1 + i], lengths[i]);
        assert_memory_equal(back.tokens + (1 + i) * 6, tokens + i * 4, lengths[i] * sizeof *tokens);
    }
    assert_int_equal(back.length[0] + back.length[4], 0);
    elbow_arena_destroy(&arena);
    elbow_field_destroy(&field);
    elbow_field_destroy(&wide);
}

static void endings_agree_with_the_kind_of_data(void **state) {
    (void)state;
    static const struct {
        elbow_field_kind kind;
        const char *good, *bad;
    } cases[] = {{ELBOW_IMAGE, "a.png", "a.csv"}, {ELBOW_IMAGE, "b/a.png", "-"},
                 {ELBOW_TABLE, "a.csv", "a.png"}, {ELBOW_TABLE, "-", ".csv"},
                 {ELBOW_SEQUENCE, "a.txt", "a"},  {ELBOW_SEQUENCE, "-", "txt"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const elbow_field field = {.kind = cases[i].kind};
        if (field.kind != ELBOW_IMAGE || elbow_pictures_available())
            OK(elbow_draw_check(&field, cases[i].good));
        assert_int_equal(elbow_draw_check(&field, cases[i].bad), ELBOW_USAGE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows_as_it_is_added_to),
        cmocka_unit_test(cells_are_quoted_where_they_must_be),
        cmocka_unit_test(files_are_written_whole_or_not_at_all),
        cmocka_unit_test(numbers_are_rounded),
        cmocka_unit_test(tables_are_in_their_own_words_and_units),
        cmocka_unit_test(stored_values_come_back),
        cmocka_unit_test(sequences_are_lines),
        cmocka_unit_test(windows_stand_under_lines_of_their_own),
        cmocka_unit_test(damaged_tokens_are_refused),
        cmocka_unit_test(examples_come_back_from_values),
        cmocka_unit_test(endings_agree_with_the_kind_of_data),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
