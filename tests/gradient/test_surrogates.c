/* Estimators that draw z from q and pass its gradient through a surrogate, on latents so few that every z is summed over.
 *
 * Each draw's gradient against the formula in plain loops; the mean over draws against Σ_z q(z) · surrogate(z); and that
 * expectation against the exact estimator's gradient, where theory says that it is unbiased and where it says that it is not. */
#include "differences.h"

#include <stdio.h>
#include <stdlib.h>

#include "math/bernoulli_latent.h"
#include "math/categorical.h"
#include "vae/estimator.h"

enum { FEATURES = 3, DRAWS = 4096, STEPS = 8, WIDTH = 16, MOST = 64 };

typedef enum shape { LINEAR, QUADRATIC, CURVED } shape;

/* f(z) = a·z, with zᵀ B z, with sin(b·z). */
typedef struct toy {
    elbow_score score;
    shape shape;
    size_t width;
    const real *a, *b, *B;
    const real *z;
    real *dz;
} toy;

static double toy_value(const toy *t, const real *z) {
    double sum = dot(t->a, z, t->width);
    for (size_t i = 0; t->shape == QUADRATIC && i < t->width; ++i)
        sum += z[i] * dot(t->B + i * t->width, z, t->width);
    return t->shape == CURVED ? sum + sin(dot(t->b, z, t->width)) : sum;
}

static void toy_slope(const toy *t, double *slope, const real *z) {
    for (size_t i = 0; i < t->width; ++i) {
        slope[i] = t->a[i];
        for (size_t j = 0; t->shape == QUADRATIC && j < t->width; ++j)
            slope[i] += (t->B[i * t->width + j] + t->B[j * t->width + i]) * z[j];
        if (t->shape == CURVED) slope[i] += t->b[i] * cos(dot(t->b, z, t->width));
    }
}

static void toy_forward(void *context, const elbow_pass *pass, real *log_px, const real *z, size_t rows) {
    toy *t = context;
    (void)pass;
    t->z = z;
    for (size_t r = 0; r < rows; ++r) log_px[r] = toy_value(t, z + r * t->width);
}

static real *toy_backward(void *context, const elbow_pass *pass, const real *weights, size_t rows) {
    toy *t = context;
    (void)pass;
    for (size_t r = 0; r < rows; ++r) {
        toy_slope(t, t->dz + r * t->width, t->z + r * t->width);
        for (size_t i = 0; i < t->width; ++i) t->dz[r * t->width + i] *= weights[r];
    }
    return t->dz;
}

typedef struct setting {
    const char *estimator, *latent, *posterior;
    shape shape;
    double temperature;
} setting;

static const char *gap; /* estimator.gap; NULL: 1, unsaid */

typedef struct problem {
    elbow_latents latents;
    elbow_estimator estimator;
    elbow_params params;
    elbow_arena *arena;
    elbow_pass pass;
    elbow_objective objective;
    toy toy;
    real *features;
} problem;

static void set(elbow_options *options, const char *key, const char *value) {
    char text[256];
    snprintf(text, sizeof text, "%s=%s", key, value);
    assert_int_equal(elbow_options_set(options, text), ELBOW_OK);
}

static elbow_status try_make(problem *p, const setting *s, size_t draws, const char *more) {
    elbow_options *options = NULL;
    char samples[16];
    *p = (problem){0};
    snprintf(samples, sizeof samples, "%zu", draws);
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    set(options, "model.latent", s->latent);
    if (gap) set(options, "estimator.gap", gap);
    set(options, "model.posterior", s->posterior);
    set(options, "estimator.name", s->estimator);
    set(options, "estimator.samples", samples);
    if (more) assert_int_equal(elbow_options_set(options, more), ELBOW_OK);
    assert_int_equal(elbow_latents_create(&p->latents, options, FEATURES, 0, &p->params), ELBOW_OK);
    assert_int_equal(elbow_latents_declare_rest(&p->latents, options, &p->params), ELBOW_OK);
    elbow_status status = elbow_estimator_create(&p->estimator, options, &p->latents, &p->params);
    elbow_options_destroy(&options);
    return status;
}

static void drop(problem *p) {
    elbow_estimator_destroy(&p->estimator);
    elbow_latents_destroy(&p->latents);
    elbow_params_destroy(&p->params);
    elbow_arena_destroy(&p->arena);
    release_held();
}

