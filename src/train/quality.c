#include "elbow/train/quality.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "data/pack.h"
#include "data/smiles_check.h"
#include "elbow/base/arena.h"

enum { BLOCK = 4096 };

bool elbow_quality_molecular(const elbow_field *field) {
    size_t first = field->terminated;
    return field->kind == ELBOW_SEQUENCE &&
           elbow_smiles_vocabulary(field->symbols + first, field->vocabulary - first);
}

elbow_status elbow_quality_check(const elbow_vae *vae, elbow_binarize binarize, bool molecules) {
    const elbow_field *field = elbow_vae_field(vae);
    bool two = field->binary || binarize == ELBOW_BINARIZE_THRESHOLD;
    ELBOW_CHECK(!molecules || field->kind == ELBOW_SEQUENCE, ELBOW_USAGE,
                "molecules are sequences, and the model makes examples of kind %s; leave --smiles away",
                elbow_field_kind_name(field->kind));
    for (size_t d = 0; field->kind == ELBOW_TABLE && d < field->dimensions; d++)
        ELBOW_CHECK(field->columns[d].cardinality > 0, ELBOW_USAGE,
                    "column `%.60s` is real, so no two rows are the same; leave --quality away",
                    field->columns[d].name);
    ELBOW_CHECK(field->kind != ELBOW_IMAGE || two, ELBOW_USAGE,
                "images of many values are never the same twice; leave --quality away");
    ELBOW_CHECK(!elbow_vae_continuous(vae), ELBOW_USAGE,
                "the model makes real values, which are never the same twice; leave --quality away");
    return ELBOW_OK;
}

/* Values as they would be written: all that is missing is one value, and what follows an end is none. */
static uint64_t hash_example(const elbow_examples *examples, size_t i, uint16_t *scratch) {
    const elbow_field *field = examples->field;
    size_t D = field->dimensions, count = 0;
    if (field->kind == ELBOW_SEQUENCE) {
        const uint32_t *tokens = examples->tokens + i * D;
        for (; count < examples->length[i] && !(field->terminated && tokens[count] == 0); count++)
            scratch[count] = (uint16_t)tokens[count];
    } else {
        const real *values = examples->reals + i * D;
        for (; count < D; count++) scratch[count] = values[count] >= 0 ? (uint16_t)values[count] : UINT16_MAX;
    }
    return XXH64(scratch, count * sizeof *scratch, 0);
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Sorts, and drops what is there twice. */
static size_t sort_distinct(uint64_t *hashes, size_t count) {
    size_t kept = 0;
    qsort(hashes, count, sizeof *hashes, compare);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || hashes[kept - 1] != hashes[i]) hashes[kept++] = hashes[i];
    return kept;
}

static size_t count_novel(const uint64_t *hashes, size_t count, const uint64_t *known, size_t known_count) {
    size_t novel = 0;
    for (size_t i = 0; i < count; i++)
        novel += bsearch(&hashes[i], known, known_count, sizeof *known, compare) == NULL;
    return novel;
}

/* Hashes of the first `count` training examples, a block at a time. */
static elbow_status hash_training(uint64_t *hashes, const elbow_view *view, size_t count) {
    elbow_status status = ELBOW_OK;
    elbow_arena *arena = NULL;
    const elbow_field *field = elbow_dataset_field(view->dataset, ELBOW_X);
    const elbow_binarizer binarizer = {.how = view->binarize};
    for (size_t first = 0; first < count; first += BLOCK) {
        size_t rows = count - first < BLOCK ? count - first : BLOCK;
        elbow_slice *slice = NULL;
        elbow_values values;
        elbow_examples examples;
        uint16_t *scratch = NULL;
        ELBOW_TRY(elbow_arena_create(&arena));
        ELBOW_TRY_OR_DONE(elbow_slice_read(&slice, view->dataset, ELBOW_TRAIN, ELBOW_X, first, rows, arena));
        ELBOW_TRY_OR_DONE(elbow_values_reserve(&values, field, rows, arena));
        ELBOW_TRY_OR_DONE(elbow_examples_reserve(&examples, field, rows, arena));
        ELBOW_TRY_OR_DONE(elbow_arena_take(arena, field->dimensions, sizeof *scratch, &scratch));
        elbow_slice_gather(&values, slice, NULL, 0, rows, &binarizer);
        elbow_examples_from_values(&examples, 0, &values, rows);
        for (size_t i = 0; i < rows; i++) hashes[first + i] = hash_example(&examples, i, scratch);
        elbow_arena_destroy(&arena);
    }
done:
    elbow_arena_destroy(&arena);
    return status;
}

/* Hashes of the valid samples, into `valid`. */
static elbow_status check_molecules(elbow_quality *quality, const elbow_examples *samples,
                                    const uint64_t *hashes, uint64_t *valid) {
    for (size_t i = 0; i < samples->count; i++) {
        char *text = NULL;
        const char *why = NULL;
        ELBOW_TRY(elbow_field_write_tokens(samples->field, samples->tokens + i * samples->field->dimensions,
                                           samples->length[i], &text));
        if (elbow_smiles_valid(text, &why))
            valid[quality->valid++] = hashes[i];
        else if (quality->why == NULL)
            quality->why = why, quality->bad = i;
        free(text);
    }
    return ELBOW_OK;
}

elbow_status elbow_quality_measure(elbow_quality *quality, const elbow_examples *samples,
                                   const elbow_view *view, size_t limit, bool molecules) {
    elbow_status status = ELBOW_OK;
    elbow_arena *arena = NULL;
    uint64_t *hashes = NULL, *known = NULL, *valid = NULL;
    uint16_t *scratch = NULL;
    size_t n = samples->count, all = elbow_dataset_count(view->dataset, ELBOW_TRAIN);
    *quality = (elbow_quality){.samples = n, .molecules = molecules};
    quality->compared = limit > 0 && limit < all ? limit : all;
    ELBOW_TRY(elbow_arena_create(&arena));
    ELBOW_TRY_OR_DONE(elbow_arena_take(arena, n, sizeof *hashes, &hashes));
    ELBOW_TRY_OR_DONE(elbow_arena_take(arena, n, sizeof *valid, &valid));
    ELBOW_TRY_OR_DONE(elbow_arena_take(arena, quality->compared, sizeof *known, &known));
    ELBOW_TRY_OR_DONE(elbow_arena_take(arena, samples->field->dimensions, sizeof *scratch, &scratch));
    ELBOW_TRY_OR_DONE(hash_training(known, view, quality->compared));
    size_t known_count = sort_distinct(known, quality->compared);
    for (size_t i = 0; i < n; i++) hashes[i] = hash_example(samples, i, scratch);
    if (molecules) {
        ELBOW_TRY_OR_DONE(check_molecules(quality, samples, hashes, valid));
        quality->distinct_valid = sort_distinct(valid, quality->valid);
        quality->novel_valid = count_novel(valid, quality->distinct_valid, known, known_count);
    }
    quality->distinct = sort_distinct(hashes, n);
    quality->novel = count_novel(hashes, quality->distinct, known, known_count);
done:
    elbow_arena_destroy(&arena);
    return status;
}
