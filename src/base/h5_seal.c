/* The seal of a file: hashes of its blocks, behind what HDF5 calls its end. HDF5's own checksums leave out data and the
 * B-trees of chunks, and some of what a header says is believed before it is compared. So every byte of a sealed file
 * is compared with what was written before HDF5 sees it, block by block, when a block is first read: opening a file of
 * any size costs little, and what is streamed is checked as it comes.
 *
 *     HDF5's bytes      E of them
 *     hashes            XXH3, 64 bits, of each block of 65,536 bytes, the last one shorter; little-endian
 *     "elbowsum", 1, E  8 bytes each
 *     hash              XXH3, 64 bits, of the hashes and the 24 bytes before
 *
 * Other programs see an HDF5 file: what lies behind its end is none of their business, and one that changes the file
 * cuts it off. Files without a seal are read as they are, but none that is shorter, or otherwise longer, than its own
 * header says. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/h5_inside.h"

enum { BLOCK = 65536, FOOT = 32, PIECE = 16 * BLOCK, SUPERBLOCK = 96 };

static const char mark[8] = {'e', 'l', 'b', 'o', 'w', 's', 'u', 'm'};

static uint64_t get_number(const unsigned char *bytes) {
    uint64_t number = 0;
    for (int i = 7; i >= 0; i--) number = number << 8 | bytes[i];
    return number;
}

static void put_number(unsigned char *bytes, uint64_t number) {
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(number >> 8 * i);
}

static size_t count_blocks(size_t size) { return size / BLOCK + (size % BLOCK > 0); }

static size_t seal_bytes(size_t size) { return count_blocks(size) * 8 + FOOT; }

/* ----------------------------------------------------------------------------------------- writing */

static void hash_blocks(unsigned char *hashes, const unsigned char *bytes, size_t count) {
    for (size_t at = 0; at < count; at += BLOCK, hashes += 8)
        put_number(hashes, XXH3_64bits(bytes + at, count - at < BLOCK ? count - at : BLOCK));
}

static void finish_seal(unsigned char *seal, size_t size) {
    unsigned char *foot = seal + count_blocks(size) * 8;
    memcpy(foot, mark, 8);
    put_number(foot + 8, 1);
    put_number(foot + 16, size);
    put_number(foot + 24, XXH3_64bits(seal, (size_t)(foot + 24 - seal)));
}

int elbow_h5_seal_memory(elbow_h5_medium *medium) {
    size_t size = medium->size, more = seal_bytes(size);
    unsigned char *grown = realloc(medium->memory, size + more);
    if (grown == NULL) return medium->error = ENOMEM;
    medium->memory = grown;
    medium->room = medium->size = size + more;
    hash_blocks(grown + size, grown, size);
    finish_seal(grown + size, size);
    return 0;
}

/* Reads the file again: HDF5 writes it in an order of its own. */
int elbow_h5_seal_descriptor(elbow_h5_medium *medium) {
    size_t size = medium->size, more = seal_bytes(size);
    unsigned char *seal = malloc(more), *piece = malloc(PIECE);
    int error = seal != NULL && piece != NULL ? 0 : ENOMEM;
    for (size_t at = 0; at < size && error == 0; at += PIECE) {
        size_t count = size - at < PIECE ? size - at : PIECE;
        error = elbow_h5_read_descriptor(medium->descriptor, piece, count, at);
        if (error == 0) hash_blocks(seal + at / BLOCK * 8, piece, count);
    }
    if (error == 0) {
        finish_seal(seal, size);
        error = elbow_h5_write_descriptor(medium->descriptor, seal, more, size);
    }
    free(seal);
    free(piece);
    if (medium->error == 0) medium->error = error;
    return error;
}

/* ----------------------------------------------------------------------------------------- reading */

/* Where the header says that the file ends; 0 where it has none that is known. */
static size_t stated_end(const unsigned char *header, size_t count) {
    static const size_t at[] = {40, 44, 28, 28}; /* by version of the superblock */
    unsigned version = header[8];
    if (count < SUPERBLOCK || version > 3) return 0;
    if (header[version < 2 ? 13 : 9] != 8) return 0; /* bytes of an address */
    return (size_t)get_number(header + at[version]);
}

