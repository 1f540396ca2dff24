/* The gradient noise scale: a toy whose noise is known, the window over a run's rows, and what is said of it. */
#include "train/noise.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "elbow/base/random.h"

enum { DIMENSIONS = 7, LEAVES = 5, STEPS = 4000 };

/* The gradients of ½|w − x|² at one w: −x is N(G, σ²) in each of 7 dimensions, so tr Σ is 7 σ². */
static const double gradient = 0.3, sigma = 2;

/* A standard normal. */
static double normal(uint64_t step, uint32_t example, uint32_t dimension) {
    uint32_t w[4];
    elbow_stream_block(elbow_stream_make(1, 0, "test.noise"), dimension, example, step, w);
    return sqrt(-2 * log(((double)w[0] + 0.5) * 0x1p-32)) * cos(8 * atan(1) * ((double)w[1] + 0.5) * 0x1p-32);
}

/* Leaves of unequal sizes, one of them empty. */
static elbow_noise toy_step(uint64_t step, const size_t *sizes) {
    double whole[DIMENSIONS] = {0}, of_sum = 0, of_leaves = 0, overlap = 0, examples = 0;
    uint32_t example = 0;
    for (int i = 0; i < LEAVES; i++) examples += (double)sizes[i];
    for (int i = 0; i < LEAVES; i++) {
        double leaf[DIMENSIONS] = {0};
        for (size_t e = 0; e < sizes[i]; e++, example++)
            for (uint32_t d = 0; d < DIMENSIONS; d++)
                leaf[d] += (gradient + sigma * normal(step, example, d)) / examples;
        for (int d = 0; d < DIMENSIONS; d++) of_leaves += leaf[d] * leaf[d], whole[d] += leaf[d];
        overlap += (double)(sizes[i] * sizes[i]) / (examples * examples);
    }
    for (int d = 0; d < DIMENSIONS; d++) of_sum += whole[d] * whole[d];
    return elbow_noise_of_step(of_sum, of_leaves, examples, overlap);
}

static void finds_the_noise_of_a_toy(void **state) {
    (void)state;
    static const size_t sizes[][LEAVES] = {{2, 2, 2, 2, 2}, {1, 9, 0, 3, 3}, {20, 1, 1, 1, 1}};
    for (size_t k = 0; k < 3; k++) {
        double sums[2] = {0}, squares[2] = {0};
        const double truth[2] = {DIMENSIONS * gradient * gradient, DIMENSIONS * sigma * sigma};
        for (uint64_t step = 0; step < STEPS; step++) {
            elbow_noise noise = toy_step(step, sizes[k]);
            const double values[2] = {noise.square, noise.trace};
            for (int v = 0; v < 2; v++) sums[v] += values[v], squares[v] += values[v] * values[v];
        }
        for (int v = 0; v < 2; v++) {
            double mean = sums[v] / STEPS, error = sqrt((squares[v] / STEPS - mean * mean) / STEPS);
            print_message("sizes %zu, %s: %.4f ± %.4f, truly %.4f\n", k, v ? "tr Σ" : "|G|²", mean, error,
                          truth[v]);
            assert_true(fabs(mean - truth[v]) < 4 * error && error < 0.2 * truth[v]);
        }
    }
}

static void says_when_it_cannot_know(void **state) {
    (void)state;
    assert_true(isnan(elbow_noise_of_step(1, 1, 100, 1).trace)); /* one leaf */
    assert_true(isnan(elbow_noise_of_step(1, (double)INFINITY, 100, 0.5).square));
    assert_true(isnan(elbow_noise_of_step((double)NAN, 1, 100, 0.5).trace));
    elbow_noise none = elbow_noise_of_step(4, 1, 100, 0.25); /* equal gradients in four leaves */
    assert_true(none.square == 4 && none.trace == 0);
}

static void append(elbow_table *train, double step, double square, double trace) {
    static const char *const names[] = {"step", "gradient_square", "gradient_noise"};
    double row[ELBOW_METRICS_COLUMNS] = {0};
    const double values[] = {step, square, trace};
    if (train->columns == 0) assert_int_equal(elbow_table_create(train, elbow_train_columns), ELBOW_OK);
    for (size_t c = 0; c < train->columns; c++)
        for (int n = 0; n < 3; n++)
            if (strcmp(train->names[c], names[n]) == 0) row[c] = values[n];
    assert_int_equal(elbow_table_append(train, row), ELBOW_OK);
}

