/* Sequence likelihoods: gradients on ragged batches of several draws, values against plain loops, probabilities that
 * sum to one, what is generated against those probabilities. In double, where none of it needs slack. */
#include "differences.h"

#include <stdio.h>

#include "nn/pass.h"
#include "unit/sequences.h"
#include "vae/sequence.h"

static const char *const members[] = {"gru 5", "transformer 2x6x3"};
enum { MEMBERS = sizeof members / sizeof *members, FEATURES = 3 };

typedef struct model {
    elbow_likelihood likelihood;
    elbow_params params;
    elbow_arena *arena;
    elbow_options *options;
    elbow_field field;
    elbow_pass pass;
    real *theta;
} model;

/* A model of random parameters over (−most, most). The field lives in it. */
static void make_model(model *m, const char *member, elbow_field field, const char *dropout, size_t rows,
                       bool training, double most) {
    char setting[96];
    const elbow_shape features = elbow_shape_flat(FEATURES);
    *m = (model){.field = field};
    assert_int_equal(elbow_arena_create(&m->arena), ELBOW_OK);
    assert_int_equal(elbow_options_create(&m->options), ELBOW_OK);
    snprintf(setting, sizeof setting, "model.likelihood=%s", member);
    assert_int_equal(elbow_options_set(m->options, setting), ELBOW_OK);
    assert_int_equal(elbow_options_set(m->options, "model.embedding=3"), ELBOW_OK);
    snprintf(setting, sizeof setting, "model.word_dropout=%s", dropout);
    assert_int_equal(elbow_options_set(m->options, setting), ELBOW_OK);
    if (elbow_likelihood_create(&m->likelihood, m->options, &features, &m->field, &m->params) != ELBOW_OK)
        fail_msg("%s", elbow_error_message());
    assert_int_equal(m->likelihood.ops->reserve(&m->likelihood, rows, training, m->arena), ELBOW_OK);
    m->theta = hold_parameters(&m->params, "test.theta", most);
    m->pass =
        (elbow_pass){.parameters = m->theta, .seed = 3, .shard = 1, .step = 9, .example = 20, .purpose = ""};
}

static void destroy_model(model *m) {
    elbow_likelihood_destroy(&m->likelihood);
    elbow_params_destroy(&m->params);
    elbow_options_destroy(&m->options);
    elbow_arena_destroy(&m->arena);
}

static const real *tensor(const model *m, const char *name) {
    const elbow_tensor *found = elbow_params_find(&m->params, name);
    assert_non_null(found);
    return m->theta + found->offset;
}

/* ---- gradients ---- */

typedef struct loss_case {
    model m;
    elbow_values x;
    size_t rows, batch;
    real *features, *log_px, *weights;
} loss_case;

static double loss(void *context) {
    loss_case *c = context;
    c->m.likelihood.ops->forward(&c->m.likelihood, &c->m.pass, c->log_px, c->features, &c->x, c->rows,
                                 c->batch);
    return dot(c->weights, c->log_px, c->rows);
}

