/* Options: what is written is read, what is wrong is named, and a dump reads back to the same bits. */
#include <float.h>
#include <inttypes.h>
#include <locale.h>
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

#include "base/options_table.h"
#include "elbow/base/number.h"

static elbow_options *options;

static int set_up(void **state) {
    (void)state;
    return elbow_options_create(&options) == ELBOW_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    elbow_options_destroy(&options);
    assert_null(options);
    return 0;
}

static void expect_message(const char *part) {
    if (strstr(elbow_error_message(), part) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", part, elbow_error_message());
}

static void accept(const char *text) {
    if (elbow_options_parse(options, text, "a.ini") != ELBOW_OK) fail_msg("%s", elbow_error_message());
}

static void refuse(const char *text, const char *part) {
    assert_int_equal(elbow_options_parse(options, text, "a.ini"), ELBOW_USAGE);
    expect_message(part);
}

/* A pseudo-random sequence of its own (xorshift64*), the same in every run. */
static uint64_t seed = 88172645463325252u;
static uint64_t next_random(void) {
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * 2685821657736338717u;
}

static void test_defaults(void **state) {
    (void)state;
    assert_int_equal(options->train.batch, 100);
    assert_int_equal(options->run.seed, 1);
    assert_true(options->optimizer.epsilon == 1e-8);
    assert_string_equal(options->model.latent, "categorical 20x10");
    assert_string_equal(options->data.file, "");
    assert_true(options->train.pictures);
    assert_string_equal(elbow_options_origin(options, "train.batch"), "default");
}

static void test_accepts(void **state) {
    (void)state;
    accept("\xef\xbb\xbf; a comment\n# another\r\n\n"
           "  [ train ] ; behind a section\r\n"
           "\tbatch = 7 ; behind a value\r\n"
           "   epochs: 3\n"
           "pictures = off\n"
           "[data]\n"
           "file = a dir/x:y #1=2;3.h5\n"
           "[checkpoint]\n"
           "time_limit = 1:30:00\n"
           "every_minutes = 2.5e-1\n"
           "[train] # opened again\n"
           "steps = 9223372036854775807"); /* no newline at the end */
    assert_int_equal(options->train.batch, 7);
    assert_int_equal(options->train.epochs, 3);
    assert_false(options->train.pictures);
    assert_string_equal(options->data.file, "a dir/x:y #1=2;3.h5");
    assert_true(options->checkpoint.time_limit == 5400);
    assert_string_equal(options->checkpoint.every_minutes, "2.5e-1");
    assert_int_equal(options->train.steps, INT64_MAX);
    assert_string_equal(elbow_options_origin(options, "train.batch"), "a.ini:5");
    assert_string_equal(elbow_options_origin(options, "train.steps"), "a.ini:14");
    assert_string_equal(elbow_options_origin(options, "run.seed"), "default");
    accept("");
    accept("\n\n[data]\nfile =\n");
    assert_string_equal(options->data.file, "");
}

static void test_refuses_names(void **state) {
    (void)state;
    refuse("[train]\nbach = 3\n", "a.ini:2: unknown key `bach` in [train]; did you mean `batch`?");
    refuse("\n\n[trian]\n", "a.ini:3: unknown section `trian`; did you mean `train`?");
    refuse("[xyzzyxyzzy]\n", "`elbow config` lists all");
    refuse("[model]\nbatch = 3\n", "a.ini:2: `batch` belongs in [train]");
    refuse("[train]\nlearning_rat = 1\n", "did you mean `learning_rate` in [optimizer]?");
    refuse("[train]\nBatch = 1\n", "did you mean `batch`?");
    refuse("batch = 3\n[train]\n", "a.ini:1: `batch` stands before any [section]");
    refuse("[train]\nbatch = 3\n\nbatch = 3\n", "a.ini:4: train.batch is given a second time; line 2");
    refuse("[train]\nbatch = 3\n[data]\n[train]\nbatch = 4",
           "a.ini:5: train.batch is given a second time; line 2");
}

static void test_refuses_lines(void **state) {
    (void)state;
    refuse("[train]\nbatch 3\n", "a.ini:2: neither a [section], nor key = value");
    refuse("[train]\nbatch ; = 3\n", "a.ini:2: neither");
    refuse("[model]\nencoder = 512\n    256\n", "a.ini:3: neither");
    refuse("[train\nbatch = 3\n", "a.ini:1: the section's name has no end");
    refuse("[train] batch = 3\n", "a.ini:1: something stands behind");
    refuse("[train]\n = 3\n", "a.ini:2: there is no key");
    refuse("[train]\nbatch\n", "a.ini:2: neither"); /* the last line as well */
    refuse("[train]\nbatch", "a.ini:2: neither");
    /* The first mistake is told, whatever kind the later ones are. */
    refuse("[train]\nbatch\nbach = 3\n[trian]\n", "a.ini:2:");
    refuse("[train]\nbach = 3\nbatch\n[trian]\n", "a.ini:2:");
}

static void test_refuses_values(void **state) {
    (void)state;
    static const struct {
        const char *assignment, *part;
    } cases[] = {
        {"train.batch=", "there is no value; give 1 to 1073741824"},
        {"train.batch=3x", "`3x` is not a whole number"},
        {"train.batch=3 4", "is not a whole number"},
        {"train.batch=0x10", "is not a whole number"},
        {"train.batch=1e3", "give 1000"},
        {"train.batch=2.5", "give 1 to 1073741824"},
        {"train.batch=0", "out of range; give 1 to 1073741824"},
        {"train.batch=-5", "out of range"},
        {"train.batch=1073741825", "out of range"},
        {"train.batch=99999999999999999999999", "does not fit into 64 bits"},
        {"train.batch=--5", "is not a whole number"},
        {"train.batch=100 # per step", "a comment after a value begins with ` ;`"},
        {"run.seed=-1", "give 0 or more"},
        {"run.seed=9223372036854775808", "does not fit into 64 bits"},
        {"optimizer.beta1=1", "out of range; give 0 to 0.9999999"},
        {"optimizer.beta1=nan", "is not a number"},
        {"optimizer.beta1=inf", "is not a number"},
        {"optimizer.beta1=-0.1", "out of range"},
        {"optimizer.beta1=0,9", "is not a number"},
        {"optimizer.beta1=0x1p-1", "is not a number"},
        {"optimizer.beta1=0.9.9", "is not a number"},
        {"optimizer.beta1=.", "is not a number"},
        {"optimizer.clip_norm=1e999", "does not fit into a double"},
        {"optimizer.epsilon=1e-999", "does not fit into a double"},
        {"data.binarize=dynamc", "is not one of none, threshold, dynamic; did you mean `dynamic`?"},
        {"data.binarize=", "is not one of"},
        {"data.binarize=none, threshold", "is not one of"},
        {"train.pictures=maybe", "neither yes nor no"},
        {"checkpoint.time_limit=2w", "is not a duration"},
        {"checkpoint.time_limit=1:60:00", "is not a duration"},
        {"checkpoint.time_limit=1:30", "is not a duration"},
        {"checkpoint.time_limit=1:30:00 ", NULL},
        {"checkpoint.time_limit=-1s", "out of range"},
        {"checkpoint.time_limit=1e10", "out of range"},
        {"checkpoint.time_limit=s", "is not a duration"},
        {"optimizer.learning_rate=", "there is no value"},
        {"data.file=a ;b", "holds `;` at a word's beginning"},
        {"data.file=;b", "holds `;` at a word's beginning"},
        {"data.file=a\nb", "control character 0x0a"},
        {"data.file=a\x7f", "control character 0x7f"},
        {"batch=3", "write train.batch"},
        {"train.batch", "there is no `=`"},
        {"train=3", "not section.key"},
        {".=3", "unknown section"},
        {"train.=3", "unknown key"},
        {"=3", "not section.key"},
        {"", "there is no `=`"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        elbow_status status = elbow_options_set(options, cases[i].assignment);
        if (cases[i].part == NULL) {
            assert_int_equal(status, ELBOW_OK);
            continue;
        }
        if (status != ELBOW_USAGE) fail_msg("--set %s is accepted", cases[i].assignment);
        expect_message(cases[i].part);
        expect_message("--set ");
    }
    assert_int_equal(options->train.batch, 100);
}

static void test_failure_changes_nothing(void **state) {
    (void)state;
    accept("[train]\nbatch = 3\n");
    char *before = NULL, *after = NULL;
    assert_int_equal(elbow_options_dump(options, false, &before), ELBOW_OK);
    refuse("[train]\nbatch = 5\nepochs = 2\nsteps = x\n", "a.ini:4: train.steps: `x`");
    assert_int_equal(elbow_options_dump(options, false, &after), ELBOW_OK);
    assert_string_equal(before, after);
    assert_string_equal(elbow_options_origin(options, "train.batch"), "a.ini:2");
    assert_string_equal(elbow_options_origin(options, "train.epochs"), "default");
    free(before);
    free(after);
}

/* Values of every length through inih's buffer, whose end they cross with spaces, `#` and `;` inside. */
static void test_long_values(void **state) {
    (void)state;
    char value[ELBOW_OPTION_BYTES + 64], text[4 * ELBOW_OPTION_BYTES];
    for (size_t length = 1; length <= ELBOW_OPTION_BYTES; length++) {
        static const char letters[] = "ab  #=:[]x;y\t.";
        for (size_t i = 0; i < length; i++) {
            char before = i > 0 ? value[i - 1] : ' ';
            value[i] = letters[next_random() % (sizeof letters - 1)];
            bool edge = i == 0 || i + 1 == length;
            if ((value[i] == ';' && (before == ' ' || before == '\t')) ||
                (edge && (value[i] == ' ' || value[i] == '\t')))
                value[i] = 'z';
        }
        value[length] = '\0';
        static const char *const tails[] = {"\n", " ; a comment; with = and [x]\n", "\t;\r\n", "  \t \r\n",
                                            ""};
        snprintf(text, sizeof text, "[data]\n file %s %s%s", length % 2 ? "=" : ":", value,
                 tails[length % (sizeof tails / sizeof tails[0])]);
        if (length < ELBOW_OPTION_BYTES) {
            accept(text);
            assert_string_equal(options->data.file, value);
            assert_string_equal(elbow_options_origin(options, "data.file"), "a.ini:2");
        } else {
            refuse(text, "a.ini:2: data.file: the value has 1024 bytes; the most is 1023");
        }
    }
    /* Long lines of other kinds. */
    memset(value, 'k', 700);
    value[700] = '\0';
    snprintf(text, sizeof text, "# %s\n; %s\n[train]\nbatch = 3 ; %s\n", value, value, value);
    accept(text);
    assert_int_equal(options->train.batch, 3);
    snprintf(text, sizeof text, "[train]\n%s\n", value);
    refuse(text, "a.ini:2: a line of 700 bytes that begins with no key");
    snprintf(text, sizeof text, "[train]\n%s = 3\n", value);
    refuse(text, "a.ini:2:");
    snprintf(text, sizeof text, "[train]\n= %s\n", value);
    refuse(text, "a.ini:2: there is no key");
    snprintf(text, sizeof text, "[%s]\n", value);
    refuse(text, "a.ini:1: unknown section");
}

static double random_real(double least, double most) {
    switch (next_random() % 4) {
    case 0:
        return least;
    case 1:
        return most;
    case 2: { /* any bits at all, so long as the range holds them */
        for (;;) {
            uint64_t bits = next_random();
            double value;
            memcpy(&value, &bits, sizeof value);
            if (value >= least && value <= most) return value;
            if (most <= 1 && least == 0 && next_random() % 4 == 0) return DBL_TRUE_MIN;
        }
    }
    default:
        return least + (most - least) * ((double)(next_random() >> 11) * 0x1p-53);
    }
}

/* Any options at all that the types allow. */
static void fill_randomly(void) {
    for (size_t r = 0; r < OPTION_COUNT; r++) {
        const option_row *row = &elbow_option_rows[r];
        void *place = (char *)options + row->offset;
        double seconds;
        switch (row->type) {
        case OPTION_INTEGER: {
            uint64_t span = (uint64_t)row->integer_most - (uint64_t)row->integer_least;
            *(int64_t *)place = row->integer_least + (int64_t)(next_random() % (span + 1));
            break;
        }
        case OPTION_REAL:
            *(double *)place = random_real(row->real_least, row->real_most);
            break;
        case OPTION_DURATION:
            seconds = random_real(0, 1e9);
            *(double *)place = next_random() % 2 ? seconds : floor(seconds);
            break;
        case OPTION_SWITCH:
            *(bool *)place = next_random() % 2;
            break;
        case OPTION_CHOICE:
            break;
        case OPTION_SCHEDULE:
        case OPTION_TEXT: {
            size_t length = 1 + next_random() % 40;
            char *text = place;
            for (size_t i = 0; i < length; i++) text[i] = (char)(0x21 + next_random() % 0x5e);
            for (size_t i = 1; i + 1 < length; i++)
                if (text[i] == '~' && text[i + 1] != ';') text[i] = ' ';
            if (text[0] == ';') text[0] = '=';
            text[length] = '\0';
            if (row->type == OPTION_TEXT && next_random() % 8 == 0) text[0] = '\0';
        }
        }
    }
}

static void test_round_trip(void **state) {
    (void)state;
    for (int repeat = 0; repeat < 300; repeat++) {
        fill_randomly();
        for (int comments = 0; comments < 2; comments++) {
            char *text = NULL;
            elbow_options *back = NULL;
            assert_int_equal(elbow_options_dump(options, comments == 1, &text), ELBOW_OK);
            assert_int_equal(elbow_options_create(&back), ELBOW_OK);
            if (elbow_options_parse(back, text, "dump") != ELBOW_OK) fail_msg("%s", elbow_error_message());
            for (size_t r = 0; r < OPTION_COUNT; r++) {
                const option_row *row = &elbow_option_rows[r];
                const char *a = (const char *)options + row->offset, *b = (const char *)back + row->offset;
                bool same =
                    row->type == OPTION_INTEGER || row->type == OPTION_REAL || row->type == OPTION_DURATION
                        ? memcmp(a, b, 8) == 0
                    : row->type == OPTION_SWITCH ? *(const bool *)a == *(const bool *)b
                                                 : strcmp(a, b) == 0;
                if (!same) fail_msg("%s.%s did not come back", row->section, row->key);
            }
            free(text);
            elbow_options_destroy(&back);
        }
    }
}

static void test_dump_is_wrapped(void **state) {
    (void)state;
    char *text = NULL;
    assert_int_equal(elbow_options_dump(options, true, &text), ELBOW_OK);
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 100);
    assert_non_null(strstr(text, "(one of none, threshold, dynamic; default none)"));
    const char *run = strstr(text, "[run]"), *train = strstr(text, "[train]"),
               *last = strstr(text, "[checkpoint]");
    assert_true(run != NULL && train > run && last > train);
    free(text);
}

static void test_locale(void **state) {
    (void)state;
    static const char *const commas[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    size_t i = 0;
    while (i < 4 && setlocale(LC_ALL, commas[i]) == NULL) i++;
    if (i == 4) {
        print_message("no locale with a decimal comma is installed\n");
        skip();
    }
    accept("[optimizer]\nbeta1 = 0.75\n");
    assert_true(options->optimizer.beta1 == 0.75);
    char text[ELBOW_NUMBER_BYTES];
    elbow_number_real_text(text, 0.1);
    setlocale(LC_ALL, "C");
    assert_string_equal(text, "0.1");
}

static void test_number_texts(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } reals[] = {{0, "0"},
                 {100, "100"},
                 {1e-3, "0.001"},
                 {1e-5, "1e-5"},
                 {1e30, "1e30"},
                 {1e6, "1e6"},
                 {0.1, "0.1"},
                 {-2.5, "-2.5"},
                 {1.0 / 3, "0.3333333333333333"},
                 {DBL_MAX, "1.7976931348623157e308"}};
    static const struct {
        double value;
        const char *text;
    } durations[] = {{0, "0"}, {90, "90s"}, {1800, "30m"}, {7200, "2h"}, {86400 * 3, "3d"}, {0.5, "0.5s"}};
    char text[ELBOW_NUMBER_BYTES];
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        elbow_number_real_text(text, reals[i].value);
        assert_string_equal(text, reals[i].text);
    }
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        elbow_number_duration_text(text, durations[i].value);
        assert_string_equal(text, durations[i].text);
    }
}