/* 40 rows of 25 steps: the last ten count. */
static void windows_over_the_last_quarter(void **state) {
    (void)state;
    elbow_table train = {0};
    elbow_noise_scale scale;
    assert_false(elbow_noise_scale_of(&scale, &train));
    for (int r = 0; r < 40; r++) {
        double wobble = r % 2 ? 0.1 : -0.1;
        append(&train, 25 * (r + 1), r < 30 ? 50 : 2 + wobble, 2000);
    }
    assert_true(elbow_noise_scale_of(&scale, &train));
    assert_true(scale.from == 750 && scale.to == 1000);
    assert_true(fabs(scale.examples - 1000) < 1e-6);
    assert_true(scale.least < 990 && scale.least > 900 && scale.most > 1010 && scale.most < 1100);
    append(&train, 1010, (double)NAN, (double)NAN); /* a row that tells nothing has no weight */
    assert_true(elbow_noise_scale_of(&scale, &train) && fabs(scale.examples - 1000) < 15);
    elbow_table_destroy(&train);

    for (int r = 0; r < 2; r++) append(&train, r + 1, 1, 1);
    assert_false(elbow_noise_scale_of(&scale, &train)); /* too few */
    elbow_table_destroy(&train);
    for (int r = 0; r < 20; r++) append(&train, r + 1, r % 2 ? 1 : -1, 100); /* |G|² may be nought */
    assert_true(elbow_noise_scale_of(&scale, &train));
    assert_true(isinf(scale.most) && scale.least > 50 && scale.least < 1000);
    elbow_table_destroy(&train);
    for (int r = 0; r < 20; r++) append(&train, r + 1, (double)NAN, (double)NAN);
    assert_false(elbow_noise_scale_of(&scale, &train));
    elbow_table_destroy(&train);
}

static void expect(const elbow_noise_scale *scale, size_t batch, const char *optimizer, const char *words) {
    char text[1024];
    elbow_noise_words(text, sizeof text, scale, batch, optimizer);
    print_message("%s\n", text);
    if (strstr(text, words) == NULL) fail_msg("no `%s` in: %s", words, text);
    assert_non_null(strstr(text, "rule of thumb"));
}

static void says_what_batch_would_pay(void **state) {
    (void)state;
    elbow_noise_scale scale = {750, 1000, 1243, 904, 1931};
    expect(&scale, 100, "adam", "gradient noise scale 1,240 examples (904 to 1,930; steps 751 to 1,000)");
    expect(&scale, 100, "adam", "the batch of 100 is well below it: up to about 1,240");
    expect(&scale, 100, "adam", "0.15 times the steps for 1.9 times the examples");
    expect(&scale, 100, "adam", "rougher for adam");
    expect(&scale, 500, "adam", "the batch of 500 is below it");
    expect(&scale, 1000, "adam", "is near it");
    expect(&scale, 20000, "sgd", "is well above it, and wastes examples: one of about 1,240");
    expect(&scale, 20000, "sgd", "0.12 times as many, in 1.9 times the steps");
    scale = (elbow_noise_scale){0, 20, INFINITY, 700, INFINITY};
    expect(&scale, 100, "adam", "above 700 examples (steps 1 to 20): the batch of 100");
    expect(&scale, 1000, "adam", "too few to say how the batch of 1,000 lies");
    scale = (elbow_noise_scale){0, 20, 1200, 700, INFINITY};
    expect(&scale, 100, "adam", "1,200 examples (700 or more;");
    scale = (elbow_noise_scale){0, 20, 2, 0.8, INFINITY};
    expect(&scale, 100, "adam", "2 examples (1 or more; steps 1 to 20): these steps are too few");
    scale = (elbow_noise_scale){0, 20, 1e-9, 0, 1e30};
    expect(&scale, 100, "adam", "gradient noise scale 1 examples");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_noise_of_a_toy),
        cmocka_unit_test(says_when_it_cannot_know),
        cmocka_unit_test(windows_over_the_last_quarter),
        cmocka_unit_test(says_what_batch_would_pay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
