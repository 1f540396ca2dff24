/* Batches: sequences packed and unpacked again, values as the input of a dense layer. */
#include "files.h"

#include <math.h>

#include "data/field.h"
#include "elbow/base/random.h"
#include "elbow/data/batch.h"

static char *text_of(const char *text) {
    char *copy = NULL;
    OK(elbow_text_copy(&copy, text, strlen(text)));
    return copy;
}

static elbow_field make_sequences(size_t longest, size_t vocabulary) {
    elbow_field field = {.kind = ELBOW_SEQUENCE, .dimensions = longest};
    OK(elbow_field_take_symbols(&field, vocabulary));
    for (size_t v = 0; v < vocabulary; v++) field.symbols[v] = text_of("s");
    return field;
}

static uint32_t draw(uint32_t example, uint32_t what, uint32_t below) {
    uint32_t words[4];
    elbow_stream_block(elbow_stream_make(5, 0, "test"), what, example, 0, words);
    return words[0] % below;
}

/* What the header promises of packed values, and that they are the examples. */
static void check_packed(const elbow_values *values, const elbow_examples *examples, size_t first,
                         size_t rows) {
    size_t D = examples->field->dimensions, longest = 0, tokens = 0;
    static bool seen[128];
    assert_true(rows <= sizeof seen);
    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < rows; i++) {
        size_t length = examples->length[first + i];
        if (length > longest) longest = length;
        tokens += length;
        assert_int_equal(values->example_length[i], length);
    }
    assert_int_equal(values->steps, longest);
    assert_int_equal(values->begin[0], 0);
    assert_int_equal(values->begin[longest], tokens);
    for (size_t p = 0; p < rows; p++) {
        size_t i = values->order[p];
        assert_true(i < rows && !seen[i]);
        seen[i] = true;
        assert_int_equal(values->length[p], examples->length[first + i]);
        if (p > 0) {
            assert_true(values->length[p - 1] >= values->length[p]);
            if (values->length[p - 1] == values->length[p]) assert_true(values->order[p - 1] < i);
        }
        for (size_t t = 0; t < values->length[p]; t++) {
            assert_true(p < elbow_values_active(values, t));
            assert_int_equal(values->tokens[values->begin[t] + p], examples->tokens[(first + i) * D + t]);
        }
        for (size_t t = values->length[p]; t < longest; t++) assert_true(p >= elbow_values_active(values, t));
    }
}

static void test_packing(void **state) {
    (void)state;
    /* rows, longest, all of one length? */
    const size_t cases[][3] = {{1, 1, 0},   {1, 9, 1},  {7, 1, 1},   {64, 5, 0},
                               {33, 40, 0}, {50, 3, 1}, {3, 1000, 0}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        size_t rows = cases[c][0], longest = cases[c][1], spare = 3;
        elbow_field field = make_sequences(longest, 11);
        elbow_arena *arena = NULL;
        elbow_examples examples;
        elbow_batch batch;
        OK(elbow_arena_create(&arena));
        OK(elbow_examples_reserve(&examples, &field, rows + spare, arena));
        OK(elbow_batch_reserve(&batch, &field, NULL, rows, arena));
        assert_null(batch.context.field);
        for (size_t round = 0; round < 4; round++) {
            for (uint32_t i = 0; i < rows + spare; i++) {
                examples.length[i] =
                    cases[c][2] ? (uint32_t)longest : 1 + draw(i, (uint32_t)round, (uint32_t)longest);
                for (uint32_t t = 0; t < examples.length[i]; t++)
                    examples.tokens[i * longest + t] = draw(i, 100 + t, 11);
            }
            size_t some = round == 3 ? (rows + 1) / 2 : rows; /* fewer than reserved, after more */
            elbow_values_from_examples(&batch.x, &examples, round, some);
            check_packed(&batch.x, &examples, round, some);
        }
        elbow_arena_destroy(&arena);
        elbow_field_destroy(&field);
    }
}

