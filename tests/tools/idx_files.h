/* IDX files of a known law, for tests and for machines without real data.
 *
 * An image is one of six bar patterns (three rows or three columns of bars) of 12×12 pixels, each pixel
 * flipped with probability 5 %; its label is the pattern. So the entropy of an image is known: log 6 + 144
 * H(0.05), less what the overlap of patterns takes, which is nothing at this size: 1.79 + 28.59 = 30.38
 * nats. */
#ifndef ELBOW_TESTS_TOOLS_IDX_FILES_H
#define ELBOW_TESTS_TOOLS_IDX_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { IDX_SIDE = 12, IDX_PIXELS = IDX_SIDE * IDX_SIDE, IDX_PATTERNS = 6 };

static inline uint64_t idx_random(uint64_t *state) { /* SplitMix64 */
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* pattern 0, 1, 2: rows with row mod 3 = pattern are white; 3, 4, 5: columns. */
static inline bool idx_bar(unsigned pattern, unsigned row, unsigned column) {
    return pattern < 3 ? row % 3 == pattern : column % 3 == pattern - 3;
}

static inline void idx_draw(uint64_t *state, uint8_t white, uint8_t image[IDX_PIXELS], uint8_t *label) {
    unsigned pattern = (unsigned)(idx_random(state) % IDX_PATTERNS);
    *label = (uint8_t)pattern;
    for (unsigned i = 0; i < IDX_PIXELS; i++) {
        bool flip = idx_random(state) % 20 == 0;
        image[i] = (idx_bar(pattern, i / IDX_SIDE, i % IDX_SIDE) != flip) ? white : 0;
    }
}

/* A header of `dims` sizes; returns its length. */
static inline size_t idx_header(uint8_t *bytes, unsigned dims, const uint32_t *sizes) {
    const uint8_t magic[4] = {0, 0, 8, (uint8_t)dims};
    memcpy(bytes, magic, 4);
    for (unsigned i = 0; i < dims; i++)
        for (unsigned b = 0; b < 4; b++) bytes[4 + 4 * i + b] = (uint8_t)(sizes[i] >> (24 - 8 * b));
    return 4 + 4 * (size_t)dims;
}

/* Writes bytes plain or as gzip; false on failure. */
static inline bool idx_put(const char *path, const void *bytes, size_t count, bool gzip) {
    gzFile file = gzopen(path, gzip ? "wb" : "wbT");
    if (file == NULL) return false;
    bool good = gzwrite(file, bytes, (unsigned)count) == (int)count;
    return gzclose(file) == Z_OK && good;
}

/* `count` images and labels (NULL: none) drawn from the law, values 0 and `white`. */
static inline bool idx_make(const char *images_path, const char *labels_path, uint32_t count, uint64_t seed,
                            uint8_t white, bool gzip) {
    const uint32_t sizes[3] = {count, IDX_SIDE, IDX_SIDE};
    uint8_t *images = malloc(16 + (size_t)count * IDX_PIXELS), *labels = malloc(8 + (size_t)count);
    bool good = images != NULL && labels != NULL;
    if (good) {
        size_t image_bytes = idx_header(images, 3, sizes), label_bytes = idx_header(labels, 1, sizes);
        for (uint32_t i = 0; i < count; i++, image_bytes += IDX_PIXELS, label_bytes++)
            idx_draw(&seed, white, images + image_bytes, labels + label_bytes);
        good = idx_put(images_path, images, image_bytes, gzip) &&
               (labels_path == NULL || idx_put(labels_path, labels, label_bytes, gzip));
    }
    free(images);
    free(labels);
    return good;
}

#endif
