#include "data/labelled.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/slice.h"
#include "elbow/base/random.h"

enum { BLOCK = 65536 }; /* labels read at a time */

struct elbow_labelled {
    elbow_slice *x, *context; /* (n), in the order of the file; context NULL: none */
    uint32_t *
        turns; /* (2n): which of those has turn i, the round of n twice so that a part of it is in one piece */
    real *codes;                            /* (2n): its label */
    uint32_t *examples;                     /* (n): those of x, as the training split numbers them */
    size_t count, a_step, shards;           /* n, M, S */
    elbow_piece *joined_x, *joined_context; /* room for a batch's pieces, and one more */
};

/* An example of the training split. */
typedef struct candidate {
    size_t class;
    uint64_t key;
    uint32_t example;
} candidate;

static int by_class(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->class != y->class) return x->class < y->class ? -1 : 1;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->example < y->example ? -1 : x->example > y->example;
}

static int by_example(const void *a, const void *b) {
    const candidate *x = *(const candidate *const *)a, *y = *(const candidate *const *)b;
    return x->example < y->example ? -1 : x->example > y->example;
}

/* ---------------------------------------------------------------------------------------- choosing */

/* Those of [first, first + rows) that have a label, which may be missing, to candidates[*count …]. */
static elbow_status read_some(candidate *candidates, size_t *count, const elbow_view *view, uint64_t seed,
                              size_t first, size_t rows) {
    elbow_status status = ELBOW_OK;
    elbow_arena *arena = NULL;
    elbow_slice *slice = NULL;
    elbow_values y;
    uint32_t words[4];
    const elbow_stream stream = elbow_stream_make(seed, ELBOW_SHARD_NONE, "data.labels");
    ELBOW_TRY(elbow_arena_create(&arena));
    ELBOW_TRY_OR_DONE(elbow_slice_read(&slice, view->dataset, ELBOW_TRAIN, ELBOW_Y, first, rows, arena));
    y = (elbow_values){.field = elbow_view_labels(view)};
    ELBOW_TRY_OR_DONE(elbow_arena_reals(arena, rows, &y.reals));
    elbow_slice_gather(&y, slice, NULL, 0, rows, NULL);
    for (size_t r = 0; r < rows; r++) {
        if (isnan(y.reals[r])) continue;
        elbow_stream_block(stream, 0, (uint32_t)(first + r), 0, words);
        candidates[(*count)++] = (candidate){
            (size_t)y.reals[r], (uint64_t)words[0] | (uint64_t)words[1] << 32, (uint32_t)(first + r)};
    }
done:
    elbow_arena_destroy(&arena);
    return status;
}

static size_t quota(size_t labels, size_t classes, size_t class) {
    return labels / classes + (class < labels % classes);
}

/* Sorts the candidates by class; begins: (classes + 1) where each begins. */
static elbow_status sort_classes(candidate *candidates, size_t count, size_t *begins,
                                 const elbow_view *view) {
    const elbow_column *column = &elbow_view_labels(view)->columns[0];
    size_t classes = column->cardinality;
    qsort(candidates, count, sizeof *candidates, by_class);
    for (size_t k = 0, at = 0; k <= classes; k++) {
        while (at < count && candidates[at].class < k) at++;
        begins[k] = at;
    }
    for (size_t k = 0; k < classes; k++)
        ELBOW_CHECK(
            quota(view->labels, classes, k) <= begins[k + 1] - begins[k], ELBOW_MISMATCH,
            "data.labels = %zu: that takes %zu examples of class \"%s\" (%zu classes, as many of each), and "
            "%s has %zu of them for training; set it lower",
            view->labels, quota(view->labels, classes, k), column->words ? column->words[k] : "?", classes,
            elbow_dataset_path(view->dataset), begins[k + 1] - begins[k]);
    return ELBOW_OK;
}

/* The first of each class, then the second of each, …: turn i is *chosen[i]. */
static void take_turns(const candidate **chosen, const candidate *candidates, const size_t *begins,
                       size_t labels, size_t classes) {
    for (size_t round = 0, at = 0; at < labels; round++)
        for (size_t k = 0; k < classes; k++)
            if (round < quota(labels, classes, k)) chosen[at++] = &candidates[begins[k] + round];
}

/* ----------------------------------------------------------------------------------------- reading */

static elbow_status read_part(elbow_slice **slice, const elbow_view *view, elbow_part part,
                              const candidate *const *sorted, size_t count, elbow_arena *arena) {
    const elbow_field *field = elbow_dataset_field(view->dataset, part);
    size_t tokens = field->kind == ELBOW_SEQUENCE ? count * field->dimensions : 0;
    ELBOW_TRY(elbow_slice_reserve(slice, view->dataset, ELBOW_TRAIN, part, count, tokens, arena));
    for (size_t i = 0; i < count;) {
        size_t run = 1; /* of neighbours in the file */
        while (i + run < count && sorted[i + run]->example == sorted[i]->example + run) run++;
        ELBOW_TRY(elbow_slice_append(*slice, sorted[i]->example, run));
        i += run;
    }
    return ELBOW_OK;
}

