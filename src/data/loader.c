#include "elbow/data/loader.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/labelled.h"
#include "data/slice.h"
#include "data/windows.h"
#include "elbow/base/arena.h"
#include "elbow/base/random.h"

/* Of a rank's share of its node's memory: what the training set may take before it is streamed. */
#define SHARE_OF_DATA 0.25

struct elbow_loader {
    elbow_order_spec order;
    size_t first, count; /* shards */
    elbow_view view;
    uint64_t epoch;
    elbow_windows *windows; /* NULL: the rest is in memory */
    elbow_arena *arena;
    elbow_slice *x, *context; /* the shards' slices, one after the other; context NULL: none */
    size_t *begins;           /* (count) where each shard's slice begins in those and in permutations */
    uint32_t *permutations;   /* (examples) */
    uint32_t *scratch;        /* (largest slice) */
    elbow_labelled *labelled; /* NULL: no labels are known */
};

#define NO_EPOCH UINT64_MAX

/* -------------------------------------------------------------------------------------------- view */

elbow_status elbow_view_create(elbow_view *view, elbow_dataset *dataset, const char *binarize,
                               const char *context) {
    const elbow_field *x = elbow_dataset_field(dataset, ELBOW_X), *given = NULL;
    *view = (elbow_view){.dataset = dataset, .context = ELBOW_PARTS, .room = HUGE_VAL, .most = HUGE_VAL};
    if (elbow_binarize_find(binarize, &view->binarize) != ELBOW_OK)
        return elbow_fail_prefix(ELBOW_USAGE, "data.binarize");
    if (elbow_context_find(context, &view->context) != ELBOW_OK)
        return elbow_fail_prefix(ELBOW_USAGE, "data.context");
    ELBOW_CHECK(
        view->binarize == ELBOW_BINARIZE_NONE || x->kind == ELBOW_IMAGE, ELBOW_MISMATCH,
        "data.binarize = %s is for images, and %s holds examples of kind %s; set data.binarize = none",
        binarize, elbow_dataset_path(dataset), elbow_field_kind_name(x->kind));
    if (view->context == ELBOW_PARTS) return ELBOW_OK;
    given = elbow_view_context(view);
    ELBOW_CHECK(given != NULL, ELBOW_MISMATCH,
                "data.context = %s: %s has no %s; import the data with them, or set data.context = none",
                context, elbow_dataset_path(dataset),
                view->context == ELBOW_Y ? "labels" : "field `context`");
    ELBOW_CHECK(given->kind != ELBOW_SEQUENCE, ELBOW_MISMATCH,
                "data.context = %s: %s has sequences there, and a model can be given images or tables; set "
                "data.context = none",
                context, elbow_dataset_path(dataset));
    return ELBOW_OK;
}

elbow_status elbow_view_limit(elbow_view *view, const char *memory, size_t ranks) {
    double share = elbow_memory_bytes() / (double)(ranks > 0 ? ranks : 1);
    bool all = strcmp(memory, "all") == 0, stream = strcmp(memory, "stream") == 0;
    ELBOW_CHECK(all || stream || strcmp(memory, "auto") == 0, ELBOW_USAGE,
                "data.memory: no \"%s\"; there are auto, all, stream", memory);
    view->room = all ? HUGE_VAL : stream ? 0 : share * SHARE_OF_DATA;
    view->most = all ? HUGE_VAL : share;
    return ELBOW_OK;
}

