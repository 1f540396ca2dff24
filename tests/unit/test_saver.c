/* Checkpoints written behind: whole, from copies, with HDF5 free meanwhile; and what failed is told where it is asked. */
#include <time.h>

#include "files.h" /* first: its `path` is another */

#include "base/file.h"
#include "checkpoints.h"
#include "store/saver.h"

static char run[256];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void make_run(const char *name, bool checkpoints) {
    char below[300];
    snprintf(run, sizeof run, "%s/%s", directory, name);
    snprintf(below, sizeof below, "%s/%s", run, checkpoints ? "checkpoints" : "");
    assert_int_equal(elbow_directory_make(below, true), ELBOW_OK);
}

static const char *in_run(const char *name) {
    static char file[512];
    snprintf(file, sizeof file, "%s/%s", run, name);
    return file;
}

/* The snapshot becomes what `c` is. */
static void fill(elbow_saver *saver, const elbow_checkpoint *c, int64_t step, bool copies) {
    assert_int_equal(elbow_saver_reserve(saver, c->slots, copies), ELBOW_OK);
    elbow_checkpoint *snapshot = elbow_saver_snapshot(saver);
    size_t bytes = c->layout->size * sizeof(real);
    snapshot->step = step;
    snapshot->slots = c->slots;
    memcpy(snapshot->optimizer, c->optimizer, sizeof c->optimizer);
    memcpy(snapshot->slot_names, c->slot_names, sizeof c->slot_names);
    for (size_t s = 0; s < c->slots; s++) memcpy(snapshot->slot_values[s], c->slot_values[s], bytes);
    snapshot->config = strdup(c->config);
    snapshot->field = strdup(c->field);
    if (copies) {
        memcpy(snapshot->parameters, c->parameters, bytes);
        assert_int_equal(elbow_metrics_copy(snapshot->metrics, c->metrics), ELBOW_OK);
    } else {
        assert_null(snapshot->metrics);
        snapshot->parameters = c->parameters;
        snapshot->metrics = c->metrics;
    }
}

static void begin(elbow_saver *saver, bool best, int64_t keep, bool behind) {
    elbow_saver_start(saver,
                      &(elbow_saver_request){.best = best, .verify = true, .keep = keep, .behind = behind});
}

static void check_file(const char *name, elbow_checkpoint *c, int64_t step) {
    char expected[33], found[33];
    elbow_checkpoint *read = NULL;
    if (elbow_checkpoint_read(&read, in_run(name)) != ELBOW_OK) fail_msg("%s", elbow_error_message());
    c->step = step;
    elbow_checkpoint_digest(c, expected);
    elbow_checkpoint_digest(read, found);
    assert_string_equal(found, expected);
    assert_int_equal(read->metrics->train.rows, c->metrics->train.rows);
    assert_true(read->metrics->since_elbo == c->metrics->since_elbo);
    elbow_checkpoint_destroy(&read);
}

static void writes_behind(void **state) {
    elbow_checkpoint *c = make(false);
    elbow_saver *saver = NULL;
    (void)state;
    make_run("behind", true);
    assert_int_equal(elbow_saver_create(&saver, run, c->layout), ELBOW_OK);
    assert_false(elbow_saver_busy(saver));
    assert_false(elbow_saver_done(saver));
    setenv("ELBOW_TEST_WRITE_SECONDS", "0.3", 1);
    fill(saver, c, 7, true);
    double began = now();
    begin(saver, true, 2, true);
    real first = c->parameters[0];
    c->parameters[0] = 77; /* training goes on */
    assert_true(elbow_saver_busy(saver));
    assert_int_equal(elbow_metrics_write(c->metrics, in_run("others.h5")), ELBOW_OK); /* and may use HDF5 */
    assert_true(now() - began >= 0.3 || !elbow_saver_done(saver));
    const elbow_saved *saved = elbow_saver_wait(saver);
    unsetenv("ELBOW_TEST_WRITE_SECONDS");
    assert_int_equal(saved->status, ELBOW_OK);
    assert_int_equal(saved->warnings, 0);
    assert_true(saved->best && saved->seconds >= 0.3);
    assert_false(elbow_saver_busy(saver));
    c->parameters[0] = first;
    check_file("checkpoints/step-000000007.h5", c, 7);
    check_file("checkpoints/best.h5", c, 7);
    assert_true(elbow_file_exists(in_run("metrics.h5")));

    /* The same room again, and what is too old goes. */
    real *room = elbow_saver_snapshot(saver)->parameters;
    for (int64_t step = 8; step < 11; step++) {
        fill(saver, c, step, true);
        assert_ptr_equal(elbow_saver_snapshot(saver)->parameters, room);
        begin(saver, false, 2, true);
        assert_int_equal(elbow_saver_wait(saver)->status, ELBOW_OK);
    }
    check_file("checkpoints/best.h5", c, 7);
    assert_false(elbow_file_exists(in_run("checkpoints/step-000000008.h5")));
    check_file("checkpoints/step-000000010.h5", c, 10);
    elbow_saver_destroy(&saver);
    elbow_checkpoint_destroy(&c);
}

