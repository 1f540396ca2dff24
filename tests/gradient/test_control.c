/* The estimators whose control variates differentiate the score, on latents so few that every z is summed over: their mean
 * against the exact estimator's gradient, whatever the control variate's parameters; those parameters' gradients against central
 * differences of the variance they are of; what learning them is good for; and the derivatives of conditional samples. */
#include "settings.h"

#include <stdio.h>

#include "elbow/vae/vae.h"
#include "math/bernoulli_latent.h"
#include "math/categorical.h"
#include "vae/control.h"
#include "vae/relaxed_control.h"

enum { FEATURES = 3, BATCH = 2, WIDTH = 8, HIDDEN = 5 };

typedef struct setting {
    const char *estimator, *latent, *prior, *kl;
    double beta, free_bits;
    size_t samples;
} setting;

typedef struct problem {
    elbow_latents latents;
    elbow_estimator estimator;
    elbow_params params;
    elbow_arena *arena;
    elbow_pass pass;
    elbow_objective objective;
    elbow_score score;
    size_t own, toy, width; /* offsets of estimator.* and of the score's parameters (2, width) */
    real *features, *theta, *gradient, *dz;
    const real *x, *z; /* (B); of the score's last forward */
} problem;

/* log p(x|z) = 3 sin(a·z + x) + (c·z)² − 5 */
static void score_forward(void *context, const elbow_pass *pass, real *log_px, const real *z, size_t rows) {
    problem *p = context;
    const real *a = pass->parameters + p->toy;
    p->z = z;
    for (size_t r = 0; r < rows; ++r) {
        double square = dot(a + p->width, z + r * p->width, p->width);
        log_px[r] = 3 * sin(dot(a, z + r * p->width, p->width) + p->x[r % BATCH]) + square * square - 5;
    }
}

static real *score_backward(void *context, const elbow_pass *pass, const real *weights, size_t rows) {
    problem *p = context;
    size_t width = p->width;
    const real *a = pass->parameters + p->toy;
    real *da = pass->gradients + p->toy;
    for (size_t r = 0; r < rows; ++r) {
        const real *z = p->z + r * width;
        double slope = 3 * cos(dot(a, z, width) + p->x[r % BATCH]), square = 2 * dot(a + width, z, width);
        for (size_t i = 0; i < width; ++i) {
            p->dz[r * width + i] = weights[r] * (slope * a[i] + square * a[width + i]);
            if (pass->frozen) continue;
            da[i] += weights[r] * slope * z[i];
            da[width + i] += weights[r] * square * z[i];
        }
    }
    return p->dz;
}

/* The same model for every estimator; its own parameters within `most` of 0. */
static void make(problem *p, const setting *s, const char *estimator, double most) {
    elbow_options *options = NULL;
    char samples[16];
    bool exact = strcmp(estimator, "exact") == 0;
    memset(p, 0, sizeof *p);
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    snprintf(samples, sizeof samples, "%zu", exact ? 1 : s->samples);
    set(options, "estimator.name", estimator);
    set(options, "estimator.samples", samples);
    set(options, "estimator.hidden", "5");
    set(options, "objective.kl", s->kl);
    set(options, "model.latent", s->latent);
    set(options, "model.prior", s->prior);
    set(options, "model.decoder", "");
    elbow_status status = elbow_latents_create(&p->latents, options, FEATURES, 0, &p->params);
    if (status == ELBOW_OK) status = elbow_latents_declare_rest(&p->latents, options, &p->params);
    size_t width = p->width = elbow_latents_width(&p->latents);
    if (status == ELBOW_OK) elbow_params_declare(&p->params, "toy", 2, (size_t[]){2, width}, 1, &p->toy);
    p->own = p->params.size;
    if (status == ELBOW_OK) status = elbow_estimator_create(&p->estimator, options, &p->latents, &p->params);
    if (status != ELBOW_OK) fail_msg("%s, %s: %s", estimator, s->latent, elbow_error_message());
    elbow_options_destroy(&options);
    size_t S = p->estimator.draws;
    assert_true(width <= WIDTH);
    assert_int_equal(elbow_arena_create(&p->arena), ELBOW_OK);
    assert_int_equal(elbow_latents_reserve(&p->latents, BATCH * S, S, true, p->arena), ELBOW_OK);
    assert_int_equal(elbow_estimator_reserve(&p->estimator, BATCH, p->arena), ELBOW_OK);
    p->theta = hold_parameters(&p->params, "test.theta", 1);
    for (size_t i = p->own; i < p->params.size; ++i) p->theta[i] *= most;
    p->gradient = hold_zeros(p->params.size);
    p->features = hold_reals("test.features", BATCH * FEATURES, -1, 1);
    p->x = hold_reals("test.x", BATCH, -1, 1);
    p->dz = hold_zeros(BATCH * S * width);
    p->pass =
        (elbow_pass){.parameters = p->theta, .gradients = p->gradient, .seed = 7, .shard = 1, .purpose = ""};
    p->objective =
        (elbow_objective){.temperature = 0.6, .beta = s->beta, .free_bits = s->free_bits, .weight = 0.5};
    p->score = (elbow_score){.context = p, .forward = score_forward, .backward = score_backward};
}