elbow_status elbow_view_label(elbow_view *view, int64_t labels, int64_t labelled, int64_t batch) {
    const elbow_field *x = elbow_dataset_field(view->dataset, ELBOW_X);
    if (labels == 0) return ELBOW_OK;
    ELBOW_CHECK(elbow_dataset_has_labels(view->dataset, ELBOW_TRAIN), ELBOW_MISMATCH,
                "data.labels = %lld: %s has no labels for train; import the data with them, or set "
                "data.labels = 0",
                (long long)labels, elbow_dataset_path(view->dataset));
    ELBOW_CHECK(view->context != ELBOW_Y, ELBOW_USAGE,
                "data.labels = %lld: the model is to find the labels, and data.context = labels gives it "
                "all of them; set one of the two",
                (long long)labels);
    ELBOW_CHECK((uint64_t)labels <= elbow_dataset_count(view->dataset, ELBOW_TRAIN), ELBOW_MISMATCH,
                "data.labels = %lld: %s has %zu training examples; set it to at most that", (long long)labels,
                elbow_dataset_path(view->dataset), elbow_dataset_count(view->dataset, ELBOW_TRAIN));
    ELBOW_CHECK(labelled <= labels, ELBOW_USAGE,
                "train.labelled = %lld in a step is more than the data.labels = %lld there are; set it to at "
                "most that, or to 0",
                (long long)labelled, (long long)labels);
    ELBOW_CHECK(x->kind != ELBOW_SEQUENCE || (uint64_t)labels <= SIZE_MAX / 2 / x->dimensions, ELBOW_MEMORY,
                "data.labels = %lld sequences of up to %zu tokens are too many to hold", (long long)labels,
                x->dimensions);
    if (labelled == 0) labelled = batch < labels ? batch : labels;
    view->labels = (size_t)labels;
    view->labelled = (size_t)labelled;
    return ELBOW_OK;
}

const elbow_field *elbow_view_context(const elbow_view *view) {
    return elbow_dataset_field(view->dataset, view->context);
}

const elbow_field *elbow_view_labels(const elbow_view *view) {
    return view->labels > 0 ? elbow_dataset_field(view->dataset, ELBOW_Y) : NULL;
}

size_t elbow_view_most_rows(const elbow_view *view, const elbow_order_spec *order) {
    return elbow_order_most_examples(order) + elbow_labelled_most(view->labelled, order->shards);
}

/* x and, where there is one, the context. */
static elbow_status read_parts(elbow_slice **x, elbow_slice **context, const elbow_view *view,
                               elbow_split split, size_t first, size_t count, elbow_arena *arena) {
    ELBOW_TRY(elbow_slice_read(x, view->dataset, split, ELBOW_X, first, count, arena));
    *context = NULL;
    if (view->context == ELBOW_PARTS) return ELBOW_OK;
    return elbow_slice_read(context, view->dataset, split, view->context, first, count, arena);
}

/* ------------------------------------------------------------------------------------------ loader */

/* Bytes of the slices of the loader's shards. */
static double slice_bytes(const elbow_loader *loader) {
    size_t examples = 0;
    for (size_t s = 0; s < loader->count; s++) {
        size_t first = 0, count = 0;
        elbow_order_slice(&loader->order, loader->first + s, &first, &count);
        examples += count;
    }
    double bytes = elbow_slice_bytes(loader->view.dataset, ELBOW_TRAIN, ELBOW_X, examples);
    if (loader->view.context != ELBOW_PARTS)
        bytes += elbow_slice_bytes(loader->view.dataset, ELBOW_TRAIN, loader->view.context, examples);
    return bytes;
}

static elbow_status read_slices(elbow_loader *loader) {
    size_t begin = 0, end = 0, largest = 0, count = 0;
    ELBOW_TRY(elbow_arena_take(loader->arena, loader->count, sizeof *loader->begins, &loader->begins));
    for (size_t s = 0; s < loader->count; s++) {
        size_t first = 0;
        elbow_order_slice(&loader->order, loader->first + s, &first, &count);
        if (s == 0) begin = first;
        loader->begins[s] = first - begin;
        end = first + count;
        if (count > largest) largest = count;
    }
    ELBOW_CHECK(largest <= UINT32_MAX, ELBOW_USAGE,
                "a shard of %zu examples is larger than 2^32; use more shards", largest);
    ELBOW_TRY(
        elbow_arena_take(loader->arena, end - begin, sizeof *loader->permutations, &loader->permutations));
    ELBOW_TRY(elbow_arena_take(loader->arena, largest, sizeof *loader->scratch, &loader->scratch));
    return read_parts(&loader->x, &loader->context, &loader->view, ELBOW_TRAIN, begin, end - begin,
                      loader->arena);
}