/* Without a thread, and without copies; and one that is destroyed has finished. */
static void writes_at_once(void **state) {
    elbow_checkpoint *c = make(false);
    elbow_saver *saver = NULL;
    (void)state;
    make_run("once", true);
    assert_int_equal(elbow_saver_create(&saver, run, c->layout), ELBOW_OK);
    fill(saver, c, 3, false);
    begin(saver, false, 2, false);
    assert_true(elbow_saver_done(saver));
    assert_int_equal(elbow_saver_wait(saver)->status, ELBOW_OK);
    check_file("checkpoints/step-000000003.h5", c, 3);
    assert_false(elbow_file_exists(in_run("checkpoints/best.h5")));
    fill(saver, c, 4, true);
    begin(saver, false, 2, true);
    elbow_saver_destroy(&saver);
    assert_null(saver);
    check_file("checkpoints/step-000000004.h5", c, 4);
    elbow_checkpoint_destroy(&c);
}

static void tells_what_failed(void **state) {
    elbow_checkpoint *c = make(false);
    elbow_saver *saver = NULL;
    (void)state;
    make_run("failing", false);
    assert_int_equal(elbow_saver_create(&saver, run, c->layout), ELBOW_OK);
    fill(saver, c, 5, true);
    begin(saver, true, 2, true);
    const elbow_saved *saved = elbow_saver_wait(saver);
    assert_int_equal(saved->status, ELBOW_IO);
    assert_non_null(strstr(saved->message, "step-000000005.h5: its directory does not exist"));
    assert_false(saved->best);

    make_run("failing", true);
    fill(saver, c, 6, true);
    begin(saver, false, 2, true);
    assert_int_equal(elbow_saver_wait(saver)->status, ELBOW_OK);
    limit_files(3000);
    fill(saver, c, 7, true);
    begin(saver, true, 2, true);
    saved = elbow_saver_wait(saver);
    limit_files(RLIM_INFINITY);
    assert_int_equal(saved->status, ELBOW_IO);
    assert_non_null(strstr(saved->message, "step-000000007.h5: larger than a file may be"));
    assert_false(saved->best || elbow_file_exists(in_run("checkpoints/step-000000007.h5")));
    check_file("checkpoints/step-000000006.h5", c, 6);

    /* The checkpoint alone decides. */
    assert_int_equal(elbow_directory_make(in_run("checkpoints/best.h5/full"), true), ELBOW_OK);
    fill(saver, c, 8, true);
    begin(saver, true, 2, true);
    saved = elbow_saver_wait(saver);
    assert_int_equal(saved->status, ELBOW_OK);
    assert_false(saved->best);
    assert_int_equal(saved->warnings, 1);
    assert_non_null(strstr(saved->warning[0], "best.h5 stays as it was: "));
    elbow_saver_destroy(&saver);
    elbow_checkpoint_destroy(&c);
}

