/* The ordered exchange: the same bits for every rank count, and for every way to group the ranks (ordered.h). */
#include <string.h>

#include "math/vector.h"
#include "parallel/ordered.h"

enum { PARAMETERS = 1 << 10, STEP_SHIFT = 40 }; /* the tag of published parts: above all nodes' */

static void barrier(elbow_exchange *exchange) {
    if (exchange->groups.size > 1) elbow_window_barrier(&exchange->window, exchange->groups.group);
}

/* Before the first shard of a step: receives are posted, and nothing is complete yet. */
static void begin_step(elbow_exchange *exchange, elbow_ordered *plan) {
    int owned = (int)(exchange->owned_end - exchange->owned_begin);
    plan->step++;
    plan->mark = exchange->size;
    plan->pending = plan->handled_count;
    plan->receive_count = plan->request_count = 0;
    exchange->leaf_squares = (elbow_exact){0, 0};
    for (size_t i = 0; i < plan->top_count && owned > 0; i++)
        if (plan->source[i] >= 0)
            MPI_Irecv(plan->top[i], owned, ELBOW_MPI_REAL, plan->source[i], plan->tag[i], exchange->comm,
                      &plan->receives[plan->receive_count++]);
}

/* values[to] += values[from] on `length` parameters from `begin` on, for each addition. Who reads a gradient last leaves
 * zeros, while it is in the cache, for the next to be added to. A leaf's squares are taken on the way: always of one block of
 * ELBOW_BLOCK parameters, whoever adds, so that their bits are everywhere the same. */