static elbow_status read_all(elbow_loader *loader, double bytes) {
    const elbow_view *view = &loader->view;
    ELBOW_CHECK(view->room > 0, ELBOW_USAGE,
                "data.memory = stream: data.shuffle = full needs all examples in memory; set data.shuffle = "
                "window, or data.memory = auto");
    ELBOW_CHECK(
        bytes <= view->most, ELBOW_MEMORY,
        "%s: %.1f GB of training examples for a rank that can have %.1f GB; set %s, or use more nodes",
        elbow_dataset_path(view->dataset), bytes / 1e9, view->most / 1e9,
        loader->order.window > 0 ? "data.window lower, so that windows take less than that"
                                 : "data.shuffle = window, which streams them");
    return read_slices(loader);
}

/* Windows of which two or more are held may take more than the slices that they are of: `auto` takes what is smaller. */
static elbow_status read_or_stream(elbow_loader *loader) {
    const elbow_view *view = &loader->view;
    double bytes = slice_bytes(loader), ahead = 0;
    if (loader->order.window == 0 || bytes <= view->room) return read_all(loader, bytes);
    ELBOW_TRY(elbow_windows_size(&ahead, view, &loader->order, loader->first, loader->count));
    if (view->room > 0 && ahead >= bytes) return read_all(loader, bytes);
    ELBOW_CHECK(ahead <= view->most, ELBOW_MEMORY,
                "%s: %.1f GB for the windows of data.window = %zu, for a rank that can have %.1f GB; set "
                "data.window lower, or use more nodes",
                elbow_dataset_path(view->dataset), ahead / 1e9, loader->order.window, view->most / 1e9);
    return elbow_windows_create(&loader->windows, view, &loader->order, loader->first, loader->count);
}

elbow_status elbow_loader_create(elbow_loader **out, const elbow_view *view, const elbow_order_spec *order,
                                 size_t first, size_t count) {
    *out = NULL;
    elbow_loader *loader = calloc(1, sizeof *loader);
    ELBOW_CHECK(loader != NULL, ELBOW_MEMORY, "no memory for the training set");
    loader->order = *order;
    loader->first = first;
    loader->count = count;
    loader->view = *view;
    loader->epoch = NO_EPOCH;
    elbow_status status = elbow_arena_create(&loader->arena);
    if (status == ELBOW_OK) status = read_or_stream(loader);
    if (status == ELBOW_OK && view->labels > 0)
        status = elbow_labelled_create(&loader->labelled, view, order, loader->arena);
    if (status != ELBOW_OK) elbow_loader_destroy(&loader);
    *out = loader;
    return status;
}

void elbow_loader_destroy(elbow_loader **loader) {
    if (*loader == NULL) return;
    elbow_windows_destroy(&(*loader)->windows);
    elbow_arena_destroy(&(*loader)->arena);
    free(*loader);
    *loader = NULL;
}

bool elbow_loader_streams(const elbow_loader *loader) { return loader->windows != NULL; }

size_t elbow_loader_bytes(const elbow_loader *loader) {
    size_t ahead = loader->windows != NULL ? elbow_windows_bytes(loader->windows) : 0;
    return elbow_arena_bytes(loader->arena) + ahead;
}

elbow_status elbow_loader_status(elbow_loader *loader) {
    return loader->windows != NULL ? elbow_windows_status(loader->windows) : ELBOW_OK;
}

void elbow_loader_epoch(elbow_loader *loader, uint64_t epoch) {
    if (loader->epoch == epoch) return;
    loader->epoch = epoch;
    for (size_t s = 0; s < loader->count && loader->windows == NULL; s++)
        elbow_order_permutation(&loader->order, loader->first + s, epoch,
                                loader->permutations + loader->begins[s], loader->scratch);
}

/* The batch of step t from where it lies: in one piece in memory, or in windows. A failure leaves no row. */
static void find_pieces(elbow_loader *loader, size_t shard, size_t t, elbow_piece own[2],
                        elbow_pieces *pieces) {
    size_t first = 0, count = 0, begin = 0;
    if (loader->windows != NULL) {
        (void)elbow_windows_find(loader->windows, shard, loader->epoch, t, pieces);
        return;
    }
    begin = loader->begins[shard - loader->first];
    elbow_order_step(&loader->order, shard, t, &first, &count);
    own[0] = (elbow_piece){loader->x, loader->permutations + begin + first, begin, count};
    own[1] = own[0];
    own[1].slice = loader->context;
    *pieces = (elbow_pieces){.count = 1, .x = &own[0], .context = loader->context != NULL ? &own[1] : NULL};
}

