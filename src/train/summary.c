#include "train/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "elbow/base/arena.h"
#include "math/vector.h"

/* What a rank sends: flags, then the terms of its shards, then the square sums of its part's blocks:
 *
 *     [ flags | terms of shard first … | Σ g² of block … ]        all doubles */
enum { TERMS = sizeof(elbow_terms) / sizeof(double) }; /* a struct of doubles: copied as such */

struct elbow_summary {
    elbow_arena *arena;
    double *own, *all;     /* this rank's, every rank's in rank order */
    size_t *bytes;         /* (ranks) */
    size_t *shards;        /* (ranks) how many */
    size_t *blocks;        /* (ranks) how many */
    size_t first, ranks;   /* this rank's first shard; ranks */
    size_t offset, length; /* of this rank's part in what it owns; parameters in the part */
};

static size_t blocks_of(size_t parameters) { return (parameters + ELBOW_BLOCK - 1) / ELBOW_BLOCK; }

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
    size_t total = 0, owned_begin = 0, owned_end = 0;
    elbow_exchange_owned(run->exchange, &owned_begin, &owned_end);
    for (size_t r = 0; r < s->ranks; r++) {
        size_t begin = 0, end = 0, first = 0;
        elbow_exchange_part(run->exchange, r, &begin, &end);
        elbow_exchange_shards_of(run->exchange, r, &first, &s->shards[r]);
        s->blocks[r] = blocks_of(end - begin);
        s->bytes[r] = (1 + TERMS * s->shards[r] + s->blocks[r]) * sizeof(double);
        total += s->bytes[r];
        if (r != (size_t)run->world->rank) continue;
        s->first = first;
        s->offset = begin - owned_begin;
        s->length = end - begin;
    }
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

void elbow_summary_put_terms(elbow_summary *s, size_t shard, const elbow_terms *terms) {
    memcpy(s->own + 1 + TERMS * (shard - s->first), terms, sizeof *terms);
}

elbow_status elbow_summary_agree(elbow_summary *s, elbow_run *run, unsigned flags, const real *gradient,
                                 elbow_step_report *report) {
    size_t rank = (size_t)run->world->rank;
    double *squares = s->own + 1 + TERMS * s->shards[rank];
    s->own[0] = (double)flags;
    for (size_t at = 0; at < s->length; at += ELBOW_BLOCK) {
        size_t count = s->length - at < ELBOW_BLOCK ? s->length - at : ELBOW_BLOCK;
        *squares++ = elbow_square_sum(gradient + s->offset + at, count);
    }
    ELBOW_TRY(elbow_world_allgather(run->world, s->own, s->all, s->bytes));

    report->flags = 0;
    double square = 0, terms[TERMS] = {0};
    const double *at = s->all;
    for (size_t r = 0; r < s->ranks; r++) {
        report->flags |= (unsigned)*at++;
        for (size_t shard = 0; shard < s->shards[r]; shard++)
            for (size_t i = 0; i < TERMS; i++) terms[i] += *at++;
        for (size_t block = 0; block < s->blocks[r]; block++) square += *at++;
    }
    memcpy(&report->terms, terms, sizeof terms);
    report->gradient_norm = sqrt(square);
    return ELBOW_OK;
}
