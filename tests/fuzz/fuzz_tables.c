/* The importers of tables and arrays on any bytes. */
#include "fuzz/frame.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    fuzz_begin("input.csv");
    return 0;
}

static fuzz_way ways[] = {
    {"csv"},
    {"csv", "--header", "yes", "--label", "1"},
    {"csv", "--separator", "space", "--quote", "none", "--real", "1"},
    {"csv", "--join", "2", "--header", "no"},
    {"csv", "--context", "1-2", "--categorical", "1-3"},
    {"npy"},
    {"npy", "--as-is", ""},
    {"npy", "--channels", "first"},
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    fuzz_import_bytes(ways, sizeof ways / sizeof *ways, bytes, count);
    return 0;
}
