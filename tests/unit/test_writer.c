/* What an importer writes comes back: every kind of field, through the file, slices, loader and blocks. */
#include "data_files.h"

#include "base/file.h"
#include "base/h5.h"
#include "data/field.h"
#include "data/writer.h"
#include "elbow/data/loader.h"
#include "math/noise.h"

enum { TRAIN = 700, VALID = 5, TEST = 40, LONGEST = 9, SYMBOLS = 6 };
static const size_t counts[ELBOW_SPLITS] = {TRAIN, VALID, TEST};

static char *text_of(const char *text) {
    char *copy = NULL;
    OK(elbow_text_copy(&copy, text, strlen(text)));
    return copy;
}

static uint32_t draw(elbow_split split, size_t example, uint32_t what, uint32_t below) {
    uint32_t words[4];
    elbow_stream_block(elbow_stream_make(9, split, "test"), what, (uint32_t)example, 0, words);
    return words[0] % below;
}

/* columns: bit d says that column d is real. */
static elbow_field make_table(size_t columns, unsigned reals, size_t cardinality) {
    elbow_field field = {.kind = ELBOW_TABLE};
    char name[32];
    OK(elbow_field_take_columns(&field, columns));
    for (size_t d = 0; d < columns; d++) {
        elbow_column *column = &field.columns[d];
        snprintf(name, sizeof name, "c%zu", d);
        column->name = text_of(name);
        column->mean = 10;
        column->scale = 4;
        if (reals >> d & 1) continue;
        OK(elbow_column_take_words(column, cardinality));
        for (size_t k = 0; k < cardinality; k++) {
            snprintf(name, sizeof name, "w%zu", k);
            column->words[k] = text_of(name);
        }
    }
    return field;
}

static elbow_field make_sequences(bool terminated) {
    elbow_field field = {.kind = ELBOW_SEQUENCE, .terminated = terminated};
    OK(elbow_field_take_symbols(&field, SYMBOLS));
    for (size_t v = 0; v < SYMBOLS; v++) field.symbols[v] = text_of("s");
    return field;
}

static const elbow_field image = {
    .kind = ELBOW_IMAGE, .height = 2, .width = 3, .channels = 1, .dimensions = 6};

/* In its own units; some are missing where `missing`. */
static double table_value(const elbow_field *field, elbow_split split, size_t example, size_t d,
                          bool missing) {
    size_t K = field->columns[d].cardinality;
    if (missing && draw(split, example, (uint32_t)(200 + d), 7) == 0) return NAN;
    uint32_t value = draw(split, example, (uint32_t)d, K > 0 ? (uint32_t)K : 4096);
    return K > 0 ? value : value / 64.0;
}

static size_t sequence(elbow_split split, size_t example, bool terminated, uint16_t tokens[LONGEST + 1]) {
    size_t length = 1 + draw(split, example, 50, LONGEST);
    for (size_t t = 0; t < length; t++)
        tokens[t] = (uint16_t)(terminated ? 1 + draw(split, example, (uint32_t)(51 + t), SYMBOLS - 1)
                                          : draw(split, example, (uint32_t)(51 + t), SYMBOLS));
    if (terminated) tokens[length - 1] = 0;
    return length;
}

typedef struct made {
    const elbow_field *x, *context;
    bool missing;   /* in tables */
    size_t classes; /* of labels; 0: none */
    bool named, expected;
} made;

static elbow_writer *begin(const char *path) {
    elbow_import_request request;
    elbow_writer *writer = NULL;
    OK(elbow_import_begin(&request, "idx"));
    request.output = path;
    OK(elbow_writer_create(&writer, &request));
    return writer;
}

