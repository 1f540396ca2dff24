/* make_idx OUTPUT-PREFIX N SEED: N training and N/5 test images of a known law (idx_files.h), as
 * PREFIX-train-images.gz, PREFIX-train-labels.gz, PREFIX-test-images.gz, PREFIX-test-labels.gz, and each
 * without gzip under the same name without ".gz". Values are 0 and 255. */
#include <inttypes.h>

#include "idx_files.h"

static bool make(const char *prefix, const char *split, uint32_t count, uint64_t seed) {
    for (int gzip = 0; gzip < 2; gzip++) {
        char images[4096], labels[4096];
        snprintf(images, sizeof images, "%s-%s-images%s", prefix, split, gzip ? ".gz" : "");
        snprintf(labels, sizeof labels, "%s-%s-labels%s", prefix, split, gzip ? ".gz" : "");
        if (idx_make(images, labels, count, seed, 255, gzip)) continue;
        fprintf(stderr, "make_idx: %s: cannot be written\n", images);
        return false;
    }
    return true;
}

int main(int argc, char **argv) {
    char *end = NULL, *seed_end = NULL;
    unsigned long long count = argc == 4 ? strtoull(argv[2], &end, 10) : 0;
    uint64_t seed = argc == 4 ? (uint64_t)strtoumax(argv[3], &seed_end, 10) : 0;
    if (argc != 4 || *end != '\0' || *seed_end != '\0' || count < 5 || count > 10000000) {
        fprintf(stderr, "usage: make_idx OUTPUT-PREFIX N SEED   (N from 5 to 10000000)\n");
        return 2;
    }
    /* Seeds far apart, so that no test image follows from a training one. */
    bool good = make(argv[1], "train", (uint32_t)count, seed) &&
                make(argv[1], "test", (uint32_t)(count / 5), seed ^ 0x5DEECE66DA5A5A5Au);
    return good ? 0 : 1;
}
