/* The score-function estimators, against the truth. Draws are few and the spaces tiny, so that both are sums over all draws an
 * example can have: the expected objective, differentiated by central differences, and the expected gradient, the estimator
 * being handed every set of draws in turn. They must agree to the last digits; then with its own draws, to their noise.
 */
#include "score_case.h"

/* Whether the draws decide if a KL is over the free bits, where draws have a say in it. */
static bool is_undecided(const score_case *c) {
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < c->configurations; ++i) {
        least = fmin(least, c->kl[0][i]);
        most = fmax(most, c->kl[0][i]);
    }
    return most - least < 1e-9 || (least < c->setting->free_bits && c->setting->free_bits < most);
}

static void unbiased(const setting *s) {
    score_case c;
    char what[256];
    size_t draws[DRAWS] = {0};
    bool paired = strcmp(s->estimator, "disarm") == 0;
    make(&c, s);
    snprintf(what, sizeof what, "%s x%zu, %s, %s, %s, %s", s->estimator, s->samples, s->latent, s->posterior,
             s->prior, s->kl);
    real *mean = hold_zeros(c.params.size);
    look(&c);
    assert_true(s->free_bits == 0 || is_undecided(&c));
    begin_handing(&c);
    do {
        memcpy(c.drawn, draws, s->samples * sizeof *draws);
        elbow_terms terms = run(&c, 0, 1);
        double objective = objective_of(&c, draws);
        if (!(fabs(terms.objective - objective) <= 1e-12 * (1 + fabs(objective))))
            fail_msg("%s: the objective is %.15g, plainly %.15g", what, terms.objective, objective);
        assert_true(fabs(terms.elbo - (terms.reconstruction - terms.kl)) <= 1e-12 * (1 + fabs(terms.elbo)));
        add(mean, paired ? pair_probability(&c, draws) : probability(&c, draws), c.gradient, c.params.size);
    } while (advance(&c, draws));
    check_gradient(what, expected_loss, &c, c.theta, mean, c.params.size);
    check_gaps(&c.params, mean);
    drop(&c);
}

static void expectations(void **state) {
    (void)state;
    static const setting settings[] = {
        {"reinforce", "categorical 2x3", "factorised", "standard", "analytic", 2, 1, 0},
        {"reinforce", "categorical 2x3", "factorised", "learned", "analytic", 3, 1.7, 0},
        {"reinforce", "categorical 2x3", "factorised", "learned", "sampled", 2, 1.3, 0},
        {"reinforce", "categorical 2x3", "autoregressive", "autoregressive", "analytic", 2, 1.3, 0},
        {"reinforce", "categorical 2x3", "autoregressive", "learned", "sampled", 3, 0.6, 0},
        {"reinforce", "categorical 1x4", "factorised", "mixture", "analytic", 3, 1, 0},
        {"reinforce", "bernoulli 3", "factorised", "standard", "analytic", 3, 1, 0},
        {"reinforce", "bernoulli 3", "autoregressive", "learned", "analytic", 2, 2, 0},
        {"reinforce", "bernoulli 3", "factorised", "autoregressive", "sampled", 2, 0, 0},
        {"reinforce", "categorical 1x3, bernoulli 1", "factorised", "learned", "analytic", 2, 1.3, 0},
        /* free bits that some sets of draws have, and others do not */
        {"reinforce", "categorical 2x3", "factorised", "standard", "analytic", 2, 1, 0.1},
        {"reinforce", "categorical 2x3", "factorised", "standard", "analytic", 2, 1, 5},
        {"reinforce", "categorical 2x3", "autoregressive", "autoregressive", "analytic", 3, 1.3, 1.5},
        {"reinforce", "bernoulli 3", "autoregressive", "learned", "sampled", 3, 1.3, 0.15},
        {"reinforce", "categorical 2x3", "factorised", "learned", "sampled", 2, 1.3, 0.5},
        {"vimco", "categorical 2x3", "factorised", "standard", "analytic", 2, 1, 0},
        {"vimco", "categorical 2x3", "factorised", "learned", "analytic", 3, 1.4, 0},
        {"vimco", "categorical 2x3", "autoregressive", "autoregressive", "analytic", 2, 0.7, 0},
        {"vimco", "bernoulli 3", "factorised", "learned", "analytic", 2, 1, 0},
        {"vimco", "bernoulli 3", "autoregressive", "mixture", "analytic", 3, 0, 0},
        {"vimco", "categorical 1x3, bernoulli 1", "factorised", "learned", "analytic", 4, 1, 0},
        {"disarm", "bernoulli 3", "factorised", "standard", "analytic", 2, 1, 0},
        {"disarm", "bernoulli 3", "factorised", "learned", "analytic", 2, 1, 0.05},
        {"disarm", "bernoulli 3", "factorised", "learned", "analytic", 2, 1, 5},
        {"disarm", "bernoulli 3", "factorised", "autoregressive", "analytic", 2, 1.4, 0},
        {"disarm", "bernoulli 2, bernoulli 1", "factorised", "mixture, learned", "sampled", 2, 1.4, 0},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i) unbiased(&settings[i]);
}