static void test_set_and_blame(void **state) {
    (void)state;
    assert_int_equal(elbow_options_set(options, " train.batch = 8 "), ELBOW_OK);
    assert_int_equal(elbow_options_set(options, "train.batch=9"), ELBOW_OK);
    assert_int_equal(options->train.batch, 9);
    assert_string_equal(elbow_options_origin(options, "train.batch"), "--set train.batch=9");
    accept("[optimizer]\nlearning_rate = lineer 0 1\n");
    elbow_status status = elbow_fail(ELBOW_MISMATCH, "no schedule; mend it");
    assert_int_equal(elbow_options_blame(options, "optimizer.learning_rate", status), ELBOW_MISMATCH);
    assert_string_equal(elbow_error_message(),
                        "a.ini:2: optimizer.learning_rate = lineer 0 1: no schedule; mend it");
    status = elbow_fail(ELBOW_USAGE, "too odd; make it even");
    assert_int_equal(elbow_options_blame(options, "train.batch", status), ELBOW_USAGE);
    assert_string_equal(elbow_error_message(), "--set train.batch=9: too odd; make it even");
}

static void collect(void *context, const char *section_key, elbow_option_role role, const char *value_a,
                    const char *value_b) {
    char *text = context;
    snprintf(text + strlen(text), 1000 - strlen(text), "%s %d %s|%s\n", section_key, (int)role, value_a,
             value_b);
}

