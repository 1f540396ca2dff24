/* Adam against the formulas of optimizer.h, evaluated plainly in double. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "elbow/optim/optimizer.h"
#include "unit/numbers.h"

enum { N = 173 }; /* no multiple of a vector */

typedef struct setting {
    double rate, beta1, beta2, epsilon, decay, scale;
} setting;

static elbow_optimizer *make(const setting *s, size_t begin, size_t end) {
    elbow_options *options = NULL;
    elbow_optimizer *optimizer = NULL;
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    options->optimizer.beta1 = s->beta1;
    options->optimizer.beta2 = s->beta2;
    options->optimizer.epsilon = s->epsilon;
    options->optimizer.weight_decay = s->decay;
    assert_int_equal(elbow_optimizer_create(&optimizer, options, begin, end), ELBOW_OK);
    elbow_options_destroy(&options); /* nothing of it is kept */
    return optimizer;
}

/* Gradients of magnitudes from 1e-6 to 1e6 over the parameters, with signs that change over time. */
static void fill_gradient(real *g, size_t n, uint64_t step) {
    elbow_stream stream = elbow_stream_make(5, 0, "test.gradient");
    for (size_t i = 0; i < n; ++i) {
        uint32_t words[4];
        elbow_stream_block(stream, 0, (uint32_t)i, step, words);
        g[i] = (real)((words[0] * 0x1p-32 - 0.3) * pow(10, 12.0 * (double)i / (double)n - 6));
    }
}

/* One update by a gradient of n ≤ N values, which is used up. */
static void update(elbow_optimizer *optimizer, int64_t t, const setting *s, size_t n, const real *g,
                   real *theta) {
    real used[N];
    memcpy(used, g, n * sizeof *g);
    elbow_optimizer_step(optimizer, t, s->rate, (real)s->scale, used, theta);
    for (size_t i = 0; i < n; ++i) assert_true(used[i] == 0);
}

typedef struct plain {
    double theta[N], m[N], v[N];
} plain;

static void plain_step(plain *p, const setting *s, double t, const real *g) {
    for (size_t i = 0; i < N; ++i) {
        double gradient = s->scale * (double)g[i];
        p->m[i] = s->beta1 * p->m[i] + (1 - s->beta1) * gradient;
        p->v[i] = s->beta2 * p->v[i] + (1 - s->beta2) * gradient * gradient;
        double m = p->m[i] / (1 - pow(s->beta1, t)), v = p->v[i] / (1 - pow(s->beta2, t));
        p->theta[i] = p->theta[i] * (1 - s->rate * s->decay) - s->rate * m / (sqrt(v) + s->epsilon);
    }
}

/* 2000 steps: the difference is that of float to double in the moments and the parameter, a few units in the last
 * place a step, and grows like a random walk at worst. */
static void against_plain(void **state) {
    (void)state;
    static const setting settings[] = {
        {1e-3, 0.9, 0.999, 1e-8, 0, 1},   {1e-2, 0.9, 0.999, 1e-8, 0.1, 1}, {1e-3, 0.9, 0.999, 1e-2, 0, 1},
        {1e-3, 0.5, 0.9, 1e-8, 0, 0.125}, {1e-3, 0, 0.99, 1e-8, 0, 1},      {1e-3, 0.9, 0.999, 1, 0.01, 0.3},
    };
    for (size_t c = 0; c < sizeof settings / sizeof *settings; ++c) {
        const setting *s = &settings[c];
        elbow_optimizer *optimizer = make(s, 0, N);
        real theta[N], g[N];
        plain p = {0};
        memcpy(theta, hold_reals("test.theta", N, -1, 1), sizeof theta);
        for (size_t i = 0; i < N; ++i) p.theta[i] = (double)theta[i];
        for (int t = 1; t <= 2000; ++t) {
            fill_gradient(g, N, (uint64_t)t);
            update(optimizer, t, s, N, g, theta);
            plain_step(&p, s, t, g);
            if (t > 3 && t % 500 != 0) continue;
            for (size_t i = 0; i < N; ++i) {
                double way = s->rate * t; /* what t steps can move */
                double near = 1e-6 * (fabs(p.theta[i]) + sqrt(t)) + 3e-6 * way;
                if (!(fabs((double)theta[i] - p.theta[i]) <= near))
                    fail_msg("setting %zu, step %d, parameter %zu: %.9g, plainly %.9g", c, t, i,
                             (double)theta[i], p.theta[i]);
                const real *m = elbow_optimizer_slot(optimizer, 0), *v = elbow_optimizer_slot(optimizer, 1);
                assert_true(fabs((double)m[i] - p.m[i]) <= 1e-5 * (fabs(p.m[i]) + sqrt(p.v[i])));
                assert_true(fabs((double)v[i] - p.v[i]) <= 1e-4 * p.v[i]);
            }
        }
        elbow_optimizer_destroy(&optimizer);
        assert_null(optimizer);
        release_held();
    }
}

/* The first step is lr · sign(g), whatever the size of g ≫ ε: the bias corrections are there. */
static void first_step(void **state) {
    (void)state;
    setting s = {0.01, 0.9, 0.999, 1e-8, 0, 1};
    elbow_optimizer *optimizer = make(&s, 100, 104);
    const real g[4] = {1e6f, -1e-3f, 3e-5f, 0};
    real theta[4] = {1, 1, 1, 1};
    update(optimizer, 1, &s, 4, g, theta);
    assert_true(fabs((double)theta[0] - 0.99) < 1e-6);
    assert_true(fabs((double)theta[1] - 1.01) < 1e-6);
    assert_true(fabs((double)theta[2] - (1 - 0.01 * (3e-5 / (3e-5 + 1e-8)))) < 1e-6);
    assert_true(theta[3] == 1); /* no gradient, no move: 0 / (0 + ε) */
    elbow_optimizer_destroy(&optimizer);
}