static void append(elbow_writer *writer, const made *m, elbow_split split, elbow_part part, size_t example) {
    const elbow_field *field = part == ELBOW_X ? m->x : m->context;
    uint16_t tokens[LONGEST + 1];
    uint8_t pixels[6];
    double row[8];
    size_t length;
    switch (field->kind) {
    case ELBOW_IMAGE:
        for (uint32_t d = 0; d < 6; d++) pixels[d] = (uint8_t)draw(split, example, d, 256);
        OK(elbow_writer_append_images(writer, split, part, pixels, 1));
        break;
    case ELBOW_TABLE:
        for (size_t d = 0; d < field->dimensions; d++)
            row[d] = table_value(field, split, example, d, m->missing);
        OK(elbow_writer_append_table(writer, split, part, row, 1));
        break;
    case ELBOW_SEQUENCE:
        length = sequence(split, example, field->terminated, tokens);
        OK(elbow_writer_append_tokens(writer, split, part, tokens, length));
        break;
    }
}

static const char *make(const made *m) {
    const char *path = in_folder("made.h5");
    elbow_writer *writer = begin(path);
    elbow_field labels = m->named ? make_table(1, 0, m->classes) : (elbow_field){.kind = ELBOW_TABLE};
    OK(elbow_writer_describe(writer, ELBOW_X, m->x));
    if (m->context) OK(elbow_writer_describe(writer, ELBOW_CONTEXT, m->context));
    if (m->named) OK(elbow_writer_describe(writer, ELBOW_Y, &labels));
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        if (m->expected) elbow_writer_expect(writer, split, ELBOW_X, counts[split]);
        for (size_t i = 0; i < counts[split]; i++) {
            int32_t code =
                (int32_t)draw(split, i, 99, (uint32_t)m->classes + 1) % (int32_t)(m->classes + !m->classes);
            append(writer, m, split, ELBOW_X, i);
            if (m->context) append(writer, m, split, ELBOW_CONTEXT, i);
            if (m->classes > 0) OK(elbow_writer_append_labels(writer, split, &code, 1));
        }
        assert_int_equal(elbow_writer_count(writer, split, ELBOW_X), counts[split]);
    }
    OK(elbow_writer_finish(&writer));
    assert_null(writer);
    assert_int_equal(count_files(test_folder), 1);
    elbow_field_destroy(&labels);
    return path;
}

/* Row i of values is `example` of the split. */
static void check_row(const elbow_values *values, const made *m, elbow_split split, size_t i, size_t example,
                      elbow_part part) {
    const elbow_field *field = part == ELBOW_X ? m->x : m->context;
    uint16_t tokens[LONGEST + 1];
    if (field->kind == ELBOW_SEQUENCE) {
        size_t length = sequence(split, example, field->terminated, tokens), p = 0;
        while (values->order[p] != i) p++;
        assert_int_equal(values->length[p], length);
        for (size_t t = 0; t < length; t++) assert_int_equal(values->tokens[values->begin[t] + p], tokens[t]);
        return;
    }
    for (size_t d = 0; d < field->dimensions; d++) {
        real found = values->reals[i * field->dimensions + d];
        if (field->kind == ELBOW_IMAGE) {
            assert_true(found == (real)draw(split, example, (uint32_t)d, 256) / 255);
            continue;
        }
        double value = table_value(field, split, example, d, m->missing);
        bool real_column = field->columns[d].cardinality == 0;
        if (isnan(value))
            assert_true(isnan(found));
        else
            assert_true(found == (real)(real_column ? (value - 10) / 4 : value));
    }
}

static void check_splits(elbow_dataset *data, const made *m, const elbow_view *view) {
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++) {
        elbow_arena *arena = NULL;
        elbow_block_reader *reader = NULL;
        elbow_batch batch;
        assert_int_equal(elbow_dataset_count(data, split), counts[split]);
        OK(elbow_arena_create(&arena));
        OK(elbow_batch_reserve(&batch, elbow_dataset_field(data, ELBOW_X), elbow_view_context(view), 3,
                               arena));
        /* From the middle, so that sequences begin within the tokens. */
        size_t first = counts[split] / 3;
        OK(elbow_block_reader_create(&reader, view, split, first, counts[split] - first, 1, arena));
        for (size_t begin = first; begin < counts[split]; begin += 3) {
            size_t rows = counts[split] - begin < 3 ? counts[split] - begin : 3;
            elbow_block_reader_batch(reader, begin, rows, &batch);
            assert_int_equal(batch.rows, rows);
            for (size_t i = 0; i < rows; i++) {
                check_row(&batch.x, m, split, i, begin + i, ELBOW_X);
                if (m->context) check_row(&batch.context, m, split, i, begin + i, ELBOW_CONTEXT);
            }
        }
        elbow_arena_destroy(&arena);
    }
}