static void one_gradient(const char *member, const uint32_t *lengths, size_t batch, size_t draws,
                         bool terminated, const char *dropout) {
    loss_case c = {.rows = draws * batch, .batch = batch};
    make_model(&c.m, member, sequence_field(4, 7, terminated), dropout, c.rows + 2, true, 0.5);
    elbow_examples examples = random_examples(&c.m.field, lengths, batch, c.m.arena);
    c.x = packed(&examples, c.m.arena);
    real *gradient = hold_zeros(c.m.params.size);
    c.m.pass.gradients = gradient;
    c.features = hold_reals("test.features", c.rows * FEATURES, -2, 2);
    c.log_px = hold_zeros(c.rows);
    c.weights = hold_reals("test.weights", c.rows, -2, 2);
    c.weights[0] = 0;
    real *dfeatures = hold_reals("test.old", c.rows * FEATURES, 5, 9);
    loss(&c);
    c.m.likelihood.ops->backward(&c.m.likelihood, &c.m.pass, dfeatures, c.weights, c.features, c.rows);
    check_gradient(member, loss, &c, c.features, dfeatures, c.rows * FEATURES);
    check_gradient(member, loss, &c, c.m.theta, gradient, c.m.params.size);
    check_gaps(&c.m.params, gradient);
    for (size_t i = 0; i < FEATURES; ++i) assert_true(dfeatures[i] == 0);

    /* Frozen: the features' gradient alone. */
    real *before = hold_copy(gradient, c.m.params.size * sizeof *gradient, 0);
    real *again = hold_reals("test.old", c.rows * FEATURES, 5, 9);
    c.m.pass.frozen = true;
    loss(&c);
    c.m.likelihood.ops->backward(&c.m.likelihood, &c.m.pass, again, c.weights, c.features, c.rows);
    assert_memory_equal(again, dfeatures, c.rows * FEATURES * sizeof *again);
    assert_memory_equal(gradient, before, c.m.params.size * sizeof *gradient);
    destroy_model(&c.m);
    release_held();
}

static void gradients(void **state) {
    (void)state;
    static const uint32_t ragged[] = {3, 7, 1, 3, 6}, even[] = {4, 4}, ones[] = {1, 1, 1};
    for (int i = 0; i < MEMBERS; ++i) {
        one_gradient(members[i], ragged, 5, 2, false, "0");
        one_gradient(members[i], ragged, 5, 1, true, "0.5");
        one_gradient(members[i], even, 2, 3, true, "0");
        one_gradient(members[i], ones, 3, 2, false, "1");
        one_gradient(members[i], ragged, 1, 1, false, "0");
    }
}

/* Logits that are computed twice, in blocks, give what kept ones give. */
static void blocks(void **state) {
    (void)state;
    enum { WIDTH = 4, SYMBOLS = 6, TOKENS = 11 };
    elbow_params params = {0};
    elbow_arena *arena = NULL;
    elbow_symbols symbols;
    double log_p[2][TOKENS];
    uint32_t targets[TOKENS];
    for (uint32_t i = 0; i < TOKENS; ++i) targets[i] = i * i % SYMBOLS;
    assert_int_equal(elbow_arena_create(&arena), ELBOW_OK);
    assert_int_equal(elbow_symbols_create(&symbols, WIDTH, SYMBOLS, &params), ELBOW_OK);
    assert_int_equal(elbow_symbols_reserve(&symbols, TOKENS, true, arena), ELBOW_OK);
    assert_true(symbols.kept);
    const real *theta = hold_parameters(&params, "test.theta", 1),
               *h = hold_reals("test.h", TOKENS * WIDTH, -2, 2);
    const real *weights = hold_reals("test.weights", TOKENS, -2, 2);
    real *dh[2], *gradient[2];
    for (int again = 0; again < 2; ++again) {
        symbols.kept = !again;
        if (again) symbols.block = 4;
        dh[again] = hold_zeros(TOKENS * WIDTH);
        gradient[again] = hold_zeros(params.size);
        elbow_pass pass = {.parameters = theta, .gradients = gradient[again], .purpose = ""};
        elbow_symbols_forward(&symbols, &pass, log_p[again], h, targets, TOKENS);
        elbow_symbols_backward(&symbols, &pass, dh[again], log_p[again], weights, h, targets, TOKENS);
    }
    for (size_t i = 0; i < TOKENS; ++i) assert_true(fabs(log_p[0][i] - log_p[1][i]) < 1e-14);
    for (size_t i = 0; i < TOKENS * WIDTH; ++i) assert_true(fabs(dh[0][i] - dh[1][i]) < 1e-14);
    for (size_t i = 0; i < params.size; ++i) assert_true(fabs(gradient[0][i] - gradient[1][i]) < 1e-13);
    elbow_params_destroy(&params);
    elbow_arena_destroy(&arena);
    release_held();
}

