/* HDF5 files as bytes. Flips and cuts end at the seal (base/h5_seal.c), which this shows. Where the environment has
 * ELBOW_FUZZ_HDF5, every mutation loses its seal, and the checksums that HDF5 keeps of its headers are made right: this is
 * of HDF5 itself, whose crashes on files made with care elbow can only make rarer. */
#include "fuzz/frame.h"

#include "fuzz/hdf5_headers.h"

#include "elbow/store/checkpoint.h"
#include "elbow/store/kind.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    fuzz_begin("input.h5");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    elbow_kind kind;
    elbow_checkpoint *checkpoint = NULL;
    elbow_metrics metrics;
    fuzz_put(fuzz_input, bytes, count);
    elbow_status status = elbow_kind_of(fuzz_input, &kind);
    if (status == ELBOW_OK && kind == ELBOW_KIND_DATA) {
        (void)fuzz_read_data(fuzz_input, false);
    } else if (status == ELBOW_OK && kind == ELBOW_KIND_CHECKPOINT) {
        status = elbow_checkpoint_read(&checkpoint, fuzz_input);
        elbow_checkpoint_destroy(&checkpoint);
    } else if (status == ELBOW_OK && kind == ELBOW_KIND_METRICS) {
        status = elbow_metrics_read(&metrics, fuzz_input);
        if (status == ELBOW_OK) elbow_metrics_destroy(&metrics);
    }
    if (status != ELBOW_OK) DEMAND_MESSAGE(fuzz_input);
    return 0;
}

#ifdef ELBOW_FUZZER
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t count, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t count, size_t room, unsigned seed);

/* Some bytes of one header become others. */
static void change_header(uint8_t *bytes, size_t begin, size_t end, unsigned seed) {
    for (unsigned i = 0; i <= seed % 3; i++) {
        unsigned turn = seed * 2654435761u + i * 40503u;
        size_t at = begin + 4 + (turn >> 8) % (end - begin - 4);
        bytes[at] = turn & 1 ? (uint8_t)(bytes[at] ^ 1u << (turn >> 1 & 7)) : (uint8_t)(turn >> 20);
    }
    uint32_t sum = lookup3(bytes + begin, end - begin);
    memcpy(bytes + end, &sum, 4);
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t count, size_t room, unsigned seed) {
    enum { HEADERS = 512 };
    static size_t begins[HEADERS], ends[HEADERS];
    size_t headers = 0, end = 0;
    if (getenv("ELBOW_FUZZ_HDF5") == NULL || count < 100) return LLVMFuzzerMutate(bytes, count, room);
    if (memcmp(bytes + count - 32, "elbowsum", 8) == 0) memcpy(&count, bytes + count - 16, 8);
    for (size_t at = 0; at + 12 <= count && headers<HEADERS; at = end> 0 ? end : at + 1)
        if ((end = find_checksum(bytes, count, at)) > 0) {
            begins[headers] = at;
            ends[headers++] = end;
        }
    if (headers == 0) return LLVMFuzzerMutate(bytes, count, room);
    size_t chosen = seed % headers;
    change_header(bytes, begins[chosen], ends[chosen], seed / (unsigned)headers);
    return count;
}
#endif
