/* The importers of text, biological sequences and molecules on any bytes. */
#include "fuzz/frame.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    fuzz_begin("input.txt");
    return 0;
}

static fuzz_way ways[] = {
    {"text"},
    {"text", "--tokens", "bytes", "--longest", "7"},
    {"text", "--tokens", "words", "--cutoff", "1"},
    {"text", "--tokens", "words", "--vocabulary", "3", "--lower", ""},
    {"text", "--example", "window", "--window", "5"},
    {"text", "--tokens", "words", "--example", "window", "--window", "2"},
    {"smiles"},
    {"fasta"},
    {"fasta", "--ambiguous", "symbol", "--alphabet", "protein"},
    {"fasta", "--as", "sequence", "--alphabet", "any"},
    {"fasta", "--table", "class,name,x"},
    {"fasta", "--table", "x*2,class", "--as", "table", "--ambiguous", "refuse"},
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    fuzz_import_bytes(ways, sizeof ways / sizeof *ways, bytes, count);
    return 0;
}
