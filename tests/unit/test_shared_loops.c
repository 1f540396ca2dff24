/* The loops that a team shares have the same bits on 1, 2, 3 and 5 threads, and on none: dense layers, likelihoods,
 * optimizers. Sizes are such that every thread of the largest team has a part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/team.h"
#include "data/pack.h"
#include "elbow/optim/optimizer.h"
#include "nn/dense.h"
#include "unit/numbers.h"
#include "vae/likelihood.h"

static const int sizes[] = {0, 1, 2, 3, 5}; /* 0: no team */
enum { TEAMS = sizeof sizes / sizeof *sizes, ROWS = 401, IN = 3, OUT = 1500 };

static elbow_team *make_team(int threads) {
    elbow_team *team = NULL;
    if (threads > 0) assert_int_equal(elbow_team_create(&team, threads), ELBOW_OK);
    return team;
}

/* Forward and back through a dense layer with that activation; its outputs one after another. */
static void dense_pass(const char *name, elbow_team *team, real *y, real *dy, real *gradients) {
    elbow_params params = {0};
    elbow_dense dense;
    elbow_arena *arena = NULL;
    const elbow_activation *f = NULL;
    assert_int_equal(elbow_activation_find(name, &f), ELBOW_OK);
    assert_int_equal(elbow_arena_create(&arena), ELBOW_OK);
    assert_int_equal(elbow_dense_create(&dense, "d", IN, OUT, f, &params), ELBOW_OK);
    assert_int_equal(elbow_dense_reserve(&dense, ROWS, arena), ELBOW_OK);
    const real *theta = hold_reals("test.theta", params.size, -1, 1),
               *x = hold_reals("test.x", ROWS * IN, -1, 1);
    elbow_pass pass = {.parameters = theta, .gradients = gradients, .purpose = "", .team = team};
    elbow_dense_forward(&dense, &pass, y, x, ROWS);
    elbow_dense_backward(&dense, &pass, NULL, dy, y, x, ROWS);
    elbow_arena_destroy(&arena);
    elbow_params_destroy(&params);
}

static void dense_layers(void **state) {
    (void)state;
    static const char *const names[] = {"linear", "relu", "tanh", "gelu"};
    const size_t n = ROWS * OUT, g = (IN + 1) * OUT + 64;
    for (size_t a = 0; a < sizeof names / sizeof *names; a++) {
        real *first[3] = {NULL};
        for (size_t t = 0; t < TEAMS; t++) {
            real *got[3] = {hold_reals("test.y", n, 0, 0), hold_reals("test.dy", n, -1, 1),
                            hold_reals("test.g", g, 0, 0)};
            elbow_team *team = make_team(sizes[t]);
            dense_pass(names[a], team, got[0], got[1], got[2]);
            elbow_team_destroy(&team);
            if (t == 0) memcpy(first, got, sizeof first);
            assert_memory_equal(got[0], first[0], n * sizeof(real));
            assert_memory_equal(got[1], first[1], n * sizeof(real));
            assert_memory_equal(got[2], first[2], g * sizeof(real));
        }
        release_held();
    }
}

static void update_pass(const char *name) {
    const size_t n = 7 * 65536 + 12345;
    elbow_options *options = NULL;
    real *first = NULL;
    char text[64];
    snprintf(text, sizeof text, "optimizer.name=%s", name);
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    assert_int_equal(elbow_options_set(options, text), ELBOW_OK);
    const real *gradient = hold_reals("test.gradient", n, -1, 1);
    real *spent = hold_copy(gradient, n * sizeof *spent, 0);
    for (size_t t = 0; t < TEAMS; t++) {
        elbow_optimizer *optimizer = NULL;
        elbow_team *team = make_team(sizes[t]);
        real *theta = hold_reals("test.theta", n, -1, 1);
        assert_int_equal(elbow_optimizer_create(&optimizer, options, 0, n), ELBOW_OK);
        elbow_optimizer_share(optimizer, team);
        for (int step = 1; step <= 3; step++) { /* each leaves zeros */
            memcpy(spent, gradient, n * sizeof *spent);
            elbow_optimizer_step(optimizer, step, 1e-2, (real)0.5, spent, theta);
        }
        if (t == 0) first = theta;
        assert_memory_equal(theta, first, n * sizeof(real));
        elbow_optimizer_destroy(&optimizer);
        elbow_team_destroy(&team);
    }
    elbow_options_destroy(&options);
    release_held();
}

