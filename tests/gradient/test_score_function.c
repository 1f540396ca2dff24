/* The score-function estimators, against the truth. Draws are few and the spaces tiny, so that both are sums over all draws an
 * example can have: the expected objective, differentiated by central differences, and the expected gradient, the estimator
 * being handed every set of draws in turn. They must agree to the last digits; then with its own draws, to their noise.
 *
 * The gradient in z that the score returns is rubbish, of which nothing may be left. */
#include "differences.h"

#include <stdio.h>

#include "elbow/vae/vae.h"
#include "vae/estimator.h"

enum { FEATURES = 3, CONFIGURATIONS = 9, WIDTH = 8, GROUPS = 2, BATCH = 3, DRAWS = 4 };

typedef struct setting {
    const char *estimator, *latent, *posterior, *prior, *kl;
    size_t samples;
    double beta, free_bits;
} setting;

typedef struct score_case {
    const setting *setting;
    elbow_latents latents;
    elbow_estimator estimator;
    elbow_params params;
    elbow_arena *arena;
    elbow_pass pass;
    elbow_objective objective;
    elbow_score score;
    size_t configurations, split, toy; /* toy: offset of the score's parameters, (2, z_width) */
    real *features, *theta, *gradient;
    const real *x; /* (B) */
    const real *z; /* of the score's last forward */
    real rubbish[BATCH * CONFIGURATIONS * WIDTH];
    /* Of all z, after look(): */
    double log_q[CONFIGURATIONS], log_p[CONFIGURATIONS], log_px[CONFIGURATIONS], kl[GROUPS][CONFIGURATIONS];
    real group_z[GROUPS][CONFIGURATIONS * WIDTH], logits[GROUPS][WIDTH]; /* logits: of bits */
    /* What is drawn next, (R), where draws are handed out. */
    elbow_posterior_ops handing[GROUPS];
    size_t drawn[BATCH * DRAWS];
} score_case;

static score_case *current; /* whose draws are handed out */

/* log p(x|z) = 2 sin(a·z + x) + (c·z)² − 5, all of a sign as log-probabilities of data are. */
static void score_forward(void *context, const elbow_pass *pass, real *log_px, const real *z, size_t rows) {
    score_case *c = context;
    size_t width = elbow_latents_width(&c->latents);
    const real *a = pass->parameters + c->toy;
    c->z = z;
    for (size_t r = 0; r < rows; ++r) {
        double square = dot(a + width, z + r * width, width);
        log_px[r] = 2 * sin(dot(a, z + r * width, width) + c->x[r % c->latents.batch]) + square * square - 5;
    }
}

static real *score_backward(void *context, const elbow_pass *pass, const real *weights, size_t rows) {
    score_case *c = context;
    size_t width = elbow_latents_width(&c->latents);
    const real *a = pass->parameters + c->toy;
    real *da = pass->gradients + c->toy;
    for (size_t r = 0; r < rows; ++r) {
        const real *z = c->z + r * width;
        double slope = 2 * cos(dot(a, z, width) + c->x[r % c->latents.batch]),
               square = dot(a + width, z, width);
        for (size_t i = 0; i < width; ++i) {
            da[i] += weights[r] * slope * z[i];
            da[width + i] += weights[r] * 2 * square * z[i];
            c->rubbish[r * width + i] = 1e3 + (double)i;
        }
    }
    return c->rubbish;
}

static void set(elbow_options *options, const char *key, const char *value) {
    char text[256];
    snprintf(text, sizeof text, "%s=%s", key, value);
    assert_int_equal(elbow_options_set(options, text), ELBOW_OK);
}

static elbow_options *options_of(const setting *s) {
    elbow_options *options = NULL;
    char samples[16];
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    snprintf(samples, sizeof samples, "%zu", s->samples);
    set(options, "estimator.name", s->estimator);
    set(options, "estimator.samples", samples);
    set(options, "objective.bound", strcmp(s->estimator, "vimco") == 0 ? "iwae" : "elbo");
    set(options, "objective.kl", s->kl);
    set(options, "model.latent", s->latent);
    set(options, "model.posterior", s->posterior);
    set(options, "model.prior", s->prior);
    set(options, "model.components", "2");
    set(options, "model.decoder", "");
    return options;
}

