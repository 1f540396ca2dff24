/* Metrics files of any content (describe_h5.h). What is read can be written, and reads back. */
#include "fuzz/describe_h5.h"

#include "elbow/store/metrics.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    fuzz_begin("input.h5");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    elbow_metrics metrics, back;
    fuzz_make_h5(bytes, count, NULL);
    if (elbow_metrics_read(&metrics, fuzz_input) != ELBOW_OK) {
        DEMAND_MESSAGE(fuzz_input);
        return 0;
    }
    DEMAND(elbow_metrics_write(&metrics, fuzz_output) == ELBOW_OK);
    DEMAND(elbow_metrics_read(&back, fuzz_output) == ELBOW_OK);
    DEMAND(back.train.rows == metrics.train.rows && back.evaluation.rows == metrics.evaluation.rows);
    elbow_metrics_destroy(&metrics);
    elbow_metrics_destroy(&back);
    return 0;
}
