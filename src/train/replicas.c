#include "train/replicas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* What a rank says first. Every rank has the values; a hash of the parameters only who is the first of a replica. */
enum { STEP, TRAIN_ROWS, EVALUATION_ROWS, EVENT_ROWS, TEST_ROWS, BEST_STEP, BEST, VALUES };

static const char *const names[VALUES] = {
    [STEP] = "step",
    [TRAIN_ROWS] = "number of rows of /train",
    [EVALUATION_ROWS] = "number of rows of /evaluation",
    [EVENT_ROWS] = "number of rows of /events",
    [TEST_ROWS] = "number of rows of /test",
    [BEST_STEP] = "step of the best evaluation",
    [BEST] = "best evaluation",
};

typedef struct stamp {
    uint64_t values[VALUES];
    uint64_t hashed, hash; /* whether there is a hash of a replica; it */
} stamp;

/* A comparison, with room for all ranks. */
typedef struct comparison {
    elbow_run *run;
    size_t ranks, replicas,
        tensors;     /* hashed tensors of a replica: parameters, then moments where they are replicated too */
    stamp *stamps;   /* (ranks) */
    size_t *counts;  /* (ranks) bytes of a gather */
    uint64_t *votes; /* (ranks) */
    size_t *voters;  /* (ranks) whose votes[i] is */
    uint64_t *hashes; /* (tensors) this rank's */
} comparison;

bool elbow_replicas_due(const elbow_run *run) {
    int64_t every = run->options->parallel.check_every;
    return every > 0 && run->step % every == 0;
}

elbow_vote elbow_replicas_vote(const uint64_t *values, size_t count) {
    size_t one = 0, lead = 0, agree = 0, other = count;
    for (size_t i = 0; i < count; i++) { /* Boyer and Moore: pairs of different votes cancel */
        if (lead == 0) one = i;
        if (values[i] == values[one])
            lead++;
        else
            lead--;
    }
    for (size_t i = count; i-- > 0;)
        if (count > 0 && values[i] == values[one]) agree++;
    if (2 * agree <= count) one = agree = 0;
    for (size_t i = count; i-- > 0;) {
        if (values[i] != values[one]) other = i;
        if (values[i] == values[one] && i < one) one = i;
    }
    return (elbow_vote){agree, one, other};
}

/* ---------------------------------------------------------------------------------------- what there is */

static bool replicates_moments(const elbow_run *run) {
    return strcmp(run->options->parallel.allreduce, "mpi") == 0;
}

/* Padding between tensors is nobody's. */
static void hash_tensors(const elbow_params *params, const real *values, uint64_t *hashes) {
    for (size_t t = 0; t < params->tensor_count; t++)
        hashes[t] = XXH3_64bits(values + params->tensors[t].offset, params->tensors[t].count * sizeof(real));
}

static void hash_replica(const comparison *c, uint64_t *hashes) {
    const elbow_params *params = elbow_vae_params(c->run->vae);
    hash_tensors(params, elbow_exchange_parameters(c->run->exchange), hashes);
    for (size_t s = 0; c->tensors > (s + 1) * params->tensor_count; s++)
        hash_tensors(params, elbow_optimizer_slot(c->run->optimizer, s),
                     hashes + (s + 1) * params->tensor_count);
}

/* The t-th hashed tensor, in words. */
static void name_tensor(const comparison *c, size_t t, char *text, size_t room) {
    const elbow_params *params = elbow_vae_params(c->run->vae);
    size_t block = t / params->tensor_count;
    const char *tensor = params->tensors[t % params->tensor_count].name;
    if (block == 0)
        snprintf(text, room, "%s", tensor);
    else
        snprintf(text, room, "%s of %s", elbow_optimizer_slot_name(c->run->optimizer, block - 1), tensor);
}

static bool leads(const elbow_run *run) { return elbow_exchange_parameter_bytes(run->exchange) > 0; }