static void make(score_case *c, const setting *s) {
    elbow_options *options = options_of(s);
    memset(c, 0, sizeof *c);
    c->setting = s;
    elbow_status status = elbow_latents_create(&c->latents, options, FEATURES, 0, &c->params);
    c->split = c->params.size;
    if (status == ELBOW_OK) status = elbow_latents_declare_rest(&c->latents, options, &c->params);
    if (status == ELBOW_OK) status = elbow_estimator_create(&c->estimator, options, &c->latents, &c->params);
    if (status != ELBOW_OK) fail_msg("%s, %s: %s", s->estimator, s->latent, elbow_error_message());
    size_t width = elbow_latents_width(&c->latents);
    assert_int_equal(elbow_params_declare(&c->params, "toy", 2, (size_t[]){2, width}, 1, &c->toy), ELBOW_OK);
    c->configurations = elbow_latents_configurations(&c->latents, CONFIGURATIONS);
    assert_true(c->configurations > 0 && width <= WIDTH);
    assert_int_equal(elbow_arena_create(&c->arena), ELBOW_OK);
    assert_int_equal(
        elbow_latents_reserve(&c->latents, BATCH * CONFIGURATIONS, CONFIGURATIONS, true, c->arena), ELBOW_OK);
    assert_int_equal(elbow_estimator_reserve(&c->estimator, BATCH, c->arena), ELBOW_OK);
    elbow_options_destroy(&options);
    c->theta = hold_parameters(&c->params, "test.theta", 1);
    c->gradient = hold_zeros(c->params.size);
    c->features = hold_reals("test.features", BATCH * FEATURES, -1, 1);
    c->x = hold_reals("test.x", BATCH, -1, 1);
    c->pass = (elbow_pass){
        .parameters = c->theta, .gradients = c->gradient, .seed = 7, .shard = 1, .step = 3, .purpose = ""};
    c->objective =
        (elbow_objective){.temperature = 0.5, .beta = s->beta, .free_bits = s->free_bits, .weight = 0.25};
    c->score = (elbow_score){.context = c, .forward = score_forward, .backward = score_backward};
}

static void drop(score_case *c) {
    elbow_estimator_destroy(&c->estimator);
    elbow_latents_destroy(&c->latents);
    elbow_params_destroy(&c->params);
    elbow_arena_destroy(&c->arena);
    release_held();
}

/* ---- every z, for the first example ---- */

static void look(score_case *c) {
    size_t C = c->configurations;
    real values[CONFIGURATIONS];
    elbow_stochastic *layer = &c->latents.layers[0];
    elbow_latents_forward(&c->latents, &c->pass, c->features, NULL, 1, C);
    const real *z = elbow_latents_enumerate(&c->latents, &c->pass);
    score_forward(c, &c->pass, values, z, C);
    for (size_t i = 0; i < C; ++i) c->log_px[i] = values[i], c->log_q[i] = c->log_p[i] = 0;
    for (size_t g = 0; g < layer->count; ++g) {
        elbow_group *group = &layer->groups[g];
        memcpy(c->group_z[g], group->z, C * group->z_width * sizeof(real));
        memcpy(c->logits[g], group->q, group->variables * sizeof(real));
        elbow_group_kl(group, &c->pass, group->divergence, C, 0);
        for (size_t i = 0; i < C; ++i) c->kl[g][i] = group->kl[i];
        elbow_group_log_q(group, values, C, 0);
        for (size_t i = 0; i < C; ++i) c->log_q[i] += values[i];
        elbow_group_log_p(group, &c->pass, values, C, 0);
        for (size_t i = 0; i < C; ++i) c->log_p[i] += values[i];
    }
}

/* The next set of S draws, as digits; false after the last. */
static bool advance(const score_case *c, size_t *draws) {
    for (size_t s = 0; s < c->setting->samples; ++s) {
        if (++draws[s] < c->configurations) return true;
        draws[s] = 0;
    }
    return false;
}

/* Of an antithetic pair: bits differ either way with σ(−|l|) each, and else both are the likelier. */
static double pair_probability(const score_case *c, const size_t *draws) {
    double product = 1;
    for (size_t g = 0; g < c->latents.groups; ++g) {
        const elbow_group *group = &c->latents.layers[0].groups[g];
        size_t L = group->variables;
        for (size_t l = 0; l < L; ++l) {
            real one = c->group_z[g][draws[0] * L + l], other = c->group_z[g][draws[1] * L + l];
            double rare = 1 / (1 + exp(fabs(c->logits[g][l])));
            if (one != other)
                product *= rare;
            else
                product *= (one == 1) == (c->logits[g][l] > 0) ? 1 - 2 * rare : 0;
        }
    }
    return product;
}

static double probability(const score_case *c, const size_t *draws) {
    double sum = 0;
    for (size_t s = 0; s < c->setting->samples; ++s) sum += c->log_q[draws[s]];
    return exp(sum);
}

/* An example's objective, of one set of draws. */
static double objective_of(const score_case *c, const size_t *draws) {
    size_t S = c->setting->samples;
    double sum = 0, beta = c->setting->beta;
    if (c->estimator.importance) {
        for (size_t s = 0; s < S; ++s) {
            size_t i = draws[s];
            sum += exp(c->log_px[i] + beta * (c->log_p[i] - c->log_q[i]));
        }
        return log(sum / (double)S);
    }
    for (size_t s = 0; s < S; ++s) sum += c->log_px[draws[s]] / (double)S;
    for (size_t g = 0; g < c->latents.groups; ++g) {
        double kl = 0;
        for (size_t s = 0; s < S; ++s) kl += c->kl[g][draws[s]] / (double)S;
        sum -= beta * (c->setting->free_bits > 0 ? fmax(kl, c->setting->free_bits) : kl);
    }
    return sum;
}

