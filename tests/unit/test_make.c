/* What is the same to the last bit: the first of many samples and those of a few; log p of a batch, whatever memory was
 * reserved for. And bounds of what cannot be, which are −∞ and no NaN. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "elbow/train/make.h"
#include "train/bounds.h"
#include "unit/sequences.h"
#include "vae/sequence.h"

static char name[] = "n", *words[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"};
static elbow_column columns[] = {
    {.name = name, .scale = 1}, {.name = name, .scale = 2}, {.name = name, .cardinality = 3, .words = words}};
static const elbow_field table = {.kind = ELBOW_TABLE, .dimensions = 3, .columns = columns};
static elbow_column label[] = {{.name = name, .cardinality = 3, .words = words}};
static const elbow_field labels = {.kind = ELBOW_TABLE, .dimensions = 1, .columns = label};

typedef struct model {
    elbow_vae *vae;
    elbow_arena *arena;
    real *theta;
} model;

static void make(model *m, const char *likelihood, const char *latent, const elbow_field *x,
                 const elbow_field *context, size_t rows, bool training) {
    char text[2][96];
    elbow_options *options = NULL;
    snprintf(text[0], sizeof text[0], "model.likelihood=%s", likelihood);
    snprintf(text[1], sizeof text[1], "model.latent=%s", latent);
    const char *settings[] = {text[0], text[1], "model.encoder=9", "model.decoder=37", "estimator.samples=2"};
    assert_int_equal(elbow_options_create(&options), ELBOW_OK);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; ++i)
        assert_int_equal(elbow_options_set(options, settings[i]), ELBOW_OK);
    if (elbow_vae_create(&m->vae, options, x, context) != ELBOW_OK) fail_msg("%s", elbow_error_message());
    elbow_options_destroy(&options);
    assert_int_equal(elbow_vae_reserve(m->vae, rows, training), ELBOW_OK);
    assert_int_equal(elbow_arena_create(&m->arena), ELBOW_OK);
    m->theta = hold(elbow_vae_params(m->vae)->size * sizeof(real), 0);
    elbow_params_initialize(elbow_vae_params(m->vae), 7, m->theta);
}

static void drop(model *m) {
    elbow_vae_destroy(&m->vae);
    elbow_arena_destroy(&m->arena);
}

static elbow_maker maker_of(const model *m) {
    return (elbow_maker){
        .vae = m->vae, .parameters = m->theta, .seed = 3, .temperature = 1, .arena = m->arena};
}

static void first_of_many(void **state) {
    (void)state;
    enum { MANY = 300, MOST = 4 };
    static const size_t few[MOST] = {1, 3, 255, 257};
    model m;
    elbow_examples many, made, given;
    make(&m, "table", "gaussian 5", &table, &labels, ELBOW_MAKE_ROWS, false);
    elbow_maker maker = maker_of(&m);
    const real *z = hold_reals("test.z", MANY * 5, -2, 2);
    assert_int_equal(elbow_make_labels(&maker, MANY / 3, &given), ELBOW_OK);
    for (int decode = 0; decode < 2; ++decode) {
        for (size_t i = 0; i < MOST + 1; ++i) {
            size_t count = i == 0 ? MANY : few[i - 1];
            elbow_examples *to = i == 0 ? &many : &made;
            assert_int_equal(decode ? elbow_make_decodes(&maker, z, &given, count, to)
                                    : elbow_make_samples(&maker, &given, count, to),
                             ELBOW_OK);
            assert_int_equal(to->count, count);
            assert_memory_equal(to->reals, many.reals, count * 3 * sizeof(real));
        }
    }
    drop(&m);
    release_held();
}

static elbow_field words_of(size_t vocabulary, size_t longest) {
    elbow_field field = sequence_field(vocabulary, longest, true);
    field.symbols = words;
    return field;
}

/* Rows of one draw, as evaluation has them. */
static void log_p(const char *likelihood, size_t rows, bool training, const elbow_field *field,
                  const uint32_t *lengths, size_t count, real *log_px) {
    model m;
    make(&m, likelihood, "categorical 2x3", field, NULL, rows, training);
    elbow_examples examples = random_examples(field, lengths, count, m.arena);
    elbow_batch batch = {.x = packed(&examples, m.arena), .rows = count};
    elbow_pass pass = {
        .parameters = m.theta, .seed = 3, .shard = ELBOW_SHARD_NONE, .purpose = "evaluate.test."};
    elbow_vae_encode(m.vae, &pass, &batch);
    elbow_vae_draw(m.vae, &pass, 0, log_px, NULL, NULL);
    drop(&m);
}

static void reserved_for_training(void **state) {
    (void)state;
    enum { COUNT = 45, LONGEST = 600 }; /* pieces of 27 rows */
    static const char *const members[] = {"gru 21", "transformer 1x12x2"};
    const elbow_field field = words_of(13, LONGEST);
    uint32_t lengths[COUNT];
    real of[3][COUNT];
    for (uint32_t i = 0; i < COUNT; ++i) lengths[i] = i % 5 ? 1 + i * 7 % 40 : LONGEST - i;
    for (size_t i = 0; i < 2; ++i) {
        log_p(members[i], COUNT, false, &field, lengths, COUNT, of[0]);
        log_p(members[i], COUNT, true, &field, lengths, COUNT, of[1]);
        log_p(members[i], 2 * COUNT, false, &field, lengths, COUNT, of[2]);
        assert_memory_equal(of[0], of[1], sizeof of[0]);
        assert_memory_equal(of[0], of[2], sizeof of[0]);
        release_held();
    }
}

