/* HDF5's headers and their checksums, for tests that change them with care. */
#ifndef ELBOW_FUZZ_HDF5_HEADERS_H
#define ELBOW_FUZZ_HDF5_HEADERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t rotate(uint32_t x, int by) { return x << by | x >> (32 - by); }

/* Bob Jenkins' lookup3 (public domain), which HDF5 takes of its headers. */
static inline uint32_t lookup3(const uint8_t *bytes, size_t count) {
    static const int mix[6] = {4, 6, 8, 16, 19, 4}, end[7] = {14, 11, 25, 16, 4, 14, 24};
    uint32_t s[3], w[3];
    uint8_t tail[12] = {0};
    s[0] = s[1] = s[2] = 0xdeadbeef + (uint32_t)count;
    for (; count > 12; bytes += 12, count -= 12) {
        memcpy(w, bytes, sizeof w);
        for (int i = 0; i < 3; i++) s[i] += w[i];
        for (int i = 0; i < 6; i++) {
            s[i % 3] -= s[(i + 2) % 3];
            s[i % 3] ^= rotate(s[(i + 2) % 3], mix[i]);
            s[(i + 2) % 3] += s[(i + 1) % 3];
        }
    }
    if (count == 0) return s[2];
    memcpy(tail, bytes, count);
    memcpy(w, tail, sizeof w);
    for (int i = 0; i < 3; i++) s[i] += w[i];
    for (int i = 0, x = 2, y = 1; i < 7; i++, y = x, x = (x + 1) % 3) {
        s[x] ^= s[y];
        s[x] -= rotate(s[y], end[i]);
    }
    return s[2];
}

/* Where the checksum of a header of HDF5's is, found as what fits before the mutation. */
static inline size_t find_checksum(const uint8_t *bytes, size_t count, size_t at) {
    static const char signatures[][5] = {"\x89HDF", "OHDR", "OCHK", "FRHP", "FHIB",
                                         "FHDB",    "BTHD", "BTIN", "BTLF"};
    bool header = false;
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
        header = header || memcmp(bytes + at, signatures[i], 4) == 0;
    for (size_t end = at + 8; header && end + 4 <= count && end < at + 4096; end++) {
        uint32_t found;
        memcpy(&found, bytes + end, 4);
        if (found == lookup3(bytes + at, end - at)) return end;
    }
    return 0;
}

#endif
