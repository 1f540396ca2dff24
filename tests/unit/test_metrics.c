/* Tables: what is appended comes back, and a file is what it says or is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/h5.h"
#include "elbow/store/metrics.h"

static char directory[] = "/tmp/elbow-metrics-XXXXXX";
static char path[256];

static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(directory)) return -1;
    snprintf(path, sizeof path, "%s/metrics.h5", directory);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static double value_of(size_t row, size_t column) {
    if (row == 7 && column == 3) return NAN;
    if (row == 8 && column == 3) return -INFINITY;
    return (double)row * 1000.25 + (double)column / 3;
}

static void fill(elbow_table *table, size_t rows) {
    double row[ELBOW_METRICS_COLUMNS];
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < table->columns; c++) row[c] = value_of(r, c);
        assert_int_equal(elbow_table_append(table, row), ELBOW_OK);
    }
}

static void check(const elbow_table *table, const char *const *names, size_t rows) {
    assert_int_equal(table->rows, rows);
    size_t c = 0;
    for (; names[c]; c++) {
        const double *column = elbow_table_column(table, names[c]);
        assert_non_null(column);
        for (size_t r = 0; r < rows; r++) {
            double expected = value_of(r, c);
            assert_memory_equal(&column[r], &expected, sizeof expected);
        }
    }
    assert_int_equal(table->columns, c);
}

static void keeps_every_bit(void **state) {
    (void)state;
    static const size_t rows[] = {0, 1, 63, 64, 65, 1000};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        elbow_metrics metrics, read;
        assert_int_equal(elbow_metrics_create(&metrics), ELBOW_OK);
        fill(&metrics.train, rows[i]);
        fill(&metrics.evaluation, rows[i] / 2);
        assert_int_equal(elbow_metrics_write(&metrics, path), ELBOW_OK);
        assert_int_equal(elbow_metrics_read(&read, path), ELBOW_OK);
        check(&read.train, elbow_train_columns, rows[i]);
        check(&read.evaluation, elbow_evaluation_columns, rows[i] / 2);
        fill(&read.train, 1); /* a table that was read grows on */
        elbow_metrics_destroy(&metrics);
        elbow_metrics_destroy(&read);
    }
}

static void finds_columns_by_name(void **state) {
    (void)state;
    elbow_metrics metrics;
    assert_int_equal(elbow_metrics_create(&metrics), ELBOW_OK);
    assert_non_null(elbow_table_column(&metrics.train, "elbo")); /* there, though empty */
    assert_null(elbow_table_column(&metrics.train, "soft_elbo"));
    assert_null(elbow_table_column(&metrics.train, "elb"));
    elbow_metrics_destroy(&metrics);
    assert_null(elbow_table_column(&metrics.train, "elbo"));

    const char *names[ELBOW_METRICS_COLUMNS + 2];
    elbow_table table;
    for (size_t i = 0; i <= ELBOW_METRICS_COLUMNS; i++) names[i] = "x";
    names[ELBOW_METRICS_COLUMNS + 1] = NULL;
    assert_int_equal(elbow_table_create(&table, names), ELBOW_FORMAT);
    assert_int_equal(
        elbow_table_create(&table, (const char *[]){"a-name-that-is-longer-than-31-bytes", NULL}),
        ELBOW_FORMAT);
}

static void tells_what_columns_are(void **state) {
    (void)state;
    elbow_metrics metrics;
    assert_int_equal(elbow_metrics_create(&metrics), ELBOW_OK);
    assert_int_equal(elbow_metrics_write(&metrics, path), ELBOW_OK);
    elbow_metrics_destroy(&metrics);
    elbow_h5 *file = NULL;
    char text[256], dataset[128];
    assert_int_equal(elbow_h5_open(&file, path), ELBOW_OK);
    for (size_t c = 0; elbow_train_columns[c]; c++) {
        snprintf(dataset, sizeof dataset, "/train/%s", elbow_train_columns[c]);
        assert_int_equal(elbow_h5_get_text(file, dataset, "description", text, sizeof text), ELBOW_OK);
        assert_true(strlen(text) > 8);
        assert_int_equal(elbow_h5_get_text(file, dataset, "unit", text, sizeof text), ELBOW_OK);
    }
    assert_int_equal(elbow_h5_get_text(file, "/evaluation/elbo", "unit", text, sizeof text), ELBOW_OK);
    assert_string_equal(text, "nats");
    elbow_h5_close(&file);
}

