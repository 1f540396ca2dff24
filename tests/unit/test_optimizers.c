/* RAdam, and SGD with momentum, against the formulas of optimizer.h, evaluated plainly in double; and what holds of every
 * member. Adam has test_adam.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "elbow/optim/optimizer.h"
#include "unit/numbers.h"

enum { N = 1223, STEPS = 200 }; /* some prefetched blocks, and no multiple of a vector */

typedef struct setting {
    const char *name; /* of the optimizer */
    double rate, decay, scale;
    double beta1, beta2, epsilon; /* radam */
    double momentum;              /* sgd */
    bool nesterov;
} setting;

static const setting settings[] = {
    {"radam", 1e-3, 0, 1, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8},
    {"radam", 1e-2, 0.1, 0.3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8},
    {"radam", 1e-3, 0, 0.125, .beta1 = 0.5, .beta2 = 0.9, .epsilon = 1e-2},
    {"radam", 1e-3, 0.01, 1, .beta1 = 0, .beta2 = 0.99, .epsilon = 1e-8},
    {"radam", 1e-3, 0, 1, .beta1 = 0.9, .beta2 = 0.6, .epsilon = 1e-8}, /* never rectified */
    {"radam", 1e-3, 0, 1, .beta1 = 0.9, .beta2 = 0, .epsilon = 1e-8},
    {"sgd", 1e-2, 0, 1, .momentum = 0.9},
    {"sgd", 1e-2, 0.1, 0.3, .momentum = 0.9},
    {"sgd", 1e-2, 0.01, 0.125, .momentum = 0.9, .nesterov = true},
    {"sgd", 1e-1, 0, 1, .momentum = 0},
    {"sgd", 1e-1, 0.1, 1, .momentum = 0, .nesterov = true},
    {"adam", 1e-3, 0.1, 0.5, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static elbow_optimizer *make(const setting *s, size_t begin, size_t end) {
    elbow_options *options = NULL;
    elbow_optimizer *optimizer = NULL;
    char text[64];
    snprintf(text, sizeof text, "optimizer.name=%s", s->name);
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    assert_int_equal(elbow_options_set(options, text), ELBOW_OK);
    options->optimizer.beta1 = s->beta1;
    options->optimizer.beta2 = s->beta2;
    options->optimizer.epsilon = s->epsilon;
    options->optimizer.momentum = s->momentum;
    options->optimizer.nesterov = s->nesterov;
    options->optimizer.weight_decay = s->decay;
    assert_int_equal(elbow_optimizer_create(&optimizer, options, begin, end), ELBOW_OK);
    elbow_options_destroy(&options); /* nothing of it is kept */
    assert_string_equal(elbow_optimizer_name(optimizer), s->name);
    return optimizer;
}

/* Gradients of magnitudes from 1e-3 to 1e2 over the parameters, with signs that change over time; every seventh is 0. */
static void fill_gradient(real *g, size_t n, uint64_t step) {
    elbow_stream stream = elbow_stream_make(5, 0, "test.gradient");
    for (size_t i = 0; i < n; ++i) {
        uint32_t words[4];
        elbow_stream_block(stream, 0, (uint32_t)i, step, words);
        double size = i % 7 == 6 ? 0 : pow(10, 5.0 * (double)i / (double)n - 3);
        g[i] = (real)((words[0] * 0x1p-32 - 0.4) * size);
    }
}

/* One update by the gradient of that step, which is used up. */
static void update(elbow_optimizer *optimizer, int t, const setting *s, size_t begin, size_t end,
                   real *theta) {
    real g[N];
    fill_gradient(g, N, (uint64_t)t);
    elbow_optimizer_step(optimizer, t, s->rate, (real)s->scale, g + begin, theta + begin);
    for (size_t i = begin; i < end; ++i) assert_true(g[i] == 0);
}

typedef struct plain {
    double theta[N], m[N], v[N];
} plain;

/* As PyTorch's radam.py has it, with the decay apart; the gradient g is scaled already. */
static void plain_radam(plain *p, const setting *s, double t, size_t i, double g) {
    p->m[i] = s->beta1 * p->m[i] + (1 - s->beta1) * g;
    p->v[i] = s->beta2 * p->v[i] + (1 - s->beta2) * g * g;
    double correction1 = 1 - pow(s->beta1, t), correction2 = 1 - pow(s->beta2, t);
    double limit = 2 / (1 - s->beta2) - 1, rho = limit - 2 * t * pow(s->beta2, t) / correction2;
    double m = p->m[i] / correction1, adaptive = 1;
    if (rho > 5)
        adaptive = sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho)) *
                   sqrt(correction2) / (sqrt(p->v[i]) + s->epsilon);
    p->theta[i] = p->theta[i] * (1 - s->rate * s->decay) - s->rate * m * adaptive;
}