/* What is not finite is written under protest, never becomes the best, and never costs the last one that is. */
static void protests(void **state) {
    elbow_checkpoint *c = make(false);
    elbow_saver *saver = NULL;
    char digest[33];
    (void)state;
    make_run("protest", true);
    assert_int_equal(elbow_saver_create(&saver, run, c->layout), ELBOW_OK);
    fill(saver, c, 1, true);
    begin(saver, true, 1, true);
    const elbow_saved *saved = elbow_saver_wait(saver);
    assert_true(saved->best && saved->written.healthy && saved->metrics);
    c->step = 1;
    elbow_checkpoint_digest(c, digest);
    assert_string_equal(saved->written.digest, digest);
    for (int64_t step = 2; step < 4; step++) {
        fill(saver, c, step, true);
        elbow_saver_snapshot(saver)->parameters[1] = (real)NAN;
        begin(saver, true, 1, true);
        saved = elbow_saver_wait(saver);
        assert_int_equal(saved->status, ELBOW_OK);
        assert_false(saved->best || saved->written.healthy);
        assert_int_equal(saved->warnings, 1);
        assert_non_null(strstr(saved->warning[0], "is not healthy: /model/encoder.0.weight is not finite"));
        assert_non_null(strstr(saved->warning[0], "best.h5 stays"));
    }
    check_file("checkpoints/best.h5", c, 1);
    check_file("checkpoints/step-000000001.h5", c, 1);
    assert_false(elbow_file_exists(in_run("checkpoints/step-000000002.h5")));
    assert_true(elbow_file_exists(in_run("checkpoints/step-000000003.h5")));

    /* With one kept, the old one goes only when the new one has read back as it was written. */
    setenv("ELBOW_TEST_WRITE_FLIP", "4", 1);
    fill(saver, c, 4, true);
    begin(saver, true, 1, true);
    saved = elbow_saver_wait(saver);
    unsetenv("ELBOW_TEST_WRITE_FLIP");
    assert_int_equal(saved->status, ELBOW_IO);
    assert_non_null(strstr(saved->message, "step-000000004.h5: what was read back is not what was written"));
    assert_false(saved->best || elbow_file_exists(in_run("checkpoints/step-000000004.h5")));
    check_file("checkpoints/step-000000001.h5", c, 1);
    fill(saver, c, 5, true);
    begin(saver, true, 1, true);
    assert_int_equal(elbow_saver_wait(saver)->status, ELBOW_OK);
    check_file("checkpoints/step-000000005.h5", c, 5);
    check_file("checkpoints/best.h5", c, 5);
    assert_false(elbow_file_exists(in_run("checkpoints/step-000000001.h5")));
    elbow_saver_destroy(&saver);
    elbow_checkpoint_destroy(&c);
}

/* Tensors larger than a piece: by rows, the last piece short; and rows larger than one. */
static void writes_large_tensors(void **state) {
    static const size_t shapes[][2] = {{1300, 2000}, {2, 2200000}};
    elbow_checkpoint *c = make(false);
    (void)state;
    make_run("large", true);
    elbow_params layout = {0};
    for (size_t t = 0; t < 2; t++) {
        size_t offset = 0;
        const char *const names[] = {"many.rows", "long.rows"};
        assert_int_equal(elbow_params_declare(&layout, names[t], 2, shapes[t], 0.1, &offset), ELBOW_OK);
    }
    elbow_checkpoint large = {.step = 9, .layout = &layout, .optimizer = "none", .metrics = c->metrics};
    large.parameters = calloc(layout.size, sizeof(real));
    assert_non_null(large.parameters);
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; i < layout.tensors[t].count; i++)
            large.parameters[layout.tensors[t].offset + i] = (real)(i % 8191) + (real)t;
    elbow_written written;
    assert_int_equal(elbow_checkpoint_save(&large, in_run("checkpoints/step-000000009.h5"), true, &written),
                     ELBOW_OK);
    check_file("checkpoints/step-000000009.h5", &large, 9);
    setenv("ELBOW_TEST_WRITE_FLIP", "9", 1);
    assert_int_equal(elbow_checkpoint_save(&large, in_run("checkpoints/step-000000010.h5"), true, &written),
                     ELBOW_IO);
    unsetenv("ELBOW_TEST_WRITE_FLIP");
    assert_non_null(strstr(elbow_error_message(), "/model/"));
    free(large.parameters);
    elbow_params_destroy(&layout);
    elbow_checkpoint_destroy(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_behind),        cmocka_unit_test(writes_at_once),
        cmocka_unit_test(tells_what_failed),    cmocka_unit_test(protests),
        cmocka_unit_test(writes_large_tensors),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