static void optimizers(void **state) {
    (void)state;
    update_pass("adam");
    update_pass("radam");
    update_pass("sgd");
}

/* log p and what goes back to the features, two draws of each example. */
static void likelihood_pass(const char *name, const elbow_field *field, elbow_team *team, real *log_px,
                            real *back) {
    enum { BATCH = 101, DRAWS = 2 * BATCH, FEATURES = 8 };
    elbow_options *options = NULL;
    elbow_likelihood likelihood = {0};
    elbow_params params = {0};
    elbow_arena *arena = NULL;
    elbow_values values;
    const elbow_shape shape = elbow_shape_flat(FEATURES);
    char text[64];
    snprintf(text, sizeof text, "model.likelihood=%s", name);
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    assert_int_equal(elbow_options_set(options, text), ELBOW_OK);
    assert_int_equal(elbow_arena_create(&arena), ELBOW_OK);
    assert_int_equal(elbow_likelihood_create(&likelihood, options, &shape, field, &params), ELBOW_OK);
    assert_int_equal(likelihood.ops->reserve(&likelihood, DRAWS, true, arena), ELBOW_OK);
    assert_int_equal(elbow_values_reserve(&values, field, BATCH, arena), ELBOW_OK);
    const real *x = hold_reals("test.x", BATCH * field->dimensions, 0, field->kind == ELBOW_TABLE ? 12 : 1);
    for (size_t i = 0; i < BATCH * field->dimensions; i++)
        values.reals[i] = field->kind == ELBOW_TABLE ? (real)(int)x[i] : x[i];
    const real *theta = hold_reals("test.theta", params.size, -1, 1);
    const real *features = hold_reals("test.features", DRAWS * FEATURES, -1, 1);
    const real *weights = hold_reals("test.weights", DRAWS, 0, 1);
    elbow_pass pass = {.parameters = theta, .purpose = "", .team = team};
    pass.gradients = hold_reals("test.gradients", params.size, 0, 0);
    likelihood.ops->forward(&likelihood, &pass, log_px, features, &values, DRAWS, BATCH);
    likelihood.ops->backward(&likelihood, &pass, back, weights, features, DRAWS);
    elbow_likelihood_destroy(&likelihood);
    elbow_params_destroy(&params);
    elbow_options_destroy(&options);
    elbow_arena_destroy(&arena);
}

static void check_likelihood(const char *name, const elbow_field *field) {
    real *first[2] = {NULL};
    for (size_t t = 0; t < TEAMS; t++) {
        real *got[2] = {hold_reals("test.log_px", 202, 0, 0), hold_reals("test.back", 202 * 8, 0, 0)};
        elbow_team *team = make_team(sizes[t]);
        likelihood_pass(name, field, team, got[0], got[1]);
        elbow_team_destroy(&team);
        if (t == 0) memcpy(first, got, sizeof first);
        assert_memory_equal(got[0], first[0], 202 * sizeof(real));
        assert_memory_equal(got[1], first[1], 202 * 8 * sizeof(real));
    }
    release_held();
}

static void likelihoods(void **state) {
    (void)state;
    const elbow_field image = {
        .kind = ELBOW_IMAGE, .height = 28, .width = 28, .channels = 1, .dimensions = 784, .maximum = 255};
    char *words[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
    elbow_column columns[40];
    for (size_t c = 0; c < 40; c++)
        columns[c] = (elbow_column){.name = "c", .cardinality = 12, .words = words};
    const elbow_field table = {.kind = ELBOW_TABLE, .dimensions = 40, .columns = columns};
    check_likelihood("bernoulli", &image);
    check_likelihood("categorical", &table);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(dense_layers), cmocka_unit_test(optimizers),
                                       cmocka_unit_test(likelihoods)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