static void plain_sgd(plain *p, const setting *s, size_t i, double g) {
    p->m[i] = s->momentum * p->m[i] + g;
    double way = s->nesterov ? g + s->momentum * p->m[i] : p->m[i];
    p->theta[i] = p->theta[i] * (1 - s->rate * s->decay) - s->rate * way;
}

/* A parameter is rounded once a step, and a steady drift is rounded the same way each time; moments are off by a few units
 * in the last place, which adds up over their memory. */
static void check(const setting *s, const plain *p, int t, elbow_optimizer *optimizer, const real *theta,
                  const double *largest, const double *travelled) {
    const real *m = elbow_optimizer_slot(optimizer, 0);
    for (size_t i = 0; i < N; ++i) {
        double near = 0x1p-24 * t * largest[i] + 3e-6 * travelled[i];
        if (!(fabs((double)theta[i] - p->theta[i]) <= near))
            fail_msg("%s, setting %zu, step %d, parameter %zu: %.9g, plainly %.9g", s->name,
                     (size_t)(s - settings), t, i, (double)theta[i], p->theta[i]);
        assert_true(fabs((double)m[i] - p->m[i]) <=
                    1e-6 * (fabs(p->m[i]) + pow(10, 5.0 * (double)i / N - 3)));
        if (elbow_optimizer_slots(optimizer) == 2)
            assert_true(fabs((double)elbow_optimizer_slot(optimizer, 1)[i] - p->v[i]) <= 1e-4 * p->v[i]);
    }
}

static void against_plain(void **state) {
    (void)state;
    for (const setting *s = settings; s < settings + SETTINGS; ++s) {
        bool radam = strcmp(s->name, "radam") == 0;
        if (!radam && strcmp(s->name, "sgd") != 0) continue;
        elbow_optimizer *optimizer = make(s, 0, N);
        real theta[N], g[N];
        static plain p;
        double largest[N], travelled[N] = {0};
        memset(&p, 0, sizeof p);
        memcpy(theta, hold_reals("test.theta", N, -1, 1), sizeof theta);
        for (size_t i = 0; i < N; ++i) largest[i] = fabs(p.theta[i] = (double)theta[i]);
        for (int t = 1; t <= STEPS; ++t) {
            update(optimizer, t, s, 0, N, theta);
            fill_gradient(g, N, (uint64_t)t);
            for (size_t i = 0; i < N; ++i) {
                double before = p.theta[i], gradient = (double)(real)s->scale * (double)g[i];
                if (radam)
                    plain_radam(&p, s, t, i, gradient);
                else
                    plain_sgd(&p, s, i, gradient);
                largest[i] = fmax(largest[i], fabs(p.theta[i]));
                travelled[i] += fabs(p.theta[i] - before);
            }
            if (t <= 10 || t % 100 == 0) check(s, &p, t, optimizer, theta, largest, travelled);
        }
        elbow_optimizer_destroy(&optimizer);
        release_held();
    }
}

/* With β2 = 0.999, ρ_t is 1, 2, …, and 5 less 0.004 at t = 5: momentum alone until then, with the gradient's scale in it;
 * from step 6 on the scale is gone, but for r_6 = 0.0258 and r_7 = 0.0327. */
static void rectified_from_the_sixth_step(void **state) {
    (void)state;
    const setting s = {"radam", 1, 0, 1, .beta1 = 0, .beta2 = 0.999, .epsilon = 1e-8};
    elbow_optimizer *optimizer = make(&s, 0, 2);
    for (int t = 1; t <= 7; ++t) {
        real theta[2] = {0, 0}, g[2] = {1e-4f, -100};
        elbow_optimizer_step(optimizer, t, 1, 1, g, theta);
        if (t <= 5) {
            assert_true(fabs((double)theta[0] + 1e-4) < 1e-10 && theta[1] == 100);
            continue;
        }
        double r = t == 6 ? 0.0258 : 0.0327;
        assert_true(fabs((double)theta[0] + r) < 1e-4 && fabs((double)theta[1] - r) < 1e-4);
    }
    elbow_optimizer_destroy(&optimizer);
}