static stamp make_stamp(const comparison *c) {
    const elbow_run *run = c->run;
    stamp own = {.values = {[STEP] = (uint64_t)run->step,
                            [TRAIN_ROWS] = run->metrics.train.rows,
                            [EVALUATION_ROWS] = run->metrics.evaluation.rows,
                            [EVENT_ROWS] = run->metrics.events.rows,
                            [TEST_ROWS] = run->metrics.test.rows,
                            [BEST_STEP] = (uint64_t)run->best_step}};
    memcpy(&own.values[BEST], &run->best, sizeof run->best);
    own.hashed = c->replicas > 1 && leads(run);
    if (!own.hashed) return own;
    hash_replica(c, c->hashes);
    own.hash = XXH3_64bits(c->hashes, c->tensors * sizeof *c->hashes);
    return own;
}

/* `bytes` of every rank, in `all`. Collective. */
static elbow_status gather(const comparison *c, const void *own, void *all, size_t bytes) {
    for (size_t r = 0; r < c->ranks; r++) c->counts[r] = bytes;
    return elbow_world_allgather(c->run->world, own, all, c->counts);
}

/* ------------------------------------------------------------------------------------------ what is wrong */

enum { WORDS = 160 };

/* "rank 3 on node7", and for whom else it stands. */
static void name_rank(char text[WORDS], const char *hosts, size_t host_bytes, size_t rank) {
    snprintf(text, WORDS, "rank %zu on %.64s", rank, hosts + rank * host_bytes);
}

/* What every rank keeps for itself. */
static elbow_status fail_values(const comparison *c, const elbow_vote *vote, size_t v, const char *hosts,
                                size_t host_bytes) {
    char one[WORDS], other[WORDS];
    name_rank(one, hosts, host_bytes, vote->one);
    name_rank(other, hosts, host_bytes, vote->other);
    return elbow_fail(
        ELBOW_PARALLEL,
        "after step %lld: %s has another %s than %s%s. Memory or a core of a machine is faulty, or "
        "this is a bug of elbow; --resume %s goes on from the newest checkpoint",
        (long long)c->run->step, other, names[v], one, vote->agree > 1 ? " and most others" : "",
        c->run->directory);
}

/* Of two replicas, the first tensor that differs. Collective. */
static elbow_status find_tensor(const comparison *c, const elbow_vote *vote, char *text, size_t room) {
    size_t bytes = c->tensors * sizeof *c->hashes, at = 0;
    uint64_t *theirs[2] = {NULL, NULL};
    size_t ranks[2] = {c->voters[vote->one], c->voters[vote->other]};
    elbow_status status = ELBOW_OK;
    for (int i = 0; i < 2; i++) {
        theirs[i] = malloc(bytes);
        if (theirs[i] == NULL) status = elbow_fail(ELBOW_MEMORY, "no memory for the hashes of a replica");
    }
    ELBOW_TRY_OR_DONE(elbow_world_agree(c->run->world, status));
    for (int i = 0; i < 2; i++) {
        if (ranks[i] == (size_t)c->run->world->rank) memcpy(theirs[i], c->hashes, bytes);
        ELBOW_TRY_OR_DONE(elbow_world_broadcast(c->run->world, theirs[i], bytes, (int)ranks[i]));
    }
    while (at + 1 < c->tensors && theirs[0][at] == theirs[1][at]) at++;
    name_tensor(c, at, text, room);
done:
    free(theirs[0]);
    free(theirs[1]);
    return status;
}

static elbow_status fail_replicas(const comparison *c, const elbow_vote *vote, const char *hosts,
                                  size_t host_bytes) {
    char one[WORDS], other[WORDS], tensor[WORDS], who[8 * WORDS];
    const char *shared = c->replicas < c->ranks ? " (and of those that share its memory)" : "";
    size_t wrong = c->replicas - vote->agree;
    ELBOW_TRY(find_tensor(c, vote, tensor, sizeof tensor));
    name_rank(one, hosts, host_bytes, c->voters[vote->one]);
    name_rank(other, hosts, host_bytes, c->voters[vote->other]);
    if (vote->agree > 0)
        snprintf(who, sizeof who,
                 "the parameters of %s%s are not those of the other replicas (%zu of %zu agree), first in "
                 "%s. Memory, a "
                 "core or the network of that machine is faulty%s: run without it",
                 other, shared, vote->agree, c->replicas, tensor,
                 wrong > 1 ? ", and of others, for more than one differs" : "");
    else
        snprintf(who, sizeof who,
                 "the parameters of %s and of %s%s differ, first in %s. Memory, a core or the network of a "
                 "machine is "
                 "faulty, and %s replicas do not tell of which: test both",
                 one, other, shared, tensor, c->replicas == 2 ? "two" : "such");
    return elbow_fail(
        ELBOW_PARALLEL,
        "after step %lld: %s%s. Nothing of this was saved; --resume %s goes on from the newest "
        "checkpoint",
        (long long)c->run->step, who,
        replicates_moments(c->run)
            ? " (or MPI_Iallreduce gives ranks different sums: allreduce = ordered does not use it)"
            : "",
        c->run->directory);
}