static void make(problem *p, const setting *s, size_t draws) {
    if (try_make(p, s, draws, NULL) != ELBOW_OK) fail_msg("%s: %s", s->estimator, elbow_error_message());
    size_t S = p->estimator.draws, width = elbow_latents_width(&p->latents);
    assert_true(width <= WIDTH);
    assert_int_equal(elbow_arena_create(&p->arena), ELBOW_OK);
    assert_int_equal(elbow_latents_reserve(&p->latents, S, S, true, p->arena), ELBOW_OK);
    assert_int_equal(elbow_estimator_reserve(&p->estimator, 1, p->arena), ELBOW_OK);
    p->features = hold_reals("test.features", FEATURES, -1, 1);
    p->pass = (elbow_pass){.parameters = hold_parameters(&p->params, "test.theta", 0.8),
                           .gradients = hold_zeros(p->params.size),
                           .seed = 6,
                           .shard = 1,
                           .purpose = ""};
    p->objective = (elbow_objective){.temperature = s->temperature, .beta = 0, .weight = -1};
    p->toy = (toy){.score = {.context = &p->toy, .forward = toy_forward, .backward = toy_backward},
                   .shape = s->shape,
                   .width = width,
                   .a = hold_reals("test.a", width, -1, 1),
                   .b = hold_reals("test.b", width, -2, 2),
                   .B = hold_reals("test.B", width * width, -1, 1),
                   .dz = hold_zeros(S * width)};
}

static elbow_group *run(problem *p, uint64_t step) {
    elbow_terms terms = {0};
    p->pass.step = step;
    elbow_latents_forward(&p->latents, &p->pass, p->features, NULL, 1, p->estimator.draws);
    p->estimator.ops->run(&p->estimator, &p->latents, &p->toy.score, &p->pass, &p->objective, &terms);
    return &p->latents.layers[0].groups[0];
}

/* ---- the surrogates, plainly: a binary variable is the two categories of logits l and 0 ---- */

static void softmax(double *y, const double *logits, size_t K, double temperature) {
    double sum = 0;
    for (size_t k = 0; k < K; ++k) sum += y[k] = exp(logits[k] / temperature);
    for (size_t k = 0; k < K; ++k) y[k] /= sum;
}

/* dlogits += scale (diag p − p pᵀ) dz */
static void jacobian(double *dlogits, const double *p, const double *dz, size_t K, double scale) {
    for (size_t i = 0; i < K; ++i)
        for (size_t j = 0; j < K; ++j) dlogits[i] += scale * ((i == j ? p[i] : 0) - p[i] * p[j]) * dz[j];
}

static void pass_back(const char *name, double *dlogits, const double *logits, const double *z,
                      const double *dz, size_t K, double temperature, double apart) {
    double p[WIDTH], moved[WIDTH], most = -INFINITY;
    for (size_t k = 0; k < K; ++k) dlogits[k] = 0;
    for (size_t k = 0; k < K; ++k) most = fmax(most, logits[k]);
    for (size_t k = 0; k < K; ++k) moved[k] = z[k] == 1 ? most : fmin(logits[k], most - apart);
    softmax(p, strcmp(name, "gapped-straight-through") == 0 ? moved : logits, K, temperature);
    if (strcmp(name, "reinmax") != 0) {
        jacobian(dlogits, p, dz, K, 1 / temperature);
        return;
    }
    for (size_t k = 0; k < K; ++k) p[k] = (p[k] + z[k]) / 2;
    jacobian(dlogits, p, dz, K, 2);
    softmax(p, logits, K, 1);
    jacobian(dlogits, p, dz, K, -0.5);
}

/* dq (q_width) of a row: the last variable first, for with a chain the others are heard through its head. */
static void plain_surrogate(const problem *p, const setting *s, double *dq, const real *q, const real *z) {
    const elbow_group *group = &p->latents.layers[0].groups[0];
    const elbow_tensor *chain = elbow_params_find(&p->params, "posterior.0.chain");
    size_t width = group->z_size, K = width == 1 ? 2 : width;
    double dz[WIDTH];
    toy_slope(&p->toy, dz, z);
    for (size_t l = group->variables; l-- > 0;) {
        double logits[WIDTH] = {0}, one_hot[WIDTH] = {0}, slope[WIDTH] = {0}, out[WIDTH];
        for (size_t k = 0; k < width; ++k) {
            logits[k] = q[l * width + k];
            one_hot[k] = z[l * width + k];
            slope[k] = dz[l * width + k];
        }
        if (width == 1) one_hot[1] = 1 - one_hot[0];
        pass_back(s->estimator, out, logits, one_hot, slope, K, s->temperature, gap ? atof(gap) : 1);
        for (size_t k = 0; k < width; ++k) {
            dq[l * width + k] = out[k];
            for (size_t j = 0; chain && j < l * width; ++j)
                dz[j] += p->pass.parameters[chain->offset + (l * width + k) * group->z_width + j] * out[k];
        }
    }
}

