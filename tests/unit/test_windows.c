/* Training data by windows: the batches of a loader that streams are those of one that holds everything, to the bit,
 * whatever the kind of data, the shards, the window, and where it begins. */
#include "data_files.h"

#include "data/field.h"
#include "data/windows.h"
#include "data/writer.h"
#include "elbow/data/loader.h"

enum { TRAIN = 2100, TEST = 3, LONGEST = 7, SYMBOLS = 5, COLUMNS = 3 };

static char *text_of(const char *text) {
    char *copy = NULL;
    OK(elbow_text_copy(&copy, text, strlen(text)));
    return copy;
}

static uint32_t mixed(size_t example, size_t what) {
    uint32_t v = (uint32_t)(example * 2654435761u + what * 40503u + 977u);
    v ^= v >> 15, v *= 2246822519u, v ^= v >> 13;
    return v;
}

static elbow_field make_field(elbow_field_kind kind, bool codes) {
    elbow_field field = {.kind = kind};
    if (kind == ELBOW_IMAGE) field.height = 3, field.width = 5, field.channels = 1, field.dimensions = 15;
    if (kind == ELBOW_SEQUENCE) {
        OK(elbow_field_take_symbols(&field, SYMBOLS));
        for (size_t v = 0; v < SYMBOLS; v++) field.symbols[v] = text_of("s");
    }
    if (kind != ELBOW_TABLE) return field;
    OK(elbow_field_take_columns(&field, COLUMNS));
    for (size_t d = 0; d < COLUMNS; d++) {
        field.columns[d].name = text_of("c");
        field.columns[d].scale = 2;
        if (!codes) continue;
        OK(elbow_column_take_words(&field.columns[d], SYMBOLS));
        for (size_t k = 0; k < SYMBOLS; k++) field.columns[d].words[k] = text_of((char[]){'a' + (char)k, 0});
    }
    return field;
}

static void append(elbow_writer *writer, elbow_split split, elbow_part part, const elbow_field *field,
                   size_t example) {
    uint8_t pixels[15];
    double row[COLUMNS];
    uint16_t tokens[LONGEST];
    size_t length = 1 + mixed(example, 90) % LONGEST;
    for (size_t d = 0; d < 15; d++) pixels[d] = (uint8_t)mixed(example, d);
    for (size_t d = 0; d < COLUMNS; d++)
        row[d] = mixed(example, d) % 11 == 0                                   ? NAN
                 : field->kind == ELBOW_TABLE && field->columns[d].cardinality ? mixed(example, d) % SYMBOLS
                                                                               : mixed(example, d) / 64.0;
    for (size_t t = 0; t < length; t++) tokens[t] = (uint16_t)(mixed(example, t) % SYMBOLS);
    if (field->kind == ELBOW_IMAGE) OK(elbow_writer_append_images(writer, split, part, pixels, 1));
    if (field->kind == ELBOW_TABLE) OK(elbow_writer_append_table(writer, split, part, row, 1));
    if (field->kind == ELBOW_SEQUENCE) OK(elbow_writer_append_tokens(writer, split, part, tokens, length));
}

/* context NULL: labels. */
static const char *make(const elbow_field *x, const elbow_field *context) {
    const char *path = in_folder("made.h5");
    elbow_import_request request;
    elbow_writer *writer = NULL;
    OK(elbow_import_begin(&request, "idx"));
    request.output = path;
    OK(elbow_writer_create(&writer, &request));
    OK(elbow_writer_describe(writer, ELBOW_X, x));
    if (context != NULL) OK(elbow_writer_describe(writer, ELBOW_CONTEXT, context));
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++)
        for (size_t i = 0, n = split == ELBOW_TRAIN ? TRAIN : split == ELBOW_TEST ? TEST : 0; i < n; i++) {
            int32_t label = (int32_t)(mixed(i, 77) % 10);
            append(writer, split, ELBOW_X, x, i);
            if (context != NULL) append(writer, split, ELBOW_CONTEXT, context, i);
            OK(elbow_writer_append_labels(writer, split, &label, 1));
        }
    OK(elbow_writer_finish(&writer));
    return path;
}

