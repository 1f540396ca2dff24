/* make_large FILE N: a data file of N training images of 64×64 = 4 KB each, and 64 test images, that is small itself and
 * made in a moment: in every fourth block of 256 examples a few have random pixels, and the rest are black. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/h5.h"
#include "elbow/base/random.h"
#include "elbow/data/order.h"

enum { SIDE = 64, D = SIDE * SIDE, BLOCK = ELBOW_ORDER_BLOCK, SOME = 16, EVERY = 4 };

static uint8_t block[BLOCK * D];

static void fill(size_t b) {
    memset(block, 0, sizeof block);
    if (b % EVERY != 0) return;
    elbow_stream_rows(elbow_stream_make(1, b, "large"), 0, 0, 0, 1, SOME * D / 4, (uint32_t *)(void *)block);
}

static elbow_status write_split(elbow_h5 *file, const char *name, size_t count) {
    XXH64_state_t *hash = XXH64_createState();
    elbow_h5_shape shape = {2, {count, D}};
    XXH64_reset(hash, 0);
    ELBOW_TRY(elbow_h5_create_rows(file, name, ELBOW_H5_U8, shape, count < BLOCK ? count : BLOCK, 1));
    for (size_t at = 0; at < count; at += BLOCK) {
        size_t rows = count - at < BLOCK ? count - at : BLOCK;
        fill(at / BLOCK);
        /* Chunks that are not written are black. */
        if (at / BLOCK % EVERY == 0) ELBOW_TRY(elbow_h5_write_rows(file, name, ELBOW_H5_U8, at, rows, block));
        XXH64_update(hash, block, rows * D);
    }
    ELBOW_TRY(elbow_h5_set_checksum(file, name, XXH64_digest(hash)));
    XXH64_freeState(hash);
    ELBOW_TRY(elbow_h5_set_text(file, name, "kind", "image"));
    ELBOW_TRY(elbow_h5_set_integer(file, name, "height", SIDE));
    ELBOW_TRY(elbow_h5_set_integer(file, name, "width", SIDE));
    ELBOW_TRY(elbow_h5_set_integer(file, name, "channels", 1));
    return elbow_h5_set_integer(file, name, "maximum", 255);
}

static elbow_status make(const char *path, size_t count) {
    elbow_h5 *file = NULL;
    ELBOW_TRY(elbow_h5_create_disk(&file, path, path));
    ELBOW_TRY(elbow_h5_set_text(file, "/", "format", "elbow-data"));
    ELBOW_TRY(elbow_h5_set_integer(file, "/", "version", 1));
    ELBOW_TRY(write_split(file, "/train/x", count));
    ELBOW_TRY(write_split(file, "/test/x", 64));
    return elbow_h5_close(&file);
}

int main(int argc, char **argv) {
    size_t count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (count == 0) {
        fprintf(stderr, "usage: make_large FILE N\n");
        return 2;
    }
    if (make(argv[1], count) == ELBOW_OK) return 0;
    fprintf(stderr, "make_large: %s\n", elbow_error_message());
    return 1;
}