static void check_near(const char *what, const char *name, size_t i, double a, double b, double near) {
    if (!(fabs(a - b) <= near)) fail_msg("%s, %s, element %zu: %.12g, not %.12g", name, what, i, a, b);
}

/* Σ_z q(z) surrogate(z), and the exact gradient, both by the exact estimator's enumeration. */
static void enumerate(const setting *s, double *expected, double *exact) {
    problem p;
    setting all = *s;
    all.estimator = "exact";
    make(&p, &all, 1);
    elbow_group *group = run(&p, 0);
    size_t Q = group->q_width;
    real log_q[MOST];
    double total = 0;
    assert_true(p.estimator.draws <= MOST);
    elbow_group_log_q(group, log_q, p.estimator.draws, 0);
    for (size_t i = 0; i < Q; ++i) expected[i] = exact[i] = 0;
    for (size_t r = 0; r < p.estimator.draws; ++r) {
        double dq[WIDTH];
        plain_surrogate(&p, s, dq, group->q + r * Q, group->z + r * group->z_width);
        for (size_t i = 0; i < Q; ++i) {
            expected[i] += exp(log_q[r]) * dq[i];
            exact[i] += group->dq[r * Q + i];
        }
        total += exp(log_q[r]);
    }
    assert_true(fabs(total - 1) < 1e-12);
    drop(&p);
}

