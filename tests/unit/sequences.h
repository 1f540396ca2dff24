/* What tests of sequences share: fields, and ragged batches of random tokens. */
#ifndef ELBOW_TESTS_UNIT_SEQUENCES_H
#define ELBOW_TESTS_UNIT_SEQUENCES_H

#include "elbow/data/batch.h"
#include "unit/numbers.h"

static inline elbow_field sequence_field(size_t vocabulary, size_t longest, bool terminated) {
    return (elbow_field){
        .kind = ELBOW_SEQUENCE, .dimensions = longest, .vocabulary = vocabulary, .terminated = terminated};
}

/* Tokens of `count` examples, all different where chance wants it; 0 only at the end of a terminated field's. */
static inline elbow_examples random_examples(const elbow_field *field, const uint32_t *lengths, size_t count,
                                             elbow_arena *arena) {
    elbow_examples examples;
    size_t D = field->dimensions, V = field->vocabulary;
    if (elbow_examples_reserve(&examples, field, count, arena) != ELBOW_OK) abort();
    elbow_stream_rows(elbow_stream_make(5, 0, "test.tokens"), 0, 0, 0, count, D, examples.tokens);
    for (size_t i = 0; i < count; ++i) {
        examples.length[i] = lengths[i];
        for (size_t t = 0; t < D; ++t) {
            uint32_t *token = &examples.tokens[i * D + t];
            *token = field->terminated ? (uint32_t)(1 + *token % (V - 1)) : (uint32_t)(*token % V);
        }
        if (field->terminated) examples.tokens[i * D + lengths[i] - 1] = 0;
    }
    return examples;
}

static inline elbow_values packed(const elbow_examples *examples, elbow_arena *arena) {
    elbow_batch batch;
    if (elbow_batch_reserve(&batch, examples->field, NULL, examples->count, arena) != ELBOW_OK) abort();
    elbow_values_from_examples(&batch.x, examples, 0, examples->count);
    return batch.x;
}

#endif