/* Every example of every shard once an epoch, where the order says. */
static void check_loader(const made *m, const elbow_view *view) {
    const elbow_order_spec order = {.seed = 4, .shards = 5, .examples = TRAIN - 1, .batch = 31};
    elbow_loader *loader = NULL;
    elbow_arena *arena = NULL;
    elbow_batch batch;
    OK(elbow_arena_create(&arena));
    OK(elbow_loader_create(&loader, view, &order, 1, 3));
    OK(elbow_batch_reserve(&batch, elbow_dataset_field(view->dataset, ELBOW_X), elbow_view_context(view),
                           elbow_order_most_examples(&order), arena));
    elbow_loader_epoch(loader, 2);
    for (size_t shard = 1; shard < 4; shard++) {
        size_t slice, slice_count;
        uint32_t *permutation = calloc(TRAIN, sizeof *permutation);
        elbow_order_slice(&order, shard, &slice, &slice_count);
        elbow_order_permutation(&order, shard, 2, permutation, NULL);
        for (size_t t = 0; t < elbow_order_steps(&order); t++) {
            size_t first, count;
            elbow_order_step(&order, shard, t, &first, &count);
            elbow_loader_batch(loader, shard, t, 1000 + t, &batch);
            assert_int_equal(batch.rows, count);
            for (size_t i = 0; i < count; i++) {
                check_row(&batch.x, m, ELBOW_TRAIN, i, slice + permutation[first + i], ELBOW_X);
                if (m->context)
                    check_row(&batch.context, m, ELBOW_TRAIN, i, slice + permutation[first + i],
                              ELBOW_CONTEXT);
            }
        }
        free(permutation);
    }
    assert_true(elbow_loader_bytes(loader) > 0);
    elbow_loader_destroy(&loader);
    elbow_arena_destroy(&arena);
}

static void check(const made *m) {
    elbow_dataset *data = NULL;
    elbow_view view;
    OK(elbow_dataset_open(&data, make(m)));
    OK(elbow_dataset_verify(data));
    OK(elbow_view_create(&view, data, "none", m->context ? "context" : "none"));
    OK(elbow_field_match(m->x, elbow_dataset_field(data, ELBOW_X), "x"));
    check_splits(data, m, &view);
    check_loader(m, &view);
    for (elbow_split split = 0; split < ELBOW_SPLITS && m->classes > 0; split++) {
        real labels[TRAIN];
        assert_true(elbow_dataset_has_labels(data, split));
        read_reals(data, split, ELBOW_Y, 0, counts[split], labels);
        for (size_t i = 0; i < counts[split]; i++)
            assert_true(labels[i] == (real)(draw(split, i, 99, (uint32_t)m->classes + 1) % m->classes));
    }
    if (m->named) {
        assert_int_equal(classes_of(data), m->classes);
        assert_string_equal(elbow_dataset_field(data, ELBOW_Y)->columns[0].words[1], "w1");
    }
    elbow_dataset_close(&data);
}

static void test_kinds(void **state) {
    (void)state;
    elbow_field tables[] = {make_table(3, 0, 4), make_table(2, 3, 0), make_table(4, 10, 300),
                            make_table(1, 0, 2)};
    elbow_field sequences[] = {make_sequences(false), make_sequences(true)};
    for (size_t i = 0; i < 4; i++) {
        check(&(made){.x = &tables[i], .missing = i % 2 == 0, .expected = i < 2});
        empty_folder(test_folder);
        check(&(made){
            .x = &tables[i], .context = &tables[3 - i], .classes = 3, .named = i % 2 == 0, .missing = true});
        empty_folder(test_folder);
    }
    for (size_t i = 0; i < 2; i++) {
        check(&(made){.x = &sequences[i], .context = i == 0 ? &tables[2] : &image, .expected = i == 1});
        empty_folder(test_folder);
    }
    check(&(made){.x = &image, .context = &tables[0], .classes = 60000, .named = true});
    empty_folder(test_folder);
    check(&(made){.x = &image, .context = &image, .classes = 256});
    for (size_t i = 0; i < 4; i++) elbow_field_destroy(&tables[i]);
    for (size_t i = 0; i < 2; i++) elbow_field_destroy(&sequences[i]);
}

