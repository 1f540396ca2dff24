/* Batches, gathered one after the other as training does, with nothing else going on. */
#include <string.h>

#include "elbow/base/arena.h"
#include "train/bench_inside.h"

enum { LOOK = 10, MOST_ROWS = 5000 };

elbow_status elbow_bench_data_ways(const elbow_options *options, const char *ways[3], size_t *count) {
    elbow_dataset *dataset = NULL;
    ELBOW_TRY(elbow_dataset_open(&dataset, options->data.file));
    ways[0] = "none";
    ways[1] = "threshold";
    ways[2] = "dynamic";
    *count = elbow_dataset_field(dataset, ELBOW_X)->kind == ELBOW_IMAGE ? 3 : 1;
    elbow_dataset_close(&dataset);
    return ELBOW_OK;
}

/* Bytes of the values of x. */
static double bytes_of(const elbow_batch *batch, const elbow_field *x) {
    if (x->kind == ELBOW_SEQUENCE)
        return (double)batch->x.begin[batch->x.steps] * (double)sizeof *batch->x.tokens;
    return (double)(batch->rows * x->dimensions) * sizeof(real);
}

/* What one rank needs for its batches. */
typedef struct feed {
    elbow_dataset *dataset;
    elbow_view view;
    elbow_order_spec order;
    elbow_loader *loader;
    elbow_arena *arena;
    elbow_batch batch;
    size_t steps; /* in an epoch */
} feed;

static elbow_status open_feed(feed *f, const elbow_world *world, const elbow_options *options,
                              const char *binarize, size_t batch) {
    size_t ranks = (size_t)world->size, limit = (size_t)options->data.limit;
    ELBOW_TRY(elbow_dataset_open(&f->dataset, options->data.file));
    ELBOW_TRY(elbow_view_create(&f->view, f->dataset, binarize, options->data.context));
    ELBOW_TRY(elbow_view_limit(&f->view, options->data.memory, (size_t)world->node_size));
    size_t examples = elbow_dataset_count(f->dataset, ELBOW_TRAIN);
    if (limit > 0 && limit < examples) examples = limit;
    f->order = (elbow_order_spec){
        .seed = (uint64_t)options->run.seed,
        .shards = ranks,
        .examples = examples,
        .batch = batch * ranks < examples ? batch * ranks : examples,
        .window = strcmp(options->data.shuffle, "window") == 0 ? (size_t)options->data.window : 0};
    ELBOW_TRY(elbow_order_check(&f->order));
    f->steps = elbow_order_steps(&f->order);
    ELBOW_TRY(elbow_arena_create(&f->arena));
    ELBOW_TRY(elbow_batch_reserve(&f->batch, elbow_dataset_field(f->dataset, ELBOW_X),
                                  elbow_view_context(&f->view), elbow_order_most_examples(&f->order),
                                  f->arena));
    return elbow_loader_create(&f->loader, &f->view, &f->order, (size_t)world->rank, 1);
}

static void close_feed(feed *f) {
    elbow_loader_destroy(&f->loader);
    elbow_arena_destroy(&f->arena);
    elbow_dataset_close(&f->dataset);
}

/* Batch t of the training; its seconds. The shuffle at an epoch's beginning is in them. */
static double take(feed *f, size_t shard, uint64_t t) {
    double began = elbow_now();
    elbow_loader_epoch(f->loader, t / f->steps);
    elbow_loader_batch(f->loader, shard, (size_t)(t % f->steps), t, &f->batch);
    return elbow_now() - began;
}

elbow_status elbow_bench_data_measure(elbow_bench_batches *out, elbow_world *world,
                                      const elbow_options *options, const char *binarize, size_t batch,
                                      double seconds) {
    feed f = {0};
    elbow_samples samples = {0};
    size_t shard = (size_t)world->rank;
    uint64_t t = 0;
    elbow_status status = open_feed(&f, world, options, binarize, batch);
    if (status == ELBOW_OK) status = elbow_samples_create(&samples, 1, MOST_ROWS);
    ELBOW_TRY_OR_DONE(elbow_world_agree(world, status));
    take(&f, shard, t++);
    *out = (elbow_bench_batches){.binarize = binarize,
                                 .batch = f.batch.rows,
                                 .bytes = bytes_of(&f.batch, elbow_dataset_field(f.dataset, ELBOW_X))};
    double began = elbow_now();
    /* The ranks look at the clock, and whether reading ahead has failed, together, and seldom. */
    do {
        for (int i = 0; i < LOOK; i++) *elbow_samples_row(&samples) = take(&f, shard, t++);
        ELBOW_TRY_OR_DONE(elbow_world_agree(world, elbow_loader_status(f.loader)));
    } while (elbow_bench_goes_on(world, began, seconds));
    ELBOW_TRY_OR_DONE(elbow_samples_gather(&samples, world));
    out->repeats = samples.rows;
    if (world->rank == 0) out->seconds = elbow_samples_slowest(&samples, 0, &out->least, &out->most);
done:
    elbow_samples_destroy(&samples);
    close_feed(&f);
    return status;
}
