/* The average of the parameters against a straightforward loop in double, whichever optimizer moves them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/team.h"
#include "elbow/optim/optimizer.h"
#include "unit/numbers.h"

enum { N = 173, MANY = 150000 }; /* no multiple of a vector; enough for two threads */

static elbow_optimizer *make(const char *name, double average, size_t begin, size_t end) {
    elbow_options *options = NULL;
    elbow_optimizer *optimizer = NULL;
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    assert_int_equal(elbow_options_set(options, name), ELBOW_OK);
    options->optimizer.average = average;
    assert_int_equal(elbow_optimizer_create(&optimizer, options, begin, end), ELBOW_OK);
    elbow_options_destroy(&options);
    return optimizer;
}

static real *average_of(elbow_optimizer *optimizer) {
    size_t last = elbow_optimizer_slots(optimizer) - 1;
    assert_string_equal(elbow_optimizer_slot_name(optimizer, last), "average");
    return elbow_optimizer_slot(optimizer, last);
}

/* Gradients that change their signs, so that weights wander. */
static void step(elbow_optimizer *optimizer, int64_t t, size_t n, real *theta) {
    real *g = hold_reals(t % 2 ? "test.odd" : "test.even", n, -1, 1);
    elbow_optimizer_step(optimizer, t, 1e-2, 1, g, theta);
    release_held();
}

static void against_a_loop(void **state) {
    (void)state;
    static const char *const names[] = {"optimizer.name=adam", "optimizer.name=radam", "optimizer.name=sgd"};
    static const double decays[] = {0.9, 0.999};
    for (size_t c = 0; c < 6; c++) {
        double decay = decays[c % 2], plain[N];
        elbow_optimizer *optimizer = make(names[c / 2], decay, 0, N);
        elbow_optimizer *alone = make(names[c / 2], 0, 0, N);
        real theta[N], other[N];
        memcpy(theta, hold_reals("test.theta", N, -1, 1), sizeof theta);
        memcpy(other, theta, sizeof theta);
        elbow_optimizer_average_begin(optimizer, theta);
        for (size_t i = 0; i < N; i++) plain[i] = (double)theta[i];
        for (int t = 1; t <= 300; t++) {
            step(optimizer, t, N, theta);
            step(alone, t, N, other);
            double rising = (1.0 + t) / (10.0 + t), d = rising < decay ? rising : decay;
            for (size_t i = 0; i < N; i++) plain[i] = d * plain[i] + (1 - d) * (double)theta[i];
        }
        assert_memory_equal(theta, other, sizeof theta); /* no step knows of it */
        const real *average = average_of(optimizer);
        for (size_t i = 0; i < N; i++)
            if (!(fabs((double)average[i] - plain[i]) <= 1e-6 * (1 + fabs(plain[i]))))
                fail_msg("%s, decay %g, %zu: %.9g, plainly %.9g", names[c / 2], decay, i, (double)average[i],
                         plain[i]);
        assert_true(fabs((double)theta[0] - plain[0]) > 1e-4); /* it is not the parameters themselves */
        elbow_optimizer_destroy(&optimizer);
        elbow_optimizer_destroy(&alone);
    }
}

/* Parts, threads: the same bits. */
static void parts_make_the_whole(void **state) {
    (void)state;
    const size_t cut = 70001;
    elbow_team *team = NULL;
    real *a = hold(MANY * sizeof *a, 0), *b = hold(MANY * sizeof *b, 0), *g = hold(MANY * sizeof *g, 0);
    assert_int_equal(elbow_team_create(&team, 2), ELBOW_OK);
    elbow_optimizer *whole = make("optimizer.name=sgd", 0.99, 0, MANY),
                    *left = make("optimizer.name=sgd", 0.99, 0, cut),
                    *right = make("optimizer.name=sgd", 0.99, cut, MANY);
    elbow_optimizer_share(whole, team);
    for (size_t i = 0; i < MANY; i++) a[i] = b[i] = (real)(sin((double)i));
    elbow_optimizer_average_begin(whole, a);
    elbow_optimizer_average_begin(left, b);
    elbow_optimizer_average_begin(right, b + cut);
    for (int t = 1; t <= 5; t++)
        for (int part = 0; part < 2; part++) {
            for (size_t i = 0; i < MANY; i++) g[i] = (real)cos((double)(i * (size_t)t));
            if (part == 0) elbow_optimizer_step(whole, t, 0.1, 1, g, a);
            if (part == 1) elbow_optimizer_step(left, t, 0.1, 1, g, b);
            if (part == 1) elbow_optimizer_step(right, t, 0.1, 1, g + cut, b + cut);
        }
    assert_memory_equal(average_of(whole), average_of(left), cut * sizeof *a);
    assert_memory_equal(average_of(whole) + cut, average_of(right), (MANY - cut) * sizeof *a);
    elbow_optimizer_destroy(&whole);
    elbow_optimizer_destroy(&left);
    elbow_optimizer_destroy(&right);
    elbow_team_destroy(&team);
    release_held();
}

/* Evaluation borrows: after two swaps all is as it was, and between them each is the other. */
static void swaps_and_back(void **state) {
    (void)state;
    elbow_optimizer *optimizer = make("optimizer.name=adam", 0.9, 40, 40 + N);
    real theta[N], kept[N], average[N];
    memcpy(theta, hold_reals("test.theta", N, -1, 1), sizeof theta);
    elbow_optimizer_average_begin(optimizer, theta);
    assert_memory_equal(average_of(optimizer), theta, sizeof theta);
    for (int t = 1; t <= 4; t++) step(optimizer, t, N, theta);
    memcpy(kept, theta, sizeof theta);
    memcpy(average, average_of(optimizer), sizeof average);
    elbow_optimizer_average_swap(optimizer, theta);
    assert_memory_equal(theta, average, sizeof theta);
    assert_memory_equal(average_of(optimizer), kept, sizeof theta);
    elbow_optimizer_average_swap(optimizer, theta);
    assert_memory_equal(theta, kept, sizeof theta);
    assert_memory_equal(average_of(optimizer), average, sizeof theta);
    elbow_optimizer_destroy(&optimizer);
    release_held();
}

static void none_where_none_is_wanted(void **state) {
    (void)state;
    elbow_optimizer *optimizer = make("optimizer.name=sgd", 0, 0, 4);
    real theta[4] = {1, 2, 3, 4};
    assert_int_equal(elbow_optimizer_slots(optimizer), 1);
    assert_false(elbow_optimizer_averages(optimizer));
    elbow_optimizer_average_begin(optimizer, theta);
    elbow_optimizer_average_swap(optimizer, theta);
    assert_true(theta[0] == 1 && theta[3] == 4 && elbow_optimizer_slot(optimizer, 0)[0] == 0);
    elbow_optimizer_destroy(&optimizer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_a_loop),
        cmocka_unit_test(parts_make_the_whole),
        cmocka_unit_test(swaps_and_back),
        cmocka_unit_test(none_where_none_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