/* What the writer finds out over all splits. */
static void test_found(void **state) {
    (void)state;
    elbow_field table = make_table(3, 2, 4), sequences = make_sequences(false);
    elbow_dataset *data = NULL;
    OK(elbow_dataset_open(&data, make(&(made){.x = &table, .missing = true})));
    for (size_t d = 0; d < 3; d++) assert_true(elbow_dataset_field(data, ELBOW_X)->columns[d].missing);
    elbow_dataset_close(&data);
    empty_folder(test_folder);
    OK(elbow_dataset_open(&data, make(&(made){.x = &table})));
    for (size_t d = 0; d < 3; d++) assert_false(elbow_dataset_field(data, ELBOW_X)->columns[d].missing);
    elbow_dataset_close(&data);
    empty_folder(test_folder);
    OK(elbow_dataset_open(&data, make(&(made){.x = &sequences})));
    assert_int_equal(elbow_dataset_field(data, ELBOW_X)->dimensions, LONGEST);
    elbow_dataset_close(&data);
    elbow_field_destroy(&table);
    elbow_field_destroy(&sequences);
}

/* The checksum sees values, words and scales, but not how the file is laid out. */
static void test_checksums(void **state) {
    (void)state;
    elbow_field table = make_table(2, 2, 4);
    char sums[5][17];
    for (size_t i = 0; i < 5; i++) {
        elbow_dataset *data = NULL;
        if (i == 2) table.columns[1].scale = 8;
        if (i == 3) table.columns[1].scale = 4, table.columns[0].words[3][0] = 'v';
        OK(elbow_dataset_open(&data,
                              make(&(made){.x = &table, .expected = i == 1, .classes = i == 4 ? 2 : 0})));
        snprintf(sums[i], sizeof sums[i], "%s", elbow_dataset_checksum(data));
        elbow_dataset_close(&data);
        empty_folder(test_folder);
    }
    assert_string_equal(sums[0], sums[1]);
    for (size_t i = 1; i < 5; i++)
        for (size_t j = 0; j < i; j++)
            if (i > 1) assert_string_not_equal(sums[i], sums[j]);
    elbow_field_destroy(&table);
}

/* Bits that must never change: the streams of dynamic binarisation, in training and in evaluation. */
static void test_dynamic(void **state) {
    (void)state;
    elbow_dataset *data = NULL;
    elbow_view view;
    elbow_arena *arena = NULL;
    elbow_loader *loader = NULL;
    elbow_block_reader *reader = NULL;
    elbow_batch batch;
    const elbow_order_spec order = {.seed = 4, .shards = 2, .examples = TRAIN, .batch = 20};
    OK(elbow_dataset_open(&data, make(&(made){.x = &image, .context = &image})));
    OK(elbow_view_create(&view, data, "dynamic", "context"));
    OK(elbow_arena_create(&arena));
    OK(elbow_loader_create(&loader, &view, &order, 0, 2));
    OK(elbow_batch_reserve(&batch, &image, &image, 10, arena));
    elbow_loader_epoch(loader, 0);
    elbow_loader_batch(loader, 1, 3, 38, &batch);
    uint32_t permutation[TRAIN], words[6];
    size_t slice, slice_count, first, count;
    elbow_order_slice(&order, 1, &slice, &slice_count);
    elbow_order_permutation(&order, 1, 0, permutation, NULL);
    elbow_order_step(&order, 1, 3, &first, &count);
    for (size_t i = 0; i < count; i++) {
        size_t example = slice + permutation[first + i];
        elbow_stream_rows(elbow_stream_make(4, 1, "data.binarize"), 0, (uint32_t)i, 38, 1, 6, words);
        for (uint32_t d = 0; d < 6; d++) {
            uint64_t value = draw(ELBOW_TRAIN, example, d, 256);
            assert_true(batch.x.reals[i * 6 + d] == ((uint64_t)words[d] * 255 < value << 32 ? 1 : 0));
            assert_true(batch.context.reals[i * 6 + d] == (real)value / 255); /* what is given stays grey */
        }
    }
    OK(elbow_block_reader_create(&reader, &view, ELBOW_TEST, 10, 20, 77, arena));
    elbow_block_reader_batch(reader, 13, 5, &batch);
    for (size_t i = 0; i < 5; i++) {
        elbow_stream_rows(elbow_stream_make(77, ELBOW_SHARD_NONE, "evaluate.test.binarize"), 0,
                          (uint32_t)(13 + i), 0, 1, 6, words);
        for (uint32_t d = 0; d < 6; d++) {
            uint64_t value = draw(ELBOW_TEST, 13 + i, d, 256);
            assert_true(batch.x.reals[i * 6 + d] == ((uint64_t)words[d] * 255 < value << 32 ? 1 : 0));
        }
    }
    elbow_loader_destroy(&loader);
    elbow_arena_destroy(&arena);
    elbow_dataset_close(&data);
}

