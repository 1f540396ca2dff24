/* Control variates of several layers of latents: f_i at points of layer i, where the layers above follow from them, against f_i
 * of the draws, and its slope against central differences; and what the estimators own, against differences of the variance
 * that it is learned by. That the estimators have no bias is in test_layers.c. */
#include "small_model.h"

#include "vae/control.h"
#include "vae/relaxed_control.h"
#include "vae/vae_inside.h"

enum { SETTINGS = 7 };

static const setting settings[SETTINGS] = {
    {{"model.latent=bernoulli 3 / bernoulli 2", "model.prior=learned", "model.encoder=5 / 3",
      "model.decoder=4 / 3"},
     false,
     0},
    {{"model.latent=categorical 2x3 / bernoulli 2", "model.prior=learned / standard", "objective.kl=sampled"},
     false,
     0},
    {{"model.latent=bernoulli 2 / categorical 2x3 / bernoulli 2", "model.prior=learned",
      "model.encoder=5 / / 3", "model.decoder=4 / 3"},
     false,
     0},
    {{"model.latent=bernoulli 2, categorical 1x3 / bernoulli 1, categorical 1x3", "model.prior=learned",
      "objective.kl=sampled", "model.encoder=5 / 3"},
     false,
     0},
    {{"model.latent=bernoulli 3 / bernoulli 2", "model.prior=learned", "model.encoder=5 / 3",
      "model.decoder=4 / 3 / 3"},
     true,
     0},
    {{"model.latent=categorical 2x3 / bernoulli 2", "model.kind=predictor", "model.encoder=5 / 3"}, true, 0},
    {{"model.latent=bernoulli 2 / bernoulli 1 / categorical 1x3", "model.kind=predictor"}, true, 0},
};

/* Settings, and more of them. */
static void make_with(model *m, const setting *s, const char *estimator, const char *samples) {
    const char *all[12] = {estimator, samples, "estimator.hidden=4"};
    for (size_t i = 0; s->settings[i]; ++i) all[3 + i] = s->settings[i];
    make(m, all, s->given, 0);
}

/* ---- f_i at points ---- */

typedef struct looking {
    model m;
    elbow_score score;
    elbow_control_point at;
    real *points[STOCHASTIC_GROUPS], *f, *ones, *dz;
    const real *z;
} looking;

/* log p(x|z) = 3 sin(Σ_i (i + 1) z_i / 4) − 5 */
static double angle(const real *z, size_t width) {
    double sum = 0;
    for (size_t i = 0; i < width; ++i) sum += (double)(i + 1) * z[i] / 4;
    return sum;
}

static void score_forward(void *context, const elbow_pass *pass, real *log_px, const real *z, size_t rows) {
    looking *l = context;
    size_t width = elbow_latents_width(&l->m.vae->latents);
    (void)pass;
    l->z = z;
    for (size_t r = 0; r < rows; ++r) log_px[r] = 3 * sin(angle(z + r * width, width)) - 5;
}

static real *score_backward(void *context, const elbow_pass *pass, const real *weights, size_t rows) {
    looking *l = context;
    size_t width = elbow_latents_width(&l->m.vae->latents);
    (void)pass;
    for (size_t r = 0; r < rows; ++r)
        for (size_t i = 0; i < width; ++i)
            l->dz[r * width + i] = weights[r] * 3 * cos(angle(l->z + r * width, width)) * (double)(i + 1) / 4;
    return l->dz;
}

/* Draws; f of them, (layers, rows). */
static real *draw(looking *l, const setting *s) {
    memset(l, 0, sizeof *l);
    make_with(&l->m, s, "estimator.name=rebar", "estimator.samples=2");
    elbow_latents *latents = &l->m.vae->latents;
    elbow_terms terms = {0};
    elbow_vae_encode(l->m.vae, &l->m.pass, &l->m.batch);
    size_t rows = latents->rows;
    assert_int_equal(rows, 2 * ROWS);
    l->score = (elbow_score){.context = l, .forward = score_forward, .backward = score_backward};
    l->dz = hold_zeros(rows * elbow_latents_width(latents));
    l->f = hold_zeros(rows);
    l->ones = hold_zeros(rows);
    real *f = hold_zeros(latents->count * rows);
    const real *z = elbow_latents_sample(latents, &l->m.pass);
    elbow_score_function_draws(&l->m.vae->estimator, latents, &l->score, &l->m.pass, &l->m.objective, z, f,
                               &terms);
    return f;
}

static void put_points(looking *l, size_t layer, double between, double temperature) {
    const elbow_stochastic *at = &l->m.vae->latents.layers[layer];
    for (size_t g = 0; g < at->count; ++g) {
        const elbow_group *group = &at->groups[g];
        size_t count = l->m.vae->latents.rows * group->z_width;
        const real *moves = hold_reals("test.points", count, 0, between);
        l->points[g] = hold_zeros(count);
        for (size_t i = 0; i < count; ++i)
            l->points[g][i] = group->z[i] + (group->z[i] > 0 ? -moves[i] : moves[i]);
    }
    l->at = (elbow_control_point){layer, l->points, temperature};
}

