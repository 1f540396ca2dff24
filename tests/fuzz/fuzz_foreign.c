/* HDF5 files of any content (describe_h5.h) through their importer. The last byte chooses the flags. */
#include "fuzz/describe_h5.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    fuzz_begin("input.h5");
    return 0;
}

static fuzz_way ways[] = {
    {"hdf5", "--x", "/x"},
    {"hdf5", "--x", "x", "--y", "y"},
    {"hdf5", "--x", "/g/x", "--channels", "first"},
    {"hdf5", "--x", "/x", "--as-is", ""},
    {"hdf5"},
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    enum { WAYS = sizeof ways / sizeof *ways };
    unsigned last = count > 0 ? bytes[count - 1] : 0u;
    fuzz_make_h5(bytes, count > 0 ? count - 1 : 0, NULL);
    fuzz_import(ways[last % WAYS], last / WAYS & 1, last / WAYS >> 1 & 1, fuzz_input);
    return 0;
}
