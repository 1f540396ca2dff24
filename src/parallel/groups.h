/* Who shares memory with whom, and the order in which ranks take the shards.
 *
 * Ranks are seated node by node, and in a node by their rank there; consecutive seats of a node form groups. Seats take
 * consecutive blocks of shards, so that a group covers few nodes of the tree whatever way a launcher deals ranks to
 * nodes. The bits of a run do not depend on who plays which shard. */
#ifndef ELBOW_SRC_PARALLEL_GROUPS_H
#define ELBOW_SRC_PARALLEL_GROUPS_H

#include "elbow/base/arena.h"
#include "parallel/comm.h"

typedef struct elbow_groups {
    size_t ranks, count;   /* P; groups */
    size_t *rank_of_seat;  /* (P) */
    size_t *seat_of_rank;  /* (P) */
    size_t *group_of_seat; /* (P) */
    size_t *first;         /* (count + 1): group g has the seats [first[g], first[g + 1]) */
    size_t seat, mine;     /* this rank's seat and group; … */
    size_t place, size;    /* … its place in the group, and how many that has */
    MPI_Comm group,
        leaders; /* the group's ranks by place; the first of every group by number, MPI_COMM_NULL on others */
} elbow_groups;

/* Groups of at most `most` ranks (0: all of a node). The arena holds the tables. Collective. */
elbow_status elbow_groups_create(elbow_groups *groups, elbow_world *world, size_t most, elbow_arena *arena);
void elbow_groups_destroy(elbow_groups *groups);

/* Group g's ranks in the world. Local. */
static inline size_t elbow_groups_size(const elbow_groups *groups, size_t g) {
    return groups->first[g + 1] - groups->first[g];
}
static inline size_t elbow_groups_rank(const elbow_groups *groups, size_t g, size_t place) {
    return groups->rank_of_seat[groups->first[g] + place];
}

#endif
