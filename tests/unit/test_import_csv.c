/* Tables in, one data file out: which columns are what, their words and units, and everything untidy. */
#include "data_files.h"

#include <zlib.h>

#include "base/file.h"
#include "data/csv.h"
#include "elbow/base/log.h"

static const char *put_text(const char *name, const char *text) {
    const char *path = in_folder(name);
    put_file(path, text, strlen(text));
    return path;
}

/* Flags and values, NULL at the end; the output is data.h5. */
static elbow_status import_with(const char *const *arguments) {
    elbow_import_request request;
    OK(elbow_import_begin(&request, "csv"));
    for (; *arguments != NULL; arguments += 2) OK(elbow_import_set(&request, arguments[0], arguments[1]));
    request.output = in_folder("data.h5");
    request.overwrite = true;
    return elbow_import_run(&request);
}
#define IMPORT(...) import_with((const char *const[]){__VA_ARGS__, NULL})
/* The text is the training split, its last row alone the test split where none is given. */
#define TABLE(text, ...)                                                                                     \
    IMPORT("--train", put_text("train", text), "--test", put_text("test", text), __VA_ARGS__)

static elbow_dataset *open_data(void) {
    elbow_dataset *data = NULL;
    OK(elbow_dataset_open(&data, in_folder("data.h5")));
    OK(elbow_dataset_verify(data));
    return data;
}

static void assert_words(const elbow_field *field, size_t d, const char *name, const char *words) {
    const elbow_column *column = &field->columns[d];
    char text[1024] = "";
    assert_string_equal(column->name, name);
    for (size_t k = 0; k < column->cardinality; k++) {
        if (k > 0) strcat(text, " ");
        strcat(text, column->words[k]);
    }
    assert_string_equal(text, words);
}

static void test_words_and_reals(void **state) {
    (void)state;
    OK(TABLE("size,kind,n,weight\n10,b,1,1.5\n9,a,2,2.5\n10,?,,NA\n2,a,1,3.5\n", "--label", "kind"));
    elbow_dataset *data = open_data();
    const elbow_field *x = elbow_dataset_field(data, ELBOW_X), *y = elbow_dataset_field(data, ELBOW_Y);
    assert_int_equal(x->dimensions, 3);
    assert_words(x, 0, "size", "2 9 10");
    assert_words(x, 1, "n", "1 2");
    assert_true(x->columns[1].missing && !x->columns[0].missing && x->columns[2].missing);
    assert_int_equal(x->columns[2].cardinality, 0);
    assert_true(fabs(x->columns[2].mean - 2.5) < 1e-12);
    assert_true(fabs(x->columns[2].scale - sqrt(2.0 / 3)) < 1e-12);
    assert_words(y, 0, "kind", "a b");
    assert_true(y->columns[0].missing);
    real rows[12], labels[4];
    read_reals(data, ELBOW_TRAIN, ELBOW_X, 0, 4, rows);
    assert_true(rows[0] == 2 && rows[3] == 1 && rows[9] == 0);
    assert_true(fabs((double)rows[2] + sqrt(1.5)) < 1e-6 && fabs((double)rows[5]) < 1e-6);
    elbow_dataset_close(&data);
    (void)labels;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_words_and_reals, empty_test_folder),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
