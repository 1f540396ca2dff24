/* The plan of an ordered exchange: where every value of the tree is, who adds what, and who sends it to whom. Made
 * once; exchange_ordered.c carries it out each step.
 *
 * Three levels of the tree: the nodes that a rank's own shards make, summed in its own blocks as its backward passes end;
 * the nodes that its group's ranks make together, summed part by part in the group's window, each part by one rank; and
 * the nodes above, summed by the part's owner.
 *
 *     group 0   rank 0: shards 0 1 2 → (0+1), 2 ┐
 *               rank 1: shards 3     → 3        ┴→ ((0+1)+(2+3))  ── part of an owner there ──▶ ┐
 *     group 1   rank 2: shards 4 5   → (4+5)    ┐                                               ├→ the sum, on its part
 *               rank 3: shards 6     → 6        ┴→ (4+5), 6       ── stays with an owner here ─▶ ┘
 *
 * A node with 2^l shards needs l + 1 blocks on its rank: one for the node, and l for right children, shared by all of the
 * rank's nodes. */
#ifndef ELBOW_SRC_PARALLEL_ORDERED_H
#define ELBOW_SRC_PARALLEL_ORDERED_H

#include <stdatomic.h>
#include <stdint.h>

#include "parallel/exchange_ops.h"
#include "parallel/tree.h"

/* A rank's shard, as its gradient is completed. */
typedef struct elbow_own_shard {
    size_t block;                     /* where it is accumulated */
    size_t additions, first_addition; /* how many to make then, and from where in own_additions */
} elbow_own_shard;

/* A part of the parameters on which this rank sums its group's gradients. */
typedef struct elbow_handled {
    size_t begin, end; /* parameters */
    int owner;         /* the rank that updates them; itself for its own part */
} elbow_handled;

/* What a rank tells its group: the step, in the upper 24 bits, and the parameter from which on, in that step, all its
 * gradients are complete. */
typedef _Atomic uint64_t elbow_mark;
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2,
               "marks are shared between processes: no lock of one's own will do");

typedef struct elbow_ordered {
    /* This rank's shards. */
    elbow_own_shard *shards;       /* (count) */
    elbow_addition *own_additions; /* over blocks */
    size_t own_nodes;              /* the maximal nodes, whose values are the first blocks */
    real **blocks;      /* gradients, (size) each: the nodes' in the window, right children's private */
    elbow_mark **marks; /* (group's size) every rank's */

    /* The group's nodes: values[i] is node i of its ranks, left to right, whole. cover[j] is the index of the value that
     * holds the group's maximal node j once the additions are made. */
    real **values;
    elbow_addition *additions;
    size_t addition_count;
    size_t *cover;
    size_t cover_count;
    elbow_handled *handled;    /* by growing parameters */
    size_t handled_count, own; /* the own part's index */

    /* All groups' maximal nodes, left to right, on this rank's part: its group's in the window, others' received. */
    real **top;
    size_t top_count;
    elbow_addition *top_additions;
    size_t top_addition_count;
    int *source, *tag; /* (top_count) who sends a value, −1 for the own group's; and which of its nodes */

    int *counts, *begins; /* (P) parts by rank, as MPI wants them */
    MPI_Request *requests, *receives;
    int request_count, receive_count;

    /* Of this rank's shard that is being completed, in whole blocks of parameters. */
    size_t complete; /* from here on it is */
    size_t added;    /* from here on its additions are made */
    size_t told;     /* parameters that are complete, wherever they are */

    uint64_t step;  /* of the marks */
    size_t mark;    /* of this rank in this step */
    size_t pending; /* parts [0, pending) of those handled are not summed yet in this step */
} elbow_ordered;

/* Bytes of this rank's segment of the window. */
size_t elbow_ordered_segment(const elbow_exchange *exchange);

/* exchange->state becomes the plan; parameters, owned_begin and owned_end are set. Local. */
elbow_status elbow_ordered_plan(elbow_exchange *exchange);

#endif