void elbow_loader_batch(elbow_loader *loader, size_t shard, size_t t, uint64_t step, elbow_batch *batch) {
    assert(loader->epoch != NO_EPOCH);
    elbow_piece own[2];
    elbow_pieces pieces;
    const elbow_binarizer binarizer = {.how = loader->view.binarize,
                                       .stream =
                                           elbow_stream_make(loader->order.seed, shard, "data.binarize"),
                                       .step = step};
    find_pieces(loader, shard, t, own, &pieces);
    if (loader->labelled != NULL && pieces.count > 0)
        elbow_labelled_join(loader->labelled, shard, step, &pieces, &batch->y);
    batch->rows = 0;
    for (size_t i = 0; i < pieces.count; i++) batch->rows += pieces.x[i].rows;
    elbow_pieces_gather(&batch->x, pieces.x, pieces.count, &binarizer);
    if (pieces.context != NULL) elbow_pieces_gather(&batch->context, pieces.context, pieces.count, NULL);
    if (loader->windows != NULL) elbow_windows_release(loader->windows, shard);
}

elbow_status elbow_loader_example(const elbow_loader *loader, size_t shard, size_t t, uint64_t step,
                                  size_t row, size_t *example) {
    size_t first = 0, others = 0; /* labelled ones are behind the others */
    elbow_order_step(&loader->order, shard, t, &first, &others);
    if (row < others || loader->labelled == NULL)
        return elbow_order_example(&loader->order, shard, loader->epoch, t, row, example);
    *example = elbow_labelled_example(loader->labelled, shard, step, row - others);
    return ELBOW_OK;
}

/* ------------------------------------------------------------------------------------ block reader */

struct elbow_block_reader {
    elbow_slice *x, *context, *y; /* NULL: there is none */
    size_t first, count;
    elbow_binarizer binarizer;
};

elbow_status elbow_block_reader_create(elbow_block_reader **out, const elbow_view *view, elbow_split split,
                                       size_t first, size_t count, uint64_t seed, elbow_arena *arena) {
    char purpose[64];
    elbow_block_reader *reader = NULL;
    *out = NULL;
    ELBOW_TRY(elbow_arena_take(arena, 1, sizeof *reader, &reader));
    ELBOW_TRY(read_parts(&reader->x, &reader->context, view, split, first, count, arena));
    if (view->labels > 0 && elbow_dataset_has_labels(view->dataset, split))
        ELBOW_TRY(elbow_slice_read(&reader->y, view->dataset, split, ELBOW_Y, first, count, arena));
    snprintf(purpose, sizeof purpose, "evaluate.%s.binarize", elbow_split_name(split));
    reader->first = first;
    reader->count = count;
    reader->binarizer = (elbow_binarizer){.how = view->binarize,
                                          .stream = elbow_stream_make(seed, ELBOW_SHARD_NONE, purpose)};
    *out = reader;
    return ELBOW_OK;
}

void elbow_block_reader_batch(elbow_block_reader *reader, size_t begin, size_t rows, elbow_batch *batch) {
    assert(begin >= reader->first && begin + rows <= reader->first + reader->count);
    batch->rows = rows;
    reader->binarizer.first_example = (uint32_t)begin;
    elbow_slice_gather(&batch->x, reader->x, NULL, begin - reader->first, rows, &reader->binarizer);
    if (reader->context != NULL)
        elbow_slice_gather(&batch->context, reader->context, NULL, begin - reader->first, rows, NULL);
    if (batch->y.field == NULL) return;
    if (reader->y != NULL)
        elbow_slice_gather(&batch->y, reader->y, NULL, begin - reader->first, rows, NULL);
    else
        for (size_t r = 0; r < rows; r++) batch->y.reals[r] = (real)NAN;
}