/* After so many steps that nothing is left to rectify, RAdam's step is Adam's. */
static void radam_becomes_adam(void **state) {
    (void)state;
    const setting s[2] = {{"radam", 1e-2, 0, 1, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-12},
                          {"adam", 1e-2, 0, 1, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-12}};
    real theta[2];
    for (size_t k = 0; k < 2; ++k) {
        elbow_optimizer *optimizer = make(&s[k], 0, 1);
        for (int t = 1; t <= 3000; ++t) {
            real g = (real)(t % 3);
            theta[k] = 0;
            elbow_optimizer_step(optimizer, t, s[k].rate, 1, &g, &theta[k]);
        }
        elbow_optimizer_destroy(&optimizer);
    }
    assert_true(theta[1] != 0 && fabs((double)theta[0] / (double)theta[1] - 1) < 1e-5);
}

/* A steady gradient: v goes to g / (1 − μ). */
static void momentum_gathers(void **state) {
    (void)state;
    const setting s = {"sgd", 1, 0, 1, .momentum = 0.9};
    elbow_optimizer *optimizer = make(&s, 0, 1);
    real theta = 0;
    for (int t = 1; t <= 300; ++t) {
        real g = 1;
        theta = 0;
        elbow_optimizer_step(optimizer, t, 1, 1, &g, &theta);
        if (t == 1) assert_true(theta == -1);
    }
    assert_true(fabs((double)theta + 10) < 1e-5);
    elbow_optimizer_destroy(&optimizer);
}

/* An optimizer that takes over slots and parameters goes on as the first would have, to the bit. */
static void resumed_from_slots(void **state) {
    (void)state;
    for (const setting *s = settings; s < settings + SETTINGS; ++s)
        for (int stop = 1; stop <= 9; stop += 4) { /* before and after RAdam's switch */
            elbow_optimizer *whole = make(s, 0, N), *second = make(s, 0, N);
            real a[N], b[N];
            memcpy(a, hold_reals("test.theta", N, -1, 1), sizeof a);
            for (int t = 1; t <= stop; ++t) update(whole, t, s, 0, N, a);
            memcpy(b, a, sizeof b);
            for (size_t k = 0; k < elbow_optimizer_slots(whole); ++k)
                memcpy(elbow_optimizer_slot(second, k), elbow_optimizer_slot(whole, k), sizeof b);
            for (int t = stop + 1; t <= 12; ++t) {
                update(whole, t, s, 0, N, a);
                update(second, t, s, 0, N, b);
            }
            assert_memory_equal(a, b, sizeof a);
            elbow_optimizer_destroy(&whole);
            elbow_optimizer_destroy(&second);
            release_held();
        }
}

/* Who owns which part changes no bit, wherever two meet. */
static void parts_make_the_whole(void **state) {
    (void)state;
    for (const setting *s = settings; s < settings + SETTINGS; ++s)
        for (size_t cut = 0; cut <= N; cut += 611) {
            elbow_optimizer *whole = make(s, 0, N), *left = make(s, 0, cut), *right = make(s, cut, N);
            real a[N], b[N];
            memcpy(a, hold_reals("test.theta", N, -1, 1), sizeof a);
            memcpy(b, a, sizeof b);
            for (int t = 1; t <= 8; ++t) {
                update(whole, t, s, 0, N, a);
                update(left, t, s, 0, cut, b);
                update(right, t, s, cut, N, b);
            }
            assert_memory_equal(a, b, sizeof a);
            elbow_optimizer_destroy(&whole);
            elbow_optimizer_destroy(&left);
            elbow_optimizer_destroy(&right);
            release_held();
        }
}

/* A range with a rate of its own moves as under an optimizer of that rate, and the rest as ever; a factor of 1, and a range
 * that others own, change nothing. */
