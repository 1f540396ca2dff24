/* The latents of examples in files: HDF5 and CSV say the same, codes are what the probabilities say, labels are the file's. */
#include "files.h"

#include <math.h>

#include "base/h5.h"
#include "elbow/train/encode.h"
#include "tools/small_data.h"

enum { ROWS = 300, K = 3 };

static double x[ROWS * 2];
static int32_t labels[ROWS];

static void write_data(void) {
    elbow_column columns[2] = {small_column(3, 0), small_column(0, 1)}, label = small_column(3, 0);
    char comma[] = "a,\"b\"", *words[] = {comma, label.words[1], label.words[2]};
    label.words = words;
    elbow_field field = small_table(columns, 2), label_field = small_table(&label, 1);
    for (size_t i = 0; i < ROWS; i++) {
        x[2 * i] = (double)(i % 3);
        x[2 * i + 1] = sin((double)i);
        labels[i] = (int32_t)(i % 3);
    }
    small_part part = {.field = &field, .values = {x, NULL, x}, .rows = {ROWS, 0, ROWS}};
    small_part y = {.field = &label_field, .labels = {labels, NULL, labels}, .rows = {ROWS, 0, ROWS}};
    OK(small_write(in_folder("data.h5"), &part, &y));
}

/* What elbow_model_open would give. */
static elbow_model as_model(const small_model *m, elbow_checkpoint *checkpoint) {
    static char file[] = "a checkpoint";
    checkpoint->step = 12;
    return (elbow_model){.options = m->options,
                         .checkpoint = checkpoint,
                         .vae = m->vae,
                         .parameters = m->parameters,
                         .file = file};
}

static void open_small(small_model *m, const char *latent, const char *posterior) {
    const char *settings[] = {"model.encoder=5", "model.decoder=4",        latent,
                              posterior,         "model.likelihood=table", NULL};
    OK(small_open(m, in_folder("data.h5"), settings, 3));
}

static void encode(const small_model *m, const char *name, bool draws) {
    elbow_checkpoint checkpoint = {0};
    elbow_model model = as_model(m, &checkpoint);
    OK(elbow_encode(&model, &m->view,
                    &(elbow_encode_request){.split = ELBOW_TEST, .draws = draws, .output = in_folder(name)}));
}

typedef struct encoded {
    int64_t codes[ROWS * 2], bits[ROWS * 3];
    float probabilities[ROWS * 2 * K], bit_probabilities[ROWS * 3], mean[ROWS * 2], sigma[ROWS * 2];
    uint16_t label[ROWS];
} encoded;

static void read_encoded(encoded *e, const char *name) {
    elbow_h5 *file = NULL;
    OK(elbow_h5_open(&file, in_folder(name)));
    OK(elbow_h5_read(file, "/latent.0/codes", ELBOW_H5_I64, ROWS * 2, true, e->codes));
    OK(elbow_h5_read(file, "/latent.0/probabilities", ELBOW_H5_F32, ROWS * 2 * K, true, e->probabilities));
    OK(elbow_h5_read(file, "/latent.1/codes", ELBOW_H5_I64, ROWS * 3, true, e->bits));
    OK(elbow_h5_read(file, "/latent.1/probabilities", ELBOW_H5_F32, ROWS * 3, true, e->bit_probabilities));
    OK(elbow_h5_read(file, "/latent.2/mean", ELBOW_H5_F32, ROWS * 2, true, e->mean));
    OK(elbow_h5_read(file, "/latent.2/sigma", ELBOW_H5_F32, ROWS * 2, true, e->sigma));
    OK(elbow_h5_read(file, "/label", ELBOW_H5_U16, ROWS, true, e->label));
    OK(elbow_h5_close(&file));
}

static const char mixed[] = "model.latent=categorical 2x3, bernoulli 3, gaussian 2";