static void same_values(const elbow_values *a, const elbow_values *b, size_t rows) {
    assert_ptr_equal(a->field, b->field);
    if (a->field == NULL || rows == 0) return;
    if (a->field->kind != ELBOW_SEQUENCE) {
        assert_memory_equal(a->reals, b->reals, rows * a->field->dimensions * sizeof *a->reals);
        return;
    }
    assert_int_equal(a->steps, b->steps);
    assert_memory_equal(a->begin, b->begin, (a->steps + 1) * sizeof *a->begin);
    assert_memory_equal(a->order, b->order, rows * sizeof *a->order);
    assert_memory_equal(a->length, b->length, rows * sizeof *a->length);
    assert_memory_equal(a->example_length, b->example_length, rows * sizeof *a->length);
    assert_memory_equal(a->tokens, b->tokens, a->begin[a->steps] * sizeof *a->tokens);
}

typedef struct pair {
    elbow_loader *all, *stream;
    elbow_batch a, b;
    elbow_arena *arena;
    elbow_order_spec order;
    size_t first, count;
} pair;

static void begin_stream(pair *p, elbow_view view) {
    elbow_loader_destroy(&p->stream);
    view.room = 0;
    OK(elbow_loader_create(&p->stream, &view, &p->order, p->first, p->count));
    assert_true(elbow_loader_streams(p->stream));
}

/* Step t of an epoch, of all shards. */
static void step(pair *p, uint64_t epoch, size_t t) {
    elbow_loader_epoch(p->all, epoch);
    elbow_loader_epoch(p->stream, epoch);
    for (size_t shard = p->first; shard < p->first + p->count; shard++) {
        elbow_loader_batch(p->all, shard, t, epoch * 1000 + t, &p->a);
        elbow_loader_batch(p->stream, shard, t, epoch * 1000 + t, &p->b);
        assert_int_equal(p->a.rows, p->b.rows);
        same_values(&p->a.x, &p->b.x, p->a.rows);
        same_values(&p->a.context, &p->b.context, p->a.rows);
    }
    OK(elbow_loader_status(p->stream));
    OK(elbow_loader_status(p->all));
}

static void compare(const elbow_view *view, const elbow_order_spec *order, size_t first, size_t count) {
    pair p = {.order = *order, .first = first, .count = count};
    size_t steps = elbow_order_steps(order), most = elbow_order_most_examples(order);
    OK(elbow_arena_create(&p.arena));
    OK(elbow_batch_reserve(&p.a, elbow_dataset_field(view->dataset, ELBOW_X), elbow_view_context(view), most,
                           p.arena));
    OK(elbow_batch_reserve(&p.b, elbow_dataset_field(view->dataset, ELBOW_X), elbow_view_context(view), most,
                           p.arena));
    OK(elbow_loader_create(&p.all, view, order, first, count));
    assert_false(elbow_loader_streams(p.all));
    begin_stream(&p, *view);
    for (uint64_t epoch = 0; epoch < 3; epoch++)
        for (size_t t = 0; t < steps; t++) step(&p, epoch, t);
    step(&p, 2, steps / 3); /* back */
    step(&p, 2, steps / 3); /* the same again */
    step(&p, 40, 0);
    begin_stream(&p, *view); /* resumed in the middle of an epoch, up to the next */
    for (size_t t = steps / 2; t < steps; t++) step(&p, 5, t);
    for (size_t t = 0; t < steps && t < 4; t++) step(&p, 6, t);
    elbow_loader_destroy(&p.all);
    elbow_loader_destroy(&p.stream);
    elbow_arena_destroy(&p.arena);
}

/* seed, shards, examples, batch, window; and the shards of the rank. A step may take many windows at once, a slice be one
 * block, the limit cut a block. */
static const struct {
    elbow_order_spec order;
    size_t first, count;
} cases[] = {
    {{1, 1, TRAIN, 100, 2}, 0, 1},  {{2, 3, TRAIN, 300, 1}, 0, 3},   {{3, 4, TRAIN - 5, 37, 1}, 1, 2},
    {{4, 1, TRAIN, 900, 1}, 0, 1},  {{5, 1, TRAIN, TRAIN, 1}, 0, 1}, {{6, 7, TRAIN - 1, 64, 16}, 3, 4},
    {{7, 2, 2 * 513, 33, 2}, 0, 2}, {{8, 40, 50, 41, 3}, 7, 20},     {{9, 1, 256 * 8 + 1, 700, 2}, 0, 1},
};

