/* The gradient exchange: S shards' gradients in, one summed gradient out, new parameters everywhere.
 *
 * The exchange owns the parameter block and the gradient blocks: layers see pointers. Ranks play consecutive
 * blocks of shards, rank r of P the shards [⌊rS/P⌋, ⌊(r+1)S/P⌋). A step is
 *
 *     elbow_exchange_begin_shard(x, s)     for each of this rank's shards in order: the block to add into, zeroed
 *     elbow_exchange_ready(x, s, b, e)     shard s's gradient is complete in [b, e): summing and sending may
 *                                          start while the backward pass goes on below b
 *     elbow_exchange_finish(x, &sum)       the sum over all shards, on the parameters that this rank owns
 *     … norm, clip, optimizer step on [owned_begin, owned_end) …
 *     elbow_exchange_publish(x)            the new parameters, on every rank
 *
 * Sum order. In an `ordered` exchange the sum is one binary tree over the shards, ((0+1)+(2+3))+…, whatever P
 * is. Node k of level l covers the shards [k·2^l, (k+1)·2^l) ∩ [0, S); its value is the sum of its children's,
 * or its left child's where the right one is empty. A rank's shards are covered by at most 2·log2 S maximal
 * nodes (see tree.h); it sums those itself and sends each to the owners of the parts, who finish the tree.
 * MPI only moves data. The `mpi` exchange is MPI_Iallreduce: its sum order is the library's.
 *
 * Ownership is by blocks of ELBOW_BLOCK parameters: reductions over parameters (norm, finiteness) are per
 * block, in double, then in block order, so that they too do not depend on P. */
#ifndef ELBOW_PARALLEL_EXCHANGE_H
#define ELBOW_PARALLEL_EXCHANGE_H

#include <stddef.h>

#include "elbow/base/error.h"
#include "elbow/base/real.h"
#include "elbow/parallel/world.h"

enum { ELBOW_BLOCK = 16384 }; /* parameters in a block of a reduction */

typedef struct elbow_exchange elbow_exchange;

/* `name` is a member of the family (ordered, mpi); size is the number of parameters. ELBOW_USAGE where
 * shards < ranks, with the mend. Collective. */
elbow_status elbow_exchange_create(elbow_exchange **exchange, const char *name, elbow_world *world,
                                   size_t shards, size_t size);
void elbow_exchange_destroy(elbow_exchange **exchange);

/* The shards that this rank plays, or rank r; and the parameters that this one owns. Local. */
void elbow_exchange_shards(const elbow_exchange *exchange, size_t *first, size_t *count);
void elbow_exchange_shards_of(const elbow_exchange *exchange, size_t rank, size_t *first, size_t *count);
void elbow_exchange_owned(const elbow_exchange *exchange, size_t *begin, size_t *end);

/* Rank r's part of reductions over the parameters: whole blocks, dealt evenly; within what it owns. Local. */
void elbow_exchange_part(const elbow_exchange *exchange, size_t rank, size_t *begin, size_t *end);

/* The parameter block (size), 64-byte aligned; written between steps only by their owner. Local. */
real *elbow_exchange_parameters(elbow_exchange *exchange);

/* Local (ready may start sends). A shard's ranges may come in any order and any sizes, each parameter once; for
 * `mpi` they are the same, in the same order, on every rank. */
real *elbow_exchange_begin_shard(elbow_exchange *exchange, size_t shard);
void elbow_exchange_ready(elbow_exchange *exchange, size_t shard, size_t begin, size_t end);

/* *sum points at the summed gradient of parameter owned_begin and holds owned_end − owned_begin values, until
 * the next step. The owner may change it in place. Collective. */
elbow_status elbow_exchange_finish(elbow_exchange *exchange, real **sum);
elbow_status elbow_exchange_publish(elbow_exchange *exchange);

/* Values of owned parameters (moments) to rank 0 and back, for checkpoints. `owned` points at the value of
 * parameter owned_begin; `full` (size) is used on rank 0 only. Collective. */
elbow_status elbow_exchange_gather(elbow_exchange *exchange, const real *owned, real *full);
elbow_status elbow_exchange_scatter(elbow_exchange *exchange, const real *full, real *owned);

/* Memory it holds on this rank, in bytes. Local. */
size_t elbow_exchange_bytes(const elbow_exchange *exchange);

#endif