/* ---- values ---- */

static double plain_sigmoid(double v) { return 1 / (1 + exp(-v)); }

/* log p of one sequence by PyTorch's equations, written out, from [e, f] and h = tanh(W_0 f + b_0). */
static double plain_gru(const model *m, const real *f, const uint32_t *inputs, const uint32_t *targets,
                        size_t length) {
    enum { E = 3, H = 5, IN = E + FEATURES, G = 3 * H };
    size_t V = m->field.vocabulary;
    const real *w0 = tensor(m, "likelihood.initial.weight"), *b0 = tensor(m, "likelihood.initial.bias");
    const real *wi = tensor(m, "likelihood.gru.weight_ih"), *wh = tensor(m, "likelihood.gru.weight_hh");
    const real *bi = tensor(m, "likelihood.gru.bias_ih"), *bh = tensor(m, "likelihood.gru.bias_hh");
    const real *embedding = tensor(m, "likelihood.embedding.weight");
    const real *w = tensor(m, "likelihood.weight"), *b = tensor(m, "likelihood.bias");
    double h[H], in[IN], a[G], q[G], log_p = 0;
    for (int i = 0; i < H; ++i) h[i] = tanh(b0[i] + dot(w0 + i * FEATURES, f, FEATURES));
    for (size_t t = 0; t < length; ++t) {
        double sum = 0, own = 0;
        memcpy(in, embedding + inputs[t] * E, E * sizeof *in);
        memcpy(in + E, f, FEATURES * sizeof *in);
        for (int i = 0; i < G; ++i)
            a[i] = bi[i] + dot(wi + i * IN, in, IN), q[i] = bh[i] + dot(wh + i * H, h, H);
        for (int i = 0; i < H; ++i) {
            double r = plain_sigmoid(a[i] + q[i]), z = plain_sigmoid(a[H + i] + q[H + i]);
            h[i] = (1 - z) * tanh(a[2 * H + i] + r * q[2 * H + i]) + z * h[i];
        }
        for (size_t v = 0; v < V; ++v) {
            double l = b[v] + dot(w + v * H, h, H);
            sum += exp(l);
            if (v == targets[t]) own = l;
        }
        log_p += own - log(sum);
    }
    return log_p;
}

/* The documented mask: word t − 1 of the row's stream hides symbol t − 1. */
static void plain_inputs(const model *m, uint32_t *inputs, const uint32_t *tokens, size_t length, size_t row,
                         double dropout) {
    elbow_stream stream = elbow_stream_make(m->pass.seed, m->pass.shard, "likelihood.word_dropout");
    uint32_t words[8];
    elbow_stream_rows(stream, 0, m->pass.example + (uint32_t)row, m->pass.step, 1, length, words);
    for (size_t t = 0; t < length; ++t) {
        inputs[t] = (uint32_t)m->field.vocabulary;
        if (t > 0) inputs[t] = words[t - 1] < dropout * 0x1p32 ? inputs[0] + 1 : tokens[t - 1];
    }
}

static void values(void **state) {
    (void)state;
    enum { BATCH = 5, DRAWS = 3, ROWS = DRAWS * BATCH, D = 7 };
    static const uint32_t lengths[BATCH] = {3, 7, 1, 3, 6};
    for (int hide = 0; hide < 2; ++hide) {
        model m;
        make_model(&m, "gru 5", sequence_field(4, D, false), hide ? "0.5" : "0", ROWS, true, 1);
        elbow_examples examples = random_examples(&m.field, lengths, BATCH, m.arena);
        elbow_values x = packed(&examples, m.arena);
        const real *features = hold_reals("test.features", ROWS * FEATURES, -2, 2);
        real log_px[ROWS];
        if (hide) m.pass.gradients = hold_zeros(m.params.size);
        m.likelihood.ops->forward(&m.likelihood, &m.pass, log_px, features, &x, ROWS, BATCH);
        for (size_t r = 0; r < ROWS; ++r) {
            uint32_t inputs[D], *tokens = examples.tokens + r % BATCH * D;
            plain_inputs(&m, inputs, tokens, lengths[r % BATCH], r, hide ? 0.5 : 0);
            double plain = plain_gru(&m, features + r * FEATURES, inputs, tokens, lengths[r % BATCH]);
            if (!(fabs(plain - log_px[r]) < 1e-12))
                fail_msg("row %zu: %.15g, plainly %.15g", r, log_px[r], plain);
        }
        destroy_model(&m);
        release_held();
    }
}

