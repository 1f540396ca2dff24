/* A model used on data that are not those it was made for: columns with gaps in one and none in the other, grey pixels. */
#include "files.h"

#include <math.h>

#include "elbow/train/make.h"
#include "elbow/train/model.h"
#include "tools/small_data.h"
#include "train/blocks.h"

enum { ROWS = 40, D = 3, GIVEN = 2, Q = 6 };

static elbow_model as_model(const small_model *m, elbow_checkpoint *checkpoint) {
    return (elbow_model){
        .options = m->options, .checkpoint = checkpoint, .vae = m->vae, .parameters = m->parameters};
}

/* With gaps in the training split alone: the test split is the same in both files. */
static void write_tables(const char *name, bool gaps) {
    static double x[2][ROWS * D], given[2][ROWS * GIVEN];
    elbow_writer *writer = NULL;
    elbow_column columns[D] = {small_column(3, 0), small_column(0, 1), small_column(2, 0)},
                 given_columns[GIVEN] = {small_column(0, 1), small_column(3, 0)};
    elbow_field field = small_table(columns, D), given_field = small_table(given_columns, GIVEN);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t train = 0; train < 2; train++) {
            bool gap = gaps && train && i % 5 == 0;
            x[train][i * D] = gap ? NAN : (double)(i % 3);
            x[train][i * D + 1] = gap ? NAN : sin((double)i);
            x[train][i * D + 2] = (double)(i % 2);
            given[train][i * GIVEN] = gap ? NAN : cos((double)i);
            given[train][i * GIVEN + 1] = (double)((i / 2) % 3);
        }
    OK(elbow_writer_create(&writer, &(elbow_import_request){.output = in_folder(name)}));
    OK(elbow_writer_describe(writer, ELBOW_X, &field));
    OK(elbow_writer_describe(writer, ELBOW_CONTEXT, &given_field));
    for (int train = 0; train < 2; train++) {
        elbow_split split = train ? ELBOW_TRAIN : ELBOW_TEST;
        OK(elbow_writer_append_table(writer, split, ELBOW_X, x[train], ROWS));
        OK(elbow_writer_append_table(writer, split, ELBOW_CONTEXT, given[train], ROWS));
    }
    OK(elbow_writer_finish(&writer));
}

static void encode(real q[ROWS * Q], small_model *m, const elbow_view *view, elbow_split split) {
    elbow_world world = {.size = 1};
    elbow_blocks blocks;
    elbow_arena *arena = NULL;
    OK(elbow_arena_create(&arena));
    OK(elbow_blocks_create(&blocks, &world, view, m->vae, split, 1, arena));
    elbow_pass pass = elbow_blocks_pass(&blocks, m->parameters);
    assert_int_equal(elbow_blocks_read(&blocks, &pass, 0), ROWS);
    elbow_vae_encode(m->vae, &pass, &blocks.batch);
    memcpy(q, elbow_vae_group(m->vae, 0).q, ROWS * Q * sizeof *q);
    elbow_arena_destroy(&arena);
}

typedef struct seen {
    const elbow_field *x, *context;
} seen;

static elbow_status see(void *context, const elbow_batch *batch, size_t first) {
    seen *s = context;
    (void)first;
    s->x = batch->x.field, s->context = batch->context.field;
    return ELBOW_OK;
}

/* What is made of the test split, and of what its examples were given. */
static void make(real made[2 * ROWS * D], small_model *m, const elbow_view *view) {
    elbow_examples given, samples;
    elbow_encoded encoded;
    elbow_maker maker = {.vae = m->vae, .parameters = m->parameters, .seed = 1, .temperature = 1};
    OK(elbow_arena_create(&maker.arena));
    OK(elbow_make_reconstructions(&maker, view, ELBOW_TEST, 0, ROWS, &encoded));
    memcpy(made, encoded.made.reals, ROWS * D * sizeof *made);
    OK(elbow_make_given(&maker, view, ELBOW_TEST, ROWS, &given));
    OK(elbow_make_samples(&maker, &given, ROWS, &samples));
    memcpy(made + ROWS * D, samples.reals, ROWS * D * sizeof *made);
    elbow_arena_destroy(&maker.arena);
}