static void test_views(void **state) {
    (void)state;
    elbow_field table = make_table(1, 0, 4), sequences = make_sequences(true);
    elbow_dataset *data = NULL;
    elbow_view view;
    OK(elbow_dataset_open(&data, make(&(made){.x = &table, .context = &sequences, .classes = 3})));
    OK(elbow_view_create(&view, data, "none", "labels"));
    assert_ptr_equal(elbow_view_context(&view), elbow_dataset_field(data, ELBOW_Y));
    OK(elbow_view_create(&view, data, "none", "none"));
    assert_null(elbow_view_context(&view));
    FAILS(elbow_view_create(&view, data, "none", "lables"), ELBOW_USAGE, "did you mean labels?");
    FAILS(elbow_view_create(&view, data, "treshold", "none"), ELBOW_USAGE, "did you mean threshold?");
    FAILS(elbow_view_create(&view, data, "threshold", "none"), ELBOW_MISMATCH, "set data.binarize = none");
    FAILS(elbow_view_create(&view, data, "none", "context"), ELBOW_MISMATCH, "sequences");
    elbow_dataset_close(&data);
    empty_folder(test_folder);
    OK(elbow_dataset_open(&data, make(&(made){.x = &table})));
    FAILS(elbow_view_create(&view, data, "none", "context"), ELBOW_MISMATCH, "has no field `context`");
    FAILS(elbow_view_create(&view, data, "none", "labels"), ELBOW_MISMATCH, "has no labels");
    elbow_dataset_close(&data);
    elbow_field_destroy(&table);
    elbow_field_destroy(&sequences);
}

