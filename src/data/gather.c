/* Examples of slices as values of a batch. */
#include <assert.h>
#include <math.h>

#include "data/pack.h"
#include "data/slice_inside.h"
#include "math/noise.h"

static size_t example_of(const elbow_piece *piece, size_t i) {
    return piece->first + (piece->which != NULL ? piece->which[i] : i);
}

/* Only grey pixels need random bits: of digits, one block of four in four has any. */
static void binarize(real *x, elbow_slice *slice, const uint8_t *values, uint32_t example,
                     const elbow_binarizer *binarizer) {
    size_t D = slice->field->dimensions;
    unsigned maximum = slice->field->maximum;
    size_t some = elbow_binarize_blocks(slice->blocks, values, D, maximum);
    elbow_stream_some(binarizer->stream, slice->blocks, some, example, binarizer->step, slice->words);
    elbow_binarize_dynamic_values(x, values, slice->words, D, maximum);
}

/* Shuffled rows are anywhere: no hardware guesses the next one. */
static void fetch(const uint8_t *values, size_t bytes) {
#if defined(__GNUC__)
    for (size_t at = 0; at < bytes; at += 64) __builtin_prefetch(values + at);
#else
    (void)values, (void)bytes;
#endif
}

static void gather_images(real *x, const elbow_piece *piece, const elbow_binarizer *binarizer) {
    enum { AHEAD = 2 };
    elbow_slice *slice = piece->slice;
    size_t D = slice->field->dimensions;
    unsigned maximum = slice->field->maximum;
    for (size_t i = 0; i < piece->rows; i++, x += D) {
        const uint8_t *values = slice->bytes + example_of(piece, i) * D;
        if (i + AHEAD < piece->rows) fetch(slice->bytes + example_of(piece, i + AHEAD) * D, D);
        switch (binarizer->how) {
        case ELBOW_BINARIZE_NONE:
            elbow_scale_values(x, values, D, maximum);
            break;
        case ELBOW_BINARIZE_THRESHOLD:
            elbow_threshold_values(x, values, D, maximum);
            break;
        case ELBOW_BINARIZE_DYNAMIC:
            binarize(x, slice, values, binarizer->first_example + (uint32_t)i, binarizer);
            break;
        }
    }
}

static void gather_tables(real *x, const elbow_piece *piece) {
    const elbow_slice *slice = piece->slice;
    size_t D = slice->field->dimensions;
    for (size_t i = 0; i < piece->rows; i++, x += D) {
        size_t at = example_of(piece, i) * D;
        if (slice->type == ELBOW_H5_F32)
            for (size_t d = 0; d < D; d++) x[d] = (real)slice->reals[at + d];
        else if (slice->type == ELBOW_H5_U8)
            for (size_t d = 0; d < D; d++) x[d] = (real)slice->bytes[at + d];
        else
            for (size_t d = 0; d < D; d++)
                x[d] = slice->codes[at + d] == ELBOW_CODE_MISSING ? (real)NAN : (real)slice->codes[at + d];
    }
}

/* The piece that row i of a batch comes from, and its number in that piece. */
static const elbow_piece *piece_of(const elbow_piece *pieces, size_t *i) {
    while (*i >= pieces->rows) *i -= (pieces++)->rows;
    return pieces;
}

static void gather_sequences(elbow_values *values, const elbow_piece *pieces, size_t count) {
    size_t rows = 0;
    for (const elbow_piece *piece = pieces; piece < pieces + count; piece++)
        for (size_t i = 0; i < piece->rows; i++) {
            const uint64_t *offsets = piece->slice->offsets + example_of(piece, i);
            values->example_length[rows++] = (uint32_t)(offsets[1] - offsets[0]);
        }
    elbow_values_arrange(values, rows);
    for (size_t p = 0; p < rows; p++) {
        size_t i = values->order[p];
        const elbow_piece *piece = piece_of(pieces, &i);
        const uint16_t *tokens = piece->slice->codes + piece->slice->offsets[example_of(piece, i)];
        for (size_t t = 0; t < values->length[p]; t++) values->tokens[values->begin[t] + p] = tokens[t];
    }
}

void elbow_pieces_gather(elbow_values *values, const elbow_piece *pieces, size_t count,
                         const elbow_binarizer *binarizer) {
    const elbow_field *field = values->field;
    real *x = values->reals;
    elbow_binarizer next = binarizer != NULL ? *binarizer : (elbow_binarizer){.how = ELBOW_BINARIZE_NONE};
    for (size_t i = 0; i < count; i++) {
        const elbow_field *from = pieces[i].slice->field;
        assert(field->kind == from->kind);
        assert(field->kind == ELBOW_SEQUENCE ? field->dimensions >= from->dimensions
                                             : field->dimensions == from->dimensions);
        (void)from;
    }
    if (field->kind == ELBOW_SEQUENCE) {
        gather_sequences(values, pieces, count);
        return;
    }
    for (const elbow_piece *piece = pieces; piece < pieces + count; piece++) {
        if (field->kind == ELBOW_IMAGE)
            gather_images(x, piece, &next);
        else
            gather_tables(x, piece);
        x += piece->rows * field->dimensions;
        next.first_example += (uint32_t)piece->rows;
    }
}

void elbow_slice_gather(elbow_values *values, elbow_slice *slice, const uint32_t *which, size_t first,
                        size_t rows, const elbow_binarizer *binarizer) {
    const elbow_piece piece = {slice, which, first, rows};
    elbow_pieces_gather(values, &piece, 1, binarizer);
}
