#include "data/windows.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/arena.h"

#define NONE UINT64_MAX
enum { MESSAGE_BYTES = 2048 };

typedef struct window {
    uint64_t number;       /* NONE: nothing, or being read */
    size_t first, count;   /* positions of the shard in its epoch */
    uint32_t *permutation; /* (count) of the slices' examples */
    elbow_slice *x, *context;
} window;

/* The ring is the thread's where a slot's number is not one of [base, base + ring), else the reader's. */
typedef struct lane {
    size_t shard, begin, examples; /* the shard's slice of the training split */
    uint64_t an_epoch;             /* windows */
    uint64_t base;                 /* NONE: nobody has asked yet */
    window *ring;
    /* The reader's: the base that stands when the pieces are released, and where the epoch goes on. */
    uint64_t next_base, next_epoch;
    size_t next;
    /* The thread's. */
    uint64_t blocks_epoch;
    uint32_t *blocks;
} lane;

struct elbow_windows {
    elbow_view view;
    elbow_order_spec order;
    size_t first, count, ring;
    elbow_arena *arena;
    lane *lanes;              /* (count) */
    elbow_piece *x, *context; /* (ring) */
    bool has_lock, has_thread;
    pthread_t thread;
    pthread_mutex_t lock; /* what follows, bases and numbers */
    pthread_cond_t asked, read;
    bool ending;
    elbow_status failure;
    char message[MESSAGE_BYTES];
};

/* ------------------------------------------------------------------------------------------ thread */

static elbow_status read_blocks(const elbow_windows *s, const lane *of, window *slot, uint64_t w) {
    uint64_t begin = w * s->order.window;
    elbow_slice_empty(slot->x);
    if (slot->context != NULL) elbow_slice_empty(slot->context);
    for (size_t read = 0, b = (size_t)begin; read < slot->count; b++) {
        size_t from = (size_t)of->blocks[b] * ELBOW_ORDER_BLOCK, left = of->examples - from;
        size_t some = left < ELBOW_ORDER_BLOCK ? left : ELBOW_ORDER_BLOCK;
        ELBOW_TRY(elbow_slice_append(slot->x, of->begin + from, some));
        if (slot->context != NULL) ELBOW_TRY(elbow_slice_append(slot->context, of->begin + from, some));
        read += some;
    }
    return ELBOW_OK;
}

static elbow_status read_window(const elbow_windows *s, lane *of, window *slot, uint64_t number) {
    uint64_t epoch = number / of->an_epoch, w = number % of->an_epoch;
    if (of->blocks_epoch != epoch) elbow_order_permute_blocks(&s->order, of->shard, epoch, of->blocks);
    of->blocks_epoch = epoch;
    elbow_order_window(&s->order, of->shard, of->blocks, (size_t)w, &slot->first, &slot->count);
    elbow_order_permute_window(&s->order, of->shard, epoch, (size_t)w, slot->first, slot->count,
                               slot->permutation);
    return read_blocks(s, of, slot, w);
}

/* The window that is missing and will be needed first: the nearest to its shard's base. Under the lock. */
static window *find_missing(elbow_windows *s, lane **of, uint64_t *number) {
    for (uint64_t ahead = 0; ahead < s->ring; ahead++)
        for (lane *one = s->lanes; one < s->lanes + s->count; one++) {
            if (one->base == NONE) continue;
            window *slot = &one->ring[(one->base + ahead) % s->ring];
            if (slot->number == one->base + ahead) continue;
            *of = one;
            *number = one->base + ahead;
            return slot;
        }
    return NULL;
}

