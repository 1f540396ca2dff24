#include "elbow/data/inspect.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "data/dataset_inside.h"

enum { PIECE_BYTES = 4 << 20, REASON_BYTES = 256 };

/* A dataset that is being looked through. */
typedef struct inspection {
    elbow_dataset *dataset;
    const elbow_field *field;
    char name[ELBOW_OBJECT_BYTES];
    elbow_h5_type type;
    bool labels;
    size_t wrong;              /* values that cannot be */
    char reason[REASON_BYTES]; /* the first of them */
    elbow_data_counts *counts; /* to be added to */
    const uint64_t *offsets;   /* of sequences: (examples + 1) */
    size_t examples, example;  /* of sequences: the one that the next token is of */
} inspection;

static void blame(inspection *in, const char *format, ...) ELBOW_PRINTF(2, 3);

static void blame(inspection *in, const char *format, ...) {
    if (in->wrong++ > 0) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(in->reason, sizeof in->reason, format, arguments);
    va_end(arguments);
}

/* ------------------------------------------------------------------------------------------- by kind */

typedef void look(inspection *in, const void *values, size_t first, size_t rows);

static void look_at_pixels(inspection *in, const void *values, size_t first, size_t rows) {
    const uint8_t *pixel = values;
    const elbow_field *field = in->field;
    in->counts->values += rows * field->dimensions;
    for (size_t r = 0; r < rows; r++)
        for (size_t d = 0; d < field->dimensions; d++, pixel++) {
            if (*pixel > field->maximum)
                blame(in, "example %zu, pixel %zu is %u, and the brightest is %u", first + r, d,
                      (unsigned)*pixel, field->maximum);
            else if (field->binary && *pixel != 0 && *pixel != field->maximum)
                blame(in, "example %zu, pixel %zu is %u where all are 0 or %u", first + r, d,
                      (unsigned)*pixel, field->maximum);
        }
}

static void look_at_code(inspection *in, size_t example, size_t d, unsigned code) {
    const elbow_column *column = &in->field->columns[d];
    if (code < column->cardinality) return;
    if (code != ELBOW_CODE_MISSING)
        blame(in, "example %zu: column %.60s has the code %u of %zu", example, column->name, code,
              column->cardinality);
    else if (!column->missing && !in->labels) /* files from before say nothing of missing labels */
        blame(in, "example %zu: column %.60s is missing, which it never is by its description", example,
              column->name);
    else
        in->counts->missing++;
}

static void look_at_codes(inspection *in, const void *values, size_t first, size_t rows) {
    size_t columns = in->field->dimensions;
    in->counts->values += rows * columns;
    for (size_t i = 0; i < rows * columns; i++) {
        unsigned code =
            in->type == ELBOW_H5_U8 ? ((const uint8_t *)values)[i] : ((const uint16_t *)values)[i];
        look_at_code(in, first + i / columns, i % columns, code);
    }
}

/* Standardised values, and codes among them. NaN is a missing one. */
static void look_at_reals(inspection *in, const void *values, size_t first, size_t rows) {
    const float *value = values;
    in->counts->values += rows * in->field->dimensions;
    for (size_t r = 0; r < rows; r++)
        for (size_t d = 0; d < in->field->dimensions; d++, value++) {
            const elbow_column *column = &in->field->columns[d];
            bool code = column->cardinality > 0;
            if (isnan(*value)) {
                look_at_code(in, first + r, d, ELBOW_CODE_MISSING);
            } else if (isinf(*value)) {
                blame(in, "example %zu: column %.60s is infinite", first + r, column->name);
            } else if (code &&
                       !(*value >= 0 && *value < (float)column->cardinality && *value == truncf(*value))) {
                blame(in, "example %zu: column %.60s has the code %g of %zu", first + r, column->name,
                      (double)*value, column->cardinality);
            }
        }
}

static void look_at_tokens(inspection *in, const void *values, size_t first, size_t rows) {
    const uint16_t *token = values;
    const elbow_field *field = in->field;
    in->counts->values += rows;
    for (size_t i = first; i < first + rows; i++, token++) {
        while (in->example + 1 < in->examples && i >= in->offsets[in->example + 1]) in->example++;
        bool last = i + 1 == in->offsets[in->example + 1];
        if (*token >= field->vocabulary)
            blame(in, "token %zu, of example %zu, is %u, and the vocabulary has %zu symbols", i, in->example,
                  (unsigned)*token, field->vocabulary);
        else if (field->terminated && (*token == 0) != last)
            blame(in,
                  last ? "example %zu does not end in the end of a sequence (token %zu)"
                       : "example %zu has an end of a sequence before its last token (token %zu)",
                  in->example, i);
    }
}

/* ------------------------------------------------------------------------------------------- datasets */

static elbow_status match_checksum(const inspection *in, uint64_t checksum) {
    char stored[ELBOW_DIGEST_BYTES], found[ELBOW_DIGEST_BYTES];
    elbow_dataset *dataset = in->dataset;
    ELBOW_TRY(elbow_h5_get_text(dataset->file, in->name, "checksum", stored, sizeof stored));
    snprintf(found, sizeof found, "%016" PRIx64, checksum);
    ELBOW_CHECK(strcmp(stored, found) == 0, ELBOW_FORMAT,
                "%s: %s is damaged (checksum %s, stored %s); copy the file again, or import the data again",
                dataset->path, in->name, found, stored);
    return ELBOW_OK;
}

