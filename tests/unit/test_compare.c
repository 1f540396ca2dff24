/* Two checkpoints compared bit by bit: what differs is named, and nothing else is. */
#include "checkpoints.h"

#include "elbow/store/compare.h"

/* compare(make(…) after `change`, make(…)); the caller destroys. */
static elbow_comparison *compare_changed(void (*change)(elbow_checkpoint *c)) {
    elbow_checkpoint *a = make(false), *b = make(true); /* another order in memory is no difference */
    elbow_comparison *comparison = NULL;
    change(b);
    assert_int_equal(elbow_checkpoint_compare(&comparison, a, b), ELBOW_OK);
    elbow_checkpoint_destroy(&a);
    elbow_checkpoint_destroy(&b);
    return comparison;
}

static real *value_of(elbow_checkpoint *c, real *values, const char *tensor, size_t index) {
    const elbow_tensor *t = elbow_params_find(c->layout, tensor);
    assert_non_null(t);
    return values + t->offset + index;
}

static real *moment(elbow_checkpoint *c, const char *slot, const char *tensor, size_t index) {
    size_t s = strcmp(c->slot_names[0], slot) == 0 ? 0 : 1;
    assert_string_equal(c->slot_names[s], slot);
    return value_of(c, c->slot_values[s], tensor, index);
}

static const elbow_compared_item *find_item(const elbow_comparison *c, const char *name) {
    for (size_t i = 0; i < c->item_count; i++)
        if (strcmp(c->items[i].name, name) == 0) return &c->items[i];
    fail_msg("no item %s", name);
    return NULL;
}

static void change_nothing(elbow_checkpoint *c) {
    c->seconds *= 2; /* time is none */
    for (size_t i = 0; i < c->metrics->train.columns; i++)
        if (elbow_column_measures_time(c->metrics->train.names[i])) c->metrics->train.values[i][1] += 1;
}

static void finds_nothing(void **state) {
    (void)state;
    elbow_comparison *c = compare_changed(change_nothing);
    assert_true(c->same);
    assert_int_equal(c->value_count, 0);
    assert_int_equal(c->item_count, 0);
    assert_int_equal(c->tensors, TENSORS);
    assert_int_equal(c->optimizer_tensors, 2 * TENSORS);
    assert_int_equal(c->metrics_rows, 3);
    elbow_comparison_destroy(&c);
    assert_null(c);
}

static void change_values(elbow_checkpoint *c) {
    real *next = value_of(c, c->parameters, "decoder.1.weight", 1 * 12 + 2 * 4 + 3);
    *next = nextafterf(nextafterf((float)*next, 2), 2);
    *value_of(c, c->parameters, "encoder.0.weight", 4 * 5 + 1) += 1;
    *value_of(c, c->parameters, "encoder.0.weight", 6 * 5 + 4) += 3;
    *moment(c, "second_moment", "encoder.0.bias", 6) = NAN;
}

static void finds_values(void **state) {
    (void)state;
    elbow_comparison *c = compare_changed(change_values);
    char text[512];
    assert_false(c->same);
    assert_int_equal(c->item_count, 0);
    assert_int_equal(c->value_count, 3);
    assert_int_equal(c->model_values, 2);
    assert_int_equal(c->optimizer_values, 1);
    const elbow_compared_values *v = &c->values[0]; /* in the order of the first's layout */
    assert_string_equal(v->name, "encoder.0.weight");
    assert_int_equal(v->different, 2);
    assert_int_equal(v->count, 35);
    assert_int_equal(v->first[0], 4);
    assert_int_equal(v->first[1], 1);
    assert_true(fabs(v->absolute - 3) < 1e-6);
    v = &c->values[1];
    assert_string_equal(v->name, "decoder.1.weight");
    assert_int_equal(v->different, 1);
    assert_int_equal(v->ulps, 2);
    elbow_compared_text(v, text, sizeof text);
    assert_non_null(strstr(text, "decoder.1.weight[1, 2, 3] is "));
    v = &c->values[2];
    assert_string_equal(v->name, "adam/second_moment/encoder.0.bias");
    assert_true(isinf(v->absolute) && isnan(v->relative) && v->ulps == UINT64_MAX);
    elbow_comparison_destroy(&c);
}

/* −0 and 0 are other bits, no step apart; around 0 floats are counted through it. */
static void change_signs(elbow_checkpoint *c) {
    *value_of(c, c->parameters, "decoder.1.scale", 0) = -0.0F;
    *value_of(c, c->parameters, "encoder.0.bias", 2) = -1e-45F;
}