/* Word dropout is for training: without gradients nothing is hidden. The mask is the step's: the same again, another in
 * another step. Where all is hidden only the last symbol matters to its own probability. */
static void word_dropout(void **state) {
    (void)state;
    enum { BATCH = 5, D = 7 };
    static const uint32_t lengths[BATCH] = {3, 7, 4, 3, 6};
    for (int i = 0; i < MEMBERS; ++i) {
        real none[BATCH], half[BATCH], again[BATCH], other[BATCH], evaluated[BATCH];
        model m;
        const real *features = hold_reals("test.features", BATCH * FEATURES, -2, 2);
        for (int hide = 0; hide < 2; ++hide) {
            make_model(&m, members[i], sequence_field(4, D, false), hide ? "0.5" : "0", BATCH, true, 1);
            elbow_examples examples = random_examples(&m.field, lengths, BATCH, m.arena);
            elbow_values x = packed(&examples, m.arena);
            m.pass.gradients = hold_zeros(m.params.size);
            m.likelihood.ops->forward(&m.likelihood, &m.pass, hide ? half : none, features, &x, BATCH, BATCH);
            m.likelihood.ops->forward(&m.likelihood, &m.pass, again, features, &x, BATCH, BATCH);
            m.pass.step++;
            m.likelihood.ops->forward(&m.likelihood, &m.pass, other, features, &x, BATCH, BATCH);
            m.pass.gradients = NULL;
            m.likelihood.ops->forward(&m.likelihood, &m.pass, evaluated, features, &x, BATCH, BATCH);
            assert_memory_equal(again, hide ? half : none, sizeof again);
            assert_int_equal(memcmp(other, again, sizeof again) != 0, hide);
            assert_memory_equal(evaluated, none, sizeof none);
            destroy_model(&m);
        }
        assert_true(memcmp(half, none, sizeof none) != 0);
        release_held();
    }
}

/* ---- probabilities ---- */

/* All sequences of up to D symbols; of a terminated field those that end, and those cut off at D. */
static size_t enumerate(elbow_examples *all) {
    const elbow_field *field = all->field;
    size_t V = field->vocabulary, D = field->dimensions, count = 0, codes = 1;
    for (size_t t = 0; t < D; ++t) codes *= V;
    for (size_t code = 0; code < codes; ++code) {
        uint32_t *tokens = all->tokens + count * D;
        size_t length = 0, rest = code;
        while (length < D) {
            tokens[length] = (uint32_t)(rest % V);
            rest /= V;
            if (tokens[length++] == 0 && field->terminated) break;
        }
        if (rest > 0) continue; /* the same sequence came with a smaller code */
        all->length[count++] = (uint32_t)length;
    }
    return count;
}