/* After a pass over a batch with bad values in it: which rows its loss is not finite for. */
static void bad_rows(void **state) {
    (void)state;
    enum { ROWS = 7 };
    static const char *const latents[] = {"gaussian 5", "categorical 4x3"};
    for (size_t i = 0; i < 2; ++i) {
        model m;
        elbow_batch batch;
        elbow_terms terms;
        size_t first = 99;
        make(&m, "table", latents[i], &table, NULL, ROWS, true);
        assert_int_equal(elbow_batch_reserve(&batch, &table, NULL, ROWS, m.arena), ELBOW_OK);
        batch.rows = ROWS;
        const real *x = hold_reals("test.x", ROWS * 3, -1, 1);
        for (size_t r = 0; r < ROWS; ++r)
            for (size_t d = 0; d < 3; ++d) batch.x.reals[r * 3 + d] = d < 2 ? x[r * 3 + d] : (real)(r % 3);
        elbow_pass pass = {.parameters = m.theta, .seed = 3, .purpose = ""};
        pass.gradients = hold(elbow_vae_params(m.vae)->size * sizeof(real), 0);
        const elbow_objective objective = {.temperature = 1, .beta = 1, .weight = (real)(1.0 / ROWS)};
        for (size_t bad = 0; bad < 3; ++bad) {
            if (bad > 0) batch.x.reals[(bad == 1 ? 5 : 3) * 3] = (real)INFINITY;
            elbow_vae_encode(m.vae, &pass, &batch);
            elbow_vae_estimate(m.vae, &pass, &objective, &terms);
            assert_int_equal(isfinite(terms.objective) != 0, bad == 0);
            assert_int_equal(elbow_vae_nonfinite(m.vae, &first), bad);
            assert_int_equal(first, bad == 0 ? 99 : bad == 1 ? 5 : 3);
        }
        drop(&m);
        release_held();
    }
}

/* Blocks of logits are the same ones too. */
static void blocks_of_logits(void **state) {
    (void)state;
    static const size_t tokens[] = {1, 700, 3000};
    elbow_params params = {0};
    elbow_arena *arena = NULL;
    elbow_symbols symbols;
    size_t block = 0;
    assert_int_equal(elbow_arena_create(&arena), ELBOW_OK);
    assert_int_equal(elbow_symbols_create(&symbols, 2, 5000, &params), ELBOW_OK);
    for (int i = 0; i < 6; ++i) {
        assert_int_equal(elbow_symbols_reserve(&symbols, tokens[i / 2], i % 2, arena), ELBOW_OK);
        if (i > 0) assert_int_equal(symbols.block, block);
        block = symbols.block;
    }
    elbow_params_destroy(&params);
    elbow_arena_destroy(&arena);
}

static void impossible(void **state) {
    (void)state;
    enum { COUNT = 4, SAMPLES = 3 };
    static const uint32_t lengths[COUNT] = {3, 6, 2, 5}, cut[COUNT] = {3, 4, 2, 4};
    const elbow_field seen = words_of(3, 4); /* examples of the model are 4 long at most */
    model m;
    elbow_bounds bounds;
    real exact[COUNT];
    make(&m, "gru 3", "categorical 1x3", &seen, NULL, 256, false);
    elbow_examples examples = random_examples(&seen, cut, COUNT, m.arena);
    elbow_batch batch = {.x = packed(&examples, m.arena), .rows = COUNT};
    elbow_pass pass = {
        .parameters = m.theta, .seed = 3, .shard = ELBOW_SHARD_NONE, .purpose = "evaluate.test."};
    memcpy(batch.x.example_length, lengths, sizeof lengths);
    assert_int_equal(elbow_bounds_reserve(&bounds, m.vae, m.arena), ELBOW_OK);
    elbow_bounds_find(&bounds, m.vae, &pass, &batch,
                      &(elbow_bounds_request){.samples = SAMPLES, .iwae = true});
    assert_int_equal(elbow_vae_configurations(m.vae), 3);
    elbow_vae_exact(m.vae, &pass, &batch, exact);
    for (size_t i = 0; i < COUNT; ++i) {
        assert_false(isnan(bounds.iwae[i]) || isnan((double)exact[i]));
        assert_true((isfinite(bounds.iwae[i]) != 0) == (lengths[i] <= 4));
        assert_true((isfinite((double)exact[i]) != 0) == (lengths[i] <= 4));
    }
    drop(&m);
    release_held();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_of_many), cmocka_unit_test(reserved_for_training),
        cmocka_unit_test(bad_rows),      cmocka_unit_test(blocks_of_logits),
        cmocka_unit_test(impossible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
