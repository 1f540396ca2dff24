/* Pictures of a run: originals beside reconstructions, and samples from the prior. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    elbow_status status = ELBOW_OK;
    elbow_examples images = {0};
    elbow_arena *arena = NULL;
    size_t columns = 1;
    while (columns * columns < count) columns++;
    size_t rows = (count + columns - 1) / columns;
    ELBOW_TRY(elbow_arena_create(&arena));
    ELBOW_TRY_OR_DONE(elbow_examples_reserve(&images, field, rows * columns, arena));
    elbow_pass pass = {
        .parameters = parameters, .seed = seed, .shard = ELBOW_SHARD_NONE, .purpose = "sample."};
    for (size_t first = 0; first < count; first += ELBOW_DRAW_ROWS) {
        size_t some = count - first < ELBOW_DRAW_ROWS ? count - first : ELBOW_DRAW_ROWS;
        pass.example = (uint32_t)first;
        elbow_vae_sample(vae, &pass, NULL, some, &images, first, 0);
    }
    status = elbow_picture_write(path, images.reals, rows, columns, field->height, field->width,
                                 field->channels, scale_of(field));
done:
    elbow_arena_destroy(&arena);
    return status;
}

elbow_status elbow_draw_reconstructions(elbow_vae *vae, const real *parameters, uint64_t seed,
                                        const elbow_view *view, elbow_split split, size_t count,
                                        const char *path) {
    elbow_status status = ELBOW_OK;
    const elbow_field *field = elbow_vae_field(vae);
    size_t D = field->dimensions, examples = elbow_dataset_count(view->dataset, split);
    if (count > examples) count = examples;
    char purpose[64];
    snprintf(purpose, sizeof purpose, "evaluate.%s.", elbow_split_name(split));
    elbow_pass pass = {.parameters = parameters, .seed = seed, .shard = ELBOW_SHARD_NONE, .purpose = purpose};
    elbow_arena *arena = NULL;
    elbow_block_reader *reader = NULL;
    elbow_batch batch = {0};
    elbow_examples originals = {0}, images = {0};
    ELBOW_TRY(elbow_arena_create(&arena));
    ELBOW_TRY_OR_DONE(elbow_block_reader_create(&reader, view, split, 0, count, seed, arena));
    ELBOW_TRY_OR_DONE(elbow_batch_reserve(&batch, field, elbow_vae_context(vae), ELBOW_DRAW_ROWS, arena));
    ELBOW_TRY_OR_DONE(elbow_examples_reserve(&originals, field, count, arena));
    ELBOW_TRY_OR_DONE(elbow_examples_reserve(&images, field, count, arena));
    for (size_t first = 0; first < count; first += ELBOW_DRAW_ROWS) {
        size_t some = count - first < ELBOW_DRAW_ROWS ? count - first : ELBOW_DRAW_ROWS;
        pass.example = (uint32_t)first;
        elbow_block_reader_batch(reader, first, some, &batch);
        memcpy(originals.reals + first * D, batch.x.reals, some * D * sizeof *originals.reals);
        elbow_vae_encode(vae, &pass, &batch);
        elbow_vae_reconstruct(vae, &pass, &images, first, 0);
    }
    status = elbow_picture_write_pairs(path, originals.reals, images.reals, count,
                                       count < COLUMNS ? count : COLUMNS, field->height, field->width,
                                       field->channels, scale_of(field));
done:
    elbow_arena_destroy(&arena);
    return status;
}

static elbow_status draw(elbow_run *run) {
    char path[4096];
    const real *parameters = elbow_exchange_parameters(run->exchange);
    if (elbow_vae_field(run->vae)->kind != ELBOW_IMAGE || elbow_vae_context(run->vae)) return ELBOW_OK;
    elbow_split split = run->evaluators[ELBOW_VALID] ? ELBOW_VALID : ELBOW_TEST;
    snprintf(path, sizeof path, "%s/pictures/samples-%09lld.png", run->directory, (long long)run->step);
    ELBOW_TRY(elbow_draw_samples(run->vae, parameters, run->order.seed, SAMPLES, path));
    if (run->evaluators[split] == NULL) return ELBOW_OK;
    snprintf(path, sizeof path, "%s/pictures/reconstructions-%09lld.png", run->directory,
             (long long)run->step);
    return elbow_draw_reconstructions(run->vae, parameters, run->order.seed, &run->view, split, PAIRS, path);
}

void elbow_report_pictures(elbow_run *run) {
    if (run->world->rank != 0 || !run->options->train.pictures || !elbow_pictures_available()) return;
    if (draw(run) != ELBOW_OK)
        elbow_warn("no pictures of step %lld: %s", (long long)run->step, elbow_error_message());
}