static void gaps_in_one(const char *own, const char *other, const char *encoder) {
    const char *settings[] = {encoder,
                              "model.decoder=4",
                              "model.latent=categorical 2x3",
                              "model.likelihood=table",
                              "data.context=context",
                              NULL};
    static real q[ROWS * Q], foreign_q[ROWS * Q], made[2 * ROWS * D], foreign_made[2 * ROWS * D];
    small_model m;
    elbow_checkpoint checkpoint = {0};
    elbow_dataset *foreign = NULL;
    elbow_view view;
    seen s = {0};
    OK(small_open(&m, in_folder(own), settings, 3));
    elbow_model model = as_model(&m, &checkpoint);
    OK(elbow_model_data(&foreign, &view, &model, in_folder(other)));

    encode(q, &m, &m.view, ELBOW_TEST);
    encode(foreign_q, &m, &view, ELBOW_TEST);
    assert_memory_equal(q, foreign_q, sizeof q);
    make(made, &m, &m.view);
    make(foreign_made, &m, &view);
    assert_memory_equal(made, foreign_made, sizeof made);
    OK(elbow_blocks_walk(&view, m.vae, ELBOW_TEST, ROWS, 1, see, &s));
    assert_ptr_equal(s.x, elbow_vae_field(m.vae));
    assert_ptr_equal(s.context, elbow_vae_context(m.vae));
    encode(foreign_q, &m, &view, ELBOW_TRAIN); /* gaps that the model has no columns for */
    for (size_t i = 0; i < ROWS * Q; i++) assert_true(isfinite((double)foreign_q[i]));

    elbow_dataset_close(&foreign);
    small_close(&m);
}

static void gaps(void **state) {
    static const char *const encoders[] = {"model.encoder=5", "model.encoder=embed 3 5"};
    (void)state;
    write_tables("whole.h5", false);
    write_tables("gaps.h5", true);
    for (size_t i = 0; i < 2; i++) {
        gaps_in_one("whole.h5", "gaps.h5", encoders[i]);
        gaps_in_one("gaps.h5", "whole.h5", encoders[i]);
    }
}

static void write_images(const char *name, uint8_t some) {
    uint8_t pixels[8 * 4];
    elbow_writer *writer = NULL;
    const elbow_field field = {.kind = ELBOW_IMAGE, .height = 2, .width = 2, .channels = 1, .dimensions = 4};
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = i % 3 == 0 ? 255 : i % 3 == 1 ? some : 0;
    OK(elbow_writer_create(&writer, &(elbow_import_request){.output = in_folder(name)}));
    OK(elbow_writer_describe(writer, ELBOW_X, &field));
    OK(elbow_writer_append_images(writer, ELBOW_TRAIN, ELBOW_X, pixels, 8));
    OK(elbow_writer_append_images(writer, ELBOW_TEST, ELBOW_X, pixels, 8));
    OK(elbow_writer_finish(&writer));
}

static elbow_status use(const char *own, const char *other, const char *binarize) {
    const char *settings[] = {"model.encoder=3", "model.decoder=3", "model.latent=categorical 1x2", binarize,
                              NULL};
    small_model m;
    elbow_checkpoint checkpoint = {0};
    elbow_dataset *foreign = NULL;
    elbow_view view;
    OK(small_open(&m, in_folder(own), settings, 1));
    elbow_model model = as_model(&m, &checkpoint);
    elbow_status status = elbow_model_data(&foreign, &view, &model, in_folder(other));
    elbow_dataset_close(&foreign);
    small_close(&m);
    return status;
}

static void grey_pixels(void **state) {
    (void)state;
    write_images("grey.h5", 100);
    write_images("binary.h5", 255);
    assert_int_equal(use("binary.h5", "grey.h5", "data.binarize=none"), ELBOW_MISMATCH);
    assert_non_null(strstr(elbow_error_message(), "data.binarize"));
    assert_non_null(strstr(elbow_error_message(), "grey.h5"));
    OK(use("binary.h5", "grey.h5", "data.binarize=threshold"));
    OK(use("grey.h5", "binary.h5", "data.binarize=none"));
    OK(use("grey.h5", "grey.h5", "data.binarize=none"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(gaps, empty_test_folder),
                                       cmocka_unit_test_teardown(grey_pixels, empty_test_folder)};
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