/* chosen: (n) in turns; sorted: (n) scratch. */
static elbow_status read_chosen(elbow_labelled *l, const elbow_view *view, const candidate **chosen,
                                const candidate **sorted, elbow_arena *arena) {
    size_t n = l->count;
    memcpy(sorted, chosen, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_example);
    for (size_t i = 0; i < n; i++) {
        const candidate **found = bsearch(&chosen[i], sorted, n, sizeof *sorted, by_example);
        l->turns[i] = l->turns[i + n] = (uint32_t)(found - sorted);
        l->codes[i] = l->codes[i + n] = (real)chosen[i]->class;
        l->examples[i] = sorted[i]->example;
    }
    ELBOW_TRY(read_part(&l->x, view, ELBOW_X, sorted, n, arena));
    if (view->context == ELBOW_PARTS) return ELBOW_OK;
    return read_part(&l->context, view, view->context, sorted, n, arena);
}

static elbow_status choose(elbow_labelled *l, const elbow_view *view, const elbow_order_spec *order,
                           elbow_arena *arena) {
    elbow_status status = ELBOW_OK;
    elbow_arena *own = NULL;
    candidate *candidates = NULL;
    const candidate **chosen = NULL, **sorted = NULL;
    size_t *begins = NULL, N = order->examples, count = 0;
    size_t classes = elbow_view_labels(view)->columns[0].cardinality;
    ELBOW_TRY(elbow_arena_create(&own));
    ELBOW_TRY_OR_DONE(elbow_arena_take(own, N, sizeof *candidates, &candidates));
    ELBOW_TRY_OR_DONE(elbow_arena_take(own, classes + 1, sizeof *begins, &begins));
    ELBOW_TRY_OR_DONE(elbow_arena_take(own, l->count, sizeof *chosen, &chosen));
    ELBOW_TRY_OR_DONE(elbow_arena_take(own, l->count, sizeof *sorted, &sorted));
    for (size_t first = 0; first < N; first += BLOCK)
        ELBOW_TRY_OR_DONE(
            read_some(candidates, &count, view, order->seed, first, N - first < BLOCK ? N - first : BLOCK));
    ELBOW_TRY_OR_DONE(sort_classes(candidates, count, begins, view));
    take_turns(chosen, candidates, begins, l->count, classes);
    status = read_chosen(l, view, chosen, sorted, arena);
done:
    elbow_arena_destroy(&own);
    return status;
}

elbow_status elbow_labelled_create(elbow_labelled **labelled, const elbow_view *view,
                                   const elbow_order_spec *order, elbow_arena *arena) {
    elbow_labelled *l = NULL;
    size_t n = view->labels, pieces = 2 + (order->window > 0 ? elbow_order_step_windows(order) : 0);
    ELBOW_TRY(elbow_arena_take(arena, 1, sizeof *l, &l));
    *l = (elbow_labelled){.count = n, .a_step = view->labelled, .shards = order->shards};
    ELBOW_TRY(elbow_arena_take(arena, 2 * n, sizeof *l->turns, &l->turns));
    ELBOW_TRY(elbow_arena_reals(arena, 2 * n, &l->codes));
    ELBOW_TRY(elbow_arena_take(arena, n, sizeof *l->examples, &l->examples));
    ELBOW_TRY(elbow_arena_take(arena, pieces, sizeof *l->joined_x, &l->joined_x));
    ELBOW_TRY(elbow_arena_take(arena, pieces, sizeof *l->joined_context, &l->joined_context));
    *labelled = l;
    return choose(l, view, order, arena);
}

/* ---------------------------------------------------------------------------------------- batches */

size_t elbow_labelled_most(size_t labelled, size_t shards) {
    return labelled / shards + (labelled % shards != 0);
}

/* M and S are below 2^32. */
static size_t share(const elbow_labelled *l, size_t shard) { return shard * l->a_step / l->shards; }

/* The shard's in a step are turns *turn … *turn + rows − 1. */
static size_t turns_of(const elbow_labelled *l, size_t shard, uint64_t step, size_t *turn) {
    size_t begin = share(l, shard);
    *turn = (size_t)((step % l->count * l->a_step + begin) % l->count);
    return share(l, shard + 1) - begin;
}

size_t elbow_labelled_example(const elbow_labelled *l, size_t shard, uint64_t step, size_t row) {
    size_t turn = 0, rows = turns_of(l, shard, step, &turn);
    assert(row < rows);
    (void)rows;
    return l->examples[l->turns[turn + row]];
}

void elbow_labelled_join(elbow_labelled *l, size_t shard, uint64_t step, elbow_pieces *pieces,
                         elbow_values *y) {
    size_t turn = 0, rows = turns_of(l, shard, step, &turn), others = 0, count = pieces->count;
    memcpy(l->joined_x, pieces->x, count * sizeof *l->joined_x);
    l->joined_x[count] = (elbow_piece){l->x, l->turns + turn, 0, rows};
    if (pieces->context != NULL) {
        memcpy(l->joined_context, pieces->context, count * sizeof *l->joined_context);
        l->joined_context[count] = (elbow_piece){l->context, l->turns + turn, 0, rows};
        pieces->context = l->joined_context;
    }
    for (size_t i = 0; i < count; i++) others += pieces->x[i].rows;
    for (size_t r = 0; r < others; r++) y->reals[r] = (real)NAN;
    memcpy(y->reals + others, l->codes + turn, rows * sizeof *y->reals);
    pieces->x = l->joined_x;
    pieces->count = count + 1;
}
