/* Pictures of a run: originals beside reconstructions, and samples from the prior. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "elbow/base/arena.h"
#include "elbow/base/log.h"
#include "elbow/base/random.h"
#include "elbow/store/picture.h"
#include "elbow/train/draw.h"
#include "train/report.h"

enum { COLUMNS = 10, PAIRS = 50, SAMPLES = 100 };

/* As few times enlarged as brings a cell to about 56 pixels. */
static size_t scale_of(const elbow_field *field) {
    size_t side = field->height > field->width ? field->height : field->width;
    return side >= 56 ? 1 : (56 + side - 1) / side;
}

elbow_status elbow_draw_samples(elbow_vae *vae, const real *parameters, uint64_t seed, size_t count,
                                const char *path) {
    const elbow_field *field = elbow_vae_field(vae);
    size_t D = field->dimensions, columns = 1;
    while (columns * columns < count) columns++;
    size_t rows = (count + columns - 1) / columns;
    real *images = NULL;
    ELBOW_TRY(elbow_aligned_reals(rows * columns * D, &images));
    elbow_pass pass = {
        .parameters = parameters, .seed = seed, .shard = ELBOW_SHARD_NONE, .purpose = "sample."};
    for (size_t first = 0; first < count; first += ELBOW_DRAW_ROWS) {
        size_t some = count - first < ELBOW_DRAW_ROWS ? count - first : ELBOW_DRAW_ROWS;
        pass.example = (uint32_t)first;
        elbow_vae_sample(vae, &pass, some, images + first * D);
    }
    elbow_status status = elbow_picture_write(path, images, rows, columns, field->height, field->width,
                                              field->channels, scale_of(field));
    free(images);
    return status;
}

elbow_status elbow_draw_reconstructions(elbow_vae *vae, const real *parameters, uint64_t seed,
                                        elbow_dataset *dataset, elbow_split split, elbow_binarize binarize,
                                        size_t count, const char *path) {
    elbow_status status = ELBOW_OK;
    const elbow_field *field = elbow_vae_field(vae);
    size_t D = field->dimensions, examples = elbow_dataset_count(dataset, split);
    if (count > examples) count = examples;
    char purpose[64];
    snprintf(purpose, sizeof purpose, "evaluate.%s.", elbow_split_name(split));
    elbow_pass pass = {.parameters = parameters, .seed = seed, .shard = ELBOW_SHARD_NONE, .purpose = purpose};
    real *originals = NULL, *images = NULL;
    uint8_t *values = malloc(count * D + 1);
    uint32_t *words = malloc(D * sizeof *words);
    ELBOW_CHECK_OR_DONE(values && words, ELBOW_MEMORY, "no memory for %zu images", count);
    ELBOW_TRY_OR_DONE(elbow_aligned_reals(count * D, &originals));
    ELBOW_TRY_OR_DONE(elbow_aligned_reals(count * D, &images));
    ELBOW_TRY_OR_DONE(elbow_dataset_read(dataset, split, 0, count, values));
    elbow_loader_convert(originals, values, count, field, binarize, seed, split, 0, words);
    for (size_t first = 0; first < count; first += ELBOW_DRAW_ROWS) {
        size_t some = count - first < ELBOW_DRAW_ROWS ? count - first : ELBOW_DRAW_ROWS;
        pass.example = (uint32_t)first;
        elbow_vae_encode(vae, &pass, originals + first * D, some);
        elbow_vae_reconstruct(vae, &pass, images + first * D);
    }
    status = elbow_picture_write_pairs(path, originals, images, count, count < COLUMNS ? count : COLUMNS,
                                       field->height, field->width, field->channels, scale_of(field));
done:
    free(originals);
    free(images);
    free(values);
    free(words);
    return status;
}

static elbow_status draw(elbow_run *run) {
    char path[4096];
    const real *parameters = elbow_exchange_parameters(run->exchange);
    elbow_split split = run->evaluators[ELBOW_VALID] ? ELBOW_VALID : ELBOW_TEST;
    snprintf(path, sizeof path, "%s/pictures/samples-%09lld.png", run->directory, (long long)run->step);
    ELBOW_TRY(elbow_draw_samples(run->vae, parameters, run->order.seed, SAMPLES, path));
    if (run->evaluators[split] == NULL) return ELBOW_OK;
    snprintf(path, sizeof path, "%s/pictures/reconstructions-%09lld.png", run->directory,
             (long long)run->step);
    return elbow_draw_reconstructions(run->vae, parameters, run->order.seed, run->dataset, split,
                                      run->binarize, PAIRS, path);
}

void elbow_report_pictures(elbow_run *run) {
    if (run->world->rank != 0 || !run->options->train.pictures || !elbow_pictures_available()) return;
    if (draw(run) != ELBOW_OK)
        elbow_warn("no pictures of step %lld: %s", (long long)run->step, elbow_error_message());
}
