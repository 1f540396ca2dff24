/* Data files of any content (describe_h5.h): opened, verified, read to the end, streamed. */
#include "fuzz/describe_h5.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    fuzz_begin("input.h5");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    fuzz_make_h5(bytes, count, NULL);
    fuzz_read_data(fuzz_input, true);
    return 0;
}
