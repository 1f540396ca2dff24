/* Checkpoints that say whether they are healthy, name the one before, and are read back before they count. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "checkpoints.h"
#include "store/checkpoint_layout.h"

static void check_health(elbow_checkpoint *c, const char *what) {
    elbow_checkpoint *read = NULL;
    elbow_written written;
    char digest[33];
    bool healthy = what != NULL, expected = what == NULL;
    c->healthy = !expected; /* what the caller says does not count */
    assert_int_equal(elbow_checkpoint_save(c, path, true, &written), ELBOW_OK);
    assert_true(written.healthy == expected);
    assert_string_equal(written.unhealthy, what ? what : "");
    if (elbow_checkpoint_read(&read, path) != ELBOW_OK) fail_msg("%s", elbow_error_message());
    assert_true((read->healthy == 1) == expected);
    assert_int_equal(elbow_checkpoint_glance(path, &healthy), ELBOW_OK);
    assert_true(healthy == expected);
    elbow_checkpoint_digest(c, digest);
    assert_string_equal(written.digest, digest);
    assert_string_equal(read->digest, digest);
    elbow_checkpoint_destroy(&read);
    elbow_checkpoint_destroy(&c);
}

static void knows_what_is_not_finite(void **state) {
    (void)state;
    check_health(make(false), NULL);
    elbow_checkpoint *c = make(false);
    c->best = INFINITY; /* before the first evaluation */
    check_health(c, NULL);
    c = make(false);
    c->parameters[c->layout->tensors[1].offset + 6] = (real)INFINITY;
    check_health(c, "/model/encoder.0.bias");
    c = make(false);
    c->slot_values[1][c->layout->tensors[3].offset] = (real)NAN;
    check_health(c, "/optimizer/adam/second_moment/decoder.1.scale");
    c = make(false);
    c->metrics->partial[3] = NAN; /* objective */
    check_health(c, "the training loss");
    c = make(false);
    c->metrics->train.values[4][2] = -INFINITY; /* elbo, the last row */
    check_health(c, "the last row of the training metrics");
    c = make(false);
    c->metrics->train.values[4][1] = NAN; /* an older row: it was got over */
    check_health(c, NULL);
}

static void the_chain_is_sealed(void **state) {
    (void)state;
    elbow_checkpoint *c = make(false), *read = NULL;
    char digest[33], seal[33], other[33];
    c->previous_step = 1100;
    strcpy(c->previous_digest, "00112233445566778899aabbccddeeff");
    assert_int_equal(elbow_checkpoint_write(c, path), ELBOW_OK);
    assert_int_equal(elbow_checkpoint_read(&read, path), ELBOW_OK);
    assert_int_equal(read->previous_step, 1100);
    assert_string_equal(read->previous_digest, c->previous_digest);
    elbow_checkpoint_hash(read, 3, digest, seal);
    read->previous_step++;
    elbow_checkpoint_hash(read, 3, digest, other);
    assert_string_not_equal(seal, other);
    elbow_checkpoint_hash(read, 2, digest, seal);
    read->healthy = 0;
    elbow_checkpoint_hash(read, 2, digest, other);
    assert_string_equal(seal, other);
    elbow_checkpoint_destroy(&read);
    elbow_checkpoint_destroy(&c);
}

/* A disk that returns something else: the writing has failed, nothing of it stays, and the file that was there is as it was. */
static void a_bad_disk_is_found(void **state) {
    (void)state;
    elbow_checkpoint *c = make(false), *read = NULL;
    elbow_written written;
    char step[32];
    assert_int_equal(elbow_checkpoint_save(c, path, true, &written), ELBOW_OK);
    snprintf(step, sizeof step, "%lld", (long long)c->step);
    setenv("ELBOW_TEST_WRITE_FLIP", step, 1);
    c->parameters[0] = 5;
    assert_int_equal(elbow_checkpoint_save(c, path, true, &written), ELBOW_IO);
    unsetenv("ELBOW_TEST_WRITE_FLIP");
    assert_non_null(strstr(elbow_error_message(), path));
    assert_non_null(strstr(elbow_error_message(), "what was read back is not what was written"));
    assert_int_equal(elbow_checkpoint_read(&read, path), ELBOW_OK);
    assert_true(read->parameters[0] != 5);
    elbow_checkpoint_destroy(&read);
    char temporary[512];
    assert_int_equal(elbow_file_temporary(path, temporary, sizeof temporary), ELBOW_OK);
    assert_false(elbow_file_exists(temporary));
    elbow_checkpoint_destroy(&c);
}

/* Whatever differs is found, also what the file's own checksums agree with. */
static void a_comparison_finds_every_difference(void **state) {
    (void)state;
    elbow_checkpoint *c = make(false), *file = NULL;
    char digest[33], seal[33];
    assert_int_equal(elbow_checkpoint_write(c, path), ELBOW_OK);
    assert_int_equal(elbow_checkpoint_read(&file, path), ELBOW_OK);
    elbow_checkpoint_hash(file, 3, digest, seal);
    assert_int_equal(elbow_checkpoint_read_back(file, seal, path), ELBOW_OK);
    assert_int_equal(elbow_checkpoint_read_back(file, digest, path), ELBOW_IO);
#define FINDS(change, back, name)                                                                            \
    do {                                                                                                     \
        change;                                                                                              \
        assert_int_equal(elbow_checkpoint_read_back(file, seal, path), ELBOW_IO);                            \
        if (!strstr(elbow_error_message(), name)) fail_msg("%s", elbow_error_message());                     \
        back;                                                                                                \
    } while (0)
    const elbow_tensor *t = elbow_params_find(file->layout, "decoder.1.scale");
    FINDS(file->parameters[t->offset]++, file->parameters[t->offset]--, "/model/decoder.1.scale");
    FINDS(file->slot_values[1][0]++, file->slot_values[1][0]--, "/optimizer/adam/second_moment/");
    FINDS(file->step++, file->step--, "an attribute of /run");
    FINDS(file->facts.blas[0]++, file->facts.blas[0]--, "an attribute of /run");
    FINDS(file->config[1]++, file->config[1]--, "/config");
    FINDS(file->field[1]++, file->field[1]--, "/field");
    FINDS(file->context[1]++, file->context[1]--, "/context");
    FINDS(file->metrics->train.rows--, file->metrics->train.rows++, "/metrics");
    assert_int_equal(elbow_checkpoint_read_back(file, seal, path), ELBOW_OK);
    elbow_checkpoint_destroy(&file);
    elbow_checkpoint_destroy(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_is_not_finite),
        cmocka_unit_test(the_chain_is_sealed),
        cmocka_unit_test(a_bad_disk_is_found),
        cmocka_unit_test(a_comparison_finds_every_difference),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
