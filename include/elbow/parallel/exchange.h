/* The gradient exchange: S shards' gradients in, one summed gradient out, new parameters everywhere.
 *
 * The exchange owns the parameter block and the gradient blocks: layers see pointers. Ranks play consecutive
 * blocks of shards. A step is
 *
 *     elbow_exchange_begin_shard(x, s)     for each of this rank's shards in order: the block to add into, all zeros
 *     elbow_exchange_ready(x, s, b, e)     shard s's gradient is complete in [b, e): summing and sending may
 *                                          start while the backward pass goes on below b
 *     elbow_exchange_finish(x, &sum, &q)   the sum over all shards, on the parameters that this rank owns
 *     … norm, clip, optimizer step on [owned_begin, owned_end) …
 *     elbow_exchange_publish(x)            the new parameters, everywhere; or elbow_exchange_drop(x): as if the step
 *                                          had not been
 *
 * Sum order. In an `ordered` exchange the sum is one binary tree over the shards, ((0+1)+(2+3))+…, whatever P
 * is. Node k of level l covers the shards [k·2^l, (k+1)·2^l) ∩ [0, S); its value is the sum of its children's,
 * or its left child's where the right one is empty. MPI only moves data. The `mpi` exchange is MPI_Iallreduce in
 * buckets: its sum order is the library's.
 *
 * Groups. Ranks that share memory form a group (a node; or fewer ranks where spec.node_ranks says so): an `ordered`
 * exchange keeps one set of parameters for them, and their gradients, in a shared window of MPI-3, so that inside a
 * group nothing is copied: each rank adds up the others' gradients on its parts, in place. With spec.replica = rank,
 * or where the window does not fit into the node's shared memory (all ranks agree, and say so), every rank is a
 * group of its own, and messages do the same. The bits are the same either way.
 *
 * Ownership is by blocks of ELBOW_BLOCK parameters: reductions over parameters (norm, finiteness) are per
 * block, in double, then in block order, so that they too do not depend on P. */
#ifndef ELBOW_PARALLEL_EXCHANGE_H
#define ELBOW_PARALLEL_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "elbow/base/error.h"
#include "elbow/base/exact.h"
#include "elbow/base/real.h"
#include "elbow/parallel/world.h"

enum { ELBOW_BLOCK = 16384 }; /* parameters in a block of a reduction */

typedef struct elbow_exchange elbow_exchange;

typedef struct elbow_exchange_spec {
    const char *name;    /* a member of the family: ordered, mpi */
    const char *replica; /* ordered: node, rank: who has a set of parameters */
    size_t node_ranks;   /* ordered: at most so many ranks are a group; 0: all of a node */
    size_t shards, size; /* S; how many parameters */
} elbow_exchange_spec;

/* ELBOW_USAGE where shards < ranks, with the mend. Collective. */
elbow_status elbow_exchange_create(elbow_exchange **exchange, elbow_world *world,
                                   const elbow_exchange_spec *spec);
void elbow_exchange_destroy(elbow_exchange **exchange); /* Collective. */

/* The shards that this rank plays, or rank r; and the parameters that this one owns. Local. */
void elbow_exchange_shards(const elbow_exchange *exchange, size_t *first, size_t *count);
void elbow_exchange_shards_of(const elbow_exchange *exchange, size_t rank, size_t *first, size_t *count);
void elbow_exchange_owned(const elbow_exchange *exchange, size_t *begin, size_t *end);

/* Rank r's part of reductions over the parameters: whole blocks, dealt evenly; within what it owns. The parts of all
 * ranks tile the parameters, in any order. Local. */
void elbow_exchange_part(const elbow_exchange *exchange, size_t rank, size_t *begin, size_t *end);

/* The parameter block (size), 64-byte aligned; shared by a group. Only their owner writes them,
 * between elbow_exchange_finish and publish; and rank 0 all of them before elbow_exchange_spread, while nobody reads
 * them (after a barrier). Local. */
real *elbow_exchange_parameters(elbow_exchange *exchange);

/* All parameters as rank 0 has written them, everywhere. Collective. */
elbow_status elbow_exchange_spread(elbow_exchange *exchange);

/* Local (ready may start sends). A shard's ranges may come in any order and any sizes, each parameter once; for
 * `mpi` they are the same, in the same order, on every rank. What is sent early is what comes from the end. */
real *elbow_exchange_begin_shard(elbow_exchange *exchange, size_t shard);
void elbow_exchange_ready(elbow_exchange *exchange, size_t shard, size_t begin, size_t end);

/* *sum points at the summed gradient of parameter owned_begin and holds owned_end − owned_begin values, until
 * elbow_exchange_publish; the owner may change it in place, and must leave zeros there by then (elbow_optimizer_step
 * does): the next step's gradients are added to them. *squares are Σ g² of the blocks of this rank's part, in their
 * order (vector.h: elbow_square_sum). Collective. */
elbow_status elbow_exchange_finish(elbow_exchange *exchange, real **sum, const double **squares);
elbow_status elbow_exchange_publish(elbow_exchange *exchange);

/* The leaves of the sum: leaf i is the gradient of the shards [*first, *first + *count). In an `ordered` exchange a leaf is a
 * shard; in `mpi` what a rank has added up. Local. */
size_t elbow_exchange_leaves(const elbow_exchange *exchange);
void elbow_exchange_leaf(const elbow_exchange *exchange, size_t leaf, size_t *first, size_t *count);

/* Of the step that finish has ended, this rank's share of Σ |g_i|² over the leaves: the shares of all ranks, joined in any
 * order, are the sum, with the same bits for all ranks and groups that there may be. `ordered` takes the squares where a leaf
 * is read to be added, so they cost no pass of their own; of one leaf, which nothing is added to, there are none. Local. */
elbow_exact elbow_exchange_leaf_squares(const elbow_exchange *exchange);

/* In place of publish, where this step's sum is not to be used: zeros are left of it, whatever it holds (NaN too), no
 * parameter changes anywhere, and the next step may begin. What the owner has made of *sum does not matter; parameters it
 * must not have written. On return nobody of the group reads parameters any more, so that rank 0 may write and spread
 * others. Collective: all ranks, or none. */
elbow_status elbow_exchange_drop(elbow_exchange *exchange);

/* Values of owned parameters (moments) to rank 0 and back, for checkpoints. `owned` points at the value of
 * parameter owned_begin; `full` (size) is used on rank 0 only. Collective. */
elbow_status elbow_exchange_gather(elbow_exchange *exchange, const real *owned, real *full);
elbow_status elbow_exchange_scatter(elbow_exchange *exchange, const real *full, real *owned);

/* Sets of parameters there are: groups, or ranks. Memory it holds on this rank, its share of the window included, in
 * bytes; and what of it is a set of parameters: none where a rank uses another's. Local. */
size_t elbow_exchange_replicas(const elbow_exchange *exchange);
size_t elbow_exchange_bytes(const elbow_exchange *exchange);
size_t elbow_exchange_parameter_bytes(const elbow_exchange *exchange);

#endif