static void counts_steps(void **state) {
    (void)state;
    elbow_checkpoint *a = make(false), *b = make(false);
    elbow_comparison *c = NULL;
    *value_of(a, a->parameters, "decoder.1.scale", 0) = 0;
    *value_of(a, a->parameters, "encoder.0.bias", 2) = 1e-45F;
    change_signs(b);
    assert_int_equal(elbow_checkpoint_compare(&c, a, b), ELBOW_OK);
    assert_false(c->same);
    assert_int_equal(c->value_count, 2);
    assert_string_equal(c->values[0].name, "encoder.0.bias");
    assert_int_equal(c->values[0].ulps, 2);
    assert_string_equal(c->values[1].name, "decoder.1.scale");
    assert_int_equal(c->values[1].ulps, 0);
    assert_int_equal(c->values[1].bits_b, 0x80000000);
    elbow_comparison_destroy(&c);
    elbow_checkpoint_destroy(&a);
    elbow_checkpoint_destroy(&b);
}

static void change_run(elbow_checkpoint *c) {
    c->step++;
    c->best_step--;
    c->facts.ranks = 7;
    snprintf(c->optimizer, sizeof c->optimizer, "other");
    free(c->config);
    c->config = strdup("[run]\nseed = 4\n[checkpoint]\nkeep = 9\n");
}

static void finds_items(void **state) {
    (void)state;
    elbow_checkpoint *a = make(false), *b = make(false);
    elbow_comparison *c = NULL;
    free(a->config);
    a->config = strdup("[run]\nseed = 3\n");
    change_run(b);
    assert_int_equal(elbow_checkpoint_compare(&c, a, b), ELBOW_OK);
    assert_false(c->same);
    assert_int_equal(c->item_count, 6);
    assert_string_equal(find_item(c, "step")->a, "1200");
    assert_string_equal(find_item(c, "step")->b, "1201");
    assert_true(find_item(c, "best step")->counts);
    assert_true(find_item(c, "optimizer")->counts);
    assert_true(find_item(c, "run.seed")->counts);
    assert_false(find_item(c, "checkpoint.keep")->counts);
    assert_false(find_item(c, "ranks")->counts);
    elbow_comparison_destroy(&c);
    elbow_checkpoint_destroy(&a);
    elbow_checkpoint_destroy(&b);
}

/* What no bit depends on is listed, and the two are the same. */
static void change_free(elbow_checkpoint *c) { c->facts.nodes = 9; }

static void counts_only_bits(void **state) {
    (void)state;
    elbow_comparison *c = compare_changed(change_free);
    assert_true(c->same);
    assert_int_equal(c->item_count, 1);
    elbow_comparison_destroy(&c);
}

static void change_layout(elbow_checkpoint *c) {
    elbow_tensor *t = &c->own_layout.tensors[0]; /* decoder.1.scale, in reverse */
    assert_string_equal(t->name, "decoder.1.scale");
    snprintf(t->name, sizeof t->name, "decoder.1.shift");
    c->own_layout.tensors[3].shape[0] = 5; /* encoder.0.weight, the other way round */
    c->own_layout.tensors[3].shape[1] = 7;
}

static void finds_layouts(void **state) {
    (void)state;
    elbow_comparison *c = compare_changed(change_layout);
    assert_false(c->same);
    assert_int_equal(c->item_count, 3);
    assert_string_equal(find_item(c, "tensor encoder.0.weight")->a, "7 x 5");
    assert_string_equal(find_item(c, "tensor encoder.0.weight")->b, "5 x 7");
    assert_string_equal(find_item(c, "tensor decoder.1.scale")->b, "not there");
    assert_string_equal(find_item(c, "tensor decoder.1.shift")->a, "not there");
    assert_int_equal(c->tensors, TENSORS - 2);
    assert_int_equal(c->value_count, 0);
    elbow_comparison_destroy(&c);
}

static void change_metrics(elbow_checkpoint *c) {
    double row[ELBOW_METRICS_COLUMNS] = {0};
    elbow_table *t = &c->metrics->train;
    for (size_t i = 0; i < t->columns; i++)
        if (strcmp(t->names[i], "kl") == 0) t->values[i][2] = NAN;
    assert_int_equal(elbow_table_append(t, row), ELBOW_OK);
    c->metrics->since_elbo += 1;
}

static void finds_metrics(void **state) {
    (void)state;
    elbow_comparison *c = compare_changed(change_metrics);
    assert_false(c->same);
    assert_string_equal(find_item(c, "rows of metrics/train")->b, "4");
    find_item(c, "metrics/partial elbo since evaluation");
    assert_int_equal(c->item_count, 2);
    assert_int_equal(c->value_count, 1);
    assert_string_equal(c->values[0].name, "metrics/train/kl");
    assert_int_equal(c->values[0].first[0], 2);
    assert_true(fabs(c->values[0].row_step - 200.0 / 7) < 1e-9);
    assert_int_equal(c->model_values + c->optimizer_values, 0);
    elbow_comparison_destroy(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_nothing), cmocka_unit_test(finds_values),     cmocka_unit_test(counts_steps),
        cmocka_unit_test(finds_items),   cmocka_unit_test(counts_only_bits), cmocka_unit_test(finds_layouts),
        cmocka_unit_test(finds_metrics),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
