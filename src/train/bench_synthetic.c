/* Data for who has none: random images in a file that is gone again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/writer.h"
#include "elbow/base/random.h"
#include "elbow/train/stop.h"
#include "train/bench_inside.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE, LEAST_EXAMPLES = 10240, TEST_EXAMPLES = 256, BLOCK = 256 };
enum { MOST_EXAMPLES = 1000000000 / PIXELS }; /* a GB of images */

/* As MNIST: four pixels of five are 0. */
static void draw(uint8_t *pixels, size_t first, size_t rows) {
    elbow_stream stream = elbow_stream_make(1, ELBOW_SHARD_NONE, "bench.synthetic");
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < PIXELS; i += 16) {
            uint32_t words[4];
            elbow_stream_block(stream, (uint32_t)(i / 16), (uint32_t)(first + r), 0, words);
            for (size_t j = 0; j < 16; j++) {
                unsigned byte = words[j / 4] >> 8 * (j % 4) & 255;
                pixels[r * PIXELS + i + j] = (uint8_t)(byte < 204 ? 0 : 5 * (byte - 204));
            }
        }
}

static elbow_status append(elbow_writer *writer, elbow_split split, size_t examples) {
    elbow_status status = ELBOW_OK;
    uint8_t *pixels = malloc((size_t)BLOCK * PIXELS);
    ELBOW_CHECK(pixels != NULL, ELBOW_MEMORY, "no memory for random images");
    for (size_t at = 0; at < examples && status == ELBOW_OK; at += BLOCK) {
        size_t rows = examples - at < BLOCK ? examples - at : BLOCK;
        draw(pixels, at, rows);
        status = elbow_writer_append_images(writer, split, ELBOW_X, pixels, rows);
        const char *reason = elbow_stop_reason(NULL, NULL, 0);
        if (status == ELBOW_OK && reason)
            status = elbow_fail(ELBOW_STOPPED, "stopped by %s while random images were written", reason);
    }
    free(pixels);
    return status;
}

static elbow_status write_file(const char *path, size_t examples) {
    const elbow_field field = {.kind = ELBOW_IMAGE,
                               .dimensions = PIXELS,
                               .height = SIDE,
                               .width = SIDE,
                               .channels = 1,
                               .maximum = 255};
    elbow_import_request request = {.output = path};
    elbow_status status = ELBOW_OK;
    elbow_writer *writer = NULL;
    ELBOW_TRY_OR_DONE(elbow_writer_create(&writer, &request));
    ELBOW_TRY_OR_DONE(elbow_writer_describe(writer, ELBOW_X, &field));
    ELBOW_TRY_OR_DONE(append(writer, ELBOW_TRAIN, examples));
    ELBOW_TRY_OR_DONE(append(writer, ELBOW_TEST, TEST_EXAMPLES));
    status = elbow_writer_finish(&writer);
done:
    elbow_writer_discard(&writer);
    return status;
}

/* The file of this rank's node, in a directory that nobody else has. */
static elbow_status make_file(elbow_bench_synthetic *synthetic, size_t examples) {
    const char *folder = getenv("TMPDIR");
    char directory[sizeof synthetic->directory];
    if (folder == NULL || *folder == 0) folder = "/tmp";
    ELBOW_CHECK(strlen(folder) + 32 < sizeof directory, ELBOW_IO, "TMPDIR is too long a name: %.200s…",
                folder);
    snprintf(directory, sizeof directory, "%.200s/elbow-bench-XXXXXX", folder);
    ELBOW_CHECK(mkdtemp(directory) != NULL, ELBOW_IO,
                "%s: no directory for random images: %s; set TMPDIR to one that can be written to", folder,
                strerror(errno));
    snprintf(synthetic->directory, sizeof synthetic->directory, "%s", directory);
    snprintf(synthetic->path, sizeof synthetic->path, "%s/images.h5", directory);
    return write_file(synthetic->path, examples);
}

elbow_status elbow_bench_synthetic_make(elbow_bench_synthetic *synthetic, elbow_world *world,
                                        elbow_options *options) {
    typedef struct told {
        int node;
        char path[sizeof synthetic->path];
    } told;
    elbow_status status = ELBOW_OK;
    *synthetic = (elbow_bench_synthetic){{0}, {0}};
    ELBOW_CHECK(options->train.batch <= MOST_EXAMPLES, ELBOW_USAGE,
                "train.batch = %lld asks for %.3g GB of random images, and 1 GB is the most; use a smaller "
                "train.batch or --set data.file",
                (long long)options->train.batch, (double)options->train.batch * PIXELS / 1e9);
    size_t batch = (size_t)options->train.batch, ranks = (size_t)world->size;
    size_t examples = batch * ((LEAST_EXAMPLES + batch - 1) / batch); /* whole batches: all steps are alike */
    told own = {.node = world->node}, *all = calloc(ranks, sizeof *all);
    size_t *counts = calloc(ranks, sizeof *counts);
    char assignment[sizeof own.path + 32];
    if (!all || !counts) status = elbow_fail(ELBOW_MEMORY, "no memory for %zu ranks", ranks);
    if (status == ELBOW_OK && world->node_rank == 0) status = make_file(synthetic, examples);
    ELBOW_TRY_OR_DONE(elbow_world_agree(world, status));
    memcpy(own.path, synthetic->path, sizeof own.path);
    for (size_t r = 0; r < ranks; r++) counts[r] = sizeof own;
    ELBOW_TRY_OR_DONE(elbow_world_allgather(world, &own, all, counts));
    size_t from = 0;
    while (all[from].node != world->node || all[from].path[0] == 0) from++;
    snprintf(assignment, sizeof assignment, "data.file=%s", all[from].path);
    status = elbow_options_set(options, assignment);
    if (status == ELBOW_OK) status = elbow_options_set(options, "data.limit=0");
    if (status == ELBOW_OK) status = elbow_options_set(options, "data.labels=0");
    status = elbow_world_agree(world, status);
done:
    free(all);
    free(counts);
    if (status != ELBOW_OK) elbow_bench_synthetic_remove(synthetic);
    return status;
}

void elbow_bench_synthetic_remove(elbow_bench_synthetic *synthetic) {
    if (synthetic->path[0]) unlink(synthetic->path);
    if (synthetic->directory[0]) rmdir(synthetic->directory);
    *synthetic = (elbow_bench_synthetic){{0}, {0}};
}