/* Both votes; the first that is lost is the failure. Collective. */
static elbow_status judge(const comparison *c, const char *hosts, size_t host_bytes) {
    for (size_t v = 0; v < VALUES; v++) {
        for (size_t r = 0; r < c->ranks; r++) c->votes[r] = c->stamps[r].values[v];
        elbow_vote vote = elbow_replicas_vote(c->votes, c->ranks);
        if (vote.other < c->ranks) return fail_values(c, &vote, v, hosts, host_bytes);
    }
    size_t voters = 0;
    for (size_t r = 0; r < c->ranks; r++) {
        if (!c->stamps[r].hashed) continue;
        c->votes[voters] = c->stamps[r].hash;
        c->voters[voters++] = r;
    }
    elbow_vote vote = elbow_replicas_vote(c->votes, voters);
    return vote.other < voters ? fail_replicas(c, &vote, hosts, host_bytes) : ELBOW_OK;
}

static bool all_same(const comparison *c) {
    const stamp *hashed = NULL;
    for (size_t r = 0; r < c->ranks; r++) {
        const stamp *s = &c->stamps[r];
        if (memcmp(s->values, c->stamps[0].values, sizeof s->values) != 0) return false;
        if (!s->hashed) continue;
        if (hashed && s->hash != hashed->hash) return false;
        hashed = s;
    }
    return true;
}

static elbow_status compare(comparison *c) {
    const elbow_world *world = c->run->world;
    stamp own = make_stamp(c);
    ELBOW_TRY(gather(c, &own, c->stamps, sizeof own));
    if (all_same(c)) return ELBOW_OK;
    char *hosts = calloc(c->ranks, sizeof world->host);
    elbow_status status = elbow_world_agree(
        c->run->world, hosts ? ELBOW_OK : elbow_fail(ELBOW_MEMORY, "no memory for the names of hosts"));
    if (status == ELBOW_OK) status = gather(c, world->host, hosts, sizeof world->host);
    if (status == ELBOW_OK) status = judge(c, hosts, sizeof world->host);
    free(hosts);
    return status;
}

static elbow_status take_room(comparison *c) {
    c->stamps = calloc(c->ranks, sizeof *c->stamps);
    c->counts = calloc(c->ranks, sizeof *c->counts);
    c->votes = calloc(c->ranks, sizeof *c->votes);
    c->voters = calloc(c->ranks, sizeof *c->voters);
    c->hashes = calloc(c->tensors, sizeof *c->hashes);
    ELBOW_CHECK(c->stamps && c->counts && c->votes && c->voters && c->hashes, ELBOW_MEMORY,
                "no memory to compare %zu ranks", c->ranks);
    return ELBOW_OK;
}

elbow_status elbow_replicas_check(elbow_run *run) {
    size_t slots = replicates_moments(run) ? elbow_optimizer_slots(run->optimizer) : 0;
    if (run->world->size == 1 || run->checked_step == run->step) return ELBOW_OK;
    run->checked_step = run->step;
    comparison c = {
        .run = run,
        .ranks = (size_t)run->world->size,
        .replicas = elbow_exchange_replicas(run->exchange),
        .tensors = (1 + slots) * elbow_vae_params(run->vae)->tensor_count,
    };
    elbow_status status = elbow_world_agree(run->world, take_room(&c));
    if (status == ELBOW_OK) status = compare(&c);
    free(c.stamps);
    free(c.counts);
    free(c.votes);
    free(c.voters);
    free(c.hashes);
    return status;
}