static void *read_ahead(void *context) {
    elbow_windows *s = context;
    pthread_mutex_lock(&s->lock);
    while (!s->ending && s->failure == ELBOW_OK) {
        lane *of = NULL;
        uint64_t number = NONE;
        window *slot = find_missing(s, &of, &number);
        if (slot == NULL) {
            pthread_cond_wait(&s->asked, &s->lock);
            continue;
        }
        slot->number = NONE;
        pthread_mutex_unlock(&s->lock);
        elbow_status status = read_window(s, of, slot, number);
        pthread_mutex_lock(&s->lock);
        if (status == ELBOW_OK)
            slot->number = number;
        else
            snprintf(s->message, sizeof s->message, "%s", elbow_error_message());
        s->failure = status;
        pthread_cond_broadcast(&s->read);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Signals are for the thread that trains: it looks at what they say between steps. */
static elbow_status start_thread(elbow_windows *s) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&s->thread, NULL, read_ahead, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    ELBOW_CHECK(
        error == 0, ELBOW_MEMORY,
        "no thread to read training data ahead (%s); raise the limit on threads, or set data.memory = all",
        strerror(error));
    s->has_thread = true;
    return ELBOW_OK;
}

/* ------------------------------------------------------------------------------------------ set-up */

/* Examples of the largest window of a slice. */
static size_t most_examples(const elbow_order_spec *order, size_t slice) {
    size_t most = order->window * ELBOW_ORDER_BLOCK;
    return most < slice ? most : slice;
}

static elbow_status most_tokens(size_t *tokens, const elbow_view *view, const elbow_order_spec *order,
                                elbow_part part, size_t begin, size_t examples) {
    return elbow_slice_most_tokens(tokens, view->dataset, ELBOW_TRAIN, part, begin, examples,
                                   ELBOW_ORDER_BLOCK, order->window);
}

/* Adds those of one window of a shard. */
static elbow_status add_bytes(double *bytes, const elbow_view *view, const elbow_order_spec *order,
                              elbow_part part, size_t shard) {
    size_t begin = 0, examples = 0, tokens = 0;
    elbow_order_slice(order, shard, &begin, &examples);
    ELBOW_TRY(most_tokens(&tokens, view, order, part, begin, examples));
    *bytes += elbow_slice_room_bytes(view->dataset, ELBOW_TRAIN, part, most_examples(order, examples),
                                     (double)tokens);
    return ELBOW_OK;
}

elbow_status elbow_windows_size(double *bytes, const elbow_view *view, const elbow_order_spec *order,
                                size_t first, size_t count) {
    *bytes = 0;
    for (size_t shard = first; shard < first + count; shard++) {
        ELBOW_TRY(add_bytes(bytes, view, order, ELBOW_X, shard));
        if (view->context != ELBOW_PARTS) ELBOW_TRY(add_bytes(bytes, view, order, view->context, shard));
    }
    *bytes *= (double)elbow_order_step_windows(order);
    return ELBOW_OK;
}

static elbow_status reserve_part(const elbow_windows *s, const lane *of, elbow_part part, size_t most) {
    size_t tokens = 0;
    ELBOW_TRY(most_tokens(&tokens, &s->view, &s->order, part, of->begin, of->examples));
    for (window *slot = of->ring; slot < of->ring + s->ring; slot++)
        ELBOW_TRY(elbow_slice_reserve(part == ELBOW_X ? &slot->x : &slot->context, s->view.dataset,
                                      ELBOW_TRAIN, part, most, tokens, s->arena));
    return ELBOW_OK;
}

static elbow_status reserve_lane(elbow_windows *s, lane *of, size_t shard) {
    *of = (lane){.shard = shard, .base = NONE, .next_epoch = NONE, .blocks_epoch = NONE};
    elbow_order_slice(&s->order, shard, &of->begin, &of->examples);
    of->an_epoch = elbow_order_windows(&s->order, shard);
    size_t most = most_examples(&s->order, of->examples);
    ELBOW_TRY(
        elbow_arena_take(s->arena, elbow_order_blocks(&s->order, shard), sizeof *of->blocks, &of->blocks));
    ELBOW_TRY(elbow_arena_take(s->arena, s->ring, sizeof *of->ring, &of->ring));
    for (window *slot = of->ring; slot < of->ring + s->ring; slot++) {
        slot->number = NONE;
        ELBOW_TRY(elbow_arena_take(s->arena, most, sizeof *slot->permutation, &slot->permutation));
    }
    ELBOW_TRY(reserve_part(s, of, ELBOW_X, most));
    if (s->view.context == ELBOW_PARTS) return ELBOW_OK;
    return reserve_part(s, of, s->view.context, most);
}

static elbow_status set_up(elbow_windows *s) {
    ELBOW_TRY(elbow_arena_create(&s->arena));
    ELBOW_TRY(elbow_arena_take(s->arena, s->count, sizeof *s->lanes, &s->lanes));
    ELBOW_TRY(elbow_arena_take(s->arena, s->ring, sizeof *s->x, &s->x));
    ELBOW_TRY(elbow_arena_take(s->arena, s->ring, sizeof *s->context, &s->context));
    for (size_t i = 0; i < s->count; i++) ELBOW_TRY(reserve_lane(s, &s->lanes[i], s->first + i));
    s->has_lock = pthread_mutex_init(&s->lock, NULL) == 0 && pthread_cond_init(&s->asked, NULL) == 0 &&
                  pthread_cond_init(&s->read, NULL) == 0;
    ELBOW_CHECK(s->has_lock, ELBOW_MEMORY, "no memory for a lock; set data.memory = all");
    return start_thread(s);
}

elbow_status elbow_windows_create(elbow_windows **windows, const elbow_view *view,
                                  const elbow_order_spec *order, size_t first, size_t count) {
    *windows = NULL;
    elbow_windows *s = calloc(1, sizeof *s);
    ELBOW_CHECK(s != NULL, ELBOW_MEMORY, "no memory for the training set");
    s->view = *view;
    s->order = *order;
    s->first = first;
    s->count = count;
    s->ring = elbow_order_step_windows(order);
    elbow_status status = set_up(s);
    if (status != ELBOW_OK) elbow_windows_destroy(&s);
    *windows = s;
    return status;
}

void elbow_windows_destroy(elbow_windows **windows) {
    elbow_windows *s = *windows;
    if (s == NULL) return;
    if (s->has_thread) {
        pthread_mutex_lock(&s->lock);
        s->ending = true;
        pthread_cond_signal(&s->asked);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->thread, NULL);
    }
    if (s->has_lock) {
        pthread_cond_destroy(&s->read);
        pthread_cond_destroy(&s->asked);
        pthread_mutex_destroy(&s->lock);
    }
    elbow_arena_destroy(&s->arena);
    free(s);
    *windows = NULL;
}