static double evaluate(void *context) {
    looking *l = context;
    double sum = 0;
    elbow_control_evaluate(&l->m.vae->latents, &l->score, &l->m.pass, &l->m.objective, &l->at, l->f, l->ones,
                           l->m.vae->latents.rows);
    for (size_t r = 0; r < l->m.vae->latents.rows; ++r) sum += l->f[r];
    return sum;
}

/* Where points are the draws, and nothing above them is between values, they have f of the draws. */
static void values(void **state) {
    (void)state;
    for (size_t i = 0; i < SETTINGS; ++i) {
        looking l;
        const real *f = draw(&l, &settings[i]);
        size_t rows = l.m.vae->latents.rows;
        for (size_t layer = l.m.vae->latents.count; layer-- > 0;) {
            put_points(&l, layer, 0, 1e-6);
            evaluate(&l);
            for (size_t r = 0; r < rows; ++r)
                if (!(fabs(l.f[r] - f[layer * rows + r]) < 1e-9))
                    fail_msg("case %zu, layer %zu, row %zu: %.12g, and %.12g of the draws", i, layer, r,
                             l.f[r], f[layer * rows + r]);
        }
        drop(&l.m);
    }
}

/* Between values, and without a trace in the parameters' gradients. */
static void slopes(void **state) {
    (void)state;
    for (size_t i = 0; i < SETTINGS; ++i) {
        looking l;
        draw(&l, &settings[i]);
        size_t size = elbow_vae_params(l.m.vae)->size;
        const real *before = hold_copy(l.m.gradient, size * sizeof *before, 0);
        for (size_t layer = l.m.vae->latents.count; layer-- > 0;) {
            const elbow_stochastic *at = &l.m.vae->latents.layers[layer];
            real *slope[STOCHASTIC_GROUPS];
            put_points(&l, layer, 0.4, 0.7);
            evaluate(&l);
            for (size_t g = 0; g < at->count; ++g)
                slope[g] = hold_copy(at->groups[g].dz,
                                     l.m.vae->latents.rows * at->groups[g].z_width * sizeof(real), 0);
            for (size_t g = 0; g < at->count; ++g)
                check_gradient(settings[i].settings[0], evaluate, &l, l.points[g], slope[g],
                               l.m.vae->latents.rows * at->groups[g].z_width);
        }
        assert_memory_equal(before, l.m.gradient, size * sizeof *before);
        drop(&l.m);
    }
}

/* ---- the objective of what they own ---- */

/* Of one row, whose gradient in the logits is that of the posteriors' biases: its square, all layers', times NATS². */
static double variance(void *context) {
    model *m = context;
    double sum = 0;
    const elbow_params *params = elbow_vae_params(m->vae);
    memset(m->scratch, 0, params->size * sizeof *m->scratch);
    through(m, m->scratch);
    for (size_t t = 0; t < params->tensor_count; ++t) {
        const elbow_tensor *tensor = &params->tensors[t];
        if (!strncmp(tensor->name, "posterior.", 10) && strstr(tensor->name, ".bias"))
            sum += dot(m->scratch + tensor->offset, m->scratch + tensor->offset, tensor->count);
    }
    return sum / m->objective.weight;
}

static void owned_of(const setting *s, const char *estimator) {
    model m;
    make_with(&m, s, estimator, "objective.kl=sampled"); /* no gradient of a closed KL beside it */
    m.batch.rows = 1;
    m.pass.step = 4; /* on every fourth step λ has a gradient */
    const elbow_params *params = elbow_vae_params(m.vae);
    variance(&m);
    real *owned = hold_copy(m.scratch, params->size * sizeof *owned, 0);
    size_t tensors = 0;
    for (size_t t = 0; t < params->tensor_count; ++t) {
        const elbow_tensor *tensor = &params->tensors[t];
        if (strncmp(tensor->name, "estimator.", 10)) continue;
        bool temperature = strcmp(tensor->name, "estimator.log_temperature") == 0;
        real *slope = owned + tensor->offset;
        if (tensor->dims == 1 && strstr(tensor->name, "log_"))
            assert_int_equal(tensor->count, m.vae->latents.count);
        for (size_t e = 0; e < tensor->count; ++e)
            slope[e] *= ELBOW_CONTROL_NATS * ELBOW_CONTROL_NATS /
                        (temperature ? (double)ELBOW_RELAXED_CONTROL_EVERY : 1.0);
        assert_true(dot(slope, slope, tensor->count) > 0);
        check_gradient(tensor->name, variance, &m, m.theta + tensor->offset, slope, tensor->count);
        tensors++;
    }
    bool network = strstr(estimator, "relax") != NULL;
    assert_int_equal(tensors, 2 + (network ? 4 * m.vae->latents.count : 0));
    drop(&m);
}

static void owned_gradients(void **state) {
    (void)state;
    for (size_t i = 0; i < SETTINGS; ++i)
        owned_of(&settings[i], i % 3 == 1 ? "estimator.name=rebar" : "estimator.name=relax");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(values), cmocka_unit_test(slopes),
                                       cmocka_unit_test(owned_gradients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
