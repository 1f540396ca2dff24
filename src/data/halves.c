#include "data/halves.h"

#include <string.h>

static const char *const names[] = {[ELBOW_HALF_UPPER] = "upper",
                                    [ELBOW_HALF_LOWER] = "lower",
                                    [ELBOW_HALF_LEFT] = "left",
                                    [ELBOW_HALF_RIGHT] = "right"};

elbow_status elbow_half_find(const char *name, elbow_half *half) {
    for (elbow_half h = ELBOW_HALF_UPPER; h <= ELBOW_HALF_RIGHT; h++)
        if (strcmp(names[h], name) == 0) {
            *half = h;
            return ELBOW_OK;
        }
    return elbow_fail(ELBOW_USAGE,
                      "--context: `%.60s` is no half of an image; give upper, lower, left or right", name);
}

elbow_piece_of elbow_half_piece(elbow_half half, elbow_part part, const elbow_field *image) {
    elbow_piece_of piece = {.height = image->height, .width = image->width};
    bool across = half == ELBOW_HALF_LEFT || half == ELBOW_HALF_RIGHT;
    bool context_first = half == ELBOW_HALF_UPPER || half == ELBOW_HALF_LEFT;
    size_t side = across ? image->width : image->height, given = side / 2;
    size_t size = part == ELBOW_CONTEXT ? given : side - given;
    size_t begin = (part == ELBOW_CONTEXT) == context_first ? 0 : side - size;
    *(across ? &piece.width : &piece.height) = size;
    *(across ? &piece.left : &piece.top) = begin;
    return piece;
}

void elbow_half_take(uint8_t *pixels, const elbow_piece_of *piece, const elbow_field *image,
                     const uint8_t *from) {
    size_t row = piece->width * image->channels;
    for (size_t y = 0; y < piece->height; y++)
        memcpy(pixels + y * row, from + ((piece->top + y) * image->width + piece->left) * image->channels,
               row);
}
