#include "elbow/data/loader.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "elbow/base/arena.h"
#include "elbow/base/random.h"
#include "math/noise.h"

struct elbow_loader {
    elbow_order_spec order;
    size_t first, count; /* shards */
    elbow_field field;
    elbow_binarize binarize;
    uint64_t epoch;
    elbow_arena *arena;
    uint8_t *values; /* the shards' slices, one after the other: (examples, D) */
    size_t *begins;  /* (count) where each shard's slice begins in values and in permutations, in examples */
    uint32_t *permutations; /* (examples) */
    uint32_t *scratch;      /* (largest slice) */
    uint32_t *words;        /* (D) */
};

#define NO_EPOCH UINT64_MAX

static elbow_status read_slices(elbow_loader *loader, elbow_dataset *dataset) {
    size_t begin = 0, end = 0, largest = 0, count = 0;
    ELBOW_TRY(elbow_arena_take(loader->arena, loader->count, sizeof *loader->begins, &loader->begins));
    for (size_t s = 0; s < loader->count; s++) {
        size_t first = 0;
        elbow_order_slice(&loader->order, loader->first + s, &first, &count);
        if (s == 0) begin = first;
        loader->begins[s] = first - begin;
        end = first + count;
        if (count > largest) largest = count;
    }
    ELBOW_CHECK(largest <= UINT32_MAX, ELBOW_USAGE,
                "a shard of %zu examples is larger than 2^32; use more shards", largest);
    ELBOW_TRY(elbow_arena_take(loader->arena, (end - begin) * loader->field.dimensions, 1, &loader->values));
    ELBOW_TRY(
        elbow_arena_take(loader->arena, end - begin, sizeof *loader->permutations, &loader->permutations));
    ELBOW_TRY(elbow_arena_take(loader->arena, largest, sizeof *loader->scratch, &loader->scratch));
    ELBOW_TRY(
        elbow_arena_take(loader->arena, loader->field.dimensions, sizeof *loader->words, &loader->words));
    return elbow_dataset_read(dataset, ELBOW_TRAIN, begin, end - begin, loader->values);
}

elbow_status elbow_loader_create(elbow_loader **out, elbow_dataset *dataset, const elbow_order_spec *order,
                                 size_t first, size_t count, elbow_binarize binarize) {
    *out = NULL;
    elbow_loader *loader = calloc(1, sizeof *loader);
    ELBOW_CHECK(loader != NULL, ELBOW_MEMORY, "no memory for the training set");
    loader->order = *order;
    loader->first = first;
    loader->count = count;
    loader->field = *elbow_dataset_field(dataset);
    loader->binarize = binarize;
    loader->epoch = NO_EPOCH;
    elbow_status status = elbow_arena_create(&loader->arena);
    if (status == ELBOW_OK) status = read_slices(loader, dataset);
    if (status != ELBOW_OK) elbow_loader_destroy(&loader);
    *out = loader;
    return status;
}

void elbow_loader_destroy(elbow_loader **loader) {
    if (*loader == NULL) return;
    elbow_arena_destroy(&(*loader)->arena);
    free(*loader);
    *loader = NULL;
}

size_t elbow_loader_bytes(const elbow_loader *loader) { return elbow_arena_bytes(loader->arena); }

void elbow_loader_epoch(elbow_loader *loader, uint64_t epoch) {
    if (loader->epoch == epoch) return;
    loader->epoch = epoch;
    for (size_t s = 0; s < loader->count; s++)
        elbow_order_permutation(&loader->order, loader->first + s, epoch,
                                loader->permutations + loader->begins[s], loader->scratch);
}

/* One example; `words` are drawn for it when it is dynamically binarised. */
static void convert(real *x, const uint8_t *values, const elbow_field *field, elbow_binarize binarize,
                    elbow_stream stream, uint32_t example, uint64_t step, uint32_t *words) {
    size_t D = field->dimensions;
    switch (binarize) {
    case ELBOW_BINARIZE_NONE:
        elbow_scale_values(x, values, D, field->maximum);
        break;
    case ELBOW_BINARIZE_THRESHOLD:
        elbow_threshold_values(x, values, D, field->maximum);
        break;
    case ELBOW_BINARIZE_DYNAMIC:
        elbow_stream_rows(stream, 0, example, step, 1, D, words);
        elbow_binarize_dynamic_values(x, values, words, D, field->maximum);
        break;
    }
}

size_t elbow_loader_batch(elbow_loader *loader, size_t shard, size_t t, uint64_t step, real *x) {
    assert(loader->epoch != NO_EPOCH);
    size_t D = loader->field.dimensions, first = 0, count = 0;
    size_t begin = loader->begins[shard - loader->first];
    const uint32_t *permutation = loader->permutations + begin;
    elbow_stream stream = elbow_stream_make(loader->order.seed, shard, "data.binarize");
    elbow_order_step(&loader->order, shard, t, &first, &count);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *values = loader->values + (begin + permutation[first + i]) * D;
        convert(x + i * D, values, &loader->field, loader->binarize, stream, (uint32_t)i, step,
                loader->words);
    }
    return count;
}

void elbow_loader_convert(real *x, const uint8_t *values, size_t rows, const elbow_field *field,
                          elbow_binarize binarize, uint64_t seed, elbow_split split, size_t first_example,
                          uint32_t *words) {
    char purpose[64];
    snprintf(purpose, sizeof purpose, "evaluate.%s.binarize", elbow_split_name(split));
    elbow_stream stream = elbow_stream_make(seed, ELBOW_SHARD_NONE, purpose);
    for (size_t r = 0; r < rows; r++)
        convert(x + r * field->dimensions, values + r * field->dimensions, field, binarize, stream,
                (uint32_t)(first_example + r), 0, words);
}