static void add_up(elbow_exact *squares, real *const *values, const elbow_addition *additions, size_t count,
                   size_t begin, size_t length) {
    for (size_t i = 0; i < count; i++) {
        const elbow_addition *a = &additions[i];
        double to = 0, from = 0;
        elbow_take(values[a->to] + begin, values[a->from] + begin, length, a->to_leaf ? &to : NULL,
                   a->from_leaf ? &from : NULL);
        elbow_exact_add(squares, to);
        elbow_exact_add(squares, from);
    }
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* The group's sum of a part that another group's rank owns, and its way there. */
static void send_part(elbow_exchange *exchange, elbow_ordered *plan, const elbow_handled *part) {
    for (size_t at = part->begin; at < part->end; at += ELBOW_BLOCK) /* block by block: sums stay in cache */
        add_up(&exchange->leaf_squares, plan->values, plan->additions, plan->addition_count, at,
               least(ELBOW_BLOCK, part->end - at));
    for (size_t n = 0; n < plan->cover_count; n++)
        MPI_Isend(plan->values[plan->cover[n]] + part->begin, (int)(part->end - part->begin), ELBOW_MPI_REAL,
                  part->owner, (int)n, exchange->comm, &plan->requests[plan->request_count++]);
}

/* Parts that lie at or above `limit` are complete on all ranks of the group: what is not ours leaves. */
static void send_parts(elbow_exchange *exchange, elbow_ordered *plan, size_t limit) {
    for (; plan->pending > 0 && plan->handled[plan->pending - 1].begin >= limit; plan->pending--) {
        const elbow_handled *part = &plan->handled[plan->pending - 1];
        if (plan->pending - 1 != plan->own) send_part(exchange, plan, part);
    }
}

/* The parameter from which on every rank of the group has completed its gradients in this step. */
static size_t complete_from(const elbow_exchange *exchange, const elbow_ordered *plan) {
    size_t limit = 0;
    uint64_t step = plan->step << STEP_SHIFT;
    for (size_t place = 0; place < exchange->groups.size; place++) {
        uint64_t mark = atomic_load_explicit(plan->marks[place], memory_order_acquire);
        size_t from = (mark ^ step) >> STEP_SHIFT == 0 ? (size_t)(mark ^ step) : exchange->size;
        if (from > limit) limit = from;
    }
    return limit;
}

/* The shard's additions on whole blocks that are complete. What comes out of order waits for the last of the shard. */
static void add_own(elbow_exchange *exchange, elbow_ordered *plan, const elbow_own_shard *own) {
    const elbow_addition *additions = plan->own_additions + own->first_addition;
    size_t from = plan->told == exchange->size ? 0 : plan->complete;
    from = least((from + ELBOW_BLOCK - 1) / ELBOW_BLOCK * ELBOW_BLOCK, exchange->size);
    for (size_t at = from; at < plan->added && own->additions > 0; at += ELBOW_BLOCK)
        add_up(&exchange->leaf_squares, plan->blocks, additions, own->additions, at,
               least(ELBOW_BLOCK, plan->added - at));
    plan->added = from;
}

/* Whatever of the shard nobody has spoken of. */
static void complete(elbow_exchange *exchange, elbow_ordered *plan, size_t shard) {
    plan->told = exchange->size;
    add_own(exchange, plan, &plan->shards[shard - exchange->first]);
}

static real *gradient(elbow_exchange *exchange, size_t shard) {
    elbow_ordered *plan = exchange->state;
    if (shard == exchange->first)
        begin_step(exchange, plan);
    else
        complete(exchange, plan, shard - 1);
    plan->complete = plan->added = exchange->size;
    plan->told = 0;
    return plan->blocks[plan->shards[shard - exchange->first].block];
}

static void ready(elbow_exchange *exchange, size_t shard, size_t begin, size_t end) {
    elbow_ordered *plan = exchange->state;
    plan->told += end - begin;
    if (end == plan->complete) plan->complete = begin;
    add_own(exchange, plan, &plan->shards[shard - exchange->first]);
    if (shard + 1 < exchange->first + exchange->count || plan->added == plan->mark ||
        exchange->groups.count == 1)
        return;
    plan->mark = plan->added;
    atomic_store_explicit(plan->marks[exchange->groups.place], plan->step << STEP_SHIFT | plan->mark,
                          memory_order_release);
    send_parts(exchange, plan, complete_from(exchange, plan));
    if (plan->request_count > 0) {
        int done = 0; /* or not: MPI gets on with what is under way */
        MPI_Testall(plan->request_count, plan->requests, &done, MPI_STATUSES_IGNORE);
        if (done) plan->request_count = 0;
    }
}

/* Zeros on a part whose sums have left, for the next step's gradients. */
static void clear(const elbow_ordered *plan, const elbow_handled *part) {
    for (size_t n = 0; n < plan->cover_count; n++)
        memset(plan->values[plan->cover[n]] + part->begin, 0, (part->end - part->begin) * sizeof(real));
}

static elbow_status finish(elbow_exchange *exchange, real **sum) {
    elbow_ordered *plan = exchange->state;
    size_t begin = exchange->owned_begin, owned = exchange->owned_end - begin;
    double *square = exchange->squares;
    complete(exchange, plan, exchange->first + exchange->count - 1);
    barrier(exchange);
    send_parts(exchange, plan, 0);
    MPI_Waitall(plan->receive_count, plan->receives, MPI_STATUSES_IGNORE);
    for (size_t at = 0; at < owned; at += ELBOW_BLOCK) {
        size_t count = least(ELBOW_BLOCK, owned - at);
        add_up(&exchange->leaf_squares, plan->values, plan->additions, plan->addition_count, begin + at,
               count);
        add_up(&exchange->leaf_squares, plan->top, plan->top_additions, plan->top_addition_count, at, count);
        *square++ = elbow_square_sum(plan->top[0] + at, count);
    }
    MPI_Waitall(plan->request_count, plan->requests, MPI_STATUSES_IGNORE);
    plan->request_count = 0;
    for (size_t h = 0; h < plan->handled_count; h++)
        if (h != plan->own)
            clear(plan, &plan->handled[h]); /* it has left; the own part's is the owner's to clear */
    *sum = plan->top[0];
    return ELBOW_OK;
}

/* Owners' new values to one rank of every other group, which is the one that sends them its sums. */
static elbow_status publish(elbow_exchange *exchange) {
    elbow_ordered *plan = exchange->state;
    const elbow_groups *groups = &exchange->groups;
    for (size_t h = 0; h < plan->handled_count; h++) {
        const elbow_handled *part = &plan->handled[h];
        if (h == plan->own || part->begin == part->end) continue;
        MPI_Irecv(exchange->parameters + part->begin, (int)(part->end - part->begin), ELBOW_MPI_REAL,
                  part->owner, PARAMETERS, exchange->comm, &plan->requests[plan->request_count++]);
    }
    for (size_t g = 0; g < groups->count && exchange->owned_begin < exchange->owned_end; g++) {
        if (g == groups->mine) continue;
        size_t place = groups->place % elbow_groups_size(groups, g);
        MPI_Isend(exchange->parameters + exchange->owned_begin,
                  (int)(exchange->owned_end - exchange->owned_begin), ELBOW_MPI_REAL,
                  (int)elbow_groups_rank(groups, g, place), PARAMETERS, exchange->comm,
                  &plan->requests[plan->request_count++]);
    }
    MPI_Waitall(plan->request_count, plan->requests, MPI_STATUSES_IGNORE);
    plan->request_count = 0;
    barrier(exchange);
    return ELBOW_OK;
}

/* All but the own part's sum is zero already. The sum may lie where another rank of the group adds its next gradient. */
static elbow_status drop(elbow_exchange *exchange) {
    const elbow_ordered *plan = exchange->state;
    memset(plan->top[0], 0, (exchange->owned_end - exchange->owned_begin) * sizeof(real));
    barrier(exchange);
    return ELBOW_OK;
}

static elbow_status spread(elbow_exchange *exchange) {
    if (exchange->groups.leaders != MPI_COMM_NULL)
        MPI_Bcast(exchange->parameters, (int)exchange->size, ELBOW_MPI_REAL, 0, exchange->groups.leaders);
    barrier(exchange);
    return ELBOW_OK;
}

static elbow_status gather(elbow_exchange *exchange, const real *owned, real *full) {
    elbow_ordered *plan = exchange->state;
    MPI_Gatherv(owned, plan->counts[exchange->world->rank], ELBOW_MPI_REAL, full, plan->counts, plan->begins,
                ELBOW_MPI_REAL, 0, exchange->comm);
    return ELBOW_OK;
}

static elbow_status scatter(elbow_exchange *exchange, const real *full, real *owned) {
    elbow_ordered *plan = exchange->state;
    MPI_Scatterv(full, plan->counts, plan->begins, ELBOW_MPI_REAL, owned, plan->counts[exchange->world->rank],
                 ELBOW_MPI_REAL, 0, exchange->comm);
    return ELBOW_OK;
}

const elbow_exchange_ops elbow_exchange_ordered = {
    .name = "ordered",
    .segment = elbow_ordered_segment,
    .create = elbow_ordered_plan,
    .spread = spread,
    .gradient = gradient,
    .ready = ready,
    .finish = finish,
    .publish = publish,
    .drop = drop,
    .gather = gather,
    .scatter = scatter,
};
