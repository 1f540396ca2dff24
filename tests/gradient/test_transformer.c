/* A block of the causal Transformer: its values against plain loops over one unpacked sequence, its gradients against
 * central differences, and steps one by one against all at once. */
#include "differences.h"

#include <stdio.h>

#include "nn/causal_block.h"
#include "unit/sequences.h"

enum { W = 6, HEADS = 2, COLUMNS = W / HEADS, WIDE = 4 * W, LONGEST = 7, BATCH = 5 };
static const uint32_t lengths[BATCH] = {3, 7, 1, 3, 6};

typedef struct fixture {
    elbow_params params;
    elbow_arena *arena;
    elbow_field field;
    elbow_values values;
    elbow_packing packing;
    elbow_causal_block block;
    elbow_causal_scratch scratch;
    elbow_pass pass;
    size_t tokens;
    real *theta, *gradient, *x, *weights;
} fixture;

static void make(fixture *f, bool training) {
    *f = (fixture){.field = sequence_field(4, LONGEST, false)};
    assert_int_equal(elbow_arena_create(&f->arena), ELBOW_OK);
    elbow_examples examples = random_examples(&f->field, lengths, BATCH, f->arena);
    f->values = packed(&examples, f->arena);
    f->packing = (elbow_packing){f->values.begin, f->values.steps};
    f->tokens = elbow_packing_tokens(&f->packing);
    assert_int_equal(elbow_causal_block_create(&f->block, "b", W, HEADS, &f->params), ELBOW_OK);
    assert_int_equal(elbow_causal_block_reserve(&f->block, NULL, f->tokens, training, f->arena), ELBOW_OK);
    assert_int_equal(elbow_causal_scratch_reserve(&f->scratch, W, f->tokens, LONGEST, training, f->arena),
                     ELBOW_OK);
    f->theta = hold_parameters(&f->params, "test.theta", 0.6);
    f->gradient = hold_zeros(f->params.size);
    f->pass = (elbow_pass){.parameters = f->theta, .gradients = f->gradient, .purpose = ""};
    f->x = hold_reals("test.x", f->tokens * W, -2, 2);
    f->weights = hold_reals("test.weights", f->tokens * W, -1, 1);
}

static void destroy(fixture *f) {
    elbow_params_destroy(&f->params);
    elbow_arena_destroy(&f->arena);
    release_held();
}

/* ---- plain loops ---- */

static const real *tensor(const fixture *f, const char *name) {
    const elbow_tensor *found = elbow_params_find(&f->params, name);
    assert_non_null(found);
    return f->theta + found->offset;
}

static void plain_norm(const fixture *f, const char *name, double *y, const double *x) {
    char full[32];
    double mean = 0, variance = 0;
    snprintf(full, sizeof full, "b.%s.gain", name);
    const real *gain = tensor(f, full);
    snprintf(full, sizeof full, "b.%s.bias", name);
    const real *bias = tensor(f, full);
    for (int i = 0; i < W; ++i) mean += x[i] / W;
    for (int i = 0; i < W; ++i) variance += (x[i] - mean) * (x[i] - mean) / W;
    for (int i = 0; i < W; ++i) y[i] = (1 + gain[i]) * (x[i] - mean) / sqrt(variance + 1e-5) + bias[i];
}

static void plain_dense(const fixture *f, const char *name, double *y, const double *x, size_t in,
                        size_t out) {
    char full[32];
    snprintf(full, sizeof full, "b.%s.weight", name);
    const real *weight = tensor(f, full);
    snprintf(full, sizeof full, "b.%s.bias", name);
    const real *bias = tensor(f, full);
    for (size_t i = 0; i < out; ++i) y[i] = bias[i] + dot(weight + i * in, x, in);
}

/* What token t of a sequence looks up, over the tokens 0 … t. */
static void plain_attention(double *mixed, const double (*qkv)[3 * W], size_t t) {
    for (int head = 0; head < HEADS; ++head) {
        const double *q = qkv[t] + head * COLUMNS;
        double share[LONGEST], sum = 0;
        for (size_t s = 0; s <= t; ++s)
            sum += share[s] = exp(dot(q, qkv[s] + W + head * COLUMNS, COLUMNS) / sqrt(COLUMNS));
        for (int i = head * COLUMNS; i < (head + 1) * COLUMNS; ++i) {
            mixed[i] = 0;
            for (size_t s = 0; s <= t; ++s) mixed[i] += share[s] / sum * qkv[s][2 * W + i];
        }
    }
}