/* What must not be written, and that nothing stays of it. */
static void test_refusals(void **state) {
    (void)state;
    elbow_field table = make_table(2, 2, 3), labels = make_table(1, 0, 3), sequences = make_sequences(true);
    elbow_writer *writer = begin(in_folder("bad.h5"));
    const int32_t codes[] = {0, 3, -1};
    OK(elbow_writer_describe(writer, ELBOW_X, &table));
    FAILS(elbow_writer_describe(writer, ELBOW_Y, &table), ELBOW_FORMAT, "one categorical column");
    OK(elbow_writer_describe(writer, ELBOW_Y, &labels));
    OK(elbow_writer_describe(writer, ELBOW_CONTEXT, &sequences));
    FAILS(elbow_writer_append_table(writer, 0, ELBOW_X, (double[]){3, 1}, 1), ELBOW_FORMAT,
          "cannot have the value 3");
    FAILS(elbow_writer_append_table(writer, 0, ELBOW_X, (double[]){0.5, 1}, 1), ELBOW_FORMAT, "0.5");
    FAILS(elbow_writer_append_table(writer, 0, ELBOW_X, (double[]){0, INFINITY}, 1), ELBOW_FORMAT, "inf");
    FAILS(elbow_writer_append_labels(writer, 0, codes + 1, 1), ELBOW_FORMAT, "label 3");
    FAILS(elbow_writer_append_labels(writer, 0, codes + 2, 1), ELBOW_FORMAT, "label -1");
    FAILS(elbow_writer_append_tokens(writer, 0, ELBOW_CONTEXT, (uint16_t[]){1}, 1), ELBOW_FORMAT, "tokens");
    FAILS(elbow_writer_append_tokens(writer, 0, ELBOW_CONTEXT, (uint16_t[]){0, 0}, 2), ELBOW_FORMAT,
          "tokens");
    FAILS(elbow_writer_append_tokens(writer, 0, ELBOW_CONTEXT, (uint16_t[]){SYMBOLS, 0}, 2), ELBOW_FORMAT,
          "tokens");
    FAILS(elbow_writer_append_tokens(writer, 0, ELBOW_CONTEXT, (uint16_t[]){0}, 0), ELBOW_FORMAT, "tokens");
    OK(elbow_writer_append_table(writer, ELBOW_TRAIN, ELBOW_X, (double[]){0, 1, 2, NAN}, 2));
    OK(elbow_writer_append_labels(writer, ELBOW_TRAIN, codes, 1));
    FAILS(elbow_writer_finish(&writer), ELBOW_FORMAT, "1 of y for the 2 examples of train");
    assert_null(writer);
    assert_int_equal(count_files(test_folder), 0);

    writer = begin(in_folder("bad.h5"));
    OK(elbow_writer_describe(writer, ELBOW_X, &table));
    OK(elbow_writer_append_table(writer, ELBOW_TRAIN, ELBOW_X, (double[]){0, 1}, 1));
    FAILS(elbow_writer_finish(&writer), ELBOW_FORMAT, "no example for test");

    writer = begin(in_folder("bad.h5"));
    OK(elbow_writer_describe(writer, ELBOW_X, &table));
    elbow_writer_expect(writer, ELBOW_TRAIN, ELBOW_X, 2);
    OK(elbow_writer_append_table(writer, ELBOW_TRAIN, ELBOW_X, (double[]){0, 1}, 1));
    OK(elbow_writer_append_table(writer, ELBOW_TEST, ELBOW_X, (double[]){0, 1}, 1));
    FAILS(elbow_writer_finish(&writer), ELBOW_FORMAT, "1 examples of the 2");

    writer = begin(in_folder("bad.h5"));
    OK(elbow_writer_append_labels(writer, ELBOW_TRAIN, codes, 1));
    elbow_writer_discard(&writer);
    elbow_writer_discard(&writer);
    assert_int_equal(count_files(test_folder), 0);
    elbow_field_destroy(&table);
    elbow_field_destroy(&labels);
    elbow_field_destroy(&sequences);
}

/* ------------------------------------------------------------------------- files that nobody should write */

/* A file of sequences by hand: x of both splits. */
static elbow_status read_sequences(const uint64_t *offsets, size_t examples, const uint16_t *tokens,
                                   size_t count, size_t first, size_t rows, bool terminated) {
    elbow_h5 *file = NULL;
    elbow_field field = make_sequences(terminated);
    elbow_dataset *data = NULL;
    void *bytes = NULL;
    char *text = NULL;
    size_t size = 0;
    field.dimensions = 4;
    OK(elbow_field_describe(&field, &text));
    OK(elbow_h5_create_memory(&file, "by hand"));
    OK(elbow_h5_set_text(file, "/", "format", "elbow-data"));
    OK(elbow_h5_set_integer(file, "/", "version", 1));
    OK(elbow_h5_write_text(file, "/x", text));
    for (size_t i = 0; i < 2; i++) {
        char name[64];
        const char *split = i == 0 ? "train" : "test";
        snprintf(name, sizeof name, "/%s/x/tokens", split);
        OK(elbow_h5_write(file, name, ELBOW_H5_U16, (elbow_h5_shape){1, {count}}, 0, 0, tokens));
        snprintf(name, sizeof name, "/%s/x/offsets", split);
        OK(elbow_h5_write(file, name, ELBOW_H5_U64, (elbow_h5_shape){1, {examples + 1}}, 0, 0, offsets));
        snprintf(name, sizeof name, "/%s/x", split);
        OK(elbow_h5_set_text(file, name, "kind", "sequence"));
    }
    OK(elbow_h5_image(file, &bytes, &size));
    OK(elbow_h5_close(&file));
    put_file(in_folder("hand.h5"), bytes, size);
    free(bytes);
    free(text);
    elbow_field_destroy(&field);
    elbow_status status = elbow_dataset_open(&data, in_folder("hand.h5"));
    if (status == ELBOW_OK) status = try_slice(data, ELBOW_TRAIN, ELBOW_X, first, rows);
    elbow_dataset_close(&data);
    return status;
}