static void test_copy_and_compare(void **state) {
    (void)state;
    elbow_options *copy = NULL;
    accept("[model]\nencoder = 512 256\n");
    assert_int_equal(elbow_options_copy(&copy, options), ELBOW_OK);
    assert_string_equal(elbow_options_origin(copy, "model.encoder"), "a.ini:2");
    char seen[1000] = "";
    elbow_options_compare(options, copy, collect, seen);
    assert_string_equal(seen, "");
    assert_int_equal(elbow_options_set(copy, "model.encoder=512   256"), ELBOW_OK); /* no difference */
    assert_int_equal(elbow_options_set(copy, "train.epochs=20"), ELBOW_OK);
    assert_int_equal(elbow_options_set(copy, "run.seed=2"), ELBOW_OK);
    elbow_options_compare(options, copy, collect, seen);
    assert_string_equal(seen, "run.seed 0 1|2\ntrain.epochs 1 10|20\n");
    seen[0] = '\0';
    assert_int_equal(elbow_options_set(copy, "run.seed=1"), ELBOW_OK);
    assert_int_equal(elbow_options_set(copy, "train.epochs=10"), ELBOW_OK);
    assert_int_equal(elbow_options_set(copy, "model.encoder=512256"), ELBOW_OK);
    elbow_options_compare(options, copy, collect, seen);
    assert_string_equal(seen, "model.encoder 0 512 256|512256\n");
    elbow_options_destroy(&copy);
}