static void sums_to_one(void **state) {
    (void)state;
    enum { V = 3, D = 4, MOST = 81 };
    for (int i = 0; i < MEMBERS; ++i)
        for (int terminated = 0; terminated < 2; ++terminated) {
            model m;
            elbow_examples all;
            make_model(&m, members[i], sequence_field(V, D, terminated), "0", MOST, false, 1);
            assert_int_equal(elbow_examples_reserve(&all, &m.field, MOST, m.arena), ELBOW_OK);
            all.count = enumerate(&all);
            assert_int_equal(all.count, terminated ? 1 + 2 + 4 + 8 + 16 : 81);
            elbow_values x = packed(&all, m.arena);
            const real *f = hold_reals("test.features", FEATURES, -2, 2);
            real *features = hold_zeros(MOST * FEATURES), log_px[MOST];
            for (size_t r = 0; r < all.count; ++r) memcpy(features + r * FEATURES, f, FEATURES * sizeof *f);
            m.likelihood.ops->forward(&m.likelihood, &m.pass, log_px, features, &x, all.count, all.count);
            double ended = 0, total = 0;
            for (size_t r = 0; r < all.count; ++r) {
                total += exp(log_px[r]);
                if (all.tokens[r * D + all.length[r] - 1] == 0) ended += exp(log_px[r]);
            }
            assert_true(fabs(total - 1) < 1e-12 && ended < 1 && ended > 0.01);
            destroy_model(&m);
            release_held();
        }
}

/* Pieces of an evaluation give what one packing gives. */
static void pieces(void **state) {
    (void)state;
    enum { BATCH = 5, DRAWS = 1000, ROWS = DRAWS * BATCH, D = 7 };
    static const uint32_t lengths[BATCH] = {3, 7, 1, 3, 6};
    assert_true(ROWS * D > 2 * ELBOW_SEQUENCE_TOKENS);
    for (int i = 0; i < MEMBERS; ++i) {
        real *log_px[2] = {hold_zeros(ROWS), hold_zeros(ROWS)};
        const real *features = hold_reals("test.features", ROWS * FEATURES, -2, 2);
        for (int training = 0; training < 2; ++training) {
            model m;
            make_model(&m, members[i], sequence_field(4, D, true), "0", ROWS, training, 1);
            elbow_examples examples = random_examples(&m.field, lengths, BATCH, m.arena);
            elbow_values x = packed(&examples, m.arena);
            m.likelihood.ops->forward(&m.likelihood, &m.pass, log_px[training], features, &x, ROWS, BATCH);
            destroy_model(&m);
        }
        for (size_t r = 0; r < ROWS; ++r) assert_true(fabs(log_px[0][r] - log_px[1][r]) < 1e-12);
        release_held();
    }
}

/* ---- what is generated ---- */

static size_t index_of(const elbow_examples *all, const uint32_t *tokens, size_t length) {
    size_t D = all->field->dimensions;
    for (size_t i = 0; i < all->count; ++i)
        if (all->length[i] == length && memcmp(all->tokens + i * D, tokens, length * sizeof *tokens) == 0)
            return i;
    fail_msg("a sequence that cannot be");
    return 0;
}

/* χ² of the counts of all sequences against their probabilities, the rare ones together; its standard normal deviate by
 * Wilson and Hilferty. */
static double deviate(const double *expected, const double *counts, size_t n) {
    double chi = 0, rare = 0, rare_count = 0, cells = 0;
    for (size_t i = 0; i < n; ++i) {
        if (expected[i] < 10) {
            rare += expected[i];
            rare_count += counts[i];
            continue;
        }
        chi += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
        cells++;
    }
    if (rare > 0) chi += (rare_count - rare) * (rare_count - rare) / rare, cells++;
    double k = cells - 1, v = 2 / (9 * k);
    assert_true(k > 5);
    return (pow(chi / k, 1.0 / 3) - (1 - v)) / sqrt(v);
}

