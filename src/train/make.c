#include "elbow/train/make.h"

#include <stdio.h>
#include <string.h>

#include "data/pack.h"
#include "elbow/base/options.h"
#include "elbow/base/random.h"
#include "train/blocks.h"

enum { ROWS = ELBOW_MAKE_ROWS };

static size_t block_rows(size_t first, size_t count) { return count - first < ROWS ? count - first : ROWS; }

static elbow_pass make_pass(const elbow_maker *maker, const char *purpose) {
    return (elbow_pass){
        .parameters = maker->parameters, .seed = maker->seed, .shard = ELBOW_SHARD_NONE, .purpose = purpose};
}

/* Blocks of ROWS examples always, the last one with a surplus that is dropped: with fewer rows products may round
 * otherwise, and the first of many would not be those of a few to the last bit. */
typedef struct making {
    const elbow_examples *given;
    size_t count;
    elbow_values values; /* what a block is given, as the model takes it whatever data it is from */
    elbow_examples last; /* and what the last one is */
} making;

static elbow_status reserve(making *m, const elbow_maker *maker, const elbow_examples *given, size_t count,
                            elbow_examples *made) {
    *m = (making){.given = given, .count = count};
    if (given) {
        ELBOW_TRY(elbow_values_reserve(&m->values, elbow_vae_context(maker->vae), ROWS, maker->arena));
        ELBOW_TRY(elbow_examples_reserve(&m->last, given->field, ROWS, maker->arena));
    }
    ELBOW_TRY(elbow_examples_reserve(made, elbow_vae_field(maker->vae), (count + ROWS - 1) / ROWS * ROWS,
                                     maker->arena));
    made->count = count;
    return ELBOW_OK;
}

static void copy_example(elbow_examples *to, size_t i, const elbow_examples *from, size_t j) {
    size_t D = from->field->dimensions;
    if (from->field->kind == ELBOW_SEQUENCE) {
        memcpy(to->tokens + i * D, from->tokens + j * D, D * sizeof *to->tokens);
        to->length[i] = from->length[j];
    } else {
        memcpy(to->reals + i * D, from->reals + j * D, D * sizeof *to->reals);
    }
}

/* What a block is given; the surplus of the last one what the last example is. */
static const elbow_values *give(making *m, size_t first) {
    if (m->given == NULL) return NULL;
    if (m->count - first >= ROWS) {
        elbow_values_from_examples(&m->values, m->given, first, ROWS);
        return &m->values;
    }
    for (size_t i = 0; i < ROWS; i++)
        copy_example(&m->last, i, m->given, first + i < m->count ? first + i : m->count - 1);
    elbow_values_from_examples(&m->values, &m->last, 0, ROWS);
    return &m->values;
}

real elbow_make_temperature(const elbow_field *field) { return field->kind == ELBOW_IMAGE ? 0 : 1; }

elbow_status elbow_make_samples(const elbow_maker *maker, const elbow_examples *given, size_t count,
                                elbow_examples *made) {
    making m;
    elbow_pass pass = make_pass(maker, "sample.");
    ELBOW_TRY(reserve(&m, maker, given, count, made));
    for (size_t first = 0; first < count; first += ROWS) {
        pass.example = (uint32_t)first;
        elbow_vae_sample(maker->vae, &pass, give(&m, first), ROWS, made, first, maker->temperature);
    }
    return ELBOW_OK;
}

elbow_status elbow_make_decodes(const elbow_maker *maker, const real *z, const elbow_examples *given,
                                size_t count, elbow_examples *made) {
    making m;
    real *last = NULL;
    elbow_pass pass = make_pass(maker, "decode.");
    size_t width = elbow_vae_z_width(maker->vae);
    ELBOW_TRY(reserve(&m, maker, given, count, made));
    ELBOW_TRY(elbow_arena_reals(maker->arena, ROWS * width, &last));
    for (size_t first = 0; first < count; first += ROWS) {
        const real *block = z + first * width;
        if (count - first < ROWS) {
            for (size_t i = 0; i < ROWS; i++)
                memcpy(last + i * width, z + (first + i < count ? first + i : count - 1) * width,
                       width * sizeof *last);
            block = last;
        }
        pass.example = (uint32_t)first;
        elbow_vae_decode(maker->vae, &pass, block, give(&m, first), ROWS, made, first, maker->temperature);
    }
    return ELBOW_OK;
}

/* ----------------------------------------------------------------------------------- reconstructions */

/* z of the last draw into rows of all, Gaussian variables at their means; but those whose means are given the draws of
 * others would be of no q(z|x) beside other values, and stay as drawn. */
static void keep_z(real *z, const elbow_vae *vae, size_t rows) {
    size_t width = elbow_vae_z_width(vae);
    memcpy(z, elbow_vae_z(vae), rows * width * sizeof *z);
    for (size_t g = 0; g < elbow_vae_groups(vae); g++) {
        elbow_latent_view view = elbow_vae_group(vae, g);
        if (view.discrete || view.sequential || view.layer > 0 || !view.decoded) continue;
        for (size_t r = 0; r < rows; r++)
            for (size_t v = 0; v < view.variables; v++)
                z[r * width + view.column + v] = view.q[(r * view.variables + v) * view.q_size];
    }
}