/* A file made by hand, with `missing` left out and the rows of `longer` one more. */
static void write_by_hand(const char *missing, const char *longer) {
    elbow_h5 *file = NULL;
    void *bytes = NULL;
    size_t count = 0;
    double values[3] = {1, 2, 3};
    assert_int_equal(elbow_h5_create_memory(&file, path), ELBOW_OK);
    assert_int_equal(elbow_h5_set_text(file, "/", "format", "elbow-metrics"), ELBOW_OK);
    assert_int_equal(elbow_h5_set_integer(file, "/", "version", 1), ELBOW_OK);
    for (int t = 0; t < 2; t++)
        for (const char *const *name = t ? elbow_evaluation_columns : elbow_train_columns; *name; name++) {
            char dataset[128];
            snprintf(dataset, sizeof dataset, "%s/%s", t ? "/evaluation" : "/train", *name);
            if (strcmp(dataset, missing) == 0) continue;
            elbow_h5_shape shape = {1, {strcmp(dataset, longer) == 0 ? 3 : 2}};
            assert_int_equal(elbow_h5_write(file, dataset, ELBOW_H5_F64, shape, 0, 0, values), ELBOW_OK);
        }
    assert_int_equal(elbow_h5_image(file, &bytes, &count), ELBOW_OK);
    assert_int_equal(elbow_h5_close(&file), ELBOW_OK);
    assert_int_equal(elbow_file_replace(path, bytes, count), ELBOW_OK);
    free(bytes);
}

static void refuses(const char *word) {
    elbow_metrics metrics;
    assert_int_equal(elbow_metrics_read(&metrics, path), ELBOW_FORMAT);
    assert_non_null(strstr(elbow_error_message(), path));
    assert_non_null(strstr(elbow_error_message(), word));
    assert_null(metrics.train.values[0]);
}

static void refuses_unequal_columns(void **state) {
    (void)state;
    elbow_metrics metrics;
    write_by_hand("", "");
    assert_int_equal(elbow_metrics_read(&metrics, path), ELBOW_OK);
    elbow_metrics_destroy(&metrics);
    write_by_hand("/evaluation/kl", "");
    refuses("/evaluation/kl");
    write_by_hand("", "/train/kl");
    refuses("/train/kl");
    assert_int_equal(elbow_file_replace(path, "elbow", 5), ELBOW_OK);
    refuses("HDF5");
}

/* Files of before it came. */
static void reads_a_new_column_as_zeros(void **state) {
    (void)state;
    elbow_metrics metrics;
    write_by_hand("/train/seconds_checkpoint", "");
    assert_int_equal(elbow_metrics_read(&metrics, path), ELBOW_OK);
    const double *seconds = elbow_table_column(&metrics.train, "seconds_checkpoint");
    assert_true(metrics.train.rows > 0);
    for (size_t r = 0; r < metrics.train.rows; r++) assert_true(seconds[r] == 0);
    elbow_metrics_destroy(&metrics);
}

static void reads_absent_noise_as_nothing_to_say(void **state) {
    (void)state;
    elbow_metrics metrics;
    write_by_hand("/train/noise_scale", "");
    assert_int_equal(elbow_metrics_read(&metrics, path), ELBOW_OK);
    const double *scale = elbow_table_column(&metrics.train, "noise_scale");
    for (size_t r = 0; r < metrics.train.rows; r++) assert_true(isnan(scale[r]));
    elbow_metrics_destroy(&metrics);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_every_bit),
        cmocka_unit_test(finds_columns_by_name),
        cmocka_unit_test(tells_what_columns_are),
        cmocka_unit_test(refuses_unequal_columns),
        cmocka_unit_test(reads_a_new_column_as_zeros),
        cmocka_unit_test(reads_absent_noise_as_nothing_to_say),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