static void compare_all(elbow_field_kind kind, bool codes, const char *context, const char *binarize) {
    elbow_field x = make_field(kind, codes),
                given = make_field(kind == ELBOW_TABLE ? ELBOW_IMAGE : ELBOW_TABLE, !codes);
    bool labels = strcmp(context, "labels") == 0;
    elbow_dataset *data = NULL;
    elbow_view view;
    OK(elbow_dataset_open(&data, make(&x, labels ? NULL : &given)));
    OK(elbow_view_create(&view, data, binarize, context));
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        compare(&view, &cases[c].order, cases[c].first, cases[c].count);
    elbow_dataset_close(&data);
    elbow_field_destroy(&x);
    elbow_field_destroy(&given);
}

static void test_images(void **state) {
    (void)state;
    compare_all(ELBOW_IMAGE, false, "labels", "dynamic");
}

static void test_tables(void **state) {
    (void)state;
    compare_all(ELBOW_TABLE, true, "context", "none");
    empty_folder(test_folder);
    compare_all(ELBOW_TABLE, false, "none", "none");
}

static void test_sequences(void **state) {
    (void)state;
    compare_all(ELBOW_SEQUENCE, false, "context", "none");
}

/* The file is cut under the reader's hands: one failure, batches without rows, the same failure for good, and an end. */
static void test_failure(void **state) {
    (void)state;
    elbow_field x = make_field(ELBOW_SEQUENCE, false);
    const char *path = make(&x, NULL);
    const elbow_order_spec order = {1, 2, TRAIN, 100, 1};
    elbow_dataset *data = NULL;
    elbow_view view;
    elbow_loader *loader = NULL;
    elbow_arena *arena = NULL;
    elbow_batch batch;
    OK(elbow_dataset_open(&data, path));
    OK(elbow_view_create(&view, data, "none", "labels"));
    OK(elbow_view_limit(&view, "stream", 1));
    OK(elbow_loader_create(&loader, &view, &order, 0, 2));
    OK(elbow_arena_create(&arena));
    OK(elbow_batch_reserve(&batch, elbow_dataset_field(data, ELBOW_X), elbow_view_context(&view),
                           elbow_order_most_examples(&order), arena));
    assert_int_equal(truncate(path, 100), 0);
    elbow_loader_epoch(loader, 0);
    for (size_t t = 0; t < 3; t++)
        for (size_t shard = 0; shard < 2; shard++) {
            elbow_loader_batch(loader, shard, t, t, &batch);
            assert_int_equal(batch.rows, 0);
            assert_int_equal(batch.x.steps, 0);
            FAILS(elbow_loader_status(loader), ELBOW_FORMAT, "made.h5");
            elbow_fail(ELBOW_USAGE, "another message");
            FAILS(elbow_loader_status(loader), ELBOW_FORMAT, "made.h5");
        }
    elbow_loader_destroy(&loader);
    elbow_dataset_close(&data);
    elbow_arena_destroy(&arena);
    elbow_field_destroy(&x);
}

/* Who streams, and who says that it cannot. */
static void test_limits(void **state) {
    (void)state;
    elbow_field x = make_field(ELBOW_IMAGE, false);
    elbow_order_spec window = {1, 2, TRAIN, 100, 2}, full = window;
    elbow_dataset *data = NULL;
    elbow_view view;
    elbow_loader *loader = NULL;
    full.window = 0;
    OK(elbow_dataset_open(&data, make(&x, NULL)));
    OK(elbow_view_create(&view, data, "none", "none"));
    FAILS(elbow_view_limit(&view, "some", 1), ELBOW_USAGE, "auto, all, stream");
    for (size_t ranks = 1; ranks < 1000; ranks *= 10) { /* little enough, or nobody could run this */
        OK(elbow_view_limit(&view, "auto", ranks));
        OK(elbow_loader_create(&loader, &view, &window, 0, 2));
        assert_false(elbow_loader_streams(loader));
        elbow_loader_destroy(&loader);
    }
    view.room = TRAIN * 15 - 1, view.most = TRAIN * 15; /* bytes of two of two shards */
    OK(elbow_loader_create(&loader, &view, &window, 0, 1));
    assert_false(elbow_loader_streams(loader));
    elbow_loader_destroy(&loader);
    OK(elbow_loader_create(&loader, &view, &window, 0, 2));
    assert_true(elbow_loader_streams(loader));
    elbow_loader_destroy(&loader); /* nobody has asked for anything */
    OK(elbow_loader_create(&loader, &view, &full, 0, 2));
    elbow_loader_destroy(&loader);
    view.most--;
    FAILS(elbow_loader_create(&loader, &view, &full, 0, 2), ELBOW_MEMORY, "data.shuffle = window");
    OK(elbow_view_limit(&view, "stream", 1));
    FAILS(elbow_loader_create(&loader, &view, &full, 0, 2), ELBOW_USAGE, "data.memory = stream");
    assert_null(loader);
    /* A window of many blocks takes what the slice has, and no more. */
    window.window = 1000;
    OK(elbow_loader_create(&loader, &view, &window, 0, 2));
    assert_true(elbow_loader_bytes(loader) < 2 * TRAIN * 15 + 2 * TRAIN * 4 + 16384);
    elbow_loader_destroy(&loader);
    elbow_dataset_close(&data);
    elbow_field_destroy(&x);
}