static void codes_are_the_most_probable(void **state) {
    static encoded e;
    small_model m;
    char text[64];
    (void)state;
    write_data();
    open_small(&m, mixed, "model.posterior=factorised");
    encode(&m, "codes.h5", false);
    read_encoded(&e, "codes.h5");
    size_t used[K] = {0};
    for (size_t v = 0; v < ROWS * 2; v++) {
        const float *p = e.probabilities + v * K;
        assert_true(fabs((double)p[0] + (double)p[1] + (double)p[2] - 1) < 1e-5);
        for (size_t k = 0; k < K; k++) assert_true(p[e.codes[v]] >= p[k]);
        used[e.codes[v]]++;
        assert_true(e.sigma[v] > 0);
    }
    for (size_t k = 0; k < K; k++) assert_true(used[k] > 0);
    for (size_t v = 0; v < ROWS * 3; v++) assert_int_equal(e.bits[v], e.bit_probabilities[v] > 0.5F);
    for (size_t i = 0; i < ROWS; i++) assert_int_equal(e.label[i], labels[i]);

    /* What the model says of one example by itself. */
    elbow_pass pass = {.parameters = m.parameters, .shard = ELBOW_SHARD_NONE, .purpose = "", .seed = 1};
    elbow_arena *arena = NULL;
    elbow_batch batch = {0};
    elbow_block_reader *reader = NULL;
    OK(elbow_arena_create(&arena));
    OK(elbow_batch_reserve(&batch, elbow_dataset_field(m.dataset, ELBOW_X), NULL, 1, arena));
    OK(elbow_block_reader_create(&reader, &m.view, ELBOW_TEST, 0, ROWS, 1, arena));
    elbow_block_reader_batch(reader, 299, 1, &batch);
    elbow_vae_encode(m.vae, &pass, &batch);
    for (size_t l = 0; l < 2; l++) {
        const real *q = elbow_vae_group(m.vae, 2).q + 2 * l;
        assert_true(fabs((double)q[0] - (double)e.mean[299 * 2 + l]) < 1e-4 * (1 + fabs((double)q[0])));
        assert_true(fabs(exp((double)q[1]) / (double)e.sigma[299 * 2 + l] - 1) < 1e-4);
    }
    elbow_arena_destroy(&arena);

    elbow_h5 *file = NULL;
    OK(elbow_h5_open(&file, in_folder("codes.h5")));
    OK(elbow_h5_get_text(file, "/latent.1", "kind", text, sizeof text));
    assert_string_equal(text, "bernoulli");
    OK(elbow_h5_get_text(file, "/label", "0", text, sizeof text));
    assert_string_equal(text, "a,\"b\"");
    OK(elbow_h5_close(&file));
    small_close(&m);
}

static void csv_says_the_same(void **state) {
    static encoded e;
    small_model m;
    char line[512];
    (void)state;
    write_data();
    open_small(&m, mixed, "model.posterior=factorised");
    encode(&m, "codes.h5", false);
    encode(&m, "codes.csv", false);
    read_encoded(&e, "codes.h5");
    FILE *file = fopen(in_folder("codes.csv"), "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(
        line, "index,label,latent.0.0,latent.0.1,latent.1.0,latent.1.1,latent.1.2,latent.2.0,latent.2.1\n");
    for (size_t i = 0; i < ROWS; i++) {
        static const char *const words[] = {"\"a,\"\"b\"\"\"", "b", "c"};
        char expected[512];
        assert_non_null(fgets(line, sizeof line, file));
        snprintf(expected, sizeof expected, "%zu,%s,%lld,%lld,%lld,%lld,%lld,%.9g,%.9g\n", i, words[i % 3],
                 (long long)e.codes[2 * i], (long long)e.codes[2 * i + 1], (long long)e.bits[3 * i],
                 (long long)e.bits[3 * i + 1], (long long)e.bits[3 * i + 2], (double)e.mean[2 * i],
                 (double)e.mean[2 * i + 1]);
        assert_string_equal(line, expected);
    }
    assert_null(fgets(line, sizeof line, file));
    fclose(file);
    assert_int_equal(count_files(test_folder), 3); /* nothing temporary stays */
    small_close(&m);
}

