/* The importer of pictures on a folder of one of any bytes. Flips would end at the checksums of PNG's chunks: they are
 * made right after every mutation. */
#include "fuzz/frame.h"

#include <zlib.h>

static char class_folder[PATH_MAX], picture[PATH_MAX + 32];

static void remove_class(void) {
    unlink(picture);
    rmdir(class_folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    fuzz_begin("pictures");
    snprintf(class_folder, sizeof class_folder, "%s/classes", fuzz_folder);
    snprintf(picture, sizeof picture, "%s/picture.png", class_folder);
    DEMAND(mkdir(class_folder, 0700) == 0);
    atexit(remove_class);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    static fuzz_way way = {"png"};
    fuzz_put(picture, bytes, count);
    fuzz_import(way, false, false, class_folder);
    return 0;
}

#ifdef ELBOW_FUZZER
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t count, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t count, size_t room, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t count, size_t room, unsigned seed) {
    count = LLVMFuzzerMutate(bytes, count, room);
    if (seed % 8 == 0) return count;
    for (size_t at = 8; at + 12 <= count;) {
        size_t length = (size_t)bytes[at] << 24 | (size_t)bytes[at + 1] << 16 | (size_t)bytes[at + 2] << 8 |
                        bytes[at + 3];
        if (length > count - at - 12) break;
        uint32_t sum = (uint32_t)crc32(0, bytes + at + 4, (uInt)length + 4);
        for (int i = 0; i < 4; i++) bytes[at + 8 + length + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        at += length + 12;
    }
    return count;
}
#endif
