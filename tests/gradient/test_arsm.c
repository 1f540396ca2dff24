/* ARSM draw by draw against the paper's formula, all swaps made one by one; test_score_function.c has its expectation. And how its
 * variance, and that of ARM, compare with others'. */
#include "score_case.h"

#include "math/gumbel.h"

static size_t categories_of(const elbow_group *group) { return group->z_size > 1 ? group->categories : 2; }

/* π e^−φ of a variable's categories in words and q, and 1 − K π: of a bit, those of 1 and of 0. */
static void plain_noise(const elbow_group *group, size_t l, double *pi, double *logits) {
    size_t K = categories_of(group);
    double sum = 0;
    if (group->z_size == 1) {
        double u = ((double)group->words[l] + 0.5) / 4294967296.0;
        pi[0] = 1 - u, pi[1] = u;
        logits[0] = group->q[l], logits[1] = 0;
        return;
    }
    for (size_t k = 0; k < K; ++k) sum += pi[k] = elbow_exponential_of_word(group->words[l * K + k]);
    for (size_t k = 0; k < K; ++k) pi[k] /= sum, logits[k] = group->q[l * K + k];
}

/* f of what a row becomes where all variables of K categories swap c and j. */
static double plain_value(const score_case *c, size_t K, size_t first, size_t second) {
    const elbow_stochastic *layer = &c->latents.layers[0];
    size_t index = 0, base = 1;
    double f = 0, pi[WIDTH], logits[WIDTH];
    for (size_t g = 0; g < layer->count; ++g) {
        const elbow_group *group = &layer->groups[g];
        size_t own = categories_of(group);
        for (size_t l = 0; l < group->variables; ++l, base *= own) {
            size_t best = 0;
            plain_noise(group, l, pi, logits);
            double kept = pi[first];
            if (own == K) pi[first] = pi[second], pi[second] = kept;
            for (size_t k = 1; k < own; ++k)
                if (log(pi[k]) - logits[k] < log(pi[best]) - logits[best]) best = k;
            index += base * (group->z_size == 1 ? best == 0 : best);
        }
    }
    f = c->log_px[index];
    for (size_t g = 0; g < layer->count; ++g) f -= c->setting->beta * c->kl[g][index];
    return f;
}

/* One draw's gradient by the paper's formula. With a sampled KL, and with β = 0, q has no other. */
static void plain_arsm(void **state) {
    static const setting settings[] = {
        {"arsm", "categorical 2x3", "factorised", "learned", "sampled", 1, 1.3, 0},
        {"arsm", "categorical 1x8", "factorised", "standard", "analytic", 1, 0, 0},
        {"arsm", "categorical 1x3, bernoulli 1", "factorised", "mixture, learned", "sampled", 1, 0.7, 0},
        {"arsm", "bernoulli 3", "factorised", "autoregressive", "sampled", 1, 1, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i) {
        score_case c;
        size_t moved = 0;
        make(&c, &settings[i]);
        look(&c);
        for (c.pass.step = 0; c.pass.step < 200; ++c.pass.step) {
            elbow_terms terms = {0};
            elbow_stochastic *layer = &c.latents.layers[0];
            c.score.evaluate = c.pass.step % 2 ? score_evaluate : NULL;
            elbow_latents_forward(&c.latents, &c.pass, c.features, NULL, 1, 1);
            c.estimator.ops->run(&c.estimator, &c.latents, &c.score, &c.pass, &c.objective, &terms);
            for (size_t g = 0; g < layer->count; ++g) {
                const elbow_group *group = &layer->groups[g];
                size_t K = categories_of(group);
                for (size_t v = 0; v < group->variables * K; ++v) {
                    double pi[WIDTH], logits[WIDTH], sum = 0;
                    if (group->z_size == 1 && v % K != 0) continue;
                    plain_noise(group, v / K, pi, logits);
                    for (size_t j = 0; j < K; ++j) {
                        double mean = 0;
                        for (size_t m = 0; m < K; ++m) mean += plain_value(&c, K, m, j) / (double)K;
                        sum += (plain_value(&c, K, v % K, j) - mean) * (1 - (double)K * pi[j]) / (double)K;
                    }
                    double own = group->dq[group->z_size == 1 ? v / K : v];
                    moved += own != 0;
                    if (!(fabs(own + c.objective.weight * sum) <= 1e-12))
                        fail_msg("%s, step %zu, element %zu: %.15g, plainly %.15g", settings[i].latent,
                                 (size_t)c.pass.step, v, own, -c.objective.weight * sum);
                }
            }
        }
        assert_true(moved > 100);
        drop(&c);
    }
}

/* Rows that are scored close together are those that are scored as draws are laid out. */
static void packed_rows(void **state) {
    static const setting s = {
        "arsm", "categorical 1x3, bernoulli 1", "factorised", "autoregressive, learned", "sampled", 3, 1, 0};
    score_case c;
    (void)state;
    make(&c, &s);
    for (c.pass.step = 0; c.pass.step < 20; ++c.pass.step) {
        c.score.evaluate = NULL;
        elbow_terms in_rows = run(&c, 0, BATCH);
        real *kept = hold_zeros(c.params.size);
        memcpy(kept, c.gradient, c.params.size * sizeof *kept);
        c.score.evaluate = score_evaluate;
        elbow_terms packed = run(&c, 0, BATCH);
        assert_memory_equal(kept, c.gradient, c.params.size * sizeof *kept);
        assert_memory_equal(&in_rows, &packed, sizeof packed);
    }
    drop(&c);
}

/* Σ of the variances of q's gradient, over many passes. */
static double variance_of(const char *estimator, const char *latent, size_t samples) {
    enum { PASSES = 4000 };
    setting s = {estimator, latent, "factorised", "standard", "analytic", samples, 0, 0};
    score_case c;
    double variance = 0;
    make(&c, &s);
    real *means = hold_zeros(c.split), *variances = hold_zeros(c.split);
    find_moments(&c, PASSES, means, variances, c.split);
    for (size_t p = 0; p < c.split; ++p) variance += variances[p];
    drop(&c);
    return variance;
}

static void variances(void **state) {
    (void)state;
    double arm = variance_of("arm", "bernoulli 3", 2), disarm = variance_of("disarm", "bernoulli 3", 2);
    double arsm = variance_of("arsm", "categorical 2x3", 1);
    double reinforce = variance_of("reinforce", "categorical 2x3", 2);
    print_message(
        "variances: bernoulli 3: arm %.3g, disarm %.3g, reinforce x2 %.3g; categorical 2x3: arsm %.3g, "
        "reinforce x2 %.3g\n",
        arm, disarm, variance_of("reinforce", "bernoulli 3", 2), arsm, reinforce);
    assert_true(disarm < 0.95 * arm && disarm > 0);
    assert_true(arsm < reinforce && arsm > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_arsm),
        cmocka_unit_test(packed_rows),
        cmocka_unit_test(variances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
