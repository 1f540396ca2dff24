/* Patience: how long a history has waited for a better evaluation. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "train/protocol.h"

static elbow_table table;

static int create(void **state) {
    (void)state;
    return elbow_table_create(&table, elbow_evaluation_columns) == ELBOW_OK ? 0 : -1;
}

static int destroy(void **state) {
    (void)state;
    elbow_table_destroy(&table);
    return 0;
}

static void add(elbow_split split, double negative_elbo) {
    const double row[ELBOW_METRICS_COLUMNS] = {(double)table.rows, 0, 0, (double)split, 1, -negative_elbo};
    assert_int_equal(elbow_table_append(&table, row), ELBOW_OK);
}

static int64_t waited(void) { return elbow_protocol_waited(&table, elbow_protocol_selected(&table)); }

static void counts_from_the_lowest(void **state) {
    (void)state;
    assert_int_equal(waited(), 0);
    static const struct {
        double value;
        int64_t waited;
    } rows[] = {{100, 0}, {90, 0}, {95, 1}, {91, 2}, {89, 0}, {89, 1}, {NAN, 2}, {INFINITY, 3}, {88.999, 0}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        add(ELBOW_TEST, rows[r].value);
        assert_int_equal(waited(), rows[r].waited);
    }
}

/* Where there are rows of valid, those of test count for nothing. */
static void valid_selects(void **state) {
    (void)state;
    add(ELBOW_VALID, 100);
    add(ELBOW_TEST, 100);
    add(ELBOW_VALID, 101);
    add(ELBOW_TEST, 90);
    assert_int_equal(elbow_protocol_selected(&table), ELBOW_VALID);
    assert_int_equal(waited(), 1);
    assert_int_equal(elbow_protocol_waited(&table, ELBOW_TEST), 0);
}

/* What never was a number has been waited for from the start. */
static void without_any_number(void **state) {
    (void)state;
    for (int64_t r = 1; r <= 3; r++) {
        add(ELBOW_VALID, NAN);
        assert_int_equal(waited(), r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counts_from_the_lowest, create, destroy),
        cmocka_unit_test_setup_teardown(valid_selects, create, destroy),
        cmocka_unit_test_setup_teardown(without_any_number, create, destroy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