static void test_sequences_by_hand(void **state) {
    (void)state;
    const uint16_t tokens[] = {1, 2, 0, 3, 0}, high[] = {1, 2, 0, SYMBOLS, 0}, early[] = {1, 0, 0, 3, 0};
    const uint64_t right[] = {0, 3, 5}, empty[] = {0, 5, 5}, back[] = {0, 3, 2},
                   beyond[] = {0, 3, UINT64_MAX};
    const uint64_t late[] = {1, 3, 5}, short_of[] = {0, 3, 4}, lengthy[] = {0, 5, 5};
    OK(read_sequences(right, 2, tokens, 5, 0, 2, true));
    OK(read_sequences(right, 2, tokens, 5, 1, 1, true));
    OK(read_sequences(right, 2, tokens, 5, 1, 0, true));
    OK(read_sequences(right, 2, tokens, 5, 2, 0, true));
    FAILS(read_sequences(empty, 2, tokens, 5, 0, 2, true), ELBOW_FORMAT, "tokens 0 to 5");
    FAILS(read_sequences(back, 2, tokens, 5, 0, 2, true), ELBOW_FORMAT, "tokens 3 to 2");
    FAILS(read_sequences(beyond, 2, tokens, 5, 0, 2, true), ELBOW_FORMAT, "tokens 3 to");
    FAILS(read_sequences(beyond, 2, tokens, 5, 1, 1, true), ELBOW_FORMAT, "tokens 3 to");
    FAILS(read_sequences(late, 2, tokens, 5, 0, 2, true), ELBOW_FORMAT, "does not begin");
    FAILS(read_sequences(short_of, 2, tokens, 5, 0, 2, true), ELBOW_FORMAT, "does not begin");
    FAILS(read_sequences(lengthy, 1, tokens, 5, 0, 1, false), ELBOW_FORMAT, "tokens 0 to 5"); /* D is 4 */
    FAILS(read_sequences(right, 2, high, 5, 1, 1, true), ELBOW_FORMAT, "example 1 of /train/x, token 1");
    OK(read_sequences(right, 2, high, 5, 0, 1, true));
    FAILS(read_sequences(right, 2, early, 5, 0, 2, true), ELBOW_FORMAT, "end symbol before the end");
    OK(read_sequences(right, 2, early, 5, 0, 2, false));
    FAILS(read_sequences((uint64_t[]){0, 2, 5}, 2, tokens, 5, 0, 2, true), ELBOW_FORMAT,
          "not the end symbol");
    FAILS(read_sequences(right, 0, tokens, 5, 0, 0, true), ELBOW_FORMAT, "0 examples");
}