/* A tiny gradient is damped by ε, not blown up to lr. */
static void epsilon_damps(void **state) {
    (void)state;
    setting s = {0.5, 0.9, 0.999, 1e-4, 0, 1};
    elbow_optimizer *optimizer = make(&s, 0, 1);
    const real g[1] = {1e-6f};
    real theta[1] = {0};
    update(optimizer, 1, &s, 1, g, theta);
    assert_true(fabs((double)theta[0] + 0.5 * (1e-6 / (1e-6 + 1e-4))) < 1e-8);
    elbow_optimizer_destroy(&optimizer);
}

/* Decay is decoupled: it shrinks θ by lr·wd a step and leaves no trace in the moments. */
static void decay_is_decoupled(void **state) {
    (void)state;
    setting s = {0.1, 0.9, 0.999, 1e-8, 0.5, 1};
    elbow_optimizer *optimizer = make(&s, 0, 2);
    const real g[2] = {0, 0};
    real theta[2] = {2, -3};
    for (int t = 1; t <= 10; ++t) update(optimizer, t, &s, 2, g, theta);
    assert_true(fabs((double)theta[0] - 2 * pow(0.95, 10)) < 1e-5);
    assert_true(fabs((double)theta[1] + 3 * pow(0.95, 10)) < 1e-5);
    assert_true(elbow_optimizer_slot(optimizer, 0)[0] == 0 && elbow_optimizer_slot(optimizer, 1)[1] == 0);
    elbow_optimizer_destroy(&optimizer);
}

/* What lies between tensors has no gradient and must stay zero, with decay too. */
static void padding_stays_zero(void **state) {
    (void)state;
    setting s = {1e-2, 0.9, 0.999, 1e-8, 0.1, 0.5};
    elbow_optimizer *optimizer = make(&s, 0, N);
    real theta[N] = {0}, g[N];
    for (int t = 1; t <= 50; ++t) {
        fill_gradient(g, N, (uint64_t)t);
        for (size_t i = 0; i < N; i += 3) g[i] = 0;
        update(optimizer, t, &s, N, g, theta);
    }
    for (size_t i = 0; i < N; ++i) {
        assert_true((i % 3 == 0) == (theta[i] == 0));
        for (size_t slot = 0; slot < 2; ++slot)
            assert_true((i % 3 == 0) == (elbow_optimizer_slot(optimizer, slot)[i] == 0));
    }
    elbow_optimizer_destroy(&optimizer);
}

/* Who owns which part changes no bit: one optimizer, or two that meet at any parameter. */
static void parts_make_the_whole(void **state) {
    (void)state;
    setting s = {1e-3, 0.9, 0.999, 1e-8, 0.01, 1};
    for (size_t cut = 0; cut <= 40; ++cut) {
        elbow_optimizer *whole = make(&s, 0, N), *left = make(&s, 0, cut), *right = make(&s, cut, N);
        real a[N], b[N], g[N];
        memcpy(a, hold_reals("test.theta", N, -1, 1), sizeof a);
        memcpy(b, a, sizeof b);
        for (int t = 1; t <= 20; ++t) {
            fill_gradient(g, N, (uint64_t)t);
            update(whole, t, &s, N, g, a);
            update(left, t, &s, cut, g, b);
            update(right, t, &s, N - cut, g + cut, b + cut);
        }
        assert_memory_equal(a, b, sizeof a);
        elbow_optimizer_destroy(&whole);
        elbow_optimizer_destroy(&left);
        elbow_optimizer_destroy(&right);
        release_held();
    }
}

static void names(void **state) {
    (void)state;
    setting s = {1e-3, 0.9, 0.999, 1e-8, 0, 1};
    elbow_optimizer *optimizer = make(&s, 0, 8);
    assert_string_equal(elbow_optimizer_name(optimizer), "adam");
    assert_int_equal(elbow_optimizer_slots(optimizer), 2);
    assert_string_equal(elbow_optimizer_slot_name(optimizer, 0), "first_moment");
    assert_string_equal(elbow_optimizer_slot_name(optimizer, 1), "second_moment");
    for (size_t i = 0; i < 8; ++i)
        assert_true(elbow_optimizer_slot(optimizer, 0)[i] == 0 && elbow_optimizer_slot(optimizer, 1)[i] == 0);
    elbow_optimizer_destroy(&optimizer);

    elbow_options *options = NULL;
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    assert_int_equal(elbow_options_set(options, "optimizer.name=adams"), ELBOW_OK);
    assert_int_equal(elbow_optimizer_create(&optimizer, options, 0, 8), ELBOW_USAGE);
    assert_null(optimizer);
    assert_non_null(strstr(elbow_error_message(), "optimizer.name"));
    assert_non_null(strstr(elbow_error_message(), "did you mean `adam`?"));
    elbow_options_destroy(&options);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_plain),
        cmocka_unit_test(first_step),
        cmocka_unit_test(epsilon_damps),
        cmocka_unit_test(decay_is_decoupled),
        cmocka_unit_test(padding_stays_zero),
        cmocka_unit_test(parts_make_the_whole),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