static void drop(problem *p) {
    elbow_estimator_destroy(&p->estimator);
    elbow_latents_destroy(&p->latents);
    elbow_params_destroy(&p->params);
    elbow_arena_destroy(&p->arena);
    release_held();
}

/* One step's gradients, from zero; in q, before they are summed over draws. */
static elbow_terms estimate(problem *p, uint64_t step) {
    elbow_terms terms = {0};
    memset(p->gradient, 0, p->params.size * sizeof *p->gradient);
    p->pass.step = step;
    elbow_latents_forward(&p->latents, &p->pass, p->features, NULL, BATCH, p->estimator.draws);
    p->estimator.ops->run(&p->estimator, &p->latents, &p->score, &p->pass, &p->objective, &terms);
    return terms;
}

/* Mean over many steps and its error, of the model's parameters. */
enum { STEPS = 256 };

static void unbiased(const setting *s, double most) {
    problem p;
    double exact[128], sum[128] = {0}, squares[128] = {0}, objective = 0, objective_square = 0;
    make(&p, s, "exact", 0);
    assert_true(p.own <= 128);
    elbow_terms truth = estimate(&p, 1);
    elbow_latents_backward(&p.latents, &p.pass);
    memcpy(exact, p.gradient, p.own * sizeof *exact);
    drop(&p);

    make(&p, s, s->estimator, most);
    for (uint64_t step = 0; step < STEPS; ++step) {
        elbow_terms terms = estimate(&p, step);
        elbow_latents_backward(&p.latents, &p.pass);
        assert_true(fabs(terms.elbo - (terms.reconstruction - terms.kl)) < 1e-12 * (1 + fabs(terms.elbo)));
        objective += terms.objective / STEPS;
        objective_square += terms.objective * terms.objective / STEPS;
        for (size_t i = 0; i < p.own; ++i) {
            sum[i] += p.gradient[i];
            squares[i] += p.gradient[i] * p.gradient[i];
        }
    }
    double noise = sqrt(fmax(objective_square - objective * objective, 0) / STEPS);
    assert_true(fabs(objective - truth.objective) < 4.5 * noise);
    for (size_t i = 0; i < p.own; ++i) {
        double mean = sum[i] / STEPS, error = sqrt(fmax(squares[i] / STEPS - mean * mean, 0) / STEPS);
        if (!(fabs(mean - exact[i]) <= 4.5 * error + 1e-12))
            fail_msg("%s x%zu, %s, %s, %s, element %zu: %.9g, exactly %.9g, error %.2g", s->estimator,
                     s->samples, s->latent, s->prior, s->kl, i, mean, exact[i], error);
    }
    check_gaps(&p.params, p.gradient);
    drop(&p);
}

