#include "data/utf8.h"

/* The first byte says how many follow; the second one's range rules out what could be written shorter, surrogates
 * and what is beyond Unicode. */
size_t elbow_utf8_next(const char *text, size_t length, uint32_t *code) {
    const unsigned char *bytes = (const unsigned char *)text;
    uint32_t first = bytes[0], least = 0x80, most = 0xBF;
    size_t count = first < 0x80                    ? 1
                   : first >= 0xC2 && first < 0xE0 ? 2
                   : (first & 0xF0) == 0xE0        ? 3
                   : first >= 0xF0 && first < 0xF5 ? 4
                                                   : 0;
    if (count == 0 || count > length) return 0;
    *code = count == 1 ? first : first & (0xFFu >> (count + 1));
    if (first == 0xE0) least = 0xA0;
    if (first == 0xED) most = 0x9F;
    if (first == 0xF0) least = 0x90;
    if (first == 0xF4) most = 0x8F;
    for (size_t i = 1; i < count; i++) {
        if (bytes[i] < least || bytes[i] > most) return 0;
        *code = *code << 6 | (bytes[i] & 0x3F);
        least = 0x80;
        most = 0xBF;
    }
    return count;
}