/* The law of a model at temperature T is that of the model whose logits are divided by T. */
static void law(void **state) {
    (void)state;
    enum { V = 3, D = 3, MOST = 27, DRAWS = 20000 };
    for (int i = 0; i < MEMBERS; ++i)
        for (int mode = 0; mode < 3; ++mode) {
            bool terminated = mode > 0;
            const real temperature = mode == 2 ? (real)0.5 : 1;
            model m;
            elbow_examples all, drawn;
            real log_px[MOST];
            double expected[MOST], counts[MOST] = {0};
            make_model(&m, members[i], sequence_field(V, D, terminated), "0", DRAWS, false, 0.5);
            assert_int_equal(elbow_examples_reserve(&all, &m.field, MOST, m.arena), ELBOW_OK);
            assert_int_equal(elbow_examples_reserve(&drawn, &m.field, DRAWS + 4, m.arena), ELBOW_OK);
            all.count = enumerate(&all);
            elbow_values x = packed(&all, m.arena);
            real *features = hold_zeros(DRAWS * FEATURES);
            for (size_t r = 0; r < DRAWS * FEATURES; ++r) features[r] = (real)(r % FEATURES) - (real)0.7;
            m.likelihood.ops->generate(&m.likelihood, &m.pass, &drawn, 4, features, DRAWS, temperature);
            for (size_t r = 4; r < DRAWS + 4; ++r)
                counts[index_of(&all, drawn.tokens + r * D, drawn.length[r])]++;
            for (const char **name = (const char *[]){"likelihood.weight", "likelihood.bias", NULL}; *name;
                 ++name) {
                const elbow_tensor *t = elbow_params_find(&m.params, *name);
                for (size_t j = 0; j < t->count; ++j) m.theta[t->offset + j] /= temperature;
            }
            m.likelihood.ops->forward(&m.likelihood, &m.pass, log_px, features, &x, all.count, all.count);
            for (size_t j = 0; j < all.count; ++j) expected[j] = DRAWS * exp(log_px[j]);
            double normal = deviate(expected, counts, all.count);
            if (!(fabs(normal) < 4))
                fail_msg("%s, mode %d: χ² is %.2f deviations off", members[i], mode, normal);
            destroy_model(&m);
            release_held();
        }
}

/* Greedy: every symbol is the most probable one after those before it. */
static void greedy(void **state) {
    (void)state;
    enum { V = 4, D = 6, ROWS = 12 };
    for (int i = 0; i < MEMBERS; ++i)
        for (int terminated = 0; terminated < 2; ++terminated) {
            model m;
            elbow_examples drawn, next;
            make_model(&m, members[i], sequence_field(V, D, terminated), "0", ROWS, false, 2);
            assert_int_equal(elbow_examples_reserve(&drawn, &m.field, ROWS, m.arena), ELBOW_OK);
            assert_int_equal(elbow_examples_reserve(&next, &m.field, V, m.arena), ELBOW_OK);
            const real *features = hold_reals("test.features", ROWS * FEATURES, -3, 3);
            m.likelihood.ops->generate(&m.likelihood, &m.pass, &drawn, 0, features, ROWS, 0);
            for (size_t r = 0; r < ROWS; ++r) {
                const uint32_t *tokens = drawn.tokens + r * D;
                size_t length = drawn.length[r];
                bool ended = terminated && tokens[length - 1] == 0;
                assert_true(ended || length == D);
                for (size_t t = 0; t < length; ++t) {
                    real log_px[V], same[V * FEATURES];
                    assert_true(tokens[t] < V && (!terminated || tokens[t] != 0 || t + 1 == length));
                    for (uint32_t v = 0; v < V; ++v) {
                        memcpy(next.tokens + v * D, tokens, t * sizeof *tokens);
                        next.tokens[v * D + t] = v;
                        next.length[v] = (uint32_t)t + 1;
                        memcpy(same + v * FEATURES, features + r * FEATURES, FEATURES * sizeof *same);
                    }
                    elbow_values x = packed(&next, m.arena);
                    m.likelihood.ops->forward(&m.likelihood, &m.pass, log_px, same, &x, V, V);
                    for (uint32_t v = 0; v < V; ++v) assert_true(log_px[v] <= log_px[tokens[t]]);
                }
            }
            destroy_model(&m);
            release_held();
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients),    cmocka_unit_test(blocks),      cmocka_unit_test(values),
        cmocka_unit_test(word_dropout), cmocka_unit_test(sums_to_one), cmocka_unit_test(pieces),
        cmocka_unit_test(law),          cmocka_unit_test(greedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
