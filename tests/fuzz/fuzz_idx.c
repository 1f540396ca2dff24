/* The IDX importer on any bytes: as images of both splits and as labels, which nothing is at once. */
#include "fuzz/frame.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    fuzz_begin("input.idx");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    static fuzz_way images = {"idx"};
    elbow_import_request request;
    fuzz_put(fuzz_input, bytes, count);
    fuzz_import(images, false, false, fuzz_input);
    DEMAND(elbow_import_begin(&request, "idx") == ELBOW_OK);
    request.inputs[ELBOW_TRAIN] = request.inputs[ELBOW_TEST] = fuzz_input;
    request.output = fuzz_output;
    request.overwrite = true;
    DEMAND(elbow_import_set(&request, "--train-labels", fuzz_input) == ELBOW_OK);
    DEMAND(elbow_import_run(&request) != ELBOW_OK);
    return 0;
}