static const setting settings[] = {
    {"straight-through", "categorical 2x3", "factorised", CURVED, 1},
    {"straight-through", "bernoulli 3", "factorised", CURVED, 0.6},
    {"straight-through", "categorical 2x3", "autoregressive", CURVED, 1.4},
    {"straight-through", "bernoulli 3", "autoregressive", QUADRATIC, 1},
    {"reinmax", "categorical 2x3", "factorised", CURVED, 1},
    {"reinmax", "bernoulli 3", "factorised", CURVED, 1.3},
    {"reinmax", "categorical 2x3", "autoregressive", CURVED, 0.7},
    {"reinmax", "bernoulli 3", "autoregressive", QUADRATIC, 1},
    {"gapped-straight-through", "categorical 2x3", "factorised", CURVED, 0.8},
    {"gapped-straight-through", "bernoulli 3", "factorised", CURVED, 1},
    {"gapped-straight-through", "categorical 2x3", "autoregressive", CURVED, 1},
    {"gapped-straight-through", "bernoulli 3", "autoregressive", QUADRATIC, 0.5},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

/* Draw by draw to rounding; and their mean within five standard errors of the expectation. */
static void check_draws(const setting *all, size_t cases) {
    for (size_t n = 0; n < cases; ++n) {
        const setting *s = &all[n];
        problem p;
        double expected[WIDTH], exact[WIDTH], sum[WIDTH] = {0}, squares[WIDTH] = {0};
        enumerate(s, expected, exact);
        make(&p, s, DRAWS);
        size_t Q = 0;
        for (uint64_t step = 0; step < STEPS; ++step) {
            const elbow_group *group = run(&p, step);
            Q = group->q_width;
            for (size_t r = 0; r < DRAWS; ++r) {
                double dq[WIDTH];
                const real *z = group->z + r * group->z_width;
                for (size_t i = 0; i < group->z_width; ++i) assert_true(z[i] == 0 || z[i] == 1);
                plain_surrogate(&p, s, dq, group->q + r * Q, z);
                for (size_t i = 0; i < Q; ++i) {
                    double own = DRAWS * group->dq[r * Q + i];
                    check_near("of a draw", s->estimator, i, own, dq[i], 1e-11);
                    sum[i] += own;
                    squares[i] += own * own;
                }
            }
        }
        for (size_t i = 0; i < Q; ++i) {
            double count = (double)DRAWS * STEPS, mean = sum[i] / count;
            double error = sqrt(fmax(squares[i] / count - mean * mean, 0) / count);
            check_near("the mean", s->estimator, i, mean, expected[i], 5 * error + 1e-11);
        }
        drop(&p);
    }
}

static void draws_and_their_mean(void **state) {
    (void)state;
    check_draws(settings, SETTINGS);
}

static void other_gaps(void **state) {
    static const setting gapped[] = {
        {"gapped-straight-through", "categorical 2x3", "factorised", CURVED, 1},
        {"gapped-straight-through", "bernoulli 3", "factorised", CURVED, 1},
    };
    (void)state;
    gap = "0.3";
    check_draws(gapped, 1);
    gap = "2.5";
    check_draws(gapped, 2);
    gap = NULL;
}

/* The mean gradient and its variance, over many draws. */
static void moments(const setting *s, double *mean, double *variance) {
    problem p;
    double sum[WIDTH] = {0}, squares[WIDTH] = {0}, count = (double)DRAWS * STEPS;
    make(&p, s, DRAWS);
    for (uint64_t step = 0; step < STEPS; ++step) {
        const elbow_group *group = run(&p, step);
        for (size_t r = 0; r < DRAWS; ++r)
            for (size_t i = 0; i < group->q_width; ++i) {
                double own = DRAWS * group->dq[r * group->q_width + i];
                sum[i] += own;
                squares[i] += own * own;
            }
    }
    for (size_t i = 0; i < WIDTH; ++i) {
        mean[i] = sum[i] / count;
        variance[i] = squares[i] / count - mean[i] * mean[i];
    }
    drop(&p);
}

/* The conditional expectation of straight-through-gumbel: the same mean, and less variance. */
static void rao_and_blackwell(void **state) {
    static const setting cases[] = {{"gumbel-rao", "categorical 2x3", "factorised", CURVED, 0.7},
                                    {"gumbel-rao", "bernoulli 3", "factorised", CURVED, 0.7},
                                    {"gumbel-rao", "bernoulli 3", "factorised", LINEAR, 0.3}};
    (void)state;
    for (size_t n = 0; n < sizeof cases / sizeof *cases; ++n) {
        setting other = cases[n];
        double mean[WIDTH], variance[WIDTH], plain_mean[WIDTH], plain_variance[WIDTH];
        other.estimator = "straight-through-gumbel";
        moments(&cases[n], mean, variance);
        moments(&other, plain_mean, plain_variance);
        double less = 0, plain = 0;
        for (size_t i = 0; i < WIDTH; ++i) {
            double error = sqrt((variance[i] + plain_variance[i]) / ((double)DRAWS * STEPS));
            check_near("the mean", other.latent, i, mean[i], plain_mean[i], 5 * error);
            less += variance[i];
            plain += plain_variance[i];
        }
        if (!(less < 0.9 * plain)) fail_msg("case %zu: a variance of %g, not below %g", n, less, plain);
    }
}

/* What a conditional sample is near to is what it was made from, far out too; and it is no constant. */
static void conditional_samples(void **state) {
    enum { ROWS = 500, K = 4, N = ROWS * K };
    real z[N] = {0}, y[N], *log_q = hold_reals("test.far", N, -60, 60);
    uint32_t words[N];
    (void)state;
    elbow_stream_rows(elbow_stream_make(5, 0, "test.given"), 0, 0, 0, 1, N, words);
    elbow_log_softmax(log_q, log_q, ROWS, K);
    for (size_t r = 0; r < ROWS; ++r) z[r * K + r % K] = 1;
    elbow_gumbel_softmax_given(y, z, log_q, words, ROWS, K, 0.5);
    for (size_t r = 0; r < ROWS; ++r)
        for (size_t i = 0; i < K; ++i) assert_true(y[r * K + i] <= y[r * K + r % K]);
    const real *logits = hold_reals("test.logits", N, -800, 800);
    elbow_binary_concrete_given(y, z, logits, words, N, 0.5);
    for (size_t i = 0; i < N; ++i)
        assert_true(z[i] > 0 ? y[i] >= 0.5 && y[i] <= 1 : y[i] <= 0.5 && y[i] >= 0);
    release_held();
}

static double bias(const setting *s) {
    double expected[WIDTH] = {0}, exact[WIDTH] = {0}, most = 0;
    enumerate(s, expected, exact);
    for (size_t i = 0; i < WIDTH; ++i) most = fmax(most, fabs(expected[i] - exact[i]));
    return most;
}

/* Straight-through is of first order, ReinMax of second; both at τ = 1. */
static void order(void **state) {
    static const struct {
        setting setting;
        bool unbiased;
    } cases[] = {
        {{"straight-through", "categorical 2x3", "factorised", LINEAR, 1}, true},
        {{"straight-through", "bernoulli 3", "factorised", LINEAR, 1}, true},
        {{"straight-through", "bernoulli 3", "factorised", LINEAR, 0.5}, false},
        {{"straight-through", "categorical 1x4", "factorised", QUADRATIC, 1}, false},
        {{"straight-through", "bernoulli 1", "factorised", QUADRATIC, 1}, false},
        {{"reinmax", "categorical 2x3", "factorised", LINEAR, 1}, true},
        {{"reinmax", "categorical 1x4", "factorised", QUADRATIC, 1}, true},
        {{"reinmax", "bernoulli 1", "factorised", QUADRATIC, 1}, true},
        {{"reinmax", "categorical 1x4", "factorised", QUADRATIC, 0.5}, false},
        {{"reinmax", "categorical 1x4", "factorised", CURVED, 1}, false},
        {{"gapped-straight-through", "bernoulli 3", "factorised", LINEAR, 1}, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        double by = bias(&cases[i].setting);
        if (cases[i].unbiased ? by > 1e-13 : by < 1e-3)
            fail_msg("case %zu, %s: a bias of %g", i, cases[i].setting.estimator, by);
    }
}

/* Gaussian variables beside discrete ones keep their own gradient: that of gumbel-softmax, to the bit, in a linear score. */
static void gaussians_beside(void **state) {
    (void)state;
    setting s = {"gumbel-softmax", "categorical 2x3, gaussian 2", "factorised", LINEAR, 0.7};
    static const char *const names[] = {"straight-through", "reinmax", "gapped-straight-through",
                                        "gumbel-rao"};
    real kept[16 * 4];
    for (size_t n = 0; n < 5; ++n) {
        problem p;
        if (n > 0) s.estimator = names[n - 1];
        make(&p, &s, 16);
        (void)run(&p, 3);
        const elbow_group *gaussian = &p.latents.layers[0].groups[1];
        assert_int_equal(gaussian->q_width, 4);
        if (n == 0) memcpy(kept, gaussian->dq, sizeof kept);
        assert_memory_equal(kept, gaussian->dq, sizeof kept);
        drop(&p);
    }
}

static void refusals(void **state) {
    static const struct {
        const char *latent, *more, *says;
    } cases[] = {
        {"gaussian 2", NULL, "estimator.name = pathwise"},
        {"bernoulli 2", "objective.kl=relaxed", "no relaxed density"},
        {"bernoulli 2", "objective.bound=iwae", "objective.bound = elbo"},
        {"bernoulli 2", "objective.kl=sampled", NULL},
        {"bernoulli 2, gaussian 2", NULL, NULL},
    };
    static const char *const names[] = {"straight-through", "reinmax", "gapped-straight-through",
                                        "gumbel-rao"};
    (void)state;
    for (size_t n = 0; n < 4; ++n)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
            problem p;
            setting s = {names[n], cases[i].latent, "factorised", LINEAR, 1};
            elbow_status status = try_make(&p, &s, 2, cases[i].more);
            assert_int_equal(status, cases[i].says ? ELBOW_USAGE : ELBOW_OK);
            if (cases[i].says && !strstr(elbow_error_message(), cases[i].says))
                fail_msg("case %zu: %s", i, elbow_error_message());
            drop(&p);
        }
    problem p;
    setting s = {"gumbel-rao", "bernoulli 2", "autoregressive", LINEAR, 1};
    assert_int_equal(try_make(&p, &s, 2, NULL), ELBOW_USAGE);
    assert_non_null(strstr(elbow_error_message(), "model.posterior = factorised"));
    drop(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_and_their_mean),
        cmocka_unit_test(other_gaps),
        cmocka_unit_test(rao_and_blackwell),
        cmocka_unit_test(conditional_samples),
        cmocka_unit_test(order),
        cmocka_unit_test(gaussians_beside),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
