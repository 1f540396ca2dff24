#include "train/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/arena.h"

/* What a rank sends: flags, the seconds it has computed in this step, its share of the leaves' squares, then the terms of its
 * shards, then the square sums of its part's blocks:
 *
 *     [ flags | seconds | Σ |g_i|² | terms of shard first … | Σ g² of block … ]        doubles, and two integers of the third */
enum { LEAVES = 2, HEAD = LEAVES + sizeof(elbow_exact) / sizeof(double) };
_Static_assert(sizeof(elbow_exact) == 2 * sizeof(double), "it takes the place of whole doubles");
enum { TERMS = sizeof(elbow_terms) / sizeof(double) }; /* a struct of doubles: copied as such */

struct elbow_summary {
    elbow_arena *arena;
    double *own, *all;   /* this rank's, every rank's in rank order */
    size_t *bytes;       /* (ranks) */
    size_t *begins;      /* (ranks) where its doubles begin in `all` */
    size_t *shards;      /* (ranks) how many */
    size_t *blocks;      /* (ranks) how many */
    size_t *by_shard;    /* (ranks) in the order of their shards, … */
    size_t *by_block;    /* … and of their blocks */
    double *seconds;     /* (ranks) that each has computed, since elbow_summary_forget */
    int64_t counted;     /* steps in `seconds` */
    double *life;        /* (ranks) the same, of all steps */
    int64_t steps;       /* that have passed, … */
    double elapsed;      /* … in so many seconds */
    size_t first, ranks; /* this rank's first shard; ranks */
};

static size_t blocks_of(size_t parameters) { return (parameters + ELBOW_BLOCK - 1) / ELBOW_BLOCK; }

/* Ranks by growing key, equal ones by number. Heaps of ranks sort in no time next to what starting them takes. */
typedef struct keyed {
    size_t key, rank;
} keyed;