/* One value of a table changed in the file: refused when read, whatever the checksum says. */
static void test_values_by_hand(void **state) {
    (void)state;
    static const struct {
        unsigned reals;
        uint16_t code;
        float value;
        const char *says;
    } cases[] = {{0, 4, 0, "no code"},   {0, UINT16_MAX, 0, "missing"}, {2, 0, INFINITY, "finite"},
                 {2, 0, NAN, "missing"}, {1, 0, (float)0.5, "no code"}, {1, 0, 4, "no code"},
                 {1, 0, -1, "no code"},  {1, 0, NAN, "missing"},        {1, 0, -INFINITY, "no code"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbow_field table = make_table(2, cases[i].reals, 4);
        elbow_h5 *file = NULL;
        elbow_dataset *data = NULL;
        char *text = NULL;
        void *bytes = NULL;
        size_t size = 0;
        bool codes = cases[i].reals == 0;
        uint16_t code_values[6] = {0, 1, 2, cases[i].code, 0, 0};
        float real_values[6] = {0, 1, 2, cases[i].value, 0, 0};
        OK(elbow_field_describe(&table, &text));
        OK(elbow_h5_create_memory(&file, "by hand"));
        OK(elbow_h5_set_text(file, "/", "format", "elbow-data"));
        OK(elbow_h5_set_integer(file, "/", "version", 1));
        OK(elbow_h5_write_text(file, "/x", text));
        for (size_t s = 0; s < 2; s++) {
            const char *name = s == 0 ? "/train/x" : "/test/x";
            OK(elbow_h5_write(file, name, codes ? ELBOW_H5_U16 : ELBOW_H5_F32, (elbow_h5_shape){2, {3, 2}}, 0,
                              0, codes ? (void *)code_values : (void *)real_values));
            OK(elbow_h5_set_text(file, name, "kind", codes ? "category" : "table"));
        }
        OK(elbow_h5_image(file, &bytes, &size));
        OK(elbow_h5_close(&file));
        put_file(in_folder("hand.h5"), bytes, size);
        OK(elbow_dataset_open(&data, in_folder("hand.h5")));
        OK(try_slice(data, ELBOW_TRAIN, ELBOW_X, 0, 1));
        FAILS(try_slice(data, ELBOW_TRAIN, ELBOW_X, 1, 2), ELBOW_FORMAT, cases[i].says);
        assert_non_null(strstr(elbow_error_message(), "example 1 of /train/x, column 2"));
        elbow_dataset_close(&data);
        free(bytes);
        free(text);
        elbow_field_destroy(&table);
    }
}

/* Bits flipped, anywhere: nothing crashes. */
static void test_flipped_bits(void **state) {
    (void)state;
    elbow_field table = make_table(2, 2, 4), sequences = make_sequences(true);
    const made kinds[] = {{.x = &table, .classes = 3, .named = true, .missing = true},
                          {.x = &sequences, .context = &table}};
    for (size_t k = 0; k < 2; k++) {
        char *bytes = NULL;
        size_t count = 0;
        const char *path = make(&kinds[k]);
        OK(elbow_file_read(path, 1 << 24, &bytes, &count));
        for (size_t at = 0; at < count; at += 1 + count / 300) {
            elbow_dataset *data = NULL;
            bytes[at] = (char)(bytes[at] ^ 1 << at % 8);
            put_file(path, bytes, count);
            bytes[at] = (char)(bytes[at] ^ 1 << at % 8);
            if (elbow_dataset_open(&data, path) != ELBOW_OK) continue;
            for (elbow_part part = 0; part < ELBOW_PARTS; part++)
                if (elbow_dataset_has_part(data, ELBOW_TRAIN, part))
                    (void)try_slice(data, ELBOW_TRAIN, part, 0, TRAIN);
            elbow_dataset_close(&data);
        }
        free(bytes);
        empty_folder(test_folder);
    }
    elbow_field_destroy(&table);
    elbow_field_destroy(&sequences);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_kinds, empty_test_folder),
        cmocka_unit_test_teardown(test_found, empty_test_folder),
        cmocka_unit_test_teardown(test_checksums, empty_test_folder),
        cmocka_unit_test_teardown(test_dynamic, empty_test_folder),
        cmocka_unit_test_teardown(test_views, empty_test_folder),
        cmocka_unit_test_teardown(test_refusals, empty_test_folder),
        cmocka_unit_test_teardown(test_sequences_by_hand, empty_test_folder),
        cmocka_unit_test_teardown(test_values_by_hand, empty_test_folder),
        cmocka_unit_test_teardown(test_flipped_bits, empty_test_folder),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