/* Examples side by side get what each gets alone. */
static void batches(void **state) {
    static const setting settings[] = {
        {"reinforce", "categorical 2x3", "autoregressive", "learned", "analytic", 3, 1.3, 0.6},
        {"vimco", "bernoulli 3", "autoregressive", "learned", "analytic", 3, 1.3, 0},
        {"disarm", "bernoulli 3", "factorised", "learned", "sampled", 4, 1.3, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i) {
        score_case c;
        size_t S = settings[i].samples, together[BATCH * DRAWS];
        make(&c, &settings[i]);
        real *sum = hold_zeros(c.params.size);
        look(&c);
        begin_handing(&c);
        for (size_t r = 0; r < BATCH * S; ++r) together[r] = r * r % c.configurations;
        for (size_t b = 0; b < BATCH; ++b) {
            for (size_t s = 0; s < S; ++s) c.drawn[s] = together[s * BATCH + b];
            run(&c, b, 1);
            add(sum, 1, c.gradient, c.params.size);
        }
        memcpy(c.drawn, together, BATCH * S * sizeof *together);
        run(&c, 0, BATCH);
        for (size_t p = 0; p < c.params.size; ++p)
            assert_true(fabs(sum[p] - c.gradient[p]) <= 1e-12 * (1 + fabs(sum[p])));
        drop(&c);
    }
}

/* With its own draws: each mean within 5 of its standard errors of the truth, by differences. */
static void own_draws(void **state) {
    enum { PASSES = 12000 };
    static const setting settings[] = {
        {"reinforce", "categorical 2x3", "factorised", "learned", "sampled", 2, 1, 0},
        {"reinforce", "bernoulli 3", "autoregressive", "standard", "analytic", 4, 1.2, 0},
        {"vimco", "categorical 2x3", "autoregressive", "learned", "analytic", 2, 1, 0},
        {"vimco", "bernoulli 3", "factorised", "standard", "analytic", 2, 1, 0},
        {"disarm", "bernoulli 2, bernoulli 1", "factorised", "learned", "sampled", 4, 1.2, 0},
        {"arm", "bernoulli 2, bernoulli 1", "factorised", "autoregressive, mixture", "analytic", 2, 1.2, 0},
        {"arsm", "categorical 2x3", "factorised", "standard", "analytic", 1, 1, 0.05},
        {"arsm", "categorical 2x3", "factorised", "autoregressive", "analytic", 1, 1.3, 0},
        {"arsm", "categorical 1x4, bernoulli 1", "factorised", "learned", "sampled", 1, 1.2, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i) {
        score_case c;
        make(&c, &settings[i]);
        size_t noisy = 0, size = c.params.size;
        real *mean = hold_zeros(size), *variance = hold_zeros(size);
        find_moments(&c, PASSES, mean, variance, size);
        for (size_t p = 0; p < size; ++p) {
            const double h = 1e-5, here = c.theta[p];
            c.theta[p] = here + h;
            double above = expected_loss(&c);
            c.theta[p] = here - h;
            double truth = (above - expected_loss(&c)) / (2 * h);
            c.theta[p] = here;
            double error = sqrt(variance[p] / PASSES);
            noisy += error > 0;
            if (!(fabs(mean[p] - truth) <= 5 * error + 1e-8))
                fail_msg("%s, %s: element %zu is %g, truly %g: %g standard errors off", settings[i].estimator,
                         settings[i].latent, p, mean[p], truth, fabs(mean[p] - truth) / error);
        }
        assert_true(noisy > 0);
        drop(&c);
    }
}

/* q's gradient with each draw's signal, and with the objective itself in its place: Σ of its variances. β = 0 leaves nothing
 * but signals in it. */
static void baselines(void **state) {
    static const setting settings[] = {
        {"reinforce", "categorical 2x3", "factorised", "standard", "analytic", 2, 0, 0},
        {"reinforce", "bernoulli 3", "factorised", "standard", "analytic", 3, 0, 0},
        {"vimco", "categorical 2x3", "factorised", "standard", "analytic", 3, 0, 0},
        {"vimco", "bernoulli 3", "autoregressive", "standard", "analytic", 3, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i) {
        score_case c;
        make(&c, &settings[i]);
        size_t draws[DRAWS] = {0}, S = settings[i].samples;
        elbow_group *group = &c.latents.layers[0].groups[0];
        real *mean = hold_zeros(c.split), *plain_mean = hold_zeros(c.split);
        double square = 0, plain_square = 0;
        look(&c);
        begin_handing(&c);
        do {
            real weights[DRAWS];
            double q = probability(&c, draws);
            memcpy(c.drawn, draws, S * sizeof *draws);
            run(&c, 0, 1);
            add(mean, q, c.gradient, c.split);
            square += q * dot(c.gradient, c.gradient, c.split);
            for (size_t s = 0; s < S; ++s)
                weights[s] = -c.objective.weight * (c.estimator.importance ? objective_of(&c, draws)
                                                                           : c.log_px[draws[s]] / (double)S);
            memset(c.gradient, 0, c.params.size * sizeof(real));
            memset(group->dq, 0, S * group->q_width * sizeof(real));
            elbow_group_log_q_backward(group, weights, S, 0, false);
            elbow_latents_backward(&c.latents, &c.pass);
            add(plain_mean, q, c.gradient, c.split);
            plain_square += q * dot(c.gradient, c.gradient, c.split);
        } while (advance(&c, draws));
        for (size_t p = 0; p < c.split; ++p) assert_true(fabs(mean[p] - plain_mean[p]) <= 1e-12);
        double variance = square - dot(mean, mean, c.split);
        double plain = plain_square - dot(plain_mean, plain_mean, c.split);
        if (!(variance > 0 && variance < 0.3 * plain))
            fail_msg("%s, %s: variance %g, %g without the baseline", settings[i].estimator,
                     settings[i].latent, variance, plain);
        drop(&c);
    }
}

static void refusals(void **state) {
    static const struct {
        const char *name, *latent, *samples, *bound, *kl, *blamed, *mend;
    } cases[] = {
        {"reinforce", "bernoulli 3", "1", "elbo", "analytic", "estimator.samples", "2 or more"},
        {"vimco", "bernoulli 3", "1", "iwae", "analytic", "estimator.samples", "2 or more"},
        {"reinforce", "gaussian 3", "2", "elbo", "analytic", "estimator.name", "pathwise"},
        {"vimco", "bernoulli 3, gaussian 3", "2", "iwae", "analytic", "estimator.name", "gumbel-softmax"},
        {"disarm", "bernoulli 3 / bernoulli 2", "2", "elbo", "analytic", "estimator.name", "one layer"},
        {"reinforce", "bernoulli 3", "2", "iwae", "analytic", "objective.bound", "vimco"},
        {"vimco", "bernoulli 3", "2", "elbo", "analytic", "objective.bound", "objective.bound = iwae"},
        {"reinforce", "bernoulli 3", "2", "elbo", "relaxed", "objective.kl", "sampled"},
        {"disarm", "bernoulli 3", "3", "elbo", "analytic", "estimator.samples", "even"},
        {"disarm", "bernoulli 3, categorical 2x2", "2", "elbo", "analytic", "estimator.name", "reinforce"},
        {"disarm", "bernoulli 3", "2", "iwae", "analytic", "objective.bound", "vimco"},
        {"arm", "bernoulli 3", "1", "elbo", "analytic", "estimator.samples", "2 or more"},
        {"arm", "categorical 3x2", "2", "elbo", "analytic", "estimator.name", "arsm"},
        {"arsm", "categorical 2x3", "1", "iwae", "analytic", "objective.bound", "vimco"},
        {"arsm", "categorical 2x3, gaussian 1", "1", "elbo", "analytic", "estimator.name", "gumbel-softmax"},
        {"arsm", "categorical 2x3 / bernoulli 2", "1", "elbo", "analytic", "estimator.name", "one layer"},
        {"arsm", "categorical 1x400", "1", "elbo", "analytic", "estimator.name", "fewer categories"},
    };
    static const elbow_field field = {
        .kind = ELBOW_IMAGE, .height = 2, .width = 2, .channels = 1, .dimensions = 4, .maximum = 255};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        elbow_options *options = NULL;
        assert_int_equal(elbow_options_create(&options), ELBOW_OK);
        set(options, "estimator.name", cases[i].name);
        set(options, "model.latent", cases[i].latent);
        set(options, "model.prior", strchr(cases[i].latent, '/') ? "learned" : "standard");
        set(options, "estimator.samples", cases[i].samples);
        set(options, "objective.bound", cases[i].bound);
        set(options, "objective.kl", cases[i].kl);
        expect_refused(options, &field, cases[i].blamed, cases[i].mend, i);
        elbow_options_destroy(&options);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expectations), cmocka_unit_test(batches),  cmocka_unit_test(own_draws),
        cmocka_unit_test(baselines),    cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