static int compare_keyed(const void *a, const void *b) {
    const keyed *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static void sort_ranks(size_t *order, keyed *keys, size_t ranks) {
    qsort(keys, ranks, sizeof *keys, compare_keyed);
    for (size_t i = 0; i < ranks; i++) order[i] = keys[i].rank;
}

elbow_status elbow_summary_create(elbow_summary **out, const elbow_run *run) {
    elbow_status status = ELBOW_OK;
    elbow_summary *s = calloc(1, sizeof *s);
    *out = NULL;
    ELBOW_CHECK(s != NULL, ELBOW_MEMORY, "no memory for the step's summary");
    s->ranks = (size_t)run->world->size;
    ELBOW_TRY_OR_DONE(elbow_arena_create(&s->arena));
    ELBOW_TRY_OR_DONE(elbow_arena_take(s->arena, s->ranks, sizeof *s->bytes, &s->bytes));
    ELBOW_TRY_OR_DONE(elbow_arena_take(s->arena, s->ranks, sizeof *s->shards, &s->shards));
    ELBOW_TRY_OR_DONE(elbow_arena_take(s->arena, s->ranks, sizeof *s->blocks, &s->blocks));
    ELBOW_TRY_OR_DONE(elbow_arena_take(s->arena, s->ranks, sizeof *s->begins, &s->begins));
    ELBOW_TRY_OR_DONE(elbow_arena_take(s->arena, s->ranks, sizeof *s->by_shard, &s->by_shard));
    ELBOW_TRY_OR_DONE(elbow_arena_take(s->arena, s->ranks, sizeof *s->by_block, &s->by_block));
    ELBOW_TRY_OR_DONE(elbow_arena_take(s->arena, s->ranks, sizeof *s->seconds, &s->seconds));
    ELBOW_TRY_OR_DONE(elbow_arena_take(s->arena, s->ranks, sizeof *s->life, &s->life));
    keyed *shard_keys = NULL, *block_keys = NULL;
    ELBOW_TRY_OR_DONE(elbow_arena_take(s->arena, s->ranks, sizeof *shard_keys, &shard_keys));
    ELBOW_TRY_OR_DONE(elbow_arena_take(s->arena, s->ranks, sizeof *block_keys, &block_keys));
    size_t total = 0;
    for (size_t r = 0; r < s->ranks; r++) {
        size_t begin = 0, end = 0, first = 0;
        elbow_exchange_part(run->exchange, r, &begin, &end);
        elbow_exchange_shards_of(run->exchange, r, &first, &s->shards[r]);
        s->blocks[r] = blocks_of(end - begin);
        s->bytes[r] = (HEAD + TERMS * s->shards[r] + s->blocks[r]) * sizeof(double);
        s->begins[r] = total / sizeof(double);
        total += s->bytes[r];
        shard_keys[r] = (keyed){first, r};
        block_keys[r] = (keyed){begin, r};
        if (r == (size_t)run->world->rank) s->first = first;
    }
    sort_ranks(s->by_shard, shard_keys, s->ranks);
    sort_ranks(s->by_block, block_keys, s->ranks);
    ELBOW_TRY_OR_DONE(elbow_arena_take(s->arena, s->bytes[run->world->rank], 1, &s->own));
    ELBOW_TRY_OR_DONE(elbow_arena_take(s->arena, total, 1, &s->all));
    *out = s;
    s = NULL;
done:
    elbow_summary_destroy(&s);
    return status;
}

void elbow_summary_destroy(elbow_summary **summary) {
    if (*summary == NULL) return;
    elbow_arena_destroy(&(*summary)->arena);
    free(*summary);
    *summary = NULL;
}

const double *elbow_summary_seconds(const elbow_summary *s) { return s->seconds; }

int64_t elbow_summary_steps(const elbow_summary *s) { return s->counted; }

void elbow_summary_forget(elbow_summary *s) {
    memset(s->seconds, 0, s->ranks * sizeof *s->seconds);
    s->counted = 0;
}

const double *elbow_summary_life(const elbow_summary *s, int64_t *steps, double *elapsed) {
    *steps = s->steps;
    *elapsed = s->elapsed;
    return s->life;
}

void elbow_summary_passed(elbow_summary *s, double seconds) {
    s->steps++;
    s->elapsed += seconds;
}

void elbow_summary_put_terms(elbow_summary *s, size_t shard, const elbow_terms *terms) {
    memcpy(s->own + HEAD + TERMS * (shard - s->first), terms, sizeof *terms);
}

size_t elbow_summary_suspects(const elbow_summary *s, size_t *first, int *rank) {
    size_t suspects = 0, shard = 0;
    for (size_t i = 0; i < s->ranks; i++) {
        size_t r = s->by_shard[i];
        elbow_terms terms;
        for (size_t k = 0; k < s->shards[r]; k++, shard++) {
            memcpy(&terms, s->all + s->begins[r] + HEAD + TERMS * k, sizeof terms);
            if (isfinite(terms.objective)) continue;
            if (suspects++ > 0) continue;
            *first = shard;
            *rank = (int)r;
        }
    }
    return suspects;
}

/* Σ (n_i / B)² over the leaves, of which i has n_i of the step's B examples. */
static double overlap_of(const elbow_run *run, size_t epoch_step, size_t examples) {
    double sum = 0;
    for (size_t leaf = 0; leaf < elbow_exchange_leaves(run->exchange); leaf++) {
        size_t shard = 0, shards = 0, first = 0, rows = 0, of_leaf = 0;
        elbow_exchange_leaf(run->exchange, leaf, &shard, &shards);
        for (size_t end = shard + shards; shard < end; shard++, of_leaf += rows)
            elbow_order_step(&run->order, shard, epoch_step, &first, &rows);
        double part = (double)of_leaf / (double)examples;
        sum += part * part;
    }
    return sum;
}

/* Labelled examples have another gradient, and are as many of each class: the step is no sample of one law, of which the leaves
 * could tell the variance. */
static elbow_noise noise_of(const elbow_run *run, double of_sum, double of_leaves, size_t epoch_step,
                            size_t examples) {
    if (run->view.labels > 0) return (elbow_noise){(double)NAN, (double)NAN};
    return elbow_noise_of_step(of_sum, of_leaves, (double)examples, overlap_of(run, epoch_step, examples));
}

elbow_status elbow_summary_agree(elbow_summary *s, elbow_run *run, unsigned flags, double seconds,
                                 const double *squares, elbow_step_report *report) {
    size_t rank = (size_t)run->world->rank, epoch_step = (size_t)(run->step % run->epoch_steps);
    elbow_exact share = elbow_exchange_leaf_squares(run->exchange), leaves = {0, 0};
    s->own[0] = (double)flags;
    s->own[1] = seconds;
    memcpy(s->own + LEAVES, &share, sizeof share);
    memcpy(s->own + HEAD + TERMS * s->shards[rank], squares, s->blocks[rank] * sizeof *squares);
    ELBOW_TRY(elbow_world_allgather(run->world, s->own, s->all, s->bytes));

    s->counted++;
    report->flags = 0;
    double square = 0, terms[TERMS] = {0};
    for (size_t i = 0; i < s->ranks; i++) {
        const double *at = s->all + s->begins[s->by_shard[i]];
        report->flags |= (unsigned)*at++;
        s->life[s->by_shard[i]] += *at;
        s->seconds[s->by_shard[i]] += *at++;
        memcpy(&share, at, sizeof share);
        elbow_exact_join(&leaves, share);
        at += HEAD - LEAVES;
        for (size_t shard = 0; shard < s->shards[s->by_shard[i]]; shard++)
            for (size_t t = 0; t < TERMS; t++) terms[t] += *at++;
    }
    for (size_t i = 0; i < s->ranks; i++) {
        size_t r = s->by_block[i];
        const double *at = s->all + s->begins[r] + HEAD + TERMS * s->shards[r];
        for (size_t block = 0; block < s->blocks[r]; block++) square += *at++;
    }
    memcpy(&report->terms, terms, sizeof terms);
    report->gradient_norm = sqrt(square);
    report->noise = noise_of(run, square, elbow_exact_value(leaves), epoch_step, report->examples);
    return ELBOW_OK;
}