static void plain_block(const fixture *f, double (*y)[W], const double (*x)[W], size_t length) {
    double normed[W], qkv[LONGEST][3 * W], mixed[W], added[W], middle[W], wide[WIDE];
    for (size_t t = 0; t < length; ++t) {
        plain_norm(f, "norm_0", normed, x[t]);
        plain_dense(f, "attention", qkv[t], normed, W, 3 * W);
        plain_attention(mixed, (const double(*)[3 * W]) qkv, t);
        plain_dense(f, "merge", added, mixed, W, W);
        for (int i = 0; i < W; ++i) middle[i] = x[t][i] + added[i];
        plain_norm(f, "norm_1", normed, middle);
        plain_dense(f, "expand", wide, normed, W, WIDE);
        for (int i = 0; i < WIDE; ++i) wide[i] *= 0.5 * erfc(-wide[i] / sqrt(2));
        plain_dense(f, "contract", added, wide, WIDE, W);
        for (int i = 0; i < W; ++i) y[t][i] = middle[i] + added[i];
    }
}

static void matches_plain(void **state) {
    (void)state;
    fixture f;
    make(&f, false);
    elbow_causal_block_forward(&f.block, &f.scratch, &f.pass, &f.packing, 0, f.x);
    for (size_t p = 0; p < BATCH; ++p) {
        double x[LONGEST][W], y[LONGEST][W];
        size_t length = f.values.length[p];
        for (size_t t = 0; t < length; ++t) memcpy(x[t], f.x + (f.packing.begin[t] + p) * W, sizeof x[t]);
        plain_block(&f, y, (const double(*)[W])x, length);
        for (size_t t = 0; t < length; ++t)
            for (int i = 0; i < W; ++i)
                assert_true(fabs(y[t][i] - f.block.y[(f.packing.begin[t] + p) * W + (size_t)i]) < 1e-12);
    }
    destroy(&f);
}

/* ---- gradients, and steps ---- */

static double loss(void *context) {
    fixture *f = context;
    elbow_causal_block_forward(&f->block, &f->scratch, &f->pass, &f->packing, 0, f->x);
    return dot(f->weights, f->block.y, f->tokens * W);
}

static void gradients(void **state) {
    (void)state;
    fixture f;
    make(&f, true);
    real *d = hold_copy(f.weights, f.tokens * W * sizeof *d, 0);
    loss(&f);
    elbow_causal_block_backward(&f.block, &f.scratch, &f.pass, &f.packing, d, f.x);
    check_gradient("x", loss, &f, f.x, d, f.tokens * W);
    check_gradient("parameters", loss, &f, f.theta, f.gradient, f.params.size);
    check_gaps(&f.params, f.gradient);
    destroy(&f);
}

/* A forward from step t looks at what the steps before it left. A second block shares buffers with the first outside of
 * training, and must find its own keys and values. */
static void steps(void **state) {
    (void)state;
    fixture f;
    make(&f, false);
    elbow_causal_block second = f.block;
    assert_int_equal(elbow_causal_block_reserve(&second, &f.block, f.tokens, false, f.arena), ELBOW_OK);
    elbow_causal_block_forward(&f.block, &f.scratch, &f.pass, &f.packing, 0, f.x);
    elbow_causal_block_forward(&second, &f.scratch, &f.pass, &f.packing, 0, f.block.y);
    const real *whole = hold_copy(second.y, f.tokens * W * sizeof(real), 0);
    memset(second.y, 0, f.tokens * W * sizeof(real));
    memset(f.block.projected, 0, 3 * f.tokens * W * sizeof(real));
    memset(second.projected, 0, 3 * f.tokens * W * sizeof(real));
    for (size_t t = 0; t < f.packing.steps; ++t) {
        const elbow_packing so_far = {f.packing.begin, t + 1};
        elbow_causal_block_forward(&f.block, &f.scratch, &f.pass, &so_far, t, f.x);
        elbow_causal_block_forward(&second, &f.scratch, &f.pass, &so_far, t, f.block.y);
    }
    for (size_t i = 0; i < f.tokens * W; ++i) assert_true(fabs(whole[i] - second.y[i]) < 1e-13);
    destroy(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_plain),
        cmocka_unit_test(gradients),
        cmocka_unit_test(steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
