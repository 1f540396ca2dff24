/* What a run shows of itself at each evaluation: DIRECTORY/pictures/samples-STEP and reconstructions-STEP. */
#include <stdio.h>

#include "elbow/base/arena.h"
#include "elbow/base/log.h"
#include "elbow/store/picture.h"
#include "elbow/train/draw.h"
#include "elbow/train/make.h"
#include "train/protocol.h"
#include "train/pulse.h"
#include "train/report.h"

/* Windows of a text take a screen each: fewer of them. */
enum { SAMPLES = 100, PAIRS = 50, WINDOWS = 10, A_LABEL = 10, LABELS_MOST = 100 };

static elbow_status write_samples(elbow_run *run, elbow_maker *maker, elbow_split split, const char *path) {
    const elbow_field *field = elbow_vae_field(run->vae);
    const elbow_column *labels = elbow_make_label_column(run->vae);
    size_t count = elbow_examples_take_lines(field) ? WINDOWS : SAMPLES, columns = 0;
    elbow_examples made, given = {0};
    elbow_notes notes = {0};
    if (labels && labels->cardinality <= LABELS_MOST) {
        columns = elbow_examples_take_lines(field) ? 1 : A_LABEL;
        ELBOW_TRY(elbow_make_labels(maker, columns, &given));
        ELBOW_TRY(elbow_make_label_notes(maker, &given, &notes));
        count = given.count;
    } else if (elbow_vae_context(run->vae)) {
        if (elbow_dataset_count(run->dataset, split) == 0) split = ELBOW_TRAIN;
        ELBOW_TRY(elbow_make_given(maker, &run->view, split, count, &given));
    }
    ELBOW_TRY(elbow_make_samples(maker, given.field ? &given : NULL, count, &made));
    return elbow_draw_examples(&made, columns, &notes, path);
}

static elbow_status write_reconstructions(elbow_run *run, elbow_maker *maker, elbow_split split,
                                          const char *path) {
    const elbow_field *field = elbow_vae_field(run->vae);
    size_t count = elbow_examples_take_lines(field) ? WINDOWS : PAIRS,
           all = elbow_dataset_count(run->dataset, split);
    elbow_encoded encoded;
    ELBOW_TRY(elbow_make_reconstructions(maker, &run->view, split, 0, count < all ? count : all, &encoded));
    return elbow_draw_pairs(&encoded.originals, &encoded.made, 0, path);
}

void elbow_pictures_path(char *path, size_t room, const elbow_run *run, const char *name) {
    snprintf(path, room, "%s/pictures/%s-%09lld%s", run->directory, name, (long long)run->step,
             elbow_draw_ending(elbow_vae_field(run->vae)));
}

static elbow_status write_both(elbow_run *run) {
    elbow_status status = ELBOW_OK;
    char path[4096];
    const elbow_field *field = elbow_vae_field(run->vae);
    elbow_split split = elbow_protocol_selects(run);
    elbow_maker maker = {.vae = run->vae,
                         .parameters = elbow_exchange_parameters(run->exchange),
                         .seed = run->order.seed,
                         .temperature = elbow_make_temperature(field)};
    ELBOW_TRY(elbow_arena_create(&maker.arena));
    elbow_pictures_path(path, sizeof path, run, "samples");
    ELBOW_TRY_OR_DONE(write_samples(run, &maker, split, path));
    elbow_pulse_move(run->pulse);
    if (run->evaluators[split] == NULL) goto done;
    elbow_pictures_path(path, sizeof path, run, "reconstructions");
    maker.temperature = 0;
    ELBOW_TRY_OR_DONE(write_reconstructions(run, &maker, split, path));
done:
    elbow_arena_destroy(&maker.arena);
    return status;
}

/* The last checkpoint that was tried has failed, and none has been written since. */
static bool checkpoint_owed(const elbow_run *run) {
    return run->saving_step < 0 && run->saved_step < run->tried_step;
}

void elbow_report_pictures(elbow_run *run) {
    if (run->world->rank != 0 || !run->options->train.pictures) return;
    if (elbow_vae_field(run->vae)->kind == ELBOW_IMAGE && !elbow_pictures_available()) return;
    elbow_status status = ELBOW_OK;
    if (checkpoint_owed(run))
        status = elbow_fail(ELBOW_IO, "room belongs to the checkpoint that failed");
    else
        status = write_both(run);
    if (status != ELBOW_OK && !run->pictures_failing)
        elbow_warn("no pictures of step %lld: %s (training goes on, and they are tried again)",
                   (long long)run->step, elbow_error_message());
    if (status == ELBOW_OK && run->pictures_failing)
        elbow_notice("pictures are drawn again, from step %lld on", (long long)run->step);
    run->pictures_failing = status != ELBOW_OK;
}