static void holds(const elbow_view *view, const elbow_order_spec *order, bool streams) {
    elbow_loader *loader = NULL;
    OK(elbow_loader_create(&loader, view, order, 0, order->shards));
    assert_int_equal(elbow_loader_streams(loader), streams);
    elbow_loader_destroy(&loader);
}

static void refuses(const elbow_view *view, const elbow_order_spec *order, const char *advice) {
    elbow_loader *loader = NULL;
    FAILS(elbow_loader_create(&loader, view, order, 0, order->shards), ELBOW_MEMORY, advice);
    assert_null(loader);
}

/* Two windows of a slice may be larger than the slice: then it is held, and what does not fit is refused. */
static void test_large_windows(void **state) {
    (void)state;
    elbow_field x = make_field(ELBOW_IMAGE, false), given = make_field(ELBOW_TABLE, false);
    const elbow_order_spec small = {1, 1, TRAIN, 100, 4}, large = {1, 1, TRAIN, 100, 5};
    const elbow_order_spec slice = {1, 2, TRAIN, 100, 1000};
    const double example = 15 + COLUMNS * sizeof(float), all = TRAIN * example, two = 2 * 4 * 256 * example;
    elbow_dataset *data = NULL;
    elbow_view view;
    OK(elbow_dataset_open(&data, make(&x, &given)));
    OK(elbow_view_create(&view, data, "none", "context"));
    view.room = 1, view.most = all;
    holds(&view, &small, true);
    holds(&view, &large, false);
    holds(&view, &slice, false);
    view.most = two;
    holds(&view, &small, true);
    refuses(&view, &large, "data.window lower");
    refuses(&view, &slice, "data.window lower");
    view.most = two - 1;
    refuses(&view, &small, "data.window lower");
    view.room = 0; /* asked to stream: it may take twice the memory, and no more than there is */
    view.most = 2 * all;
    holds(&view, &slice, true);
    view.most--;
    refuses(&view, &slice, "data.window lower");
    OK(elbow_view_limit(&view, "stream", 1));
    OK(elbow_view_limit(&view, "stream", (size_t)1 << 60)); /* no byte for any of them */
    if (view.most < HUGE_VAL) refuses(&view, &small, "data.window lower");
    OK(elbow_view_limit(&view, "all", (size_t)1 << 60));
    holds(&view, &small, false);
    elbow_dataset_close(&data);
    elbow_field_destroy(&x);
    elbow_field_destroy(&given);
}

/* Of sequences the longest count: the ring's room is for them. */
static void test_window_size(void **state) {
    (void)state;
    elbow_field x = make_field(ELBOW_SEQUENCE, false);
    const elbow_order_spec order = {1, 3, TRAIN, 100, 2};
    elbow_dataset *data = NULL;
    elbow_view view;
    elbow_loader *loader = NULL;
    double bytes = 0;
    OK(elbow_dataset_open(&data, make(&x, NULL)));
    OK(elbow_view_create(&view, data, "none", "labels"));
    view.room = 0;
    OK(elbow_windows_size(&bytes, &view, &order, 0, 3));
    OK(elbow_loader_create(&loader, &view, &order, 0, 3));
    double taken = (double)elbow_loader_bytes(loader), permutations = 3.0 * 2 * 512 * 4;
    assert_true(bytes <= taken && taken < bytes + permutations + 16384);
    elbow_loader_destroy(&loader);
    elbow_dataset_close(&data);
    elbow_field_destroy(&x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_images, empty_test_folder),
        cmocka_unit_test_teardown(test_tables, empty_test_folder),
        cmocka_unit_test_teardown(test_sequences, empty_test_folder),
        cmocka_unit_test_teardown(test_failure, empty_test_folder),
        cmocka_unit_test_teardown(test_limits, empty_test_folder),
        cmocka_unit_test_teardown(test_large_windows, empty_test_folder),
        cmocka_unit_test_teardown(test_window_size, empty_test_folder),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