static double expected_loss(void *context) {
    score_case *c = context;
    size_t draws[DRAWS] = {0};
    double sum = 0;
    look(c);
    do sum += probability(c, draws) * objective_of(c, draws);
    while (advance(c, draws));
    return -c->objective.weight * sum;
}

/* ---- the estimator, with draws that are handed to it or its own ---- */

static void hand_out(elbow_group *group, const elbow_pass *pass, size_t rows) {
    size_t g = (size_t)(group - current->latents.layers[0].groups), width = group->z_width;
    for (size_t r = 0; r < rows; ++r)
        memcpy(group->z + r * width, current->group_z[g] + current->drawn[r] * width, width * sizeof(real));
    if (group->posterior->condition) group->posterior->condition(group, pass, rows);
}

static void begin_handing(score_case *c) {
    current = c;
    for (size_t g = 0; g < c->latents.groups; ++g) {
        elbow_group *group = &c->latents.layers[0].groups[g];
        c->handing[g] = *group->posterior;
        c->handing[g].sample = hand_out;
        group->posterior = &c->handing[g];
    }
}

/* Examples [first, first + count), into c->gradient. */
static elbow_terms run(score_case *c, size_t first, size_t count) {
    elbow_terms terms = {0};
    const real *x = c->x;
    memset(c->gradient, 0, c->params.size * sizeof(real));
    c->x += first;
    elbow_latents_forward(&c->latents, &c->pass, c->features + first * FEATURES, NULL, count,
                          c->estimator.draws);
    c->estimator.ops->run(&c->estimator, &c->latents, &c->score, &c->pass, &c->objective, &terms);
    elbow_latents_backward(&c->latents, &c->pass);
    c->x = x;
    return terms;
}

static void add(double *sum, double weight, const real *values, size_t n) {
    for (size_t i = 0; i < n; ++i) sum[i] += weight * values[i];
}

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
    };
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i) {
        score_case c;
        make(&c, &settings[i]);
        size_t noisy = 0, size = c.params.size;
        real *sum = hold_zeros(size), *squares = hold_zeros(size);
        for (c.pass.step = 0; c.pass.step < PASSES; ++c.pass.step) {
            run(&c, 0, 1);
            for (size_t p = 0; p < size; ++p)
                sum[p] += c.gradient[p], squares[p] += c.gradient[p] * c.gradient[p];
        }
        for (size_t p = 0; p < size; ++p) {
            const double h = 1e-5, here = c.theta[p], mean = sum[p] / PASSES;
            c.theta[p] = here + h;
            double above = expected_loss(&c);
            c.theta[p] = here - h;
            double truth = (above - expected_loss(&c)) / (2 * h);
            c.theta[p] = here;
            double error = sqrt(fmax(squares[p] / PASSES - mean * mean, 0) / PASSES);
            noisy += error > 0;
            if (!(fabs(mean - truth) <= 5 * error + 1e-8))
                fail_msg("%s, %s: element %zu is %g, truly %g: %g standard errors off", settings[i].estimator,
                         settings[i].latent, p, mean, truth, fabs(mean - truth) / error);
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
        {"reinforce", "bernoulli 3 / bernoulli 2", "2", "elbo", "analytic", "estimator.name", "one layer"},
        {"reinforce", "bernoulli 3", "2", "iwae", "analytic", "objective.bound", "vimco"},
        {"vimco", "bernoulli 3", "2", "elbo", "analytic", "objective.bound", "objective.bound = iwae"},
        {"reinforce", "bernoulli 3", "2", "elbo", "relaxed", "objective.kl", "sampled"},
        {"disarm", "bernoulli 3", "3", "elbo", "analytic", "estimator.samples", "even"},
        {"disarm", "bernoulli 3, categorical 2x2", "2", "elbo", "analytic", "estimator.name", "reinforce"},
        {"disarm", "bernoulli 3", "2", "iwae", "analytic", "objective.bound", "vimco"},
    };
    static const elbow_field field = {
        .kind = ELBOW_IMAGE, .height = 2, .width = 2, .channels = 1, .dimensions = 4, .maximum = 255};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        elbow_options *options = NULL;
        elbow_vae *vae = NULL;
        assert_int_equal(elbow_options_create(&options), ELBOW_OK);
        set(options, "estimator.name", cases[i].name);
        set(options, "model.latent", cases[i].latent);
        set(options, "model.prior", strchr(cases[i].latent, '/') ? "learned" : "standard");
        set(options, "estimator.samples", cases[i].samples);
        set(options, "objective.bound", cases[i].bound);
        set(options, "objective.kl", cases[i].kl);
        assert_int_equal(elbow_vae_create(&vae, options, &field, NULL), ELBOW_USAGE);
        const char *text = elbow_error_message(), *colon = strchr(text, ':');
        if (!colon || !strstr(text, cases[i].blamed) || strstr(text, cases[i].blamed) > colon ||
            !strstr(text, cases[i].mend))
            fail_msg("case %zu: %s", i, text);
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