/* Draws follow the probabilities, and are the same again. */
static void draws_are_drawn(void **state) {
    static encoded e, again, most;
    small_model m;
    (void)state;
    write_data();
    open_small(&m, mixed, "model.posterior=factorised");
    assert_false(elbow_encode_conditional(m.vae));
    encode(&m, "draws.h5", true);
    encode(&m, "again.h5", true);
    encode(&m, "most.h5", false);
    read_encoded(&e, "draws.h5");
    read_encoded(&again, "again.h5");
    read_encoded(&most, "most.h5");
    assert_memory_equal(&e, &again, sizeof e);
    assert_memory_equal(e.probabilities, most.probabilities, sizeof e.probabilities);
    assert_memory_not_equal(e.codes, most.codes, sizeof e.codes);
    double expected = 0, variance = 0, found = 0, squares = 0;
    for (size_t v = 0; v < ROWS * 3; v++) {
        double p = (double)e.bit_probabilities[v];
        expected += p;
        variance += p * (1 - p);
        found += (double)e.bits[v];
    }
    assert_true(fabs(found - expected) < 4 * sqrt(variance));
    for (size_t v = 0; v < ROWS * 2; v++)
        squares += pow(((double)e.mean[v] - (double)most.mean[v]) / (double)e.sigma[v], 2) / (ROWS * 2);
    assert_true(fabs(squares - 1) < 4 * sqrt(2.0 / (ROWS * 2)));
    small_close(&m);
}

static void a_sequential_posterior_is_given_its_draws(void **state) {
    static int64_t codes[ROWS * 2], drawn[ROWS * 2];
    static float probabilities[ROWS * 2 * K], of_drawn[ROWS * 2 * K];
    small_model m;
    elbow_h5 *file = NULL;
    (void)state;
    write_data();
    open_small(&m, "model.latent=categorical 2x3", "model.posterior=autoregressive");
    assert_true(elbow_encode_conditional(m.vae));
    encode(&m, "codes.h5", false);
    encode(&m, "draws.h5", true);
    OK(elbow_h5_open(&file, in_folder("codes.h5")));
    OK(elbow_h5_read(file, "/latent.0/codes", ELBOW_H5_I64, ROWS * 2, true, codes));
    OK(elbow_h5_read(file, "/latent.0/probabilities", ELBOW_H5_F32, ROWS * 2 * K, true, probabilities));
    OK(elbow_h5_close(&file));
    OK(elbow_h5_open(&file, in_folder("draws.h5")));
    OK(elbow_h5_read(file, "/latent.0/codes", ELBOW_H5_I64, ROWS * 2, true, drawn));
    OK(elbow_h5_read(file, "/latent.0/probabilities", ELBOW_H5_F32, ROWS * 2 * K, true, of_drawn));
    OK(elbow_h5_close(&file));
    assert_memory_equal(probabilities, of_drawn, sizeof probabilities); /* the same draws beneath */
    for (size_t v = 0; v < ROWS * 2; v++) {
        assert_true(codes[v] >= 0 && codes[v] < K && drawn[v] >= 0 && drawn[v] < K);
        for (size_t k = 0; k < K; k++)
            assert_true(probabilities[v * K + (size_t)codes[v]] >= probabilities[v * K + k]);
    }
    small_close(&m);
}

static void failures_leave_nothing(void **state) {
    small_model m;
    elbow_checkpoint checkpoint = {0};
    (void)state;
    write_data();
    open_small(&m, "model.latent=categorical 2x3", "model.posterior=factorised");
    elbow_model model = as_model(&m, &checkpoint);
    elbow_encode_request request = {.split = ELBOW_VALID, .output = in_folder("codes.csv")};
    FAILS(elbow_encode(&model, &m.view, &request), ELBOW_USAGE, "no valid split");
    request = (elbow_encode_request){.split = ELBOW_TEST, .output = in_folder("nowhere/codes.csv")};
    FAILS(elbow_encode(&model, &m.view, &request), ELBOW_IO, "directory");
    request.output = in_folder("nowhere/codes.h5");
    FAILS(elbow_encode(&model, &m.view, &request), ELBOW_IO, "directory");
    limit_files(1024); /* a full disk */
    request.output = in_folder("codes.h5");
    FAILS(elbow_encode(&model, &m.view, &request), ELBOW_IO, "codes.h5");
    request.output = in_folder("codes.csv");
    FAILS(elbow_encode(&model, &m.view, &request), ELBOW_IO, "codes.csv");
    limit_files(RLIM_INFINITY);
    assert_int_equal(count_files(test_folder), 1);
    small_close(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(codes_are_the_most_probable, empty_test_folder),
        cmocka_unit_test_teardown(csv_says_the_same, empty_test_folder),
        cmocka_unit_test_teardown(draws_are_drawn, empty_test_folder),
        cmocka_unit_test_teardown(a_sequential_posterior_is_given_its_draws, empty_test_folder),
        cmocka_unit_test_teardown(failures_leave_nothing, empty_test_folder),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
