/* Labels that are known: which examples have them, and that every step has its share of those, on whatever shards and from wherever
 * examples come; and that each row of a batch is found again in the training split. */
#include "files.h"

#include <math.h>

#include "elbow/data/loader.h"
#include "tools/small_data.h"

enum { TRAIN = 700, CLASSES = 3, MOST = 256 };

static double x[TRAIN];       /* an example's value is its number */
static int32_t labels[TRAIN]; /* −1: missing */

/* `rare` examples of the last class; every seventh example of the others has no label. */
static elbow_dataset *make(size_t rare) {
    elbow_column value = small_column(0, 1), label = small_column(CLASSES, 0);
    elbow_dataset *data = NULL;
    label.missing = true;
    elbow_field field = small_table(&value, 1), label_field = small_table(&label, 1);
    for (size_t i = 0; i < TRAIN; i++) {
        x[i] = (double)i;
        labels[i] = i % 7 == 3 ? -1 : (int32_t)(i % 2);
        if (i >= 100 && i < 100 + rare) labels[i] = 2;
    }
    small_part part = {.field = &field, .values = {x, NULL, x}, .rows = {TRAIN, 0, 9}};
    small_part y = {.field = &label_field, .labels = {labels, NULL, labels}, .rows = {TRAIN, 0, 9}};
    empty_folder(test_folder);
    OK(small_write(in_folder("data.h5"), &part, &y));
    OK(elbow_dataset_open(&data, in_folder("data.h5")));
    return data;
}

static elbow_view view_of(elbow_dataset *data, int64_t known, int64_t a_step) {
    elbow_view view;
    OK(elbow_view_create(&view, data, "none", "none"));
    OK(elbow_view_label(&view, known, a_step, 20));
    return view;
}

/* Numbers and labels of the labelled examples of a step, shard by shard, as one rank has them or several; returns how many. */
typedef struct step {
    size_t count, number[MOST], label[MOST];
} step;

static void take(step *found, const elbow_view *view, const elbow_order_spec *order, uint64_t t) {
    elbow_arena *arena = NULL;
    elbow_batch batch;
    size_t rows = elbow_view_most_rows(view, order), steps = elbow_order_steps(order);
    OK(elbow_arena_create(&arena));
    OK(elbow_batch_reserve(&batch, elbow_dataset_field(view->dataset, ELBOW_X), NULL, rows, arena));
    OK(elbow_batch_reserve_labels(&batch, elbow_view_labels(view), rows, arena));
    found->count = 0;
    for (size_t shard = 0; shard < order->shards; shard++) {
        elbow_loader *loader = NULL;
        size_t first, others;
        OK(elbow_loader_create(&loader, view, order, shard, 1));
        elbow_loader_epoch(loader, t / steps);
        elbow_loader_batch(loader, shard, (size_t)(t % steps), t, &batch);
        elbow_order_step(order, shard, (size_t)(t % steps), &first, &others);
        assert_true(batch.rows >= others && batch.rows <= rows);
        for (size_t r = 0; r < batch.rows; r++) {
            size_t example = TRAIN;
            OK(elbow_loader_example(loader, shard, (size_t)(t % steps), t, r, &example));
            assert_int_equal(example, (size_t)batch.x.reals[r]);
            assert_int_equal(isnan(batch.y.reals[r]), r < others);
            if (r < others) continue;
            found->number[found->count] = (size_t)batch.x.reals[r];
            found->label[found->count++] = (size_t)batch.y.reals[r];
        }
        elbow_loader_destroy(&loader);
    }
    elbow_arena_destroy(&arena);
}