static const setting settings[] = {
    {"muprop", "categorical 2x3", "standard", "analytic", 1, 0, 64},
    {"muprop", "bernoulli 3", "learned", "sampled", 1.3, 0, 64},
    {"muprop", "categorical 1x3, bernoulli 2", "learned", "sampled", 0.7, 0, 64},
    {"muprop", "bernoulli 3", "learned", "analytic", 1, 0, 1},
    {"rebar", "categorical 2x3", "standard", "analytic", 1, 0, 64},
    {"rebar", "categorical 2x3", "learned", "sampled", 1.3, 0, 64},
    {"rebar", "bernoulli 3", "learned", "analytic", 1, 0.05, 64},
    {"rebar", "bernoulli 3", "standard", "sampled", 1.3, 0, 64},
    {"rebar", "categorical 1x3, bernoulli 2", "learned, standard", "sampled", 0.7, 0, 64},
    {"relax", "categorical 2x3", "learned", "analytic", 1, 0, 64},
    {"relax", "bernoulli 3", "standard", "sampled", 1, 0, 64},
    {"relax", "categorical 1x3, bernoulli 2", "learned", "analytic", 0.7, 0, 64},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static void expectations(void **state) {
    (void)state;
    for (size_t i = 0; i < SETTINGS; ++i) unbiased(&settings[i], 0.8);
}

/* ---- the objective of what they own ---- */

/* Of a step whose KL says nothing in q: the mean of rows' squared gradients in its logits. */
static double variance(void *context) {
    problem *p = context;
    double sum = 0;
    estimate(p, 4);
    for (size_t g = 0; g < p->latents.groups; ++g) {
        const elbow_group *group = &p->latents.layers[0].groups[g];
        sum += dot(group->dq, group->dq, p->latents.rows * group->q_width);
    }
    return sum * (double)p->latents.samples / p->objective.weight; /* times NATS² */
}

static void owned_gradients(void **state) {
    (void)state;
    for (size_t i = 0; i < SETTINGS; ++i) {
        setting s = settings[i];
        problem p;
        if (s.estimator[0] == 'm') continue;
        s.samples = 3;
        if (strcmp(s.kl, "analytic") == 0) s.beta = 0;
        make(&p, &s, s.estimator, 0.8);
        variance(&p);
        real *owned = hold_copy(p.gradient, p.params.size * sizeof *owned, 0);
        for (size_t t = 0; t < p.params.tensor_count; ++t) {
            const elbow_tensor *tensor = &p.params.tensors[t];
            if (tensor->offset < p.own) continue;
            bool temperature = strcmp(tensor->name, "estimator.log_temperature") == 0;
            real *slope = owned + tensor->offset;
            double most = 0;
            for (size_t e = 0; e < tensor->count; ++e) {
                slope[e] *= ELBOW_CONTROL_NATS * ELBOW_CONTROL_NATS /
                            (temperature ? ELBOW_RELAXED_CONTROL_EVERY : 1.0);
                most = fmax(most, fabs(slope[e]));
            }
            assert_true(most > 1e-3);
            check_gradient(tensor->name, variance, &p, p.theta + tensor->offset, slope, tensor->count);
        }
        assert_true(estimate(&p, 5).elbo < 0);
        const elbow_tensor *temperature = elbow_params_find(&p.params, "estimator.log_temperature");
        assert_true(p.gradient[temperature->offset] == 0); /* on every fourth step alone */
        drop(&p);
    }
}

/* MuProp's baseline: its expected gradient vanishes at the mean residual, to which it leads from either side. */
static void learned_baseline(void **state) {
    (void)state;
    const setting s = {"muprop", "bernoulli 3", "standard", "analytic", 1, 0, 1};
    double slopes[2];
    for (int side = 0; side < 2; ++side) {
        problem p;
        make(&p, &s, s.estimator, 0);
        p.theta[p.own] = side ? 1 : -1;
        slopes[side] = 0;
        for (uint64_t step = 0; step < 50; ++step) {
            estimate(&p, step);
            slopes[side] += p.gradient[p.own] / (50 * p.objective.weight * BATCH);
        }
        drop(&p);
    }
    /* −(residual − b) / 100 with b = ±100, and residuals of a few nats */
    assert_true(slopes[0] < -0.9 && slopes[0] > -1.1 && slopes[1] > 0.9 && slopes[1] < 1.1);
    assert_true(fabs(slopes[1] - slopes[0] - 2) < 1e-9);
}

/* ---- what it is good for ---- */

/* Σ over the logits of q of the variance of a row's gradient, in units of its weight. */
static double row_variance(problem *p, uint64_t first) {
    double sum[2 * BATCH * WIDTH] = {0}, squares = 0, total = 0, count = 0;
    for (uint64_t step = first; step < first + 200; ++step) {
        size_t at = 0, S = p->latents.samples;
        estimate(p, step);
        S = p->latents.samples;
        count += (double)S;
        for (size_t g = 0; g < p->latents.groups; ++g) {
            const elbow_group *group = &p->latents.layers[0].groups[g];
            size_t width = BATCH * group->q_width;
            for (size_t i = 0; i < S * width; ++i) {
                double own = group->dq[i] * (double)S;
                sum[at + i % width] += own;
                squares += own * own;
            }
            at += width;
        }
    }
    for (size_t i = 0; i < 2 * BATCH * WIDTH; ++i) total += sum[i] * sum[i] / count;
    return (squares - total) / count;
}

/* Owned parameters alone, by Adam. */
static void train(problem *p, size_t steps, double rate) {
    real *mean = hold_zeros(p->params.size), *square = hold_zeros(p->params.size);
    for (size_t step = 0; step < steps; ++step) {
        estimate(p, 1000 + step);
        for (size_t i = p->own; i < p->params.size; ++i) {
            mean[i] = 0.9 * mean[i] + 0.1 * p->gradient[i];
            square[i] = 0.99 * square[i] + 0.01 * p->gradient[i] * p->gradient[i];
            p->theta[i] -= rate * mean[i] / (sqrt(square[i]) + 1e-12);
        }
    }
}

static void less_variance(void **state) {
    (void)state;
    static const char *const latents[] = {"categorical 2x3", "bernoulli 3"};
    static const char *const names[] = {"muprop", "rebar", "relax"};
    for (size_t l = 0; l < 2; ++l) {
        setting s = {"reinforce", latents[l], "standard", "analytic", 0, 0, 8};
        problem p;
        make(&p, &s, "reinforce", 0);
        double plain = row_variance(&p, 0), rebar = 0;
        drop(&p);
        for (size_t n = 0; n < 3; ++n) {
            make(&p, &s, names[n], 0);
            if (n == 2) { /* as it starts: r = 0 */
                const elbow_tensor *first = elbow_params_find(&p.params, "estimator.network.0.weight");
                memcpy(p.theta + first->offset, hold_reals("test.network", first->count, -0.4, 0.4),
                       first->count * sizeof *p.theta);
            }
            double before = row_variance(&p, 0);
            train(&p, 300, 0.02);
            double after = row_variance(&p, 0);
            print_message("%s, %s: variance %.3g, %.3g after training; reinforce x8 %.3g\n", latents[l],
                          names[n], before, after, plain);
            if (n > 0) assert_true(after < 0.95 * before && after < 0.6 * plain);
            if (n == 1) rebar = after;
            if (n == 2) assert_true(after < rebar);
            drop(&p);
        }
    }
}

/* ---- conditional samples ---- */

typedef struct sample_case {
    size_t rows, k; /* k = 1: bits */
    real temperature, *logits, *log_q, *z, *y, *weights;
    uint32_t *words;
} sample_case;

static double sample_loss(void *context) {
    sample_case *c = context;
    if (c->k == 1) {
        elbow_binary_concrete_given(c->y, c->z, c->logits, c->words, c->rows, c->temperature);
    } else {
        elbow_log_softmax(c->log_q, c->logits, c->rows, c->k);
        elbow_gumbel_softmax_given(c->y, c->z, c->log_q, c->words, c->rows, c->k, c->temperature);
    }
    return dot(c->weights, c->y, c->rows * c->k);
}

static void one_sample(size_t rows, size_t k, double temperature) {
    size_t n = rows * k;
    sample_case c = {.rows = rows, .k = k, .temperature = temperature};
    c.logits = hold_reals("test.logits", n, -2, 2);
    c.weights = hold_reals("test.weights", n, -1, 1);
    c.log_q = hold_zeros(n), c.z = hold_zeros(n), c.y = hold_zeros(n);
    c.words = hold(n * sizeof *c.words, 0);
    elbow_stream_rows(elbow_stream_make(5, 0, "test.given"), 0, 0, 0, 1, n, c.words);
    for (size_t r = 0; r < rows; ++r)
        if (k > 1 || r % 2) c.z[r * k + (k > 1 ? r * 7 % k : 0)] = 1;
    real *dlogits = hold_reals("test.old", n, 5, 9), *dy = hold_reals("test.old", n, 5, 9);
    real *t = hold_reals("test.along", n, -1, 1);
    sample_loss(&c);
    if (k == 1) {
        elbow_binary_concrete_given_slope(dlogits, c.y, c.z, c.logits, c.weights, n, temperature);
        elbow_binary_concrete_given_slope(dy, c.y, c.z, c.logits, t, n, temperature);
    } else {
        elbow_gumbel_softmax_given_backward(dlogits, c.y, c.z, c.log_q, c.weights, rows, k, temperature);
        elbow_gumbel_softmax_given_along(dy, c.y, c.z, c.log_q, t, rows, k, temperature);
    }
    double there = dot(dlogits, t, n), back = dot(c.weights, dy, n);
    assert_true(fabs(there - back) < 1e-11 * (1 + fabs(there)));
    check_gradient(k == 1 ? "bits" : "categories", sample_loss, &c, c.logits, dlogits, n > 60 ? 60 : n);
    release_held();
}

static void conditional_samples(void **state) {
    (void)state;
    static const double temperatures[] = {0.1, 0.5, 1, 3};
    for (size_t i = 0; i < 4; ++i) {
        one_sample(40, 1, temperatures[i]);
        one_sample(9, 2, temperatures[i]);
        one_sample(9, 3, temperatures[i]);
        one_sample(3, 20, temperatures[i]);
    }
    one_sample(2, 1500, 0.7); /* longer than a tile */
}

static void refusals(void **state) {
    static const struct {
        const char *name, *latent, *posterior, *prior, *bound, *kl, *bits, *blamed, *mend;
    } cases[] = {
        {"muprop", "gaussian 3", "factorised", "standard", "elbo", "analytic", "0", "estimator.name",
         "pathwise"},
        {"muprop", "bernoulli 3 / bernoulli 2", "factorised", "learned", "elbo", "analytic", "0",
         "estimator.name", "rebar, relax"},
        {"rebar", "bernoulli 3 / bernoulli 2", "factorised / autoregressive", "learned", "elbo", "analytic",
         "0", "estimator.name", "factorised"},
        {"relax", "bernoulli 3 / bernoulli 2", "factorised", "learned / mixture", "elbo", "analytic", "0",
         "model.prior", "learned"},
        {"rebar", "bernoulli 3 / bernoulli 2", "factorised", "learned", "elbo", "analytic", "1",
         "objective.free_bits", "0"},
        {"relax", "bernoulli 3", "autoregressive", "standard", "elbo", "analytic", "0", "estimator.name",
         "factorised"},
        {"rebar", "bernoulli 3", "factorised", "autoregressive", "elbo", "analytic", "0", "model.prior",
         "learned"},
        {"muprop", "bernoulli 3", "factorised", "mixture", "elbo", "analytic", "0", "model.prior",
         "reinforce"},
        {"rebar", "bernoulli 3", "factorised", "standard", "iwae", "analytic", "0", "objective.bound",
         "elbo"},
        {"relax", "bernoulli 3", "factorised", "standard", "elbo", "relaxed", "0", "objective.kl", "sampled"},
        {"rebar", "bernoulli 3", "factorised", "standard", "elbo", "sampled", "1", "objective.free_bits",
         "0"},
    };
    static const elbow_field field = {
        .kind = ELBOW_IMAGE, .height = 2, .width = 2, .channels = 1, .dimensions = 4, .maximum = 255};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        elbow_options *options = NULL;
        assert_int_equal(elbow_options_create(&options), ELBOW_OK);
        set(options, "estimator.name", cases[i].name);
        set(options, "model.latent", cases[i].latent);
        set(options, "model.posterior", cases[i].posterior);
        set(options, "model.prior", cases[i].prior);
        set(options, "objective.bound", cases[i].bound);
        set(options, "objective.kl", cases[i].kl);
        set(options, "objective.free_bits", cases[i].bits);
        expect_refused(options, &field, cases[i].blamed, cases[i].mend, i);
        elbow_options_destroy(&options);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditional_samples), cmocka_unit_test(expectations),
        cmocka_unit_test(owned_gradients),     cmocka_unit_test(learned_baseline),
        cmocka_unit_test(less_variance),       cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