/* Reads a dataset once, by pieces of whole rows. */
static elbow_status look_through(inspection *in, size_t all, size_t row_values, look *at) {
    size_t row = row_values * elbow_h5_type_size(in->type), piece = row < PIECE_BYTES ? PIECE_BYTES / row : 1;
    elbow_status status = ELBOW_OK;
    XXH64_state_t hash;
    void *values = malloc(piece * row);
    ELBOW_CHECK(values != NULL, ELBOW_MEMORY, "%s: no memory to check it", in->dataset->path);
    XXH64_reset(&hash, 0);
    for (size_t first = 0; first < all; first += piece) {
        size_t rows = all - first < piece ? all - first : piece;
        ELBOW_TRY_OR_DONE(elbow_h5_read_rows(in->dataset->file, in->name, in->type, first, rows, values));
        XXH64_update(&hash, values, rows * row);
        at(in, values, first, rows);
    }
    ELBOW_TRY_OR_DONE(match_checksum(in, XXH64_digest(&hash)));
    ELBOW_CHECK_OR_DONE(in->wrong == 0, ELBOW_FORMAT,
                        "%s: %s: %zu of %zu values cannot be (the first: %s); import the data again",
                        in->dataset->path, in->name, in->wrong, all * row_values, in->reason);
done:
    free(values);
    return status;
}

static void look_at_offsets(inspection *in, const void *values, size_t first, size_t rows) {
    memcpy((uint64_t *)in->offsets + first, values, rows * sizeof(uint64_t));
}

/* Offsets are believed only when all of them are good: tokens are found by them. */
static void check_offsets(inspection *in, size_t tokens) {
    if (in->offsets[0] != 0) blame(in, "the first example begins at token %" PRIu64, in->offsets[0]);
    for (size_t e = 0; e < in->examples; e++) {
        uint64_t begin = in->offsets[e], end = in->offsets[e + 1];
        if (end <= begin || end > tokens)
            blame(in, "example %zu goes from token %" PRIu64 " to %" PRIu64 " of %zu", e, begin, end, tokens);
        else if (end - begin > in->field->dimensions)
            blame(in, "example %zu has %" PRIu64 " tokens, and the longest has %zu by the description", e,
                  end - begin, in->field->dimensions);
    }
    if (in->wrong == 0 && in->offsets[in->examples] != tokens)
        blame(in, "the last example ends at token %" PRIu64 " of %zu", in->offsets[in->examples], tokens);
}

static elbow_status inspect_sequences(inspection *in, elbow_split split, elbow_part part) {
    elbow_status status = ELBOW_OK;
    size_t examples = in->dataset->count[split], tokens = in->dataset->stored[split][part].tokens;
    uint64_t *offsets = malloc((examples + 1) * sizeof *offsets);
    ELBOW_CHECK(offsets != NULL, ELBOW_MEMORY, "%s: no memory for %zu offsets", in->dataset->path, examples);
    in->offsets = offsets;
    in->examples = examples;
    in->type = ELBOW_H5_U64;
    elbow_dataset_object(in->name, split, part, "offsets");
    ELBOW_TRY_OR_DONE(look_through(in, examples + 1, 1, look_at_offsets));
    check_offsets(in, tokens);
    ELBOW_CHECK_OR_DONE(in->wrong == 0, ELBOW_FORMAT,
                        "%s: %s: %zu of %zu examples cannot be (the first: %s); import the data again",
                        in->dataset->path, in->name, in->wrong, examples, in->reason);
    in->type = ELBOW_H5_U16;
    elbow_dataset_object(in->name, split, part, "tokens");
    ELBOW_TRY_OR_DONE(look_through(in, tokens, 1, look_at_tokens));
done:
    free(offsets);
    return status;
}

static elbow_status inspect_part(elbow_dataset *dataset, elbow_split split, elbow_part part,
                                 elbow_data_counts *counts) {
    inspection in = {.dataset = dataset,
                     .field = &dataset->field[part],
                     .type = dataset->stored[split][part].type,
                     .labels = part == ELBOW_Y,
                     .counts = counts};
    if (in.field->kind == ELBOW_SEQUENCE) return inspect_sequences(&in, split, part);
    elbow_dataset_object(in.name, split, part, NULL);
    look *at = in.field->kind == ELBOW_IMAGE ? look_at_pixels
               : in.type == ELBOW_H5_F32     ? look_at_reals
                                             : look_at_codes;
    return look_through(&in, dataset->count[split], in.field->dimensions, at);
}

elbow_status elbow_dataset_inspect(elbow_dataset *dataset, elbow_data_counts *counts) {
    *counts = (elbow_data_counts){0};
    for (elbow_split split = 0; split < ELBOW_SPLITS; split++)
        for (elbow_part part = 0; part < ELBOW_PARTS; part++)
            if (dataset->stored[split][part].present) ELBOW_TRY(inspect_part(dataset, split, part, counts));
    return ELBOW_OK;
}