static elbow_status check_end(const elbow_h5_medium *medium, const char *path) {
    unsigned char header[SUPERBLOCK] = {0};
    size_t count = medium->size < sizeof header ? medium->size : sizeof header;
    if (elbow_h5_read_descriptor(medium->descriptor, header, count, 0) != 0)
        return ELBOW_OK; /* HDF5 will see it, too */
    size_t end = stated_end(header, count);
    ELBOW_CHECK(end <= medium->size, ELBOW_FORMAT,
                "%s: damaged or cut short: its header says %zu bytes, and there are %zu; make or copy it "
                "again, or take an earlier one",
                path, end, medium->size);
    ELBOW_CHECK(end == 0 || end == medium->size, ELBOW_FORMAT,
                "%s: damaged: its header says %zu bytes, and the %zu behind them are no sound seal; make or "
                "copy it again, or take an earlier one",
                path, end, medium->size - end);
    return ELBOW_OK;
}

/* The seal, where there is one; its size follows from the file's, so nothing is believed before it is compared. */
static int read_seal(elbow_h5_medium *medium, unsigned char **seal, size_t *size) {
    unsigned char foot[FOOT];
    *seal = NULL;
    if (medium->size <= FOOT) return 0;
    int error = elbow_h5_read_descriptor(medium->descriptor, foot, FOOT, medium->size - FOOT);
    *size = (size_t)get_number(foot + 16);
    bool ours = error == 0 && memcmp(foot, mark, 8) == 0 && get_number(foot + 8) == 1 &&
                *size < medium->size && seal_bytes(*size) == medium->size - *size;
    if (!ours) return error;
    size_t count = seal_bytes(*size);
    *seal = malloc(count);
    if (*seal == NULL) return ENOMEM;
    error = elbow_h5_read_descriptor(medium->descriptor, *seal, count, *size);
    if (error == 0 && XXH3_64bits(*seal, count - 8) == get_number(foot + 24)) return 0;
    free(*seal);
    *seal = NULL;
    return error;
}

elbow_status elbow_h5_find_seal(elbow_h5_medium *medium, const char *path) {
    size_t size = 0;
    int error = read_seal(medium, &medium->seal, &size);
    ELBOW_CHECK(error != ENOMEM, ELBOW_MEMORY, "%s: no memory to open it", path);
    ELBOW_CHECK(error == 0, ELBOW_IO, "%s: cannot be read (%s); check the file system and its mount", path,
                strerror(error));
    if (medium->seal == NULL) return check_end(medium, path);
    medium->size = size;
    medium->compared = calloc(count_blocks(size) / 8 + 1, 1);
    medium->block = malloc(BLOCK);
    ELBOW_CHECK(medium->compared != NULL && medium->block != NULL, ELBOW_MEMORY, "%s: no memory to open it",
                path);
    return ELBOW_OK;
}

/* One block, of which [at, at + count) of the file was read to `bytes`. What lies partly outside is read again, and
 * what was compared is handed on. */
static bool compare_block(elbow_h5_medium *medium, size_t number, size_t at, size_t count,
                          unsigned char *bytes) {
    size_t begin = number * BLOCK, left = medium->size - begin, size = left < BLOCK ? left : BLOCK;
    const unsigned char *whole = medium->block;
    if (at <= begin && begin + size <= at + count) {
        whole = bytes + (begin - at);
    } else {
        int error = elbow_h5_read_descriptor(medium->descriptor, medium->block, size, begin);
        if (error != 0 && error != ENODATA) medium->error = error;
        if (error != 0) return false;
        size_t from = at > begin ? at : begin, to = at + count < begin + size ? at + count : begin + size;
        memcpy(bytes + (from - at), whole + (from - begin), to - from);
    }
    if (XXH3_64bits(whole, size) == get_number(medium->seal + number * 8)) return true;
    medium->damage = begin;
    medium->damage_bytes = size;
    return false;
}

bool elbow_h5_compare(elbow_h5_medium *medium, size_t at, size_t count, void *bytes) {
    if (medium->seal == NULL || count == 0) return true;
    if (medium->damage_bytes > 0) return false;
    for (size_t number = at / BLOCK; number <= (at + count - 1) / BLOCK; number++) {
        unsigned char bit = (unsigned char)(1u << number % 8);
        if (medium->compared[number / 8] & bit) continue;
        if (!compare_block(medium, number, at, count, bytes)) return false;
        medium->compared[number / 8] |= bit;
    }
    return true;
}

void elbow_h5_forget_seal(elbow_h5_medium *medium) {
    free(medium->seal);
    free(medium->compared);
    free(medium->block);
    medium->seal = medium->compared = medium->block = NULL;
}