elbow_status elbow_make_reconstructions(const elbow_maker *maker, const elbow_view *view, elbow_split split,
                                        size_t first, size_t count, elbow_encoded *encoded) {
    char purpose[64];
    elbow_block_reader *reader = NULL;
    elbow_batch batch = {0};
    elbow_vae *vae = maker->vae;
    const elbow_field *x = elbow_dataset_field(view->dataset, ELBOW_X), *context = elbow_vae_context(vae);
    *encoded = (elbow_encoded){0};
    snprintf(purpose, sizeof purpose, "evaluate.%s.", elbow_split_name(split));
    elbow_pass pass = make_pass(maker, purpose);
    size_t width = elbow_vae_z_width(vae);
    ELBOW_TRY(elbow_block_reader_create(&reader, view, split, first, count, maker->seed, maker->arena));
    ELBOW_TRY(elbow_blocks_reserve(&batch, view, vae, ROWS, maker->arena));
    ELBOW_TRY(elbow_examples_reserve(&encoded->originals, x, count, maker->arena));
    ELBOW_TRY(elbow_examples_reserve(&encoded->made, elbow_vae_field(vae), count, maker->arena));
    if (context) ELBOW_TRY(elbow_examples_reserve(&encoded->given, context, count, maker->arena));
    ELBOW_TRY(elbow_arena_reals(maker->arena, count * width, &encoded->z));
    for (size_t done = 0; done < count; done += ROWS) {
        size_t rows = block_rows(done, count);
        pass.example = (uint32_t)(first + done);
        elbow_block_reader_batch(reader, first + done, rows, &batch);
        elbow_examples_from_values(&encoded->originals, done, &batch.x, rows);
        if (context) elbow_examples_from_values(&encoded->given, done, &batch.context, rows);
        elbow_vae_encode(vae, &pass, &batch);
        elbow_vae_reconstruct(vae, &pass, &encoded->made, done, maker->temperature);
        keep_z(encoded->z + done * width, vae, rows);
    }
    return ELBOW_OK;
}

/* ------------------------------------------------------------------------------------- what is given */

const elbow_column *elbow_make_label_column(const elbow_vae *vae) {
    const elbow_field *field = elbow_vae_context(vae);
    bool label =
        field && field->kind == ELBOW_TABLE && field->dimensions == 1 && field->columns[0].cardinality > 0;
    return label ? &field->columns[0] : NULL;
}

static elbow_status check_labels(const elbow_maker *maker) {
    ELBOW_CHECK(
        elbow_vae_context(maker->vae) != NULL, ELBOW_USAGE,
        "the model is given nothing but z; train one with data.context = labels to choose what it makes");
    ELBOW_CHECK(elbow_make_label_column(maker->vae) != NULL, ELBOW_USAGE,
                "the model is given more than a label; its samples take what examples of a split were given");
    return ELBOW_OK;
}

elbow_status elbow_make_labels(const elbow_maker *maker, size_t each, elbow_examples *given) {
    ELBOW_TRY(check_labels(maker));
    size_t labels = elbow_make_label_column(maker->vae)->cardinality;
    ELBOW_TRY(elbow_examples_reserve(given, elbow_vae_context(maker->vae), labels * each, maker->arena));
    for (size_t i = 0; i < labels * each; i++) {
        size_t label = i / each;
        given->reals[i] = (real)label;
    }
    return ELBOW_OK;
}

elbow_status elbow_make_label(const elbow_maker *maker, const char *word, size_t count,
                              elbow_examples *given) {
    ELBOW_TRY(check_labels(maker));
    const elbow_column *column = elbow_make_label_column(maker->vae);
    const char *const *words = (const char *const *)column->words;
    size_t label = 0;
    while (label < column->cardinality && strcmp(words[label], word) != 0) label++;
    if (label == column->cardinality) {
        const char *nearest = elbow_nearest_name(word, words, column->cardinality);
        return elbow_fail(ELBOW_USAGE,
                          "`%.60s` is none of the %zu labels that the model knows; `%.60s` is %s", word,
                          column->cardinality, nearest ? nearest : words[0], nearest ? "near" : "one");
    }
    ELBOW_TRY(elbow_examples_reserve(given, elbow_vae_context(maker->vae), count, maker->arena));
    for (size_t i = 0; i < count; i++) given->reals[i] = (real)label;
    return ELBOW_OK;
}

elbow_status elbow_make_label_notes(const elbow_maker *maker, const elbow_examples *given,
                                    elbow_notes *notes) {
    static const char *const names[] = {"given"};
    const elbow_column *column = elbow_make_label_column(maker->vae);
    const char **cells = NULL;
    ELBOW_TRY(elbow_arena_take(maker->arena, given->count, sizeof *cells, &cells));
    for (size_t i = 0; i < given->count; i++) cells[i] = column->words[(size_t)given->reals[i]];
    *notes = (elbow_notes){.count = 1, .names = names, .cells = cells};
    return ELBOW_OK;
}

elbow_status elbow_make_given(const elbow_maker *maker, const elbow_view *view, elbow_split split,
                              size_t count, elbow_examples *given) {
    elbow_slice *slice = NULL;
    elbow_values values;
    const elbow_field *field = elbow_vae_context(maker->vae);
    size_t examples = elbow_dataset_count(view->dataset, split);
    size_t some = count < examples ? count : examples;
    ELBOW_TRY(elbow_slice_read(&slice, view->dataset, split, view->context, 0, some, maker->arena));
    ELBOW_TRY(elbow_values_reserve(&values, field, some, maker->arena));
    ELBOW_TRY(elbow_examples_reserve(given, field, count, maker->arena));
    elbow_slice_gather(&values, slice, NULL, 0, some, NULL);
    for (size_t first = 0; first < count; first += some)
        elbow_examples_from_values(given, first, &values, count - first < some ? count - first : some);
    return ELBOW_OK;
}