size_t elbow_windows_bytes(const elbow_windows *windows) { return elbow_arena_bytes(windows->arena); }

/* ------------------------------------------------------------------------------------------ reader */

static elbow_status failure_of(elbow_windows *s) {
    return s->failure == ELBOW_OK ? ELBOW_OK : elbow_fail(s->failure, "%s", s->message);
}

elbow_status elbow_windows_status(elbow_windows *s) {
    pthread_mutex_lock(&s->lock);
    elbow_status status = failure_of(s);
    pthread_mutex_unlock(&s->lock);
    return status;
}

static void ask(elbow_windows *s, lane *of, uint64_t base) {
    if (of->base == base) return;
    of->base = base;
    pthread_cond_signal(&s->asked);
}

static const window *wait_for(elbow_windows *s, lane *of, uint64_t number) {
    const window *slot = &of->ring[number % s->ring];
    assert(number >= of->base && number - of->base < s->ring);
    while (slot->number != number && s->failure == ELBOW_OK) pthread_cond_wait(&s->read, &s->lock);
    return slot;
}

/* The window of a position, or the one before it: the short block, where it comes earlier, moves what follows. */
static uint64_t about(const elbow_windows *s, const lane *of, uint64_t epoch, size_t position) {
    uint64_t w = position / (s->order.window * (uint64_t)ELBOW_ORDER_BLOCK);
    return epoch * of->an_epoch + w;
}

/* Sets bases where nobody has asked before: all shards of a rank are at the same step. */
static void ask_for_all(elbow_windows *s, uint64_t epoch, size_t t) {
    for (lane *of = s->lanes; of < s->lanes + s->count; of++) {
        size_t first = 0, count = 0;
        elbow_order_step(&s->order, of->shard, t, &first, &count);
        if (of->base == NONE && count > 0) ask(s, of, about(s, of, epoch, first));
    }
}

/* Under the lock. */
static elbow_status find(elbow_windows *s, lane *of, uint64_t epoch, size_t first, size_t count,
                         elbow_pieces *pieces) {
    bool goes_on = of->next_epoch == epoch && of->next == first;
    ask(s, of, goes_on ? of->base : about(s, of, epoch, first));
    const window *slot = wait_for(s, of, of->base);
    if (s->failure == ELBOW_OK && first >= slot->first + slot->count) {
        ask(s, of, of->base + 1);
        slot = wait_for(s, of, of->base);
    }
    uint64_t number = of->base;
    for (size_t at = first; count > 0 && s->failure == ELBOW_OK; slot = wait_for(s, of, number)) {
        size_t within = at - slot->first, left = slot->count - within, some = count < left ? count : left;
        assert(at >= slot->first && within < slot->count);
        s->x[pieces->count] = (elbow_piece){slot->x, slot->permutation + within, 0, some};
        s->context[pieces->count++] = (elbow_piece){slot->context, slot->permutation + within, 0, some};
        at += some;
        count -= some;
        number += some == left;
        if (count == 0) break;
    }
    of->next_base = number;
    return failure_of(s);
}

elbow_status elbow_windows_find(elbow_windows *s, size_t shard, uint64_t epoch, size_t t,
                                elbow_pieces *pieces) {
    lane *of = &s->lanes[shard - s->first];
    size_t first = 0, count = 0;
    *pieces = (elbow_pieces){.x = s->x, .context = s->view.context == ELBOW_PARTS ? NULL : s->context};
    elbow_order_step(&s->order, shard, t, &first, &count);
    of->next_base = of->base;
    if (count == 0) return elbow_windows_status(s);
    pthread_mutex_lock(&s->lock);
    ask_for_all(s, epoch, t);
    elbow_status status = find(s, of, epoch, first, count, pieces);
    pthread_mutex_unlock(&s->lock);
    bool ends = first + count == of->examples;
    of->next_epoch = epoch + ends;
    of->next = ends ? 0 : first + count;
    if (status != ELBOW_OK) pieces->count = 0;
    return status;
}

void elbow_windows_release(elbow_windows *s, size_t shard) {
    lane *of = &s->lanes[shard - s->first];
    pthread_mutex_lock(&s->lock);
    ask(s, of, of->next_base);
    pthread_mutex_unlock(&s->lock);
}