static void test_files(void **state) {
    (void)state;
    char directory[] = "/tmp/elbow-options-XXXXXX", path[64];
    assert_non_null(mkdtemp(directory));
    assert_int_equal(elbow_options_load(options, directory), ELBOW_IO);
    expect_message("is a directory");
    snprintf(path, sizeof path, "%s/a b.ini", directory);
    assert_int_equal(elbow_options_load(options, path), ELBOW_IO);
    expect_message("no such file");

    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs("[train]\nbatch = 3\n", file);
    fwrite("epochs\0= 3\n", 1, 11, file);
    fclose(file);
    assert_int_equal(elbow_options_load(options, path), ELBOW_USAGE);
    expect_message("a b.ini:3: a zero byte");

    file = fopen(path, "wb");
    assert_non_null(file);
    fputs("[train]\nbatch = 3\n", file);
    fclose(file);
    assert_int_equal(elbow_options_load(options, path), ELBOW_OK);
    assert_int_equal(options->train.batch, 3);
    unlink(path);
    rmdir(directory);
}

static void test_explain(void **state) {
    (void)state;
    char *text = NULL;
    assert_int_equal(elbow_options_explain("train.batch", &text), ELBOW_OK);
    assert_non_null(strstr(text, "(a whole number, 1 to 1073741824; default 100)"));
    assert_null(strstr(text, "epochs"));
    free(text);
    assert_int_equal(elbow_options_explain("optimizer", &text), ELBOW_OK);
    assert_non_null(strstr(text, "optimizer.beta2"));
    free(text);
    assert_int_equal(elbow_options_explain("name", &text), ELBOW_OK); /* in two sections */
    assert_true(strstr(text, "estimator.name") != NULL && strstr(text, "optimizer.name") != NULL);
    free(text);
    assert_int_equal(elbow_options_explain("train.bach", &text), ELBOW_USAGE);
    assert_null(text);
    expect_message("did you mean `batch`?");
    assert_int_equal(elbow_options_explain("optimiser", &text), ELBOW_USAGE);
    expect_message("did you mean `optimizer`?");
}

static void test_nearest_name(void **state) {
    (void)state;
    static const char *const names[] = {"gumbel-softmax", "straight-through-gumbel", "relax", "rebar"};
    assert_string_equal(elbow_nearest_name("gumbel", names, 4), "gumbel-softmax");
    assert_string_equal(elbow_nearest_name("gumble-softmax", names, 4), "gumbel-softmax");
    assert_string_equal(elbow_nearest_name("relx", names, 4), "relax");
    assert_string_equal(elbow_nearest_name("rebra", names, 4), "rebar");
    assert_null(elbow_nearest_name("vimco", names, 4));
    assert_null(elbow_nearest_name("", names, 4));
    assert_null(elbow_nearest_name("x", names, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_accepts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failure_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dump_is_wrapped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_locale, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_number_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_set_and_blame, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_copy_and_compare, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_explain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nearest_name, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