static void paced_range(void **state) {
    (void)state;
    enum { FROM = 101, TO = 907, OWN = 64 }; /* this optimizer's parameters begin at OWN of the model's */
    for (const setting *s = settings; s < settings + SETTINGS; ++s) {
        setting fast = *s;
        real theta[5][N];
        elbow_optimizer *made[5];
        fast.rate *= 2.5;
        for (size_t k = 0; k < 5; ++k) {
            made[k] = make(s, OWN, OWN + N);
            memcpy(theta[k], hold_reals("test.theta", N, -1, 1), sizeof theta[k]);
        }
        elbow_optimizer_pace(made[2], OWN + FROM, OWN + TO, 2.5);
        elbow_optimizer_pace(made[3], 0, OWN, 2.5);
        elbow_optimizer_pace(made[4], 0, OWN + FROM, 2.5); /* cut at the front */
        for (int t = 1; t <= 8; ++t)
            for (size_t k = 0; k < 5; ++k) update(made[k], t, k == 1 ? &fast : s, 0, N, theta[k]);
        for (size_t i = 0; i < N; ++i) {
            assert_true(theta[2][i] == theta[i >= FROM && i < TO][i]);
            assert_true(theta[3][i] == theta[0][i]);
            assert_true(theta[4][i] == theta[i < FROM][i]);
        }
        assert_true(theta[0][FROM] != theta[1][FROM]);
        for (size_t k = 0; k < 5; ++k) elbow_optimizer_destroy(&made[k]);
        release_held();
    }
}

/* What lies between tensors has no gradient and stays 0; decay alone leaves no trace in the slots. */
static void no_gradient(void **state) {
    (void)state;
    for (const setting *s = settings; s < settings + SETTINGS; ++s) {
        elbow_optimizer *optimizer = make(s, 0, 2);
        real theta[2] = {0, 2}, g[2] = {0, 0};
        for (int t = 1; t <= 10; ++t) elbow_optimizer_step(optimizer, t, s->rate, (real)s->scale, g, theta);
        assert_true(theta[0] == 0);
        assert_true(fabs((double)theta[1] - 2 * pow(1 - s->rate * s->decay, 10)) < 1e-6);
        for (size_t k = 0; k < elbow_optimizer_slots(optimizer); ++k)
            assert_true(elbow_optimizer_slot(optimizer, k)[1] == 0);
        elbow_optimizer_destroy(&optimizer);
    }
}

/* A weight whose gradients have ended: moments reach 0, and are never denormal on the way. */
static void moments_end(void **state) {
    (void)state;
    for (const setting *s = settings; s < settings + SETTINGS; ++s) {
        elbow_optimizer *optimizer = make(s, 0, 1);
        real theta = 0;
        for (int t = 1; t <= 1000; ++t) {
            real g = t == 1 ? (real)1e-10 : 0;
            elbow_optimizer_step(optimizer, t, s->rate, 1, &g, &theta);
            for (size_t k = 0; k < elbow_optimizer_slots(optimizer); ++k)
                assert_int_not_equal(fpclassify(elbow_optimizer_slot(optimizer, k)[0]), FP_SUBNORMAL);
        }
        assert_true(elbow_optimizer_slot(optimizer, 0)[0] == 0);
        elbow_optimizer_destroy(&optimizer);
    }
}

static void slots(void **state) {
    (void)state;
    elbow_optimizer *optimizer = make(&settings[0], 0, 8);
    assert_int_equal(elbow_optimizer_slots(optimizer), 2);
    assert_string_equal(elbow_optimizer_slot_name(optimizer, 0), "first_moment");
    assert_string_equal(elbow_optimizer_slot_name(optimizer, 1), "second_moment");
    elbow_optimizer_destroy(&optimizer);
    optimizer = make(&settings[6], 0, 8);
    assert_int_equal(elbow_optimizer_slots(optimizer), 1);
    assert_string_equal(elbow_optimizer_slot_name(optimizer, 0), "momentum");
    elbow_optimizer_destroy(&optimizer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_plain),      cmocka_unit_test(rectified_from_the_sixth_step),
        cmocka_unit_test(radam_becomes_adam), cmocka_unit_test(momentum_gathers),
        cmocka_unit_test(resumed_from_slots), cmocka_unit_test(parts_make_the_whole),
        cmocka_unit_test(paced_range),        cmocka_unit_test(no_gradient),
        cmocka_unit_test(moments_end),        cmocka_unit_test(slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