static void test_sequences_as_input(void **state) {
    (void)state;
    enum { ROWS = 3, D = 4, V = 5, WIDTH = D * V + 3, AT = 2 };
    elbow_field field = make_sequences(D, V);
    elbow_arena *arena = NULL;
    elbow_examples examples;
    elbow_batch batch;
    real input[ROWS * WIDTH];
    OK(elbow_arena_create(&arena));
    OK(elbow_examples_reserve(&examples, &field, ROWS, arena));
    OK(elbow_batch_reserve(&batch, &field, NULL, ROWS, arena));
    const uint32_t lengths[ROWS] = {2, 4, 1};
    for (uint32_t i = 0; i < ROWS; i++) {
        examples.length[i] = lengths[i];
        for (uint32_t t = 0; t < lengths[i]; t++) examples.tokens[i * D + t] = (i + 2 * t) % V;
    }
    elbow_values_from_examples(&batch.x, &examples, 0, ROWS);
    for (size_t i = 0; i < ROWS * WIDTH; i++) input[i] = -7;
    elbow_values_write_input(&batch.x, input, WIDTH, AT, ROWS);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t k = 0; k < WIDTH; k++) {
            size_t t = (k - AT) / V, v = (k - AT) % V;
            bool inside = k >= AT && k < AT + D * V;
            real expected = !inside ? -7 : t < lengths[i] && examples.tokens[i * D + t] == v ? 1 : 0;
            assert_true(input[i * WIDTH + k] == expected);
        }
    elbow_arena_destroy(&arena);
    elbow_field_destroy(&field);
}

/* A categorical column of three, a real one, the same two with missing values. */
static void test_tables_as_input(void **state) {
    (void)state;
    enum { ROWS = 3, D = 4, WIDTH = 3 + 1 + (3 + 1) + (1 + 1) };
    elbow_field field = {.kind = ELBOW_TABLE};
    elbow_arena *arena = NULL;
    elbow_batch batch;
    OK(elbow_field_take_columns(&field, D));
    for (size_t d = 0; d < D; d++) {
        field.columns[d].name = text_of("c");
        field.columns[d].missing = d >= 2;
        field.columns[d].scale = 1;
        if (d % 2 == 1) continue;
        OK(elbow_column_take_words(&field.columns[d], 3));
        for (size_t k = 0; k < 3; k++) field.columns[d].words[k] = text_of("w");
    }
    assert_int_equal(elbow_field_input_width(&field), WIDTH);
    OK(elbow_arena_create(&arena));
    OK(elbow_batch_reserve(&batch, &field, &field, ROWS, arena));
    assert_ptr_equal(batch.context.field, &field);
    const real nan = (real)NAN;
    const real values[ROWS][D] = {{0, (real)0.5, 2, (real)-1.5}, {2, 0, nan, nan}, {nan, nan, 7, -1}};
    const real expected[ROWS][WIDTH] = {
        {1, 0, 0, (real)0.5, 0, 0, 1, 0, (real)-1.5, 0},
        {0, 0, 1, 0, 0, 0, 0, 1, 0, 1},
        {0, 0, 0, 0, 0, 0, 0, 0, -1, 0}, /* not said to be missing anywhere, a code out of range: zeros */
    };
    memcpy(batch.context.reals, values, sizeof values);
    real input[ROWS * (WIDTH + 1)];
    for (size_t i = 0; i < ROWS * (WIDTH + 1); i++) input[i] = -7;
    elbow_values_write_input(&batch.context, input, WIDTH + 1, 1, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(input[i * (WIDTH + 1)] == -7);
        assert_memory_equal(input + i * (WIDTH + 1) + 1, expected[i], sizeof expected[i]);
    }
    elbow_arena_destroy(&arena);
    elbow_field_destroy(&field);
}

static void test_images_as_input(void **state) {
    (void)state;
    const elbow_field field = {.kind = ELBOW_IMAGE, .dimensions = 3, .height = 1, .width = 3, .channels = 1};
    elbow_arena *arena = NULL;
    elbow_batch batch;
    elbow_examples examples;
    OK(elbow_arena_create(&arena));
    OK(elbow_batch_reserve(&batch, &field, NULL, 2, arena));
    OK(elbow_examples_reserve(&examples, &field, 3, arena));
    for (size_t i = 0; i < 9; i++) examples.reals[i] = (real)i;
    elbow_values_from_examples(&batch.x, &examples, 1, 2);
    real input[10] = {0};
    const real expected[10] = {0, 0, 3, 4, 5, 0, 0, 6, 7, 8};
    elbow_values_write_input(&batch.x, input, 5, 2, 2);
    assert_memory_equal(input, expected, sizeof expected);
    elbow_arena_destroy(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packing),
        cmocka_unit_test(test_sequences_as_input),
        cmocka_unit_test(test_tables_as_input),
        cmocka_unit_test(test_images_as_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