/* A round of steps has every labelled example as often, with its own label; classes are even; another seed chooses others. */
static void chosen(void **state) {
    (void)state;
    elbow_dataset *data = make(100);
    size_t seen[2][TRAIN] = {0};
    for (size_t seed = 0; seed < 2; seed++) {
        elbow_view view = view_of(data, 32, 12);
        const elbow_order_spec order = {seed, 1, TRAIN, 50, 0};
        size_t of[CLASSES] = {0}, count = 0;
        for (uint64_t t = 0; t < 8; t++) { /* 96 = 3 · 32 */
            step found;
            take(&found, &view, &order, t);
            assert_int_equal(found.count, 12);
            for (size_t i = 0; i < found.count; i++) {
                assert_int_equal(labels[found.number[i]], (int32_t)found.label[i]);
                seen[seed][found.number[i]]++;
            }
        }
        for (size_t i = 0; i < TRAIN; i++) {
            assert_true(seen[seed][i] == 0 || seen[seed][i] == 3);
            if (seen[seed][i]) of[labels[i]]++, count++;
        }
        assert_int_equal(count, 32);
        assert_true(of[0] == 11 && of[1] == 11 && of[2] == 10);
    }
    assert_memory_not_equal(seen[0], seen[1], sizeof seen[0]);
    elbow_dataset_close(&data);
}

/* On any shards, from memory or windows, a step has the same ones, in the same order. */
static void anywhere(void **state) {
    (void)state;
    elbow_dataset *data = make(100);
    for (uint64_t t = 0; t < 40; t += 13) {
        step one, other;
        elbow_view view = view_of(data, 21, 0);
        assert_int_equal(view.labelled, 20);
        take(&one, &view, &(elbow_order_spec){3, 1, TRAIN, 50, 0}, t);
        take(&other, &view, &(elbow_order_spec){3, 7, TRAIN, 50, 0}, t);
        assert_int_equal(one.count, 20);
        assert_memory_equal(&one, &other, sizeof one.count + one.count * sizeof *one.number);
        OK(elbow_view_limit(&view, "stream", 1));
        take(&other, &view, &(elbow_order_spec){3, 2, TRAIN, 50, 1}, t);
        assert_int_equal(other.count, one.count);
        for (size_t i = 0; i < one.count; i++)
            assert_true(one.number[i] == other.number[i] && one.label[i] == other.label[i]);
    }
    elbow_dataset_close(&data);
}

/* Evaluation reads all labels there are. */
static void evaluation(void **state) {
    (void)state;
    elbow_dataset *data = make(0);
    elbow_view view = view_of(data, 2, 1);
    elbow_arena *arena = NULL;
    elbow_block_reader *reader = NULL;
    elbow_batch batch;
    OK(elbow_arena_create(&arena));
    OK(elbow_batch_reserve(&batch, elbow_dataset_field(data, ELBOW_X), NULL, 9, arena));
    OK(elbow_batch_reserve_labels(&batch, elbow_view_labels(&view), 9, arena));
    OK(elbow_block_reader_create(&reader, &view, ELBOW_TEST, 0, 9, 1, arena));
    elbow_block_reader_batch(reader, 2, 7, &batch);
    for (size_t r = 0; r < 7; r++)
        assert_true(labels[r + 2] < 0 ? isnan(batch.y.reals[r]) : batch.y.reals[r] == (real)labels[r + 2]);
    elbow_arena_destroy(&arena);
    elbow_dataset_close(&data);
}

static void refused(void **state) {
    (void)state;
    elbow_dataset *data = make(4);
    elbow_view view;
    elbow_loader *loader = NULL;
    const elbow_order_spec order = {1, 1, TRAIN, 50, 0}, first = {1, 1, 100, 50, 0};
    view = view_of(data, 15, 0);
    FAILS(elbow_loader_create(&loader, &view, &order, 0, 1), ELBOW_MISMATCH, "5 examples of class \"c\"");
    view = view_of(data, 14, 0);
    OK(elbow_loader_create(&loader, &view, &order, 0, 1));
    elbow_loader_destroy(&loader);
    FAILS(elbow_loader_create(&loader, &view, &first, 0, 1), ELBOW_MISMATCH, "has 0 of them for training");
    OK(elbow_view_create(&view, data, "none", "none"));
    FAILS(elbow_view_label(&view, TRAIN + 1, 0, 20), ELBOW_MISMATCH, "700 training examples");
    FAILS(elbow_view_label(&view, 9, 10, 20), ELBOW_USAGE, "train.labelled = 10");
    OK(elbow_view_create(&view, data, "none", "labels"));
    FAILS(elbow_view_label(&view, 9, 0, 20), ELBOW_USAGE, "data.context = labels");
    elbow_dataset_close(&data);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(chosen), cmocka_unit_test(anywhere),
                                       cmocka_unit_test(evaluation), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
